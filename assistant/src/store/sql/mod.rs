//! Conversations in SQL tables.
//!
//! ```text
//! callers ──bounded channel──► lane ──one transaction, a savepoint per command──► COMMIT (durable)
//!    ▲                                                                               │
//!    └─────────── replies, then subscribers are told ◄───────────────────────────────┘
//! callers ──► connections for reading (see what is committed)
//! ```
//!
//! SQLite has one lane, PostgreSQL several, each with a connection of its own; a conversation's commands always take the
//! same one. Every statement serves both databases (`$1` is a parameter in both); the few that differ say so where they
//! stand.

mod append;
mod audit;
pub(super) mod erase;
mod figures;
pub(super) mod folding;
mod handoff;
pub(super) mod keys;
pub(crate) mod link;
mod papers;
mod people;
pub(super) mod queue;
mod recordings;
mod rotate;
pub(super) mod rows;
mod signing;
mod sounds;
mod sweeps;
mod webhooks;
pub(crate) mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use async_trait::async_trait;
use conversation::routing::{AtDesk, HandoffRules, Presence};
use conversation::{
    AgentId, Append, Appended, ConversationId, ConversationState, Erasure, Event, Feed, NewConversation,
    NodeSignal, NodeSignalFeed, PlaceBehind, QueueFeed, QueueItem, Store, StoreError, Timestamp, TokenHash,
};
use sqlx::AnyPool;

pub use rotate::Rotated;

use super::postgres::Node;
use crate::vault::Vault;
use crate::vault::verify::{self, Keys, Report};
pub(super) use append::corrupt;
use queue::Which;
pub(super) use writer::OrUnavailable;
use writer::{Common, Writer};

/// A [`Store`] in SQL tables.
#[derive(Debug)]
pub struct SqlStore {
    pub(super) writer: Writer,
    pub(super) readers: AnyPool,
    pub(super) common: Common,
    pub(super) home: Home,
    /// The last erasure whose key is known to have left this process's memory; another process may have erased.
    pub(super) forgotten: AtomicI64,
}

/// Where the tables are.
#[derive(Debug)]
pub(super) enum Home {
    /// In one file, which this process alone serves.
    File(PathBuf),
    /// On a server, with other nodes beside this one.
    Server(Node),
}

impl SqlStore {
    /// What seals it.
    pub fn vault(&self) -> &Vault {
        &self.common.vault
    }

    /// Looks at everything that is kept, while others go on.
    ///
    /// # Errors
    /// Where the database cannot be read at all; what is wrong in it is in the report.
    pub async fn verify(&self, tell: &(dyn Fn(&str) + Sync)) -> Result<Report, StoreError> {
        let mut connection = self.reader().await?;
        verify::database(&mut connection, &self.common.vault, Keys::InDatabase, tell).await.or_unavailable()
    }

    /// The file, where it is one.
    pub fn path(&self) -> Option<&Path> {
        match &self.home {
            Home::File(path) => Some(path),
            Home::Server(_) => None,
        }
    }

    /// A file of this machine as the database names it. Nodes have files of their own.
    pub(super) fn name_of_place(&self, path: &Path) -> String {
        let path = absolute(path);
        match &self.home {
            Home::File(_) => path,
            Home::Server(node) => node.name_of_place(&path),
        }
    }

    /// The file of this machine that the database names so; `None` for another node's.
    pub(super) fn place_named<'a>(&self, name: &'a str) -> Option<&'a str> {
        match &self.home {
            Home::File(_) => Some(name),
            Home::Server(node) => node.place_named(name),
        }
    }

    async fn list(&self, which: Which) -> Result<Vec<QueueItem>, StoreError> {
        // Of another node's changes this one hears a moment later; whoever looks at a list sees them at once.
        if matches!(self.home, Home::Server(_)) {
            return queue::list(&self.readers, &self.common.vault, &self.common.board, which).await;
        }
        let open = self.open().await?;
        Ok(match which {
            Which::Waiting => open.waiting(),
            Which::Open => open.items.clone(),
            Which::HeldBy(agent) => open.held_by(agent),
        })
    }

    /// As this node knows them.
    async fn open(&self) -> Result<Arc<queue::Open>, StoreError> {
        let version = || self.common.publisher.queue_version();
        self.common.board.open(&self.readers, &self.common.vault, version).await
    }

    pub(super) async fn reader(&self) -> Result<sqlx::pool::PoolConnection<sqlx::Any>, StoreError> {
        self.readers.acquire().await.map_err(unavailable)
    }
}

/// A path as it is kept: the next process may run elsewhere.
pub(crate) fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).to_string_lossy().into_owned()
}

/// A failure of the database, without its particulars for whoever asked.
pub(super) fn unavailable(error: sqlx::Error) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}

#[async_trait]
impl Store for SqlStore {
    async fn create(&self, new: NewConversation) -> Result<ConversationState, StoreError> {
        self.writer.run(append::Create(new)).await
    }

    async fn find_by_token(&self, token: &TokenHash) -> Result<Option<ConversationState>, StoreError> {
        rows::state_by_token(&self.readers, &self.common.vault, token).await
    }

    async fn conversation_of_call(&self, call: &str) -> Result<Option<ConversationId>, StoreError> {
        rows::conversation_of_call(&self.readers, call).await
    }

    async fn conversation(&self, id: ConversationId) -> Result<Option<ConversationState>, StoreError> {
        rows::state(&mut *self.reader().await?, &self.common.vault, id).await
    }

    async fn append(&self, append: Append) -> Result<Appended, StoreError> {
        self.writer.run(append).await
    }

    async fn events_after(
        &self,
        conversation: ConversationId,
        seq: u64,
        limit: u32,
    ) -> Result<Vec<Event>, StoreError> {
        rows::events_after(&self.readers, &self.common.vault, conversation, seq, limit).await
    }

    async fn waiting(&self) -> Result<Vec<QueueItem>, StoreError> {
        self.list(Which::Waiting).await
    }

    async fn held_by(&self, agent: AgentId) -> Result<Vec<QueueItem>, StoreError> {
        self.list(Which::HeldBy(agent)).await
    }

    async fn queue_position(&self, conversation: ConversationId) -> Result<Option<u32>, StoreError> {
        Ok(self.open().await?.position(conversation))
    }

    async fn heartbeat(&self, agent: AgentId) -> Result<(), StoreError> {
        self.writer.run(people::Heartbeat(agent)).await
    }

    fn set_rules(&self, rules: HandoffRules) {
        *self.common.rules.write() = Arc::new(rules);
    }

    async fn open_escalations(&self) -> Result<Vec<QueueItem>, StoreError> {
        self.list(Which::Open).await
    }

    async fn at_desk(&self) -> Result<Vec<AtDesk>, StoreError> {
        handoff::at_desk(&mut *self.reader().await?).await
    }

    async fn set_presence(&self, agent: AgentId, presence: Presence) -> Result<(), StoreError> {
        self.writer.run(handoff::SetPresence { agent, presence }).await
    }

    async fn route(&self) -> Result<Vec<(ConversationId, AgentId)>, StoreError> {
        self.writer.run(handoff::Route).await
    }

    async fn do_what_is_due(&self) -> Result<Vec<ConversationId>, StoreError> {
        self.writer.run(handoff::Due).await
    }

    async fn release_lost_agents(&self, silent_since: Timestamp) -> Result<Vec<ConversationId>, StoreError> {
        self.writer.run(sweeps::ReleaseLost { silent_since }).await
    }

    async fn close_idle(&self, quiet_since: Timestamp) -> Result<Vec<ConversationId>, StoreError> {
        self.writer.run(sweeps::CloseIdle { quiet_since }).await
    }

    async fn delete_closed(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.writer.run(sweeps::DeleteClosed { before }).await
    }

    async fn erase(&self, erasure: Erasure) -> Result<bool, StoreError> {
        self.writer.run(erase::Erase(erasure)).await
    }

    async fn settle_erasures(&self) -> Result<Vec<PlaceBehind>, StoreError> {
        erase::settle(self).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1 FROM conversations LIMIT 1")
            .fetch_optional(&self.readers)
            .await
            .map_err(unavailable)?;
        self.writer.run(sweeps::Nothing).await
    }

    fn subscribe(&self, conversation: ConversationId) -> Box<dyn Feed> {
        self.common.publisher.subscribe(conversation)
    }

    fn subscribe_all(&self) -> Box<dyn Feed> {
        self.common.publisher.subscribe_all()
    }

    fn subscribe_queue(&self) -> Box<dyn QueueFeed> {
        self.common.publisher.subscribe_queue()
    }

    async fn signal(&self, signal: NodeSignal) -> Result<(), StoreError> {
        match self.home {
            Home::File(_) => Ok(()),
            Home::Server(_) => self.writer.run(sweeps::Tell(signal)).await,
        }
    }

    fn subscribe_signals(&self) -> Box<dyn NodeSignalFeed> {
        self.common.publisher.subscribe_signals()
    }

    async fn close(&self) {
        // Readers first: the writer's connection, closing last, folds the write-ahead log into the file.
        self.readers.close().await;
        self.writer.close().await;
        if let Home::Server(node) = &self.home {
            node.stop();
        }
        self.common.publisher.close();
    }
}
