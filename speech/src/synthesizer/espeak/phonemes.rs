//! What may be fed to espeak-ng. It says nothing about input that it does not understand: a mnemonic that its table lacks
//! drops the rest of the word. Therefore everything is read here first, by its own rules.

use language::{Language, Segment, mandarin::PinyinSyllable};

use super::failed;
use crate::SynthesisError;

/// The mnemonics of espeak-ng 1.51's Mandarin phoneme table (`cmn`, with what it includes: `base1`, `base`), as its compiled
/// file `phontab` lists them, less those that are no sound of their own (stress, pauses with control characters).
/// A test compares it with the installed file.
const MNEMONICS: [&str; 142] = [
    "#@", "#X1", "#a", "#e", "#i", "#o", "#u", "*", "**", "-", "1", "11", "21", "214", "22", "33", "35",
    "44", "51", "53", "55", ":", ";", "?", "@", "@-", "@r", "A", "Au", "B", "C", "D", "E", "J", "J^", "L",
    "L/", "N", "N-", "Q", "Q\"", "Q^", "R", "R2", "R3", "S", "S;", "T", "X", "Z", "Z;", "_", "_!", "_:",
    "_::", "_;_", "_X1", "_^_", "_|", "a", "ai", "b", "c", "d", "dZ", "dZ;", "d[", "e", "ei", "f", "g", "h",
    "i", "i.", "iA", "iAu", "iE", "i[", "io", "iou", "j", "k", "kh", "l", "l#", "l-", "l.", "l/", "l/2",
    "l/3", "l^", "m", "m-", "n", "n-", "n.", "n^", "o", "o-", "ong", "ou", "p", "ph", "q", "r", "r\"", "r-",
    "r.", "r/", "s", "s.", "s;", "t", "t#", "tS", "tS;", "tS;h", "t[", "th", "ts", "ts.", "ts.h", "tsh", "u",
    "u@", "uA", "ua", "uai", "uei", "uo", "v", "v#", "w", "x", "y", "y&", "y@", "yE", "yi", "yu", "z", "z.",
];

/// The longest of [`MNEMONICS`], in bytes: espeak-ng keeps four to a mnemonic.
const LONGEST: usize = 4;

/// Checks a segment before it is fed.
///
/// # Errors
/// [`SynthesisError::Engine`], which names the syllable or mnemonic that espeak-ng would not say.
pub fn check(segment: &Segment) -> Result<(), SynthesisError> {
    let breaths = segment.input.split(',').map(str::trim).filter(|breath| !breath.is_empty());
    for breath in breaths {
        match segment.voice {
            Language::Zh => breath.split(' ').try_for_each(syllable)?,
            Language::Bo => {
                let inside = breath.strip_prefix("[[").and_then(|rest| rest.strip_suffix("]]"));
                let inside = inside.ok_or_else(|| failed(format!("{breath:?} is not between [[ and ]]")))?;
                inside.split(' ').try_for_each(word)?;
            }
        }
    }
    Ok(())
}

/// A syllable of numbered pinyin.
fn syllable(text: &str) -> Result<(), SynthesisError> {
    let written = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let toned = text.ends_with(|c| ('1'..='5').contains(&c));
    if written && toned && PinyinSyllable::parse(text).is_some() {
        return Ok(());
    }
    Err(failed(format!("{text:?} is no numbered pinyin syllable, and espeak-ng would spell or drop it")))
}

/// A word of mnemonics, read as espeak-ng reads it: always the longest mnemonic that fits.
fn word(text: &str) -> Result<(), SynthesisError> {
    let mut rest = text;
    while !rest.is_empty() {
        let fits = (1..=LONGEST.min(rest.len())).rev().find_map(|length| {
            rest.get(..length).filter(|start| MNEMONICS.contains(start)).and_then(|_| rest.get(length..))
        });
        rest = fits.ok_or_else(|| {
            failed(format!(
                "no mnemonic of its Mandarin table begins {rest:?} in {text:?}: the rest would not be spoken"
            ))
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(voice: Language, input: &str) -> Segment {
        Segment { voice, input: input.to_owned(), range: 0..0 }
    }

    #[test]
    fn what_the_language_computes_is_taken_and_a_slip_is_named() {
        let sentences = [
            ("身份证到期了怎么换？拨打12345，A4纸。", Language::Zh),
            ("ངའི་身份证བརླགས་སོང་། ལག་ཁྱེར་༢༥།", Language::Bo),
        ];
        for (text, language) in sentences {
            for segment in language::speech_plan(text, language) {
                check(&segment).unwrap();
            }
        }
        for (voice, input, named) in [
            (Language::Bo, "[[kha55 hG55]]", "\"G55\""),
            (Language::Bo, "[[kha55]], par55", "[["),
            (Language::Zh, "shen1 qqq4", "qqq4"),
            (Language::Zh, "shen1 fen", "\"fen\""),
            (Language::Zh, "[[a55]]", "[["),
            (Language::Zh, "shen1\nfen4", "shen1\\nfen4"),
        ] {
            let error = check(&segment(voice, input)).unwrap_err().to_string();
            assert!(error.contains(named), "{input}: {error}");
        }
    }

    #[test]
    fn the_table_is_that_of_the_installed_program() {
        let installed = std::process::Command::new("espeak-ng").arg("--version").output();
        let Ok(output) = installed else {
            println!("skipped: espeak-ng is not installed");
            return;
        };
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let folder = said.split("Data at: ").nth(1).unwrap().trim();
        let tables = std::fs::read(std::path::Path::new(folder).join("phontab")).unwrap();
        let found = mandarin(&tables);
        let lacking: Vec<&&str> = MNEMONICS.iter().filter(|m| !found.iter().any(|f| f == **m)).collect();
        assert!(lacking.is_empty(), "{lacking:?} are in no installed table");
    }

    /// The mnemonics of the table `cmn` and of those that it includes. A table is its number of phonemes, the number of the
    /// table that it includes (counted from 1), two unused bytes, its name in 32 bytes, then 16 bytes a phoneme, which begin
    /// with the mnemonic. Source: `PHONEME_TAB`, `PHONEME_TAB_LIST` and `LoadPhData` of espeak-ng 1.51.
    fn mandarin(bytes: &[u8]) -> Vec<String> {
        let text = |bytes: &[u8]| {
            String::from_utf8_lossy(bytes).trim_end_matches('\0').split('\0').next().unwrap_or("").to_owned()
        };
        let mut tables = Vec::new();
        let mut at = 4;
        for _ in 0..bytes[0] {
            let (count, includes) = (usize::from(bytes[at]), usize::from(bytes[at + 1]));
            let name = text(&bytes[at + 4..at + 36]);
            at += 36;
            let phonemes: Vec<String> =
                (0..count).map(|i| text(&bytes[at + 16 * i..at + 16 * i + 4])).collect();
            at += 16 * count;
            tables.push((name, includes, phonemes));
        }
        let mut out = Vec::new();
        let mut number = tables.iter().position(|(name, ..)| name == "cmn").unwrap() + 1;
        while number > 0 {
            out.extend(tables[number - 1].2.iter().cloned());
            number = tables[number - 1].1;
        }
        out
    }
}
