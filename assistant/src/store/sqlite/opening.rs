//! What opening a file does with conversations that an earlier version left plain.

use conversation::event::EventBody;
use conversation::{ConversationId, ConversationState, StoreError, Timestamp};
use sqlx::AnyConnection;

use crate::store::OpenError;
use crate::store::sql::{OrUnavailable as _, corrupt, keys};
use crate::vault::{KeyId, Vault};

/// Conversations sealed in one transaction: some megabytes, so that a start that is broken off loses little.
const PER_BATCH: i64 = 100;

/// Seals conversations that are still plain, a transaction per [`PER_BATCH`], and then rewrites the file, so that the
/// plain text is nowhere in it. Goes on where it was broken off.
pub(super) async fn seal_what_is_plain(
    database: &str,
    connection: &mut AnyConnection,
    vault: &Vault,
) -> Result<(), OpenError> {
    seal(connection, vault).await.map_err(|source| OpenError::Seal { database: database.to_owned(), source })
}

async fn seal(connection: &mut AnyConnection, vault: &Vault) -> Result<(), StoreError> {
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
pub(crate) async fn truncate_log(connection: &mut AnyConnection) -> Result<(), StoreError> {
    let (busy, ..): (i64, i64, i64) =
        sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(connection).await.or_unavailable()?;
    if busy == 0 { Ok(()) } else { Err(StoreError::Busy) }
}

async fn seal_rows(connection: &mut AnyConnection, vault: &Vault) -> Result<(), StoreError> {
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
    connection: &mut AnyConnection,
    vault: &Vault,
    after: i64,
) -> Result<Option<(i64, usize)>, StoreError> {
    let rows: Vec<(i64, String, String)> = sqlx::query_as(
        "SELECT rowid, id, state FROM conversations WHERE rowid > $1 AND substr(state, 1, 1) = '{' \
         ORDER BY rowid LIMIT $2",
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
    connection: &mut AnyConnection,
    vault: &Vault,
    master: &KeyId,
    id: ConversationId,
    state: &str,
) -> Result<(), StoreError> {
    let (key, wrapped) = vault.new_key(id, master)?;
    let state: ConversationState = serde_json::from_str(state).map_err(corrupt)?;
    let events: Vec<(i64, i64, String)> = sqlx::query_as(
        "SELECT seq, at, body FROM events WHERE conversation = $1 AND substr(body, 1, 1) = '{'",
    )
    .bind(id.to_string())
    .fetch_all(&mut *connection)
    .await
    .or_unavailable()?;
    for (seq, at, body) in events {
        let body: EventBody = serde_json::from_str(&body).map_err(corrupt)?;
        sqlx::query("UPDATE events SET body = $1 WHERE conversation = $2 AND seq = $3")
            .bind(key.seal_event(seq.cast_unsigned(), Timestamp::from_millis(at), &body)?)
            .bind(id.to_string())
            .bind(seq)
            .execute(&mut *connection)
            .await
            .or_unavailable()?;
    }
    sqlx::query("UPDATE conversations SET state = $1 WHERE id = $2")
        .bind(key.seal_state(&state)?)
        .bind(id.to_string())
        .execute(&mut *connection)
        .await
        .or_unavailable()?;
    keys::keep(connection, id, &wrapped).await
}

async fn execute(connection: &mut AnyConnection, statement: &'static str) -> Result<(), StoreError> {
    sqlx::query(statement).execute(connection).await.or_unavailable()?;
    Ok(())
}
