//! The best local CTC path of each unit string of a prefix tree, anywhere in the utterance.
//!
//! A Viterbi search in which every string may begin at any frame at no cost and end at any later one. Each frame costs
//! the logarithm of the frame's best class less that of the unit's posterior, so that the sum is relative to the greedy
//! path over the same frames: 0 means "exactly what was heard", and long strings are not preferred or punished as such.
//!
//! Costs are counted in eighths of a nat in one byte, as sequence aligners do (Farrar 2007; HMMER3's MSV filter): sixteen nodes are
//! computed by one instruction, and what costs more than [`WORST`] is not told apart, because a soft count of `exp(κ · cost)`
//! makes nothing of it. As in [`super::forward`], a branch
//! is walked through all frames before the next one.
//!
//! Source: the SEED trial's "soft acoustic syllable n-grams".

use std::ops::Range;

use super::{
    LOG_FLOOR, Posteriors,
    trie::{Trie, place_of},
};

/// Steps per nat.
const STEPS: f32 = 8.0;

/// Costs from here on, in steps, are all the same: 31.9 nats.
const WORST: u8 = u8::MAX;

/// Each end's best local score (≤ 0, in steps of an eighth; `-inf` where it is below -31.75 or the utterance is too short), in the order of
/// [`Trie::ends`].
pub(super) fn score(posteriors: &Posteriors, trie: &Trie<'_>) -> Vec<f32> {
    let count = posteriors.frames();
    let mut costs: Vec<u8> = Vec::with_capacity(count * trie.row_length());
    let mut blanks: Vec<u8> = Vec::with_capacity(count);
    for frame in 0..count {
        let row = posteriors.row(frame);
        let best = row.iter().copied().fold(LOG_FLOOR, f32::max);
        // From float to integer, `as` saturates.
        let cost = |log: f32| ((best - log.max(LOG_FLOOR)) * STEPS).round() as u8;
        costs.extend(trie.units.iter().map(|&unit| row.get(unit as usize).map_or(WORST, |&log| cost(log))));
        costs.resize((frame + 1) * trie.row_length(), WORST);
        blanks.push(cost(row[posteriors.blank()]));
    }
    let mut found = vec![WORST; trie.nodes()];
    let mut branch = Branch::default();
    for range in trie.branches() {
        branch.walk(&costs, &blanks, trie, range.clone());
        found[range].copy_from_slice(&branch.best);
    }
    let score = |node: u32| match found[node as usize] {
        WORST => f32::NEG_INFINITY,
        cost => -f32::from(cost) / STEPS,
    };
    trie.ends.iter().map(|end| score(end.node)).collect()
}

/// Cheapest paths of one branch.
#[derive(Default)]
struct Branch {
    /// By node: of the paths that end in the node's unit.
    unit: Vec<u8>,
    /// By node: of those that end in a blank after it.
    blank: Vec<u8>,
    /// By node: the cheapest `unit` of any frame so far.
    best: Vec<u8>,
    /// By place (see [`place_of`]): what was cheaper in the frame before; then, by place again, `blank` alone, for children that repeat their
    /// parent's unit.
    before: Vec<u8>,
    /// By node: where in `before` its parent stands.
    parents: Vec<u32>,
    /// By node: what `before` says of its parent.
    entering: Vec<u8>,
    /// By node: what its unit costs in this frame.
    emitted: Vec<u8>,
}

impl Branch {
    fn walk(&mut self, costs: &[u8], blanks: &[u8], trie: &Trie<'_>, range: Range<usize>) {
        let count = range.len();
        for list in [&mut self.unit, &mut self.blank, &mut self.best, &mut self.entering, &mut self.emitted] {
            list.clear();
            list.resize(count, WORST);
        }
        self.before.clear();
        self.before.resize(2 * (count + 1), WORST);
        // A string may begin anywhere: the root is free at every frame.
        self.before[0] = 0;
        self.parents.clear();
        self.parents.extend(0..count as u32);
        for link in trie.side_links(&range) {
            let place = place_of(link.parent, range.start) + if link.repeats { count + 1 } else { 0 };
            self.parents[link.node as usize - range.start] = place as u32;
        }
        for (costs, &blank) in costs.chunks_exact(trie.row_length()).zip(blanks) {
            trie.spread(costs, range.clone(), &mut self.emitted);
            self.step(blank);
        }
    }

    /// One frame, in loops over equally long slices that the compiler turns into vector instructions (but for the look-up of parents).
    fn step(&mut self, blank: u8) {
        let count = self.unit.len();
        let (unit, blanks, best) =
            (&mut self.unit[..count], &mut self.blank[..count], &mut self.best[..count]);
        let (entering, emitted) = (&mut self.entering[..count], &self.emitted[..count]);
        let (cheaper, alone) = self.before.split_at_mut(count + 1);
        let (cheaper, alone) = (&mut cheaper[1..=count], &mut alone[1..=count]);
        for n in 0..count {
            cheaper[n] = blanks[n].min(unit[n]);
            alone[n] = blanks[n];
        }
        for (entering, &parent) in entering.iter_mut().zip(&self.parents) {
            *entering = self.before[parent as usize];
        }
        let cheaper = &self.before[1..=count];
        for n in 0..count {
            let now = unit[n].min(entering[n]).saturating_add(emitted[n]);
            unit[n] = now;
            blanks[n] = cheaper[n].saturating_add(blank);
            best[n] = best[n].min(now);
        }
    }
}
