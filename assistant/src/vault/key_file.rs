//! The small file beside backups that holds conversations' wrapped keys: the only copy outside of the database.
//!
//! The bulk of a backup holds no key, so that it may be copied, kept and forgotten anywhere. This file is one per place,
//! whatever the number of backups there, and always the latest: an erasure overwrites its record in place.
//!
//! ```text
//! header   "drilen-keys/1\n" (14) | zero (2) | database (16) | zero (96)
//! record   conversation (16) | master key's id (8) | length (1) | sealed (length) | zero, to 128
//! ```
//!
//! A record of zeros is one that was erased, or never used.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use conversation::ConversationId;
use uuid::Uuid;

use super::WrappedKey;

/// The file's name in a backup place.
pub const NAME: &str = "keys";
const MAGIC: &[u8; 14] = b"drilen-keys/1\n";
const RECORD: usize = 128;

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read or written.
    #[error("the key file {path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is something else, or was cut off.
    #[error("{path} is no key file of backups: {why}")]
    Malformed {
        /// Which.
        path: PathBuf,
        /// Why.
        why: &'static str,
    },
    /// It belongs to another database.
    #[error("{path} belongs to another database ({found}); choose a place of its own for each")]
    OtherDatabase {
        /// Which.
        path: PathBuf,
        /// The database that it belongs to.
        found: String,
    },
}

/// The file's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFile {
    /// The database's id, 32 hexadecimal digits.
    pub database: String,
    /// Keys by conversation.
    pub keys: BTreeMap<ConversationId, WrappedKey>,
}

/// Holds a lock on a key file until it is dropped, so that a backup and an erasure do not overtake each other.
pub struct Locked {
    _lock: File,
    path: PathBuf,
}

fn io(path: &Path) -> impl Fn(io::Error) -> KeyFileError {
    move |source| KeyFileError::Io { path: path.to_owned(), source }
}

/// Waits for the file's lock (a file beside it, since the file itself is replaced).
///
/// # Errors
/// [`KeyFileError::Io`], also where its folder is not there (a disk that is not mounted).
pub fn lock(path: &Path) -> Result<Locked, KeyFileError> {
    let beside = path.with_extension("lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(beside)
        .map_err(io(path))?;
    file.lock().map_err(io(path))?;
    Ok(Locked { _lock: file, path: path.to_owned() })
}

impl Locked {
    /// Reads the file; `None` where there is none yet.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn read(&self) -> Result<Option<KeyFile>, KeyFileError> {
        KeyFile::read(&self.path)
    }

    /// Puts a new file in place in one step, and overwrites what the old one held.
    ///
    /// # Errors
    /// [`KeyFileError::Io`].
    pub fn write(&self, content: &KeyFile) -> Result<(), KeyFileError> {
        let failed = io(&self.path);
        let draft = self.path.with_extension("new");
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft);
        let mut out = BufWriter::new(file.map_err(&failed)?);
        content.write_to(&mut out).map_err(&failed)?;
        let file = out.into_inner().map_err(|error| failed(error.into_error()))?;
        file.sync_all().map_err(&failed)?;
        let old = OpenOptions::new().write(true).open(&self.path).ok();
        fs::rename(&draft, &self.path).map_err(&failed)?;
        sync_folder(&self.path).map_err(&failed)?;
        // Only now: a crash before leaves the old file in service.
        if let Some(old) = old {
            overwrite(&old).map_err(&failed)?;
        }
        Ok(())
    }

    /// Overwrites these conversations' keys where they stand. Tells how many were there.
    ///
    /// # Errors
    /// [`KeyFileError`]; a file that is missing is an error, since its disk may be elsewhere.
    pub fn forget(&self, erased: &HashSet<ConversationId>) -> Result<usize, KeyFileError> {
        let failed = io(&self.path);
        let file = OpenOptions::new().read(true).write(true).open(&self.path).map_err(&failed)?;
        let mut reader = Records::open(&self.path, &file)?;
        let mut found = 0;
        while let Some((at, record)) = reader.next()? {
            if erased.contains(&record.0) {
                file.write_all_at(&[0; RECORD], at).map_err(&failed)?;
                found += 1;
            }
        }
        file.sync_all().map_err(&failed)?;
        Ok(found)
    }
}

impl KeyFile {
    /// Reads a file without its lock: for places that can only be read. `None` where there is none.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn read(path: &Path) -> Result<Option<Self>, KeyFileError> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(path)(error)),
        };
        let mut records = Records::open(path, &file)?;
        let mut keys = BTreeMap::new();
        while let Some((_, (conversation, key))) = records.next()? {
            keys.insert(conversation, key);
        }
        Ok(Some(Self { database: records.database, keys }))
    }

    fn write_to(&self, out: &mut impl io::Write) -> io::Result<()> {
        let mut header = [0; RECORD];
        header[..MAGIC.len()].copy_from_slice(MAGIC);
        let database = hex::decode(&self.database).map_err(io::Error::other)?;
        header
            .get_mut(16..32)
            .filter(|_| database.len() == 16)
            .ok_or(io::ErrorKind::InvalidInput)?
            .copy_from_slice(&database);
        out.write_all(&header)?;
        for (conversation, key) in &self.keys {
            out.write_all(&record(*conversation, key)?)?;
        }
        out.flush()
    }
}

fn record(conversation: ConversationId, key: &WrappedKey) -> io::Result<[u8; RECORD]> {
    let mut record = [0; RECORD];
    let id = Uuid::try_parse(&conversation.to_string()).map_err(io::Error::other)?;
    record[..16].copy_from_slice(id.as_bytes());
    hex::decode_to_slice(key.master.as_str(), &mut record[16..24]).map_err(io::Error::other)?;
    record[24] = u8::try_from(key.sealed.len()).map_err(io::Error::other)?;
    let place = record.get_mut(25..25 + key.sealed.len()).ok_or(io::ErrorKind::InvalidInput)?;
    place.copy_from_slice(&key.sealed);
    Ok(record)
}

/// A record in use, with its place in the file.
type Record = (u64, (ConversationId, WrappedKey));

struct Records<'a> {
    path: &'a Path,
    reader: BufReader<&'a File>,
    at: u64,
    database: String,
}

impl<'a> Records<'a> {
    fn open(path: &'a Path, file: &'a File) -> Result<Self, KeyFileError> {
        let mut reader = BufReader::with_capacity(512 * RECORD, file);
        let mut header = [0; RECORD];
        reader.read_exact(&mut header).map_err(|_| malformed(path, "it is too short"))?;
        if !header.starts_with(MAGIC) {
            return Err(malformed(path, "it begins differently"));
        }
        Ok(Self { path, reader, at: RECORD as u64, database: hex::encode(&header[16..32]) })
    }

    /// The next record in use.
    fn next(&mut self) -> Result<Option<Record>, KeyFileError> {
        loop {
            let mut record = [0; RECORD];
            match self.reader.read(&mut record).map_err(io(self.path))? {
                0 => return Ok(None),
                length => self
                    .reader
                    .read_exact(&mut record[length..])
                    .map_err(|_| malformed(self.path, "it was cut off"))?,
            }
            let at = self.at;
            self.at += RECORD as u64;
            if record == [0; RECORD] {
                continue;
            }
            let id = Uuid::from_slice(&record[..16]).map_err(|_| malformed(self.path, "an id is wrong"))?;
            let conversation = id.to_string().parse().map_err(|_| malformed(self.path, "an id is wrong"))?;
            let sealed = record.get(25..25 + usize::from(record[24]));
            let sealed = sealed.ok_or_else(|| malformed(self.path, "a length is wrong"))?.to_vec();
            let master = hex::encode(&record[16..24]).into();
            return Ok(Some((at, (conversation, WrappedKey { master, sealed }))));
        }
    }
}

fn malformed(path: &Path, why: &'static str) -> KeyFileError {
    KeyFileError::Malformed { path: path.to_owned(), why }
}

fn overwrite(file: &File) -> io::Result<()> {
    let length = file.metadata()?.len();
    let zeros = [0; 64 * RECORD];
    let mut at = 0;
    while at < length {
        let step = (length - at).min(zeros.len() as u64);
        file.write_all_at(&zeros[..step as usize], at)?;
        at += step;
    }
    file.sync_all()
}

/// Makes a rename in the file's folder durable.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
