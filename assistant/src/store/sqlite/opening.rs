//! What opening a file does about its keys, and with conversations that an earlier version left plain.

use std::path::Path;

use conversation::event::EventBody;
use conversation::{ConversationId, ConversationState, StoreError, Timestamp};
use sqlx::sqlite::SqliteConnection;

use super::append::corrupt;
use super::writer::OrUnavailable as _;
use super::{OpenError, keys};
use crate::vault::{KeyId, KeySource, Vault};

/// Conversations sealed in one transaction: some megabytes, so that a start that is broken off loses little.
const PER_BATCH: u32 = 100;

/// The vault for this file. A first master key is made only where nothing is sealed yet: beside sealed conversations a
/// fresh key would hide that the right one is missing.
pub(super) async fn vault(
    path: &Path,
    connection: &mut SqliteConnection,
    source: Box<dyn KeySource>,
) -> Result<Vault, OpenError> {
    let open = |source| OpenError::Open { path: path.to_owned(), source };
    let masters: Vec<String> = sqlx::query_scalar(
        "SELECT value FROM vault WHERE name = 'master' UNION SELECT DISTINCT master FROM data_keys",
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(open)?;
    let vault = if masters.is_empty() { Vault::open(source)? } else { Vault::open_existing(source)? };
    for master in masters.into_iter().map(KeyId::from) {
        if !vault.knows(&master) {
            let source_of_keys = vault.source().to_string();
            return Err(OpenError::WrongKey { path: path.to_owned(), master, source_of_keys });
        }
    }
    sqlx::query("INSERT OR IGNORE INTO vault (name, value) VALUES ('master', ?)")
        .bind(vault.first_master().as_str())
        .execute(&mut *connection)
        .await
        .map_err(open)?;
    // Erasures are told to a list beside the master key, too, which every restore looks at. One that moved is written
    // anew, and the old one is nobody's business any more.
    let journal = vault.source().journal().map(|journal| absolute(&journal)).unwrap_or_default();
    sqlx::query("DELETE FROM key_places WHERE kind = 'journal' AND path <> ?")
        .bind(&journal)
        .execute(&mut *connection)
        .await
        .map_err(open)?;
    if !journal.is_empty() {
        sqlx::query("INSERT OR IGNORE INTO key_places (path, kind) VALUES (?, 'journal')")
            .bind(&journal)
            .execute(connection)
            .await
            .map_err(open)?;
    }
    Ok(vault)
}

/// A path as it is kept: the next process may run elsewhere.
pub(crate) fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).to_string_lossy().into_owned()
}

/// Seals conversations that are still plain, a transaction per [`PER_BATCH`], and then rewrites the file, so that the
/// plain text is nowhere in it. Goes on where it was broken off.
pub(super) async fn seal_what_is_plain(
    path: &Path,
    connection: &mut SqliteConnection,
    vault: &Vault,
) -> Result<(), OpenError> {
    seal(connection, vault).await.map_err(|source| OpenError::Seal { path: path.to_owned(), source })
}

async fn seal(connection: &mut SqliteConnection, vault: &Vault) -> Result<(), StoreError> {
    let left: Option<String> = sqlx::query_scalar("SELECT value FROM vault WHERE name = 'unsealed'")
        .fetch_optional(&mut *connection)
        .await
        .or_unavailable()?;
    match left.as_deref() {
        None => return Ok(()),
        Some("rows") => seal_rows(connection, vault).await?,
        // All rows were sealed before, and the file not rewritten.
        Some(_) => {}
    }
    tracing::info!("the database is written anew without its former plain text");
    // https://www.sqlite.org/lang_vacuum.html: the new file holds live content only. In WAL mode it goes through the
    // log, and the old pages are overwritten by the checkpoint after it.
    sqlx::query("VACUUM").execute(&mut *connection).await.or_unavailable()?;
    truncate_log(connection).await?;
    sqlx::query("DELETE FROM vault WHERE name = 'unsealed'").execute(connection).await.or_unavailable()?;
    Ok(())
}

/// Folds the write-ahead log into the file and empties it.
pub(crate) async fn truncate_log(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let (busy, ..): (i64, i64, i64) =
        sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(connection).await.or_unavailable()?;
    if busy == 0 { Ok(()) } else { Err(StoreError::Busy) }
}

async fn seal_rows(connection: &mut SqliteConnection, vault: &Vault) -> Result<(), StoreError> {
    let (mut after, mut sealed) = (0_i64, 0_usize);
    loop {
        execute(connection, "BEGIN IMMEDIATE").await?;
        let batch = seal_batch(connection, vault, after).await;
        let Ok(Some((last, count))) = batch else {
            execute(connection, if batch.is_ok() { "COMMIT" } else { "ROLLBACK" }).await?;
            batch?;
            break;
        };
        execute(connection, "COMMIT").await?;
        (after, sealed) = (last, sealed + count);
        tracing::info!(sealed, "conversations of an earlier version are being sealed");
    }
    execute(connection, "UPDATE vault SET value = 'file' WHERE name = 'unsealed'").await
}

/// Seals what of the next rows is plain. Tells the last row and how many there were; `None` where there is none left.
async fn seal_batch(
    connection: &mut SqliteConnection,
    vault: &Vault,
    after: i64,
) -> Result<Option<(i64, usize)>, StoreError> {
    let rows: Vec<(i64, String, String)> = sqlx::query_as(
        "SELECT rowid, id, state FROM conversations WHERE rowid > ? AND substr(state, 1, 1) = '{' \
         ORDER BY rowid LIMIT ?",
    )
    .bind(after)
    .bind(PER_BATCH)
    .fetch_all(&mut *connection)
    .await
    .or_unavailable()?;
    let Some(last) = rows.last().map(|(row, ..)| *row) else { return Ok(None) };
    let master = keys::current_master(connection).await?;
    for (_, id, state) in &rows {
        seal_conversation(connection, vault, &master, id.parse().map_err(corrupt)?, state).await?;
    }
    Ok(Some((last, rows.len())))
}

async fn seal_conversation(
    connection: &mut SqliteConnection,
    vault: &Vault,
    master: &KeyId,
    id: ConversationId,
    state: &str,
) -> Result<(), StoreError> {
    let (key, wrapped) = vault.new_key(id, master)?;
    let state: ConversationState = serde_json::from_str(state).map_err(corrupt)?;
    let events: Vec<(i64, i64, String)> = sqlx::query_as(
        "SELECT seq, at, body FROM events WHERE conversation = ? AND substr(body, 1, 1) = '{'",
    )
    .bind(id.to_string())
    .fetch_all(&mut *connection)
    .await
    .or_unavailable()?;
    for (seq, at, body) in events {
        let body: EventBody = serde_json::from_str(&body).map_err(corrupt)?;
        sqlx::query("UPDATE events SET body = ? WHERE conversation = ? AND seq = ?")
            .bind(key.seal_event(seq.cast_unsigned(), Timestamp::from_millis(at), &body)?)
            .bind(id.to_string())
            .bind(seq)
            .execute(&mut *connection)
            .await
            .or_unavailable()?;
    }
    sqlx::query("UPDATE conversations SET state = ? WHERE id = ?")
        .bind(key.seal_state(&state)?)
        .bind(id.to_string())
        .execute(&mut *connection)
        .await
        .or_unavailable()?;
    keys::keep(connection, id, &wrapped).await
}

async fn execute(connection: &mut SqliteConnection, statement: &'static str) -> Result<(), StoreError> {
    sqlx::query(statement).execute(connection).await.or_unavailable()?;
    Ok(())
}
