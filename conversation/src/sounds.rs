//! What citizens and the people who serve them say to each other, kept to be heard.
//!
//! What is said to the assistant is not kept. What is said to a person is for that person, who may be looking elsewhere while it is said; and
//! not every recogniser writes it down. A sound is sealed with the key of its conversation and ends with it, and so does how far the
//! citizen has come with what was written to them.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::ids::{AgentId, ConversationId, SoundId};
use crate::store::StoreError;

/// A sound that is to be kept.
#[derive(Clone, Debug)]
pub struct NewSound {
    /// Its id.
    pub id: SoundId,
    /// The conversation in which it is said.
    pub conversation: ConversationId,
    /// The agent who speaks; `None`: the citizen.
    pub by: Option<AgentId>,
    /// How long it is, in milliseconds.
    pub ms: u64,
    /// An Ogg file with Opus, one channel.
    pub file: Vec<u8>,
}

/// A sound that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptSound {
    /// The conversation in which it was said.
    pub conversation: ConversationId,
    /// The agent who speaks; `None`: the citizen.
    pub by: Option<AgentId>,
    /// How long it is, in milliseconds.
    pub ms: u64,
    /// An Ogg file with Opus, one channel.
    pub file: Vec<u8>,
}

/// How far a citizen has come with what was written to them: places of events, 0 for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Receipts {
    /// The last that has gone out to them while they were connected.
    pub delivered: u64,
    /// The last that has been on their screen, or was played to them.
    pub seen: u64,
}

/// Keeps sounds and receipts.
#[async_trait]
pub trait Sounds {
    /// Keeps a sound, sealed.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the conversation is gone; [`StoreError::Busy`], [`StoreError::Unavailable`].
    async fn keep_sound(&self, new: NewSound) -> Result<(), StoreError>;

    /// A sound; `None` where there is none of this id.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    async fn sound(&self, id: SoundId) -> Result<Option<KeptSound>, StoreError>;

    /// Removes a sound that no event tells of. False where there is none.
    ///
    /// # Errors
    /// [`StoreError::Busy`], [`StoreError::Unavailable`].
    async fn remove_sound(&self, id: SoundId) -> Result<bool, StoreError>;

    /// Notes how far the citizen has come; they never go back.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the conversation is gone; [`StoreError::Busy`], [`StoreError::Unavailable`].
    async fn note_receipts(&self, conversation: ConversationId, receipts: Receipts)
    -> Result<(), StoreError>;

    /// How far the citizen has come.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn receipts(&self, conversation: ConversationId) -> Result<Receipts, StoreError>;
}
