//! What a backup is made of.

use std::path::{Component, Path};

use conversation::Timestamp;
use serde::{Deserialize, Serialize};

use super::{BackupError, io, measure, unusable};

pub(super) const NAME: &str = "manifest.json";
const FORMAT: &str = "drilen-backup/1";

/// `manifest.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format of all this.
    format: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// The program's version.
    pub program: String,
    /// The version of the database's tables.
    pub schema: i64,
    /// The database's id: its keys lie in a key file of the same id.
    pub database: String,
    /// The master keys that opened the conversations' keys when it was made.
    pub masters: Vec<String>,
    /// How much of what.
    pub counts: Counts,
    /// Every file but this one.
    pub files: Vec<FileEntry>,
}

/// How much of what a backup holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Conversations.
    pub conversations: i64,
    /// Events.
    pub events: i64,
    /// Agents.
    pub agents: i64,
    /// Marks of erased conversations.
    pub erased: i64,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its path in the backup.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// Its hash, in hexadecimal digits.
    pub sha256: String,
}

impl Manifest {
    pub(super) fn new(made_at: Timestamp, schema: i64, database: String, counts: Counts) -> Self {
        let masters = Vec::new();
        let program = env!("CARGO_PKG_VERSION").to_owned();
        let files = Vec::new();
        Self { format: FORMAT.to_owned(), made_at, program, schema, database, masters, counts, files }
    }

    /// Reads a backup's manifest.
    ///
    /// # Errors
    /// Where there is none, or it is of a format that this version does not know.
    pub fn read(backup: &Path) -> Result<Self, BackupError> {
        let path = backup.join(NAME);
        let text = std::fs::read(&path).map_err(io(&path))?;
        let manifest: Self = serde_json::from_slice(&text)
            .map_err(|error| unusable(&path, format!("it is no manifest ({error})")))?;
        if manifest.format != FORMAT {
            let why = format!("its format is {}, this version knows {FORMAT}", manifest.format);
            return Err(unusable(&path, why));
        }
        Ok(manifest)
    }

    /// Adds a file that lies in the backup.
    pub(super) fn add(&mut self, backup: &Path, name: &Path) -> Result<(), BackupError> {
        let path = backup.join(name);
        let (bytes, sha256) = measure(&path).map_err(io(&path))?;
        self.files.push(FileEntry { path: name.to_string_lossy().into_owned(), bytes, sha256 });
        Ok(())
    }

    /// What is wrong with the backup's files; empty where they are what was written.
    pub fn problems(&self, backup: &Path) -> Vec<String> {
        self.files
            .iter()
            .filter_map(|file| {
                let name = Path::new(&file.path);
                if !name.components().all(|part| matches!(part, Component::Normal(_))) {
                    return Some(format!("the manifest names {:?}, which lies outside", file.path));
                }
                match measure(&backup.join(name)) {
                    Err(error) => Some(format!("{}: {error}", file.path)),
                    Ok(found) if found != (file.bytes, file.sha256.clone()) => {
                        Some(format!("{} is not what was written (its hash differs)", file.path))
                    }
                    Ok(_) => None,
                }
            })
            .collect()
    }
}
