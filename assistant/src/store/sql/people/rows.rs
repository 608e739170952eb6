//! Rows of accounts, read.

use conversation::{
    AgentId, Credentials, ExternalId, NewPassword, Person, StoreError, StoredTotp, Timestamp,
};
use sqlx::{AnyConnection, AnyPool};

use super::super::append::corrupt;
use super::super::writer::OrUnavailable as _;
use crate::vault::Vault;

/// Everything but secrets: what [`PersonRow`] is made of, in any query over `agents`.
macro_rules! person_columns {
    () => {
        "agents.id AS person, name, display_name, languages, roles, skills, capacity, disabled, \
         must_change_password, CASE WHEN password_hash IS NULL THEN 0 ELSE 1 END AS has_password, totp_confirmed, oidc_issuer, oidc_subject"
    };
}
pub(super) use person_columns;

#[derive(sqlx::FromRow)]
pub(super) struct PersonRow {
    person: String,
    name: String,
    display_name: String,
    languages: String,
    roles: String,
    skills: String,
    capacity: i64,
    disabled: i64,
    must_change_password: i64,
    has_password: i64,
    totp_confirmed: i64,
    oidc_issuer: Option<String>,
    oidc_subject: Option<String>,
}

impl PersonRow {
    pub(super) fn read(self) -> Result<Person, StoreError> {
        let external = self.oidc_issuer.zip(self.oidc_subject);
        Ok(Person {
            id: self.person.parse().map_err(corrupt)?,
            name: self.name,
            display_name: self.display_name,
            languages: serde_json::from_str(&self.languages).map_err(corrupt)?,
            roles: serde_json::from_str(&self.roles).map_err(corrupt)?,
            skills: serde_json::from_str(&self.skills).map_err(corrupt)?,
            capacity: u32::try_from(self.capacity).map_err(corrupt)?,
            disabled: self.disabled != 0,
            must_change_password: self.must_change_password != 0,
            has_password: self.has_password != 0,
            has_totp: self.totp_confirmed != 0,
            external: external.map(|(issuer, subject)| ExternalId { issuer, subject }),
        })
    }
}

pub(super) async fn all(readers: &AnyPool) -> Result<Vec<Person>, StoreError> {
    let rows: Vec<PersonRow> =
        sqlx::query_as(concat!("SELECT ", person_columns!(), " FROM agents ORDER BY name"))
            .fetch_all(readers)
            .await
            .or_unavailable()?;
    rows.into_iter().map(PersonRow::read).collect()
}

pub(super) async fn person(
    connection: &mut AnyConnection,
    id: AgentId,
) -> Result<Option<Person>, StoreError> {
    let row: Option<PersonRow> =
        sqlx::query_as(concat!("SELECT ", person_columns!(), " FROM agents WHERE id = $1"))
            .bind(id.to_string())
            .fetch_optional(connection)
            .await
            .or_unavailable()?;
    row.map(PersonRow::read).transpose()
}

pub(super) async fn external(readers: &AnyPool, external: &ExternalId) -> Result<Option<Person>, StoreError> {
    let row: Option<PersonRow> = sqlx::query_as(concat!(
        "SELECT ",
        person_columns!(),
        " FROM agents WHERE oidc_issuer = $1 AND oidc_subject = $2"
    ))
    .bind(&external.issuer)
    .bind(&external.subject)
    .fetch_optional(readers)
    .await
    .or_unavailable()?;
    row.map(PersonRow::read).transpose()
}

#[derive(sqlx::FromRow)]
struct CredentialsRow {
    #[sqlx(flatten)]
    person: PersonRow,
    password_hash: Option<String>,
    totp_secret: Option<Vec<u8>>,
    totp_last_step: i64,
    failed_logins: i64,
    locked_until: Option<i64>,
}

pub(super) async fn credentials(
    readers: &AnyPool,
    vault: &Vault,
    name: &str,
) -> Result<Option<Credentials>, StoreError> {
    let row: Option<CredentialsRow> = sqlx::query_as(concat!(
        "SELECT ",
        person_columns!(),
        ", password_hash, totp_secret, totp_last_step, failed_logins, locked_until FROM agents WHERE name = $1"
    ))
    .bind(name)
    .fetch_optional(readers)
    .await
    .or_unavailable()?;
    row.map(|row| {
        let person = row.person.read()?;
        let must_change = person.must_change_password;
        let open = |sealed: Vec<u8>| vault.open_secret(person.id, &sealed);
        let secret = row.totp_secret.map(open).transpose()?;
        Ok(Credentials {
            password: row.password_hash.map(|hash| NewPassword { hash, must_change }),
            totp: secret.map(|secret| StoredTotp {
                secret: secret.to_vec(),
                confirmed: person.has_totp,
                last_step: row.totp_last_step.cast_unsigned(),
            }),
            failed_logins: u32::try_from(row.failed_logins).map_err(corrupt)?,
            locked_until: row.locked_until.map(Timestamp::from_millis),
            person,
        })
    })
    .transpose()
}
