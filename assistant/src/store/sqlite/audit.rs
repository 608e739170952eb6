//! The audit trail. Whatever is worth a record calls [`record`] inside its own [`Write`]: both are committed, or neither.

use async_trait::async_trait;
use conversation::audit::{AuditActor, AuditEntry, AuditHash, AuditPage, AuditRecord, AuditTrail, ChainHead};
use conversation::{StoreError, Timestamp};
use sqlx::sqlite::{SqliteConnection, SqlitePool};

use super::SqliteStore;
use super::append::corrupt;
use super::writer::{OrUnavailable as _, Unit, Write};

/// Appends a record in the transaction of the act.
pub(super) async fn record(unit: &mut Unit<'_>, entry: &AuditEntry) -> Result<ChainHead, StoreError> {
    let record = AuditRecord::after(head(unit.connection).await?, unit.now, entry);
    sqlx::query(
        "INSERT INTO audit (id, at, actor_kind, actor_id, actor_name, action, subject, detail, hash) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(record.id.cast_signed())
    .bind(record.at.as_millis())
    .bind(record.actor.kind())
    .bind(record.actor.id())
    .bind(record.actor.name())
    .bind(&record.action)
    .bind(&record.subject)
    .bind(&record.detail)
    .bind(&record.hash.as_bytes()[..])
    .execute(&mut *unit.connection)
    .await
    .or_unavailable()?;
    Ok(record.head())
}

/// A record without an act of the store's.
struct Record(AuditEntry);

#[async_trait]
impl Write for Record {
    type Output = ChainHead;

    async fn write(&self, unit: &mut Unit<'_>) -> Result<ChainHead, StoreError> {
        record(unit, &self.0).await
    }
}

#[async_trait]
impl AuditTrail for SqliteStore {
    async fn record(&self, entry: AuditEntry) -> Result<ChainHead, StoreError> {
        self.writer.run(Record(entry)).await
    }

    async fn audit(&self, page: AuditPage, limit: u32) -> Result<Vec<AuditRecord>, StoreError> {
        read(&self.readers, page, limit).await
    }
}

async fn head(connection: &mut SqliteConnection) -> Result<Option<ChainHead>, StoreError> {
    let last: Option<(i64, Vec<u8>)> = sqlx::query_as("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1")
        .fetch_optional(connection)
        .await
        .or_unavailable()?;
    last.map(|(id, hash)| Ok(ChainHead { id: id.cast_unsigned(), hash: hash_of(&hash)? })).transpose()
}

macro_rules! columns {
    () => {
        "SELECT id, at, actor_kind, actor_id, actor_name, action, subject, detail, hash FROM audit "
    };
}

type Row = (i64, i64, String, String, String, String, String, String, Vec<u8>);

async fn read(readers: &SqlitePool, page: AuditPage, limit: u32) -> Result<Vec<AuditRecord>, StoreError> {
    let (sql, id) = match page {
        AuditPage::After(id) => (concat!(columns!(), "WHERE id > ? ORDER BY id LIMIT ?"), id.cast_signed()),
        AuditPage::Before(id) => (
            concat!(columns!(), "WHERE id < ? ORDER BY id DESC LIMIT ?"),
            id.map_or(i64::MAX, |id| i64::try_from(id).unwrap_or(i64::MAX)),
        ),
    };
    let rows: Vec<Row> =
        sqlx::query_as(sql).bind(id).bind(limit).fetch_all(readers).await.or_unavailable()?;
    rows.into_iter().map(from_row).collect()
}

fn from_row(
    (id, at, kind, actor, name, action, subject, detail, hash): Row,
) -> Result<AuditRecord, StoreError> {
    let actor = AuditActor::from_parts(&kind, &actor, &name)
        .map_err(|why| corrupt(format!("audit record {id} was changed: {why}")))?;
    Ok(AuditRecord {
        id: id.cast_unsigned(),
        at: Timestamp::from_millis(at),
        actor,
        action,
        subject,
        detail,
        hash: hash_of(&hash)?,
    })
}

fn hash_of(bytes: &[u8]) -> Result<AuditHash, StoreError> {
    let bytes = bytes.try_into().map_err(|_| corrupt("a hash of the audit trail has not 32 bytes"))?;
    Ok(AuditHash::from_bytes(bytes))
}
