//! From text to the numbers of a voice's symbols.

use std::{collections::HashMap, sync::atomic::AtomicBool};

use language::{
    Language,
    utterance::{self, Spoken},
};
use unicode_normalization::UnicodeNormalization as _;

use crate::{SynthesisError, synthesizer::espeak::IpaReader};

/// A piece of a long sentence has at most so many characters, some fifteen seconds: a run's memory grows faster than its text.
const PIECE: usize = 60;

/// Piper's initials, longest first. Source: `phonemize_chinese.py`.
const INITIALS: [&str; 23] = [
    "zh", "ch", "sh", "b", "p", "m", "f", "d", "t", "n", "l", "g", "k", "h", "j", "q", "x", "r", "z", "c",
    "s", "y", "w",
];
/// What stands for no initial.
const NO_INITIAL: &str = "Ø";

/// A voice's symbols and how text becomes them.
#[derive(Debug)]
pub enum Symbols {
    /// Piper on espeak-ng's IPA: every code point is a symbol.
    Ipa(HashMap<String, Vec<i64>>),
    /// Piper on text: every code point (NFD) is a symbol.
    Text(HashMap<String, Vec<i64>>),
    /// Piper on pinyin: initial, final, tone.
    Pinyin(HashMap<String, Vec<i64>>),
    /// MMS-TTS: every letter (lower case) is a symbol; `blank` (number 0) between and around them, where the model wants it.
    /// The blank's number is also a letter's.
    Characters { table: HashMap<char, i64>, blank: bool },
}

/// Symbols with what is needed to find them.
#[derive(Debug)]
pub struct Front {
    symbols: Symbols,
    ipa: Option<IpaReader>,
}

impl Front {
    pub const fn new(symbols: Symbols, ipa: Option<IpaReader>) -> Self {
        Self { symbols, ipa }
    }

    /// Some symbols, to try a voice with.
    pub fn some(&self) -> Vec<i64> {
        match &self.symbols {
            Symbols::Ipa(map) | Symbols::Text(map) | Symbols::Pinyin(map) => {
                let mut names: Vec<&String> = map.keys().collect();
                names.sort_unstable();
                names.into_iter().take(8).flat_map(|name| map[name].iter().copied()).collect()
            }
            Symbols::Characters { table, blank } => {
                let mut ids: Vec<i64> = table.values().copied().collect();
                ids.sort_unstable();
                ids.truncate(8);
                interspersed(&ids, *blank)
            }
        }
    }

    /// The symbols of a piece of text whose numbers are words; `None` where the voice knows none of it.
    ///
    /// # Errors
    /// Where espeak-ng, which makes the phonemes of some voices, fails or was interrupted.
    pub fn ids(
        &self,
        text: &str,
        language: Language,
        cancelled: &AtomicBool,
    ) -> Result<Option<Vec<i64>>, SynthesisError> {
        Ok(match &self.symbols {
            Symbols::Ipa(map) => {
                let Some(reader) = &self.ipa else { return Ok(None) };
                let clauses = reader.clauses(text, language, cancelled)?;
                padded(map, &code_points(&in_piper(&clauses, text)), |_| true)
            }
            Symbols::Text(map) => {
                let known = |c: &String| map.contains_key(c) && c.chars().all(char::is_alphanumeric);
                let symbols = code_points(text.trim());
                if symbols.iter().any(known) { padded(map, &symbols, |_| true) } else { None }
            }
            Symbols::Pinyin(map) => {
                let ends = |symbol: &str| symbol.chars().all(|c| !c.is_alphabetic() || "。？！".contains(c));
                padded(map, &pinyin(text, map), ends)
            }
            Symbols::Characters { table, blank } => {
                let lower = text.to_lowercase();
                let known: Vec<(char, i64)> =
                    lower.trim().chars().filter_map(|c| Some((c, *table.get(&c)?))).collect();
                let ids: Vec<i64> = known.iter().map(|(_, id)| *id).collect();
                let speaks = known.iter().any(|(c, _)| c.is_alphanumeric());
                speaks.then(|| interspersed(&ids, *blank))
            }
        })
    }
}

fn code_points(text: &str) -> Vec<String> {
    text.nfd().map(String::from).collect()
}

/// Piper's order: beginning, padding, the symbols with padding after those that end something, end. Unknown ones are left out.
fn padded(
    map: &HashMap<String, Vec<i64>>,
    symbols: &[String],
    ends: impl Fn(&str) -> bool,
) -> Option<Vec<i64>> {
    let of = |name: &str| map.get(name).into_iter().flatten().copied();
    let mut ids: Vec<i64> = of("^").chain(of("_")).collect();
    let empty = ids.len();
    for symbol in symbols.iter().filter(|symbol| map.contains_key(*symbol)) {
        ids.extend(of(symbol));
        if ends(symbol) {
            ids.extend(of("_"));
        }
    }
    if ids.len() == empty {
        return None;
    }
    ids.extend(of("$"));
    Some(ids)
}

/// The blank before, between and after: 0 a 0 b 0.
fn interspersed(ids: &[i64], blank: bool) -> Vec<i64> {
    if !blank {
        return ids.to_vec();
    }
    std::iter::once(0).chain(ids.iter().flat_map(|&id| [id, 0])).collect()
}

/// Clauses as Piper joins them: with a comma and a space between them, and the sentence's own mark at the end.
fn in_piper(clauses: &[String], text: &str) -> String {
    if clauses.is_empty() {
        return String::new();
    }
    let end = match text.trim_end().chars().next_back() {
        Some('？' | '?') => "?",
        Some('！' | '!') => "!",
        _ => ".",
    };
    format!("{}{end}", clauses.join(", "))
}

/// Initial, final and tone of every syllable, and the marks between them that the voice knows.
fn pinyin(text: &str, map: &HashMap<String, Vec<i64>>) -> Vec<String> {
    let mut out = Vec::new();
    let mut at = 0;
    let marks = |out: &mut Vec<String>, between: &str| {
        let known = between.chars().filter(|c| !c.is_alphanumeric()).map(|c| match c {
            ',' => "，".to_owned(),
            '?' => "？".to_owned(),
            '!' => "！".to_owned(),
            '.' => "。".to_owned(),
            other => other.to_string(),
        });
        out.extend(known.filter(|mark| map.contains_key(mark) && !["_", "^", "$"].contains(&mark.as_str())));
    };
    for slot in utterance::read(text, Language::Zh) {
        marks(&mut out, text.get(at..slot.range.start).unwrap_or_default());
        at = slot.range.end;
        for spoken in &slot.choices[0] {
            if let Spoken::Mandarin(syllable) = spoken {
                out.extend(parts(&syllable.numbered()));
            }
        }
    }
    marks(&mut out, text.get(at..).unwrap_or_default());
    // Nothing but marks says nothing.
    if out.iter().any(|symbol| symbol.chars().all(|c| c.is_ascii_digit())) { out } else { Vec::new() }
}

fn parts(numbered: &str) -> [String; 3] {
    let (letters, tone) = numbered.split_at(numbered.len().saturating_sub(1));
    let initial = INITIALS.iter().find(|initial| letters.starts_with(**initial));
    let last = letters.strip_prefix(initial.copied().unwrap_or_default()).unwrap_or(letters);
    [initial.copied().unwrap_or(NO_INITIAL).to_owned(), last.to_owned(), tone.to_owned()]
}

/// Cuts a sentence that is too long for one run: after punctuation, else between syllables or characters.
pub fn pieces(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = text;
    while rest.chars().nth(PIECE).is_some() {
        let most = rest.char_indices().nth(PIECE).map_or(rest.len(), |(at, _)| at);
        let window = &rest[..most];
        let after = |is: fn(char) -> bool| {
            window.char_indices().rev().find(|(_, c)| is(*c)).map(|(at, c)| at + c.len_utf8())
        };
        let cut = after(pauses).or_else(|| after(|c| c == '་' || c.is_whitespace())).unwrap_or(most);
        let (piece, left) = rest.split_at(cut);
        out.push(piece);
        rest = left;
    }
    out.push(rest);
    out.into_iter().filter(|piece| !piece.trim().is_empty()).collect()
}

/// Whether somebody who reads aloud pauses after it.
const fn pauses(c: char) -> bool {
    matches!(c, '，' | '、' | '；' | '：' | '。' | '！' | '？' | '…' | ',' | ';' | ':' | '!' | '?' | '\n')
        || matches!(c, '\u{0f0d}'..='\u{0f12}' | '\u{0f14}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_sentences_are_cut_where_one_pauses_and_nothing_is_lost() {
        let tibetan = "ཐོབ་ཐང་ལག་ཁྱེར་བརྗེ་དགོས་རེད། ".repeat(6);
        let chinese = "请您带上户口本和两张照片，到户籍所在地的派出所办理；".repeat(5);
        let endless = "户口本".repeat(60);
        for text in [tibetan.as_str(), &chinese, &endless, "短。"] {
            let cut = pieces(text);
            assert_eq!(cut.concat().trim(), text.trim());
            assert!(cut.iter().all(|piece| piece.chars().count() <= PIECE), "{cut:?}");
        }
        assert!(pieces(&tibetan)[0].trim_end().ends_with('།'));
        assert!(pieces(&chinese)[0].ends_with(['，', '；']));
        assert!(pieces(" \n").is_empty());
    }

    #[test]
    fn syllables_fall_into_initial_final_and_tone() {
        assert_eq!(parts("zhang1"), ["zh", "ang", "1"]);
        assert_eq!(parts("er4"), [NO_INITIAL, "er", "4"]);
        assert_eq!(parts("lv4"), ["l", "v", "4"]);
        assert_eq!(parts("yi2"), ["y", "i", "2"]);
    }
}
