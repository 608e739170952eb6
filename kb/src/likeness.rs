//! The forward index: how alike a question and an entry are, seen in several ways.
//!
//! The inverted index finds who shares terms; here the finds are compared closely. An entry in one language is a *group*
//! of variants: an entry's two languages are compared apart, or the one would water down the other.
//!
//! Weights are TF-IDF with binary term frequency and `idf = ln((1 + n) / (1 + df)) + 1` over variants (as in
//! scikit-learn's `TfidfVectorizer`); shares and BM25 (Robertson & Zaragoza 2009) weigh by
//! `ln(1 + (N - df + ½) / (df + ½))` over groups: a term that twenty variants of one entry share tells entries apart as
//! well as one that occurs once.

mod build;
mod compare;

use std::collections::HashMap;
use std::ops::Range;

use language::Language;

use crate::HeldOut;
use crate::analysis::SPACES;

pub(crate) use build::Beside;
pub(crate) use compare::{Likeness, WeighedQuery, look_up};

/// A sparse vector: term numbers in ascending order with their weights.
pub(crate) type Vector = Vec<(u32, f32)>;

/// Terms of every variant and answer as numbers, with everything that comparing needs.
#[derive(Debug)]
pub(crate) struct ForwardIndex {
    vocabulary: [HashMap<String, u32>; SPACES],
    statistics: [Statistics; SPACES],
    variants: Vec<VariantTerms>,
    groups: Vec<GroupTerms>,
    /// By entry: its groups.
    of_entry: Vec<Range<u32>>,
    /// Groups of the language that has more: what document frequencies are a share of.
    documents: usize,
}

/// What is known about the terms of one space, by term number.
#[derive(Debug, Default)]
struct Statistics {
    /// Inverse document frequency over variants.
    idf: Vec<f32>,
    /// Groups that ask with it.
    asked: Vec<u32>,
    /// Groups that ask or answer with it.
    about: Vec<u32>,
    /// Inverse document frequency over answers.
    answer_idf: Vec<f32>,
    /// Terms in a group, on average, repetitions counted.
    mean_length: f32,
}

#[derive(Debug)]
pub(crate) struct VariantTerms {
    /// Its group.
    pub group: u32,
    key: String,
    /// By space: unit vectors.
    pub vectors: [Vector; SPACES],
    /// Σ idf of its written terms.
    mass: f32,
}

/// A term of a group: its weight in the sum of the variants' unit vectors, and how many variants have it.
#[derive(Clone, Copy, Debug)]
struct Gathered {
    term: u32,
    weight: f32,
    count: u32,
}

#[derive(Debug, Default)]
pub(crate) struct GroupTerms {
    pub entry: u32,
    pub language: Option<Language>,
    /// Numbers of its variants; the first is the title question.
    pub variants: Range<u32>,
    /// By space, sorted by term. Keywords count as one more variant.
    gathered: [Vec<Gathered>; SPACES],
    /// By space: Euclidean length of the gathered vector.
    lengths: [f32; SPACES],
    /// By space: Σ counts.
    terms: [u32; SPACES],
    /// Whether there is anything but variants in it.
    has_keywords: bool,
    /// The answers' written terms, a unit vector.
    answer: Vector,
}

impl VariantTerms {
    /// Its search key: its units, separated by spaces.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl ForwardIndex {
    /// Groups in entry order.
    pub fn groups(&self) -> &[GroupTerms] {
        &self.groups
    }

    /// An entry's group in a language, or its other one.
    pub fn group_of(&self, entry: u32, language: Language) -> u32 {
        let groups = self.of_entry.get(entry as usize).cloned().unwrap_or_default();
        let own = groups.clone().find(|group| self.groups[*group as usize].language == Some(language));
        own.unwrap_or(groups.start)
    }

    /// All variants, in the publication's order.
    pub fn variants(&self) -> &[VariantTerms] {
        &self.variants
    }

    /// The number of terms of a space.
    pub fn terms(&self, space: usize) -> usize {
        self.vocabulary[space].len()
    }

    /// Terms of every group in one space with the number of variants that have each, for the inverted index.
    pub fn terms_by_group(&self, spaces: Range<usize>) -> impl Iterator<Item = Vec<Vec<(&str, usize)>>> {
        let names: Vec<Vec<&str>> = spaces
            .clone()
            .map(|space| {
                let mut names = vec![""; self.vocabulary[space].len()];
                for (name, number) in &self.vocabulary[space] {
                    names[*number as usize] = name;
                }
                names
            })
            .collect();
        self.groups.iter().map(move |group| {
            let terms = |space: usize| {
                let counted = |g: &Gathered| (names[space - spaces.start][g.term as usize], g.count as usize);
                group.gathered[space].iter().map(counted).collect()
            };
            spaces.clone().map(terms).collect()
        })
    }

    /// Of a question's terms in one space, those that the fewest groups ask with.
    pub fn rarest<'a>(&self, space: usize, terms: &'a [String], limit: usize) -> Vec<&'a str> {
        let asked = |term: &String| {
            let number = *self.vocabulary[space].get(term)?;
            Some(self.statistics[space].asked[number as usize]).filter(|asked| *asked > 0)
        };
        let mut known: Vec<(u32, &str)> =
            terms.iter().filter_map(|term| Some((asked(term)?, term.as_str()))).collect();
        known.sort_by_key(|(asked, _)| *asked);
        known.into_iter().take(limit).map(|(_, term)| term).collect()
    }

    /// The variant that is held out, alone or with its entry.
    fn hidden_variant(&self, held_out: HeldOut) -> Option<&VariantTerms> {
        match held_out {
            HeldOut::Variant(number) => self.variants.get(number as usize),
            _ => None,
        }
    }

    /// The group that is held out whole.
    pub fn hidden_group(&self, held_out: HeldOut) -> Option<u32> {
        match held_out {
            HeldOut::LanguageOf(number) => Some(self.variants.get(number as usize)?.group),
            _ => None,
        }
    }

    /// The entry that is held out whole.
    pub fn hidden_entry(&self, held_out: HeldOut) -> Option<u32> {
        match held_out {
            HeldOut::EntryOf(number) => {
                let variant = self.variants.get(number as usize)?;
                Some(self.groups.get(variant.group as usize)?.entry)
            }
            _ => None,
        }
    }
}

/// The product of two vectors.
pub(crate) fn dot(a: &[(u32, f32)], b: &[(u32, f32)]) -> f32 {
    let (mut i, mut j, mut sum) = (0, 0, 0.0);
    while let (Some((x, v)), Some((y, w))) = (a.get(i), b.get(j)) {
        match x.cmp(y) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                sum += v * w;
                i += 1;
                j += 1;
            }
        }
    }
    sum
}

/// The vector scaled to length 1; an empty one stays empty.
fn unit(mut vector: Vector) -> Vector {
    let length = vector.iter().map(|(_, w)| w * w).sum::<f32>().sqrt();
    if length > 0.0 {
        for (_, weight) in &mut vector {
            *weight /= length;
        }
    }
    vector
}

/// Inverse document frequency for shares and BM25, kept positive as in Lucene.
fn idf(document_frequency: u32, documents: usize) -> f32 {
    let (n, df) = (documents as f32, document_frequency as f32);
    (1.0 + (n - df + 0.5).max(0.0) / (df + 0.5)).ln()
}
