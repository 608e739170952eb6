//! Speaking everything that is published before anybody asks, so that no citizen is the first to wait for a sentence.

use std::collections::BTreeSet;
use std::sync::Arc;

use conversation::protocol::Codec;
use futures::{StreamExt as _, stream};
use language::Language;
use speech::{SpeechRequest, SynthesisError};

use super::mouths::{Mouths, Sentence};
use crate::clips::Inventory;
use crate::phrases::{Phrase, say};
use crate::session::sentences;

/// What was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prepared {
    /// Sentences that are ready.
    pub ready: usize,
    /// Sentences that could not be spoken, with the reason of the last of them.
    pub failed: usize,
    /// Why.
    pub reason: Option<String>,
}

/// Every sentence that the synthetic voice will say: answers that no person has read, and the assistant's own phrases.
pub fn everything(inventory: &Inventory) -> Vec<(String, Language)> {
    let answers = inventory.versions.iter().filter(|version| version.clip.is_none());
    let answers = answers.map(|version| (version.text.clone(), version.language));
    let phrases = Phrase::ALL
        .iter()
        .flat_map(|phrase| Language::ALL.map(|language| (say(*phrase, language).to_owned(), language)));
    // Those with a gap to be filled are never said as they stand.
    let phrases = phrases.filter(|(text, _)| !text.contains('{'));
    let all: BTreeSet<(String, Language)> = answers
        .chain(phrases)
        .flat_map(|(text, language)| sentences(&text).into_iter().map(move |sentence| (sentence, language)))
        .collect();
    all.into_iter().collect()
}

/// Speaks all of them into the cache, so many at once; `tell` hears of each.
pub async fn speak(
    mouths: &Mouths,
    all: Vec<(String, Language)>,
    at_once: usize,
    tell: impl Fn() + Sync,
) -> Prepared {
    let spoken = stream::iter(all).map(|(text, language)| async move {
        let request = SpeechRequest { text, language, rate: 1.0 };
        // The cache keeps the samples as well.
        let sentence = Sentence { request, codec: Codec::Opus, keep: true, whole: true };
        mouths.speak(sentence, Arc::default()).await.map(drop)
    });
    let mut prepared = Prepared::default();
    let mut spoken = spoken.buffer_unordered(at_once.max(1));
    while let Some(outcome) = spoken.next().await {
        match outcome {
            Ok(()) | Err(SynthesisError::Nothing) => prepared.ready += 1,
            Err(error) => {
                prepared.failed += 1;
                prepared.reason = Some(error.to_string());
            }
        }
        tell();
    }
    prepared
}
