//! Whether a database, live or in a backup, is whole: every body opens, no place in a log is missing, and what stands
//! beside the logs is what they amount to.

use conversation::{ConversationId, ConversationState, Event, Timestamp};
use sqlx::AnyConnection;

use super::key_file::KeyFile;
use super::{Vault, WrappedKey};
use crate::store::is_shared;

/// Conversations looked at in one snapshot, so that the write-ahead log of a live database can be folded in between.
const PER_STEP: i64 = 100;
/// Problems told in words; the rest are counted.
const TOLD: usize = 50;

/// Where conversations' keys are.
#[derive(Clone, Copy, Debug)]
pub enum Keys<'a> {
    /// In the database.
    InDatabase,
    /// Beside the backup. A conversation without a key there was erased since.
    InFile(&'a KeyFile),
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Conversations that were opened.
    pub conversations: u64,
    /// Events that were opened.
    pub events: u64,
    /// Conversations of a backup that were erased since.
    pub erased: u64,
    /// What is wrong, up to some fifty of it. No citizen's words.
    pub problems: Vec<String>,
    /// How much more is wrong.
    pub further: u64,
}

impl Report {
    fn problem(&mut self, text: impl Into<String>) {
        if self.problems.len() < TOLD { self.problems.push(text.into()) } else { self.further += 1 }
    }
}

/// A conversation's row.
#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    status: String,
    last_seq: i64,
    last_at: i64,
    state: String,
    queue_number: Option<i64>,
    holder: Option<String>,
    master: Option<String>,
    sealed: Option<Vec<u8>>,
}

/// Looks at everything. `tell` is told how far it is.
///
/// # Errors
/// Where the database cannot be read at all; what is wrong in it is in the report.
pub async fn database(
    connection: &mut AnyConnection,
    vault: &Vault,
    keys: Keys<'_>,
    tell: &(dyn Fn(&str) + Sync),
) -> Result<Report, sqlx::Error> {
    let mut report = Report::default();
    structure(connection, &mut report).await?;
    queue(connection, &mut report).await?;
    let mut after = String::new();
    loop {
        sqlx::query(if is_shared(connection) {
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        } else {
            "BEGIN"
        })
        .execute(&mut *connection)
        .await?;
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT id, status, last_seq, last_at, state, queue_number, holder, master, sealed FROM conversations \
             LEFT JOIN data_keys ON data_keys.conversation = conversations.id \
             WHERE id > $1 ORDER BY id LIMIT $2",
        )
        .bind(&after)
        .bind(PER_STEP)
        .fetch_all(&mut *connection)
        .await?;
        let last = rows.last().map(|row| row.id.clone());
        for row in rows {
            conversation(connection, vault, keys, row, &mut report).await?;
        }
        sqlx::query("COMMIT").execute(&mut *connection).await?;
        let Some(last) = last else { break };
        after = last;
        tell(&format!("{} conversations, {} events", report.conversations, report.events));
    }
    Ok(report)
}

/// SQLite's own checks, and what the tables must not hold.
async fn structure(connection: &mut AnyConnection, report: &mut Report) -> Result<(), sqlx::Error> {
    if !is_shared(connection) {
        file(connection, report).await?;
    }
    let back: i64 =
        sqlx::query_scalar("SELECT count(*) FROM conversations JOIN erasures ON conversation = id")
            .fetch_one(&mut *connection)
            .await?;
    if back > 0 {
        report.problem(format!("{back} erased conversations are there again"));
    }
    Ok(())
}

/// SQLite's own checks.
async fn file(connection: &mut AnyConnection, report: &mut Report) -> Result<(), sqlx::Error> {
    let whole: Vec<String> =
        sqlx::query_scalar("PRAGMA integrity_check(20)").fetch_all(&mut *connection).await?;
    for line in whole.into_iter().filter(|line| line != "ok") {
        report.problem(format!("SQLite finds the file damaged: {line}"));
    }
    let foreign: Vec<(String,)> = sqlx::query_as("SELECT DISTINCT \"table\" FROM pragma_foreign_key_check")
        .fetch_all(&mut *connection)
        .await?;
    for (table,) in foreign {
        report.problem(format!("table {table} has rows that belong to nothing"));
    }
    Ok(())
}

async fn queue(connection: &mut AnyConnection, report: &mut Report) -> Result<(), sqlx::Error> {
    let twice: Vec<i64> = sqlx::query_scalar(
        "SELECT queue_number FROM conversations WHERE queue_number IS NOT NULL GROUP BY queue_number HAVING count(*) > 1",
    )
    .fetch_all(connection)
    .await?;
    for number in twice {
        report.problem(format!("two conversations have the queue's number {number}"));
    }
    Ok(())
}

async fn conversation(
    connection: &mut AnyConnection,
    vault: &Vault,
    keys: Keys<'_>,
    row: Row,
    report: &mut Report,
) -> Result<(), sqlx::Error> {
    let Ok(id) = row.id.parse::<ConversationId>() else {
        report.problem(format!("{:?} is no conversation's id", row.id));
        return Ok(());
    };
    let wrapped = match keys {
        Keys::InDatabase => row.master.clone().zip(row.sealed.clone()),
        Keys::InFile(file) => {
            let Some(key) = file.keys.get(&id) else {
                report.erased += 1;
                return Ok(());
            };
            Some((key.master.to_string(), key.sealed.clone()))
        }
    };
    let Some((master, sealed)) = wrapped else {
        report.problem(format!("conversation {id} has no key"));
        return Ok(());
    };
    let key = WrappedKey { master: master.into(), sealed };
    let events: Vec<(i64, i64, String)> =
        sqlx::query_as("SELECT seq, at, body FROM events WHERE conversation = $1 ORDER BY seq")
            .bind(&row.id)
            .fetch_all(connection)
            .await?;
    report.conversations += 1;
    report.events += events.len() as u64;
    for problem in compare(vault, id, &key, &row, events) {
        report.problem(problem);
    }
    Ok(())
}

/// What is wrong with one conversation.
fn compare(
    vault: &Vault,
    id: ConversationId,
    key: &WrappedKey,
    row: &Row,
    events: Vec<(i64, i64, String)>,
) -> Vec<String> {
    // Through no cache: the stored key has to open it.
    let key = match vault.fresh_data_key(id, key) {
        Ok(key) => key,
        Err(error) => return vec![error.to_string()],
    };
    let mut problems = Vec::new();
    let seqs: Vec<i64> = events.iter().map(|(seq, ..)| *seq).collect();
    if !seqs.iter().copied().eq(1..=row.last_seq) {
        problems.push(format!("conversation {id}: its log has a gap, or does not end at {}", row.last_seq));
    }
    let mut log = Vec::with_capacity(events.len());
    for (seq, at, body) in events {
        let (seq, at) = (seq.cast_unsigned(), Timestamp::from_millis(at));
        match key.open_event(seq, at, &body) {
            Ok(body) => log.push(Event { seq, at, body }),
            Err(error) => problems.push(error.to_string()),
        }
    }
    match key.open_state(row.last_seq.cast_unsigned(), &row.state) {
        Err(error) => problems.push(error.to_string()),
        Ok(_) if !problems.is_empty() => {}
        Ok(state) => match ConversationState::replay(&log) {
            Err(error) => problems.push(format!("conversation {id}: {error}")),
            Ok(replayed) if replayed != state => {
                problems.push(format!("conversation {id}: its state is not what its log amounts to"));
            }
            Ok(_) => problems.extend(columns(id, row, &state)),
        },
    }
    problems
}

/// The columns that repeat the state.
fn columns(id: ConversationId, row: &Row, state: &ConversationState) -> Vec<String> {
    let holder = state.handoff.holder().map(|holder| holder.id.to_string());
    [
        ("status", row.status == state.status().as_str()),
        ("last_at", row.last_at == state.last_at.as_millis()),
        ("holder", row.holder == holder),
        ("queue_number", row.queue_number.is_some() == state.handoff.ticket().is_some()),
    ]
    .into_iter()
    .filter(|(_, same)| !same)
    .map(|(column, _)| format!("conversation {id}: column {column} is not what its state says"))
    .collect()
}
