//! From records to figures.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use super::measures::{area_under_roc, covered_at, percentile, risk_coverage};
use super::{Outline, Record};

/// Shares of wrong answers at which coverage is told.
const TOLERANCES: [f32; 3] = [0.01, 0.02, 0.05];

/// Bins of the reliability diagram, all equally wide: ten is what the literature on calibration uses.
const BINS: usize = 10;

/// Figures over labelled questions. Shares are 0 to 1; NaN (JSON: null) where their set is empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Questions that the knowledge base answers.
    pub inside: usize,
    /// Questions that it does not.
    pub outside: usize,
    /// Share of the inside ones with a right entry first.
    #[serde(deserialize_with = "or_nan")]
    pub top1: f64,
    /// … among the first three, which is what a clarifying question offers.
    #[serde(deserialize_with = "or_nan")]
    pub top3: f64,
    /// … among the first five.
    #[serde(deserialize_with = "or_nan")]
    pub top5: f64,
    /// Mean of 1 / place of the first right entry, 0 where it is not among the first five.
    #[serde(deserialize_with = "or_nan")]
    pub mrr: f64,
    /// Area under the ROC curve of the best candidate's confidence: inside against all outside.
    #[serde(deserialize_with = "or_nan")]
    pub auc: f64,
    /// Coverage at 1, 2 and 5 % wrong answers.
    pub coverage: Vec<Coverage>,
    /// Share of the inside ones answered at once.
    #[serde(deserialize_with = "or_nan")]
    pub answered: f64,
    /// Share of the inside ones answered at once and rightly.
    #[serde(deserialize_with = "or_nan")]
    pub answered_right: f64,
    /// Share of all answers given at once that are wrong, those to outside questions included.
    #[serde(deserialize_with = "or_nan")]
    pub wrong_of_answered: f64,
    /// Share of the answers given at once to inside questions that are wrong.
    #[serde(deserialize_with = "or_nan")]
    pub wrong_of_answered_inside: f64,
    /// Share of the inside ones that are helped at the first turn: the right answer, or a choice that holds it.
    #[serde(deserialize_with = "or_nan")]
    pub helped: f64,
    /// What policy decided on inside questions.
    pub decisions: Decisions,
    /// Share of the outside ones that are wrongly answered at once.
    #[serde(deserialize_with = "or_nan")]
    pub outside_answered: f64,
    /// Share of the outside ones that get a choice, none of which can be right.
    #[serde(deserialize_with = "or_nan")]
    pub outside_clarified: f64,
    /// Outside questions by kind.
    pub outside_kinds: BTreeMap<String, OutsideFigures>,
    /// Share of all that were taken for an act.
    #[serde(deserialize_with = "or_nan")]
    pub acts: f64,
    /// Expected calibration error of the best candidate's confidence over inside questions (Naeini et al. 2015).
    #[serde(deserialize_with = "or_nan")]
    pub ece: f64,
    /// The same over all questions. Depends on how many outside questions were asked.
    #[serde(deserialize_with = "or_nan")]
    pub ece_all: f64,
    /// The reliability diagram over inside questions, lowest confidence first, empty bins left out.
    pub reliability: Vec<Bin>,
    /// Milliseconds that understanding and deciding took: median, …
    #[serde(deserialize_with = "or_nan")]
    pub p50_ms: f64,
    /// … 95th percentile, …
    #[serde(deserialize_with = "or_nan")]
    pub p95_ms: f64,
    /// … and 99th percentile.
    #[serde(deserialize_with = "or_nan")]
    pub p99_ms: f64,
}

/// How much can be answered with so few wrong answers, whatever the threshold in use is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// Tolerated share of wrong ones among the answers.
    pub wrong: f32,
    /// The confidence from which on is answered to get there; above 1 where no threshold does.
    pub threshold: f32,
    /// Share of the inside questions answered, and rightly, where only inside questions are asked.
    #[serde(deserialize_with = "or_nan")]
    pub right: f64,
    /// The same where outside questions are asked too, in the numbers given, and answering one is wrong.
    #[serde(deserialize_with = "or_nan")]
    pub right_with_outside: f64,
}

/// Shares of decisions; they sum to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Decisions {
    /// Answered at once.
    #[serde(deserialize_with = "or_nan")]
    pub answered: f64,
    /// Asked back.
    #[serde(deserialize_with = "or_nan")]
    pub clarified: f64,
    /// Taken for an act.
    #[serde(deserialize_with = "or_nan")]
    pub acts: f64,
    /// Not understood, or handed over.
    #[serde(deserialize_with = "or_nan")]
    pub declined: f64,
}

/// Outside questions of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OutsideFigures {
    /// How many.
    pub questions: usize,
    /// Area under the ROC curve of the best candidate's confidence: inside against this kind.
    #[serde(deserialize_with = "or_nan")]
    pub auc: f64,
    /// The same for the summed confidence of all candidates.
    #[serde(deserialize_with = "or_nan")]
    pub auc_any: f64,
    /// What policy decided.
    pub decisions: Decisions,
}

/// One bin of the reliability diagram.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Confidences from here …
    pub from: f32,
    /// … to here.
    pub to: f32,
    /// How many questions.
    pub questions: usize,
    /// Their mean confidence.
    pub confidence: f64,
    /// Share of them whose best candidate is right.
    pub right: f64,
}

/// JSON has no NaN: null stands for it.
fn or_nan<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(from)?.unwrap_or(f64::NAN))
}

/// Figures over records.
pub fn summarise(records: &[Record]) -> Evaluation {
    let all: Vec<&Record> = records.iter().collect();
    summarise_some(&all)
}

/// Figures over some records.
pub(super) fn summarise_some(all: &[&Record]) -> Evaluation {
    let (inside, outside): (Vec<&Record>, Vec<&Record>) =
        all.iter().copied().partition(|record| record.inside());
    let within = |places: usize| share(&inside, |r| r.rank.is_some_and(|rank| rank <= places));
    let times: Vec<f64> = all.iter().map(|r| r.milliseconds).collect();
    let (reliability, ece) = reliability(&inside);
    Evaluation {
        inside: inside.len(),
        outside: outside.len(),
        top1: within(1),
        top3: within(3),
        top5: within(5),
        mrr: mean(inside.iter().map(|r| r.rank.map_or(0.0, |rank| 1.0 / rank as f64))),
        auc: auc(&inside, &outside, Record::confidence),
        coverage: TOLERANCES.iter().map(|wrong| coverage(&inside, &outside, *wrong)).collect(),
        answered: share(&inside, |r| r.decision == Outline::Answered),
        answered_right: share(&inside, |r| r.decision == Outline::Answered && r.helps),
        wrong_of_answered: wrong_of_answered(all),
        wrong_of_answered_inside: wrong_of_answered(&inside),
        helped: share(&inside, |r| r.helps),
        decisions: decisions(&inside),
        outside_answered: share(&outside, |r| r.decision == Outline::Answered),
        outside_clarified: share(&outside, |r| r.decision == Outline::Clarified),
        outside_kinds: kinds(&inside, &outside),
        acts: share(all, |r| r.decision == Outline::Act),
        ece,
        ece_all: self::reliability(all).1,
        reliability,
        p50_ms: percentile(&times, 0.5),
        p95_ms: percentile(&times, 0.95),
        p99_ms: percentile(&times, 0.99),
    }
}

fn share(set: &[&Record], holds: impl Fn(&Record) -> bool) -> f64 {
    set.iter().filter(|record| holds(record)).count() as f64 / set.len() as f64
}

fn wrong_of_answered(set: &[&Record]) -> f64 {
    let answered: Vec<&Record> = set.iter().filter(|r| r.decision == Outline::Answered).copied().collect();
    share(&answered, |record| !record.helps)
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}

fn auc(inside: &[&Record], outside: &[&Record], score: impl Fn(&Record) -> f32) -> f64 {
    let scores = |set: &[&Record]| -> Vec<f32> { set.iter().map(|record| score(record)).collect() };
    area_under_roc(&scores(inside), &scores(outside))
}

fn decisions(set: &[&Record]) -> Decisions {
    let decided = |outline| share(set, |record| record.decision == outline);
    Decisions {
        answered: decided(Outline::Answered),
        clarified: decided(Outline::Clarified),
        acts: decided(Outline::Act),
        declined: decided(Outline::Declined),
    }
}

fn kinds(inside: &[&Record], outside: &[&Record]) -> BTreeMap<String, OutsideFigures> {
    let mut by_kind: BTreeMap<String, Vec<&Record>> = BTreeMap::new();
    for record in outside {
        by_kind.entry(record.kind.clone()).or_default().push(record);
    }
    let figures = |records: Vec<&Record>| OutsideFigures {
        questions: records.len(),
        auc: auc(inside, &records, Record::confidence),
        auc_any: auc(inside, &records, Record::any),
        decisions: decisions(&records),
    };
    by_kind.into_iter().map(|(kind, records)| (kind, figures(records))).collect()
}

fn coverage(inside: &[&Record], outside: &[&Record], wrong: f32) -> Coverage {
    let predictions = |set: &[&Record]| -> Vec<(f32, bool)> {
        let asked = set.iter().filter(|record| !record.candidates.is_empty());
        asked.map(|record| (record.confidence(), record.first_is_right())).collect()
    };
    let own = predictions(inside);
    let with_outside = [own.clone(), predictions(outside)].concat();
    let reach = |predictions: &[(f32, bool)]| {
        let point = covered_at(&risk_coverage(predictions), wrong);
        (point.map_or(1.1, |p| p.threshold), point.map_or(0.0, |p| p.right as f64) / inside.len() as f64)
    };
    let (threshold, right) = reach(&own);
    Coverage { wrong, threshold, right, right_with_outside: reach(&with_outside).1 }
}

/// The reliability diagram, and the expected calibration error that it sums up to.
fn reliability(set: &[&Record]) -> (Vec<Bin>, f64) {
    let mut bins: Vec<Vec<&Record>> = vec![Vec::new(); BINS];
    for record in set {
        bins[((record.confidence() * BINS as f32) as usize).min(BINS - 1)].push(record);
    }
    let bins: Vec<Bin> = bins
        .into_iter()
        .enumerate()
        .filter(|(_, records)| !records.is_empty())
        .map(|(number, records)| Bin {
            from: number as f32 / BINS as f32,
            to: (number + 1) as f32 / BINS as f32,
            questions: records.len(),
            confidence: mean(records.iter().map(|r| f64::from(r.confidence()))),
            right: share(&records, Record::first_is_right),
        })
        .collect();
    let errors = bins.iter().map(|bin| (bin.confidence - bin.right).abs() * bin.questions as f64);
    let ece = errors.sum::<f64>() / set.len() as f64;
    (bins, ece)
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
