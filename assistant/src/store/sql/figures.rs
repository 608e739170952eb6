//! What the console counts. Rows are only ever inserted while events are appended, so that no two conversations wait for each other;
//! those of days that are over are joined by a sweep.

use std::fmt::Write as _;

use async_trait::async_trait;
use conversation::event::Event;
use conversation::figures::{self, Amount, Counts, Day, Figure, Figures, Unresolved, UnresolvedKind};
use conversation::{ConversationId, ConversationState, StoreError, Timestamp, Withdrawn};
use sqlx::{AnyConnection, AssertSqlSafe};

use super::append::corrupt;
use super::link::is_shared;
use super::writer::{OrUnavailable as _, Unit, Write};
use super::{SqlStore, rows};

/// Rows that one statement inserts: at six parameters each far below what the databases take.
const ROWS_AT_ONCE: usize = 100;

/// What the events of one append count for.
#[derive(Default)]
pub(super) struct Tally {
    counts: Counts,
    unresolved: Vec<Unresolved>,
    /// Answers that are called wrong no more.
    resolved: Vec<u64>,
    /// A turn that does not count any more, with the conversation before it.
    withdrawn: Option<(ConversationState, Withdrawn)>,
}

impl Tally {
    /// Takes an event in. `before`: the conversation before it, `None` for its first event.
    pub(super) fn event(&mut self, before: Option<&ConversationState>, event: &Event) {
        figures::add(&mut self.counts, figures::counts(before, event));
        let Some(before) = before else { return };
        self.unresolved.extend(figures::unresolved(before, event));
        if let Some(answer) = figures::resolved(before, event) {
            self.unresolved.retain(|one| !(one.seq == answer && one.kind == UnresolvedKind::WrongAnswer));
            self.resolved.push(answer);
        }
        if let conversation::EventBody::Withdrawn(withdrawn) = &event.body {
            self.withdrawn = before.before_beginning().map(|state| (state, *withdrawn));
        }
    }

    /// Writes it.
    pub(super) async fn write(
        mut self,
        unit: &mut Unit<'_>,
        conversation: ConversationId,
    ) -> Result<(), StoreError> {
        if let Some((before, turn)) = self.withdrawn.take() {
            let taken_back = take_back(unit, conversation, before, turn).await?;
            figures::add(&mut self.counts, taken_back);
        }
        self.counts.retain(|_, amount| *amount != Amount::default());
        let counts: Vec<(Figure, Amount)> = self.counts.into_iter().collect();
        for some in counts.chunks(ROWS_AT_ONCE) {
            insert(unit.connection, some).await?;
        }
        for answer in &self.resolved {
            sqlx::query("DELETE FROM unresolved WHERE conversation = $1 AND seq = $2 AND kind = $3")
                .bind(conversation.to_string())
                .bind(answer.cast_signed())
                .bind(UnresolvedKind::WrongAnswer.as_str())
                .execute(&mut *unit.connection)
                .await
                .or_unavailable()?;
        }
        for one in &self.unresolved {
            sqlx::query(
                // Who taps twice has one question.
                "INSERT INTO unresolved (conversation, seq, at, language, kind) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (conversation, seq) DO NOTHING",
            )
            .bind(conversation.to_string())
            .bind(one.seq.cast_signed())
            .bind(one.at.as_millis())
            .bind(one.language.code())
            .bind(one.kind.as_str())
            .execute(&mut *unit.connection)
            .await
            .or_unavailable()?;
        }
        Ok(())
    }
}

/// What a withdrawn turn counted for, with the sign turned; its questions are unresolved no more.
async fn take_back(
    unit: &mut Unit<'_>,
    conversation: ConversationId,
    before: ConversationState,
    Withdrawn { from, to }: Withdrawn,
) -> Result<Counts, StoreError> {
    let limit = u32::try_from(to + 1 - from).map_err(corrupt)?;
    let turn = rows::events_after(&mut *unit.connection, unit.vault, conversation, from - 1, limit).await?;
    sqlx::query("DELETE FROM unresolved WHERE conversation = $1 AND seq BETWEEN $2 AND $3")
        .bind(conversation.to_string())
        .bind(from.cast_signed())
        .bind(to.cast_signed())
        .execute(&mut *unit.connection)
        .await
        .or_unavailable()?;
    figures::taken_back(before, &turn).map_err(corrupt)
}

async fn insert(connection: &mut AnyConnection, counts: &[(Figure, Amount)]) -> Result<(), StoreError> {
    let mut sql = "INSERT INTO figures (day, name, language, key, count, total) VALUES ".to_owned();
    for row in 0..counts.len() {
        let first = row * 6;
        let comma = if row == 0 { "" } else { ", " };
        // Writing to a string does not fail.
        let _ = write!(
            sql,
            "{comma}(${}, ${}, ${}, ${}, ${}, ${})",
            first + 1,
            first + 2,
            first + 3,
            first + 4,
            first + 5,
            first + 6
        );
    }
    // Nothing but numbers of parameters was put into it.
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for (figure, amount) in counts {
        query = query
            .bind(i64::from(figure.day.number()))
            .bind(figure.measure.as_str())
            .bind(figure.language.code())
            .bind(figure.key.clone())
            .bind(amount.count)
            .bind(amount.total);
    }
    query.execute(connection).await.or_unavailable()?;
    Ok(())
}

#[async_trait]
impl Figures for SqlStore {
    async fn figures(&self, from: Day, to: Day) -> Result<Counts, StoreError> {
        type Row = (i64, String, String, String, i64, f64);
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT day, name, language, key, CAST(sum(count) AS BIGINT), sum(total) FROM figures \
             WHERE day BETWEEN $1 AND $2 GROUP BY day, name, language, key",
        )
        .bind(i64::from(from.number()))
        .bind(i64::from(to.number()))
        .fetch_all(&self.readers)
        .await
        .or_unavailable()?;
        let read = |(day, name, language, key, count, total): Row| {
            let figure = Figure {
                day: Day::from_number(i32::try_from(day).map_err(corrupt)?),
                measure: name.parse().map_err(corrupt)?,
                language: language.parse().map_err(corrupt)?,
                key,
            };
            Ok((figure, Amount { count, total }))
        };
        rows.into_iter().map(read).collect()
    }

    async fn join_figures(&self, day: Day) -> Result<bool, StoreError> {
        self.writer.run(Join { before: day }).await
    }

    async fn unresolved(&self, since: Timestamp, limit: u32) -> Result<Vec<Unresolved>, StoreError> {
        type Row = (String, i64, i64, String, String);
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT conversation, seq, at, language, kind FROM unresolved WHERE at >= $1 \
             ORDER BY at DESC, conversation, seq LIMIT $2",
        )
        .bind(since.as_millis())
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await
        .or_unavailable()?;
        let read = |(conversation, seq, at, language, kind): Row| {
            Ok(Unresolved {
                conversation: conversation.parse().map_err(corrupt)?,
                seq: seq.cast_unsigned(),
                at: Timestamp::from_millis(at),
                language: language.parse().map_err(corrupt)?,
                kind: kind.parse().map_err(corrupt)?,
            })
        };
        rows.into_iter().map(read).collect()
    }
}

/// Joins what was counted on one day before another, of one measure at a time, so that it never holds other writers up for long.
struct Join {
    before: Day,
}

#[async_trait]
impl Write for Join {
    type Output = bool;

    async fn write(&self, unit: &mut Unit<'_>) -> Result<bool, StoreError> {
        let scattered: Option<(i64, String)> = sqlx::query_as(
            "SELECT day, name FROM figures WHERE day < $1 GROUP BY day, name, language, key \
             HAVING count(*) > 1 ORDER BY day, name LIMIT 1",
        )
        .bind(i64::from(self.before.number()))
        .fetch_optional(&mut *unit.connection)
        .await
        .or_unavailable()?;
        let Some((day, name)) = scattered else { return Ok(false) };
        // Of two nodes the second waits for the rows and then finds them gone: it joins nothing, and nothing is counted twice.
        let statements: &[&'static str] = if is_shared(unit.connection) {
            &[
                "WITH gone AS (DELETE FROM figures WHERE day = $1 AND name = $2 RETURNING day, name, language, key, count, total) \
               INSERT INTO figures (day, name, language, key, count, total) \
               SELECT day, name, language, key, CAST(sum(count) AS BIGINT), sum(total) FROM gone \
               GROUP BY day, name, language, key",
            ]
        } else {
            // One writer: what is summed up is what is there, and sums come behind it.
            &[
                "INSERT INTO figures (day, name, language, key, count, total) \
                 SELECT day, name, language, key, sum(count), sum(total) FROM figures WHERE day = $1 AND name = $2 \
                 GROUP BY day, name, language, key",
                "DELETE FROM figures WHERE day = $1 AND name = $2 AND number <= \
                 (SELECT max(number) FROM figures) - \
                 (SELECT count(*) FROM (SELECT DISTINCT language, key FROM figures WHERE day = $1 AND name = $2))",
            ]
        };
        for statement in statements {
            sqlx::query(*statement)
                .bind(day)
                .bind(&name)
                .execute(&mut *unit.connection)
                .await
                .or_unavailable()?;
        }
        Ok(true)
    }
}
