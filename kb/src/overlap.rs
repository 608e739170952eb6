//! The forward index: how alike a query and an entry are, seen from both sides.
//!
//! The inverted index finds who shares terms; here the finds are compared closely. All numbers lie between 0 and 1
//! and mean the same for short and long questions and for small and large knowledge bases, which BM25 scores do not:
//! that is what makes them fit for calibration.

use std::collections::HashMap;
use std::ops::Range;

use language::Language;

use crate::analysis::Terms;
use crate::retrieve::Overlap;
use crate::{HeldOut, Variant, View};

const VIEWS: [View; 3] = [View::Words, View::Grams, View::Phonetic];
const WORDS: usize = 0;
const GRAMS: usize = 1;

/// Terms of every variant and answer as numbers, with document frequencies over *entries*: a term that twenty variants of
/// one entry share tells entries apart as well as one that occurs once.
#[derive(Debug)]
pub(crate) struct ForwardIndex {
    vocabulary: [HashMap<String, u32>; 3],
    /// By view and term: how many entries ask with it.
    asked: [Vec<u32>; 3],
    /// By view and term: how many entries ask or answer with it.
    about: [Vec<u32>; 3],
    variants: Vec<VariantTerms>,
    entries: Vec<EntryTerms>,
}

#[derive(Debug)]
struct VariantTerms {
    entry: u32,
    language: Language,
    key: String,
    /// By view: sorted term numbers.
    terms: [Vec<u32>; 3],
    /// By view: Σ idf² and Σ idf of its terms.
    squares: [f32; 3],
    sums: [f32; 3],
}

#[derive(Debug, Default)]
struct EntryTerms {
    /// Numbers of its variants.
    variants: Range<u32>,
    /// By view: terms of all its variants with the number of variants that have each, sorted by term.
    counts: [Vec<(u32, u32)>; 3],
    /// By view: Euclidean length of the vector of (1 + ln count) · idf.
    lengths: [f32; 3],
    /// By view: sorted terms of its answers.
    answer: [Vec<u32>; 3],
}

/// A query's term with the weights that hold for it: number, idf among questions, idf among questions and answers.
type Weighed = (u32, f32, f32);

/// A query's terms, weighed.
pub(crate) struct WeighedQuery {
    key: String,
    language: Language,
    held_out: HeldOut,
    /// By view: known terms, sorted by number.
    known: [Vec<Weighed>; 3],
    /// By view, over all terms, the unknown ones included: Σ idf², Σ idf, Σ idf among questions and answers.
    squares: [f32; 3],
    sums: [f32; 3],
    about_sums: [f32; 3],
}

/// Inverse document frequency as in BM25 (Robertson & Zaragoza 2009, kept positive as in Lucene).
fn idf(document_frequency: u32, documents: usize) -> f32 {
    let (n, df) = (documents as f32, document_frequency as f32);
    (1.0 + (n - df + 0.5).max(0.0) / (df + 0.5)).ln()
}

impl ForwardIndex {
    /// Indexes documents in variant order, and the answers of every entry. Variants of one entry lie together.
    pub fn build(variants: &[Variant], documents: &[Terms], answers: &[Terms]) -> Self {
        let mut index = Self {
            vocabulary: Default::default(),
            asked: Default::default(),
            about: Default::default(),
            variants: Vec::with_capacity(documents.len()),
            entries: Vec::with_capacity(answers.len()),
        };
        for (variant, document) in variants.iter().zip(documents) {
            index.variants.push(VariantTerms {
                entry: variant.entry,
                language: variant.language,
                key: document.key.clone(),
                terms: std::array::from_fn(|v| number(&mut index.vocabulary[v], document.view(VIEWS[v]))),
                squares: [0.0; 3],
                sums: [0.0; 3],
            });
        }
        for (entry, answer) in answers.iter().enumerate() {
            let terms = std::array::from_fn(|v| number(&mut index.vocabulary[v], answer.view(VIEWS[v])));
            index.entries.push(index.entry_terms(entry as u32, terms));
        }
        index.count_documents();
        index.measure();
        index
    }

    fn entry_terms(&self, entry: u32, answer: [Vec<u32>; 3]) -> EntryTerms {
        let start = self.variants.partition_point(|variant| variant.entry < entry);
        let end = self.variants.partition_point(|variant| variant.entry <= entry);
        let counts = std::array::from_fn(|v| {
            let mut counts: HashMap<u32, u32> = HashMap::new();
            for term in self.variants[start..end].iter().flat_map(|variant| &variant.terms[v]) {
                *counts.entry(*term).or_default() += 1;
            }
            let mut sorted: Vec<(u32, u32)> = counts.into_iter().collect();
            sorted.sort_unstable();
            sorted
        });
        EntryTerms { variants: start as u32..end as u32, counts, lengths: [0.0; 3], answer }
    }

    fn count_documents(&mut self) {
        for v in 0..VIEWS.len() {
            let mut asked = vec![0; self.vocabulary[v].len()];
            let mut about = asked.clone();
            for entry in &self.entries {
                for (term, _) in &entry.counts[v] {
                    asked[*term as usize] += 1;
                    about[*term as usize] += 1;
                }
                for term in entry.answer[v].iter().filter(|term| count_of(&entry.counts[v], **term) == 0) {
                    about[*term as usize] += 1;
                }
            }
            (self.asked[v], self.about[v]) = (asked, about);
        }
    }

    fn measure(&mut self) {
        let documents = self.entries.len();
        for v in 0..VIEWS.len() {
            let weight = |term: u32| idf(self.asked[v][term as usize], documents);
            for variant in &mut self.variants {
                variant.squares[v] = variant.terms[v].iter().map(|t| weight(*t).powi(2)).sum();
                variant.sums[v] = variant.terms[v].iter().map(|t| weight(*t)).sum();
            }
            for entry in &mut self.entries {
                let squares = entry.counts[v].iter().map(|(t, count)| (weight(*t) * damped(*count)).powi(2));
                entry.lengths[v] = squares.sum::<f32>().sqrt();
            }
        }
    }

    /// Weighs a query's terms as if what is held out were not in the knowledge base.
    pub fn weigh(&self, terms: &Terms, language: Language, held_out: HeldOut) -> WeighedQuery {
        let mut query = WeighedQuery {
            key: terms.key.clone(),
            language,
            held_out,
            known: Default::default(),
            squares: [0.0; 3],
            sums: [0.0; 3],
            about_sums: [0.0; 3],
        };
        let gone = usize::from(matches!(held_out, HeldOut::Entry(_)));
        let documents = self.entries.len().saturating_sub(gone);
        for (v, view) in VIEWS.into_iter().enumerate() {
            for term in terms.view(view) {
                let known = self.vocabulary[v].get(term).copied();
                let (asked, about) = known.map_or((0, 0), |term| self.frequencies(v, term, held_out));
                let (weight, about_weight) = (idf(asked, documents), idf(about, documents));
                query.squares[v] += weight * weight;
                query.sums[v] += weight;
                query.about_sums[v] += about_weight;
                query.known[v].extend(known.filter(|_| about > 0).map(|term| (term, weight, about_weight)));
            }
            query.known[v].sort_unstable_by_key(|(term, ..)| *term);
        }
        query
    }

    /// Entries that ask, and that ask or answer, with a term once `held_out` is taken away.
    fn frequencies(&self, view: usize, term: u32, held_out: HeldOut) -> (u32, u32) {
        let (asked, about) = (self.asked[view][term as usize], self.about[view][term as usize]);
        let (entry, left) = match held_out {
            HeldOut::Nothing => return (asked, about),
            HeldOut::Entry(entry) => (entry, 0),
            HeldOut::Variant(number) => {
                let Some(own) = self.variants.get(number as usize) else { return (asked, about) };
                (own.entry, self.asking(own.entry, view, term, held_out))
            }
        };
        let Some(terms) = self.entries.get(entry as usize) else { return (asked, about) };
        let lost = count_of(&terms.counts[view], term) > 0 && left == 0;
        let answered = terms.answer[view].binary_search(&term).is_ok();
        let about_lost = match held_out {
            HeldOut::Entry(_) => lost || answered,
            _ => lost && !answered,
        };
        (asked.saturating_sub(u32::from(lost)), about.saturating_sub(u32::from(about_lost)))
    }

    /// How many variants of an entry have a term, the held-out one not counted.
    fn asking(&self, entry: u32, view: usize, term: u32, held_out: HeldOut) -> u32 {
        let count = self.entries.get(entry as usize).map_or(0, |terms| count_of(&terms.counts[view], term));
        let HeldOut::Variant(number) = held_out else { return count };
        let lost = self
            .variants
            .get(number as usize)
            .is_some_and(|own| own.entry == entry && own.terms[view].binary_search(&term).is_ok());
        count.saturating_sub(u32::from(lost))
    }

    /// How alike the query and an entry are, with the number of its closest variant. `None` where nothing of it is left.
    pub fn compare(&self, query: &WeighedQuery, entry: u32) -> Option<(u32, Overlap)> {
        let terms = self.entries.get(entry as usize)?;
        let compared: Vec<(u32, Overlap)> = terms
            .variants
            .clone()
            .filter(|number| query.held_out != HeldOut::Variant(*number))
            .map(|number| (number, self.compare_variant(query, &self.variants[number as usize])))
            .collect();
        let asked = |number: u32| self.variants[number as usize].language == query.language;
        let (best, mut overlap) = *compared.iter().max_by(|(a, x), (b, y)| {
            let close = x.closeness().total_cmp(&y.closeness());
            close.then(asked(*a).cmp(&asked(*b))).then(b.cmp(a))
        })?;
        let mut closeness: Vec<f32> =
            compared.iter().map(|(_, overlap)| overlap.closeness().min(1.0)).collect();
        closeness.sort_by(|a, b| b.total_cmp(a));
        overlap.closest_three = mean(closeness.iter().copied().take(3));
        let same_language = compared.iter().filter(|(number, _)| asked(*number));
        overlap.typical = mean(same_language.map(|(_, overlap)| overlap.closeness().min(1.0)));
        self.compare_whole(query, entry, terms, &mut overlap);
        Some((best, overlap))
    }

    fn compare_variant(&self, query: &WeighedQuery, own: &VariantTerms) -> Overlap {
        let mut cosine = [0.0; 3];
        let (mut shared, mut shared_own) = (0.0, 0.0);
        for (v, view) in VIEWS.into_iter().enumerate() {
            let mut dot = 0.0;
            for (term, weight, _) in &query.known[v] {
                if own.terms[v].binary_search(term).is_ok() {
                    let own_weight = idf(self.asked[v][*term as usize], self.entries.len());
                    dot += weight * own_weight;
                    if view == View::Grams {
                        shared += weight;
                        shared_own += own_weight;
                    }
                }
            }
            cosine[v] = share(dot, (query.squares[v] * own.squares[v]).sqrt());
        }
        Overlap {
            words: cosine[0],
            grams: cosine[1],
            phonetic: cosine[2],
            query_covered: share(shared, query.sums[GRAMS]),
            variant_covered: share(shared_own, own.sums[GRAMS]),
            exact: !query.key.is_empty() && query.key == own.key,
            ..Overlap::default()
        }
    }

    /// The query against all questions of an entry together, and against its answers.
    fn compare_whole(&self, query: &WeighedQuery, entry: u32, terms: &EntryTerms, overlap: &mut Overlap) {
        let mut cosine = [0.0; 2];
        let mut about = [0.0; 2];
        let mut answered = [0.0; 2];
        for v in [WORDS, GRAMS] {
            let mut dot = 0.0;
            for (term, weight, about_weight) in &query.known[v] {
                let count = self.asking(entry, v, *term, query.held_out);
                let in_answer = terms.answer[v].binary_search(term).is_ok();
                if count > 0 {
                    dot += weight * damped(count) * idf(self.asked[v][*term as usize], self.entries.len());
                }
                if count > 0 || in_answer {
                    about[v] += about_weight;
                }
                if in_answer {
                    answered[v] += about_weight;
                }
            }
            cosine[v] = share(dot, query.squares[v].sqrt() * terms.lengths[v]);
        }
        overlap.entry_words = cosine[WORDS];
        overlap.entry_grams = cosine[GRAMS];
        overlap.about_words = share(about[WORDS], query.about_sums[WORDS]);
        overlap.about_grams = share(about[GRAMS], query.about_sums[GRAMS]);
        overlap.answer_words = share(answered[WORDS], query.about_sums[WORDS]);
        overlap.answer_grams = share(answered[GRAMS], query.about_sums[GRAMS]);
    }
}

/// A term that many variants share says more than one that occurs once, but not so many times more.
fn damped(count: u32) -> f32 {
    1.0 + (count.max(1) as f32).ln()
}

fn count_of(counts: &[(u32, u32)], term: u32) -> u32 {
    counts.binary_search_by_key(&term, |(term, _)| *term).map_or(0, |at| counts[at].1)
}

fn share(part: f32, whole: f32) -> f32 {
    if whole > 0.0 { (part / whole).clamp(0.0, 1.0) } else { 0.0 }
}

fn mean(values: impl Iterator<Item = f32>) -> f32 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    share(sum, count)
}

/// Sorted numbers of terms, new ones added to the vocabulary.
fn number(vocabulary: &mut HashMap<String, u32>, terms: &[String]) -> Vec<u32> {
    let mut numbers = Vec::with_capacity(terms.len());
    for term in terms {
        let next = vocabulary.len() as u32;
        let known = vocabulary.get(term).copied();
        numbers.push(known.unwrap_or_else(|| *vocabulary.entry(term.clone()).or_insert(next)));
    }
    numbers.sort_unstable();
    numbers
}
