//! Twilio Media Streams, bidirectional (`<Connect><Stream>`), and the many services that speak nearly the same: everything is JSON, sound is
//! base64 of µ-law at 8 kHz.
//!
//! Source: Twilio's documentation (voice/media-streams/websocket-messages); Exotel's, Telnyx' and Wavix' for what differs.

use audio_codec::{Decoder as _, Encoder as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::dialect::{Dialect, Fault, Happened, LONGEST, Message, Patience, shown};
use super::variables::{self, Variables};
use crate::leg::{Call, CallId, Carrier, Digit, Ended, LegEnd, Rate};

/// What the stream's id is called, first by Twilio.
const STREAM: [&str; 4] = ["streamSid", "stream_sid", "streamId", "stream_id"];
/// What µ-law is called.
const MU_LAW: [&str; 6] = ["audio/x-mulaw", "audio/mulaw", "audio/pcmu", "mulaw", "ulaw", "pcmu"];

/// A call by way of Media Streams.
#[derive(Debug)]
pub struct Twilio {
    variables: Variables,
    /// The stream's id under its name, once `start` has come.
    stream: Option<(&'static str, String)>,
    patience: Patience,
}

impl Twilio {
    /// Whether a first message is Twilio's.
    pub(super) fn speaks(object: &Map<String, Value>) -> bool {
        matches!(object.get("event").and_then(Value::as_str), Some("connected" | "start"))
    }

    pub(super) const fn new(variables: Variables) -> Self {
        Self { variables, stream: None, patience: Patience::new() }
    }

    fn started(&mut self, message: &Map<String, Value>) -> Result<Vec<Happened>, Fault> {
        if self.stream.is_some() {
            return self.patience.spend("a second start");
        }
        let empty = Map::new();
        let start = message.get("start").and_then(Value::as_object).unwrap_or(&empty);
        let format = ["mediaFormat", "media_format"].iter().find_map(|name| start.get(*name)?.as_object());
        check(format.unwrap_or(&empty))?;
        let stream = STREAM.into_iter().find_map(|name| {
            variables::field(message, &[name])
                .or_else(|| variables::field(start, &[name]))
                .map(|id| (name, id))
        });
        let Some((name, id)) = stream.filter(|(_, id)| (1..=256).contains(&id.len())) else {
            return Err(Fault::new("start without a streamSid: nothing could be sent back"));
        };
        self.stream = Some((name, id));
        // The query string and the parameters are written by who runs the dial plan; the rest comes with the service.
        let said = std::mem::take(&mut self.variables);
        let mut variables = Variables::default();
        variables.insert_all(message);
        variables.insert_all(start);
        for (name, value) in said.into_inner() {
            variables.insert(&name, &value);
        }
        for name in ["customParameters", "custom_parameters"] {
            if let Some(Value::Object(parameters)) = start.get(name) {
                variables.insert_all(parameters);
            }
        }
        Ok(vec![Happened::Began(Call {
            id: variables.call().unwrap_or_else(CallId::generate),
            carrier: Carrier::Twilio,
            caller: variables.caller(),
            called: variables.called(),
            rate: Rate::Narrow,
            variables: variables.into_inner(),
        })])
    }

    fn media(&mut self, message: &Map<String, Value>) -> Result<Vec<Happened>, Fault> {
        if self.stream.is_none() {
            return self.patience.spend("media before start");
        }
        let Some(media) = message.get("media").and_then(Value::as_object) else {
            return self.patience.spend("media without media");
        };
        // Where both directions are sent, ours is not the caller.
        if variables::field(media, &["track"]).is_some_and(|track| track.starts_with("outbound")) {
            return Ok(Vec::new());
        }
        let payload =
            media.get("payload").and_then(Value::as_str).and_then(|text| STANDARD.decode(text).ok());
        let Some(payload) = payload else { return self.patience.spend("a payload that is no base64") };
        self.patience.restore();
        let sound = audio_codec::pcmu::PcmuDecoder::new().decode(&payload);
        Ok(if sound.is_empty() { Vec::new() } else { vec![Happened::Sound(sound)] })
    }

    /// A message to the service: `event`, the stream's id and what it is about.
    fn message(&self, event: &str, about: Option<Value>) -> Vec<Message> {
        let Some((name, id)) = &self.stream else { return Vec::new() };
        let mut message =
            Map::from_iter([("event".to_owned(), json!(event)), ((*name).to_owned(), json!(id))]);
        if let Some(about) = about {
            message.insert(event.to_owned(), about);
        }
        vec![Message::Text(Value::Object(message).to_string())]
    }
}

/// Refuses what is not µ-law at 8 kHz, mono. A service that says nothing of it has that.
fn check(format: &Map<String, Value>) -> Result<(), Fault> {
    let encoding = variables::field(format, &["encoding", "codec"]);
    if let Some(encoding) = encoding.filter(|encoding| !MU_LAW.contains(&encoding.to_lowercase().as_str())) {
        return Err(Fault::new(format!(
            "mediaFormat {}: only audio/x-mulaw at 8000 Hz is spoken; choose it in the service's settings",
            shown(&encoding)
        )));
    }
    let hertz = variables::number(format, &["sampleRate", "sample_rate"]);
    let channels = variables::number(format, &["channels"]);
    match (hertz.unwrap_or(8_000), channels.unwrap_or(1)) {
        (8_000, 1) => Ok(()),
        (hertz, channels) => Err(Fault::new(format!(
            "mediaFormat of {hertz} Hz and {channels} channels: only 8000 Hz mono is spoken"
        ))),
    }
}

impl Dialect for Twilio {
    fn text(&mut self, text: &str) -> Result<Vec<Happened>, Fault> {
        if text.len() > LONGEST {
            return self.patience.spend("a text that is too long");
        }
        let Ok(Value::Object(message)) = serde_json::from_str(text) else {
            return self.patience.spend("a text that is no JSON object");
        };
        let named = |name: &str, field: &str| -> Option<String> {
            let inner = message.get(name).and_then(Value::as_object).unwrap_or(&message);
            variables::field(inner, &[field])
        };
        match message.get("event").and_then(Value::as_str).unwrap_or_default() {
            "start" => self.started(&message),
            "media" => self.media(&message),
            "dtmf" => {
                let keys = named("dtmf", "digit").unwrap_or_default();
                Ok(keys.chars().take(8).filter_map(Digit::new).map(Happened::Digit).collect())
            }
            "mark" => {
                let mark = named("mark", "name").and_then(|name| name.parse().ok());
                Ok(mark.map(Happened::Reached).into_iter().collect())
            }
            "stop" => Ok(vec![Happened::Ended(LegEnd {
                why: Ended::ByCaller,
                detail: "Media Streams stop".to_owned(),
            })]),
            "" => self.patience.spend("a message without an event"),
            // connected, and what others add.
            _ => Ok(Vec::new()),
        }
    }

    fn binary(&mut self, _bytes: &[u8]) -> Result<Vec<Happened>, Fault> {
        self.patience.spend("a binary message, which Media Streams do not have")
    }

    fn play(&mut self, sound: &[i16]) -> Vec<Message> {
        let payload = STANDARD.encode(audio_codec::pcmu::PcmuEncoder::new().encode(sound));
        self.message("media", Some(json!({ "payload": payload })))
    }

    fn mark(&mut self, mark: u64) -> Vec<Message> {
        self.message("mark", Some(json!({ "name": mark.to_string() })))
    }

    fn flush(&mut self) -> Vec<Message> {
        self.message("clear", None)
    }

    fn hang_up(&mut self) -> Vec<Message> {
        vec![Message::Close]
    }
}
