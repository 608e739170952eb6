//! Runs of digits, however they are written or said.

use std::ops::Range;

use crate::numbers::{chinese, digit_value, tibetan};
use crate::tibetan as letters;

/// Signs between two groups at most.
const FARTHEST: usize = 3;
/// What may stand between the groups of one number. A full stop is one, too; see [`Element::after_point`].
const BETWEEN: &str = " \u{a0}\u{3000}\t-‐‑–—－_·་༌()（）";

/// A group of digits that stand side by side, or one word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Element {
    /// Bytes of the text.
    pub range: Range<usize>,
    /// ASCII digits; `X` alone for the check letter of an identity number.
    pub digits: String,
    /// Whether a point stands before it: what follows a decimal point is no number of its own.
    pub after_point: bool,
}

/// The runs of a text: groups with nothing but [`BETWEEN`] or points between them.
pub(super) fn runs(text: &str) -> Vec<Vec<Element>> {
    let mut reader = Reader { text, at: 0, run: Vec::new(), runs: Vec::new(), between: 0, point: false };
    while let Some(c) = text[reader.at..].chars().next() {
        reader.step(c);
    }
    reader.end_run();
    reader.runs
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    run: Vec<Element>,
    runs: Vec<Vec<Element>>,
    /// Signs since the last group.
    between: usize,
    /// A point among them.
    point: bool,
}

impl Reader<'_> {
    fn step(&mut self, c: char) {
        let start = self.at;
        if c.is_ascii_alphanumeric()
            && let Some(end) = machine_word(self.text, start)
        {
            self.end_run();
            self.at = end;
        } else if let Some(end) = digits_end(self.text, start) {
            let values = self.text[start..end].chars().filter_map(digit_value);
            self.push(start..end, values.map(|d| char::from(b'0' + d)).collect());
        } else if let Some(digit) = chinese::numeral_digit(c) {
            self.push(start..start + c.len_utf8(), digit.to_string());
        } else if letters::is_letter(c) {
            self.tibetan();
        } else if matches!(c, 'X' | 'x' | 'Ｘ' | 'ｘ' | '叉') && !self.run.is_empty() && self.between <= 1
        {
            self.push(start..start + c.len_utf8(), "X".to_owned());
            self.end_run();
        } else {
            self.at += c.len_utf8();
            let point = matches!(c, '.' | '．');
            self.between += 1;
            self.point |= point;
            if self.between > FARTHEST || !(point || BETWEEN.contains(c)) {
                self.end_run();
            }
        }
    }

    fn push(&mut self, range: Range<usize>, digits: String) {
        self.at = range.end;
        self.run.push(Element { range, digits, after_point: self.point });
        (self.between, self.point) = (0, false);
    }

    fn end_run(&mut self) {
        if !self.run.is_empty() {
            self.runs.push(std::mem::take(&mut self.run));
        }
        (self.between, self.point) = (0, false);
    }

    /// Tibetan words up to the next other thing. Telephone numbers are said digit by digit or in pairs (བཅུ་གསུམ for 13).
    fn tibetan(&mut self) {
        let start = self.at;
        let rest = &self.text[start..];
        let end = rest.find(|c| !(letters::is_letter(c) || matches!(c, '་' | '༌'))).unwrap_or(rest.len());
        let syllables = letters::syllables(&rest[..end]);
        let bare: Vec<String> = syllables.iter().map(|s| letters::strip_affixes(&s.text)).collect();
        let bare: Vec<&str> = bare.iter().map(String::as_str).collect();
        let mut at = 0;
        while at < bare.len() {
            match tibetan::parse(&bare[at..]).filter(|(n, length)| *n < 100 && *length > 0) {
                Some((n, length)) => {
                    let last = &syllables[at + length - 1];
                    let range = start + syllables[at].range.start..start + last.range.end;
                    self.push(range, n.to_string());
                    at += length;
                }
                // "And" between two digits.
                None if bare[at] == "དང" => at += 1,
                None => {
                    self.end_run();
                    at += 1;
                }
            }
        }
        self.at = start + end.max(1);
    }
}

/// Where digits of one kind end that begin at `start`.
fn digits_end(text: &str, start: usize) -> Option<usize> {
    let rest = &text[start..];
    let length = rest.find(|c| digit_value(c).is_none()).unwrap_or(rest.len());
    (length > 0).then_some(start + length)
}

/// The end of an identifier that machines make: a UUID, or hexadecimal digits with letters among them. Logs are full of
/// them, and digits in them are nobody's number. A passport's number has its letters in front only.
fn machine_word(text: &str, start: usize) -> Option<usize> {
    let before = text[..start].chars().next_back();
    if before.is_some_and(|c| c.is_ascii_alphanumeric()) {
        return None;
    }
    let rest = &text.as_bytes()[start..];
    let length = rest.iter().take_while(|b| b.is_ascii_alphanumeric()).count();
    let word = &rest[..length];
    if length == 8 && is_uuid(rest) {
        return Some(start + UUID);
    }
    let letters_first = word.iter().skip_while(|b| b.is_ascii_alphabetic()).all(u8::is_ascii_digit);
    let hexadecimal = word.iter().all(u8::is_ascii_hexdigit) && word.iter().any(u8::is_ascii_alphabetic);
    let check_letter =
        matches!(word.split_last(), Some((b'X' | b'x', rest)) if rest.iter().all(u8::is_ascii_digit));
    (hexadecimal && !letters_first && !check_letter).then_some(start + length)
}

/// Characters of a UUID.
const UUID: usize = 36;

fn is_uuid(bytes: &[u8]) -> bool {
    bytes.len() >= UUID
        && bytes[..UUID].iter().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}
