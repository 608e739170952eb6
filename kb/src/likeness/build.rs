//! Building the forward index.

use language::Language;
use rustc_hash::FxHashMap;

use super::{ForwardIndex, Gathered, GroupTerms, MULTIPLIED, Rows, Statistics, VariantTerms, scale};
use crate::analysis::{MIXED, SPACES, TermList, Terms};
use crate::{Variant, parallel};

/// What a group has besides its variants.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beside {
    /// Terms of its keywords, each analysed by itself.
    pub keywords: Vec<Terms>,
    /// Terms of its answers.
    pub answer: Terms,
}

/// The terms of an entry.
pub(crate) struct EntryTerms {
    /// Of its variants, in publication order.
    pub variants: Vec<Terms>,
    /// What it has besides, in the order of [`Language::ALL`].
    pub besides: [Beside; 2],
}

/// So many entries are analysed before their terms become numbers: the terms of a hundred thousand entries as text take gigabytes.
const BATCH: usize = 2_048;

impl ForwardIndex {
    /// Indexes variants in publication order (those of an entry lie together, and of those the ones in one language). `analyse`
    /// gives the terms of an entry, by its number and its variants.
    pub fn build(
        variants: &[Variant],
        entries: usize,
        analyse: impl Fn(usize, &[Variant]) -> EntryTerms + Sync,
    ) -> Self {
        let mut index = Self {
            vocabulary: Default::default(),
            statistics: Default::default(),
            variants: Vec::with_capacity(variants.len()),
            rows: Default::default(),
            scales: Default::default(),
            groups: Vec::new(),
            gathered: Default::default(),
            answers: Rows::default(),
            having: Default::default(),
            answering: Rows::default(),
            of_entry: vec![0..0; entries],
            documents: 1,
        };
        let mut keywords = Vec::new();
        let by_entry: Vec<&[Variant]> = variants.chunk_by(|a, b| a.entry == b.entry).collect();
        for batch in by_entry.chunks(BATCH) {
            let analysed = parallel::map(batch, |variants| analyse(variants[0].entry as usize, variants));
            for (variants, analysed) in batch.iter().zip(analysed) {
                index.add(variants, analysed, &mut keywords);
            }
        }
        let languages = Language::ALL
            .map(|language| index.groups.iter().filter(|g| g.language == Some(language)).count());
        index.documents = languages.into_iter().max().unwrap_or_default().max(1);
        for keywords in &keywords {
            index.rows.iter_mut().zip(keywords).for_each(|(rows, keywords)| rows.push(keywords));
        }
        drop(keywords);
        index.count();
        index.weigh_rows();
        index.gather();
        if index.few() {
            for space in MULTIPLIED {
                index.having[space] = index.rows[space].turned(index.vocabulary[space].len());
            }
            index.answering = index.answers.turned(index.vocabulary[MIXED].len());
        }
        index
    }

    fn add(&mut self, variants: &[Variant], analysed: EntryTerms, keywords: &mut Vec<[Vec<u32>; SPACES]>) {
        let first = self.groups.len();
        for (variant, document) in variants.iter().zip(analysed.variants) {
            let own =
                self.groups[first..].last().is_some_and(|group| group.language == Some(variant.language));
            if !own {
                let at = Language::ALL.iter().position(|other| *other == variant.language);
                keywords.push(self.open_group(variant, &analysed.besides[at.unwrap_or_default()]));
            }
            let number = self.variants.len() as u32;
            if let Some(group) = self.groups.last_mut() {
                group.variants.end = number + 1;
            }
            for (space, terms) in document.spaces.iter().enumerate() {
                let row = numbers(&mut self.vocabulary[space], [terms]);
                self.rows[space].push(&row);
            }
            let group = self.groups.len() as u32 - 1;
            self.variants.push(VariantTerms { group, key: document.key.into_boxed_str(), mass: 0.0 });
        }
        if let Some(groups) = variants.first().and_then(|v| self.of_entry.get_mut(v.entry as usize)) {
            *groups = first as u32..self.groups.len() as u32;
        }
    }

    fn open_group(&mut self, variant: &Variant, beside: &Beside) -> [Vec<u32>; SPACES] {
        let at = self.variants.len() as u32;
        self.answers.push(&numbers(&mut self.vocabulary[MIXED], [&beside.answer.spaces[MIXED]]));
        let keywords = std::array::from_fn(|space| {
            numbers(&mut self.vocabulary[space], beside.keywords.iter().map(|k| &k.spaces[space]))
        });
        self.groups.push(GroupTerms {
            entry: variant.entry,
            language: Some(variant.language),
            variants: at..at,
            has_keywords: !beside.keywords.is_empty(),
            ..GroupTerms::default()
        });
        keywords
    }

    /// Document frequencies.
    fn count(&mut self) {
        let most_variants = Language::ALL
            .map(|language| {
                let groups = self.groups.iter().filter(|g| g.language == Some(language));
                groups.map(|g| g.variants.len()).sum::<usize>()
            })
            .into_iter()
            .max()
            .unwrap_or_default();
        for space in 0..SPACES {
            let terms = self.vocabulary[space].len();
            let (mut variants, mut answers) = (vec![0_u32; terms], vec![0_u32; terms]);
            let (mut asked, mut about) = (vec![0_u32; terms], vec![0_u32; terms]);
            let mut here: Vec<u32> = Vec::new();
            for (number, group) in self.groups.iter().enumerate() {
                here.clear();
                here.extend_from_slice(self.terms_of(space, self.keywords_of(number as u32)));
                for variant in group.variants.clone() {
                    let row = self.terms_of(space, variant);
                    for term in row {
                        variants[*term as usize] += 1;
                    }
                    here.extend_from_slice(row);
                }
                here.sort_unstable();
                here.dedup();
                for term in &here {
                    asked[*term as usize] += 1;
                    about[*term as usize] += 1;
                }
                if space == MIXED {
                    for term in self.answers.row(number) {
                        answers[*term as usize] += 1;
                        about[*term as usize] += u32::from(here.binary_search(term).is_err());
                    }
                }
            }
            let smoothed = |df: &u32, n: usize| ((1.0 + n as f32) / (1.0 + *df as f32)).max(1.0).ln() + 1.0;
            self.statistics[space] = Statistics {
                idf: variants.iter().map(|df| smoothed(df, most_variants)).collect(),
                answer_idf: answers.iter().map(|df| smoothed(df, self.documents)).collect(),
                asked,
                about,
                mean_length: 0.0,
            };
        }
    }

    fn weigh_rows(&mut self) {
        for space in 0..SPACES {
            let (rows, idf) = (&self.rows[space], &self.statistics[space].idf);
            let weights = |row: usize| rows.row(row).iter().map(|term| idf[*term as usize]);
            self.scales[space] = (0..rows.len()).map(|row| scale(weights(row))).collect();
            if space == MIXED {
                for (number, variant) in self.variants.iter_mut().enumerate() {
                    variant.mass = weights(number).sum();
                }
            }
        }
        let idf = &self.statistics[MIXED].answer_idf;
        for (number, group) in self.groups.iter_mut().enumerate() {
            group.answer_scale = scale(self.answers.row(number).iter().map(|term| idf[*term as usize]));
        }
    }

    fn gather(&mut self) {
        for space in 0..SPACES {
            let mut gathered = Gathered::default();
            // Term and scale of every row that has it.
            let mut here: Vec<(u32, f32)> = Vec::new();
            let mut terms: Vec<u32> = Vec::new();
            for number in 0..self.groups.len() {
                let rows = self.groups[number].variants.clone().chain([self.keywords_of(number as u32)]);
                here.clear();
                for row in rows {
                    let scale = self.scale_of(space, row);
                    here.extend(self.terms_of(space, row).iter().map(|term| (*term, scale)));
                }
                here.sort_by_key(|(term, _)| *term);
                terms.clear();
                let mut squares = 0.0;
                for same in here.chunk_by(|a, b| a.0 == b.0) {
                    let idf = self.statistics[space].idf[same[0].0 as usize];
                    let weight: f32 = same.iter().map(|(_, scale)| idf * scale).sum();
                    terms.push(same[0].0);
                    gathered.weights.push(weight);
                    gathered.counts.push(u16::try_from(same.len()).unwrap_or(u16::MAX));
                    squares += weight * weight;
                }
                gathered.rows.push(&terms);
                let group = &mut self.groups[number];
                group.lengths[space] = squares.sqrt();
                group.terms[space] = here.len() as u32;
            }
            self.gathered[space] = gathered;
            let all: u32 = self.groups.iter().map(|group| group.terms[space]).sum();
            self.statistics[space].mean_length = all as f32 / self.groups.len().max(1) as f32;
        }
    }
}

/// Terms as sorted numbers, new ones added to the vocabulary.
fn numbers<'a>(
    vocabulary: &mut FxHashMap<Box<str>, u32>,
    terms: impl IntoIterator<Item = &'a TermList>,
) -> Vec<u32> {
    let mut numbers = Vec::new();
    for term in terms.into_iter().flat_map(TermList::iter) {
        let next = vocabulary.len() as u32;
        numbers.push(match vocabulary.get(term) {
            Some(known) => *known,
            None => *vocabulary.entry(term.into()).or_insert(next),
        });
    }
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}
