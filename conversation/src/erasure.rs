//! Erasing a conversation for good.

use crate::audit::AuditActor;
use crate::ids::ConversationId;

/// An order to erase a conversation. Neither text may hold a citizen's words: they outlive the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Which.
    pub conversation: ConversationId,
    /// Who ordered it.
    pub by: AuditActor,
    /// Why, such as the number of the citizen's request.
    pub why: String,
}

/// A file elsewhere that has to learn of erasures and could not yet be told: a backup's key file, or the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceBehind {
    /// Where it is.
    pub path: String,
    /// Why it could not be told.
    pub reason: String,
}
