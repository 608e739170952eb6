//! What a spoken turn is likely to say: a turn begins before its words are known, but not before what was said to its speaker is.

use conversation::{ClarifyKind, ConversationState, PendingClarify};
use intents::Memory;
use language::Language;
use speech::TranscribeRequest;

use super::{Conversations, memory};
use crate::expectation::Likely;

/// What a token of an answer to an open question is worth, in nats: yes and no, numbers, places. Chosen, not fitted, as all of
/// these are; icefall's recipes use 1 to 2.
const REPLY: f32 = 1.5;

/// The same for a question that is on offer, or a phrase that the client names: whoever reads them says them word for word. As for the
/// knowledge base's questions, on top.
const ON_OFFER: f32 = 0.8;

/// The same for a place that is not on offer while a place is asked for.
const OTHER_PLACE: f32 = 0.75;

impl Conversations {
    /// What is asked of an engine for the next spoken turn of a conversation; `phrases` are the client's own.
    pub async fn listening_for(
        &self,
        state: &ConversationState,
        language: Language,
        phrases: &[String],
    ) -> TranscribeRequest {
        // The turn is heard all the same.
        let memory = self.memory(state).await.unwrap_or_else(|_| memory::of(state, None));
        let named = phrases.iter().map(|phrase| likely(phrase, ON_OFFER));
        let waited_for = waited_for(state.pending_clarify.as_ref(), &memory, language);
        let likely = named.chain(waited_for).collect();
        self.minds.brain().standing(language).request(likely)
    }
}

fn likely(text: &str, weight: f32) -> Likely {
    Likely { text: text.to_owned(), weight, prompt: true }
}

/// What a conversation waits for: the names of what is on offer first, then the words for taking and turning it down.
fn waited_for(open: Option<&PendingClarify>, memory: &Memory, language: Language) -> Vec<Likely> {
    let mut all = Vec::new();
    let (kind, choices) = open.map_or((ClarifyKind::Entry, &[][..]), |open| (open.kind, &open.choices));
    for choice in choices {
        match kind {
            // What people call a place has several forms.
            ClarifyKind::Place => all.extend(place_names(&choice.entry.0, language, REPLY)),
            ClarifyKind::Entry | ClarifyKind::Topic => all.push(likely(&choice.question, ON_OFFER)),
        }
    }
    if kind == ClarifyKind::Place {
        // Whoever is asked for their place names their county as often as its prefecture.
        let others = kb::regions().iter().map(|region| region.code);
        let others = others.filter(|code| choices.iter().all(|choice| choice.entry.0 != *code));
        let names = others.flat_map(|code| place_names(code, language, OTHER_PLACE));
        all.extend(names.map(|name| Likely { prompt: false, ..name }));
    }
    let asked = if memory.person_offered { 1 } else { choices.len() };
    if asked > 0 {
        let reply = |text: &str| Likely { prompt: false, ..likely(text, REPLY) };
        all.extend(intents::replies(language, asked).map(reply));
    }
    all
}

fn place_names(code: &str, language: Language, weight: f32) -> impl Iterator<Item = Likely> + use<> {
    let forms = kb::region(code).map(|region| region.forms(language)).unwrap_or_default();
    forms.iter().map(move |name| likely(name, weight))
}

#[cfg(test)]
mod tests {
    use conversation::Choice;
    use kb::EntryId;

    use super::*;

    fn open(kind: ClarifyKind, choices: &[(&str, &str)]) -> PendingClarify {
        let choice = |(entry, question): &(&str, &str)| Choice {
            entry: EntryId((*entry).to_owned()),
            question: (*question).to_owned(),
            language: None,
        };
        PendingClarify {
            seq: 3,
            reply_to: 2,
            choices: choices.iter().map(choice).collect(),
            confirm: choices.len() == 1,
            kind,
            about: None,
            considered: Vec::new(),
            declined: Vec::new(),
        }
    }

    fn weight(likely: &[Likely], text: &str) -> Option<f32> {
        likely.iter().find(|likely| likely.text == text).map(|likely| likely.weight)
    }

    #[test]
    fn questions_on_offer_are_expected_word_for_word_and_their_numbers() {
        for (language, questions, second) in [
            (Language::Zh, ["社保卡丢了怎么办", "社保卡怎么办理"], "第二个"),
            (Language::Bo, ["ཐོབ་ཐང་ལག་འཁྱེར་བརླགས་སོང", "ཐོབ་ཐང་ལག་འཁྱེར་བརྗེ་དགོས"], "གཉིས་པ"),
        ] {
            let open = open(ClarifyKind::Entry, &[("a", questions[0]), ("b", questions[1])]);
            let all = waited_for(Some(&open), &Memory::default(), language);
            assert_eq!(weight(&all, questions[1]), Some(ON_OFFER));
            assert_eq!(weight(&all, second), Some(REPLY));
            let prompt: Vec<&str> = all.iter().filter(|l| l.prompt).map(|l| l.text.as_str()).collect();
            assert_eq!(prompt, questions);
        }
    }

    #[test]
    fn whoever_is_asked_for_a_place_may_name_any_and_is_most_likely_to_name_one_on_offer() {
        let lhasa = kb::region("540100").unwrap();
        for language in Language::ALL {
            let open = open(ClarifyKind::Place, &[("540600", "x"), ("540100", "y")]);
            let all = waited_for(Some(&open), &Memory::default(), language);
            assert_eq!(weight(&all, lhasa.name(language)), Some(REPLY));
            let county = kb::region("540121").unwrap().name(language);
            assert_eq!(weight(&all, county), Some(OTHER_PLACE));
            assert_eq!(weight(&all, "x"), None);
        }
    }

    #[test]
    fn where_nothing_is_asked_nothing_is_waited_for_and_an_offered_person_is_taken_or_not() {
        for (language, yes, first) in [(Language::Zh, "好的", "第一个"), (Language::Bo, "འགྲིག་གི་རེད", "དང་པོ")]
        {
            assert_eq!(waited_for(None, &Memory::default(), language), []);
            let offered = Memory { person_offered: true, ..Memory::default() };
            let all = waited_for(None, &offered, language);
            assert_eq!((weight(&all, yes), weight(&all, first)), (Some(REPLY), None));
        }
    }
}
