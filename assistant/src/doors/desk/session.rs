//! Who is asking: the session cookie, the CSRF header and the page's origin, as extractors.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use bytes::Bytes;
use conversation::{Agent, Token, TokenHash};
use serde::de::DeserializeOwned;

use super::{DeskError, DeskSettings, DeskState};

const COOKIE: &str = "drilen_desk";
/// The desk's own requests only: the pages and the portal never see the cookie.
const COOKIE_PATH: &str = "/v1/desk";
const CSRF_HEADER: &str = "x-drilen-csrf";
/// What the CSRF value is derived for. It follows from the session's token, so nothing has to be stored, and it opens
/// nothing without the cookie.
const CSRF_PURPOSE: &str = "desk csrf";

/// An agent who is logged in.
pub(super) struct LoggedIn {
    pub(super) agent: Agent,
    pub(super) session: TokenHash,
    pub(super) csrf: String,
}

impl FromRequestParts<DeskState> for LoggedIn {
    type Rejection = DeskError;

    async fn from_request_parts(parts: &mut Parts, state: &DeskState) -> Result<Self, DeskError> {
        let token = token_in(&parts.headers).ok_or(DeskError::Unauthorized)?;
        let session = token.hash();
        let agent = state.store.session(&session).await?.ok_or(DeskError::Unauthorized)?;
        Ok(Self { agent, session, csrf: csrf(&token) })
    }
}

/// An agent who is logged in and asks for a change from the desk's own page.
pub(super) struct Changing(pub(super) LoggedIn);

impl FromRequestParts<DeskState> for Changing {
    type Rejection = DeskError;

    async fn from_request_parts(parts: &mut Parts, state: &DeskState) -> Result<Self, DeskError> {
        let logged_in = LoggedIn::from_request_parts(parts, state).await?;
        OwnPage::from_request_parts(parts, state).await?;
        let given = parts.headers.get(CSRF_HEADER).map(header::HeaderValue::as_bytes).unwrap_or_default();
        if same(given, logged_in.csrf.as_bytes()) { Ok(Self(logged_in)) } else { Err(DeskError::ForeignPage) }
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

/// A JSON body; an empty one is `{}`.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<DeskState> for Body<T> {
    type Rejection = DeskError;

    async fn from_request(request: Request, state: &DeskState) -> Result<Self, DeskError> {
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|_| DeskError::Invalid("body too large".into()))?;
        let json: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        serde_json::from_slice(json).map(Self).map_err(|error| DeskError::Invalid(error.to_string()))
    }
}

pub(super) fn csrf(token: &Token) -> String {
    token.derive(CSRF_PURPOSE)
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

fn token_in(headers: &HeaderMap) -> Option<Token> {
    CookieJar::from_headers(headers).get(COOKIE)?.value().parse().ok()
}

/// Compares without telling by its duration how much was right.
fn same(given: &[u8], expected: &[u8]) -> bool {
    given.len() == expected.len() && given.iter().zip(expected).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}
