//! Showing an agent what masking hides, once, for a reason, on the record.

use conversation::audit::{AuditActor, AuditEntry};
use conversation::{ConversationId, EventBody, Store, StoreError};

/// The longest reason, in characters.
pub const MAX_REASON_CHARACTERS: usize = 200;

/// Whether the agent's role allows it. Whoever knows roles says so; there is no default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// It does.
    Granted,
    /// It does not.
    Denied,
}

/// Why nothing is shown.
#[derive(Debug, thiserror::Error)]
pub enum RevealError {
    /// The agent's role does not allow it.
    #[error("your role does not allow to see personal numbers")]
    NotAllowed,
    /// A reason is required.
    #[error("a reason of 1 to {MAX_REASON_CHARACTERS} characters is required")]
    NoReason,
    /// There is no message of a person at this place.
    #[error("there is no such message")]
    NotFound,
    /// The store or the audit trail failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The words of a message as they were written. The record (`numbers.revealed`, with `seq` and `reason`) is durable **before** anything is shown; without it nothing is.
///
/// The caller has checked that the conversation is open to this agent.
///
/// # Errors
/// [`RevealError`].
pub async fn reveal(
    store: &dyn Store,
    permission: Permission,
    agent: AuditActor,
    (conversation, seq): (ConversationId, u64),
    reason: &str,
) -> Result<String, RevealError> {
    if permission == Permission::Denied {
        return Err(RevealError::NotAllowed);
    }
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > MAX_REASON_CHARACTERS {
        return Err(RevealError::NoReason);
    }
    let event = match seq.checked_sub(1) {
        Some(before) => store.events_after(conversation, before, 1).await?.into_iter().next(),
        None => None,
    };
    let text = match event.filter(|event| event.seq == seq).map(|event| event.body) {
        Some(EventBody::CitizenMessage(message)) => message.text,
        Some(EventBody::AgentMessage(message)) => message.text,
        Some(EventBody::AgentLeft(left)) => left.note.ok_or(RevealError::NotFound)?,
        Some(EventBody::Snoozed(snoozed)) => snoozed.note.ok_or(RevealError::NotFound)?,
        Some(EventBody::WrappedUp(notes)) => notes.note.ok_or(RevealError::NotFound)?,
        Some(EventBody::CallbackRequested(asked)) => asked.number,
        _ => return Err(RevealError::NotFound),
    };
    let reason = super::mask(reason).into_owned();
    let entry = AuditEntry::new(agent, "numbers.revealed").on("conversation", conversation);
    store.record(entry.with("seq", seq).with("reason", reason)).await?;
    Ok(text)
}
