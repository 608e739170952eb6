//! The portal protocol, version 1 (docs/protocol.md): the messages as types, and their parsing with precise errors.
//!
//! ```
//! use conversation::protocol::{ClientMessage, ErrorCode};
//!
//! let message = ClientMessage::parse(r#"{"type":"text","id":"1","text":"社保卡丢了怎么办？"}"#)?;
//! assert_eq!(message.kind(), "text");
//! let wrong = ClientMessage::parse(r#"{"type":"text","id":"1"}"#).unwrap_err();
//! assert_eq!((wrong.code(), wrong.field()), (ErrorCode::BadMessage, Some("text")));
//! # Ok::<(), conversation::protocol::ParseError>(())
//! ```

mod client;
mod parse;
mod signal;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use client::{
    AudioOut, AudioStart, Cancel, ChangeLanguage, Choose, ClientMessage, Close, Codec, Commit, Heard,
    LeaveQueue, Person, Ping, Rate, Reopen, Repeat, RequestCallback, Resume, Start, Text, Voice,
};
pub use parse::ParseError;
pub use signal::{ErrorCode, ErrorSignal, Limits, Signal, SoundSource, SpeechEnd, SpokenWord, Welcome};

use crate::event::Event;

/// The version of the protocol that this crate speaks.
pub const VERSION: u32 = 1;
/// The longest typed message, in characters.
pub const MAX_TEXT_CHARACTERS: usize = 2_000;
/// The longest spoken turn, in seconds.
pub const MAX_AUDIO_SECONDS: u32 = 60;
/// The most phrases that a client may name for a spoken turn.
pub const MAX_EXPECTED_PHRASES: usize = 32;
/// The longest of these phrases, in characters.
pub const MAX_EXPECTED_CHARACTERS: usize = 100;
/// The longest text or binary WebSocket message, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// A message of the server: an event or a signal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ServerMessage {
    /// Durable.
    Event(Event),
    /// About the moment.
    Signal(Signal),
}

impl From<Signal> for ServerMessage {
    fn from(signal: Signal) -> Self {
        Self::Signal(signal)
    }
}

impl ServerMessage {
    /// The event as the citizen may see it, ready to be sent.
    pub fn event_for_citizen(event: &Event) -> Self {
        Self::Event(event.for_citizen())
    }

    /// The message as one line of JSON.
    ///
    /// # Errors
    /// None of these types can fail to serialise; the error is passed on rather than hidden.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}
