//! From a text to the terms of each space.

use std::collections::HashSet;

use language::rough_phonetic_key;

use crate::Glossary;
use crate::glossary::ConceptKind;

/// At most so many terms of a text are looked up in each space. A question has a few dozen; a citizen who pastes a whole
/// letter is searched by its beginning, in bounded time.
const MOST_TERMS: usize = 224;

/// Texts are analysed up to so many characters, which give [`MOST_TERMS`] in any script.
const MOST_CHARACTERS: usize = 1_200;

/// The spaces in which texts are compared.
pub(crate) const SPACES: usize = 3;
/// Units, pairs of neighbours, words, and the concepts that they name: what is written.
pub(crate) const MIXED: usize = 0;
/// Rough phonetic keys of syllables, single and in pairs: what survives recognition errors and misspelling.
pub(crate) const SOUND: usize = 1;
/// Concepts of the glossary: what survives other words and the other language.
pub(crate) const CONCEPTS: usize = 2;

/// The terms of one text, by space, in text order; a term that occurs twice is listed once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    pub spaces: [Vec<String>; SPACES],
    /// [`language::search_key`]: equal for texts that differ in spelling variants, punctuation and spacing only.
    pub key: String,
    /// Syllables, characters, numbers and Latin words.
    pub units: usize,
    /// By sort, the written terms of the concepts named: things; acts and states.
    pub named: [Vec<String>; 2],
}

impl Terms {
    /// Analyses a question in either language or both.
    pub fn of(text: &str, glossary: &Glossary) -> Self {
        Self::analyse(beginning(text, MOST_CHARACTERS), glossary, MOST_TERMS)
    }

    /// Analyses a long text of the knowledge base, whole.
    pub fn of_answer(text: &str, glossary: &Glossary) -> Self {
        Self::analyse(text, glossary, usize::MAX)
    }

    fn analyse(text: &str, glossary: &Glossary, most: usize) -> Self {
        let units: Vec<String> = language::syllables(text).into_iter().map(|unit| unit.key).collect();
        let sounds = rough_phonetic_key(text);
        let mut concepts: Vec<String> = Vec::new();
        let mut named: [Vec<String>; 2] = Default::default();
        for mention in glossary.mentions(&units) {
            let concept = &glossary.concepts()[mention.concept as usize];
            let term = format!("{CONCEPT}{}", concept.id);
            match concept.kind {
                ConceptKind::Thing => named[0].push(term.clone()),
                ConceptKind::Act | ConceptKind::State => named[1].push(term.clone()),
                _ => {}
            }
            concepts.push(term);
            // Its own kind of term: what is wider is shared by siblings and must not count as the thing itself.
            // It stands for itself among the wider ones, so that the thing and its kinds meet there.
            let wider = concept.broader.iter().chain([&concept.id]);
            concepts.extend(wider.map(|wider| format!("{WIDER}{wider}")));
        }
        let words = language::words(text).into_iter().map(|word| format!("{WORD}{word}"));
        let mixed: Vec<String> = with_pairs(&units).chain(words).chain(concepts.iter().cloned()).collect();
        Self {
            key: units.join(" "),
            units: units.len(),
            named: named.map(|sort| distinct(sort, most)),
            spaces: [distinct(mixed, most), distinct(with_pairs(&sounds), most), distinct(concepts, most)],
        }
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.spaces.iter().all(Vec::is_empty)
    }
}

/// The first so many characters of a text.
fn beginning(text: &str, characters: usize) -> &str {
    text.char_indices().nth(characters).map_or(text, |(at, _)| &text[..at])
}

/// Between units that are joined to one term; in no text.
const SEPARATOR: char = '\u{1f}';
/// Before a word, which may be a unit too.
const WORD: char = '\u{1}';
/// Before a concept.
const CONCEPT: char = '\u{2}';
/// Before the wider concept of one that is named.
const WIDER: char = '\u{3}';

/// Units and bigrams: the best recall of all fields tried on 927 Tibetan titles (recall at 3: .953; phonetic keys .948
/// with 30 % homophone noise), and the usual choice for Chinese.
fn with_pairs(units: &[String]) -> impl Iterator<Item = String> {
    let pairs = units.windows(2).map(|pair| format!("{}{SEPARATOR}{}", pair[0], pair[1]));
    units.iter().cloned().chain(pairs)
}

fn distinct(terms: impl IntoIterator<Item = String>, most: usize) -> Vec<String> {
    let mut seen = HashSet::new();
    terms.into_iter().filter(|term| !term.is_empty() && seen.insert(term.clone())).take(most).collect()
}
