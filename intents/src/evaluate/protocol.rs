//! How questions are held out and asked.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use kb::{Collection, Entry, EntryId, Publication, Sourced};
use language::{Language, Script};
use serde_json::{Value, json};

use super::measures::Draw;
use super::{Labelled, Record, Row, RowProblem, nearest_overlap, outcomes};
use crate::{Settings, UnderstandError, Understander};

/// Questions beyond this many characters are cut when they become ways of asking: the knowledge base takes no longer
/// ones.
const LONGEST_WAY_OF_ASKING: usize = 200;

/// Parts into which the ways of asking, or the entries, of a knowledge base are split to be held out in turn.
const FOLDS: usize = 5;

/// The kind of a question whose entry was taken away.
const ENTRY_REMOVED: &str = "entry taken away";

/// Why a protocol could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// What is left to publish cannot be published.
    #[error(transparent)]
    Publish(#[from] kb::PublishError),
    /// Understanding failed.
    #[error(transparent)]
    Understand(#[from] UnderstandError),
    /// An entry could not be made from a row.
    #[error("an entry cannot be made: {0}")]
    Entry(#[from] serde_json::Error),
}

/// A knowledge base made from plain tables.
#[derive(Debug)]
pub struct PlainBase {
    /// As published.
    pub publication: Arc<Publication>,
    /// Our ids by the tables' ids.
    pub ours: HashMap<String, EntryId>,
    /// Rows that are not in it, and why.
    pub problems: Vec<RowProblem>,
}

/// Publishes a knowledge base whose entries and further ways of asking come from plain tables: no answers, the language
/// of each question by its script. A question that two entries share stays with the first; an entry that no question is
/// left for is not published.
///
/// # Errors
/// [`ProtocolError`] where nothing publishable is left.
pub fn publish_plain(entries: &[Row], variants: &[Row]) -> Result<PlainBase, ProtocolError> {
    let mut problems = Vec::new();
    let mut problem = |file: &str, line: usize, reason: String| {
        problems.push(RowProblem { file: file.to_owned(), line, reason });
    };
    let mut order: Vec<&str> = Vec::new();
    let mut asked: HashMap<&str, Vec<(Language, String)>> = HashMap::new();
    let mut taken: HashMap<String, &str> = HashMap::new();
    let rows = entries.iter().map(|row| ("entries", row)).chain(variants.iter().map(|row| ("variants", row)));
    for (file, row) in rows {
        let Some(id) = row.entries.first().map(String::as_str) else { continue };
        if file == "entries" && !asked.contains_key(id) {
            order.push(id);
            asked.insert(id, Vec::new());
        }
        let Some(own) = asked.get_mut(id) else {
            problem(file, row.line, format!("there is no entry {id}"));
            continue;
        };
        let text: String = row.text.chars().take(LONGEST_WAY_OF_ASKING).collect();
        if !text.chars().any(|c| Script::of(c) == script(row.language)) {
            problem(file, row.line, format!("{text:?} holds no letter of its language"));
            continue;
        }
        match taken.insert(language::search_key(&text), id) {
            Some(other) if other != id => {
                problem(file, row.line, format!("{text:?} is already a question of {other}"));
                taken.insert(language::search_key(&text), other);
            }
            Some(_) => {}
            None => own.push((row.language, text)),
        }
    }
    let mut ours = HashMap::new();
    let mut sourced = Vec::new();
    for (number, id) in order.into_iter().enumerate() {
        let name = EntryId(format!("e-{number}"));
        if asked[id].is_empty() {
            problem("entries", 0, format!("{id} has no question left and is not published"));
        } else {
            sourced.push(Sourced { file: "entries".to_owned(), entry: plain_entry(&name, &asked[id])? });
        }
        ours.insert(id.to_owned(), name);
    }
    let collection =
        Collection { name: "plain tables".to_owned(), entries: sourced, ..Collection::default() };
    Ok(PlainBase { publication: Arc::new(Publication::new(&collection)?), ours, problems })
}

const fn script(language: Language) -> Script {
    match language {
        Language::Bo => Script::Tibetan,
        Language::Zh => Script::Han,
    }
}

/// An entry without an answer: a dash says nothing in either language, so that nothing is found by it. Made through its
/// written form, which grows new fields with defaults.
fn plain_entry(id: &EntryId, asked: &[(Language, String)]) -> Result<Entry, serde_json::Error> {
    let text = |language: Language| -> Value {
        let mut questions = asked.iter().filter(|(l, _)| *l == language).map(|(_, text)| text.as_str());
        let Some(question) = questions.next() else { return Value::Null };
        let variants: Vec<&str> = questions.collect();
        json!({"question": question, "variants": variants, "spoken": "—", "written": "—", "review": "approved"})
    };
    serde_json::from_value(
        json!({"id": id, "topic": "plain", "zh": text(Language::Zh), "bo": text(Language::Bo)}),
    )
}

impl PlainBase {
    /// Asks labelled rows and rows outside, and records the tables' ids.
    ///
    /// # Errors
    /// [`ProtocolError`] where understanding fails.
    pub fn ask(&self, settings: Settings, rows: &[Row]) -> Result<Vec<Record>, ProtocolError> {
        let understander = Understander::new(Arc::clone(&self.publication), settings)?;
        let theirs: HashMap<&str, &str> =
            self.ours.iter().map(|(theirs, ours)| (ours.0.as_str(), theirs.as_str())).collect();
        let set: Vec<Labelled> = rows
            .iter()
            .map(|row| {
                let mut labelled = row.clone().labelled();
                for id in &mut labelled.expected {
                    if let Some(ours) = self.ours.get(&id.0) {
                        id.clone_from(ours);
                    }
                }
                labelled
            })
            .collect();
        let mut records = asked(&understander, &set)?;
        for record in &mut records {
            let names = record.expected.iter_mut().chain(record.candidates.iter_mut().map(|c| &mut c.entry));
            for name in names {
                if let Some(id) = theirs.get(name.as_str()) {
                    (*id).clone_into(name);
                }
            }
        }
        Ok(records)
    }
}

/// Outcomes with the overlap of every question.
fn asked(understander: &Understander, set: &[Labelled]) -> Result<Vec<Record>, UnderstandError> {
    let mut records = outcomes(understander, set)?;
    for (record, overlap) in records.iter_mut().zip(nearest_overlap(understander.publication(), set)) {
        record.overlap = Some(overlap);
    }
    Ok(records)
}

/// The rows in the random order of a seed: the first half are ways of asking, the others are asked.
pub fn shuffled(rows: &[Row], seed: u64) -> Vec<Row> {
    let mut rows = rows.to_vec();
    Draw::new(seed).shuffle(&mut rows);
    rows
}

/// One split: a random half of the queries become ways of asking, the other half and everything outside is asked.
///
/// # Errors
/// [`ProtocolError`].
pub fn split_records(
    entries: &[Row],
    queries: &[Row],
    outside: &[Row],
    seed: u64,
    settings: &Settings,
) -> Result<(PlainBase, Vec<Record>), ProtocolError> {
    let rows = shuffled(queries, seed);
    let (variants, tests) = rows.split_at(rows.len() / 2);
    let base = publish_plain(entries, variants)?;
    let asked = [tests, outside].concat();
    let mut records = base.ask(settings.clone(), &asked)?;
    for record in &mut records {
        record.seed = seed;
    }
    Ok((base, records))
}

/// A knowledge base asked its own questions: a fifth of its ways of asking is taken away and asked, then the next; and a
/// fifth of its entries is taken away and asked for, which nothing should answer. Every part is published and calibrated
/// anew without what it is asked.
///
/// # Errors
/// [`ProtocolError`].
pub fn held_out_records(collection: &Collection, settings: &Settings) -> Result<Vec<Record>, ProtocolError> {
    let mut records = Vec::new();
    for fold in 0..FOLDS {
        let (left, asked_for) = without_variants(collection, fold);
        records.extend(ask_left(&left, &asked_for, settings)?);
        let (left, asked_for) = without_entries(collection, fold);
        records.extend(ask_left(&left, &asked_for, settings)?);
    }
    Ok(records)
}

fn ask_left(left: &Collection, set: &[Labelled], settings: &Settings) -> Result<Vec<Record>, ProtocolError> {
    if left.entries.is_empty() || set.is_empty() {
        return Ok(Vec::new());
    }
    let understander = Understander::new(Arc::new(Publication::new(left)?), settings.clone())?;
    Ok(asked(&understander, set)?)
}

/// Takes away every fifth variant; questions as shown to people stay, so that every entry keeps one in its language.
fn without_variants(collection: &Collection, fold: usize) -> (Collection, Vec<Labelled>) {
    let mut left = collection.clone();
    let mut set = Vec::new();
    let mut number = 0_usize;
    for Sourced { entry, .. } in &mut left.entries {
        let id = entry.id.clone();
        for (language, text) in [(Language::Zh, &mut entry.zh), (Language::Bo, &mut entry.bo)] {
            let Some(text) = text else { continue };
            text.variants.retain(|variant| {
                number += 1;
                let asked = number % FOLDS == fold;
                if asked {
                    set.push(Labelled::inside(variant, language, [id.clone()]));
                }
                !asked
            });
        }
    }
    // What another way of asking repeats word for word is still there.
    let still: HashSet<String> = left
        .entries
        .iter()
        .flat_map(|sourced| {
            sourced.entry.questions().map(|(_, _, text)| language::search_key(text)).collect::<Vec<_>>()
        })
        .collect();
    set.retain(|labelled| !still.contains(&language::search_key(&labelled.utterance.text)));
    (left, set)
}

/// Takes away every fifth entry.
fn without_entries(collection: &Collection, fold: usize) -> (Collection, Vec<Labelled>) {
    let mut left = collection.clone();
    let mut number = 0_usize;
    let mut set = Vec::new();
    left.entries.retain(|sourced| {
        number += 1;
        let asked = number % FOLDS == fold;
        if asked {
            for (language, index, text) in sourced.entry.questions() {
                // Two of each language are enough to see whether anything answers for the entry.
                if index < 2 {
                    set.push(Labelled::outside(text, language, ENTRY_REMOVED));
                }
            }
        }
        !asked
    });
    (left, set)
}
