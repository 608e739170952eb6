//! Vectors on disk, so that publishing the same questions again need not encode them again.
//!
//! One file for each encoder, `HASH.vectors`: a magic line, the number of dimensions (u32, little endian), records of 16
//! bytes (the start of the text's SHA-256) and `dimensions` numbers (f32, little endian), and the SHA-256 of all before it.
//! It holds what the latest publication asked for and nothing else, so that it never grows beyond the knowledge base.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

const MAGIC: &[u8] = b"drilen vectors 1\n";
const KEY: usize = 16;
const CHECKSUM: usize = 32;

/// The start of a text's SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key([u8; KEY]);

impl Key {
    pub(super) fn of(text: &str) -> Self {
        let mut key = [0; KEY];
        key.copy_from_slice(&Sha256::digest(text)[..KEY]);
        Self(key)
    }
}

/// The vectors of one encoder.
pub(super) struct VectorCache {
    file: PathBuf,
    dimensions: usize,
    vectors: HashMap<Key, Vec<f32>>,
}

impl VectorCache {
    /// Reads what there is; a file that is not whole counts as empty.
    pub(super) fn read(folder: &Path, encoder: &str, dimensions: usize) -> Self {
        let file = folder.join(format!("{:016x}.vectors", name_hash(encoder)));
        let vectors = match fs::read(&file) {
            Ok(bytes) => parse(&bytes, dimensions).unwrap_or_else(|| {
                tracing::warn!(file = %file.display(), "a cache of vectors is damaged and is made anew");
                HashMap::new()
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => HashMap::new(),
            Err(error) => {
                tracing::warn!(file = %file.display(), %error, "a cache of vectors cannot be read");
                HashMap::new()
            }
        };
        Self { file, dimensions, vectors }
    }

    pub(super) fn get(&self, text: &str) -> Option<&[f32]> {
        self.vectors.get(&Key::of(text)).map(Vec::as_slice)
    }

    /// Keeps these vectors and no others. `unchanged`: all of them came from here.
    pub(super) fn keep<'a>(&mut self, rows: impl Iterator<Item = (&'a str, &'a [f32])>, unchanged: bool) {
        let rows: HashMap<Key, &[f32]> = rows.map(|(text, vector)| (Key::of(text), vector)).collect();
        if unchanged && rows.len() == self.vectors.len() {
            return;
        }
        if let Err(error) = self.write(&rows) {
            tracing::warn!(file = %self.file.display(), %error, "a cache of vectors cannot be written");
        }
    }

    fn write(&self, rows: &HashMap<Key, &[f32]>) -> io::Result<()> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend((self.dimensions as u32).to_le_bytes());
        for (key, vector) in rows {
            bytes.extend(key.0);
            bytes.extend(vector.iter().flat_map(|number| number.to_le_bytes()));
        }
        let checksum = Sha256::digest(&bytes);
        bytes.extend(checksum);
        if let Some(folder) = self.file.parent() {
            fs::create_dir_all(folder)?;
        }
        // A reader sees the old file or the new one, and two writers do not write into each other.
        let draft = self.file.with_extension(format!("{}.draft", std::process::id()));
        fs::write(&draft, bytes).and_then(|()| fs::rename(&draft, &self.file)).inspect_err(|_| {
            // The first error is the one to tell.
            let _ = fs::remove_file(&draft);
        })
    }
}

fn parse(bytes: &[u8], dimensions: usize) -> Option<HashMap<Key, Vec<f32>>> {
    let (body, checksum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM)?)?;
    if Sha256::digest(body).as_slice() != checksum {
        return None;
    }
    let (size, records) = body.strip_prefix(MAGIC)?.split_at_checked(4)?;
    let record = KEY + dimensions * 4;
    if size != (dimensions as u32).to_le_bytes() || records.len() % record != 0 {
        return None;
    }
    let read = |record: &[u8]| {
        let (key, numbers) = record.split_at_checked(KEY)?;
        let numbers = numbers.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        Some((Key(key.try_into().ok()?), numbers))
    };
    records.chunks_exact(record).map(read).collect()
}

fn name_hash(encoder: &str) -> u64 {
    Sha256::digest(encoder).iter().take(8).fold(0, |number, &byte| number << 8 | u64::from(byte))
}
