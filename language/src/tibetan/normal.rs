//! The normal form of Tibetan text.

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Brings Tibetan text into one form: canonical decomposition, the deprecated and compatibility characters that Unicode
/// leaves alone, signs in the order in which they are stacked, one kind of tsheg. Other scripts pass through unchanged
/// (except for the canonical composition of their own). Idempotent.
///
/// Source: `lucene-bo`'s character filter, and the Unicode Standard on the Tibetan block: subjoined letters have
/// combining class 0, so that no Unicode normalisation repairs a vowel that was typed before one.
pub fn normalize(text: &str) -> String {
    if is_normal(text) {
        return text.to_owned();
    }
    let mut out = once(text);
    // Our order of signs is final unless marks of another script stand among them, which Unicode then moves once more.
    for _ in 0..MOST_PASSES {
        if is_nfc_quick(out.chars()) == IsNormalized::Yes {
            break;
        }
        out = once(&out);
    }
    out
}

/// Text that needs more than a second pass mixes marks of several scripts.
const MOST_PASSES: usize = 4;

/// Whether Tibetan letters are in normal form as they stand, seen without taking them apart: nearly all text is, and the way through
/// Unicode's tables costs twenty times as much. `false` may also mean that it is not known.
fn is_normal(letters: &str) -> bool {
    let (mut last, mut before) = (0, '\0');
    for c in letters.chars() {
        let rank = match c {
            // The composition exclusions, ཪ and places without a letter.
            '\u{0f43}' | '\u{0f48}' | '\u{0f4d}' | '\u{0f52}' | '\u{0f57}' | '\u{0f5c}' | '\u{0f69}'
            | '\u{0f6a}' | '\u{0f93}' | '\u{0f98}' | '\u{0f9d}' | '\u{0fa2}' | '\u{0fa7}' | '\u{0fac}'
            | '\u{0fb9}' => return false,
            '\u{0f40}'..='\u{0f6c}' | '\u{0f0b}' => {
                (last, before) = (0, c);
                continue;
            }
            // Anything that repeats is dropped or reordered with care; it is not decided here.
            '\u{0f71}'
            | '\u{0f72}'
            | '\u{0f74}'
            | '\u{0f7a}'..='\u{0f7e}'
            | '\u{0f80}'
            | '\u{0f90}'..='\u{0fbc}' => {
                if c == before {
                    return false;
                }
                rank(c).unwrap_or_default()
            }
            _ => return false,
        };
        if rank < last {
            return false;
        }
        (last, before) = (rank, c);
    }
    true
}

fn once(text: &str) -> String {
    let mut out: Vec<char> = Vec::with_capacity(text.len());
    for c in text.nfc().flat_map(decompose) {
        // ཪ (fixed-form ra) is ར wherever it does not matter for the look.
        out.push(if c == '\u{0f6a}' { '\u{0f62}' } else { c });
    }
    reorder(&mut out);
    out.dedup_by(|b, a| a == b && matches!(a, '\u{0f71}'..='\u{0f7d}' | '\u{0f80}'));
    out.into_iter().collect()
}

fn decompose(c: char) -> impl Iterator<Item = char> {
    let parts: &'static [char] = match c {
        '\u{0f00}' => &['\u{0f68}', '\u{0f7c}', '\u{0f7e}'],
        '\u{0f0c}' => &['\u{0f0b}'],
        '\u{0f77}' => &['\u{0fb2}', '\u{0f71}', '\u{0f80}'],
        '\u{0f79}' => &['\u{0fb3}', '\u{0f71}', '\u{0f80}'],
        '\u{0f35}' | '\u{0f37}' | '\u{0f39}' => &[],
        _ => return Parts { own: Some(c), parts: [].iter() },
    };
    Parts { own: None, parts: parts.iter() }
}

struct Parts {
    own: Option<char>,
    parts: std::slice::Iter<'static, char>,
}

impl Iterator for Parts {
    type Item = char;
    fn next(&mut self) -> Option<char> {
        self.own.take().or_else(|| self.parts.next().copied())
    }
}

/// Place of a sign within its stack: subscript, vowel below, vowel above, mark. Signs of one rank have one canonical
/// combining class, so that Unicode's own reordering never undoes ours for good.
fn rank(c: char) -> Option<u8> {
    Some(match c {
        '\u{0f8d}'..='\u{0fbc}' => 0,
        '\u{0f71}' => 1,
        '\u{0f74}' => 2,
        '\u{0f72}' | '\u{0f7a}'..='\u{0f7d}' | '\u{0f80}' => 3,
        '\u{0f84}' => 4,
        '\u{0f7e}' | '\u{0f7f}' => 5,
        '\u{0f82}' | '\u{0f83}' | '\u{0f86}' | '\u{0f87}' => 6,
        _ => return None,
    })
}

fn reorder(chars: &mut [char]) {
    let mut start = 0;
    while start < chars.len() {
        let Some(_) = rank(chars[start]) else {
            start += 1;
            continue;
        };
        let end = chars[start..].iter().position(|c| rank(*c).is_none()).map_or(chars.len(), |n| start + n);
        chars[start..end].sort_by_key(|c| rank(*c));
        start = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_syllable_becomes_one() {
        for (typed, normal) in [
            ("ཀིྲ", "ཀྲི"),
            ("ཀིིི", "ཀི"),
            ("སྒོྲལ", "སྒྲོལ"),
            ("ཧཾཱུ", "ཧཱུཾ"),
            ("\u{0f67}\u{0f83}\u{0f74}\u{0f71}", "ཧཱུྃ"),
            ("བོད\u{0f0c}ཡིག", "བོད་ཡིག"),
            ("\u{0f00}", "ཨོཾ"),
            ("ཀ\u{0f77}", "ཀ\u{0fb2}\u{0f71}\u{0f80}"),
            ("ཀ\u{0f79}", "ཀ\u{0fb3}\u{0f71}\u{0f80}"),
            ("རྒྱ༵་མཚོ", "རྒྱ་མཚོ"),
            ("ཆོ༷ས", "ཆོས"),
            ("ཕ༹", "ཕ"),
            ("\u{0f6a}ྙིང", "རྙིང"),
            ("ང身份證ིྲ", "ང身份證ྲི"),
        ] {
            assert_eq!(normalize(typed), normal, "{typed}");
            assert_eq!(normalize(normal), normal, "{normal}");
        }
    }

    #[test]
    fn what_is_taken_for_normal_at_a_glance_is_normal() {
        let block: Vec<char> = ('\u{0f00}'..='\u{0fff}').collect();
        for a in &block {
            for b in &block {
                for c in ['\u{0f71}', '\u{0f74}', '\u{0f72}', '\u{0f7e}', '\u{0fb2}', 'ས'] {
                    let text: String = ['ཀ', *a, *b, c].iter().collect();
                    if is_normal(&text) {
                        assert_eq!(once(&text), text, "{text}");
                    }
                }
            }
        }
    }

    #[test]
    fn letters_that_unicode_composes_no_more_are_taken_apart() {
        // The composition exclusions of the Tibetan block.
        let excluded = [
            0x0f43, 0x0f4d, 0x0f52, 0x0f57, 0x0f5c, 0x0f69, 0x0f73, 0x0f75, 0x0f76, 0x0f78, 0x0f81, 0x0f93,
            0x0f9d, 0x0fa2, 0x0fa7, 0x0fac, 0x0fb9,
        ];
        for c in excluded.into_iter().filter_map(char::from_u32) {
            let normal = normalize(&format!("ཀ{c}"));
            assert_eq!(normal.chars().count(), 3, "{c:?} in {normal:?}");
        }
    }
}
