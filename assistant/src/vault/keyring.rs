//! Master keys and where they come from.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use conversation::ConversationId;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::cipher::{self, CannotOpen, KEY_BYTES, SealingKey};
use super::{VaultError, WrappedKey};

/// The environment variable that holds master keys; where it is set, no file is used.
pub const VARIABLE: &str = "DRILEN_MASTER_KEY";
/// What a key's line begins with.
const FORMAT: &str = "drilen-key/1";
const HEADER: &str = "# Drilen: the master key of the conversations. Without it none of them can be read, not even from a backup.\n\
                      # Keep a copy in another place than the backups. The first key is the current one.\n";

/// Names a master key: the first 8 bytes of a hash of it, in hexadecimal digits. It says nothing about the key, and a
/// wrong key can not pass for the right one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(String);

impl KeyId {
    /// The id as it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for KeyId {
    fn from(id: String) -> Self {
        Self(id)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The key source cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// There is no key, and there must be one.
    #[error(
        "the conversations are sealed with a master key, and there is none in {place}; put it back from your copy \
         (without it nobody can read them, and a new one is not made beside sealed conversations)"
    )]
    Missing {
        /// Where it was looked for.
        place: String,
    },
    /// The source cannot be read or written.
    #[error("the master key in {place} cannot be used: {cause}")]
    Unusable {
        /// Which.
        place: String,
        /// Why.
        cause: String,
    },
    /// The key lies where the data lie.
    #[error(
        "the master key {key} lies inside the data folder {data}, where every copy of the data would carry it along; \
         move it elsewhere and set vault.key_file"
    )]
    InsideData {
        /// The key's file.
        key: PathBuf,
        /// The folder.
        data: PathBuf,
    },
    /// This source is changed by other means.
    #[error(
        "{0} is not changed from here: put the new key first and the old one after it, separated by a space"
    )]
    Fixed(String),
}

/// A master key: wraps data keys.
#[derive(Clone)]
pub struct MasterKey {
    id: KeyId,
    bytes: Zeroizing<[u8; KEY_BYTES]>,
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl MasterKey {
    /// A key of these bytes, which must be random.
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(b"drilen master key\0");
        hasher.update(bytes);
        Self { id: KeyId(hex::encode(&hasher.finalize()[..8])), bytes: Zeroizing::new(bytes) }
    }

    /// A fresh key from the operating system's randomness.
    ///
    /// # Errors
    /// [`VaultError::NoRandomness`].
    pub fn generate() -> Result<Self, VaultError> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        cipher::randomness(bytes.as_mut_slice())?;
        Ok(Self::new(*bytes))
    }

    /// Its name.
    pub fn id(&self) -> KeyId {
        self.id.clone()
    }

    fn place(&self, conversation: ConversationId) -> String {
        format!("drilen/key/1\0{conversation}\0{}", self.id)
    }

    pub(super) fn wrap(
        &self,
        conversation: ConversationId,
        key: &[u8; KEY_BYTES],
    ) -> Result<WrappedKey, VaultError> {
        let place = self.place(conversation);
        let sealed = cipher::seal(&SealingKey::new(&self.bytes), place.as_bytes(), key)?;
        Ok(WrappedKey { master: self.id(), sealed })
    }

    pub(super) fn unwrap_key(
        &self,
        conversation: ConversationId,
        wrapped: &WrappedKey,
    ) -> Result<Zeroizing<[u8; KEY_BYTES]>, VaultError> {
        let tampered = || VaultError::Tampered { what: format!("the key of conversation {conversation}") };
        let place = self.place(conversation);
        let plain = cipher::open(&SealingKey::new(&self.bytes), place.as_bytes(), &wrapped.sealed)
            .map(Zeroizing::new)
            .map_err(|_| tampered())?;
        let bytes: [u8; KEY_BYTES] = plain.as_slice().try_into().map_err(|_| tampered())?;
        Ok(Zeroizing::new(bytes))
    }

    pub(super) fn seal(&self, place: &str, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        cipher::seal(&SealingKey::new(&self.bytes), place.as_bytes(), plain)
    }

    pub(super) fn open(&self, place: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
        cipher::open(&SealingKey::new(&self.bytes), place.as_bytes(), sealed).map(Zeroizing::new)
    }

    fn line(&self) -> Zeroizing<String> {
        let secret = Zeroizing::new(URL_SAFE_NO_PAD.encode(self.bytes.as_slice()));
        Zeroizing::new(format!("{FORMAT}:{}:{}", self.id, *secret))
    }

    fn parse(line: &str) -> Result<Self, String> {
        let mut parts = line.split(':');
        let (Some(FORMAT), Some(id), Some(secret), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(format!("a key is written {FORMAT}:ID:SECRET"));
        };
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(secret).unwrap_or_default());
        let bytes: [u8; KEY_BYTES] =
            bytes.as_slice().try_into().map_err(|_| format!("the key {id} is not {KEY_BYTES} bytes long"))?;
        let key = Self::new(bytes);
        if key.id.as_str() == id { Ok(key) } else { Err(format!("the key {id} was not copied in full")) }
    }
}

/// Master keys, the current one first. Never empty.
#[derive(Clone, Debug)]
pub struct Keyring(Vec<MasterKey>);

impl Keyring {
    /// The current key with those that still open older things.
    pub fn new(first: MasterKey, others: Vec<MasterKey>) -> Self {
        Self(std::iter::once(first).chain(others).collect())
    }

    /// The current one.
    pub fn first(&self) -> &MasterKey {
        &self.0[0]
    }

    /// A key by its name.
    pub fn get(&self, id: &KeyId) -> Option<&MasterKey> {
        self.0.iter().find(|key| key.id == *id)
    }

    /// All, the current one first.
    pub fn keys(&self) -> &[MasterKey] {
        &self.0
    }

    /// Reads keys, one per line or separated by spaces; lines that begin with `#` are comments.
    ///
    /// # Errors
    /// What is wrong with it; the text holds nothing of a key.
    pub fn parse(text: &str) -> Result<Self, String> {
        let words =
            text.lines().filter(|line| !line.trim_start().starts_with('#')).flat_map(str::split_whitespace);
        let keys: Vec<MasterKey> = words.map(MasterKey::parse).collect::<Result<_, _>>()?;
        if keys.is_empty() { Err("it holds no key".to_owned()) } else { Ok(Self(keys)) }
    }

    /// The text that [`Self::parse`] reads.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(HEADER.to_owned());
        for key in &self.0 {
            text.push_str(&key.line());
            text.push('\n');
        }
        text
    }
}

/// Where master keys come from. Its text names it for people.
pub trait KeySource: Send + Sync + fmt::Debug + fmt::Display {
    /// The keys; `None` where there is nothing yet.
    fn load(&self) -> Result<Option<Keyring>, KeyError>;

    /// Makes the first key.
    fn create(&self) -> Result<Keyring, KeyError>;

    /// Replaces the keys.
    fn replace(&self, ring: &Keyring) -> Result<(), KeyError>;

    /// Where the list of erased conversations is kept, if anywhere.
    fn journal(&self) -> Option<PathBuf>;
}

/// A file with mode 0600.
#[derive(Debug)]
pub struct FileSource {
    path: PathBuf,
    journal: PathBuf,
}

impl FileSource {
    /// The key in this file, which must not lie inside `data`.
    ///
    /// # Errors
    /// [`KeyError::InsideData`].
    pub fn new(path: &Path, data: &Path) -> Result<Self, KeyError> {
        // Neither has to exist yet: what exists of their paths is resolved.
        let (key, folder) = (resolved(path), resolved(data));
        if key.starts_with(&folder) {
            return Err(KeyError::InsideData { key, data: folder });
        }
        let mut journal = path.to_owned().into_os_string();
        journal.push(".erased");
        Ok(Self { path: path.to_owned(), journal: journal.into() })
    }

    /// … with the list of erased conversations elsewhere than beside it, for keys in folders that cannot be written.
    #[must_use]
    pub fn with_journal(self, journal: PathBuf) -> Self {
        Self { journal, ..self }
    }

    fn unusable(&self, cause: impl fmt::Display) -> KeyError {
        KeyError::Unusable { place: self.to_string(), cause: cause.to_string() }
    }

    /// Written beside it, synced and put in place in one step, so that no crash leaves half a key.
    fn write(&self, text: &str, replace: bool) -> io::Result<()> {
        let folder = match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(folder)?;
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.new", std::process::id()));
        let draft = folder.join(name);
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        let placed = if replace {
            fs::rename(&draft, &self.path)
        } else {
            // Unlike a rename, a link fails where somebody else was faster.
            let linked = fs::hard_link(&draft, &self.path);
            fs::remove_file(&draft)?;
            linked
        };
        placed?;
        File::open(folder)?.sync_all()
    }
}

/// The path with what exists of it resolved.
fn resolved(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for ancestor in absolute.ancestors() {
        if let (Ok(real), Ok(rest)) = (ancestor.canonicalize(), absolute.strip_prefix(ancestor)) {
            return if rest.as_os_str().is_empty() { real } else { real.join(rest) };
        }
    }
    absolute
}

impl fmt::Display for FileSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the file {}", self.path.display())
    }
}

impl KeySource for FileSource {
    fn load(&self) -> Result<Option<Keyring>, KeyError> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.unusable(error)),
        };
        let mode = fs::metadata(&self.path).map_err(|error| self.unusable(error))?.permissions().mode();
        if mode & 0o077 != 0 {
            // Not refused: orchestrators mount secrets with a group that may read them.
            tracing::warn!(path = %self.path.display(), mode = format!("{:o}", mode & 0o777), "others than this user may read the master key; `chmod 600` it unless that is meant");
        }
        Keyring::parse(&text).map(Some).map_err(|cause| self.unusable(cause))
    }

    fn create(&self) -> Result<Keyring, KeyError> {
        let key = MasterKey::generate().map_err(|error| self.unusable(error))?;
        let ring = Keyring::new(key, Vec::new());
        match self.write(&ring.to_text(), false) {
            Ok(()) => {
                tracing::warn!(
                    path = %self.path.display(),
                    "A MASTER KEY WAS MADE. COPY IT NOW TO A SAFE PLACE APART FROM THE BACKUPS: without it no \
                     conversation can be read, not even from a backup"
                );
                Ok(ring)
            }
            // Another process started at the same moment.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.load()?.ok_or_else(|| KeyError::Missing { place: self.to_string() })
            }
            Err(error) => Err(self.unusable(format!(
                "{error}; set vault.key_file to a place outside of the data folder that this user may write"
            ))),
        }
    }

    fn replace(&self, ring: &Keyring) -> Result<(), KeyError> {
        self.write(&ring.to_text(), true).map_err(|error| self.unusable(error))
    }

    fn journal(&self) -> Option<PathBuf> {
        Some(self.journal.clone())
    }
}

/// Keys in an environment variable, as systemd, Docker and Kubernetes pass secrets.
#[derive(Debug)]
pub struct EnvironmentSource {
    text: Zeroizing<String>,
    journal: Option<PathBuf>,
}

impl EnvironmentSource {
    /// The variable's value.
    pub fn new(value: String) -> Self {
        Self { text: Zeroizing::new(value), journal: None }
    }

    /// … with a list of erased conversations in this file.
    #[must_use]
    pub fn with_journal(self, journal: Option<PathBuf>) -> Self {
        Self { journal, ..self }
    }
}

impl fmt::Display for EnvironmentSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the environment variable {VARIABLE}")
    }
}

impl KeySource for EnvironmentSource {
    fn load(&self) -> Result<Option<Keyring>, KeyError> {
        Keyring::parse(&self.text)
            .map(Some)
            .map_err(|cause| KeyError::Unusable { place: self.to_string(), cause })
    }

    fn create(&self) -> Result<Keyring, KeyError> {
        Err(KeyError::Missing { place: self.to_string() })
    }

    fn replace(&self, _ring: &Keyring) -> Result<(), KeyError> {
        Err(KeyError::Fixed(self.to_string()))
    }

    fn journal(&self) -> Option<PathBuf> {
        self.journal.clone()
    }
}
