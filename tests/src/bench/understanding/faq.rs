//! Real user queries, half of them known and half of them asked, against plain methods on the same halves.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use intents::Settings;
use intents::evaluate::compare::{Difference, paired_bootstrap};
use intents::evaluate::{Layout, Record, Report, Row, Subject, read_table, shuffled, split_records};

use super::baselines::{self, Predictions};
use crate::bench::Report as Figures;
use crate::material;

const SEEDS: std::ops::RangeInclusive<u64> = 1..=5;

/// What must be reached on `faq_gov`.
const TOP_1: f64 = 0.63;
const TOP_5: f64 = 0.87;
const AUC: f64 = 0.94;

/// Tables of one set.
struct Tables {
    entries: Vec<Row>,
    queries: Vec<Row>,
    outside: Vec<Row>,
}

fn tables(folder: &Path, outside: &[(&str, &str)]) -> Result<Tables> {
    let read = |name: &str, layout: Layout| -> Result<Vec<Row>> {
        let bytes = std::fs::read(folder.join(name)).with_context(|| name.to_owned())?;
        Ok(read_table(name, &bytes, layout).rows)
    };
    let mut rows = Vec::new();
    for (file, kind) in outside {
        for mut row in read(file, Layout::Outside)? {
            (*kind).clone_into(&mut row.kind);
            rows.push(row);
        }
    }
    Ok(Tables {
        entries: read("faq_entries.tsv", Layout::Entries)?,
        queries: read("queries_dev.tsv", Layout::Queries)?,
        outside: rows,
    })
}

/// Ours and the baselines' results on the same halves.
struct Halves {
    ours: Report,
    /// By seed: what was asked, in order, and what each method made of it.
    theirs: Vec<(Vec<Row>, BTreeMap<String, Predictions>)>,
}

fn halves(name: &str, tables: &Tables) -> Result<Halves> {
    let settings = Settings::default();
    let (mut records, mut asked, mut files) = (Vec::new(), Vec::new(), Vec::new());
    let mut subject = Subject::default();
    for seed in SEEDS {
        let rows = shuffled(&tables.queries, seed);
        let (variants, tests) = rows.split_at(rows.len() / 2);
        let file = baselines::exchange()?.join(format!("{name}-{seed}.json"));
        baselines::write_split(&file, &tables.entries, variants, tests, &tables.outside)?;
        files.push(file);
        asked.push(tests.to_vec());
        let (base, found) =
            split_records(&tables.entries, &tables.queries, &tables.outside, seed, &settings)?;
        subject = Subject::of(&base.publication);
        records.extend(found);
    }
    let protocol = "a random half of the queries as ways of asking, the other half asked".to_owned();
    let ours = Report::new(subject, protocol, records, &std::collections::HashMap::new());
    let path = baselines::exchange()?.join(format!("{name}.json"));
    std::fs::write(path, serde_json::to_string_pretty(&ours)?)?;
    let theirs = match baselines::python() {
        Some(python) => asked.into_iter().zip(baselines::predict(&python, &files)?).collect(),
        None => Vec::new(),
    };
    Ok(Halves { ours, theirs })
}

/// A method's shares of right entries first and among the first five.
fn places(method: &str, theirs: &[(Vec<Row>, BTreeMap<String, Predictions>)]) -> (f64, f64) {
    let (mut asked, mut first, mut five) = (0_usize, 0_usize, 0_usize);
    for (tests, methods) in theirs {
        for (test, found) in tests.iter().zip(&methods[method].tests) {
            let place = found.ranked.iter().position(|id| test.entries.contains(id));
            asked += 1;
            first += usize::from(place == Some(0));
            five += usize::from(place.is_some());
        }
    }
    (first as f64 / asked as f64, five as f64 / asked as f64)
}

/// Ours less a method's top-1, question by question.
fn beaten(halves: &Halves, method: &str) -> Option<Difference> {
    let ours: std::collections::HashMap<(u64, &str), &Record> =
        halves.ours.queries.iter().filter(|r| r.inside()).map(|r| ((r.seed, r.query.as_str()), r)).collect();
    let mut values = Vec::new();
    for (seed, (tests, methods)) in SEEDS.zip(&halves.theirs) {
        for (test, found) in tests.iter().zip(&methods[method].tests) {
            let theirs = found.ranked.first().is_some_and(|id| test.entries.contains(id));
            let own = ours.get(&(seed, test.text.as_str())).is_some_and(|record| record.first_is_right());
            values.push((test.text.as_str(), f64::from(u8::from(theirs)), f64::from(u8::from(own))));
        }
    }
    paired_bootstrap(&values)
}

fn tell_baselines(report: &mut Figures, name: &str, halves: &Halves, must_win: bool) {
    let Some((_, methods)) = halves.theirs.first() else { return };
    let mut best: Option<(f64, &str)> = None;
    for method in methods.keys() {
        let (first, five) = places(method, &halves.theirs);
        report.tell(&format!("{name}, {method}: top-1"), first, "share");
        report.tell(&format!("{name}, {method}: top-5"), five, "share");
        for kind in halves.ours.figures.outside_kinds.keys() {
            let seeds = halves.theirs.iter().map(|(_, methods)| methods[method].auc(kind));
            let mean = seeds.sum::<f64>() / halves.theirs.len() as f64;
            report.tell(&format!("{name}, {method}: area under ROC, {kind}"), mean, "share");
        }
        if best.is_none_or(|(most, _)| first > most) {
            best = Some((first, method));
        }
    }
    let Some((_, method)) = best else { return };
    let Some(lead) = beaten(halves, method) else { return };
    report.tell(&format!("{name}, ours less the best baseline ({method}): top-1"), lead.difference, "share");
    let low = format!("{name}, the same: lower end of the 95 % interval of a paired bootstrap");
    if must_win { report.above(&low, lead.low, 0.0, "share") } else { report.tell(&low, lead.low, "share") }
}

/// `faq_gov`: 314 entries of a government service, 437 real queries with noisy labels; targets.
///
/// # Errors
/// Where tables or baselines fail; absent data are no error.
pub fn government(report: &mut Figures) -> Result<()> {
    let Some(folder) = material::data("faq_gov") else { return Ok(()) };
    let kinds = [("oos_chat_dev.tsv", "chit-chat"), ("oos_open_dev.tsv", "open domain")];
    let halves = halves("faq_gov", &tables(&folder, &kinds)?)?;
    let figures = &halves.ours.figures;
    report.at_least("faq_gov, mean of five halves: top-1", figures.top1, TOP_1, "share");
    report.at_least("faq_gov, mean of five halves: top-5", figures.top5, TOP_5, "share");
    for (kind, outside) in &figures.outside_kinds {
        report.at_least(
            &format!("faq_gov, mean of five halves: area under ROC, {kind}"),
            outside.auc,
            AUC,
            "share",
        );
    }
    tell_more(report, "faq_gov", &halves);
    tell_baselines(report, "faq_gov", &halves, true);
    Ok(())
}

/// `faq_bank`: 622 fine-grained entries of a bank; tuning material, so only reported.
///
/// # Errors
/// Where tables or baselines fail; absent data are no error.
pub fn bank(report: &mut Figures) -> Result<()> {
    let Some(folder) = material::data("faq_bank") else { return Ok(()) };
    let halves = halves("faq_bank", &tables(&folder, &[("near_domain_oos_dev.tsv", "near domain")])?)?;
    let figures = &halves.ours.figures;
    report.tell("faq_bank, mean of five halves: top-1", figures.top1, "share");
    report.tell("faq_bank, mean of five halves: top-5", figures.top5, "share");
    for (kind, outside) in &figures.outside_kinds {
        report.tell(&format!("faq_bank, mean of five halves: area under ROC, {kind}"), outside.auc, "share");
    }
    tell_more(report, "faq_bank", &halves);
    tell_baselines(report, "faq_bank", &halves, false);
    Ok(())
}

fn tell_more(report: &mut Figures, name: &str, halves: &Halves) {
    let figures = &halves.ours.figures;
    report.tell(&format!("{name}: mean reciprocal rank"), figures.mrr, "share");
    for coverage in &figures.coverage {
        let figure = format!("{name}: answered right at {:.0} % wrong", coverage.wrong * 100.0);
        report.tell(&figure, coverage.right, "share");
    }
    report.tell(&format!("{name}: answered at once by the real policy"), figures.answered, "share");
    report.tell(&format!("{name}: wrong among those answers"), figures.wrong_of_answered_inside, "share");
    report.tell(&format!("{name}: outside questions answered"), figures.outside_answered, "share");
    report.tell(&format!("{name}: expected calibration error"), figures.ece, "share");
    for bucket in &halves.ours.by_overlap {
        let what = format!("{name}: top-1 at word overlap {:.1} to {:.1}", bucket.from, bucket.to);
        report.tell(&format!("{what} ({} questions)", bucket.figures.inside), bucket.figures.top1, "share");
    }
}
