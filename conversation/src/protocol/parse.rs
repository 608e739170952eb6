//! Parsing a client's message so that an error says which field is wrong.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::client::{AudioStart, ClientMessage, Codec};
use super::{ErrorCode, MAX_EXPECTED_CHARACTERS, MAX_EXPECTED_PHRASES, MAX_TEXT_CHARACTERS, VERSION};
use crate::ids::MessageId;

/// The longest `client` of a `start`, in characters.
const MAX_CLIENT_CHARACTERS: usize = 64;
/// The most choices a `clarify` offers: topics and places are more than questions.
const MAX_CHOICES: u8 = 9;
/// The sample rate of PCM16 turns, in hertz.
const PCM_SAMPLE_RATE: u32 = 16_000;
/// The sample rates that an Opus decoder can produce, in hertz (RFC 6716, section 2).
const OPUS_SAMPLE_RATES: [u32; 5] = [8_000, 12_000, 16_000, 24_000, 48_000];

/// Why a text is not a message of the protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Not JSON at all, or not an object.
    #[error("not a JSON object: {0}")]
    Json(String),
    /// An object with a `type` that the protocol does not know.
    #[error("unknown message type {0:?}")]
    UnknownType(String),
    /// A field is missing or wrong.
    #[error("field {field:?}: {reason}")]
    Field {
        /// The field's name, with a path for nested ones.
        field: String,
        /// What is wrong with it.
        reason: String,
        /// The message's id, where that could be read.
        id: Option<MessageId>,
    },
    /// The text is too long.
    #[error("the text has {characters} characters, more than {MAX_TEXT_CHARACTERS}")]
    TextTooLong {
        /// How long it is.
        characters: usize,
        /// The message's id.
        id: MessageId,
    },
}

impl ParseError {
    /// The protocol's code for it.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Json(_) => ErrorCode::BadJson,
            Self::UnknownType(_) => ErrorCode::UnknownType,
            Self::Field { .. } => ErrorCode::BadMessage,
            Self::TextTooLong { .. } => ErrorCode::TextTooLong,
        }
    }

    /// The field that is missing or wrong.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Field { field, .. } => Some(field),
            Self::TextTooLong { .. } => Some("text"),
            Self::Json(_) | Self::UnknownType(_) => None,
        }
    }

    /// The client's id of the message, where it could be read.
    pub const fn id(&self) -> Option<&MessageId> {
        match self {
            Self::Field { id, .. } => id.as_ref(),
            Self::TextTooLong { id, .. } => Some(id),
            Self::Json(_) | Self::UnknownType(_) => None,
        }
    }
}

impl ClientMessage {
    /// Reads one text message. Unknown fields are ignored, so that newer clients can talk to older servers.
    ///
    /// # Errors
    /// A [`ParseError`] with the protocol's code and, where it is about a field, that field's name.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let value: Value = serde_json::from_str(text).map_err(|error| ParseError::Json(error.to_string()))?;
        let Value::Object(fields) = value else {
            return Err(ParseError::Json("expected an object".to_owned()));
        };
        let kind = match fields.get("type") {
            Some(Value::String(kind)) => kind.clone(),
            Some(_) => return Err(wrong("type", "must be a string", None)),
            None => return Err(wrong("type", "is missing", None)),
        };
        let message = match kind.as_str() {
            "start" => Self::Start(read(fields)?),
            "resume" => Self::Resume(read(fields)?),
            "text" => Self::Text(read(fields)?),
            "audio_start" => Self::AudioStart(read(fields)?),
            "commit" => Self::Commit(read(fields)?),
            "cancel" => Self::Cancel(read(fields)?),
            "choose" => Self::Choose(read(fields)?),
            "person" => Self::Person(read(fields)?),
            "leave_queue" => Self::LeaveQueue(read(fields)?),
            "callback" => Self::Callback(read(fields)?),
            "reopen" => Self::Reopen(read(fields)?),
            "language" => Self::Language(read(fields)?),
            "voice" => Self::Voice(read(fields)?),
            "repeat" => Self::Repeat(read(fields)?),
            "rate" => Self::Rate(read(fields)?),
            "heard" => Self::Heard(read(fields)?),
            "typing" => Self::Typing(read(fields)?),
            "seen" => Self::Seen(read(fields)?),
            "close" => Self::Close(read(fields)?),
            "ping" => Self::Ping(read(fields)?),
            _ => return Err(ParseError::UnknownType(kind.chars().take(40).collect())),
        };
        message.check()?;
        Ok(message)
    }

    /// The rules that the types alone do not express.
    fn check(&self) -> Result<(), ParseError> {
        let id = self.id();
        match self {
            Self::Start(start) => {
                check_version(start.protocol)?;
                if start.client.chars().count() > MAX_CLIENT_CHARACTERS {
                    return Err(wrong("client", "has more than 64 characters", None));
                }
            }
            Self::Resume(resume) => check_version(resume.protocol)?,
            Self::Text(text) => {
                let characters = text.text.chars().count();
                if characters > MAX_TEXT_CHARACTERS {
                    return Err(ParseError::TextTooLong { characters, id: text.id.clone() });
                }
            }
            Self::AudioStart(audio) => {
                check_sample_rate(audio)?;
                check_expected(audio)?;
            }
            Self::Typing(typing) if typing.draft.chars().count() > MAX_TEXT_CHARACTERS => {
                return Err(wrong("draft", "has more than 2000 characters", None));
            }
            Self::Choose(choose) if choose.choice > MAX_CHOICES => {
                return Err(wrong("choice", "must be 0 to 9", id));
            }
            _ => {}
        }
        Ok(())
    }
}

fn check_sample_rate(audio: &AudioStart) -> Result<(), ParseError> {
    let (fits, reason) = match audio.codec {
        Codec::Pcm16 => (audio.sample_rate == PCM_SAMPLE_RATE, "must be 16000 for pcm16"),
        Codec::Opus => (
            OPUS_SAMPLE_RATES.contains(&audio.sample_rate),
            "must be 8000, 12000, 16000, 24000 or 48000 for opus",
        ),
    };
    if fits { Ok(()) } else { Err(wrong("sample_rate", reason, Some(&audio.id))) }
}

fn check_expected(audio: &AudioStart) -> Result<(), ParseError> {
    if audio.expect.len() > MAX_EXPECTED_PHRASES {
        let reason = format!("has {} phrases, more than {MAX_EXPECTED_PHRASES}", audio.expect.len());
        return Err(wrong("expect", &reason, Some(&audio.id)));
    }
    for (number, phrase) in audio.expect.iter().enumerate() {
        let characters = phrase.chars().count();
        if phrase.trim().is_empty() || characters > MAX_EXPECTED_CHARACTERS {
            let reason = format!(
                "has {characters} characters; a phrase has 1 to {MAX_EXPECTED_CHARACTERS}, not all of them spaces"
            );
            return Err(wrong(&format!("expect[{number}]"), &reason, Some(&audio.id)));
        }
    }
    Ok(())
}

fn check_version(protocol: u32) -> Result<(), ParseError> {
    if protocol == VERSION { Ok(()) } else { Err(wrong("protocol", "must be 1", None)) }
}

fn wrong(field: &str, reason: &str, id: Option<&MessageId>) -> ParseError {
    ParseError::Field { field: field.to_owned(), reason: reason.to_owned(), id: id.cloned() }
}

fn read<T: DeserializeOwned>(fields: Map<String, Value>) -> Result<T, ParseError> {
    let id = fields.get("id").and_then(Value::as_str).and_then(|id| MessageId::try_from(id).ok());
    serde_path_to_error::deserialize(Value::Object(fields)).map_err(|error| {
        let path = error.path().to_string();
        let reason = error.into_inner().to_string();
        // A missing field has no path of its own; serde names it between backticks.
        let field = if path == "." { reason.split('`').nth(1).unwrap_or_default().to_owned() } else { path };
        ParseError::Field { field, reason, id }
    })
}
