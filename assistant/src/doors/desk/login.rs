//! `POST /v1/desk/login`, `POST /v1/desk/logout`, `GET /v1/desk/me`.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum_extra::extract::CookieJar;
use conversation::{AgentId, LoginMethod, Permission, Role};
use language::Language;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::session::{Body, Changing, LoggedIn, OwnPage, cookie, forget, open};
use super::{DeskError, DeskState, Duty, proof};

/// Name and password, and the code of the second factor where there is one.
#[derive(Deserialize)]
pub(super) struct Credentials {
    name: String,
    password: String,
    code: Option<String>,
}

/// Who is logged in, what they may do, and the value for the CSRF header.
#[derive(Serialize)]
pub(super) struct Me {
    agent: Seen,
    account: Account,
    csrf: String,
}

/// The person as citizens see them.
#[derive(Serialize)]
struct Seen {
    id: AgentId,
    name: String,
    languages: Vec<Language>,
}

#[derive(Serialize)]
struct Account {
    name: String,
    roles: BTreeSet<Role>,
    permissions: BTreeSet<Permission>,
    has_password: bool,
    has_totp: bool,
    /// What must be done before anything else.
    #[serde(skip_serializing_if = "Option::is_none")]
    owes: Option<Duty>,
}

impl Me {
    pub(super) fn new(state: &DeskState, logged_in: LoggedIn) -> Self {
        let LoggedIn { agent, person, opened, csrf, .. } = logged_in;
        let account = Account {
            owes: state.duty(&person, &opened.method),
            permissions: conversation::roles::permissions(&person.roles),
            name: person.name,
            roles: person.roles,
            has_password: person.has_password,
            has_totp: person.has_totp,
        };
        Self { agent: Seen { id: agent.id, name: agent.name, languages: agent.languages }, account, csrf }
    }
}

pub(super) async fn login(
    State(state): State<DeskState>,
    _own_page: OwnPage,
    jar: CookieJar,
    Body(given): Body<Credentials>,
) -> Result<(CookieJar, Json<Me>), DeskError> {
    let proved = proof::prove(&state, &given.name, given.password, given.code.as_deref()).await?;
    let Some((token, logged_in)) = open(&state, &proved.known.person, proved.method).await? else {
        // A recovery code that is none of theirs, or a code that somebody used at the same moment.
        return Err(proof::failed(&state, &proved.known, DeskError::WrongCode).await);
    };
    Ok((jar.add(cookie(&token, &state.settings)), Json(Me::new(&state, logged_in))))
}

pub(super) async fn logout(
    State(state): State<DeskState>,
    Changing(logged_in): Changing,
    jar: CookieJar,
) -> Result<Response, DeskError> {
    state.store.logout(&logged_in.session).await?;
    let forgotten = jar.add(forget());
    if logged_in.opened.method == LoginMethod::Oidc.as_str()
        && let Some(door) = &state.oidc
        && let Some(elsewhere) = door.provider.logout(&door.page, state.clock.now()).await
    {
        return Ok((forgotten, Json(json!({ "provider_logout": elsewhere }))).into_response());
    }
    Ok((StatusCode::NO_CONTENT, forgotten).into_response())
}

pub(super) async fn me(State(state): State<DeskState>, logged_in: LoggedIn) -> Json<Me> {
    Json(Me::new(&state, logged_in))
}
