//! Measuring understanding on labelled questions: what `assistant eval`, the benchmark and the gate in continuous
//! integration are made of.
//!
//! ```text
//! tables (TSV) ─► protocol: publish, hold out, ask ─► Record per question ─► Evaluation (figures) ─► Report (JSON)
//!                                                                                       ├► compare: two runs, gate
//!                                                                                       └► page: HTML with plots
//! ```
//!
//! Whatever is measured is measured on decisions: every question goes through [`Understander::understand`] and
//! [`decide`] as the first turn of a conversation. No label of a tested question is ever seen by calibration, which
//! works on the publication alone.

pub mod compare;
mod confusion;
mod figures;
pub mod measures;
mod overlap;
pub mod page;
mod plot;
mod protocol;
mod report;
mod tables;

use std::sync::Arc;
use std::time::Instant;

use kb::EntryId;
use language::Language;
use serde::{Deserialize, Serialize};

pub use crate::understander::written_language;
pub use confusion::Confusion;
pub use figures::{Bin, Coverage, Decisions, Evaluation, OutsideFigures, summarise};
pub use overlap::{BUCKETS, Bucket, nearest_overlap};
pub use protocol::{PlainBase, ProtocolError, held_out_records, publish_plain, shuffled, split_records};
pub use report::{FORMAT, Report, Subject};
pub use tables::{Layout, Row, RowProblem, Table, read_table};

use crate::policy::{Context, Memory, decide};
use crate::{Act, Decision, UnderstandError, Understander, Utterance};

/// A question whose right entry is known.
#[derive(Clone, Debug)]
pub struct Labelled {
    /// What was said or typed.
    pub utterance: Utterance,
    /// The right entries; usually one, none where the knowledge base does not answer the question.
    pub expected: Vec<EntryId>,
    /// Of what kind a question is that the knowledge base does not answer ("chit-chat", "near domain"); empty for one
    /// that it answers.
    pub kind: String,
}

impl Labelled {
    /// A typed question that these entries answer.
    pub fn inside(text: &str, language: Language, expected: impl IntoIterator<Item = EntryId>) -> Self {
        let utterance = Utterance::typed(text, language);
        Self { utterance, expected: expected.into_iter().collect(), kind: String::new() }
    }

    /// A typed question that the knowledge base does not answer.
    pub fn outside(text: &str, language: Language, kind: &str) -> Self {
        let utterance = Utterance::typed(text, language);
        Self { utterance, expected: Vec::new(), kind: kind.to_owned() }
    }
}

/// A decision without its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outline {
    /// Answered at once.
    Answered,
    /// Asked back.
    Clarified,
    /// Taken for something else than a question.
    Act,
    /// Not understood, or handed over.
    Declined,
}

/// A candidate as it is recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The entry's id; in plain tables, the id there.
    pub entry: String,
    /// Calibrated probability that it is what was meant, 0 to 1.
    pub confidence: f32,
}

/// What became of one labelled question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The seed of the split in which it was asked; 0 where nothing was drawn.
    #[serde(default)]
    pub seed: u64,
    /// The question.
    pub query: String,
    /// The conversation's language.
    pub language: Language,
    /// Ids of the right entries; empty where there is none.
    pub expected: Vec<String>,
    /// Of what kind a question outside is; empty inside.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Best first, at most five.
    pub candidates: Vec<Candidate>,
    /// Place of the first right entry among the candidates, 1 = first; absent where it is not among them.
    pub rank: Option<usize>,
    /// What policy made of it at the first turn, with nothing pending.
    pub decision: Outline,
    /// Whether that helps: the right answer, a choice that holds it, or no answer where there is none.
    pub helps: bool,
    /// Share of words in common with the nearest way of asking, 0 to 1; see [`nearest_overlap`].
    #[serde(default)]
    pub overlap: Option<f32>,
    /// Time that understanding and deciding took.
    pub milliseconds: f64,
}

impl Record {
    /// Whether the knowledge base answers the question.
    pub fn inside(&self) -> bool {
        !self.expected.is_empty()
    }

    /// Confidence of the best candidate; 0 without one.
    pub fn confidence(&self) -> f32 {
        self.candidates.first().map_or(0.0, |candidate| candidate.confidence)
    }

    /// Probability that any entry is meant at all: the sum over the candidates.
    pub fn any(&self) -> f32 {
        self.candidates.iter().map(|candidate| candidate.confidence).sum()
    }

    /// Whether the best candidate is right.
    pub fn first_is_right(&self) -> bool {
        self.rank == Some(1)
    }

    /// Whether the assistant answered at once with an entry that is not right.
    pub fn answered_wrongly(&self) -> bool {
        self.decision == Outline::Answered && !self.helps
    }
}

/// Understands every question as the first turn of a conversation and compares with what is right.
///
/// # Errors
/// [`UnderstandError`] where the index fails.
pub fn outcomes(understander: &Understander, set: &[Labelled]) -> Result<Vec<Record>, UnderstandError> {
    set.iter().map(|labelled| outcome(understander, labelled)).collect()
}

fn outcome(understander: &Understander, labelled: &Labelled) -> Result<Record, UnderstandError> {
    let rules = understander.rules();
    let started = Instant::now();
    let understanding = understander.understand(&labelled.utterance, &Memory::default())?;
    let context = Context::new(Arc::clone(&rules), labelled.utterance.language);
    let decision = decide(&context, &understanding);
    let milliseconds = started.elapsed().as_secs_f64() * 1e3;
    let is_right = |entry: &EntryId| labelled.expected.contains(entry);
    let nothing_fits = labelled.expected.is_empty();
    let (decision, helps) = match decision {
        // Asking where comes after the entry has been decided on.
        Decision::Answer { chosen, .. } | Decision::AskPlace { chosen, .. } => {
            (Outline::Answered, is_right(&chosen.entry))
        }
        Decision::Clarify { choices } => (Outline::Clarified, choices.iter().any(|c| is_right(&c.entry))),
        Decision::Act(Act::Question)
        | Decision::NotUnderstood
        | Decision::AskTopic { .. }
        | Decision::Escalate(_) => (Outline::Declined, nothing_fits),
        Decision::Act(_) => (Outline::Act, nothing_fits),
    };
    let candidates: Vec<Candidate> = understanding
        .candidates
        .iter()
        .map(|scored| Candidate { entry: scored.entry.0.clone(), confidence: scored.confidence })
        .collect();
    Ok(Record {
        seed: 0,
        query: labelled.utterance.text.clone(),
        language: labelled.utterance.language,
        expected: labelled.expected.iter().map(|entry| entry.0.clone()).collect(),
        kind: labelled.kind.clone(),
        rank: understanding.candidates.iter().position(|c| is_right(&c.entry)).map(|at| at + 1),
        candidates,
        decision,
        helps,
        overlap: None,
        milliseconds,
    })
}

/// Understands every question and sums up; see [`outcomes`] and [`summarise`].
///
/// # Errors
/// [`UnderstandError`] where the index fails.
pub fn evaluate(understander: &Understander, set: &[Labelled]) -> Result<Evaluation, UnderstandError> {
    Ok(summarise(&outcomes(understander, set)?))
}

/// Reads labelled questions from a table with the columns `language`, `entry` (`none` for outside) and `question`,
/// separated by tabs, with a header row. Lines that do not read are left out; [`read_table`] tells of them.
pub fn labelled_questions(table: &str) -> Vec<Labelled> {
    let table = read_table("", table.as_bytes(), Layout::Queries);
    table.rows.into_iter().map(Row::labelled).collect()
}
