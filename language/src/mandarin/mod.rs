//! Mandarin as sound: pinyin syllables, readings of characters and phrases, tone sandhi.

mod sandhi;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use pinyin::ToPinyin;
use rustc_hash::FxHashMap;
use unicode_normalization::UnicodeNormalization as _;

use crate::{Phone, chinese};

pub(crate) use sandhi::{Spelled, sandhi};

/// Longest phrase of `data/phrases.tsv`, in characters.
const LONGEST_PHRASE: usize = 8;

/// A Mandarin syllable with its tone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PinyinSyllable {
    /// Letters without tone, with `v` for ü: `zhong`, `lv`, `er`.
    pub letters: String,
    /// 1 to 4, or 5 for the neutral tone.
    pub tone: u8,
    /// The initial, unless it has none.
    pub onset: Option<Phone>,
    /// The final.
    pub rime: Phone,
    /// The character it was read from; 一 and 不 change their tone with their neighbour.
    pub character: Option<char>,
}

impl PinyinSyllable {
    /// Parses numbered pinyin such as `zhong1`, `lv4`, `nü3`, `er` (a missing number is the neutral tone). `None` where
    /// the letters are no Mandarin syllable.
    pub fn parse(numbered: &str) -> Option<Self> {
        let lower = numbered.trim().to_lowercase().replace('ü', "v").replace("u:", "v");
        let letters = lower.trim_end_matches(|c: char| c.is_ascii_digit());
        let tone = match lower[letters.len()..].parse::<u8>() {
            Ok(tone @ 1..=4) => tone,
            Ok(0 | 5) => 5,
            Err(_) if letters.len() == lower.len() => 5,
            _ => return None,
        };
        let (onset, rime) = onset_and_rime(letters)?;
        let onset = match onset {
            "" => None,
            name => Some(Phone::parse(name)?),
        };
        let rime = Phone::parse(rime)?;
        let letters = voiced(letters);
        rime.is_rime().then(|| Self { letters: letters.to_owned(), tone, onset, rime, character: None })
    }

    /// Numbered pinyin, as the `cmn-latn-pinyin` voice of espeak-ng reads it.
    pub fn numbered(&self) -> String {
        format!("{}{}", self.letters, self.tone)
    }

    /// Pinyin with a tone mark, as people write it: `zhōng`, `lǜ`, `de`.
    ///
    /// Source: GB/T 16159: the mark stands on *a* or *e*, on the *o* of *ou*, else on the last vowel.
    pub fn marked(&self) -> String {
        let letters = self.letters.replace('v', "ü");
        let mark = match self.tone {
            1 => '\u{304}',
            2 => '\u{301}',
            3 => '\u{30c}',
            4 => '\u{300}',
            _ => return letters,
        };
        let last_vowel = || letters.rfind(['a', 'e', 'i', 'o', 'u', 'ü']);
        let at = letters.find(['a', 'e']).or_else(|| letters.find("ou")).or_else(last_vowel);
        let Some(vowel) = at.and_then(|at| letters[at..].chars().next().map(|c| at + c.len_utf8())) else {
            return letters;
        };
        let (before, after) = letters.split_at(vowel);
        format!("{before}{mark}{after}").nfc().collect()
    }

    /// Its phones: the initial, if any, and the final.
    pub fn phones(&self) -> impl Iterator<Item = Phone> + use<> {
        self.onset.into_iter().chain(std::iter::once(self.rime))
    }
}

const INITIALS: [&str; 21] = [
    "zh", "ch", "sh", "b", "p", "m", "f", "d", "t", "n", "l", "g", "k", "h", "j", "q", "x", "r", "z", "c",
    "s",
];

/// Interjections without a vowel, in letters that a voice can read.
fn voiced(letters: &str) -> &str {
    match letters {
        "m" => "mu",
        "n" | "ng" => "en",
        "hm" | "hng" => "hen",
        "ê" | "eh" => "ei",
        other => other,
    }
}

/// Initial and final as inventory names; spelling rules of Hanyu Pinyin (GB/T 16159) undone.
fn onset_and_rime(letters: &str) -> Option<(&'static str, &str)> {
    // Interjections that are written without a vowel.
    match letters {
        "m" => return Some(("m", "u")),
        "n" | "ng" => return Some(("", "en")),
        "hm" | "hng" => return Some(("h", "en")),
        "ê" | "eh" => return Some(("", "ei")),
        "yo" => return Some(("y", "o")),
        _ => {}
    }
    if let Some(rest) = letters.strip_prefix('y') {
        return Some((
            "",
            match rest {
                "i" => "i",
                "a" => "ia",
                "e" => "ie",
                "ao" => "iao",
                "ou" => "iu",
                "an" => "ian",
                "in" => "in",
                "ang" => "iang",
                "ing" => "ing",
                "ong" => "iong",
                "u" | "v" => "v",
                "ue" | "ve" => "ve",
                "uan" | "van" => "van",
                "un" | "vn" => "vn",
                _ => return None,
            },
        ));
    }
    if let Some(rest) = letters.strip_prefix('w') {
        return Some((
            "",
            match rest {
                "u" => "u",
                "a" => "ua",
                "o" => "uo",
                "ai" => "uai",
                "ei" => "ui",
                "an" => "uan",
                "en" => "un",
                "ang" => "uang",
                "eng" => "ueng",
                _ => return None,
            },
        ));
    }
    let onset = INITIALS.iter().find(|i| letters.starts_with(**i)).copied().unwrap_or_default();
    let rest = &letters[onset.len()..];
    let rime = match (onset, rest) {
        ("j" | "q" | "x", "u") => "v",
        ("j" | "q" | "x" | "l" | "n", "ue") => "ve",
        ("j" | "q" | "x", "uan") => "van",
        ("j" | "q" | "x", "un") => "vn",
        ("z" | "c" | "s", "i") => "iz",
        ("zh" | "ch" | "sh" | "r", "i") => "izh",
        (_, "iou") => "iu",
        (_, "uei") => "ui",
        (_, "uen") => "un",
        (_, rest) => rest,
    };
    (!rime.is_empty()).then_some((onset, rime))
}

fn parse_readings(column: &str, characters: &str) -> Option<Vec<PinyinSyllable>> {
    column
        .split(' ')
        .zip(characters.chars())
        .map(|(reading, c)| {
            PinyinSyllable::parse(reading).map(|s| PinyinSyllable { character: Some(c), ..s })
        })
        .collect()
}

/// Phrases whose reading differs from their characters' defaults (`data/phrases.tsv`), by their first two characters, the longest first.
static PHRASES: LazyLock<FxHashMap<[char; 2], Vec<Phrase>>> = LazyLock::new(|| {
    let files = [include_str!("../../data/phrases.tsv"), include_str!("../../data/phrases_extra.tsv")];
    let rows = files
        .iter()
        .flat_map(|file| file.lines())
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('\t'))
        .filter_map(|(phrase, readings)| Some((phrase, parse_readings(readings, phrase)?)));
    // Of two readings of one phrase the later one holds.
    let rows: HashMap<&'static str, Vec<PinyinSyllable>> = rows.collect();
    let mut phrases: FxHashMap<[char; 2], Vec<Phrase>> = FxHashMap::default();
    for (text, reading) in rows.into_iter().filter(|(_, reading)| reading.len() <= LONGEST_PHRASE) {
        let mut characters = text.chars();
        if let (Some(first), Some(second)) = (characters.next(), characters.next()) {
            phrases.entry([first, second]).or_default().push(Phrase { text, reading });
        }
    }
    for alike in phrases.values_mut() {
        alike.sort_by_key(|phrase| std::cmp::Reverse(phrase.text.len()));
    }
    phrases
});

/// A phrase of two characters or more with its reading.
struct Phrase {
    text: &'static str,
    reading: Vec<PinyinSyllable>,
}

/// Characters whose usual reading in speech is not the first of pinyin-data, with alternatives (`data/readings.tsv`).
static READINGS: LazyLock<HashMap<char, Vec<PinyinSyllable>>> = LazyLock::new(|| {
    include_str!("../../data/readings.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let mut columns = line.split('\t');
            let c = columns.next()?.chars().next()?;
            let readings = columns
                .filter_map(PinyinSyllable::parse)
                .map(|s| PinyinSyllable { character: Some(c), ..s })
                .collect::<Vec<_>>();
            (!readings.is_empty()).then_some((c, readings))
        })
        .collect()
});

/// The readings of one character, the usual one first; empty where it is unknown.
pub fn readings(c: char) -> Vec<PinyinSyllable> {
    if let Some(readings) = READINGS.get(&c) {
        return readings.clone();
    }
    c.to_pinyin()
        .and_then(|p| PinyinSyllable::parse(p.with_tone_num_end()))
        .map(|s| vec![PinyinSyllable { character: Some(c), ..s }])
        .unwrap_or_default()
}

/// A stretch of Chinese with the ways to read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Bytes of the text that was read.
    pub range: Range<usize>,
    /// The ways to read it, the usual one first. A reading may be empty (a 儿 that only colours the vowel before it).
    pub choices: Vec<Vec<PinyinSyllable>>,
}

/// Reads a run of Chinese characters: words by `jieba`, phrases by the longest match that respects word boundaries or
/// lies within one word, single characters otherwise. Ambiguous characters offer alternatives only where they stand
/// alone as a word.
pub fn read(han: &str) -> Vec<Reading> {
    let mut out = Vec::new();
    walk(han, |at, piece| match piece {
        Piece::Phrase(phrase) => push_phrase(&mut out, at, at + phrase.text.len(), &phrase.reading),
        Piece::Character { c, is_word } => {
            let mut choices: Vec<Vec<PinyinSyllable>> = readings(c).into_iter().map(|s| vec![s]).collect();
            if !is_word {
                choices.truncate(1);
            }
            if !choices.is_empty() {
                out.push(Reading { range: at..at + c.len_utf8(), choices });
            }
        }
    });
    out
}

/// A word of Chinese with the readings of its characters.
pub(crate) struct ReadWord {
    /// Bytes of the text that was read.
    pub range: Range<usize>,
    /// One for each character.
    pub readings: Vec<CharacterReading>,
}

/// How one character is read where it stands.
pub(crate) struct CharacterReading {
    /// Bytes of the text that was read.
    pub range: Range<usize>,
    /// The reading; `None` for a character that no table knows.
    pub syllable: Option<PinyinSyllable>,
    /// Whether it has several readings and nothing beside it decided between them.
    pub by_default: bool,
}

/// Reads a run of Chinese characters word by word, each character in its usual way there.
pub(crate) fn words(han: &str) -> Vec<ReadWord> {
    let simplified = chinese::simplified(han);
    let mut words: Vec<ReadWord> =
        chinese::cut(&simplified).into_iter().map(|range| ReadWord { range, readings: Vec::new() }).collect();
    let starts: Vec<usize> = words.iter().map(|word| word.range.start).collect();
    let mut read = |reading: CharacterReading| {
        let word = starts.partition_point(|start| *start <= reading.range.start).saturating_sub(1);
        if let Some(word) = words.get_mut(word) {
            word.readings.push(reading);
        }
    };
    walk_words(&simplified, &starts, |at, piece| match piece {
        Piece::Phrase(phrase) => {
            let mut start = at;
            for (syllable, c) in phrase.reading.iter().zip(phrase.text.chars()) {
                let range = start..start + c.len_utf8();
                start = range.end;
                read(CharacterReading { range, syllable: Some(syllable.clone()), by_default: false });
            }
        }
        Piece::Character { c, is_word } => {
            let all = readings(c);
            let by_default = is_word && all.len() > 1;
            let range = at..at + c.len_utf8();
            read(CharacterReading { range, syllable: all.into_iter().next(), by_default });
        }
    });
    words
}

/// The initials and finals of the usual reading: of [`read`], the first choices.
pub(crate) fn usual(han: &str, mut each: impl FnMut(Option<Phone>, Phone)) {
    walk(han, |_, piece| match piece {
        Piece::Phrase(phrase) => phrase.reading.iter().for_each(|s| each(s.onset, s.rime)),
        Piece::Character { c, .. } => {
            let at = (c as u32).checked_sub(*IDEOGRAPHS.start() as u32).map(|at| at as usize);
            match at.and_then(|at| USUAL.get(at)) {
                Some(known) => known.iter().for_each(|(onset, rime)| each(*onset, *rime)),
                None => readings(c).first().into_iter().for_each(|s| each(s.onset, s.rime)),
            }
        }
    });
}

/// The block of the characters that nearly all text is written in.
const IDEOGRAPHS: std::ops::RangeInclusive<char> = '\u{4e00}'..='\u{9fff}';

/// Initial and final.
type Sound = (Option<Phone>, Phone);

/// Initial and final of the usual reading of every character of [`IDEOGRAPHS`] by itself.
static USUAL: LazyLock<Vec<Option<Sound>>> =
    LazyLock::new(|| IDEOGRAPHS.map(|c| readings(c).first().map(|s| (s.onset, s.rime))).collect());

/// What is read as one.
enum Piece {
    Phrase(&'static Phrase),
    Character { c: char, is_word: bool },
}

fn walk(han: &str, each: impl FnMut(usize, Piece)) {
    // Simplification keeps every offset.
    let simplified = chinese::simplified(han);
    let starts: Vec<usize> = chinese::cut(&simplified).into_iter().map(|word| word.start).collect();
    walk_words(&simplified, &starts, each);
}

/// [`walk`] over simplified characters whose words begin at `starts`.
fn walk_words(han: &str, starts: &[usize], mut each: impl FnMut(usize, Piece)) {
    let boundary = |at: usize| at == han.len() || starts.binary_search(&at).is_ok();
    let mut at = 0;
    while let Some(c) = han[at..].chars().next() {
        if let Some(phrase) = phrase_at(&han[at..], at, boundary) {
            each(at, Piece::Phrase(phrase));
            at += phrase.text.len();
            continue;
        }
        let end = at + c.len_utf8();
        each(at, Piece::Character { c, is_word: boundary(at) && boundary(end) });
        at = end;
    }
}

/// The longest phrase that `rest`, which stands at `at`, begins with and that either covers whole words or ends before the next
/// word boundary.
fn phrase_at(rest: &str, at: usize, boundary: impl Fn(usize) -> bool) -> Option<&'static Phrase> {
    let mut characters = rest.chars();
    let start = [characters.next()?, characters.next()?];
    PHRASES.get(&start)?.iter().find(|phrase| {
        let fits = || {
            let end = at + phrase.text.len();
            let inside_one_word = !phrase.text.char_indices().skip(1).any(|(i, _)| boundary(at + i));
            inside_one_word || (boundary(at) && boundary(end))
        };
        rest.starts_with(phrase.text) && fits()
    })
}

fn push_phrase(out: &mut Vec<Reading>, at: usize, end: usize, reading: &[PinyinSyllable]) {
    let mut start = at;
    for (i, syllable) in reading.iter().enumerate() {
        let next = start + syllable.character.map_or(0, char::len_utf8);
        let mut choices = vec![vec![syllable.clone()]];
        if i > 0 && syllable.character == Some('儿') && syllable.tone == 5 {
            choices.push(Vec::new());
        }
        out.push(Reading { range: start..next.min(end), choices });
        start = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual(text: &str) -> String {
        let all: Vec<String> =
            read(text).iter().flat_map(|r| r.choices[0].iter().map(PinyinSyllable::numbered)).collect();
        all.join(" ")
    }

    #[test]
    fn polyphones_are_read_by_phrase() {
        assert_eq!(usual("银行还款"), "yin2 hang2 huan2 kuan3");
        assert_eq!(usual("我还没有重新办理"), "wo3 hai2 mei2 you3 chong2 xin1 ban4 li3");
        assert_eq!(usual("西藏自治区"), "xi1 zang4 zi4 zhi4 qu1");
        assert_eq!(usual("收藏"), "shou1 cang2");
        assert_eq!(usual("长大了"), "zhang3 da4 le5");
    }

    #[test]
    fn every_shipped_reading_is_a_mandarin_syllable() {
        for file in [include_str!("../../data/phrases.tsv"), include_str!("../../data/phrases_extra.tsv")] {
            for line in file.lines().filter(|l| !l.starts_with('#')) {
                let (phrase, readings) = line.split_once('\t').expect("two columns");
                let parsed = parse_readings(readings, phrase).unwrap_or_else(|| panic!("{line}"));
                assert_eq!(parsed.len(), phrase.chars().count(), "{line}");
            }
        }
        for line in include_str!("../../data/readings.tsv").lines().filter(|l| !l.starts_with('#')) {
            assert!(line.split('\t').skip(1).all(|r| PinyinSyllable::parse(r).is_some()), "{line}");
        }
    }

    #[test]
    fn a_coloured_vowel_may_swallow_its_syllable() {
        assert_eq!(usual("在哪儿办"), "zai4 na3 er5 ban4");
        assert!(read("在哪儿办")[2].choices.contains(&Vec::new()));
        assert_eq!(usual("儿童和女儿"), "er2 tong2 he2 nv3 er2");
    }

    fn spoken(text: &str) -> String {
        let mut words: Vec<Vec<Spelled>> = words(text)
            .into_iter()
            .map(|w| w.readings.into_iter().filter_map(|r| r.syllable))
            .map(|w| w.map(|syllable| Spelled { syllable, digit: false }).collect())
            .collect();
        sandhi(&mut words);
        let all: Vec<String> = words.iter().flatten().map(|s| s.syllable.numbered()).collect();
        all.join(" ")
    }

    #[test]
    fn not_and_one_change_beside_their_neighbours() {
        for (text, said) in [
            ("不是一个一百你好第一", "bu2 shi4 yi2 ge4 yi4 bai3 ni2 hao3 di4 yi1"),
            ("不行不好不会", "bu4 xing2 bu4 hao3 bu2 hui4"),
            ("一月一号十一楼", "yi1 yue4 yi1 hao4 shi2 yi1 lou2"),
            ("第一次", "di4 yi1 ci4"),
            ("统一办理", "tong3 yi1 ban4 li3"),
            ("看一看好不好", "kan4 yi5 kan4 hao3 bu5 hao3"),
            ("一天一年一条", "yi4 tian1 yi4 nian2 yi4 tiao2"),
            ("五月一日", "wu3 yue4 yi1 ri4"),
        ] {
            assert_eq!(spoken(text).replace("ge5", "ge4"), said, "{text}");
        }
    }

    #[test]
    fn third_tones_change_by_words_and_feet() {
        for (text, said) in [
            ("你好", "ni2 hao3"),
            ("我也很好", "wo2 ye3 hen2 hao3"),
            ("展览馆", "zhan2 lan2 guan3"),
            ("老保管", "lao3 bao2 guan3"),
            ("纸老虎", "zhi3 lao2 hu3"),
            ("我想买水果", "wo2 xiang2 mai3 shui2 guo3"),
            ("请你给我", "qing2 ni3 gei2 wo3"),
        ] {
            assert_eq!(spoken(text), said, "{text}");
        }
    }
}
