//! `assistant eval`: how well a knowledge base is understood, on labelled questions.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;
use clap::Args;
use intents::{
    Settings, Understander,
    evaluate::{
        Evaluation, Labelled, Layout, Record, Report, Row, RowProblem, Subject, Table, held_out_records,
        nearest_overlap, outcomes, publish_plain, read_table, split_records,
    },
};
use kb::{Collection, EntryId, Publication};

use super::{Failure, Outcome};
use crate::{config::Configuration, knowledge};

/// Problems printed one by one before the rest is only counted.
const PROBLEMS_SHOWN: usize = 10;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// A knowledge file or folder; the one that is served where neither this nor --entries is given.
    #[arg(conflicts_with = "entries")]
    knowledge: Option<PathBuf>,
    /// Labelled questions, tab-separated: `query faq_id`, or `language entry question` (`none`: nothing answers it).
    /// Without it, a knowledge base is asked its own questions, held out in turn.
    #[arg(long, value_name = "FILE")]
    queries: Option<PathBuf>,
    /// Entries as a plain table, tab-separated: `faq_id standard_question`.
    #[arg(long, value_name = "FILE", requires = "queries")]
    entries: Option<PathBuf>,
    /// Further ways of asking the entries of --entries: `query faq_id`.
    #[arg(long, value_name = "FILE", requires = "entries")]
    variants: Option<PathBuf>,
    /// Questions that nothing answers: `query`, or `language kind question`. May be given several times; the file's
    /// name is their kind where the table says none.
    #[arg(long, value_name = "FILE")]
    out_of_scope: Vec<PathBuf>,
    /// Use a random half of --queries, drawn with this seed, as further ways of asking and ask the other half.
    #[arg(long, value_name = "SEED", requires = "entries", conflicts_with = "variants")]
    split: Option<u64>,
    /// Repeat --split with so many seeds, counting up, and average.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,
    /// Write everything as JSON; `-` writes it to standard output and the table to standard error.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Leave the single questions out of the JSON: enough for a gate.
    #[arg(long, requires = "json")]
    figures_only: bool,
}

pub(super) fn run(configuration: &Configuration, options: &Options) -> Outcome {
    let settings =
        Settings { wrong_share: configuration.understanding.tolerable_wrong, ..Settings::default() };
    let report = match &options.entries {
        Some(entries) => plain(options, entries, &settings)?,
        None => published(configuration, options, &settings)?,
    };
    let to_stdout = options.json.as_deref() == Some(Path::new("-"));
    let table = table(&report);
    if to_stdout { eprint!("{table}") } else { print!("{table}") }
    let stored = if options.figures_only { report.clone().without_queries() } else { report.clone() };
    if let Some(path) = &options.json {
        let json = serde_json::to_string_pretty(&stored)?;
        if to_stdout {
            println!("{json}");
        } else {
            fs::write(path, json + "\n").with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    Ok(())
}

/// Reads a table and tells of its bad rows.
fn read(path: &Path, layout: Layout, problems: &mut Vec<RowProblem>) -> Result<Vec<Row>, Failure> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let Table { rows, problems: bad } = read_table(&path.display().to_string(), &bytes, layout);
    problems.extend(bad);
    if rows.is_empty() {
        return Err(Failure::Usage(format!("{} holds no row that reads", path.display())));
    }
    Ok(rows)
}

fn read_outside(options: &Options, problems: &mut Vec<RowProblem>) -> Result<Vec<Row>, Failure> {
    let mut outside = Vec::new();
    for path in &options.out_of_scope {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        for mut row in read(path, Layout::Outside, problems)? {
            if row.kind.is_empty() {
                row.kind.clone_from(&name);
            }
            outside.push(row);
        }
    }
    Ok(outside)
}

fn plain(options: &Options, entries: &Path, settings: &Settings) -> Result<Report, Failure> {
    let mut problems = Vec::new();
    let entries = read(entries, Layout::Entries, &mut problems)?;
    let Some(path) = &options.queries else {
        return Err(Failure::Usage("--entries needs --queries".to_owned()));
    };
    let queries = known(path, read(path, Layout::Queries, &mut problems)?, &entries, &mut problems);
    let outside = read_outside(options, &mut problems)?;
    let questions = entries.iter().filter_map(|row| Some((row.entries.first()?.clone(), row.text.clone())));
    let questions: HashMap<String, String> = questions.collect();
    let mut records: Vec<Record> = Vec::new();
    let (subject, protocol) = if let Some(first) = options.split {
        let mut subject = None;
        for seed in first..first.saturating_add(options.seeds) {
            let (base, asked) = split_records(&entries, &queries, &outside, seed, settings)
                .map_err(anyhow::Error::from)?;
            records.extend(asked);
            problems.extend(base.problems);
            subject.get_or_insert_with(|| Subject::of(&base.publication));
        }
        let protocol = "a random half of the queries as ways of asking, the other half asked";
        (subject.unwrap_or_default(), protocol)
    } else {
        let variants = match &options.variants {
            Some(path) => read(path, Layout::Queries, &mut problems)?,
            None => Vec::new(),
        };
        let base = publish_plain(&entries, &variants).map_err(anyhow::Error::from)?;
        records = base.ask(settings.clone(), &[queries, outside].concat()).map_err(anyhow::Error::from)?;
        let subject = Subject::of(&base.publication);
        problems.extend(base.problems);
        (subject, "labelled queries asked")
    };
    tell(&problems);
    let mut report = Report::new(subject, protocol.to_owned(), records, &questions);
    report.problems = problems;
    Ok(report)
}

/// Queries whose entries are all known, and those outside; the others are told of.
fn known(path: &Path, queries: Vec<Row>, entries: &[Row], problems: &mut Vec<RowProblem>) -> Vec<Row> {
    let ids: Vec<&String> = entries.iter().filter_map(|row| row.entries.first()).collect();
    let ids: std::collections::HashSet<&String> = ids.into_iter().collect();
    let mut kept = Vec::with_capacity(queries.len());
    for row in queries {
        match row.entries.iter().find(|id| !ids.contains(id)) {
            Some(id) => problems.push(RowProblem {
                file: path.display().to_string(),
                line: row.line,
                reason: format!("there is no entry {id}"),
            }),
            None => kept.push(row),
        }
    }
    kept
}

fn published(
    configuration: &Configuration,
    options: &Options,
    settings: &Settings,
) -> Result<Report, Failure> {
    let folder = options.knowledge.clone().unwrap_or_else(|| knowledge::folder(configuration));
    let collection = Collection::load(&folder)?;
    let publication = Arc::new(Publication::new(&collection)?);
    let mut problems = Vec::new();
    let outside = read_outside(options, &mut problems)?;
    let subject = Subject::of(&publication);
    let questions: HashMap<String, String> = publication
        .entries()
        .iter()
        .filter_map(|entry| Some((entry.id.0.clone(), entry.questions().next()?.2.to_owned())))
        .collect();
    let ask = |rows: Vec<Row>| -> Result<Vec<Record>, Failure> {
        let set: Vec<Labelled> = rows.into_iter().map(Row::labelled).collect();
        let understander = Understander::new(Arc::clone(&publication), settings.clone())?;
        let mut records = outcomes(&understander, &set)?;
        for (record, overlap) in records.iter_mut().zip(nearest_overlap(&publication, &set)) {
            record.overlap = Some(overlap);
        }
        Ok(records)
    };
    let (records, protocol) = if let Some(path) = &options.queries {
        let mut rows = read(path, Layout::Queries, &mut problems)?;
        rows.retain(|row| {
            let unknown = row.entries.iter().find(|id| publication.entry(&EntryId((*id).clone())).is_none());
            if let Some(id) = unknown {
                problems.push(RowProblem {
                    file: path.display().to_string(),
                    line: row.line,
                    reason: format!("there is no entry {id}"),
                });
            }
            unknown.is_none()
        });
        rows.extend(outside);
        (ask(rows)?, "labelled queries asked")
    } else {
        let mut records = held_out_records(&collection, settings).map_err(anyhow::Error::from)?;
        if !outside.is_empty() {
            records.extend(ask(outside)?);
        }
        (records, "its own ways of asking, a fifth held out and asked in turn; its entries likewise")
    };
    tell(&problems);
    let mut report = Report::new(subject, protocol.to_owned(), records, &questions);
    report.problems = problems;
    Ok(report)
}

fn tell(problems: &[RowProblem]) {
    for problem in problems.iter().take(PROBLEMS_SHOWN) {
        eprintln!("warning: {problem}");
    }
    if problems.len() > PROBLEMS_SHOWN {
        eprintln!("warning: … and {} more; the JSON names all of them", problems.len() - PROBLEMS_SHOWN);
    }
}

/// The figures for people.
fn table(report: &Report) -> String {
    let figures = &report.figures;
    let mut lines = vec![
        format!(
            "{}: {} entries, {} ways of asking; {}{}",
            report.subject.name,
            report.subject.entries,
            report.subject.questions,
            report.protocol,
            if report.seeds.len() > 1 { format!("; mean of {} seeds", report.seeds.len()) } else { String::new() },
        ),
        format!("{:<34} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6}", "", "asked", "top-1", "top-3", "top-5", "MRR", "ECE"),
        row("all questions inside", figures),
    ];
    for (language, figures) in &report.by_language {
        lines.push(row(&format!("  {language}"), figures));
    }
    for bucket in &report.by_overlap {
        let name = format!("  word overlap {:.1} to {:.1}", bucket.from, bucket.to);
        lines.push(row(&name, &bucket.figures));
    }
    for coverage in &figures.coverage {
        lines.push(format!(
            "answered right with at most {:.0} % wrong: {:.3} (with outside questions: {:.3})",
            coverage.wrong * 100.0,
            coverage.right,
            coverage.right_with_outside
        ));
    }
    let d = &figures.decisions;
    lines.push(format!(
        "decided inside: answered {:.3} (right {:.3}; wrong among answers {:.3}), clarified {:.3}, act {:.3}, declined {:.3}",
        d.answered, figures.answered_right, figures.wrong_of_answered_inside, d.clarified, d.acts, d.declined
    ));
    for (kind, outside) in &figures.outside_kinds {
        lines.push(format!(
            "outside, {kind} ({}): AUC {:.3} (any entry: {:.3}); answered {:.3}, clarified {:.3}",
            outside.questions,
            outside.auc,
            outside.auc_any,
            outside.decisions.answered,
            outside.decisions.clarified
        ));
    }
    if let Some(gap) = report.language_gap {
        lines.push(format!("top-1 in Chinese above Tibetan: {:+.1} points", gap * 100.0));
    }
    lines.push(format!(
        "time: p50 {:.2} ms, p95 {:.2} ms, p99 {:.2} ms",
        figures.p50_ms, figures.p95_ms, figures.p99_ms
    ));
    for pair in report.confusions.iter().filter(|pair| pair.times > 1).take(5) {
        lines.push(format!(
            "taken for each other {} times of {}: {} ({}) and {} ({})",
            pair.times, pair.of, pair.questions[0], pair.entries[0], pair.questions[1], pair.entries[1]
        ));
    }
    lines.join("\n") + "\n"
}

fn row(name: &str, figures: &Evaluation) -> String {
    format!(
        "{name:<34} {:>6} {:>6.3} {:>6.3} {:>6.3} {:>6.3} {:>6.3}",
        figures.inside, figures.top1, figures.top3, figures.top5, figures.mrr, figures.ece
    )
}
