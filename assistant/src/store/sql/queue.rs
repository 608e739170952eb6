//! The desk's lists. Every agent looks at them after every change, and every citizen who waits at their own place in them, so
//! that what has not changed is neither read nor opened again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use conversation::{AgentId, ConversationId, QueueItem, StoreError};
use parking_lot::Mutex;
use sqlx::{AnyConnection, AnyPool};

use super::append::corrupt;
use super::rows;
use super::unavailable;
use super::writer::OrUnavailable as _;
use crate::vault::Vault;

/// A reading is used no longer than this, whatever this process knows of changes: a command of another process (an erasure)
/// or another node may have changed what waits.
const FRESH: Duration = Duration::from_secs(1);

/// What waits and what agents have, in memory. It holds citizens' words, which go when a conversation is erased.
#[derive(Debug, Default)]
pub(in crate::store) struct Board {
    /// Open escalations as the lists show them, each as of a place in its log; as many as are open.
    shown: Mutex<HashMap<ConversationId, (i64, QueueItem)>>,
    /// The last reading of them all.
    reading: Mutex<Option<Reading>>,
    /// Whoever reads; the others wait for what they find.
    turn: tokio::sync::Mutex<()>,
}

/// All open escalations in their order.
#[derive(Clone, Debug)]
struct Reading {
    /// The queue's version before it was read.
    version: u64,
    at: Instant,
    open: Arc<Open>,
}

/// All open escalations in their order.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) items: Vec<QueueItem>,
    positions: HashMap<ConversationId, u32>,
}

impl Open {
    fn of(items: Vec<QueueItem>) -> Self {
        let waiting = items.iter().filter(|item| item.status.waits());
        let positions = waiting.map(|item| (item.conversation, item.position)).collect();
        Self { items, positions }
    }

    /// Counted from 1; `None` for one that does not wait.
    pub(super) fn position(&self, conversation: ConversationId) -> Option<u32> {
        self.positions.get(&conversation).copied()
    }

    /// All that wait for a person.
    pub(super) fn waiting(&self) -> Vec<QueueItem> {
        self.items.iter().filter(|item| item.status.waits()).cloned().collect()
    }

    /// All that an agent has, the longest first.
    pub(super) fn held_by(&self, agent: AgentId) -> Vec<QueueItem> {
        let held =
            self.items.iter().filter(|item| item.holder.as_ref().is_some_and(|holder| holder.id == agent));
        let mut items: Vec<QueueItem> = held.map(|item| QueueItem { position: 0, ..item.clone() }).collect();
        items.sort_by_key(|item| item.claimed_at);
        items
    }
}

impl Board {
    /// These conversations are erased.
    pub(in crate::store) fn forget(&self, conversations: &[ConversationId]) {
        *self.reading.lock() = None;
        let mut shown = self.shown.lock();
        for conversation in conversations {
            shown.remove(conversation);
        }
    }

    /// All open escalations, read again only where the queue's version has changed: one reading for everybody who asks.
    pub(super) async fn open(
        &self,
        readers: &AnyPool,
        vault: &Vault,
        version: impl Fn() -> u64,
    ) -> Result<Arc<Open>, StoreError> {
        let fresh = || {
            let reading = self.reading.lock();
            let reading = reading.as_ref().filter(|r| r.version == version() && r.at.elapsed() < FRESH);
            reading.map(|reading| Arc::clone(&reading.open))
        };
        if let Some(open) = fresh() {
            return Ok(open);
        }
        let _turn = self.turn.lock().await;
        if let Some(open) = fresh() {
            return Ok(open);
        }
        let (version, at) = (version(), Instant::now());
        let open = Arc::new(Open::of(list(readers, vault, self, Which::Open).await?));
        *self.reading.lock() = Some(Reading { version, at, open: Arc::clone(&open) });
        Ok(open)
    }

    fn get(&self, id: ConversationId, last_seq: i64) -> Option<QueueItem> {
        self.shown.lock().get(&id).filter(|(seq, _)| *seq == last_seq).map(|(_, item)| item.clone())
    }

    fn keep(&self, id: ConversationId, last_seq: i64, item: &QueueItem) {
        self.shown.lock().insert(id, (last_seq, item.clone()));
    }

    fn keep_only(&self, mut open: Vec<ConversationId>) {
        let mut shown = self.shown.lock();
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
    board: &Board,
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
        let Some(mut item) = item(&mut connection, vault, board, id, last_seq).await? else { continue };
        let waits = item.status.waits();
        position += u32::from(waits);
        item.position = if waits && !matches!(which, Which::HeldBy(_)) { position } else { 0 };
        items.push(item);
    }
    if matches!(which, Which::Open) {
        board.keep_only(open);
    }
    Ok(items)
}

/// `None` for one that has ended meanwhile, or that cannot be opened: the others are shown all the same.
async fn item(
    connection: &mut AnyConnection,
    vault: &Vault,
    board: &Board,
    id: ConversationId,
    last_seq: i64,
) -> Result<Option<QueueItem>, StoreError> {
    if let Some(item) = board.get(id, last_seq) {
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
    board.keep(id, state.last_seq.cast_signed(), &item);
    Ok(Some(item))
}
