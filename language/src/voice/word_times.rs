//! When each word of a sentence is heard, for pages that show the word that is being spoken.

use std::ops::Range;

use super::rendition::{Breath, Rendition, Sound};
use crate::Language;

/// The pause at punctuation within a sentence is as long as so many syllables.
///
/// Source: sound of the two espeak-ng voices as the assistant speaks with them. Both are silent for 200 to 210 ms at a comma; a
/// syllable takes 190 ms in Tibetan and 300 ms in Chinese.
const PAUSE: f32 = 1.0;

/// A word of a sentence and when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedWord<'a> {
    /// As it is written, with the white space and the punctuation behind it. The words of a sentence follow each other
    /// without gaps: joined they are the sentence.
    pub text: &'a str,
    /// Milliseconds from the beginning of the sentence's sound.
    pub start_ms: u64,
}

/// What is written as one and said in one go: its place in the text, and how many syllables come before it.
struct Placed {
    range: Range<usize>,
    before: f32,
}

/// When each word of a sentence begins, whose sound is `total_ms` long and ends with a pause of `pause_after` syllables. Words are
/// those of [`Rendition`]; a number is one word however many it is read with. What is not read aloud (an address, say) belongs to
/// the word before it, at the beginning of the text to the word behind it. Empty where nothing of the text has a sound.
///
/// An estimate: every syllable is taken to be equally long, and every pause as long as one, so that a word may be
/// heard some tenths of a second earlier or later.
pub fn word_times(text: &str, language: Language, total_ms: u64, pause_after: f32) -> Vec<TimedWord<'_>> {
    let breaths = Rendition::of(text, language).breaths;
    let mut placed: Vec<Placed> = Vec::new();
    let mut said = 0.0;
    let mut last: Option<&Breath> = None;
    for breath in &breaths {
        said += last.map_or(0.0, |last| pause_between(text, last, breath));
        for word in &breath.words {
            place(&mut placed, word.range.clone(), said);
            said += match &word.sound {
                Sound::Mandarin { spoken, .. } => spoken.len(),
                Sound::Lhasa { spoken, .. } => spoken.len(),
            } as f32;
        }
        last = Some(breath);
    }
    let all = said + pause_after;
    let ends = placed
        .windows(2)
        .map(|pair| pair[0].range.end + behind(&text[pair[0].range.end..pair[1].range.start]))
        .chain([text.len()]);
    let mut begin = 0;
    placed
        .iter()
        .zip(ends)
        .map(|(word, end)| {
            let start_ms = (f64::from(word.before / all) * total_ms as f64).round() as u64;
            TimedWord { text: &text[std::mem::replace(&mut begin, end)..end], start_ms }
        })
        .collect()
}

/// Two breaths of one voice are two because of punctuation; another voice may go on at once.
fn pause_between(text: &str, last: &Breath, next: &Breath) -> f32 {
    let (end, start) = (last.range().end, next.range().start);
    let between = text.get(end..start).unwrap_or_default();
    let marked = between.chars().any(|c| !c.is_whitespace() && c != '་');
    if last.voice == next.voice || marked { PAUSE } else { 0.0 }
}

/// Adds a word that is said after `before` syllables; one that is written within those before it (the words of a number, a
/// unit that is read first) is one with them.
fn place(placed: &mut Vec<Placed>, range: Range<usize>, before: f32) {
    let mut new = Placed { range, before };
    while let Some(last) = placed.pop_if(|last| new.range.start < last.range.end) {
        let range = last.range.start.min(new.range.start)..last.range.end.max(new.range.end);
        new = Placed { range, before: last.before };
    }
    placed.push(new);
}

/// How many bytes of what stands between two words belong to the one before: all but opening brackets and quotes at its end.
fn behind(between: &str) -> usize {
    let opens = |c: char| {
        matches!(c, '“' | '‘' | '「' | '『' | '（' | '(' | '《' | '〈' | '【' | '[' | '\u{0f3a}' | '\u{0f3c}')
    };
    between.trim_end_matches(opens).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str, language: Language) -> Vec<&str> {
        word_times(text, language, 1_000, 0.0).into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn words_are_whole_and_punctuation_stays_with_them() {
        assert_eq!(cut("请带身份证，去派出所。", Language::Zh), ["请", "带", "身份证，", "去", "派出所。"]);
        assert_eq!(cut("请看《办事指南》。", Language::Zh), ["请", "看", "《办事", "指南》。"]);
        assert_eq!(cut("（一）每月¥300。", Language::Zh), ["（一）", "每月", "¥300。"]);
        assert_eq!(cut("拨打138 1234 5678。", Language::Zh), ["拨打", "138 1234 5678。"]);
        assert_eq!(cut("见https://a.cn/b 。", Language::Zh), ["见https://a.cn/b 。"]);
        assert_eq!(cut("……", Language::Zh), [""; 0]);
    }

    #[test]
    fn tibetan_words_end_behind_a_tsheg() {
        let words = cut("ཐོབ་ཐང་ལག་ཁྱེར་བརྗེ་དགོས། ཁ་པར་12345 གཏོང་།", Language::Bo);
        assert!(words.len() >= 5, "{words:?}");
        assert!(words.iter().all(|word| word.ends_with(['་', '།', ' '])), "{words:?}");
        assert!(words.iter().any(|word| word.trim_end() == "12345"), "{words:?}");
    }

    #[test]
    fn times_follow_the_syllables_and_the_pauses() {
        let times: Vec<u64> = word_times("带身份证，去派出所。", Language::Zh, 1_000, 1.0)
            .iter()
            .map(|word| word.start_ms)
            .collect();
        // 1 + 3 syllables, a pause, 1 + 3 syllables, a pause: ten parts of 100 ms.
        assert_eq!(times, [0, 100, 500, 600]);
    }
}
