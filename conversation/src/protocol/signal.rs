//! What the server says about the moment: not durable, no `seq`.

use language::Language;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{ConversationId, MessageId};
use crate::protocol::Codec;
use crate::schema::LanguageCode;

/// What is going on right now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Signal {
    /// Answer to `start`.
    Welcome(Welcome),
    /// Answer to `resume`.
    Resumed {
        /// The conversation's id.
        conversation: ConversationId,
        /// Its last event.
        last_seq: u64,
        /// Its language.
        #[schemars(with = "LanguageCode")]
        language: Language,
    },
    /// The client's message is durable.
    Accepted {
        /// The client's id of it.
        id: MessageId,
        /// Its event, where it made one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seq: Option<u64>,
    },
    /// Somebody is speaking.
    SpeechStarted {
        /// The turn.
        id: MessageId,
        /// Where in the turn's audio, in milliseconds.
        at_ms: u64,
    },
    /// What is heard so far.
    Partial {
        /// The turn.
        id: MessageId,
        /// The words.
        text: String,
        /// The nearest known question, not a transcript.
        hint: bool,
        /// How many characters (code points) of the text, from its beginning, will not change any more; 0 for a hint.
        #[serde(default)]
        stable: u32,
    },
    /// The turn is over; understanding begins.
    SpeechEnded {
        /// The turn.
        id: MessageId,
        /// Why.
        reason: SpeechEnd,
        /// How much speech was in it, in milliseconds.
        speech_ms: u64,
        /// For so long, in milliseconds, sound of this turn is still taken, in case the citizen goes on (`speech_resumed`); 0: the
        /// turn is over for good.
        #[serde(default, skip_serializing_if = "is_zero")]
        listening_ms: u32,
    },
    /// The citizen goes on after the turn had ended: it is under way again, and ends anew.
    SpeechResumed {
        /// The turn.
        id: MessageId,
        /// Where in the turn's audio, in milliseconds.
        at_ms: u64,
    },
    /// What was heard.
    Final {
        /// The turn.
        id: MessageId,
        /// The words; empty if nothing.
        text: String,
        /// Whether they are a transcript.
        dictation: bool,
        /// The turn's length in seconds.
        seconds: f64,
    },
    /// An answer is being looked for.
    Thinking {
        /// The turn or message.
        id: MessageId,
    },
    /// While waiting for a person.
    Queue {
        /// Place in the queue, 1 = next.
        position: u32,
        /// Estimate in minutes: low, high.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        wait_minutes: Option<[u32; 2]>,
    },
    /// The citizen asked to be spoken to louder: turn the volume up.
    Louder,
    /// The agent is typing.
    AgentTyping,
    /// Sound follows as binary messages.
    AudioStart {
        /// Which sound.
        audio_id: u64,
        /// The event that is spoken.
        seq: u64,
        /// How it is written.
        codec: Codec,
        /// Samples per second.
        sample_rate: u32,
        /// Where it comes from.
        source: SoundSource,
    },
    /// A sentence begins at this place in the sound.
    Mark {
        /// Which sound.
        audio_id: u64,
        /// Which sentence, 0-based.
        sentence: u32,
        /// Its words.
        text: String,
        /// Where it begins, in milliseconds.
        start_ms: u64,
        /// Its words in order, which joined are `text`, and where each begins; empty where that is not known. Estimates within a
        /// sentence whose length is known.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        words: Vec<SpokenWord>,
    },
    /// The sound is over.
    AudioEnd {
        /// Which sound.
        audio_id: u64,
        /// Its length, in milliseconds.
        total_ms: u64,
        /// Whether it was stopped before its end.
        interrupted: bool,
    },
    /// Something is wrong.
    Error(ErrorSignal),
    /// The server is about to restart.
    Draining {
        /// What the citizen is told.
        text: String,
    },
    /// Answer to `ping`.
    Pong {
        /// What the `ping` carried.
        n: u64,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Answer to `start`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Welcome {
    /// The conversation's id.
    pub conversation: ConversationId,
    /// The secret that resumes it; shown once.
    pub token: String,
    /// Version of the protocol.
    pub protocol: u32,
    /// What the server accepts.
    pub limits: Limits,
    /// Whether the recogniser can take dictation.
    pub dictation: bool,
    /// The privacy notice, in the conversation's language.
    pub notice: String,
}

/// Leaves the token out, so that no log line can carry it.
impl std::fmt::Debug for Welcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Welcome").field("conversation", &self.conversation).finish_non_exhaustive()
    }
}

/// What the server accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Limits {
    /// Longest typed message, in characters.
    pub text_characters: u32,
    /// Longest spoken turn, in seconds.
    pub audio_seconds: u32,
}

/// A word of a sentence that is being spoken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SpokenWord {
    /// As it is written, with what follows it up to the next word.
    pub text: String,
    /// Where it begins, in milliseconds of the sound.
    pub start_ms: u64,
}

/// Why a spoken turn is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SpeechEnd {
    /// Silence after speech.
    Silence,
    /// The client said so.
    Commit,
    /// The longest turn was reached.
    Maximum,
    /// Nobody spoke.
    NoSpeech,
}

/// Where a sound comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SoundSource {
    /// A person has spoken it: for this answer, or an agent in this conversation.
    Recorded,
    /// A synthesizer.
    Synthetic,
    /// An agent's words, by a synthesizer.
    Agent,
}

/// What went wrong, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// Not JSON.
    BadJson,
    /// A `type` that the protocol does not know.
    UnknownType,
    /// A field is missing or wrong.
    BadMessage,
    /// For instance audio before `audio_start`.
    WrongOrder,
    /// The token opens no conversation.
    BadToken,
    /// The text is too long.
    TextTooLong,
    /// The spoken turn is too long.
    AudioTooLong,
    /// Neither PCM16 nor Opus.
    BadAudio,
    /// Rate limit; `retry_after_ms`.
    TooFast,
    /// No room for another voice conversation; `retry_after_ms`.
    Busy,
    /// The conversation is over.
    Closed,
    /// Too many conversations for this address.
    TooMany,
    /// A part is down; what still works is said.
    Unavailable,
    /// A fault of the server.
    Internal,
}

impl ErrorCode {
    /// Every code, for tests that go through all of them.
    pub const ALL: [Self; 14] = [
        Self::BadJson,
        Self::UnknownType,
        Self::BadMessage,
        Self::WrongOrder,
        Self::BadToken,
        Self::TextTooLong,
        Self::AudioTooLong,
        Self::BadAudio,
        Self::TooFast,
        Self::Busy,
        Self::Closed,
        Self::TooMany,
        Self::Unavailable,
        Self::Internal,
    ];
}

/// Something is wrong. It never ends the conversation unless `fatal`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorSignal {
    /// For programs.
    pub code: ErrorCode,
    /// For people, in the conversation's language (before there is one: both).
    pub message: String,
    /// After a fatal error the server closes.
    pub fatal: bool,
    /// The client's message that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<MessageId>,
    /// For `too_fast` and `busy`: when to try again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// For `busy`: how many others wait for a voice conversation before this client. Asking again in time keeps the place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_before: Option<u32>,
}
