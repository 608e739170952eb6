//! The store's side of the vault: data keys' rows, and which master key wraps new ones.

use std::path::Path;
use std::sync::Arc;

use conversation::{ConversationId, StoreError};
use sqlx::AnyConnection;

use super::append::corrupt;
use super::writer::{OrUnavailable as _, Unit};
use crate::store::OpenError;
use crate::vault::{DataKey, KeyId, KeySource, Vault, VaultError, WrappedKey};

/// A data key's columns in a row that is read together with what it seals.
pub(in crate::store) type KeyColumns = (Option<String>, Option<Vec<u8>>);

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
pub(in crate::store) fn wrapped(
    conversation: ConversationId,
    (master, sealed): KeyColumns,
) -> Result<WrappedKey, StoreError> {
    match (master, sealed) {
        (Some(master), Some(sealed)) => Ok(WrappedKey { master: master.into(), sealed }),
        _ => Err(corrupt(format_args!("conversation {conversation} has no key"))),
    }
}

/// Makes the key of a conversation that begins in this unit.
pub(in crate::store) async fn make(
    unit: &mut Unit<'_>,
    id: ConversationId,
) -> Result<(Arc<DataKey>, WrappedKey), StoreError> {
    let master = current_master(unit.connection).await?;
    Ok(unit.vault.new_key(id, &master)?)
}

/// Keeps the key of a conversation whose row exists.
pub(in crate::store) async fn keep(
    connection: &mut AnyConnection,
    id: ConversationId,
    key: &WrappedKey,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO data_keys (conversation, master, sealed) VALUES ($1, $2, $3)")
        .bind(id.to_string())
        .bind(key.master.as_str())
        .bind(&key.sealed[..])
        .execute(connection)
        .await
        .or_unavailable()?;
    Ok(())
}

/// What new data keys are wrapped with: agreed on in the file, so that every process on it follows a rotation at once.
pub(in crate::store) async fn current_master(connection: &mut AnyConnection) -> Result<KeyId, StoreError> {
    let id: String = sqlx::query_scalar("SELECT value FROM vault WHERE name = 'master'")
        .fetch_one(connection)
        .await
        .or_unavailable()?;
    Ok(id.into())
}

/// The vault for this database. A first master key is made only where nothing is sealed yet: beside sealed conversations
/// a fresh key would hide that the right one is missing. `name_of_place` is how the database names a file of this machine.
pub(in crate::store) async fn open_vault(
    database: &str,
    connection: &mut AnyConnection,
    source: Box<dyn KeySource>,
    name_of_place: &(dyn Fn(&Path) -> String + Sync),
) -> Result<Vault, OpenError> {
    let open = |source| OpenError::Open { database: database.to_owned(), source };
    let masters: Vec<String> = sqlx::query_scalar(
        "SELECT value FROM vault WHERE name = 'master' UNION SELECT DISTINCT master FROM data_keys",
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(open)?;
    let vault = if masters.is_empty() { Vault::open(source)? } else { Vault::open_existing(source)? };
    for master in masters.into_iter().map(KeyId::from) {
        if !vault.knows(&master) {
            let source_of_keys = vault.source().to_string();
            return Err(OpenError::WrongKey { database: database.to_owned(), master, source_of_keys });
        }
    }
    sqlx::query("INSERT INTO vault (name, value) VALUES ('master', $1) ON CONFLICT (name) DO NOTHING")
        .bind(vault.first_master().as_str())
        .execute(&mut *connection)
        .await
        .map_err(open)?;
    // Erasures are told to a list beside the master key, too, which every restore looks at. One that moved is written
    // anew, and the old one is nobody's business any more.
    let journal = vault.source().journal().map(|journal| name_of_place(&journal)).unwrap_or_default();
    // What stands before every name of this machine.
    let here = name_of_place(Path::new("/"));
    sqlx::query("DELETE FROM key_places WHERE kind = 'journal' AND path <> $1 AND substr(path, 1, $2) = $3")
        .bind(&journal)
        .bind(i32::try_from(here.chars().count()).unwrap_or(i32::MAX))
        .bind(&here)
        .execute(&mut *connection)
        .await
        .map_err(open)?;
    if !journal.is_empty() {
        sqlx::query(
            "INSERT INTO key_places (path, kind) VALUES ($1, 'journal') ON CONFLICT (path) DO NOTHING",
        )
        .bind(&journal)
        .execute(connection)
        .await
        .map_err(open)?;
    }
    Ok(vault)
}
