//! What the desk answers when it cannot do something. Every handler returns [`DeskError`]; what went wrong inside is
//! logged here and never told.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use conversation::{IllegalTransition, Permission, StoreError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Duty;
use crate::doors::openapi::{Refusal, Shape};
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
    /// A recording that cannot be used; the message says why, and what to do.
    #[error("{message}")]
    UnfitSound {
        /// Which of the codes for recordings.
        code: ErrorCode,
        /// In English.
        message: String,
    },
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
    /// Somebody else changed it meanwhile.
    #[error("somebody has changed this meanwhile: read it again, and change what is there now")]
    Changed,
    /// Whoever wrote a change does not approve it.
    #[error("you wrote this yourself: somebody else must approve it")]
    OwnWork,
    /// Too much to do at once.
    #[error("the server is busy; try again shortly")]
    Busy,
    /// A part is down.
    #[error("the server cannot do this right now")]
    Unavailable,
}

impl DeskError {
    /// For programs: the desk's page has a text in each language for every code.
    pub(super) const fn code(&self) -> ErrorCode {
        match self {
            Self::Unauthorized => ErrorCode::Unauthorized,
            Self::SecondFactor => ErrorCode::SecondFactor,
            Self::WrongCode => ErrorCode::WrongCode,
            Self::WrongPassword => ErrorCode::WrongPassword,
            Self::UnfitPassword(_) => ErrorCode::UnfitPassword,
            Self::Owes(Duty::ChangePassword) => ErrorCode::ChangePassword,
            Self::Owes(Duty::SetUpTotp) => ErrorCode::SetUpTotp,
            Self::Forbidden(_) => ErrorCode::Forbidden,
            Self::LockedOut { .. } => ErrorCode::LockedOut,
            Self::ForeignPage => ErrorCode::ForeignPage,
            Self::OtherLanguage => ErrorCode::OtherLanguage,
            Self::NotYours => ErrorCode::NotYours,
            Self::NotFound(_) => ErrorCode::NotFound,
            Self::Invalid(_) => ErrorCode::Invalid,
            Self::UnfitSound { code, .. } => *code,
            Self::Conflict(IllegalTransition::AlreadyClaimed { .. }) => ErrorCode::AlreadyClaimed,
            Self::Conflict(IllegalTransition::NotHolder { .. }) => ErrorCode::NotHolder,
            Self::Conflict(IllegalTransition::NotWaiting { .. }) => ErrorCode::NotWaiting,
            Self::Conflict(IllegalTransition::OfferedToAnother { .. }) => ErrorCode::OfferedToAnother,
            Self::Conflict(IllegalTransition::OfferOver) => ErrorCode::OfferOver,
            Self::Conflict(_) => ErrorCode::Conflict,
            Self::Closed => ErrorCode::Closed,
            Self::NameTaken => ErrorCode::NameTaken,
            Self::LastAdmin => ErrorCode::LastAdmin,
            Self::Changed => ErrorCode::Changed,
            Self::OwnWork => ErrorCode::OwnWork,
            Self::Busy => ErrorCode::Busy,
            Self::Unavailable => ErrorCode::Unavailable,
        }
    }
}

/// Why the desk did not do it, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::doors) enum ErrorCode {
    /// Nobody is logged in, the session is over, or name or password is wrong.
    Unauthorized,
    /// The password is right; ask for the code of the second factor and log in again with it.
    SecondFactor,
    /// The code of the second factor is wrong, or was used before.
    WrongCode,
    /// The password that was asked for again is wrong.
    WrongPassword,
    /// A new password that is not taken; the message says why.
    UnfitPassword,
    /// Somebody else knows the password: it must be changed first.
    ChangePassword,
    /// The operator wants a second factor: it must be set up first.
    SetUpTotp,
    /// None of the person's roles has the permission, which the message names.
    Forbidden,
    /// Too many failed logins: wait as long as `Retry-After` says.
    LockedOut,
    /// The CSRF header is missing or wrong, or the page's origin is not one of ours.
    ForeignPage,
    /// The agent does not serve the conversation's language.
    OtherLanguage,
    /// The conversation neither waits for a person nor was ever this agent's.
    NotYours,
    /// There is no such thing.
    NotFound,
    /// A field is missing or wrong; the message says which.
    Invalid,
    /// A recording that is no sound file, or one of a kind that cannot be read.
    SoundUnreadable,
    /// A recording in which nobody speaks.
    SoundWithoutSpeech,
    /// A recording that is longer than anybody listens.
    SoundTooLong,
    /// A recording that was made too loud.
    SoundClipped,
    /// A file that is too large.
    SoundTooLarge,
    /// Somebody else was faster: `winner` names them.
    AlreadyClaimed,
    /// Somebody else has the conversation, or nobody.
    NotHolder,
    /// It does not wait for a person.
    NotWaiting,
    /// It is offered to somebody else right now.
    OfferedToAnother,
    /// The offer was answered, taken back, or is too old.
    OfferOver,
    /// The conversation is in a state that does not allow it; read it again.
    Conflict,
    /// The conversation is over.
    Closed,
    /// There is an account of this name.
    NameTaken,
    /// Nobody would be left who can manage accounts.
    LastAdmin,
    /// Somebody else has changed it meanwhile: read it again.
    Changed,
    /// Whoever wrote a change does not approve it.
    OwnWork,
    /// On the live socket only: a message that is none.
    BadMessage,
    /// On the live socket only: a page watches no more than so many conversations.
    TooMany,
    /// Too much to do at once: the same request will do shortly.
    Busy,
    /// A part of the server is down.
    Unavailable,
}

impl ErrorCode {
    /// The status it comes with.
    pub(in crate::doors) const fn status(self) -> StatusCode {
        match self {
            Self::Unauthorized | Self::SecondFactor | Self::WrongCode => StatusCode::UNAUTHORIZED,
            Self::LockedOut => StatusCode::TOO_MANY_REQUESTS,
            Self::WrongPassword
            | Self::ChangePassword
            | Self::SetUpTotp
            | Self::Forbidden
            | Self::ForeignPage
            | Self::OtherLanguage
            | Self::OwnWork
            | Self::NotYours => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Invalid
            | Self::UnfitPassword
            | Self::SoundUnreadable
            | Self::SoundWithoutSpeech
            | Self::SoundTooLong
            | Self::SoundClipped
            | Self::SoundTooLarge
            | Self::BadMessage
            | Self::TooMany => StatusCode::UNPROCESSABLE_ENTITY,
            Self::AlreadyClaimed
            | Self::NotHolder
            | Self::NotWaiting
            | Self::OfferedToAnother
            | Self::OfferOver
            | Self::Conflict
            | Self::Closed
            | Self::NameTaken
            | Self::LastAdmin
            | Self::Changed => StatusCode::CONFLICT,
            Self::Busy | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// What an error looks like.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DeskError")]
pub(in crate::doors) struct ErrorBody {
    error: Problem,
    /// The name of who was faster, with `already_claimed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    winner: Option<String>,
}

/// What went wrong.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DeskProblem")]
pub(super) struct Problem {
    pub(super) code: ErrorCode,
    /// For people who write programs, in English. The desk's page has texts of its own in both languages.
    pub(super) message: String,
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
            StoreError::PaperChanged { .. } => Self::Changed,
            StoreError::Stale(_) | StoreError::Unavailable(_) | StoreError::Corrupt(_) => {
                tracing::error!(error = &error as &dyn std::error::Error, "the desk could not use the store");
                Self::Unavailable
            }
        }
    }
}

impl IntoResponse for DeskError {
    fn into_response(self) -> Response {
        let error = Problem { code: self.code(), message: masking::mask(&self.to_string()).into_owned() };
        let winner = match &self {
            Self::Conflict(IllegalTransition::AlreadyClaimed { winner }) => Some(winner.clone()),
            _ => None,
        };
        let mut response = (error.code.status(), Json(ErrorBody { error, winner })).into_response();
        if let Self::LockedOut { retry_after } = self {
            let seconds = HeaderValue::from(retry_after.as_secs().max(1));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

impl Refusal for DeskError {
    fn describe(shape: &mut Shape<'_>) {
        shape.refuses(ErrorCode::Busy);
        shape.refuses(ErrorCode::Unavailable);
    }
}
