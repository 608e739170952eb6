//! What nodes leave each other: a row per transaction, written in it.
//!
//! A sequence hands out numbers before transactions commit, so that a reader who remembers the highest number it saw
//! misses what commits later under a lower one. Rows are therefore read by transaction: everything from
//! `pg_snapshot_xmin` of the last look on, which is the oldest transaction that was under way then
//! (<https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-PG-SNAPSHOT>). What was under way was not
//! seen, and what was seen is remembered by its number until no look returns it any more.

use std::collections::HashSet;

use conversation::{ConversationId, NodeSignal, Timestamp};
use serde::{Deserialize, Serialize};
use sqlx::AnyConnection;
use uuid::Uuid;

use crate::store::sql::writer::News as Told;

/// What a transaction did that other nodes have to know.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct News {
    /// Conversations, with the first of the events that were appended to each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) appended: Vec<(ConversationId, u64)>,
    /// Whether the desk's lists look different.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) queue_changed: bool,
    /// Conversations whose keys leave the memory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) erased: Vec<ConversationId>,
    /// What matters now or never.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) signals: Vec<NodeSignal>,
}

impl News {
    fn of(told: &[Told]) -> Self {
        let mut news = Self::default();
        for told in told {
            let first = |events: &[conversation::Event]| events.first().map(|event| event.seq);
            news.appended
                .extend(told.published.iter().filter_map(|p| Some((p.conversation, first(&p.events)?))));
            news.queue_changed |= told.queue_changed;
            news.erased.extend(&told.erased);
            news.signals.extend(told.signals.iter().cloned());
        }
        news
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A transaction that is being committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct Committing {
    xid: i64,
    token: String,
}

/// Leaves what a transaction did, as its last statement. Gives how to ask for its outcome, where it wrote anything.
pub(in crate::store) async fn leave(
    connection: &mut AnyConnection,
    node: &str,
    now: Timestamp,
    told: &[Told],
) -> Result<Option<Committing>, sqlx::Error> {
    let news = News::of(told);
    let text = if news.is_empty() {
        let xid: Option<i64> =
            sqlx::query_scalar("SELECT CAST(CAST(pg_current_xact_id_if_assigned() AS TEXT) AS BIGINT)")
                .fetch_one(&mut *connection)
                .await?;
        if xid.is_none() {
            return Ok(None);
        }
        String::new()
    } else {
        serde_json::to_string(&news).map_err(|error| sqlx::Error::Encode(error.into()))?
    };
    let token = Uuid::new_v4().simple().to_string();
    let xid = sqlx::query_scalar(
        "INSERT INTO outbox (xid, node, at, news, token) \
         VALUES (CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT), $1, $2, $3, $4) RETURNING xid",
    )
    .bind(node)
    .bind(now.as_millis())
    .bind(text)
    .bind(&token)
    .fetch_one(connection)
    .await?;
    Ok(Some(Committing { xid, token }))
}

/// Whether a transaction was committed; `None` while it is under way. Its id alone does not tell: one whose log was not
/// yet on disk when the server crashed is given again to another transaction.
pub(in crate::store) async fn status_of(
    connection: &mut AnyConnection,
    transaction: &Committing,
) -> Result<Option<bool>, sqlx::Error> {
    let status: Option<String> = sqlx::query_scalar("SELECT pg_xact_status(CAST(CAST($1 AS TEXT) AS xid8))")
        .bind(transaction.xid.to_string())
        .fetch_one(&mut *connection)
        .await?;
    if status.as_deref() == Some("in progress") {
        return Ok(None);
    }
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox WHERE token = $1")
        .bind(&transaction.token)
        .fetch_one(connection)
        .await?;
    Ok(Some(left > 0))
}

/// What has been read so far.
#[derive(Debug)]
pub(super) struct Reader {
    node: String,
    /// Everything older has been seen.
    low: i64,
    /// Numbers of rows that were seen and may be returned again.
    seen: HashSet<i64>,
}

impl Reader {
    /// Reads what is committed from now on.
    pub(super) async fn start(connection: &mut AnyConnection, node: &str) -> Result<Self, sqlx::Error> {
        let low = sqlx::query_scalar(
            "SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT)",
        )
        .fetch_one(&mut *connection)
        .await?;
        let mut reader = Self { node: node.to_owned(), low, seen: HashSet::new() };
        // What was committed before belongs to nobody here.
        reader.read(connection).await?;
        Ok(reader)
    }

    /// What other nodes committed since the last look, in the order of their commits as far as it matters: what
    /// concerns one conversation, which transactions take one after the other, is in order.
    pub(super) async fn read(&mut self, connection: &mut AnyConnection) -> Result<Vec<News>, sqlx::Error> {
        type Row = (i64, Option<i64>, Option<i64>, Option<String>);
        // One statement, so that rows and border are of the same snapshot.
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT border.low, number, xid, news \
             FROM (SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT) AS low) AS border \
             LEFT JOIN outbox ON outbox.xid >= $1 AND outbox.node <> $2 ORDER BY number",
        )
        .bind(self.low)
        .bind(&self.node)
        .fetch_all(connection)
        .await?;
        let (mut news, mut still) = (Vec::new(), HashSet::new());
        for (low, number, xid, text) in rows {
            self.low = low;
            let (Some(number), Some(xid), Some(text)) = (number, xid, text) else { continue };
            if xid >= low {
                still.insert(number);
            }
            if !text.is_empty() && !self.seen.contains(&number) {
                news.push(serde_json::from_str(&text).map_err(|error| sqlx::Error::Decode(error.into()))?);
            }
        }
        self.seen = still;
        Ok(news)
    }
}
