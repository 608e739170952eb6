//! Chinese as text: normal form and words.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use ferrous_opencc::OpenCC;
use ferrous_opencc::config::BuiltinConfig;
use jieba_rs::Jieba;
use unicode_normalization::UnicodeNormalization as _;

/// The word segmenter with its built-in dictionary; loading it takes some tenths of a second, once.
static JIEBA: LazyLock<Jieba> = LazyLock::new(Jieba::new);

/// Traditional to simplified by `OpenCC`'s dictionaries of characters and phrases.
static CONVERTER: LazyLock<Converter> = LazyLock::new(Converter::new);

/// Characters that `OpenCC` leaves alone by themselves but not in its phrases (瞭解, 憑藉, 傢俱, 彷彿, 沈沒 ...).
///
/// Source: the left sides of `OpenCC`'s `TSPhrases.txt` against its `TSCharacters.txt`.
const BY_PHRASE_ONLY: &str = "瞭么藉覆俱彷沈牴衹";

/// Phrases and characters are converted until nothing changes; `OpenCC`'s longest chain has two steps.
const MOST_PASSES: usize = 4;

struct Converter {
    phrases: Option<OpenCC>,
    /// Every character with a simplified form of as many bytes, so that conversion never moves an offset.
    characters: HashMap<char, char>,
    /// Whether a character of the blocks that Chinese is written in may change, by its number from [`FIRST`] on.
    may_change: Vec<bool>,
}

/// The first character of `CJK Unified Ideographs Extension A`, and the last of `CJK Unified Ideographs`.
const FIRST: char = '\u{3400}';
/// See [`FIRST`].
const LAST: char = '\u{9fff}';

impl Converter {
    fn new() -> Self {
        // The dictionaries are compiled in: without them text stays as it is.
        let Ok(phrases) = OpenCC::from_config(BuiltinConfig::T2s) else {
            return Self { phrases: None, characters: HashMap::new(), may_change: Vec::new() };
        };
        let characters: HashMap<char, char> = (FIRST..=LAST)
            .filter_map(|c| {
                let simplified = phrases.convert(c.encode_utf8(&mut [0; 4]));
                let simplified = simplified.chars().next()?;
                (simplified != c && simplified.len_utf8() == c.len_utf8()).then_some((c, simplified))
            })
            .collect();
        let may_change =
            (FIRST..=LAST).map(|c| characters.contains_key(&c) || BY_PHRASE_ONLY.contains(c)).collect();
        Self { phrases: Some(phrases), characters, may_change }
    }

    /// Whether a character stays as it is, alone or in a phrase.
    fn stays(&self, c: char) -> bool {
        !(FIRST..=LAST).contains(&c)
            || !self.may_change.get((c as u32 - FIRST as u32) as usize).copied().unwrap_or_default()
    }

    fn once(&self, text: &str) -> Option<String> {
        if text.chars().all(|c| self.stays(c)) {
            return None;
        }
        let by_phrase = self.phrases.as_ref()?.convert(text);
        // Every phrase of the dictionary keeps its number of characters; rare characters outside the basic plane do
        // not keep their bytes and stay.
        let out: String = if by_phrase.chars().count() == text.chars().count() {
            let kept = |(old, new): (char, char)| if old.len_utf8() == new.len_utf8() { new } else { old };
            text.chars().zip(by_phrase.chars()).map(kept).collect()
        } else {
            text.chars().map(|c| self.characters.get(&c).copied().unwrap_or(c)).collect()
        };
        (out != text).then_some(out)
    }
}

/// Loads the dictionaries now rather than at the first question.
pub fn warm_up() {
    LazyLock::force(&JIEBA);
    LazyLock::force(&CONVERTER);
}

/// Replaces traditional characters by simplified ones, by phrase where `OpenCC` knows one (瞭解 is 了解, 瞭望 stays);
/// byte offsets stay the same. Idempotent.
pub fn simplify(text: &str) -> String {
    simplified(text).into_owned()
}

/// See [`simplify`].
pub(crate) fn simplified(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| !is_compatibility(c) && CONVERTER.stays(c)) {
        return Cow::Borrowed(text);
    }
    let mut out: String = text.chars().map(unified).collect();
    for _ in 0..MOST_PASSES {
        match CONVERTER.once(&out) {
            Some(simpler) => out = simpler,
            None => break,
        }
    }
    Cow::Owned(out)
}

fn is_compatibility(c: char) -> bool {
    ('\u{f900}'..='\u{faff}').contains(&c)
}

/// The character that a compatibility ideograph stands for, where it takes as many bytes.
fn unified(c: char) -> char {
    if !is_compatibility(c) {
        return c;
    }
    std::iter::once(c).nfc().next().filter(|u| u.len_utf8() == c.len_utf8()).unwrap_or(c)
}

/// Brings Chinese text into one form: compatibility forms and full-width letters and digits folded (NFKC), simplified.
/// Idempotent.
pub fn normalize(text: &str) -> String {
    if text.chars().all(is_composed) {
        return simplify(text);
    }
    simplify(&text.nfkc().collect::<String>())
}

/// Whether NFKC leaves a character alone whatever stands beside it, seen without its tables: ideographs and ASCII.
fn is_composed(c: char) -> bool {
    c.is_ascii() || is_ideograph(c)
}

fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}')
}

/// [`normalize`] of Chinese characters, one for each: search keys stay with the character that they come from.
pub(crate) fn fold(han: &str) -> impl Iterator<Item = char> + use<> {
    let single = |c: char| {
        if is_composed(c) {
            return c;
        }
        let mut folded = std::iter::once(c).nfkc();
        folded.next().filter(|_| folded.next().is_none()).unwrap_or(c)
    };
    let folded: String = han.chars().map(single).collect();
    simplified(&folded).chars().collect::<Vec<_>>().into_iter()
}

/// Cuts text into words that follow each other without gaps, as byte ranges.
pub(crate) fn cut(text: &str) -> Vec<Range<usize>> {
    JIEBA
        .cut(text, false)
        .into_iter()
        .scan(0, |at, token| {
            let start = *at;
            *at += token.word.len();
            Some(start..*at)
        })
        .collect()
}

/// Whether the dictionary has a word.
pub(crate) fn is_word(word: &str) -> bool {
    JIEBA.has_word(word)
}

/// The words of a Chinese text for search: long words are followed by the shorter words in them. Punctuation is left
/// out.
pub fn words(text: &str) -> Vec<String> {
    let normal = normalize(text);
    JIEBA
        .cut_for_search(&normal, true)
        .into_iter()
        .filter_map(|token| {
            if token.word.chars().all(is_ideograph) {
                // Nothing to look up: they are letters and have no case.
                return Some(token.word.to_owned());
            }
            let word = token.word.to_lowercase();
            word.chars().any(char::is_alphanumeric).then_some(word)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traditional_text_is_found_by_simplified_words() {
        for (traditional, simplified) in [
            ("辦理身份證需要什麼材料", "办理身份证需要什么材料"),
            ("我想瞭解醫療保險報銷", "我想了解医疗保险报销"),
            ("瞭望塔憑藉蟲草採集證", "瞭望塔凭借虫草采集证"),
            ("裡面的頭髮和發票", "里面的头发和发票"),
            ("沈沒", "沉没"),
        ] {
            assert_eq!(simplify(traditional), simplified);
            assert_eq!(simplify(simplified), simplified);
            assert_eq!(normalize(traditional).len(), traditional.len());
        }
        assert_eq!(normalize("ＩＤ１２３，　證"), "ID123, 证");
        assert_eq!(fold("證⾦\u{f9b5}").collect::<String>(), "证金例");
    }
}
