//! Places outside of the database that have to learn of erasures.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use conversation::{ConversationId, Timestamp};

use super::key_file::{self, KeyFileError};

/// A conversation that was erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erased {
    /// Which.
    pub conversation: ConversationId,
    /// When.
    pub at: Timestamp,
}

/// What a place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceKind {
    /// A backup's key file, out of which keys are overwritten.
    Keys,
    /// The list beside the master key, which every restore looks at.
    Journal,
}

impl PlaceKind {
    /// Its name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::Journal => "journal",
        }
    }

    /// By its name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Keys, Self::Journal].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A place that has to learn of erasures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// What it is.
    pub kind: PlaceKind,
}

impl Place {
    /// Tells it. Doing so again changes nothing.
    ///
    /// # Errors
    /// Where the place cannot be reached or written.
    pub fn tell(&self, erased: &[Erased]) -> Result<(), KeyFileError> {
        match self.kind {
            PlaceKind::Keys => {
                let erased: HashSet<ConversationId> = erased.iter().map(|one| one.conversation).collect();
                key_file::lock(&self.path)?.forget(&erased).map(drop)
            }
            PlaceKind::Journal => add_to_journal(&self.path, erased)
                .map_err(|source| KeyFileError::Io { path: self.path.clone(), source }),
        }
    }
}

/// One line per conversation: its id, and when it was erased. A line may stand there twice.
fn add_to_journal(path: &Path, erased: &[Erased]) -> io::Result<()> {
    let mut text = String::new();
    for Erased { conversation, at } in erased {
        writeln!(text, "{conversation} {at}").map_err(io::Error::other)?;
    }
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Reads the journal; empty where there is none.
///
/// # Errors
/// Where it cannot be read, or a line of it is no erasure: it must not be passed over in silence.
pub fn read_journal(path: &Path) -> io::Result<HashSet<ConversationId>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(HashSet::new()),
        Err(error) => return Err(error),
    };
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(number, line)| {
            let id = line.split_whitespace().next().unwrap_or_default();
            id.parse().map_err(|_| {
                io::Error::other(format!("line {} of {} names no conversation", number + 1, path.display()))
            })
        })
        .collect()
}
