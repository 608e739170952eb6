//! The dense view: questions and ways of asking as unit vectors of a sentence encoder, which knows that two sentences mean
//! the same although they share no word, and in two languages.
//!
//! The encoder itself is no part of this crate: whoever publishes brings one ([`SentenceEncoder`]) or none.

mod cache;

use std::{
    collections::HashMap,
    ops::Range,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{HeldOut, Variant};
use cache::{Key, VectorCache};

/// So many texts are given to an encoder at once while a publication is made, so that progress can be told in between.
const BATCH: usize = 64;

/// Progress is told this often.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// Turns sentences into vectors whose cosine says how alike their meanings are. Shared by worker threads; a call computes
/// for milliseconds to tens of milliseconds a sentence and must not be made on an async thread.
pub trait SentenceEncoder: Send + Sync {
    /// Length of every vector.
    fn dimensions(&self) -> usize;

    /// One vector of [`Self::dimensions`] finite numbers for each text, in the texts' order, of length 1, or all zero where
    /// a text says nothing (it is empty or blank). Long texts may be cut at their end.
    ///
    /// # Errors
    /// [`EncodeError`]; never for an odd text.
    fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EncodeError>;

    /// Name and content hash, for logs, answer events and the cache: encoders that give different vectors have different
    /// names.
    fn name(&self) -> &str;
}

/// An encoder failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The engine did.
    #[error("the sentence encoder {encoder} failed: {reason}")]
    Engine {
        /// Which encoder.
        encoder: String,
        /// What it said.
        reason: String,
    },
    /// It broke its contract: too few vectors, or of another length, or not finite.
    #[error(
        "the sentence encoder {encoder} gave {got} instead of {texts} finite vectors of {dimensions} numbers"
    )]
    Contract {
        /// Which encoder.
        encoder: String,
        /// How many usable vectors there were.
        got: usize,
        /// How many were asked for.
        texts: usize,
        /// How long each should have been.
        dimensions: usize,
    },
}

/// What the dense view says about one entry. Cosines, cut off at 0 below.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DenseScore {
    /// With the entry's closest way of asking.
    pub closest: f32,
    /// With all its ways of asking together (the sum of their unit vectors: Rocchio's centroid).
    pub gathered: f32,
}

/// The unit vectors of all ways of asking of a publication, in both languages.
///
/// Search is exact, by comparing with every vector: `variants × dimensions` multiplications. At 768 dimensions that took
/// 6 ms for 20,000 ways of asking and 25 ms for 100,000, one thread (`exact_search_over_many_ways_of_asking` in the tests
/// measures it). Memory is 4 bytes a number, 3 KiB a way of asking.
#[derive(Debug)]
pub struct DenseIndex {
    dimensions: usize,
    /// Row-major, one row for each variant.
    vectors: Vec<f32>,
    /// Row-major, one row for each entry: the sum of its variants' vectors.
    sums: Vec<f32>,
    /// Variants of each entry.
    entries: Vec<Range<usize>>,
}

impl DenseIndex {
    /// Encodes all variants (entry by entry, as a publication has them), or takes their vectors from the cache file of this
    /// encoder in the folder `cache`. Seconds to minutes of computing for what is not cached; progress is logged. A cache
    /// that cannot be read or written costs time, not the publication.
    ///
    /// # Errors
    /// [`EncodeError`].
    pub fn build(
        encoder: &dyn SentenceEncoder,
        variants: &[Variant],
        cache: Option<&Path>,
    ) -> Result<Self, EncodeError> {
        let texts: Vec<&str> = variants.iter().map(|variant| variant.text.as_str()).collect();
        let dimensions = encoder.dimensions();
        let vectors = vectors(encoder, &texts, cache)?;
        let mut entries: Vec<Range<usize>> = Vec::new();
        for (number, variant) in variants.iter().enumerate() {
            let entry = variant.entry as usize;
            if entries.len() <= entry {
                entries.resize(entry + 1, number..number);
            }
            entries[entry].end = number + 1;
        }
        let mut sums = vec![0.0; entries.len() * dimensions];
        for (entry, rows) in entries.iter().enumerate() {
            let sum = &mut sums[entry * dimensions..][..dimensions];
            for row in rows.clone() {
                add(sum, &vectors[row * dimensions..][..dimensions], 1.0);
            }
        }
        Ok(Self { dimensions, vectors, sums, entries })
    }

    /// Length of a query vector.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// What the dense view says about the entry of that number, for a question's vector (`dimensions` numbers), as if what
    /// is held out were not there. Zero for an unknown entry and a vector of another length.
    pub fn score(&self, query: &[f32], entry: u32, held_out: HeldOut) -> DenseScore {
        let Some(rows) = self.entries.get(entry as usize).filter(|_| query.len() == self.dimensions) else {
            return DenseScore::default();
        };
        let hidden = self.hidden(held_out);
        let closest = self.closest(query, rows, &hidden);
        let mut sum = self.sums[entry as usize * self.dimensions..][..self.dimensions].to_vec();
        for row in rows.clone().filter(|row| hidden.contains(row)) {
            add(&mut sum, self.row(row), -1.0);
        }
        // What is left of unit vectors after rounding is far longer than this, or nothing.
        let length = dot(&sum, &sum).sqrt();
        let gathered = if length > 1e-3 { (dot(query, &sum) / length).clamp(0.0, 1.0) } else { 0.0 };
        DenseScore { closest, gathered }
    }

    /// The `count` entries with the closest ways of asking, best first, with their cosine; only those above 0. Exact.
    pub fn nearest(&self, query: &[f32], count: usize, held_out: HeldOut) -> Vec<(u32, f32)> {
        if query.len() != self.dimensions || count == 0 || query.iter().all(|number| *number == 0.0) {
            return Vec::new();
        }
        let hidden = self.hidden(held_out);
        let mut found: Vec<(u32, f32)> = self
            .entries
            .iter()
            .enumerate()
            .map(|(entry, rows)| (entry as u32, self.closest(query, rows, &hidden)))
            .filter(|(_, score)| *score > 0.0)
            .collect();
        let better = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if found.len() > count {
            found.select_nth_unstable_by(count - 1, better);
            found.truncate(count);
        }
        found.sort_unstable_by(better);
        found
    }

    fn closest(&self, query: &[f32], rows: &Range<usize>, hidden: &Range<usize>) -> f32 {
        rows.clone()
            .filter(|row| !hidden.contains(row))
            .map(|row| dot(query, self.row(row)))
            .fold(0.0, f32::max)
            .min(1.0)
    }

    fn row(&self, row: usize) -> &[f32] {
        &self.vectors[row * self.dimensions..][..self.dimensions]
    }

    /// The variants that are held out; those of an entry lie together.
    fn hidden(&self, held_out: HeldOut) -> Range<usize> {
        match held_out {
            HeldOut::Nothing => 0..0,
            HeldOut::Variant(variant) => variant as usize..variant as usize + 1,
            // Of a language the whole entry, too: the index knows no languages, and less is safer than too much.
            HeldOut::EntryOf(variant) | HeldOut::LanguageOf(variant) => {
                let own = self.entries.iter().find(|rows| rows.contains(&(variant as usize)));
                own.cloned().unwrap_or(0..0)
            }
        }
    }
}

/// An index with the encoder that it was made by: what a publication keeps.
pub(crate) struct DenseView {
    encoder: Arc<dyn SentenceEncoder>,
    index: DenseIndex,
    /// Variants by text: calibration asks a publication its own questions, whose vectors are there already.
    known: HashMap<Key, usize>,
    /// The latest question by its hash: calibration asks everything twice, and a hint while somebody types is followed by
    /// the question itself.
    latest: Mutex<Option<(Key, Vec<f32>)>>,
}

/// A question's vector, and what must not be found.
pub(crate) struct Meaning<'a> {
    index: &'a DenseIndex,
    vector: Vec<f32>,
    held_out: HeldOut,
}

impl Meaning<'_> {
    /// The entries with the closest ways of asking.
    pub(crate) fn nearest(&self, count: usize) -> impl Iterator<Item = u32> {
        self.index.nearest(&self.vector, count, self.held_out).into_iter().map(|(entry, _)| entry)
    }

    pub(crate) fn score(&self, entry: u32) -> DenseScore {
        self.index.score(&self.vector, entry, self.held_out)
    }
}

impl DenseView {
    pub(crate) fn build(
        encoder: Arc<dyn SentenceEncoder>,
        variants: &[Variant],
        cache: Option<&Path>,
    ) -> Result<Self, EncodeError> {
        let index = DenseIndex::build(encoder.as_ref(), variants, cache)?;
        let known = variants.iter().enumerate().map(|(row, v)| (Key::of(&v.text), row)).collect();
        Ok(Self { encoder, index, known, latest: Mutex::default() })
    }

    pub(crate) fn encoder(&self) -> &dyn SentenceEncoder {
        self.encoder.as_ref()
    }

    /// What a question means. `None` where it means nothing, or where the encoder failed: the other views still find entries, so that a question is
    /// better answered without this one than not at all.
    pub(crate) fn question(&self, text: &str, held_out: HeldOut) -> Option<Meaning<'_>> {
        let vector = self.vector(text)?;
        Some(Meaning { index: &self.index, vector, held_out })
    }

    fn vector(&self, question: &str) -> Option<Vec<f32>> {
        let key = Key::of(question);
        if let Some(row) = self.known.get(&key) {
            return Some(self.index.row(*row).to_vec());
        }
        // The lock guards one whole value, so a poisoned one is as good as new.
        let latest = || self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let again = latest().as_ref().filter(|(of, _)| *of == key).map(|(_, vector)| vector.clone());
        if again.is_some() {
            return again;
        }
        let vector = self.encoded(question)?;
        *latest() = Some((key, vector.clone()));
        Some(vector)
    }

    fn encoded(&self, question: &str) -> Option<Vec<f32>> {
        match encode(self.encoder.as_ref(), &[question]) {
            Ok(vectors) => vectors.into_iter().next(),
            Err(error) => {
                tracing::error!(%error, "a question is looked up without the dense view");
                None
            }
        }
    }
}

impl std::fmt::Debug for DenseView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DenseView").field("encoder", &self.encoder.name()).finish_non_exhaustive()
    }
}

/// The texts' vectors, row-major; from the cache where it has them.
fn vectors(
    encoder: &dyn SentenceEncoder,
    texts: &[&str],
    cache: Option<&Path>,
) -> Result<Vec<f32>, EncodeError> {
    let dimensions = encoder.dimensions();
    let mut known = cache.map(|folder| VectorCache::read(folder, encoder.name(), dimensions));
    let mut all = vec![0.0; texts.len() * dimensions];
    let mut missing = Vec::new();
    for (row, text) in texts.iter().enumerate() {
        match known.as_ref().and_then(|cache| cache.get(text)) {
            Some(vector) => all[row * dimensions..][..dimensions].copy_from_slice(vector),
            None => missing.push(row),
        }
    }
    let (began, mut told) = (Instant::now(), Instant::now());
    for (batch, rows) in missing.chunks(BATCH).enumerate() {
        let batch_texts: Vec<&str> = rows.iter().map(|row| texts[*row]).collect();
        for (row, vector) in rows.iter().zip(encode(encoder, &batch_texts)?) {
            all[row * dimensions..][..dimensions].copy_from_slice(&vector);
        }
        if told.elapsed() >= TELL_EVERY {
            told = Instant::now();
            let done = batch * BATCH + rows.len();
            tracing::info!(done, of = missing.len(), "ways of asking are being encoded for the dense view");
        }
    }
    tracing::info!(
        encoder = encoder.name(),
        encoded = missing.len(),
        cached = texts.len() - missing.len(),
        seconds = began.elapsed().as_secs_f32(),
        "the dense view is ready"
    );
    if let Some(cache) = known.as_mut() {
        let rows =
            texts.iter().enumerate().map(|(row, text)| (*text, &all[row * dimensions..][..dimensions]));
        cache.keep(rows, missing.is_empty());
    }
    Ok(all)
}

/// Encodes, and holds the encoder to its contract.
fn encode(encoder: &dyn SentenceEncoder, texts: &[&str]) -> Result<Vec<Vec<f32>>, EncodeError> {
    let dimensions = encoder.dimensions();
    let vectors = encoder.encode(texts)?;
    let usable = vectors.iter().filter(|v| v.len() == dimensions && v.iter().all(|n| n.is_finite())).count();
    if usable != texts.len() || vectors.len() != texts.len() {
        let encoder = encoder.name().to_owned();
        return Err(EncodeError::Contract { encoder, got: usable, texts: texts.len(), dimensions });
    }
    Ok(vectors)
}

/// Adds `factor × vector` to `sum`.
fn add(sum: &mut [f32], vector: &[f32], factor: f32) {
    for (sum, number) in sum.iter_mut().zip(vector) {
        *sum += factor * number;
    }
}

/// Dot product. Sixteen partial sums, because one alone would forbid the compiler to use vector registers.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 16];
    let (a, b) = (a.chunks_exact(16), b.chunks_exact(16));
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(x, y)| x * y).sum();
    for (a, b) in a.zip(b) {
        for i in 0..16 {
            sums[i] += a[i] * b[i];
        }
    }
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests;
