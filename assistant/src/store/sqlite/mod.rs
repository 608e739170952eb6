//! The tables in one SQLite file: the default, for one machine.
//!
//! `synchronous=FULL` makes `COMMIT` return only after the write-ahead log is on disk (`fsync`), and every reply waits
//! for that return: what a caller is told, power loss does not undo.

pub(crate) mod copying;
pub(crate) mod opening;

use std::path::Path;
use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use conversation::{Clock, StoreError};
use sqlx::any::AnyConnectOptions;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AnyConnection, ConnectOptions as _, Connection as _};

use super::sql::link::Dial;
use super::sql::writer::{Common, Writer, install_drivers};
use super::sql::{Home, absolute, folding, keys};
use super::{OpenError, SqlStore};
use crate::vault::KeySource;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations/sqlite");

/// Connections that read at the same time; reads are short, and two cores serve no more.
const READERS: u32 = 4;
/// How long a connection waits for another process (the command line beside a running server) to finish writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

impl SqlStore {
    /// Opens a file, creates it where it is missing, brings its tables up to date and seals what an earlier version
    /// left plain. Must be called inside a tokio runtime: the writer is a task of it.
    ///
    /// A source without a master key is given its first one, unless the file holds something that is sealed already.
    ///
    /// # Errors
    /// [`OpenError`], whose text names the file.
    pub async fn open_file(
        path: &Path,
        source: Box<dyn KeySource>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        install_drivers();
        let database = path.display().to_string();
        let open = |source| OpenError::Open { database: database.clone(), source };
        let mut connection = options(path).connect().await.map_err(open)?;
        check_durable(&database, &mut connection).await?;
        MIGRATIONS
            .run(&mut connection)
            .await
            .map_err(|source| OpenError::Migrate { database: database.clone(), source })?;
        connection.close().await.map_err(open)?;
        let write = dial(&options(path)).map_err(open)?;
        let mut connection = write.connect().await.map_err(open)?;
        let vault = keys::open_vault(&database, &mut connection, source, &absolute).await?;
        opening::seal_what_is_plain(&database, &mut connection, &vault).await?;
        folding::fold_anew(&database, &mut connection, &vault).await?;
        let readers =
            dial(&options(path).read_only(true)).map_err(open)?.pool(READERS).await.map_err(open)?;
        let lanes = vec![(write, Some(connection))];
        let common = Common::new(vault, clock);
        let writer = Writer::start(lanes, None, &common);
        let (home, forgotten) = (Home::File(path.to_owned()), AtomicI64::new(0));
        Ok(Self { writer, readers, common, home, forgotten })
    }
}

fn dial(options: &SqliteConnectOptions) -> Result<Dial, sqlx::Error> {
    Ok(Dial::sqlite(AnyConnectOptions::from_str(options.to_url_lossy().as_str())?))
}

/// The version of the tables that this program makes.
pub(crate) fn newest_schema() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// How connections to the file are made that speak SQLite's own dialect.
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

/// Makes the tables of a new file.
pub(crate) async fn make_tables(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    MIGRATIONS.run(connection).await.map_err(|error| StoreError::Unavailable(error.into()))
}

/// A connection for statements that serve both databases.
pub(crate) async fn connect(options: SqliteConnectOptions) -> Result<AnyConnection, sqlx::Error> {
    install_drivers();
    dial(&options)?.connect().await
}

async fn check_durable(database: &str, connection: &mut SqliteConnection) -> Result<(), OpenError> {
    let open = |source| OpenError::Open { database: database.to_owned(), source };
    let journal: String =
        sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *connection).await.map_err(open)?;
    let synchronous: i64 =
        sqlx::query_scalar("PRAGMA synchronous").fetch_one(connection).await.map_err(open)?;
    // 2 is FULL (https://www.sqlite.org/pragma.html#pragma_synchronous).
    if journal == "wal" && synchronous == 2 {
        return Ok(());
    }
    Err(OpenError::NotDurable {
        database: database.to_owned(),
        found: format!("journal_mode={journal}, synchronous={synchronous}"),
        advice: "network file systems often cannot have a write-ahead log: use a local disk",
    })
}
