//! Keys of texts by their sounds.

use std::cell::RefCell;

use rustc_hash::FxHashMap;

use crate::numbers;
use crate::script::{self, Script};
use crate::tibetan::lhasa;
use crate::utterance::letter_name;
use crate::{Language, Phone, mandarin, tibetan};

/// A text by its sounds, one key per spoken syllable; what survives misspelling by ear.
///
/// Mandarin: toneless pinyin with the mergers of southwestern speakers (z/zh, c/ch, s/sh, n/l, f/hu, en/eng, in/ing).
/// Tibetan: the Lhasa sound of each syllable by itself, affixed particles included, in the classes in which romanisations
/// write it. Numbers are spoken out. For what survives a recogniser's errors see [`rough_phonetic_key`].
pub fn phonetic_key(text: &str) -> Vec<String> {
    keys(text, push_lhasa)
}

/// Like [`phonetic_key`], coarser for Tibetan: aspiration, voice, final r and l, and the colour of vowels are left out,
/// which recognisers confuse, and affixed particles, which speakers do.
pub fn rough_phonetic_key(text: &str) -> Vec<String> {
    keys(text, push_rough_lhasa)
}

fn keys(text: &str, push_tibetan: impl Fn(&mut Vec<String>, &str)) -> Vec<String> {
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
            Script::Tibetan => push_tibetan(&mut out, slice),
            Script::Latin => {
                for name in slice.chars().filter_map(letter_name) {
                    let syllables = name.split(' ').filter_map(mandarin::PinyinSyllable::parse);
                    out.extend(syllables.map(|s| mandarin_class(s.onset, s.rime)));
                }
            }
            Script::Digit => {
                // A number that began with a currency sign began in the run before.
                while let Some(number) = numbers.next_if(|n| n.range.start < run.range.end) {
                    done = number.range.end;
                    match (number.language, number.readings.first()) {
                        (Language::Zh, Some(words)) => push_mandarin(&mut out, words),
                        (Language::Bo, Some(words)) => push_tibetan(&mut out, words),
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
    mandarin::usual(han, |onset, rime| out.push(mandarin_class(onset, rime)));
}

/// Tibetan syllables with their keys, remembered from text to text: a few thousand make up nearly all text, and each takes a
/// microsecond to take apart and speak.
#[derive(Default)]
struct Remembered(FxHashMap<Box<str>, Box<[String]>>);

/// So many syllables are remembered on each thread, a megabyte; one more, and all are forgotten.
const REMEMBERED: usize = 8_192;

thread_local! {
    static FINE: RefCell<Remembered> = RefCell::default();
    static ROUGH: RefCell<Remembered> = RefCell::default();
}

impl Remembered {
    /// Appends the keys of every syllable of a text.
    fn push(&mut self, out: &mut Vec<String>, text: &str, speak: impl Fn(&str) -> Vec<String>) {
        for syllable in tibetan::syllables(text) {
            if let Some(known) = self.0.get(syllable.text.as_str()) {
                out.extend_from_slice(known);
                continue;
            }
            let keys = speak(&syllable.text);
            out.extend_from_slice(&keys);
            if self.0.len() == REMEMBERED {
                self.0.clear();
            }
            self.0.insert(syllable.text.into(), keys.into());
        }
    }
}

fn push_lhasa(out: &mut Vec<String>, text: &str) {
    let speak = |syllable: &str| tibetan::Parts::parse(syllable).iter().flat_map(lhasa::key).collect();
    FINE.with_borrow_mut(|fine| fine.push(out, text, speak));
}

fn push_rough_lhasa(out: &mut Vec<String>, text: &str) {
    let speak = |syllable: &str| {
        let keys = tibetan::search_keys(syllable).into_iter();
        let parts = keys.flat_map(|key| tibetan::Parts::parse(&key));
        parts.flat_map(|parts| lhasa::speak(&parts)).map(lhasa::rough_key).collect()
    };
    ROUGH.with_borrow_mut(|rough| rough.push(out, text, speak));
}

fn mandarin_class(onset: Option<Phone>, rime: Phone) -> String {
    let (onset, rime) = (onset.map_or("", Phone::name), rime.name());
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
    [onset, rime].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn southwestern_accents_keep_the_key() {
        for (a, b) in [
            ("知道", "资道"),
            ("吃饭", "次饭"),
            ("身份", "生分"),
            ("四十", "事实"),
            ("南边", "蓝边"),
            ("泥", "离"),
            ("飞机", "灰机"),
            ("湖南", "扶蓝"),
            ("花钱", "发钱"),
            ("今天", "京天"),
            ("新", "星"),
            ("證明", "真民"),
        ] {
            assert_eq!(phonetic_key(a), phonetic_key(b), "{a} {b}");
        }
        for (a, b) in [("八", "怕"), ("大", "他"), ("山", "上"), ("安", "昂"), ("东", "灯")] {
            assert_ne!(phonetic_key(a), phonetic_key(b), "{a} {b}");
        }
    }

    #[test]
    fn homophones_of_lhasa_share_a_key_and_recognisers_confusions_a_rough_one() {
        for (a, b) in [
            ("གྲ", "བྲ"),
            ("བཀའ", "ཀ"),
            ("དགའ", "རྒ"),
            ("ཆོས", "ཆོད"),
            ("ཟླ", "རྡ"),
            ("པདྨ", "པདྨ།"),
            ("ཊི", "ཏི"),
            ("ཥ", "ཤ"),
            ("རཱ", "ར"),
        ] {
            assert_eq!(phonetic_key(a), phonetic_key(b), "{a} {b}");
        }
        for (a, b) in [("ཁ", "ག"), ("ཁ", "དགའ"), ("གསལ", "གསེ"), ("ཆོས", "ཅོ"), ("པའི", "པ")]
        {
            assert_ne!(phonetic_key(a), phonetic_key(b), "{a} {b}");
            assert_eq!(rough_phonetic_key(a), rough_phonetic_key(b), "{a} {b}");
        }
        assert_eq!(phonetic_key("ལོ་༦༠ 60岁"), phonetic_key("ལོ་དྲུག་ཅུ་ 六十岁"));
        assert_eq!(phonetic_key("༣"), phonetic_key("གསུམ"), "Tibetan digits by themselves");
    }
}
