//! Sound: from audio frames to transcripts, and from text to sound. Knows nothing of questions and answers.
//!
//! ```text
//! bytes ─► codec (PCM16, Opus, files) ─► 16 kHz mono f32 ─► Listener (VoiceActivityDetector, EndpointRules) ─► Utterance
//! Utterance ─► Transcriber (onnx, whisper, chain) ─► Transcript = readings as text (decode) + Evidence
//! readings of an utterance under way ─► StablePrefix ─► Partial: text whose beginning is settled
//! sentence ─► Synthesizer ─► Clip ─► codec
//! ```
//!
//! All traits here are synchronous and live on model threads; nothing in this crate may be called on an async thread.

pub mod codec;
pub mod decode;
pub mod endpoint;
pub mod evidence;
pub mod features;
mod levels;
pub mod listener;
pub mod partial;
pub mod recording;
pub mod runtime;
pub mod synthesizer;
pub mod transcriber;
mod transcript;
pub mod vad;

pub use decode::DecodeOptions;
pub use endpoint::{EndReason, EndpointRules};
pub use levels::{Complaint, Levels};
pub use listener::{Listener, ListenerEvent, Utterance};
pub use transcript::{
    Capabilities, Clip, Hypothesis, Live, SpeechRequest, SynthesisError, Synthesizer, TimedWord,
    TranscribeError, TranscribeRequest, Transcriber, Transcript, VoiceActivityDetector,
};

/// Sample rate inside the house, in hertz. All audio between the seams is mono `f32` in [-1, 1] at this rate.
pub const SAMPLE_RATE: u32 = 16_000;
