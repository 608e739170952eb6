//! From a CTC recogniser's posteriors to readings: greedy, or a prefix beam search that knows which phrases to expect.
//!
//! ```text
//! log-posteriors (frames × classes) ─► decode ─► Decoded { tokens with frames, log-probability, bonus, confidence }, best first
//! logits or log-posteriors, in pieces ─► GreedyPath ─► the same, of the greedy path
//! Bias (phrases with weights) ─► BiasCache ─► ContextGraph over the engine's classes ─► bonuses within the search
//!     one that stands for many utterances, and one of a single utterance: both make a Context
//! Decoded ─► words ─► TimedWord ─► sentences
//! ```
//!
//! Sources: A. Graves, *Supervised Sequence Labelling with Recurrent Neural Networks* (2012), chapter 7; A. Y. Hannun et al.,
//! *First-Pass Large Vocabulary Continuous Speech Recognition using Bi-Directional Recurrent DNNs* (2014), algorithm 1; the
//! biasing is described in [`ContextGraph`].

mod align;
mod beam;
mod bias;
mod graph;
mod greedy;
mod words;

use std::sync::Arc;

pub use bias::{Bias, BiasCache, BiasPhrase, MOST_WEIGHT};
pub use graph::{Context, ContextGraph, State};
pub(crate) use greedy::{GreedyPath, best, log_softmax};
pub(crate) use words::{Part, part};
pub use words::{TimedCharacter, TimedSentence, sentences, words};

/// Posteriors under e⁻²⁰ count as e⁻²⁰, as for [`crate::evidence`]: below that a recogniser's output is rounding, and a row
/// without any mass makes no score infinite.
pub const LOG_FLOOR: f32 = -20.0;

/// Why a matrix cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The matrix is not rectangular.
    #[error("{values} log-posteriors do not make whole frames of {classes} classes")]
    Shape {
        /// How many numbers there are.
        values: usize,
        /// Classes per frame.
        classes: usize,
    },
    /// The blank is not a class.
    #[error("the blank is class {blank}, but there are only {classes} classes")]
    Blank {
        /// The blank's class.
        blank: usize,
        /// Classes per frame.
        classes: usize,
    },
}

/// Natural-logarithmic posteriors of one utterance, `frames × classes`, row by row.
#[derive(Clone, Copy)]
pub struct LogPosteriors<'a> {
    values: &'a [f32],
    classes: usize,
    blank: usize,
}

impl<'a> LogPosteriors<'a> {
    /// Looks at a matrix. NaN counts as "impossible"; nothing is copied.
    ///
    /// # Errors
    /// [`DecodeError`] where the numbers do not fit together.
    pub fn new(values: &'a [f32], classes: usize, blank: usize) -> Result<Self, DecodeError> {
        if classes == 0 || !values.len().is_multiple_of(classes) {
            return Err(DecodeError::Shape { values: values.len(), classes });
        }
        if blank >= classes {
            return Err(DecodeError::Blank { blank, classes });
        }
        Ok(Self { values, classes, blank })
    }

    /// How many frames there are.
    pub const fn frames(&self) -> usize {
        self.values.len() / self.classes
    }

    /// How many classes a frame has.
    pub const fn classes(&self) -> usize {
        self.classes
    }

    /// The CTC blank's class.
    pub const fn blank(&self) -> usize {
        self.blank
    }

    /// One log-posterior, between [`LOG_FLOOR`] and 0.
    fn at(&self, frame: usize, class: usize) -> f32 {
        floored(self.values[frame * self.classes + class])
    }

    /// One frame as the engine gave it: neither floored nor free of NaN.
    fn row(&self, frame: usize) -> &'a [f32] {
        &self.values[frame * self.classes..(frame + 1) * self.classes]
    }
}

/// A log-posterior between [`LOG_FLOOR`] and 0; NaN is the floor.
fn floored(value: f32) -> f32 {
    if value.is_nan() { LOG_FLOOR } else { value.clamp(LOG_FLOOR, 0.0) }
}

/// ln(eᵃ + eᵇ).
fn log_add(a: f32, b: f32) -> f32 {
    let (high, low) = if a > b { (a, b) } else { (b, a) };
    if low == f32::NEG_INFINITY { high } else { high + (low - high).exp().ln_1p() }
}

/// How an utterance is decoded. The default is greedy, without expectations.
#[derive(Clone, Debug, PartialEq)]
pub struct DecodeOptions {
    /// Prefixes kept from frame to frame; 1 without a bias is the greedy path. 8 to 16 are usual; time grows with it.
    pub beam: usize,
    /// Most readings returned; at most [`Self::beam`] there are.
    pub nbest: usize,
    /// Phrases to be expected in every utterance: a knowledge base's. An engine prepares for them once.
    pub bias: Arc<Bias>,
    /// Phrases to be expected in this utterance, on top: their weights add up with those of [`Self::bias`]. An engine prepares
    /// for them anew, so they should be tens and not thousands.
    pub expected: Arc<Bias>,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        Self { beam: 1, nbest: 1, bias: Arc::default(), expected: Arc::default() }
    }
}

impl DecodeOptions {
    /// Whether this asks for nothing but the greedy path.
    pub fn is_greedy(&self) -> bool {
        self.beam <= 1 && self.bias.is_empty() && self.expected.is_empty()
    }
}

/// A class that was emitted, and when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DecodedToken {
    /// The class.
    pub class: u32,
    /// The first frame that emits it.
    pub start: usize,
    /// The frame after the last one that emits it.
    pub end: usize,
    /// Geometric mean of its posterior over these frames, 0 to 1.
    pub confidence: f32,
}

/// One reading of the posteriors.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// What was emitted, in order; blanks and repetitions are gone.
    pub tokens: Vec<DecodedToken>,
    /// ln P(tokens | sound), over all CTC paths (of the greedy reading: of its one path).
    pub log_probability: f32,
    /// What the bias added, in nats; 0 where no phrase was matched to its end.
    pub bonus: f32,
    /// How sure the recogniser is, 0 to 1, uncalibrated: the geometric mean of the tokens' confidences, times this reading's
    /// share among those that the search ended with (1 for the greedy one, which has no rivals). The confidences of one
    /// utterance's readings add up to at most 1.
    pub confidence: f32,
}

impl Decoded {
    /// The classes alone.
    pub fn classes(&self) -> Vec<u32> {
        self.tokens.iter().map(|token| token.class).collect()
    }
}

/// Geometric mean of the tokens' confidences; 0 for none, since silence is no reading.
fn mean_confidence(tokens: &[DecodedToken]) -> f32 {
    if tokens.is_empty() {
        return 0.0;
    }
    let sum: f32 = tokens.iter().map(|token| token.confidence.max(f32::MIN_POSITIVE).ln()).sum();
    (sum / tokens.len() as f32).exp()
}

/// Reads posteriors as `options` say; best first, at least one (which may have no tokens) and at most
/// [`DecodeOptions::nbest`]. `context` is what the options expect in the recogniser's classes (see [`BiasCache`]); without it
/// that is not heeded.
pub fn decode(posteriors: LogPosteriors<'_>, options: &DecodeOptions, context: Context<'_>) -> Vec<Decoded> {
    if options.beam <= 1 && context.is_empty() {
        return vec![greedy::greedy(posteriors)];
    }
    beam::search(posteriors, options.beam.max(1), options.nbest.max(1), context)
}

#[cfg(test)]
mod tests;
