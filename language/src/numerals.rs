//! Numbers in running text: where they are, and in which words they are spoken.

use std::ops::Range;

use crate::numbers;
use crate::script::Script;
use crate::Language;

/// A number in a text with its spoken forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpokenNumber {
    /// Bytes of the text: digits, separators, percent sign.
    pub range: Range<usize>,
    /// The language it is spoken in: that of the words around it.
    pub language: Language,
    /// The ways to say it as Chinese or Tibetan words, the usual one first.
    pub readings: Vec<String>,
}

/// What was written, digits as values.
#[derive(Debug, Default)]
struct Written {
    integer: Vec<u8>,
    fraction: Vec<u8>,
    percent: bool,
    grouped: bool,
}

/// Digits from which on a number is surely a telephone, card or document number.
const IDENTIFIER_DIGITS: usize = 7;

/// Finds the numbers of a text. `language` is spoken where no word stands beside a number.
pub fn find(text: &str, language: Language) -> Vec<SpokenNumber> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find(|c| numbers::digit_value(c).is_some()).map(|i| at + i) {
        let (written, end) = scan(&text[start..]);
        let end = start + end;
        let spoken_in = neighbour(text, start, end).unwrap_or(language);
        let after = text[end..].trim_start();
        let readings = match spoken_in {
            Language::Zh => chinese_readings(&written, after),
            Language::Bo => tibetan_readings(&written),
        };
        out.push(SpokenNumber { range: start..end, language: spoken_in, readings });
        at = end;
    }
    out
}

/// Reads one number from the beginning of `text`; returns it and its length in bytes.
fn scan(text: &str) -> (Written, usize) {
    let mut written = Written::default();
    let mut chars = text.char_indices().peekable();
    let mut end = 0;
    let mut in_fraction = false;
    while let Some((at, c)) = chars.next() {
        if let Some(digit) = numbers::digit_value(c) {
            if in_fraction { written.fraction.push(digit) } else { written.integer.push(digit) }
            end = at + c.len_utf8();
            continue;
        }
        let next_digits =
            text[at + c.len_utf8()..].chars().take_while(|c| numbers::digit_value(*c).is_some()).count();
        match c {
            '.' | '．' if !in_fraction && next_digits > 0 => in_fraction = true,
            ',' | '，' if !in_fraction && next_digits == 3 && (written.grouped || written.integer.len() <= 3) => {
                written.grouped = true;
            }
            '%' | '％' => {
                written.percent = true;
                end = at + c.len_utf8();
                break;
            }
            _ => break,
        }
    }
    (written, end)
}

/// The language of the nearest word: what directly follows, otherwise what directly precedes.
fn neighbour(text: &str, start: usize, end: usize) -> Option<Language> {
    let language = |c: char| match Script::of(c) {
        Script::Han => Some(Language::Zh),
        Script::Tibetan => Some(Language::Bo),
        _ => None,
    };
    let beside = |c: &char| c.is_whitespace() || matches!(Script::of(*c), Script::Han | Script::Tibetan);
    let solid = |c: &char| !c.is_whitespace() && *c != '་';
    let after = text[end..].chars().take_while(beside).find(solid);
    let before = text[..start].chars().rev().take_while(beside).find(solid);
    after.and_then(language).or_else(|| before.and_then(language))
}

fn value(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |n, d| n.checked_mul(10)?.checked_add(u64::from(*d)))
}

/// Numbers that are names: with a leading zero, very long, or a public hotline's (110, 12345, 95598).
fn is_identifier(written: &Written) -> bool {
    let d = &written.integer;
    written.fraction.is_empty()
        && !written.percent
        && !written.grouped
        && ((d.len() > 1 && d[0] == 0) || d.len() >= IDENTIFIER_DIGITS)
}

fn is_hotline(d: &[u8]) -> bool {
    matches!(d, [1, 1 | 2, _] | [1 | 9, _, _, _, _])
}

/// What makes the number before it a quantity.
const CHINESE_UNITS: &str = "元块万亿千百人名个条件次岁月日天米公平度只头亩家户项种所页分角周小多余";

fn chinese_readings(written: &Written, after: &str) -> Vec<String> {
    let next = after.chars().next();
    let counted = next.is_some_and(|c| CHINESE_UNITS.contains(c));
    let digits: String = written.integer.iter().map(|d| numbers::chinese_digit(*d)).collect();
    let by_digit = |yao_first: bool| {
        let yao = digits.replace('一', "幺");
        if yao == digits {
            vec![digits.clone()]
        } else if yao_first {
            vec![yao, digits.clone()]
        } else {
            vec![digits.clone(), yao]
        }
    };
    let Some(n) = value(&written.integer) else { return by_digit(false) };
    if !written.fraction.is_empty() || written.percent {
        let fraction: String = written.fraction.iter().map(|d| numbers::chinese_digit(*d)).collect();
        let point = if fraction.is_empty() { String::new() } else { format!("点{fraction}") };
        let percent = if written.percent { "百分之" } else { "" };
        return vec![format!("{percent}{}{point}", numbers::chinese(n))];
    }
    if is_identifier(written) && !counted {
        return by_digit(written.integer.first() == Some(&1));
    }
    if next == Some('年') && written.integer.len() == 4 {
        return vec![digits, numbers::chinese(n)];
    }
    if is_hotline(&written.integer) && !counted && !written.grouped {
        let mut out = by_digit(written.integer.len() == 3);
        out.push(numbers::chinese(n));
        return out;
    }
    let words = numbers::chinese(n);
    // 两 before measure words and before 百千万亿, as people mostly say.
    let liang = if n == 2 && counted {
        "两".to_owned()
    } else {
        words.replace("二百", "两百").replace("二千", "两千").replace("二万", "两万").replace("二亿", "两亿")
    };
    let mut out = vec![words];
    if liang != out[0] {
        out.push(liang);
    }
    if n == 2 && counted {
        out.reverse();
    }
    if written.integer.len() >= 3 && !counted && !written.grouped {
        out.extend(by_digit(false));
    }
    out
}

fn tibetan_readings(written: &Written) -> Vec<String> {
    let by_digit = |digits: &[u8]| {
        digits.iter().map(|d| numbers::tibetan_digit(*d)).collect::<Vec<_>>().join("་")
    };
    let digits = by_digit(&written.integer);
    let Some(n) = value(&written.integer) else { return vec![digits] };
    if !written.fraction.is_empty() || written.percent {
        let point =
            if written.fraction.is_empty() { String::new() } else { format!("་ཚེག་{}", by_digit(&written.fraction)) };
        let percent = if written.percent { "བརྒྱ་ཆ་" } else { "" };
        return vec![format!("{percent}{}{point}", numbers::tibetan(n))];
    }
    if is_identifier(written) {
        return vec![digits];
    }
    let words = numbers::tibetan(n);
    if is_hotline(&written.integer) && !written.grouped {
        return vec![digits, words];
    }
    let without_and = words.replace("་དང་", "་");
    let mut out = vec![words];
    if without_and != out[0] {
        out.push(without_and);
    }
    if written.integer.len() >= 3 {
        out.push(digits);
    }
    out
}
