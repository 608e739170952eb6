//! Media over a WebSocket, in three dialects: Asterisk's `chan_websocket`, FreeSWITCH's `mod_audio_fork` (and jambonz' `listen`), Twilio
//! Media Streams. The PBX dials us.
//!
//! The dialects are pure ([`Dialect`]); [`drive`] owns the connection and the time. The connection is whatever carries [`Message`]s, so that no
//! WebSocket library is named here:
//!
//! ```text
//! axum:  socket.filter_map(to Message).with(from Message) ─► sockets::answer(connection, handshake, settings) ─► Leg
//! ```
//!
//! Pings, the size of messages (at most [`LONGEST`] bytes) and the token in the query string ([`crate::token`]) are the matter of who takes the
//! connection.

mod asterisk;
mod audio_fork;
mod dialect;
mod driver;
mod line;
mod recognise;
mod twilio;
mod variables;

pub use asterisk::Asterisk;
pub use audio_fork::AudioFork;
pub use dialect::{Dialect, Fault, Happened, LONGEST, Message};
pub use driver::{NoCall, Settings, answer, drive};
pub use recognise::{Handshake, SUBPROTOCOLS, recognise};
pub use twilio::Twilio;
