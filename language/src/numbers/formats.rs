//! The shapes in which digits are written: amounts, dates, times, ranges, telephone numbers.

use super::{digit_value, value};

/// An amount as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Amount {
    /// Digits before the decimal point, as values.
    pub integer: Vec<u8>,
    /// Digits after it.
    pub fraction: Vec<u8>,
    /// Whether it was grouped by thousands, and so is an amount and no identifier.
    pub grouped: bool,
}

/// What digits mean by their shape alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A number.
    Amount(Amount),
    /// Year (as written), month, day.
    Date { year: Vec<u8>, month: u64, day: u64 },
    /// Hour and minute of the day.
    Time { hour: u64, minute: u64 },
    /// From one number to another.
    Range(Amount, Amount),
    /// Numerator and denominator.
    Fraction(u64, u64),
    /// A telephone number written in groups.
    Telephone(Vec<u8>),
}

/// A group of digits with the separator after it and where each ends.
struct Group {
    digits: Vec<u8>,
    end: usize,
    separator: Option<char>,
}

/// More groups than any shape has; the rest is another number.
const MOST_GROUPS: usize = 8;

fn groups(text: &str) -> Vec<Group> {
    let mut out: Vec<Group> = Vec::new();
    let mut at = 0;
    while out.len() < MOST_GROUPS {
        let rest = &text[at..];
        let end = rest.find(|c| digit_value(c).is_none()).unwrap_or(rest.len());
        if end == 0 {
            break;
        }
        let digits = rest[..end].chars().filter_map(digit_value).collect();
        let mut after = rest[end..].chars();
        let separator = after
            .next()
            .filter(|c| is_separator(*c) && after.next().is_some_and(|d| digit_value(d).is_some()));
        out.push(Group { digits, end: at + end, separator });
        let Some(separator) = separator else { break };
        at += end + separator.len_utf8();
    }
    out
}

fn is_separator(c: char) -> bool {
    matches!(c, '.' | '．' | ',' | '，' | '-' | '–' | '—' | '~' | '～' | '/' | ':' | '：' | ' ')
}

fn is_dash(c: char) -> bool {
    matches!(c, '-' | '–' | '—' | '~' | '～')
}

/// Reads the shape at the beginning of `text`, which begins with a digit: the shape and its length in bytes.
pub(super) fn scan(text: &str) -> (Shape, usize) {
    let groups = groups(text);
    date(&groups)
        .or_else(|| telephone(&groups))
        .or_else(|| time(&groups))
        .or_else(|| range(&groups))
        .or_else(|| fraction(&groups))
        .unwrap_or_else(|| {
            let (amount, used) = amount(&groups);
            (Shape::Amount(amount), groups[used - 1].end)
        })
}

fn date(groups: &[Group]) -> Option<(Shape, usize)> {
    let [y, m, d, ..] = groups else { return None };
    let separator = y.separator?;
    let shaped = y.digits.len() == 4 && m.digits.len() <= 2 && d.digits.len() <= 2;
    if !(shaped && matches!(separator, '-' | '/' | '.') && m.separator == Some(separator)) {
        return None;
    }
    let (month, day) = (value(&m.digits)?, value(&d.digits)?);
    let possible = (1..=12).contains(&month) && (1..=31).contains(&day);
    possible.then(|| (Shape::Date { year: y.digits.clone(), month, day }, d.end))
}

fn time(groups: &[Group]) -> Option<(Shape, usize)> {
    let [h, m, ..] = groups else { return None };
    let shaped = matches!(h.separator, Some(':' | '：')) && h.digits.len() <= 2 && m.digits.len() == 2;
    let (hour, minute) = (value(&h.digits)?, value(&m.digits)?);
    (shaped && hour <= 24 && minute < 60).then_some((Shape::Time { hour, minute }, m.end))
}

/// Groups by dashes or spaces that together are as long as a telephone number and begin like one: an area code or a
/// service prefix with zero, a mobile number with 1, 400 and 800 numbers.
fn telephone(groups: &[Group]) -> Option<(Shape, usize)> {
    let joined = groups.iter().take_while(|g| matches!(g.separator, Some('-' | ' '))).count();
    let all = &groups[..(joined + 1).min(groups.len())];
    let digits: Vec<u8> = all.iter().flat_map(|g| g.digits.iter().copied()).collect();
    let begins = match digits.as_slice() {
        [0, ..] | [4 | 8, 0, 0, ..] => digits.len() >= 9,
        [1, ..] => digits.len() == 11,
        _ => false,
    };
    (all.len() > 1 && begins && digits.len() <= 13 && all.iter().all(|g| g.digits.len() >= 3))
        .then(|| (Shape::Telephone(digits), all[all.len() - 1].end))
}

fn range(groups: &[Group]) -> Option<(Shape, usize)> {
    let (from, used) = amount(groups);
    let dash = groups[used - 1].separator.is_some_and(is_dash);
    let rest = &groups[used..];
    if !dash || rest.is_empty() || from.integer.len() > 6 || (from.integer.len() > 1 && from.integer[0] == 0)
    {
        return None;
    }
    let (to, used) = amount(rest);
    // A third part makes it a document number or a date in another order.
    let ends = !rest[used - 1].separator.is_some_and(is_dash);
    (ends && to.integer.len() <= 6).then(|| (Shape::Range(from, to), rest[used - 1].end))
}

fn fraction(groups: &[Group]) -> Option<(Shape, usize)> {
    let [n, d, ..] = groups else { return None };
    let (numerator, denominator) = (value(&n.digits)?, value(&d.digits)?);
    (n.separator == Some('/') && d.separator != Some('/') && numerator < denominator && denominator <= 100)
        .then_some((Shape::Fraction(numerator, denominator), d.end))
}

/// An amount at the beginning of `groups` (not empty), and how many groups it takes.
fn amount(groups: &[Group]) -> (Amount, usize) {
    let mut amount = Amount { integer: groups[0].digits.clone(), ..Amount::default() };
    let mut used = 1;
    while matches!(groups[used - 1].separator, Some(',' | '，'))
        && groups.get(used).is_some_and(|g| g.digits.len() == 3)
        && groups[0].digits.len() <= 3
    {
        amount.integer.extend_from_slice(&groups[used].digits);
        amount.grouped = true;
        used += 1;
    }
    if matches!(groups[used - 1].separator, Some('.' | '．'))
        && let Some(group) = groups.get(used)
    {
        amount.fraction.clone_from(&group.digits);
        used += 1;
    }
    (amount, used)
}
