//! Entries that are taken for each other: candidates for merging, or for better ways of asking.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::Record;

/// Questions quoted for each pair.
const EXAMPLES: usize = 3;

/// At most so many pairs are listed: nobody reads more at a time.
const MOST_PAIRS: usize = 50;

/// Two entries that are taken for each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Confusion {
    /// Their ids.
    pub entries: [String; 2],
    /// Their questions as shown to people.
    pub questions: [String; 2],
    /// How often a question to either had the other one first.
    pub times: usize,
    /// Of how many questions to either.
    pub of: usize,
    /// Some of those questions.
    pub examples: Vec<String>,
}

/// Pairs that were confused, most often first; of equals the one confused at the larger share. `questions` are the
/// entries' questions by id.
pub(super) fn confusions(records: &[Record], questions: &HashMap<String, String>) -> Vec<Confusion> {
    let mut asked: HashMap<&str, usize> = HashMap::new();
    let mut pairs: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for record in records.iter().filter(|record| record.inside()) {
        let Some(right) = record.expected.first() else { continue };
        *asked.entry(right).or_default() += 1;
        let Some(best) = record.candidates.first().filter(|_| !record.first_is_right()) else { continue };
        let (a, b) = (right.as_str().min(&best.entry), right.as_str().max(&best.entry));
        pairs.entry((a, b)).or_default().push(&record.query);
    }
    let question = |id: &str| questions.get(id).cloned().unwrap_or_default();
    let mut confusions: Vec<Confusion> = pairs
        .into_iter()
        .map(|((a, b), queries)| {
            let times = queries.len();
            let mut examples: Vec<String> = queries.into_iter().map(str::to_owned).collect();
            examples.sort();
            examples.dedup();
            examples.truncate(EXAMPLES);
            Confusion {
                entries: [a.to_owned(), b.to_owned()],
                questions: [question(a), question(b)],
                times,
                of: asked.get(a).copied().unwrap_or_default() + asked.get(b).copied().unwrap_or_default(),
                examples,
            }
        })
        .collect();
    let share = |c: &Confusion| c.times as f64 / c.of.max(1) as f64;
    confusions.sort_by(|x, y| y.times.cmp(&x.times).then(share(y).total_cmp(&share(x))));
    confusions.truncate(MOST_PAIRS);
    confusions
}
