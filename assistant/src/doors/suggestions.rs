//! Suggested answers for agents, from the same minds that answer citizens.

use std::sync::Arc;

use async_trait::async_trait;
use intents::Utterance;
use language::Language;

use super::desk::{NoSuggestions, SuggestAnswers, SuggestedAnswer};
use crate::clips::{Clip, Inventory, inventory};
use crate::workers::minds::Minds;

/// How many an agent can take in at a glance.
const MOST: usize = 5;

#[async_trait]
impl SuggestAnswers for Minds {
    async fn suggest(
        &self,
        question: &str,
        language: Language,
    ) -> Result<Vec<SuggestedAnswer>, NoSuggestions> {
        let utterance = Utterance::typed(question, language);
        let thought = self.think(move |brain| brain.candidates(&utterance)).await;
        let candidates = thought.map_err(|error| NoSuggestions(error.to_string()))?;
        let found: Vec<_> = candidates.into_iter().map(|scored| (scored.entry, scored.confidence)).collect();
        Ok(self.named(&found, language))
    }

    fn named(&self, entries: &[(kb::EntryId, f32)], language: Language) -> Vec<SuggestedAnswer> {
        let brain = self.brain();
        let answers = entries.iter().filter_map(|(id, confidence)| {
            let entry = brain.publication().entry(id)?;
            // An answer in the other language helps an agent more than none.
            let text = entry.text(language).or_else(|| entry.text(language.other()))?;
            Some(SuggestedAnswer {
                entry: id.clone(),
                question: text.question.clone(),
                text: text.written.clone(),
                confidence: *confidence,
            })
        });
        answers.take(MOST).collect()
    }

    fn served(&self) -> Arc<kb::Publication> {
        self.brain().shared_publication()
    }

    fn inventory(&self, clips: &[Clip]) -> Inventory {
        inventory(self.brain().publication().entries(), clips)
    }
}
