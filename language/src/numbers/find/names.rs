//! Numbers that are names: telephones, documents.

use super::tokens::{Cursor, Placed, Token};
use super::{Kind, Match};

/// What makes the number before it a count.
const UNITS: &str =
    "元块万亿千百人名个個条件次岁歲月日天米公平度只头亩家户项种所页分角毛周点小多余美厘摄倍年号";

/// Words after which digits are a telephone number.
const PHONE_WORDS: [&str; 10] =
    ["电话", "電話", "手机", "手機", "拨打", "撥打", "热线", "致电", "ཁ་པར", "ཁ་དཔར"];

/// Words after which few digits are a number that is dialled.
const DIAL_WORDS: [&str; 5] = ["拨打", "撥打", "致电", "致電", "ཁ་པར་ཨང་གྲངས"];

/// Words after which digits are the number of a document.
const DOCUMENT_WORDS: [&str; 9] =
    ["证号", "身份证", "編號", "编号", "卡号", "单号", "证件号", "ལག་ཁྱེར་ཨང", "ཐོབ་ཐང་ཨང"];

/// How many tokens before a number its name may stand.
const NEAR: usize = 6;
const CLOSE: usize = 4;

/// A telephone number: mobile numbers (11 digits from 13 to 19), lines with an area code, 400 and 800 numbers, public
/// hotlines (110, 12345, 955xx, 96xxx), and 7 or 8 digits after a word that says so. Groups may be separated by spaces,
/// also in words.
///
/// Source: the numbering plan of China's Ministry of Industry and Information Technology (2017).
pub(super) fn phone(tokens: &[Placed], at: usize) -> Option<Match> {
    let mut cursor = Cursor::new(tokens, at);
    if let Some((taken, digits)) = with_area_code(cursor.clone()) {
        return Some((taken, Kind::Phone, digits));
    }
    let international = cursor.han("+") || cursor.han("＋");
    if let Some((taken, digits)) = after_country_code(cursor.clone()) {
        return Some((taken, Kind::Phone, digits));
    }
    let (taken, digits) = grouped(&mut cursor)?;
    let national =
        digits.strip_prefix("86").or_else(|| digits.strip_prefix("0086")).filter(|d| is_subscriber(d));
    if let Some(national) = national.filter(|_| international || digits.len() > 12) {
        return Some((taken, Kind::Phone, national.to_owned()));
    }
    let counted = after(tokens, at + taken).is_some_and(|c| UNITS.contains(c));
    let place = Cursor::new(tokens, at);
    // Words like "telephone" stand beside all sorts of numbers, "dial" only before what is dialled.
    let named = match digits.len() {
        3..=6 => place.comes_after(&DIAL_WORDS, CLOSE),
        7..=12 => place.comes_after(&PHONE_WORDS, NEAR),
        _ => false,
    };
    let known = is_subscriber(&digits) || (!counted && is_hotline(&digits)) || (!counted && named);
    known.then_some((taken, Kind::Phone, digits))
}

/// (0891)6812345
fn with_area_code(mut cursor: Cursor<'_>) -> Option<(usize, String)> {
    let open = cursor.han("(") || cursor.han("（");
    let area = cursor.amount().filter(|a| open && a.starts_with('0'))?;
    let closed = cursor.han(")") || cursor.han("）");
    let line = cursor.amount().filter(|_| closed)?;
    let digits = area + &line;
    is_subscriber(&digits).then_some((cursor.taken(), digits))
}

/// 86 before a number in groups; an area code is written without its zero there.
fn after_country_code(mut cursor: Cursor<'_>) -> Option<(usize, String)> {
    if cursor.amount().as_deref() != Some("86") {
        return None;
    }
    cursor.han("-");
    let mut line = cursor.clone();
    if let Some((taken, digits)) = grouped(&mut line)
        && is_subscriber(&digits)
    {
        return Some((taken, digits));
    }
    let area = cursor.amount()?;
    cursor.han("-");
    let digits = format!("0{area}{}", cursor.amount()?);
    is_subscriber(&digits).then_some((cursor.taken(), digits))
}

fn after(tokens: &[Placed], at: usize) -> Option<char> {
    Cursor::new(tokens, at).character()
}

/// The digits at the cursor: a grouped number, or numbers side by side that together are one.
fn grouped(cursor: &mut Cursor<'_>) -> Option<(usize, String)> {
    if let Some(Token::Telephone(digits)) = cursor.token() {
        cursor.skip();
        return Some((cursor.taken(), digits.clone()));
    }
    let mut joined = String::new();
    let mut found: Option<(usize, String)> = None;
    while let Some(Token::Number { digits, name: true, .. }) = cursor.token() {
        if !digits.bytes().all(|b| b.is_ascii_digit()) || joined.len() + digits.len() > 17 {
            break;
        }
        let first = joined.is_empty();
        joined.push_str(digits);
        cursor.skip();
        if first || is_subscriber(&joined) {
            found = Some((cursor.taken(), joined.clone()));
        }
    }
    found
}

fn is_subscriber(digits: &str) -> bool {
    let b = digits.as_bytes();
    match b {
        [b'1', b'3'..=b'9', ..] => b.len() == 11,
        [b'0', b'1'..=b'9', ..] => (10..=12).contains(&b.len()),
        [b'4' | b'8', b'0', b'0', ..] => b.len() == 10,
        _ => false,
    }
}

fn is_hotline(digits: &str) -> bool {
    matches!(digits, "110" | "112" | "114" | "119" | "120" | "122" | "10010" | "10086")
        || matches!(digits.as_bytes(), [b'1', b'2', b'2' | b'3', _, _] | [b'9', b'5' | b'6', _, _, _])
}

/// The number of a document: by its form, by its length, or by the word before it.
pub(super) fn document(tokens: &[Placed], at: usize) -> Option<Match> {
    let cursor = Cursor::new(tokens, at);
    match cursor.token()? {
        Token::Document(number) => Some((1, Kind::Document, number.clone())),
        Token::Telephone(digits) => Some((1, Kind::Phone, digits.clone())),
        Token::Number { digits, name: true, .. } if digits.bytes().all(|b| b.is_ascii_digit()) => {
            if let Some(found) = identity_in_groups(cursor.clone()) {
                return Some(found);
            }
            let named = digits.len() >= 6 && cursor.comes_after(&DOCUMENT_WORDS, NEAR);
            let counted = after(tokens, at + 1).is_some_and(|c| UNITS.contains(c));
            let known = (digits.len() >= 15 || named) && !counted;
            known.then(|| with_check_letter(tokens, at, digits))
        }
        _ => None,
    }
}

/// An identity number in its parts: six digits of the place, eight of the birth, four more.
fn identity_in_groups(mut cursor: Cursor<'_>) -> Option<Match> {
    let mut number = String::new();
    for length in [6, 8, 3] {
        let part = cursor.amount().filter(|part| part.bytes().all(|b| b.is_ascii_digit()))?;
        if part.len() != length && (length, part.len()) != (3, 4) {
            return None;
        }
        number.push_str(&part);
    }
    if number.len() == 17 {
        let letter = cursor.stands_before("XxＸｘ");
        cursor.skip();
        return letter.then(|| (cursor.taken(), Kind::Document, number + "X"));
    }
    Some((cursor.taken(), Kind::Document, number))
}

/// A spoken identity number may end in a letter of its own: …三X.
fn with_check_letter(tokens: &[Placed], at: usize, digits: &str) -> Match {
    match after(tokens, at + 1) {
        Some('X' | 'x' | 'Ｘ' | 'ｘ') if digits.len() == 17 => (2, Kind::Document, format!("{digits}X")),
        _ => (1, Kind::Document, digits.to_owned()),
    }
}
