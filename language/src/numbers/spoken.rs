//! Numbers in running text: where they are, and in which words they are spoken.

use std::ops::Range;

use super::formats::{self, Amount, Shape};
use super::{chinese, digit_value, tibetan, value};
use crate::Language;
use crate::script::Script;

/// A number in a text with its spoken forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpokenNumber {
    /// Bytes of the text: digits, separators, the currency sign before and the unit sign after them.
    pub range: Range<usize>,
    /// The language it is spoken in: that of the words around it.
    pub language: Language,
    /// The ways to say it as Chinese or Tibetan words, the usual one first; at least one.
    pub readings: Vec<String>,
}

/// Signs after a number: how they are said in Chinese (before, after the number) and in Tibetan.
///
/// The Tibetan terms are those of official usage in the region; they await a native reviewer.
const SIGNS: [(&str, [&str; 2], [&str; 2]); 9] = [
    ("%", ["百分之", ""], ["བརྒྱ་ཆ་", ""]),
    ("％", ["百分之", ""], ["བརྒྱ་ཆ་", ""]),
    ("‰", ["千分之", ""], ["སྟོང་ཆ་", ""]),
    ("℃", ["", "摄氏度"], ["དྲོད་ཚད་", ""]),
    ("㎡", ["", "平方米"], ["སྤྱི་ཁྲེ་གྲུ་བཞི་མ་", ""]),
    ("m²", ["", "平方米"], ["སྤྱི་ཁྲེ་གྲུ་བཞི་མ་", ""]),
    ("km", ["", "公里"], ["སྤྱི་ལེ་", ""]),
    ("kg", ["", "公斤"], ["སྤྱི་རྒྱ་", ""]),
    ("cm", ["", "厘米"], ["ལི་སྨི་", ""]),
];

/// Currency signs before a number: as said in Chinese after it, in Tibetan before it.
const CURRENCIES: [(char, &str, &str); 3] = [('¥', "元", "སྒོར་"), ('￥', "元", "སྒོར་"), ('$', "美元", "ཨ་སྒོར་")];

/// Finds the numbers of a text and says them. `language` is spoken where no word stands beside a number.
pub fn spoken(text: &str, language: Language) -> Vec<SpokenNumber> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(digits) = text[at..].find(|c| digit_value(c).is_some()).map(|i| at + i) {
        let (shape, length) = formats::scan(&text[digits..]);
        let mut end = digits + length;
        let currency = text[at..digits]
            .chars()
            .next_back()
            .and_then(|c| CURRENCIES.iter().find(|(sign, ..)| *sign == c));
        let start = digits - currency.map_or(0, |(sign, ..)| sign.len_utf8());
        let sign = SIGNS.iter().find(|(sign, ..)| text[end..].starts_with(sign));
        end += sign.map_or(0, |(sign, ..)| sign.len());
        // Tibetan digits are Tibetan wherever nothing else is said.
        let own =
            text[digits..].starts_with(|c| ('\u{0f20}'..='\u{0f29}').contains(&c)).then_some(Language::Bo);
        let language = neighbour(text, start, end).or(own).unwrap_or(language);
        let after = text[end..].trim_start().chars().next();
        let readings = match language {
            Language::Zh => {
                let [before, behind] = sign.map_or(["", ""], |(_, zh, _)| *zh);
                let behind = currency.map_or(behind, |(_, zh, _)| zh);
                let after = behind.chars().next().or(after);
                // Percentages and the like are never identifiers.
                let counted = sign.is_some() || currency.is_some();
                decorate(in_chinese(&shape, after, counted), before, behind)
            }
            Language::Bo => {
                let [before, behind] = sign.map_or(["", ""], |(_, _, bo)| *bo);
                let before = currency.map_or(before, |(_, _, bo)| bo);
                decorate(in_tibetan(&shape, sign.is_some() || currency.is_some()), before, behind)
            }
        };
        out.push(SpokenNumber { range: start..end, language, readings });
        at = end;
    }
    out
}

fn decorate(readings: Vec<String>, before: &str, behind: &str) -> Vec<String> {
    readings.into_iter().map(|r| format!("{before}{r}{behind}")).collect()
}

/// The language of the nearest word: what directly follows, otherwise what directly precedes.
fn neighbour(text: &str, start: usize, end: usize) -> Option<Language> {
    let language = |c: char| match Script::of(c) {
        Script::Han => Some(Language::Zh),
        Script::Tibetan => Some(Language::Bo),
        _ => None,
    };
    let beside = |c: &char| c.is_whitespace() || language(*c).is_some();
    let solid = |c: &char| !c.is_whitespace() && *c != '་';
    let after = text[end..].chars().take_while(beside).find(solid);
    let before = text[..start].chars().rev().take_while(beside).find(solid);
    after.and_then(language).or_else(|| before.and_then(language))
}

/// Digits from which on a number is surely a telephone, card or document number.
const IDENTIFIER_DIGITS: usize = 7;

/// Numbers that are names: with a leading zero, or very long.
fn is_identifier(amount: &Amount) -> bool {
    let d = &amount.integer;
    amount.fraction.is_empty()
        && !amount.grouped
        && ((d.len() > 1 && d[0] == 0) || d.len() >= IDENTIFIER_DIGITS)
}

/// Public hotlines: 110, 119, 120, 12345, 95598 and their like.
fn is_hotline(amount: &Amount) -> bool {
    amount.fraction.is_empty()
        && !amount.grouped
        && matches!(amount.integer.as_slice(), [1, 1 | 2, _] | [1 | 9, _, _, _, _])
}

/// What makes the number before it a quantity.
const CHINESE_UNITS: &str = "元块万亿千百人名个条件次岁月日天米公平度只头亩家户项种所页分角周小多余美厘摄";

fn in_chinese(shape: &Shape, after: Option<char>, counted: bool) -> Vec<String> {
    let plain = |n: u64| chinese::words(n);
    match shape {
        Shape::Amount(amount) => {
            let counted = counted || after.is_some_and(|c| CHINESE_UNITS.contains(c));
            chinese_amount(amount, after, counted)
        }
        Shape::Date { year, month, day } => {
            let year = chinese_digits(year);
            ["日", "号"].map(|name| format!("{year}年{}月{}{name}", plain(*month), plain(*day))).to_vec()
        }
        Shape::Time { hour, minute: 0 } => vec![format!("{}点", plain(*hour))],
        Shape::Time { hour, minute } => {
            let zero = if *minute < 10 { "零" } else { "" };
            vec![
                format!("{}点{zero}{}分", plain(*hour), plain(*minute)),
                format!("{}点{zero}{}", plain(*hour), plain(*minute)),
            ]
        }
        Shape::Range(from, to) => {
            let first = |a: &Amount| chinese_amount(a, after, true).into_iter().next().unwrap_or_default();
            vec![format!("{}到{}", first(from), first(to)), format!("{}至{}", first(from), first(to))]
        }
        Shape::Fraction(n, d) => vec![format!("{}分之{}", plain(*d), plain(*n))],
        Shape::Telephone(digits) => by_digit(digits, true),
    }
}

fn chinese_digits(digits: &[u8]) -> String {
    digits.iter().map(|d| chinese::digit(*d)).collect()
}

/// Digit by digit; 1 is *yāo* in telephone numbers (`yao_first`), and may be so in others.
fn by_digit(digits: &[u8], yao_first: bool) -> Vec<String> {
    let yi = chinese_digits(digits);
    let yao = yi.replace('一', "幺");
    match (yao == yi, yao_first) {
        (true, _) => vec![yi],
        (false, true) => vec![yao, yi],
        (false, false) => vec![yi, yao],
    }
}

fn chinese_amount(amount: &Amount, after: Option<char>, counted: bool) -> Vec<String> {
    let digits = amount.integer.as_slice();
    let Some(n) = value(digits) else { return by_digit(digits, false) };
    if !amount.fraction.is_empty() {
        return vec![format!("{}点{}", chinese::words(n), chinese_digits(&amount.fraction))];
    }
    if is_identifier(amount) && !counted {
        return by_digit(digits, matches!(digits, [0 | 1, ..]));
    }
    if after == Some('年') && digits.len() == 4 {
        return vec![chinese_digits(digits), chinese::words(n)];
    }
    if is_hotline(amount) && !counted {
        let mut out = by_digit(digits, digits.len() == 3);
        out.push(chinese::words(n));
        return out;
    }
    let words = chinese::words(n);
    // 两 before measure words and before 百千万亿, as people mostly say.
    let liang = if n == 2 && counted {
        "两".to_owned()
    } else {
        words.replace("二百", "两百").replace("二千", "两千").replace("二万", "两万").replace("二亿", "两亿")
    };
    let measured = n == 2 && counted && !after.is_some_and(|c| "月日分".contains(c));
    let mut out = if liang == words {
        vec![words]
    } else if measured {
        vec![liang, words]
    } else {
        vec![words, liang]
    };
    if digits.len() >= 3 && !counted && !amount.grouped {
        out.extend(by_digit(digits, false));
    }
    out
}

fn in_tibetan(shape: &Shape, counted: bool) -> Vec<String> {
    let plain = |n: u64| tibetan::words(n);
    match shape {
        Shape::Amount(amount) => tibetan_amount(amount, counted),
        Shape::Date { year, month, day } => {
            let year = value(year).map_or_else(|| tibetan_digits(year), plain);
            vec![format!("སྤྱི་ལོ་{year}་ལོའི་ཟླ་{}་པའི་ཚེས་{}", plain(*month), plain(*day))]
        }
        Shape::Time { hour, minute: 0 } => vec![format!("ཆུ་ཚོད་{}", plain(*hour))],
        Shape::Time { hour, minute } => vec![format!("ཆུ་ཚོད་{}་དང་སྐར་མ་{}", plain(*hour), plain(*minute))],
        Shape::Range(from, to) => {
            let first = |a: &Amount| tibetan_amount(a, true).into_iter().next().unwrap_or_default();
            vec![format!("{}་ནས་{}་བར", first(from), first(to))]
        }
        Shape::Fraction(n, d) => vec![format!("{}་ཆ་{}", plain(*d), plain(*n))],
        Shape::Telephone(digits) => vec![tibetan_digits(digits)],
    }
}

fn tibetan_digits(digits: &[u8]) -> String {
    digits.iter().map(|d| tibetan::digit(*d)).collect::<Vec<_>>().join("་")
}

fn tibetan_amount(amount: &Amount, counted: bool) -> Vec<String> {
    let digits = tibetan_digits(&amount.integer);
    let Some(n) = value(&amount.integer) else { return vec![digits] };
    if !amount.fraction.is_empty() {
        return vec![format!("{}་ཚེག་{}", tibetan::words(n), tibetan_digits(&amount.fraction))];
    }
    if is_identifier(amount) && !counted {
        return vec![digits];
    }
    let words = tibetan::words(n);
    if is_hotline(amount) && !counted {
        return vec![digits, words];
    }
    let without_and = words.replace("་དང་", "་");
    let mut out = vec![words];
    if without_and != out[0] {
        out.push(without_and);
    }
    if amount.integer.len() >= 3 && !counted {
        out.push(digits);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str, language: Language) -> Vec<String> {
        spoken(text, language).into_iter().map(|n| n.readings[0].clone()).collect()
    }

    #[test]
    fn numbers_are_said_in_the_language_of_the_words_beside_them() {
        assert_eq!(said("请拨打12345热线", Language::Bo), ["一二三四五"]);
        assert_eq!(said("ལོ་60ཡིན།", Language::Zh), ["དྲུག་ཅུ"]);
        assert_eq!(said("ཞལ་ཆད་༡༥། 养老金15年", Language::Bo), ["བཅོ་ལྔ", "十五"]);
        assert_eq!(said("30", Language::Bo), ["སུམ་ཅུ"]);
    }

    #[test]
    fn dates_money_times_and_telephones_are_said_as_such() {
        let zh = |text| said(text, Language::Zh);
        assert_eq!(zh("2023-05-01起"), ["二零二三年五月一日"]);
        assert_eq!(zh("每月¥1,200.5"), ["一千二百点五元"]);
        assert_eq!(zh("上午9:30到18:00"), ["九点三十分", "十八点"]);
        assert_eq!(zh("电话0891-6812345"), ["零八九幺六八幺二三四五"]);
        assert_eq!(zh("138 1234 5678"), ["幺三八幺二三四五六七八"]);
        assert_eq!(zh("报警110"), ["幺幺零"]);
        assert_eq!(zh("3-5个工作日"), ["三到五"]);
        assert_eq!(zh("比例是2.5%，占1/3"), ["百分之二点五", "三分之一"]);
        assert_eq!(zh("2个人2月"), ["两", "二"]);
        assert_eq!(zh("12345元"), ["一万二千三百四十五"]);
        let bo = |text| said(text, Language::Bo);
        assert_eq!(bo("2023-05-01"), ["སྤྱི་ལོ་ཉིས་སྟོང་དང་ཉི་ཤུ་རྩ་གསུམ་ལོའི་ཟླ་ལྔ་པའི་ཚེས་གཅིག"]);
        assert_eq!(bo("༢༥%"), ["བརྒྱ་ཆ་ཉི་ཤུ་རྩ་ལྔ"]);
        assert_eq!(bo("¥300"), ["སྒོར་སུམ་བརྒྱ"]);
        assert_eq!(bo("ཁ་པར་12345"), ["གཅིག་གཉིས་གསུམ་བཞི་ལྔ"]);
    }
}
