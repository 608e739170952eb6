//! A power cut: what the server had written and not yet synced is gone. `power_cut.c` takes the notes, this takes the writes back.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use anyhow::Result;

const NOTES: &str = ".unsynced";

/// Builds the library that takes notes.
///
/// # Errors
/// Where there is no C compiler (the one that links Rust programs).
pub fn library(folder: &Path) -> Result<PathBuf> {
    crate::faults::build(folder, "power_cut", include_str!("power_cut.c"))
}

/// Takes back what was not synced when the process was killed. Tells how many writes that were.
///
/// # Errors
/// Where a file cannot be written.
pub fn cut(folder: &Path) -> Result<usize> {
    let mut taken_back = 0;
    for file in fs::read_dir(folder)? {
        let notes = file?.path();
        let Some(path) = notes.to_str().and_then(|path| path.strip_suffix(NOTES)) else { continue };
        let records = read(&fs::read(&notes)?);
        if !records.is_empty() && Path::new(path).exists() {
            let file = OpenOptions::new().write(true).open(path)?;
            for (offset, length, old) in records.iter().rev() {
                file.write_all_at(old, *offset)?;
                file.set_len(*length)?;
            }
            file.sync_all()?;
            taken_back += records.len();
        }
        fs::remove_file(&notes)?;
    }
    Ok(taken_back)
}

/// Offset, length of the file, old bytes; a record that the kill cut off had no write after it.
fn read(mut notes: &[u8]) -> Vec<(u64, u64, Vec<u8>)> {
    let mut records = Vec::new();
    while let Some((head, rest)) = notes.split_first_chunk::<24>() {
        let number = |at: usize| u64::from_ne_bytes(head[at..at + 8].try_into().unwrap_or_default());
        let (offset, old, length) = (number(0), number(8) as usize, number(16));
        let Some(bytes) = rest.get(..old) else { break };
        records.push((offset, length, bytes.to_vec()));
        notes = &rest[old..];
    }
    records
}
