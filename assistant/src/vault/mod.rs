//! Conversations at rest: every conversation is sealed with a random key of its own, its *data key*; data keys are
//! wrapped with the *master key*, which lies outside the data folder. Whoever destroys a data key has erased the
//! conversation, wherever copies of its rows lie (docs/adr/0012-a-key-per-conversation.md).
//!
//! ```text
//! master key (file or environment) ─wraps─► data key (table `data_keys`) ─seals─► events.body, conversations.state
//! ```
//!
//! What is sealed is bound to its place: an event to (conversation, `seq`, time), the projection to (conversation,
//! last `seq`), a data key to (conversation, master key). Rows that somebody swaps do not open.

pub mod backup;
pub mod cipher;
pub mod erasure;
mod house;
pub mod key_file;
pub mod keyring;
mod keys;
mod secrets;
pub mod verify;

use std::collections::HashSet;
use std::sync::Arc;

use conversation::ConversationId;
use lru::LruCache;
use parking_lot::{Mutex, RwLock};
use zeroize::Zeroizing;

pub use cipher::{CannotOpen, Cipher, Keyed};
pub use keyring::{KeyError, KeyId, KeySource, Keyring, MasterKey};
pub use keys::{DataKey, is_sealed};

/// Data keys kept unwrapped in memory, so that a conversation that goes on costs no unwrapping. One takes less than a
/// kibibyte (AES-256's round keys and a hash key). When it is full, the one used longest ago goes, is overwritten, and
/// is unwrapped again when needed.
const CACHED: std::num::NonZeroUsize = std::num::NonZeroUsize::new(4_096).unwrap();

/// A data key as the store keeps it: wrapped with a master key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedKey {
    /// The master key that opens it.
    pub master: KeyId,
    /// Cipher, nonce, ciphertext and tag; see [`cipher::seal`].
    pub sealed: Vec<u8>,
}

/// What can go wrong with keys and what they seal.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The master key that wrapped this is not among ours.
    #[error("the master key {0} is not in the key source; put it back from your copy (docs/operations.md)")]
    NoMasterKey(KeyId),
    /// It was changed, or belongs elsewhere.
    #[error("{what} does not open: it was changed, or belongs to another place")]
    Tampered {
        /// What.
        what: String,
    },
    /// It opens, and is not what it should be.
    #[error("{what} opens but cannot be read: {why}")]
    Unreadable {
        /// What.
        what: String,
        /// The reader's words, which quote nothing of it.
        why: String,
    },
    /// The key source cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness: {0}")]
    NoRandomness(String),
}

/// Marks when a row was read: a data key from it enters the cache only if nothing has been erased since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading(u64);

/// Seals and opens. One per open store; `&self` everywhere.
#[derive(Debug)]
pub struct Vault {
    source: Box<dyn KeySource>,
    ring: RwLock<Keyring>,
    cache: Mutex<Cache>,
}

#[derive(Debug)]
struct Cache {
    keys: LruCache<ConversationId, Arc<DataKey>>,
    erasures: u64,
}

impl Vault {
    /// A vault with the master keys of a source; one is made where the source has none and may make one.
    ///
    /// # Errors
    /// [`KeyError`], which says what to do.
    pub fn open(source: Box<dyn KeySource>) -> Result<Self, KeyError> {
        let ring = match source.load()? {
            Some(ring) => ring,
            None => source.create()?,
        };
        Ok(Self::with(source, ring))
    }

    /// As [`Self::open`], but a source without a key is an error: for databases that have sealed rows already.
    ///
    /// # Errors
    /// [`KeyError::Missing`] and others.
    pub fn open_existing(source: Box<dyn KeySource>) -> Result<Self, KeyError> {
        let ring = source.load()?.ok_or_else(|| KeyError::Missing { place: source.to_string() })?;
        Ok(Self::with(source, ring))
    }

    fn with(source: Box<dyn KeySource>, ring: Keyring) -> Self {
        let cache = Cache { keys: LruCache::new(CACHED), erasures: 0 };
        Self { source, ring: RwLock::new(ring), cache: Mutex::new(cache) }
    }

    /// The first master key of the source: what new data keys are wrapped with where nothing else was agreed on.
    pub fn first_master(&self) -> KeyId {
        self.ring.read().first().id()
    }

    /// Makes another master key and puts it first in the source; the others stay, to open what they wrapped.
    ///
    /// # Errors
    /// [`KeyError::Fixed`] where the source is changed by other means.
    pub fn add_master(&self) -> Result<KeyId, VaultError> {
        let key = MasterKey::generate()?;
        let id = key.id();
        let current = self.source.load()?;
        let others = current.as_ref().map_or(&[][..], Keyring::keys).to_vec();
        let ring = Keyring::new(key, others);
        self.source.replace(&ring)?;
        *self.ring.write() = ring;
        Ok(id)
    }

    /// Takes every master key but these out of the source. Tells which went; at least one stays.
    ///
    /// # Errors
    /// As [`Self::add_master`].
    pub fn keep_masters(&self, keep: &HashSet<KeyId>) -> Result<Vec<KeyId>, VaultError> {
        let Some(ring) = self.source.load()? else { return Ok(Vec::new()) };
        let (stay, go): (Vec<_>, Vec<_>) =
            ring.keys().iter().cloned().partition(|key| keep.contains(&key.id()));
        let mut stay = stay.into_iter();
        let Some(first) = stay.next().filter(|_| !go.is_empty()) else { return Ok(Vec::new()) };
        let ring = Keyring::new(first, stay.collect());
        self.source.replace(&ring)?;
        *self.ring.write() = ring;
        Ok(go.iter().map(MasterKey::id).collect())
    }

    /// Whether this master key is known; reads the source again where it is not, since another process may have
    /// changed it.
    pub fn knows(&self, id: &KeyId) -> bool {
        self.master(id).is_ok()
    }

    /// Gives its key source back.
    pub fn into_source(self) -> Box<dyn KeySource> {
        self.source
    }

    /// Where the master key comes from, for people.
    pub fn source(&self) -> &dyn KeySource {
        self.source.as_ref()
    }

    fn master(&self, id: &KeyId) -> Result<MasterKey, VaultError> {
        if let Some(key) = self.ring.read().get(id) {
            return Ok(key.clone());
        }
        if let Some(ring) = self.source.load()? {
            *self.ring.write() = ring;
        }
        self.ring.read().get(id).cloned().ok_or_else(|| VaultError::NoMasterKey(id.clone()))
    }

    /// A fresh data key for a conversation, wrapped with this master key.
    ///
    /// # Errors
    /// [`VaultError::NoMasterKey`], [`VaultError::NoRandomness`].
    pub fn new_key(
        &self,
        conversation: ConversationId,
        master: &KeyId,
    ) -> Result<(Arc<DataKey>, WrappedKey), VaultError> {
        let mut plain = Zeroizing::new([0; cipher::KEY_BYTES]);
        cipher::randomness(plain.as_mut_slice())?;
        let wrapped = self.master(master)?.wrap(conversation, &plain)?;
        let key = Arc::new(DataKey::new(conversation, &plain));
        self.cache.lock().keys.put(conversation, Arc::clone(&key));
        Ok((key, wrapped))
    }

    /// Call it **before** reading the row that [`Self::data_key`] is given.
    pub fn reading(&self) -> Reading {
        Reading(self.cache.lock().erasures)
    }

    /// The data key of a conversation, from memory where it is there.
    ///
    /// # Errors
    /// [`VaultError::NoMasterKey`], [`VaultError::Tampered`].
    pub fn data_key(
        &self,
        reading: Reading,
        conversation: ConversationId,
        wrapped: &WrappedKey,
    ) -> Result<Arc<DataKey>, VaultError> {
        if let Some(key) = self.cache.lock().keys.get(&conversation) {
            return Ok(Arc::clone(key));
        }
        let plain = self.master(&wrapped.master)?.unwrap_key(conversation, wrapped)?;
        let key = Arc::new(DataKey::new(conversation, &plain));
        let mut cache = self.cache.lock();
        if Reading(cache.erasures) == reading {
            cache.keys.put(conversation, Arc::clone(&key));
        }
        Ok(key)
    }

    /// The data key of a conversation as it is stored, past the memory.
    ///
    /// # Errors
    /// As [`Self::data_key`].
    pub fn fresh_data_key(
        &self,
        conversation: ConversationId,
        wrapped: &WrappedKey,
    ) -> Result<DataKey, VaultError> {
        let plain = self.master(&wrapped.master)?.unwrap_key(conversation, wrapped)?;
        Ok(DataKey::new(conversation, &plain))
    }

    /// Drops erased conversations' keys from memory at once, and any that a reader is just bringing.
    pub fn forget(&self, erased: &[ConversationId]) {
        let mut cache = self.cache.lock();
        cache.erasures += 1;
        for conversation in erased {
            cache.keys.pop(conversation);
        }
    }

    /// How many data keys are in memory.
    pub fn cached(&self) -> usize {
        self.cache.lock().keys.len()
    }

    /// The same data key, wrapped with another master key.
    ///
    /// # Errors
    /// As [`Self::data_key`].
    pub fn rewrap(
        &self,
        conversation: ConversationId,
        wrapped: &WrappedKey,
        master: &KeyId,
    ) -> Result<WrappedKey, VaultError> {
        let plain = self.master(&wrapped.master)?.unwrap_key(conversation, wrapped)?;
        self.master(master)?.wrap(conversation, &plain)
    }
}

#[cfg(test)]
mod tests;
