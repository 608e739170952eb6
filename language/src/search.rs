//! What texts are found by: units, words and sounds. All of these work on mixed text; scripts tell the languages apart.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization as _;

use crate::numbers::{self, CanonicalNumber};
use crate::script::{self, Script};
use crate::tibetan::lhasa::{self, Coda, LhasaSyllable, Onset, Vowel};
use crate::utterance::{Spoken, letter_name};
use crate::{Language, chinese, mandarin, tibetan};

/// The smallest unit that text is found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Bytes of the text. Units of one loan-word syllable share its range.
    pub range: Range<usize>,
    /// The search key: never shown.
    pub key: String,
    /// [`Script::Han`] for a character, [`Script::Tibetan`] for a syllable, [`Script::Latin`] for a word,
    /// [`Script::Digit`] for a number (also one in words).
    pub script: Script,
}

/// A stretch of text of one kind, numbers in words taken out.
enum Stretch {
    Run(Script, Range<usize>),
    Number(CanonicalNumber),
}

fn stretches(text: &str) -> Vec<Stretch> {
    let mut out = Vec::new();
    let mut numbers = numbers::canonical(text).into_iter().peekable();
    // A number may end in a later run than it began (3.5万).
    let mut at = 0;
    for run in script::runs(text) {
        while let Some(number) = numbers.next_if(|n| n.range.start < run.range.end) {
            if number.range.start > at {
                out.push(Stretch::Run(run.script, at..number.range.start));
            }
            at = number.range.end;
            out.push(Stretch::Number(number));
        }
        if at < run.range.end {
            out.push(Stretch::Run(run.script, at..run.range.end));
            at = run.range.end;
        }
    }
    out
}

/// The units of a text: Chinese characters, Tibetan syllables without affixes, Latin words, numbers.
pub fn syllables(text: &str) -> Vec<Unit> {
    let mut out = Vec::new();
    for stretch in stretches(text) {
        let (script, range) = match stretch {
            Stretch::Number(n) => {
                out.push(Unit { range: n.range, key: n.digits, script: Script::Digit });
                continue;
            }
            Stretch::Run(script, range) => (script, range),
        };
        let start = range.start;
        let slice = &text[range.clone()];
        match script {
            Script::Han => out.extend(slice.char_indices().map(|(at, c)| Unit {
                range: start + at..start + at + c.len_utf8(),
                key: chinese::normalize(c.encode_utf8(&mut [0; 4])),
                script,
            })),
            Script::Tibetan => {
                for syllable in tibetan::syllables(slice) {
                    let range = start + syllable.range.start..start + syllable.range.end;
                    let keys = tibetan::search_keys(&syllable.text);
                    out.extend(keys.into_iter().map(|key| Unit { range: range.clone(), key, script }));
                }
            }
            Script::Latin => out.push(Unit { range, key: latin_key(slice), script }),
            Script::Digit | Script::Other => {}
        }
    }
    out
}

fn latin_key(word: &str) -> String {
    word.nfkc().collect::<String>().to_lowercase()
}

/// The words of a text: Chinese words (long ones followed by the shorter ones in them), Tibetan syllables without
/// affixes, Latin words, numbers.
pub fn words(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    for stretch in stretches(text) {
        match stretch {
            Stretch::Number(n) => out.push(n.digits),
            Stretch::Run(Script::Han, range) => out.extend(chinese::words(&text[range])),
            Stretch::Run(Script::Tibetan, range) => {
                let syllables = tibetan::syllables(&text[range]);
                out.extend(syllables.iter().flat_map(|s| tibetan::search_keys(&s.text)));
            }
            Stretch::Run(Script::Latin, range) => out.push(latin_key(&text[range])),
            Stretch::Run(..) => {}
        }
    }
    out
}

/// One search key for a whole text: equal for texts that differ in spelling variants, punctuation and spacing only.
pub fn search_key(text: &str) -> String {
    let keys: Vec<String> = syllables(text).into_iter().map(|u| u.key).collect();
    keys.join(" ")
}

/// A text by its sounds, one key per spoken syllable; what survives recognition errors and misspelling.
///
/// Mandarin: toneless pinyin with the mergers of southwestern speakers (z/zh, c/ch, s/sh, n/l, f/hu, en/eng, in/ing).
/// Tibetan: the Lhasa sound of each syllable by itself, without tone, aspiration and final r, with e and ɛ, o and ø, u
/// and y merged. Numbers are spoken out.
pub fn phonetic_key(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut numbers = numbers::spoken(text, Language::Zh).into_iter().peekable();
    let mut done = 0;
    for run in script::runs(text) {
        if run.range.start < done {
            continue;
        }
        let slice = &text[run.range.clone()];
        match run.script {
            Script::Han => push_mandarin(&mut out, slice),
            Script::Tibetan => push_lhasa(&mut out, slice),
            Script::Latin => {
                for name in slice.chars().filter_map(letter_name) {
                    let syllables = name.split(' ').filter_map(mandarin::PinyinSyllable::parse);
                    out.extend(syllables.map(|s| mandarin_class(&Spoken::Mandarin(s))));
                }
            }
            Script::Digit => {
                // A number that began with a currency sign began in the run before.
                while let Some(number) = numbers.next_if(|n| n.range.start < run.range.end) {
                    done = number.range.end;
                    match (number.language, number.readings.first()) {
                        (Language::Zh, Some(words)) => push_mandarin(&mut out, words),
                        (Language::Bo, Some(words)) => push_lhasa(&mut out, words),
                        (_, None) => {}
                    }
                }
            }
            Script::Other => {}
        }
    }
    out
}

fn push_mandarin(out: &mut Vec<String>, han: &str) {
    let syllables = mandarin::read(han).into_iter().filter_map(|r| r.choices.into_iter().next()).flatten();
    out.extend(syllables.map(|s| mandarin_class(&Spoken::Mandarin(s))));
}

fn push_lhasa(out: &mut Vec<String>, text: &str) {
    for syllable in tibetan::syllables(text) {
        for key in tibetan::search_keys(&syllable.text) {
            out.extend(tibetan::Parts::parse(&key).iter().flat_map(lhasa::speak).map(lhasa_class));
        }
    }
}

fn mandarin_class(spoken: &Spoken) -> String {
    let mut phones = Vec::new();
    spoken.push_phones(&mut phones);
    let names: Vec<&str> = phones.iter().map(|p| p.name()).collect();
    let (onset, rime) = match names.as_slice() {
        [onset, rime] => (*onset, *rime),
        [rime] => ("", *rime),
        _ => return String::new(),
    };
    let onset = match onset {
        "zh" => "z",
        "ch" => "c",
        "sh" => "s",
        "n" => "l",
        // hui, huan, hua: f before the rest of the rime.
        "h" if rime.starts_with('u') => "f",
        other => other,
    };
    let rime = match (onset, rime) {
        ("f", "ui") => "ei",
        ("f", "uan") => "an",
        ("f", "uang") => "ang",
        ("f", "ua") => "a",
        ("f", "un") | (_, "eng") => "en",
        (_, "ing") => "in",
        (_, "izh") => "iz",
        (_, other) => other,
    };
    format!("{onset}{rime}")
}

fn lhasa_class(s: LhasaSyllable) -> String {
    let onset = match s.onset {
        Onset::Kh => Onset::K,
        Onset::Khy => Onset::Ky,
        Onset::Ch => Onset::C,
        Onset::Th => Onset::T,
        Onset::Ph => Onset::P,
        Onset::Tsh => Onset::Ts,
        Onset::Thr => Onset::Tr,
        other => other,
    };
    let coda = if s.coda == Coda::R { Coda::None } else { s.coda };
    let vowel = match s.vowel {
        Vowel::Ae => Vowel::E,
        Vowel::Oe => Vowel::O,
        Vowel::Ue => Vowel::U,
        other => other,
    };
    // Nasal vowels stay apart from ŋ; their quality follows the vowel.
    format!("{onset:?}-{vowel:?}-{coda:?}")
}
