//! Agents, their logins and signs of life.

use async_trait::async_trait;
use conversation::{
    Agent, AgentCredentials, AgentId, AuditActor, AuditEntry, LockoutPolicy, NewSession, StoreError,
    Timestamp, TokenHash,
};
use sqlx::sqlite::SqlitePool;

use super::append::corrupt;
use super::audit;
use super::unavailable;
use super::writer::{OrUnavailable as _, Unit, Write};

/// Adds an agent.
pub(super) struct Add {
    pub(super) agent: Agent,
    pub(super) password_hash: String,
}

#[async_trait]
impl Write for Add {
    type Output = ();

    async fn write(&self, unit: &mut Unit<'_>) -> Result<(), StoreError> {
        let languages = serde_json::to_string(&self.agent.languages).map_err(corrupt)?;
        sqlx::query(
            "INSERT INTO agents (id, name, display_name, languages, roles, password_hash, last_seen_at) \
             VALUES (?1, ?2, ?2, ?3, '[\"agent\"]', ?4, ?5)",
        )
        .bind(self.agent.id.to_string())
        .bind(&self.agent.name)
        .bind(languages)
        .bind(&self.password_hash)
        .bind(unit.now.as_millis())
        .execute(&mut *unit.connection)
        .await
        .map_err(|error| match &error {
            sqlx::Error::Database(database) if database.is_unique_violation() => StoreError::NameTaken,
            _ => unavailable(error),
        })?;
        Ok(())
    }
}

/// Replaces a password and ends the sessions that the old one opened.
pub(super) struct SetPassword {
    pub(super) agent: AgentId,
    pub(super) password_hash: String,
}

#[async_trait]
impl Write for SetPassword {
    type Output = ();

    async fn write(&self, unit: &mut Unit<'_>) -> Result<(), StoreError> {
        let changed = sqlx::query(
            "UPDATE agents SET password_hash = ?, failed_logins = 0, locked_until = NULL WHERE id = ?",
        )
        .bind(&self.password_hash)
        .bind(self.agent.to_string())
        .execute(&mut *unit.connection)
        .await
        .or_unavailable()?;
        if changed.rows_affected() == 0 {
            return Err(StoreError::NotFound("agent"));
        }
        sqlx::query("DELETE FROM agent_sessions WHERE agent = ?")
            .bind(self.agent.to_string())
            .execute(&mut *unit.connection)
            .await
            .or_unavailable()?;
        Ok(())
    }
}

/// Counts a failed login.
pub(super) struct LoginFailed {
    pub(super) agent: AgentId,
    pub(super) policy: LockoutPolicy,
}

#[async_trait]
impl Write for LoginFailed {
    type Output = Option<Timestamp>;

    async fn write(&self, unit: &mut Unit<'_>) -> Result<Option<Timestamp>, StoreError> {
        let (failures, locked_until, name): (u32, Option<i64>, String) = sqlx::query_as(
            "UPDATE agents SET failed_logins = failed_logins + 1 WHERE id = ? \
             RETURNING failed_logins, locked_until, name",
        )
        .bind(self.agent.to_string())
        .fetch_optional(&mut *unit.connection)
        .await
        .or_unavailable()?
        .ok_or(StoreError::NotFound("agent"))?;
        let locks = failures >= self.policy.failures;
        let action = if locks { "login.locked" } else { "login.failed" };
        let failed = AuditEntry::new(AuditActor::System, action).on("person", self.agent).with("name", name);
        audit::record(unit, &failed.with("failures", failures)).await?;
        if !locks {
            return Ok(locked_until.map(Timestamp::from_millis).filter(|until| *until > unit.now));
        }
        let until = unit.now.plus(self.policy.lock_for);
        sqlx::query("UPDATE agents SET failed_logins = 0, locked_until = ? WHERE id = ?")
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
    type Output = ();

    async fn write(&self, unit: &mut Unit<'_>) -> Result<(), StoreError> {
        let name: String = sqlx::query_scalar(
            "UPDATE agents SET failed_logins = 0, locked_until = NULL, last_seen_at = ? WHERE id = ? RETURNING name",
        )
        .bind(unit.now.as_millis())
        .bind(self.0.agent.to_string())
        .fetch_optional(&mut *unit.connection)
        .await
        .or_unavailable()?
        .ok_or(StoreError::NotFound("agent"))?;
        let opened = AuditEntry::new(AuditActor::person(self.0.agent, name), "session.opened");
        audit::record(unit, &opened.on("person", self.0.agent)).await?;
        sqlx::query(
            "INSERT INTO agent_sessions \
             (token_hash, id, agent, created_at, last_used_at, idle_ms, expires_at, method) \
             VALUES (?1, lower(hex(randomblob(16))), ?2, ?3, ?3, ?4 - ?3, ?4, 'password')",
        )
        .bind(&self.0.token.as_bytes()[..])
        .bind(self.0.agent.to_string())
        .bind(unit.now.as_millis())
        .bind(self.0.expires_at.as_millis())
        .execute(&mut *unit.connection)
        .await
        .or_unavailable()?;
        Ok(())
    }
}

/// Ends a session.
pub(super) struct Logout(pub(super) TokenHash);

#[async_trait]
impl Write for Logout {
    type Output = ();

    async fn write(&self, unit: &mut Unit<'_>) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM agent_sessions WHERE token_hash = ?")
            .bind(&self.0.as_bytes()[..])
            .execute(&mut *unit.connection)
            .await
            .or_unavailable()?;
        Ok(())
    }
}

/// A sign of life.
pub(super) struct Heartbeat(pub(super) AgentId);

#[async_trait]
impl Write for Heartbeat {
    type Output = ();

    async fn write(&self, unit: &mut Unit<'_>) -> Result<(), StoreError> {
        sqlx::query("UPDATE agents SET last_seen_at = ? WHERE id = ?")
            .bind(unit.now.as_millis())
            .bind(self.0.to_string())
            .execute(&mut *unit.connection)
            .await
            .or_unavailable()?;
        Ok(())
    }
}

pub(super) async fn all(readers: &SqlitePool) -> Result<Vec<Agent>, StoreError> {
    let rows: Vec<(String, String, String)> =
        sqlx::query_as("SELECT id, name, languages FROM agents ORDER BY name")
            .fetch_all(readers)
            .await
            .or_unavailable()?;
    rows.into_iter().map(|(id, name, languages)| agent(&id, name, &languages)).collect()
}

pub(super) async fn credentials(
    readers: &SqlitePool,
    name: &str,
) -> Result<Option<AgentCredentials>, StoreError> {
    type Row = (String, String, String, String, u32, Option<i64>);
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, name, languages, password_hash, failed_logins, locked_until FROM agents WHERE name = ?",
    )
    .bind(name)
    .fetch_optional(readers)
    .await
    .or_unavailable()?;
    row.map(|(id, name, languages, password_hash, failed_logins, locked_until)| {
        Ok(AgentCredentials {
            agent: agent(&id, name, &languages)?,
            password_hash,
            failed_logins,
            locked_until: locked_until.map(Timestamp::from_millis),
        })
    })
    .transpose()
}

pub(super) async fn by_session(
    readers: &SqlitePool,
    token: &TokenHash,
    now: Timestamp,
) -> Result<Option<Agent>, StoreError> {
    let row: Option<(String, String, String)> = sqlx::query_as(
        "SELECT agents.id, name, languages FROM agents JOIN agent_sessions ON agent = agents.id \
         WHERE token_hash = ? AND expires_at > ?",
    )
    .bind(&token.as_bytes()[..])
    .bind(now.as_millis())
    .fetch_optional(readers)
    .await
    .or_unavailable()?;
    row.map(|(id, name, languages)| agent(&id, name, &languages)).transpose()
}

fn agent(id: &str, name: String, languages: &str) -> Result<Agent, StoreError> {
    Ok(Agent {
        id: id.parse().map_err(corrupt)?,
        name,
        languages: serde_json::from_str(languages).map_err(corrupt)?,
    })
}
