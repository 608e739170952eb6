//! What tells an entry's questions from the most similar ones of other entries.
//!
//! For every group a linear support vector machine with squared hinge loss, in its dual form, trained by coordinate descent
//! (Hsieh et al. 2008, "A dual coordinate descent method for large-scale linear SVM") on the group's variants against the
//! nearest variants of other entries in the same language. Only neighbours are ever compared with each other, so that
//! neighbours are all that need telling apart: measured on public FAQ data, 60 nearest variants as negatives do as well as
//! all, and the work grows with the number of variants instead of its square.

use rustc_hash::FxHashMap;

use crate::likeness::{ForwardIndex, GroupTerms, WeighedQuery};

/// Nearest variants of other entries that a group is told from.
const NEGATIVES: usize = 60;

/// The cost of a violated margin; 1 is the usual one for unit vectors.
const COST: f32 = 1.0;

/// Passes over the examples of one machine; the duals hardly move after ten.
const PASSES: usize = 15;

/// Terms that occur in more variants than this say nothing about which variants are near, once there are many.
const MOST_POSTINGS: usize = 1_500;

/// Support vectors as (variant, signed weight times the variant's scale), and the bias.
#[derive(Clone, Debug, Default)]
struct Machine {
    support: Vec<(u32, f32)>,
    bias: f32,
}

/// A machine for every group.
#[derive(Clone, Debug, Default)]
pub(crate) struct Learned {
    /// The space in which it compares.
    space: usize,
    machines: Vec<Machine>,
}

impl Learned {
    /// Trains in one space on all variants for which `keep` holds.
    pub fn train(index: &ForwardIndex, space: usize, keep: impl Fn(u32) -> bool + Sync) -> Self {
        if !index.few() {
            return Self::default();
        }
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let chunk = index.groups().len().div_ceil(threads).max(1);
        let machines = std::thread::scope(|scope| {
            let trainers: Vec<_> = index
                .groups()
                .chunks(chunk)
                .map(|groups| {
                    let keep = &keep;
                    scope.spawn(move || {
                        let mut near = Nearness {
                            products: vec![0.0; index.variants().len()],
                            touched: Vec::new(),
                            weights: vec![0.0; index.terms(space)],
                        };
                        groups
                            .iter()
                            .map(|group| train(index, space, group, keep, &mut near))
                            .collect::<Vec<_>>()
                    })
                })
                .collect();
            trainers.into_iter().flat_map(|trainer| trainer.join().unwrap_or_default()).collect()
        });
        Self { space, machines }
    }

    /// The decision values of groups for a question; about 1 for their own questions and -1 for their neighbours'.
    pub fn scores(&self, question: &WeighedQuery, groups: &[u32]) -> Vec<f32> {
        let Some(products) = question.products(self.space) else { return vec![0.0; groups.len()] };
        let score = |group: &u32| {
            let Some(machine) = self.machines.get(*group as usize) else { return 0.0 };
            let support = machine.support.iter();
            let products = support.map(|(variant, weight)| weight * products[*variant as usize]);
            machine.bias + products.sum::<f32>()
        };
        groups.iter().map(score).collect()
    }
}

/// Room for the nearness of every variant to a group, used again and again.
struct Nearness {
    products: Vec<f32>,
    touched: Vec<u32>,
    /// Room for one vector, by term number; all 0 between two uses.
    weights: Vec<f32>,
}

fn train(
    index: &ForwardIndex,
    space: usize,
    group: &GroupTerms,
    keep: &impl Fn(u32) -> bool,
    near: &mut Nearness,
) -> Machine {
    let own: Vec<u32> = group.variants.clone().filter(|number| keep(*number)).collect();
    if own.is_empty() {
        return Machine::default();
    }
    let others = nearest(index, space, group, &own, keep, near);
    let examples: Vec<u32> = own.iter().chain(&others).copied().collect();
    let gram = gram(index, space, &examples, &mut near.weights);
    let label = |at: usize| if at < own.len() { 1.0 } else { -1.0 };
    let duals = descend(&gram, label);
    let signed = |(at, dual): (usize, &f32)| (*dual > 1e-4).then(|| (examples[at], label(at) * dual));
    let support: Vec<(u32, f32)> = duals.iter().enumerate().filter_map(signed).collect();
    let bias = support.iter().map(|(_, weight)| weight).sum();
    let scaled = |(variant, weight)| (variant, weight * index.scale_of(space, variant));
    Machine { bias, support: support.into_iter().map(scaled).collect() }
}

/// The products of all examples with each other; the constant 1 beside every vector carries the bias.
fn gram(index: &ForwardIndex, space: usize, examples: &[u32], weights: &mut [f32]) -> Vec<Vec<f32>> {
    let mut gram = vec![vec![0.0; examples.len()]; examples.len()];
    for (at, example) in examples.iter().enumerate() {
        // Spread out by term number, a vector is multiplied with others by looking up.
        for (term, weight) in index.weights_of(space, *example) {
            weights[term as usize] = weight * index.idf(space, term);
        }
        for (other, example) in examples.iter().enumerate().skip(at) {
            let row = index.terms_of(space, *example).iter();
            let product: f32 = row.map(|term| weights[*term as usize]).sum();
            let product = product * index.scale_of(space, *example) + 1.0;
            (gram[at][other], gram[other][at]) = (product, product);
        }
        index.terms_of(space, *example).iter().for_each(|term| weights[*term as usize] = 0.0);
    }
    gram
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
    space: usize,
    group: &GroupTerms,
    own: &[u32],
    keep: &impl Fn(u32) -> bool,
    near: &mut Nearness,
) -> Vec<u32> {
    let mut best: FxHashMap<u32, f32> = FxHashMap::default();
    for number in own {
        for (term, weight) in index.weights_of(space, *number) {
            let having = index.having(space, term);
            if having.len() > MOST_POSTINGS {
                continue;
            }
            // The others' weight of the term is this idf times their scale, which is multiplied with below.
            let weight = weight * index.idf(space, term);
            for other in having {
                let sum = &mut near.products[*other as usize];
                if *sum == 0.0 {
                    near.touched.push(*other);
                }
                *sum += weight;
            }
        }
        for other in near.touched.drain(..) {
            let product = std::mem::take(&mut near.products[other as usize]);
            let of = &index.groups()[index.variants()[other as usize].group as usize];
            if of.entry != group.entry && of.language == group.language && keep(other) {
                let known = best.entry(other).or_default();
                *known = known.max(product * index.scale_of(space, other));
            }
        }
    }
    let mut sorted: Vec<(u32, f32)> = best.into_iter().collect();
    sorted.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    sorted.truncate(NEGATIVES);
    sorted.into_iter().map(|(number, _)| number).collect()
}
