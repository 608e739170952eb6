//! Numbers with what they are: amounts, money, dates, times, telephone and document numbers, in one canonical form each.

mod dates;
mod money;
mod names;
mod tokens;

use std::ops::Range;

use serde::Serialize;

use tokens::{Cursor, Placed, Token};

/// What a number in a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A count, ordinal, range or fraction.
    Number,
    /// A percentage.
    Percent,
    /// A sum of money.
    Money,
    /// A date or a part of one.
    Date,
    /// A time of day.
    Time,
    /// A telephone number, hotlines included.
    Phone,
    /// The number of a document, card or case.
    Document,
}

/// A number that was found in a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// Bytes of the text, signs and unit words included.
    pub range: Range<usize>,
    /// What it is.
    pub kind: Kind,
    /// One form for every way to write or say it:
    ///
    /// - [`Kind::Number`] `1200.5`, a range `3-5`, a fraction `1/3`;
    /// - [`Kind::Percent`] `2.5%`;
    /// - [`Kind::Money`] ISO 4217 code and amount, `CNY 1200.5`;
    /// - [`Kind::Date`] as in ISO 8601 and XML Schema: `2026-01-15`, `2026-01`, `2026`, `--01-15`, `--01`, `---15`;
    /// - [`Kind::Time`] `09:30`, 24 hours;
    /// - [`Kind::Phone`] digits only, without the prefix of the country;
    /// - [`Kind::Document`] digits and capital letters only.
    pub canonical: String,
}

/// What a matcher found: how many tokens it takes, what it is, and its canonical form.
type Match = (usize, Kind, String);

/// Finds the numbers of a text in order, in digits of any kind (ASCII, full width, Tibetan), in Chinese words (also 两 廿
/// and the formal 壹贰叁) and in Tibetan words.
///
/// Every number of [`canonical`](super::canonical) lies in one of these, so that both agree on what a number is; here
/// neighbouring numbers, unit words and signs are put together to what they mean.
pub fn find(text: &str) -> Vec<Found> {
    let tokens = tokens::of(text);
    let mut out = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let Some((taken, kind, canonical)) = matched(&tokens, at) else {
            at += 1;
            continue;
        };
        let last = at + taken.max(1) - 1;
        out.push(Found { range: tokens[at].range.start..tokens[last].range.end, kind, canonical });
        at = last + 1;
    }
    out
}

fn matched(tokens: &[Placed], at: usize) -> Option<Match> {
    dates::date(tokens, at)
        .or_else(|| dates::time(tokens, at))
        .or_else(|| money::money(tokens, at))
        .or_else(|| names::phone(tokens, at))
        .or_else(|| names::document(tokens, at))
        .or_else(|| number(tokens, at))
}

fn number(tokens: &[Placed], at: usize) -> Option<Match> {
    let mut cursor = Cursor::new(tokens, at);
    if let Some(Token::Fraction(numerator, denominator)) = cursor.token() {
        return Some((1, Kind::Number, format!("{numerator}/{denominator}")));
    }
    let mut fraction = cursor.clone();
    if let Some(denominator) = tibetan_denominator(&mut fraction)
        && let Some(numerator) = fraction.small(1, 99)
    {
        return Some((fraction.taken(), Kind::Number, format!("{numerator}/{denominator}")));
    }
    let mut fraction = cursor.clone();
    if let Some(denominator) = fraction.small(2, 100)
        && fraction.han("分之")
        && let Some(numerator) = fraction.small(1, 99)
    {
        return Some((fraction.taken(), Kind::Number, format!("{numerator}/{denominator}")));
    }
    let first = match cursor.amount() {
        Some(first) => first,
        // 三 in 三到五个 is no number by itself.
        None => cursor.small(1, 10).filter(|_| cursor.stands_before("到至"))?.to_string(),
    };
    if first.ends_with('%') {
        return Some((1, Kind::Percent, first));
    }
    if let Some(last) = cursor.range_end() {
        let kind = if last.ends_with('%') { Kind::Percent } else { Kind::Number };
        return Some((cursor.taken(), kind, format!("{first}-{last}")));
    }
    matches!(tokens[at].token, Token::Number { .. }).then_some((1, Kind::Number, first))
}

/// སུམ་ཆ་ ("of three parts") and the like.
fn tibetan_denominator(cursor: &mut Cursor<'_>) -> Option<u64> {
    let denominator = if cursor.syllables("སུམ") {
        3
    } else if cursor.syllables("ཉིས") {
        2
    } else {
        cursor.small(2, 100)?
    };
    cursor.syllables("ཆ").then_some(denominator)
}

#[cfg(test)]
mod tests;
