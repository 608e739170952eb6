//! Numbers in one form for search, whether written in digits or in words.

use std::borrow::Cow;
use std::cell::LazyCell;
use std::ops::Range;

use super::{chinese, digit_value, tibetan};
use crate::script::{self, Run, Script};
use crate::{chinese as hanzi, tibetan as letters};

/// A number in a text, in digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanonicalNumber {
    /// Bytes of the text.
    pub range: Range<usize>,
    /// ASCII digits without grouping, with `.` and `%` where they belong: `1200.5`, `86%`.
    pub digits: String,
    /// Whether it is written in digits or said digit by digit, as names (of telephones, documents) are.
    pub by_digit: bool,
}

/// Finds the numbers of a text, in digits of any kind or in Chinese or Tibetan words, in text order.
///
/// Recognisers write words where texts have digits, and the reverse, so that both become the same term. Chinese digits
/// that stand alone count only before a measure word or after 第: 一 in 一样 is no number.
pub fn canonical(text: &str) -> Vec<CanonicalNumber> {
    canonical_in(text, &script::runs(text))
}

/// [`canonical`] of a text whose runs are known.
pub(crate) fn canonical_in(text: &str, runs: &[Run]) -> Vec<CanonicalNumber> {
    let mut out = Vec::new();
    let mut done = 0;
    for run in runs {
        if run.range.end <= done {
            continue;
        }
        match run.script {
            Script::Digit => {
                let number = written(text, run.range.start.max(done));
                done = number.range.end;
                out.push(number);
            }
            Script::Han => {
                let start = run.range.start.max(done);
                // Numerals, measure words and word boundaries are those of simplified characters, which keep every offset.
                let simplified = hanzi::simplified(&text[start..run.range.end]);
                out.extend(chinese_words(&simplified).into_iter().map(|n| n.moved(start)));
            }
            Script::Tibetan => {
                let start = run.range.start;
                out.extend(tibetan_words(&text[run.range.clone()]).into_iter().map(|n| n.moved(start)));
            }
            _ => {}
        }
    }
    out
}

impl CanonicalNumber {
    fn moved(self, by: usize) -> Self {
        Self { range: self.range.start + by..self.range.end + by, ..self }
    }
}

/// Digits with grouping, decimal point, 万 or 亿, and percent sign.
fn written(text: &str, start: usize) -> CanonicalNumber {
    let mut digits = String::new();
    let mut end = start;
    let mut point = false;
    for (at, c) in text[start..].char_indices() {
        let followed = |n: usize| {
            text[start + at + c.len_utf8()..].chars().take_while(|c| digit_value(*c).is_some()).count() >= n
        };
        match (digit_value(c), c) {
            (Some(digit), _) => digits.push(char::from(b'0' + digit)),
            (None, ',' | '，') if !point && followed(3) => continue,
            (None, '.' | '．') if !point && followed(1) => {
                point = true;
                digits.push('.');
            }
            (None, '%' | '％') => {
                digits.push('%');
                end = start + at + c.len_utf8();
                break;
            }
            (None, '万' | '萬') => {
                digits = shifted(&digits, 4);
                end = start + at + c.len_utf8();
                break;
            }
            (None, '亿' | '億') => {
                digits = shifted(&digits, 8);
                end = start + at + c.len_utf8();
                break;
            }
            _ => break,
        }
        end = start + at + c.len_utf8();
    }
    // 05 in a date is the 五 of its words; longer numbers with a leading zero are names.
    if let [b'0', last @ b'0'..=b'9'] = digits.as_bytes() {
        digits = char::from(*last).to_string();
    }
    CanonicalNumber { range: start..end, digits, by_digit: true }
}

/// A decimal number times ten to the power of `places`: 3.5 and 4 give 35000.
fn shifted(digits: &str, places: usize) -> String {
    let (integer, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let moved: String = fraction.chars().chain(std::iter::repeat('0')).take(places).collect();
    let rest = fraction.get(places..).unwrap_or_default();
    let integer = format!("{integer}{moved}");
    if rest.is_empty() { integer } else { format!("{integer}.{rest}") }
}

/// Words made of numeral characters, or of one and a measure word, that mean something else.
const NO_NUMBERS: [&str; 8] = ["万一", "千万", "一一", "百万", "十分", "一点", "一度", "一面"];
const PERCENT: &str = "百分之";
const MEASURES: &str =
    "个個元圆块塊岁歲年月日天次人名条件张份米斤度只头亩家户项种页分角毛周号號点點倍期级位辆台套间层栋笔吨口";
const LONG_MEASURES: [&str; 7] = ["小时", "公里", "公斤", "公顷", "平方", "个月", "分钟"];
/// After a number of more than one character: "some three thousand".
const ABOUT: [char; 3] = ['多', '余', '来'];
/// 俩 and 仨 are numbers with their measure word in them.
const WITH_MEASURE: [&str; 2] = ["俩", "仨"];

fn chinese_words(han: &str) -> Vec<CanonicalNumber> {
    // Cut when the first numeral asks for it: most texts have none.
    let words = LazyCell::new(|| hanzi::cut(han));
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(start) = han[at..].find(chinese::is_numeral).map(|i| at + i) {
        let percent = han[start..].starts_with(PERCENT);
        let from = if percent { start + PERCENT.len() } else { start };
        let end = from + numeral_length(&han[from..]);
        at = end.max(start + '一'.len_utf8());
        if from == end || !(percent || is_number(han, &words, start..end)) {
            continue;
        }
        let numeral = &han[from..end];
        let (integer, fraction) = numeral.split_once('点').unwrap_or((numeral, ""));
        let Some(n) = chinese::parse(integer) else { continue };
        let spelled = if fraction.is_empty() { chinese::digit_string(integer) } else { None };
        let by_digit = spelled.is_some();
        let mut digits = spelled.unwrap_or_else(|| n.to_string());
        if !fraction.is_empty() {
            digits.push('.');
            digits.extend(fraction.chars().filter_map(chinese::numeral_digit).map(|d| char::from(b'0' + d)));
            // 三点五万
            digits = match fraction.chars().next_back() {
                Some('万' | '萬') => shifted(&digits, 4),
                Some('亿' | '億') => shifted(&digits, 8),
                _ => digits,
            };
        }
        if percent {
            digits.push('%');
        }
        out.push(CanonicalNumber { range: start..end, digits, by_digit });
    }
    out
}

/// Whether a numeral is a number where it stands: it fills whole words but for 第 before and a measure word after it, and
/// a single character needs one of them.
fn is_number(han: &str, words: &[Range<usize>], numeral: Range<usize>) -> bool {
    // Words follow each other without gaps.
    let covering = |at: usize| words.get(words.partition_point(|w| w.end <= at));
    let (Some(first), Some(last)) = (covering(numeral.start), covering(numeral.end - 1)) else {
        return false;
    };
    let (lead, tail) = (&han[first.start..numeral.start], &han[numeral.end..last.end]);
    let rest = &han[numeral.end..];
    let long = LONG_MEASURES.iter().any(|m| rest.starts_with(m));
    let single = han[numeral.clone()].chars().count() == 1;
    let about = !single && rest.starts_with(ABOUT);
    let measure = long || about || rest.chars().next().is_some_and(|c| MEASURES.contains(c));
    if WITH_MEASURE.contains(&&han[numeral.clone()]) {
        return &han[first.start..last.end] != "伎俩";
    }
    let ordinal = han[..numeral.start].ends_with('第');
    (lead.is_empty() || lead == "第")
        && tail.chars().count() <= 1 + usize::from(long || about)
        && (tail.is_empty() || measure || (ordinal && lead == "第"))
        && !NO_NUMBERS.contains(&&han[first.start..last.end])
        && (!single || ordinal || measure)
}

/// Bytes of the numeral at the beginning: numeral characters, with 点, further digits, and 万 or 亿.
fn numeral_length(han: &str) -> usize {
    let integer = han.find(|c| !chinese::is_numeral(c)).unwrap_or(han.len());
    let Some(fraction) = han[integer..].strip_prefix('点') else { return integer };
    let digits = fraction.find(|c| chinese::numeral_digit(c).is_none()).unwrap_or(fraction.len());
    // 三点五分 is a time of day.
    if integer == 0 || digits == 0 || fraction[digits..].starts_with(['分', '十']) {
        return integer;
    }
    let large = fraction[digits..].chars().next().filter(|c| matches!(c, '万' | '萬' | '亿' | '億'));
    integer + '点'.len_utf8() + digits + large.map_or(0, char::len_utf8)
}

/// From so many single digits in a row on they are one number, said digit by digit.
const FEWEST_SPELLED_DIGITS: usize = 3;

fn tibetan_words(text: &str) -> Vec<CanonicalNumber> {
    let syllables = letters::syllables(text);
    let bare: Vec<Cow<'_, str>> = syllables.iter().map(|s| letters::stripped(&s.text)).collect();
    let bare: Vec<&str> = bare.iter().map(AsRef::as_ref).collect();
    let range = |from: usize, to: usize| syllables[from].range.start..syllables[to - 1].range.end;
    let mut out = Vec::new();
    let mut at = 0;
    while at < bare.len() {
        if !tibetan::may_begin(bare[at]) {
            at += 1;
            continue;
        }
        let (digits, end) = spelled_digits(&bare, at);
        if digits.len() >= FEWEST_SPELLED_DIGITS {
            out.push(CanonicalNumber { range: range(at, end), digits, by_digit: true });
            at = end;
            continue;
        }
        let percent = bare[at..].starts_with(&["བརྒྱ", "ཆ"]);
        let from = if percent { at + 2 } else { at };
        match tibetan::parse(&bare[from..]) {
            Some((n, length)) if length > 0 => {
                let digits = format!("{n}{}", if percent { "%" } else { "" });
                out.push(CanonicalNumber { range: range(at, from + length), digits, by_digit: false });
                at = from + length;
            }
            _ => at += 1,
        }
    }
    out
}

/// The single digits that follow each other from `at` on, and where they end.
fn spelled_digits(bare: &[&str], mut at: usize) -> (String, usize) {
    let mut digits = String::new();
    while let Some((n @ 0..=9, length)) = bare.get(at..).and_then(tibetan::parse)
        && length > 0
    {
        digits.push_str(&n.to_string());
        at += length;
    }
    (digits, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> Vec<String> {
        canonical(text).into_iter().map(|n| n.digits).collect()
    }

    #[test]
    fn words_and_digits_become_the_same_term() {
        for (words, written) in [
            ("三百元", "300元"),
            ("满六十岁", "满60岁"),
            ("百分之八十六", "86%"),
            ("五万块", "5万块"),
            ("两千零二十三年", "2023年"),
            ("拨打一二三四五", "拨打１２３４５"),
            ("三点五倍", "3.5倍"),
            ("ལོ་དྲུག་ཅུ", "ལོ་༦༠"),
            ("བརྒྱ་ཆ་བརྒྱད་ཅུ", "80%"),
            ("སྒོར་ཉིས་སྟོང་དང་ལྔ་བརྒྱ", "སྒོར་2500"),
            ("一共一百五", "一共150"),
            ("一个月", "1个月"),
            ("三千五百萬元", "3500萬元"),
            ("倆人", "2人"),
            ("十分钟", "10分钟"),
            ("三千多元", "3000多元"),
            ("第二代身份证", "第2代身份证"),
            ("三点五万元", "3.5万元"),
            ("壹仟贰佰元整", "1200元整"),
            ("电话零八九一六八一二三四五", "电话08916812345"),
            ("二〇二六年五月", "2026年05月"),
            ("ཁ་པར་གཅིག་གཉིས་གསུམ་བཞི་ལྔ", "ཁ་པར་12345"),
            ("养老金是三千元ཡིན་ན་གཉིས", "养老金是3,000元ཡིན་ན་2"),
        ] {
            assert_eq!(digits(words), digits(written), "{words}");
            assert!(!digits(words).is_empty(), "{words}");
        }
    }

    #[test]
    fn words_that_only_look_like_numbers_are_left_alone() {
        for text in [
            "一样",
            "统一办理",
            "万一丢了",
            "十分重要",
            "百姓",
            "མི་ཚེ",
            "大陆",
            "队伍",
            "陆地",
            "收拾",
            "伎俩",
        ] {
            assert_eq!(digits(text), [] as [&str; 0], "{text}");
        }
    }
}
