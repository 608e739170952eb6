//! `GET /v1/desk/queue`: what waits, and what this agent has.

use axum::Json;
use axum::extract::State;
use conversation::{Agent, QueueItem, StoreError};
use serde::Serialize;

use super::session::LoggedIn;
use super::{DeskError, DeskState};

/// The desk's lists for one agent.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Lists {
    /// What waits in the languages that the agent serves; `position` counts everybody who waits.
    waiting: Vec<QueueItem>,
    /// What the agent has.
    pub(super) mine: Vec<QueueItem>,
}

impl Lists {
    pub(super) async fn read(state: &DeskState, agent: &Agent) -> Result<Self, StoreError> {
        let mut waiting = state.store.waiting().await?;
        waiting.retain(|item| agent.languages.contains(&item.language));
        Ok(Self { waiting, mine: state.store.held_by(agent.id).await? })
    }
}

pub(super) async fn queue(
    State(state): State<DeskState>,
    logged_in: LoggedIn,
) -> Result<Json<Lists>, DeskError> {
    Ok(Json(Lists::read(&state, &logged_in.agent).await?))
}
