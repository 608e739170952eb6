//! Logins, sessions and signs of life.

use std::time::Duration;

use async_trait::async_trait;
use conversation::audit::{AuditActor, AuditEntry};
use conversation::{
    AgentId, LockoutPolicy, LoginMethod, NewSession, Person, Session, SessionId, StoreError, Timestamp,
    TokenHash,
};
use sqlx::AnyPool;

use super::super::append::corrupt;
use super::super::audit;
use super::super::writer::{OrUnavailable as _, Subject, Unit, Write};
use super::rows::{PersonRow, person_columns};
use super::{about, name_of};

/// A session's last use is written this often: each costs an fsync, and time-outs are counted in minutes.
const NOTE_USE_EVERY: Duration = Duration::from_mins(1);

/// Counts a failed login.
pub(super) struct LoginFailed {
    pub(super) agent: AgentId,
    pub(super) policy: LockoutPolicy,
}

#[async_trait]
impl Write for LoginFailed {
    type Output = Option<Timestamp>;

    fn subject(&self) -> Subject {
        Subject::Agent(self.agent)
    }

    async fn write(&self, unit: &mut Unit<'_>) -> Result<Option<Timestamp>, StoreError> {
        let (failures, locked_until, name): (i64, Option<i64>, String) = sqlx::query_as(
            "UPDATE agents SET failed_logins = failed_logins + 1 WHERE id = $1 \
             RETURNING failed_logins, locked_until, name",
        )
        .bind(self.agent.to_string())
        .fetch_optional(&mut *unit.connection)
        .await
        .or_unavailable()?
        .ok_or(StoreError::NotFound("agent"))?;
        let locks = failures >= i64::from(self.policy.failures);
        let action = if locks { "login.locked" } else { "login.failed" };
        // Who it was nobody knows; the account is the subject.
        let failed = about(&AuditActor::System, action, self.agent, &name).with("failures", failures);
        audit::record(unit, failed);
        if !locks {
            return Ok(locked_until.map(Timestamp::from_millis).filter(|until| *until > unit.now));
        }
        let until = unit.now.plus(self.policy.lock_for);
        sqlx::query("UPDATE agents SET failed_logins = 0, locked_until = $1 WHERE id = $2")
            .bind(until.as_millis())
            .bind(self.agent.to_string())
            .execute(&mut *unit.connection)
            .await
            .or_unavailable()?;
        Ok(Some(until))
    }
}

/// Begins a session.
pub(super) struct Login(pub(super) NewSession);

#[async_trait]
impl Write for Login {
    type Output = bool;

    fn subject(&self) -> Subject {
        Subject::Agent(self.0.agent)
    }

    async fn write(&self, unit: &mut Unit<'_>) -> Result<bool, StoreError> {
        let new = &self.0;
        let (name, disabled): (String, i64) =
            sqlx::query_as("SELECT name, disabled FROM agents WHERE id = $1")
                .bind(new.agent.to_string())
                .fetch_optional(&mut *unit.connection)
                .await
                .or_unavailable()?
                .ok_or(StoreError::NotFound("agent"))?;
        if disabled != 0 || !spend(unit, new).await? {
            return Ok(false);
        }
        sqlx::query(
            "UPDATE agents SET failed_logins = 0, locked_until = NULL, last_seen_at = $1 WHERE id = $2",
        )
        .bind(unit.now.as_millis())
        .bind(new.agent.to_string())
        .execute(&mut *unit.connection)
        .await
        .or_unavailable()?;
        let id = SessionId::generate();
        sqlx::query(
            "INSERT INTO agent_sessions \
             (token_hash, id, agent, created_at, last_used_at, idle_ms, expires_at, method) \
             VALUES ($1, $2, $3, $4, $4, $5, $6, $7)",
        )
        .bind(&new.token.as_bytes()[..])
        .bind(id.to_string())
        .bind(new.agent.to_string())
        .bind(unit.now.as_millis())
        .bind(i64::try_from(new.idle.as_millis()).unwrap_or(i64::MAX))
        .bind(new.expires_at.as_millis())
        .bind(new.method.as_str())
        .execute(&mut *unit.connection)
        .await
        .or_unavailable()?;
        let opened = AuditEntry::new(AuditActor::person(new.agent, name), "session.opened").on("session", id);
        audit::record(unit, opened.with("method", new.method.as_str()));
        Ok(true)
    }
}

/// Spends the code that a login was proved with; false where somebody did before.
async fn spend(unit: &mut Unit<'_>, new: &NewSession) -> Result<bool, StoreError> {
    let spent = match &new.method {
        LoginMethod::Password | LoginMethod::Oidc => return Ok(true),
        LoginMethod::Totp { step } => {
            sqlx::query(
                "UPDATE agents SET totp_last_step = $1 \
                 WHERE id = $2 AND totp_confirmed = 1 AND totp_last_step < $1",
            )
            .bind(step.cast_signed())
            .bind(new.agent.to_string())
            .execute(&mut *unit.connection)
            .await
        }
        LoginMethod::Recovery { code } => {
            sqlx::query("DELETE FROM recovery_codes WHERE agent = $1 AND hash = $2")
                .bind(new.agent.to_string())
                .bind(&code[..])
                .execute(&mut *unit.connection)
                .await
        }
    };
    Ok(spent.or_unavailable()?.rows_affected() == 1)
}

/// Notes that a session is used.
pub(super) struct Use(pub(super) TokenHash);

#[async_trait]
impl Write for Use {
    type Output = ();

    async fn write(&self, unit: &mut Unit<'_>) -> Result<(), StoreError> {
        // A session that has ended does not begin again by being used.
        sqlx::query(
            "UPDATE agent_sessions SET last_used_at = $1 WHERE token_hash = $2 AND last_used_at <= $3 \
             AND expires_at > $1 AND last_used_at + idle_ms > $1",
        )
        .bind(unit.now.as_millis())
        .bind(&self.0.as_bytes()[..])
        .bind(unit.now.minus(NOTE_USE_EVERY).as_millis())
        .execute(&mut *unit.connection)
        .await
        .or_unavailable()?;
        Ok(())
    }
}

/// Ends the session of a token.
pub(super) struct Logout(pub(super) TokenHash);

#[async_trait]
impl Write for Logout {
    type Output = ();

    async fn write(&self, unit: &mut Unit<'_>) -> Result<(), StoreError> {
        let ended: Option<(String, String)> =
            sqlx::query_as("DELETE FROM agent_sessions WHERE token_hash = $1 RETURNING id, agent")
                .bind(&self.0.as_bytes()[..])
                .fetch_optional(&mut *unit.connection)
                .await
                .or_unavailable()?;
        let Some((session, agent)) = ended else { return Ok(()) };
        let agent: AgentId = agent.parse().map_err(corrupt)?;
        let by = AuditActor::person(agent, name_of(unit, agent).await?);
        audit::record(unit, AuditEntry::new(by, "session.closed").on("session", session));
        Ok(())
    }
}

/// Ends sessions by their ids.
pub(super) struct Revoke {
    pub(super) by: AuditActor,
    pub(super) agent: AgentId,
    pub(super) session: Option<SessionId>,
}

#[async_trait]
impl Write for Revoke {
    type Output = u64;

    fn subject(&self) -> Subject {
        Subject::Agent(self.agent)
    }

    async fn write(&self, unit: &mut Unit<'_>) -> Result<u64, StoreError> {
        let name = name_of(unit, self.agent).await?;
        let ended = sqlx::query("DELETE FROM agent_sessions WHERE agent = $1 AND ($2 IS NULL OR id = $2)")
            .bind(self.agent.to_string())
            .bind(self.session.map(|session| session.to_string()))
            .execute(&mut *unit.connection)
            .await
            .or_unavailable()?
            .rows_affected();
        if ended > 0 {
            let revoked =
                about(&self.by, "sessions.revoked", self.agent, &name).with("sessions_ended", ended);
            audit::record(unit, revoked);
        }
        Ok(ended)
    }
}

/// A sign of life.
pub(in super::super) struct Heartbeat(pub(in super::super) AgentId);

#[async_trait]
impl Write for Heartbeat {
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::Agent(self.0)
    }

    async fn write(&self, unit: &mut Unit<'_>) -> Result<(), StoreError> {
        sqlx::query("UPDATE agents SET last_seen_at = $1 WHERE id = $2")
            .bind(unit.now.as_millis())
            .bind(self.0.to_string())
            .execute(&mut *unit.connection)
            .await
            .or_unavailable()?;
        Ok(())
    }
}

/// What makes a session open at the moment `now`, the parameter that is bound twice. Sessions of people who may not log
/// in are deleted when they are disabled; asking again costs nothing.
macro_rules! open_at {
    () => {
        "expires_at > $2 AND last_used_at + idle_ms > $2"
    };
}

#[derive(sqlx::FromRow)]
struct SessionRow {
    session: String,
    created_at: i64,
    last_used_at: i64,
    expires_at: i64,
    method: String,
}

impl SessionRow {
    fn read(self) -> Result<Session, StoreError> {
        Ok(Session {
            id: self.session.parse().map_err(corrupt)?,
            created_at: Timestamp::from_millis(self.created_at),
            last_used_at: Timestamp::from_millis(self.last_used_at),
            expires_at: Timestamp::from_millis(self.expires_at),
            method: self.method,
        })
    }
}

#[derive(sqlx::FromRow)]
struct OpenRow {
    #[sqlx(flatten)]
    session: SessionRow,
    #[sqlx(flatten)]
    person: PersonRow,
}

pub(super) async fn by_token(
    readers: &AnyPool,
    token: &TokenHash,
    now: Timestamp,
) -> Result<Option<(Session, Person)>, StoreError> {
    let row: Option<OpenRow> = sqlx::query_as(concat!(
        "SELECT agent_sessions.id AS session, created_at, last_used_at, expires_at, method, ",
        person_columns!(),
        " FROM agent_sessions JOIN agents ON agents.id = agent WHERE token_hash = $1 AND disabled = 0 AND ",
        open_at!()
    ))
    .bind(&token.as_bytes()[..])
    .bind(now.as_millis())
    .fetch_optional(readers)
    .await
    .or_unavailable()?;
    row.map(|row| Ok((row.session.read()?, row.person.read()?))).transpose()
}

pub(super) async fn open(
    readers: &AnyPool,
    agent: AgentId,
    now: Timestamp,
) -> Result<Vec<Session>, StoreError> {
    let rows: Vec<SessionRow> = sqlx::query_as(concat!(
        "SELECT id AS session, created_at, last_used_at, expires_at, method FROM agent_sessions \
         WHERE agent = $1 AND ",
        open_at!(),
        " ORDER BY created_at DESC, id"
    ))
    .bind(agent.to_string())
    .bind(now.as_millis())
    .fetch_all(readers)
    .await
    .or_unavailable()?;
    rows.into_iter().map(SessionRow::read).collect()
}
