//! Slots: the places, person groups, documents and days that somebody names. They select among the variants of an answer and
//! are remembered for the conversation.

mod days;

use std::sync::OnceLock;

use language::{Forms, Language, Script, Unit};
use serde::{Deserialize, Serialize};

pub use days::Day;

/// What was named, each in the order of the text and once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slots {
    /// Places: codes of [`kb::regions`]. A county goes without the prefecture that was named with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<String>,
    /// Person groups, by the names of `lexicon.tsv`: `herder`, `elder`, `student` …
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Kinds of document, by the names of `lexicon.tsv`: `identity_card`, `passport` …
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<String>,
    /// Days.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Day>,
}

/// What a form names.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Named {
    Place(&'static str),
    Group(&'static str),
    Document(&'static str),
}

#[derive(Debug, Default)]
struct Lexicon {
    forms: Forms<Named>,
}

const TABLE: &str = include_str!("lexicon.tsv");

fn lexicon() -> &'static Lexicon {
    static PREPARED: OnceLock<Lexicon> = OnceLock::new();
    PREPARED.get_or_init(|| {
        let mut lexicon = Lexicon::default();
        for region in kb::regions() {
            for form in Language::ALL.iter().flat_map(|language| region.forms(*language)) {
                lexicon.learn(form, Named::Place(region.code));
            }
        }
        for line in TABLE.lines().filter(|line| is_row(line)) {
            for (named, form) in row(line).into_iter().flatten() {
                lexicon.learn(form, named);
            }
        }
        lexicon
    })
}

fn is_row(line: &str) -> bool {
    !line.starts_with('#') && !line.trim().is_empty()
}

/// `None` for a malformed row; a test holds the shipped table to having none.
fn row(line: &'static str) -> Option<Vec<(Named, &'static str)>> {
    let cells: Vec<&'static str> = line.split('\t').collect();
    let [slot, name, language, forms] = *cells.as_slice() else { return None };
    language.parse::<Language>().ok()?;
    let named = match slot {
        "group" => Named::Group(name),
        "document" => Named::Document(name),
        _ => return None,
    };
    Some(forms.split('|').map(|form| (named.clone(), form)).collect())
}

impl Lexicon {
    fn learn(&mut self, form: &str, named: Named) {
        self.learn_form(form, named.clone());
        // "To" and "by" are written into an open Tibetan syllable, where search keys keep them: they could be suffixes.
        if form.chars().next_back().is_some_and(|c| ('\u{0f40}'..='\u{0fbc}').contains(&c)) {
            self.learn_form(&format!("{form}ར"), named.clone());
            self.learn_form(&format!("{form}ས"), named);
        }
    }

    fn learn_form(&mut self, form: &str, named: Named) {
        let key: Vec<String> = language::syllables(form).into_iter().map(|unit| unit.key).collect();
        // A single syllable is too often part of another word.
        if key.len() < 2 {
            return;
        }
        self.forms.learn(key, named);
    }
}

impl Slots {
    /// What a text names, in either language. Longer names win: the disability card is a document, not a disabled person.
    pub fn read(text: &str) -> Self {
        let units = language::syllables(text);
        let forms = &lexicon().forms;
        let numbers = forms.look_up(units.iter().map(|unit| unit.key.as_str()));
        let mut slots = Self::default();
        let mut at = 0;
        while at < units.len() {
            if let Some((length, day)) = days::at(&units[at..]) {
                push(&mut slots.days, day);
                at += length;
                continue;
            }
            match forms.at(&numbers[at..]).last() {
                Some((length, named)) => {
                    for named in named {
                        slots.take(named);
                    }
                    at += length;
                }
                // In Tibetan no name begins inside a syllable that was split.
                None => at += 1,
            }
        }
        slots.drop_surrounding_places();
        slots
    }

    /// Whether nothing was named.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn take(&mut self, named: &Named) {
        match named {
            Named::Place(code) => push(&mut self.places, (*code).to_owned()),
            Named::Group(name) => push(&mut self.groups, (*name).to_owned()),
            Named::Document(name) => push(&mut self.documents, (*name).to_owned()),
        }
    }

    fn drop_surrounding_places(&mut self) {
        let all = self.places.clone();
        self.places.retain(|code| {
            let within = |other: &&String| {
                *other != code
                    && kb::region(other)
                        .is_some_and(|r| r.and_around().any(|around| around.code == code.as_str()))
            };
            !all.iter().any(|other| within(&other))
        });
    }
}

fn push<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

/// Whether a unit is a number.
fn is_number(unit: &Unit) -> bool {
    unit.script == Script::Digit
}

#[cfg(test)]
mod tests;
