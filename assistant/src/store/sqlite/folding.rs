//! States that an earlier version made of the logs are made anew, so that a state is always what this version makes of its log.

use std::path::Path;

use conversation::routing::weight;
use conversation::{ConversationId, ConversationState, Event, StoreError, Timestamp};
use sqlx::sqlite::SqliteConnection;

use super::append::corrupt;
use super::writer::OrUnavailable as _;
use super::{OpenError, keys};
use crate::vault::Vault;

/// Conversations folded in one transaction.
const PER_BATCH: u32 = 100;

/// Folds every log anew where the states are another version's. Goes on from the beginning where it was broken off: folding is cheap.
pub(super) async fn fold_anew(
    path: &Path,
    connection: &mut SqliteConnection,
    vault: &Vault,
) -> Result<(), OpenError> {
    fold_all(connection, vault).await.map_err(|source| OpenError::Seal { path: path.to_owned(), source })
}

async fn fold_all(connection: &mut SqliteConnection, vault: &Vault) -> Result<(), StoreError> {
    let version = ConversationState::FOLDING.to_string();
    let folded: Option<String> = sqlx::query_scalar("SELECT value FROM vault WHERE name = 'folding'")
        .fetch_optional(&mut *connection)
        .await
        .or_unavailable()?;
    if folded.as_deref() == Some(&version) {
        return Ok(());
    }
    let (mut after, mut count) = (String::new(), 0);
    loop {
        let ids: Vec<String> =
            sqlx::query_scalar("SELECT id FROM conversations WHERE id > ? ORDER BY id LIMIT ?")
                .bind(&after)
                .bind(PER_BATCH)
                .fetch_all(&mut *connection)
                .await
                .or_unavailable()?;
        let Some(last) = ids.last().cloned() else { break };
        sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await.or_unavailable()?;
        for id in &ids {
            if let Err(error) = fold_one(connection, vault, id.parse().map_err(corrupt)?).await {
                sqlx::query("ROLLBACK").execute(&mut *connection).await.or_unavailable()?;
                return Err(error);
            }
        }
        sqlx::query("COMMIT").execute(&mut *connection).await.or_unavailable()?;
        (after, count) = (last, count + ids.len());
        tracing::info!(count, "states of an earlier version are being made anew from their logs");
    }
    sqlx::query("INSERT OR REPLACE INTO vault (name, value) VALUES ('folding', ?)")
        .bind(version)
        .execute(connection)
        .await
        .or_unavailable()?;
    Ok(())
}

async fn fold_one(
    connection: &mut SqliteConnection,
    vault: &Vault,
    id: ConversationId,
) -> Result<(), StoreError> {
    let sealed: (Option<String>, Option<Vec<u8>>) = sqlx::query_as(
        "SELECT master, sealed FROM conversations LEFT JOIN data_keys ON conversation = id WHERE id = ?",
    )
    .bind(id.to_string())
    .fetch_one(&mut *connection)
    .await
    .or_unavailable()?;
    let key = vault.data_key(vault.reading(), id, &keys::wrapped(id, sealed)?)?;
    let rows: Vec<(i64, i64, String)> =
        sqlx::query_as("SELECT seq, at, body FROM events WHERE conversation = ? ORDER BY seq")
            .bind(id.to_string())
            .fetch_all(&mut *connection)
            .await
            .or_unavailable()?;
    let events = rows
        .into_iter()
        .map(|(seq, at, body)| {
            let (seq, at) = (seq.cast_unsigned(), Timestamp::from_millis(at));
            Ok(Event { seq, at, body: key.open_event(seq, at, &body)? })
        })
        .collect::<Result<Vec<Event>, StoreError>>()?;
    let state = ConversationState::replay(&events).map_err(corrupt)?;
    sqlx::query(
        "UPDATE conversations SET state = ?, status = ?, queue_rank = ?, deadline = ?, weight = ? WHERE id = ?",
    )
    .bind(key.seal_state(&state)?)
    .bind(state.status().as_str())
    .bind(state.handoff.ticket().map(|ticket| ticket.rank().as_millis()))
    .bind(state.handoff.deadline().map(Timestamp::as_millis))
    .bind(weight(state.voice))
    .bind(id.to_string())
    .execute(connection)
    .await
    .or_unavailable()?;
    Ok(())
}
