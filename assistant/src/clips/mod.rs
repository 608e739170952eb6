//! Answers that people have read aloud: one clip per entry, language and version of the spoken answer.
//!
//! A clip belongs to the very words that were read. Where an answer is changed its clip says something else than the answer: it
//! is not played any more, and is listed as stale. Sounds are kept by the hash of their content:
//!
//! ```text
//! data/clips/<id>.json      which entry, language and words; whose voice; which sound
//! data/clips/<sha256>.wav   16 kHz mono, 16 bits, trimmed and as loud as all others
//! ```
//!
//! The folder may be changed by the command line while the server runs; what is new there is found within a second. Several
//! servers share it like the knowledge base: by a folder that all can read, or a copy on each.

mod inventory;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};
use std::{fs, io};

use conversation::Timestamp;
use kb::EntryId;
use language::Language;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use speech::SAMPLE_RATE;
use speech::codec::file::{self, FileError};
use speech::recording::{self, RecordingError};

pub use inventory::{Inventory, Version, inventory};

use speech::codec::wav;

/// The folder is looked at again after so long at the earliest.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A folder that has not changed for so long is as it was seen.
const SETTLED: Duration = Duration::from_secs(2);
/// The largest file that is taken, in bytes: three minutes of stereo WAV at 48 kHz.
pub const MOST_BYTES: usize = 36 << 20;

/// An answer read aloud.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Clip {
    /// Its name: 24 hexadecimal digits.
    pub id: String,
    /// The entry whose answer it is.
    #[schemars(with = "String")]
    pub entry: EntryId,
    /// The language that is spoken.
    #[schemars(with = "conversation::LanguageCode")]
    pub language: Language,
    /// The words that were read.
    pub text: String,
    /// SHA-256 of the samples, in hexadecimal digits.
    pub sound: String,
    /// Its length.
    pub seconds: f32,
    /// Who added it.
    pub by: String,
    /// When it was added.
    pub added_at: Timestamp,
}

/// A recording to be kept.
#[derive(Clone, Debug)]
pub struct NewClip {
    /// The entry whose answer is read.
    pub entry: EntryId,
    /// The language that is spoken.
    pub language: Language,
    /// The words that are read: those of the answer now.
    pub text: String,
    /// Who adds it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// Why a recording was not kept. Every message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ClipError {
    /// It is no sound file that can be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It cannot be used.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// It is larger than [`MOST_BYTES`].
    #[error("the file is larger than {} MB: save it as FLAC, or in mono", MOST_BYTES >> 20)]
    TooLarge,
    /// The disk does not take it.
    #[error("{} cannot be written ({source}): make room or see who may write there; nothing was changed", .path.display())]
    Disk {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no such clip.
    #[error("there is no clip {0}; `assistant clip list` names them all")]
    Unknown(String),
}

/// The clips of a data folder. All methods do blocking file input and output.
#[derive(Debug)]
pub struct Clips {
    folder: PathBuf,
    seen: Mutex<Seen>,
}

/// What was in the folder when it was looked at last.
#[derive(Debug, Default)]
struct Seen {
    looked: Option<Instant>,
    changed: Option<SystemTime>,
    /// By what is said.
    clips: HashMap<(Language, String), Clip>,
}

/// Words as they are compared: white space does not change how they are read.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Clips {
    /// The clips in a folder, which is made with the first of them.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), seen: Mutex::default() }
    }

    /// The clip that says these words.
    pub fn find(&self, language: Language, text: &str) -> Option<Clip> {
        let mut seen = self.seen.lock();
        if seen.looked.is_none_or(|looked| looked.elapsed() >= LOOK_EVERY) {
            self.look(&mut seen);
        }
        seen.clips.get(&(language, words(text))).cloned()
    }

    /// All clips, by entry and language.
    pub fn list(&self) -> Vec<Clip> {
        let mut seen = self.seen.lock();
        self.look(&mut seen);
        let mut clips: Vec<Clip> = seen.clips.values().cloned().collect();
        clips.sort_by(|a, b| (&a.entry, a.language, &a.text).cmp(&(&b.entry, b.language, &b.text)));
        clips
    }

    fn look(&self, seen: &mut Seen) {
        seen.looked = Some(Instant::now());
        let changed = fs::metadata(&self.folder).and_then(|about| about.modified()).ok();
        if changed.is_some() && changed == seen.changed {
            return;
        }
        seen.clips.clear();
        for file in fs::read_dir(&self.folder).into_iter().flatten().filter_map(Result::ok) {
            let path = file.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let read = fs::read(&path).and_then(|json| Ok(serde_json::from_slice::<Clip>(&json)?));
            match read {
                Ok(clip) => {
                    let key = (clip.language, words(&clip.text));
                    // Of two the newer; only a crash between two steps of a replacement leaves both.
                    let newer = |known: &Clip| known.added_at < clip.added_at;
                    if seen.clips.get(&key).is_none_or(newer) {
                        seen.clips.insert(key, clip);
                    }
                }
                Err(error) => {
                    tracing::error!(path = %path.display(), %error, "a clip cannot be read and is not played");
                }
            }
        }
        // Somebody may still be writing, and the clock of the file system is coarse: what has just changed is looked at again.
        let settled = |changed: &SystemTime| changed.elapsed().is_ok_and(|ago| ago >= SETTLED);
        seen.changed = changed.filter(settled);
    }

    /// Keeps a recording (any common sound file), in the place of the one that said the same.
    ///
    /// # Errors
    /// [`ClipError`]; nothing is changed then.
    pub fn add(&self, new: NewClip, file: Vec<u8>) -> Result<Clip, ClipError> {
        if file.len() > MOST_BYTES {
            return Err(ClipError::TooLarge);
        }
        // A little more than is taken, so that what is too long is called so.
        let samples = file::decode(file, recording::LONGEST + 60.0)?;
        let ready = recording::prepare(&samples)?;
        let sound = hash(&ready.samples);
        let mut id = Sha256::new();
        for part in [new.language.code(), &words(&new.text), &sound] {
            id.update((part.len() as u64).to_le_bytes());
            id.update(part);
        }
        let clip = Clip {
            id: hex::encode(&id.finalize()[..12]),
            entry: new.entry,
            language: new.language,
            text: new.text,
            sound,
            seconds: ready.samples.len() as f32 / SAMPLE_RATE as f32,
            by: new.by,
            added_at: new.at,
        };
        let replaced = self.list().into_iter().find(|known| {
            known.language == clip.language && words(&known.text) == words(&clip.text) && known.id != clip.id
        });
        let sound = wav::encode(&ready.samples, SAMPLE_RATE).map_err(|source| self.disk(source))?;
        self.write(&format!("{}.wav", clip.sound), &sound)?;
        let json = serde_json::to_vec_pretty(&clip).map_err(|error| self.disk(error.into()))?;
        self.write(&format!("{}.json", clip.id), &json)?;
        if let Some(replaced) = replaced {
            self.discard(&replaced)?;
        }
        self.seen.lock().changed = None;
        Ok(clip)
    }

    /// Removes a clip for good.
    ///
    /// # Errors
    /// [`ClipError::Unknown`], [`ClipError::Disk`].
    pub fn remove(&self, id: &str) -> Result<Clip, ClipError> {
        let clip = self.get(id).ok_or_else(|| ClipError::Unknown(id.to_owned()))?;
        self.discard(&clip)?;
        self.seen.lock().changed = None;
        Ok(clip)
    }

    /// The clip of this name.
    pub fn get(&self, id: &str) -> Option<Clip> {
        self.list().into_iter().find(|clip| clip.id == id)
    }

    fn discard(&self, clip: &Clip) -> Result<(), ClipError> {
        let gone = |name: String| match fs::remove_file(self.folder.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.disk(error)),
            _ => Ok(()),
        };
        gone(format!("{}.json", clip.id))?;
        self.seen.lock().changed = None;
        let shared = self.list().iter().any(|other| other.sound == clip.sound);
        if shared { Ok(()) } else { gone(format!("{}.wav", clip.sound)) }
    }

    /// A clip's sound: 16 kHz mono in [-1, 1].
    ///
    /// # Errors
    /// Where the file is missing or is not what was kept.
    pub fn samples(&self, clip: &Clip) -> io::Result<Vec<f32>> {
        let samples = wav::decode(&fs::read(self.wav(clip))?)?;
        if hash(&samples) == clip.sound {
            Ok(samples)
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidData, "the sound is not the one that was kept"))
        }
    }

    /// Where a clip's sound lies.
    pub fn wav(&self, clip: &Clip) -> PathBuf {
        self.folder.join(format!("{}.wav", clip.sound))
    }

    fn disk(&self, source: io::Error) -> ClipError {
        ClipError::Disk { path: self.folder.clone(), source }
    }

    /// Whole or not at all: a file of another name takes its place once it is on disk.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), ClipError> {
        let write = || {
            fs::create_dir_all(&self.folder)?;
            let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
            io::Write::write_all(&mut file, bytes)?;
            file.as_file().sync_all()?;
            let path = self.folder.join(name);
            file.persist(&path).map_err(|error| error.error)?;
            // Others read it as they read the knowledge base.
            #[cfg(unix)]
            fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
            fs::File::open(&self.folder)?.sync_all()
        };
        write().map_err(|source| self.disk(source))
    }
}

/// Of the samples as they are kept: 16 bits each.
fn hash(samples: &[f32]) -> String {
    hex::encode(Sha256::digest(speech::codec::pcm16::encode(samples)))
}
