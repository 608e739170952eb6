//! One's own account: `POST /v1/desk/password`, `GET /v1/desk/sessions`, `POST /v1/desk/sessions/{id}/revoke`.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::NoContent;
use axum_extra::extract::CookieJar;
use conversation::{LoginMethod, NewPassword, Session};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::login::Me;
use super::session::{Body, Changing, LoggedIn, cookie, open};
use super::{DeskError, DeskState, password, proof};

/// The password there is, and the one there shall be.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Passwords {
    current: String,
    new: String,
}

/// Changes one's own password. All sessions end, and a new one begins for whoever asked.
pub(super) async fn change_password(
    State(state): State<DeskState>,
    Changing(logged_in): Changing,
    jar: CookieJar,
    Body(passwords): Body<Passwords>,
) -> Result<(CookieJar, Json<Me>), DeskError> {
    let person = &logged_in.person;
    let Passwords { current, new } = passwords;
    if new.len() > proof::MAX_PASSWORD_BYTES || new == current {
        return Err(DeskError::UnfitPassword("choose another password".to_owned()));
    }
    if let Some(reason) = password::unfit(&new, &person.name) {
        return Err(DeskError::UnfitPassword(reason));
    }
    proof::confirm(&state, person, current).await?;
    let salt = super::random()?;
    let hash = tokio::task::spawn_blocking(move || password::hash(&new, salt)).await;
    let hash = hash.map_err(|_| DeskError::Unavailable)?.map_err(|_| DeskError::Unavailable)?;
    state.store.set_password(person.actor(), person.id, NewPassword { hash, must_change: false }).await?;
    // Their second factor was asked for when this session began.
    let again = open(&state, person, LoginMethod::Password).await?.ok_or(DeskError::Unauthorized)?;
    let (token, logged_in) = again;
    Ok((jar.add(cookie(&token, &state.settings)), Json(Me::new(&state, logged_in))))
}

/// An open session in a list.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OwnSession")]
pub(super) struct Listed {
    #[serde(flatten)]
    session: Session,
    /// It is the one that asks.
    current: bool,
}

/// One's open sessions.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OwnSessions")]
pub(super) struct Sessions {
    sessions: Vec<Listed>,
}

pub(super) async fn sessions(
    State(state): State<DeskState>,
    logged_in: LoggedIn,
) -> Result<Json<Sessions>, DeskError> {
    let sessions = state.store.sessions(logged_in.person.id).await?;
    let list = |session: Session| Listed { current: session.id == logged_in.opened.id, session };
    Ok(Json(Sessions { sessions: sessions.into_iter().map(list).collect() }))
}

/// Ends one of one's own sessions.
pub(super) async fn revoke(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    Changing(logged_in): Changing,
) -> Result<NoContent, DeskError> {
    let id = id.parse().map_err(|_| DeskError::NotFound("session"))?;
    let person = &logged_in.person;
    match state.store.revoke_sessions(person.actor(), person.id, Some(id)).await? {
        0 => Err(DeskError::NotFound("session")),
        _ => Ok(NoContent),
    }
}
