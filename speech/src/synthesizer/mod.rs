//! Voices: what turns a sentence into sound.
//!
//! The default is [`EspeakVoice`], `espeak-ng` as separate processes fed with phonemes that `language` computes, so
//! that both languages speak on a fresh machine.

pub mod chain;
mod espeak;
mod level;
mod vits;

pub use espeak::{EspeakSettings, EspeakVoice};
pub use vits::{VitsSettings, VitsVoice};

use crate::SynthesisError;

/// The longest sentence that is spoken at once, in characters: some eight minutes. Answers are split into sentences before
/// they come here, so that only something that is no sentence is longer.
pub const MOST_CHARACTERS: usize = 2_000;

fn check_length(text: &str) -> Result<(), SynthesisError> {
    let characters = text.chars().take(MOST_CHARACTERS + 1).count();
    if characters <= MOST_CHARACTERS {
        return Ok(());
    }
    Err(SynthesisError::Engine {
        engine: "voice".to_owned(),
        reason: format!(
            "a sentence of more than {MOST_CHARACTERS} characters is not spoken at once; split it"
        ),
    })
}
