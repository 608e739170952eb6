//! What a portal client sends.

use language::Language;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::MessageId;
use crate::schema::LanguageCode;
use crate::time::Timestamp;

/// A message of the client. Parse with [`ClientMessage::parse`], whose errors name the code and the field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// Opens a new conversation.
    Start(Start),
    /// Takes up a conversation.
    Resume(Resume),
    /// The citizen typed.
    Text(Text),
    /// A spoken turn begins; binary messages follow.
    AudioStart(AudioStart),
    /// The spoken turn is over.
    Commit(Commit),
    /// Drops a spoken turn, or stops the sound that is playing.
    Cancel(Cancel),
    /// Answers a `clarify`.
    Choose(Choose),
    /// The citizen wants a person.
    Person(Person),
    /// The citizen takes the request for a person back.
    LeaveQueue(LeaveQueue),
    /// The citizen wants to be called back instead of waiting.
    Callback(RequestCallback),
    /// The citizen's matter is not settled after all, or they are back after hanging up.
    Reopen(Reopen),
    /// The other language, please.
    Language(ChangeLanguage),
    /// Spoken answers on or off, slower or not.
    Voice(Voice),
    /// Say the last answer again.
    Repeat(Repeat),
    /// Whether something helped.
    Rate(Rate),
    /// How far a sound was played.
    Heard(Heard),
    /// The citizen is writing to a person.
    Typing(Typing),
    /// What was written to the citizen is on their screen.
    Seen(Seen),
    /// The citizen is done.
    Close(Close),
    /// Answered by `pong`.
    Ping(Ping),
}

impl ClientMessage {
    /// The message's `type` on the wire.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Start(_) => "start",
            Self::Resume(_) => "resume",
            Self::Text(_) => "text",
            Self::AudioStart(_) => "audio_start",
            Self::Commit(_) => "commit",
            Self::Cancel(_) => "cancel",
            Self::Choose(_) => "choose",
            Self::Person(_) => "person",
            Self::LeaveQueue(_) => "leave_queue",
            Self::Callback(_) => "callback",
            Self::Reopen(_) => "reopen",
            Self::Language(_) => "language",
            Self::Voice(_) => "voice",
            Self::Repeat(_) => "repeat",
            Self::Rate(_) => "rate",
            Self::Heard(_) => "heard",
            Self::Typing(_) => "typing",
            Self::Seen(_) => "seen",
            Self::Close(_) => "close",
            Self::Ping(_) => "ping",
        }
    }

    /// The client's id of the message, where it has one.
    pub const fn id(&self) -> Option<&MessageId> {
        match self {
            Self::Text(Text { id, .. })
            | Self::AudioStart(AudioStart { id, .. })
            | Self::Commit(Commit { id })
            | Self::Choose(Choose { id, .. })
            | Self::Person(Person { id })
            | Self::Rate(Rate { id, .. })
            | Self::LeaveQueue(LeaveQueue { id })
            | Self::Callback(RequestCallback { id, .. })
            | Self::Reopen(Reopen { id })
            | Self::Language(ChangeLanguage { id, .. })
            | Self::Repeat(Repeat { id })
            | Self::Close(Close { id }) => Some(id),
            Self::Cancel(Cancel { id }) => id.as_ref(),
            Self::Start(_)
            | Self::Resume(_)
            | Self::Voice(_)
            | Self::Heard(_)
            | Self::Typing(_)
            | Self::Seen(_)
            | Self::Ping(_) => None,
        }
    }
}

/// How sound is written on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Codec {
    /// 16-bit little-endian linear samples, mono.
    Pcm16,
    /// One Opus packet per binary message.
    Opus,
}

/// How the client wants to receive sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AudioOut {
    /// As [`Codec::Pcm16`].
    Pcm16,
    /// As [`Codec::Opus`].
    Opus,
    /// Not at all.
    #[default]
    None,
}

impl AudioOut {
    /// The codec, where sound is wanted.
    pub const fn codec(self) -> Option<Codec> {
        match self {
            Self::Pcm16 => Some(Codec::Pcm16),
            Self::Opus => Some(Codec::Opus),
            Self::None => None,
        }
    }
}

/// Opens a new conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Start {
    /// Version of the protocol: 1.
    pub protocol: u32,
    /// The language to begin in.
    #[schemars(with = "LanguageCode")]
    pub language: Language,
    /// Whether spoken answers are wanted.
    #[serde(default)]
    pub voice: bool,
    /// How sound should arrive.
    #[serde(default)]
    pub audio_out: AudioOut,
    /// What kind of client this is, at most 64 characters.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub client: String,
}

/// Takes up a conversation.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Resume {
    /// Version of the protocol: 1.
    pub protocol: u32,
    /// The token that `welcome` gave.
    pub token: String,
    /// The last event the client has seen; 0 for none.
    pub last_seq: u64,
    /// Whether spoken answers are wanted.
    #[serde(default)]
    pub voice: bool,
    /// How sound should arrive.
    #[serde(default)]
    pub audio_out: AudioOut,
}

/// Leaves the token out, so that no log line can carry it.
impl std::fmt::Debug for Resume {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resume").field("last_seq", &self.last_seq).finish_non_exhaustive()
    }
}

/// The citizen typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Text {
    /// The client's id.
    pub id: MessageId,
    /// The words, at most 2,000 characters.
    #[schemars(length(max = 2000))]
    pub text: String,
}

/// A spoken turn begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AudioStart {
    /// The client's id of the turn.
    pub id: MessageId,
    /// How the sound is written.
    pub codec: Codec,
    /// Samples per second: 16000 for PCM16; 8000, 12000, 16000, 24000 or 48000 for Opus.
    pub sample_rate: u32,
    /// Phrases that the citizen is likely to say, in the conversation's language, the likeliest first: what the page that they
    /// are on is about. A recogniser that takes dictation listens for them. At most 32, of 1 to 100 characters each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 100)))]
    pub expect: Vec<String>,
}

/// The spoken turn is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Commit {
    /// The turn's id.
    pub id: MessageId,
}

/// Drops a spoken turn, or stops the sound that is playing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cancel {
    /// The turn's id; without it the sound stops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<MessageId>,
}

/// Answers a `clarify`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Choose {
    /// The client's id.
    pub id: MessageId,
    /// The `clarify` event that is answered.
    pub clarify_seq: u64,
    /// 1-based; 0 = none of these.
    pub choice: u8,
}

/// The citizen wants a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Person {
    /// The client's id.
    pub id: MessageId,
}

/// The citizen takes the request for a person back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeaveQueue {
    /// The client's id.
    pub id: MessageId,
}

/// The citizen wants to be called back instead of waiting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RequestCallback {
    /// The client's id of the message.
    pub id: MessageId,
    /// The number: three to fifteen digits, with a plus sign at most in front; spaces and dashes do not matter.
    #[schemars(length(max = 40))]
    pub number: String,
    /// Not before; now, where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Rather not after; a day after `from`, where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// The citizen's matter is not settled after all, or they are back after hanging up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reopen {
    /// The client's id of the message.
    pub id: MessageId,
}

/// The other language, please.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeLanguage {
    /// The client's id.
    pub id: MessageId,
    /// The language from here on.
    #[schemars(with = "LanguageCode")]
    pub language: Language,
}

/// Spoken answers on or off, slower or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Voice {
    /// Whether answers are spoken.
    pub voice: bool,
    /// Whether they are spoken slower.
    #[serde(default)]
    pub slow: bool,
}

/// Say the last answer again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Repeat {
    /// The client's id.
    pub id: MessageId,
}

/// Whether something helped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rate {
    /// The client's id.
    pub id: MessageId,
    /// The place of what is rated: an `answer`, or what an agent wrote or left with.
    pub seq: u64,
    /// Whether it helped.
    pub helpful: bool,
}

/// How far a sound was played, sent when it stops or ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Heard {
    /// Which sound.
    pub audio_id: u64,
    /// How far it was played, in milliseconds.
    pub ms: u64,
}

/// The citizen is writing to a person; to be said once in two seconds at most. Kept nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Typing {
    /// What stands in the box so far, if answers to it shall be looked up for the person. They are shown those answers and never these
    /// words.
    #[serde(default)]
    #[schemars(length(max = 2000))]
    pub draft: String,
}

/// What was written to the citizen is on their screen, or was played to them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Seen {
    /// The place of the last event that is.
    pub seq: u64,
}

/// The citizen is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Close {
    /// The client's id.
    pub id: MessageId,
}

/// Answered by `pong`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ping {
    /// Comes back in the `pong`.
    pub n: u64,
}
