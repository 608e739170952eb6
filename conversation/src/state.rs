//! What a conversation is right now: the fold of its events.

use kb::EntryId;
use language::Language;
use serde::{Deserialize, Serialize};

use crate::event::{
    Channel, Choice, CitizenMessage, ClarifyKind, Considered, Event, EventBody, Outcome, SayAct, Source,
};
use crate::handoff::{Handoff, Holder, Status, Ticket};
use crate::ids::ConversationId;
use crate::time::Timestamp;

/// A conversation as its events have left it. Stores keep it beside the log, updated in the same transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConversationState {
    /// Its id.
    pub conversation: ConversationId,
    /// Its language now.
    pub language: Language,
    /// Through which door it came.
    pub channel: Channel,
    /// When it began.
    pub started_at: Timestamp,
    /// Whether the citizen speaks: asked for spoken answers at the start, or has spoken since.
    pub voice: bool,
    /// Who has it.
    pub handoff: Handoff,
    /// The last event's place.
    pub last_seq: u64,
    /// When the last event happened.
    pub last_at: Timestamp,
    /// A `clarify` that waits for its answer.
    pub pending_clarify: Option<PendingClarify>,
    /// The last answer that was given, for "say that again".
    pub last_answer: Option<LastAnswer>,
    /// The last thing the citizen said or typed, for the desk's list.
    pub last_citizen_message: Option<String>,
    /// How often in a row the citizen was not understood.
    pub failures: u32,
    /// The citizen has been asked what it is about since the last answer.
    #[serde(default)]
    pub narrowed: bool,
    /// Where the citizen is or asks about: a code of [`kb::regions`].
    #[serde(default)]
    pub place: Option<String>,
    /// The citizen has been asked for a place.
    #[serde(default)]
    pub place_asked: bool,
    /// Who the citizen is or asks about, the latest first (see [`intents::Slots::groups`]).
    #[serde(default)]
    pub groups: Vec<String>,
}

/// A `clarify` that waits for its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PendingClarify {
    /// The event.
    pub seq: u64,
    /// The citizen message it asks about.
    pub reply_to: u64,
    /// What was offered.
    pub choices: Vec<Choice>,
    /// A single choice to confirm.
    pub confirm: bool,
    /// What the choices are.
    #[serde(default)]
    pub kind: ClarifyKind,
    /// The entry that is answered once the place is known.
    #[serde(default)]
    pub about: Option<Choice>,
    /// What was considered, best first.
    #[serde(default)]
    pub considered: Vec<Considered>,
    /// What was offered before and turned down.
    #[serde(default)]
    pub declined: Vec<EntryId>,
}

/// The last answer that was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastAnswer {
    /// The event.
    pub seq: u64,
    /// Which entry.
    pub entry: EntryId,
    /// In which language.
    pub language: Language,
}

/// The events do not make a conversation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProjectionError {
    /// The first event is not `started`.
    #[error("a conversation begins with `started` as event 1, not with `{kind}` as event {seq}")]
    NotStarted {
        /// What came instead.
        kind: &'static str,
        /// Where.
        seq: u64,
    },
    /// An event is missing or doubled.
    #[error("expected event {expected}, found {found}")]
    Gap {
        /// The next place.
        expected: u64,
        /// The place that came.
        found: u64,
    },
    /// An event cannot happen in this state, or lacks what the log must hold of it.
    #[error("`{kind}` (event {seq}) cannot follow while the conversation is {status}")]
    Impossible {
        /// Which.
        kind: &'static str,
        /// Where.
        seq: u64,
        /// The state.
        status: Status,
    },
}

impl ConversationState {
    /// The state after the first event.
    ///
    /// # Errors
    /// [`ProjectionError::NotStarted`] where that event is not `started` with `seq` 1.
    pub fn begin(first: &Event) -> Result<Self, ProjectionError> {
        let (1, EventBody::Started(started)) = (first.seq, &first.body) else {
            return Err(ProjectionError::NotStarted { kind: first.body.kind(), seq: first.seq });
        };
        Ok(Self {
            conversation: started.conversation,
            language: started.language,
            channel: started.channel,
            started_at: first.at,
            voice: started.voice,
            handoff: Handoff::Bot,
            last_seq: 1,
            last_at: first.at,
            pending_clarify: None,
            last_answer: None,
            last_citizen_message: None,
            failures: 0,
            narrowed: false,
            place: None,
            place_asked: false,
            groups: Vec::new(),
        })
    }

    /// The state after all these events, from the first on.
    ///
    /// # Errors
    /// As [`Self::begin`] and [`Self::apply`]; an empty log is [`ProjectionError::NotStarted`] as well.
    pub fn replay<'a>(events: impl IntoIterator<Item = &'a Event>) -> Result<Self, ProjectionError> {
        let mut events = events.into_iter();
        let first = events.next().ok_or(ProjectionError::NotStarted { kind: "nothing", seq: 0 })?;
        let mut state = Self::begin(first)?;
        for event in events {
            state.apply(event)?;
        }
        Ok(state)
    }

    /// Takes the next event in. The state is unchanged where that fails.
    ///
    /// # Errors
    /// [`ProjectionError::Gap`] or [`ProjectionError::Impossible`].
    pub fn apply(&mut self, event: &Event) -> Result<(), ProjectionError> {
        if event.seq != self.last_seq + 1 {
            return Err(ProjectionError::Gap { expected: self.last_seq + 1, found: event.seq });
        }
        let handoff = self.next_handoff(event).ok_or(ProjectionError::Impossible {
            kind: event.body.kind(),
            seq: event.seq,
            status: self.status(),
        })?;
        if let Some(handoff) = handoff {
            self.handoff = handoff;
        }
        self.take_in(event);
        self.last_seq = event.seq;
        self.last_at = event.at;
        Ok(())
    }

    /// Which state it is in.
    pub const fn status(&self) -> Status {
        self.handoff.status()
    }

    /// The person who has it.
    pub const fn holder(&self) -> Option<&Holder> {
        self.handoff.holder()
    }

    /// `None`: impossible here. `Some(None)`: no change.
    #[expect(clippy::option_option, reason = "private, and its two layers are spelled out above")]
    #[expect(clippy::match_same_arms, reason = "an arm is a rule; every kind of event is named in one")]
    fn next_handoff(&self, event: &Event) -> Option<Option<Handoff>> {
        match (&self.handoff, &event.body) {
            (Handoff::Closed { .. }, _) | (_, EventBody::Started(_)) => None,
            (Handoff::Bot, EventBody::Escalated(escalated)) => Some(Some(Handoff::Queued {
                ticket: Ticket {
                    escalation: escalated.escalation?,
                    reason: escalated.reason,
                    since: event.at,
                },
            })),
            (Handoff::Queued { .. }, EventBody::EscalationCancelled(_)) => Some(Some(Handoff::Bot)),
            (Handoff::Queued { ticket }, EventBody::AgentJoined(joined)) => Some(Some(Handoff::Assigned {
                ticket: ticket.clone(),
                holder: Holder {
                    id: joined.agent.id?,
                    name: joined.agent.name.clone(),
                    claimed_at: event.at,
                },
            })),
            (Handoff::Assigned { .. }, EventBody::AgentMessage(_)) => Some(None),
            (Handoff::Assigned { ticket, .. }, EventBody::AgentLeft(left)) => {
                Some(Some(match left.outcome {
                    Outcome::Returned | Outcome::Resolved => Handoff::Bot,
                    Outcome::Requeued | Outcome::Lost => Handoff::Queued { ticket: ticket.clone() },
                }))
            }
            (Handoff::Bot | Handoff::Queued { .. }, EventBody::Closed(closed)) => {
                Some(Some(Handoff::Closed { by: closed.by }))
            }
            (
                _,
                EventBody::Escalated(_)
                | EventBody::EscalationCancelled(_)
                | EventBody::AgentJoined(_)
                | EventBody::AgentMessage(_)
                | EventBody::AgentLeft(_)
                | EventBody::Closed(_),
            ) => None,
            (
                _,
                EventBody::LanguageChanged(_)
                | EventBody::CitizenMessage(_)
                | EventBody::Answer(_)
                | EventBody::Clarify(_)
                | EventBody::Say(_),
            ) => Some(None),
        }
    }

    fn take_in(&mut self, event: &Event) {
        match &event.body {
            EventBody::LanguageChanged(changed) => {
                self.language = changed.language;
                self.pending_clarify = None;
            }
            EventBody::CitizenMessage(message) => {
                self.voice |= message.source == Source::Voice;
                self.note(message);
                self.pending_clarify = None;
                if !message.text.is_empty() {
                    self.last_citizen_message = Some(message.text.clone());
                }
            }
            EventBody::Answer(answer) => {
                self.last_answer = Some(LastAnswer {
                    seq: event.seq,
                    entry: answer.entry.clone(),
                    language: answer.language,
                });
                self.pending_clarify = None;
                self.failures = 0;
                self.narrowed = false;
                if answer.place.is_some() {
                    self.place.clone_from(&answer.place);
                }
            }
            EventBody::Clarify(clarify) => {
                self.failures = self.failures.saturating_add(u32::from(clarify.failed));
                self.narrowed |= clarify.kind == ClarifyKind::Topic;
                self.place_asked |= clarify.kind == ClarifyKind::Place;
                self.pending_clarify = Some(PendingClarify {
                    seq: event.seq,
                    reply_to: clarify.reply_to,
                    choices: clarify.choices.clone(),
                    confirm: clarify.confirm,
                    kind: clarify.kind,
                    about: clarify.about.clone(),
                    considered: clarify.considered.clone(),
                    declined: clarify.declined.clone(),
                });
            }
            EventBody::Say(say) => match say.act {
                SayAct::NotUnderstood => self.failures = self.failures.saturating_add(1),
                SayAct::StartOver => self.forget(),
                _ => {}
            },
            EventBody::Escalated(_) | EventBody::AgentLeft(_) | EventBody::Closed(_) => {
                self.pending_clarify = None;
                self.failures = 0;
                self.narrowed = false;
            }
            EventBody::Started(_)
            | EventBody::EscalationCancelled(_)
            | EventBody::AgentJoined(_)
            | EventBody::AgentMessage(_) => {}
        }
    }

    /// Remembers where and who the citizen is. Only the citizen's own words say that: the questions that the assistant
    /// offers are about anybody.
    fn note(&mut self, message: &CitizenMessage) {
        if message.source == Source::Choice || !message.dictation {
            return;
        }
        let slots = intents::Slots::read(&message.text);
        if let Some(place) = slots.places.into_iter().next() {
            self.place = Some(place);
        }
        intents::policy::remember_groups(&mut self.groups, &slots.groups);
    }

    /// As if the conversation began here; the log keeps what was said.
    fn forget(&mut self) {
        self.pending_clarify = None;
        self.last_answer = None;
        self.failures = 0;
        self.narrowed = false;
        self.place = None;
        self.place_asked = false;
        self.groups.clear();
    }
}

/// What the citizen waits for, in few words, for logs: never the words themselves.
impl std::fmt::Display for ConversationState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "conversation {} ({}, event {})", self.conversation, self.status(), self.last_seq)
    }
}
