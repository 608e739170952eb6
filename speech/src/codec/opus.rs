//! Opus packets: what browsers send over weak links, and what we send back.

use ::opus::{Application, Bitrate, Channels, Decoder, Encoder, Signal};

use super::CodecError;
use crate::SAMPLE_RATE;

/// The longest packet there is, 120 ms (RFC 6716 §3.2.5), in samples at 16 kHz.
const LONGEST_PACKET: usize = SAMPLE_RATE as usize * 120 / 1000;

/// The most bytes of a frame (RFC 6716 §3.2.1); ours are a thirtieth of that.
const LARGEST_FRAME: usize = 1275;

/// Packets of one stream → 16 kHz mono, whatever rate, duration and channel count they were encoded with.
pub struct OpusDecoder {
    decoder: Decoder,
    /// Reused between packets.
    samples: Vec<f32>,
}

impl OpusDecoder {
    /// A decoder for one stream.
    ///
    /// # Errors
    /// [`CodecError::Library`] where there is no memory for it.
    pub fn new() -> Result<Self, CodecError> {
        let decoder = Decoder::new(SAMPLE_RATE, Channels::Mono).map_err(library)?;
        Ok(Self { decoder, samples: vec![0.0; LONGEST_PACKET] })
    }

    /// Decodes one packet; the samples are valid until the next call.
    ///
    /// # Errors
    /// [`CodecError::BadPacket`] for bytes that are no packet, none at all included. The stream goes on with the next.
    pub fn decode(&mut self, packet: &[u8]) -> Result<&[f32], CodecError> {
        if packet.is_empty() {
            // libopus would take it for a lost packet and make up sound.
            return Err(CodecError::BadPacket { reason: "it is empty".into() });
        }
        let decoded = self.decoder.decode_float(packet, &mut self.samples, false);
        let count = decoded.map_err(|e| CodecError::BadPacket { reason: e.description().to_owned() })?;
        Ok(&self.samples[..count])
    }
}

/// Mono samples of one stream → packets of 20 ms.
pub struct OpusEncoder {
    encoder: Encoder,
    frame: usize,
    /// Samples that do not fill a packet yet: fewer than `frame`.
    pending: Vec<f32>,
}

/// How hard the encoder tries, 0 to 10 (RFC 6716 speaks of it as the encoder's own matter). At the bit rates of speech what is gained above this is hardly
/// heard, and 9, the library's own choice, takes more than twice as long: it is what fifty listeners at once wait for.
const COMPLEXITY: i32 = 5;

impl OpusEncoder {
    /// An encoder for voice at `sample_rate` (8, 12, 16, 24 or 48 kHz) and `bits_per_second` (16,000 to 24,000 is good
    /// speech).
    ///
    /// # Errors
    /// [`CodecError::Rate`] for another rate, [`CodecError::Library`] for an impossible bit rate.
    pub fn new(sample_rate: u32, bits_per_second: u32) -> Result<Self, CodecError> {
        if ![8_000, 12_000, 16_000, 24_000, 48_000].contains(&sample_rate) {
            return Err(CodecError::Rate { hertz: sample_rate });
        }
        let mut encoder = Encoder::new(sample_rate, Channels::Mono, Application::Voip).map_err(library)?;
        let bits = i32::try_from(bits_per_second).unwrap_or(i32::MAX);
        encoder.set_bitrate(Bitrate::Bits(bits)).map_err(library)?;
        encoder.set_signal(Signal::Voice).map_err(library)?;
        encoder.set_complexity(COMPLEXITY).map_err(library)?;
        Ok(Self { encoder, frame: sample_rate as usize / 50, pending: Vec::new() })
    }

    /// Adds samples in [-1, 1]; returns the packets that became full.
    ///
    /// # Errors
    /// [`CodecError::Library`].
    pub fn push(&mut self, samples: &[f32]) -> Result<Vec<Vec<u8>>, CodecError> {
        self.pending.extend_from_slice(samples);
        let full = self.pending.len() / self.frame * self.frame;
        let encoder = &mut self.encoder;
        let packets = self.pending[..full]
            .chunks_exact(self.frame)
            .map(|frame| encoder.encode_vec_float(frame, LARGEST_FRAME).map_err(library))
            .collect();
        self.pending.drain(..full);
        packets
    }

    /// The last packet, filled up with silence; `None` where nothing is left. The encoder may be used on.
    ///
    /// # Errors
    /// [`CodecError::Library`].
    pub fn finish(&mut self) -> Result<Option<Vec<u8>>, CodecError> {
        if self.pending.is_empty() {
            return Ok(None);
        }
        let silence = vec![0.0; self.frame - self.pending.len()];
        Ok(self.push(&silence)?.pop())
    }
}

#[allow(clippy::needless_pass_by_value, reason = "made for `map_err`")]
fn library(error: ::opus::Error) -> CodecError {
    CodecError::Library { reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tone(rate: u32, seconds: f32) -> Vec<f32> {
        let count = (rate as f32 * seconds) as usize;
        (0..count).map(|i| (std::f32::consts::TAU * 300.0 * i as f32 / rate as f32).sin() * 0.5).collect()
    }

    fn power(samples: &[f32]) -> f32 {
        samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32
    }

    #[test]
    fn a_voice_stream_survives_and_fits_a_weak_link() {
        let (mut encoder, mut decoder) =
            (OpusEncoder::new(16_000, 16_000).unwrap(), OpusDecoder::new().unwrap());
        let sound = tone(16_000, 2.0);
        let (mut bytes, mut heard) = (0, Vec::new());
        let mut packets = Vec::new();
        for chunk in sound.chunks(777) {
            packets.extend(encoder.push(chunk).unwrap());
        }
        packets.extend(encoder.finish().unwrap());
        for packet in packets {
            bytes += packet.len();
            heard.extend_from_slice(decoder.decode(&packet).unwrap());
        }
        assert_eq!(heard.len(), 32_000);
        assert!((power(&heard[8000..]) / power(&sound[8000..]) - 1.0).abs() < 0.2);
        assert!(bytes < 6000, "{bytes} bytes for two seconds");
    }

    #[test]
    fn stereo_at_48_kilohertz_in_60_millisecond_packets_becomes_16_kilohertz_mono() {
        let mut encoder = Encoder::new(48_000, Channels::Stereo, Application::Audio).unwrap();
        let mono = tone(48_000, 0.06);
        let stereo: Vec<f32> = mono.iter().flat_map(|&sample| [sample, sample]).collect();
        let mut decoder = OpusDecoder::new().unwrap();
        for _ in 0..5 {
            let packet = encoder.encode_vec_float(&stereo, 4000).unwrap();
            assert_eq!(decoder.decode(&packet).unwrap().len(), 960);
        }
    }

    #[test]
    fn an_empty_packet_is_an_error_and_the_stream_goes_on() {
        let mut decoder = OpusDecoder::new().unwrap();
        assert!(matches!(decoder.decode(&[]), Err(CodecError::BadPacket { .. })));
        let packet = OpusEncoder::new(16_000, 24_000).unwrap().push(&tone(16_000, 0.02)).unwrap().remove(0);
        assert_eq!(decoder.decode(&packet).unwrap().len(), 320);
    }

    #[test]
    fn rates_that_opus_does_not_know_are_refused() {
        assert!(matches!(OpusEncoder::new(22_050, 16_000), Err(CodecError::Rate { hertz: 22_050 })));
        assert_eq!(OpusEncoder::new(16_000, 16_000).unwrap().finish().unwrap(), None);
    }

    proptest! {
        #[test]
        fn garbage_is_an_error_or_a_sound_but_never_a_crash(
            packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..20),
        ) {
            let mut decoder = OpusDecoder::new().unwrap();
            for packet in packets {
                if let Ok(samples) = decoder.decode(&packet) {
                    prop_assert!(samples.len() <= LONGEST_PACKET);
                }
            }
        }
    }
}
