//! Where the voice had no rule for what it was to say: counted by kind, so that an operator sees what is badly spoken.

use std::collections::BTreeMap;

use language::{FallBackKind, Rendition};
use metrics::counter;
use speech::SpeechRequest;

use crate::telemetry::names;

/// Counts the fall-backs of a sentence that is about to be synthesized. The log names their kinds and never the sentence.
pub(super) fn count(request: &SpeechRequest) {
    let mut kinds: BTreeMap<FallBackKind, u64> = BTreeMap::new();
    for fall_back in Rendition::of(&request.text, request.language).fall_backs {
        *kinds.entry(fall_back.kind).or_default() += 1;
    }
    for (kind, times) in kinds {
        let (kind, language) = (kind.name(), request.language.code());
        counter!(names::SPEECH_FALL_BACKS, "kind" => kind, "language" => language).increment(times);
        tracing::debug!(kind, language, times, "a sentence is spoken without a rule for all of it");
    }
}

#[cfg(test)]
mod tests {
    use language::Language;

    use super::*;
    use crate::telemetry;

    #[test]
    fn every_kind_is_counted_by_its_name_and_no_text_is_told() {
        let metrics = telemetry::metrics().expect("no other recorder in this process");
        let text = "请看secretword和😀";
        count(&SpeechRequest { text: text.to_owned(), language: Language::Zh, rate: 1.0 });
        let page = metrics.render();
        for kind in ["latin_skipped", "sign_skipped"] {
            let line = format!("drilen_speech_fall_backs_total{{kind=\"{kind}\",language=\"zh\"}} ");
            assert!(page.contains(&line), "{line} in {page}");
        }
        assert!(!page.contains("secretword"));
    }
}
