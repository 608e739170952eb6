//! Tells subscribers what was committed.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use conversation::{ConversationId, Feed, Lagged, NodeSignal, NodeSignalFeed, Published, QueueFeed};
use parking_lot::Mutex;
use tokio::sync::{broadcast, watch};

/// How many commits a subscriber to one conversation may be behind. One that is further behind is told [`Lagged`] and
/// reads the log again: the writer never waits for anybody.
const CONVERSATION_BACKLOG: usize = 32;
/// As [`CONVERSATION_BACKLOG`], for subscribers to all conversations.
const DESK_BACKLOG: usize = 1_024;

/// What a channel carries.
#[derive(Clone, Debug)]
enum Commit {
    Published(Published),
    /// Something was committed that could not be read.
    Missed,
}

type Subscribers = Mutex<HashMap<ConversationId, broadcast::Sender<Commit>>>;

/// Tells subscribers what was committed. Commits of one lane arrive in their order; those of other lanes and other nodes may
/// come before or after them, or twice. Subscribers know by `seq` what they have.
#[derive(Debug)]
pub(crate) struct Publisher {
    /// One channel per conversation that somebody is attached to, so that a commit wakes only those it concerns.
    conversations: Arc<Subscribers>,
    /// `None` once the store has closed; dropping the senders ends every feed.
    desk: Mutex<Option<DeskChannels>>,
}

#[derive(Debug)]
struct DeskChannels {
    all: broadcast::Sender<Commit>,
    queue: watch::Sender<u64>,
    signals: broadcast::Sender<NodeSignal>,
}

impl Publisher {
    pub(crate) fn new() -> Self {
        let desk = DeskChannels {
            all: broadcast::channel(DESK_BACKLOG).0,
            queue: watch::channel(0).0,
            signals: broadcast::channel(DESK_BACKLOG).0,
        };
        Self { conversations: Arc::default(), desk: Mutex::new(Some(desk)) }
    }

    /// Tells everybody whom it concerns. Nobody listening is fine, which is the only error there is.
    pub(crate) fn publish(&self, published: Published) {
        let subscriber = self.conversations.lock().get(&published.conversation).cloned();
        if let Some(subscriber) = subscriber {
            let _ = subscriber.send(Commit::Published(published.clone()));
        }
        if let Some(desk) = &*self.desk.lock() {
            let _ = desk.all.send(Commit::Published(published));
        }
    }

    pub(crate) fn queue_changed(&self) {
        if let Some(desk) = &*self.desk.lock() {
            desk.queue.send_modify(|version| *version += 1);
        }
    }

    /// Grows with every change of what waits that this process knows of.
    pub(crate) fn queue_version(&self) -> u64 {
        self.desk.lock().as_ref().map_or(0, |desk| *desk.queue.borrow())
    }

    pub(crate) fn subscribe(&self, conversation: ConversationId) -> Box<dyn Feed> {
        if self.desk.lock().is_none() {
            return Box::new(WholeFeed(broadcast::channel(1).1));
        }
        let receiver = self
            .conversations
            .lock()
            .entry(conversation)
            .or_insert_with(|| broadcast::channel(CONVERSATION_BACKLOG).0)
            .subscribe();
        let subscribers = Arc::clone(&self.conversations);
        Box::new(ConversationFeed { receiver: Some(receiver), conversation, subscribers })
    }

    pub(crate) fn subscribe_all(&self) -> Box<dyn Feed> {
        let receiver = self.desk.lock().as_ref().map(|desk| desk.all.subscribe());
        Box::new(WholeFeed(receiver.unwrap_or_else(|| broadcast::channel(1).1)))
    }

    pub(crate) fn subscribe_queue(&self) -> Box<dyn QueueFeed> {
        let receiver = self.desk.lock().as_ref().map(|desk| desk.queue.subscribe());
        Box::new(QueueTicks(receiver.unwrap_or_else(|| watch::channel(0).1)))
    }

    /// Whether anybody here would hear of it.
    pub(crate) fn is_wanted(&self, conversation: ConversationId) -> bool {
        self.conversations.lock().contains_key(&conversation)
            || self.desk.lock().as_ref().is_some_and(|desk| desk.all.receiver_count() > 0)
    }

    /// Everybody reads the log again.
    pub(crate) fn all_missed_some(&self) {
        for subscriber in self.conversations.lock().values() {
            let _ = subscriber.send(Commit::Missed);
        }
        if let Some(desk) = &*self.desk.lock() {
            let _ = desk.all.send(Commit::Missed);
            desk.queue.send_modify(|version| *version += 1);
        }
    }

    /// Tells what another node told.
    pub(crate) fn signal(&self, signal: NodeSignal) {
        if let Some(desk) = &*self.desk.lock() {
            let _ = desk.signals.send(signal);
        }
    }

    pub(crate) fn subscribe_signals(&self) -> Box<dyn NodeSignalFeed> {
        let receiver = self.desk.lock().as_ref().map(|desk| desk.signals.subscribe());
        Box::new(Signals(receiver.unwrap_or_else(|| broadcast::channel(1).1)))
    }

    /// Ends every feed.
    pub(crate) fn close(&self) {
        self.desk.lock().take();
        self.conversations.lock().clear();
    }
}

struct ConversationFeed {
    /// `None` only while it is being dropped.
    receiver: Option<broadcast::Receiver<Commit>>,
    conversation: ConversationId,
    subscribers: Arc<Subscribers>,
}

#[async_trait]
impl Feed for ConversationFeed {
    async fn next(&mut self) -> Result<Option<Published>, Lagged> {
        match &mut self.receiver {
            Some(receiver) => next(receiver).await,
            None => Ok(None),
        }
    }
}

impl Drop for ConversationFeed {
    fn drop(&mut self) {
        let mut subscribers = self.subscribers.lock();
        self.receiver = None;
        if subscribers.get(&self.conversation).is_some_and(|sender| sender.receiver_count() == 0) {
            subscribers.remove(&self.conversation);
        }
    }
}

struct WholeFeed(broadcast::Receiver<Commit>);

#[async_trait]
impl Feed for WholeFeed {
    async fn next(&mut self) -> Result<Option<Published>, Lagged> {
        next(&mut self.0).await
    }
}

async fn next(receiver: &mut broadcast::Receiver<Commit>) -> Result<Option<Published>, Lagged> {
    match receiver.recv().await {
        Ok(Commit::Published(published)) => Ok(Some(published)),
        Ok(Commit::Missed) | Err(broadcast::error::RecvError::Lagged(_)) => Err(Lagged),
        Err(broadcast::error::RecvError::Closed) => Ok(None),
    }
}

struct Signals(broadcast::Receiver<NodeSignal>);

#[async_trait]
impl NodeSignalFeed for Signals {
    async fn next(&mut self) -> Option<NodeSignal> {
        loop {
            match self.0.recv().await {
                Ok(signal) => return Some(signal),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

struct QueueTicks(watch::Receiver<u64>);

#[async_trait]
impl QueueFeed for QueueTicks {
    async fn changed(&mut self) -> bool {
        self.0.changed().await.is_ok()
    }
}
