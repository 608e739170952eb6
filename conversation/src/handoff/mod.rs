//! Who has the conversation: the assistant, the queue, or a person.
//!
//! ```text
//!            escalate            offer              accept              resolve
//!   Bot ────────────────► Queued ─────► Offered ───────────► Assigned ─────────► Wrapping ─► Closed
//!    ▲  ◄─────cancel──────  ▲ ▲ ◄─decline, expiry─┘ ▲  claim ▲  │ ▲ │                          │
//!    │                      │ └──────────requeue, lost───────┼──┘ │ └─snooze─► Snoozed ─wake──┐│
//!    │                      │                                └────┼──────────────────────────-┘│
//!    └──────────────────────┼──────────────────────return─────────┘                            │
//!      Callback ◄─request── ┤ ──abandon─► Abandoned ─reopen─► (its old place in the queue)     │
//!         └──────claim─► Assigned ─attempted─► Callback        Queued ◄──────────reopen────────┘
//! ```
//!
//! A transition is a function of the current [`Handoff`] and its [`Circumstances`] that names the events it appends, or says with an
//! [`IllegalTransition`] why it cannot be. The next state is what folding those events gives
//! ([`crate::ConversationState::apply`]): there is no second truth. Never does time alone send a waiting
//! conversation back to the assistant, and nothing but an end takes its queue time from it.

mod command;
mod fold;
mod ticket;
mod transitions;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use command::{Circumstances, HandoffCommand, HandoffLimits, IllegalTransition};
pub(crate) use fold::Folded;
pub use ticket::{Attempt, AttemptOutcome, Callback, Priority, Ticket, dialable};

use crate::event::{AgentRef, ClosedBy};
use crate::ids::{AgentId, OfferId};
use crate::time::Timestamp;

/// Who has the conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Handoff {
    /// The assistant.
    Bot,
    /// Nobody yet: it waits for a person.
    Queued {
        /// What it waits with.
        ticket: Ticket,
    },
    /// One agent is asked whether they take it.
    Offered {
        /// What it waits with.
        ticket: Ticket,
        /// Who is asked.
        offer: Offer,
    },
    /// A person.
    Assigned {
        /// What it waited with.
        ticket: Ticket,
        /// Who.
        holder: Holder,
        /// Supervisors who take part.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        joined: Vec<Actor>,
    },
    /// A person, who has set it aside.
    Snoozed {
        /// What it waited with.
        ticket: Ticket,
        /// Who.
        holder: Holder,
        /// Until when, or until the citizen writes.
        until: Timestamp,
    },
    /// Nobody: the citizen is to be called back.
    Callback {
        /// What it waits with; `ticket.callback` says when and where.
        ticket: Ticket,
    },
    /// The matter is settled; its agent writes the notes.
    Wrapping {
        /// What it waited with.
        ticket: Ticket,
        /// Who.
        holder: Holder,
        /// It ends by itself then.
        until: Timestamp,
    },
    /// The citizen went away while waiting. Who comes back has the old place in the queue.
    Abandoned {
        /// What it waited with.
        ticket: Ticket,
        /// It ends by itself then.
        until: Timestamp,
    },
    /// It is over.
    Closed {
        /// Who ended it.
        by: ClosedBy,
    },
}

/// [`Handoff`] without its particulars, as stored and sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// The assistant has it.
    Bot,
    /// It waits for a person.
    Queued,
    /// One agent is asked.
    Offered,
    /// A person has it.
    Assigned,
    /// A person has set it aside.
    Snoozed,
    /// The citizen is to be called back.
    Callback,
    /// A person writes the notes.
    Wrapping,
    /// The citizen went away while waiting.
    Abandoned,
    /// It is over.
    Closed,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Bot,
        Self::Queued,
        Self::Offered,
        Self::Assigned,
        Self::Snoozed,
        Self::Callback,
        Self::Wrapping,
        Self::Abandoned,
        Self::Closed,
    ];

    /// The status as stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bot => "bot",
            Self::Queued => "queued",
            Self::Offered => "offered",
            Self::Assigned => "assigned",
            Self::Snoozed => "snoozed",
            Self::Callback => "callback",
            Self::Wrapping => "wrapping",
            Self::Abandoned => "abandoned",
            Self::Closed => "closed",
        }
    }

    /// Whether the citizen stands in the queue.
    pub const fn waits(self) -> bool {
        matches!(self, Self::Queued | Self::Offered)
    }

    /// Whether a person is to come: the citizen stands in the queue, waits for a call, or went away while waiting.
    pub const fn awaits_a_person(self) -> bool {
        matches!(self, Self::Queued | Self::Offered | Self::Callback | Self::Abandoned)
    }

    /// Whether a person has it and the assistant keeps silent: what the citizen says is for that person.
    pub const fn is_with_a_person(self) -> bool {
        matches!(self, Self::Assigned | Self::Snoozed | Self::Wrapping)
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// The person who has a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Holder {
    /// Their id.
    pub id: AgentId,
    /// The name shown to citizens.
    pub name: String,
    /// When they took it.
    pub claimed_at: Timestamp,
}

impl Holder {
    fn actor(&self) -> Actor {
        Actor { id: self.id, name: self.name.clone() }
    }
}

/// One agent is asked whether they take a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Offer {
    /// The offer's token: who answers must name it, so that an answer to an old offer never counts for a new one.
    pub id: OfferId,
    /// Who.
    pub agent: Actor,
    /// When it ends by itself.
    pub until: Timestamp,
    /// A colleague passed it on: it is not an offer to whoever is free.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub transferred: bool,
}

/// An agent who does something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Actor {
    /// Their id.
    pub id: AgentId,
    /// The name shown to citizens.
    pub name: String,
}

impl Actor {
    fn reference(&self) -> AgentRef {
        AgentRef { id: Some(self.id), name: self.name.clone() }
    }
}

impl Handoff {
    /// Which state it is.
    pub const fn status(&self) -> Status {
        match self {
            Self::Bot => Status::Bot,
            Self::Queued { .. } => Status::Queued,
            Self::Offered { .. } => Status::Offered,
            Self::Assigned { .. } => Status::Assigned,
            Self::Snoozed { .. } => Status::Snoozed,
            Self::Callback { .. } => Status::Callback,
            Self::Wrapping { .. } => Status::Wrapping,
            Self::Abandoned { .. } => Status::Abandoned,
            Self::Closed { .. } => Status::Closed,
        }
    }

    /// The open escalation.
    pub const fn ticket(&self) -> Option<&Ticket> {
        match self {
            Self::Queued { ticket }
            | Self::Offered { ticket, .. }
            | Self::Assigned { ticket, .. }
            | Self::Snoozed { ticket, .. }
            | Self::Callback { ticket }
            | Self::Wrapping { ticket, .. }
            | Self::Abandoned { ticket, .. } => Some(ticket),
            Self::Bot | Self::Closed { .. } => None,
        }
    }

    /// The person who has the conversation, be it set aside or settled.
    pub const fn holder(&self) -> Option<&Holder> {
        match self {
            Self::Assigned { holder, .. } | Self::Snoozed { holder, .. } | Self::Wrapping { holder, .. } => {
                Some(holder)
            }
            _ => None,
        }
    }

    /// The offer that is open.
    pub const fn offer(&self) -> Option<&Offer> {
        match self {
            Self::Offered { offer, .. } => Some(offer),
            _ => None,
        }
    }

    /// When time alone changes something ([`HandoffCommand::TimePassed`]).
    pub const fn deadline(&self) -> Option<Timestamp> {
        match self {
            Self::Offered { offer, .. } => Some(offer.until),
            Self::Snoozed { until, .. } | Self::Wrapping { until, .. } | Self::Abandoned { until, .. } => {
                Some(*until)
            }
            Self::Bot
            | Self::Queued { .. }
            | Self::Assigned { .. }
            | Self::Callback { .. }
            | Self::Closed { .. } => None,
        }
    }
}
