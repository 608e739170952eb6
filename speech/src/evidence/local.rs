//! The best local CTC path of each unit string of a prefix tree, anywhere in the utterance.
//!
//! A Viterbi search in which every string may begin at any frame at no cost and end at any later one. Each frame costs
//! the logarithm of the unit's posterior less that of the frame's best class, so that the sum is relative to the greedy
//! path over the same frames: 0 means "exactly what was heard", and long strings are not preferred or punished as such.
//!
//! Source: the SEED trial's "soft acoustic syllable n-grams".

use super::{LOG_FLOOR, Posteriors, trie::Trie};

/// Best path scores of one node after the frame just processed.
#[derive(Clone, Copy)]
struct State {
    /// Of the paths that end in the node's unit.
    unit: f32,
    /// Of those that end in a blank after it.
    blank: f32,
    /// The best `unit` of any frame so far.
    best: f32,
}

const NOTHING: State = State { unit: f32::NEG_INFINITY, blank: f32::NEG_INFINITY, best: f32::NEG_INFINITY };

/// Each end's best local score (≤ 0; `-inf` where the utterance is too short), in the order of [`Trie::ends`].
pub(super) fn score(posteriors: &Posteriors, trie: &Trie) -> Vec<f32> {
    let mut states = vec![NOTHING; trie.links.len()];
    // A string may begin anywhere: the root is free at every frame.
    states[0].blank = 0.0;
    let mut emissions = vec![0.0_f32; trie.units.len()];
    for frame in 0..posteriors.frames() {
        let row = posteriors.row(frame);
        let best = row.iter().copied().fold(LOG_FLOOR, f32::max);
        for (emission, &unit) in emissions.iter_mut().zip(&trie.units) {
            *emission = row.get(unit as usize).map_or(f32::NEG_INFINITY, |log| log.max(LOG_FLOOR) - best);
        }
        step(trie, &mut states, &emissions, row[posteriors.blank()].max(LOG_FLOOR) - best);
    }
    trie.ends.iter().map(|end| states[end.node as usize].best).collect()
}

/// One frame; backwards, so that parents are read before they change.
fn step(trie: &Trie, states: &mut [State], emissions: &[f32], blank: f32) {
    for node in (1..trie.links.len()).rev() {
        let link = trie.links[node];
        let parent = states[link.parent as usize];
        let entering = if link.repeats { parent.blank } else { larger(parent.blank, parent.unit) };
        let state = &mut states[node];
        let unit = larger(state.unit, entering) + emissions[usize::from(link.unit)];
        state.blank = larger(state.blank, state.unit) + blank;
        state.unit = unit;
        state.best = larger(state.best, unit);
    }
}

/// `f32::max` without its care for NaN, which cannot occur here: one instruction.
fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}
