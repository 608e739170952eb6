//! Suggested answers: the desk asks, the workers that understand citizens answer.

use std::sync::Arc;

use async_trait::async_trait;
use language::Language;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clips::{Clip, Inventory};

/// An answer that an agent may send.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SuggestedAnswer {
    /// Which entry.
    #[schemars(with = "String")]
    pub entry: kb::EntryId,
    /// Its question, in the language asked for.
    pub question: String,
    /// Its whole answer, in the language asked for.
    pub text: String,
    /// Calibrated probability that it is what was meant, 0 to 1.
    pub confidence: f32,
}

/// The knowledge base cannot be asked right now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no suggestions right now: {0}")]
pub struct NoSuggestions(pub String);

/// Looks up answers for an agent. Implementations hand the question to worker threads; they never search on the
/// thread that calls.
#[async_trait]
pub trait SuggestAnswers: Send + Sync {
    /// Answers to what was asked, best first, at most five.
    ///
    /// # Errors
    /// [`NoSuggestions`] where the workers are busy or gone.
    async fn suggest(
        &self,
        question: &str,
        language: Language,
    ) -> Result<Vec<SuggestedAnswer>, NoSuggestions>;

    /// The answers of these entries, in that order, with the confidence that is given for each.
    fn named(&self, entries: &[(kb::EntryId, f32)], language: Language) -> Vec<SuggestedAnswer>;

    /// What is served right now.
    fn served(&self) -> Arc<kb::Publication>;

    /// Everything that is said aloud, held against what people have read.
    fn inventory(&self, clips: &[Clip]) -> Inventory;
}
