//! The inverted index: which groups (entries in one language) share terms with a question.
//!
//! It adds up BM25 (Robertson & Zaragoza 2009) over the lists of a few rare terms, group by group. Terms and groups are the
//! forward index's numbers, so that nothing is hashed or decoded to find a list; a general search engine takes a hundred times as long to
//! look up forty terms as to read lists so short.

use std::cell::RefCell;

use crate::likeness::ForwardIndex;

/// The spaces that are looked up in the inverted index: written and sound. Concepts are terms of the written one.
pub(crate) const INDEXED: usize = 2;

/// BM25's usual saturation and length normalisation.
const K1: f32 = 1.2;
const B: f32 = 0.75;

/// An immutable index over the groups of one publication.
#[derive(Debug)]
pub(crate) struct InvertedIndex {
    spaces: [Lists; INDEXED],
}

/// By term: the groups that have it.
#[derive(Debug, Default)]
struct Lists {
    /// All lists, one after the other, each in ascending order.
    groups: Vec<u32>,
    /// How often a group has the term.
    counts: Vec<u16>,
    /// By term: where its list begins; one more than terms.
    starts: Vec<usize>,
    /// By group: what BM25 adds to the count below the line.
    norms: Vec<f32>,
    /// By term: the most that BM25 takes of its weight in any group.
    shares: Vec<f32>,
}

thread_local! {
    /// Scores by group, all 0 between two searches: room that is used again and again.
    static SCORES: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

impl InvertedIndex {
    /// Indexes the groups of a forward index.
    pub fn build(forward: &ForwardIndex) -> Self {
        Self { spaces: std::array::from_fn(|space| Lists::build(forward, space)) }
    }

    /// The `limit` groups that BM25 likes best for terms of one space, best first; of equals the first.
    pub fn search(&self, space: usize, terms: &[u32], limit: usize) -> Vec<u32> {
        self.spaces[space].search(terms, limit)
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
        lists.bound();
        lists
    }

    /// Finds out the most that each term can add.
    fn bound(&mut self) {
        let share = |at: usize| {
            let (group, count) = (self.groups[at] as usize, f32::from(self.counts[at]));
            count / (count + self.norms[group])
        };
        let most = |list: &[usize]| (list[0]..list[1]).map(share).fold(0.0, f32::max);
        self.shares = self.starts.windows(2).map(most).collect();
    }

    fn search(&self, terms: &[u32], limit: usize) -> Vec<u32> {
        if limit == 0 {
            return Vec::new();
        }
        SCORES.with_borrow_mut(|scores| {
            if scores.len() < self.norms.len() {
                scores.resize(self.norms.len(), 0.0);
            }
            let lists: Vec<List<'_>> = terms.iter().map(|term| self.list(*term)).collect();
            let mut touched: Vec<u32> = Vec::new();
            let mut done = 0;
            while let Some(list) = lists.get(done) {
                let rest: f32 = lists[done..].iter().map(|list| list.most).sum();
                if list.groups.len() > LONG && only_touched(scores, &mut touched, rest, limit) {
                    break;
                }
                list.add(&self.norms, scores, |group| touched.push(group));
                done += 1;
            }
            for list in &lists[done..] {
                list.add_to(&touched, &self.norms, scores);
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

    fn list(&self, term: u32) -> List<'_> {
        let range = self.starts[term as usize]..self.starts[term as usize + 1];
        let (n, df) = (self.norms.len() as f32, range.len() as f32);
        let weight = (1.0 + (n - df + 0.5) / (df + 0.5)).ln() * (K1 + 1.0);
        List {
            groups: &self.groups[range.clone()],
            counts: &self.counts[range],
            weight,
            most: weight * self.shares[term as usize],
        }
    }
}

/// Whether no further group can be among the `limit` best once lists follow that add `rest` at most (`MaxScore`; Turtle & Flood
/// 1995). If so, those of the touched are let go that cannot either.
fn only_touched(scores: &mut [f32], touched: &mut Vec<u32>, rest: f32, limit: usize) -> bool {
    if touched.len() < limit {
        return false;
    }
    let mut sorted: Vec<f32> = touched.iter().map(|group| scores[*group as usize]).collect();
    let (_, threshold, _) = sorted.select_nth_unstable_by(limit - 1, |a, b| b.total_cmp(a));
    if rest >= *threshold {
        return false;
    }
    touched.retain(|group| {
        let score = &mut scores[*group as usize];
        let stays = *score + rest >= *threshold;
        if !stays {
            *score = 0.0;
        }
        stays
    });
    true
}

/// A list of more groups is worth asking whether it has to be read through.
const LONG: usize = 256;

/// Looking a group up in a list costs about as much as reading so many places of it.
const LOOK: usize = 32;

/// The groups that have a term.
struct List<'a> {
    groups: &'a [u32],
    counts: &'a [u16],
    /// What BM25 adds at the utmost for any term so rare, and for this one in any group.
    weight: f32,
    most: f32,
}

impl List<'_> {
    /// Adds to the scores of all groups; `new` is told those that had none.
    fn add(&self, norms: &[f32], scores: &mut [f32], mut new: impl FnMut(u32)) {
        for (group, count) in self.groups.iter().zip(self.counts) {
            let (score, count) = (&mut scores[*group as usize], f32::from(*count));
            if *score == 0.0 {
                new(*group);
            }
            *score += self.weight * count / (count + norms[*group as usize]);
        }
    }

    /// Adds to the scores of some groups, which have one already; all others have none.
    fn add_to(&self, some: &[u32], norms: &[f32], scores: &mut [f32]) {
        if some.len() * LOOK < self.groups.len() {
            for group in some {
                if let Ok(at) = self.groups.binary_search(group) {
                    let count = f32::from(self.counts[at]);
                    scores[*group as usize] += self.weight * count / (count + norms[*group as usize]);
                }
            }
            return;
        }
        for (group, count) in self.groups.iter().zip(self.counts) {
            let (score, count) = (&mut scores[*group as usize], f32::from(*count));
            if *score > 0.0 {
                *score += self.weight * count / (count + norms[*group as usize]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_are_the_same_whether_or_not_long_lists_are_read_through() {
        // Term 0 is rare, term 1 less so, term 2 in every group.
        let groups = 3_000_u32;
        let has = |term: u32, group: u32| [group % 101 == 7, group % 3 == 1, true][term as usize];
        let mut lists = Lists { starts: vec![0], norms: Vec::new(), ..Lists::default() };
        for term in 0..3 {
            for group in (0..groups).filter(|group| has(term, *group)) {
                lists.groups.push(group);
                lists.counts.push(1 + (group % 5) as u16);
            }
            lists.starts.push(lists.groups.len());
        }
        lists.norms = (0..groups).map(|group| 0.5 + (group % 13) as f32 / 10.0).collect();
        lists.bound();
        let whole = |limit: usize| {
            let mut scores = vec![0.0; groups as usize];
            (0..3).for_each(|term| lists.list(term).add(&lists.norms, &mut scores, |_| ()));
            let mut order: Vec<u32> = (0..groups).collect();
            order.sort_by(|a, b| scores[*b as usize].total_cmp(&scores[*a as usize]).then(a.cmp(b)));
            order[..limit].to_vec()
        };
        for limit in [1, 5, 20, 25] {
            assert_eq!(lists.search(&[0, 1, 2], limit), whole(limit), "{limit}");
            // Nothing is left over from the search before.
            assert_eq!(lists.search(&[0, 1, 2], limit), whole(limit), "{limit}");
        }
    }
}
