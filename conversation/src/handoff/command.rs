//! Transitions that are wanted, and why some cannot be.

use std::time::Duration;

use intents::EscalationReason;
use language::Language;

use super::{Actor, AttemptOutcome, Status};
use crate::event::{ClosedBy, SoundRef};
use crate::ids::{AgentId, EscalationId, OfferId};
use crate::time::Timestamp;
use crate::wait::{Opening, WaitRange};

/// How long things may take. An operator's configuration; the defaults are what a small hotline would choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandoffLimits {
    /// An offer that nobody takes goes back to the queue after this much time.
    pub offer_for: Duration,
    /// An agent who has settled a matter has this much time for its notes.
    pub wrap_up_for: Duration,
    /// A citizen who hung up while waiting keeps their place for this much time.
    pub abandoned_for: Duration,
    /// A settled matter can be opened again within this much time.
    pub reopen_within: Duration,
    /// So many calls back are tried before a request is given up.
    pub callback_attempts: usize,
    /// Nothing is set aside for longer than this.
    pub longest_snooze: Duration,
}

impl Default for HandoffLimits {
    fn default() -> Self {
        Self {
            offer_for: Duration::from_secs(30),
            wrap_up_for: Duration::from_mins(3),
            abandoned_for: Duration::from_mins(15),
            reopen_within: Duration::from_hours(24),
            callback_attempts: 3,
            longest_snooze: Duration::from_hours(24 * 14),
        }
    }
}

/// What a transition depends on besides the handoff itself.
#[derive(Clone, Debug)]
pub struct Circumstances {
    /// The conversation's language, in which the citizen is told.
    pub language: Language,
    /// The moment.
    pub now: Timestamp,
    /// The place in the queue that an escalation would get, 1 = next.
    pub position: u32,
    /// How long the citizen may have to wait, where that is known.
    pub wait: Option<WaitRange>,
    /// Whether people are at work.
    pub opening: Opening,
    /// Whether the citizen speaks.
    pub voice: bool,
    /// The agent who had the conversation last.
    pub last_agent: Option<Actor>,
    /// When the conversation last moved.
    pub last_at: Timestamp,
    /// How long things may take.
    pub limits: HandoffLimits,
}

impl Circumstances {
    /// Ordinary ones: people are at work, nobody else waits, and nothing is known about how long it takes.
    pub fn at(now: Timestamp, language: Language) -> Self {
        Self {
            language,
            now,
            position: 1,
            wait: None,
            opening: Opening::Open,
            voice: false,
            last_agent: None,
            last_at: now,
            limits: HandoffLimits::default(),
        }
    }
}

/// A transition that is wanted, as a value: what a [`crate::Store`] is asked to do inside its transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandoffCommand {
    /// `Bot → Queued`. Appends `escalated`.
    Escalate {
        /// The new escalation's id.
        escalation: EscalationId,
        /// Why.
        reason: EscalationReason,
    },
    /// `Queued | Offered | Callback | Abandoned → Bot`, by the citizen. Appends `escalation_cancelled`.
    Cancel,
    /// `Queued → Offered`: one agent is asked. Appends `offered`.
    Offer {
        /// The offer's token.
        offer: OfferId,
        /// Who.
        agent: Actor,
    },
    /// `Offered → Assigned`. Appends `agent_joined`.
    Accept {
        /// Which offer.
        offer: OfferId,
        /// Who.
        agent: Actor,
    },
    /// `Offered → Queued`, with the original queue time. Appends `offer_ended`.
    Decline {
        /// Which offer.
        offer: OfferId,
        /// Who.
        agent: Actor,
    },
    /// `Queued | Callback | (Offered to this agent) → Assigned`. Appends `agent_joined`; nothing where this agent has the conversation already.
    Claim {
        /// Who.
        agent: Actor,
    },
    /// Stays `Assigned`. Appends `agent_message`. Also by a supervisor who has joined.
    Message {
        /// Who.
        agent: Actor,
        /// The words; empty where they are only spoken.
        text: String,
        /// The words as the agent spoke them.
        sound: Option<SoundRef>,
    },
    /// `Assigned → Bot`. Appends `agent_left`.
    Return {
        /// Who.
        agent: Actor,
        /// For the desk only.
        note: Option<String>,
    },
    /// `Assigned → Queued`, with the original queue time. Appends `agent_left`.
    Requeue {
        /// Who.
        agent: Actor,
        /// For the desk only.
        note: Option<String>,
        /// What the next agent should know about; empty keeps what is demanded.
        skills: Vec<String>,
    },
    /// `Assigned → Offered` to a colleague; who does not take it sends it back to the queue with the original time. Appends `agent_left` and `offered`.
    Transfer {
        /// Who.
        agent: Actor,
        /// To whom.
        to: Actor,
        /// The offer's token.
        offer: OfferId,
        /// For the colleague.
        note: Option<String>,
    },
    /// `Assigned → Snoozed`. Appends `snoozed`.
    Snooze {
        /// Who.
        agent: Actor,
        /// Until when.
        until: Timestamp,
        /// For the desk only.
        note: Option<String>,
    },
    /// `Snoozed → Assigned`, by its agent. Appends `woken`.
    Wake {
        /// Who.
        agent: Actor,
    },
    /// `Assigned → Closed`, or `→ Wrapping` where the agent still has notes to write. Appends `agent_left`, and `closed`.
    Resolve {
        /// Who.
        agent: Actor,
        /// Whether notes follow ([`HandoffCommand::WrapUp`]).
        wrap_up: bool,
    },
    /// `Wrapping → Closed`. Appends `wrapped_up` and `closed`.
    WrapUp {
        /// Who.
        agent: Actor,
        /// What came of it: a code of the operator's.
        disposition: Option<String>,
        /// For the desk only.
        note: Option<String>,
    },
    /// `Bot | Queued | Offered → Callback`. Appends `callback_requested`, and `escalated` before it where there was no escalation.
    RequestCallback {
        /// The new escalation's id, where there is none.
        escalation: EscalationId,
        /// The number ([`super::dialable`]).
        number: String,
        /// Not before …
        from: Timestamp,
        /// … and rather not after.
        until: Timestamp,
    },
    /// `Assigned → Callback`, or stays where the citizen was reached; `→ Closed` after the last attempt. Appends `callback_attempted`.
    CallbackAttempt {
        /// Who.
        agent: Actor,
        /// What came of it.
        outcome: AttemptOutcome,
        /// When to try again: from and until; the same as before where absent.
        again: Option<(Timestamp, Timestamp)>,
    },
    /// `Queued | Offered → Abandoned`: the citizen has gone while waiting, but keeps their place for a while. Appends `abandoned`.
    Abandon,
    /// `Abandoned → Queued`, at the old place; `Closed → Queued` within a day, to the same agent if they can. Appends `reopened`.
    Reopen {
        /// The new escalation's id, where the old one is over.
        escalation: EscalationId,
    },
    /// `Assigned → Queued`, with the original queue time. Appends `agent_left`.
    Lost {
        /// Whose connection was lost.
        agent: AgentId,
    },
    /// Whatever state it is in and whoever has it: to that agent, or back to the queue. Appends `agent_left` or `offer_ended`, and `agent_joined`.
    Reassign {
        /// The supervisor.
        by: Actor,
        /// To whom; `None`: the queue.
        to: Option<Actor>,
        /// For the desk only.
        note: Option<String>,
    },
    /// Stays `Assigned`: a supervisor takes part. Appends `supervisor_joined`.
    Join {
        /// Who.
        supervisor: Actor,
    },
    /// Stays `Assigned`: the supervisor is gone. Appends `supervisor_left`.
    Depart {
        /// Who.
        supervisor: Actor,
    },
    /// `… → Closed`. Appends `closed`, and `agent_left` before it where an agent had the conversation.
    Close {
        /// Who ends it: the citizen, or nobody (idle).
        by: ClosedBy,
    },
    /// Does what is due by now ([`super::Handoff::deadline`]); nothing where nothing is.
    TimePassed,
}

/// Why a transition cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IllegalTransition {
    /// A conversation has at most one open escalation.
    #[error("the conversation already waits for a person or has one")]
    AlreadyEscalated,
    /// Only a waiting conversation can be claimed, offered or taken back.
    #[error("the conversation is not waiting for a person; it is {status}")]
    NotWaiting {
        /// What it is.
        status: Status,
    },
    /// Another agent was first.
    #[error("{winner} has already taken the conversation")]
    AlreadyClaimed {
        /// The other agent's name.
        winner: String,
    },
    /// It is being offered to another agent.
    #[error("the conversation is being offered to {to}")]
    OfferedToAnother {
        /// The other agent's name.
        to: String,
    },
    /// The offer is over: it was taken, declined or too late.
    #[error("this offer is over")]
    OfferOver,
    /// Only the agent who has the conversation may do this.
    #[error("only the agent who has the conversation may do this")]
    NotHolder {
        /// Who has it, where somebody does.
        holder: Option<String>,
    },
    /// It is not in the state for that.
    #[error("that cannot be done while the conversation is {status}")]
    NotNow {
        /// What it is.
        status: Status,
    },
    /// A waiting or assigned conversation does not end by idling.
    #[error("a conversation that is {status} does not end by idling")]
    NotIdle {
        /// What it is.
        status: Status,
    },
    /// The time is not one that makes sense.
    #[error("{0}")]
    BadTime(&'static str),
    /// The number cannot be dialled.
    #[error("this is no telephone number: three to fifteen digits, with a plus sign at most in front")]
    BadNumber,
    /// There is no call back to be made.
    #[error("no call back was asked for")]
    NoCallback,
    /// It was closed too long ago, or not by a person.
    #[error("the conversation can not be opened again; begin a new one")]
    NotReopenable,
    /// The conversation is over.
    #[error("the conversation is over")]
    Closed,
}
