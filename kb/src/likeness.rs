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
mod rows;

use std::ops::Range;

use language::Language;
use rustc_hash::FxHashMap;

use crate::HeldOut;
use crate::analysis::{MIXED, SOUND, SPACES};

pub(crate) use build::{Beside, EntryTerms};
pub(crate) use compare::{Likeness, WeighedQuery};
pub(crate) use rows::Rows;

/// Terms of every variant and answer as numbers, with everything that comparing needs.
#[derive(Debug)]
pub(crate) struct ForwardIndex {
    vocabulary: [FxHashMap<Box<str>, u32>; SPACES],
    statistics: [Statistics; SPACES],
    variants: Vec<VariantTerms>,
    /// By space: the terms of every variant, and after them the keywords of every group. A row's vector has the idf of each, times
    /// the row's scale.
    rows: [Rows; SPACES],
    scales: [Vec<f32>; SPACES],
    groups: Vec<GroupTerms>,
    /// By space: the terms of every group.
    gathered: [Gathered; SPACES],
    /// The written terms of every group's answers.
    answers: Rows,
    /// By space: the rows that have each term; of few groups only (see [`Self::few`]).
    having: [Rows; SPACES],
    /// The groups whose answers have each term; of few groups only.
    answering: Rows,
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
    key: Box<str>,
    /// Σ idf of its written terms.
    mass: f32,
}

/// The terms of groups: of each its weight in the sum of the variants' unit vectors, and how many variants have it. Keywords
/// count as one more variant.
#[derive(Debug, Default)]
struct Gathered {
    rows: Rows,
    weights: Vec<f32>,
    counts: Vec<u16>,
}

#[derive(Debug, Default)]
pub(crate) struct GroupTerms {
    pub entry: u32,
    pub language: Option<Language>,
    /// Numbers of its variants; the first is the title question.
    pub variants: Range<u32>,
    /// By space: Euclidean length of the gathered vector.
    lengths: [f32; SPACES],
    /// By space: Σ counts.
    terms: [u32; SPACES],
    /// Whether there is anything but variants in it.
    has_keywords: bool,
    /// One by the Euclidean length of the idf over answers of the answers' terms.
    answer_scale: f32,
}

impl Gathered {
    /// How many variants of a group have a term.
    fn count(&self, group: usize, term: u32) -> u32 {
        let range = self.rows.range(group);
        match self.rows.row(group).binary_search(&term) {
            Ok(at) => u32::from(self.counts[range.start + at]),
            Err(_) => 0,
        }
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

    /// The search keys of all variants.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.variants.iter().map(|variant| &*variant.key)
    }

    /// The number of terms of a space.
    pub fn terms(&self, space: usize) -> usize {
        self.vocabulary[space].len()
    }

    /// The terms of a variant, sorted.
    pub fn terms_of(&self, space: usize, variant: u32) -> &[u32] {
        self.rows[space].row(variant as usize)
    }

    /// By how much a product with a variant's idf is multiplied to be one with its unit vector.
    pub fn scale_of(&self, space: usize, variant: u32) -> f32 {
        self.scales[space][variant as usize]
    }

    /// Whether there are so few groups that a question can be multiplied with every variant, and that machines are learned.
    pub fn few(&self) -> bool {
        self.groups.len() <= MOST_GROUPS
    }

    /// The variants that have a term; none where groups are not [few](Self::few).
    pub fn having(&self, space: usize, term: u32) -> &[u32] {
        let rows = self.having[space].row(term as usize);
        &rows[..rows.partition_point(|row| (*row as usize) < self.variants.len())]
    }

    /// The row of a group's keywords.
    fn keywords_of(&self, group: u32) -> u32 {
        self.variants.len() as u32 + group
    }

    /// The weights that a variant's terms have in its unit vector.
    pub fn weights_of(&self, space: usize, variant: u32) -> impl Iterator<Item = (u32, f32)> {
        let (idf, scale) = (&self.statistics[space].idf, self.scale_of(space, variant));
        self.terms_of(space, variant).iter().map(move |term| (*term, idf[*term as usize] * scale))
    }

    /// A term's inverse document frequency over variants.
    pub fn idf(&self, space: usize, term: u32) -> f32 {
        self.statistics[space].idf[term as usize]
    }

    /// Terms of every group in one space, and of each term the number of variants that have it.
    pub fn groups_in(&self, space: usize) -> impl Iterator<Item = (&[u32], &[u16])> {
        let gathered = &self.gathered[space];
        let group = |at: usize| (gathered.rows.row(at), &gathered.counts[gathered.rows.range(at)]);
        (0..gathered.rows.len()).map(group)
    }

    /// The variant that is held out, alone or with its entry.
    fn hidden_variant(&self, held_out: HeldOut) -> Option<u32> {
        match held_out {
            HeldOut::Variant(number) => {
                Some(number).filter(|number| (*number as usize) < self.variants.len())
            }
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

/// The spaces in which a question is multiplied with every variant, where groups are [few](ForwardIndex::few): all in which machines are
/// learned.
const MULTIPLIED: [usize; 2] = [MIXED, SOUND];

/// Of more groups than this, what is learned about every group is left out: their neighbourhoods are then too large to be learned
/// from a handful of questions, and publishing shall stay quick.
const MOST_GROUPS: usize = 20_000;

/// One by the Euclidean length of weights; 0 where they are none.
fn scale(weights: impl Iterator<Item = f32>) -> f32 {
    let length = weights.map(|w| w * w).sum::<f32>().sqrt();
    if length > 0.0 { 1.0 / length } else { 0.0 }
}

/// Inverse document frequency for shares and BM25, kept positive as in Lucene.
fn idf(document_frequency: u32, documents: usize) -> f32 {
    let (n, df) = (documents as f32, document_frequency as f32);
    (1.0 + (n - df + 0.5).max(0.0) / (df + 0.5)).ln()
}
