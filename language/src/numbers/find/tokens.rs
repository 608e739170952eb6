//! A text as a row of numbers, characters and syllables, for the matchers.

use std::ops::Range;

use crate::numbers::formats::{self, Shape};
use crate::numbers::{canonical, chinese, digit_value};
use crate::script::Script;
use crate::tibetan;

/// What stands at one place of a text. White space and tsheg are left out; line ends are characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A number as [`canonical`] has it, whether it may be a name (digit by digit, not grouped by thousands), and whether
    /// a zero was left out before it (零五, 05).
    Number { digits: String, name: bool, zero: bool },
    /// A date by its shape: year as written, month, day.
    Date { year: String, month: u64, day: u64 },
    /// A time of day by its shape.
    Time { hour: u64, minute: u64 },
    /// Digits over digits.
    Fraction(u64, u64),
    /// A telephone number written in groups.
    Telephone(String),
    /// Letters and digits that can only be the number of a document.
    Document(String),
    /// A Tibetan syllable without affixes.
    Syllable(String),
    /// A Chinese character or a sign.
    Character(char),
}

const ZEROS: [char; 5] = ['零', '〇', '0', '０', '༠'];

/// A token with its bytes of the text.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub range: Range<usize>,
    pub token: Token,
}

/// Takes a text apart.
pub(super) fn of(text: &str) -> Vec<Placed> {
    let mut atoms = canonical(text).into_iter().peekable();
    let mut out = Vec::new();
    let mut at = 0;
    let mut after_letter = false;
    while let Some(c) = text[at..].chars().next() {
        let start = at;
        while atoms.next_if(|n| n.range.start < at).is_some() {}
        if !after_letter && let Some((end, number)) = document(text, at) {
            out.push(Placed { range: start..end, token: Token::Document(number) });
            at = end;
        } else if digit_value(c).is_some()
            && let Some((length, token)) = shape(&text[at..])
        {
            out.push(Placed { range: start..at + length, token });
            at += length;
        } else if let Some(atom) = atoms.next_if(|n| n.range.start == at) {
            let name = atom.by_digit && !text[atom.range.clone()].contains([',', '，']);
            let zero = text[at..].starts_with(ZEROS) && !atom.digits.starts_with('0');
            out.push(Placed {
                range: atom.range.clone(),
                token: Token::Number { digits: atom.digits, name, zero },
            });
            at = atom.range.end;
        } else if tibetan::is_letter(c) {
            let limit = atoms.peek().map_or(text.len(), |n| n.range.start);
            let Some(syllable) = tibetan::syllables(&text[at..limit]).into_iter().next() else {
                at += c.len_utf8();
                continue;
            };
            let range = at + syllable.range.start..at + syllable.range.end;
            at = range.end;
            out.push(Placed { range, token: Token::Syllable(tibetan::strip_affixes(&syllable.text)) });
        } else {
            at += c.len_utf8();
            if c == '\n' || !(c.is_whitespace() || matches!(c, '་' | '༌')) {
                out.push(Placed { range: start..at, token: Token::Character(c) });
            }
        }
        after_letter = Script::of(c) == Script::Latin || digit_value(c).is_some();
    }
    out
}

/// Shapes that mean more than their numbers. Ranges are left to the matchers, since their ends have units.
fn shape(text: &str) -> Option<(usize, Token)> {
    let written = |digits: &[u8]| digits.iter().map(|d| char::from(b'0' + d)).collect::<String>();
    let (shape, length) = formats::scan(text);
    let token = match shape {
        Shape::Date { year, month, day } => Token::Date { year: written(&year), month, day },
        Shape::Time { hour, minute } => Token::Time { hour, minute },
        Shape::Fraction(numerator, denominator) => Token::Fraction(numerator, denominator),
        Shape::Telephone(digits) => Token::Telephone(written(&digits)),
        Shape::Amount(_) | Shape::Range(..) => return None,
    };
    Some((length, token))
}

/// The number of a document that begins at `at`: an identity card (17 digits and a digit or X, or 15 digits), a bank
/// card (16 to 19 digits), or letters and digits mixed as on passports, permits and business licences (8 to 20 of them,
/// at least six digits).
///
/// Source: GB 11643-1999 (identity number), GB 32100-2015 (unified social credit code), ISO/IEC 7812 (card numbers).
fn document(text: &str, at: usize) -> Option<(usize, String)> {
    let mut number = String::new();
    let mut end = at;
    for c in text[at..].chars() {
        let folded = match c {
            '0'..='9' | 'A'..='Z' => c,
            'a'..='z' => c.to_ascii_uppercase(),
            'Ａ'..='Ｚ' | 'ａ'..='ｚ' | '０'..='９' => {
                char::from_u32(c as u32 - 0xfee0).map_or(c, |c| c.to_ascii_uppercase())
            }
            _ => break,
        };
        number.push(folded);
        end += c.len_utf8();
        if number.len() > 20 {
            return None;
        }
    }
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let all_digits = digits == number.len();
    let known = match number.len() {
        15..=19 if all_digits => true,
        8..=20 => !all_digits && digits >= 6,
        _ => false,
    };
    known.then_some((end, number))
}

/// A place among tokens.
#[derive(Clone)]
pub(super) struct Cursor<'a> {
    tokens: &'a [Placed],
    start: usize,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(tokens: &'a [Placed], at: usize) -> Self {
        Self { tokens, start: at, at }
    }

    /// How many tokens were taken.
    pub fn taken(&self) -> usize {
        self.at - self.start
    }

    /// The next token.
    pub fn token(&self) -> Option<&'a Token> {
        self.tokens.get(self.at).map(|p| &p.token)
    }

    /// The next character or sign.
    pub fn character(&self) -> Option<char> {
        match self.token() {
            Some(Token::Character(c)) => Some(*c),
            _ => None,
        }
    }

    /// Whether the next token is one of these characters.
    pub fn stands_before(&self, characters: &str) -> bool {
        self.character().is_some_and(|c| characters.contains(c))
    }

    /// Takes one token whatever it is.
    pub fn skip(&mut self) {
        self.at += 1;
    }

    /// Takes these characters if they are next.
    pub fn han(&mut self, characters: &str) -> bool {
        let mut at = self.at;
        for c in characters.chars() {
            if self.tokens.get(at).map(|p| &p.token) != Some(&Token::Character(c)) {
                return false;
            }
            at += 1;
        }
        self.at = at;
        true
    }

    /// Takes the first of these words that is next.
    pub fn one_of<T: Copy>(&mut self, words: &[(&str, T)]) -> Option<T> {
        words.iter().find(|(word, _)| self.han(word)).map(|(_, value)| *value)
    }

    /// Takes these syllables (joined by tsheg) if they are next.
    pub fn syllables(&mut self, words: &str) -> bool {
        let mut at = self.at;
        for syllable in words.split('་') {
            match self.tokens.get(at).map(|p| &p.token) {
                Some(Token::Syllable(s)) if s == syllable => at += 1,
                _ => return false,
            }
        }
        self.at = at;
        true
    }

    /// Takes a number as it is.
    pub fn amount(&mut self) -> Option<String> {
        let Some(Token::Number { digits, .. }) = self.token() else { return None };
        self.at += 1;
        Some(digits.clone())
    }

    /// Takes a whole number between `least` and `most`, also one Chinese numeral that is no number by itself.
    pub fn small(&mut self, least: u64, most: u64) -> Option<u64> {
        let value = match self.token()? {
            Token::Number { digits, .. } => digits.parse().ok()?,
            Token::Character('十') => 10,
            Token::Character(c) => u64::from(chinese::numeral_digit(*c)?),
            _ => return None,
        };
        (least..=most).contains(&value).then(|| {
            self.at += 1;
            value
        })
    }

    /// Whether a zero leads what is next; takes it where it stands by itself.
    pub fn zero(&mut self) -> bool {
        match self.token() {
            Some(Token::Number { zero, .. }) => *zero,
            Some(Token::Character('零' | '〇')) => {
                self.at += 1;
                true
            }
            _ => false,
        }
    }

    /// Whether nothing, not even a space, stands between what was taken last and what is next.
    pub fn adjoins(&self) -> bool {
        let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        match (before, self.tokens.get(self.at)) {
            (Some(before), Some(next)) => before.range.end == next.range.start,
            _ => false,
        }
    }

    /// Takes a year: four digits from 1000 to 2999.
    pub fn year(&mut self) -> Option<String> {
        let Some(Token::Number { digits, .. }) = self.token() else { return None };
        let year = digits.len() == 4 && matches!(digits.as_bytes()[0], b'1' | b'2');
        year.then(|| {
            self.at += 1;
            digits.clone()
        })
    }

    /// Takes "to" and a number, the end of a range.
    pub fn range_end(&mut self) -> Option<String> {
        let start = self.at;
        let dash = self.stands_before("-–—~～到至");
        self.at += usize::from(dash);
        let end = if dash { self.amount() } else { None };
        if end.is_none() {
            self.at = start;
        }
        end
    }

    /// Whether any of these words, of Chinese characters or Tibetan syllables, ends at most `within` tokens before where
    /// this cursor started, on the same line.
    pub fn comes_after(&self, words: &[&str], within: usize) -> bool {
        let from = self.start.saturating_sub(within);
        let before: String = self.tokens[from..self.start]
            .iter()
            .map(|p| match &p.token {
                Token::Character(c) => c.to_string(),
                Token::Syllable(s) => format!("{s}་"),
                _ => " ".to_owned(),
            })
            .collect();
        let line = before.rsplit('\n').next().unwrap_or_default();
        words.iter().any(|word| line.contains(word))
    }

    /// Whether this character stands right before where the cursor started.
    pub fn directly_after(&self, c: char) -> bool {
        self.start.checked_sub(1).is_some_and(|at| self.tokens[at].token == Token::Character(c))
    }
}
