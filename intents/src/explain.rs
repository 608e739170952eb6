//! Why a typed question found what it found: for people who write the knowledge base.

use kb::EntryId;
use language::Language;
use serde::Serialize;

use crate::text_channel;
use crate::understander::{Reading, UnderstandError, Understander};
use crate::{Memory, Understanding, Utterance};

/// Candidates that are explained: more than citizens are ever offered, so that what was nearly found is seen as well.
const MOST: usize = 10;

/// A reason for or against a candidate: a feature of the question and the entry, times its calibrated weight.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reason {
    /// The feature, such as `gathered_sound` (see [`kb::View`]).
    pub feature: String,
    /// Its value; for views of likeness 0 to 1.
    pub value: f32,
    /// What it adds to the logit against "none of them".
    pub adds: f32,
}

/// An entry that was considered.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Considered {
    /// Which entry.
    pub entry: EntryId,
    /// The way of asking that is closest to the question.
    pub closest: String,
    /// The language in which it matched.
    pub language: Language,
    /// The question is one of the entry's ways of asking, up to spelling variants and punctuation.
    pub exact: bool,
    /// Calibrated probability that the entry is what was meant, 0 to 1.
    pub confidence: f32,
    /// What adds to it or takes away from it, the strongest first.
    pub reasons: Vec<Reason>,
}

/// What was made of a question, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// What was understood.
    pub understanding: Understanding,
    /// The question without politeness around it: what is looked up.
    pub core: String,
    /// Concepts of the glossary that the question names, as `id: the words`.
    pub concepts: Vec<(String, String)>,
    /// The most that may be believed of a question of so few words, 0 to 1; 1 where it says enough.
    pub most_confidence: f32,
    /// Entries that were considered, best first.
    pub considered: Vec<Considered>,
}

impl Understander {
    /// Understands a typed question and tells why. Costs what understanding it twice costs.
    ///
    /// # Errors
    /// As [`Self::understand`].
    pub fn explain(&self, text: &str, language: Language) -> Result<Explanation, UnderstandError> {
        let understanding =
            self.understand(&Utterance::typed(text.to_owned(), language), &Memory::default())?;
        let parsed = self.acts().parse(text);
        let written = parsed.written().unwrap_or(language);
        let reading = Reading::new(parsed, written);
        let (core, units) = (reading.parsed.core().to_owned(), reading.parsed.core_keys());
        let glossary = self.publication().glossary();
        let between = if written == Language::Bo { "་" } else { "" };
        let concepts = glossary.mentions(units).into_iter().filter_map(|mention| {
            let concept = glossary.concepts().get(mention.concept as usize)?;
            Some((concept.id.clone(), units.get(mention.start..mention.end)?.join(between)))
        });
        let concepts = concepts.collect();
        let names = text_channel::feature_names();
        let weights = &self.calibration().text.get(written).model.weights;
        let exact = self.exact(&reading);
        let found = self.found(&reading)?;
        // Those that share the probability; what is found besides is believed less than any of them.
        let scored = self.read(&reading)?;
        let confidence = |entry: &EntryId| {
            let own = scored.iter().find(|scored| scored.entry == *entry);
            own.map_or(0.0, |scored| scored.confidence)
        };
        let mut considered: Vec<Considered> = found
            .iter()
            .map(|candidate| {
                let features = names.iter().zip(weights).zip(&candidate.features);
                let mut reasons: Vec<Reason> = features
                    .map(|((name, weight), value)| Reason {
                        feature: name.clone(),
                        value: *value,
                        adds: weight * value,
                    })
                    .filter(|reason| reason.adds != 0.0)
                    .collect();
                reasons.sort_by(|a, b| b.adds.abs().total_cmp(&a.adds.abs()));
                Considered {
                    entry: candidate.entry.clone(),
                    closest: candidate.variant.clone(),
                    language: candidate.language,
                    exact: exact == Some(&candidate.entry),
                    confidence: confidence(&candidate.entry),
                    reasons,
                }
            })
            .collect();
        considered.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        considered.truncate(MOST);
        let most_confidence = self.most_confidence(&reading.parsed);
        Ok(Explanation { understanding, core, concepts, most_confidence, considered })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kb::{Collection, Publication};

    use super::*;
    use crate::Settings;

    const FAQ: &str = "format: drilen-kb/1\nname: t\nentries:\n\
        - {id: lost, topic: documents, zh: {question: 身份证丢了怎么办, variants: [身份证不见了, 补办身份证], spoken: 补办。, written: 到派出所补办。}}\n\
        - {id: grass, topic: farming, zh: {question: 草原补奖资金怎么领, variants: [草补什么时候发], spoken: 发。, written: 打到卡上。}}\n";

    #[test]
    fn what_is_told_of_a_question_adds_up_to_what_was_understood() {
        let publication = Publication::new(&Collection::parse("t.yaml", FAQ)).expect("it is sound");
        let understander =
            Understander::new(Arc::new(publication), Settings::default()).expect("it is enough");
        let told = understander.explain("请问身份证不见了怎么补办", Language::Zh).expect("it is a question");
        assert_eq!(told.considered[0].entry.0, "lost");
        let best = &told.understanding.candidates[0];
        assert_eq!(
            (&best.entry, best.confidence),
            (&told.considered[0].entry, told.considered[0].confidence)
        );
        assert!(!told.core.contains("请问"), "{}", told.core);
        assert!(told.concepts.contains(&("idcard".into(), "身份证".into())), "{:?}", told.concepts);
        // The reasons are the whole logit, from which the share against the others follows.
        let logit = |one: &Considered| one.reasons.iter().map(|reason| reason.adds).sum::<f32>();
        assert!(told.considered.windows(2).all(|two| logit(&two[0]) >= logit(&two[1])));
        let exact = understander.explain("身份证不见了", Language::Zh).expect("it is a question");
        assert!(exact.considered[0].exact);
    }
}
