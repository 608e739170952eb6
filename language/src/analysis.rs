//! Everything that this crate knows of a text, for people who wonder why something matched.

use serde::Serialize;

use crate::numbers::{self, Kind};
use crate::tibetan::{self, Parts};
use crate::{
    Dialect, Language, Phone, Script, ipa, normalize, phonetic_key, pinyin, pronunciations,
    rough_phonetic_key, script, search_key, segments, syllables, words,
};

/// A stretch of the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stretch {
    /// First byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
    /// What stands there.
    pub text: String,
    /// What it is written in.
    pub script: Script,
}

/// A unit that the text is found by: a Chinese character, a Tibetan syllable, a Latin word, a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Syllable {
    /// Where it stands.
    #[serde(flatten)]
    pub place: Stretch,
    /// Its search keys; mostly one.
    pub keys: Vec<String>,
    /// Tibetan only: its letters in EWTS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ewts: Option<String>,
    /// Tibetan only: every way to take it apart, the usual one first. A way has several members where two syllables are
    /// written as one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Vec<Parts>>,
}

/// One way to say the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Saying {
    /// Whose pronunciation it is.
    pub dialect: Dialect,
    /// Names of phones (`data/phones.tsv`), syllable by syllable.
    pub syllables: Vec<String>,
}

/// A number in the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Number {
    /// First byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
    /// What stands there.
    pub text: String,
    /// What it is.
    pub kind: Kind,
    /// Its canonical form (see [`numbers::Found`]).
    pub canonical: String,
}

/// What [`analyse`] finds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Analysis {
    /// The text.
    pub text: String,
    /// Script runs; together the text.
    pub runs: Vec<Stretch>,
    /// The normal form for comparison.
    pub normalised: String,
    /// Words, syllables, numbers and what lies between; together the text.
    pub segments: Vec<String>,
    /// The units that it is found by.
    pub syllables: Vec<Syllable>,
    /// The words that it is found by.
    pub words: Vec<String>,
    /// Its search key.
    pub search_key: String,
    /// Its sounds, one key per spoken syllable.
    pub phonetic_key: Vec<String>,
    /// Its sounds in classes that survive a recogniser's errors.
    pub rough_phonetic_key: Vec<String>,
    /// The ways to say it, of the languages that occur in it.
    pub pronunciations: Vec<Saying>,
    /// Its sound in IPA with tone letters.
    pub ipa: String,
    /// Its Tibetan in Latin letters (THL Extended Wylie); other scripts stand in square brackets.
    pub ewts: String,
    /// Its Chinese in Hanyu Pinyin.
    pub pinyin: String,
    /// The numbers in it.
    pub numbers: Vec<Number>,
}

/// Analyses a text. Numbers are spoken in the language of the words beside them, in Tibetan where there is no Chinese.
pub fn analyse(text: &str) -> Analysis {
    let runs = script::runs(text);
    let has = |script| runs.iter().any(|r| r.script == script);
    let spoken: Vec<Language> = match (has(Script::Tibetan), has(Script::Han)) {
        (true, false) => vec![Language::Bo],
        (false, true) => vec![Language::Zh],
        _ => Language::ALL.to_vec(),
    };
    let place =
        |start: usize, end: usize, script| Stretch { start, end, text: text[start..end].to_owned(), script };
    Analysis {
        text: text.to_owned(),
        runs: runs.iter().map(|r| place(r.range.start, r.range.end, r.script)).collect(),
        normalised: normalize(text),
        segments: segments(text).into_iter().map(|r| text[r.range].to_owned()).collect(),
        syllables: analysed_syllables(text),
        words: words(text),
        search_key: search_key(text),
        phonetic_key: phonetic_key(text),
        rough_phonetic_key: rough_phonetic_key(text),
        pronunciations: spoken.iter().flat_map(|l| sayings(text, *l)).collect(),
        ipa: ipa(text, spoken[0]),
        ewts: tibetan::to_ewts(text),
        pinyin: pinyin(text),
        numbers: numbers::find(text)
            .into_iter()
            .map(|f| Number {
                start: f.range.start,
                end: f.range.end,
                text: text[f.range].to_owned(),
                kind: f.kind,
                canonical: f.canonical,
            })
            .collect(),
    }
}

fn analysed_syllables(text: &str) -> Vec<Syllable> {
    let mut out: Vec<Syllable> = Vec::new();
    for unit in syllables(text) {
        if let Some(last) = out.last_mut()
            && last.place.start == unit.range.start
            && last.place.end == unit.range.end
        {
            last.keys.push(unit.key);
            continue;
        }
        let written = &text[unit.range.clone()];
        let normal = (unit.script == Script::Tibetan).then(|| tibetan::normalize(written));
        out.push(Syllable {
            ewts: normal.as_deref().map(tibetan::to_ewts),
            parts: normal.as_deref().map(Parts::analyses).unwrap_or_default(),
            place: Stretch {
                start: unit.range.start,
                end: unit.range.end,
                text: written.to_owned(),
                script: unit.script,
            },
            keys: vec![unit.key],
        });
    }
    out
}

fn sayings(text: &str, language: Language) -> Vec<Saying> {
    pronunciations(text, language)
        .into_iter()
        .map(|p| {
            let ends = p.syllables.iter().skip(1).copied().chain([p.phones.len() as u32]);
            let names = |phones: &[Phone]| phones.iter().map(|p| p.name()).collect::<Vec<_>>().join(" ");
            let syllables = p
                .syllables
                .iter()
                .zip(ends)
                .map(|(from, to)| names(&p.phones[*from as usize..to as usize]))
                .collect();
            Saying { dialect: p.dialect, syllables }
        })
        .collect()
}
