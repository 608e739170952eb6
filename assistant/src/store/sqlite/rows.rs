//! Reading conversations, events and the queue.

use conversation::{
    AgentId, ConversationId, ConversationState, Event, QueueItem, StoreError, Timestamp, TokenHash,
};
use sqlx::sqlite::{SqliteConnection, SqlitePool};

use super::append::corrupt;
use super::writer::OrUnavailable as _;

/// The longest preview in the desk's lists, in characters.
const PREVIEW_CHARACTERS: usize = 80;

pub(super) async fn state(
    connection: &mut SqliteConnection,
    id: ConversationId,
) -> Result<Option<ConversationState>, StoreError> {
    let state: Option<String> = sqlx::query_scalar("SELECT state FROM conversations WHERE id = ?")
        .bind(id.to_string())
        .fetch_optional(connection)
        .await
        .or_unavailable()?;
    state.as_deref().map(parse_state).transpose()
}

pub(super) async fn state_by_token(
    readers: &SqlitePool,
    token: &TokenHash,
) -> Result<Option<ConversationState>, StoreError> {
    let state: Option<String> = sqlx::query_scalar("SELECT state FROM conversations WHERE token_hash = ?")
        .bind(&token.as_bytes()[..])
        .fetch_optional(readers)
        .await
        .or_unavailable()?;
    state.as_deref().map(parse_state).transpose()
}

fn parse_state(json: &str) -> Result<ConversationState, StoreError> {
    serde_json::from_str(json).map_err(corrupt)
}

pub(super) async fn events_after(
    readers: &SqlitePool,
    conversation: ConversationId,
    seq: u64,
    limit: u32,
) -> Result<Vec<Event>, StoreError> {
    let rows: Vec<(i64, i64, String)> = sqlx::query_as(
        "SELECT seq, at, body FROM events WHERE conversation = ? AND seq > ? ORDER BY seq LIMIT ?",
    )
    .bind(conversation.to_string())
    .bind(i64::try_from(seq).unwrap_or(i64::MAX))
    .bind(limit)
    .fetch_all(readers)
    .await
    .or_unavailable()?;
    rows.into_iter()
        .map(|(seq, at, body)| {
            Ok(Event {
                seq: seq.cast_unsigned(),
                at: Timestamp::from_millis(at),
                body: serde_json::from_str(&body).map_err(corrupt)?,
            })
        })
        .collect()
}

pub(super) async fn waiting(readers: &SqlitePool) -> Result<Vec<QueueItem>, StoreError> {
    let states: Vec<String> =
        sqlx::query_scalar("SELECT state FROM conversations WHERE status = 'queued' ORDER BY queue_number")
            .fetch_all(readers)
            .await
            .or_unavailable()?;
    states.iter().zip(1..).map(|(state, position)| queue_item(&parse_state(state)?, position)).collect()
}

pub(super) async fn held_by(readers: &SqlitePool, agent: AgentId) -> Result<Vec<QueueItem>, StoreError> {
    let states: Vec<String> = sqlx::query_scalar(
        "SELECT state FROM conversations WHERE holder = ? ORDER BY claimed_at, queue_number",
    )
    .bind(agent.to_string())
    .fetch_all(readers)
    .await
    .or_unavailable()?;
    states.iter().map(|state| queue_item(&parse_state(state)?, 0)).collect()
}

fn queue_item(state: &ConversationState, position: u32) -> Result<QueueItem, StoreError> {
    let ticket = state.handoff.ticket().ok_or_else(|| corrupt("an open escalation without its ticket"))?;
    let preview = state.last_citizen_message.as_deref().unwrap_or_default();
    Ok(QueueItem {
        escalation: ticket.escalation,
        conversation: state.conversation,
        language: state.language,
        reason: ticket.reason,
        since: ticket.since,
        position,
        voice: state.voice,
        preview: preview.chars().take(PREVIEW_CHARACTERS).collect(),
        claimed_at: state.holder().map(|holder| holder.claimed_at),
    })
}

pub(super) async fn queue_position(
    readers: &SqlitePool,
    conversation: ConversationId,
) -> Result<Option<u32>, StoreError> {
    sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM conversations AS other \
                 WHERE other.status = 'queued' AND other.queue_number <= this.queue_number) \
         FROM conversations AS this WHERE this.id = ? AND this.status = 'queued'",
    )
    .bind(conversation.to_string())
    .fetch_optional(readers)
    .await
    .or_unavailable()
}

/// How many conversations wait for a person.
pub(super) async fn waiting_count(connection: &mut SqliteConnection) -> Result<u32, StoreError> {
    sqlx::query_scalar("SELECT count(*) FROM conversations WHERE status = 'queued'")
        .fetch_one(connection)
        .await
        .or_unavailable()
}
