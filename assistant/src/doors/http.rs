//! Plain HTTP: is it alive, is it ready, how is it doing, and what the portal's pages need to know before they connect.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use conversation::{LanguageCode, Store};
use language::Language;
use schemars::JsonSchema;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::openapi::{Output, Shape};
use super::routes::{Doors, Route, Table};
use crate::{
    config::Configuration,
    phrases::{Phrase, say},
    telemetry,
    workers::{ears::Ears, engines::Missing, minds::Minds},
};

/// What these routes look at.
#[derive(Clone)]
pub struct HttpState {
    /// The operator's settings.
    pub configuration: Arc<Configuration>,
    /// Where conversations are kept.
    pub store: Arc<dyn Store>,
    /// What is known.
    pub minds: Minds,
    /// Hearing, where there is any.
    pub ears: Option<Ears>,
    /// Engines that could not be loaded.
    pub missing_engines: Arc<[Missing]>,
    /// Why there is no voice, where one was configured.
    pub missing_voice: Option<Arc<str>>,
    /// What the portal's extract is checked with.
    pub extract_key: Arc<str>,
    /// Cancelled when the server drains.
    pub draining: CancellationToken,
}

/// The routes.
pub fn doors(state: HttpState) -> Doors {
    table().with_state(state)
}

/// The lines of the table, without a server.
pub(super) fn routes() -> Vec<Route> {
    table().routes()
}

fn table() -> Table<HttpState> {
    Table::new()
        .public(Method::GET, "/healthz", || async { "ok\n" })
        .public(Method::GET, "/readyz", ready)
        .public(Method::GET, "/metrics", metrics)
        .public(Method::GET, "/v1/portal/config", portal_config)
}

/// What the server lacks.
#[derive(Serialize, JsonSchema)]
struct Readiness {
    /// `draining`, `store`, `hearing.bo`, `hearing.zh`, `voice`; absent where nothing is missing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<String>,
}

/// 503 while anything that was configured is missing: a load balancer should prefer a node that can do everything.
/// The server serves what it can all the same.
async fn ready(State(state): State<HttpState>) -> Ready {
    let mut missing = Vec::new();
    if state.draining.is_cancelled() {
        missing.push("draining".to_owned());
    }
    if let Err(error) = state.store.check().await {
        tracing::warn!(%error, "the store is not ready");
        missing.push("store".to_owned());
    }
    missing.extend(state.missing_engines.iter().map(|m| format!("hearing.{}", m.language)));
    if state.missing_voice.is_some() {
        missing.push("voice".to_owned());
    }
    missing.dedup();
    Ready(Readiness { missing })
}

struct Ready(Readiness);

impl IntoResponse for Ready {
    fn into_response(self) -> Response {
        let status = if self.0.missing.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        (status, Json(self.0)).into_response()
    }
}

impl Output for Ready {
    fn describe(shape: &mut Shape<'_>) {
        shape.gives::<Readiness>(StatusCode::OK);
        shape.gives::<Readiness>(StatusCode::SERVICE_UNAVAILABLE);
    }
}

async fn metrics() -> Response {
    match telemetry::metrics() {
        Ok(handle) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render())
            .into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// In each language.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "InBoth_{T}")]
struct InBoth<T> {
    zh: T,
    bo: T,
}

impl<T> InBoth<T> {
    fn of(make: impl Fn(Language) -> T) -> Self {
        Self { zh: make(Language::Zh), bo: make(Language::Bo) }
    }
}

/// What the portal's pages need to know before they connect.
#[derive(Serialize, JsonSchema)]
struct PortalConfig {
    #[schemars(with = "[LanguageCode; 2]")]
    languages: [Language; 2],
    #[schemars(with = "LanguageCode")]
    default_language: Language,
    /// The privacy notice, and what the knowledge base says about itself.
    notice: InBoth<String>,
    /// Questions that may be asked.
    suggestions: InBoth<Vec<String>>,
    /// Whether both languages have a recogniser that takes dictation.
    dictation: bool,
    /// The knowledge base is the project's own sample, and nobody's service.
    sample: bool,
    /// Citizens are asked whether they leave the recording of a question that was answered.
    recordings: bool,
    /// What the signature of `GET /v1/portal/extract/{language}` is checked with: an uncompressed point of P-256 in
    /// base64url. Absent where nothing is kept for times without a network.
    #[serde(skip_serializing_if = "Option::is_none")]
    extract_key: Option<Arc<str>>,
}

async fn portal_config(State(state): State<HttpState>) -> Json<PortalConfig> {
    let offline = state.configuration.portal.offline_entries > 0;
    let brain = state.minds.brain();
    let count = state.configuration.knowledge.suggestions;
    let dictates = |language| state.ears.as_ref().and_then(|ears| ears.dictation(language)).unwrap_or(false);
    Json(PortalConfig {
        languages: Language::ALL,
        default_language: state.configuration.portal.default_language,
        notice: InBoth::of(|language| notice(brain.notice(language), language)),
        suggestions: InBoth::of(|language| brain.suggestions(language, count)),
        dictation: Language::ALL.into_iter().all(dictates),
        sample: brain.is_sample(),
        recordings: state.configuration.portal.recordings,
        extract_key: offline.then(|| Arc::clone(&state.extract_key)),
    })
}

/// The privacy notice, and after it what the knowledge base says about itself.
fn notice(knowledge: &str, language: Language) -> String {
    format!("{} {knowledge}", say(Phrase::Notice, language)).trim().to_owned()
}
