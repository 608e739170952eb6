//! Figures as Chinese words for the voice.

use super::figures::{self, Amount, Figure, Time};
use crate::numbers::chinese;

/// What stands beside a figure.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Beside<'a> {
    /// The text before it, to the beginning.
    pub before: &'a str,
    /// The text after it, and after its sign.
    pub after: &'a str,
    /// Said before the number for a sign at it: 百分之.
    pub prefix: &'a str,
    /// Said after it: 摄氏度, 元.
    pub unit: &'a str,
}

/// Words, whether they are said digit by digit, and whether no rule decided how.
pub(super) struct Words {
    pub said: String,
    pub by_digit: bool,
    pub by_default: bool,
}

impl Words {
    fn counted(said: String) -> Self {
        Self { said, by_digit: false, by_default: false }
    }

    fn digits(said: String) -> Self {
        Self { said, by_digit: true, by_default: false }
    }
}

/// Says a figure.
pub(super) fn say(figure: &Figure, beside: Beside<'_>) -> Words {
    match figure {
        Figure::Date { year, month, day } => Words::counted(format!(
            "{}年{}月{}日",
            digits(year, false),
            chinese::words(*month),
            chinese::words(*day)
        )),
        Figure::Time(at) => Words::counted(time(*at)),
        Figure::Hours(from, to) => Words::counted(format!("{}到{}", time(*from), time(*to))),
        Figure::Telephone(groups, extension) => {
            let mut said: Vec<String> = groups.iter().map(|g| digits(g, true)).collect();
            said.extend(extension.iter().map(|e| format!("转{}", digits(e, true))));
            Words::digits(said.join("，"))
        }
        Figure::Code(groups) => {
            Words::digits(groups.iter().map(|g| digits(g, true)).collect::<Vec<_>>().join("，"))
        }
        Figure::Amount(a) => amount(a, beside),
        Figure::Range(from, to) => range(from, to, beside),
        Figure::Ratio(parts) => {
            Words::counted(parts.iter().map(|n| chinese::words(*n)).collect::<Vec<_>>().join("比"))
        }
        Figure::Fraction(n, d) => Words::counted(format!("{}分之{}", chinese::words(*d), chinese::words(*n))),
        Figure::Dotted(parts) => Words::digits(parts.iter().map(|p| short(p)).collect::<Vec<_>>().join("点")),
        Figure::Dashed(parts) => Words::digits(parts.iter().map(|p| short(p)).collect::<Vec<_>>().join("杠")),
    }
}

/// Digit by digit; 1 is *yāo* where the digits are a name (`yao`).
pub(super) fn digits(text: &str, yao: bool) -> String {
    text.chars()
        .map(|c| match c.to_digit(10) {
            Some(1) if yao => '幺',
            Some(d) => chinese::digit(d as u8),
            None => c.to_ascii_uppercase(),
        })
        .collect()
}

/// A part of a version or of a door's number: one or two digits as a number, more of them one by one.
fn short(text: &str) -> String {
    match text.parse() {
        Ok(n) if text.len() <= 2 && !(text.len() > 1 && text.starts_with('0')) => chinese::words(n),
        _ => digits(text, true),
    }
}

fn time(t: Time) -> String {
    let hour = if t.hour == 2 { "两".to_owned() } else { chinese::words(t.hour) };
    let two = |n: u64| format!("{}{}", if n < 10 { "零" } else { "" }, chinese::words(n));
    match (t.minute, t.second) {
        (0, None | Some(0)) => format!("{hour}点"),
        (minute, None | Some(0)) => format!("{hour}点{}分", two(minute)),
        (minute, Some(second)) => format!("{hour}点{}分{}秒", two(minute), two(second)),
    }
}

/// Before what 2 is 两. Units of rank and of the calendar (月 日 号 楼 层 级 班 期 路 分 角) are left out: 二.
///
/// Source: 吕叔湘《现代汉语八百词》, 二 and 两.
const TWO_OF: &str = "个人名位条件次天年岁种周户家只头亩元块万千亿百倍份张本台套项公里米斤吨点秒面边处段双口所座辆门节场把批队成国地方师厘平立千升毫度页步组代支封笔道则匹匙粒片颗句顿遍趟端侧省县市镇乡村校院者样摄";
/// What begins with one of [`TWO_OF`] and is nevertheless of rank: 二年级, 二等.
const RANKS: [&str; 5] = ["年级", "年度", "级", "等", "号"];
/// What makes the number before it a quantity, besides [`TWO_OF`].
const QUANTITIES: &str = "月日号楼层级班期路分角线环档类版款届等栋单栏股时小星多余来几余毛厘瓦伏安兆字词首篇部集卷册枚架艘株棵根栋盏杯瓶袋包盒箱桶车趟圈排列行阶岁起例宗桩票股幅堂";

fn amount(a: &Amount, beside: Beside<'_>) -> Words {
    let after = if beside.unit.is_empty() { beside.after.trim_start() } else { beside.unit };
    let counted = !beside.prefix.is_empty() || !beside.unit.is_empty();
    if let Some(name) = as_name(a, beside.before, after, counted) {
        return Words::digits(name);
    }
    let words = quantity(a, beside.before, after);
    // 百分之百, not 百分之一百.
    let words = if beside.prefix == "百分之" && words == "一百" { "百".to_owned() } else { words };
    let minus = match (a.negative, beside.unit) {
        (true, "摄氏度" | "华氏度" | "度") => "零下",
        (true, _) => "负",
        (false, _) => "",
    };
    let until = after.starts_with(['至', '到']) || beside.before.trim_end().ends_with(['至', '到']);
    let quantity = counted || a.grouped || !a.fraction.is_empty() || is_counted(after) || until;
    Words {
        said: format!("{minus}{}{words}{}", beside.prefix, beside.unit),
        by_digit: false,
        by_default: !quantity && a.integer.len() >= 3 && !beside.before.ends_with('第'),
    }
}

fn is_counted(after: &str) -> bool {
    after.starts_with(|c| TWO_OF.contains(c) || QUANTITIES.contains(c))
}

/// The value in words with 两 for 2 where it counts things.
fn quantity(a: &Amount, before: &str, after: &str) -> String {
    let Ok(n) = a.integer.parse::<u64>() else { return digits(&a.integer, false) };
    if !a.fraction.is_empty() {
        let money = after.starts_with(['元', '块', '万', '亿']);
        // 12.50 元 is said as 12.5.
        let fraction = if money { a.fraction.trim_end_matches('0') } else { &a.fraction };
        let point =
            if fraction.is_empty() { String::new() } else { format!("点{}", digits(fraction, false)) };
        return format!("{}{point}", chinese::words(n));
    }
    let ranked = RANKS.iter().any(|r| after.starts_with(r)) || before.ends_with('第');
    // 2至3个: the unit comes after the second number.
    let of = match after.strip_prefix(['至', '到']) {
        Some(rest) => rest.trim_start().trim_start_matches(|c: char| c.is_ascii_digit()).trim_start(),
        None => after,
    };
    if n == 2 && !ranked && of.starts_with(|c| TWO_OF.contains(c)) && !before.ends_with(['十', '百']) {
        return "两".to_owned();
    }
    with_liang(&chinese::words(n), ranked)
}

/// 两千, 两万, 两亿 at the head of a quantity.
fn with_liang(words: &str, ranked: bool) -> String {
    match words.strip_prefix('二') {
        Some(rest) if !ranked && rest.starts_with(['千', '万', '亿']) => format!("两{rest}"),
        _ => words.to_owned(),
    }
}

/// A number that is a name and said digit by digit: years, rooms, roads, hotlines, account numbers.
fn as_name(a: &Amount, before: &str, after: &str, counted: bool) -> Option<String> {
    if a.negative || a.grouped || !a.fraction.is_empty() || counted {
        return None;
    }
    let text = a.integer.as_str();
    let is = |ends: &[&str]| ends.iter().any(|e| after.starts_with(e));
    let ordinal = before.ends_with('第');
    let year = text.len() == 4 && matches!(&text[..2], "18" | "19" | "20" | "21");
    let dated = is(&["年", "版", "届", "级", "款", "财年", "学年"]) && !ordinal;
    let first_digit_of_month =
        after.strip_prefix('年').is_some_and(|r| r.starts_with(|c: char| c.is_ascii_digit()));
    if (year && (dated || !is_counted(after) && !ordinal)) || (text.len() == 2 && first_digit_of_month) {
        return Some(digits(text, false));
    }
    let placed = is(&["室", "房", "号房", "教室", "病房", "国道", "省道", "县道", "次列车", "次航班"]);
    let road = is(&["路"]) && text.len() == 3;
    let coded = before.ends_with(|c: char| c.is_ascii_alphabetic());
    let highway = ["国道", "省道", "县道"].iter().any(|road| before.ends_with(road));
    if (3..=5).contains(&text.len()) && (placed || road || coded || highway) {
        return Some(digits(text, true));
    }
    // 4050人员: women from 40 and men from 50 on, as the employment offices call them.
    if text == "4050" && after.starts_with("人员") {
        return Some(digits(text, false));
    }
    if ordinal {
        return None;
    }
    if text.len() > 1 && text.starts_with('0') {
        return Some(digits(text, false));
    }
    if figures::is_hotline(text) && !is_counted(after) {
        return Some(hotline(text));
    }
    let numbered = text.len() >= 5 && is(&["号"]);
    let long = text.len() >= 7 && !is_counted(after);
    let endless = text.len() > 16;
    (numbered || long || endless).then(|| in_groups(text))
}

/// 12345 is said yī èr sān sì wǔ; every other hotline with 幺.
fn hotline(text: &str) -> String {
    digits(text, text != "12345")
}

/// Digit by digit with a pause after every three or four.
fn in_groups(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let size = if characters.len() == 7 || characters.len() == 9 || characters.len() == 10 { 3 } else { 4 };
    let (head, tail) = match characters.len() {
        // 681 2345; 138 1234 5678 is a telephone number already.
        7 | 10 => characters.split_at(characters.len() - 4),
        _ => characters.split_at(characters.len()),
    };
    let say = |group: &[char]| digits(&group.iter().collect::<String>(), true);
    let mut groups: Vec<String> = head.chunks(size).map(say).collect();
    if !tail.is_empty() {
        groups.push(say(tail));
    }
    groups.join("，")
}

fn range(from: &Amount, to: &Amount, beside: Beside<'_>) -> Words {
    let after = if beside.unit.is_empty() { beside.after.trim_start() } else { beside.unit };
    let year = |a: &Amount| a.integer.len() == 4 && a.fraction.is_empty() && !a.grouped;
    if year(from) && after.starts_with('年') && (year(to) || to.integer.len() == 2) {
        return Words::digits(format!("{}到{}", digits(&from.integer, false), digits(&to.integer, false)));
    }
    let minus = |a: &Amount| match (a.negative, beside.unit) {
        (true, "摄氏度" | "华氏度" | "度") => "零下",
        (true, _) => "负",
        (false, _) => "",
    };
    let side = |a: &Amount| format!("{}{}{}", minus(a), beside.prefix, quantity(a, beside.before, after));
    // 零下五到零上十度, so that nobody hears ten below zero.
    let above = if from.negative && !to.negative && minus(from) == "零下" { "零上" } else { "" };
    Words::counted(format!("{}到{above}{}{}", side(from), side(to), beside.unit))
}
