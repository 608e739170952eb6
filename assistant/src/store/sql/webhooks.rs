//! Deliveries to other systems.

use std::time::Duration;

use async_trait::async_trait;
use conversation::audit::{AuditActor, AuditEntry};
use conversation::event::Event;
use conversation::webhook::{self, Attempted, Deliveries, Delivery, Hook};
use conversation::{ConversationState, StoreError, Timestamp};
use uuid::Uuid;

use super::append::corrupt;
use super::link::taking;
use super::writer::{OrUnavailable as _, Unit, Write};
use super::{SqlStore, audit};

/// The longest reason of a failure that is kept, in characters.
const REASON_CHARACTERS: usize = 300;

/// Writes the deliveries about an event.
pub(super) async fn tell(
    unit: &mut Unit<'_>,
    event: &Event,
    state: &ConversationState,
) -> Result<(), StoreError> {
    for hook in unit.hooks.iter().filter(|hook| hook.wants(&event.body)) {
        let (kind, body) = webhook::body(event, state).map_err(corrupt)?;
        sqlx::query(
            "INSERT INTO webhook_deliveries (id, hook, kind, body, at, next_at) VALUES ($1, $2, $3, $4, $5, $5)",
        )
        .bind(format!("msg_{}", Uuid::new_v4().simple()))
        .bind(&hook.name)
        .bind(kind)
        .bind(body)
        .bind(unit.now.as_millis())
        .execute(&mut *unit.connection)
        .await
        .or_unavailable()?;
    }
    Ok(())
}

#[async_trait]
impl Deliveries for SqlStore {
    fn set_hooks(&self, hooks: Vec<Hook>) {
        *self.common.hooks.write() = hooks.into();
    }

    async fn take_deliveries(&self, lease: Duration, limit: u32) -> Result<Vec<Delivery>, StoreError> {
        self.writer.run(Take { lease, limit }).await
    }

    async fn delivery_attempted(&self, id: &str, attempted: Attempted) -> Result<(), StoreError> {
        self.writer.run(Note { id: id.to_owned(), attempted }).await
    }

    async fn undelivered(&self, limit: u32) -> Result<Vec<Delivery>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(concat!(columns!(), "ORDER BY at, id LIMIT $1"))
            .bind(i64::from(limit))
            .fetch_all(&self.readers)
            .await
            .or_unavailable()?;
        rows.into_iter().map(read).collect()
    }

    async fn retry_deliveries(&self, by: AuditActor, hook: Option<String>) -> Result<u64, StoreError> {
        self.writer.run(Retry { by, hook }).await
    }
}

macro_rules! columns {
    () => {
        "SELECT id, hook, kind, body, at, attempts, next_at, last_error FROM webhook_deliveries "
    };
}
use columns;

type Row = (String, String, String, String, i64, i64, Option<i64>, Option<String>);

fn read((id, hook, kind, body, at, attempts, next_at, last_error): Row) -> Result<Delivery, StoreError> {
    Ok(Delivery {
        id,
        hook,
        kind,
        body,
        at: Timestamp::from_millis(at),
        attempts: u32::try_from(attempts).map_err(corrupt)?,
        next_at: next_at.map(Timestamp::from_millis),
        last_error,
    })
}

/// Takes what is due: nobody else is given it before the lease is over.
struct Take {
    lease: Duration,
    limit: u32,
}

#[async_trait]
impl Write for Take {
    type Output = Vec<Delivery>;

    async fn write(&self, unit: &mut Unit<'_>) -> Result<Vec<Delivery>, StoreError> {
        let sql = taking!(
            unit.connection,
            concat!(columns!(), "WHERE next_at <= $1 ORDER BY next_at, id LIMIT $2"),
            "FOR UPDATE SKIP LOCKED"
        );
        let rows: Vec<Row> = sqlx::query_as(sql)
            .bind(unit.now.as_millis())
            .bind(i64::from(self.limit))
            .fetch_all(&mut *unit.connection)
            .await
            .or_unavailable()?;
        let mut taken = Vec::with_capacity(rows.len());
        for row in rows {
            let delivery = read(row)?;
            // One whose receiver is configured no more waits until it is again, or is retried by hand.
            let known = unit.hooks.iter().any(|hook| hook.name == delivery.hook);
            let next_at = known.then(|| unit.now.plus(self.lease).as_millis());
            sqlx::query("UPDATE webhook_deliveries SET next_at = $1 WHERE id = $2")
                .bind(next_at)
                .bind(&delivery.id)
                .execute(&mut *unit.connection)
                .await
                .or_unavailable()?;
            if known {
                taken.push(delivery);
            }
        }
        Ok(taken)
    }
}

/// Notes what became of an attempt.
struct Note {
    id: String,
    attempted: Attempted,
}

#[async_trait]
impl Write for Note {
    type Output = ();

    async fn write(&self, unit: &mut Unit<'_>) -> Result<(), StoreError> {
        match &self.attempted {
            Attempted::Delivered => {
                sqlx::query("DELETE FROM webhook_deliveries WHERE id = $1")
                    .bind(&self.id)
                    .execute(&mut *unit.connection)
                    .await
            }
            Attempted::Failed { error, next_at } => {
                sqlx::query(
                    "UPDATE webhook_deliveries SET attempts = attempts + 1, next_at = $1, last_error = $2 WHERE id = $3",
                )
                .bind(next_at.map(Timestamp::as_millis))
                .bind(error.chars().take(REASON_CHARACTERS).collect::<String>())
                .bind(&self.id)
                .execute(&mut *unit.connection)
                .await
            }
        }
        .or_unavailable()?;
        Ok(())
    }
}

/// Tries everything now that failed before.
struct Retry {
    by: AuditActor,
    hook: Option<String>,
}

#[async_trait]
impl Write for Retry {
    type Output = u64;

    async fn write(&self, unit: &mut Unit<'_>) -> Result<u64, StoreError> {
        let retried = sqlx::query(
            "UPDATE webhook_deliveries SET next_at = $1 \
             WHERE (attempts > 0 OR next_at IS NULL) AND (CAST($2 AS TEXT) IS NULL OR hook = $2)",
        )
        .bind(unit.now.as_millis())
        .bind(self.hook.clone())
        .execute(&mut *unit.connection)
        .await
        .or_unavailable()?
        .rows_affected();
        let entry = AuditEntry::new(self.by.clone(), "webhooks.retried").with("deliveries", retried);
        audit::record(unit, entry);
        Ok(retried)
    }
}
