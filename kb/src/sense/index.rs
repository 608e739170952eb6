//! The vectors of a publication's ways of asking, small enough for a hundred thousand entries: a byte a number.

use std::ops::Range;

use super::Sense;
use crate::HeldOut;
use crate::parallel;

/// So many variants are encoded at once, so that their full vectors are never all in memory.
const AT_ONCE: usize = 8_192;

/// Vectors in eight bits: numbers and what one of them is worth.
#[derive(Debug, Default)]
struct Packed {
    dimensions: usize,
    numbers: Vec<i8>,
    scales: Vec<f32>,
}

impl Packed {
    fn new(dimensions: usize) -> Self {
        Self { dimensions, ..Self::default() }
    }

    fn push(&mut self, vector: &[f32]) {
        let most = vector.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
        let scale = most / f32::from(i8::MAX);
        self.scales.push(scale);
        // A quotient lies between -127 and 127; of nothing it is nothing.
        let pack = |x: &f32| if scale > 0.0 { (x / scale).round() as i8 } else { 0 };
        self.numbers.extend(vector.iter().map(pack));
    }

    fn row(&self, row: usize) -> (&[i8], f32) {
        let range = row * self.dimensions..(row + 1) * self.dimensions;
        let numbers = self.numbers.get(range).unwrap_or_default();
        (numbers, self.scales.get(row).copied().unwrap_or_default())
    }

    /// The product of two rows, of this and of another table.
    fn product(&self, row: usize, other: &Self, with: usize) -> f32 {
        let ((a, scale), (b, by)) = (self.row(row), other.row(with));
        let sum: i32 = a.iter().zip(b).map(|(x, y)| i32::from(i16::from(*x) * i16::from(*y))).sum();
        sum as f32 * scale * by
    }
}

/// The length of a question that says much: half of real questions of citizens have two thirds of it.
const MUCH: f32 = 3.0;

/// A question's vector.
#[derive(Debug)]
pub(crate) struct Asked {
    vector: Packed,
    length: f32,
}

impl Asked {
    /// How much the question means: between 0 and 1.
    pub fn meaning(&self) -> f32 {
        (self.length / MUCH).min(1.0)
    }
}

/// What the sense table says about one group. Cosines, cut off at 0 below.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct SenseScore {
    /// With the closest way of asking.
    pub closest: f32,
    /// With all of them together: the sum of their unit vectors.
    pub gathered: f32,
}

/// Vectors of variants and of groups (an entry in one language). Comparing is left to the candidates that others found: a
/// hundred thousand groups are not read through for a question.
#[derive(Debug)]
pub(crate) struct SenseIndex {
    sense: &'static Sense,
    variants: Packed,
    /// By group: the sum of its variants' vectors at length 1, and the length that it had.
    gathered: Packed,
    lengths: Vec<f32>,
}

impl SenseIndex {
    /// Of variants given by their search keys, in the order of their numbers, and the variants of each group.
    pub fn build(keys: &[&str], groups: impl Iterator<Item = Range<u32>>) -> Self {
        let sense = Sense::built_in();
        let mut index = Self {
            sense,
            variants: Packed::new(sense.dimensions),
            gathered: Packed::new(sense.dimensions),
            lengths: Vec::new(),
        };
        for keys in keys.chunks(AT_ONCE) {
            for vector in parallel::map(keys, |key| sense.of_units(key.split(' ')).0) {
                index.variants.push(&vector);
            }
        }
        for variants in groups {
            let mut sum = vec![0.0; sense.dimensions];
            for variant in variants {
                let (numbers, scale) = index.variants.row(variant as usize);
                sum.iter_mut().zip(numbers).for_each(|(sum, x)| *sum += scale * f32::from(*x));
            }
            index.gathered.push(&sum);
            index.lengths.push(sum.iter().map(|x| x * x).sum::<f32>().sqrt());
        }
        index
    }

    /// A question by its search key.
    pub fn ask(&self, key: &str) -> Asked {
        let (sum, length) = self.sense.of_units(key.split(' '));
        let mut vector = Packed::new(self.sense.dimensions);
        vector.push(&sum);
        Asked { vector, length }
    }

    /// All variants of a group together: one product.
    pub fn glance(&self, asked: &Asked, group: u32) -> f32 {
        let length = self.lengths.get(group as usize).copied().unwrap_or_default();
        cosine(self.gathered.product(group as usize, &asked.vector, 0), length)
    }

    /// A group whose variants are `variants`, without the one that is held out.
    pub fn score(&self, asked: &Asked, group: u32, variants: Range<u32>, held_out: HeldOut) -> SenseScore {
        let hidden = match held_out {
            HeldOut::Variant(number) if variants.contains(&number) => Some(number as usize),
            _ => None,
        };
        let left = variants.map(|number| number as usize).filter(|number| Some(*number) != hidden);
        let closest = left.map(|number| self.variants.product(number, &asked.vector, 0)).fold(0.0, f32::max);
        let (group, mut length) =
            (group as usize, self.lengths.get(group as usize).copied().unwrap_or_default());
        let mut product = self.gathered.product(group, &asked.vector, 0);
        if let Some(hidden) = hidden {
            let own = self.variants.product(hidden, &self.gathered, group);
            let squares = self.variants.product(hidden, &self.variants, hidden);
            product -= self.variants.product(hidden, &asked.vector, 0);
            length = (length * length - 2.0 * own + squares).max(0.0).sqrt();
        }
        SenseScore { closest: closest.min(1.0), gathered: cosine(product, length) }
    }
}

/// What is left of unit vectors after rounding is longer than this, or nothing.
const NOTHING: f32 = 0.1;

fn cosine(product: f32, length: f32) -> f32 {
    if length > NOTHING { (product / length).clamp(0.0, 1.0) } else { 0.0 }
}
