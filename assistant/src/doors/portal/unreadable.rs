//! A connection from which nothing more can be read: why it ends, said in a close code.

use std::error::Error as _;

use axum::extract::ws::close_code;
use conversation::protocol::{ErrorCode, Signal};
use language::Language;
use tokio_tungstenite::tungstenite::{self, error::ProtocolError};

use super::outbox::Outbox;
use crate::session::Refusal;

/// Ends a connection whose last message could not be read, with the close code that RFC 6455, 7.4.1 has for it. Nothing is
/// sent where the client is gone already.
pub(super) fn close(error: &axum::Error, language: Option<Language>, outbox: &Outbox) {
    // The web framework hands the WebSocket library's own error through as its cause, and in no other form.
    match error.source().and_then(|cause| cause.downcast_ref()) {
        Some(tungstenite::Error::Capacity(_)) => {
            outbox.signal(Signal::Error(Refusal::new(ErrorCode::TextTooLong).signal(language, true)));
            outbox.close(close_code::SIZE, "message too large");
        }
        Some(tungstenite::Error::Utf8(_)) => outbox.close(close_code::INVALID, "text that is not UTF-8"),
        Some(tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => {}
        Some(tungstenite::Error::Protocol(_)) => outbox.close(close_code::PROTOCOL, "not WebSocket"),
        _ => {}
    }
}
