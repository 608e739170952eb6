//! From a text to the terms of each space.

use std::hash::Hasher as _;

use language::rough_phonetic_key;
use rustc_hash::FxHasher;

use crate::Glossary;
use crate::glossary::{Concept, ConceptKind};

/// At most so many terms of a text are looked up in each space. A question has a few dozen; a citizen who pastes a whole
/// letter is searched by its beginning, in bounded time.
pub(crate) const MOST_TERMS: usize = 224;

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

/// Sorts of concepts that are told apart in what is named.
pub(crate) const SORTS: usize = 2;

/// The terms of one text, by space, in text order; a term that occurs twice is listed once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    pub spaces: [TermList; SPACES],
    /// [`language::search_key`]: equal for texts that differ in spelling variants, punctuation and spacing only.
    pub key: String,
    /// Syllables, characters, numbers and Latin words.
    pub units: usize,
    /// By sort, the written terms of the concepts named: things; acts and states.
    pub named: [TermList; SORTS],
}

/// Terms one after the other in one string: a text has a hundred, and a string for each costs more than finding it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TermList {
    text: String,
    /// The byte after the last of each.
    ends: Vec<u32>,
}

impl TermList {
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.ends.len()).map(|at| self.get(at))
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    fn get(&self, at: usize) -> &str {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start as usize..self.ends[at] as usize]
    }
}

/// Gathers distinct terms, in the order in which they come.
struct Collector {
    list: TermList,
    /// Number of a term plus one, by its hash; as many places as are at least twice the terms.
    places: Vec<u32>,
    most: usize,
}

/// A power of two.
const FIRST_PLACES: usize = 64;

impl Collector {
    fn new(most: usize) -> Self {
        Self { list: TermList::default(), places: Vec::new(), most }
    }

    /// Adds a term given by its parts, unless it is empty, known or one too many.
    fn push(&mut self, parts: &[&str]) {
        let start = self.list.text.len();
        if self.list.ends.len() == self.most || parts.iter().all(|part| part.is_empty()) {
            return;
        }
        for part in parts {
            self.list.text.push_str(part);
        }
        if self.list.ends.len() * 2 >= self.places.len() {
            self.grow();
        }
        let place = self.place(&self.list.text[start..]);
        if self.places[place] > 0 {
            self.list.text.truncate(start);
            return;
        }
        self.list.ends.push(self.list.text.len() as u32);
        self.places[place] = self.list.ends.len() as u32;
    }

    /// Where a term is, or would be.
    fn place(&self, term: &str) -> usize {
        let mut hasher = FxHasher::default();
        hasher.write(term.as_bytes());
        // A power of two: see `FIRST_PLACES`.
        let last = self.places.len() - 1;
        let mut place = hasher.finish() as usize & last;
        while let Some(known) = self.places[place].checked_sub(1)
            && self.list.get(known as usize) != term
        {
            place = (place + 1) & last;
        }
        place
    }

    fn grow(&mut self) {
        self.places = vec![0; (self.places.len() * 4).max(FIRST_PLACES)];
        for number in 0..self.list.ends.len() {
            let place = self.place(self.list.get(number));
            self.places[place] = number as u32 + 1;
        }
    }

    /// Units and bigrams: the best recall of all fields tried on 927 Tibetan titles (recall at 3: .953; phonetic keys .948
    /// with 30 % homophone noise), and the usual choice for Chinese.
    fn push_with_pairs(&mut self, units: &[String]) {
        for unit in units {
            self.push(&[unit]);
        }
        for pair in units.windows(2) {
            self.push(&[&pair[0], SEPARATOR, &pair[1]]);
        }
    }

    /// The terms of one concept.
    fn push_concept(&mut self, concept: &Concept) {
        self.push(&[CONCEPT, &concept.id]);
        // Its own kind of term: what is wider is shared by siblings and must not count as the thing itself.
        // It stands for itself among the wider ones, so that the thing and its kinds meet there.
        for wider in concept.broader.iter().chain([&concept.id]) {
            self.push(&[WIDER, wider]);
        }
    }
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
        let new = || Collector::new(most);
        let (mut mixed, mut sounded, mut concepts) = (new(), new(), new());
        let mut named: [Collector; SORTS] = std::array::from_fn(|_| new());
        mixed.push_with_pairs(&units);
        for word in language::words(text) {
            mixed.push(&[WORD, &word]);
        }
        for mention in glossary.mentions(&units) {
            let concept = &glossary.concepts()[mention.concept as usize];
            if let Some(sort) = sort_of(concept.kind) {
                named[sort].push(&[CONCEPT, &concept.id]);
            }
            mixed.push_concept(concept);
            concepts.push_concept(concept);
        }
        sounded.push_with_pairs(&sounds);
        Self {
            key: units.join(" "),
            units: units.len(),
            named: named.map(|sort| sort.list),
            spaces: [mixed.list, sounded.list, concepts.list],
        }
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.spaces.iter().all(TermList::is_empty)
    }
}

/// See [`Terms::named`].
fn sort_of(kind: ConceptKind) -> Option<usize> {
    match kind {
        ConceptKind::Thing => Some(0),
        ConceptKind::Act | ConceptKind::State => Some(1),
        _ => None,
    }
}

/// The first so many characters of a text.
fn beginning(text: &str, characters: usize) -> &str {
    text.char_indices().nth(characters).map_or(text, |(at, _)| &text[..at])
}

/// Between units that are joined to one term; in no text.
const SEPARATOR: &str = "\u{1f}";
/// Before a word, which may be a unit too.
const WORD: &str = "\u{1}";
/// Before a concept.
const CONCEPT: &str = "\u{2}";
/// Before the wider concept of one that is named.
const WIDER: &str = "\u{3}";
