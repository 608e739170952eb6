//! A telephone call as the hotline sees it, whatever carries it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

/// Messages from the caller that may wait for the hotline: 2.5 s of sound and some digits. When full, the leg drops the oldest way out
/// it has: sound (the recogniser hears a gap); everything else waits for room.
pub const FROM_CALLER: usize = 128;
/// Messages to the caller that may wait for the leg. When full, the hotline waits: the leg plays in real time.
pub const TO_CALLER: usize = 64;

/// Samples per second of the sound on a leg. Sound is 16-bit mono, in whatever lengths the caller's side sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Rate {
    /// 8,000: G.711 and everything that goes through an ordinary trunk.
    Narrow,
    /// 16,000: G.722, `slin16`, `L16` at 16 kHz.
    Wide,
}

impl Rate {
    /// Samples per second.
    pub const fn hertz(self) -> u32 {
        match self {
            Self::Narrow => 8_000,
            Self::Wide => 16_000,
        }
    }

    /// Samples in 20 ms.
    pub const fn frame(self) -> usize {
        self.hertz() as usize / 50
    }
}

/// What carries a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carrier {
    /// SIP and RTP.
    Sip,
    /// Asterisk's `chan_websocket`.
    Asterisk,
    /// FreeSWITCH's `mod_audio_fork`, jambonz' `listen`.
    AudioFork,
    /// Twilio Media Streams.
    Twilio,
    /// Asterisk's AudioSocket.
    AudioSocket,
}

impl Carrier {
    /// Its name in logs and figures.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sip => "sip",
            Self::Asterisk => "asterisk",
            Self::AudioFork => "audio_fork",
            Self::Twilio => "twilio",
            Self::AudioSocket => "audiosocket",
        }
    }
}

/// The opaque id of a call, the PBX's where it names one: what an agent's screen asks for. 1 to 128 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CallId(String);

/// Not an id of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the id of a call is 1 to 128 visible ASCII characters")]
pub struct BadCallId;

impl CallId {
    /// The longest id, in characters.
    pub const LONGEST: usize = 128;

    /// A new one, where the PBX names none.
    pub fn generate() -> Self {
        Self(uuid::Uuid::new_v4().to_string())
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CallId {
    type Err = BadCallId;

    fn from_str(text: &str) -> Result<Self, BadCallId> {
        let fits =
            (1..=Self::LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(text.to_owned())) } else { Err(BadCallId) }
    }
}

impl TryFrom<String> for CallId {
    type Error = BadCallId;

    fn try_from(text: String) -> Result<Self, BadCallId> {
        text.parse()
    }
}

impl From<CallId> for String {
    fn from(id: CallId) -> Self {
        id.0
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who calls whom, and how.
#[derive(Clone, PartialEq, Eq)]
pub struct Call {
    /// What an agent's screen asks for.
    pub id: CallId,
    /// What carries it.
    pub carrier: Carrier,
    /// The caller's number as the PBX says it; `None` where it is withheld.
    pub caller: Option<String>,
    /// The number or extension that was called.
    pub called: Option<String>,
    /// Samples per second in both directions.
    pub rate: Rate,
    /// What else the PBX says of the call, by lower-case names: channel variables, `X-` headers, parameters.
    pub variables: BTreeMap<String, String>,
}

/// Leaves numbers out, so that no log line can carry them.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, carrier, rate, .. } = self;
        f.debug_struct("Call")
            .field("id", id)
            .field("carrier", carrier)
            .field("rate", rate)
            .finish_non_exhaustive()
    }
}

/// A key of a telephone: `0`–`9`, `*`, `#`, `A`–`D`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digit(char);

impl Digit {
    /// The key of that character; `None` where telephones have no such key.
    pub const fn new(key: char) -> Option<Self> {
        match key {
            '0'..='9' | '*' | '#' | 'A'..='D' => Some(Self(key)),
            'a'..='d' => Some(Self(key.to_ascii_uppercase())),
            _ => None,
        }
    }

    /// The key of an event number of RFC 4733, section 3.2; `None` for events that are no keys.
    pub const fn from_event(event: u8) -> Option<Self> {
        match event {
            0..=9 => Some(Self((b'0' + event) as char)),
            10 => Some(Self('*')),
            11 => Some(Self('#')),
            12..=15 => Some(Self((b'A' + event - 12) as char)),
            _ => None,
        }
    }

    /// Its event number in RFC 4733, section 3.2.
    pub const fn event(self) -> u8 {
        match self.0 {
            '*' => 10,
            '#' => 11,
            key @ 'A'..='D' => key as u8 - b'A' + 12,
            key => key as u8 - b'0',
        }
    }

    /// What is printed on it.
    pub const fn key(self) -> char {
        self.0
    }
}

/// What comes from a caller's side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromCaller {
    /// Sound, in order, lost packets concealed: 16-bit samples at the call's rate.
    Sound(Vec<i16>),
    /// A key was pressed.
    Digit(Digit),
    /// What was asked to be played until this mark has been played.
    Reached(u64),
    /// Everything was thrown away on [`ToCaller::Flush`]: of the sound after the mark that was reached last (or from the beginning) so many
    /// milliseconds had been played.
    Flushed {
        /// Milliseconds.
        played_ms: u64,
    },
    /// The call was put on hold (`true`) or taken up again.
    Held(bool),
    /// How a transfer goes.
    Transfer(Transfer),
    /// The call is over. The last message.
    Ended(LegEnd),
}

/// How a transfer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// The PBX tries (provisional response).
    Trying(u16),
    /// Somebody has answered, or the call has been given back to the dial plan: it is not ours any more.
    Done,
    /// It did not work, and the caller is still with us: the final response's code.
    Failed(u16),
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegEnd {
    /// Why.
    pub why: Ended,
    /// What the protocol said, for the log.
    pub detail: String,
}

/// Why a call is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ended {
    /// The caller hung up.
    ByCaller,
    /// We hung up.
    ByUs,
    /// It was given to somebody else.
    Transferred,
    /// No sound came any more, or the connection to the PBX broke.
    Lost,
    /// The PBX did something that its protocol does not allow.
    Fault,
    /// A call that we made was not answered: busy, refused, nobody there.
    NotAnswered,
}

/// What is to be done on a caller's side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToCaller {
    /// Play this after what waits: 16-bit samples at the call's rate, any length. The leg paces; at most a few seconds may wait in it.
    Sound(Vec<i16>),
    /// Say when everything before this has been played.
    Mark(u64),
    /// Throw away what has not been played; answered by [`FromCaller::Flushed`].
    Flush,
    /// Press keys, one after the other.
    Digits(Vec<Digit>),
    /// Give the call to somebody: by a REFER to this SIP URI or extension (SIP), or back to the dial plan (everything else, which ignores it).
    Transfer {
        /// SIP URI or extension.
        target: String,
    },
    /// End the call when everything before this has been played.
    HangUp,
}

/// A call that has been answered, or that we make. Dropping [`Self::to_caller`] ends it.
#[derive(Debug)]
pub struct Leg {
    /// Who calls whom.
    pub call: Call,
    /// What comes from the caller's side; ends after [`FromCaller::Ended`].
    pub from_caller: mpsc::Receiver<FromCaller>,
    /// What is to be done there.
    pub to_caller: mpsc::Sender<ToCaller>,
}
