//! The audit trail: who did what to whom or what, in a chain in which nothing can be changed unnoticed.
//!
//! Every record carries `hash = SHA-256(hash of the record before ‖ canonical encoding of this one)`; the first one
//! follows [`AuditHash::START`]. Whoever changes, removes, inserts or reorders a record breaks the chain at a place that
//! [`ChainCheck`] names. What the chain alone cannot show is that its end was cut off, or that all of it was written
//! anew: for that a [`ChainHead`] is written down elsewhere from time to time and looked for later.
//!
//! Records never hold what a citizen said or wrote, nor any secret; conversations are named by their id.
//!
//! ```
//! use conversation::audit::{AuditActor, AuditEntry, AuditRecord, ChainCheck};
//! use conversation::Timestamp;
//!
//! let entry = AuditEntry::new(AuditActor::System, "retention.deleted").with("conversations", 3);
//! let first = AuditRecord::after(None, Timestamp::from_millis(0), &entry);
//! let mut check = ChainCheck::new();
//! check.next(&first)?;
//! assert_eq!(check.head().map(|head| head.id), Some(1));
//! # Ok::<(), conversation::audit::BrokenChain>(())
//! ```

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::ids::AgentId;
use crate::store::StoreError;
use crate::time::Timestamp;

/// What the encoding of a record begins with, so that it can never be taken for anything else that is hashed.
const DOMAIN: &[u8] = b"drilen audit 1";

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditActor {
    /// Somebody with an account.
    Person {
        /// Their account.
        id: AgentId,
        /// The name they log in with, as it was then.
        name: String,
    },
    /// Whoever ran a command on the server's machine.
    CommandLine {
        /// The user of the operating system, where it is known.
        user: String,
    },
    /// The server by itself: sweeps, retention.
    System,
}

impl AuditActor {
    /// Somebody with an account.
    pub fn person(id: AgentId, name: impl Into<String>) -> Self {
        Self::Person { id, name: name.into() }
    }

    /// `person`, `command` or `system`: the column of a store.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Person { .. } => "person",
            Self::CommandLine { .. } => "command",
            Self::System => "system",
        }
    }

    /// The account's id; empty for others.
    pub fn id(&self) -> String {
        match self {
            Self::Person { id, .. } => id.to_string(),
            Self::CommandLine { .. } | Self::System => String::new(),
        }
    }

    /// The name; empty for the server itself.
    pub fn name(&self) -> &str {
        match self {
            Self::Person { name, .. } => name,
            Self::CommandLine { user } => user,
            Self::System => "",
        }
    }

    /// The actor that a store's three columns name.
    ///
    /// # Errors
    /// Where they name none; a store reports it as [`StoreError::Corrupt`].
    pub fn from_parts(kind: &str, id: &str, name: &str) -> Result<Self, String> {
        let no_actor = || format!("({kind:?}, {id:?}, {name:?}) names no actor");
        let actor = match kind {
            "person" => Self::Person { id: id.parse().map_err(|_| no_actor())?, name: name.to_owned() },
            "command" => Self::CommandLine { user: name.to_owned() },
            "system" => Self::System,
            _ => return Err(no_actor()),
        };
        // What the actor would not give back (a name of the server itself, an id in capitals) would escape the hash.
        if actor.kind() == kind && actor.id() == id && actor.name() == name {
            Ok(actor)
        } else {
            Err(no_actor())
        }
    }
}

/// Something that was done, before it has its place in the trail.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// Who did it.
    pub actor: AuditActor,
    /// What was done: a noun and a participle, such as `password.changed`. See docs/security.md for all of them.
    pub action: Cow<'static, str>,
    /// What it was done to, as `kind:id` (`person:…`, `conversation:…`); empty where that says nothing.
    pub subject: String,
    /// Particulars. Never a citizen's words, never a secret.
    pub detail: Map<String, Value>,
}

impl AuditEntry {
    /// Somebody did something.
    pub fn new(actor: AuditActor, action: impl Into<Cow<'static, str>>) -> Self {
        Self { actor, action: action.into(), subject: String::new(), detail: Map::new() }
    }

    /// … to this, for instance `on("conversation", id)`.
    #[must_use]
    pub fn on(mut self, kind: &str, id: impl fmt::Display) -> Self {
        self.subject = format!("{kind}:{id}");
        self
    }

    /// … with this particular.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.detail.insert(key.to_owned(), value.into());
        self
    }
}

/// SHA-256 of a record and all before it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AuditHash([u8; 32]);

impl AuditHash {
    /// What stands before the first record: 32 zero bytes.
    pub const START: Self = Self([0; 32]);

    /// The hash of these bytes, as a store keeps them.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes, for a store's column.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for AuditHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for AuditHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuditHash({self})")
    }
}

impl Serialize for AuditHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for AuditHash {
    type Err = NoHead;

    fn from_str(text: &str) -> Result<Self, NoHead> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(NoHead);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |digit: u8| char::from(digit).to_digit(16).ok_or(NoHead);
            *byte = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
        }
        Ok(Self(bytes))
    }
}

/// A record of the trail.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRecord {
    /// Its place: 1, 2, 3 … without a gap.
    pub id: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: AuditActor,
    /// What was done.
    pub action: String,
    /// What it was done to.
    pub subject: String,
    /// Particulars: the text of a JSON object, byte for byte as it was hashed.
    pub detail: String,
    /// Over this record and all before it.
    pub hash: AuditHash,
}

impl AuditRecord {
    /// The record that `entry` makes behind `last` (`None`: it is the first).
    pub fn after(last: Option<ChainHead>, at: Timestamp, entry: &AuditEntry) -> Self {
        let mut record = Self {
            id: last.map_or(0, |last| last.id) + 1,
            at,
            actor: entry.actor.clone(),
            action: entry.action.clone().into_owned(),
            subject: entry.subject.clone(),
            detail: Value::Object(entry.detail.clone()).to_string(),
            hash: AuditHash::START,
        };
        record.hash = record.chained(last.map_or(AuditHash::START, |last| last.hash));
        record
    }

    /// The hash that this record must have behind one with the hash `before`.
    pub fn chained(&self, before: AuditHash) -> AuditHash {
        let mut hasher = Sha256::new();
        hasher.update(before.0);
        hasher.update(self.encoding());
        AuditHash(hasher.finalize().into())
    }

    /// The record as it is hashed: the text `drilen audit 1`, the id and the moment (milliseconds since the Unix epoch) in
    /// eight bytes each, then kind, id and name of the actor, action, subject and detail, each in UTF-8 behind its length
    /// in eight bytes. Numbers are big-endian. Lengths make sure that two different records never have one encoding.
    fn encoding(&self) -> Vec<u8> {
        let mut bytes = DOMAIN.to_vec();
        bytes.extend(self.id.to_be_bytes());
        bytes.extend(self.at.as_millis().to_be_bytes());
        let id = self.actor.id();
        for field in [self.actor.kind(), &id, self.actor.name(), &self.action, &self.subject, &self.detail] {
            bytes.extend((field.len() as u64).to_be_bytes());
            bytes.extend(field.as_bytes());
        }
        bytes
    }

    /// Its place and hash.
    pub const fn head(&self) -> ChainHead {
        ChainHead { id: self.id, hash: self.hash }
    }
}

/// One line of JSON for an export; `detail` as an object again.
impl Serialize for AuditRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Actor<'a> {
            kind: &'static str,
            #[serde(skip_serializing_if = "String::is_empty")]
            id: String,
            #[serde(skip_serializing_if = "str::is_empty")]
            name: &'a str,
        }
        #[derive(Serialize)]
        struct Line<'a> {
            id: u64,
            at: Timestamp,
            actor: Actor<'a>,
            action: &'a str,
            #[serde(skip_serializing_if = "str::is_empty")]
            subject: &'a str,
            detail: Value,
            hash: AuditHash,
        }
        Line {
            id: self.id,
            at: self.at,
            actor: Actor { kind: self.actor.kind(), id: self.actor.id(), name: self.actor.name() },
            action: &self.action,
            subject: &self.subject,
            // A detail that is not JSON any more has been tampered with; it is shown as it is.
            detail: serde_json::from_str(&self.detail).unwrap_or_else(|_| Value::String(self.detail.clone())),
            hash: self.hash,
        }
        .serialize(serializer)
    }
}

/// A place in the chain with its hash, written `id:hash`. Kept somewhere else, it shows later whether the trail up to it
/// is still the same, and whether it is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ChainHead {
    /// The record's place.
    pub id: u64,
    /// Its hash.
    pub hash: AuditHash,
}

impl fmt::Display for ChainHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.id, self.hash)
    }
}

impl FromStr for ChainHead {
    type Err = NoHead;

    fn from_str(text: &str) -> Result<Self, NoHead> {
        let (id, hash) = text.trim().split_once(':').ok_or(NoHead)?;
        Ok(Self { id: id.parse().map_err(|_| NoHead)?, hash: hash.parse()? })
    }
}

impl TryFrom<String> for ChainHead {
    type Error = NoHead;
    fn try_from(text: String) -> Result<Self, NoHead> {
        text.parse()
    }
}

/// A text is not the head of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a head is written as `assistant audit verify` prints it: a number, a colon and 64 hexadecimal digits"
)]
pub struct NoHead;

/// Where the chain is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokenChain {
    /// Records are missing, doubled or in another order.
    #[error("record {expected} is missing: record {found} stands in its place")]
    Gap {
        /// The place that comes next.
        expected: u64,
        /// The record that was found instead.
        found: u64,
    },
    /// A record is not what was written.
    #[error("record {id} is not what was written: it, or one before it, was changed")]
    Changed {
        /// The first record that does not fit.
        id: u64,
    },
    /// The trail ends before a head that was written down.
    #[error("the trail ends with record {last}, but record {wanted} was written down: its end was cut off")]
    CutOff {
        /// The last record there is; 0 where there is none.
        last: u64,
        /// The one that there was.
        wanted: u64,
    },
    /// At the place of a head that was written down stands another record.
    #[error("record {id} is another one than the one that was written down: the trail was written anew")]
    Rewritten {
        /// The place.
        id: u64,
    },
}

/// Recomputes a chain, record by record from the first.
#[derive(Clone, Debug, Default)]
pub struct ChainCheck {
    last: Option<ChainHead>,
    wanted: Option<ChainHead>,
}

impl ChainCheck {
    /// A check that has seen nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// … and looks for this head, which was written down before.
    pub const fn looking_for(wanted: ChainHead) -> Self {
        Self { last: None, wanted: Some(wanted) }
    }

    /// Checks the next record.
    ///
    /// # Errors
    /// [`BrokenChain`]; what follows a broken place cannot be checked any more.
    pub fn next(&mut self, record: &AuditRecord) -> Result<(), BrokenChain> {
        let (last, before) = self.last.map_or((0, AuditHash::START), |last| (last.id, last.hash));
        if record.id != last + 1 {
            return Err(BrokenChain::Gap { expected: last + 1, found: record.id });
        }
        if record.chained(before) != record.hash {
            return Err(BrokenChain::Changed { id: record.id });
        }
        if self.wanted.is_some_and(|wanted| wanted.id == record.id && wanted.hash != record.hash) {
            return Err(BrokenChain::Rewritten { id: record.id });
        }
        self.last = Some(record.head());
        Ok(())
    }

    /// The last record that was checked; `None` before the first.
    pub const fn head(&self) -> Option<ChainHead> {
        self.last
    }

    /// All records were checked.
    ///
    /// # Errors
    /// [`BrokenChain::CutOff`] where the head that was looked for never came.
    pub fn finish(self) -> Result<Option<ChainHead>, BrokenChain> {
        let last = self.last.map_or(0, |last| last.id);
        match self.wanted {
            Some(wanted) if wanted.id > last => Err(BrokenChain::CutOff { last, wanted: wanted.id }),
            _ => Ok(self.last),
        }
    }
}

/// Which records are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditPage {
    /// Those behind this id (0: from the first), in order.
    After(u64),
    /// Those before this id, the newest first; `None`: from the end.
    Before(Option<u64>),
}

/// Which records somebody looks for; what is empty or `None` lets everything through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditSearch {
    /// What was done, such as `login.failed`.
    pub action: String,
    /// The name of whoever did it.
    pub actor: String,
    /// What it was done to, as `kind:id`.
    pub subject: String,
    /// Not before this moment …
    pub since: Option<Timestamp>,
    /// … and before this one.
    pub until: Option<Timestamp>,
    /// Only those before this id.
    pub before: Option<u64>,
}

/// The audit trail of a store. Acts that change the store are recorded by the store itself, in the transaction of the act;
/// [`AuditTrail::record`] is for everything else.
#[async_trait]
pub trait AuditTrail: Send + Sync {
    /// Appends a record and returns when it is durable: call it before the act, where the act cannot be undone (showing a
    /// masked number, handing out an export).
    ///
    /// # Errors
    /// [`StoreError::Busy`], [`StoreError::Unavailable`]; the act must not happen then.
    async fn record(&self, entry: AuditEntry) -> Result<ChainHead, StoreError>;

    /// Up to `limit` records.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Corrupt`] where a row is not a record any more.
    async fn audit(&self, page: AuditPage, limit: u32) -> Result<Vec<AuditRecord>, StoreError>;

    /// Up to `limit` records that were looked for, the newest first.
    ///
    /// # Errors
    /// As [`Self::audit`].
    async fn search_audit(&self, search: AuditSearch, limit: u32) -> Result<Vec<AuditRecord>, StoreError>;
}

#[cfg(test)]
mod tests;
