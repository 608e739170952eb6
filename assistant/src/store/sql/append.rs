//! Writing events, with the projection beside them.

use std::sync::Arc;

use async_trait::async_trait;
use conversation::event::EventBody;
use conversation::routing::weight;
use conversation::{
    Append, Appended, AuditActor, AuditEntry, Circumstances, ConversationState, EscalationReason, Event,
    Handoff, HandoffCommand, MessageKey, NewConversation, Priority, Published, Sender, Started, Status,
    StoreError, Timestamp,
};
use sqlx::AnyConnection;

use super::figures::Tally;
use super::link::is_shared;
use super::writer::{OrUnavailable as _, Subject, Unit, Write};
use super::{audit, handoff, keys, rows, webhooks};
use crate::vault::DataKey;

/// Begins a conversation.
pub(super) struct Create(pub(super) NewConversation);

#[async_trait]
impl Write for Create {
    type Output = ConversationState;

    fn subject(&self) -> Subject {
        Subject::Conversation(self.0.id)
    }

    async fn write(&self, unit: &mut Unit<'_>) -> Result<ConversationState, StoreError> {
        let new = &self.0;
        let started =
            Started { conversation: new.id, language: new.language, channel: new.channel, voice: new.voice };
        let first = Event { seq: 1, at: unit.now, body: EventBody::Started(started) };
        let state = ConversationState::begin(&first).map_err(corrupt)?;
        let (key, wrapped) = keys::make(unit, new.id).await?;
        sqlx::query(
            "INSERT INTO conversations (id, token_hash, status, last_seq, last_at, state) VALUES ($1, $2, $3, 1, $4, $5)",
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
        if let Some(call) = &new.call {
            // A PBX that was set up anew may count its calls from the beginning.
            let known = "INSERT INTO calls (call, conversation) VALUES ($1, $2) \
                         ON CONFLICT (call) DO UPDATE SET conversation = excluded.conversation";
            sqlx::query(known)
                .bind(call)
                .bind(new.id.to_string())
                .execute(&mut *unit.connection)
                .await
                .or_unavailable()?;
        }
        insert_event(unit.connection, &key, &state, &first).await?;
        webhooks::tell(unit, &first, &state).await?;
        let mut tally = Tally::default();
        tally.event(None, &first);
        tally.write(unit, new.id).await?;
        tell(unit, &state, Arc::new([first]));
        Ok(state)
    }
}

#[async_trait]
impl Write for Append {
    type Output = Appended;

    fn subject(&self) -> Subject {
        Subject::Conversation(self.conversation)
    }

    async fn write(&self, unit: &mut Unit<'_>) -> Result<Appended, StoreError> {
        let (before, key) = rows::take_state_with_key(unit.connection, unit.vault, self.conversation)
            .await?
            .ok_or(StoreError::NotFound("conversation"))?;
        if let Some(key) = &self.key
            && let Some(seq) = accepted_before(unit.connection, self, key).await?
        {
            return Ok(Appended::Already { seq });
        }
        check_expected(self, &before)?;
        let Fold { state, events, tally, .. } = self.project(unit, &before).await?;
        let events: Arc<[Event]> = events.into();
        for event in &*events {
            insert_event(unit.connection, &key, &state, event).await?;
        }
        if let Some(key) = &self.key {
            remember(unit.connection, self, key, events.first().map(|event| event.seq)).await?;
        }
        if !events.is_empty() {
            save(unit.connection, &key, &before, &state).await?;
            for event in &*events {
                webhooks::tell(unit, event, &state).await?;
            }
            tally.write(unit, self.conversation).await?;
            for entry in events.iter().filter_map(|event| transition(event, &state)) {
                audit::record(unit, entry);
            }
            unit.news.queue_changed |= desk_sees_a_difference(&before, &state);
            tell(unit, &state, Arc::clone(&events));
        }
        Ok(Appended::New { events, state: Box::new(state) })
    }
}

/// Steps of an append that need its data.
trait Project {
    async fn project(&self, unit: &mut Unit<'_>, before: &ConversationState) -> Result<Fold, StoreError>;
}

impl Project for Append {
    /// Gives the events their places and folds them.
    async fn project(&self, unit: &mut Unit<'_>, before: &ConversationState) -> Result<Fold, StoreError> {
        if let Some(event) = self.events.iter().find(|event| event.is_handoff()) {
            return Err(StoreError::Corrupt(format!("`{}` is made by a handoff command only", event.kind())));
        }
        let mut fold = Fold::new(before, unit.now);
        for body in &self.events {
            fold.push(body.clone())?;
        }
        if self.events.iter().any(|event| matches!(event, EventBody::CitizenMessage(_))) {
            let here = circumstances(unit, &fold.state, &Asked::Nothing).await?;
            if let Some(body) = fold.state.handoff.on_citizen_message(&here) {
                fold.push(body)?;
            }
        }
        if let Some(command) = &self.handoff {
            let here = circumstances(unit, &fold.state, &Asked::of(command, &fold.state)).await?;
            for body in fold.state.handoff.perform(command, &here)? {
                fold.push(body)?;
            }
        }
        Ok(fold)
    }
}

/// What the audit trail holds of an event that changes who has a conversation.
fn transition(event: &Event, state: &ConversationState) -> Option<AuditEntry> {
    let (agent, by_citizen) = event.body.changes_hands()?;
    let actor = agent.and_then(|agent| Some(AuditActor::person(agent.id?, agent.name.clone())));
    let entry =
        AuditEntry::new(actor.unwrap_or(AuditActor::System), format!("handoff.{}", event.body.kind()))
            .on("conversation", state.conversation)
            .with("seq", event.seq)
            .with("citizen", by_citizen);
    let outcome = match &event.body {
        EventBody::AgentLeft(left) => serde_json::to_value(left.outcome).ok(),
        EventBody::OfferEnded(ended) => serde_json::to_value(ended.why).ok(),
        EventBody::Closed(closed) => serde_json::to_value(closed.by).ok(),
        EventBody::Escalated(escalated) => serde_json::to_value(escalated.reason).ok(),
        _ => None,
    };
    Some(match outcome {
        Some(outcome) => entry.with("outcome", outcome),
        None => entry,
    })
}

/// A place in the queue that a command asks about.
enum Asked {
    Nothing,
    /// Of a new ticket with this reason.
    Place(EscalationReason),
}

impl Asked {
    fn of(command: &HandoffCommand, state: &ConversationState) -> Self {
        match command {
            HandoffCommand::Escalate { reason, .. } => Self::Place(*reason),
            HandoffCommand::RequestCallback { .. } if state.status() == Status::Bot => {
                Self::Place(EscalationReason::Asked)
            }
            HandoffCommand::Reopen { .. } => Self::Place(EscalationReason::Reopened),
            _ => Self::Nothing,
        }
    }
}

/// What a transition depends on. The queue is looked at only where the command asks about it.
async fn circumstances(
    unit: &mut Unit<'_>,
    state: &ConversationState,
    asked: &Asked,
) -> Result<Circumstances, StoreError> {
    let here = state.circumstances(unit.now, unit.rules.limits);
    // Who went away while waiting comes back to the old place.
    let rank = match (&state.handoff, asked) {
        (Handoff::Abandoned { ticket, .. }, _) => ticket.rank(),
        (_, Asked::Place(reason)) => unit.now.minus(Priority::of(*reason, state.voice).head_start()),
        (_, Asked::Nothing) => return Ok(here),
    };
    let position = 1 + rows::waiting_before(unit.connection, rank).await?;
    let wait = handoff::wait(unit, state, position).await?;
    Ok(Circumstances { position, wait, opening: unit.rules.hours.at(unit.now), ..here })
}

/// A state with the events that led to it, and what they count for.
struct Fold {
    state: ConversationState,
    events: Vec<Event>,
    tally: Tally,
    at: Timestamp,
}

impl Fold {
    fn new(before: &ConversationState, now: Timestamp) -> Self {
        // The machine's clock may be set back; a log never runs backwards.
        let (state, at) = (before.clone(), now.max(before.last_at));
        Self { state, events: Vec::new(), tally: Tally::default(), at }
    }

    fn push(&mut self, body: EventBody) -> Result<(), StoreError> {
        let event = Event { seq: self.state.last_seq + 1, at: self.at, body };
        self.tally.event(Some(&self.state), &event);
        self.state.apply(&event).map_err(corrupt)?;
        self.events.push(event);
        Ok(())
    }
}

fn check_expected(append: &Append, state: &ConversationState) -> Result<(), StoreError> {
    let after_the_end =
        matches!(append.handoff, Some(HandoffCommand::Reopen { .. } | HandoffCommand::TimePassed));
    // How it was can be said when it is over.
    let only_rated = append.handoff.is_none()
        && !append.events.is_empty()
        && append.events.iter().all(|event| matches!(event, EventBody::Rated(_)));
    if state.status() == Status::Closed && !(only_rated || (after_the_end && append.events.is_empty())) {
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
    connection: &mut AnyConnection,
    append: &Append,
    key: &MessageKey,
) -> Result<Option<Option<u64>>, StoreError> {
    let seq: Option<Option<i64>> = sqlx::query_scalar(
        "SELECT seq FROM client_messages WHERE conversation = $1 AND sender = $2 AND id = $3",
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
    connection: &mut AnyConnection,
    append: &Append,
    key: &MessageKey,
    seq: Option<u64>,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO client_messages (conversation, sender, id, seq) VALUES ($1, $2, $3, $4)")
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
    connection: &mut AnyConnection,
    key: &DataKey,
    state: &ConversationState,
    event: &Event,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO events (conversation, seq, at, body) VALUES ($1, $2, $3, $4)")
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
    connection: &mut AnyConnection,
    key: &DataKey,
    before: &ConversationState,
    state: &ConversationState,
) -> Result<(), StoreError> {
    let holder = state.handoff.holder();
    let (ticket, offer) = (state.handoff.ticket(), state.handoff.offer());
    sqlx::query(
        "UPDATE conversations SET status = $1, last_seq = $2, last_at = $3, state = $4, holder = $5, claimed_at = $6, \
         queue_rank = $7, deadline = $8, offered_to = $9, weight = $10 WHERE id = $11",
    )
    .bind(state.status().as_str())
    .bind(state.last_seq.cast_signed())
    .bind(state.last_at.as_millis())
    .bind(key.seal_state(state)?)
    .bind(holder.map(|holder| holder.id.to_string()))
    .bind(holder.map(|holder| holder.claimed_at.as_millis()))
    .bind(ticket.map(|ticket| ticket.rank().as_millis()))
    .bind(state.handoff.deadline().map(Timestamp::as_millis))
    .bind(offer.map(|offer| offer.agent.id.to_string()))
    .bind(i64::from(weight(state.voice)))
    .bind(state.conversation.to_string())
    .execute(&mut *connection)
    .await
    .or_unavailable()?;
    let escalation = |handoff: &Handoff| handoff.ticket().map(|ticket| ticket.escalation);
    if escalation(&before.handoff) != escalation(&state.handoff) {
        save_queue_number(connection, state).await?;
    }
    // What an agent gave back or lost says nothing about how long such matters take.
    let settled = matches!(state.status(), Status::Bot | Status::Wrapping | Status::Closed);
    if let (Handoff::Assigned { holder, .. }, true) = (&before.handoff, settled) {
        handoff::remember_handling(connection, state.last_at.since(holder.claimed_at)).await?;
    }
    Ok(())
}

/// A new escalation goes to the end of the queue; one that is over leaves it.
async fn save_queue_number(
    connection: &mut AnyConnection,
    state: &ConversationState,
) -> Result<(), StoreError> {
    let sql = if state.handoff.ticket().is_some() && is_shared(connection) {
        "UPDATE conversations SET queue_number = nextval('queue_numbers') WHERE id = $1"
    } else if state.handoff.ticket().is_some() {
        "UPDATE conversations SET queue_number = \
         1 + (SELECT coalesce(max(queue_number), 0) FROM conversations WHERE queue_number IS NOT NULL) WHERE id = $1"
    } else {
        "UPDATE conversations SET queue_number = NULL WHERE id = $1"
    };
    sqlx::query(sql).bind(state.conversation.to_string()).execute(connection).await.or_unavailable()?;
    Ok(())
}

pub(in crate::store) fn corrupt(error: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(error.to_string())
}
