//! The tables on a PostgreSQL server (version 13 or newer), when one machine is outgrown: several nodes serve one queue.
//!
//! - Every node works on every conversation. A command takes the row of its conversation (`FOR UPDATE`); what looks for
//!   work (offers, what is due, retention) takes only rows that are free (`SKIP LOCKED`), so that nodes share it.
//! - What a node commits it leaves in the [`outbox`] in the same transaction, and every other node looks there several
//!   times a second: a citizen on one node and an agent on another talk to each other.
//! - A node that dies leaves nothing behind but its transaction, which the server undoes. Its citizens and agents come
//!   back to another node and go on from the last event they saw.

mod dispatcher;
pub(crate) mod outbox;

use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use conversation::Clock;
use sqlx::any::AnyConnectOptions;
use sqlx::migrate::Migrator;
use sqlx::{AnyConnection, Connection as _};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::sql::link::Dial;
use super::sql::writer::{Common, Writer, install_drivers};
use super::sql::{Home, folding, keys};
use super::{OpenError, SqlStore};
use crate::vault::KeySource;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations/postgres");

/// Connections that write at the same time, and that read.
const LANES: usize = 4;
const READERS: u32 = 8;
/// Nodes that start at the same time bring the tables up to date one after the other. Any number that nobody else uses.
const OPENING_LOCK: i64 = 0x6472_696c_656e_0001;

/// How a node is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSettings {
    /// Its name, the same after a restart.
    pub name: String,
    /// How often it looks for what other nodes did.
    pub look_every: Duration,
}

/// This process among the servers on one database.
#[derive(Debug)]
pub(super) struct Node {
    /// Of the machine or the pod; the same after a restart.
    name: String,
    /// Of this process alone.
    id: String,
    /// The server's address without its password.
    database: String,
    stopped: CancellationToken,
}

impl Node {
    /// What this process is called in the outbox.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn name_of_place(&self, path: &str) -> String {
        format!("{}:{path}", self.name)
    }

    pub(super) fn place_named<'a>(&self, name: &'a str) -> Option<&'a str> {
        name.strip_prefix(&self.name)?.strip_prefix(':')
    }

    pub(super) fn stop(&self) {
        self.stopped.cancel();
    }
}

impl SqlStore {
    /// Opens the database at a `postgres://` address, brings its tables up to date, and joins the other nodes there.
    /// Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`OpenError`], whose text names the server and the database.
    pub async fn connect(
        url: &str,
        node: NodeSettings,
        source: Box<dyn KeySource>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        install_drivers();
        let database = without_password(url);
        let open = |source| OpenError::Open { database: database.clone(), source };
        let dial = Dial::postgres(AnyConnectOptions::from_str(url).map_err(open)?);
        let home = Node {
            name: node.name.clone(),
            id: format!("{}-{}", node.name, Uuid::new_v4().simple()),
            database: database.clone(),
            stopped: CancellationToken::new(),
        };
        let mut connection = dial.connect().await.map_err(open)?;
        check_durable(&database, &mut connection).await?;
        take_lock(&mut connection).await.map_err(open)?;
        MIGRATIONS
            .run(&mut connection)
            .await
            .map_err(|source| OpenError::Migrate { database: database.clone(), source })?;
        let place = |path: &std::path::Path| home.name_of_place(&super::sql::absolute(path));
        let vault = keys::open_vault(&database, &mut connection, source, &place).await?;
        folding::fold_anew(&database, &mut connection, &vault).await?;
        // Closing gives the lock back.
        connection.close().await.map_err(open)?;
        let readers = dial.pool(READERS).await.map_err(open)?;
        let common = Common::new(vault, clock);
        let lanes = (0..LANES).map(|_| (dial.clone(), None)).collect();
        let writer = Writer::start(lanes, Some(home.id()), &common);
        dispatcher::start(dispatcher::Parts {
            dial,
            readers: readers.clone(),
            common: common.clone(),
            node: home.id.clone(),
            name: home.name.clone(),
            look_every: node.look_every,
            stopped: home.stopped.clone(),
        })
        .await
        .map_err(open)?;
        let (home, forgotten) = (Home::Server(home), AtomicI64::new(0));
        Ok(Self { writer, readers, common, home, forgotten })
    }

    /// What the database is called in messages: a file's path, or a server's address without its password.
    pub fn database(&self) -> String {
        match &self.home {
            Home::File(path) => path.display().to_string(),
            Home::Server(node) => node.database.clone(),
        }
    }
}

async fn take_lock(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    // Several nodes may wait for one that folds a large database anew.
    sqlx::query("SET statement_timeout = 0").execute(&mut *connection).await?;
    sqlx::query("SET lock_timeout = 0").execute(&mut *connection).await?;
    sqlx::query("SELECT pg_advisory_lock($1)").bind(OPENING_LOCK).execute(connection).await.map(drop)
}

/// What the server would lose in a power cut: <https://www.postgresql.org/docs/current/wal-async-commit.html>.
async fn check_durable(database: &str, connection: &mut AnyConnection) -> Result<(), OpenError> {
    let open = |source| OpenError::Open { database: database.to_owned(), source };
    for setting in ["fsync", "full_page_writes"] {
        let found: String = sqlx::query_scalar("SELECT current_setting($1)")
            .bind(setting)
            .fetch_one(&mut *connection)
            .await
            .map_err(open)?;
        if found != "on" {
            return Err(OpenError::NotDurable {
                database: database.to_owned(),
                found: format!("{setting} = {found}"),
                advice: "switch it on in postgresql.conf",
            });
        }
    }
    Ok(())
}

/// An address that may be shown.
pub(crate) fn without_password(url: &str) -> String {
    let Ok(mut url) = url.parse::<reqwest::Url>() else { return "the database server".to_owned() };
    if url.password().is_some() {
        // Fails for addresses that cannot have one.
        let _ = url.set_password(None);
    }
    url.set_query(None);
    url.to_string()
}
