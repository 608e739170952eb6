//! The audit trail. Whatever is worth a record calls [`record`] inside its own [`Write`]: both are committed, or neither.

use async_trait::async_trait;
use conversation::audit::{
    AuditActor, AuditEntry, AuditHash, AuditPage, AuditRecord, AuditSearch, AuditTrail, ChainHead,
};
use conversation::{StoreError, Timestamp};
use sqlx::{AnyConnection, AnyPool};

use super::SqlStore;
use super::append::corrupt;
use super::link::is_shared;
use super::writer::{OrUnavailable as _, Subject, Unit, Write};

macro_rules! columns {
    () => {
        "SELECT id, at, actor_kind, actor_id, actor_name, action, subject, detail, hash FROM audit "
    };
}

/// Records it in the transaction of the act.
pub(super) fn record(unit: &mut Unit<'_>, entry: AuditEntry) {
    unit.news.audit.push((unit.now, entry));
}

/// Transactions wait for each other here, where there are several writers. Any number that nobody else uses.
const END_OF_TRAIL: i64 = 0x6472_696c_656e_0002;

/// Appends what a transaction recorded, as nearly the last thing that it does: whoever appends holds the end of the trail
/// until the commit.
pub(super) async fn append(
    connection: &mut AnyConnection,
    entries: &[(Timestamp, AuditEntry)],
) -> Result<Option<ChainHead>, StoreError> {
    if entries.is_empty() {
        return Ok(None);
    }
    if is_shared(connection) {
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(END_OF_TRAIL)
            .execute(&mut *connection)
            .await
            .or_unavailable()?;
    }
    let mut end = head(connection).await?;
    for (at, entry) in entries {
        let record = AuditRecord::after(end, *at, entry);
        insert(connection, &record).await?;
        end = Some(record.head());
    }
    Ok(end)
}

async fn insert(connection: &mut AnyConnection, record: &AuditRecord) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO audit (id, at, actor_kind, actor_id, actor_name, action, subject, detail, hash) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
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
    .execute(connection)
    .await
    .or_unavailable()?;
    Ok(())
}

/// A record without an act of the store's.
struct Record(AuditEntry);

#[async_trait]
impl Write for Record {
    type Output = ChainHead;

    fn subject(&self) -> Subject {
        Subject::Trail
    }

    async fn write(&self, unit: &mut Unit<'_>) -> Result<ChainHead, StoreError> {
        let entry = (unit.now, self.0.clone());
        let end = append(unit.connection, &[entry]).await?;
        end.ok_or_else(|| corrupt("the audit trail has no end after an append"))
    }
}

#[async_trait]
impl AuditTrail for SqlStore {
    async fn record(&self, entry: AuditEntry) -> Result<ChainHead, StoreError> {
        self.writer.run(Record(entry)).await
    }

    async fn audit(&self, page: AuditPage, limit: u32) -> Result<Vec<AuditRecord>, StoreError> {
        read(&self.readers, page, limit).await
    }

    async fn search_audit(&self, search: AuditSearch, limit: u32) -> Result<Vec<AuditRecord>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(concat!(
            columns!(),
            "WHERE id < $1 AND at >= $2 AND at < $3 AND (CAST($4 AS TEXT) = '' OR action = $4) \
             AND (CAST($5 AS TEXT) = '' OR actor_name = $5) AND (CAST($6 AS TEXT) = '' OR subject = $6) \
             ORDER BY id DESC LIMIT $7"
        ))
        .bind(search.before.map_or(i64::MAX, |id| i64::try_from(id).unwrap_or(i64::MAX)))
        .bind(search.since.map_or(i64::MIN, Timestamp::as_millis))
        .bind(search.until.map_or(i64::MAX, Timestamp::as_millis))
        .bind(search.action)
        .bind(search.actor)
        .bind(search.subject)
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await
        .or_unavailable()?;
        rows.into_iter().map(from_row).collect()
    }
}

async fn head(connection: &mut AnyConnection) -> Result<Option<ChainHead>, StoreError> {
    let last: Option<(i64, Vec<u8>)> = sqlx::query_as("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1")
        .fetch_optional(connection)
        .await
        .or_unavailable()?;
    last.map(|(id, hash)| Ok(ChainHead { id: id.cast_unsigned(), hash: hash_of(&hash)? })).transpose()
}

type Row = (i64, i64, String, String, String, String, String, String, Vec<u8>);

async fn read(readers: &AnyPool, page: AuditPage, limit: u32) -> Result<Vec<AuditRecord>, StoreError> {
    let (sql, id) = match page {
        AuditPage::After(id) => (concat!(columns!(), "WHERE id > $1 ORDER BY id LIMIT $2"), id.cast_signed()),
        AuditPage::Before(id) => (
            concat!(columns!(), "WHERE id < $1 ORDER BY id DESC LIMIT $2"),
            id.map_or(i64::MAX, |id| i64::try_from(id).unwrap_or(i64::MAX)),
        ),
    };
    let rows: Vec<Row> =
        sqlx::query_as(sql).bind(id).bind(i64::from(limit)).fetch_all(readers).await.or_unavailable()?;
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
