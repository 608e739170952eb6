//! The sample knowledge base and questions that its writers never saw.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use intents::evaluate::compare::Comparison;
use intents::evaluate::page::page;
use intents::evaluate::{
    Evaluation, Labelled, Layout, Record, Report, Row, Subject, nearest_overlap, outcomes, read_table,
};
use intents::{PerLanguage, Settings, Understander, Utterance};
use kb::{Collection, EntryId, Publication};
use language::Language;

use super::{baselines, measured, noise as errors};
use crate::bench::Report as Figures;
use crate::bench::sound::name_of;
use crate::material::workspace;

/// Share of held-out questions that must be answered right at once.
const ANSWERED: f64 = 0.95;

/// Share that may be wrong: of answers, and of outside questions that may be answered.
const WRONG: f64 = 0.02;

/// Share of syllables that a recogniser gets wrong in the test.
const NOISE: f64 = 0.2;

/// How much recognition errors may cost.
const LOST: f64 = 0.05;

/// The sample knowledge base, understood.
pub(super) fn understood() -> Result<Understander> {
    understood_with(Settings::default())
}

fn understood_with(settings: Settings) -> Result<Understander> {
    let collection = Collection::load(&workspace().join("examples/knowledge/sample"))?;
    Ok(Understander::new(Arc::new(Publication::new(&collection)?), settings)?)
}

/// Rows of a table in `tests/data`; `None`, with a printed message, where it is not there.
pub(super) fn table(name: &str, layout: Layout) -> Result<Option<Vec<Row>>> {
    let path = workspace().join("tests/data").join(name);
    if !path.exists() {
        println!("skipped: no {}", path.display());
        return Ok(None);
    }
    let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
    let table = read_table(name, &bytes, layout);
    for problem in &table.problems {
        println!("left out: {problem}");
    }
    Ok(Some(table.rows))
}

/// Held-out questions whose entry there is, and outside ones.
fn questions(understander: &Understander) -> Result<Option<(Vec<Labelled>, Vec<Labelled>)>> {
    let Some(held_out) = table("held_out_questions.tsv", Layout::Queries)? else { return Ok(None) };
    let Some(outside) = table("outside_questions.tsv", Layout::Outside)? else { return Ok(None) };
    let publication = understander.publication();
    let (known, unknown): (Vec<Row>, Vec<Row>) = held_out
        .into_iter()
        .partition(|row| row.entries.iter().all(|id| publication.entry(&EntryId(id.clone())).is_some()));
    let mut missing: Vec<&String> = unknown.iter().flat_map(|row| &row.entries).collect();
    missing.dedup();
    for id in missing {
        println!("left out: questions to {id}, which is no entry");
    }
    let asked = known.iter().flat_map(|row| row.entries.iter().cloned());
    let asked: std::collections::HashSet<EntryId> = asked.map(EntryId).collect();
    let entries = publication.entries();
    let unasked = entries.iter().filter(|entry| !asked.contains(&entry.id)).count();
    println!(
        "{} held-out questions to {} of {} entries",
        known.len(),
        entries.len() - unasked,
        entries.len()
    );
    let labelled = |rows: Vec<Row>| rows.into_iter().map(Row::labelled).collect();
    Ok(Some((labelled(known), labelled(outside))))
}

fn ask(understander: &Understander, set: &[Labelled]) -> Result<Vec<Record>> {
    let mut records = outcomes(understander, set)?;
    for (record, overlap) in records.iter_mut().zip(nearest_overlap(understander.publication(), set)) {
        record.overlap = Some(overlap);
    }
    Ok(records)
}

fn summed(understander: &Understander, records: Vec<Record>, protocol: &str) -> Report {
    let publication = understander.publication();
    let question = |entry: &kb::Entry| Some((entry.id.0.clone(), entry.questions().next()?.2.to_owned()));
    let questions: HashMap<String, String> = publication.entries().iter().filter_map(question).collect();
    Report::new(Subject::of(publication), protocol.to_owned(), records, &questions)
}

fn store(report: &Report, name: &str) -> Result<()> {
    let path = baselines::exchange()?.join(name);
    std::fs::write(path.with_extension("json"), serde_json::to_string_pretty(report)?)?;
    Ok(std::fs::write(path.with_extension("html"), page(report))?)
}

/// Held-out and outside questions, typed.
///
/// # Errors
/// Where the knowledge base cannot be published; absent tables are no error.
pub fn sample(report: &mut Figures) -> Result<()> {
    let understander = understood()?;
    let entries = understander.publication().entries().len();
    report.at_least("sample knowledge base: entries", entries as f64, 150.0, "entries");
    let Some((inside, outside)) = questions(&understander)? else { return Ok(()) };
    let records = ask(&understander, &[inside, outside].concat())?;
    let result = summed(&understander, records, "held-out and outside questions, typed");
    store(&result, "sample")?;
    for language in Language::ALL {
        let Some(figures) = result.by_language.get(language.code()) else { continue };
        tell(report, &format!("sample, {}", name_of(language)), figures);
    }
    if let Some(gap) = result.language_gap {
        report.tell("sample: top-1 in Chinese less top-1 in Tibetan", gap, "share");
    }
    for bucket in &result.by_overlap {
        let figures = &bucket.figures;
        if figures.inside > 0 {
            let what = format!("sample, word overlap {:.1} to {:.1}", bucket.from, bucket.to);
            report.tell(&format!("{what}: questions"), figures.inside as f64, "questions");
            report.tell(&format!("{what}: top-1"), figures.top1, "share");
            report.tell(&format!("{what}: answered right at once"), figures.answered_right, "share");
        }
    }
    println!("    every question: target/bench/understanding/sample.html");
    Ok(())
}

fn tell(report: &mut Figures, what: &str, figures: &Evaluation) {
    report.tell(&format!("{what}: held-out questions"), figures.inside as f64, "questions");
    report.at_least(&format!("{what}: answered right at once"), figures.answered_right, ANSWERED, "share");
    report.at_most(
        &format!("{what}: wrong among the answers to them"),
        figures.wrong_of_answered_inside,
        WRONG,
        "share",
    );
    report.tell(&format!("{what}: asked back"), figures.decisions.clarified, "share");
    report.tell(&format!("{what}: taken for small talk and the like"), figures.decisions.acts, "share");
    report.tell(&format!("{what}: declined"), figures.decisions.declined, "share");
    report.tell(&format!("{what}: helped at the first turn"), figures.helped, "share");
    report.tell(&format!("{what}: top-1"), figures.top1, "share");
    report.tell(&format!("{what}: top-3"), figures.top3, "share");
    report.tell(&format!("{what}: top-5"), figures.top5, "share");
    for coverage in &figures.coverage {
        let figure = format!("{what}: could be answered right at {:.0} % wrong", coverage.wrong * 100.0);
        report.tell(&figure, coverage.right, "share");
    }
    report.tell(&format!("{what}: expected calibration error"), figures.ece, "share");
    for (kind, outside) in &figures.outside_kinds {
        let what = format!("{what}, outside ({kind}, {} questions)", outside.questions);
        report.at_most(&format!("{what}: answered"), outside.decisions.answered, WRONG, "share");
        report.tell(&format!("{what}: asked back"), outside.decisions.clarified, "share");
        report.tell(&format!("{what}: area under ROC"), outside.auc, "share");
    }
}

/// Held-out questions after recognition errors: how much is lost.
///
/// # Errors
/// Where the knowledge base cannot be published or a model cannot be run; absent tables are no error.
pub fn noise(report: &mut Figures) -> Result<()> {
    // How well questions are understood is asked here, not whether the operator has them confirmed.
    let confirm_voice = PerLanguage { bo: false, zh: false };
    let understander = understood_with(Settings { confirm_voice, ..Settings::default() })?;
    let Some((inside, _)) = questions(&understander)? else { return Ok(()) };
    let texts: Vec<String> = inside.iter().map(|labelled| labelled.utterance.text.clone()).collect();
    let clean = summed(&understander, ask(&understander, &inside)?, "typed");
    let spoilt = [
        ("classes of bophono and pypinyin", errors::by_classes("sample", &texts, NOISE, "classes")?),
        ("confusions of the shipped recogniser", measured::by_recogniser(&inside, NOISE)?),
    ];
    for (what, spoilt) in spoilt {
        let Some(spoilt) = spoilt else { continue };
        let mut set = inside.clone();
        for (labelled, text) in set.iter_mut().zip(&spoilt.texts) {
            // What a recogniser writes; policy and thresholds are those of dictation.
            labelled.utterance = Utterance::dictated(text.as_str(), labelled.utterance.language);
        }
        let mut records = ask(&understander, &set)?;
        for (record, text) in records.iter_mut().zip(&texts) {
            // Under its first name, so that runs can be compared.
            record.query.clone_from(text);
        }
        let noisy = summed(&understander, records, what);
        store(&noisy, &format!("noise-{}", what.split(' ').next().unwrap_or_default()))?;
        report.tell(&format!("noise, {what}: syllables replaced"), spoilt.share(), "share");
        for language in Language::ALL {
            let figures =
                |report: &Report| report.by_language.get(language.code()).cloned().unwrap_or_default();
            let (before, after) = (figures(&clean), figures(&noisy));
            let what = format!("noise, {what}, {}", name_of(language));
            let lost = before.answered_right - after.answered_right;
            report.at_most(&format!("{what}: answered right at once, lost"), lost, LOST, "share");
            report.at_most(&format!("{what}: top-1, lost"), before.top1 - after.top1, LOST, "share");
            report.tell(&format!("{what}: top-1"), after.top1, "share");
            let wrong = after.wrong_of_answered_inside;
            report.tell(&format!("{what}: wrong among the answers"), wrong, "share");
        }
        let worse = Comparison::of(&clean, &noisy).worse.len();
        println!("    {worse} of {} questions fare worse", noisy.queries.len());
    }
    Ok(())
}

/// Emergencies and what only looks like one: the even lines, which nobody tuned on, and lines that nobody has seen.
///
/// # Errors
/// Where the knowledge base cannot be published; an absent table is no error.
pub fn emergencies(report: &mut Figures) -> Result<()> {
    type Tell = fn(&mut Figures, &Understander, &Path) -> Result<()>;
    let understander = understood()?;
    let tables: [(&str, Tell); 2] = [
        ("emergencies.tsv", super::emergencies::tell),
        ("emergencies_unseen.tsv", super::emergencies::tell_unseen),
    ];
    for (name, tell) in tables {
        let path = workspace().join("tests/data").join(name);
        if path.exists() {
            tell(report, &understander, &path)?;
        } else {
            println!("skipped: no {}", path.display());
        }
    }
    Ok(())
}
