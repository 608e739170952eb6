//! Spoken words as a file that a browser plays: WAV, which all play, or Opus in Ogg, a tenth of the size.

use ogg::writing::{PacketWriteEndInfo, PacketWriter};
use speech::SynthesisError;
use speech::codec::opus::OpusEncoder;

use super::encode::{OPUS_BITS_PER_SECOND, SOUND_RATE, failed};
use speech::codec::wav;

/// Opus counts at 48 kHz whatever goes in (RFC 7845, section 4).
const GRANULES_PER_PACKET: u64 = 960;
/// What a decoder throws away at the beginning (RFC 7845, section 5.1): the encoder's look-ahead, 6.5 ms at every rate.
const PRE_SKIP: u16 = 312;

/// The file's kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Container {
    /// 16-bit PCM at 16 kHz.
    #[default]
    Wav,
    /// Opus in Ogg.
    Ogg,
}

impl Container {
    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Wav => "audio/wav",
            Self::Ogg => "audio/ogg; codecs=opus",
        }
    }

    /// The file for 16 kHz mono samples.
    ///
    /// # Errors
    /// [`SynthesisError::Engine`] where the encoder fails.
    pub fn write(self, samples: &[i16]) -> Result<Vec<u8>, SynthesisError> {
        let samples: Vec<f32> = samples.iter().map(|s| f32::from(*s) / 32_768.0).collect();
        match self {
            Self::Wav => wav::encode(&samples, SOUND_RATE).map_err(failed),
            Self::Ogg => ogg(&samples),
        }
    }
}

fn ogg(samples: &[f32]) -> Result<Vec<u8>, SynthesisError> {
    /// One stream per file.
    const SERIAL: u32 = 1;
    let mut encoder = OpusEncoder::new(SOUND_RATE, OPUS_BITS_PER_SECOND).map_err(failed)?;
    let mut packets = encoder.push(samples).map_err(failed)?;
    packets.extend(encoder.finish().map_err(failed)?);
    let mut writer = PacketWriter::new(Vec::new());
    let mut head = b"OpusHead\x01\x01".to_vec();
    head.extend(PRE_SKIP.to_le_bytes());
    head.extend(SOUND_RATE.to_le_bytes());
    head.extend([0, 0, 0]);
    writer.write_packet(head, SERIAL, PacketWriteEndInfo::EndPage, 0).map_err(failed)?;
    let vendor = b"drilen";
    let mut tags = b"OpusTags".to_vec();
    tags.extend(u32::try_from(vendor.len()).unwrap_or_default().to_le_bytes());
    tags.extend(vendor);
    tags.extend(0_u32.to_le_bytes());
    writer.write_packet(tags, SERIAL, PacketWriteEndInfo::EndPage, 0).map_err(failed)?;
    // The last page says where the sound ends, so that padding of the last packet is not heard.
    let end = u64::from(PRE_SKIP) + samples.len() as u64 * 3;
    let count = packets.len();
    for (number, packet) in (1..).zip(packets) {
        let last = number == count;
        let info = if last {
            PacketWriteEndInfo::EndStream
        } else if number % 50 == 0 {
            PacketWriteEndInfo::EndPage
        } else {
            PacketWriteEndInfo::NormalPacket
        };
        let granule = number as u64 * GRANULES_PER_PACKET;
        let granule = if last { granule.min(end) } else { granule };
        writer.write_packet(packet, SERIAL, info, granule).map_err(failed)?;
    }
    Ok(writer.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_are_read_by_others_at_their_length() {
        let samples: Vec<i16> = (0..40_000).map(|i| ((i as f32 * 0.1).sin() * 8_000.0) as i16).collect();
        for (kind, most) in [(Container::Wav, 80_044), (Container::Ogg, 20_000)] {
            let file = kind.write(&samples).unwrap();
            assert!(file.len() <= most, "{kind:?}: {} bytes", file.len());
            let read = speech::codec::file::decode(file, 10.0).unwrap();
            let seconds = read.len() as f32 / 16_000.0;
            assert!((2.45..2.56).contains(&seconds), "{kind:?}: {seconds} s");
        }
        assert!(Container::Ogg.write(&[]).is_ok());
    }
}
