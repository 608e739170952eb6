//! Tells this node's citizens and agents what other nodes did, and the other nodes that this one lives.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use conversation::{ConversationId, Published, StoreError};
use lru::LruCache;
use sqlx::{AnyConnection, AnyPool};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::outbox::{News, Reader};
use crate::store::sql::link::{Dial, Link};
use crate::store::sql::rows;
use crate::store::sql::writer::Common;

/// How often a node says that it lives, and sweeps up.
const SIGN_OF_LIFE_EVERY: Duration = Duration::from_secs(5);
/// A node that was silent for so long is not listed any more.
const FORGET_NODES_AFTER: Duration = Duration::from_hours(24);
/// How long what nodes leave each other is kept.
const KEEP: Duration = Duration::from_mins(10);
/// A node that could not look for so long has missed some of it and reads everything anew.
const BLIND: Duration = Duration::from_mins(5);
/// Conversations of which it is remembered how much was told. Of those that are forgotten something may be told twice.
const TOLD: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

type Told = LruCache<ConversationId, u64>;

/// Events of one conversation that are read at once.
const PAGE: u32 = 500;

pub(super) struct Parts {
    pub(super) dial: Dial,
    pub(super) readers: AnyPool,
    pub(super) common: Common,
    pub(super) node: String,
    pub(super) name: String,
    pub(super) look_every: Duration,
    pub(super) stopped: CancellationToken,
}

/// Starts looking: what is committed after this returns is told.
pub(super) async fn start(parts: Parts) -> Result<(), sqlx::Error> {
    let mut connection = parts.dial.connect().await?;
    let reader = Reader::start(&mut connection, &parts.node).await?;
    say_alive(&mut connection, &parts).await?;
    let link = Link::new(parts.dial.clone(), Some(connection));
    tokio::spawn(run(parts, link, reader));
    Ok(())
}

async fn run(parts: Parts, mut link: Link, mut reader: Reader) {
    let mut told = LruCache::new(TOLD);
    let mut looks = tokio::time::interval(parts.look_every);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut seen_at, mut alive_at) = (Instant::now(), Instant::now());
    loop {
        tokio::select! {
            () = parts.stopped.cancelled() => break,
            _ = looks.tick() => {}
        }
        let looked = look(&parts, &mut link, &mut reader, &mut told, &mut alive_at).await;
        metrics::gauge!("store_outbox_blind_seconds").set(seen_at.elapsed().as_secs_f64());
        match looked {
            Ok(()) => {
                if seen_at.elapsed() > BLIND {
                    parts.common.publisher.all_missed_some();
                }
                seen_at = Instant::now();
            }
            Err(error) => {
                tracing::warn!(%error, "what other nodes did cannot be seen; trying again");
                link.lost();
            }
        }
    }
    if let Ok(connection) = link.get().await {
        let gone = sqlx::query("DELETE FROM nodes WHERE id = $1").bind(&parts.node).execute(connection).await;
        if let Err(error) = gone {
            tracing::warn!(%error, "this node could not take its name off the list");
        }
    }
    drop(link.close().await);
}

async fn look(
    parts: &Parts,
    link: &mut Link,
    reader: &mut Reader,
    told: &mut Told,
    alive_at: &mut Instant,
) -> Result<(), sqlx::Error> {
    let connection = link.get().await?;
    let news = reader.read(connection).await?;
    if alive_at.elapsed() >= SIGN_OF_LIFE_EVERY {
        say_alive(connection, parts).await?;
        *alive_at = Instant::now();
    }
    tell(parts, news, told).await;
    Ok(())
}

/// Tells whom it concerns here.
async fn tell(parts: &Parts, news: Vec<News>, told: &mut Told) {
    let mut first_events: BTreeMap<ConversationId, u64> = BTreeMap::new();
    let mut queue_changed = false;
    for news in news {
        parts.common.forget(&news.erased);
        news.signals.into_iter().for_each(|signal| parts.common.publisher.signal(signal));
        queue_changed |= news.queue_changed;
        for (conversation, first) in news.appended {
            let known = first_events.entry(conversation).or_insert(first);
            *known = first.min(*known);
        }
    }
    for (conversation, first) in first_events {
        if !parts.common.publisher.is_wanted(conversation) {
            continue;
        }
        // Reading a log for one commit may have brought what a later one wrote.
        let first = told.get(&conversation).map_or(first, |last| first.max(last + 1));
        match read(parts, conversation, first).await {
            Ok(Some(published)) => {
                told.put(conversation, published.state.last_seq);
                parts.common.publisher.publish(published);
            }
            Ok(None) => {}
            // Whoever listens reads the log again, now or with the next event.
            Err(error) => {
                tracing::warn!(%conversation, %error, "what another node wrote could not be read");
                parts.common.publisher.all_missed_some();
            }
        }
    }
    if queue_changed {
        parts.common.publisher.queue_changed();
    }
}

async fn read(
    parts: &Parts,
    conversation: ConversationId,
    first: u64,
) -> Result<Option<Published>, StoreError> {
    let mut reader = parts.readers.acquire().await.map_err(crate::store::sql::unavailable)?;
    let Some(state) = rows::state(&mut reader, &parts.common.vault, conversation).await? else {
        return Ok(None);
    };
    drop(reader);
    let mut events =
        rows::events_after(&parts.readers, &parts.common.vault, conversation, first - 1, PAGE).await?;
    // What was committed between the two reads comes with the next look.
    events.retain(|event| event.seq <= state.last_seq);
    if events.is_empty() {
        return Ok(None);
    }
    Ok(Some(Published { conversation, events: events.into(), state: Arc::new(state) }))
}

/// Says that this node lives, and removes what nobody needs any more.
async fn say_alive(connection: &mut AnyConnection, parts: &Parts) -> Result<(), sqlx::Error> {
    let now = parts.common.clock.now();
    sqlx::query(
        "INSERT INTO nodes (id, name, version, started_at, last_seen_at) VALUES ($1, $2, $3, $4, $4) \
         ON CONFLICT (id) DO UPDATE SET last_seen_at = excluded.last_seen_at",
    )
    .bind(&parts.node)
    .bind(&parts.name)
    .bind(env!("CARGO_PKG_VERSION"))
    .bind(now.as_millis())
    .execute(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM nodes WHERE last_seen_at < $1")
        .bind(now.minus(FORGET_NODES_AFTER).as_millis())
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "DELETE FROM outbox WHERE number IN \
         (SELECT number FROM outbox WHERE at < $1 ORDER BY number LIMIT 10000 FOR UPDATE SKIP LOCKED)",
    )
    .bind(now.minus(KEEP).as_millis())
    .execute(connection)
    .await?;
    Ok(())
}
