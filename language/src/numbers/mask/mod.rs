//! Masking of personal numbers: identity cards, telephones, bank cards, passports, in digits of any kind and in words of
//! both languages, also where they are broken by spaces, dashes or tsheg.
//!
//! What is masked leaves at most its last four digits, so that a person can still tell two numbers apart. Public hotlines,
//! sums, dates and numbers that the service itself publishes ([`Masker::publish`]) stay.

mod digits;
mod kinds;

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use super::find::{self, Found};
use digits::Element;
use kinds::Class;

/// Stands for the digits that are not shown.
const MASK: &str = "****";
/// A number of so many digits or more keeps its last [`SHOWN`].
const LONG: usize = 11;
/// Digits that stay of a long number.
const SHOWN: usize = 4;
/// No personal number has fewer digits.
const FEWEST: usize = 6;

/// Masks every personal number of a text. See [`Masker`] for numbers that the service publishes itself.
pub fn mask(text: &str) -> Cow<'_, str> {
    Masker::default().mask(text)
}

/// Masks personal numbers, except those that are public.
#[derive(Clone, Debug, Default)]
pub struct Masker {
    /// Telephone numbers as [`find`](super::find) writes them.
    published: HashSet<String>,
}

impl Masker {
    /// Telephone numbers in this text, such as an answer of the knowledge base, are public from now on.
    pub fn publish(&mut self, text: &str) {
        let numbers = personal(text).into_iter().filter(|number| number.class == Class::Phone);
        self.published.extend(numbers.map(|number| number.digits));
    }

    /// Takes over what another knows as public.
    pub fn publish_all(&mut self, other: &Self) {
        self.published.extend(other.published.iter().cloned());
    }

    /// The text without its personal numbers.
    pub fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut numbers = personal(text);
        numbers.retain(|number| !self.published.contains(&number.digits));
        if numbers.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        for Personal { range, digits, .. } in numbers {
            out.push_str(&text[done..range.start]);
            out.push_str(MASK);
            if digits.len() >= LONG {
                out.push_str(&digits[digits.len() - SHOWN..]);
            }
            done = range.end;
        }
        out.push_str(&text[done..]);
        Cow::Owned(out)
    }
}

/// A personal number in a text.
struct Personal {
    range: Range<usize>,
    class: Class,
    /// ASCII digits and capital letters, without the prefix of the country.
    digits: String,
}

/// The personal numbers of a text, in order, none within another.
fn personal(text: &str) -> Vec<Personal> {
    let runs = digits::runs(text);
    let count = |run: &Vec<Element>| run.iter().map(|element| element.digits.len()).sum::<usize>();
    if runs.iter().all(|run| count(run) < FEWEST) {
        return Vec::new();
    }
    let found = find::find(text);
    let mut out = Vec::new();
    for run in &runs {
        out.extend(in_run(run, &found));
    }
    // What only a word before it makes a telephone's or document's number, and passports.
    for number in found.iter().filter_map(|found| kinds::named(text, found)) {
        let apart =
            |other: &Personal| other.range.end <= number.range.start || number.range.end <= other.range.start;
        if out.iter().all(apart) {
            out.push(number);
        }
    }
    out.sort_by_key(|number| number.range.start);
    out
}

/// The longest personal number at each place of a run, from its beginning on.
fn in_run(run: &[Element], found: &[Found]) -> Vec<Personal> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < run.len() {
        match kinds::longest(&run[at..], run.get(at.wrapping_sub(1)), found) {
            Some((taken, class, digits)) => {
                let range = run[at].range.start..run[at + taken - 1].range.end;
                out.push(Personal { range, class, digits });
                at += taken;
            }
            None => at += 1,
        }
    }
    out
}

#[cfg(test)]
mod tests;
