//! Who has the conversation: the assistant, the queue, or a person.
//!
//! ```text
//!            escalate              claim
//!   Bot ───────────────► Queued ───────────► Assigned ──resolve──► Closed
//!    ▲  ◄─────cancel─────   ▲  ◄─requeue, lost──  │
//!    └──────────────────────┼───────return────────┘        Bot, Queued, Assigned ──close──► Closed
//! ```
//!
//! A transition is a function of the current [`Handoff`] that names the events it appends, or says with an
//! [`IllegalTransition`] why it cannot be. The next state is what folding those events gives
//! ([`crate::ConversationState::apply`]): there is no second truth. Never does time alone send a waiting
//! conversation back to the assistant.

use intents::EscalationReason;
use language::Language;
use serde::{Deserialize, Serialize};

use crate::event::{
    AgentJoined, AgentLeft, AgentMessage, AgentRef, Closed, ClosedBy, Escalated, EscalationCancelled,
    EventBody, Outcome,
};
use crate::ids::{AgentId, EscalationId};
use crate::phrases::Phrase;
use crate::time::Timestamp;

/// Who has the conversation. `Offered`, `Wrapping`, `Snoozed` and `Callback` will join.
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
    /// A person.
    Assigned {
        /// What it waited with.
        ticket: Ticket,
        /// Who.
        holder: Holder,
    },
    /// It is over.
    Closed {
        /// Who ended it.
        by: ClosedBy,
    },
}

/// [`Handoff`] without its particulars, as stored and sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// The assistant has it.
    Bot,
    /// It waits for a person.
    Queued,
    /// A person has it.
    Assigned,
    /// It is over.
    Closed,
}

impl Status {
    /// The status as stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bot => "bot",
            Self::Queued => "queued",
            Self::Assigned => "assigned",
            Self::Closed => "closed",
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// One request for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// Its id.
    pub escalation: EscalationId,
    /// Why.
    pub reason: EscalationReason,
    /// The queue time; kept when the conversation comes back to the queue.
    pub since: Timestamp,
}

/// The person who has a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Their id.
    pub id: AgentId,
    /// The name shown to citizens.
    pub name: String,
    /// When they took it.
    pub claimed_at: Timestamp,
}

/// An agent who does something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// A transition that is wanted, as a value: what a [`crate::Store`] is asked to do inside its transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandoffCommand {
    /// See [`Handoff::escalate`].
    Escalate {
        /// The new escalation's id.
        escalation: EscalationId,
        /// Why.
        reason: EscalationReason,
    },
    /// See [`Handoff::cancel`].
    Cancel,
    /// See [`Handoff::claim`].
    Claim {
        /// Who.
        agent: Actor,
    },
    /// See [`Handoff::message`].
    Message {
        /// Who.
        agent: Actor,
        /// The words.
        text: String,
    },
    /// See [`Handoff::leave`] with [`Outcome::Returned`].
    Return {
        /// Who.
        agent: Actor,
        /// For the desk only.
        note: Option<String>,
    },
    /// See [`Handoff::leave`] with [`Outcome::Requeued`].
    Requeue {
        /// Who.
        agent: Actor,
        /// For the desk only.
        note: Option<String>,
    },
    /// See [`Handoff::leave`] with [`Outcome::Resolved`].
    Resolve {
        /// Who.
        agent: Actor,
    },
    /// See [`Handoff::lost`].
    Lost {
        /// Whose connection was lost.
        agent: AgentId,
    },
    /// See [`Handoff::close`].
    Close {
        /// Who ends it: the citizen, or nobody (idle).
        by: ClosedBy,
    },
}

/// Why a transition cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IllegalTransition {
    /// A conversation has at most one open escalation.
    #[error("the conversation already waits for a person or has one")]
    AlreadyEscalated,
    /// Only a waiting conversation can be claimed or taken back.
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
    /// Only the agent who has the conversation may do this.
    #[error("only the agent who has the conversation may do this")]
    NotHolder {
        /// Who has it, where somebody does.
        holder: Option<String>,
    },
    /// A waiting or assigned conversation does not end by idling.
    #[error("a conversation that is {status} does not end by idling")]
    NotIdle {
        /// What it is.
        status: Status,
    },
    /// The conversation is over.
    #[error("the conversation is over")]
    Closed,
}

impl Handoff {
    /// Which state it is.
    pub const fn status(&self) -> Status {
        match self {
            Self::Bot => Status::Bot,
            Self::Queued { .. } => Status::Queued,
            Self::Assigned { .. } => Status::Assigned,
            Self::Closed { .. } => Status::Closed,
        }
    }

    /// The open escalation.
    pub const fn ticket(&self) -> Option<&Ticket> {
        match self {
            Self::Queued { ticket } | Self::Assigned { ticket, .. } => Some(ticket),
            Self::Bot | Self::Closed { .. } => None,
        }
    }

    /// The person who has the conversation.
    pub const fn holder(&self) -> Option<&Holder> {
        match self {
            Self::Assigned { holder, .. } => Some(holder),
            Self::Bot | Self::Queued { .. } | Self::Closed { .. } => None,
        }
    }

    /// Does what a command says. `position` is the place in the queue that an escalation would get.
    ///
    /// # Errors
    /// As the transition that the command names.
    pub fn perform(
        &self,
        command: &HandoffCommand,
        language: Language,
        position: u32,
    ) -> Result<Vec<EventBody>, IllegalTransition> {
        match command {
            HandoffCommand::Escalate { escalation, reason } => {
                self.escalate(*escalation, *reason, position, language)
            }
            HandoffCommand::Cancel => self.cancel(language),
            HandoffCommand::Claim { agent } => self.claim(agent, language),
            HandoffCommand::Message { agent, text } => self.message(agent, text, language),
            HandoffCommand::Return { agent, note } => {
                self.leave(agent, Outcome::Returned, note.clone(), language)
            }
            HandoffCommand::Requeue { agent, note } => {
                self.leave(agent, Outcome::Requeued, note.clone(), language)
            }
            HandoffCommand::Resolve { agent } => self.leave(agent, Outcome::Resolved, None, language),
            HandoffCommand::Lost { agent } => self.lost(*agent, language),
            HandoffCommand::Close { by } => self.close(*by, language),
        }
    }

    /// `Bot → Queued`. Appends `escalated`.
    ///
    /// # Errors
    /// [`IllegalTransition::AlreadyEscalated`] or [`IllegalTransition::Closed`].
    pub fn escalate(
        &self,
        escalation: EscalationId,
        reason: EscalationReason,
        position: u32,
        language: Language,
    ) -> Result<Vec<EventBody>, IllegalTransition> {
        match self {
            Self::Bot => Ok(vec![EventBody::Escalated(Escalated {
                reason,
                position,
                text: Phrase::Escalated { reason, position }.text(language),
                escalation: Some(escalation),
            })]),
            Self::Queued { .. } | Self::Assigned { .. } => Err(IllegalTransition::AlreadyEscalated),
            Self::Closed { .. } => Err(IllegalTransition::Closed),
        }
    }

    /// `Queued → Bot`, by the citizen. Appends `escalation_cancelled`.
    ///
    /// # Errors
    /// [`IllegalTransition::NotWaiting`] or [`IllegalTransition::Closed`].
    pub fn cancel(&self, language: Language) -> Result<Vec<EventBody>, IllegalTransition> {
        match self {
            Self::Queued { .. } => Ok(vec![EventBody::EscalationCancelled(EscalationCancelled {
                text: Phrase::EscalationCancelled.text(language),
            })]),
            Self::Bot | Self::Assigned { .. } => Err(IllegalTransition::NotWaiting { status: self.status() }),
            Self::Closed { .. } => Err(IllegalTransition::Closed),
        }
    }

    /// `Queued → Assigned`. Appends `agent_joined`; nothing where this agent has the conversation already.
    ///
    /// # Errors
    /// [`IllegalTransition::AlreadyClaimed`] with the winner's name, [`IllegalTransition::NotWaiting`] or
    /// [`IllegalTransition::Closed`].
    pub fn claim(&self, agent: &Actor, language: Language) -> Result<Vec<EventBody>, IllegalTransition> {
        match self {
            Self::Queued { .. } => Ok(vec![EventBody::AgentJoined(AgentJoined {
                text: Phrase::AgentJoined { name: &agent.name }.text(language),
                agent: agent.reference(),
            })]),
            Self::Assigned { holder, .. } if holder.id == agent.id => Ok(Vec::new()),
            Self::Assigned { holder, .. } => {
                Err(IllegalTransition::AlreadyClaimed { winner: holder.name.clone() })
            }
            Self::Bot => Err(IllegalTransition::NotWaiting { status: Status::Bot }),
            Self::Closed { .. } => Err(IllegalTransition::Closed),
        }
    }

    /// Stays `Assigned`. Appends `agent_message`.
    ///
    /// # Errors
    /// [`IllegalTransition::NotHolder`] or [`IllegalTransition::Closed`].
    pub fn message(
        &self,
        agent: &Actor,
        text: &str,
        language: Language,
    ) -> Result<Vec<EventBody>, IllegalTransition> {
        self.check_holder(agent.id)?;
        Ok(vec![EventBody::AgentMessage(AgentMessage {
            agent: agent.reference(),
            text: text.to_owned(),
            language,
        })])
    }

    /// `Assigned → Bot | Closed | Queued`, by the agent who has it. Appends `agent_left`, and `closed` where the
    /// outcome is [`Outcome::Resolved`].
    ///
    /// # Errors
    /// [`IllegalTransition::NotHolder`] or [`IllegalTransition::Closed`].
    pub fn leave(
        &self,
        agent: &Actor,
        outcome: Outcome,
        note: Option<String>,
        language: Language,
    ) -> Result<Vec<EventBody>, IllegalTransition> {
        self.check_holder(agent.id)?;
        let mut events = vec![EventBody::AgentLeft(AgentLeft {
            outcome,
            text: Phrase::AgentLeft { outcome }.text(language),
            agent: Some(agent.reference()),
            note,
        })];
        if outcome == Outcome::Resolved {
            events.push(closed(ClosedBy::Agent, language));
        }
        Ok(events)
    }

    /// `Assigned → Queued` with the original queue time, because the agent's connection was lost. Appends
    /// `agent_left`.
    ///
    /// # Errors
    /// [`IllegalTransition::NotHolder`] or [`IllegalTransition::Closed`].
    pub fn lost(&self, agent: AgentId, language: Language) -> Result<Vec<EventBody>, IllegalTransition> {
        let name = self.check_holder(agent)?.name.clone();
        self.leave(&Actor { id: agent, name }, Outcome::Lost, None, language)
    }

    /// `… → Closed`. Appends `closed`, and `agent_left` before it where an agent had the conversation.
    ///
    /// # Errors
    /// [`IllegalTransition::Closed`]; [`IllegalTransition::NotIdle`] where a conversation that waits for a person,
    /// or has one, would end by idling.
    pub fn close(&self, by: ClosedBy, language: Language) -> Result<Vec<EventBody>, IllegalTransition> {
        let mut events = Vec::new();
        match self {
            Self::Closed { .. } => return Err(IllegalTransition::Closed),
            Self::Queued { .. } | Self::Assigned { .. } if by == ClosedBy::Idle => {
                return Err(IllegalTransition::NotIdle { status: self.status() });
            }
            Self::Bot | Self::Queued { .. } => {}
            Self::Assigned { holder, .. } => events.push(EventBody::AgentLeft(AgentLeft {
                outcome: Outcome::Resolved,
                text: Phrase::AgentLeft { outcome: Outcome::Resolved }.text(language),
                agent: Some(AgentRef { id: Some(holder.id), name: holder.name.clone() }),
                note: None,
            })),
        }
        events.push(closed(by, language));
        Ok(events)
    }

    fn check_holder(&self, agent: AgentId) -> Result<&Holder, IllegalTransition> {
        match self {
            Self::Assigned { holder, .. } if holder.id == agent => Ok(holder),
            Self::Closed { .. } => Err(IllegalTransition::Closed),
            Self::Bot | Self::Queued { .. } | Self::Assigned { .. } => {
                Err(IllegalTransition::NotHolder { holder: self.holder().map(|holder| holder.name.clone()) })
            }
        }
    }
}

fn closed(by: ClosedBy, language: Language) -> EventBody {
    EventBody::Closed(Closed { by, text: Phrase::Closed { by }.text(language) })
}
