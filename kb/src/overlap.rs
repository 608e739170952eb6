//! The forward index: how alike a query and one variant are, seen from both sides.
//!
//! The inverted index finds who shares terms; here the finds are compared closely. All numbers lie between 0 and 1
//! and mean the same for short and long questions and for small and large knowledge bases, which BM25 scores do not:
//! that is what makes them fit for calibration.

use std::collections::HashMap;

use crate::analysis::Terms;
use crate::retrieve::Overlap;
use crate::{HeldOut, View};

const VIEWS: [View; 3] = [View::Words, View::Grams, View::Phonetic];

/// Terms of every variant as numbers, with the inverse document frequency of each term over *entries*: a term that
/// twenty variants of one entry share tells entries apart as well as one that occurs once.
#[derive(Debug)]
pub(crate) struct ForwardIndex {
    /// By view.
    vocabulary: [HashMap<String, u32>; 3],
    /// By view and term: how many entries have it.
    document_frequency: [Vec<u32>; 3],
    /// By variant.
    variants: Vec<VariantTerms>,
    /// By entry: grams of all its variants with the number of variants that have it, sorted by term.
    entry_grams: Vec<Vec<(u32, u32)>>,
    entries: usize,
}

#[derive(Debug)]
struct VariantTerms {
    entry: u32,
    key: String,
    /// By view: sorted term numbers.
    terms: [Vec<u32>; 3],
    /// By view: Σ idf² and Σ idf of its terms.
    squares: [f32; 3],
    sums: [f32; 3],
}

/// A query's terms with the weights that hold for it.
pub(crate) struct WeighedQuery {
    key: String,
    /// By view: known terms as (number, idf), sorted by number.
    known: [Vec<(u32, f32)>; 3],
    /// By view, over all terms, the unknown ones included.
    squares: [f32; 3],
    sums: [f32; 3],
}

/// Inverse document frequency as in BM25 (Robertson & Zaragoza 2009, kept positive as in Lucene).
fn idf(document_frequency: u32, documents: usize) -> f32 {
    let (n, df) = (documents as f32, document_frequency as f32);
    (1.0 + (n - df + 0.5).max(0.0) / (df + 0.5)).ln()
}

impl ForwardIndex {
    /// `documents` in variant order with the entry each belongs to; entries are numbered from 0 without gaps.
    pub fn build(documents: &[Terms], entry_of: &[u32]) -> Self {
        let entries = entry_of.iter().max().map_or(0, |last| *last as usize + 1);
        let mut vocabulary: [HashMap<String, u32>; 3] = Default::default();
        let mut numbered: Vec<[Vec<u32>; 3]> = Vec::with_capacity(documents.len());
        for terms in documents {
            numbered.push(std::array::from_fn(|v| {
                let known = &mut vocabulary[v];
                let mut numbers: Vec<u32> = terms
                    .view(VIEWS[v])
                    .iter()
                    .map(|term| match known.get(term) {
                        Some(number) => *number,
                        None => {
                            let number = known.len() as u32;
                            known.insert(term.clone(), number);
                            number
                        }
                    })
                    .collect();
                numbers.sort_unstable();
                numbers
            }));
        }
        let per_entry: [Vec<Vec<(u32, u32)>>; 3] = std::array::from_fn(|v| count_by_entry(&numbered, entry_of, entries, v));
        let document_frequency: [Vec<u32>; 3] = std::array::from_fn(|v| {
            let mut frequency = vec![0; vocabulary[v].len()];
            for (term, _) in per_entry[v].iter().flatten() {
                frequency[*term as usize] += 1;
            }
            frequency
        });
        let variants = documents
            .iter()
            .zip(numbered)
            .zip(entry_of)
            .map(|((document, terms), &entry)| {
                let weight = |v: usize, term: u32| idf(document_frequency[v][term as usize], entries);
                VariantTerms {
                    entry,
                    key: document.key.clone(),
                    squares: std::array::from_fn(|v| terms[v].iter().map(|t| weight(v, *t).powi(2)).sum()),
                    sums: std::array::from_fn(|v| terms[v].iter().map(|t| weight(v, *t)).sum()),
                    terms,
                }
            })
            .collect();
        let [_, entry_grams, _] = per_entry;
        Self { vocabulary, document_frequency, variants, entry_grams, entries }
    }

    /// Weighs a query's terms as if what is held out were not in the knowledge base.
    pub fn weigh(&self, terms: &Terms, held_out: HeldOut) -> WeighedQuery {
        let mut query = WeighedQuery { key: terms.key.clone(), known: Default::default(), squares: [0.0; 3], sums: [0.0; 3] };
        let entries = self.entries - usize::from(matches!(held_out, HeldOut::Entry(_)) && self.entries > 0);
        for (v, view) in VIEWS.into_iter().enumerate() {
            for term in terms.view(view) {
                let known = self.vocabulary[v].get(term).copied();
                let df = known.map_or(0, |t| {
                    self.document_frequency[v][t as usize].saturating_sub(u32::from(self.only_in(v, t, held_out)))
                });
                let weight = idf(df, entries);
                query.squares[v] += weight * weight;
                query.sums[v] += weight;
                query.known[v].extend(known.filter(|_| df > 0).map(|t| (t, weight)));
            }
            query.known[v].sort_unstable_by_key(|(term, _)| *term);
        }
        query
    }

    /// Whether one entry fewer has the term once `held_out` is taken away.
    fn only_in(&self, view: usize, term: u32, held_out: HeldOut) -> bool {
        let has = |variant: &VariantTerms| variant.terms[view].binary_search(&term).is_ok();
        match held_out {
            HeldOut::Nothing => false,
            HeldOut::Entry(entry) => self.of_entry(entry).any(|(_, variant)| has(variant)),
            HeldOut::Variant(number) => self.variants.get(number as usize).is_some_and(|own| {
                has(own) && !self.of_entry(own.entry).any(|(other, variant)| other != number && has(variant))
            }),
        }
    }

    /// Variants of one entry; they lie together because publications number them entry by entry.
    fn of_entry(&self, entry: u32) -> impl Iterator<Item = (u32, &VariantTerms)> {
        let start = self.variants.partition_point(|variant| variant.entry < entry);
        let numbered = self.variants.iter().enumerate().skip(start).map(|(i, variant)| (i as u32, variant));
        numbered.take_while(move |(_, variant)| variant.entry == entry)
    }

    /// How alike the query and one variant are.
    pub fn compare(&self, query: &WeighedQuery, variant: u32, held_out: HeldOut) -> Option<Overlap> {
        let own = self.variants.get(variant as usize)?;
        let mut cosine = [0.0; 3];
        let mut shared_grams = 0.0;
        let mut shared_own = 0.0;
        for v in 0..3 {
            let mut dot = 0.0;
            for (term, weight) in &query.known[v] {
                if own.terms[v].binary_search(term).is_ok() {
                    let own_weight = idf(self.document_frequency[v][*term as usize], self.entries);
                    dot += weight * own_weight;
                    if VIEWS[v] == View::Grams {
                        shared_grams += weight;
                        shared_own += own_weight;
                    }
                }
            }
            let norm = (query.squares[v] * own.squares[v]).sqrt();
            cosine[v] = share(dot, norm);
        }
        Some(Overlap {
            words: cosine[0],
            grams: cosine[1],
            phonetic: cosine[2],
            query_covered: share(shared_grams, query.sums[1]),
            variant_covered: share(shared_own, own.sums[1]),
            entry_covered: share(self.entry_share(query, own, held_out), query.sums[1]),
            exact: !query.key.is_empty() && query.key == own.key,
        })
    }

    /// Weight of the query's grams that any variant of the entry has.
    fn entry_share(&self, query: &WeighedQuery, own: &VariantTerms, held_out: HeldOut) -> f32 {
        let Some(grams) = self.entry_grams.get(own.entry as usize) else { return 0.0 };
        let gone = match held_out {
            HeldOut::Variant(number) => self.variants.get(number as usize).filter(|v| v.entry == own.entry),
            _ => None,
        };
        let has = |term: u32| {
            let Ok(at) = grams.binary_search_by_key(&term, |(t, _)| *t) else { return false };
            let lost = gone.is_some_and(|variant| variant.terms[1].binary_search(&term).is_ok());
            grams[at].1 > u32::from(lost)
        };
        query.known[1].iter().filter(|(term, _)| has(*term)).map(|(_, weight)| weight).sum()
    }
}

fn share(part: f32, whole: f32) -> f32 {
    if whole > 0.0 { (part / whole).clamp(0.0, 1.0) } else { 0.0 }
}

fn count_by_entry(numbered: &[[Vec<u32>; 3]], entry_of: &[u32], entries: usize, view: usize) -> Vec<Vec<(u32, u32)>> {
    let mut counts: Vec<HashMap<u32, u32>> = vec![HashMap::new(); entries];
    for (terms, entry) in numbered.iter().zip(entry_of) {
        for term in &terms[view] {
            *counts[*entry as usize].entry(*term).or_default() += 1;
        }
    }
    let sorted = |counts: HashMap<u32, u32>| {
        let mut list: Vec<(u32, u32)> = counts.into_iter().collect();
        list.sort_unstable();
        list
    };
    counts.into_iter().map(sorted).collect()
}
