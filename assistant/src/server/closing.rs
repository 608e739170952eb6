//! When the office closes, whoever still waits is told, once, and offered a call back.

use std::{collections::HashSet, sync::Arc, time::Duration};

use conversation::{
    Append, Clock, ConversationId, EventBody, Expect, QueueItem, Say, SayAct, Status, Store, StoreError,
    Timestamp, phrases::Phrase, wait::Opening,
};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::hours::Hours;

/// How often it is looked whether the office has closed.
const EVERY: Duration = Duration::from_secs(5);

/// Who was told of which closing.
#[derive(Default)]
struct Told {
    closed_at: Option<Timestamp>,
    conversations: HashSet<ConversationId>,
}

/// Runs until the server drains.
pub(super) async fn run(
    hours: Hours,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    draining: CancellationToken,
) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = Told::default();
    loop {
        tokio::select! {
            () = draining.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let now = clock.now();
        let hours = hours.current().hours;
        let Some(closed_at) = hours.closed_since(now) else { continue };
        if told.closed_at != Some(closed_at) {
            told = Told { closed_at: Some(closed_at), conversations: HashSet::new() };
        }
        let Opening::Closed { opens } = hours.at(now) else { continue };
        if let Err(error) = tell(store.as_ref(), closed_at, Phrase::OfficeClosed { opens }, &mut told).await {
            tracing::warn!(%error, "who waits could not be told that the office has closed; it is tried again");
        }
    }
}

/// Tells everybody who has waited since before the closing and does not know of it yet.
async fn tell(
    store: &dyn Store,
    closed_at: Timestamp,
    phrase: Phrase<'_>,
    told: &mut Told,
) -> Result<(), StoreError> {
    for item in store.open_escalations().await? {
        let waits = matches!(item.status, Status::Queued | Status::Offered);
        if !waits || item.since >= closed_at || told.conversations.contains(&item.conversation) {
            continue;
        }
        if let Some(last_seq) = does_not_know(store, &item, closed_at).await? {
            let notice = Say {
                reply_to: None,
                text: phrase.text(item.language),
                act: SayAct::Notice,
                considered: Vec::new(),
                provenance: None,
            };
            let append = Append::to(item.conversation)
                // Another node may be telling the same: whoever finds the log as it was read does it.
                .expecting(Expect { last_seq: Some(last_seq), status: Some(item.status) })
                .event(EventBody::Say(notice));
            match store.append(append).await {
                Ok(_) => tracing::info!(conversation = %item.conversation, "told that the office has closed"),
                // It has moved on, or is over: looked at again by the next tick.
                Err(StoreError::Stale(_) | StoreError::Closed | StoreError::NotFound(_)) => continue,
                Err(error) => return Err(error),
            }
        }
        told.conversations.insert(item.conversation);
    }
    Ok(())
}

/// The log's last place, where it has no notice of this closing yet: this process may not be the one that told.
async fn does_not_know(
    store: &dyn Store,
    item: &QueueItem,
    closed_at: Timestamp,
) -> Result<Option<u64>, StoreError> {
    let events = store.events_after(item.conversation, 0, u32::MAX).await?;
    let mut since_then = events.iter().rev().take_while(|event| event.at >= closed_at);
    let knows = since_then.any(|event| {
        matches!(&event.body, EventBody::Say(say) if say.act == SayAct::Notice && say.reply_to.is_none())
    });
    Ok(events.last().filter(|_| !knows).map(|last| last.seq))
}
