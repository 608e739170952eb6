//! `GET /v1/desk/audit`: the audit trail, for those who may.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use conversation::Timestamp;
use conversation::audit::{AuditRecord, AuditSearch};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::session::LoggedIn;
use super::{DeskError, DeskState};

/// Records at once at most.
const MOST: u32 = 500;

/// Which records; what is left out or empty lets everything through.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Wanted {
    /// Only of this act, such as `login.failed`.
    #[serde(default)]
    action: String,
    /// Only of whoever has this name.
    #[serde(default)]
    actor: String,
    /// Only about this, as `kind:id`.
    #[serde(default)]
    subject: String,
    /// Not before this moment …
    since: Option<Timestamp>,
    /// … and before this one.
    until: Option<Timestamp>,
    /// Only those before this one.
    before: Option<u64>,
    /// So many at most; 100 where nothing is said, 500 at most.
    limit: Option<u32>,
}

/// Records, the newest first.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AuditPage")]
pub(super) struct Page {
    records: Vec<AuditRecord>,
}

pub(super) async fn page(
    State(state): State<DeskState>,
    _logged_in: LoggedIn,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Page>, DeskError> {
    let Query(wanted) = wanted.map_err(|rejection| DeskError::Invalid(rejection.body_text()))?;
    let limit = wanted.limit.unwrap_or(100).clamp(1, MOST);
    let Wanted { action, actor, subject, since, until, before, .. } = wanted;
    let search = AuditSearch { action, actor, subject, since, until, before };
    let records = state.store.search_audit(search, limit).await?;
    Ok(Json(Page { records }))
}
