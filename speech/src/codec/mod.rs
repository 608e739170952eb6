//! From bytes to mono `f32` samples and back: PCM16, Opus packets, other sample rates, whole files.

pub mod file;
pub mod opus;
pub mod pcm16;
pub mod resample;
pub mod wav;

/// Why audio bytes or samples could not be converted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// 16-bit samples are two bytes each.
    #[error("{bytes} bytes are no whole number of 16-bit samples")]
    OddPcm {
        /// How many bytes there were.
        bytes: usize,
    },
    /// The bytes are no Opus packet.
    #[error("not an Opus packet: {reason}")]
    BadPacket {
        /// What the decoder said.
        reason: String,
    },
    /// A sample rate that no sound card has, or that the codec cannot take.
    #[error("a sample rate of {hertz} Hz is not supported")]
    Rate {
        /// The rate.
        hertz: u32,
    },
    /// The codec library refused to start or to go on: a setting of ours it does not know.
    #[error("the audio codec failed: {reason}")]
    Library {
        /// What it said.
        reason: String,
    },
}
