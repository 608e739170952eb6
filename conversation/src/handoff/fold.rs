//! What an event makes of who has the conversation.

use super::{Attempt, Callback, Handoff, Holder, Offer, Priority, Ticket};
use crate::event::{AgentRef, Event, EventBody, Outcome};
use crate::handoff::Actor;
use crate::time::Timestamp;

/// What an event does to the handoff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Folded {
    /// It cannot happen in this state, or lacks what the log must hold of it.
    Impossible,
    /// Nothing.
    Same,
    /// It changes hands.
    Changed(Box<Handoff>),
}

impl From<Option<Handoff>> for Folded {
    fn from(next: Option<Handoff>) -> Self {
        next.map_or(Self::Impossible, |next| Self::Changed(Box::new(next)))
    }
}

fn actor(agent: &AgentRef) -> Option<Actor> {
    Some(Actor { id: agent.id?, name: agent.name.clone() })
}

fn holder(agent: &AgentRef, claimed_at: Timestamp) -> Option<Holder> {
    Some(Holder { id: agent.id?, name: agent.name.clone(), claimed_at })
}

impl Handoff {
    /// What is left after an event.
    pub(crate) fn after(&self, event: &Event) -> Folded {
        match &event.body {
            EventBody::Started(_) => Folded::Impossible,
            // Also when all is over.
            EventBody::Rated(_) => Folded::Same,
            EventBody::Reopened(reopened) => self.reopened(reopened, event.at).into(),
            _ if matches!(self, Self::Closed { .. }) => Folded::Impossible,
            EventBody::LanguageChanged(_)
            | EventBody::CitizenMessage(_)
            | EventBody::Answer(_)
            | EventBody::Clarify(_)
            | EventBody::Say(_)
            | EventBody::Withdrawn(_)
            | EventBody::Interrupted(_)
            | EventBody::Call(_) => Folded::Same,
            EventBody::AgentMessage(_) => match self {
                Self::Assigned { .. } => Folded::Same,
                _ => Folded::Impossible,
            },
            EventBody::WrappedUp(_) => match self {
                Self::Wrapping { .. } => Folded::Same,
                _ => Folded::Impossible,
            },
            _ => self.changed(event).into(),
        }
    }

    fn changed(&self, event: &Event) -> Option<Self> {
        match (self.clone(), &event.body) {
            (Self::Bot, EventBody::Escalated(escalated)) => Some(Self::Queued {
                ticket: Ticket {
                    escalation: escalated.escalation?,
                    reason: escalated.reason,
                    since: event.at,
                    priority: escalated.priority.unwrap_or_else(|| Priority::of(escalated.reason, false)),
                    skills: Vec::new(),
                    prefer: None,
                    passed: Vec::new(),
                    callback: None,
                },
            }),
            (
                Self::Queued { .. } | Self::Offered { .. } | Self::Callback { .. } | Self::Abandoned { .. },
                EventBody::EscalationCancelled(_),
            ) => Some(Self::Bot),
            (Self::Queued { ticket }, EventBody::Offered(offered)) => {
                let agent = actor(offered.agent.as_ref()?)?;
                let offer = Offer {
                    id: offered.offer?,
                    agent,
                    until: offered.until?,
                    transferred: offered.transferred,
                };
                Some(Self::Offered { ticket, offer })
            }
            (Self::Offered { mut ticket, offer }, EventBody::OfferEnded(_)) => {
                ticket.passed.push(offer.agent.id);
                Some(Self::Queued { ticket })
            }
            (
                Self::Queued { ticket } | Self::Offered { ticket, .. } | Self::Callback { ticket },
                EventBody::AgentJoined(joined),
            ) => {
                let holder = holder(&joined.agent, event.at)?;
                Some(Self::Assigned { ticket, holder, joined: Vec::new() })
            }
            (state, EventBody::AgentLeft(left)) => state.left(left.outcome, &left.skills, left.until),
            (Self::Assigned { ticket, holder, .. }, EventBody::Snoozed(snoozed)) => {
                Some(Self::Snoozed { ticket, holder, until: snoozed.until? })
            }
            (
                Self::Snoozed { ticket, holder, .. } | Self::Wrapping { ticket, holder, .. },
                EventBody::Woken(_),
            ) => Some(Self::Assigned { ticket, holder, joined: Vec::new() }),
            (
                Self::Queued { mut ticket } | Self::Offered { mut ticket, .. },
                EventBody::CallbackRequested(asked),
            ) => {
                let (number, from, until) = (asked.number.clone(), asked.from, asked.until);
                ticket.callback = Some(Callback { number, from, until, attempts: Vec::new() });
                Some(Self::Callback { ticket })
            }
            (Self::Assigned { mut ticket, holder, joined }, EventBody::CallbackAttempted(attempted)) => {
                let callback = ticket.callback.as_mut()?;
                callback.attempts.push(Attempt {
                    at: event.at,
                    agent: holder.id,
                    outcome: attempted.outcome,
                });
                if let Some((from, until)) = attempted.again {
                    (callback.from, callback.until) = (from, until);
                    return Some(Self::Callback { ticket });
                }
                Some(Self::Assigned { ticket, holder, joined })
            }
            (Self::Queued { ticket } | Self::Offered { ticket, .. }, EventBody::Abandoned(abandoned)) => {
                Some(Self::Abandoned { ticket, until: abandoned.until? })
            }
            (Self::Assigned { ticket, holder, mut joined }, EventBody::SupervisorJoined(supervisor)) => {
                joined.push(actor(&supervisor.agent)?);
                Some(Self::Assigned { ticket, holder, joined })
            }
            (Self::Assigned { ticket, holder, mut joined }, EventBody::SupervisorLeft(supervisor)) => {
                joined.retain(|other| Some(other.id) != supervisor.agent.id);
                Some(Self::Assigned { ticket, holder, joined })
            }
            // Whoever had it has left before.
            (
                Self::Bot
                | Self::Queued { .. }
                | Self::Offered { .. }
                | Self::Callback { .. }
                | Self::Wrapping { .. }
                | Self::Abandoned { .. },
                EventBody::Closed(closed),
            ) => Some(Self::Closed { by: closed.by }),
            _ => None,
        }
    }

    /// After the agent who has it is gone.
    fn left(self, outcome: Outcome, skills: &[String], until: Option<Timestamp>) -> Option<Self> {
        let (Self::Assigned { mut ticket, holder, .. }
        | Self::Snoozed { mut ticket, holder, .. }
        | Self::Wrapping { mut ticket, holder, .. }) = self
        else {
            return None;
        };
        Some(match outcome {
            Outcome::Returned => Self::Bot,
            // Logs from before there was time for notes have no end of it, and `closed` follows.
            Outcome::Resolved => match until {
                Some(until) => Self::Wrapping { ticket, holder, until },
                None => Self::Bot,
            },
            Outcome::Requeued | Outcome::Lost | Outcome::Transferred | Outcome::Reassigned => {
                if !skills.is_empty() {
                    ticket.skills = skills.to_vec();
                }
                ticket.prefer = None;
                // Who gives it back does not want it next; everybody else may be asked anew.
                ticket.passed = vec![holder.id];
                Self::Queued { ticket }
            }
        })
    }

    fn reopened(&self, reopened: &crate::event::Reopened, at: Timestamp) -> Option<Self> {
        match self {
            Self::Abandoned { ticket, .. } => Some(Self::Queued { ticket: ticket.clone() }),
            Self::Closed { by } if by.is_reopenable() => Some(Self::Queued {
                ticket: Ticket {
                    escalation: reopened.escalation?,
                    reason: intents::EscalationReason::Reopened,
                    since: at,
                    priority: Priority::of(intents::EscalationReason::Reopened, false),
                    skills: Vec::new(),
                    prefer: reopened.prefer.as_ref().and_then(|agent| agent.id),
                    passed: Vec::new(),
                    callback: None,
                },
            }),
            _ => None,
        }
    }
}
