//! Questions that two entries share, or nearly share.

use std::collections::HashMap;

use crate::analysis::Terms;
use crate::{Collection, EntryId, Problem, Severity};

/// Two questions whose units and pairs have at least this Jaccard similarity are near-identical: one character in a
/// dozen differs. Below it, different questions of one kind ("… of a child", "… of an adult") begin.
const NEAR_IDENTICAL: f32 = 0.8;

struct Question<'a> {
    file: &'a str,
    entry: &'a EntryId,
    field: String,
    text: &'a str,
    key: String,
    /// Sorted rarest first: the order that prefix filtering needs.
    grams: Vec<u32>,
}

/// Errors for questions of two entries with the same search key, warnings for near-identical ones, notices for a question
/// that one entry repeats.
///
/// All pairs above the threshold are found without comparing all pairs: similar sets share one of their rarest
/// members (prefix filtering; Bayardo, Ma & Srikant 2007).
pub(super) fn find(collection: &Collection) -> Vec<Problem> {
    let questions = questions(collection);
    let mut problems = Vec::new();
    let mut by_gram: HashMap<u32, Vec<usize>> = HashMap::new();
    for (number, question) in questions.iter().enumerate() {
        let length = question.grams.len();
        let prefix = length - (NEAR_IDENTICAL * length as f32).ceil() as usize + 1;
        let mut rivals: Vec<usize> = Vec::new();
        for gram in question.grams.iter().take(prefix) {
            let sharing = by_gram.entry(*gram).or_default();
            rivals.extend(sharing.iter());
            sharing.push(number);
        }
        rivals.sort_unstable();
        rivals.dedup();
        problems.extend(rivals.into_iter().filter_map(|rival| judge(&questions[rival], question)));
    }
    problems
}

fn judge(first: &Question<'_>, second: &Question<'_>) -> Option<Problem> {
    let same = first.key == second.key;
    let severity = match (same, first.entry == second.entry) {
        (true, true) => Severity::Notice,
        (true, false) => Severity::Error,
        (false, false) if jaccard(&first.grams, &second.grams) >= NEAR_IDENTICAL => Severity::Warning,
        (false, _) => return None,
    };
    let how = if same { "the same question as" } else { "nearly the same question as" };
    Some(Problem {
        severity,
        file: second.file.to_owned(),
        entry: Some(second.entry.clone()),
        field: second.field.clone(),
        message: format!(
            "{:?} is {how} {:?} in entry {}, {}",
            second.text, first.text, first.entry, first.field
        ),
    })
}

fn jaccard(a: &[u32], b: &[u32]) -> f32 {
    let shared = a.iter().filter(|gram| b.contains(gram)).count();
    let all = a.len() + b.len() - shared;
    if all == 0 { 0.0 } else { shared as f32 / all as f32 }
}

fn questions(collection: &Collection) -> Vec<Question<'_>> {
    let mut analysed = Vec::new();
    let mut frequency: HashMap<String, u32> = HashMap::new();
    for sourced in &collection.entries {
        for (language, index, text) in sourced.entry.questions() {
            let terms = Terms::of(text);
            for gram in &terms.grams {
                *frequency.entry(gram.clone()).or_default() += 1;
            }
            let field = match index {
                0 => format!("{language}.question"),
                index => format!("{language}.variants[{}]", index - 1),
            };
            analysed.push((sourced, field, text, terms));
        }
    }
    let mut ranked: Vec<(&String, &u32)> = frequency.iter().collect();
    ranked.sort_by_key(|(gram, count)| (**count, *gram));
    let rank: HashMap<&String, u32> =
        ranked.iter().enumerate().map(|(rank, (gram, _))| (*gram, rank as u32)).collect();
    analysed
        .into_iter()
        .map(|(sourced, field, text, terms)| {
            let mut grams: Vec<u32> = terms.grams.iter().filter_map(|gram| rank.get(gram).copied()).collect();
            grams.sort_unstable();
            Question { file: &sourced.file, entry: &sourced.entry.id, field, text, key: terms.key, grams }
        })
        .filter(|question| !question.grams.is_empty())
        .collect()
}
