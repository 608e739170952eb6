//! Which digits are a person's number.

use super::Personal;
use super::digits::Element;
use crate::numbers::find::{Found, Kind};

/// What a personal number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// A telephone: mobile, or a line with its area code.
    Phone,
    /// Anything else: identity card, bank card, passport.
    Other,
}

/// Digits of the longest number: 0086 and a line, or a bank card.
const MOST: usize = 19;

/// The longest personal number that begins with the first of `elements`: how many it takes, what it is, and its digits.
/// `found` tells sums and dates, which are none.
pub(super) fn longest(
    elements: &[Element],
    before: Option<&Element>,
    found: &[Found],
) -> Option<(usize, Class, String)> {
    let mut digits = String::new();
    let mut best = None;
    for (taken, element) in elements.iter().enumerate().map(|(at, element)| (at + 1, element)) {
        digits.push_str(&element.digits);
        let one = taken == 1;
        if digits.len() > MOST && !one {
            break;
        }
        let group = &elements[..taken];
        if !whole(group, before, elements.get(taken)) {
            continue;
        }
        if let Some((class, national)) = class(&digits, group)
            && (is_certain(&digits) || !is_sum_or_date(group, found))
        {
            best = Some((taken, class, national));
        }
    }
    best
}

/// Whether points between the groups separate them (138.1234.5678), rather than being a decimal number or an address of
/// the Internet.
fn whole(group: &[Element], before: Option<&Element>, after: Option<&Element>) -> bool {
    let cut = (group[0].after_point && before.is_some()) || after.is_some_and(|next| next.after_point);
    let points = group[1..].iter().filter(|element| element.after_point).count();
    !cut && (points == 0 || (points >= 2 && group.iter().any(|element| element.digits.len() >= 4)))
}

fn is_sum_or_date(group: &[Element], found: &[Found]) -> bool {
    let (start, end) = (group[0].range.start, group[group.len() - 1].range.end);
    found.iter().any(|one| {
        let is = match one.kind {
            Kind::Money | Kind::Percent | Kind::Time => true,
            // By their dashes, groups of any number can look like a date of a strange year.
            Kind::Date => ["19", "20", "--"].iter().any(|begin| one.canonical.starts_with(begin)),
            Kind::Number | Kind::Phone | Kind::Document => false,
        };
        is && one.range.start < end && start < one.range.end
    })
}

/// What digits are, with the number as the country writes it.
fn class(digits: &str, group: &[Element]) -> Option<(Class, String)> {
    if let Some(phone) = phone(digits, group) {
        return Some((Class::Phone, phone));
    }
    let one = group.len() == 1;
    let other = is_identity(digits)
        // Nothing but a person's or a card's number is written in so many digits.
        || (one && digits.len() >= 15 && digits.bytes().all(|b| b.is_ascii_digit()))
        || is_bank_card(digits);
    other.then(|| (Class::Other, digits.to_owned()))
}

/// Source: the numbering plan of China's Ministry of Industry and Information Technology (2017).
fn phone(digits: &str, group: &[Element]) -> Option<String> {
    let prefix = ["0086", "86"].into_iter().find_map(|prefix| digits.strip_prefix(prefix));
    for national in [Some(digits), prefix].into_iter().flatten() {
        let bytes = national.as_bytes();
        if bytes.len() == 11 && matches!(bytes, [b'1', b'3'..=b'9', ..]) && !national.contains('X') {
            return Some(national.to_owned());
        }
    }
    let line = match prefix {
        // An area code is written without its zero after that of the country.
        Some(national) if digits.len() >= 11 && !national.starts_with('0') => format!("0{national}"),
        Some(national) if digits.starts_with("0086") => national.to_owned(),
        _ => digits.to_owned(),
    };
    is_line(&line, group).then_some(line)
}

/// An area code of three digits (010, 02x) with eight, or of four with seven or eight.
fn is_line(digits: &str, group: &[Element]) -> bool {
    let length = match digits.as_bytes() {
        [b'0', b'1', b'0', ..] | [b'0', b'2', ..] => digits.len() == 11,
        [b'0', b'3'..=b'9', ..] => matches!(digits.len(), 11 | 12),
        _ => false,
    };
    // 0 100 200 300 is a list.
    let groups = group.len() == 1
        || group.iter().all(|element| element.digits.len() >= 2)
        || group.iter().all(|element| element.digits.len() <= 2);
    length && groups && digits.bytes().all(|b| b.is_ascii_digit())
}

/// An identity number that cannot be anything else: its check digit fits.
fn is_certain(digits: &str) -> bool {
    digits.len() == 18 && has_identity_form(digits) && identity_check(digits)
}

/// An identity number, also one of whose digits one was misheard.
fn is_identity(digits: &str) -> bool {
    digits.len() == 18 && (has_identity_form(digits) || identity_check(digits))
}

/// Begins with a province's code and holds a possible date of birth (GB 11643-1999, GB/T 2260).
fn has_identity_form(digits: &str) -> bool {
    let number = |range: std::ops::Range<usize>| digits[range].parse::<u32>().unwrap_or(0);
    let bytes = digits.as_bytes();
    bytes[..17].iter().all(u8::is_ascii_digit)
        && (bytes[17].is_ascii_digit() || bytes[17] == b'X')
        && matches!(number(0..2), 11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81..=83)
        && matches!(number(6..10), 1900..=2099)
        && matches!(number(10..12), 1..=12)
        && matches!(number(12..14), 1..=31)
}

/// ISO 7064, MOD 11-2, as GB 11643-1999 has it: the sum of digit × 2^(17 − place) modulo 11 is 1.
fn identity_check(digits: &str) -> bool {
    let mut sum = 0;
    for (place, byte) in digits.bytes().enumerate() {
        let value = match byte {
            b'0'..=b'9' => u32::from(byte - b'0'),
            b'X' if place == 17 => 10,
            _ => return false,
        };
        sum = (sum + value * (1 << (17 - place))) % 11;
    }
    digits.len() == 18 && sum == 1
}

/// 16 to 19 digits from an issuer's range (ISO/IEC 7812-1: 3 to 6 banking, 9 national) with a check digit that fits.
fn is_bank_card(digits: &str) -> bool {
    (16..=MOST).contains(&digits.len()) && matches!(digits.as_bytes()[0], b'3'..=b'6' | b'9') && luhn(digits)
}

/// ISO/IEC 7812-1, annex B.
fn luhn(digits: &str) -> bool {
    let mut sum = 0;
    for (place, byte) in digits.bytes().rev().enumerate() {
        if !byte.is_ascii_digit() {
            return false;
        }
        let value = u32::from(byte - b'0') * (1 + (place as u32 & 1));
        sum += value / 10 + value % 10;
    }
    sum % 10 == 0
}

/// What [`find`](crate::numbers::find) knows by a word before it or by its letters.
pub(super) fn named(text: &str, found: &Found) -> Option<Personal> {
    let digits = &found.canonical;
    let class = match found.kind {
        // Shorter ones, 400 and 800 numbers are public by what they are.
        Kind::Phone => {
            let free = digits.len() == 10 && (digits.starts_with("400") || digits.starts_with("800"));
            (digits.len() >= 7 && !free).then_some(Class::Phone)?
        }
        Kind::Document => {
            let letters = digits.bytes().take_while(u8::is_ascii_uppercase).count();
            let rest = digits[letters..].bytes().all(|b| b.is_ascii_digit());
            let passport = matches!(letters, 1 | 2) && matches!(digits.len() - letters, 7..=9);
            (rest && (letters == 0 || passport) && !in_machine_word(text, found)).then_some(Class::Other)?
        }
        _ => return None,
    };
    Some(Personal { range: found.range.clone(), class, digits: digits.clone() })
}

/// Whether it is a part of an identifier such as `e1234567-89ab-…`.
fn in_machine_word(text: &str, found: &Found) -> bool {
    let joins = |c: Option<char>, next: Option<char>| {
        c == Some('-') && next.is_some_and(|next| next.is_ascii_alphanumeric())
    };
    let (mut before, mut after) = (text[..found.range.start].chars().rev(), text[found.range.end..].chars());
    joins(before.next(), before.next()) || joins(after.next(), after.next())
}
