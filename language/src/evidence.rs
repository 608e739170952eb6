//! What the sound supports: the seam between `speech` (which hears) and `intents` (which understands).

use serde::{Deserialize, Serialize};

/// A phone of the shared inventory (`language/data/phones.tsv`): an index into it, equal to the recogniser's output
/// class. Index 0 is the CTC blank and never occurs in a [`Pronunciation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Phone(pub u8);

/// Whose pronunciation it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// Central Tibetan as spoken in Lhasa.
    Lhasa,
    /// Standard Mandarin.
    Putonghua,
}

/// One way to say a text: its phones, and where each syllable begins.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pronunciation {
    /// Whose pronunciation it is. Where a text mixes languages, the dialect of the surrounding language.
    pub dialect: Dialect,
    /// The phones in order, without blanks.
    pub phones: Vec<Phone>,
    /// Index into `phones` of each syllable's first phone, ascending, first element 0 (empty if `phones` is).
    pub syllables: Vec<u32>,
}

/// Words that somebody may have said, with every way of saying them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpokenForm {
    /// The words as written, for recognisers whose units are characters or tokens.
    pub text: String,
    /// The ways to say them; the best one counts.
    pub pronunciations: Vec<Pronunciation>,
}

/// A batch of forms, prepared once (when a knowledge base is published) and scored against many utterances.
#[derive(Clone, Debug, Default)]
pub struct FormBatch {
    forms: Vec<SpokenForm>,
}

impl FormBatch {
    /// Prepares a batch. The order of `forms` is the order of the scores.
    pub fn new(forms: Vec<SpokenForm>) -> Self {
        Self { forms }
    }

    /// The forms in score order.
    pub fn forms(&self) -> &[SpokenForm] {
        &self.forms
    }

    /// How many forms there are.
    pub fn len(&self) -> usize {
        self.forms.len()
    }

    /// Whether the batch is empty.
    pub fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }
}

/// What one utterance's sound says about words, whatever the recogniser's units are.
///
/// Implemented in `speech` on a recogniser's output; asked in `intents`. Scores are natural logarithms and comparable
/// only within one utterance. Both methods cost milliseconds and belong on a worker thread, not an async one.
pub trait Evidence: Send + Sync + std::fmt::Debug {
    /// How well the *whole* utterance is explained by each form: forward log-probability divided by the number of
    /// units (phones or tokens) of the form, the best pronunciation counting. `-inf` for a form that cannot be scored
    /// (no pronunciation, or more units than frames). One score per form, in batch order.
    ///
    /// Source: SEED trial, "CTC ÷ phones".
    fn whole(&self, batch: &FormBatch) -> Vec<f32>;

    /// How well each form is supported *anywhere* in the utterance: the best local Viterbi score of its units,
    /// relative to the best unconstrained path over the same frames (so ≤ 0; 0 means "exactly what was heard").
    /// `-inf` for a form that cannot be scored. One score per form, in batch order.
    ///
    /// Source: SEED trial, "soft acoustic n-grams".
    fn anywhere(&self, batch: &FormBatch) -> Vec<f32>;

    /// The length of the utterance in seconds.
    fn seconds(&self) -> f32;
}
