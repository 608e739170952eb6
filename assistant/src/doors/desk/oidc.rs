//! Logging in at the identity provider: `GET /v1/desk/login` says whether there is one, `GET /v1/desk/oidc/start` sends the
//! browser there, `GET /v1/desk/oidc/callback` takes it back.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use conversation::{
    AuditActor, ExternalId, LoginMethod, NewPerson, Person, PersonChange, Role, StoreError, Timestamp, Token,
};
use language::Language;
use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::session::{cookie, open, same};
use super::{DeskError, DeskState};
use crate::oidc::{Attempt, IdToken, OidcError, Provider};

const COOKIE: &str = "drilen_oidc";
const COOKIE_PATH: &str = "/v1/desk/oidc";
/// How long somebody may take at the provider.
const ATTEMPT_LASTS: Duration = Duration::from_mins(10);
/// The longest name, in characters.
const MAX_NAME_CHARACTERS: usize = 64;

/// The identity provider and what its people may do here.
#[derive(Debug)]
pub struct OidcDoor {
    /// The provider.
    pub provider: Provider,
    /// The claim that names what people are there; dots lead into objects.
    pub roles_claim: String,
    /// Its values, and the roles they mean here.
    pub roles: BTreeMap<String, BTreeSet<Role>>,
    /// Whether whoever has a role gets an account at the first login; otherwise accounts are made before.
    pub creates_accounts: bool,
    /// The languages of accounts that are made so.
    pub languages: Vec<Language>,
    /// What the button says, where the operator wants it otherwise than the page.
    pub label: BTreeMap<Language, String>,
    /// The desk's page, from outside: where the provider sends people after logging out.
    pub page: String,
    /// Ways back that were taken already.
    pub taken: Taken,
}

/// Every attempt comes back once.
#[derive(Debug, Default)]
pub struct Taken {
    /// Until when an attempt is remembered. Bounded by [`Taken::MOST`]; when it is full those that are over are forgotten, and
    /// where that is not enough all of them: the provider takes a code once too.
    attempts: Mutex<HashMap<[u8; 32], Timestamp>>,
}

impl Taken {
    const MOST: usize = 10_000;

    /// False where it came back before.
    fn take(&self, attempt: &Attempt, now: Timestamp) -> bool {
        let mut attempts = self.attempts.lock();
        if attempts.len() >= Self::MOST {
            attempts.retain(|_, until| *until > now);
            if attempts.len() >= Self::MOST {
                attempts.clear();
            }
        }
        attempts.insert(attempt.id(), now.plus(ATTEMPT_LASTS)).is_none_or(|until| until <= now)
    }
}

/// How people may log in.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WaysToLogIn")]
pub(super) struct Ways {
    /// There is an identity provider: what its button says, by language, where the operator wants it otherwise than the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    provider: Option<BTreeMap<Language, String>>,
}

pub(super) async fn ways(State(state): State<DeskState>) -> Json<Ways> {
    Json(Ways { provider: state.oidc.as_ref().map(|door| door.label.clone()) })
}

/// Sends the browser to the provider, with a cookie that ties the way back to it. `SameSite=Lax`: the way back begins on
/// the provider's page.
pub(super) async fn start(State(state): State<DeskState>, jar: CookieJar) -> Result<Response, DeskError> {
    let door = door(&state)?;
    let secret = Token::from_random(super::random()?);
    let attempt = Attempt::new(secret.clone());
    match door.provider.authorization(&attempt, state.clock.now()).await {
        Ok(url) => {
            let kept = attempt_cookie(&secret, state.settings.secure_cookie)?;
            Ok((jar.add(kept), to(&url)).into_response())
        }
        Err(error) => Ok(refused(&error, "provider_failed")),
    }
}

/// What the provider sends back.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Back {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
}

/// Takes the browser back: the attempt must be its own and come back for the first time. On success there is a session and
/// the desk's page; otherwise the desk's page says why not.
pub(super) async fn callback(
    State(state): State<DeskState>,
    headers: HeaderMap,
    jar: CookieJar,
    Query(back): Query<Back>,
) -> Result<Response, DeskError> {
    let door = door(&state)?;
    let over = jar.remove(Cookie::build(COOKIE).path(COOKIE_PATH).build());
    let answer = match enter(&state, door, &headers, back).await {
        Ok(session) => (session, to("/desk")).into_response(),
        Err(Denied::Provider(error)) => refused(&error, "provider_failed"),
        Err(Denied::Here(why)) => refused(&why, why),
        Err(Denied::Desk(error)) => return Err(error),
    };
    Ok((over, answer).into_response())
}

/// Why somebody who came back is not let in.
enum Denied {
    /// The provider, or what it said.
    Provider(OidcError),
    /// Our own rules.
    Here(&'static str),
    Desk(DeskError),
}

impl From<OidcError> for Denied {
    fn from(error: OidcError) -> Self {
        Self::Provider(error)
    }
}

impl From<StoreError> for Denied {
    fn from(error: StoreError) -> Self {
        Self::Desk(error.into())
    }
}

async fn enter(
    state: &DeskState,
    door: &OidcDoor,
    headers: &HeaderMap,
    back: Back,
) -> Result<CookieJar, Denied> {
    let kept = CookieJar::from_headers(headers).get(COOKIE).and_then(|kept| kept.value().parse().ok());
    let attempt = Attempt::new(kept.ok_or(Denied::Here("no_attempt"))?);
    if !back.state.is_some_and(|given| same(given.as_bytes(), attempt.state().as_bytes())) {
        return Err(Denied::Here("other_attempt"));
    }
    let now = state.clock.now();
    if !door.taken.take(&attempt, now) {
        return Err(Denied::Here("taken"));
    }
    if back.error.is_some() {
        return Err(Denied::Here("provider_refused"));
    }
    let code = back.code.ok_or(Denied::Here("provider_refused"))?;
    let token = door.provider.exchange(&code, &attempt, now).await?;
    let person = account(state, door, &token).await?;
    let opened = open(state, &person, LoginMethod::Oidc).await.map_err(Denied::Desk)?;
    let (session, _) = opened.ok_or(Denied::Here("disabled"))?;
    Ok(CookieJar::new().add(cookie(&session, &state.settings)))
}

/// The account of whoever the token names, with the roles that it says, now.
async fn account(state: &DeskState, door: &OidcDoor, token: &IdToken) -> Result<Person, Denied> {
    let issuer = door.provider.issuer().to_owned();
    let external = ExternalId { issuer, subject: token.subject.clone() };
    let claimed = token.texts(&door.roles_claim);
    let roles: BTreeSet<Role> =
        claimed.iter().filter_map(|value| door.roles.get(*value)).flatten().copied().collect();
    let known = match state.store.external_person(&external).await? {
        Some(known) => Some(known),
        None if roles.is_empty() || !door.creates_accounts => None,
        None => Some(create(state, door, token, external, roles.clone()).await?),
    };
    let known = known.ok_or(Denied::Here(if roles.is_empty() { "no_role" } else { "no_account" }))?;
    // Also where nothing is left: whoever lost their roles there loses them here.
    let known = if known.roles == roles {
        known
    } else {
        state.store.change_person(AuditActor::System, known.id, PersonChange::Roles(roles)).await?
    };
    if known.disabled {
        return Err(Denied::Here("disabled"));
    }
    if known.roles.is_empty() { Err(Denied::Here("no_role")) } else { Ok(known) }
}

/// Makes the account. A name that somebody has here already is refused and never joined: who that is, only an admin knows.
async fn create(
    state: &DeskState,
    door: &OidcDoor,
    token: &IdToken,
    external: ExternalId,
    roles: BTreeSet<Role>,
) -> Result<Person, Denied> {
    let name = token.text("preferred_username").or_else(|| token.text("email")).unwrap_or(&token.subject);
    let shown = token.text("name").unwrap_or(name);
    let short =
        |text: &str| text.chars().filter(|c| !c.is_control()).take(MAX_NAME_CHARACTERS).collect::<String>();
    let mut new = NewPerson::new(short(name), door.languages.clone(), roles);
    new.display_name = short(shown);
    new.external = Some(external);
    let id = new.id;
    match state.store.add_person(AuditActor::System, new).await {
        Err(StoreError::NameTaken) => return Err(Denied::Here("name_taken")),
        made => made?,
    }
    Ok(state.store.person(id).await?.ok_or(StoreError::NotFound("agent"))?)
}

fn door(state: &DeskState) -> Result<&OidcDoor, DeskError> {
    state.oidc.as_deref().ok_or(DeskError::NotFound("identity provider"))
}

/// The page of the desk says why not; the log says it more precisely.
fn refused(why: &dyn std::fmt::Display, reason: &'static str) -> Response {
    tracing::warn!(reason, %why, "a login through the identity provider was refused");
    to(&format!("/desk?login={reason}"))
}

/// 303: whatever was asked, what follows is a GET.
fn to(url: &str) -> Response {
    match HeaderValue::from_str(url) {
        Ok(url) => (StatusCode::SEE_OTHER, [(header::LOCATION, url)]).into_response(),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

fn attempt_cookie(secret: &Token, secure: bool) -> Result<Cookie<'static>, DeskError> {
    let seconds = ATTEMPT_LASTS.as_secs();
    // Written out, since the type of a cookie's age is another crate's.
    let text = format!("{COOKIE}={}; Max-Age={seconds}; Path={COOKIE_PATH}", secret.reveal());
    let mut cookie = Cookie::parse(text).map_err(|_| DeskError::Unavailable)?;
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Lax);
    cookie.set_secure(secure);
    Ok(cookie)
}
