//! The inverted index: which groups (entries in one language) share terms with a question.
//!
//! BM25 (Robertson & Zaragoza 2009) over the lists of a few rare terms. With few groups, as most knowledge bases have, the lists
//! are short and are simply added up: a search engine would take longer to look forty terms up than to read them. With many it is tantivy
//! ([`large`]), which skips what cannot be among the best. Terms and groups are the forward index's numbers.

mod large;

use std::cell::RefCell;

use crate::likeness::ForwardIndex;
use large::LargeIndex;

/// The spaces that are looked up in the inverted index: written and sound. Concepts are terms of the written one.
pub(crate) const INDEXED: usize = 2;

/// BM25's usual saturation and length normalisation.
const K1: f32 = 1.2;
const B: f32 = 0.75;

/// An immutable index over the groups of one publication.
#[derive(Debug)]
pub(crate) enum InvertedIndex {
    /// Of [few](ForwardIndex::few) groups, by space.
    Small([Lists; INDEXED]),
    /// Of many.
    Large(LargeIndex),
}

/// By term: the groups that have it.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    /// All lists, one after the other, each in ascending order.
    groups: Vec<u32>,
    /// How often a group has the term.
    counts: Vec<u16>,
    /// By term: where its list begins; one more than terms.
    starts: Vec<usize>,
    /// By group: what BM25 adds to the count below the line.
    norms: Vec<f32>,
}

thread_local! {
    /// Scores by group, all 0 between two searches: room that is used again and again.
    static SCORES: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

impl InvertedIndex {
    /// Indexes the groups of a forward index.
    ///
    /// # Errors
    /// Where tantivy fails, of many groups only.
    pub fn build(forward: &ForwardIndex) -> tantivy::Result<Self> {
        Ok(if forward.few() {
            Self::Small(std::array::from_fn(|space| Lists::build(forward, space)))
        } else {
            Self::Large(LargeIndex::build(forward)?)
        })
    }

    /// The `limit` groups that BM25 likes best for terms of one space, best first.
    ///
    /// # Errors
    /// Where tantivy fails, of many groups only.
    pub fn search(&self, space: usize, terms: &[u32], limit: usize) -> tantivy::Result<Vec<u32>> {
        match self {
            Self::Small(spaces) => Ok(spaces[space].search(terms, limit)),
            Self::Large(index) => index.search(space, terms, limit),
        }
    }
}

impl Lists {
    fn build(forward: &ForwardIndex, space: usize) -> Self {
        let mut starts = vec![0_usize; forward.terms(space) + 1];
        let mut lengths: Vec<u32> = Vec::new();
        for (terms, counts) in forward.groups_in(space) {
            for term in terms {
                starts[*term as usize + 1] += 1;
            }
            lengths.push(counts.iter().map(|count| u32::from(*count)).sum());
        }
        for term in 1..starts.len() {
            starts[term] += starts[term - 1];
        }
        let all = starts.last().copied().unwrap_or_default();
        let mut lists =
            Self { groups: vec![0; all], counts: vec![0; all], starts: starts.clone(), ..Self::default() };
        for (number, (terms, counts)) in (0_u32..).zip(forward.groups_in(space)) {
            for (term, count) in terms.iter().zip(counts) {
                let at = &mut starts[*term as usize];
                (lists.groups[*at], lists.counts[*at]) = (number, *count);
                *at += 1;
            }
        }
        let mean = lengths.iter().map(|length| *length as f32).sum::<f32>() / lengths.len().max(1) as f32;
        let norm = |length: &u32| K1 * (1.0 - B + B * *length as f32 / mean.max(1.0));
        lists.norms = lengths.iter().map(norm).collect();
        lists
    }

    fn search(&self, terms: &[u32], limit: usize) -> Vec<u32> {
        if limit == 0 {
            return Vec::new();
        }
        SCORES.with_borrow_mut(|scores| {
            if scores.len() < self.norms.len() {
                scores.resize(self.norms.len(), 0.0);
            }
            let mut touched: Vec<u32> = Vec::new();
            for term in terms {
                self.add(*term, scores, &mut touched);
            }
            let score = |group| (std::mem::take(&mut scores[group as usize]), group);
            let mut best: Vec<(f32, u32)> = touched.into_iter().map(score).collect();
            let order = |a: &(f32, u32), b: &(f32, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
            if best.len() > limit {
                best.select_nth_unstable_by(limit - 1, order);
                best.truncate(limit);
            }
            best.sort_unstable_by(order);
            best.into_iter().map(|(_, group)| group).collect()
        })
    }

    /// Adds what a term gives to the scores of the groups that have it; `touched` gathers those that had none.
    fn add(&self, term: u32, scores: &mut [f32], touched: &mut Vec<u32>) {
        let range = self.starts[term as usize]..self.starts[term as usize + 1];
        let (n, df) = (self.norms.len() as f32, range.len() as f32);
        let weight = (1.0 + (n - df + 0.5) / (df + 0.5)).ln() * (K1 + 1.0);
        for (group, count) in self.groups[range.clone()].iter().zip(&self.counts[range]) {
            let (score, count) = (&mut scores[*group as usize], f32::from(*count));
            if *score == 0.0 {
                touched.push(*group);
            }
            *score += weight * count / (count + self.norms[*group as usize]);
        }
    }
}
