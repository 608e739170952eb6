//! Chinese as text: normal form and words.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use jieba_rs::Jieba;
use unicode_normalization::UnicodeNormalization as _;

/// The word segmenter with its built-in dictionary; loading it takes some tenths of a second, once.
static JIEBA: LazyLock<Jieba> = LazyLock::new(Jieba::new);

/// Traditional characters and their simplified form (`data/simplified.tsv`, from `OpenCC`).
static SIMPLIFIED: LazyLock<HashMap<char, char>> = LazyLock::new(|| {
    include_str!("../data/simplified.tsv")
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .filter_map(|(t, s)| Some((t.chars().next()?, s.chars().next()?)))
        .collect()
});

/// Loads the segmenter's dictionary now rather than at the first question.
pub fn warm_up() {
    LazyLock::force(&JIEBA);
}

/// Replaces traditional characters by simplified ones, one by one; byte offsets stay the same.
pub fn simplify(text: &str) -> String {
    text.chars().map(|c| SIMPLIFIED.get(&c).copied().unwrap_or(c)).collect()
}

/// Brings Chinese text into one form: compatibility forms and full-width letters and digits folded (NFKC), simplified.
/// Idempotent.
pub fn normalize(text: &str) -> String {
    simplify(&text.nfkc().collect::<String>())
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

/// The words of a Chinese text for search: long words are followed by the shorter words in them. Punctuation is left
/// out.
pub fn words(text: &str) -> Vec<String> {
    let normal = normalize(text);
    JIEBA
        .cut_for_search(&normal, true)
        .into_iter()
        .map(|token| token.word.to_lowercase())
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .collect()
}
