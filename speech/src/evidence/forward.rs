//! The CTC forward algorithm over a whole prefix tree at once.
//!
//! Source: Graves et al. 2006, "Connectionist Temporal Classification", equations 5 to 8; the tree shares the forward
//! variables of common prefixes, which depend on nothing to their right.
//!
//! Probabilities are kept linear, because logarithmic addition costs ten times as much. Two things keep them in the range
//! of an `f64`: posteriors are taken relative to the frame's best class, and every branch of the tree (what begins with the same
//! unit) has one exponent, renewed every [`BLOCK`] frames. The result is the exact sum over all alignments up to
//! rounding, unless a form is some 1,100 nats (80 wrong phones) below the likeliest beginning in its branch: then it comes out too low.
//!
//! A branch is walked through all frames before the next one, so that its variables stay in the processor's first cache. The inner loop
//! takes every node's parent to be the node before it, which the compiler turns into vector instructions; the few nodes of which that
//! is not true are done again.

use super::{
    LOG_FLOOR, Posteriors,
    trie::{SideLink, Trie, place_of},
};

/// Frames between two renewals of an exponent.
const BLOCK: usize = 8;

/// The binary exponent that a branch's largest value gets: within a block, sums of alignments grow by less than 2¹³.
const TOP: i32 = 990;

/// Values under this are dropped when an exponent is renewed: within a block they would decay, by e⁻²⁰ a frame, into denormal
/// numbers, which are a hundred times as slow.
const FLUSH: f64 = 1e-230;

/// What all of a tree's branches share: the sound.
struct Frames {
    /// `frames × `[`Trie::row_length`]: posteriors relative to the frame's best class.
    emissions: Vec<f64>,
    /// The blank's, relative too.
    blanks: Vec<f64>,
    /// By frame: logarithm of the probability (relative) that nothing but blanks came before it.
    nothing_yet: Vec<f64>,
    /// Sum of the best classes' logarithms.
    best: f64,
}

impl Frames {
    fn new(posteriors: &Posteriors, trie: &Trie<'_>) -> Self {
        let count = posteriors.frames();
        let mut frames = Self {
            emissions: Vec::with_capacity(count * trie.row_length()),
            blanks: Vec::with_capacity(count),
            nothing_yet: Vec::with_capacity(count),
            best: 0.0,
        };
        let mut silence = 0.0;
        for frame in 0..count {
            let row = posteriors.row(frame);
            let best = f64::from(row.iter().copied().fold(LOG_FLOOR, f32::max));
            let relative = |log: f32| f64::from(log.max(LOG_FLOOR)) - best;
            frames.emissions.extend(
                trie.units.iter().map(|&unit| row.get(unit as usize).map_or(0.0, |&log| relative(log).exp())),
            );
            frames.emissions.resize((frame + 1) * trie.row_length(), 0.0);
            let blank = relative(row[posteriors.blank()]);
            frames.blanks.push(blank.exp());
            frames.nothing_yet.push(silence);
            silence += blank;
            frames.best += best;
        }
        frames
    }
}

/// Natural logarithm of each end's total probability, in the order of [`Trie::ends`].
pub(super) fn score(posteriors: &Posteriors, trie: &Trie<'_>) -> Vec<f32> {
    let masses = masses(posteriors, trie);
    trie.ends.iter().map(|end| masses[end.node as usize]).collect()
}

/// Natural logarithm of the total probability of what leads to each node, by node.
pub(super) fn masses(posteriors: &Posteriors, trie: &Trie<'_>) -> Vec<f32> {
    let frames = Frames::new(posteriors, trie);
    let mut masses = vec![0.0_f64; trie.nodes()];
    let mut branch = Branch::default();
    for range in trie.branches() {
        branch.walk(&frames, trie, range.clone());
        let exponent = branch.exponent;
        for (mass, (unit, blank)) in
            masses[range].iter_mut().zip(branch.unit.iter().zip(&branch.blank).skip(1))
        {
            *mass = (unit + blank).ln() + exponent;
        }
    }
    masses.into_iter().map(|mass| (mass + frames.best) as f32).collect()
}

/// Forward variables of one branch. Place 0 stands for the root, place `n` for the branch's node `n - 1`.
#[derive(Default)]
struct Branch {
    /// Mass of the alignments that end in the node's unit, in units of e^`exponent`.
    unit: Vec<f64>,
    /// Mass of those that end in a blank after it.
    blank: Vec<f64>,
    next_unit: Vec<f64>,
    next_blank: Vec<f64>,
    /// By node: the posterior of its unit in this frame.
    emitted: Vec<f64>,
    exponent: f64,
}

impl Branch {
    fn walk(&mut self, frames: &Frames, trie: &Trie<'_>, range: std::ops::Range<usize>) {
        let count = range.len() + 1;
        for list in [&mut self.unit, &mut self.blank, &mut self.next_unit, &mut self.next_blank] {
            list.clear();
            list.resize(count, 0.0);
        }
        self.emitted.clear();
        self.emitted.resize(range.len(), 0.0);
        self.exponent = 0.0;
        let side = trie.side_links(&range);
        for (frame, emissions) in frames.emissions.chunks_exact(trie.row_length()).enumerate() {
            if frame % BLOCK == BLOCK - 1 {
                self.renew();
            }
            self.blank[0] = (frames.nothing_yet[frame] - self.exponent).exp();
            self.step(trie, &range, side, emissions, frames.blanks[frame]);
        }
    }

    fn step(
        &mut self,
        trie: &Trie<'_>,
        range: &std::ops::Range<usize>,
        side: &[SideLink],
        emissions: &[f64],
        blank: f64,
    ) {
        let count = range.len();
        trie.spread(emissions, range.clone(), &mut self.emitted);
        {
            let (own_unit, own_blank) = (&self.unit[1..=count], &self.blank[1..=count]);
            let (parent_unit, parent_blank) = (&self.unit[..count], &self.blank[..count]);
            let (next_unit, next_blank) = (&mut self.next_unit[1..=count], &mut self.next_blank[1..=count]);
            let emitted = &self.emitted[..count];
            for n in 0..count {
                let entering = parent_blank[n] + parent_unit[n];
                next_unit[n] = (own_unit[n] + entering) * emitted[n];
                next_blank[n] = (own_blank[n] + own_unit[n]) * blank;
            }
        }
        for link in side {
            let (n, parent) = (link.node as usize - range.start, place_of(link.parent, range.start));
            let entering = self.blank[parent] + if link.repeats { 0.0 } else { self.unit[parent] };
            self.next_unit[n + 1] = (self.unit[n + 1] + entering) * self.emitted[n];
        }
        std::mem::swap(&mut self.unit, &mut self.next_unit);
        std::mem::swap(&mut self.blank, &mut self.next_blank);
    }

    /// Rescales the branch so that its largest variable is about 2^[`TOP`].
    fn renew(&mut self) {
        let largest = self.unit.iter().chain(&self.blank).skip(1).copied().fold(0.0, f64::max);
        if largest <= 0.0 {
            return;
        }
        let scale = power_of_two(TOP - binary_exponent(largest));
        for value in self.unit.iter_mut().chain(&mut self.blank) {
            let scaled = *value * scale;
            *value = if scaled < FLUSH { 0.0 } else { scaled };
        }
        self.exponent -= scale.ln();
    }
}

/// Exponent of a positive, normal number.
fn binary_exponent(value: f64) -> i32 {
    ((value.to_bits() >> 52) & 0x7ff) as i32 - 1023
}

/// 2^`exponent`, within the range of normal numbers.
fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent.clamp(-1022, 1023) + 1023) as u64) << 52)
}
