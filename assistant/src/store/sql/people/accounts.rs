//! Accounts: made, changed, given a password.

use std::fmt::Display;

use async_trait::async_trait;
use conversation::audit::AuditActor;
use conversation::{AgentId, NewPassword, NewPerson, Person, PersonChange, StoreError};
use serde::Serialize;
use serde_json::Value;

use super::super::append::corrupt;
use super::super::writer::{OrUnavailable as _, Subject, Unit, Write};
use super::super::{audit, unavailable};
use super::{about, end_sessions, name_of, rows};

/// Makes an account.
pub(super) struct Add {
    pub(super) by: AuditActor,
    pub(super) new: NewPerson,
}

#[async_trait]
impl Write for Add {
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::Agent(self.new.id)
    }

    async fn write(&self, unit: &mut Unit<'_>) -> Result<(), StoreError> {
        let new = &self.new;
        sqlx::query(
            "INSERT INTO agents (id, name, display_name, languages, roles, skills, capacity, password_hash, \
             must_change_password, oidc_issuer, oidc_subject, last_seen_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind(new.id.to_string())
        .bind(&new.name)
        .bind(&new.display_name)
        .bind(json(&new.languages)?)
        .bind(json(&new.roles)?)
        .bind(json(&new.skills)?)
        .bind(i64::from(new.capacity))
        .bind(new.password.as_ref().map(|password| password.hash.clone()))
        .bind(flag(new.password.as_ref().is_some_and(|password| password.must_change)))
        .bind(new.external.as_ref().map(|external| external.issuer.clone()))
        .bind(new.external.as_ref().map(|external| external.subject.clone()))
        .bind(unit.now.as_millis())
        .execute(&mut *unit.connection)
        .await
        .map_err(|error| match &error {
            sqlx::Error::Database(database) if database.is_unique_violation() => StoreError::NameTaken,
            _ => unavailable(error),
        })?;
        let added = about(&self.by, "person.added", new.id, &new.name).with("roles", value(&new.roles)?);
        let added = match &new.external {
            Some(external) => added.with("issuer", external.issuer.clone()),
            None => added,
        };
        audit::record(unit, added);
        Ok(())
    }
}

/// Changes an account.
pub(super) struct Change {
    pub(super) by: AuditActor,
    pub(super) id: AgentId,
    pub(super) to: PersonChange,
}

#[async_trait]
impl Write for Change {
    type Output = Person;

    fn subject(&self) -> Subject {
        Subject::Agent(self.id)
    }

    async fn write(&self, unit: &mut Unit<'_>) -> Result<Person, StoreError> {
        let before = rows::person(unit.connection, self.id).await?.ok_or(StoreError::NotFound("agent"))?;
        let (field, was, is) = self.values(&before)?;
        if was == is {
            return Ok(before);
        }
        self.update(unit).await?;
        let action = match &self.to {
            PersonChange::Roles(_) => "person.roles_changed",
            PersonChange::Disabled(true) => "person.disabled",
            PersonChange::Disabled(false) => "person.enabled",
            _ => "person.changed",
        };
        let mut changed = about(&self.by, action, self.id, &before.name);
        if !matches!(self.to, PersonChange::Disabled(_)) {
            changed = changed.with("field", field).with("was", was).with("is", is);
        }
        if matches!(self.to, PersonChange::Roles(_) | PersonChange::Disabled(_)) {
            changed = changed.with("sessions_ended", end_sessions(unit, self.id).await?);
        }
        audit::record(unit, changed);
        rows::person(unit.connection, self.id).await?.ok_or(StoreError::NotFound("agent"))
    }
}

impl Change {
    /// Which field is changed, what it was and what it will be.
    fn values(&self, before: &Person) -> Result<(&'static str, Value, Value), StoreError> {
        Ok(match &self.to {
            PersonChange::Roles(roles) => ("roles", value(&before.roles)?, value(roles)?),
            PersonChange::Disabled(disabled) => ("disabled", before.disabled.into(), (*disabled).into()),
            PersonChange::DisplayName(name) => {
                ("display_name", before.display_name.clone().into(), name.clone().into())
            }
            PersonChange::Languages(languages) => ("languages", value(&before.languages)?, value(languages)?),
            PersonChange::Skills(skills) => ("skills", value(&before.skills)?, value(skills)?),
            PersonChange::Capacity(capacity) => ("capacity", before.capacity.into(), (*capacity).into()),
        })
    }

    async fn update(&self, unit: &mut Unit<'_>) -> Result<(), StoreError> {
        let query = match &self.to {
            PersonChange::Roles(roles) => {
                sqlx::query("UPDATE agents SET roles = $1 WHERE id = $2").bind(json(roles)?)
            }
            PersonChange::Disabled(disabled) => {
                sqlx::query("UPDATE agents SET disabled = $1 WHERE id = $2").bind(flag(*disabled))
            }
            PersonChange::DisplayName(name) => {
                sqlx::query("UPDATE agents SET display_name = $1 WHERE id = $2").bind(name.clone())
            }
            PersonChange::Languages(languages) => {
                sqlx::query("UPDATE agents SET languages = $1 WHERE id = $2").bind(json(languages)?)
            }
            PersonChange::Skills(skills) => {
                sqlx::query("UPDATE agents SET skills = $1 WHERE id = $2").bind(json(skills)?)
            }
            PersonChange::Capacity(capacity) => {
                sqlx::query("UPDATE agents SET capacity = $1 WHERE id = $2").bind(i64::from(*capacity))
            }
        };
        query.bind(self.id.to_string()).execute(&mut *unit.connection).await.or_unavailable()?;
        Ok(())
    }
}

/// Replaces a password and ends the sessions that the old one opened.
pub(super) struct SetPassword {
    pub(super) by: AuditActor,
    pub(super) id: AgentId,
    pub(super) password: NewPassword,
}

#[async_trait]
impl Write for SetPassword {
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::Agent(self.id)
    }

    async fn write(&self, unit: &mut Unit<'_>) -> Result<(), StoreError> {
        let name = name_of(unit, self.id).await?;
        sqlx::query(
            "UPDATE agents SET password_hash = $1, must_change_password = $2, failed_logins = 0, \
             locked_until = NULL WHERE id = $3",
        )
        .bind(&self.password.hash)
        .bind(flag(self.password.must_change))
        .bind(self.id.to_string())
        .execute(&mut *unit.connection)
        .await
        .or_unavailable()?;
        let own = matches!(&self.by, AuditActor::Person { id, .. } if *id == self.id);
        let action = if own { "password.changed" } else { "password.reset" };
        let ended = end_sessions(unit, self.id).await?;
        audit::record(unit, about(&self.by, action, self.id, &name).with("sessions_ended", ended));
        Ok(())
    }
}

/// The databases know truth as 1 and 0.
fn flag(value: bool) -> i64 {
    i64::from(value)
}

fn json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(cannot)
}

fn value(value: &impl Serialize) -> Result<Value, StoreError> {
    serde_json::to_value(value).map_err(cannot)
}

fn cannot(error: impl Display) -> StoreError {
    corrupt(format!("an account cannot be written: {error}"))
}
