//! What the desk answers when it cannot do something. Every handler returns [`DeskError`]; what went wrong inside is
//! logged here and never told.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use conversation::{IllegalTransition, Permission, StoreError};
use serde_json::json;

use super::Duty;
use crate::masking;

/// Why the desk did not do it.
#[derive(Debug, thiserror::Error)]
pub(super) enum DeskError {
    /// Nobody is logged in, or name or password is wrong.
    #[error("log in first, or name or password is wrong")]
    Unauthorized,
    /// The password is right; the code of the second factor is missing.
    #[error("the code of the second factor is missing")]
    SecondFactor,
    /// The code of the second factor is wrong, or was used before.
    #[error("the code is wrong or was used before")]
    WrongCode,
    /// Somebody who is logged in gave a wrong password where theirs was asked for again.
    #[error("the password is wrong")]
    WrongPassword,
    /// A new password that is not taken.
    #[error("{0}")]
    UnfitPassword(String),
    /// The person must do something else first.
    #[error("{0}")]
    Owes(Duty),
    /// None of the person's roles has the permission.
    #[error("this needs the permission {0}, which none of your roles has")]
    Forbidden(Permission),
    /// Too many failed logins.
    #[error("too many failed logins; try again later")]
    LockedOut {
        /// How long the lock still lasts.
        retry_after: Duration,
    },
    /// The page that asks is not ours, or its CSRF value is wrong.
    #[error("this request did not come from the desk's page")]
    ForeignPage,
    /// The agent does not serve the conversation's language.
    #[error("the conversation is in a language that you do not serve")]
    OtherLanguage,
    /// The conversation neither waits for a person nor was ever this agent's.
    #[error("this conversation is not open to you")]
    NotYours,
    /// There is no such thing.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// A field is missing or wrong.
    #[error("{0}")]
    Invalid(String),
    /// There is an account of this name.
    #[error("there is an account of this name already")]
    NameTaken,
    /// Nobody would be left who can manage accounts.
    #[error("this is the last account that can manage accounts; give the role admin to somebody else first")]
    LastAdmin,
    /// The handoff does not allow it.
    #[error(transparent)]
    Conflict(IllegalTransition),
    /// The conversation is over.
    #[error("the conversation is over")]
    Closed,
    /// Too much to do at once.
    #[error("the server is busy; try again shortly")]
    Busy,
    /// A part is down.
    #[error("the server cannot do this right now")]
    Unavailable,
}

impl DeskError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized | Self::SecondFactor | Self::WrongCode => StatusCode::UNAUTHORIZED,
            Self::LockedOut { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::WrongPassword
            | Self::Owes(_)
            | Self::Forbidden(_)
            | Self::ForeignPage
            | Self::OtherLanguage
            | Self::NotYours => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Invalid(_) | Self::UnfitPassword(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Conflict(_) | Self::Closed | Self::NameTaken | Self::LastAdmin => StatusCode::CONFLICT,
            Self::Busy | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// For programs: the desk's page has a text in each language for every code.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::SecondFactor => "second_factor",
            Self::WrongCode => "wrong_code",
            Self::WrongPassword => "wrong_password",
            Self::UnfitPassword(_) => "unfit_password",
            Self::Owes(duty) => duty.as_str(),
            Self::Forbidden(_) => "forbidden",
            Self::LockedOut { .. } => "locked_out",
            Self::ForeignPage => "foreign_page",
            Self::OtherLanguage => "other_language",
            Self::NotYours => "not_yours",
            Self::NotFound(_) => "not_found",
            Self::Invalid(_) => "invalid",
            Self::Conflict(IllegalTransition::AlreadyClaimed { .. }) => "already_claimed",
            Self::Conflict(IllegalTransition::NotHolder { .. }) => "not_holder",
            Self::Conflict(IllegalTransition::NotWaiting { .. }) => "not_waiting",
            Self::Conflict(IllegalTransition::OfferedToAnother { .. }) => "offered_to_another",
            Self::Conflict(IllegalTransition::OfferOver) => "offer_over",
            Self::Conflict(_) => "conflict",
            Self::Closed => "closed",
            Self::NameTaken => "name_taken",
            Self::LastAdmin => "last_admin",
            Self::Busy => "busy",
            Self::Unavailable => "unavailable",
        }
    }
}

impl From<StoreError> for DeskError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound(what) => Self::NotFound(what),
            StoreError::Busy => Self::Busy,
            StoreError::Closed | StoreError::Handoff(IllegalTransition::Closed) => Self::Closed,
            StoreError::Handoff(
                wrong @ (IllegalTransition::BadTime(_)
                | IllegalTransition::BadNumber
                | IllegalTransition::NoCallback),
            ) => Self::Invalid(wrong.to_string()),
            StoreError::Handoff(illegal) => Self::Conflict(illegal),
            StoreError::NameTaken => Self::NameTaken,
            StoreError::Stale(_) | StoreError::Unavailable(_) | StoreError::Corrupt(_) => {
                tracing::error!(error = &error as &dyn std::error::Error, "the desk could not use the store");
                Self::Unavailable
            }
        }
    }
}

impl IntoResponse for DeskError {
    fn into_response(self) -> Response {
        let mut body =
            json!({ "error": { "code": self.code(), "message": masking::mask(&self.to_string()) } });
        if let Self::Conflict(IllegalTransition::AlreadyClaimed { winner }) = &self {
            body["winner"] = json!(winner);
        }
        let mut response = (self.status(), Json(body)).into_response();
        if let Self::LockedOut { retry_after } = self {
            let seconds = HeaderValue::from(retry_after.as_secs().max(1));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}
