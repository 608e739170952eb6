//! What tells an entry's questions from the most similar ones of other entries.
//!
//! For every group a linear support vector machine with squared hinge loss, in its dual form, trained by coordinate descent
//! (Hsieh et al. 2008, "A dual coordinate descent method for large-scale linear SVM") on the group's variants against the
//! nearest variants of other entries in the same language. Only neighbours are ever compared with each other, so that
//! neighbours are all that need telling apart: measured on public FAQ data, 60 nearest variants as negatives do as well as
//! all, and the work grows with the number of variants instead of its square.

use std::collections::HashMap;

use crate::analysis::MIXED;
use crate::likeness::{ForwardIndex, GroupTerms, Vector, dot, look_up};

/// Nearest variants of other entries that a group is told from.
const NEGATIVES: usize = 60;

/// The cost of a violated margin; 1 is the usual one for unit vectors.
const COST: f32 = 1.0;

/// Passes over the examples of one machine; the duals hardly move after ten.
const PASSES: usize = 15;

/// Terms that occur in more variants than this say nothing about which variants are near, once there are many.
const MOST_POSTINGS: usize = 1_500;

/// Of more groups than this the machines are left out: their neighbourhoods are then too large to be learned from a
/// handful of questions, and publishing shall stay quick.
const MOST_GROUPS: usize = 20_000;

/// Support vectors as (variant, signed weight), and the bias.
#[derive(Clone, Debug, Default)]
struct Machine {
    support: Vec<(u32, f32)>,
    bias: f32,
}

/// A machine for every group.
#[derive(Clone, Debug, Default)]
pub(crate) struct Learned {
    machines: Vec<Machine>,
}

impl Learned {
    /// Trains on all variants for which `keep` holds.
    pub fn train(index: &ForwardIndex, keep: impl Fn(u32) -> bool + Sync) -> Self {
        if index.groups().len() > MOST_GROUPS {
            return Self::default();
        }
        let postings = postings(index, &keep);
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let chunk = index.groups().len().div_ceil(threads).max(1);
        let machines = std::thread::scope(|scope| {
            let trainers: Vec<_> = index
                .groups()
                .chunks(chunk)
                .map(|groups| {
                    let (postings, keep) = (&postings, &keep);
                    scope.spawn(move || {
                        let mut near =
                            Nearness { products: vec![0.0; index.variants().len()], touched: Vec::new() };
                        groups
                            .iter()
                            .map(|group| train(index, postings, group, keep, &mut near))
                            .collect::<Vec<_>>()
                    })
                })
                .collect();
            trainers.into_iter().flat_map(|trainer| trainer.join().unwrap_or_default()).collect()
        });
        Self { machines }
    }

    /// The decision value of a group for a question, given by term number; about 1 for its own questions and -1 for its
    /// neighbours'. `products` keeps what has been multiplied already for this question.
    pub fn score(
        &self,
        index: &ForwardIndex,
        question: &[f32],
        group: u32,
        products: &mut HashMap<u32, f32>,
    ) -> f32 {
        let Some(machine) = self.machines.get(group as usize) else { return 0.0 };
        let mut sum = machine.bias;
        for (variant, weight) in &machine.support {
            let product = products
                .entry(*variant)
                .or_insert_with(|| look_up(question, &index.variants()[*variant as usize].vectors[MIXED]));
            sum += weight * *product;
        }
        sum
    }
}

/// By written term: the variants that have it, with their weights.
fn postings(index: &ForwardIndex, keep: impl Fn(u32) -> bool) -> Vec<Vector> {
    let mut postings: Vec<Vector> = vec![Vec::new(); index.terms(MIXED)];
    for (number, variant) in (0_u32..).zip(index.variants()) {
        if keep(number) {
            for (term, weight) in &variant.vectors[MIXED] {
                postings[*term as usize].push((number, *weight));
            }
        }
    }
    postings
}

/// Room for the nearness of every variant to a group, used again and again.
struct Nearness {
    products: Vec<f32>,
    touched: Vec<u32>,
}

fn train(
    index: &ForwardIndex,
    postings: &[Vector],
    group: &GroupTerms,
    keep: &impl Fn(u32) -> bool,
    near: &mut Nearness,
) -> Machine {
    let own: Vec<u32> = group.variants.clone().filter(|number| keep(*number)).collect();
    if own.is_empty() {
        return Machine::default();
    }
    let others = nearest(index, postings, group, &own, near);
    let examples: Vec<u32> = own.iter().chain(&others).copied().collect();
    let vector = |number: u32| &index.variants()[number as usize].vectors[MIXED];
    // The constant 1 beside every vector carries the bias.
    let gram: Vec<Vec<f32>> = examples
        .iter()
        .map(|a| examples.iter().map(|b| dot(vector(*a), vector(*b)) + 1.0).collect())
        .collect();
    let label = |at: usize| if at < own.len() { 1.0 } else { -1.0 };
    let duals = descend(&gram, label);
    let signed = |(at, dual): (usize, &f32)| (*dual > 1e-4).then(|| (examples[at], label(at) * dual));
    let support: Vec<(u32, f32)> = duals.iter().enumerate().filter_map(signed).collect();
    Machine { bias: support.iter().map(|(_, weight)| weight).sum(), support }
}

/// Dual coordinate descent in a fixed order.
fn descend(gram: &[Vec<f32>], label: impl Fn(usize) -> f32) -> Vec<f32> {
    let ridge = 1.0 / (2.0 * COST);
    let mut duals = vec![0.0_f32; gram.len()];
    // Decision values of the examples under the present duals.
    let mut values = vec![0.0_f32; gram.len()];
    for _ in 0..PASSES {
        let mut moved = 0.0_f32;
        for (at, row) in gram.iter().enumerate() {
            let gradient = label(at) * values[at] - 1.0 + ridge * duals[at];
            let next = (duals[at] - gradient / (row[at] + ridge)).max(0.0);
            let step = (next - duals[at]) * label(at);
            if step.abs() > 1e-6 {
                for (value, product) in values.iter_mut().zip(row) {
                    *value += step * product;
                }
            }
            moved = moved.max(step.abs());
            duals[at] = next;
        }
        if moved < 1e-3 {
            break;
        }
    }
    duals
}

/// The variants of other entries in the same language that are most like any of `own`.
fn nearest(
    index: &ForwardIndex,
    postings: &[Vector],
    group: &GroupTerms,
    own: &[u32],
    near: &mut Nearness,
) -> Vec<u32> {
    let mut best: HashMap<u32, f32> = HashMap::new();
    for number in own {
        for (term, weight) in &index.variants()[*number as usize].vectors[MIXED] {
            let posting = &postings[*term as usize];
            if posting.len() > MOST_POSTINGS {
                continue;
            }
            for (other, product) in posting {
                let sum = &mut near.products[*other as usize];
                if *sum == 0.0 {
                    near.touched.push(*other);
                }
                *sum += weight * product;
            }
        }
        for other in near.touched.drain(..) {
            let product = std::mem::take(&mut near.products[other as usize]);
            let of = &index.groups()[index.variants()[other as usize].group as usize];
            if of.entry != group.entry && of.language == group.language {
                let known = best.entry(other).or_default();
                *known = known.max(product);
            }
        }
    }
    let mut sorted: Vec<(u32, f32)> = best.into_iter().collect();
    sorted.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    sorted.truncate(NEGATIVES);
    sorted.into_iter().map(|(number, _)| number).collect()
}
