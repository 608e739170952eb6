//! From synthesized samples to what goes over the wire: 16 kHz PCM16 in pieces of 100 ms, or Opus packets of 20 ms.

use bytes::Bytes;
use conversation::protocol::Codec;
use speech::{
    SynthesisError,
    codec::{opus::OpusEncoder, resample::Resampler},
};

/// Sample rate of everything that is sent, in hertz.
pub const SOUND_RATE: u32 = speech::SAMPLE_RATE;
/// PCM16 is sent in pieces of so many milliseconds.
const PCM_PIECE_MS: u64 = 100;
/// Length of one Opus packet, in milliseconds.
const OPUS_PACKET_MS: u64 = 20;
/// Good speech on a weak link (DESIGN: about 16 kbit/s); synthetic voices need a little more than real ones.
pub(super) const OPUS_BITS_PER_SECOND: u32 = 20_000;
const SAMPLES_PER_MS: usize = SOUND_RATE as usize / 1_000;

/// So much is encoded at once, in milliseconds: the first of it is on its way while the rest is still samples. Encoding a second of
/// speech takes some 5 ms, which fifty listeners at once would wait for.
const AT_ONCE_MS: usize = 200;

/// A sentence ready to be sent.
#[derive(Default)]
pub struct Sound {
    /// In order; one binary message each.
    pub pieces: Vec<Piece>,
    /// What is not encoded yet.
    rest: Option<Box<Rest>>,
}

struct Rest {
    encoder: OpusEncoder,
    samples: Vec<i16>,
    from: usize,
}

impl Rest {
    /// The next pieces; none at the end.
    fn next(&mut self) -> Result<Vec<Piece>, SynthesisError> {
        let to = self.samples.len().min(self.from + AT_ONCE_MS * SAMPLES_PER_MS);
        let samples: Vec<f32> =
            self.samples[self.from..to].iter().map(|s| f32::from(*s) / 32_768.0).collect();
        self.from = to;
        let mut packets = self.encoder.push(&samples).map_err(failed)?;
        if to == self.samples.len() {
            packets.extend(self.encoder.finish().map_err(failed)?);
        }
        Ok(packets.into_iter().map(|packet| Piece { bytes: packet.into(), ms: OPUS_PACKET_MS }).collect())
    }
}

impl Sound {
    /// How long all of it is, in milliseconds, with what is not encoded yet.
    pub fn length_ms(&self) -> u64 {
        let encoded: u64 = self.pieces.iter().map(|piece| piece.ms).sum();
        let packet = OPUS_PACKET_MS as usize * SAMPLES_PER_MS;
        let rest = self.rest.as_ref().map_or(0, |rest| (rest.samples.len() - rest.from).div_ceil(packet));
        encoded + rest as u64 * OPUS_PACKET_MS
    }

    /// Encodes a little more, on a blocking thread; false where there is no more.
    ///
    /// # Errors
    /// [`SynthesisError::Engine`] where the encoder fails.
    pub async fn more(&mut self) -> Result<bool, SynthesisError> {
        let Some(mut rest) = self.rest.take() else { return Ok(false) };
        let encode = move || rest.next().map(|pieces| (pieces, rest));
        let (pieces, rest) = tokio::task::spawn_blocking(encode).await.map_err(failed)??;
        Ok(self.keep(pieces, rest))
    }

    /// Encodes all of it.
    ///
    /// # Errors
    /// [`SynthesisError::Engine`] where the encoder fails.
    pub fn finish(&mut self) -> Result<(), SynthesisError> {
        while let Some(mut rest) = self.rest.take() {
            let pieces = rest.next()?;
            self.keep(pieces, rest);
        }
        Ok(())
    }

    fn keep(&mut self, pieces: Vec<Piece>, rest: Box<Rest>) -> bool {
        self.rest = (rest.from < rest.samples.len()).then_some(rest);
        let any = !pieces.is_empty();
        self.pieces.extend(pieces);
        any || self.rest.is_some()
    }
}

/// One binary message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// PCM16 or one Opus packet.
    pub bytes: Bytes,
    /// Its length in milliseconds.
    pub ms: u64,
}

pub(super) fn failed(error: impl std::fmt::Display) -> SynthesisError {
    SynthesisError::Engine { engine: "sound".to_owned(), reason: error.to_string() }
}

/// Resamples to 16 kHz and rounds to 16 bits. `samples` are mono in [-1, 1]; what lies outside is clipped.
///
/// # Errors
/// [`SynthesisError::Engine`] where the rate cannot be converted.
pub fn to_pcm16(samples: &[f32], sample_rate: u32) -> Result<Vec<i16>, SynthesisError> {
    let mut resampler = Resampler::new(sample_rate, SOUND_RATE).map_err(failed)?;
    let mut converted = resampler.push(samples).map_err(failed)?;
    converted.extend(resampler.finish().map_err(failed)?);
    Ok(converted.iter().map(|s| (s.clamp(-1.0, 1.0) * f32::from(i16::MAX)).round() as i16).collect())
}

/// Writes 16 kHz samples as `codec` wants them; of Opus only the beginning, and the rest by [`Sound::more`].
///
/// # Errors
/// [`SynthesisError::Engine`] where the encoder fails.
pub fn sound(samples: Vec<i16>, codec: Codec) -> Result<Sound, SynthesisError> {
    match codec {
        Codec::Pcm16 => Ok(pcm16(&samples)),
        Codec::Opus => opus(samples),
    }
}

fn pcm16(samples: &[i16]) -> Sound {
    let bytes: Bytes = samples.iter().flat_map(|s| s.to_le_bytes()).collect::<Vec<u8>>().into();
    let size = PCM_PIECE_MS as usize * SAMPLES_PER_MS * 2;
    let pieces = (0..bytes.len()).step_by(size).map(|from| {
        let bytes = bytes.slice(from..bytes.len().min(from + size));
        let ms = (bytes.len() / 2).div_ceil(SAMPLES_PER_MS) as u64;
        Piece { bytes, ms }
    });
    Sound { pieces: pieces.collect(), rest: None }
}

/// Opus packets that were encoded before.
pub(super) fn packets(packets: Vec<Bytes>) -> Sound {
    let pieces = packets.into_iter().map(|bytes| Piece { bytes, ms: OPUS_PACKET_MS });
    Sound { pieces: pieces.collect(), rest: None }
}

/// Each sentence begins with a fresh encoder, so that sentences can be sent, skipped and interrupted one by one.
fn opus(samples: Vec<i16>) -> Result<Sound, SynthesisError> {
    let encoder = OpusEncoder::new(SOUND_RATE, OPUS_BITS_PER_SECOND).map_err(failed)?;
    let mut rest = Box::new(Rest { encoder, samples, from: 0 });
    let pieces = rest.next()?;
    let mut sound = Sound::default();
    sound.keep(pieces, rest);
    Ok(sound)
}

#[cfg(test)]
mod tests {
    use speech::codec::opus::OpusDecoder;

    use super::*;

    fn tone(seconds: f32, rate: u32) -> Vec<f32> {
        let samples = (seconds * rate as f32) as usize;
        (0..samples).map(|i| (i as f32 * 440.0 * std::f32::consts::TAU / rate as f32).sin() * 0.5).collect()
    }

    #[test]
    fn pcm_pieces_are_a_tenth_of_a_second_and_lose_nothing() {
        let samples = to_pcm16(&tone(1.05, 22_050), 22_050).unwrap();
        let sound = sound(samples.clone(), Codec::Pcm16).unwrap();
        let bytes: usize = sound.pieces.iter().map(|p| p.bytes.len()).sum();
        assert_eq!(bytes, samples.len() * 2);
        assert!((1_045..=1_055).contains(&sound.pieces.iter().map(|p| p.ms).sum::<u64>()));
        assert_eq!(sound.pieces[0].bytes.len(), 3_200);
    }

    #[test]
    fn opus_packets_decode_to_the_same_length_at_a_tenth_of_the_size() {
        let samples = to_pcm16(&tone(1.0, 16_000), 16_000).unwrap();
        let mut sound = sound(samples, Codec::Opus).unwrap();
        assert_eq!(sound.pieces.len(), 10, "the beginning at once");
        assert_eq!(sound.length_ms(), 1_000, "of all of it");
        sound.finish().unwrap();
        assert_eq!(sound.pieces.len(), 50);
        assert_eq!(sound.length_ms(), 1_000);
        let bytes: usize = sound.pieces.iter().map(|p| p.bytes.len()).sum();
        assert!(bytes < 32_000 / 5, "{bytes} bytes for a second");
        let mut decoder = OpusDecoder::new().unwrap();
        let samples: usize = sound.pieces.iter().map(|p| decoder.decode(&p.bytes).unwrap().len()).sum();
        assert_eq!(samples, 16_000);
    }

    #[test]
    fn the_length_is_known_before_all_is_encoded() {
        for samples in [1, 320, 3_199, 3_200, 3_201, 3_520, 10_007] {
            for codec in [Codec::Opus, Codec::Pcm16] {
                let mut sound = sound(vec![1_000; samples], codec).unwrap();
                let told = sound.length_ms();
                sound.finish().unwrap();
                assert_eq!(
                    told,
                    sound.pieces.iter().map(|piece| piece.ms).sum::<u64>(),
                    "{codec:?} {samples}"
                );
            }
        }
    }
}
