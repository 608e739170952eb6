//! Backups: made while the server runs, checked, rotated, restored.
//!
//! ```text
//! PLACE/
//!   keys                         conversations' wrapped keys: one file for all backups here, always the latest
//!   2026-11-30T043151Z/          a backup
//!     manifest.json              what it is made of, with hashes
//!     conversations.sqlite       the database without its keys
//!     data/…                     what else cannot be made again: imported knowledge, the calibration, recordings
//! ```
//!
//! An erased conversation's rows remain in earlier backups, sealed with a key that no longer exists anywhere.

mod make;
mod manifest;
mod restore;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

pub(crate) use make::read_only;
pub use make::{Made, Options, make};
pub use manifest::{Counts, FileEntry, Manifest};
pub(crate) use restore::stopped;
pub use restore::{RestoreOptions, Restored, restore};

use super::key_file;

/// The database's name in a backup.
pub const DATABASE: &str = "conversations.sqlite";
/// What else of the data folder a backup holds: what was imported, and what was measured on recordings. Everything
/// else there is downloaded or computed again.
const ALSO: [&str; 4] = ["knowledge", "knowledge.version", "calibration.json", "clips"];
/// Under this folder of a backup.
const ALSO_IN: &str = "data";

/// Something that a command found wrong with a backup, for people.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file or folder cannot be used.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no backup.
    #[error("there is no backup in {0}: a backup is a folder with a manifest.json")]
    None(PathBuf),
    /// It cannot be used as it is.
    #[error("{path} cannot be used: {why}")]
    Unusable {
        /// Which.
        path: PathBuf,
        /// Why, and what to do.
        why: String,
    },
    /// The database or its keys fail.
    #[error(transparent)]
    Store(#[from] conversation::StoreError),
    /// Its keys.
    #[error(transparent)]
    Keys(#[from] key_file::KeyFileError),
    /// The master key.
    #[error(transparent)]
    Master(#[from] super::KeyError),
    /// SQLite.
    #[error("the database cannot be used: {0}")]
    Database(#[from] sqlx::Error),
    /// The restored database cannot be opened.
    #[error(transparent)]
    Open(#[from] crate::store::OpenError),
}

pub(crate) fn io(path: &Path) -> impl Fn(io::Error) -> BackupError {
    move |source| BackupError::Io { path: path.to_owned(), source }
}

fn unusable(path: &Path, why: impl Into<String>) -> BackupError {
    BackupError::Unusable { path: path.to_owned(), why: why.into() }
}

/// The backup that a path means: itself, or the latest in that place.
///
/// # Errors
/// [`BackupError::None`].
pub fn find(path: &Path) -> Result<PathBuf, BackupError> {
    if path.join(manifest::NAME).is_file() {
        return Ok(path.to_owned());
    }
    all(path)?.pop().ok_or_else(|| BackupError::None(path.to_owned()))
}

/// All backups of a place, the oldest first. Their names are their times.
///
/// # Errors
/// [`BackupError::Io`].
pub fn all(place: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(place).map_err(io(place))? {
        let path = entry.map_err(io(place))?.path();
        let draft = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !draft && path.join(manifest::NAME).is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The key file that belongs to a backup, where nothing else is said: beside it.
pub fn key_file_of(backup: &Path) -> PathBuf {
    let backup = std::path::absolute(backup).unwrap_or_else(|_| backup.to_owned());
    backup.parent().unwrap_or(Path::new("/")).join(key_file::NAME)
}

/// Length and SHA-256 of a file.
fn measure(path: &Path) -> io::Result<(u64, String)> {
    let mut hasher = Sha256::new();
    let bytes = io::copy(&mut File::open(path)?, &mut hasher)?;
    Ok((bytes, hex::encode(hasher.finalize())))
}

/// Regular files under a folder or the file itself, relative to `base`. Links are passed over: they lead elsewhere.
fn files_under(base: &Path, name: &Path) -> io::Result<Vec<PathBuf>> {
    let path = base.join(name);
    let kind = match fs::symlink_metadata(&path) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    if kind.is_file() {
        return Ok(vec![name.to_owned()]);
    }
    let mut found = Vec::new();
    if kind.is_dir() {
        for entry in fs::read_dir(&path)? {
            found.extend(files_under(base, &name.join(entry?.file_name()))?);
        }
    }
    found.sort();
    Ok(found)
}

/// Copies a file and makes the copy durable.
fn copy(from: &Path, to: &Path) -> Result<(), BackupError> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(io(folder))?;
    }
    fs::copy(from, to).map_err(io(to))?;
    File::open(to).and_then(|file| file.sync_all()).map_err(io(to))
}
