//! What it means that nothing more can be read from a WebSocket.

use std::error::Error as _;

use tokio_tungstenite::tungstenite::{self, error::ProtocolError};

use crate::doors::attached::Unreadable;

/// Nothing is sent any more where the client is gone already.
pub(super) fn why(error: &axum::Error) -> Unreadable {
    // The web framework hands the WebSocket library's own error through as its cause, and in no other form.
    match error.source().and_then(|cause| cause.downcast_ref()) {
        Some(tungstenite::Error::Capacity(_)) => Unreadable::TooLarge,
        Some(tungstenite::Error::Utf8(_)) => Unreadable::NotText,
        Some(tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => Unreadable::Gone,
        Some(tungstenite::Error::Protocol(_)) => Unreadable::Protocol,
        _ => Unreadable::Gone,
    }
}
