//! `/v1/desk/clips`: answers that people have read aloud.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, Path, Query, Request, State};
use axum::http::header;
use axum::response::{IntoResponse as _, NoContent, Response};
use conversation::LanguageCode;
use conversation::audit::{AuditActor, AuditEntry};
use kb::EntryId;
use language::Language;
use schemars::JsonSchema;
use serde::Deserialize;
use speech::recording::RecordingError;

use super::session::{Changing, LoggedIn};
use super::{DeskError, DeskState, ErrorCode};
use crate::clips::{Clip, ClipError, Inventory, MOST_BYTES, NewClip, Version};
use crate::doors::openapi::{Input, Shape};

/// A sound file as it was sent.
pub(super) struct SoundFile(Vec<u8>);

impl FromRequest<DeskState> for SoundFile {
    type Rejection = DeskError;

    async fn from_request(request: Request, _state: &DeskState) -> Result<Self, DeskError> {
        // Larger than the desk's other requests: these are JSON.
        let bytes = axum::body::to_bytes(request.into_body(), MOST_BYTES).await;
        let bytes = bytes.map_err(|_| ClipError::TooLarge)?;
        if bytes.is_empty() {
            return Err(DeskError::Invalid("the body is empty: send the sound file itself".into()));
        }
        Ok(Self(bytes.into()))
    }
}

impl Input for SoundFile {
    fn describe(shape: &mut Shape<'_>) {
        shape.takes_bytes("audio/*");
        shape.refuses(ErrorCode::Invalid);
        for code in UNFIT {
            shape.refuses(code);
        }
    }
}

/// What may be wrong with a recording.
pub(super) const UNFIT: [ErrorCode; 5] = [
    ErrorCode::SoundUnreadable,
    ErrorCode::SoundWithoutSpeech,
    ErrorCode::SoundTooLong,
    ErrorCode::SoundClipped,
    ErrorCode::SoundTooLarge,
];

/// Whose answer was read.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Of {
    /// The entry's id.
    entry: String,
    /// The language that was read.
    #[schemars(with = "LanguageCode")]
    language: Language,
    /// For an answer that holds in one place only: its code.
    region: Option<String>,
    /// For an answer to one person group only.
    group: Option<String>,
}

/// Every spoken answer with its recording, and recordings of what is not said any more.
pub(super) async fn list(
    State(state): State<DeskState>,
    _logged_in: LoggedIn,
) -> Result<Json<Inventory>, DeskError> {
    blocking(move || Ok(Json(state.answers.inventory(&state.clips.list())))).await
}

pub(super) async fn add(
    State(state): State<DeskState>,
    Changing(logged_in): Changing,
    of: Result<Query<Of>, QueryRejection>,
    SoundFile(file): SoundFile,
) -> Result<Json<Clip>, DeskError> {
    let Query(of) = of.map_err(|rejection| DeskError::Invalid(rejection.body_text()))?;
    let actor = AuditActor::Person { id: logged_in.agent.id, name: logged_in.agent.name.clone() };
    let (by, at) = (logged_in.agent.name, state.clock.now());
    let keeper = state.clone();
    let clip = blocking(move || {
        let inventory = keeper.answers.inventory(&[]);
        let read = |version: &&Version| {
            version.entry.0 == of.entry
                && version.language == of.language
                && version.region == of.region
                && version.group == of.group
        };
        let version = inventory.versions.iter().find(read).ok_or(DeskError::NotFound("spoken answer"))?;
        let (entry, language, text) = (EntryId(of.entry.clone()), of.language, version.text.clone());
        Ok(keeper.clips.add(NewClip { entry, language, text, by, at }, file)?)
    })
    .await?;
    let entry = AuditEntry::new(actor, "clip.added").on("clip", &clip.id);
    let entry = entry.with("entry", clip.entry.to_string()).with("language", clip.language.code());
    state.store.record(entry).await?;
    Ok(Json(clip))
}

pub(super) async fn sound(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    _logged_in: LoggedIn,
) -> Result<Response, DeskError> {
    blocking(move || {
        let clip = state.clips.get(&id).ok_or(DeskError::NotFound("clip"))?;
        let wav = std::fs::read(state.clips.wav(&clip)).map_err(|error| {
            tracing::error!(clip = clip.id, %error, "a recording cannot be read");
            DeskError::Unavailable
        })?;
        Ok(([(header::CONTENT_TYPE, "audio/wav")], wav).into_response())
    })
    .await
}

pub(super) async fn remove(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    Changing(logged_in): Changing,
) -> Result<NoContent, DeskError> {
    let keeper = state.clone();
    let clip = blocking(move || Ok(keeper.clips.remove(&id)?)).await?;
    let actor = AuditActor::Person { id: logged_in.agent.id, name: logged_in.agent.name };
    let entry = AuditEntry::new(actor, "clip.removed").on("clip", &clip.id);
    let entry = entry.with("entry", clip.entry.to_string()).with("language", clip.language.code());
    state.store.record(entry).await?;
    Ok(NoContent)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DeskError> + Send + 'static,
) -> Result<T, DeskError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "work on recordings broke off");
        DeskError::Unavailable
    })?
}

impl From<ClipError> for DeskError {
    fn from(error: ClipError) -> Self {
        let code = match &error {
            ClipError::Unknown(_) => return Self::NotFound("clip"),
            ClipError::Disk { .. } => {
                tracing::error!(%error, "a recording was not kept");
                return Self::Unavailable;
            }
            ClipError::File(_) | ClipError::Recording(RecordingError::Loudness(_)) => {
                ErrorCode::SoundUnreadable
            }
            ClipError::Recording(RecordingError::NoSpeech) => ErrorCode::SoundWithoutSpeech,
            ClipError::Recording(RecordingError::TooLong(_)) => ErrorCode::SoundTooLong,
            ClipError::Recording(RecordingError::Clipped(_)) => ErrorCode::SoundClipped,
            ClipError::TooLarge => ErrorCode::SoundTooLarge,
        };
        Self::UnfitSound { code, message: error.to_string() }
    }
}
