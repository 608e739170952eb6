//! Text to phones, line by line: the front end of the training pipeline.
//!
//! Standard input has lines `language<TAB>text` (`bo` or `zh`), with `--pinyin` lines of numbered pinyin syllables such
//! as `zhong1 guo2` (a language column before them is ignored). Standard output has, for each line in order,
//! `text<TAB>phones, separated by spaces<TAB>voice:input|voice:input…` (see `language::voice`). A line without any
//! sound yields empty columns; a line without a known language stops the program with an error.

use std::io::{BufRead as _, Write as _};

use language::mandarin::PinyinSyllable;
use language::{Language, espeak_phonemes, pronunciations};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pinyin = std::env::args().skip(1).any(|a| a == "--pinyin");
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (text, phones, voices) = if pinyin { read_pinyin(&line) } else { read_text(&line)? };
        writeln!(out, "{text}\t{phones}\t{voices}")?;
        out.flush()?;
    }
    Ok(())
}

fn read_text(line: &str) -> Result<(String, String, String), Box<dyn std::error::Error>> {
    let (language, text) = line.split_once('\t').ok_or("a line needs a language, a tab and a text")?;
    let language: Language = language.parse()?;
    let phones = pronunciations(text, language)
        .first()
        .map(|p| p.phones.iter().map(|p| p.name()).collect::<Vec<_>>().join(" "))
        .unwrap_or_default();
    Ok((text.to_owned(), phones, espeak_phonemes(text, language)))
}

fn read_pinyin(line: &str) -> (String, String, String) {
    let text = line.rsplit('\t').next().unwrap_or_default();
    let syllables: Option<Vec<PinyinSyllable>> = text.split_whitespace().map(PinyinSyllable::parse).collect();
    let syllables = syllables.unwrap_or_default();
    let phones: Vec<&str> = syllables.iter().flat_map(|s| s.phones().map(language::Phone::name)).collect();
    let spelled: Vec<String> = syllables.iter().map(PinyinSyllable::numbered).collect();
    let voices = if spelled.is_empty() { String::new() } else { format!("zh:{}", spelled.join(" ")) };
    (text.to_owned(), phones.join(" "), voices)
}
