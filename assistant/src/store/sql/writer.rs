//! The lanes: commands that wait are committed together, a savepoint each.
//!
//! A command is a plain description and can be carried out again, so that what a restart of the database server or
//! another node's transaction undid is done anew, and callers notice nothing but a pause. Whether a `COMMIT` whose reply
//! was lost went through is asked of the server afterwards, never guessed.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use conversation::audit::AuditEntry;
use conversation::routing::HandoffRules;
use conversation::webhook::Hook;
use conversation::{AgentId, Clock, ConversationId, NodeSignal, Published, StoreError, Timestamp};
use parking_lot::{Mutex, RwLock};
use sqlx::AnyConnection;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::link::{Dial, Link, Trouble, is_shared};
use super::queue::Board;
use super::{audit, unavailable};
use crate::store::feed::Publisher;
use crate::store::postgres::outbox::{self, Committing};
use crate::vault::Vault;

/// Rules that may be replaced while the store works.
pub(in crate::store) type SharedRules = Arc<RwLock<Arc<HandoffRules>>>;

/// Receivers that may be replaced while the store works.
pub(in crate::store) type SharedHooks = Arc<RwLock<Arc<[Hook]>>>;

/// What lanes work with.
#[derive(Clone, Debug)]
pub(in crate::store) struct Common {
    pub(in crate::store) publisher: Arc<Publisher>,
    pub(in crate::store) vault: Arc<Vault>,
    pub(in crate::store) rules: SharedRules,
    pub(in crate::store) hooks: SharedHooks,
    pub(in crate::store) clock: Arc<dyn Clock>,
    pub(in crate::store) board: Arc<Board>,
}

impl Common {
    /// These conversations are erased: nothing of them stays in memory.
    pub(in crate::store) fn forget(&self, conversations: &[ConversationId]) {
        if !conversations.is_empty() {
            self.vault.forget(conversations);
            self.board.forget(conversations);
        }
    }

    pub(in crate::store) fn new(vault: Vault, clock: Arc<dyn Clock>) -> Self {
        Self {
            publisher: Arc::new(Publisher::new()),
            vault: Arc::new(vault),
            rules: SharedRules::default(),
            hooks: Arc::new(RwLock::new(Arc::from([]))),
            clock,
            board: Arc::default(),
        }
    }
}

/// Commands that may wait for a lane. When it is full the caller gets [`StoreError::Busy`] at once: at one fsync per
/// batch of [`BATCH`] this is seconds of work on a slow disk, and waiting longer would help nobody.
const WAITING: usize = 1_024;
/// Commands committed together at most, so that the first in a batch does not wait long for the last.
const BATCH: usize = 256;
/// For how long a transaction is tried again before its callers are told: a database server restarts in seconds.
const PATIENCE: Duration = Duration::from_secs(15);
/// Pauses between tries.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

/// Lets [`sqlx::Any`] know the databases. May be called any number of times.
pub fn install_drivers() {
    static ONCE: Once = Once::new();
    ONCE.call_once(sqlx::any::install_default_drivers);
}

/// What a command takes hold of. The rows of a batch are taken in this order by every node, so that no two wait for each
/// other; what is not in order here takes only rows that are free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::store) enum Subject {
    /// An account.
    Agent(AgentId),
    /// A conversation. Its commands keep their order.
    Conversation(ConversationId),
    /// Whatever is free.
    Sweep,
    /// The end of the audit trail.
    Trail,
}

/// Something that is written in one savepoint. It may be written again after what it did was undone.
#[async_trait]
pub(in crate::store) trait Write: Send + Sync + 'static {
    /// What the caller gets once it is durable.
    type Output: Send + 'static;

    /// What it takes hold of.
    fn subject(&self) -> Subject {
        Subject::Sweep
    }

    /// Writes it. An error undoes the whole savepoint.
    async fn write(&self, unit: &mut Unit<'_>) -> Result<Self::Output, StoreError>;
}

/// What a [`Write`] works with.
pub(in crate::store) struct Unit<'a> {
    /// Inside the savepoint.
    pub(in crate::store) connection: &'a mut AnyConnection,
    /// The moment of this command.
    pub(in crate::store) now: Timestamp,
    /// Seals and opens.
    pub(in crate::store) vault: &'a Vault,
    /// How conversations are handed over.
    pub(in crate::store) rules: &'a HandoffRules,
    /// Who is told what happens.
    pub(in crate::store) hooks: &'a [Hook],
    /// To be told after the commit.
    pub(in crate::store) news: News,
}

/// What a command leaves to be done at the end of the transaction and after it.
#[derive(Default)]
pub(in crate::store) struct News {
    pub(in crate::store) published: Vec<Published>,
    pub(in crate::store) queue_changed: bool,
    /// Their keys leave the memory.
    pub(in crate::store) erased: Vec<ConversationId>,
    /// For other nodes only.
    pub(in crate::store) signals: Vec<NodeSignal>,
    /// Appended to the audit trail in the same transaction, last of all: its end is one row for everybody.
    pub(in crate::store) audit: Vec<(Timestamp, AuditEntry)>,
}

/// Hands commands to the lanes.
#[derive(Debug)]
pub(in crate::store) struct Writer {
    lanes: Vec<LaneDoor>,
}

#[derive(Debug)]
struct LaneDoor {
    /// `None` once closed.
    jobs: Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts a lane per connection. `node`: how other nodes know what this one wrote.
    pub(in crate::store) fn start(
        connections: Vec<(Dial, Option<AnyConnection>)>,
        node: Option<&str>,
        common: &Common,
    ) -> Self {
        let lanes = connections.into_iter().map(|(dial, connection)| {
            let (jobs, waiting) = mpsc::channel(WAITING);
            let lane = Lane {
                link: Link::new(dial, connection),
                node: node.map(str::to_owned),
                common: common.clone(),
            };
            let task = tokio::spawn(lane.run(waiting));
            LaneDoor { jobs: Mutex::new(Some(jobs)), task: Mutex::new(Some(task)) }
        });
        Self { lanes: lanes.collect() }
    }

    /// Does it, and returns when it is durable.
    pub(in crate::store) async fn run<W: Write>(&self, write: W) -> Result<W::Output, StoreError> {
        let lane = self.lane_of(&write.subject());
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Pending { write, reply, output: None });
        {
            let jobs = lane.jobs.lock();
            let sender = jobs.as_ref().ok_or_else(closed)?;
            sender.try_send(job).map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => StoreError::Busy,
                mpsc::error::TrySendError::Closed(_) => closed(),
            })?;
        }
        answer.await.map_err(|_| closed())?
    }

    /// The same one for the same subject, so that its commands keep their order.
    fn lane_of(&self, subject: &Subject) -> &LaneDoor {
        let mut hasher = DefaultHasher::new();
        subject.hash(&mut hasher);
        let lanes = self.lanes.len() as u64;
        #[expect(clippy::cast_possible_truncation, reason = "less than the number of lanes")]
        let lane = hasher.finish().checked_rem(lanes).unwrap_or(0) as usize;
        &self.lanes[lane]
    }

    /// Lets the lanes finish what was accepted.
    pub(in crate::store) async fn close(&self) {
        for lane in &self.lanes {
            lane.jobs.lock().take();
        }
        for lane in &self.lanes {
            let task = lane.task.lock().take();
            if let Some(task) = task
                && let Err(error) = task.await
            {
                tracing::error!(%error, "the store's writer did not end well");
            }
        }
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store has closed".into())
}

/// What a job works with besides the connection.
struct Surroundings<'a> {
    vault: &'a Vault,
    rules: &'a HandoffRules,
    hooks: &'a [Hook],
    now: Timestamp,
}

/// A [`Write`] with its caller, whatever its output.
#[async_trait]
trait Job: Send {
    fn subject(&self) -> Subject;

    /// Writes, in a savepoint of its own unless it is `alone` in its transaction.
    async fn write(
        &mut self,
        connection: &mut AnyConnection,
        around: &Surroundings<'_>,
        alone: bool,
    ) -> Result<News, Failed>;

    /// Tells the caller, after the commit.
    fn committed(self: Box<Self>);

    /// Tells the caller that nothing was committed.
    fn failed(self: Box<Self>);
}

/// The transaction cannot go on.
struct Failed {
    cause: Box<dyn std::error::Error + Send + Sync>,
    trouble: Trouble,
    /// Where the commit was under way: how its outcome can be learnt, and its news.
    in_doubt: Option<(Committing, Vec<News>)>,
}

impl From<sqlx::Error> for Failed {
    fn from(error: sqlx::Error) -> Self {
        Self { trouble: Trouble::of(&error), cause: error.into(), in_doubt: None }
    }
}

impl Failed {
    fn because(cause: Box<dyn std::error::Error + Send + Sync>) -> Self {
        let trouble = cause.downcast_ref().map_or(Trouble::Other, Trouble::of);
        Self { cause, trouble, in_doubt: None }
    }
}

struct Pending<W: Write> {
    write: W,
    reply: oneshot::Sender<Result<W::Output, StoreError>>,
    output: Option<Result<W::Output, StoreError>>,
}

#[async_trait]
impl<W: Write> Job for Pending<W> {
    fn subject(&self) -> Subject {
        self.write.subject()
    }

    async fn write(
        &mut self,
        connection: &mut AnyConnection,
        around: &Surroundings<'_>,
        alone: bool,
    ) -> Result<News, Failed> {
        let Surroundings { vault, rules, hooks, now } = *around;
        if !alone {
            execute(connection, "SAVEPOINT command").await?;
        }
        let mut unit = Unit { connection: &mut *connection, now, vault, rules, hooks, news: News::default() };
        let output = self.write.write(&mut unit).await;
        let news = unit.news;
        match output {
            Ok(output) => {
                if !alone {
                    execute(connection, "RELEASE SAVEPOINT command").await?;
                }
                self.output = Some(Ok(output));
                Ok(news)
            }
            // After some failures (disk full, I/O) SQLite has rolled the whole transaction back by itself, and what
            // followed would be committed alone (https://www.sqlite.org/lang_transaction.html, section 3.1).
            Err(StoreError::Unavailable(error)) => Err(Failed::because(error)),
            Err(error) => {
                if alone {
                    execute(connection, "ROLLBACK").await?;
                    execute(connection, "BEGIN").await?;
                } else {
                    execute(connection, "ROLLBACK TO SAVEPOINT command").await?;
                    execute(connection, "RELEASE SAVEPOINT command").await?;
                }
                self.output = Some(Err(error));
                Ok(News::default())
            }
        }
    }

    fn committed(self: Box<Self>) {
        // A caller who went away is not told; what they asked for is durable all the same.
        if let Some(output) = self.output {
            let _ = self.reply.send(output);
        }
    }

    fn failed(self: Box<Self>) {
        let _ = self.reply.send(Err(StoreError::Unavailable("the transaction failed".into())));
    }
}

struct Lane {
    link: Link,
    node: Option<String>,
    common: Common,
}

impl Lane {
    /// Commits until there is nobody left who could send.
    ///
    /// There is no collecting delay: what arrives while a batch is being committed waits for exactly that long and
    /// makes the next batch, so that a lone command is not slowed and a crowd shares its fsyncs.
    async fn run(mut self, mut waiting: mpsc::Receiver<Box<dyn Job>>) {
        let mut batch = Vec::with_capacity(BATCH);
        while waiting.recv_many(&mut batch, BATCH).await > 0 {
            let (started, commands) = (Instant::now(), batch.len());
            // Stable: commands about the same keep their order.
            batch.sort_by_key(|job| job.subject());
            self.settle(&mut batch).await;
            metrics::histogram!("store_commit_seconds").record(started.elapsed().as_secs_f64());
            metrics::histogram!("store_commit_commands").record(commands as f64);
        }
        if let Err(error) = self.link.close().await {
            tracing::error!(%error, "the database did not close well");
        }
    }

    /// Commits a batch and tells whom it concerns.
    async fn settle(&mut self, batch: &mut Vec<Box<dyn Job>>) {
        match self.commit(batch).await {
            Ok(news) => self.tell_all(news, batch.drain(..)),
            // What stands in each other's way is done one by one.
            Err(Failed { trouble: Trouble::Conflict, .. }) if batch.len() > 1 => {
                for mut job in std::mem::take(batch) {
                    match self.commit(std::slice::from_mut(&mut job)).await {
                        Ok(news) => self.tell_all(news, std::iter::once(job)),
                        Err(failed) => give_up(&failed, std::iter::once(job)),
                    }
                }
            }
            Err(failed) => give_up(&failed, batch.drain(..)),
        }
    }

    /// Subscribers first, then callers: a caller that subscribed before sees its own events there.
    fn tell_all(&self, news: Vec<News>, jobs: impl Iterator<Item = Box<dyn Job>>) {
        for news in news {
            self.tell(news);
        }
        jobs.for_each(Job::committed);
    }

    /// Commits, with patience where trying again helps.
    async fn commit(&mut self, batch: &mut [Box<dyn Job>]) -> Result<Vec<News>, Failed> {
        let until = Instant::now() + PATIENCE;
        let mut pause = PAUSES.0;
        loop {
            let mut failed = match self.attempt(batch).await {
                Ok(news) => return Ok(news),
                Err(failed) => failed,
            };
            match failed.trouble {
                Trouble::Other => return Err(failed),
                Trouble::Conflict if batch.len() > 1 => return Err(failed),
                Trouble::Conflict => {}
                Trouble::Lost => self.link.lost(),
            }
            if let Some((transaction, news)) = failed.in_doubt.take() {
                match self.went_through(&transaction, until).await {
                    Some(true) => return Ok(news),
                    Some(false) => {}
                    None => return Err(failed),
                }
            }
            if Instant::now() >= until {
                return Err(failed);
            }
            tracing::warn!(cause = &*failed.cause, "the store tries again");
            metrics::counter!("store_retries_total").increment(1);
            tokio::time::sleep(pause).await;
            pause = PAUSES.1.min(pause * 2);
        }
    }

    /// Whether a transaction whose commit was not answered was committed; `None` where nobody can tell in time.
    async fn went_through(&mut self, transaction: &Committing, until: Instant) -> Option<bool> {
        loop {
            let asked = match self.link.get().await {
                Ok(connection) => outbox::status_of(connection, transaction).await,
                Err(error) => Err(error),
            };
            match asked {
                Ok(Some(outcome)) => return Some(outcome),
                // Still in progress: its server process has not noticed yet that we are gone.
                Ok(None) => {}
                Err(_) => self.link.lost(),
            }
            if Instant::now() >= until {
                return None;
            }
            tokio::time::sleep(PAUSES.1).await;
        }
    }

    async fn attempt(&mut self, batch: &mut [Box<dyn Job>]) -> Result<Vec<News>, Failed> {
        let written = self.write(batch).await;
        if let Err(failed) = &written
            && failed.trouble != Trouble::Lost
            && let Ok(connection) = self.link.get().await
        {
            // Where SQLite has rolled back by itself there is nothing left to roll back: that error says so, and is
            // what we want. Where it cannot roll back, the next BEGIN fails, and callers are told again.
            let _ = execute(connection, "ROLLBACK").await;
        }
        written
    }

    /// The transaction's statements are written out: sqlx counts the depth of its own transactions, and that count is
    /// wrong for ever once SQLite has rolled one back by itself.
    async fn write(&mut self, batch: &mut [Box<dyn Job>]) -> Result<Vec<News>, Failed> {
        let connection = self.link.get().await?;
        let shared = is_shared(connection);
        // Of several nodes each sees what was committed before its statement; rows that it depends on it has taken.
        execute(connection, if shared { "BEGIN ISOLATION LEVEL READ COMMITTED" } else { "BEGIN IMMEDIATE" })
            .await?;
        let mut news = Vec::with_capacity(batch.len());
        let rules = Arc::clone(&self.common.rules.read());
        let hooks = Arc::clone(&self.common.hooks.read());
        let alone = shared && batch.len() == 1;
        for job in batch {
            let around = Surroundings {
                vault: &self.common.vault,
                rules: &rules,
                hooks: &hooks,
                now: self.common.clock.now(),
            };
            news.push(job.write(connection, &around, alone).await?);
        }
        let records: Vec<_> = news.iter_mut().flat_map(|news| std::mem::take(&mut news.audit)).collect();
        audit::append(connection, &records).await.map_err(|error| match error {
            StoreError::Unavailable(cause) => Failed::because(cause),
            error => Failed::because(error.into()),
        })?;
        let Some(node) = &self.node else {
            execute(connection, "COMMIT").await?;
            return Ok(news);
        };
        let transaction = outbox::leave(connection, node, self.common.clock.now(), &news).await?;
        match (execute(connection, "COMMIT").await, transaction) {
            (Ok(()), _) => Ok(news),
            (Err(error), Some(transaction)) => {
                Err(Failed { in_doubt: Some((transaction, news)), ..Failed::from(error) })
            }
            // It wrote nothing.
            (Err(error), None) => Err(error.into()),
        }
    }

    fn tell(&self, news: News) {
        self.common.forget(&news.erased);
        for published in news.published {
            self.common.publisher.publish(published);
        }
        if news.queue_changed {
            self.common.publisher.queue_changed();
        }
    }
}

fn give_up(failed: &Failed, jobs: impl ExactSizeIterator<Item = Box<dyn Job>>) {
    let commands = jobs.len();
    tracing::error!(cause = &*failed.cause, commands, "the store could not commit; callers were told");
    jobs.for_each(Job::failed);
}

async fn execute(connection: &mut AnyConnection, statement: &'static str) -> Result<(), sqlx::Error> {
    sqlx::query(statement).execute(connection).await.map(drop)
}

/// Turns the database's failures into [`StoreError::Unavailable`].
pub(in crate::store) trait OrUnavailable<T> {
    fn or_unavailable(self) -> Result<T, StoreError>;
}

impl<T> OrUnavailable<T> for Result<T, sqlx::Error> {
    fn or_unavailable(self) -> Result<T, StoreError> {
        self.map_err(unavailable)
    }
}
