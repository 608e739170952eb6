//! What citizens and agents say to each other: an agent speaks a reply, and hears what was said.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, Path, Query, Request, State};
use axum::http::header;
use axum::response::{IntoResponse as _, NoContent, Response};
use conversation::sounds::{KeptSound, NewSound};
use conversation::{Agent, ConversationState, EventBody, Handoff, SoundId, SoundRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use speech::codec::file::{self, FileError};
use speech::codec::wav;
use speech::recording;

use super::clips::UNFIT;
use super::conversations::{parse_id, read};
use super::session::{Changing, LoggedIn};
use super::{DeskError, DeskState, ErrorCode};
use crate::clips::ClipError;
use crate::doors::openapi::{Input, Shape};
use crate::session::{milliseconds, ogg};

/// The longest reply that is spoken at once, in seconds.
const LONGEST: f32 = 120.0;
/// The largest file, in bytes: that long in stereo at 48 kHz.
const MOST_BYTES: usize = 24 << 20;

/// What an agent has spoken, as a sound file.
pub(super) struct Spoken(Vec<u8>);

impl FromRequest<DeskState> for Spoken {
    type Rejection = DeskError;

    async fn from_request(request: Request, _state: &DeskState) -> Result<Self, DeskError> {
        let bytes = axum::body::to_bytes(request.into_body(), MOST_BYTES).await;
        let bytes = bytes.map_err(|_| too_long())?;
        Ok(Self(bytes.into()))
    }
}

fn too_long() -> DeskError {
    let message = format!("a spoken reply has {LONGEST:.0} seconds at most: say less at once");
    DeskError::UnfitSound { code: ErrorCode::SoundTooLong, message }
}

impl Input for Spoken {
    fn describe(shape: &mut Shape<'_>) {
        shape.takes_bytes("audio/*");
        for code in UNFIT {
            shape.refuses(code);
        }
    }
}

/// A spoken reply that is kept, and sent by naming it in a message.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SpokenReply")]
pub(super) struct Kept {
    #[serde(flatten)]
    sound: SoundRef,
}

pub(super) async fn keep(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    Changing(logged_in): Changing,
    Spoken(bytes): Spoken,
) -> Result<Json<Kept>, DeskError> {
    let conversation = parse_id(&id)?;
    let before = state.store.conversation(conversation).await?.ok_or(DeskError::NotFound("conversation"))?;
    if !takes_part(&before, &logged_in.agent) {
        return Err(DeskError::NotYours);
    }
    let made = tokio::task::spawn_blocking(move || {
        let samples = match file::decode(bytes, LONGEST) {
            Err(FileError::TooLong { .. }) => return Err(too_long()),
            decoded => decoded.map_err(ClipError::from)?,
        };
        let ready = recording::prepare(&samples).map_err(ClipError::from)?;
        let file = ogg(&ready.samples).map_err(|error| failed(&error))?;
        Ok((file, milliseconds(ready.samples.len())))
    });
    let (file, ms) = made.await.map_err(|error| failed(&error))??;
    let (id, by) = (SoundId::generate(), Some(logged_in.agent.id));
    state.store.keep_sound(NewSound { id, conversation, by, ms, file }).await?;
    Ok(Json(Kept { sound: SoundRef { id, ms } }))
}

fn failed(error: &dyn std::fmt::Display) -> DeskError {
    tracing::error!(%error, "a spoken reply was not made ready");
    DeskError::Unavailable
}

fn takes_part(conversation: &ConversationState, agent: &Agent) -> bool {
    let joined = match &conversation.handoff {
        Handoff::Assigned { joined, .. } => joined.iter().any(|other| other.id == agent.id),
        _ => false,
    };
    joined || conversation.holder().is_some_and(|holder| holder.id == agent.id)
}

/// The sound that a message names, if this agent spoke it in this conversation.
pub(super) async fn of_message(
    state: &DeskState,
    conversation: conversation::ConversationId,
    agent: &Agent,
    id: SoundId,
) -> Result<SoundRef, DeskError> {
    let kept = state.store.sound(id).await?.filter(|kept| is_of(kept, conversation, agent));
    Ok(SoundRef { id, ms: kept.ok_or(DeskError::NotFound("sound"))?.ms })
}

fn is_of(kept: &KeptSound, conversation: conversation::ConversationId, agent: &Agent) -> bool {
    kept.conversation == conversation && kept.by == Some(agent.id)
}

/// Takes back what was spoken and not sent.
pub(super) async fn remove(
    State(state): State<DeskState>,
    Path((id, sound)): Path<(String, String)>,
    Changing(logged_in): Changing,
) -> Result<NoContent, DeskError> {
    let conversation = parse_id(&id)?;
    let sound: SoundId = sound.parse().map_err(|_| DeskError::NotFound("sound"))?;
    let (_, events) = read(&state, conversation, &logged_in.agent).await?;
    let sent = events.iter().any(|event| sound_of(&event.body).is_some_and(|told| told.id == sound));
    let kept = state.store.sound(sound).await?;
    // What was sent is part of the conversation, and nobody's to take back.
    let own = kept.is_some_and(|kept| is_of(&kept, conversation, &logged_in.agent));
    if sent || !own || !state.store.remove_sound(sound).await? {
        return Err(DeskError::NotFound("sound"));
    }
    Ok(NoContent)
}

/// What was said as an event.
const fn sound_of(body: &EventBody) -> Option<&SoundRef> {
    match body {
        EventBody::CitizenMessage(message) => message.sound.as_ref(),
        EventBody::AgentMessage(message) => message.sound.as_ref(),
        _ => None,
    }
}

/// What is to be heard.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "SoundWanted")]
pub(super) struct Wanted {
    /// The place of the event with which it was said.
    seq: Option<u64>,
    /// Or else the id of what this agent has spoken and not sent yet.
    sound: Option<SoundId>,
}

/// What was said, as a WAV file: what a person was told, or a recording that the citizen has left.
pub(super) async fn hear(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    wanted: Result<Query<Wanted>, QueryRejection>,
    logged_in: LoggedIn,
) -> Result<Response, DeskError> {
    let Query(wanted) = wanted.map_err(|rejection| DeskError::Invalid(rejection.body_text()))?;
    let id = parse_id(&id)?;
    let (_, events) = read(&state, id, &logged_in.agent).await?;
    let event = events.iter().find(|event| Some(event.seq) == wanted.seq);
    let sent = event.and_then(|event| sound_of(&event.body)).map(|sound| sound.id);
    let nothing = || DeskError::NotFound("sound");
    let wav = if let Some(sound) = sent.or(wanted.sound) {
        let may = |kept: &KeptSound| {
            kept.conversation == id && (sent.is_some() || kept.by == Some(logged_in.agent.id))
        };
        let kept = state.store.sound(sound).await?.filter(may).ok_or_else(nothing)?;
        let made = tokio::task::spawn_blocking(move || {
            let most = kept.ms as f32 / 1_000.0 + 1.0;
            let samples = file::decode(kept.file, most).map_err(|error| error.to_string())?;
            wav::encode(&samples, speech::SAMPLE_RATE).map_err(|error| error.to_string())
        });
        made.await.map_err(|error| error.to_string()).flatten().map_err(|error| {
            tracing::error!(error, "what was said cannot be read");
            DeskError::Unavailable
        })?
    } else {
        let left = state.store.recordings_of(id).await?;
        let left =
            left.into_iter().find(|left| Some(left.confirmed.seq) == wanted.seq).ok_or_else(nothing)?;
        state.store.recording(&left.id).await?.ok_or_else(nothing)?.1
    };
    Ok(([(header::CONTENT_TYPE, "audio/wav")], wav).into_response())
}
