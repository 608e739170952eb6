//! The CTC forward algorithm over a whole prefix tree at once.
//!
//! Source: Graves et al. 2006, "Connectionist Temporal Classification", equations 5 to 8; the tree shares the forward
//! variables of common prefixes, which depend on nothing to their right.
//!
//! Probabilities are kept linear, because logarithmic addition costs ten times as much. What would underflow is kept in
//! range by one binary exponent per node, renewed every [`BLOCK`] frames. The result is the exact sum over all
//! alignments up to rounding: what is flushed to zero is less than 2⁻⁴⁰⁰ of the node's parent, whose own mass reaches
//! the node one frame later at a cost of at most [`LOG_FLOOR`]. (The one exception is a form with as many units as the
//! utterance has frames: it may come out as `-inf` instead of some hundreds of nats below everything else.)

use super::{LOG_FLOOR, Posteriors, trie::Trie};

/// Frames between two renewals of the exponents.
const BLOCK: usize = 16;

/// A node's exponent is at least its parent's less this many bits. Within a block, mass can descend `BLOCK` levels and
/// is multiplied by 2^`SLACK` at each, so `BLOCK · SLACK` plus the growth of the sums must stay under 1,023.
const SLACK: i32 = 48;

/// Values under this (relative to the node's exponent) are dropped when the exponents are renewed: they would decay into
/// denormal numbers, which are a hundred times as slow.
const FLUSH: f64 = 3e-151;

/// Below every exponent that can occur.
const NO_EXPONENT: i32 = i32::MIN / 2;

/// Forward variables of one node after the frame just processed, in units of 2^exponent.
#[derive(Clone, Copy, Default)]
struct State {
    /// Mass of the alignments that end in the node's unit.
    unit: f64,
    /// Mass of those that end in a blank after it.
    blank: f64,
}

/// Natural logarithm of each end's total probability, in the order of [`Trie::ends`].
pub(super) fn score(posteriors: &Posteriors, trie: &Trie) -> Vec<f32> {
    let mut states = vec![State::default(); trie.links.len()];
    let mut exponents = vec![0_i32; trie.links.len()];
    let mut gains = vec![0.0_f64; trie.links.len()];
    let mut emissions = vec![0.0_f64; trie.units.len()];
    // Before the first frame nothing has been said, with certainty.
    states[0].blank = 1.0;

    for frame in 0..posteriors.frames() {
        if frame % BLOCK == 0 {
            renew(trie, &mut states, &mut exponents, &mut gains);
        }
        let row = posteriors.row(frame);
        for (emission, &unit) in emissions.iter_mut().zip(&trie.units) {
            *emission = row.get(unit as usize).map_or(0.0, |log| f64::from(log.max(LOG_FLOOR)).exp());
        }
        let blank = f64::from(row[posteriors.blank()].max(LOG_FLOOR)).exp();
        step(trie, &mut states, &gains, &emissions, blank);
    }

    trie.ends
        .iter()
        .map(|end| {
            let State { unit, blank } = states[end.node as usize];
            let exponent = f64::from(exponents[end.node as usize]);
            ((unit + blank).ln() + exponent * std::f64::consts::LN_2) as f32
        })
        .collect()
}

/// One frame. Children come after their parents in the arena, so walking backwards reads parents before they change.
fn step(trie: &Trie, states: &mut [State], gains: &[f64], emissions: &[f64], blank: f64) {
    for node in (1..trie.links.len()).rev() {
        let link = trie.links[node];
        let parent = states[link.parent as usize];
        let entering = if link.repeats { parent.blank } else { parent.blank + parent.unit };
        let state = &mut states[node];
        let unit = (state.unit + gains[node] * entering) * emissions[usize::from(link.unit)];
        state.blank = (state.blank + state.unit) * blank;
        state.unit = unit;
    }
    states[0].blank *= blank;
}

/// Rescales every node so that its larger variable is near 1, or at least within [`SLACK`] of its parent's scale.
fn renew(trie: &Trie, states: &mut [State], exponents: &mut [i32], gains: &mut [f64]) {
    for node in 0..trie.links.len() {
        let state = &mut states[node];
        let largest = state.unit.max(state.blank);
        let own = if largest > 0.0 { exponents[node] + binary_exponent(largest) } else { NO_EXPONENT };
        let parent = exponents[trie.links[node].parent as usize];
        let exponent = if node == 0 { own } else { own.max(parent - SLACK) };
        let scale = power_of_two(exponents[node].saturating_sub(exponent));
        state.unit = flush(state.unit * scale);
        state.blank = flush(state.blank * scale);
        exponents[node] = exponent;
        gains[node] = power_of_two(parent.saturating_sub(exponent));
    }
}

fn flush(value: f64) -> f64 {
    if value < FLUSH { 0.0 } else { value }
}

/// Exponent of a positive, normal number.
fn binary_exponent(value: f64) -> i32 {
    ((value.to_bits() >> 52) & 0x7ff) as i32 - 1023
}

/// 2^`exponent`; 0 where that would be denormal.
fn power_of_two(exponent: i32) -> f64 {
    if exponent < -1022 { 0.0 } else { f64::from_bits(((exponent.min(1023) + 1023) as u64) << 52) }
}
