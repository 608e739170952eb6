//! Offers, presence and what is due.

use std::time::Duration;

use async_trait::async_trait;
use conversation::routing::{self, AtDesk, Presence, Waiting};
use conversation::wait::{HandlingTimes, WaitRange};
use conversation::{
    Actor, AgentId, Append, ConversationId, ConversationState, HandoffCommand, OfferId, StoreError, Timestamp,
};
use sqlx::AnyConnection;

use super::append::corrupt;
use super::link::{is_shared, taking};
use super::rows;
use super::writer::{OrUnavailable as _, Subject, Unit, Write};

/// Conversations that one sweep touches at most, so that it never holds other writers up for long.
const PER_SWEEP: i64 = 200;

/// Handling times that are kept; estimates look back on fewer.
const KEPT_TIMES: i64 = 200;

/// Does what is due.
pub(super) struct Due;

#[async_trait]
impl Write for Due {
    type Output = Vec<ConversationId>;

    async fn write(&self, unit: &mut Unit<'_>) -> Result<Vec<ConversationId>, StoreError> {
        let sql = taking!(
            unit.connection,
            "SELECT id FROM conversations WHERE deadline <= $1 ORDER BY deadline LIMIT $2",
            "FOR UPDATE SKIP LOCKED"
        );
        let due: Vec<String> = sqlx::query_scalar(sql)
            .bind(unit.now.as_millis())
            .bind(PER_SWEEP)
            .fetch_all(&mut *unit.connection)
            .await
            .or_unavailable()?;
        let mut done = Vec::with_capacity(due.len());
        for conversation in due {
            let conversation = conversation.parse().map_err(corrupt)?;
            Append::to(conversation).then(HandoffCommand::TimePassed).write(unit).await?;
            done.push(conversation);
        }
        Ok(done)
    }
}

/// Offers what waits to whoever is free.
pub(super) struct Route;

#[async_trait]
impl Write for Route {
    type Output = Vec<(ConversationId, AgentId)>;

    async fn write(&self, unit: &mut Unit<'_>) -> Result<Vec<(ConversationId, AgentId)>, StoreError> {
        let mut agents = take_at_desk(unit.connection).await?;
        let rules = unit.rules.routing;
        let wants = |agent: &AtDesk| {
            agent.presence == Presence::Available
                && unit.now.since(agent.last_seen_at) < rules.lost_after
                && agent.load < agent.capacity
        };
        if !agents.iter().any(wants) {
            return Ok(Vec::new());
        }
        let waiting = rows::take_queued_states(unit.connection, unit.vault, PER_SWEEP).await?;
        let mut offered = Vec::new();
        for state in waiting {
            let Some(ticket) = state.handoff.ticket() else { continue };
            let waiting =
                Waiting { ticket, language: state.language, voice: state.voice, since: ticket.since };
            let Some(chosen) = routing::choose(&waiting, &agents, &rules, unit.now) else { continue };
            let agent = chosen.agent.clone();
            let command = HandoffCommand::Offer { offer: OfferId::generate(), agent: agent.clone() };
            Append::to(state.conversation).then(command).write(unit).await?;
            touch(unit.connection, agent.id, unit.now).await?;
            if let Some(chosen) = agents.iter_mut().find(|other| other.agent.id == agent.id) {
                chosen.load += routing::weight(state.voice);
                chosen.free_since = unit.now;
            }
            offered.push((state.conversation, agent.id));
        }
        Ok(offered)
    }
}

/// Sets what an agent is ready for; a sign of life.
pub(super) struct SetPresence {
    pub(super) agent: AgentId,
    pub(super) presence: Presence,
}

#[async_trait]
impl Write for SetPresence {
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::Agent(self.agent)
    }

    async fn write(&self, unit: &mut Unit<'_>) -> Result<(), StoreError> {
        let seen = sqlx::query("UPDATE agents SET last_seen_at = $1 WHERE id = $2")
            .bind(unit.now.as_millis())
            .bind(self.agent.to_string())
            .execute(&mut *unit.connection)
            .await
            .or_unavailable()?;
        if seen.rows_affected() == 0 {
            return Err(StoreError::NotFound("agent"));
        }
        sqlx::query(
            "INSERT INTO presence (agent, presence, free_since) VALUES ($1, $2, $3) \
             ON CONFLICT (agent) DO UPDATE SET presence = excluded.presence",
        )
        .bind(self.agent.to_string())
        .bind(self.presence.as_str())
        .bind(unit.now.as_millis())
        .execute(&mut *unit.connection)
        .await
        .or_unavailable()?;
        unit.news.queue_changed = true;
        Ok(())
    }
}

/// Something new has come to an agent.
async fn touch(connection: &mut AnyConnection, agent: AgentId, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query("UPDATE presence SET free_since = $1 WHERE agent = $2")
        .bind(now.as_millis())
        .bind(agent.to_string())
        .execute(connection)
        .await
        .or_unavailable()?;
    Ok(())
}

/// As [`at_desk`], only those whom no other transaction is offering anything to: what they have does not change meanwhile.
async fn take_at_desk(connection: &mut AnyConnection) -> Result<Vec<AtDesk>, StoreError> {
    if !is_shared(connection) {
        return at_desk(connection).await;
    }
    let taken: Vec<String> = sqlx::query_scalar(
        "SELECT agent FROM presence WHERE presence = 'available' ORDER BY agent FOR UPDATE SKIP LOCKED",
    )
    .fetch_all(&mut *connection)
    .await
    .or_unavailable()?;
    // In a second statement, which sees what was committed before the rows were taken.
    let mut agents = at_desk(connection).await?;
    agents.retain(|agent| taken.contains(&agent.agent.id.to_string()));
    Ok(agents)
}

/// All agents with what they have, by name.
pub(super) async fn at_desk(connection: &mut AnyConnection) -> Result<Vec<AtDesk>, StoreError> {
    type Row = (String, String, String, String, i64, i64, Option<String>, Option<i64>, i64);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT agents.id, display_name, languages, skills, capacity, last_seen_at, presence, free_since, \
                (SELECT CAST(coalesce(sum(weight), 0) AS BIGINT) FROM conversations \
                 WHERE (holder = agents.id AND status <> 'snoozed') OR offered_to = agents.id) \
         FROM agents LEFT JOIN presence ON presence.agent = agents.id WHERE disabled = 0 ORDER BY name",
    )
    .fetch_all(connection)
    .await
    .or_unavailable()?;
    rows.into_iter()
        .map(|(id, name, languages, skills, capacity, seen, presence, free_since, load)| {
            Ok(AtDesk {
                agent: Actor { id: id.parse().map_err(corrupt)?, name },
                languages: serde_json::from_str(&languages).map_err(corrupt)?,
                skills: serde_json::from_str(&skills).map_err(corrupt)?,
                presence: presence
                    .map_or(Ok(Presence::default()), |presence| presence.parse().map_err(corrupt))?,
                capacity: u32::try_from(capacity).map_err(corrupt)?,
                load: u32::try_from(load).map_err(corrupt)?,
                last_seen_at: Timestamp::from_millis(seen),
                free_since: Timestamp::from_millis(free_since.unwrap_or(seen)),
            })
        })
        .collect()
}

/// How long whoever gets a place in the queue now will wait.
pub(super) async fn wait(
    unit: &mut Unit<'_>,
    state: &ConversationState,
    position: u32,
) -> Result<Option<WaitRange>, StoreError> {
    let agents = at_desk(unit.connection).await?;
    let lost_after = unit.rules.routing.lost_after;
    let (mut at_work, mut free) = (0, 0);
    for agent in &agents {
        let there = agent.presence.is_at_work() && unit.now.since(agent.last_seen_at) < lost_after;
        if there && agent.languages.contains(&state.language) {
            at_work += 1;
            free += u32::from(agent.load + routing::weight(state.voice) <= agent.capacity);
        }
    }
    let mut times = HandlingTimes::default();
    for seconds in last_handling_times(unit.connection).await? {
        times.remember(Duration::from_secs_f64(seconds.max(0.0)));
    }
    Ok(times.wait(position, at_work, free))
}

async fn last_handling_times(connection: &mut AnyConnection) -> Result<Vec<f64>, StoreError> {
    let mut last: Vec<f64> =
        sqlx::query_scalar("SELECT seconds FROM handling_times ORDER BY number DESC LIMIT 50")
            .fetch_all(connection)
            .await
            .or_unavailable()?;
    last.reverse();
    Ok(last)
}

/// Remembers how long an agent had a conversation that they have settled or returned.
pub(super) async fn remember_handling(
    connection: &mut AnyConnection,
    time: Duration,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO handling_times (seconds) VALUES ($1)")
        .bind(time.as_secs_f64())
        .execute(connection)
        .await
        .or_unavailable()?;
    Ok(())
}

/// Forgets handling times that no estimate looks at.
pub(super) async fn forget_old_handling_times(connection: &mut AnyConnection) -> Result<(), StoreError> {
    let sql = taking!(
        connection,
        "SELECT number FROM handling_times \
         WHERE number <= (SELECT max(number) FROM handling_times) - $1 ORDER BY number LIMIT 1000",
        "FOR UPDATE SKIP LOCKED"
    );
    let old: Vec<i64> =
        sqlx::query_scalar(sql).bind(KEPT_TIMES).fetch_all(&mut *connection).await.or_unavailable()?;
    for number in old {
        sqlx::query("DELETE FROM handling_times WHERE number = $1")
            .bind(number)
            .execute(&mut *connection)
            .await
            .or_unavailable()?;
    }
    Ok(())
}
