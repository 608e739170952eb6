//! Asterisk's `chan_websocket` (20.16, 21.11, 22.6, 23 and later): sound as binary messages, control as text, in JSON or in the older plain
//! wording. Asterisk paces and buffers what it gets (1,000 frames; it asks to wait at 900).
//!
//! Sources: Asterisk's documentation (Configuration/Channel-Drivers/WebSocket), `channels/chan_websocket.c`, and what a real one sent.

use audio_codec::{Decoder as _, Encoder as _};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::dialect::{Dialect, Fault, Happened, LONGEST, Message, Patience, shown};
use super::variables::{self, Variables};
use crate::convert;
use crate::leg::{Call, CallId, Carrier, Digit, Ended, LegEnd, Rate};

/// Asterisk closes the connection and drops the call on a longer message.
const LONGEST_OUT: usize = 65_500;

/// How control messages are worded; Asterisk's `control_message_format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wording {
    Json,
    Plain,
}

/// How sound is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Linear(Rate),
    ALaw,
    MuLaw,
}

impl Coding {
    /// Of the format that `MEDIA_START` names.
    fn new(format: &str) -> Result<Self, Fault> {
        match format {
            "slin" => Ok(Self::Linear(Rate::Narrow)),
            "slin16" => Ok(Self::Linear(Rate::Wide)),
            "alaw" => Ok(Self::ALaw),
            "ulaw" => Ok(Self::MuLaw),
            other => Err(Fault::new(format!(
                "Asterisk sends {}; write c(slin16), c(slin), c(alaw) or c(ulaw) into the Dial string",
                shown(other)
            ))),
        }
    }

    const fn rate(self) -> Rate {
        match self {
            Self::Linear(rate) => rate,
            Self::ALaw | Self::MuLaw => Rate::Narrow,
        }
    }

    /// Bytes of 20 ms.
    const fn frame(self) -> usize {
        match self {
            Self::Linear(rate) => rate.frame() * 2,
            Self::ALaw | Self::MuLaw => Rate::Narrow.frame(),
        }
    }

    fn decode(self, bytes: &[u8]) -> Vec<i16> {
        match self {
            Self::Linear(_) => convert::samples(bytes),
            Self::ALaw => audio_codec::pcma::PcmaDecoder::new().decode(bytes),
            Self::MuLaw => audio_codec::pcmu::PcmuDecoder::new().decode(bytes),
        }
    }

    fn encode(self, sound: &[i16]) -> Vec<u8> {
        match self {
            Self::Linear(_) => convert::bytes(sound),
            Self::ALaw => audio_codec::pcma::PcmaEncoder::new().encode(sound),
            Self::MuLaw => audio_codec::pcmu::PcmuEncoder::new().encode(sound),
        }
    }
}

/// A control message, whatever its wording.
struct Event {
    name: String,
    fields: Map<String, Value>,
}

impl Event {
    fn json(text: &str) -> Option<Self> {
        let Ok(Value::Object(mut fields)) = serde_json::from_str(text) else { return None };
        let Some(Value::String(name)) = fields.remove("event") else { return None };
        Some(Self { name, fields })
    }

    /// `NAME key:value …`; a word without a key is a correlation id, as `MEDIA_BUFFERING_COMPLETED id` has it.
    fn plain(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let name = words.next()?.to_owned();
        if !name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') {
            return None;
        }
        let fields = words.map(|word| {
            let (key, value) = word.split_once(':').unwrap_or(("correlation_id", word));
            (key.to_owned(), Value::String(value.to_owned()))
        });
        Some(Self { name, fields: fields.collect() })
    }

    fn field(&self, name: &str) -> Option<String> {
        variables::field(&self.fields, &[name])
    }
}

/// A call by way of `chan_websocket`.
#[derive(Debug)]
pub struct Asterisk {
    variables: Variables,
    wording: Wording,
    /// Once `MEDIA_START` has come.
    coding: Option<Coding>,
    patience: Patience,
}

impl Asterisk {
    /// Whether a first text message is Asterisk's.
    pub(super) fn speaks(text: &str) -> bool {
        let event = Event::json(text).or_else(|| Event::plain(text));
        event.is_some_and(|event| event.name == "MEDIA_START")
    }

    pub(super) const fn new(variables: Variables) -> Self {
        Self { variables, wording: Wording::Json, coding: None, patience: Patience::new() }
    }

    fn began(&mut self, event: &Event) -> Result<Vec<Happened>, Fault> {
        if self.coding.is_some() {
            return self.patience.spend("a second MEDIA_START");
        }
        let coding = Coding::new(&event.field("format").unwrap_or_default())?;
        let size = event.field("optimal_frame_size").and_then(|size| size.parse::<usize>().ok());
        if size.is_some_and(|size| size != coding.frame()) {
            tracing::debug!(?size, "Asterisk's frames are not of 20 ms");
        }
        // What the dial plan says about the call is said in the query string on purpose; channel variables are what there happened to be.
        let said = std::mem::take(&mut self.variables);
        let id =
            said.call().or_else(|| event.field("channel_id")?.parse().ok()).unwrap_or_else(CallId::generate);
        let mut variables = Variables::default();
        if let Some(Value::Object(channel)) = event.fields.get("channel_variables") {
            variables.insert_all(channel);
        }
        for name in ["connection_id", "channel", "channel_id"] {
            if let Some(value) = event.field(name) {
                variables.insert(name, &value);
            }
        }
        for (name, value) in said.into_inner() {
            variables.insert(&name, &value);
        }
        self.coding = Some(coding);
        Ok(vec![Happened::Began(Call {
            id,
            carrier: Carrier::Asterisk,
            caller: variables.caller(),
            called: variables.called(),
            rate: coding.rate(),
            variables: variables.into_inner(),
        })])
    }

    fn command(&self, name: &str, id: Option<u64>) -> Message {
        // Asterisk passes over control messages of more than 128 bytes.
        Message::Text(match (self.wording, id) {
            (Wording::Json, None) => json!({ "command": name }).to_string(),
            (Wording::Json, Some(id)) => {
                json!({ "command": name, "correlation_id": id.to_string() }).to_string()
            }
            (Wording::Plain, None) => name.to_owned(),
            (Wording::Plain, Some(id)) => format!("{name} {id}"),
        })
    }
}

impl Dialect for Asterisk {
    fn text(&mut self, text: &str) -> Result<Vec<Happened>, Fault> {
        let text = text.trim();
        let event = if text.len() > LONGEST {
            None
        } else if text.starts_with('{') {
            Event::json(text)
        } else {
            Event::plain(text)
        };
        let Some(event) = event else { return self.patience.spend("it is no control message") };
        match event.name.as_str() {
            "MEDIA_START" => {
                self.wording = if text.starts_with('{') { Wording::Json } else { Wording::Plain };
                self.began(&event)
            }
            "DTMF_END" => {
                let key = event.field("digit").and_then(|digit| Digit::new(digit.chars().next()?));
                Ok(key.map(Happened::Digit).into_iter().collect())
            }
            "MEDIA_MARK_PROCESSED" => {
                let mark = event.field("correlation_id").and_then(|id| id.parse().ok());
                Ok(mark.map(Happened::Reached).into_iter().collect())
            }
            "MEDIA_XOFF" => Ok(vec![Happened::Full(true)]),
            "MEDIA_XON" => Ok(vec![Happened::Full(false)]),
            "HANGUP" => Ok(vec![Happened::Ended(LegEnd {
                why: Ended::ByCaller,
                detail: "chan_websocket HANGUP".to_owned(),
            })]),
            "ERROR" => {
                let error = shown(&event.field("error_text").unwrap_or_default());
                tracing::warn!(error, "Asterisk did not like a message of ours");
                Ok(Vec::new())
            }
            // STATUS, QUEUE_DRAINED, MEDIA_BUFFERING_COMPLETED, and what later versions will send.
            _ => Ok(Vec::new()),
        }
    }

    fn binary(&mut self, bytes: &[u8]) -> Result<Vec<Happened>, Fault> {
        let Some(coding) = self.coding else { return self.patience.spend("sound before MEDIA_START") };
        self.patience.restore();
        let sound = coding.decode(&bytes[..bytes.len().min(LONGEST)]);
        Ok(if sound.is_empty() { Vec::new() } else { vec![Happened::Sound(sound)] })
    }

    fn play(&mut self, sound: &[i16]) -> Vec<Message> {
        let Some(coding) = self.coding else { return Vec::new() };
        // What does not fill a frame of Asterisk's is lost to it: messages are whole frames.
        let most = LONGEST_OUT / coding.frame() * coding.frame();
        let bytes = Bytes::from(coding.encode(sound));
        (0..bytes.len())
            .step_by(most)
            .map(|at| Message::Binary(bytes.slice(at..bytes.len().min(at + most))))
            .collect()
    }

    fn mark(&mut self, mark: u64) -> Vec<Message> {
        vec![self.command("MARK_MEDIA", Some(mark))]
    }

    fn flush(&mut self) -> Vec<Message> {
        vec![self.command("FLUSH_MEDIA", None)]
    }

    fn hang_up(&mut self) -> Vec<Message> {
        vec![self.command("HANGUP", None), Message::Close]
    }
}
