//! `GET /v1/handoffs/{call}`: what an agent's screen asks for when a call reaches them by telephone.

use axum::Json;
use axum::extract::{Path, State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::conversations::{Done, View, parse_id, view_of};
use super::session::{Body, Changing, LoggedIn};
use super::{DeskError, DeskState};
use crate::hotline::Wish;

/// A call's conversation.
#[derive(Serialize, JsonSchema)]
pub(super) struct Handoff {
    /// The id of the call, as the PBX knows it.
    call: String,
    #[serde(flatten)]
    view: View,
}

pub(super) async fn of_call(
    State(state): State<DeskState>,
    Path(call): Path<String>,
    logged_in: LoggedIn,
) -> Result<Json<Handoff>, DeskError> {
    let came = state.store.conversation_of_call(&call).await?;
    // A call back has the id of the conversation that it goes on with.
    let id = came.or_else(|| call.parse().ok()).ok_or(DeskError::NotFound("call"))?;
    let view = view_of(&state, id, &logged_in.agent).await?;
    Ok(Json(Handoff { call, view }))
}

/// Where the agent wants to be connected.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "CallBack")]
pub(super) struct Wanted {
    /// The agent's telephone: an extension of the PBX or a SIP URI. Without it they write, and what they write is spoken.
    #[serde(default)]
    extension: Option<String>,
}

/// Dials the citizen who wants to be called back. What comes of it is an event (`call`, `callback_attempted`).
pub(super) async fn call_back(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    Changing(logged_in): Changing,
    Body(wanted): Body<Wanted>,
) -> Result<Json<Done>, DeskError> {
    let id = parse_id(&id)?;
    let extension = wanted.extension.filter(|extension| !extension.trim().is_empty());
    if extension.as_ref().is_some_and(|extension| !is_target(extension)) {
        return Err(DeskError::Invalid("`extension` is an extension of the PBX or a SIP URI".to_owned()));
    }
    let dialler = state.call_back.get().ok_or_else(|| {
        DeskError::Invalid("this server does not dial; the operator can set telephone.callback".to_owned())
    })?;
    let conversation = state.store.conversation(id).await?.ok_or(DeskError::NotFound("conversation"))?;
    let has_it = conversation.holder().is_some_and(|holder| holder.id == logged_in.agent.id);
    let callback =
        conversation.handoff.ticket().filter(|_| has_it).and_then(|ticket| ticket.callback.clone());
    let number = callback.ok_or(DeskError::NotYours)?.number;
    let wish = Wish { conversation: id, number, by: logged_in.agent.actor(), extension };
    dialler.dial(wish).map_err(|_| DeskError::Busy)?;
    tracing::info!(agent = %logged_in.agent.id, conversation = %id, "an agent has a citizen called back");
    Ok(Json(Done {}))
}

/// Printable, without anything that could end a header.
fn is_target(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"".contains(&byte))
}
