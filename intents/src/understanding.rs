//! The vocabulary of understanding.

use std::sync::Arc;

use kb::EntryId;
use language::{Evidence, Language};
use serde::{Deserialize, Serialize};

/// What a citizen said or typed, before it is understood.
#[derive(Clone, Debug)]
pub struct Utterance {
    /// The words: typed, or a recogniser's best reading; empty where the recogniser takes no dictation.
    pub text: String,
    /// The conversation's language.
    pub language: Language,
    /// What the sound supports, for a spoken utterance.
    pub evidence: Option<Arc<dyn Evidence>>,
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
    /// Answer an act that needs no knowledge base.
    Act(Act),
    /// Nothing fits: ask the citizen to say it differently.
    NotUnderstood,
    /// Hand over to a person.
    Escalate(EscalationReason),
}
