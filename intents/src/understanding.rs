//! The vocabulary of understanding.

use std::sync::Arc;

use kb::EntryId;
use language::{Evidence, Language};
use serde::{Deserialize, Serialize};

use crate::Slots;

/// What a citizen said or typed, before it is understood.
#[derive(Clone, Debug)]
pub struct Utterance {
    /// The words: typed, or a recogniser's best reading; empty where the recogniser takes no dictation.
    pub text: String,
    /// The conversation's language.
    pub language: Language,
    /// Whether a recogniser wrote the words: then they may be others that sound alike.
    pub dictated: bool,
    /// What the sound supports, for a spoken utterance.
    pub evidence: Option<Arc<dyn Evidence>>,
}

impl Utterance {
    /// Typed words in a conversation in `language`.
    pub fn typed(text: impl Into<String>, language: Language) -> Self {
        Self { text: text.into(), language, dictated: false, evidence: None }
    }

    /// Words that a recogniser wrote, without further evidence.
    pub fn dictated(text: impl Into<String>, language: Language) -> Self {
        Self { dictated: true, ..Self::typed(text, language) }
    }

    /// A spoken utterance: what the sound supports, and the words where the recogniser takes dictation.
    pub fn heard(text: impl Into<String>, language: Language, evidence: Option<Arc<dyn Evidence>>) -> Self {
        Self { evidence, ..Self::dictated(text, language) }
    }
}

/// What kind of thing was said, when it is not a question for the knowledge base.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// A question (or anything else that the knowledge base should answer).
    Question,
    /// "Hello."
    Greeting,
    /// "Thank you."
    Thanks,
    /// "Goodbye."
    Goodbye,
    /// "Say that again."
    Repeat,
    /// "Slower, please."
    Slower,
    /// "Louder, please."
    Louder,
    /// "Let us begin anew": what the conversation remembers is forgotten.
    StartOver,
    /// A complaint about an office, its people, or the assistant.
    Complaint,
    /// The weather, a joke, "who made you": nothing that an office is asked for.
    SmallTalk,
    /// "A person, please."
    Person,
    /// "No person after all", from a citizen who waits for one. The policy does not know who waits: it passes this on
    /// as [`Decision::Act`], and to somebody who does not wait it means nothing.
    LeaveQueue,
    /// "The other language, please."
    OtherLanguage,
    /// "Yes", to a confirming question.
    Yes,
    /// "No", to a confirming question.
    No,
    /// "The second one", after a choice was offered; 1-based.
    Choice(u8),
    /// Fire, crime, medical emergency: leads straight to 119/110/120 guidance.
    Emergency,
}

/// What kind of emergency it is: it decides which number comes first in the guidance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmergencyKind {
    /// Fire: 119.
    Fire,
    /// Gas or fumes: out first, then 119 and 120.
    Gas,
    /// Illness, injury, birth, poison: 120.
    Medical,
    /// Violence, theft under way, a missing child: 110.
    Crime,
    /// Avalanche, earthquake, water, lost in the snow: 119 and 110.
    Rescue,
    /// A road accident: 122 or 110, and 120.
    Traffic,
    /// It does not show: all numbers.
    #[default]
    Any,
}

impl EmergencyKind {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Fire, Self::Gas, Self::Medical, Self::Crime, Self::Rescue, Self::Traffic, Self::Any];

    /// Its name in tables and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fire => "fire",
            Self::Gas => "gas",
            Self::Medical => "medical",
            Self::Crime => "crime",
            Self::Rescue => "rescue",
            Self::Traffic => "traffic",
            Self::Any => "any",
        }
    }

    /// The kind of that name; [`Self::Any`] for an unknown one.
    pub fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|kind| kind.name() == name).unwrap_or_default()
    }
}

/// An entry with its calibrated probability of being what was meant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// Which entry.
    pub entry: EntryId,
    /// The question as the knowledge base writes it, in `language`.
    pub question: String,
    /// The language in which it matched.
    pub language: Language,
    /// Probability that this entry is what was meant, 0 to 1.
    pub confidence: f32,
}

/// What was understood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Understanding {
    /// What kind of thing was said.
    pub act: Act,
    /// The language in which it was said, as far as it shows.
    pub language: Language,
    /// Candidate entries, best first, at most five. Confidences sum to at most 1; the rest is "none of them".
    pub candidates: Vec<Scored>,
    /// Whether it was spoken: policy is stricter then.
    pub spoken: bool,
    /// Whether it was spoken and understood by the words that a recogniser wrote, without the sound: then confidences are those
    /// of the text channel.
    #[serde(default)]
    pub by_words: bool,
    /// For a question understood by its sound: how well the best candidate's best way of asking explains all of the sound, in nats per phone
    /// (`Evidence::whole`; near 0 is perfect). What is only the beginning of a question fits it badly.
    #[serde(default)]
    pub fit: Option<f32>,
    /// What kind of emergency it is, where `act` is [`Act::Emergency`] and the words show it.
    #[serde(default)]
    pub emergency: EmergencyKind,
    /// What was said besides: places, persons, documents, days. Empty where no words are known.
    #[serde(default)]
    pub slots: Slots,
}

impl Understanding {
    /// An act without candidates or slots.
    pub fn of(act: Act, language: Language, spoken: bool) -> Self {
        Self {
            act,
            language,
            candidates: Vec::new(),
            spoken,
            by_words: false,
            fit: None,
            emergency: EmergencyKind::default(),
            slots: Slots::default(),
        }
    }
}

/// Why a conversation goes to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EscalationReason {
    /// The citizen asked for a person.
    Asked,
    /// The assistant was unsure too often.
    LowConfidence,
    /// The entry says that a person must see it.
    Policy,
    /// An emergency.
    Emergency,
    /// A matter that had been settled is not, after all. No decision of the policy's.
    Reopened,
}

/// What to do about it.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Give this entry's answer; then hand over if it says so.
    Answer {
        /// The entry with its confidence.
        chosen: Scored,
        /// Escalate after answering.
        then_escalate: bool,
    },
    /// Ask back: one choice is a confirming question, two or three a choice.
    Clarify {
        /// What is offered, best first.
        choices: Vec<Scored>,
    },
    /// Nothing of what was offered is meant: ask what it is about.
    AskTopic {
        /// Names of topics, the likeliest first.
        topics: Vec<String>,
        /// What was considered for the question and not yet offered, best first.
        considered: Vec<Scored>,
        /// What was offered and turned down.
        declined: Vec<EntryId>,
    },
    /// The answer depends on the place: ask for it, then give the answer.
    AskPlace {
        /// The entry that will be answered.
        chosen: Scored,
        /// Places to choose from: codes of [`kb::regions`].
        places: Vec<String>,
    },
    /// Answer an act that needs no knowledge base.
    Act(Act),
    /// Nothing fits: ask the citizen to say it differently.
    NotUnderstood,
    /// Hand over to a person.
    Escalate(EscalationReason),
}
