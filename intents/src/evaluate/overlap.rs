//! How familiar a question is: figures without that are easily mistaken, since a question that repeats a known way of
//! asking is no feat, and a test set may hold many of them or few.

use std::collections::HashMap;

use kb::Publication;
use serde::{Deserialize, Serialize};

use super::figures::{Evaluation, summarise_some};
use super::{Labelled, Record};

/// Lower bounds of the buckets by share of words in common; the last is for the same words in whatever order.
pub const BUCKETS: [f32; 5] = [0.0, 0.2, 0.4, 0.6, 1.0];

/// Figures over the questions of one bucket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// Share of words in common with the nearest way of asking: from here …
    pub from: f32,
    /// … to below the next bucket.
    pub to: f32,
    /// Figures over these questions; see [`Evaluation`].
    pub figures: Evaluation,
}

/// The words of every way of asking, as sorted numbers.
struct Vocabulary<'a> {
    publication: &'a Publication,
    numbers: HashMap<String, u32>,
    /// By variant number.
    variants: Vec<Vec<u32>>,
}

impl<'a> Vocabulary<'a> {
    fn of(publication: &'a Publication) -> Self {
        let mut vocabulary = Self { publication, numbers: HashMap::new(), variants: Vec::new() };
        for variant in publication.variants() {
            let words = vocabulary.number(&variant.text);
            vocabulary.variants.push(words);
        }
        vocabulary
    }

    fn number(&mut self, text: &str) -> Vec<u32> {
        let mut numbers: Vec<u32> = language::words(text)
            .into_iter()
            .map(|word| {
                let next = self.numbers.len() as u32;
                *self.numbers.entry(word).or_insert(next)
            })
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    fn nearest(&mut self, labelled: &Labelled) -> f32 {
        let words = self.number(&labelled.utterance.text);
        let right: Vec<u32> = labelled.expected.iter().filter_map(|id| self.publication.number(id)).collect();
        let counts = |entry: u32| labelled.expected.is_empty() || right.contains(&entry);
        let variants = self.publication.variants().iter().zip(&self.variants);
        variants
            .filter(|(variant, _)| counts(variant.entry))
            .map(|(_, own)| jaccard(&words, own))
            .fold(0.0, f32::max)
    }
}

/// Share of distinct words that two sorted lists have in common (Jaccard).
fn jaccard(a: &[u32], b: &[u32]) -> f32 {
    let shared = a.iter().filter(|word| b.binary_search(word).is_ok()).count();
    let all = a.len() + b.len() - shared;
    if all == 0 { 0.0 } else { shared as f32 / all as f32 }
}

/// Share of words in common with the nearest way of asking, by question: of a right entry for a question inside, of any
/// entry for one outside. Words are [`language::words`], compared as sets (Jaccard).
pub fn nearest_overlap(publication: &Publication, set: &[Labelled]) -> Vec<f32> {
    let mut vocabulary = Vocabulary::of(publication);
    set.iter().map(|labelled| vocabulary.nearest(labelled)).collect()
}

/// Figures by bucket; empty buckets are left out.
pub(super) fn by_overlap(records: &[Record]) -> Vec<Bucket> {
    let bucket = |overlap: f32| BUCKETS.iter().rposition(|from| overlap >= *from).unwrap_or_default();
    (0..BUCKETS.len())
        .filter_map(|number| {
            let own = |record: &&Record| record.overlap.is_some_and(|overlap| bucket(overlap) == number);
            let records: Vec<&Record> = records.iter().filter(own).collect();
            let to = BUCKETS.get(number + 1).copied().unwrap_or(1.0);
            (!records.is_empty()).then(|| Bucket {
                from: BUCKETS[number],
                to,
                figures: summarise_some(&records),
            })
        })
        .collect()
}
