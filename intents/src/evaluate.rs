//! Measuring understanding on labelled utterances: the figures that `make bench` prints and that calibration is judged by.

use std::fmt;
use std::sync::Arc;

use kb::EntryId;
use language::Language;
use serde::Serialize;

use crate::policy::{Context, Memory, decide};
use crate::{Act, Decision, UnderstandError, Understander, Utterance};

/// An utterance whose right entry is known.
#[derive(Clone, Debug)]
pub struct Labelled {
    /// What was said or typed.
    pub utterance: Utterance,
    /// The right entry; `None` where the knowledge base has none.
    pub expected: Option<EntryId>,
}

/// What became of one labelled utterance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// Place of the right entry among the candidates, 1 = first; `None` where it is not among the five.
    pub rank: Option<usize>,
    /// The best candidate and its confidence.
    pub best: Option<(EntryId, f32)>,
    /// What policy made of it at the first turn, with nothing pending.
    pub decision: Outline,
    /// Whether that helps: the right answer, a choice that holds it, or no answer where there is none.
    pub helps: bool,
    /// The utterance is in the knowledge base.
    pub inside: bool,
}

/// A decision without its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
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

/// Figures over a labelled set. Shares are 0 to 1 and `NaN` where their set is empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Evaluation {
    /// Utterances that the knowledge base answers.
    pub inside: usize,
    /// Utterances that it does not.
    pub outside: usize,
    /// Share of the inside ones with the right entry first.
    pub top1: f32,
    /// … among the first three, which is what a clarifying question offers.
    pub top3: f32,
    /// … among the first five.
    pub top5: f32,
    /// Area under the ROC curve of the best candidate's confidence: inside against outside.
    pub auc: f32,
    /// Share of the inside ones answered at once.
    pub answered: f32,
    /// Share of all answers given at once that are wrong, outside ones included.
    pub wrong_of_answered: f32,
    /// Share of the inside ones that are helped at the first turn: the right answer, or a choice that holds it.
    pub helped: f32,
    /// Share of the outside ones that are wrongly answered at once.
    pub outside_answered: f32,
    /// Share of the outside ones that get a choice, none of which can be right.
    pub outside_clarified: f32,
    /// Share of all that were taken for an act.
    pub acts: f32,
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} inside: top-1 {:.3}, top-3 {:.3}, top-5 {:.3}, answered {:.3}, helped {:.3}; {} outside: answered {:.3}, \
             clarified {:.3}; AUC {:.3}; wrong among answers {:.3}; acts {:.3}",
            self.inside,
            self.top1,
            self.top3,
            self.top5,
            self.answered,
            self.helped,
            self.outside,
            self.outside_answered,
            self.outside_clarified,
            self.auc,
            self.wrong_of_answered,
            self.acts
        )
    }
}

/// Understands every utterance as the first turn of a conversation and compares with what is right.
///
/// # Errors
/// [`UnderstandError`] where the index fails.
pub fn outcomes(understander: &Understander, set: &[Labelled]) -> Result<Vec<Outcome>, UnderstandError> {
    let rules = understander.rules();
    set.iter()
        .map(|labelled| {
            let understanding = understander.understand(&labelled.utterance, &Memory::default())?;
            let is_right = |entry: &EntryId| labelled.expected.as_ref() == Some(entry);
            let rank = understanding.candidates.iter().position(|c| is_right(&c.entry)).map(|at| at + 1);
            let context = Context::new(Arc::clone(&rules), labelled.utterance.language);
            let (decision, helps) = match decide(&context, &understanding) {
                Decision::Answer { chosen, .. } => (Outline::Answered, is_right(&chosen.entry)),
                Decision::Clarify { choices } => {
                    (Outline::Clarified, choices.iter().any(|c| is_right(&c.entry)))
                }
                Decision::Act(Act::Question) | Decision::NotUnderstood | Decision::Escalate(_) => {
                    (Outline::Declined, labelled.expected.is_none())
                }
                Decision::Act(_) => (Outline::Act, labelled.expected.is_none()),
            };
            let best = understanding.candidates.first().map(|c| (c.entry.clone(), c.confidence));
            Ok(Outcome { rank, best, decision, helps, inside: labelled.expected.is_some() })
        })
        .collect()
}

/// Figures over outcomes.
pub fn summarise(outcomes: &[Outcome]) -> Evaluation {
    let inside: Vec<&Outcome> = outcomes.iter().filter(|o| o.inside).collect();
    let outside: Vec<&Outcome> = outcomes.iter().filter(|o| !o.inside).collect();
    let share = |set: &[&Outcome], holds: &dyn Fn(&Outcome) -> bool| {
        set.iter().filter(|o| holds(o)).count() as f32 / set.len() as f32
    };
    let within = |places: usize| move |o: &Outcome| o.rank.is_some_and(|rank| rank <= places);
    let answered: Vec<&Outcome> = outcomes.iter().filter(|o| o.decision == Outline::Answered).collect();
    let all: Vec<&Outcome> = outcomes.iter().collect();
    Evaluation {
        inside: inside.len(),
        outside: outside.len(),
        top1: share(&inside, &within(1)),
        top3: share(&inside, &within(3)),
        top5: share(&inside, &within(5)),
        auc: area_under_roc(&inside, &outside),
        answered: share(&inside, &|o| o.decision == Outline::Answered),
        wrong_of_answered: share(&answered, &|o| !o.helps),
        helped: share(&inside, &|o| o.helps),
        outside_answered: share(&outside, &|o| o.decision == Outline::Answered),
        outside_clarified: share(&outside, &|o| o.decision == Outline::Clarified),
        acts: share(&all, &|o| o.decision == Outline::Act),
    }
}

/// Understands every utterance and sums up; see [`outcomes`] and [`summarise`].
///
/// # Errors
/// [`UnderstandError`] where the index fails.
pub fn evaluate(understander: &Understander, set: &[Labelled]) -> Result<Evaluation, UnderstandError> {
    Ok(summarise(&outcomes(understander, set)?))
}

/// Mann–Whitney form: how often an inside utterance is more confident than an outside one, ties counting half.
fn area_under_roc(inside: &[&Outcome], outside: &[&Outcome]) -> f32 {
    let confidence = |o: &&Outcome| o.best.as_ref().map_or(0.0, |(_, confidence)| *confidence);
    let mut wins = 0.0_f64;
    for a in inside.iter().map(confidence) {
        for b in outside.iter().map(confidence) {
            wins += if a > b {
                1.0
            } else if a < b {
                0.0
            } else {
                0.5
            };
        }
    }
    (wins / (inside.len() as f64 * outside.len() as f64)) as f32
}

/// Reads labelled questions from a table with the columns `language`, `entry` (`none` for outside) and `question`,
/// separated by tabs, with a header row. Lines that do not read are left out.
pub fn labelled_questions(table: &str) -> Vec<Labelled> {
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut cells = line.split('\t');
            let (language, entry, text) = (cells.next()?, cells.next()?, cells.next()?);
            let language: Language = language.trim().parse().ok()?;
            let expected = (entry.trim() != "none").then(|| EntryId(entry.trim().to_owned()));
            let utterance = Utterance { text: text.trim().to_owned(), language, evidence: None };
            Some(Labelled { utterance, expected })
        })
        .collect()
}
