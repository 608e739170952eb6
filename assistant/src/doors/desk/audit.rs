//! `GET /v1/desk/audit`: the audit trail, for those who may.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use conversation::audit::{AuditPage, AuditRecord};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::session::LoggedIn;
use super::{DeskError, DeskState};

/// Records at once at most.
const MOST: u32 = 500;

/// Which records.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Wanted {
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
    let records = state.store.audit(AuditPage::Before(wanted.before), limit).await?;
    Ok(Json(Page { records }))
}
