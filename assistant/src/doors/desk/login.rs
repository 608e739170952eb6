//! `POST /v1/desk/login`, `POST /v1/desk/logout`, `GET /v1/desk/me`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum_extra::extract::CookieJar;
use conversation::{Agent, AgentId, NewSession, Token};
use language::Language;
use serde::{Deserialize, Serialize};

use super::session::{Body, Changing, LoggedIn, OwnPage, cookie, csrf, forget};
use super::{DeskError, DeskState};

/// The longest password that is hashed, in bytes: more is nobody's password but somebody's attempt to keep us busy.
const MAX_PASSWORD_BYTES: usize = 1_024;

/// Name and password.
#[derive(Deserialize)]
pub(super) struct Credentials {
    name: String,
    password: String,
}

/// Who is logged in, and the value for the CSRF header.
#[derive(Serialize)]
pub(super) struct Me {
    agent: Person,
    csrf: String,
}

#[derive(Serialize)]
struct Person {
    id: AgentId,
    name: String,
    languages: Vec<Language>,
}

impl Me {
    fn new(agent: Agent, csrf: String) -> Self {
        Self { agent: Person { id: agent.id, name: agent.name, languages: agent.languages }, csrf }
    }
}

pub(super) async fn login(
    State(state): State<DeskState>,
    _own_page: OwnPage,
    jar: CookieJar,
    Body(credentials): Body<Credentials>,
) -> Result<(CookieJar, Json<Me>), DeskError> {
    if credentials.password.len() > MAX_PASSWORD_BYTES {
        return Err(DeskError::Unauthorized);
    }
    let agent = authenticate(&state, credentials).await?;
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| {
        tracing::error!(%error, "the operating system gave no randomness for a session");
        DeskError::Unavailable
    })?;
    let token = Token::from_random(random);
    let expires_at = state.clock.now().plus(state.settings.session_for);
    state.store.login(NewSession { token: token.hash(), agent: agent.id, expires_at }).await?;
    tracing::info!(agent = %agent.id, "an agent logged in");
    let me = Me::new(agent, csrf(&token));
    Ok((jar.add(cookie(&token, &state.settings)), Json(me)))
}

/// The agent of this name, if the password is theirs and the login is not locked.
async fn authenticate(state: &DeskState, credentials: Credentials) -> Result<Agent, DeskError> {
    // Held until a failure is counted, so that guesses sent all at once see the lock.
    let turn = state.passwords.turn().await.map_err(|_| DeskError::Busy)?;
    let known = state.store.credentials(&credentials.name).await?;
    if let Some(until) = known.as_ref().and_then(|known| known.locked_until) {
        let now = state.clock.now();
        if until > now {
            return Err(DeskError::LockedOut { retry_after: until.since(now) });
        }
    }
    let hash = known.as_ref().map(|known| known.password_hash.clone());
    let right = turn.check(credentials.password, hash).await;
    match known {
        Some(known) if right => Ok(known.agent),
        Some(known) => {
            let locked = state.store.login_failed(known.agent.id, state.settings.lockout).await?;
            tracing::warn!(agent = %known.agent.id, locked = locked.is_some(), "a login with a wrong password");
            Err(DeskError::Unauthorized)
        }
        None => {
            tracing::warn!("a login with an unknown name");
            Err(DeskError::Unauthorized)
        }
    }
}

pub(super) async fn logout(
    State(state): State<DeskState>,
    Changing(logged_in): Changing,
    jar: CookieJar,
) -> Result<(StatusCode, CookieJar), DeskError> {
    state.store.logout(&logged_in.session).await?;
    Ok((StatusCode::NO_CONTENT, jar.add(forget())))
}

pub(super) async fn me(logged_in: LoggedIn) -> Json<Me> {
    Json(Me::new(logged_in.agent, logged_in.csrf))
}
