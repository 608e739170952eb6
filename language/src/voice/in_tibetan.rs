//! Figures as Tibetan words for the voice. Awaits a native reviewer.

use std::fmt::Write as _;

use super::figures::{self, Amount, Figure, Time};
use crate::numbers::tibetan;

/// Said before a number for a sign at it, and after it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Beside<'a> {
    /// Before it: བརྒྱ་ཆ་, སྒོར་.
    pub prefix: &'a str,
    /// After it.
    pub unit: &'a str,
    /// Whether a unit, which comes first in Tibetan, stands right before it: སྒོར་120 is an amount and no hotline.
    pub counted: bool,
    /// Whether Tibetan of degrees stands before it, so that a minus is "below zero".
    pub degrees: bool,
}

/// Words, and whether they are said digit by digit.
pub(super) fn say(figure: &Figure, beside: Beside<'_>) -> (String, bool) {
    match figure {
        Figure::Date { year, month, day } => {
            let year = year.parse().map_or_else(|_| digits(year), tibetan::words);
            let month = if *month == 1 {
                "དང་པོའི".to_owned()
            } else {
                format!("{}་པའི", tibetan::words(*month))
            };
            (format!("སྤྱི་ལོ་{year}་ལོའི་ཟླ་{month}་ཚེས་{}", tibetan::words(*day)), false)
        }
        Figure::Time(at) => (time(*at), false),
        Figure::Hours(from, to) => (format!("{}་ནས་{}་བར", time(*from), time(*to)), false),
        Figure::Telephone(groups, extension) => {
            let said: Vec<String> = groups.iter().chain(extension).map(|g| digits(g)).collect();
            (said.join("，"), true)
        }
        Figure::Code(groups) => (groups.iter().map(|g| digits(g)).collect::<Vec<_>>().join("，"), true),
        Figure::Amount(a) => amount(a, beside),
        Figure::Range(from, to) => {
            let side = |a: &Amount| amount(a, Beside { unit: "", ..beside }).0;
            (format!("{}་ནས་{}{}་བར", side(from), quantity(to).0, beside.unit), false)
        }
        Figure::Ratio(parts) => {
            (parts.iter().map(|n| tibetan::words(*n)).collect::<Vec<_>>().join("་བསྡུར་"), false)
        }
        Figure::Fraction(n, d) => (format!("{}་ཆ་{}", tibetan::words(*d), tibetan::words(*n)), false),
        Figure::Dotted(parts) => (parts.iter().map(|p| short(p)).collect::<Vec<_>>().join("་ཚེག་"), false),
        Figure::Dashed(parts) => (parts.iter().map(|p| short(p)).collect::<Vec<_>>().join("，"), false),
    }
}

/// Digit by digit; a letter (the X of an identity card) stands apart.
pub(super) fn digits(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c.to_digit(10) {
            Some(digit) => {
                if !out.is_empty() {
                    out.push('་');
                }
                out.push_str(tibetan::digit(digit as u8));
            }
            None => out.push(c.to_ascii_uppercase()),
        }
    }
    out
}

fn short(text: &str) -> String {
    match text.parse() {
        Ok(n) if text.len() <= 2 && !(text.len() > 1 && text.starts_with('0')) => tibetan::words(n),
        _ => digits(text),
    }
}

fn time(t: Time) -> String {
    let mut out = format!("ཆུ་ཚོད་{}", tibetan::words(t.hour));
    if t.minute > 0 || t.second.is_some_and(|s| s > 0) {
        let _ = write!(out, "་དང་སྐར་མ་{}", tibetan::words(t.minute));
    }
    if let Some(second) = t.second.filter(|s| *s > 0) {
        let _ = write!(out, "་དང་སྐར་ཆ་{}", tibetan::words(second));
    }
    out
}

/// Digits from which on a number without a unit is surely a name.
const NAME_DIGITS: usize = 7;

fn quantity(a: &Amount) -> (String, bool) {
    let Ok(n) = a.integer.parse::<u64>() else { return (digits(&a.integer), true) };
    if a.fraction.is_empty() {
        (tibetan::words(n), false)
    } else {
        (format!("{}་ཚེག་{}", tibetan::words(n), digits(&a.fraction)), false)
    }
}

fn amount(a: &Amount, beside: Beside<'_>) -> (String, bool) {
    let text = a.integer.as_str();
    let unit = beside.counted || !beside.prefix.is_empty() || !beside.unit.is_empty();
    let counted = unit || a.grouped || !a.fraction.is_empty();
    let zero_first = text.len() > 1 && text.starts_with('0');
    if !counted && !a.negative && (zero_first || text.len() >= NAME_DIGITS || figures::is_hotline(text)) {
        return (digits(text), true);
    }
    let (words, by_digit) = quantity(a);
    let minus = match (a.negative, beside.degrees) {
        (true, true) => "ཀླད་ཀོར་མན་གྱི་",
        (true, false) => "མོ་གྲངས་",
        (false, _) => "",
    };
    (format!("{}{minus}{words}{}", beside.prefix, beside.unit), by_digit)
}

/// Whether a text ends in a word that a number after it counts.
pub(super) fn ends_in_unit(before: &str) -> bool {
    const UNITS: [&str; 18] = [
        "སྒོར",
        "ལོ",
        "ཟླ",
        "ཉིན",
        "ཚེས",
        "སྤྱི་ལེ",
        "སྤྱི་རྒྱ",
        "སྤྱི་ཁྲེ",
        "རྒྱ་མ",
        "ལི་སྨི",
        "ཏུའུ",
        "བརྒྱ་ཆ",
        "མུའུ",
        "མི",
        "ཁྲི",
        "ཆུ་ཚོད",
        "སྐར་མ",
        "དངུལ",
    ];
    let before = before.trim_end_matches(['་', ' ']);
    UNITS
        .iter()
        .any(|unit| before.strip_suffix(unit).is_some_and(|rest| !rest.ends_with(crate::tibetan::is_letter)))
}
