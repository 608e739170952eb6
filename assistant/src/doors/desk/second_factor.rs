//! One's own second factor: `POST /v1/desk/totp`, `…/totp/confirm`, `…/totp/remove`.

use axum::Json;
use axum::extract::State;
use axum::response::NoContent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::session::{Body, Changing};
use super::{DeskError, DeskState, proof};
use crate::people::{recovery, totp::Secret};

/// What authenticator apps call the service.
const ISSUER: &str = "Drilen";

/// One's own password, asked for again.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "OwnPassword")]
pub(super) struct Password {
    password: String,
}

/// What an authenticator app is given, once.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TotpEnrolment")]
pub(super) struct Enrolment {
    /// Base32, to be typed.
    secret: String,
    /// `otpauth://…`, to be shown as a QR code.
    uri: String,
}

/// Begins to set up a second factor. It is asked for only after [`confirm`].
pub(super) async fn begin(
    State(state): State<DeskState>,
    Changing(logged_in): Changing,
    Body(given): Body<Password>,
) -> Result<Json<Enrolment>, DeskError> {
    let person = &logged_in.person;
    proof::confirm(&state, person, given.password).await?;
    let secret = Secret::from_random(super::random()?);
    state.store.begin_totp(person.id, secret.as_bytes().to_vec()).await?;
    Ok(Json(Enrolment { uri: secret.uri(ISSUER, &person.name), secret: secret.base32() }))
}

/// A code that the app made.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "TotpCode")]
pub(super) struct Code {
    code: String,
}

/// Codes that stand in for a lost app, shown once.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RecoveryCodes")]
pub(super) struct Recovery {
    recovery_codes: Vec<String>,
}

/// The app makes the right codes: from now on logins ask for them.
pub(super) async fn confirm(
    State(state): State<DeskState>,
    Changing(logged_in): Changing,
    Body(given): Body<Code>,
) -> Result<Json<Recovery>, DeskError> {
    let person = &logged_in.person;
    let known = state.store.credentials(&person.name).await?.ok_or(DeskError::Unauthorized)?;
    let waiting = known.totp.as_ref().filter(|totp| !totp.confirmed);
    let totp = waiting.ok_or(DeskError::NotFound("second factor to set up"))?;
    let secret = Secret::from_bytes(totp.secret.clone());
    let step = secret.step_of(given.code.trim(), state.clock.now(), totp.last_step);
    let step = step.ok_or(DeskError::WrongCode)?;
    let mut random = [[0; recovery::CODE_BYTES]; recovery::CODES];
    for code in &mut random {
        *code = super::random()?;
    }
    let codes = recovery::codes(random);
    let hashes = codes.iter().filter_map(|code| recovery::hash(code)).collect();
    state.store.confirm_totp(person.id, step, hashes).await?;
    Ok(Json(Recovery { recovery_codes: codes }))
}

/// Takes the second factor away; the password alone has to prove that it is their wish. All sessions end.
pub(super) async fn remove(
    State(state): State<DeskState>,
    Changing(logged_in): Changing,
    Body(given): Body<Password>,
) -> Result<NoContent, DeskError> {
    let person = &logged_in.person;
    proof::confirm(&state, person, given.password).await?;
    state.store.remove_totp(person.actor(), person.id).await?;
    Ok(NoContent)
}
