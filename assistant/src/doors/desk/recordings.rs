//! `/v1/desk/recordings`: what citizens have left, to be heard, exported and removed.

use std::io::{Cursor, Write as _};

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse as _, NoContent, Response};
use conversation::Timestamp;
use conversation::audit::{AuditActor, AuditEntry};
use conversation::protocol::MAX_TEXT_CHARACTERS;
use conversation::recordings::Recording;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zip::write::SimpleFileOptions;

use super::session::{Body, Changing, LoggedIn};
use super::{DeskError, DeskState};
use crate::masking;

/// Recordings that are listed or exported at once: some hours of speech.
const MOST: u32 = 5_000;

/// What citizens have left, the newest first.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Recordings")]
pub(super) struct All {
    recordings: Vec<Recording>,
}

fn masked(mut recording: Recording) -> Recording {
    recording.confirmed.said = masking::mask(&recording.confirmed.said).into_owned();
    recording
}

async fn all(state: &DeskState) -> Result<Vec<Recording>, DeskError> {
    let recordings = state.store.recordings(Timestamp::from_millis(i64::MAX), MOST).await?;
    Ok(recordings.into_iter().map(masked).collect())
}

pub(super) async fn list(
    State(state): State<DeskState>,
    _logged_in: LoggedIn,
) -> Result<Json<All>, DeskError> {
    Ok(Json(All { recordings: all(&state).await? }))
}

pub(super) async fn sound(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    _logged_in: LoggedIn,
) -> Result<Response, DeskError> {
    let (_, wav) = state.store.recording(&id).await?.ok_or(DeskError::NotFound("recording"))?;
    Ok(([(header::CONTENT_TYPE, "audio/wav")], wav).into_response())
}

/// What is said in a recording, word for word.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "WrittenDown")]
pub(super) struct Said {
    /// 2,000 characters at most; empty where it cannot be told.
    said: String,
}

pub(super) async fn write_down(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    Changing(logged_in): Changing,
    Body(Said { said }): Body<Said>,
) -> Result<NoContent, DeskError> {
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    if said.chars().count() > MAX_TEXT_CHARACTERS {
        return Err(DeskError::Invalid(format!("`said` has more than {MAX_TEXT_CHARACTERS} characters")));
    }
    // What is shown masked would come back as asterisks.
    if said.contains('*') {
        return Err(DeskError::Invalid("write numbers as they are spoken, without asterisks".to_owned()));
    }
    let entry = AuditEntry::new(actor(&logged_in), "recording.written_down").on("recording", &id);
    let done = state.store.write_down(&id, &said, entry).await?;
    if done { Ok(NoContent) } else { Err(DeskError::NotFound("recording")) }
}

pub(super) async fn remove(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    Changing(logged_in): Changing,
) -> Result<NoContent, DeskError> {
    let entry = AuditEntry::new(actor(&logged_in), "recording.removed").on("recording", &id);
    let removed = state.store.remove_recording(&id, None, Some(entry)).await?;
    if removed { Ok(NoContent) } else { Err(DeskError::NotFound("recording")) }
}

fn actor(logged_in: &LoggedIn) -> AuditActor {
    logged_in.person.actor()
}

/// A ZIP file with the sounds and `recordings.tsv`, as `assistant calibrate --manifest` and `training/` read it. It is recorded before anything is
/// given out.
pub(super) async fn export(
    State(state): State<DeskState>,
    logged_in: LoggedIn,
) -> Result<Response, DeskError> {
    let recordings = all(&state).await?;
    let entry = AuditEntry::new(actor(&logged_in), "recordings.exported").with("count", recordings.len());
    state.store.record(entry).await?;
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let broken = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "recordings could not be exported");
        DeskError::Unavailable
    };
    let options = SimpleFileOptions::default();
    let mut table = String::from("path\tentry\tlanguage\twords\n");
    for recording in recordings {
        // Erased since it was listed.
        let Some((_, wav)) = state.store.recording(&recording.id).await? else { continue };
        let name = format!("{}/{}.wav", recording.language.code(), recording.id);
        archive.start_file(&name, options).map_err(|error| broken(&error))?;
        archive.write_all(&wav).map_err(|error| broken(&error))?;
        let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let (entry, language) = (&recording.confirmed.entry, recording.language.code());
        table.extend([&name, "\t", &entry.0, "\t", language, "\t", &plain(&recording.confirmed.said), "\n"]);
    }
    archive.start_file("recordings.tsv", options).map_err(|error| broken(&error))?;
    archive.write_all(table.as_bytes()).map_err(|error| broken(&error))?;
    let bytes = archive.finish().map_err(|error| broken(&error))?.into_inner();
    let headers = [
        (header::CONTENT_TYPE, "application/zip"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"recordings.zip\""),
    ];
    Ok((headers, bytes).into_response())
}
