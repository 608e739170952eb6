//! espeak-ng's IPA for voices that were trained on it.

use std::{path::Path, sync::atomic::AtomicBool};

use language::Language;

use super::{
    EspeakSettings, EspeakVoice, phonemes,
    pool::{Key, Recipe},
};
use crate::SynthesisError;

/// Reads Chinese in the IPA that espeak-ng prints for its pinyin. A process for every piece: a VITS voice takes a hundred
/// times as long.
#[derive(Clone, Debug)]
pub struct IpaReader {
    recipe: Recipe,
}

impl IpaReader {
    /// Prepares the reader, as [`EspeakVoice::new`] does a voice.
    ///
    /// # Errors
    /// Where espeak-ng is not installed or its data cannot be copied.
    pub fn new(settings: EspeakSettings, folder: &Path) -> Result<Self, SynthesisError> {
        // A variant changes how phonemes sound, not which they are.
        let settings = EspeakSettings { variant: None, ..settings };
        Ok(Self { recipe: EspeakVoice::new(settings, folder)?.recipe })
    }

    /// The clauses of a text in IPA, without marks; empty where nothing in it has a sound in this language.
    ///
    /// # Errors
    /// Where espeak-ng fails or was interrupted.
    pub fn clauses(
        &self,
        text: &str,
        language: Language,
        cancelled: &AtomicBool,
    ) -> Result<Vec<String>, SynthesisError> {
        let plan = language::speech_plan(text, language);
        let mut out = Vec::new();
        for segment in plan.iter().filter(|s| s.voice == language && !s.input.trim().is_empty()) {
            phonemes::check(segment)?;
            let key = Key { voice: segment.voice, speed: 160 };
            let said = self.recipe.ipa(key, &segment.input)?.text(cancelled)?;
            out.extend(said.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()));
        }
        Ok(out)
    }
}
