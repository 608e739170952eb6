//! What every dialect of media over a WebSocket can do. Dialects are pure: messages in, what happened out; commands in, messages out.

use bytes::Bytes;

use crate::leg::{Call, Digit, LegEnd};

/// The longest message that is read, of either kind: 2 s of sound at 16 kHz, or 1.5 s of it in base64 and JSON. Asterisk sends and takes up to
/// 65,500 bytes.
pub const LONGEST: usize = 64 * 1024;

/// A message on a WebSocket; pings and pongs are the transport's own matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Control, and in some dialects everything.
    Text(String),
    /// Sound.
    Binary(Bytes),
    /// The closing handshake.
    Close,
}

/// What a message of the PBX means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// It is known who calls; the first thing that happens.
    Began(Call),
    /// Sound of the caller at the call's rate.
    Sound(Vec<i16>),
    /// A key was pressed.
    Digit(Digit),
    /// What was sent before this mark has been played.
    Reached(u64),
    /// The PBX wants no more sound for now (`true`), or again (`false`).
    Full(bool),
    /// The call is over.
    Ended(LegEnd),
}

/// The PBX does something that its protocol does not allow, or wants what we cannot do. Its words are for the log: they name no person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub String);

impl Fault {
    pub(crate) fn new(detail: impl Into<String>) -> Self {
        Self(detail.into())
    }
}

/// A dialect, and where its conversation stands.
pub trait Dialect: Send {
    /// A text message came.
    fn text(&mut self, text: &str) -> Result<Vec<Happened>, Fault>;

    /// A binary message came.
    fn binary(&mut self, bytes: &[u8]) -> Result<Vec<Happened>, Fault>;

    /// A second has passed since the connection was made and nothing has [`Happened::Began`]: begins with what is known, or does nothing.
    fn waited(&mut self) -> Vec<Happened> {
        Vec::new()
    }

    /// Play this after what was sent before: whole frames of 20 ms, at most half a second.
    fn play(&mut self, sound: &[i16]) -> Vec<Message>;

    /// Say when everything before this has been played, by [`Happened::Reached`].
    fn mark(&mut self, mark: u64) -> Vec<Message>;

    /// Throw away what has not been played.
    fn flush(&mut self) -> Vec<Message>;

    /// Press keys; `false` where the dialect cannot.
    fn press(&mut self, _digits: &[Digit]) -> bool {
        false
    }

    /// Give the call back to the dial plan, for that target where the dialect can say one.
    fn transfer(&mut self, _target: &str) -> Vec<Message> {
        self.hang_up()
    }

    /// End the call, or give it back to the dial plan, which decides. The last message is [`Message::Close`].
    fn hang_up(&mut self) -> Vec<Message>;
}

/// How many messages that make no sense are passed over, without sound between them, before a call is given up: a PBX of another version
/// sends a few, something that is no PBX sends nothing but.
#[derive(Debug)]
pub(super) struct Patience(u8);

impl Patience {
    const MOST: u8 = 20;

    pub(super) const fn new() -> Self {
        Self(0)
    }

    /// Sound has come.
    pub(super) const fn restore(&mut self) {
        self.0 = 0;
    }

    /// Passes over one, or gives up.
    pub(super) fn spend(&mut self, why: &str) -> Result<Vec<Happened>, Fault> {
        tracing::debug!(why, "a message of the PBX was passed over");
        self.0 += 1;
        if self.0 < Self::MOST {
            return Ok(Vec::new());
        }
        Err(Fault::new(format!("{} messages made no sense, the last one: {why}", Self::MOST)))
    }
}

/// At most 40 visible characters of what a PBX calls something, for a log.
pub(super) fn shown(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(40).collect()
}
