//! Reading conversations, events and the queue.

use std::sync::Arc;

use conversation::{
    Actor, Callback, ConversationId, ConversationState, Event, QueueItem, StoreError, Timestamp, TokenHash,
};
use sqlx::{AnyConnection, AnyPool};

use super::append::corrupt;
use super::keys;
use super::link::taking;
use super::writer::OrUnavailable as _;
use crate::masking;
use crate::vault::{DataKey, Reading, Vault};

/// The longest preview in the desk's lists, in characters.
const PREVIEW_CHARACTERS: usize = 80;

/// What [`open`] reads: the projection's place, its sealed text, and the key that opens it.
type StateRow = (String, i64, String, Option<String>, Option<Vec<u8>>);

macro_rules! select_states {
    ($rest:literal) => {
        concat!(
            "SELECT id, last_seq, state, master, sealed FROM conversations \
             LEFT JOIN data_keys ON data_keys.conversation = conversations.id ",
            $rest
        )
    };
}

fn open(
    vault: &Vault,
    reading: Reading,
    (id, last_seq, state, master, sealed): StateRow,
) -> Result<(ConversationState, Arc<DataKey>), StoreError> {
    let id = id.parse().map_err(corrupt)?;
    let key = vault.data_key(reading, id, &keys::wrapped(id, (master, sealed))?)?;
    Ok((key.open_state(last_seq.cast_unsigned(), &state)?, key))
}

pub(in crate::store) async fn state(
    connection: &mut AnyConnection,
    vault: &Vault,
    id: ConversationId,
) -> Result<Option<ConversationState>, StoreError> {
    let reading = vault.reading();
    let row: Option<StateRow> = sqlx::query_as(select_states!("WHERE id = $1"))
        .bind(id.to_string())
        .fetch_optional(connection)
        .await
        .or_unavailable()?;
    row.map(|row| Ok(open(vault, reading, row)?.0)).transpose()
}

/// As [`state`], and nobody else changes it until the transaction ends.
pub(super) async fn take_state_with_key(
    connection: &mut AnyConnection,
    vault: &Vault,
    id: ConversationId,
) -> Result<Option<(ConversationState, Arc<DataKey>)>, StoreError> {
    let reading = vault.reading();
    let sql = taking!(connection, select_states!("WHERE id = $1"), "FOR UPDATE OF conversations");
    let row: Option<StateRow> =
        sqlx::query_as(sql).bind(id.to_string()).fetch_optional(connection).await.or_unavailable()?;
    row.map(|row| open(vault, reading, row)).transpose()
}

pub(super) async fn state_by_token(
    readers: &AnyPool,
    vault: &Vault,
    token: &TokenHash,
) -> Result<Option<ConversationState>, StoreError> {
    let reading = vault.reading();
    let row: Option<StateRow> = sqlx::query_as(select_states!("WHERE token_hash = $1"))
        .bind(&token.as_bytes()[..])
        .fetch_optional(readers)
        .await
        .or_unavailable()?;
    row.map(|row| Ok(open(vault, reading, row)?.0)).transpose()
}

pub(super) async fn conversation_of_call(
    readers: &AnyPool,
    call: &str,
) -> Result<Option<ConversationId>, StoreError> {
    let found: Option<String> = sqlx::query_scalar("SELECT conversation FROM calls WHERE call = $1")
        .bind(call)
        .fetch_optional(readers)
        .await
        .or_unavailable()?;
    found.map(|id| id.parse().map_err(|_| corrupt("a call's conversation"))).transpose()
}

pub(in crate::store) async fn events_after<'e>(
    reader: impl sqlx::Executor<'e, Database = sqlx::Any>,
    vault: &Vault,
    conversation: ConversationId,
    seq: u64,
    limit: u32,
) -> Result<Vec<Event>, StoreError> {
    // The key stands in every row, so that rows and key are of the same moment.
    type Row = (i64, i64, String, Option<String>, Option<Vec<u8>>);
    let reading = vault.reading();
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT seq, at, body, master, sealed FROM events \
         LEFT JOIN data_keys ON data_keys.conversation = events.conversation \
         WHERE events.conversation = $1 AND seq > $2 ORDER BY seq LIMIT $3",
    )
    .bind(conversation.to_string())
    .bind(i64::try_from(seq).unwrap_or(i64::MAX))
    .bind(i64::from(limit))
    .fetch_all(reader)
    .await
    .or_unavailable()?;
    let mut key = None;
    rows.into_iter()
        .map(|(seq, at, body, master, sealed)| {
            let key = match &key {
                Some(key) => key,
                None => key.insert(vault.data_key(
                    reading,
                    conversation,
                    &keys::wrapped(conversation, (master, sealed))?,
                )?),
            };
            let (seq, at) = (seq.cast_unsigned(), Timestamp::from_millis(at));
            Ok(Event { seq, at, body: key.open_event(seq, at, &body)? })
        })
        .collect()
}

/// How the desk's lists show an open escalation.
pub(super) fn queue_item(state: &ConversationState, position: u32) -> Result<QueueItem, StoreError> {
    let ticket = state.handoff.ticket().ok_or_else(|| corrupt("an open escalation without its ticket"))?;
    let preview = state.last_citizen_message.as_deref().unwrap_or_default();
    Ok(QueueItem {
        escalation: ticket.escalation,
        conversation: state.conversation,
        language: state.language,
        reason: ticket.reason,
        since: ticket.since,
        status: state.status(),
        priority: ticket.priority,
        position,
        voice: state.voice,
        // Masked before it is cut: half a number would not be known for one.
        preview: masking::mask(preview).chars().take(PREVIEW_CHARACTERS).collect(),
        claimed_at: state.holder().map(|holder| holder.claimed_at),
        holder: state.holder().map(|holder| Actor { id: holder.id, name: holder.name.clone() }),
        offer: state.handoff.offer().cloned(),
        deadline: state.handoff.deadline(),
        skills: ticket.skills.clone(),
        callback: ticket
            .callback
            .clone()
            .map(|callback| Callback { number: masking::mask(&callback.number).into_owned(), ..callback }),
    })
}

/// Takes what waits and is offered to nobody, the first first; not what another transaction has taken.
pub(super) async fn take_queued_states(
    connection: &mut AnyConnection,
    vault: &Vault,
    limit: i64,
) -> Result<Vec<ConversationState>, StoreError> {
    let reading = vault.reading();
    let sql = taking!(
        connection,
        select_states!("WHERE status = 'queued' ORDER BY queue_rank, queue_number LIMIT $1"),
        "FOR UPDATE OF conversations SKIP LOCKED"
    );
    let states: Vec<StateRow> =
        sqlx::query_as(sql).bind(limit).fetch_all(connection).await.or_unavailable()?;
    states.into_iter().map(|row| Ok(open(vault, reading, row)?.0)).collect()
}

/// How many conversations wait for a person and stand before a rank.
pub(super) async fn waiting_before(
    connection: &mut AnyConnection,
    rank: Timestamp,
) -> Result<u32, StoreError> {
    let waiting: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM conversations WHERE status IN ('queued', 'offered') AND queue_rank <= $1",
    )
    .bind(rank.as_millis())
    .fetch_one(connection)
    .await
    .or_unavailable()?;
    u32::try_from(waiting).map_err(corrupt)
}
