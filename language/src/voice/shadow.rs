//! A text as the rules of the voice see it: one form of each digit, letter, dash and space, and nothing invisible.

use std::ops::Range;

use crate::chinese;

/// A folded text that remembers where each byte of it comes from.
pub(super) struct Shadow {
    /// The folded text, in simplified characters.
    pub text: String,
    /// For each byte of `text`, and for its end, a byte of the original.
    origin: Vec<usize>,
}

impl Shadow {
    pub(super) fn of(original: &str) -> Self {
        let mut text = String::with_capacity(original.len());
        let mut origin = Vec::with_capacity(original.len() + 1);
        for (at, c) in original.char_indices() {
            if let Some(folded) = fold(c) {
                text.push(folded);
                origin.resize(text.len(), at);
            }
        }
        origin.push(original.len());
        // Simplification keeps every offset.
        let text = chinese::simplify(&text);
        Self { text, origin }
    }

    /// The bytes of the original that a range of the shadow comes from; characters without a form of their own that follow
    /// belong to it.
    pub(super) fn original(&self, range: &Range<usize>) -> Range<usize> {
        self.origin[range.start]..self.origin[range.end]
    }

    /// The byte of the original at which a byte of the shadow begins.
    pub(super) fn original_at(&self, at: usize) -> usize {
        self.origin[at]
    }
}

/// One form for what is written in several ways; `None` for what nobody sees or says: control characters but line ends, marks
/// of direction, joiners, variation selectors and the frame of a keycap.
fn fold(c: char) -> Option<char> {
    Some(match c {
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => '\n',
        '\t' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => ' ',
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => return None,
        '\u{ad}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}' | '\u{20e3}' | '\u{e0000}'..='\u{e0fff}' => {
            return None;
        }
        '\u{0f20}'..='\u{0f29}' => ascii(c, 0x0f20, '0'),
        '０'..='９' => ascii(c, '０' as u32, '0'),
        'Ａ'..='Ｚ' => ascii(c, 'Ａ' as u32, 'A'),
        'ａ'..='ｚ' => ascii(c, 'ａ' as u32, 'a'),
        '％' => '%',
        '＋' => '+',
        '＝' => '=',
        '／' => '/',
        '＠' => '@',
        '＃' => '#',
        '＆' => '&',
        '＊' => '*',
        '＜' => '<',
        '＞' => '>',
        '．' => '.',
        '：' => ':',
        '～' | '〜' | '∼' => '~',
        '￥' => '¥',
        '－' | '−' | '\u{2010}'..='\u{2015}' | '\u{fe63}' => '-',
        '\u{0f0c}' => '\u{0f0b}',
        c if c.is_control() => return None,
        c => c,
    })
}

fn ascii(c: char, from: u32, to: char) -> char {
    char::from_u32(c as u32 - from + to as u32).unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_digit_is_one_and_ranges_lead_back() {
        let text = "༢０\u{200b}2％銀";
        let shadow = Shadow::of(text);
        assert_eq!(shadow.text, "202%银");
        assert_eq!(&text[shadow.original(&(1..2))], "０\u{200b}");
        assert_eq!(&text[shadow.original(&(4..7))], "銀");
        assert_eq!(Shadow::of("").original(&(0..0)), 0..0);
    }
}
