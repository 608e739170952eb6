//! `GET /v1/telephone`: a PBX's media over a WebSocket. `POST /v1/telephone/tokens`: the right to open one.

use std::collections::HashMap;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::ws::{self, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use futures::{SinkExt as _, StreamExt as _, future};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use telephone::CallId;
use telephone::sockets::{self, Handshake, LONGEST, Message, SUBPROTOCOLS};
use telephone::token::{Grant, LIFETIME};

use super::TelephoneState;
use crate::doors::address::bearer;
use crate::doors::desk::same;

/// For services that take the query string off an address (Twilio): the token stands in the path.
pub(super) const WITH_TOKEN: &str = "/v1/telephone/{token}";

/// The longest life of a token that can be asked for.
const LONGEST_LIFE: Duration = Duration::from_hours(1);

/// What a token is wanted for.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// The call that may be connected with it; any one where absent.
    #[serde(default)]
    call: Option<String>,
    /// For how many seconds it is good: 300 where absent, 3,600 at most.
    #[serde(default)]
    seconds: Option<u64>,
}

/// A token.
#[derive(Serialize, JsonSchema)]
pub(super) struct Given {
    /// To be sent as `?token=…`.
    token: String,
    /// When it is no good any more, in seconds since 1970.
    expires_at: u64,
}

type Refusal = (StatusCode, String);

/// Gives a token to whoever knows the key: a dial plan asks for one per call.
pub(super) async fn token(
    State(state): State<TelephoneState>,
    headers: HeaderMap,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Response {
    match give(&state, &headers, wanted) {
        Ok(given) => Json(given).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

fn give(
    state: &TelephoneState,
    headers: &HeaderMap,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Given, Refusal> {
    let key = state.key.as_ref().ok_or_else(closed)?;
    if !same(bearer(headers).unwrap_or_default().as_bytes(), key.secret.as_bytes()) {
        return Err((
            StatusCode::UNAUTHORIZED,
            "send the key of telephone.websocket.key_file: `Authorization: Bearer …`".to_owned(),
        ));
    }
    let Query(wanted) = wanted.map_err(|error| (StatusCode::BAD_REQUEST, error.body_text()))?;
    let grant = match &wanted.call {
        None => Grant::Any,
        Some(call) => {
            Grant::Call(call.parse::<CallId>().map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?)
        }
    };
    let life = wanted.seconds.unwrap_or(LIFETIME.as_secs()).min(LONGEST_LIFE.as_secs());
    let expires_at = now(state) + life;
    Ok(Given { token: key.signer.issue(&grant, expires_at), expires_at })
}

fn now(state: &TelephoneState) -> u64 {
    u64::try_from(state.hotline.now().as_millis() / 1_000).unwrap_or_default()
}

fn closed() -> Refusal {
    (StatusCode::NOT_FOUND, "media sockets are not configured: set telephone.websocket.key_file".to_owned())
}

/// Takes a PBX's connection.
pub(super) async fn upgrade(
    State(state): State<TelephoneState>,
    uri: Uri,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let query =
        Query::<Vec<(String, String)>>::try_from_uri(&uri).map(|Query(query)| query).unwrap_or_default();
    match admit(&state, &uri, &query, &headers) {
        Ok(grant) => {
            let upgrade = upgrade
                .protocols(SUBPROTOCOLS)
                .max_message_size(LONGEST)
                .max_frame_size(LONGEST)
                .read_buffer_size(4 * 1024)
                .write_buffer_size(4 * 1024);
            let handshake = Handshake {
                subprotocol: upgrade
                    .selected_protocol()
                    .and_then(|protocol| protocol.to_str().ok())
                    .map(str::to_owned),
                query,
            };
            let tasks = state.hotline.tasks().clone();
            upgrade.on_upgrade(move |socket| tasks.track_future(serve(state, grant, handshake, socket)))
        }
        Err((status, why)) => {
            tracing::warn!(%status, why, "a PBX's media socket was refused");
            (status, why).into_response()
        }
    }
}

fn admit(
    state: &TelephoneState,
    uri: &Uri,
    query: &[(String, String)],
    headers: &HeaderMap,
) -> Result<Grant, Refusal> {
    let key = state.key.as_ref().ok_or_else(closed)?;
    // Pages have no business here, whatever they know.
    if headers.contains_key(header::ORIGIN) {
        return Err((StatusCode::FORBIDDEN, "this is a PBX's door; pages may not use it".to_owned()));
    }
    let by_query: HashMap<&str, &str> =
        query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let by_path = uri.path().strip_prefix("/v1/telephone/");
    let token = by_path.or(by_query.get("token").copied()).or_else(|| bearer(headers)).unwrap_or_default();
    let grant = key
        .signer
        .verify(token, now(state))
        .map_err(|refused| (StatusCode::UNAUTHORIZED, refused.to_string()))?;
    if state.hotline.is_draining() {
        return Err((StatusCode::SERVICE_UNAVAILABLE, "the server is about to restart".to_owned()));
    }
    if state.hotline.free() == 0 {
        return Err((StatusCode::SERVICE_UNAVAILABLE, "all lines are busy".to_owned()));
    }
    Ok(grant)
}

async fn serve(state: TelephoneState, grant: Grant, handshake: Handshake, socket: WebSocket) {
    let connection = socket
        .filter_map(|message| future::ready(message.map(read).transpose()))
        .with(|message| future::ready(Ok::<_, axum::Error>(write(message))));
    let leg = match sockets::answer(connection, &handshake, sockets::Settings::default()).await {
        Ok(leg) => leg,
        Err(error) => {
            tracing::warn!(%error, "a PBX's media socket did not become a call");
            return;
        }
    };
    if !grant.covers(&leg.call.id) {
        tracing::warn!(call = %leg.call.id, "a PBX's token is for another call");
        return;
    }
    if state.hotline.take(leg).is_err() {
        tracing::warn!("all lines are busy");
    }
}

/// `None` for what the library answers itself.
fn read(message: ws::Message) -> Option<Message> {
    match message {
        ws::Message::Text(text) => Some(Message::Text(text.to_string())),
        ws::Message::Binary(bytes) => Some(Message::Binary(bytes)),
        ws::Message::Ping(_) | ws::Message::Pong(_) => None,
        ws::Message::Close(_) => Some(Message::Close),
    }
}

fn write(message: Message) -> ws::Message {
    match message {
        Message::Text(text) => ws::Message::Text(text.into()),
        Message::Binary(bytes) => ws::Message::Binary(bytes),
        Message::Close => ws::Message::Close(None),
    }
}
