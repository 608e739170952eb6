//! The desk's lists. Every agent looks at them after every change, so that what has not changed is not opened again.

use std::collections::HashMap;

use conversation::{AgentId, ConversationId, QueueItem, StoreError};
use parking_lot::Mutex;
use sqlx::{AnyConnection, AnyPool};

use super::append::corrupt;
use super::rows;
use super::unavailable;
use super::writer::OrUnavailable as _;
use crate::vault::Vault;

/// Open escalations as the lists show them, each as of a place in its log. As many as are open; they hold a citizen's words,
/// and go when the conversation is erased.
#[derive(Debug, Default)]
pub(in crate::store) struct Shown(Mutex<HashMap<ConversationId, (i64, QueueItem)>>);

impl Shown {
    /// These conversations are erased.
    pub(in crate::store) fn forget(&self, conversations: &[ConversationId]) {
        let mut shown = self.0.lock();
        for conversation in conversations {
            shown.remove(conversation);
        }
    }

    fn get(&self, id: ConversationId, last_seq: i64) -> Option<QueueItem> {
        self.0.lock().get(&id).filter(|(seq, _)| *seq == last_seq).map(|(_, item)| item.clone())
    }

    fn keep(&self, id: ConversationId, last_seq: i64, item: &QueueItem) {
        self.0.lock().insert(id, (last_seq, item.clone()));
    }

    fn keep_only(&self, mut open: Vec<ConversationId>) {
        let mut shown = self.0.lock();
        // Mostly nothing has gone.
        if shown.len() > open.len() {
            open.sort_unstable();
            shown.retain(|id, _| open.binary_search(id).is_ok());
        }
    }
}

/// What a list is made of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Which {
    /// All that wait for a person.
    Waiting,
    /// All open escalations.
    Open,
    /// All that an agent has.
    HeldBy(AgentId),
}

/// A list, in its order; positions count what waits.
pub(super) async fn list(
    readers: &AnyPool,
    vault: &Vault,
    shown: &Shown,
    which: Which,
) -> Result<Vec<QueueItem>, StoreError> {
    let mut connection = readers.acquire().await.map_err(unavailable)?;
    let places: Vec<(String, i64)> = match which {
        Which::Waiting => {
            let sql = "SELECT id, last_seq FROM conversations WHERE status IN ('queued', 'offered') \
                       ORDER BY queue_rank, queue_number";
            sqlx::query_as(sql).fetch_all(&mut *connection).await
        }
        Which::Open => {
            let sql = "SELECT id, last_seq FROM conversations WHERE queue_number IS NOT NULL \
                       ORDER BY queue_rank, queue_number";
            sqlx::query_as(sql).fetch_all(&mut *connection).await
        }
        Which::HeldBy(agent) => {
            let sql = "SELECT id, last_seq FROM conversations WHERE holder = $1 \
                       ORDER BY claimed_at, queue_rank, queue_number";
            sqlx::query_as(sql).bind(agent.to_string()).fetch_all(&mut *connection).await
        }
    }
    .or_unavailable()?;
    let mut items = Vec::with_capacity(places.len());
    let mut open = Vec::with_capacity(places.len());
    let mut position = 0;
    for (id, last_seq) in places {
        let id: ConversationId = id.parse().map_err(corrupt)?;
        open.push(id);
        let Some(mut item) = item(&mut connection, vault, shown, id, last_seq).await? else { continue };
        let waits = item.status.waits();
        position += u32::from(waits);
        item.position = if waits && !matches!(which, Which::HeldBy(_)) { position } else { 0 };
        items.push(item);
    }
    if matches!(which, Which::Open) {
        shown.keep_only(open);
    }
    Ok(items)
}

/// `None` for one that has ended meanwhile, or that cannot be opened: the others are shown all the same.
async fn item(
    connection: &mut AnyConnection,
    vault: &Vault,
    shown: &Shown,
    id: ConversationId,
    last_seq: i64,
) -> Result<Option<QueueItem>, StoreError> {
    if let Some(item) = shown.get(id, last_seq) {
        return Ok(Some(item));
    }
    let state = match rows::state(connection, vault, id).await {
        Ok(Some(state)) if state.handoff.ticket().is_some() => state,
        Ok(_) => return Ok(None),
        Err(StoreError::Corrupt(why)) => {
            tracing::error!(conversation = %id, why, "an open escalation cannot be shown; `assistant verify` tells more");
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let item = rows::queue_item(&state, 0)?;
    shown.keep(id, state.last_seq.cast_signed(), &item);
    Ok(Some(item))
}
