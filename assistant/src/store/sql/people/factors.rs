//! Second factors and the recovery codes that stand in for them.

use async_trait::async_trait;
use conversation::audit::AuditActor;
use conversation::{AgentId, StoreError};

use super::super::append::corrupt;
use super::super::writer::{OrUnavailable as _, Subject, Unit, Write};
use super::super::{audit, keys};
use super::{about, end_sessions, name_of};

/// Keeps a secret that is not asked for yet.
pub(super) struct Begin {
    pub(super) id: AgentId,
    pub(super) secret: Vec<u8>,
}

#[async_trait]
impl Write for Begin {
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::Agent(self.id)
    }

    async fn write(&self, unit: &mut Unit<'_>) -> Result<(), StoreError> {
        let master = keys::current_master(unit.connection).await?;
        let sealed = unit.vault.seal_secret(self.id, &master, &self.secret)?;
        let kept = sqlx::query("UPDATE agents SET totp_secret = $1 WHERE id = $2 AND totp_confirmed = 0")
            .bind(sealed)
            .bind(self.id.to_string())
            .execute(&mut *unit.connection)
            .await
            .or_unavailable()?;
        found(kept.rows_affected())
    }
}

/// From now on the second factor is asked for.
pub(super) struct Confirm {
    pub(super) id: AgentId,
    pub(super) step: u64,
    pub(super) recovery: Vec<[u8; 32]>,
}

#[async_trait]
impl Write for Confirm {
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::Agent(self.id)
    }

    async fn write(&self, unit: &mut Unit<'_>) -> Result<(), StoreError> {
        let confirmed = sqlx::query(
            "UPDATE agents SET totp_confirmed = 1, totp_last_step = $1 \
             WHERE id = $2 AND totp_confirmed = 0 AND totp_secret IS NOT NULL",
        )
        .bind(self.step.cast_signed())
        .bind(self.id.to_string())
        .execute(&mut *unit.connection)
        .await
        .or_unavailable()?;
        found(confirmed.rows_affected())?;
        forget_recovery_codes(unit, self.id).await?;
        for code in &self.recovery {
            sqlx::query("INSERT INTO recovery_codes (agent, hash) VALUES ($1, $2)")
                .bind(self.id.to_string())
                .bind(&code[..])
                .execute(&mut *unit.connection)
                .await
                .or_unavailable()?;
        }
        let name = name_of(unit, self.id).await?;
        let by = AuditActor::person(self.id, name.clone());
        audit::record(unit, about(&by, "totp.enrolled", self.id, &name));
        Ok(())
    }
}

/// Takes the second factor away.
pub(super) struct Remove {
    pub(super) by: AuditActor,
    pub(super) id: AgentId,
}

#[async_trait]
impl Write for Remove {
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::Agent(self.id)
    }

    async fn write(&self, unit: &mut Unit<'_>) -> Result<(), StoreError> {
        let name = name_of(unit, self.id).await?;
        // The last step stays: a code that was used before cannot be used after enrolling the same secret again.
        sqlx::query("UPDATE agents SET totp_secret = NULL, totp_confirmed = 0 WHERE id = $1")
            .bind(self.id.to_string())
            .execute(&mut *unit.connection)
            .await
            .or_unavailable()?;
        forget_recovery_codes(unit, self.id).await?;
        let ended = end_sessions(unit, self.id).await?;
        audit::record(unit, about(&self.by, "totp.removed", self.id, &name).with("sessions_ended", ended));
        Ok(())
    }
}

async fn forget_recovery_codes(unit: &mut Unit<'_>, id: AgentId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM recovery_codes WHERE agent = $1")
        .bind(id.to_string())
        .execute(&mut *unit.connection)
        .await
        .or_unavailable()?;
    Ok(())
}

fn found(rows: u64) -> Result<(), StoreError> {
    if rows == 0 { Err(StoreError::NotFound("second factor to set up")) } else { Ok(()) }
}

/// Seals all secrets anew that another master key sealed; tells how many. In one transaction: there are as many as people.
pub(in super::super) struct ResealSecrets;

#[async_trait]
impl Write for ResealSecrets {
    type Output = u64;

    async fn write(&self, unit: &mut Unit<'_>) -> Result<u64, StoreError> {
        let master = keys::current_master(unit.connection).await?;
        let rows: Vec<(String, Vec<u8>)> =
            sqlx::query_as("SELECT id, totp_secret FROM agents WHERE totp_secret IS NOT NULL")
                .fetch_all(&mut *unit.connection)
                .await
                .or_unavailable()?;
        let mut resealed = 0;
        for (id, sealed) in rows {
            let account: AgentId = id.parse().map_err(corrupt)?;
            let Some(moved) = unit.vault.reseal_secret(account, &sealed, &master)? else { continue };
            sqlx::query("UPDATE agents SET totp_secret = $1 WHERE id = $2")
                .bind(moved)
                .bind(id)
                .execute(&mut *unit.connection)
                .await
                .or_unavailable()?;
            resealed += 1;
        }
        Ok(resealed)
    }
}
