//! The store's side of the vault: data keys' rows, and which master key wraps new ones.

use std::sync::Arc;

use conversation::{ConversationId, StoreError};
use sqlx::sqlite::SqliteConnection;

use super::append::corrupt;
use super::writer::{OrUnavailable as _, Unit};
use crate::vault::{DataKey, KeyId, VaultError, WrappedKey};

/// A data key's columns in a row that is read together with what it seals.
pub(super) type KeyColumns = (Option<String>, Option<Vec<u8>>);

impl From<VaultError> for StoreError {
    /// What does not open is broken data; a missing key or randomness is a trouble of the machine.
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Tampered { .. } | VaultError::Unreadable { .. } => corrupt(error),
            VaultError::NoMasterKey(_) | VaultError::Key(_) | VaultError::NoRandomness(_) => {
                Self::Unavailable(Box::new(error))
            }
        }
    }
}

/// The key of a row, as the vault wants it.
pub(super) fn wrapped(
    conversation: ConversationId,
    (master, sealed): KeyColumns,
) -> Result<WrappedKey, StoreError> {
    match (master, sealed) {
        (Some(master), Some(sealed)) => Ok(WrappedKey { master: master.into(), sealed }),
        _ => Err(corrupt(format_args!("conversation {conversation} has no key"))),
    }
}

/// Makes the key of a conversation that begins in this unit.
pub(super) async fn make(
    unit: &mut Unit<'_>,
    id: ConversationId,
) -> Result<(Arc<DataKey>, WrappedKey), StoreError> {
    let master = current_master(unit.connection).await?;
    Ok(unit.vault.new_key(id, &master)?)
}

/// Keeps the key of a conversation whose row exists.
pub(super) async fn keep(
    connection: &mut SqliteConnection,
    id: ConversationId,
    key: &WrappedKey,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO data_keys (conversation, master, sealed) VALUES (?, ?, ?)")
        .bind(id.to_string())
        .bind(key.master.as_str())
        .bind(&key.sealed[..])
        .execute(connection)
        .await
        .or_unavailable()?;
    Ok(())
}

/// What new data keys are wrapped with: agreed on in the file, so that every process on it follows a rotation at once.
pub(super) async fn current_master(connection: &mut SqliteConnection) -> Result<KeyId, StoreError> {
    let id: String = sqlx::query_scalar("SELECT value FROM vault WHERE name = 'master'")
        .fetch_one(connection)
        .await
        .or_unavailable()?;
    Ok(id.into())
}
