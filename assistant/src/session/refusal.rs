//! Why something that a client asked for is not done.

use std::time::Duration;

use conversation::{
    IllegalTransition, MessageId, StoreError,
    protocol::{ErrorCode, ErrorSignal},
};
use language::Language;

use crate::phrases::{Phrase, for_error, say_to, say_with};

/// Something is not done; the citizen is told why in their language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// For programs.
    pub code: ErrorCode,
    /// For people.
    pub phrase: Phrase,
    /// The message that it is about.
    pub id: Option<MessageId>,
    /// When to try again.
    pub retry_after: Option<Duration>,
    /// How many others wait before this one.
    pub waiting_before: Option<u32>,
}

impl Refusal {
    /// A refusal with the code's usual words.
    pub const fn new(code: ErrorCode) -> Self {
        Self { code, phrase: for_error(code), id: None, retry_after: None, waiting_before: None }
    }

    /// The code as it is written on the wire.
    pub fn code_name(&self) -> &'static str {
        // The phrase files name their sentences after the codes; the test below holds them to it.
        for_error(self.code).key().trim_start_matches("error_")
    }

    /// … with other words.
    #[must_use]
    pub const fn saying(mut self, phrase: Phrase) -> Self {
        self.phrase = phrase;
        self
    }

    /// … about this message.
    #[must_use]
    pub fn about(mut self, id: Option<MessageId>) -> Self {
        self.id = id;
        self
    }

    /// … until later.
    #[must_use]
    pub const fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// … in a line behind so many others.
    #[must_use]
    pub fn waiting_behind(mut self, others: usize) -> Self {
        self.waiting_before = Some(u32::try_from(others).unwrap_or(u32::MAX));
        self
    }

    fn words(&self, language: Option<Language>) -> String {
        let words = say_to(self.phrase, language);
        match (self.waiting_before, language) {
            (Some(others), Some(language)) if others > 0 => {
                let place = say_with(Phrase::WaitingBefore, language, &[("count", &others.to_string())]);
                format!("{words} {place}")
            }
            _ => words,
        }
    }

    /// The message to the client.
    pub fn signal(&self, language: Option<Language>, fatal: bool) -> ErrorSignal {
        ErrorSignal {
            code: self.code,
            message: self.words(language),
            fatal,
            id: self.id.clone(),
            retry_after_ms: self
                .retry_after
                .map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1)),
            waiting_before: self.waiting_before,
        }
    }
}

/// How long a client should wait after the store was too busy or away.
const STORE_PAUSE: Duration = Duration::from_secs(2);

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            // A conversation that is gone under its citizen's hands was erased.
            StoreError::Closed | StoreError::NotFound("conversation") => Self::new(ErrorCode::Closed),
            StoreError::Busy => {
                Self::new(ErrorCode::Busy).saying(Phrase::ErrorUnavailable).retry_after(STORE_PAUSE)
            }
            StoreError::Handoff(IllegalTransition::BadNumber) => {
                Self::new(ErrorCode::BadMessage).saying(Phrase::NoNumber)
            }
            StoreError::Handoff(IllegalTransition::BadTime(_)) => {
                Self::new(ErrorCode::BadMessage).saying(Phrase::NoTime)
            }
            StoreError::Handoff(IllegalTransition::Closed | IllegalTransition::NotReopenable) => {
                Self::new(ErrorCode::Closed)
            }
            StoreError::Handoff(_) | StoreError::Stale(_) => Self::new(ErrorCode::WrongOrder),
            StoreError::Unavailable(error) => {
                tracing::error!(%error, "the store is unavailable");
                Self::new(ErrorCode::Unavailable).retry_after(STORE_PAUSE)
            }
            StoreError::NotFound(_)
            | StoreError::NameTaken
            | StoreError::PaperChanged { .. }
            | StoreError::Corrupt(_) => {
                tracing::error!(%error, "the store refused what a conversation needs");
                Self::new(ErrorCode::Internal)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_named_as_on_the_wire_and_told_in_each_language() {
        for code in ErrorCode::ALL {
            let refusal = Refusal::new(code);
            assert_eq!(serde_json::to_value(code).unwrap(), refusal.code_name());
            let both = refusal.signal(None, true).message;
            for language in Language::ALL {
                assert!(both.contains(&refusal.signal(Some(language), false).message), "{code:?}");
            }
        }
    }
}
