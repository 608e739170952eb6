//! Erasing conversations, and carrying erasures on to whatever else holds their keys.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use conversation::audit::AuditEntry;
use conversation::{ConversationId, Erasure, PlaceBehind, StoreError, Timestamp};
use sqlx::Connection as _;

use super::append::corrupt;
use super::link::taking;
use super::writer::{OrUnavailable as _, Subject, Unit, Write};
use super::{Home, SqlStore, audit, unavailable};
use crate::store::sqlite::{connect, opening::truncate_log, options};
use crate::vault::erasure::{Erased, Place, PlaceKind};

/// Erasures that one step carries on, so that a long list never fills the memory.
const PER_STEP: i64 = 10_000;

/// Erases a conversation, on record.
pub(super) struct Erase(pub(super) Erasure);

#[async_trait]
impl Write for Erase {
    type Output = bool;

    fn subject(&self) -> Subject {
        Subject::Conversation(self.0.conversation)
    }

    async fn write(&self, unit: &mut Unit<'_>) -> Result<bool, StoreError> {
        let Erasure { conversation, by, why } = &self.0;
        let erased = erase(unit, &self.0).await?;
        if erased {
            let entry = AuditEntry::new(by.clone(), "conversation.erased");
            audit::record(unit, entry.on("conversation", conversation).with("why", why.as_str()));
        }
        Ok(erased)
    }
}

/// Destroys the key and the rows of a conversation and leaves a mark. False where there is no such conversation.
pub(super) async fn erase(
    unit: &mut Unit<'_>,
    Erasure { conversation, by, why }: &Erasure,
) -> Result<bool, StoreError> {
    let id = conversation.to_string();
    let sql = taking!(unit.connection, "SELECT status FROM conversations WHERE id = $1", "FOR UPDATE");
    let status: Option<String> =
        sqlx::query_scalar(sql).bind(&id).fetch_optional(&mut *unit.connection).await.or_unavailable()?;
    let Some(status) = status else { return Ok(false) };
    // The key's row, events and client messages go with it (`ON DELETE CASCADE`), overwritten (`secure_delete`).
    sqlx::query("DELETE FROM conversations WHERE id = $1")
        .bind(&id)
        .execute(&mut *unit.connection)
        .await
        .or_unavailable()?;
    sqlx::query("INSERT INTO erasures (conversation, at, by, why) VALUES ($1, $2, $3, $4)")
        .bind(&id)
        .bind(unit.now.as_millis())
        .bind(format!("{} {}", by.kind(), by.name()).trim_end())
        .bind(why)
        .execute(&mut *unit.connection)
        .await
        .or_unavailable()?;
    unit.news.erased.push(*conversation);
    unit.news.queue_changed |= !matches!(status.as_str(), "bot" | "closed");
    Ok(true)
}

/// A place knows of erasures up to a number.
struct Settled {
    path: String,
    number: i64,
}

#[async_trait]
impl Write for Settled {
    type Output = ();

    async fn write(&self, unit: &mut Unit<'_>) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE key_places SET settled = CASE WHEN settled > $1 THEN settled ELSE $1 END WHERE path = $2",
        )
        .bind(self.number)
        .bind(&self.path)
        .execute(&mut *unit.connection)
        .await
        .or_unavailable()?;
        Ok(())
    }
}

pub(super) async fn settle(store: &SqlStore) -> Result<Vec<PlaceBehind>, StoreError> {
    forget_what_others_erased(store).await?;
    let places: Vec<(String, String, i64)> = sqlx::query_as(
        "SELECT path, kind, settled FROM key_places \
         WHERE settled < (SELECT coalesce(max(number), 0) FROM erasures) ORDER BY path",
    )
    .fetch_all(&store.readers)
    .await
    .or_unavailable()?;
    let mut behind = Vec::new();
    for (name, kind, settled) in places {
        // Another node's file is that node's business.
        let Some(path) = store.place_named(&name) else { continue };
        let kind = PlaceKind::parse(&kind).ok_or_else(|| corrupt(format_args!("a place of kind {kind}")))?;
        if let Err(reason) = tell(store, &name, Place { path: PathBuf::from(path), kind }, settled).await? {
            behind.push(PlaceBehind { path: path.to_owned(), reason });
        }
    }
    Ok(behind)
}

/// Tells one place everything it does not know. The inner error is the place's, for people.
async fn tell(
    store: &SqlStore,
    name: &str,
    place: Place,
    mut settled: i64,
) -> Result<Result<(), String>, StoreError> {
    loop {
        let erased = erased_after(store, settled).await?;
        let Some(last) = erased.last().map(|(number, _)| *number) else { return Ok(Ok(())) };
        let news: Vec<Erased> = erased.into_iter().map(|(_, one)| one).collect();
        let told = place.clone();
        // Files may lie on slow disks and wait for a lock.
        let told = tokio::task::spawn_blocking(move || told.tell(&news)).await;
        match told {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Ok(Err(error.to_string())),
            Err(error) => return Ok(Err(error.to_string())),
        }
        store.writer.run(Settled { path: name.to_owned(), number: last }).await?;
        settled = last;
    }
}

async fn erased_after(store: &SqlStore, number: i64) -> Result<Vec<(i64, Erased)>, StoreError> {
    let rows: Vec<(i64, String, i64)> = sqlx::query_as(
        "SELECT number, conversation, at FROM erasures WHERE number > $1 ORDER BY number LIMIT $2",
    )
    .bind(number)
    .bind(PER_STEP)
    .fetch_all(&store.readers)
    .await
    .or_unavailable()?;
    rows.into_iter()
        .map(|(number, conversation, at)| {
            let conversation: ConversationId = conversation.parse().map_err(corrupt)?;
            Ok((number, Erased { conversation, at: Timestamp::from_millis(at) }))
        })
        .collect()
}

/// What another process erased leaves this one's memory, and what anybody erased leaves the write-ahead log, where
/// earlier images of its pages may stand.
async fn forget_what_others_erased(store: &SqlStore) -> Result<(), StoreError> {
    let known = store.forgotten.load(Ordering::Acquire);
    let erased = erased_after(store, known).await?;
    let Some(last) = erased.last().map(|(number, _)| *number) else { return Ok(()) };
    let ids: Vec<ConversationId> = erased.into_iter().map(|(_, erased)| erased.conversation).collect();
    store.common.forget(&ids);
    let Home::File(path) = &store.home else {
        // What a server's own log and files hold is overwritten by its vacuum; the key that opens it is gone.
        store.forgotten.store(last, Ordering::Release);
        return Ok(());
    };
    let mut connection = connect(options(path)).await.map_err(unavailable)?;
    let emptied = truncate_log(&mut connection).await;
    connection.close().await.map_err(unavailable)?;
    match emptied {
        Ok(()) => store.forgotten.store(last, Ordering::Release),
        // Somebody reads for long; the next call tries again.
        Err(StoreError::Busy) => {}
        Err(error) => return Err(error),
    }
    Ok(())
}
