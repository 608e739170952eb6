//! Data keys: one per conversation.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use conversation::event::EventBody;
use conversation::recordings::Confirmed;
use conversation::{ConversationId, ConversationState, Timestamp};
use serde::de::DeserializeOwned;

use super::VaultError;
use super::cipher::{self, KEY_BYTES, SealingKey};

/// The key of one conversation, in memory.
pub struct DataKey {
    conversation: ConversationId,
    key: SealingKey,
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataKey").field("conversation", &self.conversation).finish_non_exhaustive()
    }
}

/// Whether a stored text is sealed. JSON begins with a brace, which base64url never does.
pub fn is_sealed(stored: &str) -> bool {
    !stored.starts_with('{')
}

impl DataKey {
    pub(super) fn new(conversation: ConversationId, key: &[u8; KEY_BYTES]) -> Self {
        Self { conversation, key: SealingKey::new(key) }
    }

    /// What an event is bound to.
    fn event_place(&self, seq: u64, at: Timestamp) -> String {
        format!("drilen/event/1\0{}\0{seq}\0{}", self.conversation, at.as_millis())
    }

    /// What a projection is bound to.
    fn state_place(&self, last_seq: u64) -> String {
        format!("drilen/state/1\0{}\0{last_seq}", self.conversation)
    }

    /// An event's body as the store keeps it: base64url, since the column is text.
    ///
    /// # Errors
    /// [`VaultError::NoRandomness`].
    pub fn seal_event(&self, seq: u64, at: Timestamp, body: &EventBody) -> Result<String, VaultError> {
        self.seal(&self.event_place(seq, at), body)
    }

    /// Reads what [`Self::seal_event`] made for the same place.
    ///
    /// # Errors
    /// [`VaultError::Tampered`], [`VaultError::Unreadable`].
    pub fn open_event(&self, seq: u64, at: Timestamp, stored: &str) -> Result<EventBody, VaultError> {
        self.open(&self.event_place(seq, at), stored, || format!("event {seq}"))
    }

    /// The projection as the store keeps it.
    ///
    /// # Errors
    /// [`VaultError::NoRandomness`].
    pub fn seal_state(&self, state: &ConversationState) -> Result<String, VaultError> {
        self.seal(&self.state_place(state.last_seq), state)
    }

    /// Reads what [`Self::seal_state`] made for the same place.
    ///
    /// # Errors
    /// [`VaultError::Tampered`], [`VaultError::Unreadable`].
    pub fn open_state(&self, last_seq: u64, stored: &str) -> Result<ConversationState, VaultError> {
        self.open(&self.state_place(last_seq), stored, || "the state".to_owned())
    }

    /// What a recording is bound to.
    fn recording_place(&self, id: &str) -> String {
        format!("drilen/recording/1\0{}\0{id}", self.conversation)
    }

    /// What was meant by a recording, as the store keeps it.
    ///
    /// # Errors
    /// [`VaultError::NoRandomness`].
    pub fn seal_recording(&self, id: &str, confirmed: &Confirmed) -> Result<String, VaultError> {
        self.seal(&self.recording_place(id), confirmed)
    }

    /// Reads what [`Self::seal_recording`] made for the same recording.
    ///
    /// # Errors
    /// [`VaultError::Tampered`], [`VaultError::Unreadable`].
    pub fn open_recording(&self, id: &str, stored: &str) -> Result<Confirmed, VaultError> {
        self.open(&self.recording_place(id), stored, || format!("recording {id}"))
    }

    /// A recording's sound, as the store keeps it.
    ///
    /// # Errors
    /// [`VaultError::NoRandomness`].
    pub fn seal_sound(&self, id: &str, sound: &[u8]) -> Result<Vec<u8>, VaultError> {
        cipher::seal(&self.key, format!("{}\0sound", self.recording_place(id)).as_bytes(), sound)
    }

    /// Reads what [`Self::seal_sound`] made for the same recording.
    ///
    /// # Errors
    /// [`VaultError::Tampered`].
    pub fn open_sound(&self, id: &str, sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        let place = format!("{}\0sound", self.recording_place(id));
        cipher::open(&self.key, place.as_bytes(), sealed).map_err(|_| VaultError::Tampered {
            what: format!("the sound of recording {id} of conversation {}", self.conversation),
        })
    }

    fn seal(&self, place: &str, value: &impl serde::Serialize) -> Result<String, VaultError> {
        let json = zeroize::Zeroizing::new(serde_json::to_vec(value).map_err(|error| {
            VaultError::Unreadable { what: "a value".to_owned(), why: error.to_string() }
        })?);
        Ok(URL_SAFE_NO_PAD.encode(cipher::seal(&self.key, place.as_bytes(), &json)?))
    }

    fn open<T: DeserializeOwned>(
        &self,
        place: &str,
        stored: &str,
        what: impl Fn() -> String,
    ) -> Result<T, VaultError> {
        let named = || format!("{} of conversation {}", what(), self.conversation);
        let sealed = URL_SAFE_NO_PAD.decode(stored).map_err(|_| VaultError::Tampered { what: named() })?;
        let plain = cipher::open(&self.key, place.as_bytes(), &sealed)
            .map_err(|_| VaultError::Tampered { what: named() })?;
        // serde's words may quote a value, which is citizen text: only where it failed is told.
        serde_json::from_slice(&plain).map_err(|error| VaultError::Unreadable {
            what: named(),
            why: format!("{:?} error in column {}", error.classify(), error.column()),
        })
    }
}
