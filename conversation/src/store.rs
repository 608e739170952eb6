//! The seam behind which conversations are kept.
//!
//! A [`Store`] appends events, keeps the projection beside them in the same transaction, and tells subscribers after
//! the commit. **What a method reports as done is on disk**: it survives the process and the machine's power supply.
//! Two implementations share one test suite: SQLite, and (later) PostgreSQL.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use intents::EscalationReason;
use language::Language;
use serde::{Deserialize, Serialize};

use crate::audit::AuditTrail;
use crate::erasure::{Erasure, PlaceBehind};
use crate::event::{Channel, Event, EventBody};
use crate::figures::Figures;
use crate::handoff::{Actor, Callback, HandoffCommand, IllegalTransition, Offer, Priority, Status};
use crate::ids::{AgentId, ConversationId, EscalationId, MessageId, TokenHash};
use crate::papers::Papers;
use crate::people::People;
use crate::recordings::Recordings;
use crate::routing::{AtDesk, HandoffRules, Presence};
use crate::signal::{NodeSignal, NodeSignalFeed};
use crate::sounds::Sounds;
use crate::state::ConversationState;
use crate::time::Timestamp;
use crate::webhook::Deliveries;

/// A conversation that begins. Its first event is `started`.
#[derive(Clone, Debug)]
pub struct NewConversation {
    /// Its id.
    pub id: ConversationId,
    /// The hash of the token that opens it.
    pub token: TokenHash,
    /// The language to begin in.
    pub language: Language,
    /// Through which door.
    pub channel: Channel,
    /// Whether spoken answers were asked for.
    pub voice: bool,
    /// The id of the telephone call that it is, as the PBX knows it: opaque, and found again by [`Store::conversation_of_call`].
    pub call: Option<String>,
}

/// Who wrote a message that must be accepted once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sender {
    /// The conversation's citizen.
    Citizen,
    /// An agent.
    Agent(AgentId),
}

/// Names a client's durable message; the same key is accepted once per conversation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MessageKey {
    /// Who wrote it.
    pub sender: Sender,
    /// The client's id of it.
    pub id: MessageId,
}

impl MessageKey {
    /// A citizen's message.
    pub const fn citizen(id: MessageId) -> Self {
        Self { sender: Sender::Citizen, id }
    }

    /// An agent's message.
    pub const fn agent(agent: AgentId, id: MessageId) -> Self {
        Self { sender: Sender::Agent(agent), id }
    }
}

/// What the conversation must still be for an append to make sense; anything else is [`StoreError::Stale`].
/// An answer that was looked for while the assistant had the conversation must not appear after an agent took it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expect {
    /// Its last event.
    pub last_seq: Option<u64>,
    /// Who has it.
    pub status: Option<Status>,
}

impl Expect {
    /// Anything but closed.
    pub const ANY: Self = Self { last_seq: None, status: None };

    /// The assistant has it.
    pub const BOT: Self = Self { last_seq: None, status: Some(Status::Bot) };
}

/// Events to be appended in one transaction: first `events`, then those of `handoff`.
#[derive(Clone, Debug)]
pub struct Append {
    /// To which conversation.
    pub conversation: ConversationId,
    /// The client's message that causes it: accepted once, whatever it appends.
    pub key: Option<MessageKey>,
    /// What the conversation must still be.
    pub expect: Expect,
    /// What happened. Handoff events never stand here: only a [`HandoffCommand`] makes them.
    pub events: Vec<EventBody>,
    /// A transition of the handoff, in the state after `events`.
    pub handoff: Option<HandoffCommand>,
}

impl Append {
    /// Appends nothing yet.
    pub const fn to(conversation: ConversationId) -> Self {
        Self { conversation, key: None, expect: Expect::ANY, events: Vec::new(), handoff: None }
    }

    /// … caused by this message.
    #[must_use]
    pub fn because_of(mut self, key: MessageKey) -> Self {
        self.key = Some(key);
        self
    }

    /// … provided that.
    #[must_use]
    pub const fn expecting(mut self, expect: Expect) -> Self {
        self.expect = expect;
        self
    }

    /// … this event.
    #[must_use]
    pub fn event(mut self, event: EventBody) -> Self {
        self.events.push(event);
        self
    }

    /// … and then this transition.
    #[must_use]
    pub fn then(mut self, handoff: HandoffCommand) -> Self {
        self.handoff = Some(handoff);
        self
    }
}

/// What an append did.
#[derive(Clone, Debug, PartialEq)]
pub enum Appended {
    /// It is durable now.
    New {
        /// The events with their places; empty where nothing had to be appended.
        events: Arc<[Event]>,
        /// The conversation after them.
        state: Box<ConversationState>,
    },
    /// The client's message had been accepted before; nothing was changed.
    Already {
        /// The first event it made then, where it made one.
        seq: Option<u64>,
    },
}

impl Appended {
    /// The first event that the message made, now or before: the `seq` of `accepted`.
    pub fn first_seq(&self) -> Option<u64> {
        match self {
            Self::New { events, .. } => events.first().map(|event| event.seq),
            Self::Already { seq } => *seq,
        }
    }
}

/// An open escalation in a list of the desk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueItem {
    /// The escalation.
    pub escalation: EscalationId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// The conversation's language.
    pub language: Language,
    /// Why it waits.
    pub reason: EscalationReason,
    /// The original queue time.
    pub since: Timestamp,
    /// What it is now.
    pub status: Status,
    /// How soon somebody must see it.
    pub priority: Priority,
    /// Place among all that wait, 1 = next; 0 for one that somebody has.
    pub position: u32,
    /// Whether the citizen speaks.
    pub voice: bool,
    /// The beginning of the citizen's last message, without personal numbers.
    pub preview: String,
    /// When it was claimed, for one that somebody has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_at: Option<Timestamp>,
    /// Who has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Actor>,
    /// The offer that is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<Offer>,
    /// When time alone changes something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// What an agent should know about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skills: Vec<String>,
    /// The call back that is to be made, its number masked for who does not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback: Option<Callback>,
}

/// Something that was committed.
#[derive(Clone, Debug, PartialEq)]
pub struct Published {
    /// In which conversation.
    pub conversation: ConversationId,
    /// What, in order. At least one.
    pub events: Arc<[Event]>,
    /// The conversation after them.
    pub state: Arc<ConversationState>,
}

/// The subscriber was too slow and missed some: read again from the last `seq` it has ([`Store::events_after`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the subscriber fell behind and must read the log again")]
pub struct Lagged;

/// What was committed, as it happens.
#[async_trait]
pub trait Feed: Send {
    /// The next commit; `None` when the store has closed.
    ///
    /// # Errors
    /// [`Lagged`] where some were missed; the next call goes on after them.
    async fn next(&mut self) -> Result<Option<Published>, Lagged>;
}

/// That the queue changed, as it happens; changes may be joined.
#[async_trait]
pub trait QueueFeed: Send {
    /// Waits for the next change; false when the store has closed.
    async fn changed(&mut self) -> bool;
}

/// Why the store did not do it. Nothing was changed, except after [`StoreError::Unavailable`], where it is unknown
/// whether something was; a client's message id makes trying again safe.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such conversation, agent or session.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// Too many commands wait already; try again shortly.
    #[error("the store is busy")]
    Busy,
    /// The conversation is over.
    #[error("the conversation is over")]
    Closed,
    /// The conversation is not what was expected any more.
    #[error("the conversation has moved on ({0})")]
    Stale(Box<ConversationState>),
    /// The handoff does not allow it.
    #[error(transparent)]
    Handoff(#[from] IllegalTransition),
    /// An agent of this name exists.
    #[error("an agent of this name exists already")]
    NameTaken,
    /// Somebody changed the paper meanwhile.
    #[error("{kind} {id} has been changed meanwhile (version {version} now)")]
    PaperChanged {
        /// What it is.
        kind: crate::papers::PaperKind,
        /// Which.
        id: String,
        /// Its version now; 0 where it is gone.
        version: u64,
    },
    /// The database cannot be reached, is full, or failed.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What is stored makes no sense.
    #[error("the store holds something that makes no sense: {0}")]
    Corrupt(String),
}

/// Keeps conversations and the queue, with the people and the audit trail beside them. See the module for what it promises.
#[async_trait]
pub trait Store:
    People + AuditTrail + Deliveries + Papers + Recordings + Sounds + Figures + Send + Sync + fmt::Debug
{
    /// Begins a conversation: appends `started`.
    ///
    /// # Errors
    /// [`StoreError::Busy`], [`StoreError::Unavailable`].
    async fn create(&self, new: NewConversation) -> Result<ConversationState, StoreError>;

    /// The conversation that a token opens.
    async fn find_by_token(&self, token: &TokenHash) -> Result<Option<ConversationState>, StoreError>;

    /// The conversation that a telephone call was or is, by the id that the PBX knows the call by.
    async fn conversation_of_call(&self, call: &str) -> Result<Option<ConversationId>, StoreError>;

    /// A conversation by its id.
    async fn conversation(&self, id: ConversationId) -> Result<Option<ConversationState>, StoreError>;

    /// Appends events, moves the handoff, or both, in one transaction.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Closed`], [`StoreError::Stale`], [`StoreError::Handoff`],
    /// [`StoreError::Busy`], [`StoreError::Unavailable`].
    async fn append(&self, append: Append) -> Result<Appended, StoreError>;

    /// Up to `limit` events of a conversation with a `seq` greater than `seq`, in order.
    async fn events_after(
        &self,
        conversation: ConversationId,
        seq: u64,
        limit: u32,
    ) -> Result<Vec<Event>, StoreError>;

    /// All that wait for a person, in order of their original queue time.
    async fn waiting(&self) -> Result<Vec<QueueItem>, StoreError>;

    /// All that an agent has, in order of claiming.
    async fn held_by(&self, agent: AgentId) -> Result<Vec<QueueItem>, StoreError>;

    /// The place of a conversation in the queue, 1 = next; `None` where it does not wait.
    async fn queue_position(&self, conversation: ConversationId) -> Result<Option<u32>, StoreError>;

    /// A sign of life of an agent.
    async fn heartbeat(&self, agent: AgentId) -> Result<(), StoreError>;

    /// From now on conversations are handed over by these rules.
    fn set_rules(&self, rules: HandoffRules);

    /// All escalations that are open, in whatever state, in order of their queue time.
    async fn open_escalations(&self) -> Result<Vec<QueueItem>, StoreError>;

    /// All agents with what they are ready for and what they have, by name.
    async fn at_desk(&self) -> Result<Vec<AtDesk>, StoreError>;

    /// Sets what an agent is ready for; a sign of life.
    async fn set_presence(&self, agent: AgentId, presence: Presence) -> Result<(), StoreError>;

    /// Offers what waits to whoever is free ([`crate::routing::choose`]). Tells what to whom.
    async fn route(&self) -> Result<Vec<(ConversationId, AgentId)>, StoreError>;

    /// Does what is due by now ([`crate::Handoff::deadline`]). Tells where. A sweep, as those below.
    async fn do_what_is_due(&self) -> Result<Vec<ConversationId>, StoreError>;

    /// Gives back to the queue what agents have who gave no sign of life after `silent_since`. Tells which.
    async fn release_lost_agents(&self, silent_since: Timestamp) -> Result<Vec<ConversationId>, StoreError>;

    /// Closes what the assistant has and where nothing happened after `quiet_since`. Tells which.
    async fn close_idle(&self, quiet_since: Timestamp) -> Result<Vec<ConversationId>, StoreError>;

    /// Erases conversations that were closed before `before`, and deletes ended sessions. Tells how many conversations.
    /// A sweep takes a bounded number at a time, like the two above: call it again until there are none left.
    async fn delete_closed(&self, before: Timestamp) -> Result<u64, StoreError>;

    /// Erases a conversation: destroys its key and its rows; a mark without its words remains. False where there is no
    /// such conversation. Copies elsewhere learn of it by [`Self::settle_erasures`].
    async fn erase(&self, erasure: Erasure) -> Result<bool, StoreError>;

    /// Carries erasures on to the backups' key files, and out of every memory and log. Tells which could not be told;
    /// they are tried again by the next call.
    async fn settle_erasures(&self) -> Result<Vec<PlaceBehind>, StoreError>;

    /// Fails unless the store can read and takes commands.
    async fn check(&self) -> Result<(), StoreError>;

    /// What is committed in one conversation from now on.
    fn subscribe(&self, conversation: ConversationId) -> Box<dyn Feed>;

    /// What is committed in any conversation from now on.
    fn subscribe_all(&self) -> Box<dyn Feed>;

    /// Changes of the queue from now on.
    fn subscribe_queue(&self) -> Box<dyn QueueFeed>;

    /// Tells the other nodes, where there are any. Nothing is kept, and what fails is not told again.
    async fn signal(&self, signal: NodeSignal) -> Result<(), StoreError>;

    /// What other nodes tell from now on.
    fn subscribe_signals(&self) -> Box<dyn NodeSignalFeed>;

    /// Finishes what was accepted and closes; later commands are [`StoreError::Unavailable`].
    async fn close(&self);
}
