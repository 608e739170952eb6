//! `GET /v1/sound`: something that was said in a conversation, as a file. For pages that cannot play what comes over the socket,
//! and for hearing it again.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{ConnectInfo, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use conversation::Token;
use conversation::protocol::Codec;
use schemars::JsonSchema;
use serde::Deserialize;
use speech::SynthesisError;

use super::PortalState;
use crate::doors::address::{bearer, client_address};
use crate::doors::attached::Service;
use crate::session::{Speech, speech};
use crate::workers::container::Container;
use crate::workers::encode::Sound;
use crate::workers::recordings::Said;

/// What is to be heard.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Wanted {
    /// The event's place in the conversation.
    seq: u64,
    /// The kind of file: `wav`, which every browser plays, or `ogg`, a tenth of the size.
    #[serde(default)]
    format: Container,
    /// Slower.
    #[serde(default)]
    slow: bool,
}

pub(super) async fn sound(
    State(state): State<PortalState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Response {
    match read_aloud(&state.service, peer, &headers, wanted).await {
        Ok((kind, file)) => {
            // What was said does not change; it is this citizen's alone.
            let kept = "private, max-age=3600";
            ([(header::CONTENT_TYPE, kind.media_type()), (header::CACHE_CONTROL, kept)], file).into_response()
        }
        Err((status, why)) => (status, why).into_response(),
    }
}

type Refused = (StatusCode, String);

async fn read_aloud(
    state: &Service,
    peer: SocketAddr,
    headers: &HeaderMap,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<(Container, Vec<u8>), Refused> {
    let Query(wanted) = wanted.map_err(|error| (StatusCode::BAD_REQUEST, error.body_text()))?;
    let token: Option<Token> = bearer(headers).and_then(|token| token.parse().ok());
    let token = token.ok_or_else(|| {
        (StatusCode::UNAUTHORIZED, "send the conversation's token: `Authorization: Bearer …`".to_owned())
    })?;
    let address = client_address(peer, headers, &state.configuration.server.trusted_proxies);
    state.limits.start(address).map_err(|wait| {
        (
            StatusCode::TOO_MANY_REQUESTS,
            format!("too many requests; again in {} s", wait.retry_after.as_secs() + 1),
        )
    })?;
    let unavailable = |_| (StatusCode::SERVICE_UNAVAILABLE, "the server cannot do this right now".to_owned());
    let store = state.conversations.store();
    let found = store.find_by_token(&token.hash()).await.map_err(unavailable)?;
    let conversation =
        found.ok_or_else(|| (StatusCode::UNAUTHORIZED, "the token opens no conversation".to_owned()))?;
    let before = wanted.seq.saturating_sub(1);
    let events = store.events_after(conversation.conversation, before, 1).await.map_err(unavailable)?;
    let said = events
        .first()
        .filter(|event| event.seq == wanted.seq)
        .and_then(|event| speech(&event.body, conversation.language))
        .ok_or_else(|| (StatusCode::NOT_FOUND, "nothing is said aloud there".to_owned()))?;
    let rate = if wanted.slow { state.configuration.voice.slow_rate } else { 1.0 };
    let samples = whole(state, &said, rate).await.map_err(|error| {
        tracing::error!(%error, "an event could not be read aloud into a file");
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "there is no voice right now; the text is in the conversation".to_owned(),
        )
    })?;
    let kind = wanted.format;
    let written = tokio::task::spawn_blocking(move || kind.write(&samples)).await;
    let file = written.ok().and_then(Result::ok);
    let file =
        file.ok_or_else(|| (StatusCode::SERVICE_UNAVAILABLE, "the sound could not be written".to_owned()))?;
    Ok((kind, file))
}

/// All of it at 16 kHz: recorded where somebody has read it, else by the voice.
async fn whole(state: &Service, said: &Speech, rate: f32) -> Result<Vec<i16>, SynthesisError> {
    let mut samples = Vec::new();
    for sentence in Said::of(said, state.recordings.as_ref()).await {
        let sound = sentence.sound(state.mouths.clone(), rate, Codec::Pcm16, said.keep, Arc::default());
        match sound.await {
            Ok(sound) => push(&mut samples, &sound),
            Err(SynthesisError::Nothing) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(samples)
}

fn push(samples: &mut Vec<i16>, sound: &Sound) {
    for piece in &sound.pieces {
        let (pairs, _) = piece.bytes.as_chunks::<2>();
        samples.extend(pairs.iter().map(|pair| i16::from_le_bytes(*pair)));
    }
}
