//! Another master key: data keys are wrapped anew; what they seal stays as it is.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use conversation::audit::{AuditActor, AuditEntry};
use conversation::{ConversationId, PlaceBehind, StoreError};

use super::append::corrupt;
use super::people::ResealSecrets;
use super::signing::ResealSigning;
use super::writer::{OrUnavailable as _, Unit, Write};
use super::{SqlStore, audit, keys, unavailable};
use crate::vault::{KeyId, Vault, WrappedKey, key_file};

/// Data keys wrapped anew in one transaction, so that other writers wait for milliseconds.
const PER_BATCH: i64 = 500;

/// What a rotation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The master key from now on.
    pub master: KeyId,
    /// Data keys that were wrapped anew.
    pub rewrapped: u64,
    /// Secrets of accounts that were sealed anew.
    pub resealed: u64,
    /// Master keys that nothing needs any more and that were taken out of the source.
    pub dropped: Vec<KeyId>,
    /// Backups' key files that could not be reached: the former keys stay until they were.
    pub behind: Vec<PlaceBehind>,
}

/// New data keys are wrapped with this master key from now on.
struct SetMaster {
    master: KeyId,
    by: AuditActor,
}

#[async_trait]
impl Write for SetMaster {
    type Output = ();

    async fn write(&self, unit: &mut Unit<'_>) -> Result<(), StoreError> {
        sqlx::query("UPDATE vault SET value = $1 WHERE name = 'master'")
            .bind(self.master.as_str())
            .execute(&mut *unit.connection)
            .await
            .or_unavailable()?;
        let entry = AuditEntry::new(self.by.clone(), "master_key.rotated");
        audit::record(unit, entry.with("master", self.master.as_str()));
        Ok(())
    }
}

/// Wraps some of the data keys anew that another master key wraps; tells how many.
struct Rewrap;

#[async_trait]
impl Write for Rewrap {
    type Output = u64;

    async fn write(&self, unit: &mut Unit<'_>) -> Result<u64, StoreError> {
        let master = keys::current_master(unit.connection).await?;
        let rows: Vec<(String, String, Vec<u8>)> =
            sqlx::query_as("SELECT conversation, master, sealed FROM data_keys WHERE master <> $1 LIMIT $2")
                .bind(master.as_str())
                .bind(PER_BATCH)
                .fetch_all(&mut *unit.connection)
                .await
                .or_unavailable()?;
        for (id, old, sealed) in &rows {
            let conversation: ConversationId = id.parse().map_err(corrupt)?;
            let old = WrappedKey { master: old.clone().into(), sealed: sealed.clone() };
            let new = unit.vault.rewrap(conversation, &old, &master)?;
            sqlx::query("UPDATE data_keys SET master = $1, sealed = $2 WHERE conversation = $3")
                .bind(new.master.as_str())
                .bind(&new.sealed[..])
                .bind(id)
                .execute(&mut *unit.connection)
                .await
                .or_unavailable()?;
        }
        Ok(rows.len() as u64)
    }
}

impl SqlStore {
    /// Replaces the master key while conversations go on. A rotation that was broken off is finished by calling it again
    /// (it then makes no further key).
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where the key source cannot be changed, or the database fails.
    pub async fn rotate_master_key(&self, by: AuditActor) -> Result<Rotated, StoreError> {
        let current = keys::current_master(&mut *self.reader().await?).await?;
        let unfinished: i64 = sqlx::query_scalar("SELECT count(*) FROM data_keys WHERE master <> $1")
            .bind(current.as_str())
            .fetch_one(&self.readers)
            .await
            .map_err(unavailable)?;
        let first = self.common.vault.first_master();
        let master = match (unfinished > 0, first == current) {
            (true, _) => current,
            (false, false) => first,
            (false, true) => self.common.vault.add_master()?,
        };
        self.writer.run(SetMaster { master: master.clone(), by }).await?;
        let mut rewrapped = 0;
        loop {
            match self.writer.run(Rewrap).await? {
                0 => break,
                count => rewrapped += count,
            }
        }
        // Before any former key goes.
        let resealed = self.writer.run(ResealSecrets).await?;
        self.writer.run(ResealSigning).await?;
        let behind = self.rewrap_places(&master).await?;
        let keep = HashSet::from([master.clone()]);
        let dropped = if behind.is_empty() { self.drop_masters(keep).await? } else { Vec::new() };
        Ok(Rotated { master, rewrapped, resealed, dropped, behind })
    }

    /// An environment variable cannot be changed from here; its former keys are dropped by whoever set it.
    async fn drop_masters(&self, keep: HashSet<KeyId>) -> Result<Vec<KeyId>, StoreError> {
        let vault = Arc::clone(&self.common.vault);
        let dropping = tokio::task::spawn_blocking(move || vault.keep_masters(&keep)).await;
        match dropping.map_err(|error| StoreError::Unavailable(error.into()))? {
            Ok(dropped) => Ok(dropped),
            Err(crate::vault::VaultError::Key(crate::vault::KeyError::Fixed(_))) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    async fn rewrap_places(&self, master: &KeyId) -> Result<Vec<PlaceBehind>, StoreError> {
        let paths = self.key_files().await?;
        let mut behind = Vec::new();
        for path in paths {
            let (vault, master, place) =
                (Arc::clone(&self.common.vault), master.clone(), PathBuf::from(&path));
            let done = tokio::task::spawn_blocking(move || rewrap_file(&vault, &place, &master)).await;
            match done {
                Ok(Ok(())) => {}
                Ok(Err(error)) => behind.push(PlaceBehind { path, reason: format!("{error:#}") }),
                Err(error) => behind.push(PlaceBehind { path, reason: error.to_string() }),
            }
        }
        Ok(behind)
    }
}

fn rewrap_file(vault: &Vault, path: &Path, master: &KeyId) -> anyhow::Result<()> {
    let locked = key_file::lock(path)?;
    let mut file = locked.read()?.ok_or_else(|| anyhow::anyhow!("{} is not there", path.display()))?;
    for (conversation, key) in &mut file.keys {
        if key.master != *master {
            *key = vault.rewrap(*conversation, key, master)?;
        }
    }
    locked.write(&file)?;
    Ok(())
}
