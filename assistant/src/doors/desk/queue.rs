//! `GET /v1/desk/queue`: what waits, and what this agent has.

use axum::Json;
use axum::extract::State;
use conversation::{Agent, Priority, QueueItem, Status, StoreError, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use super::session::LoggedIn;
use super::{DeskError, DeskSettings, DeskState};

/// Of what waits, so much is listed: nobody chooses among more, and every change is sent to every agent.
const LISTED: usize = 100;

/// Whether somebody waits too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Late {
    /// Three quarters of the time in which they should be answered are over.
    Soon,
    /// They should have been answered by now.
    Overdue,
}

impl Late {
    /// How late it is for what waits, or is to be called back, at that moment.
    pub(super) fn of(item: &QueueItem, settings: &DeskSettings, now: Timestamp) -> Option<Self> {
        let (waited, within) = match (&item.callback, item.status) {
            (_, Status::Queued | Status::Offered) if item.priority == Priority::Emergency => {
                (now.since(item.since), settings.answer_emergencies_within)
            }
            (_, Status::Queued | Status::Offered) => (now.since(item.since), settings.answer_within),
            // A call back is late when its time is over.
            (Some(callback), Status::Callback) => {
                (now.since(callback.from), callback.until.since(callback.from))
            }
            _ => return None,
        };
        if waited >= within { Some(Self::Overdue) } else { (waited * 4 >= within * 3).then_some(Self::Soon) }
    }
}

/// What waits, with how late it is.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "WaitingItem")]
pub(super) struct Waiting {
    #[serde(flatten)]
    pub(super) item: QueueItem,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) late: Option<Late>,
}

/// The desk's lists for one agent.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "DeskLists")]
pub(super) struct Lists {
    /// The first that wait in the languages that the agent serves; `position` counts everybody who waits. What is offered to somebody else stands here too.
    pub(super) waiting: Vec<Waiting>,
    /// How many wait in these languages, where that is more than are listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_in_all: Option<usize>,
    /// What the agent has, be it set aside or settled.
    pub(super) mine: Vec<QueueItem>,
    /// Citizens to be called back in the languages that the agent serves, in order of their time.
    callbacks: Vec<Waiting>,
}

impl Lists {
    pub(super) async fn read(state: &DeskState, agent: &Agent) -> Result<Self, StoreError> {
        let now = state.clock.now();
        let serves = |item: &QueueItem| agent.languages.contains(&item.language);
        let with_time = |item: QueueItem| Waiting { late: Late::of(&item, &state.settings, now), item };
        let mut open = state.store.open_escalations().await?;
        open.retain(serves);
        let (waiting, others): (Vec<_>, Vec<_>) = open.into_iter().partition(|item| item.status.waits());
        let mut callbacks: Vec<Waiting> =
            others.into_iter().filter(|item| item.status == Status::Callback).map(with_time).collect();
        callbacks.sort_by_key(|waiting| waiting.item.callback.as_ref().map(|callback| callback.from));
        let in_all = waiting.len();
        Ok(Self {
            waiting: waiting.into_iter().take(LISTED).map(with_time).collect(),
            waiting_in_all: (in_all > LISTED).then_some(in_all),
            mine: state.store.held_by(agent.id).await?,
            callbacks,
        })
    }
}

pub(super) async fn queue(
    State(state): State<DeskState>,
    logged_in: LoggedIn,
) -> Result<Json<Lists>, DeskError> {
    Ok(Json(Lists::read(&state, &logged_in.agent).await?))
}
