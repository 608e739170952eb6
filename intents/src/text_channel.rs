//! The text channel: typed questions, and the text of recognisers that take dictation.

use kb::{Candidate, EntryId, HeldOut, Publication, Query, RetrieveError};
use language::Language;

use crate::acts::Acts;
use crate::calibration::ChoiceModel;

/// Candidates that compete for the probability; the right one is practically never deeper.
const CANDIDATES: usize = 20;

/// A candidate with what the model weighs.
pub(crate) struct TextCandidate {
    pub entry: EntryId,
    pub language: Language,
    pub features: Vec<f32>,
}

impl TextCandidate {
    /// Cosine of the text and the entry's closest question, by units and pairs; 0 to 1.
    pub fn closest(&self) -> f32 {
        self.features.get(1).copied().unwrap_or_default()
    }
}

/// Features of the text channel, in order.
pub(crate) const FEATURES: [&str; 15] = [
    "words",
    "grams",
    "phonetic",
    "variant_covered",
    "entry_words",
    "entry_grams",
    "about_words",
    "about_grams",
    "answer_words",
    "answer_grams",
    "closest_three",
    "typical",
    "constant",
    "shortness",
    "other_language",
];

/// The first so many features are overlaps.
pub(crate) const MONOTONE: usize = 12;

/// Documented constants for knowledge bases too small to calibrate on: fitted on the sample knowledge base with one
/// question per entry and language, asked in the other ways it has (80 entries, 996 ways of asking; the ignored test in
/// `calibration/publication.rs` prints them), rounded. Where a knowledge base can be calibrated they are only the point
/// that the fit is drawn to.
pub(crate) fn start() -> ChoiceModel {
    ChoiceModel { weights: vec![1.0, 4.0, 1.5, 2.5, 0.0, 1.0, 1.0, 3.5, 2.0, 6.0, 4.0, 0.0, -5.0, 0.0, 1.5] }
}

/// Looks questions up and describes the finds.
#[derive(Debug)]
pub(crate) struct TextChannel {
    acts: std::sync::Arc<Acts>,
}

impl TextChannel {
    pub fn new(acts: std::sync::Arc<Acts>) -> Self {
        Self { acts }
    }

    /// Candidates for a text with their features.
    pub fn candidates(
        &self,
        publication: &Publication,
        text: &str,
        language: Language,
        held_out: HeldOut,
    ) -> Result<Vec<TextCandidate>, RetrieveError> {
        let core = self.acts.core(text);
        let query = Query { text: core.to_owned(), language, limit: CANDIDATES };
        let found = publication.search(&query, held_out)?;
        let units = language::syllables(core).len().max(1);
        Ok(found.into_iter().map(|candidate| describe(candidate, units, language)).collect())
    }
}

fn describe(candidate: Candidate, units: usize, asked: Language) -> TextCandidate {
    let Candidate { entry, language, overlap, .. } = candidate;
    let features = vec![
        overlap.words,
        overlap.grams,
        overlap.phonetic,
        overlap.variant_covered,
        overlap.entry_words,
        overlap.entry_grams,
        overlap.about_words,
        overlap.about_grams,
        overlap.answer_words,
        overlap.answer_grams,
        overlap.closest_three,
        overlap.typical,
        1.0,
        // The same overlap means less in a question of two syllables than in one of ten.
        1.0 / units as f32,
        f32::from(u8::from(language != asked)),
    ];
    debug_assert_eq!(features.len(), FEATURES.len());
    TextCandidate { entry, language, features }
}
