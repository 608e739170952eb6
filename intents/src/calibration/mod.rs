//! From scores to probabilities that keep their promise, and from the tolerated share of wrong answers to thresholds.

mod choice_model;
mod publication;
mod recordings;

pub use choice_model::{ChoiceModel, Example};
pub(crate) use publication::{background, calibrate_text};
pub use recordings::{FEWEST_RECORDINGS, Recording, calibrate_voice};

use serde::{Deserialize, Serialize};

use crate::policy::{PerLanguage, Thresholds};

/// The format of a stored calibration. Another one whenever features change: weights are told apart by their place only.
pub const FORMAT: &str = "drilen-calibration/3";

/// Everything that turns features into confidences and decisions. Stored as JSON; fitted for typed text whenever a
/// knowledge base is published, for voice by `assistant calibrate` on recordings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// [`FORMAT`].
    pub format: String,
    /// For typed questions.
    pub text: PerLanguage<Fit>,
    /// For spoken questions.
    pub voice: PerLanguage<Fit>,
}

/// One channel in one language.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// Weights over that channel's features.
    pub model: ChoiceModel,
    /// What follows from the tolerated share of wrong answers.
    pub thresholds: Thresholds,
    /// What it was fitted on, for people.
    pub source: String,
    /// How many examples it was fitted on; 0 for documented constants.
    pub examples: usize,
    /// Share of wrong ones among the answers given at the threshold, on held-out examples; 0 for documented constants.
    pub expected_wrong: f32,
    /// Share of the answerable held-out examples answered at the threshold; 0 for documented constants.
    pub expected_answered: f32,
}

/// A held-out prediction: the best candidate's confidence, and whether it was right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Prediction {
    pub confidence: f32,
    pub right: bool,
    /// Whether any answer would have been right.
    pub answerable: bool,
    pub weight: f32,
}

/// Number of folds in cross-validation. Folds never split an entry.
pub(crate) const FOLDS: usize = 5;

/// No threshold below this: an answer that is more likely wrong than right is not given at any tolerance.
const LOWEST_ANSWER: f32 = 0.5;

/// No threshold above this: probabilities are not trusted to more digits.
const HIGHEST_ANSWER: f32 = 0.995;

/// The lowest threshold at which at most `target` of the answers are wrong, with what to expect there: (threshold, wrong
/// share of the answers, answered share of the answerable).
///
/// Half an answer is counted as wrong on top of those that are (Jeffreys), so that few examples do not look perfect.
pub(crate) fn threshold_for(predictions: &[Prediction], target: f32) -> (f32, f32, f32) {
    let mut sorted: Vec<&Prediction> = predictions.iter().collect();
    sorted.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    let answerable: f32 = sorted.iter().filter(|p| p.answerable).map(|p| p.weight).sum();
    let (mut given, mut wrong, mut right) = (0.0_f32, 0.0_f32, 0.0_f32);
    let mut best = None;
    for (at, prediction) in sorted.iter().enumerate() {
        given += prediction.weight;
        if prediction.right {
            right += prediction.weight;
        } else {
            wrong += prediction.weight;
        }
        // A threshold cannot separate equal confidences.
        if sorted.get(at + 1).is_some_and(|next| next.confidence >= prediction.confidence) {
            continue;
        }
        if prediction.confidence < LOWEST_ANSWER {
            break;
        }
        if (wrong + 0.5) / (given + 1.0) <= target {
            best = Some((
                prediction.confidence.min(HIGHEST_ANSWER),
                wrong / given,
                right / answerable.max(1e-6),
            ));
        }
    }
    // Calibrated probabilities bound the wrong share by themselves where examples are too few to show it.
    best.unwrap_or(((1.0 - target).clamp(LOWEST_ANSWER, HIGHEST_ANSWER), 0.0, 0.0))
}

/// Fits a channel: cross-validated for the threshold, on everything for the weights. Both come with the entry they belong
/// to, which decides their fold. Where there are `judges` (questions as people really ask them), the threshold is set by them
/// alone: held-out examples are made to be hard, and what is kept to two wrong ones in a hundred there leaves half of the
/// real questions unanswered.
pub(crate) fn fit_channel(
    start: &ChoiceModel,
    monotone: usize,
    examples: &[(u32, Example)],
    judges: &[(u32, Example)],
    target: f32,
    source: String,
) -> Fit {
    let all: Vec<&(u32, Example)> = examples.iter().chain(judges).collect();
    let asked: Vec<&(u32, Example)> =
        if judges.is_empty() { examples.iter().collect() } else { judges.iter().collect() };
    let mut predictions = Vec::with_capacity(asked.len());
    for fold in 0..FOLDS {
        let in_fold = |entry: u32| entry as usize % FOLDS == fold;
        let learn: Vec<Example> = all.iter().filter(|(e, _)| !in_fold(*e)).map(|(_, x)| x.clone()).collect();
        let model = ChoiceModel::fit(start, &learn, monotone);
        predictions.extend(asked.iter().filter(|(e, _)| in_fold(*e)).map(|(_, x)| predict(&model, x)));
    }
    let (answer, expected_wrong, expected_answered) = threshold_for(&predictions, target);
    let number = all.len();
    let all: Vec<Example> = all.into_iter().map(|(_, example)| example.clone()).collect();
    Fit {
        model: ChoiceModel::fit(start, &all, monotone),
        thresholds: Thresholds { answer, ..Thresholds::default() },
        source,
        examples: number,
        expected_wrong,
        expected_answered,
    }
}

fn predict(model: &ChoiceModel, example: &Example) -> Prediction {
    let utilities: Vec<f32> = example.candidates.iter().map(|features| model.utility(features)).collect();
    let shares = ChoiceModel::probabilities(&utilities);
    let best = (0..shares.len()).max_by(|a, b| shares[*a].total_cmp(&shares[*b]));
    Prediction {
        confidence: best.map_or(0.0, |at| shares[at]),
        right: best.is_some() && best == example.right,
        answerable: example.right.is_some(),
        weight: example.weight,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prediction(confidence: f32, right: bool) -> Prediction {
        Prediction { confidence, right, answerable: true, weight: 1.0 }
    }

    #[test]
    fn the_threshold_is_the_lowest_that_keeps_the_tolerance() {
        let mut predictions: Vec<Prediction> =
            (0..98).map(|i| prediction(0.99 - i as f32 * 0.003, true)).collect();
        predictions.push(prediction(0.75, false));
        predictions.push(prediction(0.55, false));
        let (threshold, wrong, answered) = threshold_for(&predictions, 0.02);
        assert!((0.6..0.75).contains(&threshold), "{threshold}");
        assert!(wrong <= 0.02 && answered > 0.95);
        let (strict, ..) = threshold_for(&predictions, 0.007);
        assert!(strict > 0.75, "one wrong answer in a hundred is too many for {strict}");
    }

    #[test]
    fn few_examples_never_earn_a_low_threshold() {
        let predictions: Vec<Prediction> = (0..10).map(|_| prediction(0.9, true)).collect();
        assert!((threshold_for(&predictions, 0.02).0 - 0.98).abs() < 1e-6);
        assert_eq!(threshold_for(&[], 0.02), (0.98, 0.0, 0.0));
    }
}
