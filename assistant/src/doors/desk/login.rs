//! `POST /v1/desk/login`, `POST /v1/desk/logout`, `GET /v1/desk/me`.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, NoContent, Response};
use axum_extra::extract::CookieJar;
use conversation::{AgentId, LanguageCode, LoginMethod, Permission, Role};
use language::Language;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::session::{Body, Changing, LoggedIn, OwnPage, cookie, forget, open};
use super::{DeskError, DeskState, Duty, proof};
use crate::doors::openapi::{Output, Shape};

/// Name and password, and the code of the second factor where there is one.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "Login")]
pub(super) struct Credentials {
    name: String,
    password: String,
    /// Six digits of the app, or a recovery code.
    code: Option<String>,
}

/// Who is logged in, what they may do, and the value for the CSRF header.
#[derive(Serialize, JsonSchema)]
pub(super) struct Me {
    agent: Seen,
    account: Account,
    /// For the header `X-Drilen-CSRF` of every request that changes something.
    csrf: String,
}

/// The person as citizens see them.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Agent")]
struct Seen {
    id: AgentId,
    name: String,
    #[schemars(with = "Vec<LanguageCode>")]
    languages: Vec<Language>,
}

#[derive(Serialize, JsonSchema)]
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

/// Logged out here.
pub(super) enum Left {
    /// And that is all.
    Here,
    /// The identity provider still knows them.
    StillThere(Elsewhere),
}

/// Where to log out too.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ProviderLogout")]
pub(super) struct Elsewhere {
    /// The address to send the browser to.
    provider_logout: String,
}

impl IntoResponse for Left {
    fn into_response(self) -> Response {
        match self {
            Self::Here => NoContent.into_response(),
            Self::StillThere(elsewhere) => Json(elsewhere).into_response(),
        }
    }
}

impl Output for Left {
    fn describe(shape: &mut Shape<'_>) {
        NoContent::describe(shape);
        Json::<Elsewhere>::describe(shape);
    }
}

pub(super) async fn logout(
    State(state): State<DeskState>,
    Changing(logged_in): Changing,
    jar: CookieJar,
) -> Result<(CookieJar, Left), DeskError> {
    state.store.logout(&logged_in.session).await?;
    let forgotten = jar.add(forget());
    if logged_in.opened.method == LoginMethod::Oidc.as_str()
        && let Some(door) = &state.oidc
        && let Some(provider_logout) = door.provider.logout(&door.page, state.clock.now()).await
    {
        return Ok((forgotten, Left::StillThere(Elsewhere { provider_logout })));
    }
    Ok((forgotten, Left::Here))
}

pub(super) async fn me(State(state): State<DeskState>, logged_in: LoggedIn) -> Json<Me> {
    Json(Me::new(&state, logged_in))
}
