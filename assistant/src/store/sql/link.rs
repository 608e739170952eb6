//! Connections, of either database.

use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, AnyPool, ConnectOptions as _, Connection as _, Executor as _};

/// A server that does not answer is tried again after so long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// A reader waits for a connection no longer than this.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// What each connection is told first. Set per connection, so that nothing depends on how a server was set up.
const SQLITE: &str = "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON; \
                      PRAGMA busy_timeout = 5000";
/// The time-outs free the locks of a node that died in the middle of a transaction without its connection being closed.
const POSTGRES: &str = "SET synchronous_commit = on; SET statement_timeout = '20s'; SET lock_timeout = '10s'; \
                        SET idle_in_transaction_session_timeout = '20s'; SET client_min_messages = warning";

/// How connections are made.
#[derive(Clone, Debug)]
pub(crate) struct Dial {
    options: AnyConnectOptions,
    first: &'static str,
    /// Whether a connection that has lain idle may be dead: those to a server are tried before they are used.
    remote: bool,
}

impl Dial {
    pub(crate) fn sqlite(options: AnyConnectOptions) -> Self {
        Self { options: options.disable_statement_logging(), first: SQLITE, remote: false }
    }

    pub(crate) fn postgres(options: AnyConnectOptions) -> Self {
        Self { options: options.disable_statement_logging(), first: POSTGRES, remote: true }
    }

    pub(crate) async fn connect(&self) -> Result<AnyConnection, sqlx::Error> {
        let connecting = async {
            let mut connection = self.options.connect().await?;
            connection.execute(self.first).await?;
            Ok(connection)
        };
        tokio::time::timeout(CONNECT_TIMEOUT, connecting).await.unwrap_or_else(|_| {
            Err(sqlx::Error::Io(std::io::Error::new(
                std::io::ErrorKind::TimedOut,
                "the database server does not answer",
            )))
        })
    }

    /// Connections for reading.
    pub(crate) async fn pool(&self, size: u32) -> Result<AnyPool, sqlx::Error> {
        let first = self.first;
        AnyPoolOptions::new()
            .max_connections(size)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(self.remote)
            .after_connect(move |connection, _| {
                Box::pin(async move { connection.execute(first).await.map(drop) })
            })
            .connect_with(self.options.clone())
            .await
    }
}

/// A connection that is made anew where it was lost.
pub(in crate::store) struct Link {
    dial: Dial,
    open: Option<AnyConnection>,
}

impl Link {
    pub(in crate::store) fn new(dial: Dial, connection: Option<AnyConnection>) -> Self {
        Self { dial, open: connection }
    }

    pub(in crate::store) async fn get(&mut self) -> Result<&mut AnyConnection, sqlx::Error> {
        let connection = match self.open.take() {
            Some(connection) => connection,
            None => self.dial.connect().await?,
        };
        Ok(self.open.insert(connection))
    }

    /// The connection cannot be used any more.
    pub(in crate::store) fn lost(&mut self) {
        self.open = None;
    }

    pub(in crate::store) async fn close(self) -> Result<(), sqlx::Error> {
        match self.open {
            Some(connection) => connection.close().await,
            None => Ok(()),
        }
    }
}

/// Whether several writers work on this database at once, so that rows have to be locked.
pub(crate) fn is_shared(connection: &AnyConnection) -> bool {
    connection.backend_name() == "PostgreSQL"
}

/// A statement that takes the rows it reads until the transaction ends, where there is more than one writer.
macro_rules! taking {
    ($connection:expr, $sql:expr, $lock:literal) => {
        if $crate::store::sql::link::is_shared($connection) { concat!($sql, " ", $lock) } else { $sql }
    };
}
pub(super) use taking;

/// Why a transaction did not go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The connection is gone: of the server, which starts again, or of the way to it.
    Lost,
    /// Another transaction stood in the way, and nothing was done.
    Conflict,
    /// Trying again would not help.
    Other,
}

impl Trouble {
    /// Codes: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
    pub(super) fn of(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => Self::Lost,
            sqlx::Error::Database(error) => match error.code().as_deref() {
                // serialization_failure, deadlock_detected, lock_not_available
                Some("40001" | "40P01" | "55P03") => Self::Conflict,
                // admin_shutdown, crash_shutdown, cannot_connect_now, idle_in_transaction_session_timeout,
                // too_many_connections
                Some("57P01" | "57P02" | "57P03" | "25P03" | "53300") => Self::Lost,
                Some(code) if code.starts_with("08") => Self::Lost,
                _ => Self::Other,
            },
            _ => Self::Other,
        }
    }
}
