//! `/v1/desk/people`: managing accounts, for those who may.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::NoContent;
use conversation::{AgentId, LanguageCode, NewPassword, NewPerson, Person, PersonChange, Role, Session};
use language::Language;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::people::admins;

use super::session::{Body, Changing, LoggedIn};
use super::{DeskError, DeskState, password};

/// The longest name, in characters.
const MAX_NAME_CHARACTERS: usize = 64;

/// An account in a list.
#[derive(Serialize, JsonSchema)]
#[expect(clippy::struct_excessive_bools, reason = "as in Person")]
#[schemars(rename = "Person")]
pub(super) struct Listed {
    id: AgentId,
    name: String,
    display_name: String,
    #[schemars(with = "Vec<LanguageCode>")]
    languages: Vec<Language>,
    roles: BTreeSet<Role>,
    skills: Vec<String>,
    capacity: u32,
    disabled: bool,
    has_password: bool,
    has_totp: bool,
    must_change_password: bool,
    /// The identity provider that knows them.
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
}

impl From<Person> for Listed {
    fn from(person: Person) -> Self {
        Self {
            id: person.id,
            name: person.name,
            display_name: person.display_name,
            languages: person.languages,
            roles: person.roles,
            skills: person.skills,
            capacity: person.capacity,
            disabled: person.disabled,
            has_password: person.has_password,
            has_totp: person.has_totp,
            must_change_password: person.must_change_password,
            issuer: person.external.map(|external| external.issuer),
        }
    }
}

/// All accounts.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "People")]
pub(super) struct Accounts {
    people: Vec<Listed>,
}

/// A new account.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NewPerson")]
pub(super) struct Made {
    person: Listed,
    /// Told once; to be changed at the first login.
    password: String,
}

/// An account as it is now.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ChangedPerson")]
pub(super) struct Changed {
    person: Listed,
}

/// A new password.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NewPassword")]
pub(super) struct Fresh {
    /// Told once; to be changed at the next login.
    password: String,
}

/// Somebody's open sessions, the newest first.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Sessions")]
pub(super) struct Open {
    sessions: Vec<Session>,
}

/// Sessions were ended.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EndedSessions")]
pub(super) struct Ended {
    /// So many.
    ended: u64,
}

pub(super) async fn list(
    State(state): State<DeskState>,
    _logged_in: LoggedIn,
) -> Result<Json<Accounts>, DeskError> {
    let people: Vec<Listed> = state.store.people().await?.into_iter().map(Listed::from).collect();
    Ok(Json(Accounts { people }))
}

/// An account that shall be.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "WantedPerson")]
pub(super) struct Wanted {
    name: String,
    display_name: Option<String>,
    #[schemars(with = "Vec<LanguageCode>")]
    languages: Vec<Language>,
    roles: BTreeSet<Role>,
    #[serde(default)]
    skills: Vec<String>,
    capacity: Option<u32>,
}

/// Makes an account with a random password, which is told once and must be changed at the first login.
pub(super) async fn add(
    State(state): State<DeskState>,
    Changing(logged_in): Changing,
    Body(wanted): Body<Wanted>,
) -> Result<Json<Made>, DeskError> {
    let name = named(&wanted.name)?;
    let mut new = NewPerson::new(name, wanted.languages, wanted.roles);
    if let Some(display_name) = &wanted.display_name {
        new.display_name = named(display_name)?;
    }
    new.skills = wanted.skills;
    new.capacity = wanted.capacity.unwrap_or(NewPerson::CAPACITY);
    let (password, kept) = fresh_password().await?;
    new.password = Some(kept);
    let id = new.id;
    state.store.add_person(logged_in.person.actor(), new).await?;
    let person = Listed::from(state.store.person(id).await?.ok_or(DeskError::NotFound("agent"))?);
    Ok(Json(Made { person, password }))
}

/// What shall be different; what is left out stays.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PersonChanges")]
pub(super) struct Changes {
    display_name: Option<String>,
    #[schemars(with = "Option<Vec<LanguageCode>>")]
    languages: Option<Vec<Language>>,
    roles: Option<BTreeSet<Role>>,
    skills: Option<Vec<String>>,
    capacity: Option<u32>,
    disabled: Option<bool>,
}

impl Changes {
    fn list(self) -> Result<Vec<PersonChange>, DeskError> {
        let display_name = self.display_name.map(|name| named(&name)).transpose()?;
        let changes = [
            display_name.map(PersonChange::DisplayName),
            self.languages.map(PersonChange::Languages),
            self.skills.map(PersonChange::Skills),
            self.capacity.map(PersonChange::Capacity),
            self.roles.map(PersonChange::Roles),
            self.disabled.map(PersonChange::Disabled),
        ];
        Ok(changes.into_iter().flatten().collect())
    }
}

pub(super) async fn change(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    Changing(logged_in): Changing,
    Body(changes): Body<Changes>,
) -> Result<Json<Changed>, DeskError> {
    let id = parse_id(&id)?;
    if id == logged_in.person.id && changes.disabled == Some(true) {
        return Err(DeskError::Invalid("nobody disables their own account".to_owned()));
    }
    // One at a time: two admins who take the role from each other at once must not both succeed.
    let _alone = state.managing.lock().await;
    for change in changes.list()? {
        if admins::is_last_admin(&state.store.people().await?, id, &change) {
            return Err(DeskError::LastAdmin);
        }
        state.store.change_person(logged_in.person.actor(), id, change).await?;
    }
    let person = Listed::from(state.store.person(id).await?.ok_or(DeskError::NotFound("agent"))?);
    Ok(Json(Changed { person }))
}

/// Gives somebody a random password, which is told once and must be changed at the next login.
pub(super) async fn reset_password(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    Changing(logged_in): Changing,
) -> Result<Json<Fresh>, DeskError> {
    let id = parse_id(&id)?;
    let (password, kept) = fresh_password().await?;
    state.store.set_password(logged_in.person.actor(), id, kept).await?;
    Ok(Json(Fresh { password }))
}

/// For somebody who lost their app and their recovery codes.
pub(super) async fn reset_totp(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    Changing(logged_in): Changing,
) -> Result<NoContent, DeskError> {
    state.store.remove_totp(logged_in.person.actor(), parse_id(&id)?).await?;
    Ok(NoContent)
}

pub(super) async fn sessions(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    _logged_in: LoggedIn,
) -> Result<Json<Open>, DeskError> {
    let sessions: Vec<Session> = state.store.sessions(parse_id(&id)?).await?;
    Ok(Json(Open { sessions }))
}

/// Ends all of somebody's sessions.
pub(super) async fn revoke(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    Changing(logged_in): Changing,
) -> Result<Json<Ended>, DeskError> {
    let ended = state.store.revoke_sessions(logged_in.person.actor(), parse_id(&id)?, None).await?;
    Ok(Json(Ended { ended }))
}

async fn fresh_password() -> Result<(String, NewPassword), DeskError> {
    let (password, hash) = password::fresh().await.map_err(|error| {
        tracing::error!(error, "no password could be made");
        DeskError::Unavailable
    })?;
    Ok((password, NewPassword { hash, must_change: true }))
}

fn named(name: &str) -> Result<String, DeskError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME_CHARACTERS || name.chars().any(char::is_control) {
        return Err(DeskError::Invalid(format!("a name has 1 to {MAX_NAME_CHARACTERS} characters")));
    }
    Ok(name.to_owned())
}

fn parse_id(id: &str) -> Result<AgentId, DeskError> {
    id.parse().map_err(|_| DeskError::NotFound("agent"))
}
