//! Recordings that citizens have left, so that the assistant learns to hear better.
//!
//! Nothing that is said is kept by itself. Where the operator asks for it, and a citizen says yes after their spoken question was answered,
//! their page sends the sound of that one turn; what was meant by it is taken from the log. A recording is sealed with the key of
//! its conversation and ends with it: with its retention, with its erasure, in the database and in every backup.

use async_trait::async_trait;
use kb::EntryId;
use language::Language;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::audit::AuditEntry;
use crate::ids::ConversationId;
use crate::schema::LanguageCode;
use crate::store::StoreError;
use crate::time::Timestamp;

/// How it is known what was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConfirmedBy {
    /// The citizen chose it among what was offered.
    Choice,
    /// The citizen said that the answer helped.
    Rating,
    /// The citizen left the recording under the answer, and said nothing against it.
    Answer,
}

/// What was meant by what is heard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Confirmed {
    /// The entry that answered it.
    #[schemars(with = "String")]
    pub entry: EntryId,
    /// Its question, in the language that was spoken.
    pub question: String,
    /// What was said, word for word, where a recogniser that takes dictation heard it or somebody has written it down; empty otherwise.
    #[serde(default)]
    pub said: String,
    /// How it is known.
    pub by: ConfirmedBy,
    /// The place of the spoken turn in its conversation.
    pub seq: u64,
}

/// A recording without its sound.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recording {
    /// Its id.
    pub id: String,
    /// The conversation in which it was left.
    pub conversation: ConversationId,
    /// When it was left.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// The language that is spoken.
    #[schemars(with = "LanguageCode")]
    pub language: Language,
    /// How long it is.
    pub seconds: f64,
    /// What was meant.
    #[serde(flatten)]
    pub confirmed: Confirmed,
}

/// A recording that a citizen leaves.
#[derive(Clone, Debug)]
pub struct NewRecording {
    /// Its id; the same id again changes nothing.
    pub id: String,
    /// The conversation.
    pub conversation: ConversationId,
    /// The language that is spoken.
    pub language: Language,
    /// How long it is.
    pub seconds: f64,
    /// What was meant.
    pub confirmed: Confirmed,
    /// A WAV file: 16 kHz, 16 bits, one channel.
    pub sound: Vec<u8>,
}

/// Keeps recordings.
#[async_trait]
pub trait Recordings {
    /// Keeps a recording, sealed. True where it was not there before.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the conversation is gone; [`StoreError::Busy`], [`StoreError::Unavailable`].
    async fn keep_recording(&self, new: NewRecording) -> Result<bool, StoreError>;

    /// Recordings, the newest first, `limit` of them before a moment.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    async fn recordings(&self, before: Timestamp, limit: u32) -> Result<Vec<Recording>, StoreError>;

    /// The recordings that were left in a conversation, in no order.
    ///
    /// # Errors
    /// As [`Self::recordings`].
    async fn recordings_of(&self, conversation: ConversationId) -> Result<Vec<Recording>, StoreError>;

    /// A recording with its sound.
    ///
    /// # Errors
    /// As [`Self::recordings`].
    async fn recording(&self, id: &str) -> Result<Option<(Recording, Vec<u8>)>, StoreError>;

    /// Writes down what is said in a recording, with the record of it. False where there is none.
    ///
    /// # Errors
    /// [`StoreError::Busy`], [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    async fn write_down(&self, id: &str, said: &str, entry: AuditEntry) -> Result<bool, StoreError>;

    /// Removes a recording for good, with the record of it where it is not the citizen who does so. False where there is none, or where it is not of that
    /// conversation.
    ///
    /// # Errors
    /// [`StoreError::Busy`], [`StoreError::Unavailable`].
    async fn remove_recording(
        &self,
        id: &str,
        of: Option<ConversationId>,
        entry: Option<AuditEntry>,
    ) -> Result<bool, StoreError>;
}
