//! Who is typing or speaking right now: passed between the portal and the desk, never stored.

use conversation::ConversationId;
use tokio::sync::broadcast;

/// Somebody is about to say something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typing {
    /// The agent who has the conversation.
    Agent(ConversationId),
    /// The citizen.
    Citizen(ConversationId),
}

/// Passes [`Typing`] on. Cheap to clone; one per process.
#[derive(Clone, Debug)]
pub struct TypingHub {
    /// Bounded: when a receiver is more than this many behind it misses the oldest, which nobody will notice.
    sender: broadcast::Sender<Typing>,
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
        let _ = self.sender.send(typing);
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
    receiver: broadcast::Receiver<Typing>,
}

impl TypingFeed {
    /// The next one; `None` when the hub is gone. Cancel-safe.
    pub async fn next(&mut self) -> Option<Typing> {
        loop {
            match self.receiver.recv().await {
                Ok(typing) => return Some(typing),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}
