//! A text as something to say: syllables of both languages in order, with alternatives where the reading is open.

use std::ops::Range;

use crate::mandarin::{self, PinyinSyllable};
use crate::numbers::{self, SpokenNumber};
use crate::script::{self, Script};
use crate::tibetan;
use crate::tibetan::lhasa::{self, LhasaSyllable, Style};
use crate::{Language, Phone};

/// A spoken syllable of either language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// A Mandarin syllable.
    Mandarin(PinyinSyllable),
    /// A Lhasa syllable.
    Lhasa(LhasaSyllable),
}

impl Spoken {
    /// Which language's voice says it.
    pub fn language(&self) -> Language {
        match self {
            Self::Mandarin(_) => Language::Zh,
            Self::Lhasa(_) => Language::Bo,
        }
    }

    /// Appends its phones.
    pub fn push_phones(&self, out: &mut Vec<Phone>) {
        match self {
            Self::Mandarin(s) => out.extend(s.phones()),
            Self::Lhasa(s) => out.extend(s.phones()),
        }
    }
}

/// A written unit (a character, a Tibetan syllable, a number, a Latin letter) with the ways to say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Bytes of the text.
    pub range: Range<usize>,
    /// The ways to say it, the usual one first; at least one. A way may be empty.
    pub choices: Vec<Vec<Spoken>>,
    /// How it is said by somebody who speaks syllable by syllable, where that differs.
    pub careful: Option<Vec<Spoken>>,
    /// Whether a pause (punctuation) comes before it.
    pub pause_before: bool,
}

/// A piece of text before it is given a sound.
enum Piece<'a> {
    Han { at: usize, text: &'a str },
    Tibetan { range: Range<usize>, syllable: String },
    Number(SpokenNumber),
    Letters { at: usize, text: &'a str },
    Pause,
}

/// Reads a text aloud: every unit of it that has a sound, in order.
pub fn read(text: &str, language: Language) -> Vec<Slot> {
    let mut slots: Vec<Slot> = Vec::new();
    let mut phrase: Vec<(Range<usize>, String)> = Vec::new();
    let mut pause = false;
    for piece in pieces(text, language) {
        if let Piece::Tibetan { range, syllable } = piece {
            phrase.push((range, syllable));
            continue;
        }
        let first = slots.len();
        push_tibetan(&mut slots, &mut phrase, !pause);
        mark_pause(&mut slots, first, &mut pause);
        let first = slots.len();
        match piece {
            Piece::Han { at, text } => push_han(&mut slots, at, text),
            Piece::Number(number) => push_number(&mut slots, &number),
            Piece::Letters { at, text } => push_letters(&mut slots, at, text),
            Piece::Pause => pause = true,
            Piece::Tibetan { .. } => {}
        }
        mark_pause(&mut slots, first, &mut pause);
    }
    let first = slots.len();
    push_tibetan(&mut slots, &mut phrase, !pause);
    mark_pause(&mut slots, first, &mut pause);
    slots
}

fn mark_pause(slots: &mut [Slot], first: usize, pause: &mut bool) {
    if let Some(slot) = slots.get_mut(first)
        && std::mem::take(pause)
    {
        slot.pause_before = first > 0;
    }
}

fn pieces(text: &str, language: Language) -> Vec<Piece<'_>> {
    let mut out = Vec::new();
    let mut numbers = numbers::spoken(text, language).into_iter().peekable();
    let mut addresses = addresses(text).into_iter().peekable();
    let mut done = 0;
    for run in script::runs(text) {
        if run.range.end <= done {
            continue;
        }
        if let Some(address) = addresses.next_if(|a| a.start < run.range.end) {
            done = address.end;
            while numbers.next_if(|n| n.range.start < done).is_some() {}
            out.push(Piece::Pause);
            continue;
        }
        // A currency sign before a number belongs to it, so that the number begins in the run before its digits.
        if let Some(number) =
            numbers.next_if(|n| n.range.start < run.range.end && run.range.start <= n.range.start)
        {
            if number.range.start > run.range.start
                && !text[run.range.start..number.range.start].trim().is_empty()
            {
                out.push(Piece::Pause);
            }
            done = number.range.end;
            out.push(Piece::Number(number));
        }
        let range = run.range.start.max(done)..run.range.end;
        if range.start < range.end {
            push_piece(&mut out, text, run.script, range);
        }
    }
    out
}

fn push_piece<'a>(out: &mut Vec<Piece<'a>>, text: &'a str, script: Script, range: Range<usize>) {
    let slice = &text[range.clone()];
    match script {
        Script::Han => out.push(Piece::Han { at: range.start, text: slice }),
        Script::Tibetan => out.extend(tibetan::syllables(slice).into_iter().map(|s| Piece::Tibetan {
            range: range.start + s.range.start..range.start + s.range.end,
            syllable: s.text,
        })),
        Script::Latin => out.push(Piece::Letters { at: range.start, text: slice }),
        Script::Other if !slice.trim().is_empty() => out.push(Piece::Pause),
        Script::Digit | Script::Other => {}
    }
}

/// Web and mail addresses: nobody reads them aloud. Stretches of visible ASCII with `://` or `@` inside, or that begin
/// with `www.`.
fn addresses(text: &str) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        if c.is_ascii_graphic() {
            start.get_or_insert(at);
        } else if let Some(from) = start.take() {
            let word = &text[from..at];
            let mail = word.find('@').is_some_and(|i| i > 0 && word[i..].contains('.'));
            if word.contains("://") || word.starts_with("www.") || mail {
                out.push(from..at);
            }
        }
    }
    out
}

fn slot(range: Range<usize>, choices: Vec<Vec<Spoken>>) -> Slot {
    Slot { range, choices, careful: None, pause_before: false }
}

fn push_han(slots: &mut Vec<Slot>, at: usize, text: &str) {
    for reading in mandarin::read(text) {
        let choices =
            reading.choices.into_iter().map(|c| c.into_iter().map(Spoken::Mandarin).collect()).collect();
        slots.push(slot(at + reading.range.start..at + reading.range.end, choices));
    }
}

fn push_tibetan(slots: &mut Vec<Slot>, phrase: &mut Vec<(Range<usize>, String)>, unbroken: bool) {
    let continues = unbroken && !slots.is_empty();
    let texts: Vec<&str> = phrase.iter().map(|(_, s)| s.as_str()).collect();
    let natural = lhasa::speak_phrase(&texts, Style::Natural, continues);
    let careful = lhasa::speak_phrase(&texts, Style::Careful, continues);
    for ((range, _), (natural, careful)) in phrase.drain(..).zip(natural.into_iter().zip(careful)) {
        let slow =
            segments_differ(&natural, &careful).then(|| careful.into_iter().map(Spoken::Lhasa).collect());
        let mut new = slot(range, vec![natural.into_iter().map(Spoken::Lhasa).collect()]);
        new.careful = slow;
        slots.push(new);
    }
}

/// Whether two ways to say a syllable differ in more than tone.
fn segments_differ(a: &[LhasaSyllable], b: &[LhasaSyllable]) -> bool {
    let phones = |s: &[LhasaSyllable]| s.iter().flat_map(|s| s.phones()).collect::<Vec<Phone>>();
    phones(a) != phones(b)
}

fn push_number(slots: &mut Vec<Slot>, number: &SpokenNumber) {
    let choices = number.readings.iter().map(|words| speak_words(words, number.language)).collect();
    slots.push(slot(number.range.clone(), choices));
}

/// Says words that are all in one language.
fn speak_words(words: &str, language: Language) -> Vec<Spoken> {
    match language {
        Language::Zh => mandarin::read(words)
            .into_iter()
            .filter_map(|r| r.choices.into_iter().next())
            .flatten()
            .map(Spoken::Mandarin)
            .collect(),
        Language::Bo => {
            let syllables = tibetan::syllables(words);
            let texts: Vec<&str> = syllables.iter().map(|s| s.text.as_str()).collect();
            lhasa::speak_phrase(&texts, Style::Natural, false)
                .into_iter()
                .flatten()
                .map(Spoken::Lhasa)
                .collect()
        }
    }
}

/// Latin words longer than this are neither spelled nor spoken: nobody spells out an address in speech.
const LONGEST_SPELLED_WORD: usize = 6;

fn push_letters(slots: &mut Vec<Slot>, at: usize, text: &str) {
    if text.chars().count() > LONGEST_SPELLED_WORD {
        return;
    }
    for (i, c) in text.char_indices() {
        let Some(name) = letter_name(c) else { continue };
        let spoken = name.split(' ').filter_map(PinyinSyllable::parse).map(Spoken::Mandarin).collect();
        slots.push(slot(at + i..at + i + c.len_utf8(), vec![spoken]));
    }
}

/// How a Latin letter is named in both languages' everyday speech, in rough pinyin.
pub(crate) fn letter_name(c: char) -> Option<&'static str> {
    const NAMES: [&str; 26] = [
        "ei1",
        "bi4",
        "xi1",
        "di4",
        "yi4",
        "ai2 fu5",
        "ji4",
        "ei2 chi5",
        "ai4",
        "zhei4",
        "kei4",
        "ai2 lou5",
        "ai2 mu5",
        "en1",
        "ou1",
        "pi4",
        "kiu4",
        "a4 er5",
        "ai2 si5",
        "ti4",
        "you1",
        "wei1",
        "da2 bu5 liu4",
        "ai2 ke5 si5",
        "wai4",
        "zei4",
    ];
    let index = match c {
        'a'..='z' => c as u32 - 'a' as u32,
        'A'..='Z' => c as u32 - 'A' as u32,
        'ａ'..='ｚ' => c as u32 - 'ａ' as u32,
        'Ａ'..='Ｚ' => c as u32 - 'Ａ' as u32,
        _ => return None,
    };
    NAMES.get(index as usize).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phones(text: &str, language: Language) -> String {
        let mut out = Vec::new();
        for slot in read(text, language) {
            slot.choices[0].iter().for_each(|s| s.push_phones(&mut out));
        }
        out.into_iter().map(Phone::name).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_script_is_spoken_in_its_own_language() {
        assert_eq!(phones("ངའི་身份证བརླགས་སོང་།", Language::Bo), "ng ae sh en f en zh eng l ak s owng");
        assert_eq!(phones("我的ལག་ཁྱེར", Language::Zh), "uo d e l ak ky eyr");
        assert_eq!(
            phones("12345ལ་དང་12345热线", Language::Zh),
            phones("གཅིག་གཉིས་གསུམ་བཞི་ལྔ་ལ་དང་一二三四五热线", Language::Bo)
        );
    }

    #[test]
    fn particles_lean_on_chinese_words_and_numbers() {
        assert_eq!(phones("养老金དང་", Language::Bo), "iang l ao j in d ang");
        assert_eq!(phones("༥དང་", Language::Bo), "ng a d ang");
        assert_eq!(phones("5、དང་པོ", Language::Bo), "ng a t ang b o");
    }

    #[test]
    fn addresses_are_not_read_aloud_but_short_names_are_spelled() {
        assert_eq!(
            phones("网址https://www.example.cn/a?b=1，APP", Language::Zh),
            phones("网址，APP", Language::Zh)
        );
        assert_eq!(phones("APP", Language::Zh), "ei p i p i");
        assert_eq!(phones("info@example.cn", Language::Bo), "");
    }

    #[test]
    fn ranges_point_at_what_is_said() {
        let text = "花¥300买ཁ་པར་";
        let said: Vec<&str> = read(text, Language::Zh).into_iter().map(|s| &text[s.range]).collect();
        assert_eq!(said, ["花", "¥300", "买", "ཁ", "པར"]);
    }
}
