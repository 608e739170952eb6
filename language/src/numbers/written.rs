//! Inverse text normalisation: what a recogniser wrote as it was said, with its numbers in digits.

use std::ops::Range;

use super::{CanonicalNumber, Found, Kind, canonical, chinese, digit_value, find};
use crate::{script::Script, tibetan};

/// Ordinals that are parts of fixed words, as they stand before or around a number.
const NO_ORDINALS: [&str; 6] = ["第三方", "第三者", "第一手", "第三产业", "第一时间", "第三世界"];

/// Numerals that are words: said of days, feasts and manners, not counted.
const WORDS: [&str; 6] = ["三三两两", "七七八八", "双十一", "十一放假", "十一假期", "十一长假"];

/// After a converted number this often another one may have become readable; each pass leaves fewer words.
const MOST_PASSES: usize = 4;

/// Writes the numbers of a transcript in digits, where people would: dates (2025年3月8号), times (2点半), sums (120块), telephone and
/// document numbers, percentages (3%), fractions (1/3), ordinals (第2), ranges (3到5个) and every count of more than one numeral
/// (15天, 3000多元). Everything else stays as it is, above all words that hold a numeral but no number (一下, 万一, 三心二意,
/// 星期一) and a single numeral before a measure word (一个, 两次), which Chinese spelling rules leave in words as well.
///
/// Chinese numbers become ASCII digits; whole multiples of 万 and 亿 keep that word (50万). 半 and 一刻 stay, since digits (2:30)
/// would have to guess at morning or afternoon. Tibetan numbers become Tibetan digits (ལོ་༦༠), telephone and document numbers
/// ASCII ones, as in the knowledge base; a case ending stays with its number. Which word is a number is decided by [`find`] and
/// [`canonical`], not anew.
///
/// Idempotent. Texts without numbers come back as they are.
///
/// Source: GB/T 15835-2011 (use of numerals in publications), sections 4 and 5. The Tibetan usage awaits a native reviewer.
pub fn written(text: &str) -> String {
    let mut text = text.to_owned();
    for _ in 0..MOST_PASSES {
        let edits = edits(&text);
        if edits.is_empty() {
            break;
        }
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for (range, digits) in edits {
            out.push_str(&text[at..range.start]);
            out.push_str(&digits);
            at = range.end;
        }
        out.push_str(&text[at..]);
        text = out;
    }
    text
}

/// A part of a text and what is to stand there.
type Edit = (Range<usize>, String);

/// What is to be changed, in order and without overlaps.
fn edits(text: &str) -> Vec<Edit> {
    let numbers = canonical(text);
    let mut out = Vec::new();
    for found in find(text) {
        let within = numbers.iter().filter(|number| overlap(&number.range, &found.range));
        out.extend(edits_of(text, &found, &within.collect::<Vec<_>>()));
    }
    out.retain(|(range, digits)| text[range.clone()] != *digits);
    out
}

const fn overlap(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}

fn edits_of(text: &str, found: &Found, numbers: &[&CanonicalNumber]) -> Vec<Edit> {
    let said = &text[found.range.clone()];
    if said.starts_with(|c| digit_value(c).is_some()) && !has_numeral(said) {
        return Vec::new();
    }
    if is_fixed_word(text, &found.range) {
        return Vec::new();
    }
    let tibetan = said.chars().any(|c| Script::of(c) == Script::Tibetan);
    let fraction = found.kind == Kind::Number && found.canonical.contains('/');
    if fraction {
        let digits = if tibetan { in_tibetan_digits(&found.canonical) } else { found.canonical.clone() };
        return vec![with_ending(text, found.range.clone(), digits, tibetan)];
    }
    // What the words around it make a number, however short it is.
    let certain = found.kind != Kind::Number
        || found.canonical.contains('-')
        || text[..found.range.start].ends_with('第');
    let mut edits: Vec<Edit> = Vec::new();
    for number in numbers {
        let words = &text[number.range.clone()];
        // Digits stay as they are, 5万 included.
        if words.starts_with(|c| digit_value(c).is_some()) {
            continue;
        }
        let single = if tibetan { !words.contains('་') } else { words.chars().count() == 1 };
        if single && !certain {
            continue;
        }
        let mut digits =
            if tibetan { number.digits.clone() } else { in_chinese_use(words, &number.digits, found.kind) };
        if tibetan && !matches!(found.kind, Kind::Phone | Kind::Document) {
            digits = in_tibetan_digits(&digits);
        }
        edits.push(with_ending(text, number.range.clone(), digits, tibetan));
    }
    if certain && !tibetan {
        edits.extend(lone_numerals(text, found, numbers));
        edits.sort_by_key(|(range, _)| range.start);
    }
    edits
}

/// Whether a numeral stands in a word whose meaning it does not count for.
fn is_fixed_word(text: &str, number: &Range<usize>) -> bool {
    let covers = |word: &&str| {
        // The word may begin up to its own length before the number.
        (0..word.len()).any(|before| {
            let Some(start) = number.start.checked_sub(before) else { return false };
            text.get(start..).is_some_and(|rest| rest.starts_with(*word)) && start + word.len() >= number.end
        })
    };
    WORDS.iter().chain(&NO_ORDINALS).any(covers)
}

fn has_numeral(said: &str) -> bool {
    said.chars().any(|c| chinese::is_numeral(c) || Script::of(c) == Script::Tibetan)
}

/// Single numerals that are numbers only because of what they stand in: 三 in 三到五个, 一 in 下午一点.
fn lone_numerals(text: &str, found: &Found, numbers: &[&CanonicalNumber]) -> Vec<Edit> {
    let base = found.range.start;
    let said = &text[found.range.clone()];
    let mut out = Vec::new();
    for (at, c) in said.char_indices() {
        let range = base + at..base + at + c.len_utf8();
        let value = match c {
            '十' => Some(10),
            // A zero alone is said, not counted: 十块零五毛.
            _ => chinese::numeral_digit(c).filter(|value| *value > 0),
        };
        let Some(value) = value.filter(|_| !numbers.iter().any(|n| overlap(&n.range, &range))) else {
            continue;
        };
        // A quarter of an hour stays a word.
        if text[range.end..].starts_with('刻') {
            continue;
        }
        out.push((range, value.to_string()));
    }
    out
}

/// Digits as Chinese texts have them: two for 零五 (in a sum 零5: 10块零5毛), and 万 or 亿 behind whole multiples of it.
fn in_chinese_use(words: &str, digits: &str, kind: Kind) -> String {
    let mut numerals = words.chars();
    if let (Some('零' | '〇'), Some(last), None) = (numerals.next(), numerals.next(), numerals.next())
        && let Some(value) = chinese::numeral_digit(last)
    {
        return format!("{}{value}", if kind == Kind::Money { '零' } else { '0' });
    }
    let by_digit = words.chars().all(|c| chinese::numeral_digit(c).is_some());
    if !by_digit && digits.len() <= 16 && digits.bytes().all(|b| b.is_ascii_digit()) {
        for (zeros, unit) in [("00000000", '亿'), ("0000", '万')] {
            if let Some(count) = digits.strip_suffix(zeros).filter(|count| !count.is_empty()) {
                return format!("{count}{unit}");
            }
        }
    }
    digits.to_owned()
}

fn in_tibetan_digits(digits: &str) -> String {
    let digit = |c: char| match c.to_digit(10) {
        Some(value) => char::from_u32(0x0f20 + value).unwrap_or(c),
        None => c,
    };
    digits.chars().map(digit).collect()
}

/// The edit of a Tibetan number leaves the case ending of its last syllable (ལྔའི is ༥འི).
fn with_ending(text: &str, range: Range<usize>, digits: String, tibetan_words: bool) -> Edit {
    if !tibetan_words {
        return (range, digits);
    }
    let last = text[range.clone()].rsplit('་').next().unwrap_or_default();
    let bare = tibetan::strip_affixes(last);
    let ending = last.strip_prefix(bare.as_str()).unwrap_or_default();
    (range.start..range.end - ending.len(), digits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn chinese_numbers_become_digits() {
        for (said, expected) in [
            ("二零二五年三月八号", "2025年3月8号"),
            ("二〇二六年十二月三十一日之前", "2026年12月31日之前"),
            ("一百二十块", "120块"),
            ("一共一百二十块钱", "一共120块钱"),
            ("每月三百元", "每月300元"),
            ("五块", "5块"),
            ("两块五一斤", "2块5一斤"),
            ("两块三毛五分", "2块3毛5分"),
            ("十块零五毛", "10块零5毛"),
            ("一千二百元五角", "1200元5角"),
            ("三点五万元", "35000元"),
            ("五十万元", "50万元"),
            ("一亿三千万", "13000万"),
            ("两亿", "2亿"),
            ("我的手机是幺三八一二三四五六七八", "我的手机是13812345678"),
            ("电话零八九一六八一二三四五", "电话08916812345"),
            ("一三八 一二三四 五六七八", "138 1234 5678"),
            ("拨打一二三四五", "拨打12345"),
            ("打幺二零", "打120"),
            ("身份证号五四零一零二一九九零零一零一一二三四", "身份证号540102199001011234"),
            ("百分之三", "3%"),
            ("百分之二点五", "2.5%"),
            ("百分之八十六的人", "86%的人"),
            ("三分之一", "1/3"),
            ("四分之三以上", "3/4以上"),
            ("两点半", "2点半"),
            ("下午三点半到", "下午3点半到"),
            ("下午一点", "下午1点"),
            ("上午九点三十分", "上午9点30分"),
            ("九点零五分", "9点05分"),
            ("晚上八点一刻", "晚上8点一刻"),
            ("第二", "第2"),
            ("第二代身份证", "第2代身份证"),
            ("第十五条", "第15条"),
            ("三到五个工作日", "3到5个工作日"),
            ("满六十岁", "满60岁"),
            ("十五个工作日", "15个工作日"),
            ("三千多元", "3000多元"),
            ("叁佰元整", "300元整"),
            ("两千零二十三", "2023"),
            ("三点五倍", "3.5倍"),
        ] {
            assert_eq!(written(said), expected, "{said}");
        }
    }

    #[test]
    fn words_that_hold_numerals_but_no_number_stay() {
        for text in [
            "我想问一下",
            "一样的",
            "万一丢了",
            "三心二意",
            "有一些问题",
            "星期一上班",
            "礼拜三",
            "周五下午",
            "我有一个问题",
            "去了两次",
            "三个人",
            "十分重要",
            "一点儿",
            "千万别忘了",
            "统一办理",
            "第三方机构",
            "第一时间",
            "三三两两",
            "双十一",
            "十一放假",
            "一边走一边说",
            "七八个",
            "十几个",
            "几百块",
            "一块去",
            "不管三七二十一",
            "百姓",
            "陆地",
            "一心一意",
            "四面八方",
            "五颜六色",
            "一起去",
            "唯一",
            "二维码",
            "一卡通",
            "一带一路",
            "三方协议",
            "一下子",
            "一般来说",
            "第一手资料",
            "一直",
        ] {
            assert_eq!(written(text), text);
        }
    }

    #[test]
    fn tibetan_numbers_become_digits() {
        for (said, expected) in [
            ("ལོ་དྲུག་ཅུ", "ལོ་༦༠"),
            ("སྒོར་སུམ་བརྒྱ", "སྒོར་༣༠༠"),
            ("སྒོར་ལྔ", "སྒོར་༥"),
            ("སྒོར་ཉིས་སྟོང་དང་ལྔ་བརྒྱ་དགོས་རེད།", "སྒོར་༢༥༠༠་དགོས་རེད།"),
            ("སྤྱི་ལོ་ཉིས་སྟོང་དང་ཉི་ཤུ་རྩ་དྲུག་ལོའི་ཟླ་གསུམ་པའི་ཚེས་བརྒྱད་ཉིན", "སྤྱི་ལོ་༢༠༢༦་ལོའི་ཟླ་༣་པའི་ཚེས་༨་ཉིན"),
            ("བརྒྱ་ཆ་བརྒྱད་ཅུ་གྱ་དྲུག", "༨༦%"),
            ("སུམ་ཆ་གཅིག", "༡/༣"),
            ("ཆུ་ཚོད་དགུ་དང་སྐར་མ་སུམ་ཅུ", "ཆུ་ཚོད་༩་དང་སྐར་མ་༣༠"),
            ("ཁ་པར་གཅིག་གཉིས་གསུམ་བཞི་ལྔ་ལ་གཏོང", "ཁ་པར་12345་ལ་གཏོང"),
            ("མི་ཉི་ཤུ་རྩ་གཅིག", "མི་༢༡"),
            ("ཉིན་བཅོ་ལྔའི་ནང་", "ཉིན་༡༥འི་ནང་"),
            ("ལོ་བཅོ་བརྒྱད་ལོན་ན", "ལོ་༡༨་ལོན་ན"),
        ] {
            assert_eq!(written(said), expected, "{said}");
        }
    }

    #[test]
    fn tibetan_words_that_are_no_counted_numbers_stay() {
        for text in ["མི་གཅིག་", "གཅིག་བྱས་ན", "གཉིས་ཀ་", "དང་པོ", "བོད་ཡིག", "མི་ཚེ", "ཐུགས་རྗེ་ཆེ", "ས་ཡ"]
        {
            assert_eq!(written(text), text);
        }
    }

    #[test]
    fn digits_of_every_kind_stay_as_they_were_written() {
        for text in
            ["2025年3月8号", "５万块", "༣༠ལོན", "138-1234-5678", "¥1,200.50", "3%", "1/3", "9:30", "5万"]
        {
            assert_eq!(written(text), text);
        }
    }

    #[test]
    fn numbers_of_both_languages_in_one_text_have_their_own_digits() {
        assert_eq!(written("ལོ་དྲུག་ཅུ་ལོན་ན养老金每月三百元"), "ལོ་༦༠་ལོན་ན养老金每月300元");
    }

    /// Phrases as they are said, with a number in each.
    fn phrase() -> impl Strategy<Value = String> {
        let zh = |n: u64| chinese::words(n);
        let bo = |n: u64| super::super::tibetan::words(n);
        prop_oneof![
            (11..9_999_999_u64).prop_map(move |n| format!("一共{}元", zh(n))),
            (11..99_999_u64).prop_map(move |n| format!("需要{}天", zh(n))),
            (1..=100_u64).prop_map(move |n| format!("大约百分之{}", zh(n))),
            (2020..2035_u64, 1..=12_u64, 1..=28_u64).prop_map(move |(y, m, d)| {
                let year: String = y.to_string().bytes().map(|b| chinese::digit(b - b'0')).collect();
                format!("{year}年{}月{}号", zh(m), zh(d))
            }),
            (1..=12_u64).prop_map(move |h| format!("下午{}点半", zh(h))),
            (13_000_000_000..19_999_999_999_u64).prop_map(|n| {
                let digits: String = n.to_string().bytes().map(|b| chinese::digit(b - b'0')).collect();
                format!("电话{digits}")
            }),
            (11..9_999_999_u64).prop_map(move |n| format!("སྒོར་{}་དགོས", bo(n))),
            // A hundred is one syllable, which counts nothing surely enough.
            (101..9_999_u64).prop_map(move |n| format!("མི་{}་ཡོད", bo(n))),
            (1..=12_u64, 1..=28_u64).prop_map(move |(m, d)| format!("ཟླ་{}་པའི་ཚེས་{}་ཉིན", bo(m), bo(d))),
        ]
    }

    /// Without the kind: 114 in digits is taken for the hotline, in words for a count.
    fn meaning(text: &str) -> Vec<String> {
        find(text).into_iter().map(|found| found.canonical).collect()
    }

    proptest! {
        #[test]
        fn the_numbers_mean_the_same_and_their_words_are_gone(phrase in phrase()) {
            let text = written(&phrase);
            prop_assert_eq!(meaning(&text), meaning(&phrase), "{} {}", phrase, text);
            prop_assert!(text.chars().any(|c| digit_value(c).is_some()), "{} {}", phrase, text);
            prop_assert_eq!(written(&text), text);
        }

        #[test]
        fn writing_again_changes_nothing(text in "([一二三四五六七八九十百千万零两点半年月日号元块个第分之到]|[0-9༠-༩]|གཉིས་|བཅུ་|ཟླ་|ཚེས་|སྒོར་|ཆ་|བརྒྱ་|我|，){0,14}") {
            let once = written(&text);
            prop_assert_eq!(written(&once), once, "{}", text);
        }

        #[test]
        fn texts_without_numbers_never_change(text in "([我想问下样些办身份证在哪里。，？]|[a-z ]|བོད་|ཡིག་|དང་|གི་|།){0,30}") {
            prop_assert_eq!(written(&text), text);
        }

        #[test]
        fn nothing_panics(text in "\\PC{0,20}|[一二三百\u{0f40}-\u{0fbc}་0-9]{0,20}") {
            written(&text);
        }
    }
}
