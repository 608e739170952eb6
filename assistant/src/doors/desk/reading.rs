//! `POST /v1/desk/reading`: a text for an agent who does not read its script: how its words sound, and what the glossary
//! knows of them.

use std::ops::Range;

use axum::Json;
use axum::extract::State;
use conversation::LanguageCode;
use kb::{ConceptKind, Glossary};
use language::{Language, Script};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::session::{Body, LoggedIn};
use super::{DeskError, DeskState};

/// The longest text, in characters: an answer with all its steps.
const MAX_CHARACTERS: usize = 8_000;
/// Of the other language's forms of a concept, so many help.
const FORMS: usize = 3;

/// What is to be read.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "TextToRead")]
pub(super) struct Unread {
    /// 8,000 characters at most.
    text: String,
    /// The language that the agent does not read; what the text has in the other one is left out.
    #[schemars(with = "LanguageCode")]
    language: Language,
}

/// A word as it sounds.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "WordRead")]
pub(super) struct Word {
    /// As it stands in the text.
    text: String,
    /// Tibetan: THL Simplified Phonetic Transcription. Chinese: Hanyu Pinyin.
    sound: String,
    /// Tibetan only: its letters in Extended Wylie.
    #[serde(skip_serializing_if = "Option::is_none")]
    spelling: Option<String>,
}

/// Words of the text that the glossary has.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "TermRead")]
pub(super) struct Term {
    /// As it stands in the text.
    text: String,
    /// What it is in the other language, usual words first; three at most.
    means: Vec<String>,
}

/// A text for somebody who does not read it.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "TextRead")]
pub(super) struct Read {
    /// In the order of the text.
    words: Vec<Word>,
    /// In the order of the text, each once.
    glossary: Vec<Term>,
}

pub(super) async fn reading(
    State(state): State<DeskState>,
    _logged_in: LoggedIn,
    Body(unread): Body<Unread>,
) -> Result<Json<Read>, DeskError> {
    if unread.text.chars().count() > MAX_CHARACTERS {
        return Err(DeskError::Invalid(format!("`text` has more than {MAX_CHARACTERS} characters")));
    }
    let served = state.answers.served();
    let read = tokio::task::spawn_blocking(move || read(&unread.text, unread.language, served.glossary()));
    read.await.map(Json).map_err(|error| {
        tracing::error!(%error, "a text was not read");
        DeskError::Unavailable
    })
}

fn read(text: &str, language: Language, glossary: &Glossary) -> Read {
    let script = script(language);
    let units = language::syllables(text);
    let keys: Vec<String> = units.iter().map(|unit| unit.key.clone()).collect();
    let mut names: Vec<Range<usize>> = Vec::new();
    let mut terms: Vec<Term> = Vec::new();
    for mention in glossary.mentions(&keys) {
        let Some(mentioned) = units.get(mention.start..mention.end).filter(|units| !units.is_empty()) else {
            continue;
        };
        if mentioned.iter().any(|unit| unit.script != script) {
            continue;
        }
        let range = mentioned[0].range.start..mentioned[mentioned.len() - 1].range.end;
        let concept = &glossary.concepts()[mention.concept as usize];
        // What is done or asked is said in phrases; only names of things and people are words.
        if matches!(
            concept.kind,
            ConceptKind::Thing | ConceptKind::Who | ConceptKind::Where | ConceptKind::When
        ) {
            names.push(range.clone());
        }
        add(&mut terms, &text[range], concept.forms.iter().filter(|form| is_in(form, language.other())));
    }
    terms.retain(|term| !term.means.is_empty());
    let words = language::romanise(text, &names)
        .into_iter()
        .filter(|word| is_in(&text[word.range.clone()], language));
    let words = words.map(|word| Word {
        text: text[word.range].to_owned(),
        sound: word.sound,
        spelling: word.spelling,
    });
    Read { words: words.collect(), glossary: terms }
}

/// Adds what a term means, where it is not known already.
fn add<'a>(terms: &mut Vec<Term>, text: &str, means: impl Iterator<Item = &'a String>) {
    let at = terms.iter().position(|term| term.text == text).unwrap_or_else(|| {
        terms.push(Term { text: text.to_owned(), means: Vec::new() });
        terms.len() - 1
    });
    let known = &mut terms[at].means;
    for form in means {
        if known.len() < FORMS && !known.contains(form) {
            known.push(form.clone());
        }
    }
}

const fn script(language: Language) -> Script {
    match language {
        Language::Bo => Script::Tibetan,
        Language::Zh => Script::Han,
    }
}

fn is_in(text: &str, language: Language) -> bool {
    text.chars().next().is_some_and(|first| Script::of(first) == script(language))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sounds(read: &Read) -> Vec<&str> {
        read.words.iter().map(|word| word.sound.as_str()).collect()
    }

    #[test]
    fn tibetan_comes_with_its_sound_its_spelling_and_the_chinese_terms() {
        let text = "ངའི་ཐོབ་ཐང་ལག་ཁྱེར་བརླགས་སོང་། 我在拉萨";
        let read = read(text, Language::Bo, Glossary::built_in());
        assert_eq!(sounds(&read)[0], "ngé");
        let card = read.glossary.iter().find(|term| term.text == "ཐོབ་ཐང་ལག་ཁྱེར").unwrap();
        assert!(card.means.iter().any(|form| form.contains("身份证")), "{card:?}");
        assert!(card.means.len() <= FORMS);
        let word = read.words.iter().find(|word| word.text == "ཐོབ་ཐང་ལག་ཁྱེར").unwrap();
        assert_eq!(
            (word.sound.as_str(), word.spelling.as_deref()),
            ("toptanglakkhyer", Some("thob thang lag khyer"))
        );
        assert!(read.words.iter().all(|word| word.spelling.is_some()), "the Chinese is left out: {read:?}");
    }

    #[test]
    fn chinese_comes_with_pinyin_and_the_tibetan_terms() {
        let read = read("身份证丢了 བོད་", Language::Zh, Glossary::built_in());
        assert_eq!(sounds(&read)[0], "shēnfènzhèng");
        assert!(read.words.iter().all(|word| word.spelling.is_none()));
        let card = read.glossary.iter().find(|term| term.text == "身份证").unwrap();
        assert!(
            card.means.iter().all(|form| is_in(form, Language::Bo)) && !card.means.is_empty(),
            "{card:?}"
        );
    }
}
