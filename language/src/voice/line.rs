//! The spoken line: a text with everything in words, and where each stretch of it comes from.

use std::ops::Range;

use super::fall_back::{FallBack, FallBackKind};
use crate::Language;
use crate::tibetan::{self, Parts};

/// What something written became in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Bytes of the text.
    pub range: Range<usize>,
    /// The rule that it fell under: `date`, `telephone`, `sign`, …
    pub rule: &'static str,
    /// The words, in the characters of their language; Latin letters are named one by one.
    pub said: String,
    /// The words' language.
    pub language: Language,
    /// Whether it is said digit by digit: every digit is a word of its own, and 一 keeps its tone.
    pub by_digit: bool,
    /// How many bytes of `said` stand before the number itself: a currency, a unit that comes first.
    pub head: usize,
}

/// A stretch of the spoken line.
struct Stretch {
    /// Where it begins in the line.
    at: usize,
    /// Bytes of the text that it stands for.
    range: Range<usize>,
    /// Its form, where it is not as written.
    form: Option<usize>,
}

/// Builds the spoken line from the left to the right.
#[derive(Default)]
pub(super) struct Line {
    pub text: String,
    pub forms: Vec<Form>,
    pub fall_backs: Vec<FallBack>,
    stretches: Vec<Stretch>,
}

impl Line {
    /// Appends what is said as it is written; `range` are its bytes of the text.
    pub(super) fn copy(&mut self, written: &str, range: Range<usize>) {
        let letter = written.chars().next().is_some_and(tibetan::is_letter);
        let number = |s: &Stretch| s.form.is_some_and(|f| self.forms[f].language == Language::Bo);
        // A number's words and the syllable after it are two syllables, unless that is a particle that is written at the
        // end of its word (འི, ར, ས).
        if letter
            && !(is_affixed(written) && self.ends_in_open_syllable())
            && self.stretches.last().is_some_and(number)
            && self.ends_in_tibetan()
        {
            self.text.push('་');
        }
        self.stretches.push(Stretch { at: self.text.len(), range, form: None });
        self.text.push_str(written);
    }

    /// Appends words for something written otherwise.
    pub(super) fn say(&mut self, form: Form) {
        if form.said.is_empty() {
            return;
        }
        if form.said.chars().next().is_some_and(tibetan::is_letter) && self.ends_in_tibetan() {
            self.text.push('་');
        }
        let stretch =
            Stretch { at: self.text.len(), range: form.range.clone(), form: Some(self.forms.len()) };
        self.stretches.push(stretch);
        self.text.push_str(&form.said);
        self.forms.push(form);
    }

    pub(super) fn fall_back(&mut self, kind: FallBackKind, range: Range<usize>) {
        self.fall_backs.push(FallBack { kind, range });
    }

    fn ends_in_tibetan(&self) -> bool {
        self.text.chars().next_back().is_some_and(tibetan::is_letter)
    }

    fn ends_in_open_syllable(&self) -> bool {
        let last = self.text.rsplit(|c| !tibetan::is_letter(c)).next().unwrap_or_default();
        Parts::parse(last).last().is_some_and(|p| p.suffix.is_none() && p.affixes.is_empty())
    }

    /// Whether the last thing said is no copy, with white space behind it.
    pub(super) fn ends_in_form_and_space(&self) -> bool {
        let blanks = self.stretches.iter().rev().take_while(|s| s.form.is_none()).count();
        let from = self.stretches.len() - blanks;
        let spaced = self.stretches.get(from).is_some_and(|s| self.text[s.at..].trim().is_empty());
        spaced && from > 0
    }

    /// Where the number itself begins in the stretch that a byte of the line belongs to.
    pub(super) fn number_at(&self, at: usize) -> usize {
        self.stretch(at).map_or(0, |s| s.at + s.form.map_or(0, |f| self.forms[f].head))
    }

    fn stretch(&self, at: usize) -> Option<&Stretch> {
        let after = self.stretches.partition_point(|s| s.at <= at);
        self.stretches.get(after.checked_sub(1)?)
    }

    /// The form that a byte of the line belongs to.
    pub(super) fn form_at(&self, at: usize) -> Option<usize> {
        self.stretch(at)?.form
    }

    /// Bytes of the text that a range of the line stands for.
    pub(super) fn original(&self, range: &Range<usize>) -> Range<usize> {
        let Some(first) = self.stretch(range.start) else { return 0..0 };
        let last = self.stretch(range.end.saturating_sub(1).max(range.start)).unwrap_or(first);
        let start = match first.form {
            Some(_) => first.range.start,
            None => (first.range.start + (range.start - first.at)).min(first.range.end),
        };
        let end = match last.form {
            Some(_) => last.range.end,
            None => (last.range.start + range.end.saturating_sub(last.at)).min(last.range.end),
        };
        start..end.max(start)
    }
}

/// Whether a text begins with a particle that has no syllable of its own.
fn is_affixed(text: &str) -> bool {
    let mut letters = text.chars();
    match (letters.next(), letters.next()) {
        (Some('འ'), Some('\u{0f72}' | '\u{0f74}' | '\u{0f7c}')) => true,
        (Some('ར' | 'ས'), next) => !next.is_some_and(tibetan::is_letter),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn particles_are_written_at_the_end_of_a_number_that_is_open() {
        assert!(is_affixed("འི་"));
        let mut line = Line::default();
        let form = |said: &str| Form {
            range: 0..1,
            rule: "number",
            said: said.to_owned(),
            language: Language::Bo,
            by_digit: false,
            head: 0,
        };
        line.say(form("ལྔ"));
        assert!(line.ends_in_open_syllable());
        line.copy("འི་", 1..10);
        line.say(form("གཅིག"));
        line.copy("ར།", 1..10);
        assert_eq!(line.text, "ལྔའི་གཅིག་ར།");
    }
}
