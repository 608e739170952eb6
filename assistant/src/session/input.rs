//! What a citizen can do in a conversation, stripped of how it arrived.

use std::sync::{Arc, atomic::AtomicBool};

use conversation::{MessageId, Timestamp};
use language::Language;
use speech::{Complaint, Transcript};

use crate::workers::Continued;

/// Something a citizen did that may change the conversation.
#[derive(Clone, Debug)]
pub enum Input {
    /// Typed something.
    Text {
        /// The client's id.
        id: MessageId,
        /// The words.
        text: String,
    },
    /// Said something; the recogniser is done with it.
    Voice {
        /// The turn's id.
        id: MessageId,
        /// What was heard.
        heard: Heard,
        /// Nobody knows yet which language the citizen speaks: the conversation goes on in the one that was heard.
        any_language: bool,
    },
    /// Went on with a spoken turn after its end.
    Continued {
        /// The turn's id.
        id: MessageId,
        /// What was heard.
        heard: Box<Continued>,
        /// Whether what came after the pause is so short that it may be no word at all.
        short: bool,
        /// Set where its parts have nothing to do with each other: known before, or found out now.
        apart: Arc<AtomicBool>,
    },
    /// Answered a question back.
    Choose {
        /// The client's id.
        id: MessageId,
        /// The question back.
        clarify_seq: u64,
        /// 1-based; 0 = none of them.
        choice: u8,
    },
    /// Wants a person.
    Person(MessageId),
    /// Does not want a person any more.
    LeaveQueue(MessageId),
    /// Wants to be called back.
    Callback {
        /// The client's id.
        id: MessageId,
        /// The number.
        number: String,
        /// Not before; now, where absent.
        from: Option<Timestamp>,
        /// Rather not after; a day later, where absent.
        until: Option<Timestamp>,
    },
    /// Is back with a matter that is not settled.
    Reopen(MessageId),
    /// Wants another language.
    Language(MessageId, Language),
    /// Wants to hear it again.
    Repeat(MessageId),
    /// Says whether something helped.
    Rate {
        /// The client's id.
        id: MessageId,
        /// The place of what is rated.
        seq: u64,
        /// Whether it helped.
        helpful: bool,
    },
    /// Is done.
    Close(MessageId),
    /// Has begun to speak. Remembered, so that a turn that is lost on the way can be asked for again.
    SpeechBegan,
    /// Came back: whatever was left unanswered is answered now.
    Resumed,
}

impl Input {
    /// The client's id of the message, where it has one.
    pub const fn id(&self) -> Option<&MessageId> {
        match self {
            Self::Text { id, .. }
            | Self::Voice { id, .. }
            | Self::Continued { id, .. }
            | Self::Choose { id, .. }
            | Self::Rate { id, .. }
            | Self::Person(id)
            | Self::LeaveQueue(id)
            | Self::Callback { id, .. }
            | Self::Reopen(id)
            | Self::Language(id, _)
            | Self::Repeat(id)
            | Self::Close(id) => Some(id),
            Self::SpeechBegan | Self::Resumed => None,
        }
    }
}

/// A spoken turn as the recogniser left it.
#[derive(Clone, Debug)]
pub struct Heard {
    /// What was heard; `None` where nobody spoke or no engine could make anything of it.
    pub transcript: Option<Transcript>,
    /// Whether the engine's text is what was said, word for word.
    pub dictation: bool,
    /// The engine with its model's hash.
    pub engine: String,
    /// The turn's language.
    pub language: Language,
    /// What was wrong with the sound.
    pub complaint: Option<Complaint>,
    /// The sound itself, 16 kHz in [-1, 1], where it is for a person to hear.
    pub sound: Option<Arc<[f32]>>,
}

impl Heard {
    /// Whether no words were heard at all.
    pub fn is_nothing(&self) -> bool {
        self.transcript
            .as_ref()
            .is_none_or(|transcript| transcript.evidence.is_none() && transcript.text().is_empty())
    }
}
