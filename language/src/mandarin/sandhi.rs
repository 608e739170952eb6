//! Tone sandhi: how the tones of 一, 不 and of third-tone syllables change beside their neighbours.
//!
//! Source: Standard Mandarin grammar (黄伯荣、廖序东《现代汉语》), and for the grouping of third tones Shih, *The prosodic
//! domain of tone sandhi in Chinese* (1986): feet of two syllables, words before phrases, single syllables from the left.

use super::PinyinSyllable;
use crate::chinese;

/// A syllable with what its tone depends on besides its neighbours.
#[derive(Clone, Debug)]
pub(crate) struct Spelled {
    pub syllable: PinyinSyllable,
    /// Whether it is one of the digits of a telephone number and the like, where 一 keeps its tone.
    pub digit: bool,
}

/// Beside these 一 is a digit or an ordinal.
const NUMERALS: &str = "一二三四五六七八九零〇幺";
/// After these it is one: 第一, 初一, 十一.
const ORDINAL_BEFORE: &str = "第初十点幺";
/// Before these it is one: 一月, 一号, 一楼, 一级, and in 一十.
const ORDINAL_AFTER: &str = "月号楼级等班十";
/// Words in which a final 一 keeps its tone whatever follows.
const FINAL_ONE: [&str; 19] = [
    "统一", "唯一", "万一", "之一", "单一", "专一", "归一", "如一", "划一", "周一", "期一", "拜一", "其一",
    "逐一", "合一", "不一", "均一", "始一", "同一",
];

/// Applies tone sandhi to the words of one breath.
///
/// 不 is *bú* before a fourth tone, and toneless inside 好不好. 一 is *yí* before a fourth tone (and 个) and *yì* before the
/// others, toneless inside 看一看, and stays *yī* at the end, in ordinals, digits and words such as 统一. Of two third tones in
/// one foot the first is a second; so is the last of a foot before a foot that still begins with a third.
pub(crate) fn sandhi(words: &mut [Vec<Spelled>]) {
    one_and_not(words);
    third_tones(words);
}

fn one_and_not(words: &mut [Vec<Spelled>]) {
    let place = |words: &[Vec<Spelled>]| -> Vec<(usize, usize)> {
        words.iter().enumerate().flat_map(|(w, word)| (0..word.len()).map(move |s| (w, s))).collect()
    };
    let order = place(words);
    for (i, &(w, s)) in order.iter().enumerate() {
        let Some(next) = order.get(i + 1).map(|&(w, s)| words[w][s].syllable.clone()) else { continue };
        let before = i.checked_sub(1).and_then(|p| words[order[p].0][order[p].1].syllable.character);
        let this = &words[w][s];
        let repeated = before.is_some() && before == next.character;
        let tone = match this.syllable.character {
            Some('不') if this.syllable.letters == "bu" => {
                if repeated {
                    5
                } else if next.tone == 4 {
                    2
                } else {
                    4
                }
            }
            Some('一') if !this.digit && this.syllable.tone == 1 => {
                if is(before, ORDINAL_BEFORE) || is(before, NUMERALS) || ends_word(&words[w], s, before) {
                    continue;
                }
                let ordinal = is(next.character, NUMERALS) || is(next.character, ORDINAL_AFTER);
                match (repeated, ordinal || is_date(before, next.character)) {
                    (true, _) => 5,
                    (false, true) => continue,
                    // 个 loses its own fourth tone but still counts as one.
                    (false, false) if next.tone == 4 || next.character == Some('个') => 2,
                    (false, false) => 4,
                }
            }
            _ => continue,
        };
        words[w][s].syllable.tone = tone;
    }
}

fn is(c: Option<char>, set: &str) -> bool {
    c.is_some_and(|c| set.contains(c))
}

/// 五月一日.
fn is_date(before: Option<char>, next: Option<char>) -> bool {
    before == Some('月') && next == Some('日')
}

/// Whether the 一 at `s` ends one of [`FINAL_ONE`].
fn ends_word(word: &[Spelled], s: usize, before: Option<char>) -> bool {
    let within = s.checked_sub(1).and_then(|p| word[p].syllable.character).or(before);
    s + 1 == word.len() && within.is_some_and(|c| FINAL_ONE.iter().any(|f| f.starts_with(c)))
}

fn third_tones(words: &mut [Vec<Spelled>]) {
    let mut feet: Vec<Vec<(usize, usize)>> = Vec::new();
    let mut single = false;
    for (w, word) in words.iter().enumerate() {
        if let [_] = word.as_slice() {
            match feet.last_mut() {
                Some(last) if single => {
                    last.push((w, 0));
                    single = false;
                }
                _ => {
                    feet.push(vec![(w, 0)]);
                    single = true;
                }
            }
            continue;
        }
        single = false;
        for part in parts(word) {
            feet.push(part.map(|s| (w, s)).collect());
        }
    }
    let rises = |words: &mut [Vec<Spelled>], first: (usize, usize), second: (usize, usize)| {
        if words[first.0][first.1].syllable.tone == 3 && words[second.0][second.1].syllable.tone == 3 {
            words[first.0][first.1].syllable.tone = 2;
        }
    };
    for foot in &feet {
        for pair in foot.windows(2) {
            rises(words, pair[0], pair[1]);
        }
    }
    for neighbours in feet.windows(2) {
        if let (Some(last), Some(first)) = (neighbours[0].last(), neighbours[1].first()) {
            rises(words, *last, *first);
        }
    }
}

/// The feet of a word of two syllables or more: two and one where the first two are a word (展览馆), one and two where the
/// last two are (纸老虎), twos otherwise.
fn parts(word: &[Spelled]) -> Vec<std::ops::Range<usize>> {
    let text = |range: std::ops::Range<usize>| -> String {
        word[range].iter().filter_map(|s| s.syllable.character).collect()
    };
    let mut out = Vec::new();
    let mut at = 0;
    if word.len() % 2 == 1 && !chinese::is_word(&text(0..2)) && chinese::is_word(&text(1..3)) {
        out.push(0..1);
        at = 1;
    }
    while at < word.len() {
        let end = (at + 2).min(word.len());
        out.push(at..end);
        at = end;
    }
    out
}
