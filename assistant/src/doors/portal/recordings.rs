//! `/v1/portal/recordings`: a citizen leaves the recording of a question that was answered, or takes it back.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::Json;
use axum::body::{Body, BodyDataStream};
use axum::extract::rejection::QueryRejection;
use axum::extract::{ConnectInfo, FromRequest, Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, NoContent, Response};
use conversation::recordings::{Confirmed, ConfirmedBy, NewRecording};
use conversation::{ConversationState, Event, EventBody, MessageId, Source, Token};
use futures::StreamExt as _;
use language::Language;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use speech::codec::file::decode;

use super::PortalState;
use crate::doors::address::{bearer, client_address};
use crate::doors::openapi::{Input, Shape};
use crate::workers::container::Container;

/// Events that are looked at behind a spoken turn for what became of it.
const LOOKED_AT: u32 = 200;
/// The shortest recording that can teach anything, in seconds.
const SHORTEST: f64 = 0.2;

/// A sound file on its way: nothing of it is read before it is known that it may be sent.
pub(super) struct Upload(Body);

impl FromRequest<PortalState> for Upload {
    type Rejection = Infallible;

    async fn from_request(request: Request, _state: &PortalState) -> Result<Self, Infallible> {
        Ok(Self(request.into_body()))
    }
}

impl Input for Upload {
    fn describe(shape: &mut Shape<'_>) {
        shape.takes_bytes("audio/*");
    }
}

/// Of which turn.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Of {
    /// The `id` of the spoken turn's `audio_start`.
    message: MessageId,
}

/// A recording that was left.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LeftRecording")]
pub(super) struct Left {
    /// By which it is taken back.
    id: String,
}

type Refused = (StatusCode, String);

fn refused(status: StatusCode, why: &str) -> Refused {
    (status, why.to_owned())
}

pub(super) async fn leave(
    State(state): State<PortalState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    of: Result<Query<Of>, QueryRejection>,
    Upload(body): Upload,
) -> Response {
    match keep(&state, peer, &headers, of, body.into_data_stream()).await {
        Ok(left) => (StatusCode::CREATED, Json(left)).into_response(),
        Err(refused) => refused.into_response(),
    }
}

pub(super) async fn take_back(
    State(state): State<PortalState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    let removed = async {
        let conversation = opened(&state, peer, &headers).await?;
        let store = state.service.conversations.store();
        let removed = store.remove_recording(&id, Some(conversation.conversation), None).await;
        if removed.map_err(|_| unavailable())? {
            Ok(NoContent)
        } else {
            Err(refused(StatusCode::NOT_FOUND, "there is no such recording"))
        }
    };
    match removed.await {
        Ok(done) => done.into_response(),
        Err(refused) => refused.into_response(),
    }
}

fn unavailable() -> Refused {
    refused(StatusCode::SERVICE_UNAVAILABLE, "the server cannot do this right now")
}

/// The conversation that the token opens.
async fn opened(
    state: &PortalState,
    peer: SocketAddr,
    headers: &HeaderMap,
) -> Result<ConversationState, Refused> {
    if !state.origins.allows(headers) {
        return Err(refused(StatusCode::FORBIDDEN, "this origin may not do that"));
    }
    let service = &state.service;
    if !service.configuration.portal.recordings {
        return Err(refused(StatusCode::NOT_FOUND, "this service keeps no recordings"));
    }
    let address = client_address(peer, headers, &service.configuration.server.trusted_proxies);
    service.limits.start(address).map_err(|wait| {
        let seconds = wait.retry_after.as_secs() + 1;
        (StatusCode::TOO_MANY_REQUESTS, format!("too many requests; again in {seconds} s"))
    })?;
    let token: Option<Token> = bearer(headers).and_then(|token| token.parse().ok());
    let token = token.ok_or_else(|| {
        refused(StatusCode::UNAUTHORIZED, "send the conversation's token: `Authorization: Bearer …`")
    })?;
    let found = service.conversations.store().find_by_token(&token.hash()).await;
    found
        .map_err(|_| unavailable())?
        .ok_or_else(|| refused(StatusCode::UNAUTHORIZED, "the token opens no conversation"))
}

async fn keep(
    state: &PortalState,
    peer: SocketAddr,
    headers: &HeaderMap,
    of: Result<Query<Of>, QueryRejection>,
    mut body: BodyDataStream,
) -> Result<Left, Refused> {
    let Query(of) = of.map_err(|error| (StatusCode::BAD_REQUEST, error.body_text()))?;
    let conversation = opened(state, peer, headers).await?.conversation;
    let store = state.service.conversations.store();
    let mut events = Vec::new();
    loop {
        let after = events.last().map_or(0, |event: &Event| event.seq);
        let page = store.events_after(conversation, after, LOOKED_AT).await.map_err(|_| unavailable())?;
        let last = page.len() < LOOKED_AT as usize;
        events.extend(page);
        if last {
            break;
        }
    }
    let (language, confirmed) = confirmed(&events, &of.message).ok_or_else(|| {
        refused(
            StatusCode::CONFLICT,
            "this turn was not answered, or the answer was not right: nothing is learned from it",
        )
    })?;
    let most = f64::from(state.service.configuration.limits.audio_seconds);
    // PCM at 48 kHz in two channels is the largest that a page would send.
    let mut bytes = Vec::new();
    while let Some(piece) = body.next().await {
        bytes.extend(piece.map_err(|_| refused(StatusCode::BAD_REQUEST, "the recording broke off"))?);
        if bytes.len() > (most as usize + 1) * 192_000 {
            return Err(refused(StatusCode::PAYLOAD_TOO_LARGE, "the recording is too long"));
        }
    }
    let written = tokio::task::spawn_blocking(move || as_kept(bytes, most)).await;
    let (sound, seconds) = written.map_err(|_| unavailable())??;
    let id = hex::encode(&Sha256::digest(format!("{conversation}\0{}", of.message))[..16]);
    let new = NewRecording { id: id.clone(), conversation, language, seconds, confirmed, sound };
    store.keep_recording(new).await.map_err(|error| {
        tracing::warn!(%error, "a recording that a citizen left was not kept");
        unavailable()
    })?;
    Ok(Left { id })
}

/// The sound as it is kept, 16-bit PCM at 16 kHz in a WAV file, and how many seconds it has.
fn as_kept(file: Vec<u8>, most: f64) -> Result<(Vec<u8>, f64), Refused> {
    let samples = decode(file, most as f32 + 1.0).map_err(|error| {
        (StatusCode::UNPROCESSABLE_ENTITY, format!("this is no recording that can be read: {error}"))
    })?;
    let seconds = samples.len() as f64 / 16_000.0;
    if !(SHORTEST..=most).contains(&seconds) {
        return Err((
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("a recording has {SHORTEST} to {most} seconds"),
        ));
    }
    let samples: Vec<i16> =
        samples.iter().map(|sample| (sample * 32_767.0).round().clamp(-32_768.0, 32_767.0) as i16).collect();
    let sound = Container::Wav.write(&samples).map_err(|_| unavailable())?;
    Ok((sound, seconds))
}

/// What was meant by a spoken turn, by the log: the entry that answered it, if nothing was said against that. `None` where the turn was
/// taken back, not answered, or its answer reported as wrong.
fn confirmed(events: &[Event], message: &MessageId) -> Option<(Language, Confirmed)> {
    let at = events.iter().position(|event| match &event.body {
        EventBody::CitizenMessage(spoken) => spoken.source == Source::Voice && spoken.id == *message,
        _ => false,
    })?;
    let EventBody::CitizenMessage(spoken) = &events[at].body else { return None };
    let seq = events[at].seq;
    let withdrawn = |seq: u64| {
        events
            .iter()
            .any(|event| matches!(&event.body, EventBody::Withdrawn(w) if (w.from..=w.to).contains(&seq)))
    };
    if withdrawn(seq) {
        return None;
    }
    let mut by = ConfirmedBy::Answer;
    let (place, answer) = events[at + 1..]
        .iter()
        .take_while(|event| match &event.body {
            // Whatever is said or typed next is another matter.
            EventBody::CitizenMessage(next) => {
                if next.source == Source::Choice {
                    by = ConfirmedBy::Choice;
                }
                next.source == Source::Choice
            }
            _ => true,
        })
        .find_map(|event| match &event.body {
            EventBody::Answer(answer) if !withdrawn(event.seq) => Some((event.seq, answer)),
            _ => None,
        })?;
    let rated = events.iter().rev().find_map(|event| match &event.body {
        EventBody::Rated(rated) if rated.of == place => Some(rated.helpful),
        _ => None,
    });
    match rated {
        Some(false) => return None,
        Some(true) if by == ConfirmedBy::Answer => by = ConfirmedBy::Rating,
        _ => {}
    }
    let said = if spoken.dictation { spoken.text.clone() } else { String::new() };
    let question = answer.question.clone();
    Some((spoken.language, Confirmed { entry: answer.entry.clone(), question, said, by, seq }))
}
