//! Conversations in one SQLite file: the default, for one machine.
//!
//! ```text
//! callers ──bounded channel──► writer task ──one transaction, a savepoint per command──► COMMIT (WAL, fsync)
//!    ▲                                                                                        │
//!    └───────────── replies, then subscribers are told ◄──────────────────────────────────────┘
//! callers ──► read-only connections (see what is committed)
//! ```
//!
//! `synchronous=FULL` makes `COMMIT` return only after the write-ahead log is on disk (`fsync`), and every reply waits
//! for that return: what a caller is told, power loss does not undo.

mod append;
mod audit;
pub(crate) mod copying;
mod erase;
mod folding;
mod handoff;
mod keys;
pub(crate) mod opening;
mod people;
mod rotate;
mod rows;
mod sweeps;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use async_trait::async_trait;
use conversation::routing::{AtDesk, HandoffRules, Presence};
use conversation::{
    AgentId, Append, Appended, Clock, ConversationId, ConversationState, Erasure, Event, Feed,
    NewConversation, PlaceBehind, QueueFeed, QueueItem, Store, StoreError, Timestamp, TokenHash,
};
use sqlx::ConnectOptions as _;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};

pub use rotate::Rotated;

use super::feed::Publisher;
use crate::vault::{KeyError, KeyId, KeySource, Vault};
use writer::{SharedRules, Writer};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations/sqlite");

/// Connections that read at the same time; reads are short, and two cores serve no more.
const READERS: u32 = 4;
/// How long a connection waits for another process (the command line beside a running server) to finish writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The file cannot be used as a store.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be opened or created.
    #[error("the database {path} cannot be opened")]
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// Its tables cannot be brought up to date.
    #[error("the tables of {path} cannot be brought up to date")]
    Migrate {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: MigrateError,
    },
    /// The file system cannot do what durability needs; network file systems often cannot.
    #[error(
        "{path} cannot use a write-ahead log with full synchronisation (it says {found}); use a local disk"
    )]
    NotDurable {
        /// Which.
        path: PathBuf,
        /// What SQLite chose instead.
        found: String,
    },
    /// The conversations cannot be opened without their master key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The file holds keys that another master key wrapped.
    #[error(
        "{path} was sealed with the master key {master}, which is not in {source_of_keys}; put it back from your copy"
    )]
    WrongKey {
        /// Which.
        path: PathBuf,
        /// The key that is missing.
        master: KeyId,
        /// Where keys were looked for.
        source_of_keys: String,
    },
    /// What an earlier version left plain cannot be sealed.
    #[error("the conversations of {path} cannot be sealed")]
    Seal {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: StoreError,
    },
}

/// A [`Store`] in one SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    writer: Writer,
    readers: SqlitePool,
    publisher: Arc<Publisher>,
    vault: Arc<Vault>,
    rules: SharedRules,
    clock: Arc<dyn Clock>,
    path: PathBuf,
    /// The last erasure whose key is known to have left this process's memory; another process may have erased.
    forgotten: AtomicI64,
}

impl SqliteStore {
    /// Opens the file, creates it where it is missing, brings its tables up to date and seals what an earlier version
    /// left plain. Must be called inside a tokio runtime: the writer is a task of it.
    ///
    /// A source without a master key is given its first one, unless the file holds something that is sealed already.
    ///
    /// # Errors
    /// [`OpenError`], whose text names the file.
    pub async fn open(
        path: &Path,
        keys: Box<dyn KeySource>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let open = |source| OpenError::Open { path: path.to_owned(), source };
        let options = options(path);
        let mut connection = options.connect().await.map_err(open)?;
        check_durable(path, &mut connection).await?;
        MIGRATIONS
            .run(&mut connection)
            .await
            .map_err(|source| OpenError::Migrate { path: path.to_owned(), source })?;
        let vault = Arc::new(opening::vault(path, &mut connection, keys).await?);
        opening::seal_what_is_plain(path, &mut connection, &vault).await?;
        folding::fold_anew(path, &mut connection, &vault).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.clone().read_only(true))
            .await
            .map_err(open)?;
        let publisher = Arc::new(Publisher::new());
        let rules = SharedRules::default();
        let writer = Writer::start(
            connection,
            Arc::clone(&publisher),
            Arc::clone(&vault),
            Arc::clone(&rules),
            Arc::clone(&clock),
        );
        let forgotten = AtomicI64::new(0);
        Ok(Self { writer, readers, publisher, vault, rules, clock, path: path.to_owned(), forgotten })
    }
}

/// The version of the tables that this program makes.
pub(crate) fn newest_schema() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// How every connection to the file is made.
pub(crate) fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        // What is erased is overwritten, not just forgotten.
        .pragma("secure_delete", "ON")
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging()
}

async fn check_durable(path: &Path, connection: &mut SqliteConnection) -> Result<(), OpenError> {
    let open = |source| OpenError::Open { path: path.to_owned(), source };
    let journal: String =
        sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *connection).await.map_err(open)?;
    let synchronous: i64 =
        sqlx::query_scalar("PRAGMA synchronous").fetch_one(connection).await.map_err(open)?;
    // 2 is FULL (https://www.sqlite.org/pragma.html#pragma_synchronous).
    if journal == "wal" && synchronous == 2 {
        return Ok(());
    }
    let found = format!("journal_mode={journal}, synchronous={synchronous}");
    Err(OpenError::NotDurable { path: path.to_owned(), found })
}

/// A failure of the database, without its particulars for whoever asked.
fn unavailable(error: sqlx::Error) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}

#[async_trait]
impl Store for SqliteStore {
    async fn create(&self, new: NewConversation) -> Result<ConversationState, StoreError> {
        self.writer.run(append::Create(new)).await
    }

    async fn find_by_token(&self, token: &TokenHash) -> Result<Option<ConversationState>, StoreError> {
        rows::state_by_token(&self.readers, &self.vault, token).await
    }

    async fn conversation(&self, id: ConversationId) -> Result<Option<ConversationState>, StoreError> {
        rows::state(&mut *self.reader().await?, &self.vault, id).await
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
        rows::events_after(&self.readers, &self.vault, conversation, seq, limit).await
    }

    async fn waiting(&self) -> Result<Vec<QueueItem>, StoreError> {
        rows::waiting(&self.readers, &self.vault).await
    }

    async fn held_by(&self, agent: AgentId) -> Result<Vec<QueueItem>, StoreError> {
        rows::held_by(&self.readers, &self.vault, agent).await
    }

    async fn queue_position(&self, conversation: ConversationId) -> Result<Option<u32>, StoreError> {
        rows::queue_position(&self.readers, conversation).await
    }

    async fn heartbeat(&self, agent: AgentId) -> Result<(), StoreError> {
        self.writer.run(people::Heartbeat(agent)).await
    }

    fn set_rules(&self, rules: HandoffRules) {
        *self.rules.write() = Arc::new(rules);
    }

    async fn open_escalations(&self) -> Result<Vec<QueueItem>, StoreError> {
        rows::open_escalations(&self.readers, &self.vault).await
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
        self.publisher.subscribe(conversation)
    }

    fn subscribe_all(&self) -> Box<dyn Feed> {
        self.publisher.subscribe_all()
    }

    fn subscribe_queue(&self) -> Box<dyn QueueFeed> {
        self.publisher.subscribe_queue()
    }

    async fn close(&self) {
        // Readers first: the writer's connection, closing last, folds the write-ahead log into the file.
        self.readers.close().await;
        self.writer.close().await;
        self.publisher.close();
    }
}

impl SqliteStore {
    async fn reader(&self) -> Result<sqlx::pool::PoolConnection<sqlx::Sqlite>, StoreError> {
        self.readers.acquire().await.map_err(unavailable)
    }
}
