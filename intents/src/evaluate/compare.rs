//! Two runs side by side: what changed, whether by chance, and whether that is still good enough.

use std::collections::HashMap;
use std::fmt;

use serde::Serialize;

use super::figures::Evaluation;
use super::measures::{Draw, percentile};
use super::{Record, Report};

/// Resamplings of a bootstrap: enough for two digits of a 95 % interval.
const RESAMPLINGS: usize = 2_000;

/// Seed of the resampling: a comparison gives the same numbers every time.
const BOOTSTRAP_SEED: u64 = 1;

/// Where fewer wrong answers than this are tolerated, a single one decides about coverage: the gate leaves that to chance.
const FEWEST_WRONG: f64 = 5.0;

/// A difference with its uncertainty.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Mean of the new values less mean of the old ones.
    pub difference: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Share of resamplings in which the new values are not better: the one-sided p value of "new is better".
    pub not_better: f64,
    /// How many distinct questions were resampled.
    pub questions: usize,
}

/// The paired bootstrap (Efron & Tibshirani 1993; for comparing systems Koehn 2004): questions are drawn with
/// replacement, each with both its values, and the difference of the means is taken anew. Values with the same key are
/// the same question asked in several splits and are drawn together, since they are not independent.
///
/// `values` are (key, old, new); `None` for an empty list.
pub fn paired_bootstrap(values: &[(&str, f64, f64)]) -> Option<Difference> {
    let mut groups: HashMap<&str, (f64, f64)> = HashMap::new();
    let mut order: Vec<&str> = Vec::new();
    for (key, old, new) in values {
        let group = groups.entry(key).or_insert_with(|| {
            order.push(key);
            (0.0, 0.0)
        });
        group.0 += new - old;
        group.1 += 1.0;
    }
    let groups: Vec<(f64, f64)> = order.iter().map(|key| groups[key]).collect();
    if groups.is_empty() {
        return None;
    }
    let mean = |sum: (f64, f64)| sum.0 / sum.1;
    let add = |a: (f64, f64), b: &(f64, f64)| (a.0 + b.0, a.1 + b.1);
    let mut draw = Draw::new(BOOTSTRAP_SEED);
    let drawn: Vec<f64> = (0..RESAMPLINGS)
        .map(|_| {
            let sample = (0..groups.len()).map(|_| &groups[draw.below(groups.len())]);
            mean(sample.fold((0.0, 0.0), add))
        })
        .collect();
    Some(Difference {
        difference: mean(groups.iter().fold((0.0, 0.0), add)),
        low: percentile(&drawn, 0.025),
        high: percentile(&drawn, 0.975),
        not_better: drawn.iter().filter(|d| **d <= 0.0).count() as f64 / RESAMPLINGS as f64,
        questions: groups.len(),
    })
}

/// One figure of two runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// Which figure.
    pub figure: String,
    /// In the old run.
    pub old: f64,
    /// In the new run.
    pub new: f64,
    /// Over the questions that both runs asked, where both hold their questions.
    pub paired: Option<Difference>,
}

/// A question that fared differently.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Moved {
    /// The question.
    pub query: String,
    /// Ids of the right entries.
    pub expected: Vec<String>,
    /// What the old run made of it.
    pub old: String,
    /// What the new run makes of it.
    pub new: String,
}

/// Two runs compared.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Figure by figure.
    pub changes: Vec<Change>,
    /// Questions asked in both runs.
    pub shared: usize,
    /// Questions with a better outcome than before.
    pub better: Vec<Moved>,
    /// Questions with a worse outcome than before.
    pub worse: Vec<Moved>,
}

type Key<'a> = (u64, &'a str, &'a str, &'a str);

fn key(record: &Record) -> Key<'_> {
    (record.seed, record.language.code(), &record.kind, &record.query)
}

/// How good an outcome is, the best highest: answered rightly, helped by a choice, nothing, a wrong answer.
fn worth(record: &Record) -> u8 {
    use super::Outline::Answered;
    match (record.decision, record.helps) {
        (Answered, false) => 0,
        (_, false) => 1,
        (Answered, true) => 3,
        // No answer is the best that a question outside can get.
        (_, true) => 2 + u8::from(!record.inside()),
    }
}

fn told(record: &Record) -> String {
    let place = match record.rank {
        Some(rank) => format!("right entry at place {rank}"),
        None if record.inside() => "right entry not found".to_owned(),
        None => "no right entry".to_owned(),
    };
    let best = record
        .candidates
        .first()
        .map_or_else(String::new, |best| format!(", best {} ({:.2})", best.entry, best.confidence));
    format!("{:?}, {place}{best}", record.decision).to_lowercase()
}

/// A figure and how a question counts for it.
type Counted = (&'static str, fn(&Evaluation) -> f64, fn(&Record) -> Option<f64>);

fn inside(record: &Record, holds: bool) -> Option<f64> {
    record.inside().then_some(f64::from(u8::from(holds)))
}

const COUNTED: [Counted; 6] = [
    ("top-1", |f| f.top1, |r| inside(r, r.rank == Some(1))),
    ("top-3", |f| f.top3, |r| inside(r, r.rank.is_some_and(|rank| rank <= 3))),
    ("top-5", |f| f.top5, |r| inside(r, r.rank.is_some())),
    ("MRR", |f| f.mrr, |r| r.inside().then(|| r.rank.map_or(0.0, |rank| 1.0 / rank as f64))),
    (
        "answered right",
        |f| f.answered_right,
        |r| inside(r, r.helps && r.decision == super::Outline::Answered),
    ),
    ("helped at the first turn", |f| f.helped, |r| inside(r, r.helps)),
];

impl Comparison {
    /// Compares two runs. Questions are the same where their text, language, kind and split are.
    pub fn of(old: &Report, new: &Report) -> Self {
        let before: HashMap<Key<'_>, &Record> = old.queries.iter().map(|r| (key(r), r)).collect();
        let pairs: Vec<(&Record, &Record)> =
            new.queries.iter().filter_map(|r| Some((*before.get(&key(r))?, r))).collect();
        let mut changes: Vec<Change> = COUNTED
            .iter()
            .map(|(figure, of, counts)| {
                let values: Vec<(&str, f64, f64)> = pairs
                    .iter()
                    .filter_map(|(a, b)| Some((b.query.as_str(), counts(a)?, counts(b)?)))
                    .collect();
                let paired = paired_bootstrap(&values);
                Change { figure: (*figure).to_owned(), old: of(&old.figures), new: of(&new.figures), paired }
            })
            .collect();
        changes.extend(unpaired(old, new));
        let moved = |keep: fn(u8, u8) -> bool| -> Vec<Moved> {
            let some = pairs.iter().filter(|(a, b)| keep(worth(a), worth(b)));
            some.map(|(a, b)| Moved {
                query: b.query.clone(),
                expected: b.expected.clone(),
                old: told(a),
                new: told(b),
            })
            .collect()
        };
        Self { changes, shared: pairs.len(), better: moved(|a, b| b > a), worse: moved(|a, b| b < a) }
    }
}

/// Figures that are no means over questions.
fn unpaired(old: &Report, new: &Report) -> Vec<Change> {
    let change = |figure: String, of: &dyn Fn(&Report) -> f64| Change {
        figure,
        old: of(old),
        new: of(new),
        paired: None,
    };
    let coverage = |report: &Report, at: usize| report.figures.coverage.get(at).map_or(f64::NAN, |c| c.right);
    let mut changes: Vec<Change> = new
        .figures
        .coverage
        .iter()
        .enumerate()
        .map(|(at, c)| change(format!("coverage at {:.0} % wrong", c.wrong * 100.0), &|r| coverage(r, at)))
        .collect();
    for kind in new.figures.outside_kinds.keys() {
        let of = |report: &Report| report.figures.outside_kinds.get(kind).map_or(f64::NAN, |f| f.auc);
        changes.push(change(format!("area under ROC, {kind}"), &of));
    }
    changes.push(change("wrong among answers".to_owned(), &|r| r.figures.wrong_of_answered));
    changes.push(change("outside answered".to_owned(), &|r| r.figures.outside_answered));
    changes.push(change("expected calibration error".to_owned(), &|r| r.figures.ece));
    changes.push(change("p99 in ms".to_owned(), &|r| r.figures.p99_ms));
    changes
}

/// Why the new run must not pass, if it must not: top-1, or coverage at any tolerance, over all or in one language, is
/// more than so many points below the old run, or the share of wrong answers or of answered outside questions as much
/// above it. Coverage counts where at least five wrong answers are tolerated; with fewer it is chance. A figure that the old run had and the new one has not is a reason too.
pub fn gate(old: &Report, new: &Report, points: f64) -> Vec<String> {
    let mut reasons = Vec::new();
    judge("all questions", &old.figures, Some(&new.figures), points, &mut reasons);
    for (language, figures) in &old.by_language {
        judge(language, figures, new.by_language.get(language), points, &mut reasons);
    }
    reasons
}

fn judge(what: &str, old: &Evaluation, new: Option<&Evaluation>, points: f64, reasons: &mut Vec<String>) {
    let Some(new) = new else {
        reasons.push(format!("{what}: were measured before and are not any more"));
        return;
    };
    let mut fell = |figure: &str, old: f64, new: f64, better_high: bool| {
        let loss = if better_high { old - new } else { new - old };
        // A share of wrong answers among none at all is no number, and has not risen. A millionth of a point is rounding in JSON.
        let gone = new.is_nan() && better_high;
        if old.is_finite() && (gone || loss * 100.0 > points + 1e-6) {
            let verb = if better_high { "fell" } else { "rose" };
            reasons.push(format!(
                "{what}: {figure} {verb} from {old:.3} to {new:.3}, which is more than {points} points"
            ));
        }
    };
    fell("top-1", old.top1, new.top1, true);
    let judged = |wrong: f32| f64::from(wrong) * old.inside as f64 >= FEWEST_WRONG;
    for coverage in old.coverage.iter().filter(|coverage| judged(coverage.wrong)) {
        let now = new.coverage.iter().find(|c| (c.wrong - coverage.wrong).abs() < 1e-6);
        let figure = format!("coverage at {:.0} % wrong answers", coverage.wrong * 100.0);
        fell(&figure, coverage.right, now.map_or(f64::NAN, |c| c.right), true);
    }
    fell("the share of wrong answers", old.wrong_of_answered, new.wrong_of_answered, false);
    fell("the share of outside questions answered", old.outside_answered, new.outside_answered, false);
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} questions in both runs", self.shared)?;
        for Change { figure, old, new, paired } in &self.changes {
            write!(f, "{figure:<34} {old:>8.3} → {new:>8.3}  {:>+8.3}", new - old)?;
            match paired {
                Some(d) => writeln!(
                    f,
                    "  95 % of resamplings {:+.3} to {:+.3}, not better in {:.1} %",
                    d.low,
                    d.high,
                    d.not_better * 100.0
                )?,
                None => writeln!(f)?,
            }
        }
        for (name, list) in [("worse", &self.worse), ("better", &self.better)] {
            writeln!(f, "{} {name}", list.len())?;
            for moved in list {
                writeln!(
                    f,
                    "  {} [{}]: {} → {}",
                    moved.query,
                    moved.expected.join(", "),
                    moved.old,
                    moved.new
                )?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clear_difference_is_told_from_chance_and_chance_from_a_difference() {
        let names: Vec<String> = (0..200).map(|n| n.to_string()).collect();
        let clear: Vec<(&str, f64, f64)> = names
            .iter()
            .enumerate()
            .map(|(n, k)| (k.as_str(), f64::from(u8::from(n % 2 == 0)), f64::from(u8::from(n % 10 != 1))))
            .collect();
        let found = paired_bootstrap(&clear).expect("questions");
        assert!(
            (found.difference - 0.4).abs() < 1e-9 && found.low > 0.25 && found.not_better == 0.0,
            "{found:?}"
        );
        let chance: Vec<(&str, f64, f64)> = names
            .iter()
            .enumerate()
            .map(|(n, k)| (k.as_str(), f64::from(u8::from(n % 40 == 0)), f64::from(u8::from(n % 40 == 1))))
            .collect();
        let found = paired_bootstrap(&chance).expect("questions");
        assert!(found.low < 0.0 && found.high > 0.0 && found.not_better > 0.3, "{found:?}");
        assert_eq!(paired_bootstrap(&[]), None);
    }

    #[test]
    fn the_same_question_in_several_splits_is_drawn_as_one() {
        let once: Vec<(&str, f64, f64)> = vec![("a", 0.0, 1.0), ("b", 1.0, 0.0), ("c", 0.0, 1.0)];
        let five: Vec<(&str, f64, f64)> = std::iter::repeat_n(once.clone(), 5).flatten().collect();
        let (x, y) = (paired_bootstrap(&once).expect("some"), paired_bootstrap(&five).expect("some"));
        assert_eq!(x.questions, y.questions);
        assert!(
            (x.low - y.low).abs() < 1e-9,
            "more splits of three questions say no more than three questions"
        );
    }
}
