//! Who is typing or speaking right now, what it looks like, and what has reached the citizen: passed between the portal and the desk.

use std::sync::Arc;

use conversation::ConversationId;
use kb::EntryId;
use tokio::sync::broadcast;

/// Somebody is about to say something, or what was said has arrived.
#[derive(Clone, Debug, PartialEq)]
pub enum Typing {
    /// The agent who has the conversation.
    Agent(ConversationId),
    /// The citizen.
    Citizen(ConversationId),
    /// What the citizen is writing looks like these, best first, each with how probably it is meant.
    Foreseen(ConversationId, Arc<[(EntryId, f32)]>),
    /// What an agent wrote has gone out to the citizen, who is connected: the place of its event.
    Delivered(ConversationId, u64),
    /// … and has been on their screen.
    Seen(ConversationId, u64),
}

/// Where somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Here,
    /// At another node, which has told those at others.
    Elsewhere,
}

/// Passes [`Typing`] on. Cheap to clone; one per process.
#[derive(Clone, Debug)]
pub struct TypingHub {
    /// Bounded: when a receiver is more than this many behind it misses the oldest, which nobody will notice.
    sender: broadcast::Sender<(Typing, Origin)>,
}

impl TypingHub {
    /// How many a slow receiver may be behind.
    const CAPACITY: usize = 256;

    /// A hub that nobody listens to yet.
    pub fn new() -> Self {
        Self { sender: broadcast::channel(Self::CAPACITY).0 }
    }

    /// Tells everybody who listens; nobody listening is fine.
    pub fn tell(&self, typing: Typing) {
        // The only error is that there is no receiver.
        let _ = self.sender.send((typing, Origin::Here));
    }

    /// As [`Self::tell`], of somebody at another node.
    pub fn tell_from_elsewhere(&self, typing: Typing) {
        let _ = self.sender.send((typing, Origin::Elsewhere));
    }

    /// Listens from now on.
    pub fn listen(&self) -> TypingFeed {
        TypingFeed { receiver: self.sender.subscribe() }
    }
}

impl Default for TypingHub {
    fn default() -> Self {
        Self::new()
    }
}

/// What a [`TypingHub`] passes on.
#[derive(Debug)]
pub struct TypingFeed {
    receiver: broadcast::Receiver<(Typing, Origin)>,
}

impl TypingFeed {
    /// The next one; `None` when the hub is gone. Cancel-safe.
    pub async fn next(&mut self) -> Option<Typing> {
        self.receive().await.map(|(typing, _)| typing)
    }

    /// The next one of somebody at this node; as [`Self::next`].
    pub async fn next_from_here(&mut self) -> Option<Typing> {
        loop {
            match self.receive().await? {
                (typing, Origin::Here) => return Some(typing),
                (_, Origin::Elsewhere) => {}
            }
        }
    }

    async fn receive(&mut self) -> Option<(Typing, Origin)> {
        loop {
            match self.receiver.recv().await {
                Ok(told) => return Some(told),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}
