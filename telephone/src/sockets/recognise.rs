//! Which dialect a PBX speaks.

use serde_json::Value;

use super::asterisk::Asterisk;
use super::audio_fork::AudioFork;
use super::dialect::{Dialect, Fault, Message};
use super::twilio::Twilio;
use super::variables::Variables;

/// Subprotocols to offer a WebSocket client, which takes one of them or none (`Sec-WebSocket-Protocol`).
pub const SUBPROTOCOLS: [&str; 3] = ["media", "audio.drachtio.org", "audio.jambonz.org"];

/// How a PBX came to us.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handshake {
    /// The subprotocol that was agreed on.
    pub subprotocol: Option<String>,
    /// The query string, taken apart and decoded. What it says becomes [`crate::Call::variables`], except `token`.
    pub query: Vec<(String, String)>,
}

/// Tells the dialect by the subprotocol, or else by the first message, which the dialect then still has to be given.
pub fn recognise(handshake: &Handshake, first: &Message) -> Result<Box<dyn Dialect>, Fault> {
    let query = handshake.query.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let variables = Variables::of_query(query);
    match handshake.subprotocol.as_deref() {
        Some("media") => return Ok(Box::new(Asterisk::new(variables))),
        Some("audio.drachtio.org" | "audio.jambonz.org") => return Ok(Box::new(AudioFork::new(variables))),
        _ => {}
    }
    match first {
        Message::Text(text) if Asterisk::speaks(text) => Ok(Box::new(Asterisk::new(variables))),
        Message::Text(text) => match serde_json::from_str(text) {
            Ok(Value::Object(object)) if Twilio::speaks(&object) => Ok(Box::new(Twilio::new(variables))),
            Ok(Value::Object(_)) => Ok(Box::new(AudioFork::new(variables))),
            _ => Err(Fault::new("the first message is none of Asterisk's, mod_audio_fork's or Twilio's")),
        },
        Message::Binary(_) => Ok(Box::new(AudioFork::new(variables))),
        Message::Close => Err(Fault::new("the connection was closed without a message")),
    }
}
