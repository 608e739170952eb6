//! Reading what is to be asked, and asking it.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::Path,
    sync::Arc,
};

use anyhow::Context;
use intents::{
    Settings, Understander,
    evaluate::{
        Labelled, Layout, Record, Report, Row, RowProblem, Subject, Table, held_out_records, nearest_overlap,
        outcomes, publish_plain, read_table, split_records,
    },
};
use kb::{Collection, EntryId, Publication};

use super::{Failure, Options};
use crate::{config::Configuration, encoder, knowledge};

/// Problems printed one by one before the rest is only counted.
const PROBLEMS_SHOWN: usize = 10;

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

pub(super) fn plain(options: &Options, entries: &Path, settings: &Settings) -> Result<Report, Failure> {
    let mut problems = Vec::new();
    let entries = read(entries, Layout::Entries, &mut problems)?;
    let Some(path) = &options.queries else {
        return Err(Failure::Usage("--entries needs --queries".to_owned()));
    };
    let ids: HashSet<&String> = entries.iter().filter_map(|row| row.entries.first()).collect();
    let queries = read(path, Layout::Queries, &mut problems)?;
    let queries = known(path, queries, |id| ids.contains(id), &mut problems)?;
    let outside = read_outside(options, &mut problems)?;
    let questions = entries.iter().filter_map(|row| Some((row.entries.first()?.clone(), row.text.clone())));
    let questions: HashMap<String, String> = questions.collect();
    let mut records: Vec<Record> = Vec::new();
    let (subject, protocol) = if let Some(first) = options.split {
        let mut subject = None;
        for seed in first..first.saturating_add(options.seeds) {
            let (base, asked) =
                split_records(&entries, &queries, &outside, seed, settings).map_err(anyhow::Error::from)?;
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

/// Queries whose entries are all known, and those outside; the others are told of. Refused where queries name entries and
/// not one of those queries is left: every figure would be a share of nothing, and the wrong table was given.
fn known(
    path: &Path,
    queries: Vec<Row>,
    is_entry: impl Fn(&String) -> bool,
    problems: &mut Vec<RowProblem>,
) -> Result<Vec<Row>, Failure> {
    let inside = |rows: &[Row]| rows.iter().filter(|row| !row.entries.is_empty()).count();
    let asked = inside(&queries);
    let mut kept = Vec::with_capacity(queries.len());
    for row in queries {
        match row.entries.iter().find(|id| !is_entry(id)) {
            Some(id) => problems.push(RowProblem {
                file: path.display().to_string(),
                line: row.line,
                reason: format!("there is no entry {id}"),
            }),
            None => kept.push(row),
        }
    }
    if asked > 0 && inside(&kept) == 0 {
        tell(problems);
        let file = path.display();
        return Err(Failure::Usage(format!(
            "{file} asks for nothing that is there: each of its questions ({asked}) names an entry that the knowledge \
             base does not have"
        )));
    }
    Ok(kept)
}

pub(super) fn published(
    configuration: &Configuration,
    options: &Options,
    settings: &Settings,
) -> Result<Report, Failure> {
    let folder = options.knowledge.clone().unwrap_or_else(|| knowledge::folder(configuration));
    let collection = Collection::load(&folder)?;
    let mut publication = Publication::new(&collection)?;
    encoder::add_to(&mut publication, configuration).map_err(anyhow::Error::from)?;
    let publication = Arc::new(publication);
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
        let rows = read(path, Layout::Queries, &mut problems)?;
        let is_entry = |id: &String| publication.entry(&EntryId(id.clone())).is_some();
        let mut rows = known(path, rows, is_entry, &mut problems)?;
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
