//! Copying everything from one database to another: to a server when one machine is outgrown, and from a server into a
//! file, which is the form of every backup.

use std::path::Path;
use std::str::FromStr as _;

use conversation::StoreError;
use futures::TryStreamExt as _;
use sqlx::any::{AnyArguments, AnyConnectOptions, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};

use super::SqlStore;
use super::sql::link::{Dial, is_shared};
use super::sql::{Home, OrUnavailable as _, corrupt, unavailable};
use super::sqlite;

/// Rows written by one statement.
const PER_STATEMENT: usize = 100;

/// A column's kind, as far as copying has to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Bytes,
    Real,
}

/// A table with the order of its rows and its columns: `t` text, `n` number, `b` bytes, `r` real.
struct Table {
    name: &'static str,
    order: &'static str,
    columns: &'static str,
}

/// In an order in which no row comes before the row it belongs to. Sessions are not copied (everybody logs in again),
/// nor what belongs to a place: key files, nodes, what nodes leave each other.
const TABLES: [Table; 18] = [
    Table {
        name: "agents",
        order: "id",
        columns: "id:t name:t display_name:t languages:t roles:t skills:t capacity:n disabled:n password_hash:t \
                  must_change_password:n failed_logins:n locked_until:n totp_secret:b totp_confirmed:n \
                  totp_last_step:n oidc_issuer:t oidc_subject:t last_seen_at:n",
    },
    Table { name: "recovery_codes", order: "agent", columns: "agent:t hash:b" },
    Table { name: "presence", order: "agent", columns: "agent:t presence:t free_since:n" },
    Table { name: "handling_times", order: "number", columns: "number:n seconds:r" },
    Table {
        name: "conversations",
        order: "id",
        columns: "id:t token_hash:b status:t last_seq:n last_at:n state:t queue_number:n holder:t claimed_at:n \
                  queue_rank:n deadline:n offered_to:t weight:n",
    },
    Table { name: "calls", order: "call", columns: "call:t conversation:t" },
    Table { name: "data_keys", order: "conversation", columns: "conversation:t master:t sealed:b" },
    Table { name: "events", order: "conversation, seq", columns: "conversation:t seq:n at:n body:t" },
    Table {
        name: "client_messages",
        order: "conversation, sender, id",
        columns: "conversation:t sender:t id:t seq:n",
    },
    Table {
        name: "webhook_deliveries",
        order: "id",
        columns: "id:t hook:t kind:t body:t at:n attempts:n next_at:n last_error:t",
    },
    Table { name: "papers", order: "kind, id", columns: "kind:t id:t version:n body:t at:n by:t" },
    Table {
        name: "figures",
        order: "number",
        columns: "number:n day:n name:t language:t key:t count:n total:r",
    },
    Table {
        name: "unresolved",
        order: "conversation, seq",
        columns: "conversation:t seq:n at:n language:t kind:t",
    },
    Table {
        name: "recordings",
        order: "id",
        columns: "id:t conversation:t at:n language:t seconds:r body:t sound:b",
    },
    Table { name: "sounds", order: "id", columns: "id:t conversation:t at:n agent:t ms:n sound:b" },
    Table { name: "receipts", order: "conversation", columns: "conversation:t delivered:n seen:n" },
    Table { name: "erasures", order: "number", columns: "number:n conversation:t at:n by:t why:t" },
    Table {
        name: "audit",
        order: "id",
        columns: "id:n at:n actor_kind:t actor_id:t actor_name:t action:t subject:t detail:t hash:b",
    },
];

impl Table {
    fn columns(&self) -> impl Iterator<Item = (&'static str, Kind)> {
        self.columns.split_whitespace().filter_map(|column| {
            let (name, kind) = column.split_once(':')?;
            let kind = match kind {
                "n" => Kind::Number,
                "b" => Kind::Bytes,
                "r" => Kind::Real,
                _ => Kind::Text,
            };
            Some((name, kind))
        })
    }

    fn names(&self) -> String {
        self.columns().map(|(name, _)| name).collect::<Vec<_>>().join(", ")
    }
}

/// How many rows were copied, by table.
pub type Copied = Vec<(&'static str, u64)>;

/// Why nothing was copied.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// Rows that are there already would be mixed with those that come.
    #[error("{0} is not empty ({1}); make a new database and name that one")]
    NotEmpty(String, &'static str),
    /// One of the two fails.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Copies everything from a store that nobody else uses into an empty one, in one transaction, with the identity of the
/// database: backups of the one go on serving the other.
///
/// # Errors
/// [`TransferError`]; nothing has been written then.
pub async fn everything(
    from: &SqlStore,
    to: &SqlStore,
    tell: &(dyn Fn(&str) + Sync),
) -> Result<Copied, TransferError> {
    let mut source = from.reader().await?;
    let mut target = to.readers.acquire().await.map_err(unavailable)?;
    for table in ["conversations", "agents", "audit", "erasures"] {
        let count = format!("SELECT count(*) FROM {table}");
        let rows: i64 =
            sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(&mut *target).await.or_unavailable()?;
        if rows > 0 {
            return Err(TransferError::NotEmpty(to.database(), table));
        }
    }
    execute(&mut source, snapshot(&from.home)).await?;
    execute(&mut target, "BEGIN").await?;
    let copied = copy(&mut source, &mut target, true, tell).await;
    let places = match &copied {
        Ok(_) => copy_places(from, to, &mut source, &mut target).await,
        Err(_) => Ok(()),
    };
    let done = match (copied, places) {
        (Ok(copied), Ok(())) => execute(&mut target, "COMMIT").await.map(|()| copied),
        (Err(error), _) | (Ok(_), Err(error)) => execute(&mut target, "ROLLBACK").await.and(Err(error)),
    };
    execute(&mut source, "ROLLBACK").await?;
    Ok(done?)
}

/// Key files of this machine go on learning of erasures, under the new database's names for them.
async fn copy_places(
    from: &SqlStore,
    to: &SqlStore,
    source: &mut AnyConnection,
    target: &mut AnyConnection,
) -> Result<(), StoreError> {
    let places: Vec<(String, String, i64)> = sqlx::query_as("SELECT path, kind, settled FROM key_places")
        .fetch_all(source)
        .await
        .or_unavailable()?;
    for (name, kind, settled) in places {
        let Some(path) = from.place_named(&name) else { continue };
        sqlx::query(
            "INSERT INTO key_places (path, kind, settled) VALUES ($1, $2, $3) \
             ON CONFLICT (path) DO UPDATE SET settled = excluded.settled",
        )
        .bind(to.name_of_place(Path::new(path)))
        .bind(kind)
        .bind(settled)
        .execute(&mut *target)
        .await
        .or_unavailable()?;
    }
    Ok(())
}

/// Copies a server's tables into a new SQLite file, without the conversations' keys.
pub(super) async fn into_file(store: &SqlStore, to: &Path) -> Result<(), StoreError> {
    let options = sqlite::options(to);
    let mut plain = options.connect().await.map_err(unavailable)?;
    sqlite::make_tables(&mut plain).await?;
    plain.close().await.map_err(unavailable)?;
    let options = AnyConnectOptions::from_str(options.to_url_lossy().as_str()).map_err(unavailable)?;
    let mut target = Dial::sqlite(options).connect().await.map_err(unavailable)?;
    let mut source = store.reader().await?;
    execute(&mut source, snapshot(&store.home)).await?;
    execute(&mut target, "BEGIN").await?;
    copy(&mut source, &mut target, false, &|_| {}).await?;
    execute(&mut target, "COMMIT").await?;
    execute(&mut source, "ROLLBACK").await?;
    // A backup is one file, without a log beside it.
    execute(&mut target, "PRAGMA journal_mode = DELETE").await?;
    target.close().await.map_err(unavailable)
}

/// Begins a transaction that sees one moment throughout.
fn snapshot(home: &Home) -> &'static str {
    match home {
        Home::File(_) => "BEGIN",
        Home::Server(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    }
}

async fn copy(
    source: &mut AnyConnection,
    target: &mut AnyConnection,
    with_keys: bool,
    tell: &(dyn Fn(&str) + Sync),
) -> Result<Copied, StoreError> {
    if is_shared(source) {
        execute(source, "SET LOCAL statement_timeout = 0").await?;
        // While the other database commits gigabytes, this one only waits.
        execute(source, "SET LOCAL idle_in_transaction_session_timeout = 0").await?;
    }
    let mut copied = Vec::new();
    for table in TABLES.iter().filter(|table| with_keys || table.name != "data_keys") {
        let rows = copy_table(source, target, table, tell).await?;
        copied.push((table.name, rows));
    }
    let agreed: Vec<(String, String)> =
        sqlx::query_as("SELECT name, value FROM vault").fetch_all(source).await.or_unavailable()?;
    for (name, value) in agreed {
        sqlx::query(
            "INSERT INTO vault (name, value) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )
        .bind(name)
        .bind(value)
        .execute(&mut *target)
        .await
        .or_unavailable()?;
    }
    if is_shared(target) {
        go_on_counting(target).await?;
    }
    Ok(copied)
}

/// Numbers that the server gives go on after those that were copied.
async fn go_on_counting(target: &mut AnyConnection) -> Result<(), StoreError> {
    for statement in [
        "SELECT setval('queue_numbers', (SELECT coalesce(max(queue_number), 0) + 1 FROM conversations), false)",
        "SELECT setval(pg_get_serial_sequence('handling_times', 'number'), \
         (SELECT coalesce(max(number), 0) + 1 FROM handling_times), false)",
        "SELECT setval(pg_get_serial_sequence('erasures', 'number'), \
         (SELECT coalesce(max(number), 0) + 1 FROM erasures), false)",
        "SELECT setval(pg_get_serial_sequence('figures', 'number'), \
         (SELECT coalesce(max(number), 0) + 1 FROM figures), false)",
    ] {
        execute(target, statement).await?;
    }
    Ok(())
}

async fn copy_table(
    source: &mut AnyConnection,
    target: &mut AnyConnection,
    table: &Table,
    tell: &(dyn Fn(&str) + Sync),
) -> Result<u64, StoreError> {
    let kinds: Vec<Kind> = table.columns().map(|(_, kind)| kind).collect();
    let select = format!("SELECT {} FROM {} ORDER BY {}", table.names(), table.name, table.order);
    let mut rows = sqlx::query(AssertSqlSafe(select)).fetch(source);
    let (mut batch, mut copied) = (Vec::with_capacity(PER_STATEMENT), 0);
    loop {
        let row = rows.try_next().await.or_unavailable()?;
        let last = row.is_none();
        batch.extend(row);
        if batch.len() == PER_STATEMENT || (last && !batch.is_empty()) {
            insert(target, table, &kinds, &batch).await?;
            copied += batch.len() as u64;
            batch.clear();
            if copied % 10_000 < PER_STATEMENT as u64 {
                tell(&format!("{}: {copied} rows", table.name));
            }
        }
        if last {
            return Ok(copied);
        }
    }
}

async fn insert(
    target: &mut AnyConnection,
    table: &Table,
    kinds: &[Kind],
    rows: &[AnyRow],
) -> Result<(), StoreError> {
    let mut parameters = 1..;
    let values: Vec<String> = rows
        .iter()
        .map(|_| {
            let row: Vec<String> =
                kinds.iter().zip(&mut parameters).map(|(_, number)| format!("${number}")).collect();
            format!("({})", row.join(", "))
        })
        .collect();
    let sql = format!("INSERT INTO {} ({}) VALUES {}", table.name, table.names(), values.join(", "));
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for row in rows {
        for (column, kind) in kinds.iter().enumerate() {
            query = bind(query, row, column, *kind).map_err(corrupt)?;
        }
    }
    query.execute(target).await.or_unavailable()?;
    Ok(())
}

fn bind<'q>(
    query: Query<'q, Any, AnyArguments>,
    row: &AnyRow,
    column: usize,
    kind: Kind,
) -> Result<Query<'q, Any, AnyArguments>, sqlx::Error> {
    Ok(match kind {
        Kind::Text => query.bind(row.try_get::<Option<String>, _>(column)?),
        Kind::Number => query.bind(row.try_get::<Option<i64>, _>(column)?),
        Kind::Bytes => query.bind(row.try_get::<Option<Vec<u8>>, _>(column)?),
        Kind::Real => query.bind(row.try_get::<Option<f64>, _>(column)?),
    })
}

async fn execute(connection: &mut AnyConnection, statement: &'static str) -> Result<(), StoreError> {
    sqlx::query(statement).execute(connection).await.or_unavailable()?;
    Ok(())
}
