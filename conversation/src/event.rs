//! The durable events of a conversation.
//!
//! An event carries everything that is known about it, including what only the desk may see (what the assistant
//! considered, which agent's note, which model). [`Event::for_citizen`] takes that out again; what is left is
//! exactly docs/protocol.md.

use intents::EscalationReason;
use kb::EntryId;
use language::Language;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::handoff::{AttemptOutcome, Priority};
use crate::ids::{AgentId, ConversationId, EscalationId, MessageId, OfferId, SoundId};
use crate::schema::{LanguageCode, ReasonName};
use crate::time::Timestamp;
use crate::wait::WaitRange;

/// An event with its place in the conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Its place: 1, 2, 3 … without a gap, per conversation.
    pub seq: u64,
    /// When it became durable.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub body: EventBody,
}

impl Event {
    /// The event as the citizen may see it: without what the assistant considered, ids of agents and notes.
    #[must_use]
    pub fn for_citizen(&self) -> Self {
        Self { seq: self.seq, at: self.at, body: self.body.for_citizen() }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EventBody {
    /// The conversation began.
    Started(Started),
    /// The conversation goes on in another language.
    LanguageChanged(LanguageChanged),
    /// The citizen typed, said or chose something.
    CitizenMessage(CitizenMessage),
    /// The assistant answered from the knowledge base.
    Answer(Box<Answer>),
    /// The assistant asks back.
    Clarify(Clarify),
    /// The assistant says something that is not from the knowledge base.
    Say(Say),
    /// The citizen had not finished: what was made of the beginning of their words does not count.
    Withdrawn(Withdrawn),
    /// What was being spoken was broken off.
    Interrupted(Interrupted),
    /// Something happened to the telephone call that the conversation is.
    Call(CallEvent),
    /// The citizen said whether something helped.
    Rated(Rated),
    /// The conversation waits for a person.
    Escalated(Escalated),
    /// The citizen took the request for a person back.
    EscalationCancelled(EscalationCancelled),
    /// An agent took the conversation over.
    AgentJoined(AgentJoined),
    /// An agent wrote or said something.
    AgentMessage(AgentMessage),
    /// The agent is gone from the conversation.
    AgentLeft(AgentLeft),
    /// One agent is asked whether they take the conversation.
    Offered(Offered),
    /// The agent who was asked has not taken it.
    OfferEnded(OfferEnded),
    /// The agent has set the conversation aside.
    Snoozed(Snoozed),
    /// The agent is back at it.
    Woken(Woken),
    /// The citizen wants to be called back instead of waiting.
    CallbackRequested(CallbackRequested),
    /// Somebody has called back.
    CallbackAttempted(CallbackAttempted),
    /// The citizen went away while waiting.
    Abandoned(Abandoned),
    /// The citizen came back: to their place in the queue, or with a matter that is not settled after all.
    Reopened(Reopened),
    /// A supervisor takes part.
    SupervisorJoined(Supervisor),
    /// The supervisor is gone.
    SupervisorLeft(Supervisor),
    /// The agent's notes about a settled matter are done.
    WrappedUp(WrappedUp),
    /// The conversation is over.
    Closed(Closed),
}

impl EventBody {
    /// See [`Event::for_citizen`].
    #[must_use]
    pub fn for_citizen(&self) -> Self {
        let mut body = self.clone();
        match &mut body {
            Self::Started(started) => started.voice = false,
            Self::Answer(answer) => {
                (answer.considered, answer.provenance, answer.place) = (Vec::new(), None, None);
            }
            Self::Clarify(clarify) => {
                (clarify.considered, clarify.provenance) = (Vec::new(), None);
                (clarify.failed, clarify.about, clarify.declined) = (false, None, Vec::new());
            }
            Self::Say(say) => (say.considered, say.provenance) = (Vec::new(), None),
            Self::Escalated(escalated) => (escalated.escalation, escalated.priority) = (None, None),
            Self::AgentJoined(joined) => joined.agent.id = None,
            Self::AgentMessage(message) => message.agent.id = None,
            Self::AgentLeft(left) => {
                (left.agent, left.note, left.by, left.until) = (None, None, None, None);
                left.skills = Vec::new();
            }
            Self::Offered(offered) => *offered = Offered::default(),
            Self::OfferEnded(ended) => ended.why = None,
            Self::Snoozed(snoozed) => snoozed.note = None,
            Self::Woken(woken) => woken.why = None,
            Self::CallbackAttempted(attempted) => attempted.agent = None,
            Self::Abandoned(abandoned) => abandoned.until = None,
            Self::Reopened(reopened) => (reopened.escalation, reopened.prefer) = (None, None),
            Self::SupervisorJoined(supervisor) | Self::SupervisorLeft(supervisor) => {
                supervisor.agent.id = None;
            }
            Self::WrappedUp(notes) => (notes.disposition, notes.note) = (None, None),
            Self::LanguageChanged(_)
            | Self::CitizenMessage(_)
            | Self::Withdrawn(_)
            | Self::Interrupted(_)
            | Self::Call(_)
            | Self::Rated(_)
            | Self::CallbackRequested(_)
            | Self::EscalationCancelled(_)
            | Self::Closed(_) => {}
        }
        body
    }

    /// Whether it changes hands, or is an agent's: only a [`crate::HandoffCommand`] makes such an event.
    pub const fn is_handoff(&self) -> bool {
        match self {
            Self::Started(_)
            | Self::Escalated(_)
            | Self::EscalationCancelled(_)
            | Self::AgentJoined(_)
            | Self::AgentMessage(_)
            | Self::AgentLeft(_)
            | Self::Offered(_)
            | Self::OfferEnded(_)
            | Self::Snoozed(_)
            | Self::Woken(_)
            | Self::CallbackRequested(_)
            | Self::CallbackAttempted(_)
            | Self::Abandoned(_)
            | Self::Reopened(_)
            | Self::SupervisorJoined(_)
            | Self::SupervisorLeft(_)
            | Self::WrappedUp(_)
            | Self::Closed(_) => true,
            Self::LanguageChanged(_)
            | Self::CitizenMessage(_)
            | Self::Answer(_)
            | Self::Clarify(_)
            | Self::Say(_)
            | Self::Withdrawn(_)
            | Self::Interrupted(_)
            | Self::Call(_)
            | Self::Rated(_) => false,
        }
    }

    /// Whether it is about the sound, the line, or how somebody liked it: it says nothing to the citizen and is no word of theirs, and may stand anywhere.
    pub const fn is_aside(&self) -> bool {
        matches!(self, Self::Interrupted(_) | Self::Call(_) | Self::Rated(_))
    }

    /// For an event that changes who has the conversation: the agent who did it, where one did, and whether the citizen did. What an idle
    /// conversation with the assistant ends by changes nobody's hands.
    pub fn changes_hands(&self) -> Option<(Option<&AgentRef>, bool)> {
        Some(match self {
            Self::Escalated(_)
            | Self::Snoozed(_)
            | Self::Woken(_)
            | Self::WrappedUp(_)
            | Self::Offered(_)
            | Self::OfferEnded(_) => (None, false),
            Self::EscalationCancelled(_)
            | Self::CallbackRequested(_)
            | Self::Abandoned(_)
            | Self::Reopened(_) => (None, true),
            Self::AgentJoined(joined) => (Some(&joined.agent), false),
            Self::AgentLeft(left) => (left.by.as_ref().or(left.agent.as_ref()), false),
            Self::CallbackAttempted(attempted) => (attempted.agent.as_ref(), false),
            Self::SupervisorJoined(supervisor) | Self::SupervisorLeft(supervisor) => {
                (Some(&supervisor.agent), false)
            }
            Self::Closed(closed) if closed.by != ClosedBy::Idle => (None, closed.by == ClosedBy::Citizen),
            _ => return None,
        })
    }

    /// Every [`Self::kind`] there is.
    pub const KINDS: [&str; 27] = [
        "started",
        "language_changed",
        "citizen_message",
        "answer",
        "clarify",
        "say",
        "withdrawn",
        "interrupted",
        "call",
        "rated",
        "escalated",
        "escalation_cancelled",
        "agent_joined",
        "agent_message",
        "agent_left",
        "offered",
        "offer_ended",
        "snoozed",
        "woken",
        "callback_requested",
        "callback_attempted",
        "abandoned",
        "reopened",
        "supervisor_joined",
        "supervisor_left",
        "wrapped_up",
        "closed",
    ];

    /// The event's `type` on the wire.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Started(_) => "started",
            Self::LanguageChanged(_) => "language_changed",
            Self::CitizenMessage(_) => "citizen_message",
            Self::Answer(_) => "answer",
            Self::Clarify(_) => "clarify",
            Self::Say(_) => "say",
            Self::Withdrawn(_) => "withdrawn",
            Self::Interrupted(_) => "interrupted",
            Self::Call(_) => "call",
            Self::Rated(_) => "rated",
            Self::Escalated(_) => "escalated",
            Self::EscalationCancelled(_) => "escalation_cancelled",
            Self::AgentJoined(_) => "agent_joined",
            Self::AgentMessage(_) => "agent_message",
            Self::AgentLeft(_) => "agent_left",
            Self::Offered(_) => "offered",
            Self::OfferEnded(_) => "offer_ended",
            Self::Snoozed(_) => "snoozed",
            Self::Woken(_) => "woken",
            Self::CallbackRequested(_) => "callback_requested",
            Self::CallbackAttempted(_) => "callback_attempted",
            Self::Abandoned(_) => "abandoned",
            Self::Reopened(_) => "reopened",
            Self::SupervisorJoined(_) => "supervisor_joined",
            Self::SupervisorLeft(_) => "supervisor_left",
            Self::WrappedUp(_) => "wrapped_up",
            Self::Closed(_) => "closed",
        }
    }
}

/// Through which door a conversation came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// The portal's WebSocket.
    Portal,
    /// The telephone hotline.
    Telephone,
}

/// The conversation began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Started {
    /// Its id.
    pub conversation: ConversationId,
    /// Its first language.
    #[schemars(with = "LanguageCode")]
    pub language: Language,
    /// Through which door.
    pub channel: Channel,
    /// Private: whether the citizen asked for spoken answers.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schemars(skip)]
    pub voice: bool,
}

/// The conversation goes on in another language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LanguageChanged {
    /// The language from here on.
    #[schemars(with = "LanguageCode")]
    pub language: Language,
}

/// Something happened to the telephone call that the conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallEvent {
    /// What.
    #[serde(flatten)]
    pub happened: CallHappened,
}

/// What can happen to a telephone call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "happened", rename_all = "snake_case")]
pub enum CallHappened {
    /// A call that we made was answered.
    Answered,
    /// A call that we made was not.
    NotAnswered,
    /// It was given to people on the telephone: what is written here is not spoken any more.
    Transferred,
    /// … which did not work; the caller is still on the line.
    TransferFailed {
        /// SIP's code of the final response; 408 where there was none.
        code: u16,
    },
    /// The caller hung up.
    HungUp,
    /// The assistant ended it.
    Ended,
    /// The line broke.
    Lost,
}

/// How a citizen's message came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Typed.
    Text,
    /// Spoken.
    Voice,
    /// One of the offered choices.
    Choice,
}

/// The citizen typed, said or chose something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CitizenMessage {
    /// The client's id of the message (of the `audio_start` for a spoken turn).
    pub id: MessageId,
    /// The words; for a voice turn without dictation the matched question, or empty.
    pub text: String,
    /// How it came about.
    pub source: Source,
    /// The language it was understood in.
    #[schemars(with = "LanguageCode")]
    pub language: Language,
    /// Whether `text` is what was said, word for word; false where a recogniser that takes no dictation heard it.
    pub dictation: bool,
    /// What was said, where it was said to a person and is kept for them to hear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sound: Option<SoundRef>,
}

/// A sound that is kept with its conversation ([`crate::sounds`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SoundRef {
    /// Its id.
    pub id: SoundId,
    /// How long it is.
    pub ms: u64,
}

/// An entry that the assistant considered, with its calibrated probability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Considered {
    /// Which entry.
    #[schemars(with = "String")]
    pub entry: EntryId,
    /// Its question.
    pub question: String,
    /// Probability that it is what was meant, 0 to 1.
    pub confidence: f32,
}

impl From<&intents::Scored> for Considered {
    fn from(scored: &intents::Scored) -> Self {
        Self { entry: scored.entry.clone(), question: scored.question.clone(), confidence: scored.confidence }
    }
}

/// With what a decision was made, so that it can be explained later.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Provenance {
    /// The confidence from which the assistant answers.
    pub answer_threshold: f32,
    /// The confidence from which it asks back.
    pub clarify_threshold: f32,
    /// The published knowledge base (its revision).
    pub knowledge_base: String,
    /// Names with content hashes of the models that took part: recogniser, ranker.
    #[serde(default)]
    pub models: Vec<String>,
}

/// A link under an answer, in the answer's language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AnswerLink {
    /// What it says.
    pub label: String,
    /// Where it leads.
    pub url: String,
}

/// The assistant answered from the knowledge base. Self-contained: it stays readable when the entry changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// The citizen message it answers.
    pub reply_to: u64,
    /// Which entry.
    #[schemars(with = "String")]
    pub entry: EntryId,
    /// Which revision of the entry.
    pub revision: String,
    /// The language of all texts here.
    #[schemars(with = "LanguageCode")]
    pub language: Language,
    /// The question it answers.
    pub question: String,
    /// The whole answer, for the eye.
    pub text: String,
    /// The answer for the ear.
    pub spoken: String,
    /// What to do, in order.
    #[serde(default)]
    pub steps: Vec<String>,
    /// What to bring.
    #[serde(default)]
    pub documents: Vec<String>,
    /// Links.
    #[serde(default)]
    pub links: Vec<AnswerLink>,
    /// The office in charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub office: Option<String>,
    /// Calibrated probability that this entry was meant, 0 to 1.
    pub confidence: f32,
    /// Sample content.
    pub sample: bool,
    /// A native reviewer has yet to read it.
    pub awaiting_review: bool,
    /// The other language's text is newer by so many days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outdated_days: Option<u32>,
    /// Private: the place that it was given for, a code of [`kb::regions`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub place: Option<String>,
    /// Private: what was considered, best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(skip)]
    pub considered: Vec<Considered>,
    /// Private: with what it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub provenance: Option<Provenance>,
}

/// A choice offered to the citizen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Choice {
    /// Which entry; or the name of the topic, or the code of the place, that is asked for.
    #[schemars(with = "String")]
    pub entry: EntryId,
    /// Its question, or the name of the topic or place, in the conversation's language unless `language` says otherwise.
    pub question: String,
    /// The language of `question` where that is not the conversation's: the answer exists in this one only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "LanguageCode")]
    pub language: Option<Language>,
}

/// What the choices of a question back are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClarifyKind {
    /// Questions that may be meant.
    #[default]
    Entry,
    /// Topics, after nothing of what was offered was meant.
    Topic,
    /// Places, because the answer depends on where.
    Place,
}

impl ClarifyKind {
    /// Whether it is the usual one, which need not be written.
    pub fn is_entry(&self) -> bool {
        *self == Self::Entry
    }
}

/// The assistant asks back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Clarify {
    /// The citizen message it asks about.
    pub reply_to: u64,
    /// "Did you mean …".
    pub prompt: String,
    /// One to nine choices, best first.
    #[schemars(length(min = 1, max = 9))]
    pub choices: Vec<Choice>,
    /// A single choice to confirm.
    pub confirm: bool,
    /// What the choices are; absent for questions.
    #[serde(default, skip_serializing_if = "ClarifyKind::is_entry")]
    pub kind: ClarifyKind,
    /// Private: the citizen was not understood before, so that this counts as a failure.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schemars(skip)]
    pub failed: bool,
    /// Private: the entry that is answered once the place is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub about: Option<Choice>,
    /// Private: what was offered before and turned down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(skip)]
    pub declined: Vec<EntryId>,
    /// Private: what was considered, best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(skip)]
    pub considered: Vec<Considered>,
    /// Private: with what it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub provenance: Option<Provenance>,
}

/// What kind of thing the assistant says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SayAct {
    /// "Hello."
    Greeting,
    /// "You're welcome."
    Thanks,
    /// "Goodbye."
    Goodbye,
    /// "I did not understand; please say it differently."
    NotUnderstood,
    /// "I heard nothing; please say it again."
    NotHeard,
    /// "What would you like me to repeat?", and the like.
    RepeatQuestion,
    /// Something the citizen should know.
    Notice,
    /// Guidance to 110, 119 or 120.
    Emergency,
    /// About the conversation's language.
    Language,
    /// All that was said before is forgotten.
    StartOver,
    /// Where a complaint can be made; a person is offered.
    Complaint,
    /// Something friendly about what the assistant is for.
    SmallTalk,
}

/// The assistant says something that is not from the knowledge base.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Say {
    /// The citizen message it replies to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<u64>,
    /// The words.
    pub text: String,
    /// What kind of thing it is.
    pub act: SayAct,
    /// Private: what was considered, best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(skip)]
    pub considered: Vec<Considered>,
    /// Private: with what it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub provenance: Option<Provenance>,
}

/// A spoken turn was ended at a pause, and the citizen went on: its message and what was said to it do not count any more.
/// Always followed, in the same transaction, by the message that takes its place. The log keeps what was withdrawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Withdrawn {
    /// The citizen message that was only a beginning.
    pub from: u64,
    /// The last event that replied to it.
    pub to: u64,
}

/// The citizen said whether something helped. Of several about the same thing the last one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rated {
    /// The place of what is rated: an `answer`, or what an agent wrote or left with.
    pub of: u64,
    /// Whether it helped; a wrong answer is reported by `false`.
    pub helpful: bool,
}

/// An event was not heard to its end: the citizen spoke, stopped the sound or went away, and it did not go on. What comes after
/// `breaking_off` was never played to them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Interrupted {
    /// The event that was being spoken.
    pub of: u64,
    /// The sentences of it that were played to their end.
    pub heard: String,
    /// The sentence in which it was broken off; empty where none had begun.
    pub breaking_off: String,
    /// Milliseconds of sound that were played: what the client says it played, or else what it had been sent in time.
    pub ms: u64,
}

/// The conversation waits for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Escalated {
    /// Why.
    #[schemars(with = "ReasonName")]
    pub reason: EscalationReason,
    /// Place in the queue when it was entered; 1 = next.
    pub position: u32,
    /// What the citizen is told.
    pub text: String,
    /// How long it may take, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<WaitRange>,
    /// Private: the escalation's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub escalation: Option<EscalationId>,
    /// Private: how soon somebody must see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub priority: Option<Priority>,
}

/// The citizen took the request for a person back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EscalationCancelled {
    /// What the citizen is told.
    pub text: String,
}

/// An agent as the other side sees them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct AgentRef {
    /// Private: the agent's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub id: Option<AgentId>,
    /// The name shown to citizens.
    pub name: String,
}

/// An agent took the conversation over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgentJoined {
    /// Who.
    pub agent: AgentRef,
    /// What the citizen is told.
    pub text: String,
}

/// An agent wrote or said something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgentMessage {
    /// Who.
    pub agent: AgentRef,
    /// The words; may be empty where they were only spoken.
    pub text: String,
    /// The language of the words, as the conversation had it.
    #[schemars(with = "LanguageCode")]
    pub language: Language,
    /// The words in the agent's own voice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sound: Option<SoundRef>,
}

/// Why an agent is gone from a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The assistant takes over again.
    Returned,
    /// The matter is settled; `closed` follows.
    Resolved,
    /// Back to the queue with the original time, by the agent's wish.
    Requeued,
    /// Back to the queue with the original time: the agent's connection was lost.
    Lost,
    /// A colleague is asked to go on with it.
    Transferred,
    /// A supervisor gave it to somebody else, or back to the queue.
    Reassigned,
}

/// The agent is gone from the conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgentLeft {
    /// Why.
    pub outcome: Outcome,
    /// What the citizen is told.
    pub text: String,
    /// Private: who.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub agent: Option<AgentRef>,
    /// Private: the agent's note for whoever comes next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub note: Option<String>,
    /// Private: what the next agent should know about; empty changes nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(skip)]
    pub skills: Vec<String>,
    /// Private: the agent writes notes until then at the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub until: Option<Timestamp>,
    /// Private: the supervisor who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub by: Option<AgentRef>,
}

/// One agent is asked whether they take the conversation. Nothing that a citizen need be told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Offered {
    /// Private: who.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub agent: Option<AgentRef>,
    /// Private: the offer's token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub offer: Option<OfferId>,
    /// Private: when it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub until: Option<Timestamp>,
    /// Private: a colleague passes it on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schemars(skip)]
    pub transferred: bool,
}

/// Why an agent who was asked has not taken a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OfferEnd {
    /// They said no.
    Declined,
    /// They said nothing.
    Expired,
    /// A supervisor gave it to somebody else.
    Withdrawn,
}

/// The agent who was asked has not taken it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OfferEnded {
    /// Private: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub why: Option<OfferEnd>,
}

/// The agent has set the conversation aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Snoozed {
    /// Until when, or until the citizen writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Private: the agent's note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub note: Option<String>,
}

/// Why an agent is back at a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WakeReason {
    /// It was time.
    Time,
    /// The agent wished so.
    Agent,
    /// The citizen wrote.
    Citizen,
}

/// The agent is back at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Woken {
    /// What the citizen is told; empty where they brought it about themselves.
    pub text: String,
    /// Private: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub why: Option<WakeReason>,
}

/// The citizen wants to be called back instead of waiting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallbackRequested {
    /// The number, as it is dialled.
    pub number: String,
    /// Not before …
    pub from: Timestamp,
    /// … and rather not after.
    pub until: Timestamp,
    /// What the citizen is told.
    pub text: String,
}

/// Somebody has called back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallbackAttempted {
    /// What came of it.
    pub outcome: AttemptOutcome,
    /// When it is tried again: from and until.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<(Timestamp, Timestamp)>,
    /// What the citizen is told.
    pub text: String,
    /// Private: who.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub agent: Option<AgentRef>,
}

/// The citizen went away while waiting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Abandoned {
    /// Private: until then their place is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub until: Option<Timestamp>,
}

/// The citizen came back: to their place in the queue, or with a matter that is not settled after all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reopened {
    /// Place in the queue; 1 = next.
    pub position: u32,
    /// What the citizen is told.
    pub text: String,
    /// Private: the escalation's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub escalation: Option<EscalationId>,
    /// Private: the agent who had it before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub prefer: Option<AgentRef>,
}

/// A supervisor comes or goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Supervisor {
    /// Who.
    pub agent: AgentRef,
    /// What the citizen is told; may be empty.
    pub text: String,
}

/// The agent's notes about a settled matter are done. Nothing that a citizen need be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WrappedUp {
    /// Private: what came of it, a code of the operator's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub disposition: Option<String>,
    /// Private: the agent's note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub note: Option<String>,
}

/// Who ended a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClosedBy {
    /// The citizen said that they are done.
    Citizen,
    /// An agent settled the matter.
    Agent,
    /// Nobody said anything for long.
    Idle,
    /// The citizen went away while waiting and did not come back.
    Abandoned,
    /// The citizen was called back and not reached.
    Unreachable,
}

impl ClosedBy {
    /// Whether the matter can be opened again: a person was, or would have been, at it.
    pub const fn is_reopenable(self) -> bool {
        match self {
            Self::Agent | Self::Abandoned | Self::Unreachable => true,
            Self::Citizen | Self::Idle => false,
        }
    }
}

/// The conversation is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Closed {
    /// Who ended it.
    pub by: ClosedBy,
    /// What the citizen is told.
    pub text: String,
}
