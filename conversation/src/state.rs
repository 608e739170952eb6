//! What a conversation is right now: the fold of its events.

use std::collections::BTreeMap;

use kb::EntryId;
use language::Language;
use serde::{Deserialize, Serialize};

use crate::event::{
    Channel, Choice, CitizenMessage, ClarifyKind, Considered, Event, EventBody, Rated, SayAct, Source,
    Withdrawn,
};
use crate::handoff::{Actor, Circumstances, Folded, Handoff, HandoffLimits, Holder, Status};
use crate::ids::{ConversationId, MessageId};
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
    /// The agent who has the conversation, or had it last.
    #[serde(default)]
    pub last_agent: Option<Actor>,
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
    /// What the citizen said by one tap, by the event that it was about.
    #[serde(default)]
    pub ratings: BTreeMap<u64, Rating>,
    /// The citizen's last turn, as long as it may turn out to have been only the beginning of one.
    #[serde(default)]
    pub beginning: Option<Box<Beginning>>,
}

/// A spoken turn that can still be withdrawn, and what there was before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Beginning {
    /// Its citizen message's event.
    pub seq: u64,
    /// The client's id of the turn.
    pub id: MessageId,
    /// What the conversation remembered before it.
    pub before: Recollection,
}

/// What a decision may change of a conversation besides its log, its language and who has it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recollection {
    /// See [`ConversationState::pending_clarify`].
    pub pending_clarify: Option<PendingClarify>,
    /// See [`ConversationState::last_answer`].
    pub last_answer: Option<LastAnswer>,
    /// See [`ConversationState::last_citizen_message`].
    pub last_citizen_message: Option<String>,
    /// See [`ConversationState::failures`].
    pub failures: u32,
    /// See [`ConversationState::narrowed`].
    pub narrowed: bool,
    /// See [`ConversationState::place`].
    pub place: Option<String>,
    /// See [`ConversationState::place_asked`].
    pub place_asked: bool,
    /// See [`ConversationState::groups`].
    pub groups: Vec<String>,
    /// See [`ConversationState::ratings`].
    pub ratings: BTreeMap<u64, Rating>,
}

/// What the citizen said about something by one tap, and what was so when they said it first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rating {
    /// Whether it helped.
    pub helpful: bool,
    /// When they said so.
    pub at: Timestamp,
    /// The conversation's language then.
    pub language: Language,
    /// Whether it was about the assistant's last answer.
    pub of_last_answer: bool,
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
    /// Version of what folding makes of a log. Counted up where the same log gives another state than before, so that stores make their projections anew.
    pub const FOLDING: u32 = 3;

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
            last_agent: None,
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
            ratings: BTreeMap::new(),
            beginning: None,
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
        let impossible =
            || ProjectionError::Impossible { kind: event.body.kind(), seq: event.seq, status: self.status() };
        let handoff = match self.handoff.after(event) {
            Folded::Impossible => return Err(impossible()),
            Folded::Same => None,
            Folded::Changed(handoff) => Some(*handoff),
        };
        if let EventBody::Withdrawn(withdrawn) = &event.body
            && self.withdrawable() != Some(*withdrawn)
        {
            return Err(impossible());
        }
        if let Some(handoff) = handoff {
            self.handoff = handoff;
        }
        self.take_in(event);
        self.last_seq = event.seq;
        self.last_at = event.at;
        Ok(())
    }

    /// What can still be withdrawn should the citizen turn out not to have finished: their last turn, where it was spoken, and what was
    /// said to it. Never a turn that led to an emergency's guidance, to a person, to another language or to an agent's words.
    pub fn withdrawable(&self) -> Option<Withdrawn> {
        let beginning = self.beginning.as_ref()?;
        (self.status() != Status::Closed).then_some(Withdrawn { from: beginning.seq, to: self.last_seq })
    }

    /// The conversation as it was before the turn that can be withdrawn; who has it and its language are the same then and now.
    pub fn before_beginning(&self) -> Option<Self> {
        let Withdrawn { from, .. } = self.withdrawable()?;
        let mut before = self.clone();
        before.take_back();
        before.last_seq = from - 1;
        Some(before)
    }

    /// Which state it is in.
    pub const fn status(&self) -> Status {
        self.handoff.status()
    }

    /// What a transition depends on at that moment, as far as the conversation knows: a store adds the queue's part.
    pub fn circumstances(&self, now: Timestamp, limits: HandoffLimits) -> Circumstances {
        Circumstances {
            voice: self.voice,
            last_agent: self.last_agent.clone(),
            last_at: self.last_at,
            limits,
            ..Circumstances::at(now, self.language)
        }
    }

    /// The person who has it.
    pub const fn holder(&self) -> Option<&Holder> {
        self.handoff.holder()
    }

    fn take_in(&mut self, event: &Event) {
        if !is_part_of_a_turn(&event.body) {
            self.beginning = None;
        }
        match &event.body {
            EventBody::LanguageChanged(changed) => {
                self.language = changed.language;
                self.pending_clarify = None;
            }
            EventBody::CitizenMessage(message) => {
                self.beginning = (message.source == Source::Voice).then(|| {
                    let before = self.recollection();
                    Box::new(Beginning { seq: event.seq, id: message.id.clone(), before })
                });
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
            EventBody::Withdrawn(_) => self.take_back(),
            EventBody::Rated(rated) => self.rate(rated, event.at),
            EventBody::Escalated(_)
            | EventBody::Reopened(_)
            | EventBody::CallbackRequested(_)
            | EventBody::AgentLeft(_)
            | EventBody::Closed(_) => {
                self.pending_clarify = None;
                self.failures = 0;
                self.narrowed = false;
            }
            EventBody::AgentJoined(joined) => {
                self.last_agent = joined.agent.id.map(|id| Actor { id, name: joined.agent.name.clone() });
            }
            EventBody::Started(_)
            | EventBody::Interrupted(_)
            | EventBody::Call(_)
            | EventBody::EscalationCancelled(_)
            | EventBody::AgentMessage(_)
            | EventBody::Offered(_)
            | EventBody::OfferEnded(_)
            | EventBody::Snoozed(_)
            | EventBody::Woken(_)
            | EventBody::CallbackAttempted(_)
            | EventBody::Abandoned(_)
            | EventBody::SupervisorJoined(_)
            | EventBody::SupervisorLeft(_)
            | EventBody::WrappedUp(_) => {}
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

    fn recollection(&self) -> Recollection {
        Recollection {
            pending_clarify: self.pending_clarify.clone(),
            last_answer: self.last_answer.clone(),
            last_citizen_message: self.last_citizen_message.clone(),
            failures: self.failures,
            narrowed: self.narrowed,
            place: self.place.clone(),
            place_asked: self.place_asked,
            groups: self.groups.clone(),
            ratings: self.ratings.clone(),
        }
    }

    /// Who says the same again has said it once.
    fn rate(&mut self, rated: &Rated, at: Timestamp) {
        if self.ratings.get(&rated.of).is_some_and(|earlier| earlier.helpful == rated.helpful) {
            return;
        }
        let of_last_answer = self.last_answer.as_ref().is_some_and(|answer| answer.seq == rated.of);
        let rating = Rating { helpful: rated.helpful, at, language: self.language, of_last_answer };
        self.ratings.insert(rated.of, rating);
    }

    /// As if the last turn had not been.
    fn take_back(&mut self) {
        let Some(beginning) = self.beginning.take() else { return };
        let Recollection {
            pending_clarify,
            last_answer,
            last_citizen_message,
            failures,
            narrowed,
            place,
            place_asked,
            groups,
            ratings,
        } = beginning.before;
        self.pending_clarify = pending_clarify;
        self.last_answer = last_answer;
        self.last_citizen_message = last_citizen_message;
        self.failures = failures;
        self.narrowed = narrowed;
        self.place = place;
        self.place_asked = place_asked;
        self.groups = groups;
        self.ratings = ratings;
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

/// Whether an event leaves the turn that it belongs to withdrawable. Guidance in an emergency has to stand whatever is said after it, and what
/// others have seen and done cannot be undone.
const fn is_part_of_a_turn(body: &EventBody) -> bool {
    match body {
        EventBody::Say(say) => !matches!(say.act, SayAct::Emergency),
        EventBody::CitizenMessage(_)
        | EventBody::Answer(_)
        | EventBody::Clarify(_)
        | EventBody::Withdrawn(_)
        | EventBody::Interrupted(_)
        | EventBody::Call(_)
        | EventBody::Rated(_) => true,
        EventBody::Started(_)
        | EventBody::LanguageChanged(_)
        | EventBody::Escalated(_)
        | EventBody::EscalationCancelled(_)
        | EventBody::AgentJoined(_)
        | EventBody::AgentMessage(_)
        | EventBody::AgentLeft(_)
        | EventBody::Offered(_)
        | EventBody::OfferEnded(_)
        | EventBody::Snoozed(_)
        | EventBody::Woken(_)
        | EventBody::CallbackRequested(_)
        | EventBody::CallbackAttempted(_)
        | EventBody::Abandoned(_)
        | EventBody::Reopened(_)
        | EventBody::SupervisorJoined(_)
        | EventBody::SupervisorLeft(_)
        | EventBody::WrappedUp(_)
        | EventBody::Closed(_) => false,
    }
}

/// What the citizen waits for, in few words, for logs: never the words themselves.
impl std::fmt::Display for ConversationState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "conversation {} ({}, event {})", self.conversation, self.status(), self.last_seq)
    }
}
