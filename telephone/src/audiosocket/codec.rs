//! Messages of the AudioSocket protocol: `type u8 | length u16, most significant byte first | payload`. Pure.
//!
//! Source: Asterisk's documentation (Configuration/Channel-Drivers/AudioSocket) and `include/asterisk/res_audiosocket.h`.

use bytes::{Buf as _, BufMut as _, BytesMut};
use uuid::Uuid;

use crate::convert;

/// Bytes before a payload.
const HEADER: usize = 3;
/// The most bytes of one message: what a reader has to hold.
pub const LONGEST: usize = HEADER + u16::MAX as usize;

const HANG_UP: u8 = 0x00;
const ID: u8 = 0x01;
const DIGIT: u8 = 0x03;
const FAILED: u8 = 0xff;

/// A type of message that carries sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sounding(u8);

impl Sounding {
    /// 8 kHz, what `AudioSocket()` in a dial plan always has.
    pub const NARROW: Self = Self(0x10);
    /// 16 kHz, `Dial(AudioSocket/…/c(slin16))`.
    pub const WIDE: Self = Self(0x12);
    /// `slin` to `slin192`, from `0x10` on.
    const HERTZ: [u32; 9] = [8_000, 12_000, 16_000, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000];

    /// `None` for types that carry no sound.
    pub const fn new(kind: u8) -> Option<Self> {
        if matches!(kind, 0x10..=0x18) { Some(Self(kind)) } else { None }
    }

    /// Samples per second.
    pub const fn hertz(self) -> u32 {
        Self::HERTZ[(self.0 - 0x10) as usize]
    }
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The other side hangs up.
    HangUp,
    /// Which call this is: the first message.
    Id(Uuid),
    /// A key was pressed; what Asterisk says it was.
    Digit(char),
    /// Sound, at least one sample.
    Sound {
        /// At which rate.
        kind: Sounding,
        /// 16-bit mono.
        samples: Vec<i16>,
    },
    /// Something went wrong over there: an optional code.
    Failed(Option<u8>),
    /// Nothing that needs an answer: a type that this version does not know, or sound without samples.
    Ignored(u8),
}

/// Not a message of this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The payload of a UUID.
    #[error("a UUID of {0} bytes instead of 16: not AudioSocket")]
    Id(usize),
    /// The payload of a digit.
    #[error("a digit of {0} bytes instead of 1: not AudioSocket")]
    Digit(usize),
    /// Sound that is not 16-bit.
    #[error("sound of {0} bytes, which is not a whole number of 16-bit samples: not AudioSocket")]
    Sound(usize),
}

/// Takes the next message out of what has come; `None` where it has not come in full. A buffer that is decoded after every read never holds
/// more than [`LONGEST`] bytes and one read.
pub fn decode(buffer: &mut BytesMut) -> Result<Option<Frame>, Malformed> {
    let Some(&[kind, high, low]) = buffer.first_chunk::<HEADER>() else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if buffer.len() < HEADER + length {
        return Ok(None);
    }
    buffer.advance(HEADER);
    let payload = buffer.split_to(length);
    frame(kind, &payload).map(Some)
}

fn frame(kind: u8, payload: &[u8]) -> Result<Frame, Malformed> {
    let length = payload.len();
    Ok(match kind {
        HANG_UP => Frame::HangUp,
        ID => Frame::Id(Uuid::from_slice(payload).map_err(|_| Malformed::Id(length))?),
        DIGIT => match payload {
            [digit] => Frame::Digit(char::from(*digit)),
            _ => return Err(Malformed::Digit(length)),
        },
        FAILED => Frame::Failed(payload.first().copied()),
        _ => match Sounding::new(kind) {
            Some(_) if length % 2 == 1 => return Err(Malformed::Sound(length)),
            Some(kind) if length > 0 => Frame::Sound { kind, samples: convert::samples(payload) },
            _ => Frame::Ignored(kind),
        },
    })
}

/// Appends a message of sound. Nothing is appended for no samples, since a message without any makes Asterisk drop the call; sound that is
/// too long for one message is divided.
pub fn encode_sound(kind: Sounding, samples: &[i16], out: &mut BytesMut) {
    const MOST: usize = u16::MAX as usize / 2;
    for piece in samples.chunks(MOST) {
        out.put_u8(kind.0);
        // At most MOST samples of two bytes.
        out.put_u16((piece.len() * 2) as u16);
        for sample in piece {
            out.put_i16_le(*sample);
        }
    }
}

/// Appends the message that ends the call's stay with us: the dial plan goes on.
pub fn encode_hang_up(out: &mut BytesMut) {
    out.put_slice(&[HANG_UP, 0, 0]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(bytes: &[u8]) -> (Vec<Frame>, Option<Malformed>) {
        let (mut buffer, mut frames) = (BytesMut::from(bytes), Vec::new());
        loop {
            match decode(&mut buffer) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => return (frames, None),
                Err(malformed) => return (frames, Some(malformed)),
            }
        }
    }

    #[test]
    fn every_type_is_known() {
        let id: Uuid = "828ad220-0000-4000-8000-000000000001".parse().unwrap();
        let mut bytes = vec![0x01, 0, 16];
        bytes.extend(id.as_bytes());
        bytes.extend([0x03, 0, 1, b'5']);
        for kind in 0x10..=0x18 {
            bytes.extend([kind, 0, 4, 1, 0, 0xff, 0xff]);
        }
        bytes.extend([0x20, 0, 2, 9, 9, 0x10, 0, 0, 0xff, 0, 1, 2, 0xff, 0, 0, 0x00, 0, 0, 0x10, 0]);
        let (frames, malformed) = all(&bytes);
        assert_eq!(malformed, None);
        assert_eq!(frames[..2], [Frame::Id(id), Frame::Digit('5')]);
        let rates: Vec<u32> = frames[2..11]
            .iter()
            .map(|frame| match frame {
                Frame::Sound { kind, samples } if samples == &[1, -1] => kind.hertz(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(rates, Sounding::HERTZ);
        let rest = [
            Frame::Ignored(0x20),
            Frame::Ignored(0x10),
            Frame::Failed(Some(2)),
            Frame::Failed(None),
            Frame::HangUp,
        ];
        assert_eq!(frames[11..], rest);
    }

    #[test]
    fn what_is_no_message_is_refused() {
        assert_eq!(all(&[0x01, 0, 2, 1, 2]).1, Some(Malformed::Id(2)));
        assert_eq!(all(&[0x03, 0, 2, b'1', b'2']).1, Some(Malformed::Digit(2)));
        assert_eq!(all(&[0x10, 0, 3, 1, 2, 3]).1, Some(Malformed::Sound(3)));
    }

    #[test]
    fn nothing_is_sent_for_no_samples() {
        let mut out = BytesMut::new();
        encode_sound(Sounding::NARROW, &[], &mut out);
        assert!(out.is_empty());
    }

    proptest! {
        #[test]
        fn no_bytes_do_harm_and_pieces_make_no_difference(
            bytes in proptest::collection::vec(any::<u8>(), 0..2_000),
            at in 0_usize..2_000,
        ) {
            let whole = all(&bytes);
            let (first, second) = bytes.split_at(at.min(bytes.len()));
            let (mut buffer, mut frames, mut malformed) = (BytesMut::from(first), Vec::new(), None);
            for piece in [&[][..], second] {
                buffer.extend_from_slice(piece);
                while malformed.is_none() {
                    match decode(&mut buffer) {
                        Ok(Some(frame)) => frames.push(frame),
                        Ok(None) => break,
                        Err(error) => malformed = Some(error),
                    }
                }
            }
            prop_assert_eq!((frames, malformed), whole);
        }

        #[test]
        fn sound_comes_back(samples in proptest::collection::vec(any::<i16>(), 0..70_000)) {
            let mut out = BytesMut::new();
            encode_sound(Sounding::WIDE, &samples, &mut out);
            let mut heard = Vec::new();
            while let Some(frame) = decode(&mut out).unwrap() {
                match frame {
                    Frame::Sound { kind: Sounding::WIDE, samples } => heard.extend(samples),
                    other => panic!("{other:?}"),
                }
            }
            prop_assert!(out.is_empty());
            prop_assert_eq!(heard, samples);
        }
    }
}
