//! What operators keep beside conversations: canned replies, changes of the knowledge base on their way to publication,
//! settings that are changed while the server runs, and the published files themselves.
//!
//! A [`Paper`] is a JSON document with a version. Whoever changes one names the version that they have seen, so that of two
//! people who edit the same thing the second is told and nothing is overwritten. Every change has its audit record, in
//! the same transaction.

use std::fmt;

use async_trait::async_trait;
use serde_json::Value;

use crate::audit::AuditEntry;
use crate::store::StoreError;
use crate::time::Timestamp;

/// What a paper is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PaperKind {
    /// A reply that agents send again and again.
    CannedReply,
    /// A change of the knowledge base that awaits approval, or had it.
    Proposal,
    /// A setting that operators change while the server runs.
    Setting,
    /// The knowledge base as it was published last.
    Knowledge,
}

impl PaperKind {
    /// The column of a store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CannedReply => "canned_reply",
            Self::Proposal => "proposal",
            Self::Setting => "setting",
            Self::Knowledge => "knowledge",
        }
    }
}

impl fmt::Display for PaperKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A document.
#[derive(Clone, Debug, PartialEq)]
pub struct Paper {
    /// What it is.
    pub kind: PaperKind,
    /// Its name among those of its kind.
    pub id: String,
    /// Counts from 1, one more with every change.
    pub version: u64,
    /// What it says.
    pub body: Value,
    /// When it was changed last.
    pub at: Timestamp,
    /// Who changed it last: the name that they log in with.
    pub by: String,
}

/// A change of one paper.
#[derive(Clone, Debug, PartialEq)]
pub struct PaperChange {
    /// What it is.
    pub kind: PaperKind,
    /// Its name among those of its kind.
    pub id: String,
    /// The version that whoever changes it has seen; 0 where it must not be there yet.
    pub expect: u64,
    /// What it says from now on; `None` removes it.
    pub body: Option<Value>,
}

/// Keeps papers.
#[async_trait]
pub trait Papers {
    /// All papers of a kind, by id.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    async fn papers(&self, kind: PaperKind) -> Result<Vec<Paper>, StoreError>;

    /// One paper.
    ///
    /// # Errors
    /// As [`Self::papers`].
    async fn paper(&self, kind: PaperKind, id: &str) -> Result<Option<Paper>, StoreError>;

    /// The version of a paper, without reading it; 0 where there is none.
    ///
    /// # Errors
    /// As [`Self::papers`].
    async fn paper_version(&self, kind: PaperKind, id: &str) -> Result<u64, StoreError>;

    /// Changes papers, all of them or none, with the record of it. Returns those that are there afterwards, in the order of
    /// the changes.
    ///
    /// # Errors
    /// [`StoreError::PaperChanged`] where one is not in the version that was expected any more; nothing has been
    /// changed then. [`StoreError::Busy`], [`StoreError::Unavailable`].
    async fn change_papers(
        &self,
        changes: Vec<PaperChange>,
        entry: AuditEntry,
    ) -> Result<Vec<Paper>, StoreError>;
}
