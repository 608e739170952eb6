//! What words mean, as far as a small table knows: a vector for every unit, pair and triple, whose sum says what a text is
//! about in either language. 挂失 and 补办 share no character with 弄丢了, and their vectors lie together.
//!
//! The table ships ([`models/sense`](../../../models/sense/README.md)) and is made by `training/sense.py` from the glossary.
//! It knows the words of government services; a text of others has short sums or none. It needs no engine: a question costs some thirty
//! additions of a short vector.
//!
//! Form, little endian: a magic line; u32 dimensions, u32 rows; 8 bytes that name the content; then for every row in
//! ascending order the u64 hash of its term (FNV-1a of the UTF-8, units joined by U+001F), for every row an f32 scale, for
//! every row `dimensions` i8 numbers.

mod index;

use std::sync::OnceLock;

use crate::{EncodeError, SentenceEncoder};

pub(crate) use index::{Asked, SenseIndex};

/// The table that ships.
const BUILT_IN: &[u8] = include_bytes!("../../../models/sense/sense.table");

const MAGIC: &[u8] = b"drilen sense 1\n";
const HEADER: usize = MAGIC.len() + 4 + 4 + 8;
const HASH: usize = 8;
const SCALE: usize = 4;

/// Between the units of a pair and of a triple; in no text.
const SEPARATOR: u8 = 0x1f;

/// Only so many units of a text are summed: a question has a few dozen, a pasted letter says what it is about at its beginning.
const MOST_UNITS: usize = 224;

/// The table of term vectors.
///
/// As a [`SentenceEncoder`] it can be compared with others; a publication has it always, in views of its own
/// ([`View::Sense`](crate::View::Sense)), and compares in eight bits.
#[derive(Debug)]
pub struct Sense {
    name: String,
    dimensions: usize,
    /// Little-endian hashes in ascending order.
    hashes: &'static [u8],
    /// Little-endian scales.
    scales: &'static [u8],
    /// Rows of `dimensions` numbers.
    rows: &'static [u8],
}

impl Sense {
    /// The table that ships.
    pub fn built_in() -> &'static Self {
        static TABLE: OnceLock<Sense> = OnceLock::new();
        TABLE.get_or_init(|| {
            Self::parse(BUILT_IN).unwrap_or_else(|| {
                // Found by the first test; in service the other views go on without it.
                tracing::error!("the sense table that ships cannot be read");
                Self { name: "sense@none".to_owned(), dimensions: 0, hashes: &[], scales: &[], rows: &[] }
            })
        })
    }

    /// `None` where the bytes are no table.
    fn parse(bytes: &'static [u8]) -> Option<Self> {
        let (header, body) = bytes.split_at_checked(HEADER)?;
        let numbers = header.strip_prefix(MAGIC)?;
        let number = |at: usize| Some(u32::from_le_bytes(numbers.get(at..at + 4)?.try_into().ok()?) as usize);
        let (dimensions, rows) = (number(0)?, number(4)?);
        let content = numbers.get(8..16)?;
        let (hashes, rest) = body.split_at_checked(rows.checked_mul(HASH)?)?;
        let (scales, table) = rest.split_at_checked(rows.checked_mul(SCALE)?)?;
        (dimensions > 0 && table.len() == rows.checked_mul(dimensions)?).then(|| Self {
            name: format!("sense@{}", crate::publication::hexadecimal(content)),
            dimensions,
            hashes,
            scales,
            rows: table,
        })
    }

    /// The number of terms that have a vector.
    pub fn terms(&self) -> usize {
        self.hashes.len() / HASH
    }

    /// The unit vector of a text given by its units, or zeros where none of them is known; and the length that it had, which
    /// grows with what the text says: the words of every sentence have short vectors.
    pub(crate) fn of_units<'a>(&self, units: impl Iterator<Item = &'a str>) -> (Vec<f32>, f32) {
        let mut sum = vec![0.0; self.dimensions];
        // Hashes of the runs that end in the latest unit and can grow: FNV-1a goes on where it stopped.
        let mut runs: [Option<u64>; 2] = [None, None];
        for unit in units.take(MOST_UNITS) {
            let alone = fnv(FNV_START, unit.as_bytes());
            let longer = runs.map(|run| run.map(|hash| fnv(fnv(hash, &[SEPARATOR]), unit.as_bytes())));
            for hash in std::iter::once(alone).chain(longer.into_iter().flatten()) {
                self.add(&mut sum, hash);
            }
            runs = [Some(alone), longer[0]];
        }
        let length = sum.iter().map(|x| x * x).sum::<f32>().sqrt();
        if length > 1e-6 {
            for number in &mut sum {
                *number /= length;
            }
        }
        (sum, length)
    }

    /// Adds the vector of a term, where it has one.
    fn add(&self, sum: &mut [f32], hash: u64) {
        let Some(row) = self.row(hash) else { return };
        let scale = self.scales.get(row * SCALE..).and_then(<[u8]>::first_chunk).copied();
        let Some(numbers) = self.rows.get(row * self.dimensions..(row + 1) * self.dimensions) else { return };
        let scale = scale.map_or(0.0, f32::from_le_bytes);
        for (sum, number) in sum.iter_mut().zip(numbers) {
            *sum += scale * f32::from(number.cast_signed());
        }
    }

    fn row(&self, hash: u64) -> Option<usize> {
        let at = |row: usize| {
            let bytes = self.hashes.get(row * HASH..).and_then(<[u8]>::first_chunk);
            bytes.map_or(u64::MAX, |bytes| u64::from_le_bytes(*bytes))
        };
        let (mut low, mut high) = (0, self.terms());
        while low < high {
            let middle = low + (high - low) / 2;
            if at(middle) < hash {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        (low < self.terms() && at(low) == hash).then_some(low)
    }
}

impl SentenceEncoder for Sense {
    fn dimensions(&self) -> usize {
        self.dimensions
    }

    fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EncodeError> {
        let encode = |text: &&str| {
            let units = language::syllables(text);
            self.of_units(units.iter().map(|unit| unit.key.as_str())).0
        };
        Ok(texts.iter().map(encode).collect())
    }

    fn name(&self) -> &str {
        &self.name
    }
}

const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a (Fowler, Noll, Vo), which training computes too and which a longer run of units continues.
fn fnv(start: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests;
