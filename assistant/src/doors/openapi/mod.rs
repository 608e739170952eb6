//! `GET /v1/openapi.json`: the whole HTTP interface as an OpenAPI 3.1 description, for whoever puts another desk in front.
//!
//! Nothing is described by hand that the code knows: paths, methods and permissions come from the table of routes, bodies and
//! parameters from the handlers' own types ([`shape`]), errors from both. What a program cannot know (what a request is for,
//! which refusals its rules lead to, examples) is in `words.toml`; a route without words, or words without a route, is an
//! [`Undescribed`] error, and a test.

mod document;
mod shape;
mod words;

use std::sync::OnceLock;

use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

pub(super) use shape::{Described, Input, Output, Refusal, Shape};

use super::routes::{Doors, Route, Table};

/// The description does not fit the table of routes; it names what to mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the interface cannot be described: {0}")]
pub struct Undescribed(String);

/// The route of the description itself.
pub fn doors() -> Doors {
    table().with_state(())
}

fn table() -> Table<()> {
    Table::new().public(Method::GET, "/v1/openapi.json", served)
}

/// Every route that a server has, in the order of the description.
pub fn every_route() -> Vec<Route> {
    let mut routes = super::desk::routes();
    routes.extend(super::portal::routes());
    routes.extend(super::portal::extract::routes());
    routes.extend(super::telephone::routes());
    routes.extend(super::http::routes());
    routes.extend(table().routes());
    routes.extend(super::pages::routes());
    routes
}

/// The OpenAPI 3.1 description of every route.
///
/// # Errors
/// [`Undescribed`] where `words.toml` and the table of routes do not fit each other. A test sees to it that they do.
pub fn description() -> Result<Value, Undescribed> {
    document::of(&every_route(), &words::read()?)
}

async fn served() -> Response {
    static TEXT: OnceLock<Option<String>> = OnceLock::new();
    let text = TEXT.get_or_init(|| {
        let described = description().map_err(|error| tracing::error!(%error, "no description is served"));
        described.ok().map(|value| value.to_string())
    });
    match text {
        Some(text) => ([(header::CONTENT_TYPE, "application/json")], text.as_str()).into_response(),
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
