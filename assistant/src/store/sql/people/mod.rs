//! People: their accounts ([`accounts`]), second factors ([`factors`]) and sessions ([`sessions`]). Every change writes its
//! audit record in the same savepoint.

mod accounts;
mod factors;
mod rows;
mod sessions;

use async_trait::async_trait;
use conversation::audit::{AuditActor, AuditEntry};
use conversation::{
    AgentId, Credentials, ExternalId, LockoutPolicy, NewPassword, NewPerson, NewSession, People, Person,
    PersonChange, Session, SessionId, StoreError, Timestamp, TokenHash,
};

use super::SqlStore;
use super::writer::{OrUnavailable as _, Unit};

pub(super) use factors::ResealSecrets;
pub(super) use sessions::Heartbeat;

#[async_trait]
impl People for SqlStore {
    async fn add_person(&self, by: AuditActor, new: NewPerson) -> Result<(), StoreError> {
        self.writer.run(accounts::Add { by, new }).await
    }

    async fn people(&self) -> Result<Vec<Person>, StoreError> {
        rows::all(&self.readers).await
    }

    async fn person(&self, id: AgentId) -> Result<Option<Person>, StoreError> {
        rows::person(&mut *self.reader().await?, id).await
    }

    async fn external_person(&self, external: &ExternalId) -> Result<Option<Person>, StoreError> {
        rows::external(&self.readers, external).await
    }

    async fn change_person(
        &self,
        by: AuditActor,
        id: AgentId,
        change: PersonChange,
    ) -> Result<Person, StoreError> {
        self.writer.run(accounts::Change { by, id, to: change }).await
    }

    async fn set_password(
        &self,
        by: AuditActor,
        id: AgentId,
        password: NewPassword,
    ) -> Result<(), StoreError> {
        self.writer.run(accounts::SetPassword { by, id, password }).await
    }

    async fn begin_totp(&self, id: AgentId, secret: Vec<u8>) -> Result<(), StoreError> {
        self.writer.run(factors::Begin { id, secret }).await
    }

    async fn confirm_totp(&self, id: AgentId, step: u64, recovery: Vec<[u8; 32]>) -> Result<(), StoreError> {
        self.writer.run(factors::Confirm { id, step, recovery }).await
    }

    async fn remove_totp(&self, by: AuditActor, id: AgentId) -> Result<(), StoreError> {
        self.writer.run(factors::Remove { by, id }).await
    }

    async fn credentials(&self, name: &str) -> Result<Option<Credentials>, StoreError> {
        rows::credentials(&self.readers, &self.common.vault, name).await
    }

    async fn login_failed(
        &self,
        agent: AgentId,
        policy: LockoutPolicy,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.writer.run(sessions::LoginFailed { agent, policy }).await
    }

    async fn login(&self, session: NewSession) -> Result<bool, StoreError> {
        self.writer.run(sessions::Login(session)).await
    }

    async fn session(&self, token: &TokenHash) -> Result<Option<(Session, Person)>, StoreError> {
        sessions::by_token(&self.readers, token, self.common.clock.now()).await
    }

    async fn use_session(&self, token: &TokenHash) -> Result<(), StoreError> {
        self.writer.run(sessions::Use(*token)).await
    }

    async fn logout(&self, token: &TokenHash) -> Result<(), StoreError> {
        self.writer.run(sessions::Logout(*token)).await
    }

    async fn sessions(&self, agent: AgentId) -> Result<Vec<Session>, StoreError> {
        sessions::open(&self.readers, agent, self.common.clock.now()).await
    }

    async fn revoke_sessions(
        &self,
        by: AuditActor,
        agent: AgentId,
        session: Option<SessionId>,
    ) -> Result<u64, StoreError> {
        self.writer.run(sessions::Revoke { by, agent, session }).await
    }
}

/// Records that `by` did `action` to the account `id`, whose name is `name`.
fn about(by: &AuditActor, action: &'static str, id: AgentId, name: &str) -> AuditEntry {
    AuditEntry::new(by.clone(), action).on("person", id).with("name", name)
}

/// The login name of an account.
async fn name_of(unit: &mut Unit<'_>, id: AgentId) -> Result<String, StoreError> {
    sqlx::query_scalar("SELECT name FROM agents WHERE id = $1")
        .bind(id.to_string())
        .fetch_optional(&mut *unit.connection)
        .await
        .or_unavailable()?
        .ok_or(StoreError::NotFound("agent"))
}

/// Ends all sessions of an account; what opened them does not hold any more.
async fn end_sessions(unit: &mut Unit<'_>, id: AgentId) -> Result<u64, StoreError> {
    let ended = sqlx::query("DELETE FROM agent_sessions WHERE agent = $1")
        .bind(id.to_string())
        .execute(&mut *unit.connection)
        .await
        .or_unavailable()?;
    Ok(ended.rows_affected())
}
