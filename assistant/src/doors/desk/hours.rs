//! `/v1/desk/hours`: when people are at work.

use axum::Json;
use axum::extract::State;
use conversation::wait::{OfficeHours, Span, SpecialDay};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::session::{Body, Changing, LoggedIn};
use super::{DeskError, DeskState};
use crate::hours::{Current, HoursError};

/// The hours that hold.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "HoursOfService")]
pub(super) struct Holding {
    /// Counts changes that were made here; 0 where there was none.
    version: u64,
    /// They are the configuration's.
    configured: bool,
    hours: Week,
}

/// When people are at work. An empty week without special days means always.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "HoldingHours")]
#[expect(clippy::struct_field_names, reason = "its name in the configuration")]
struct Week {
    /// The office's time zone.
    time_zone: String,
    /// Spans by weekday, Monday first.
    week: [Vec<Span>; 7],
    /// Days on which nobody is at work.
    holidays: Vec<String>,
    /// Days with hours of their own.
    special: Vec<SpecialDay>,
}

impl From<Current> for Holding {
    fn from(Current { version, hours, configured }: Current) -> Self {
        let OfficeHours { time_zone, week, holidays, special } = hours;
        let holidays = holidays.iter().map(ToString::to_string).collect();
        Self { version, configured, hours: Week { time_zone, week, holidays, special } }
    }
}

/// Hours that shall hold.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "WantedHours")]
pub(super) struct Wanted {
    /// The version that was seen.
    version: u64,
    /// `null`: the configured ones hold again.
    #[serde(deserialize_with = "given")]
    hours: Option<OfficeHours>,
}

/// Left out is not `null`: nobody opens the office for ever by a slip.
fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<OfficeHours>, D::Error> {
    Option::deserialize(from)
}

pub(super) async fn show(
    State(state): State<DeskState>,
    _logged_in: LoggedIn,
) -> Result<Json<Holding>, DeskError> {
    state.hours.look().await?;
    Ok(Json(state.hours.current().into()))
}

pub(super) async fn change(
    State(state): State<DeskState>,
    Changing(logged_in): Changing,
    Body(wanted): Body<Wanted>,
) -> Result<Json<Holding>, DeskError> {
    let changed = state.hours.change(logged_in.person.actor(), wanted.version, wanted.hours).await;
    changed.map(|current| Json(current.into())).map_err(|error| match error {
        HoursError::Invalid(reason) => DeskError::Invalid(reason),
        HoursError::Store(error) => error.into(),
    })
}
