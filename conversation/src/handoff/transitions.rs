//! What each transition appends.

use intents::EscalationReason;

use super::{
    Actor, AttemptOutcome, Circumstances, Handoff, HandoffCommand, Holder, IllegalTransition, Priority,
    Status, dialable,
};
use crate::event::{
    Abandoned, AgentJoined, AgentLeft, AgentMessage, CallbackAttempted, CallbackRequested, Closed, ClosedBy,
    Escalated, EscalationCancelled, EventBody, OfferEnd, OfferEnded, Offered, Outcome, Reopened, Snoozed,
    SoundRef, Supervisor, WakeReason, Woken, WrappedUp,
};
use crate::ids::{AgentId, EscalationId, OfferId};
use crate::phrases::Phrase;
use crate::time::Timestamp;

type Events = Result<Vec<EventBody>, IllegalTransition>;

impl Handoff {
    /// Does what a command says: names the events that it appends, none where nothing is to be done.
    ///
    /// # Errors
    /// [`IllegalTransition`], where it cannot be done now, or not by them.
    pub fn perform(&self, command: &HandoffCommand, here: &Circumstances) -> Events {
        match command {
            HandoffCommand::Escalate { escalation, reason } => self.escalate(*escalation, *reason, here),
            HandoffCommand::Cancel => self.cancel(here),
            HandoffCommand::Offer { offer, agent } => self.offer_to(*offer, agent, here),
            HandoffCommand::Accept { offer, agent } => self.accept(*offer, agent, here),
            HandoffCommand::Decline { offer, agent } => self.decline(*offer, agent),
            HandoffCommand::Claim { agent } => self.claim(agent, here),
            HandoffCommand::Message { agent, text, sound } => self.message(agent, text, sound.as_ref(), here),
            HandoffCommand::Return { agent, note } => {
                self.leave(agent, Outcome::Returned, note.clone(), Vec::new(), here)
            }
            HandoffCommand::Requeue { agent, note, skills } => {
                self.leave(agent, Outcome::Requeued, note.clone(), skills.clone(), here)
            }
            HandoffCommand::Transfer { agent, to, offer, note } => {
                self.transfer(agent, to, *offer, note.clone(), here)
            }
            HandoffCommand::Snooze { agent, until, note } => self.snooze(agent, *until, note.clone(), here),
            HandoffCommand::Wake { agent } => self.wake(agent, here),
            HandoffCommand::Resolve { agent, wrap_up } => self.resolve(agent, *wrap_up, here),
            HandoffCommand::WrapUp { agent, disposition, note } => {
                self.wrap_up(agent, disposition.clone(), note.clone(), here)
            }
            HandoffCommand::RequestCallback { escalation, number, from, until } => {
                self.request_callback(*escalation, number, (*from, *until), here)
            }
            HandoffCommand::CallbackAttempt { agent, outcome, again } => {
                self.callback_attempt(agent, *outcome, *again, here)
            }
            HandoffCommand::Abandon => self.abandon(here),
            HandoffCommand::Reopen { escalation } => self.reopen(*escalation, here),
            HandoffCommand::Lost { agent } => self.lost(*agent, here),
            HandoffCommand::Reassign { by, to, note } => self.reassign(by, to.as_ref(), note.clone(), here),
            HandoffCommand::Join { supervisor } => self.join(supervisor, here),
            HandoffCommand::Depart { supervisor } => self.depart(supervisor),
            HandoffCommand::Close { by } => self.close(*by, here),
            HandoffCommand::TimePassed => Ok(self.time_passed(here)),
        }
    }

    /// What the citizen's word brings about besides its own event: who set a conversation aside, or was done with it, has it
    /// back, and whoever went away while waiting waits again.
    pub fn on_citizen_message(&self, here: &Circumstances) -> Option<EventBody> {
        match self {
            Self::Snoozed { .. } | Self::Wrapping { .. } => Some(woken(WakeReason::Citizen, here)),
            Self::Abandoned { ticket, .. } => {
                self.reopen(ticket.escalation, here).ok().and_then(|mut events| events.pop())
            }
            _ => None,
        }
    }

    fn escalate(&self, escalation: EscalationId, reason: EscalationReason, here: &Circumstances) -> Events {
        match self {
            Self::Bot => Ok(vec![escalated(escalation, reason, here)]),
            Self::Closed { .. } => Err(IllegalTransition::Closed),
            _ => Err(IllegalTransition::AlreadyEscalated),
        }
    }

    fn cancel(&self, here: &Circumstances) -> Events {
        match self {
            Self::Queued { .. } | Self::Offered { .. } | Self::Callback { .. } | Self::Abandoned { .. } => {
                Ok(vec![EventBody::EscalationCancelled(EscalationCancelled {
                    text: Phrase::EscalationCancelled.text(here.language),
                })])
            }
            Self::Closed { .. } => Err(IllegalTransition::Closed),
            _ => Err(IllegalTransition::NotWaiting { status: self.status() }),
        }
    }

    fn offer_to(&self, offer: OfferId, agent: &Actor, here: &Circumstances) -> Events {
        match self {
            Self::Queued { .. } => Ok(vec![offered(offer, agent, false, here)]),
            _ => Err(self.not_waiting(agent)),
        }
    }

    fn accept(&self, offer: OfferId, agent: &Actor, here: &Circumstances) -> Events {
        self.check_offer(offer, agent)?;
        Ok(vec![joined(agent, here)])
    }

    fn decline(&self, offer: OfferId, agent: &Actor) -> Events {
        self.check_offer(offer, agent)?;
        Ok(vec![offer_ended(OfferEnd::Declined)])
    }

    /// That this is the open offer, and to this agent.
    fn check_offer(&self, id: OfferId, agent: &Actor) -> Result<(), IllegalTransition> {
        match self {
            Self::Offered { offer, .. } if offer.id == id && offer.agent.id == agent.id => Ok(()),
            Self::Assigned { holder, .. } if holder.id != agent.id => Err(already_claimed(holder)),
            Self::Closed { .. } => Err(IllegalTransition::Closed),
            _ => Err(IllegalTransition::OfferOver),
        }
    }

    fn claim(&self, agent: &Actor, here: &Circumstances) -> Events {
        match self {
            Self::Queued { .. } | Self::Callback { .. } => Ok(vec![joined(agent, here)]),
            Self::Offered { offer, .. } if offer.agent.id == agent.id => Ok(vec![joined(agent, here)]),
            Self::Assigned { holder, .. } if holder.id == agent.id => Ok(Vec::new()),
            _ => Err(self.not_waiting(agent)),
        }
    }

    /// Why this agent cannot get it.
    fn not_waiting(&self, agent: &Actor) -> IllegalTransition {
        match self {
            Self::Offered { offer, .. } => {
                IllegalTransition::OfferedToAnother { to: offer.agent.name.clone() }
            }
            Self::Closed { .. } => IllegalTransition::Closed,
            _ => match self.holder() {
                Some(holder) if holder.id != agent.id => already_claimed(holder),
                _ => IllegalTransition::NotWaiting { status: self.status() },
            },
        }
    }

    fn message(&self, agent: &Actor, text: &str, sound: Option<&SoundRef>, here: &Circumstances) -> Events {
        let takes_part =
            matches!(self, Self::Assigned { joined, .. } if joined.iter().any(|other| other.id == agent.id));
        if !takes_part {
            self.check_assigned(agent.id)?;
        }
        Ok(vec![EventBody::AgentMessage(AgentMessage {
            agent: agent.reference(),
            text: text.to_owned(),
            language: here.language,
            sound: sound.cloned(),
        })])
    }

    fn leave(
        &self,
        agent: &Actor,
        outcome: Outcome,
        note: Option<String>,
        skills: Vec<String>,
        here: &Circumstances,
    ) -> Events {
        self.check_holder(agent.id)?;
        Ok(vec![left(agent, outcome, note, skills, None, here)])
    }

    fn transfer(
        &self,
        agent: &Actor,
        to: &Actor,
        offer: OfferId,
        note: Option<String>,
        here: &Circumstances,
    ) -> Events {
        self.check_holder(agent.id)?;
        if to.id == agent.id {
            return Err(IllegalTransition::NotNow { status: self.status() });
        }
        let gone = left(agent, Outcome::Transferred, note, Vec::new(), None, here);
        Ok(vec![gone, offered(offer, to, true, here)])
    }

    fn snooze(&self, agent: &Actor, until: Timestamp, note: Option<String>, here: &Circumstances) -> Events {
        self.check_assigned(agent.id)?;
        if until <= here.now {
            return Err(IllegalTransition::BadTime("a conversation is set aside until a time to come"));
        }
        if until > here.now.plus(here.limits.longest_snooze) {
            return Err(IllegalTransition::BadTime("that is too long; set it aside for less time"));
        }
        Ok(vec![EventBody::Snoozed(Snoozed { until: Some(until), note })])
    }

    fn wake(&self, agent: &Actor, here: &Circumstances) -> Events {
        match self {
            Self::Snoozed { holder, .. } if holder.id == agent.id => Ok(vec![woken(WakeReason::Agent, here)]),
            _ => Err(self.not_now()),
        }
    }

    fn resolve(&self, agent: &Actor, wrap_up: bool, here: &Circumstances) -> Events {
        match self {
            // Nothing to be settled twice.
            Self::Wrapping { .. } => return Err(self.not_now()),
            _ => self.check_holder(agent.id)?,
        };
        let until = wrap_up.then(|| here.now.plus(here.limits.wrap_up_for));
        let mut events = vec![left(agent, Outcome::Resolved, None, Vec::new(), until, here)];
        if !wrap_up {
            events.push(closed(ClosedBy::Agent, here));
        }
        Ok(events)
    }

    fn wrap_up(
        &self,
        agent: &Actor,
        disposition: Option<String>,
        note: Option<String>,
        here: &Circumstances,
    ) -> Events {
        match self {
            Self::Wrapping { holder, .. } if holder.id == agent.id => {
                Ok(vec![EventBody::WrappedUp(WrappedUp { disposition, note }), closed(ClosedBy::Agent, here)])
            }
            _ => Err(self.not_now()),
        }
    }

    fn request_callback(
        &self,
        escalation: EscalationId,
        number: &str,
        (from, until): (Timestamp, Timestamp),
        here: &Circumstances,
    ) -> Events {
        let number = dialable(number).ok_or(IllegalTransition::BadNumber)?;
        if until <= from || until <= here.now {
            return Err(IllegalTransition::BadTime("the time to be called back ends before it begins"));
        }
        let mut events = Vec::new();
        match self {
            Self::Bot => events.push(escalated(escalation, EscalationReason::Asked, here)),
            Self::Queued { .. } | Self::Offered { .. } => {}
            _ => return Err(self.not_now()),
        }
        let text = Phrase::CallbackRequested.text(here.language);
        events.push(EventBody::CallbackRequested(CallbackRequested { number, from, until, text }));
        Ok(events)
    }

    fn callback_attempt(
        &self,
        agent: &Actor,
        outcome: AttemptOutcome,
        again: Option<(Timestamp, Timestamp)>,
        here: &Circumstances,
    ) -> Events {
        self.check_assigned(agent.id)?;
        let callback = self.ticket().and_then(|ticket| ticket.callback.as_ref());
        let callback =
            callback.filter(|callback| !callback.is_done()).ok_or(IllegalTransition::NoCallback)?;
        let tried = callback.attempts.len() + 1;
        let attempted = |again| {
            EventBody::CallbackAttempted(CallbackAttempted {
                agent: Some(agent.reference()),
                outcome,
                again,
                text: Phrase::CallbackAttempted { outcome, again: again.is_some() }.text(here.language),
            })
        };
        if outcome == AttemptOutcome::Reached {
            return Ok(vec![attempted(None)]);
        }
        let hopeless = outcome == AttemptOutcome::WrongNumber || tried >= here.limits.callback_attempts;
        if hopeless {
            let gone = left(agent, Outcome::Resolved, None, Vec::new(), None, here);
            return Ok(vec![attempted(None), gone, closed(ClosedBy::Unreachable, here)]);
        }
        let window = again.unwrap_or((callback.from, callback.until));
        if window.1 <= window.0 {
            return Err(IllegalTransition::BadTime("the time to be called back ends before it begins"));
        }
        Ok(vec![attempted(Some(window))])
    }

    fn abandon(&self, here: &Circumstances) -> Events {
        match self {
            Self::Queued { .. } | Self::Offered { .. } => Ok(vec![EventBody::Abandoned(Abandoned {
                until: Some(here.now.plus(here.limits.abandoned_for)),
            })]),
            Self::Closed { .. } => Err(IllegalTransition::Closed),
            _ => Err(IllegalTransition::NotWaiting { status: self.status() }),
        }
    }

    fn reopen(&self, escalation: EscalationId, here: &Circumstances) -> Events {
        let (escalation, prefer) = match self {
            Self::Abandoned { ticket, .. } => (ticket.escalation, None),
            Self::Closed { by } if by.is_reopenable() => {
                if here.now > here.last_at.plus(here.limits.reopen_within) {
                    return Err(IllegalTransition::NotReopenable);
                }
                (escalation, here.last_agent.as_ref().map(Actor::reference))
            }
            Self::Closed { .. } => return Err(IllegalTransition::NotReopenable),
            _ => return Err(self.not_now()),
        };
        Ok(vec![EventBody::Reopened(Reopened {
            position: here.position,
            text: Phrase::Reopened { position: here.position }.text(here.language),
            escalation: Some(escalation),
            prefer,
        })])
    }

    fn lost(&self, agent: AgentId, here: &Circumstances) -> Events {
        let name = self.check_assigned(agent)?.name.clone();
        self.leave(&Actor { id: agent, name }, Outcome::Lost, None, Vec::new(), here)
    }

    fn reassign(&self, by: &Actor, to: Option<&Actor>, note: Option<String>, here: &Circumstances) -> Events {
        let mut events = match self {
            Self::Queued { .. } | Self::Callback { .. } if to.is_some() => Vec::new(),
            Self::Offered { .. } => vec![offer_ended(OfferEnd::Withdrawn)],
            Self::Assigned { holder, .. } | Self::Snoozed { holder, .. } | Self::Wrapping { holder, .. } => {
                if to.is_some_and(|to| to.id == holder.id) {
                    return Err(IllegalTransition::NotNow { status: self.status() });
                }
                let mut gone = left_body(&holder.actor(), Outcome::Reassigned, note, Vec::new(), None, here);
                gone.by = Some(by.reference());
                vec![EventBody::AgentLeft(gone)]
            }
            Self::Closed { .. } => return Err(IllegalTransition::Closed),
            _ => return Err(IllegalTransition::NotWaiting { status: self.status() }),
        };
        events.extend(to.map(|agent| joined(agent, here)));
        Ok(events)
    }

    fn join(&self, supervisor: &Actor, here: &Circumstances) -> Events {
        match self {
            Self::Assigned { holder, joined, .. } => {
                let there = holder.id == supervisor.id || joined.iter().any(|o| o.id == supervisor.id);
                let text = Phrase::SupervisorJoined { name: &supervisor.name }.text(here.language);
                let event = Supervisor { agent: supervisor.reference(), text };
                Ok(if there { Vec::new() } else { vec![EventBody::SupervisorJoined(event)] })
            }
            _ => Err(self.not_now()),
        }
    }

    fn depart(&self, supervisor: &Actor) -> Events {
        match self {
            Self::Assigned { joined, .. } if joined.iter().any(|other| other.id == supervisor.id) => {
                let event = Supervisor { agent: supervisor.reference(), text: String::new() };
                Ok(vec![EventBody::SupervisorLeft(event)])
            }
            Self::Closed { .. } => Err(IllegalTransition::Closed),
            _ => Ok(Vec::new()),
        }
    }

    fn close(&self, by: ClosedBy, here: &Circumstances) -> Events {
        let mut events = Vec::new();
        match self {
            Self::Closed { .. } => return Err(IllegalTransition::Closed),
            Self::Bot => {}
            // Time ends these in their own way, or not at all.
            _ if by == ClosedBy::Idle => return Err(IllegalTransition::NotIdle { status: self.status() }),
            Self::Assigned { holder, .. } | Self::Snoozed { holder, .. } => {
                events.push(left(&holder.actor(), Outcome::Resolved, None, Vec::new(), None, here));
            }
            _ => {}
        }
        events.push(closed(by, here));
        Ok(events)
    }

    fn time_passed(&self, here: &Circumstances) -> Vec<EventBody> {
        if self.deadline().is_none_or(|deadline| deadline > here.now) {
            return Vec::new();
        }
        match self {
            Self::Offered { .. } => vec![offer_ended(OfferEnd::Expired)],
            Self::Snoozed { .. } => vec![woken(WakeReason::Time, here)],
            Self::Wrapping { .. } => vec![
                EventBody::WrappedUp(WrappedUp { disposition: None, note: None }),
                closed(ClosedBy::Agent, here),
            ],
            Self::Abandoned { .. } => vec![closed(ClosedBy::Abandoned, here)],
            _ => Vec::new(),
        }
    }

    /// Whoever has it, be it set aside.
    fn check_holder(&self, agent: AgentId) -> Result<&Holder, IllegalTransition> {
        match self {
            Self::Snoozed { holder, .. } if holder.id == agent => Ok(holder),
            _ => self.check_assigned(agent),
        }
    }

    /// Whoever has it now.
    fn check_assigned(&self, agent: AgentId) -> Result<&Holder, IllegalTransition> {
        match self {
            Self::Assigned { holder, .. } if holder.id == agent => Ok(holder),
            Self::Closed { .. } => Err(IllegalTransition::Closed),
            _ => match self.holder() {
                Some(holder) if holder.id == agent => Err(self.not_now()),
                holder => Err(IllegalTransition::NotHolder { holder: holder.map(|h| h.name.clone()) }),
            },
        }
    }

    fn not_now(&self) -> IllegalTransition {
        match self.status() {
            Status::Closed => IllegalTransition::Closed,
            status => IllegalTransition::NotNow { status },
        }
    }
}

fn already_claimed(holder: &Holder) -> IllegalTransition {
    IllegalTransition::AlreadyClaimed { winner: holder.name.clone() }
}

fn escalated(escalation: EscalationId, reason: EscalationReason, here: &Circumstances) -> EventBody {
    let position = here.position;
    let phrase = Phrase::Escalated { reason, position, wait: here.wait, opening: here.opening };
    EventBody::Escalated(Escalated {
        reason,
        position,
        text: phrase.text(here.language),
        wait: here.wait,
        escalation: Some(escalation),
        priority: Some(Priority::of(reason, here.voice)),
    })
}

fn offered(offer: OfferId, agent: &Actor, transferred: bool, here: &Circumstances) -> EventBody {
    EventBody::Offered(Offered {
        agent: Some(agent.reference()),
        offer: Some(offer),
        until: Some(here.now.plus(here.limits.offer_for)),
        transferred,
    })
}

const fn offer_ended(why: OfferEnd) -> EventBody {
    EventBody::OfferEnded(OfferEnded { why: Some(why) })
}

fn joined(agent: &Actor, here: &Circumstances) -> EventBody {
    EventBody::AgentJoined(AgentJoined {
        text: Phrase::AgentJoined { name: &agent.name }.text(here.language),
        agent: agent.reference(),
    })
}

fn left(
    agent: &Actor,
    outcome: Outcome,
    note: Option<String>,
    skills: Vec<String>,
    until: Option<Timestamp>,
    here: &Circumstances,
) -> EventBody {
    EventBody::AgentLeft(left_body(agent, outcome, note, skills, until, here))
}

fn left_body(
    agent: &Actor,
    outcome: Outcome,
    note: Option<String>,
    skills: Vec<String>,
    until: Option<Timestamp>,
    here: &Circumstances,
) -> AgentLeft {
    AgentLeft {
        outcome,
        text: Phrase::AgentLeft { outcome }.text(here.language),
        agent: Some(agent.reference()),
        note,
        skills,
        until,
        by: None,
    }
}

fn woken(why: WakeReason, here: &Circumstances) -> EventBody {
    let text = match why {
        WakeReason::Citizen => String::new(),
        WakeReason::Time | WakeReason::Agent => Phrase::Woken.text(here.language),
    };
    EventBody::Woken(Woken { why: Some(why), text })
}

fn closed(by: ClosedBy, here: &Circumstances) -> EventBody {
    EventBody::Closed(Closed { by, text: Phrase::Closed { by }.text(here.language) })
}
