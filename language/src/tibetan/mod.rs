//! Tibetan as text: normal form, syllables and their parts; [`lhasa`] turns them into sound.

mod ewts;
pub mod lhasa;
mod normal;
mod parts;
mod search;

use std::ops::Range;

pub use ewts::{EwtsError, from_ewts, to_ewts};
pub use normal::normalize;
pub use parts::{Parts, Stack};
pub(crate) use search::stripped;
pub use search::{search_keys, strip_affixes};

/// One syllable of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Syllable {
    /// Bytes of the original text: the letters, without the tsheg after them.
    pub range: Range<usize>,
    /// The letters in normal form ([`normalize`]).
    pub text: String,
}

/// Whether a character belongs to a Tibetan syllable (letters, signs, half digits, ༀ).
pub(crate) fn is_letter(c: char) -> bool {
    matches!(c, '\u{0f00}' | '\u{0f2a}'..='\u{0f33}' | '\u{0f35}' | '\u{0f37}' | '\u{0f39}'
        | '\u{0f3e}'..='\u{0f84}' | '\u{0f86}'..='\u{0fbc}' | '\u{0f18}' | '\u{0f19}')
}

/// Splits a text into Tibetan syllables: at everything that is no Tibetan letter, and after a visarga (U+0F7F), which
/// implies a tsheg. Other scripts, digits and punctuation are skipped.
pub fn syllables(text: &str) -> Vec<Syllable> {
    let mut out = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        let letter = is_letter(c);
        if letter && start.is_none() {
            start = Some(at);
        }
        let end = if c == '\u{0f7f}' { at + c.len_utf8() } else { at };
        if (!letter || c == '\u{0f7f}')
            && let Some(from) = start.take()
        {
            let normal = normalize(&text[from..end]);
            if normal.chars().any(parts::is_base) {
                out.push(Syllable { range: from..end, text: normal });
            }
        }
    }
    out
}
