//! Sound.

use speech::SAMPLE_RATE;
use speech::codec::{file, opus::OpusDecoder, pcm16 as linear};

/// The most seconds of a file that are asked for.
const SECONDS: f32 = 5.0;
/// The longest packet, 120 ms.
const LONGEST_PACKET: usize = SAMPLE_RATE as usize * 120 / 1_000;

/// A binary message of a turn in PCM16.
pub(super) fn pcm16(bytes: &[u8]) {
    match linear::decode(bytes) {
        Ok(samples) => {
            assert_eq!(samples.len() * 2, bytes.len());
            assert!(samples.iter().all(|sample| (-1.0..=1.0).contains(sample)));
        }
        Err(_) => assert_eq!(bytes.len() % 2, 1, "whole samples were refused"),
    }
}

/// Binary messages of a turn in Opus, one after the other: each begins with its length in two bytes, little-endian.
pub(super) fn opus_packets(bytes: &[u8]) {
    let mut decoder = OpusDecoder::new().expect("a decoder");
    let mut rest = bytes;
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let (packet, after) = after.split_at(after.len().min(usize::from(u16::from_le_bytes(*length))));
        if let Ok(samples) = decoder.decode(packet) {
            assert!(samples.len() <= LONGEST_PACKET);
            assert!(samples.iter().all(|sample| sample.is_finite()), "a sample is no number");
        }
        rest = after;
    }
}

/// A sound file of any format.
pub(super) fn sound_file(bytes: &[u8]) {
    if let Ok(samples) = file::decode(bytes.to_vec(), SECONDS) {
        assert!(!samples.is_empty() && samples.len() <= (SECONDS * SAMPLE_RATE as f32) as usize);
        assert!(samples.iter().all(|sample| sample.is_finite()), "a sample is no number");
    }
}
