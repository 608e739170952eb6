//! Building the forward index.

use std::collections::{BTreeMap, HashMap};

use language::Language;

use super::{ForwardIndex, Gathered, GroupTerms, Statistics, VariantTerms, Vector, unit};
use crate::Variant;
use crate::analysis::{MIXED, SPACES, Terms};

/// What a group has besides its variants.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beside {
    /// Terms of its keywords, each analysed by itself.
    pub keywords: Vec<Terms>,
    /// Terms of its answers.
    pub answer: Terms,
}

impl ForwardIndex {
    /// Indexes variants given by their terms, in publication order (those of an entry in one language lie together).
    /// `beside` tells what else an entry has in a language.
    pub fn build(
        variants: &[Variant],
        documents: Vec<Terms>,
        entries: usize,
        mut beside: impl FnMut(u32, Language) -> Beside,
    ) -> Self {
        let mut index = Self {
            vocabulary: Default::default(),
            statistics: Default::default(),
            variants: Vec::with_capacity(documents.len()),
            groups: Vec::new(),
            of_entry: vec![0..0; entries],
            documents: 1,
        };
        let mut keywords = Vec::new();
        for (variant, document) in variants.iter().zip(documents) {
            let new = index
                .groups
                .last()
                .is_none_or(|g| g.entry != variant.entry || g.language != Some(variant.language));
            if new {
                keywords.push(index.open_group(variant, &beside(variant.entry, variant.language)));
            }
            let number = index.variants.len() as u32;
            if let Some(group) = index.groups.last_mut() {
                group.variants.end = number + 1;
            }
            let vectors =
                std::array::from_fn(|space| binary(&mut index.vocabulary[space], &document.spaces[space]));
            let group = index.groups.len() as u32 - 1;
            index.variants.push(VariantTerms { group, key: document.key, vectors, mass: 0.0 });
        }
        let languages = Language::ALL
            .map(|language| index.groups.iter().filter(|g| g.language == Some(language)).count());
        index.documents = languages.into_iter().max().unwrap_or_default().max(1);
        index.count(&keywords);
        index.weigh_variants();
        index.gather(keywords);
        index
    }

    fn open_group(&mut self, variant: &Variant, beside: &Beside) -> [Vector; SPACES] {
        let number = self.groups.len() as u32;
        let (entry, at) = (variant.entry as usize, self.variants.len() as u32);
        if let Some(groups) = self.of_entry.get_mut(entry) {
            *groups = if groups.start == groups.end { number..number + 1 } else { groups.start..number + 1 };
        }
        let answer = binary(&mut self.vocabulary[MIXED], &beside.answer.spaces[MIXED]);
        let keywords = std::array::from_fn(|space| {
            let terms: Vec<String> =
                beside.keywords.iter().flat_map(|k| k.spaces[space].iter().cloned()).collect();
            binary(&mut self.vocabulary[space], &terms)
        });
        self.groups.push(GroupTerms {
            entry: variant.entry,
            language: Some(variant.language),
            variants: at..at,
            has_keywords: !beside.keywords.is_empty(),
            answer,
            ..GroupTerms::default()
        });
        keywords
    }

    /// Document frequencies.
    fn count(&mut self, keywords: &[[Vector; SPACES]]) {
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
            for (group, keywords) in self.groups.iter().zip(keywords) {
                let range = group.variants.start as usize..group.variants.end as usize;
                let mut here: Vec<u32> = keywords[space].iter().map(|(term, _)| *term).collect();
                for variant in &self.variants[range] {
                    for (term, _) in &variant.vectors[space] {
                        variants[*term as usize] += 1;
                        here.push(*term);
                    }
                }
                here.sort_unstable();
                here.dedup();
                for term in &here {
                    asked[*term as usize] += 1;
                    about[*term as usize] += 1;
                }
                if space == MIXED {
                    for (term, _) in &group.answer {
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

    fn weigh_variants(&mut self) {
        for space in 0..SPACES {
            let idf = &self.statistics[space].idf;
            for variant in &mut self.variants {
                let weighed: Vector =
                    variant.vectors[space].iter().map(|(t, _)| (*t, idf[*t as usize])).collect();
                if space == MIXED {
                    variant.mass = weighed.iter().map(|(_, w)| w).sum();
                }
                variant.vectors[space] = unit(weighed);
            }
        }
        let idf = &self.statistics[MIXED].answer_idf;
        for group in &mut self.groups {
            group.answer = unit(group.answer.iter().map(|(t, _)| (*t, idf[*t as usize])).collect());
        }
    }

    fn gather(&mut self, keywords: Vec<[Vector; SPACES]>) {
        for (group, keywords) in self.groups.iter_mut().zip(keywords) {
            let variants = &self.variants[group.variants.start as usize..group.variants.end as usize];
            for (space, keywords) in keywords.into_iter().enumerate() {
                let idf = &self.statistics[space].idf;
                let keywords = unit(keywords.into_iter().map(|(t, _)| (t, idf[t as usize])).collect());
                let mut sums: BTreeMap<u32, (f32, u32)> = BTreeMap::new();
                for (term, weight) in variants.iter().flat_map(|v| &v.vectors[space]).chain(&keywords) {
                    let sum = sums.entry(*term).or_default();
                    *sum = (sum.0 + weight, sum.1 + 1);
                }
                let gathered =
                    sums.into_iter().map(|(term, (weight, count))| Gathered { term, weight, count });
                group.gathered[space] = gathered.collect();
                let squares: f32 = group.gathered[space].iter().map(|g| g.weight * g.weight).sum();
                group.lengths[space] = squares.sqrt();
                group.terms[space] = group.gathered[space].iter().map(|g| g.count).sum();
            }
        }
        for space in 0..SPACES {
            let all: u32 = self.groups.iter().map(|group| group.terms[space]).sum();
            self.statistics[space].mean_length = all as f32 / self.groups.len().max(1) as f32;
        }
    }
}

/// Terms as sorted numbers with weight 1, new ones added to the vocabulary.
fn binary(vocabulary: &mut HashMap<String, u32>, terms: &[String]) -> Vector {
    let mut numbers = Vec::with_capacity(terms.len());
    for term in terms {
        let next = vocabulary.len() as u32;
        let known = vocabulary.get(term).copied();
        numbers.push((known.unwrap_or_else(|| *vocabulary.entry(term.clone()).or_insert(next)), 1.0));
    }
    numbers.sort_unstable_by_key(|(term, _)| *term);
    numbers.dedup_by_key(|(term, _)| *term);
    numbers
}
