//! What a PBX sends: `AudioSocket` over TCP, and three dialects of media over a WebSocket.

use std::borrow::Cow;

use bytes::BytesMut;
use telephone::audiosocket::codec::{Frame, LONGEST, decode, encode_sound};
use telephone::sockets::{Dialect, Handshake, Happened, Message, recognise};

/// What a stream of Twilio's begins with.
const START: &str = r#"{"event":"start","streamSid":"MZ1","start":{"callSid":"CA1"}}"#;

/// An `AudioSocket` connection, read as it comes in pieces of 1,000 bytes. Sound is the same after writing and reading it again.
pub(super) fn audiosocket(bytes: &[u8]) {
    let mut buffer = BytesMut::new();
    for piece in bytes.chunks(1_000) {
        buffer.extend_from_slice(piece);
        loop {
            match decode(&mut buffer) {
                Ok(Some(Frame::Sound { kind, samples })) => {
                    assert!(!samples.is_empty() && kind.hertz() >= 8_000);
                    let mut written = BytesMut::new();
                    encode_sound(kind, &samples, &mut written);
                    assert_eq!(decode(&mut written), Ok(Some(Frame::Sound { kind, samples })));
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => return,
            }
        }
        assert!(buffer.len() <= LONGEST, "more is kept than the longest message has");
    }
}

/// `chan_websocket`.
pub(super) fn asterisk(bytes: &[u8]) {
    talk(dialect(Some("media"), ""), bytes);
}

/// `mod_audio_fork` and `listen`.
pub(super) fn audio_fork(bytes: &[u8]) {
    talk(dialect(Some("audio.drachtio.org"), ""), bytes);
}

/// Media Streams.
pub(super) fn twilio(bytes: &[u8]) {
    talk(dialect(None, START), bytes);
}

/// A PBX that comes without a subprotocol: its first message decides.
pub(super) fn any_pbx(bytes: &[u8]) {
    let first = match messages(bytes).next() {
        Some(Ok(text)) => Message::Text(text.into_owned()),
        Some(Err(sound)) => Message::Binary(sound.to_vec().into()),
        None => Message::Close,
    };
    if let Ok(dialect) = recognise(&Handshake::default(), &first) {
        talk(dialect, bytes);
    }
}

fn dialect(subprotocol: Option<&str>, first: &str) -> Box<dyn Dialect> {
    let handshake = Handshake { subprotocol: subprotocol.map(str::to_owned), query: Vec::new() };
    recognise(&handshake, &Message::Text(first.to_owned())).expect("a dialect that is known")
}

/// Messages are lines: one that begins with an exclamation mark is binary, all others are text.
fn messages(bytes: &[u8]) -> impl Iterator<Item = Result<Cow<'_, str>, &[u8]>> {
    bytes.split(|byte| *byte == b'\n').map(|line| match line.split_first() {
        Some((b'!', sound)) => Err(sound),
        _ => Ok(String::from_utf8_lossy(line)),
    })
}

/// A call begins once, before its sound; what is sent keeps Asterisk's limits.
fn talk(mut dialect: Box<dyn Dialect>, bytes: &[u8]) {
    let mut begun = false;
    for message in messages(bytes) {
        let happened = match message {
            Ok(text) => dialect.text(&text),
            Err(sound) => dialect.binary(sound),
        };
        let Ok(happened) = happened else { return };
        for happened in happened {
            match happened {
                Happened::Began(_) => assert!(!std::mem::replace(&mut begun, true), "a call began twice"),
                Happened::Sound(sound) => {
                    assert!(begun && !sound.is_empty() && sound.len() <= bytes.len() * 2 + 2);
                }
                Happened::Ended(_) => return,
                _ => {}
            }
        }
        for sent in [dialect.play(&[1; 320]), dialect.mark(u64::MAX), dialect.flush()].concat() {
            match sent {
                Message::Binary(sound) => assert!(begun && (1..=65_500).contains(&sound.len())),
                Message::Text(text) => assert!(text.len() <= 65_500),
                Message::Close => panic!("closed without being asked to"),
            }
        }
    }
    assert_eq!(dialect.hang_up().pop(), Some(Message::Close));
}
