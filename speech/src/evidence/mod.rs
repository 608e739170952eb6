//! What a CTC recogniser's posteriors say about words: [`PosteriorEvidence`].

mod dictation;
mod forward;
mod local;
mod pieces;
mod trie;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, OnceLock},
};

use language::{Evidence, FormBatch, Phone, Reading, UnitModel};

pub use self::pieces::Pieces;
use self::trie::Trie;
use crate::decode::GreedyPath;

/// Posteriors under e⁻²⁰ count as e⁻²⁰: below that a recogniser's output is rounding, and one hopeless frame shall not
/// decide about a whole utterance. It also bounds how fast [`forward`]'s numbers can decay.
const LOG_FLOOR: f32 = -20.0;

/// A frame is quiet where the blank is likelier than anything else by so many nats. Between words and in pauses, that is nearly every frame.
const QUIET: f32 = 5.0;

/// Log-posteriors of one utterance: `frames × classes`, row by row.
struct Posteriors {
    values: Vec<f32>,
    classes: usize,
    blank: usize,
}

impl Posteriors {
    fn frames(&self) -> usize {
        self.values.len() / self.classes
    }

    fn row(&self, frame: usize) -> &[f32] {
        &self.values[frame * self.classes..(frame + 1) * self.classes]
    }

    const fn blank(&self) -> usize {
        self.blank
    }

    /// The same with runs of quiet frames folded into one frame each, in which every class is as likely as in the run's best frame for it, the others
    /// being blank. What is lost are alignments with two units in one run, which cost ten nats at least.
    fn folded(&self) -> Self {
        let mut folded = Self { values: Vec::with_capacity(self.values.len()), ..*self };
        let mut run = false;
        for frame in 0..self.frames() {
            let row = self.row(frame);
            let blank = row[self.blank];
            let rival = row
                .iter()
                .enumerate()
                .filter(|(class, _)| *class != self.blank)
                .map(|(_, log)| *log)
                .fold(f32::MIN, f32::max);
            let quiet = blank - rival >= QUIET;
            if quiet && run {
                let start = folded.values.len() - self.classes;
                let last = &mut folded.values[start..];
                let before = last[self.blank];
                for (sum, log) in last.iter_mut().zip(row) {
                    *sum = (*sum + blank).max(log + before);
                }
                last[self.blank] = before + blank;
            } else {
                folded.values.extend_from_slice(row);
            }
            run = quiet;
        }
        folded
    }
}

/// What a recogniser's classes are, and so how a form is spelled in them.
#[derive(Clone, Debug)]
pub enum Units {
    /// The phones of `language`'s inventory: class `n` is `Phone(n)`, class 0 the blank.
    Phones,
    /// Written characters: forms are spelled by their text, every character of which must be a class.
    Characters(Arc<HashMap<char, u32>>),
    /// Pieces of words (BPE, `SentencePiece`, bytes): forms are spelled by their text, in the longest pieces that fit.
    Tokens(Arc<Pieces>),
}

/// Why posteriors cannot be evidence.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
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

/// A CTC recogniser's posteriors of one utterance, as [`Evidence`].
pub struct PosteriorEvidence {
    posteriors: Posteriors,
    folded: OnceLock<Posteriors>,
    units: Units,
    seconds: f32,
}

impl PosteriorEvidence {
    /// Wraps `frames × classes` natural-logarithmic posteriors, row by row. `blank` is the CTC blank's class, `seconds`
    /// the utterance's length. NaN counts as "impossible".
    ///
    /// # Errors
    /// [`EvidenceError`] where the numbers do not fit together.
    pub fn new(
        mut log_posteriors: Vec<f32>,
        classes: usize,
        blank: usize,
        units: Units,
        seconds: f32,
    ) -> Result<Self, EvidenceError> {
        if classes == 0 || !log_posteriors.len().is_multiple_of(classes) {
            return Err(EvidenceError::Shape { values: log_posteriors.len(), classes });
        }
        if blank >= classes {
            return Err(EvidenceError::Blank { blank, classes });
        }
        for value in &mut log_posteriors {
            // Posteriors are at most 1; `min` and `max` would let NaN through in one direction.
            *value = if value.is_nan() { f32::NEG_INFINITY } else { value.min(0.0) };
        }
        let posteriors = Posteriors { values: log_posteriors, classes, blank };
        Ok(Self { posteriors, folded: OnceLock::new(), units, seconds })
    }

    /// The greedy path: each frame's best class, repetitions merged, blanks dropped.
    pub fn greedy(&self) -> Vec<u32> {
        let Posteriors { values, classes, blank } = &self.posteriors;
        let mut path = GreedyPath::new(*blank);
        path.extend(values, *classes);
        path.classes()
    }

    /// How many frames the recogniser made of the utterance.
    pub fn frames(&self) -> usize {
        self.posteriors.frames()
    }

    fn folded(&self) -> &Posteriors {
        self.folded.get_or_init(|| self.posteriors.folded())
    }

    fn trie<'a>(&self, batch: &'a FormBatch) -> Trie<'a> {
        let (classes, blank) = (self.posteriors.classes, self.posteriors.blank);
        if matches!(self.units, Units::Phones) {
            return Trie::of_phones(batch.trie(), classes, blank);
        }
        let spelled = batch.forms().iter().enumerate().filter_map(|(index, form)| {
            let units = match &self.units {
                Units::Phones => None,
                Units::Characters(table) => spell(&form.text, table),
                Units::Tokens(pieces) => pieces.spell(&form.text),
            }?;
            units
                .iter()
                .all(|&unit| (unit as usize) < classes && unit as usize != blank)
                .then_some((index as u32, units))
        });
        Trie::new(spelled.collect())
    }
}

/// A text in a recogniser's characters; `None` where it has one that is no class.
fn spell(text: &str, table: &HashMap<char, u32>) -> Option<Vec<u32>> {
    text.chars().filter(|c| !c.is_whitespace()).map(|c| table.get(&c).copied()).collect()
}

impl Evidence for PosteriorEvidence {
    fn whole(&self, batch: &FormBatch) -> Vec<f32> {
        let trie = self.trie(batch);
        let mut scores = vec![f32::NEG_INFINITY; batch.len()];
        for (end, log_probability) in trie.ends.iter().zip(forward::score(self.folded(), &trie)) {
            let score = &mut scores[end.form as usize];
            *score = score.max(log_probability / end.units as f32);
        }
        scores
    }

    fn begun(&self, batch: &FormBatch, least: usize, lacking: usize) -> f32 {
        let trie = self.trie(batch);
        let masses = forward::masses(self.folded(), &trie);
        let begun =
            trie.beginnings(least, lacking).into_iter().map(|(node, units)| masses[node] / units as f32);
        begun.fold(f32::NEG_INFINITY, f32::max)
    }

    fn anywhere(&self, batch: &FormBatch) -> Vec<f32> {
        let trie = self.trie(batch);
        let mut scores = vec![f32::NEG_INFINITY; batch.len()];
        for (end, local) in trie.ends.iter().zip(local::score(self.folded(), &trie)) {
            let score = &mut scores[end.form as usize];
            *score = score.max(local);
        }
        scores
    }

    fn dictate(&self, model: &UnitModel, most: usize) -> Vec<Reading> {
        match self.units {
            Units::Phones => dictation::readings(self.folded(), model, most),
            Units::Characters(_) | Units::Tokens(_) => Vec::new(),
        }
    }

    fn seconds(&self) -> f32 {
        self.seconds
    }

    fn phones(&self) -> Option<Vec<Phone>> {
        matches!(self.units, Units::Phones).then(|| {
            self.greedy().into_iter().filter_map(|class| u8::try_from(class).ok()).map(Phone).collect()
        })
    }
}

/// Sizes only: posteriors say what a citizen said, and `Debug` output ends up in logs.
impl fmt::Debug for PosteriorEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PosteriorEvidence")
            .field("frames", &self.posteriors.frames())
            .field("classes", &self.posteriors.classes)
            .field("seconds", &self.seconds)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
