//! Who is asking: the session cookie, the CSRF header and the page's origin.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use bytes::Bytes;
use conversation::{Agent, LoginMethod, NewSession, Person, Session, Token, TokenHash};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::{DeskError, DeskSettings, DeskState, ErrorCode};
use crate::doors::openapi::{Input, Shape};

pub(in crate::doors) const COOKIE: &str = "drilen_desk";
/// Requests to the interface only: pages never see the cookie. `/v1/handoffs` belongs to the desk, too.
const COOKIE_PATH: &str = "/v1";
pub(in crate::doors) const CSRF_HEADER: &str = "x-drilen-csrf";
/// What the CSRF value is derived for. It follows from the session's token, so nothing has to be stored, and it opens
/// nothing without the cookie.
const CSRF_PURPOSE: &str = "desk csrf";

/// Somebody who is logged in and may use the route that they asked for: the gate (`routes`) has seen to it.
#[derive(Clone)]
pub(super) struct LoggedIn {
    /// The person, as conversations know them.
    pub(super) agent: Agent,
    pub(super) person: Person,
    /// The hash of their session's token.
    pub(super) session: TokenHash,
    pub(super) opened: Session,
    pub(super) csrf: String,
}

impl LoggedIn {
    pub(super) fn new(person: Person, opened: Session, token: &Token) -> Self {
        Self { agent: person.agent(), person, session: token.hash(), opened, csrf: csrf(token) }
    }
}

impl FromRequestParts<DeskState> for LoggedIn {
    type Rejection = DeskError;

    async fn from_request_parts(parts: &mut Parts, _state: &DeskState) -> Result<Self, DeskError> {
        parts.extensions.get().cloned().ok_or(DeskError::Unauthorized)
    }
}

/// Somebody who is logged in and asks for a change from the desk's own page. The gate has asked for all of that already;
/// asking again costs nothing, and a handler that changes something says so.
pub(super) struct Changing(pub(super) LoggedIn);

impl FromRequestParts<DeskState> for Changing {
    type Rejection = DeskError;

    async fn from_request_parts(parts: &mut Parts, state: &DeskState) -> Result<Self, DeskError> {
        let logged_in = LoggedIn::from_request_parts(parts, state).await?;
        OwnPage::from_request_parts(parts, state).await?;
        let token = token_in(&parts.headers).ok_or(DeskError::Unauthorized)?;
        if csrf_is_right(&parts.headers, &token) { Ok(Self(logged_in)) } else { Err(DeskError::ForeignPage) }
    }
}

/// The request comes from one of our pages, or from no page at all.
pub(super) struct OwnPage;

impl FromRequestParts<DeskState> for OwnPage {
    type Rejection = DeskError;

    async fn from_request_parts(parts: &mut Parts, state: &DeskState) -> Result<Self, DeskError> {
        if state.origins.allows(&parts.headers) { Ok(Self) } else { Err(DeskError::ForeignPage) }
    }
}

/// The gate has seen to it.
impl Input for LoggedIn {}
impl Input for Changing {}

impl Input for OwnPage {
    fn describe(shape: &mut Shape<'_>) {
        shape.refuses(ErrorCode::ForeignPage);
    }
}

impl<T: JsonSchema> Input for Body<T> {
    fn describe(shape: &mut Shape<'_>) {
        shape.takes::<T>();
        shape.refuses(ErrorCode::Invalid);
    }
}

/// A JSON body; an empty one is `{}`.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<DeskState> for Body<T> {
    type Rejection = DeskError;

    async fn from_request(request: Request, state: &DeskState) -> Result<Self, DeskError> {
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|_| DeskError::Invalid("body too large".into()))?;
        read_body(&bytes).map(Self)
    }
}

/// The JSON of a body; no bytes at all mean an empty object.
pub(super) fn read_body<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DeskError> {
    let json = if bytes.is_empty() { b"{}" } else { bytes };
    serde_json::from_slice(json).map_err(|error| DeskError::Invalid(error.to_string()))
}

/// Opens a session for somebody who has proved who they are. `None` where the code that proved it was spent meanwhile, or
/// the person disabled.
pub(super) async fn open(
    state: &DeskState,
    person: &Person,
    method: LoginMethod,
) -> Result<Option<(Token, LoggedIn)>, DeskError> {
    let token = Token::from_random(super::random()?);
    let expires_at = state.clock.now().plus(state.settings.session_for);
    let new =
        NewSession { token: token.hash(), agent: person.id, method, expires_at, idle: state.settings.idle };
    if !state.store.login(new).await? {
        return Ok(None);
    }
    let opened = state.store.session(&token.hash()).await?;
    Ok(opened.map(|(session, person)| {
        tracing::info!(agent = %person.id, method = method.as_str(), "somebody logged in at the desk");
        let logged_in = LoggedIn::new(person, session, &token);
        (token, logged_in)
    }))
}

pub(super) fn csrf(token: &Token) -> String {
    token.derive(CSRF_PURPOSE)
}

/// Whether the request carries the CSRF value of the session that its cookie opens.
pub(super) fn csrf_is_right(headers: &HeaderMap, token: &Token) -> bool {
    let given = headers.get(CSRF_HEADER).map(header::HeaderValue::as_bytes).unwrap_or_default();
    same(given, csrf(token).as_bytes())
}

/// The cookie that opens a session. It goes when the browser closes; how long the session lasts, the store knows.
pub(super) fn cookie(token: &Token, settings: &DeskSettings) -> Cookie<'static> {
    Cookie::build((COOKIE, token.reveal()))
        .path(COOKIE_PATH)
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(settings.secure_cookie)
        .build()
}

/// The cookie that makes the browser forget the session.
pub(super) fn forget() -> Cookie<'static> {
    Cookie::build((COOKIE, "")).path(COOKIE_PATH).http_only(true).same_site(SameSite::Strict).build()
}

pub(super) fn token_in(headers: &HeaderMap) -> Option<Token> {
    CookieJar::from_headers(headers).get(COOKIE)?.value().parse().ok()
}

/// Compares without telling by its duration how much was right.
pub(in crate::doors) fn same(given: &[u8], expected: &[u8]) -> bool {
    given.len() == expected.len() && given.iter().zip(expected).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}
