//! Tibetan script and Latin letters: THL Extended Wylie (EWTS), both ways.
//!
//! Agents who cannot read Tibetan script read and type this. Source: see [`tables`].

use std::fmt::Write as _;

mod read;
mod tables;

use unicode_normalization::char::decompose_canonical;

use super::is_letter;
use super::parts::{bare_root, full, is_base, prefix_allows};

pub use read::{EwtsError, from_ewts};

/// A letter with what is under it, its vowel signs and the signs after them, as typed.
#[derive(Clone, Debug, Default)]
struct Column {
    letters: Vec<&'static str>,
    vowels: Vec<char>,
    finals: Vec<&'static str>,
}

impl Column {
    fn is_bare(&self) -> bool {
        self.letters.len() == 1 && self.vowels.is_empty() && self.finals.is_empty()
    }

    fn base(&self) -> char {
        tables::CONSONANTS.iter().find(|(_, name)| *name == self.letters[0]).map_or('ཨ', |(c, _)| *c)
    }

    /// The consonants: `rgy`, `d+m`; nothing for ཨ by itself, which its vowel stands for.
    fn consonants(&self) -> String {
        match self.letters.as_slice() {
            ["a"] => String::new(),
            letters if tables::is_native_stack(letters) => letters.concat(),
            letters => letters.join("+"),
        }
    }

    /// The vowels and final signs; `a` where there is no vowel.
    fn vowels(&self) -> Option<String> {
        let mut names: Vec<&str> = Vec::new();
        let mut rest = self.vowels.as_slice();
        while !rest.is_empty() {
            let here = |signs: &str| {
                signs.chars().count() <= rest.len() && signs.chars().zip(rest).all(|(a, b)| a == *b)
            };
            let (name, signs) = tables::VOWELS
                .iter()
                .filter(|(_, signs)| here(signs))
                .max_by_key(|(_, signs)| signs.len())?;
            names.push(name);
            rest = &rest[signs.chars().count()..];
        }
        if names.is_empty() {
            names.push("a");
        }
        Some(names.join("+") + &self.finals.concat())
    }
}

/// Transliterates text into EWTS: `བཀྲ་ཤིས།` is `bkra shis/`.
///
/// Whatever is not Tibetan stands in square brackets, ASCII digits included (EWTS digits are Tibetan digits). Signs that
/// EWTS has no letter for are written as `\u0f..`. [`from_ewts`] gives the text back up to canonical equivalence:
/// exactly, where it is in normal form ([`super::normalize`]).
pub fn to_ewts(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut syllable: Vec<char> = Vec::new();
    let mut foreign = String::new();
    for c in text.chars() {
        if is_letter(c) && !('\u{0f2a}'..='\u{0f33}').contains(&c) {
            flush_foreign(&mut out, &mut foreign);
            decompose(c, &mut syllable);
            continue;
        }
        flush_syllable(&mut out, &mut syllable);
        match tables::OTHERS.iter().find(|(_, sign)| *sign == c) {
            // A shad after a shad would be read as ༎.
            Some(("/" | "//", _)) if foreign.is_empty() && out.ends_with('/') => escape(&mut out, c),
            Some((name, _)) if c != ' ' || foreign.is_empty() => {
                flush_foreign(&mut out, &mut foreign);
                out.push_str(name);
            }
            None if ('\u{0f00}'..='\u{0fff}').contains(&c) => {
                flush_foreign(&mut out, &mut foreign);
                escape(&mut out, c);
            }
            _ => foreign.push(c),
        }
    }
    flush_syllable(&mut out, &mut syllable);
    flush_foreign(&mut out, &mut foreign);
    out
}

fn decompose(c: char, out: &mut Vec<char>) {
    match c {
        '\u{0f00}' => out.extend(['\u{0f68}', '\u{0f7c}', '\u{0f7e}']),
        '\u{0f77}' => out.extend(['\u{0fb2}', '\u{0f71}', '\u{0f80}']),
        '\u{0f79}' => out.extend(['\u{0fb3}', '\u{0f71}', '\u{0f80}']),
        _ => decompose_canonical(c, |c| out.push(c)),
    }
}

fn escape(out: &mut String, c: char) {
    // Writing to a string cannot fail.
    let _ = write!(out, "\\u{:04x}", u32::from(c));
}

fn flush_foreign(out: &mut String, foreign: &mut String) {
    if foreign.is_empty() {
        return;
    }
    let inner = foreign.trim_end_matches(' ');
    if !inner.is_empty() {
        out.push('[');
        for c in inner.chars() {
            if matches!(c, '[' | ']' | '\\') {
                out.push('\\');
            }
            out.push(c);
        }
        out.push(']');
    }
    out.extend(std::iter::repeat_n('_', foreign.len() - inner.len()));
    foreign.clear();
}

/// Writes what stands between two tshegs in the shortest way that is read back as the same letters.
fn flush_syllable(out: &mut String, syllable: &mut Vec<char>) {
    if syllable.is_empty() {
        return;
    }
    let letters: String = syllable.drain(..).collect();
    let written = columns(&letters)
        .into_iter()
        .flat_map(|columns| [native(&columns, ""), native(&columns, "."), spelled_out(&columns)])
        .flatten()
        .find(|candidate| from_ewts(candidate).is_ok_and(|back| back == letters));
    match written {
        Some(written) => out.push_str(&written),
        None => letters.chars().for_each(|c| escape(out, c)),
    }
}

/// Splits letters into columns; `None` where a sign stands in no place that EWTS has a spelling for.
fn columns(letters: &str) -> Option<Vec<Column>> {
    let mut out: Vec<Column> = Vec::new();
    for c in letters.chars() {
        if is_base(c) {
            let name = if c == 'ཨ' { Some("a") } else { consonant(c) };
            out.push(Column { letters: vec![name?], ..Column::default() });
            continue;
        }
        let last = out.last_mut()?;
        match c {
            '\u{0fba}' => last.letters.push("W"),
            '\u{0fbb}' => last.letters.push("Y"),
            '\u{0fbc}' => last.letters.push("R"),
            '\u{0fb8}' => last.letters.push("a"),
            '\u{0f90}'..='\u{0fb9}' => last.letters.push(consonant(full(c)?)?),
            '\u{0f71}'..='\u{0f7d}' | '\u{0f80}' => last.vowels.push(c),
            _ => last.finals.push(tables::FINALS.iter().find(|(_, sign)| *sign == c)?.0),
        }
    }
    Some(out)
}

fn consonant(c: char) -> Option<&'static str> {
    tables::CONSONANTS.iter().find(|(letter, _)| *letter == c).map(|(_, name)| *name)
}

/// As the orthography has it: one letter before the root, letters after it without a vowel. `between` separates letters
/// that would otherwise be read as one stack (`g.ya`).
fn native(columns: &[Column], between: &str) -> Option<String> {
    let root = root(columns);
    let mut out = String::new();
    for (i, column) in columns.iter().enumerate() {
        let affix = i > root
            && column.letters == ["'"]
            && matches!(columns.get(i + 1), Some(next) if next.is_bare() && matches!(next.letters[0], "ng" | "m"));
        let dotted = i > 0 && (column.letters[0] == "a" || (i == root && root == 1));
        out.push_str(if dotted { between } else { "" });
        out.push_str(&column.consonants());
        if !column.is_bare() || i == root || affix || column.letters == ["a"] {
            out.push_str(&column.vowels()?);
        }
    }
    Some(out)
}

fn root(columns: &[Column]) -> usize {
    let marked = columns.iter().position(|c| !c.is_bare());
    match marked {
        Some(1) if takes_prefix(&columns[0], &columns[1]) => 1,
        Some(_) if columns.len() == 2 || marked.is_some_and(|at| at < 2) => 0,
        // Bare letters before an affixed particle or a second syllable.
        Some(at) if at == 2 && prefix_allows(columns[0].base(), columns[1].base()) => 1,
        Some(_) => 0,
        None => bare_root(&columns.iter().map(Column::base).collect::<Vec<char>>()),
    }
}

/// Whether a bare letter before a stack is its prefix.
fn takes_prefix(prefix: &Column, stack: &Column) -> bool {
    let headed = |letters: &[&str]| tables::is_native_stack(letters) && matches!(letters[0], "r" | "l" | "s");
    match stack.letters.as_slice() {
        letters @ [_, foot, ..] if *foot != "y" && *foot != "r" && *foot != "w" && headed(letters) => {
            matches!(prefix.letters[0], "g" | "d" | "b" | "m" | "'")
        }
        _ => prefix_allows(prefix.base(), stack.base()),
    }
}

/// Every stack by itself, with its vowel: longer, but never ambiguous.
fn spelled_out(columns: &[Column]) -> Option<String> {
    let mut out = String::new();
    for (i, column) in columns.iter().enumerate() {
        if i > 0 {
            out.push('.');
        }
        out.push_str(&column.letters.join("+"));
        if column.letters == ["a"] {
            out.pop();
        }
        out.push_str(&column.vowels()?);
    }
    Some(out)
}

#[cfg(test)]
mod tests;
