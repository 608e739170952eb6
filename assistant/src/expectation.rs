//! What somebody is likely to say: what the knowledge base knows, what the conversation waits for, what the client's page is
//! about. An engine that takes dictation hears by it: one that decodes posteriors as a bias, Whisper as a prompt.

use std::{collections::HashSet, sync::Arc};

use kb::{Entry, Publication};
use language::Language;
use speech::{
    DecodeOptions, TranscribeRequest,
    decode::{Bias, BiasPhrase},
};

use crate::config::HearingIn;

/// What a token of a way of asking is worth to a recogniser, in nats: what helps most of what does not harm anything else
/// (`fit-bias`, with the phones of the project's own recogniser for tokens; no published engine has been measured).
const QUESTION: f32 = 0.8;

/// The same for a keyword. From 0.75 on, what is no keyword begins to be heard as one: keywords are short, and many.
const KEYWORD: f32 = 0.5;

/// Words that a prompt is made of, at most: no engine reads more.
const PROMPT_WORDS: usize = 40;

/// What a publication makes one expect in one language. Made once for every publication: an engine knows its bias again by the
/// address.
#[derive(Clone, Debug)]
pub struct Standing {
    language: Language,
    bias: Arc<Bias>,
    /// The beginning of every prompt, best first.
    words: Vec<String>,
    strength: f32,
    beam: usize,
}

impl Standing {
    /// Expects every way of asking and every keyword, as strongly as the language's settings and each entry say.
    pub fn of(publication: &Publication, language: Language, settings: &HearingIn) -> Self {
        let strength = settings.bias;
        let mut phrases = Vec::new();
        let mut expect = |text: &str, weight| phrases.push(BiasPhrase { text: text.to_owned(), weight });
        for (entry, text) in publication.entries().iter().filter_map(|e| Some((e, e.text(language)?))) {
            let weight = strength * expected(entry);
            expect(&text.question, QUESTION * weight);
            text.variants.iter().for_each(|way| expect(way, QUESTION * weight));
            text.keywords.iter().for_each(|word| expect(word, KEYWORD * weight));
        }
        let words = if strength > 0.0 { words(publication, language) } else { Vec::new() };
        let (bias, beam) = (Arc::new(Bias::new(phrases)), usize::from(settings.beam));
        Self { language, bias, words, strength, beam }
    }

    /// The same, decoded with another beam.
    #[must_use]
    pub fn with_beam(&self, beam: u8) -> Self {
        Self { beam: beam.into(), ..self.clone() }
    }

    /// What is asked of an engine for an utterance that may say this besides, the likeliest first. A beam of 1 takes each
    /// moment's best class, and then nothing can be expected of an engine that decodes posteriors.
    pub fn request(&self, likely: Vec<Likely>) -> TranscribeRequest {
        let own = likely.iter().filter(|likely| likely.prompt && self.strength > 0.0);
        let mut seen = HashSet::new();
        let prompt = own
            .map(|likely| &likely.text)
            .chain(&self.words)
            .filter(|word| seen.insert(word.as_str()))
            .take(PROMPT_WORDS)
            .cloned()
            .collect();
        let mut decoding = DecodeOptions { beam: self.beam, ..DecodeOptions::default() };
        if self.beam > 1 {
            let phrase = |Likely { text, weight, .. }| BiasPhrase { text, weight: weight * self.strength };
            decoding.bias = Arc::clone(&self.bias);
            decoding.expected = Arc::new(Bias::new(likely.into_iter().map(phrase)));
        }
        TranscribeRequest { language: Some(self.language), prompt, partial: false, decoding }
    }
}

/// Something that an utterance may say.
#[derive(Clone, Debug, PartialEq)]
pub struct Likely {
    /// As it would be written.
    pub text: String,
    /// What each of its tokens is worth, in nats.
    pub weight: f32,
    /// Whether it belongs into a prompt: names and questions do, a mere "yes" does not.
    pub prompt: bool,
}

fn expected(entry: &Entry) -> f32 {
    entry.expected.unwrap_or_default().into()
}

/// Keywords, and then questions, of the entries that are expected most; each once.
fn words(publication: &Publication, language: Language) -> Vec<String> {
    let mut entries: Vec<&Entry> = publication.entries().iter().filter(|e| expected(e) > 0.0).collect();
    entries.sort_by(|a, b| expected(b).total_cmp(&expected(a)));
    let texts = || entries.iter().filter_map(|entry| entry.text(language));
    let keywords = texts().flat_map(|text| &text.keywords);
    let mut seen = HashSet::new();
    let all = keywords.chain(texts().map(|text| &text.question)).filter(|word| seen.insert(word.as_str()));
    all.take(PROMPT_WORDS).cloned().collect()
}

#[cfg(test)]
mod tests {
    use kb::Collection;

    use super::*;

    const FAQ: &str = "format: drilen-kb/1\nname: t\nentries:\n\
- {id: card, topic: t, zh: {question: 社保卡丢了怎么办, variants: [补办社保卡], keywords: [社保卡], spoken: 答, written: 答}}\n\
- {id: grass, topic: t, expected: 2, zh: {question: 草补什么时候发, keywords: [草补], spoken: 答, written: 答}, bo: {question: རྩྭ་ཐང་གི་ཁ་གསབ་ནམ་སྤྲོད་དམ, keywords: [ཁ་གསབ], spoken: ལན།, written: ལན།}}\n\
- {id: never, topic: t, expected: 0, zh: {question: 怎么注销公章, keywords: [公章], spoken: 答, written: 答}}\n";

    fn publication() -> Publication {
        let collection = Collection::parse("t.yaml", FAQ);
        assert_eq!(collection.problems, []);
        Publication::new(&collection).unwrap()
    }

    fn standing(language: Language, bias: f32) -> Standing {
        Standing::of(&publication(), language, &HearingIn { engines: Vec::new(), beam: 8, bias })
    }

    fn weight(bias: &Bias, text: &str) -> Option<f32> {
        bias.phrases().iter().find(|phrase| phrase.text == text).map(|phrase| phrase.weight)
    }

    #[test]
    fn words_are_expected_as_their_entries_say_and_as_strongly_as_is_configured() {
        let zh = standing(Language::Zh, 1.0);
        assert_eq!(weight(&zh.bias, "社保卡"), Some(KEYWORD));
        assert_eq!(weight(&zh.bias, "补办社保卡"), Some(QUESTION));
        assert_eq!(weight(&zh.bias, "草补"), Some(2.0 * KEYWORD));
        assert_eq!((weight(&zh.bias, "公章"), weight(&zh.bias, "ཁ་གསབ")), (None, None));
        assert_eq!(zh.words, ["草补", "社保卡", "草补什么时候发", "社保卡丢了怎么办"]);
        let bo = standing(Language::Bo, 0.5);
        assert_eq!(weight(&bo.bias, "ཁ་གསབ"), Some(KEYWORD));
        assert_eq!(bo.words, ["ཁ་གསབ", "རྩྭ་ཐང་གི་ཁ་གསབ་ནམ་སྤྲོད་དམ"]);
        let off = standing(Language::Zh, 0.0);
        assert!(off.bias.is_empty() && off.words.is_empty());
    }

    #[test]
    fn a_turn_adds_its_own_and_the_standing_part_keeps_its_address() {
        let standing = standing(Language::Zh, 0.5);
        let likely = |text: &str, prompt| Likely { text: text.to_owned(), weight: 1.0, prompt };
        let likely = vec![likely("那曲市", true), likely("是的", false)];
        let request = standing.request(likely.clone());
        assert!(Arc::ptr_eq(&request.decoding.bias, &standing.bias));
        assert_eq!(weight(&request.decoding.expected, "是的"), Some(0.5));
        assert_eq!(
            (request.language, &request.prompt[..2]),
            (Some(Language::Zh), ["那曲市", "草补"].map(str::to_owned).as_slice())
        );
        assert!(!request.prompt.contains(&"是的".to_owned()));
        let greedy = standing.with_beam(1).request(likely.clone());
        assert!(greedy.decoding.is_greedy() && greedy.prompt == request.prompt);
        let off = self::standing(Language::Zh, 0.0).request(likely);
        assert!(off.prompt.is_empty() && off.decoding.expected.is_empty() && off.decoding.bias.is_empty());
    }
}
