//! FreeSWITCH's `mod_audio_fork` (subprotocol `audio.drachtio.org`) and jambonz' `listen` (`audio.jambonz.org`): a text of the dial plan's
//! own, then 16-bit sound as binary messages both ways, and control as JSON.
//!
//! Sources: the module (`lws_glue.cpp`), jambonz' documentation of `listen`, and what a real FreeSWITCH sent.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::dialect::{Dialect, Fault, Happened, LONGEST, Message, Patience, shown};
use super::variables::{self, Variables};
use crate::convert::{self, Converter};
use crate::leg::{Call, CallId, Carrier, Digit, Ended, LegEnd, Rate};

/// Bytes of 20 ms at 16 kHz: a message that is not a multiple of it has 8 kHz.
const WIDE_FRAME: usize = Rate::Wide.frame() * 2;
/// Names under which the rate is said.
const RATE: [&str; 4] = ["sampleRate", "sample_rate", "samplerate", "rate"];

/// Where the conversation stands.
#[derive(Debug)]
enum Stage {
    /// Nothing has come.
    Silent,
    /// The preamble has come, and not said the rate: the first sound will.
    Described,
    /// It is known who calls. The rate of the sound on the wire may not be one of a leg's.
    Going(Box<Converter>),
}

/// A call by way of `mod_audio_fork` or `listen`.
#[derive(Debug)]
pub struct AudioFork {
    variables: Variables,
    stage: Stage,
    /// The first half of a sample whose second half comes with the next message.
    half: Option<u8>,
    patience: Patience,
}

impl AudioFork {
    pub(super) const fn new(variables: Variables) -> Self {
        Self { variables, stage: Stage::Silent, half: None, patience: Patience::new() }
    }

    /// The text that comes first: what the dial plan wrote, JSON as a rule.
    fn preamble(&mut self, text: &str) -> Result<Vec<Happened>, Fault> {
        self.stage = Stage::Described;
        let hertz = if let Ok(Value::Object(object)) = serde_json::from_str(text) {
            let mix = variables::field(&object, &["mixType", "mix_type"]);
            if let Some(mix) = mix.filter(|mix| mix != "mono") {
                return Err(Fault::new(format!(
                    "mixType {}: only the caller is to be sent, mono",
                    shown(&mix)
                )));
            }
            self.variables.insert_all(&object);
            for nested in ["metadata", "customerData", "customer_data"] {
                if let Some(Value::Object(nested)) = object.get(nested) {
                    self.variables.insert_all(nested);
                }
            }
            variables::number(&object, &RATE)
        } else {
            self.variables.insert("metadata", text);
            None
        };
        match hertz.or_else(|| self.rate_in_query()) {
            Some(hertz) => self.begin(hertz),
            None => Ok(Vec::new()),
        }
    }

    fn rate_in_query(&self) -> Option<u32> {
        RATE.iter().find_map(|name| self.variables.get(&name.to_lowercase())?.parse().ok())
    }

    fn begin(&mut self, hertz: u32) -> Result<Vec<Happened>, Fault> {
        let rate = Converter::rate(hertz);
        let converter = Converter::new(hertz, rate)
            .ok_or_else(|| Fault::new(format!("sound of {hertz} Hz: 8000 or 16000, please")))?;
        self.stage = Stage::Going(Box::new(converter));
        let variables = std::mem::take(&mut self.variables);
        Ok(vec![Happened::Began(Call {
            id: variables.call().unwrap_or_else(CallId::generate),
            carrier: Carrier::AudioFork,
            caller: variables.caller(),
            called: variables.called(),
            rate,
            variables: variables.into_inner(),
        })])
    }

    fn control(object: &Map<String, Value>) -> Vec<Happened> {
        let kind = variables::field(object, &["type", "event"]).unwrap_or_default();
        match kind.as_str() {
            "mark" => mark(object).map(Happened::Reached).into_iter().collect(),
            "dtmf" => digits(object),
            "stop" | "disconnect" => {
                vec![Happened::Ended(LegEnd { why: Ended::ByCaller, detail: format!("the PBX said {kind}") })]
            }
            // playDone, errors of a playback, and what dial plans send to each other.
            _ => Vec::new(),
        }
    }
}

/// The mark that was reached; one that was cleared was not.
fn mark(object: &Map<String, Value>) -> Option<u64> {
    let data = object.get("data").and_then(Value::as_object).unwrap_or(object);
    let event = variables::field(data, &["event"]).unwrap_or_default();
    if event == "cleared" {
        return None;
    }
    variables::field(data, &["name"])?.parse().ok()
}

/// `{"event":"dtmf","dtmf":"5"}`; some say `digit`, some nest it.
fn digits(object: &Map<String, Value>) -> Vec<Happened> {
    let inner = ["dtmf", "data"].iter().find_map(|name| object.get(*name)?.as_object()).unwrap_or(object);
    let keys = variables::field(inner, &["dtmf", "digit"]).unwrap_or_default();
    keys.chars().take(8).filter_map(Digit::new).map(Happened::Digit).collect()
}

impl Dialect for AudioFork {
    fn text(&mut self, text: &str) -> Result<Vec<Happened>, Fault> {
        if text.len() > LONGEST {
            return self.patience.spend("a text that is too long");
        }
        if matches!(self.stage, Stage::Silent) {
            return self.preamble(text);
        }
        match serde_json::from_str(text) {
            Ok(Value::Object(object)) => Ok(Self::control(&object)),
            _ => self.patience.spend("a text that is no JSON object"),
        }
    }

    fn binary(&mut self, bytes: &[u8]) -> Result<Vec<Happened>, Fault> {
        let bytes = &bytes[..bytes.len().min(LONGEST)];
        if bytes.is_empty() {
            return Ok(Vec::new());
        }
        self.patience.restore();
        let mut happened = Vec::new();
        if !matches!(self.stage, Stage::Going(_)) {
            let measured = if bytes.len().is_multiple_of(WIDE_FRAME) { Rate::Wide } else { Rate::Narrow };
            happened = self.begin(self.rate_in_query().unwrap_or(measured.hertz()))?;
        }
        let Stage::Going(converter) = &mut self.stage else { return Ok(happened) };
        let mut whole: Vec<u8> = self.half.take().into_iter().chain(bytes.iter().copied()).collect();
        if whole.len() % 2 == 1 {
            self.half = whole.pop();
        }
        let sound = converter.inward(convert::samples(&whole));
        if !sound.is_empty() {
            happened.push(Happened::Sound(sound));
        }
        Ok(happened)
    }

    /// Without any sound by which to tell the rate: the module's own default.
    fn waited(&mut self) -> Vec<Happened> {
        match self.stage {
            Stage::Described => self.begin(Rate::Wide.hertz()).unwrap_or_default(),
            Stage::Silent | Stage::Going(_) => Vec::new(),
        }
    }

    fn play(&mut self, sound: &[i16]) -> Vec<Message> {
        let Stage::Going(converter) = &mut self.stage else { return Vec::new() };
        vec![Message::Binary(Bytes::from(convert::bytes(&converter.outward(sound))))]
    }

    fn mark(&mut self, mark: u64) -> Vec<Message> {
        vec![Message::Text(json!({ "type": "mark", "data": { "name": mark.to_string() } }).to_string())]
    }

    fn flush(&mut self) -> Vec<Message> {
        vec![Message::Text(json!({ "type": "killAudio" }).to_string())]
    }

    fn transfer(&mut self, target: &str) -> Vec<Message> {
        let event = json!({ "type": "transfer", "data": { "target": target } });
        vec![Message::Text(event.to_string()), Message::Close]
    }

    fn hang_up(&mut self) -> Vec<Message> {
        vec![Message::Text(json!({ "type": "disconnect", "data": {} }).to_string()), Message::Close]
    }
}
