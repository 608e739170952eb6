//! What backups take out of a database that is in use.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use async_trait::async_trait;
use conversation::{ConversationId, StoreError};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{AnyConnection, Connection as _};

use super::options;
use crate::store::SqlStore;
use crate::store::sql::writer::{Unit, Write};
use crate::store::sql::{Home, OrUnavailable as _, corrupt, unavailable};
use crate::store::transfer;
use crate::vault::WrappedKey;
use crate::vault::erasure::PlaceKind;

/// What is known about keys at one moment.
pub(crate) struct KeysNow {
    /// This database's id.
    pub(crate) database: String,
    /// Every conversation's wrapped key.
    pub(crate) keys: BTreeMap<ConversationId, WrappedKey>,
    /// What has been erased.
    pub(crate) erased: HashSet<ConversationId>,
    /// The last erasure's number.
    pub(crate) settled: i64,
}

/// A key file that learns of erasures from now on.
struct Register {
    path: String,
    settled: i64,
}

#[async_trait]
impl Write for Register {
    type Output = ();

    async fn write(&self, unit: &mut Unit<'_>) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO key_places (path, kind, settled, last_backup_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (path) DO UPDATE SET settled = \
             CASE WHEN key_places.settled > excluded.settled THEN key_places.settled ELSE excluded.settled END, \
             last_backup_at = excluded.last_backup_at",
        )
        .bind(&self.path)
        .bind(PlaceKind::Keys.as_str())
        .bind(self.settled)
        .bind(unit.now.as_millis())
        .execute(&mut *unit.connection)
        .await
        .or_unavailable()?;
        Ok(())
    }
}

/// A key file that is gone for good.
struct Unregister(String);

#[async_trait]
impl Write for Unregister {
    type Output = bool;

    async fn write(&self, unit: &mut Unit<'_>) -> Result<bool, StoreError> {
        let gone = sqlx::query("DELETE FROM key_places WHERE path = $1 AND kind = $2")
            .bind(&self.0)
            .bind(PlaceKind::Keys.as_str())
            .execute(&mut *unit.connection)
            .await
            .or_unavailable()?;
        Ok(gone.rows_affected() > 0)
    }
}

impl SqlStore {
    /// Writes a consistent copy into a new SQLite file, without the conversations' keys. Writers go on meanwhile: a
    /// reader's snapshot is copied (<https://www.sqlite.org/lang_vacuum.html#vacuuminto>; of a server row by row).
    pub(crate) async fn copy_without_keys(&self, to: &Path) -> Result<(), StoreError> {
        let Home::File(file) = &self.home else { return transfer::into_file(self, to).await };
        let mut connection = options(file).connect().await.map_err(unavailable)?;
        let copied = sqlx::query("VACUUM INTO ?").bind(to.to_string_lossy()).execute(&mut connection).await;
        connection.close().await.map_err(unavailable)?;
        copied.map_err(unavailable)?;
        strip_keys(to).await
    }

    /// Keys and erasures of one moment.
    pub(crate) async fn keys_now(&self) -> Result<KeysNow, StoreError> {
        let mut snapshot = self
            .readers
            .begin_with(if matches!(self.home, Home::File(_)) {
                "BEGIN"
            } else {
                "BEGIN ISOLATION LEVEL REPEATABLE READ"
            })
            .await
            .map_err(unavailable)?;
        let database = sqlx::query_scalar("SELECT value FROM vault WHERE name = 'database'")
            .fetch_one(&mut *snapshot)
            .await
            .or_unavailable()?;
        let rows: Vec<(String, String, Vec<u8>)> =
            sqlx::query_as("SELECT conversation, master, sealed FROM data_keys")
                .fetch_all(&mut *snapshot)
                .await
                .or_unavailable()?;
        let keys = rows.into_iter().map(|(id, master, sealed)| {
            Ok((id.parse().map_err(corrupt)?, WrappedKey { master: master.into(), sealed }))
        });
        let keys = keys.collect::<Result<_, StoreError>>()?;
        let (erased, settled) = erasures(&mut snapshot).await?;
        Ok(KeysNow { database, keys, erased, settled })
    }

    /// From now on this key file learns of erasures.
    pub(crate) async fn register_key_file(&self, path: &Path, settled: i64) -> Result<(), StoreError> {
        self.writer.run(Register { path: self.name_of_place(path), settled }).await
    }

    /// The key files of this machine that learn of erasures.
    pub(crate) async fn key_files(&self) -> Result<Vec<String>, StoreError> {
        let names: Vec<String> =
            sqlx::query_scalar("SELECT path FROM key_places WHERE kind = $1 ORDER BY path")
                .bind(PlaceKind::Keys.as_str())
                .fetch_all(&self.readers)
                .await
                .or_unavailable()?;
        Ok(names.iter().filter_map(|name| self.place_named(name)).map(str::to_owned).collect())
    }

    /// This key file is gone for good and is not told of erasures any more. False where it was not known.
    pub(crate) async fn unregister_key_file(&self, path: &Path) -> Result<bool, StoreError> {
        self.writer.run(Unregister(self.name_of_place(path))).await
    }
}

/// What has been erased, and the last erasure's number.
pub(crate) async fn erasures(
    connection: &mut AnyConnection,
) -> Result<(HashSet<ConversationId>, i64), StoreError> {
    let rows: Vec<(i64, String)> =
        sqlx::query_as("SELECT number, conversation FROM erasures ORDER BY number")
            .fetch_all(connection)
            .await
            .or_unavailable()?;
    let settled = rows.last().map_or(0, |(number, _)| *number);
    let erased = rows.into_iter().map(|(_, id)| id.parse().map_err(corrupt));
    Ok((erased.collect::<Result<_, StoreError>>()?, settled))
}

/// Overwrites the keys in a copy that nobody uses yet. Its journal is kept in memory: one on disk would hold the keys.
async fn strip_keys(copy: &Path) -> Result<(), StoreError> {
    let mut connection = SqliteConnectOptions::new()
        .filename(copy)
        .journal_mode(SqliteJournalMode::Memory)
        .pragma("secure_delete", "ON")
        .disable_statement_logging()
        .connect()
        .await
        .map_err(unavailable)?;
    let stripped = sqlx::query("DELETE FROM data_keys").execute(&mut connection).await;
    connection.close().await.map_err(unavailable)?;
    stripped.map_err(unavailable)?;
    Ok(())
}
