//! States that an earlier version made of the logs are made anew, so that a state is always what this version makes of its log.

use conversation::routing::weight;
use conversation::{ConversationId, ConversationState, Event, StoreError, Timestamp};
use sqlx::AnyConnection;

use super::append::corrupt;
use super::keys;
use super::writer::OrUnavailable as _;
use crate::store::OpenError;
use crate::vault::Vault;

/// Conversations folded in one transaction.
const PER_BATCH: i64 = 100;

/// Folds every log anew where the states are another version's. Goes on from the beginning where it was broken off: folding is cheap.
pub(in crate::store) async fn fold_anew(
    database: &str,
    connection: &mut AnyConnection,
    vault: &Vault,
) -> Result<(), OpenError> {
    fold_all(connection, vault)
        .await
        .map_err(|source| OpenError::Seal { database: database.to_owned(), source })
}

async fn fold_all(connection: &mut AnyConnection, vault: &Vault) -> Result<(), StoreError> {
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
            sqlx::query_scalar("SELECT id FROM conversations WHERE id > $1 ORDER BY id LIMIT $2")
                .bind(&after)
                .bind(PER_BATCH)
                .fetch_all(&mut *connection)
                .await
                .or_unavailable()?;
        let Some(last) = ids.last().cloned() else { break };
        sqlx::query("BEGIN").execute(&mut *connection).await.or_unavailable()?;
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
    sqlx::query(
        "INSERT INTO vault (name, value) VALUES ('folding', $1) \
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )
    .bind(version)
    .execute(connection)
    .await
    .or_unavailable()?;
    Ok(())
}

async fn fold_one(
    connection: &mut AnyConnection,
    vault: &Vault,
    id: ConversationId,
) -> Result<(), StoreError> {
    let sealed: (Option<String>, Option<Vec<u8>>) = sqlx::query_as(
        "SELECT master, sealed FROM conversations LEFT JOIN data_keys ON conversation = id WHERE id = $1",
    )
    .bind(id.to_string())
    .fetch_one(&mut *connection)
    .await
    .or_unavailable()?;
    let key = vault.data_key(vault.reading(), id, &keys::wrapped(id, sealed)?)?;
    let rows: Vec<(i64, i64, String)> =
        sqlx::query_as("SELECT seq, at, body FROM events WHERE conversation = $1 ORDER BY seq")
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
        "UPDATE conversations SET state = $1, status = $2, queue_rank = $3, deadline = $4, weight = $5 WHERE id = $6",
    )
    .bind(key.seal_state(&state)?)
    .bind(state.status().as_str())
    .bind(state.handoff.ticket().map(|ticket| ticket.rank().as_millis()))
    .bind(state.handoff.deadline().map(Timestamp::as_millis))
    .bind(i64::from(weight(state.voice)))
    .bind(id.to_string())
    .execute(connection)
    .await
    .or_unavailable()?;
    Ok(())
}
