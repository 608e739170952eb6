//! What operators keep beside conversations.

use async_trait::async_trait;
use conversation::audit::AuditEntry;
use conversation::{Paper, PaperChange, PaperKind, Papers, StoreError, Timestamp};
use sqlx::AnyConnection;

use super::append::corrupt;
use super::link::taking;
use super::writer::{OrUnavailable as _, Unit, Write};
use super::{SqlStore, audit};

macro_rules! columns {
    () => {
        "SELECT id, version, body, at, by FROM papers "
    };
}

type Row = (String, i64, String, i64, String);

fn read(kind: PaperKind, (id, version, body, at, by): Row) -> Result<Paper, StoreError> {
    Ok(Paper {
        kind,
        body: serde_json::from_str(&body).map_err(corrupt)?,
        id,
        version: version.cast_unsigned(),
        at: Timestamp::from_millis(at),
        by,
    })
}

#[async_trait]
impl Papers for SqlStore {
    async fn papers(&self, kind: PaperKind) -> Result<Vec<Paper>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(concat!(columns!(), "WHERE kind = $1 ORDER BY id"))
            .bind(kind.as_str())
            .fetch_all(&self.readers)
            .await
            .or_unavailable()?;
        rows.into_iter().map(|row| read(kind, row)).collect()
    }

    async fn paper(&self, kind: PaperKind, id: &str) -> Result<Option<Paper>, StoreError> {
        let row: Option<Row> = sqlx::query_as(concat!(columns!(), "WHERE kind = $1 AND id = $2"))
            .bind(kind.as_str())
            .bind(id)
            .fetch_optional(&self.readers)
            .await
            .or_unavailable()?;
        row.map(|row| read(kind, row)).transpose()
    }

    async fn paper_version(&self, kind: PaperKind, id: &str) -> Result<u64, StoreError> {
        version_of(
            &mut *self.reader().await?,
            "SELECT version FROM papers WHERE kind = $1 AND id = $2",
            kind,
            id,
        )
        .await
    }

    async fn change_papers(
        &self,
        changes: Vec<PaperChange>,
        entry: AuditEntry,
    ) -> Result<Vec<Paper>, StoreError> {
        self.writer.run(Change { changes, entry }).await
    }
}

async fn version_of(
    connection: &mut AnyConnection,
    sql: &'static str,
    kind: PaperKind,
    id: &str,
) -> Result<u64, StoreError> {
    let version: Option<i64> = sqlx::query_scalar(sql)
        .bind(kind.as_str())
        .bind(id)
        .fetch_optional(connection)
        .await
        .or_unavailable()?;
    Ok(version.map_or(0, i64::cast_unsigned))
}

/// Changes papers, on record.
struct Change {
    changes: Vec<PaperChange>,
    entry: AuditEntry,
}

#[async_trait]
impl Write for Change {
    type Output = Vec<Paper>;

    async fn write(&self, unit: &mut Unit<'_>) -> Result<Vec<Paper>, StoreError> {
        let mut there = Vec::with_capacity(self.changes.len());
        for change in &self.changes {
            there.extend(self.one(unit, change).await?);
        }
        audit::record(unit, self.entry.clone());
        Ok(there)
    }
}

impl Change {
    async fn one(&self, unit: &mut Unit<'_>, change: &PaperChange) -> Result<Option<Paper>, StoreError> {
        let PaperChange { kind, id, expect, body } = change;
        let sql =
            taking!(unit.connection, "SELECT version FROM papers WHERE kind = $1 AND id = $2", "FOR UPDATE");
        let version = version_of(unit.connection, sql, *kind, id).await?;
        let changed = |version| StoreError::PaperChanged { kind: *kind, id: id.clone(), version };
        if version != *expect {
            return Err(changed(version));
        }
        let Some(body) = body else {
            sqlx::query("DELETE FROM papers WHERE kind = $1 AND id = $2")
                .bind(kind.as_str())
                .bind(id)
                .execute(&mut *unit.connection)
                .await
                .or_unavailable()?;
            return Ok(None);
        };
        let paper = Paper {
            kind: *kind,
            id: id.clone(),
            version: version + 1,
            body: body.clone(),
            at: unit.now,
            by: self.entry.actor.name().to_owned(),
        };
        // Where there is none yet, nothing could be taken: whoever is second at another node inserts nothing.
        let sql = if version == 0 {
            "INSERT INTO papers (kind, id, version, body, at, by) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (kind, id) DO NOTHING"
        } else {
            "UPDATE papers SET version = $3, body = $4, at = $5, by = $6 WHERE kind = $1 AND id = $2"
        };
        let done = sqlx::query(sql)
            .bind(kind.as_str())
            .bind(id)
            .bind(paper.version.cast_signed())
            .bind(body.to_string())
            .bind(paper.at.as_millis())
            .bind(&paper.by)
            .execute(&mut *unit.connection)
            .await
            .or_unavailable()?;
        if done.rows_affected() == 0 { Err(changed(1)) } else { Ok(Some(paper)) }
    }
}
