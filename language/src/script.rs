//! Script runs: which stretch of a text is Tibetan, Chinese, Latin, number or neither.

use std::ops::Range;

use serde::Serialize;

/// What a stretch of text is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Script {
    /// Tibetan letters, vowel signs and the tsheg between syllables.
    Tibetan,
    /// Chinese characters.
    Han,
    /// Latin letters.
    Latin,
    /// Decimal digits: ASCII, full-width or Tibetan.
    Digit,
    /// White space, punctuation, symbols and every other script.
    Other,
}

impl Script {
    /// The script of one character.
    pub fn of(c: char) -> Self {
        match c {
            '0'..='9' | '０'..='９' | '\u{0f20}'..='\u{0f29}' => Self::Digit,
            '\u{0f00}'
            | '\u{0f0b}'
            | '\u{0f0c}'
            | '\u{0f18}'
            | '\u{0f19}'
            | '\u{0f2a}'..='\u{0f33}'
            | '\u{0f35}'
            | '\u{0f37}'
            | '\u{0f39}'
            | '\u{0f3e}'..='\u{0f84}'
            | '\u{0f86}'..='\u{0fbc}' => Self::Tibetan,
            '\u{3007}'
            | '\u{3400}'..='\u{4dbf}'
            | '\u{4e00}'..='\u{9fff}'
            | '\u{f900}'..='\u{faff}'
            | '\u{20000}'..='\u{323af}' => Self::Han,
            'a'..='z' | 'A'..='Z' | 'ａ'..='ｚ' | 'Ａ'..='Ｚ' | '\u{c0}'..='\u{24f}' => Self::Latin,
            _ => Self::Other,
        }
    }
}

/// A stretch of text in one script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its script.
    pub script: Script,
    /// Bytes of the text, on character boundaries.
    pub range: Range<usize>,
}

/// Splits a text into maximal script runs. The ranges follow each other without gaps and cover the text.
pub fn runs(text: &str) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (at, c) in text.char_indices() {
        let script = Script::of(c);
        let end = at + c.len_utf8();
        match runs.last_mut() {
            Some(run) if run.script == script => run.range.end = end,
            _ => runs.push(Run { script, range: at..end }),
        }
    }
    runs
}
