//! The text channel: typed questions, and the text of recognisers that take dictation.

use kb::{EntryId, Found, Query, RetrieveError, View};
use language::Language;

use crate::acts::Acts;
use crate::calibration::ChoiceModel;

/// Candidates that compete for the probability; the right one is practically never deeper.
const CANDIDATES: usize = 24;

/// A candidate with what the model weighs.
#[derive(Clone, Debug)]
pub(crate) struct TextCandidate {
    pub entry: EntryId,
    /// The way of asking that is closest.
    pub variant: String,
    pub language: Language,
    pub features: Vec<f32>,
}

impl TextCandidate {
    /// Cosine of the text and the entry's closest question, as written; 0 to 1.
    pub fn closest(&self) -> f32 {
        self.features.get(View::Closest as usize).copied().unwrap_or_default()
    }
}

/// What the model weighs beside the views. The first seven are the same for all candidates of a question: they say whether
/// it is a question of the knowledge base's kind at all.
const FURTHER: [&str; 9] = [
    "known",
    "best_bm25",
    "best_bm25_sound",
    "names_thing",
    "names_act",
    "shortness",
    "meaning",
    "other_language",
    "constant",
];

/// Views whose weight never falls below zero: more likeness does not speak against an entry, however the examples happen
/// to fall. All of them.
pub(crate) const MONOTONE: usize = View::ALL.len();

/// The number of features: the views in their order, then [`FURTHER`].
pub(crate) const FEATURES: usize = View::ALL.len() + FURTHER.len();

/// Documented constants: what a fit is drawn to, and what holds for knowledge bases too small to calibrate on. They stand
/// between what fits on the bank's questions and on the sample knowledge base's own variants have in common: all variants
/// together, by writing and by sound, and the title weigh most; the closest variant by itself next to nothing. The views of
/// answers, which the bank does not have, are from the sample alone. What the question means at all is weighed so that one which
/// means as much as most (two thirds) counts as before. `calibration/publication.rs` has an ignored test that
/// measures them with one question per entry.
pub(crate) fn start() -> ChoiceModel {
    ChoiceModel {
        weights: vec![
            0.5, 0.5, 2.0, 2.0, 0.5, 2.0, 0.5, 0.5, 1.0, 1.0, 3.0, 1.0, 0.5, 1.0, // views
            0.0, 0.0, // dense views: only a calibration with an encoder gives them weight
            0.5, 0.5, // what is named
            1.0, 3.0, // by meaning
            1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 3.0, -0.5, -8.0,
        ],
    }
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

    /// Candidates for a text with their features, found by `search`.
    pub fn candidates(
        &self,
        text: &str,
        language: Language,
        search: impl Fn(&Query) -> Result<Found, RetrieveError>,
    ) -> Result<Vec<TextCandidate>, RetrieveError> {
        candidates(self.acts.core(text), language, search)
    }
}

/// [`TextChannel::candidates`] of a text without politeness around it.
pub(crate) fn candidates(
    core: &str,
    language: Language,
    search: impl Fn(&Query) -> Result<Found, RetrieveError>,
) -> Result<Vec<TextCandidate>, RetrieveError> {
    let found = search(&Query { text: core.to_owned(), language, limit: CANDIDATES })?;
    Ok(describe(found, language))
}

fn describe(found: Found, asked: Language) -> Vec<TextCandidate> {
    let best = |view| found.candidates.iter().map(|c| c.scores.get(view)).fold(0.0, f32::max);
    let flag = |holds: bool| f32::from(u8::from(holds));
    let of_question = [
        found.known,
        best(View::Bm25),
        best(View::Bm25Sound),
        flag(found.names_thing),
        flag(found.names_act),
        // The same likeness means less in a question of two syllables than in one of ten.
        1.0 / found.units.max(1) as f32,
        found.meaning,
    ];
    let describe = |candidate: kb::Candidate| {
        let mut features = candidate.scores.0.to_vec();
        features.extend(of_question);
        features.extend([flag(candidate.language != asked), 1.0]);
        debug_assert_eq!(features.len(), FEATURES);
        let kb::Candidate { entry, variant, language, .. } = candidate;
        TextCandidate { entry, variant, language, features }
    };
    found.candidates.into_iter().map(describe).collect()
}

/// The names of all features, in order: `closest_sound`, `known`.
pub(crate) fn feature_names() -> Vec<String> {
    View::ALL.iter().map(|view| snake(&format!("{view:?}"))).chain(FURTHER.map(str::to_owned)).collect()
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for (at, letter) in name.char_indices() {
        if at > 0 && letter.is_uppercase() {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out
}
