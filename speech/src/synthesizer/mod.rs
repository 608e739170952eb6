//! Voices: what turns a sentence into sound.
//!
//! The default is [`EspeakVoice`], `espeak-ng` as a separate process fed with phonemes that `language` computes, so
//! that both languages speak on a fresh machine.

mod espeak;
mod espeak_data;

pub use espeak::{EspeakSettings, EspeakVoice};
