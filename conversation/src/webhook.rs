//! Telling other systems (a ticket system, another desk) what happens: a delivery is written in the transaction of the
//! event that it tells of, and stays until its receiver has taken it.
//!
//! A delivery never holds what a citizen or an agent wrote: whoever may read that asks for the conversation. What is
//! delivered follows Standard Webhooks (<https://www.standardwebhooks.com>): `{type, timestamp, data}`, signed.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use language::Language;
use serde::Serialize;

use crate::audit::AuditActor;
use crate::event::{Channel, Event, EventBody};
use crate::handoff::{Actor, Priority, Status};
use crate::ids::{ConversationId, EscalationId};
use crate::state::ConversationState;
use crate::store::StoreError;
use crate::time::Timestamp;

/// A receiver and what it wants to hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// Its name.
    pub name: String,
    /// The events' kinds ([`EventBody::kind`]); empty: everything that changes who has a conversation.
    pub kinds: BTreeSet<String>,
}

impl Hook {
    /// Whether it wants to hear of an event.
    pub fn wants(&self, event: &EventBody) -> bool {
        if self.kinds.is_empty() {
            return event.changes_hands().is_some() || matches!(event, EventBody::Closed(_));
        }
        self.kinds.contains(event.kind())
    }
}

/// A delivery that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The same for every attempt: receivers know by it what they have.
    pub id: String,
    /// To which [`Hook`].
    pub hook: String,
    /// `conversation.` and the event's kind.
    pub kind: String,
    /// The JSON text, byte for byte as it is signed.
    pub body: String,
    /// Since when it waits.
    pub at: Timestamp,
    /// Attempts before this one.
    pub attempts: u32,
    /// When it is tried next; `None` once it was given up.
    pub next_at: Option<Timestamp>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempted {
    /// The receiver has it.
    Delivered,
    /// It does not; the delivery is tried again then, or given up where there is no time.
    Failed {
        /// Why, in a few words.
        error: String,
        /// When to try again.
        next_at: Option<Timestamp>,
    },
}

/// Keeps deliveries.
#[async_trait]
pub trait Deliveries {
    /// From now on these are told.
    fn set_hooks(&self, hooks: Vec<Hook>);

    /// Up to `limit` deliveries that are due to the hooks that are set, for the caller alone during `lease`: a caller that
    /// dies loses them to others.
    async fn take_deliveries(&self, lease: Duration, limit: u32) -> Result<Vec<Delivery>, StoreError>;

    /// What became of one that was taken.
    async fn delivery_attempted(&self, id: &str, attempted: Attempted) -> Result<(), StoreError>;

    /// What has not been delivered, the oldest first.
    async fn undelivered(&self, limit: u32) -> Result<Vec<Delivery>, StoreError>;

    /// Tries everything now that failed before, also what was given up; tells how much that is.
    async fn retry_deliveries(&self, by: AuditActor, hook: Option<String>) -> Result<u64, StoreError>;
}

/// What a delivery says. Written out here, field by field, so that nothing gets into it unnoticed.
#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    timestamp: Timestamp,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    conversation: ConversationId,
    seq: u64,
    status: Status,
    language: Language,
    channel: Channel,
    voice: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    escalation: Option<EscalationId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<Priority>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_since: Option<Timestamp>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    skills: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<Actor>,
    by_citizen: bool,
}

/// The kind and the JSON text of a delivery about `event`, after which the conversation is `state`.
///
/// # Errors
/// Where it cannot be written as JSON, which does not happen.
pub fn body(event: &Event, state: &ConversationState) -> Result<(String, String), serde_json::Error> {
    let kind = format!("conversation.{}", event.body.kind());
    let ticket = state.handoff.ticket();
    let (agent, by_citizen) = event.body.changes_hands().unwrap_or_default();
    let acting = agent.and_then(|agent| Some(Actor { id: agent.id?, name: agent.name.clone() }));
    let holder = || state.handoff.holder().map(|holder| Actor { id: holder.id, name: holder.name.clone() });
    let body = Body {
        r#type: kind.clone(),
        timestamp: event.at,
        data: Data {
            conversation: state.conversation,
            seq: event.seq,
            status: state.status(),
            language: state.language,
            channel: state.channel,
            voice: state.voice,
            escalation: ticket.map(|ticket| ticket.escalation),
            priority: ticket.map(|ticket| ticket.priority),
            waiting_since: ticket.map(|ticket| ticket.since),
            skills: ticket.map_or(&[], |ticket| &ticket.skills),
            agent: acting.or_else(holder),
            by_citizen: by_citizen || matches!(event.body, EventBody::CitizenMessage(_)),
        },
    };
    Ok((kind, serde_json::to_string(&body)?))
}
