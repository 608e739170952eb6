//! Writing events, with the projection beside them.

use std::sync::Arc;

use async_trait::async_trait;
use conversation::event::EventBody;
use conversation::{
    Append, Appended, ConversationState, Event, Handoff, HandoffCommand, MessageKey, NewConversation,
    Published, Sender, Started, Status, StoreError, Timestamp,
};
use sqlx::sqlite::SqliteConnection;

use super::writer::{OrUnavailable as _, Unit, Write};
use super::{keys, rows};
use crate::vault::DataKey;

/// Begins a conversation.
pub(super) struct Create(pub(super) NewConversation);

#[async_trait]
impl Write for Create {
    type Output = ConversationState;

    async fn write(&self, unit: &mut Unit<'_>) -> Result<ConversationState, StoreError> {
        let new = &self.0;
        let started =
            Started { conversation: new.id, language: new.language, channel: new.channel, voice: new.voice };
        let first = Event { seq: 1, at: unit.now, body: EventBody::Started(started) };
        let state = ConversationState::begin(&first).map_err(corrupt)?;
        let (key, wrapped) = keys::make(unit, new.id).await?;
        sqlx::query(
            "INSERT INTO conversations (id, token_hash, status, last_seq, last_at, state) VALUES (?, ?, ?, 1, ?, ?)",
        )
        .bind(new.id.to_string())
        .bind(&new.token.as_bytes()[..])
        .bind(state.status().as_str())
        .bind(first.at.as_millis())
        .bind(key.seal_state(&state)?)
        .execute(&mut *unit.connection)
        .await
        .or_unavailable()?;
        keys::keep(unit.connection, new.id, &wrapped).await?;
        insert_event(unit.connection, &key, &state, &first).await?;
        tell(unit, &state, Arc::new([first]));
        Ok(state)
    }
}

#[async_trait]
impl Write for Append {
    type Output = Appended;

    async fn write(&self, unit: &mut Unit<'_>) -> Result<Appended, StoreError> {
        let (before, key) = rows::state_with_key(unit.connection, unit.vault, self.conversation)
            .await?
            .ok_or(StoreError::NotFound("conversation"))?;
        if let Some(key) = &self.key
            && let Some(seq) = accepted_before(unit.connection, self, key).await?
        {
            return Ok(Appended::Already { seq });
        }
        check_expected(self, &before)?;
        let (state, events) = self.project(unit, &before).await?;
        for event in &*events {
            insert_event(unit.connection, &key, &state, event).await?;
        }
        if let Some(key) = &self.key {
            remember(unit.connection, self, key, events.first().map(|event| event.seq)).await?;
        }
        if !events.is_empty() {
            save(unit.connection, &key, &before, &state).await?;
            unit.news.queue_changed |= desk_sees_a_difference(&before, &state);
            tell(unit, &state, Arc::clone(&events));
        }
        Ok(Appended::New { events, state: Box::new(state) })
    }
}

/// Steps of an append that need its data.
trait Project {
    async fn project(
        &self,
        unit: &mut Unit<'_>,
        before: &ConversationState,
    ) -> Result<(ConversationState, Arc<[Event]>), StoreError>;
}

impl Project for Append {
    /// Gives the events their places and folds them.
    async fn project(
        &self,
        unit: &mut Unit<'_>,
        before: &ConversationState,
    ) -> Result<(ConversationState, Arc<[Event]>), StoreError> {
        if let Some(event) = self.events.iter().find(|event| event.is_handoff()) {
            return Err(StoreError::Corrupt(format!("`{}` is made by a handoff command only", event.kind())));
        }
        let mut fold = Fold::new(before, unit.now);
        for body in &self.events {
            fold.push(body.clone())?;
        }
        if let Some(command) = &self.handoff {
            let position = match command {
                HandoffCommand::Escalate { .. } => 1 + rows::waiting_count(unit.connection).await?,
                _ => 0,
            };
            for body in fold.state.handoff.perform(command, fold.state.language, position)? {
                fold.push(body)?;
            }
        }
        Ok((fold.state, fold.events.into()))
    }
}

/// A state with the events that led to it.
struct Fold {
    state: ConversationState,
    events: Vec<Event>,
    at: Timestamp,
}

impl Fold {
    fn new(before: &ConversationState, now: Timestamp) -> Self {
        // The machine's clock may be set back; a log never runs backwards.
        Self { state: before.clone(), events: Vec::new(), at: now.max(before.last_at) }
    }

    fn push(&mut self, body: EventBody) -> Result<(), StoreError> {
        let event = Event { seq: self.state.last_seq + 1, at: self.at, body };
        self.state.apply(&event).map_err(corrupt)?;
        self.events.push(event);
        Ok(())
    }
}

fn check_expected(append: &Append, state: &ConversationState) -> Result<(), StoreError> {
    if state.status() == Status::Closed {
        return Err(StoreError::Closed);
    }
    let moved_on = append.expect.last_seq.is_some_and(|seq| seq != state.last_seq)
        || append.expect.status.is_some_and(|status| status != state.status());
    if moved_on { Err(StoreError::Stale(Box::new(state.clone()))) } else { Ok(()) }
}

/// Whether the desk's lists look different.
fn desk_sees_a_difference(before: &ConversationState, after: &ConversationState) -> bool {
    if before.handoff != after.handoff {
        return true;
    }
    after.handoff.ticket().is_some()
        && (before.last_citizen_message != after.last_citizen_message
            || before.language != after.language
            || before.voice != after.voice)
}

fn tell(unit: &mut Unit<'_>, state: &ConversationState, events: Arc<[Event]>) {
    let state = Arc::new(state.clone());
    unit.news.published.push(Published { conversation: state.conversation, events, state });
}

fn sender_name(sender: Sender) -> String {
    match sender {
        Sender::Citizen => "citizen".to_owned(),
        Sender::Agent(agent) => agent.to_string(),
    }
}

/// `None`: not accepted yet. `Some(None)`: accepted, and it made no event.
async fn accepted_before(
    connection: &mut SqliteConnection,
    append: &Append,
    key: &MessageKey,
) -> Result<Option<Option<u64>>, StoreError> {
    let seq: Option<Option<i64>> = sqlx::query_scalar(
        "SELECT seq FROM client_messages WHERE conversation = ? AND sender = ? AND id = ?",
    )
    .bind(append.conversation.to_string())
    .bind(sender_name(key.sender))
    .bind(key.id.as_str())
    .fetch_optional(connection)
    .await
    .or_unavailable()?;
    Ok(seq.map(|seq| seq.map(i64::cast_unsigned)))
}

async fn remember(
    connection: &mut SqliteConnection,
    append: &Append,
    key: &MessageKey,
    seq: Option<u64>,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO client_messages (conversation, sender, id, seq) VALUES (?, ?, ?, ?)")
        .bind(append.conversation.to_string())
        .bind(sender_name(key.sender))
        .bind(key.id.as_str())
        .bind(seq.map(u64::cast_signed))
        .execute(connection)
        .await
        .or_unavailable()?;
    Ok(())
}

async fn insert_event(
    connection: &mut SqliteConnection,
    key: &DataKey,
    state: &ConversationState,
    event: &Event,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO events (conversation, seq, at, body) VALUES (?, ?, ?, ?)")
        .bind(state.conversation.to_string())
        .bind(event.seq.cast_signed())
        .bind(event.at.as_millis())
        .bind(key.seal_event(event.seq, event.at, &event.body)?)
        .execute(connection)
        .await
        .or_unavailable()?;
    Ok(())
}

/// Writes the projection.
async fn save(
    connection: &mut SqliteConnection,
    key: &DataKey,
    before: &ConversationState,
    state: &ConversationState,
) -> Result<(), StoreError> {
    let holder = state.handoff.holder();
    sqlx::query(
        "UPDATE conversations SET status = ?, last_seq = ?, last_at = ?, state = ?, holder = ?, claimed_at = ? \
         WHERE id = ?",
    )
    .bind(state.status().as_str())
    .bind(state.last_seq.cast_signed())
    .bind(state.last_at.as_millis())
    .bind(key.seal_state(state)?)
    .bind(holder.map(|holder| holder.id.to_string()))
    .bind(holder.map(|holder| holder.claimed_at.as_millis()))
    .bind(state.conversation.to_string())
    .execute(&mut *connection)
    .await
    .or_unavailable()?;
    let escalation = |handoff: &Handoff| handoff.ticket().map(|ticket| ticket.escalation);
    if escalation(&before.handoff) != escalation(&state.handoff) {
        save_queue_number(connection, state).await?;
    }
    Ok(())
}

/// A new escalation goes to the end of the queue; one that is over leaves it.
async fn save_queue_number(
    connection: &mut SqliteConnection,
    state: &ConversationState,
) -> Result<(), StoreError> {
    let sql = if state.handoff.ticket().is_some() {
        "UPDATE conversations SET queue_number = \
         1 + (SELECT coalesce(max(queue_number), 0) FROM conversations WHERE queue_number IS NOT NULL) WHERE id = ?"
    } else {
        "UPDATE conversations SET queue_number = NULL WHERE id = ?"
    };
    sqlx::query(sql).bind(state.conversation.to_string()).execute(connection).await.or_unavailable()?;
    Ok(())
}

pub(super) fn corrupt(error: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(error.to_string())
}
