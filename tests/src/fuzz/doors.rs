//! What citizens' and agents' pages send.

use std::borrow::Cow;

use assistant::doors::desk::decoders;
use assistant::masking;
use conversation::handoff::dialable;
use conversation::protocol::{ClientMessage, MAX_TEXT_CHARACTERS};
use conversation::{MessageId, Timestamp, Token};

/// The longest text that is looked at: a WebSocket message is no longer.
const LONGEST: usize = 64 * 1024;

fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST)])
}

/// A text message at the portal. What is accepted keeps the protocol's limits, and is the same after writing and reading it again.
pub(super) fn portal_message(bytes: &[u8]) {
    let text = text(bytes);
    match ClientMessage::parse(&text) {
        Ok(message) => {
            if let ClientMessage::Text(text) = &message {
                assert!(text.text.chars().count() <= MAX_TEXT_CHARACTERS);
            }
            let written = serde_json::to_string(&message).expect("what was read can be written");
            assert_eq!(ClientMessage::parse(&written).expect("what was written can be read"), message);
        }
        Err(error) => {
            // What is told must not grow with what was sent.
            assert!(error.to_string().len() < 512 + text.len(), "{error}");
            let _ = (error.code(), error.field(), error.id());
        }
    }
}

/// A request body at the desk, read as every kind of request.
pub(super) fn desk_request(bytes: &[u8]) {
    let _ = decoders::fitting_requests(&bytes[..bytes.len().min(LONGEST)]);
}

/// A message of an agent's page on its socket.
pub(super) fn desk_page_message(bytes: &[u8]) {
    let _ = decoders::is_page_message(&text(bytes));
}

/// Texts that are more than texts: tokens, ids, times, telephone numbers, and words in which personal numbers are hidden.
pub(super) fn small_texts(bytes: &[u8]) {
    let text = text(&bytes[..bytes.len().min(2_000)]);
    let _ = text.parse::<Token>();
    if let Ok(id) = MessageId::try_from(text.as_ref()) {
        assert!((1..=64).contains(&id.as_str().chars().count()));
    }
    if let Ok(time) =
        serde_json::from_value::<Timestamp>(serde_json::Value::String(text.clone().into_owned()))
    {
        let written = serde_json::to_value(time).expect("a time can be written");
        assert_eq!(serde_json::from_value::<Timestamp>(written).expect("and read again"), time);
    }
    if let Some(number) = dialable(&text) {
        let digits = number.chars().filter(char::is_ascii_digit).count();
        assert!((3..=15).contains(&digits) && number.chars().all(|c| c == '+' || c.is_ascii_digit()));
    }
    let masked = masking::mask(&text);
    // A number becomes four stars and its last four digits.
    assert!(
        masked.chars().count() <= text.chars().count() * 2 + 8,
        "masking made a long text of a short one"
    );
}
