//! What happens because nothing happened: lost agents, idle conversations, retention.

use async_trait::async_trait;
use conversation::audit::{AuditActor, AuditEntry};
use conversation::{
    Append, ClosedBy, ConversationId, Erasure, HandoffCommand, NodeSignal, StoreError, Timestamp,
};

use super::append::corrupt;
use super::erase::erase;
use super::link::taking;
use super::writer::{OrUnavailable as _, Unit, Write};
use super::{audit, handoff};

/// Conversations that one sweep touches at most, so that it never holds other writers up for long.
const PER_SWEEP: i64 = 200;

/// Gives back what lost agents have.
pub(super) struct ReleaseLost {
    pub(super) silent_since: Timestamp,
}

#[async_trait]
impl Write for ReleaseLost {
    type Output = Vec<ConversationId>;

    async fn write(&self, unit: &mut Unit<'_>) -> Result<Vec<ConversationId>, StoreError> {
        let sql = taking!(
            unit.connection,
            "SELECT conversations.id, holder FROM conversations JOIN agents ON agents.id = holder \
             WHERE last_seen_at <= $1 AND status = 'assigned' ORDER BY queue_rank, queue_number LIMIT $2",
            "FOR UPDATE OF conversations SKIP LOCKED"
        );
        let held: Vec<(String, String)> = sqlx::query_as(sql)
            .bind(self.silent_since.as_millis())
            .bind(PER_SWEEP)
            .fetch_all(&mut *unit.connection)
            .await
            .or_unavailable()?;
        let mut released = Vec::with_capacity(held.len());
        for (conversation, holder) in held {
            let conversation = conversation.parse().map_err(corrupt)?;
            let agent = holder.parse().map_err(corrupt)?;
            Append::to(conversation).then(HandoffCommand::Lost { agent }).write(unit).await?;
            released.push(conversation);
        }
        Ok(released)
    }
}

/// Closes what has been quiet for long.
pub(super) struct CloseIdle {
    pub(super) quiet_since: Timestamp,
}

#[async_trait]
impl Write for CloseIdle {
    type Output = Vec<ConversationId>;

    async fn write(&self, unit: &mut Unit<'_>) -> Result<Vec<ConversationId>, StoreError> {
        let sql = taking!(
            unit.connection,
            "SELECT id FROM conversations WHERE status = 'bot' AND last_at <= $1 ORDER BY last_at LIMIT $2",
            "FOR UPDATE SKIP LOCKED"
        );
        let quiet: Vec<String> = sqlx::query_scalar(sql)
            .bind(self.quiet_since.as_millis())
            .bind(PER_SWEEP)
            .fetch_all(&mut *unit.connection)
            .await
            .or_unavailable()?;
        let mut closed = Vec::with_capacity(quiet.len());
        for conversation in quiet {
            let conversation = conversation.parse().map_err(corrupt)?;
            let close = HandoffCommand::Close { by: ClosedBy::Idle };
            Append::to(conversation).then(close).write(unit).await?;
            closed.push(conversation);
        }
        handoff::forget_old_handling_times(unit.connection).await?;
        Ok(closed)
    }
}

/// Erases what was closed long ago, and deletes sessions that have ended.
pub(super) struct DeleteClosed {
    pub(super) before: Timestamp,
}

#[async_trait]
impl Write for DeleteClosed {
    type Output = u64;

    async fn write(&self, unit: &mut Unit<'_>) -> Result<u64, StoreError> {
        let sql = taking!(
            unit.connection,
            "SELECT id FROM conversations WHERE status = 'closed' AND last_at < $1 ORDER BY last_at LIMIT $2",
            "FOR UPDATE SKIP LOCKED"
        );
        let old: Vec<String> = sqlx::query_scalar(sql)
            .bind(self.before.as_millis())
            .bind(PER_SWEEP)
            .fetch_all(&mut *unit.connection)
            .await
            .or_unavailable()?;
        let mut erased = 0;
        for conversation in old {
            let conversation = conversation.parse().map_err(corrupt)?;
            let why = "its time was over".to_owned();
            erased += u64::from(erase(unit, &Erasure { conversation, by: AuditActor::System, why }).await?);
        }
        if erased > 0 {
            let entry = AuditEntry::new(AuditActor::System, "retention.erased").with("conversations", erased);
            audit::record(unit, entry);
        }
        sqlx::query("DELETE FROM agent_sessions WHERE expires_at <= $1")
            .bind(unit.now.as_millis())
            .execute(&mut *unit.connection)
            .await
            .or_unavailable()?;
        Ok(erased)
    }
}

/// Leaves other nodes a word.
pub(super) struct Tell(pub(super) NodeSignal);

#[async_trait]
impl Write for Tell {
    type Output = ();

    async fn write(&self, unit: &mut Unit<'_>) -> Result<(), StoreError> {
        unit.news.signals.push(self.0.clone());
        Ok(())
    }
}

/// Proves that the writer works: a transaction that changes nothing.
pub(super) struct Nothing;

#[async_trait]
impl Write for Nothing {
    type Output = ();

    async fn write(&self, _unit: &mut Unit<'_>) -> Result<(), StoreError> {
        Ok(())
    }
}
