//! `GET /v1/desk/answers`: suggested answers.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use conversation::LanguageCode;
use conversation::protocol::MAX_TEXT_CHARACTERS;
use language::Language;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::session::LoggedIn;
use super::{DeskError, DeskState, SuggestedAnswer};

/// What an agent looks for.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Wanted {
    /// What the citizen asks, in words; 2,000 characters at most.
    q: String,
    #[schemars(with = "LanguageCode")]
    language: Language,
}

/// What was found, best first.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SuggestedAnswers")]
pub(super) struct Found {
    candidates: Vec<SuggestedAnswer>,
}

pub(super) async fn answers(
    State(state): State<DeskState>,
    wanted: Result<Query<Wanted>, QueryRejection>,
    _logged_in: LoggedIn,
) -> Result<Json<Found>, DeskError> {
    let Query(wanted) = wanted.map_err(|rejection| DeskError::Invalid(rejection.body_text()))?;
    if wanted.q.chars().count() > MAX_TEXT_CHARACTERS {
        return Err(DeskError::Invalid(format!("`q` has more than {MAX_TEXT_CHARACTERS} characters")));
    }
    if wanted.q.trim().is_empty() {
        return Ok(Json(Found { candidates: Vec::new() }));
    }
    let candidates = state.answers.suggest(&wanted.q, wanted.language).await.map_err(|error| {
        tracing::warn!(%error, "no suggested answers for the desk");
        DeskError::Busy
    })?;
    Ok(Json(Found { candidates }))
}
