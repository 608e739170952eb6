//! The one writer: commands that wait are committed together.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use conversation::routing::HandoffRules;
use conversation::{Clock, ConversationId, Published, StoreError, Timestamp};
use parking_lot::{Mutex, RwLock};
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::unavailable;
use crate::store::feed::Publisher;
use crate::vault::Vault;

/// Rules that may be replaced while the store works.
pub(super) type SharedRules = Arc<RwLock<Arc<HandoffRules>>>;

/// Commands that may wait. When it is full the caller gets [`StoreError::Busy`] at once: at one fsync per batch of
/// [`BATCH`] this is seconds of work on a slow disk, and waiting longer would help nobody.
const WAITING: usize = 1_024;
/// Commands committed together at most, so that the first in a batch does not wait long for the last.
const BATCH: usize = 256;

/// Something that is written in one savepoint.
#[async_trait]
pub(super) trait Write: Send + Sync + 'static {
    /// What the caller gets once it is durable.
    type Output: Send + 'static;

    /// Writes it. An error undoes the whole savepoint.
    async fn write(&self, unit: &mut Unit<'_>) -> Result<Self::Output, StoreError>;
}

/// What a [`Write`] works with.
pub(super) struct Unit<'a> {
    /// Inside the savepoint.
    pub(super) connection: &'a mut SqliteConnection,
    /// The moment of this command.
    pub(super) now: Timestamp,
    /// Seals and opens.
    pub(super) vault: &'a Vault,
    /// How conversations are handed over.
    pub(super) rules: &'a HandoffRules,
    /// To be told after the commit.
    pub(super) news: News,
}

/// What subscribers are told after the commit.
#[derive(Default)]
pub(super) struct News {
    pub(super) published: Vec<Published>,
    pub(super) queue_changed: bool,
    /// Their keys leave the memory.
    pub(super) erased: Vec<ConversationId>,
}

/// Hands commands to the writer task.
#[derive(Debug)]
pub(super) struct Writer {
    /// `None` once closed.
    jobs: Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub(super) fn start(
        connection: SqliteConnection,
        publisher: Arc<Publisher>,
        vault: Arc<Vault>,
        rules: SharedRules,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (jobs, waiting) = mpsc::channel(WAITING);
        let task = tokio::spawn(WriterTask { connection, publisher, vault, rules, clock }.run(waiting));
        Self { jobs: Mutex::new(Some(jobs)), task: Mutex::new(Some(task)) }
    }

    /// Does it, and returns when it is durable.
    pub(super) async fn run<W: Write>(&self, write: W) -> Result<W::Output, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Pending { write, reply, output: None });
        {
            let jobs = self.jobs.lock();
            let sender = jobs.as_ref().ok_or_else(closed)?;
            sender.try_send(job).map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => StoreError::Busy,
                mpsc::error::TrySendError::Closed(_) => closed(),
            })?;
        }
        answer.await.map_err(|_| closed())?
    }

    /// Lets the writer finish what was accepted.
    pub(super) async fn close(&self) {
        self.jobs.lock().take();
        let task = self.task.lock().take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the store's writer did not end well");
        }
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store has closed".into())
}

/// A [`Write`] with its caller, whatever its output.
#[async_trait]
trait Job: Send {
    /// Writes in a savepoint of its own. An error here is the whole batch's: the transaction cannot go on.
    async fn write(
        &mut self,
        batch: &mut SqliteConnection,
        vault: &Vault,
        rules: &HandoffRules,
        now: Timestamp,
    ) -> Result<News, BatchFailed>;

    /// Tells the caller, after the commit.
    fn committed(self: Box<Self>);

    /// Tells the caller that nothing was committed.
    fn failed(self: Box<Self>);
}

/// The transaction cannot go on.
#[derive(Debug, thiserror::Error)]
#[error("the batch cannot be committed")]
struct BatchFailed(#[source] Box<dyn std::error::Error + Send + Sync>);

impl From<sqlx::Error> for BatchFailed {
    fn from(error: sqlx::Error) -> Self {
        Self(error.into())
    }
}

struct Pending<W: Write> {
    write: W,
    reply: oneshot::Sender<Result<W::Output, StoreError>>,
    output: Option<Result<W::Output, StoreError>>,
}

#[async_trait]
impl<W: Write> Job for Pending<W> {
    async fn write(
        &mut self,
        batch: &mut SqliteConnection,
        vault: &Vault,
        rules: &HandoffRules,
        now: Timestamp,
    ) -> Result<News, BatchFailed> {
        execute(batch, "SAVEPOINT command").await?;
        let mut unit = Unit { connection: &mut *batch, now, vault, rules, news: News::default() };
        let output = self.write.write(&mut unit).await;
        let news = unit.news;
        match output {
            Ok(output) => {
                execute(batch, "RELEASE command").await?;
                self.output = Some(Ok(output));
                Ok(news)
            }
            // After some failures (disk full, I/O) SQLite has rolled the whole transaction back by itself, and what
            // followed would be committed alone (https://www.sqlite.org/lang_transaction.html, section 3.1).
            Err(StoreError::Unavailable(error)) => Err(BatchFailed(error)),
            Err(error) => {
                execute(batch, "ROLLBACK TO command").await?;
                execute(batch, "RELEASE command").await?;
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

struct WriterTask {
    connection: SqliteConnection,
    publisher: Arc<Publisher>,
    vault: Arc<Vault>,
    rules: SharedRules,
    clock: Arc<dyn Clock>,
}

impl WriterTask {
    /// Commits until there is nobody left who could send.
    ///
    /// There is no collecting delay: what arrives while a batch is being committed waits for exactly that long and
    /// makes the next batch, so that a lone command is not slowed and a crowd shares its fsyncs.
    async fn run(mut self, mut waiting: mpsc::Receiver<Box<dyn Job>>) {
        let mut batch = Vec::with_capacity(BATCH);
        while waiting.recv_many(&mut batch, BATCH).await > 0 {
            let (started, commands) = (Instant::now(), batch.len());
            match self.commit(&mut batch).await {
                Ok(news) => {
                    // Subscribers first, then callers: a caller that subscribed before sees its own events there.
                    for news in news {
                        self.tell(news);
                    }
                    batch.drain(..).for_each(Job::committed);
                }
                Err(error) => {
                    let cause = error.0;
                    tracing::error!(
                        cause = &*cause,
                        commands,
                        "the store could not commit; callers were told"
                    );
                    batch.drain(..).for_each(Job::failed);
                }
            }
            metrics::histogram!("store_commit_seconds").record(started.elapsed().as_secs_f64());
            metrics::histogram!("store_commit_commands").record(commands as f64);
        }
        if let Err(error) = self.connection.close().await {
            tracing::error!(%error, "the database did not close well");
        }
    }

    async fn commit(&mut self, batch: &mut [Box<dyn Job>]) -> Result<Vec<News>, BatchFailed> {
        let written = self.write(batch).await;
        if written.is_err() {
            // Where SQLite has rolled back by itself there is nothing left to roll back: that error says so, and is
            // what we want. Where it cannot roll back, the next BEGIN fails, and callers are told again.
            let _ = execute(&mut self.connection, "ROLLBACK").await;
        }
        written
    }

    /// The transaction's statements are written out: sqlx counts the depth of its own transactions, and that count is
    /// wrong for ever once SQLite has rolled one back by itself.
    async fn write(&mut self, batch: &mut [Box<dyn Job>]) -> Result<Vec<News>, BatchFailed> {
        execute(&mut self.connection, "BEGIN IMMEDIATE").await?;
        let mut news = Vec::with_capacity(batch.len());
        let rules = Arc::clone(&self.rules.read());
        for job in batch {
            news.push(job.write(&mut self.connection, &self.vault, &rules, self.clock.now()).await?);
        }
        execute(&mut self.connection, "COMMIT").await?;
        Ok(news)
    }

    fn tell(&self, news: News) {
        if !news.erased.is_empty() {
            self.vault.forget(&news.erased);
        }
        for published in news.published {
            self.publisher.publish(published);
        }
        if news.queue_changed {
            self.publisher.queue_changed();
        }
    }
}

async fn execute(connection: &mut SqliteConnection, statement: &'static str) -> Result<(), sqlx::Error> {
    sqlx::query(statement).execute(connection).await.map(drop)
}

/// Turns the database's failures into [`StoreError::Unavailable`].
pub(super) trait OrUnavailable<T> {
    fn or_unavailable(self) -> Result<T, StoreError>;
}

impl<T> OrUnavailable<T> for Result<T, sqlx::Error> {
    fn or_unavailable(self) -> Result<T, StoreError> {
        self.map_err(unavailable)
    }
}
