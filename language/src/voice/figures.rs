//! The shapes in which figures are written: what digits, with the signs between and beside them, stand for.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// A number as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Amount {
    /// Whether a minus sign stands before it.
    pub negative: bool,
    /// Digits before the decimal point, without the marks between thousands.
    pub integer: String,
    /// Digits after it.
    pub fraction: String,
    /// Whether it was grouped by thousands, and so is no identifier.
    pub grouped: bool,
}

/// A time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time {
    pub hour: u64,
    pub minute: u64,
    pub second: Option<u64>,
}

/// What figures stand for by their shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Figure {
    /// Year as written, month and day.
    Date { year: String, month: u64, day: u64 },
    /// A time of day.
    Time(Time),
    /// From one time of day to another.
    Hours(Time, Time),
    /// A telephone number in the groups that people say, and its extension.
    Telephone(Vec<String>, Option<String>),
    /// The number of a document, card or account, in groups; letters are possible.
    Code(Vec<String>),
    /// A number.
    Amount(Amount),
    /// From one number to another.
    Range(Amount, Amount),
    /// Numbers in proportion.
    Ratio(Vec<u64>),
    /// Numerator and denominator.
    Fraction(u64, u64),
    /// Numbers with points between them: a version, an outline's number.
    Dotted(Vec<String>),
    /// Numbers with dashes between them: a door's number.
    Dashed(Vec<String>),
}

impl Figure {
    /// The rule's name, for people.
    pub(super) fn rule(&self) -> &'static str {
        match self {
            Self::Date { .. } => "date",
            Self::Time(_) => "time",
            Self::Hours(..) => "hours",
            Self::Telephone(..) => "telephone",
            Self::Code(_) => "document number",
            Self::Amount(_) => "number",
            Self::Range(..) => "range",
            Self::Ratio(_) => "ratio",
            Self::Fraction(..) => "fraction",
            Self::Dotted(_) => "version",
            Self::Dashed(_) => "numbers with dashes",
        }
    }
}

/// Reads the figure that `rest` begins with, a digit or an opening bracket, `+` or sign before one; its length in bytes.
/// `None` where there is none. Every pattern is bounded or takes a run of digits whole, so that reading a text is linear.
pub(super) fn figure(rest: &str) -> Option<(Figure, usize)> {
    let shapes = [date, hours, telephone, document, dashed, ratio, dotted, fraction, range];
    shapes.iter().find_map(|shape| shape(rest)).or_else(|| {
        let (amount, length) = amount(rest)?;
        Some((Figure::Amount(amount), length))
    })
}

/// Compiles one of this file's patterns.
fn pattern(text: &str) -> Regex {
    // Constant patterns: one that does not compile would fail every test of this file.
    #[allow(clippy::expect_used)]
    Regex::new(text).expect("a pattern of figures.rs compiles")
}

/// The captures of a pattern, where no further digit or letter touches what it matched.
fn alone<'t>(regex: &Regex, rest: &'t str) -> Option<(Captures<'t>, usize)> {
    let captures = regex.captures(rest)?;
    let end = captures.get(0)?.end();
    let next = rest[end..].chars().next();
    (!next.is_some_and(|c| c.is_ascii_alphanumeric())).then_some((captures, end))
}

fn number(text: &str) -> Option<u64> {
    text.parse().ok()
}

fn date(rest: &str) -> Option<(Figure, usize)> {
    static DATE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"^([12][0-9]{3})(?:-([0-9]{1,2})-([0-9]{1,2})|/([0-9]{1,2})/([0-9]{1,2})|\.([0-9]{1,2})\.([0-9]{1,2}))",
        )
    });
    let captures = DATE.captures(rest)?;
    let end = captures.get(0)?.end();
    let mut parts = captures.iter().skip(2).flatten();
    let (month, day) = (number(parts.next()?.as_str())?, number(parts.next()?.as_str())?);
    let goes_on = rest[end..].starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '/'));
    let possible = (1..=12).contains(&month) && (1..=31).contains(&day) && !goes_on;
    possible.then(|| (Figure::Date { year: captures[1].to_owned(), month, day }, end))
}

fn time(rest: &str) -> Option<(Time, usize)> {
    static TIME: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"^([01]?[0-9]|2[0-4]):([0-5][0-9])(?::([0-5][0-9]))?"));
    let (captures, end) = alone(&TIME, rest)?;
    let second = captures.get(3).and_then(|s| number(s.as_str()));
    let time = Time { hour: number(&captures[1])?, minute: number(&captures[2])?, second };
    (!rest[end..].starts_with(':')).then_some((time, end))
}

fn hours(rest: &str) -> Option<(Figure, usize)> {
    static UNTIL: LazyLock<Regex> = LazyLock::new(|| pattern(r"^ ?(?:--?|~|至|到) ?"));
    let (from, end) = time(rest)?;
    let until = UNTIL.find(&rest[end..]).map(|dash| end + dash.end());
    match until.and_then(|at| time(&rest[at..]).map(|(until, length)| (until, at + length))) {
        Some((until, end)) => Some((Figure::Hours(from, until), end)),
        None => Some((Figure::Time(from), end)),
    }
}

/// Mobile numbers as 3-4-4, area codes apart, local numbers in halves, 400 and 800 numbers as 3-3-4 or as written.
///
/// Source: 工信部《电信网编号计划》 (2017) for the shapes.
fn telephone(rest: &str) -> Option<(Figure, usize)> {
    static MOBILE: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"^(?:\+?(86)[- ]?)?(1[3-9][0-9])[- ]?([0-9]{4})[- ]?([0-9]{4})"));
    static MASKED: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(1[3-9][0-9])\*{3,6}([0-9]{4})"));
    static FIXED: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"^(?:[(（](0[0-9]{2,3})[)）]|(0[0-9]{2,3}))[- ]?([0-9]{3,4})[- ]?([0-9]{4})(?:(?:-|转)([0-9]{1,5}))?",
        )
    });
    static SERVICE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r"^([48]00)(?:-([0-9]{3})-([0-9]{4})|-([0-9]{4})-([0-9]{3})|[- ]?([0-9]{3})[- ]?([0-9]{4}))")
    });
    let groups = |captures: &Captures<'_>, from: usize, to: usize| -> Vec<String> {
        (from..=to).filter_map(|i| captures.get(i)).map(|g| g.as_str().to_owned()).collect()
    };
    if let Some((captures, end)) = alone(&MOBILE, rest) {
        return Some((Figure::Telephone(groups(&captures, 1, 4), None), end));
    }
    if let Some((captures, end)) = alone(&MASKED, rest) {
        return Some((Figure::Telephone(groups(&captures, 1, 2), None), end));
    }
    if let Some((captures, end)) = alone(&SERVICE, rest) {
        return Some((Figure::Telephone(groups(&captures, 1, 7), None), end));
    }
    let (captures, end) = alone(&FIXED, rest)?;
    let extension = captures.get(5).map(|e| e.as_str().to_owned());
    Some((Figure::Telephone(groups(&captures, 1, 4), extension), end))
}

/// Identity cards as 6-4-4-4 with a last digit that may be X, credit codes as 2-6-4-4-2, cards by fours.
///
/// Source of the shapes: GB 11643-1999 and GB 32100-2015.
fn document(rest: &str) -> Option<(Figure, usize)> {
    static IDENTITY: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"^([0-9]{6})([0-9]{4})([0-9]{4})([0-9]{3}[0-9Xx])"));
    static CREDIT: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"^([0-9A-HJ-NP-RT-UW-Y]{2})([0-9]{6})([0-9A-HJ-NP-RT-UW-Y]{4})([0-9A-HJ-NP-RT-UW-Y]{4})([0-9A-HJ-NP-RT-UW-Y]{2})",
        )
    });
    static CARD: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[0-9]{4}(?: [0-9]{4}){2,4}(?: [0-9]{1,3})?"));
    static LONG: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[0-9]{12,}"));
    let fours = |digits: &str| -> Vec<String> {
        let digits: Vec<char> = digits.chars().filter(char::is_ascii_digit).collect();
        digits.chunks(4).map(|four| four.iter().collect()).collect()
    };
    for regex in [&IDENTITY, &CREDIT] {
        if let Some((captures, end)) = alone(regex, rest) {
            let groups = captures.iter().skip(1).flatten().map(|g| g.as_str().to_owned()).collect();
            return Some((Figure::Code(groups), end));
        }
    }
    let (captures, end) = alone(&CARD, rest).or_else(|| alone(&LONG, rest))?;
    let decimal = rest[end..].starts_with('.') && rest[end + 1..].starts_with(|c: char| c.is_ascii_digit());
    (!decimal).then(|| (Figure::Code(fours(&captures[0])), end))
}

/// Numbers joined by one mark at least `least` times.
fn joined(rest: &str, mark: char, least: usize) -> Option<(Vec<String>, usize)> {
    const MOST_PARTS: usize = 8;
    const MOST_DIGITS: usize = 5;
    let mut parts: Vec<String> = Vec::new();
    let mut at = 0;
    loop {
        let digits = rest[at..].chars().take(MOST_DIGITS + 1).take_while(char::is_ascii_digit).count();
        if digits == 0 || digits > MOST_DIGITS || parts.len() == MOST_PARTS {
            return None;
        }
        parts.push(rest[at..at + digits].to_owned());
        at += digits;
        let mut next = rest[at..].chars();
        if next.next() != Some(mark) || !next.next().is_some_and(|c| c.is_ascii_digit()) {
            break;
        }
        at += mark.len_utf8();
    }
    (parts.len() > least).then_some((parts, at))
}

fn dashed(rest: &str) -> Option<(Figure, usize)> {
    joined(rest, '-', 2).map(|(parts, end)| (Figure::Dashed(parts), end))
}

fn dotted(rest: &str) -> Option<(Figure, usize)> {
    joined(rest, '.', 2).map(|(parts, end)| (Figure::Dotted(parts), end))
}

fn ratio(rest: &str) -> Option<(Figure, usize)> {
    let (parts, end) = joined(rest, ':', 1)?;
    let numbers: Option<Vec<u64>> = parts.iter().map(|p| number(p)).collect();
    Some((Figure::Ratio(numbers?), end))
}

fn fraction(rest: &str) -> Option<(Figure, usize)> {
    let (parts, end) = joined(rest, '/', 1)?;
    let [n, d] = parts.as_slice() else { return None };
    let (numerator, denominator) = (number(n)?, number(d)?);
    let proper = numerator < denominator && denominator <= 100 && numerator > 0;
    proper.then_some((Figure::Fraction(numerator, denominator), end))
}

fn amount(rest: &str) -> Option<(Amount, usize)> {
    static AMOUNT: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"^(-?)(?:([1-9][0-9]{0,2}(?:,[0-9]{3})+)|([0-9]+))(?:\.([0-9]+))?"));
    let captures = AMOUNT.captures(rest)?;
    let all = captures.get(0)?.end();
    let cut_short = rest[all..].starts_with(|c: char| c.is_ascii_digit());
    let thousands =
        captures.get(2).map(|m| m.as_str()).filter(|text| !cut_short && !is_list_of_hotlines(text));
    let (integer, end) = match (thousands, captures.get(2), captures.get(3)) {
        (Some(text), ..) => (text.replace(',', ""), all),
        // Numbers one after the other, of which this takes the first.
        (None, Some(list), _) => {
            let first = list.as_str().split(',').next()?;
            (first.to_owned(), list.start() + first.len())
        }
        (None, None, digits) => (digits?.as_str().to_owned(), all),
    };
    let whole = end == all;
    let fraction = captures.get(4).filter(|_| whole).map(|f| f.as_str().to_owned()).unwrap_or_default();
    Some((Amount { negative: &captures[1] == "-", integer, fraction, grouped: thousands.is_some() }, end))
}

fn is_list_of_hotlines(text: &str) -> bool {
    text.split(',').all(is_hotline)
}

/// Public hotlines: 110, 119, 120, 122, 114, 12345, 10086, 95598 and their like.
pub(super) fn is_hotline(digits: &str) -> bool {
    matches!(
        digits.as_bytes(),
        [b'1', b'1' | b'2', _] | [b'1', b'0' | b'1' | b'2' | b'6', _, _, _] | [b'9', b'5' | b'6', _, _, _]
    )
}

/// Two numbers with a dash between them, no more of them after it; signs such as % may stand after both.
fn range(rest: &str) -> Option<(Figure, usize)> {
    static TO: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(%|‰|℃|°C|°|¥|元|万元|万)? ?(?:--?|~) ?¥?"));
    const MOST_DIGITS: usize = 6;
    let fits =
        |a: &Amount| a.integer.len() <= MOST_DIGITS && !(a.integer.len() > 1 && a.integer.starts_with('0'));
    let (from, end) = amount(rest).filter(|(a, _)| fits(a))?;
    let dash = TO.find(&rest[end..])?;
    let at = end + dash.end();
    let (to, length) = amount(&rest[at..]).filter(|(a, _)| fits(a))?;
    let end = at + length;
    let goes_on =
        rest[end..].starts_with(['-', '~']) && rest[end + 1..].starts_with(|c: char| c.is_ascii_digit());
    (!goes_on && (rest[end..].starts_with(sign_of(dash.as_str())) || sign_of(dash.as_str()).is_empty()))
        .then_some((Figure::Range(from, to), end))
}

/// The sign that stands before the dash of a range.
fn sign_of(dash: &str) -> &str {
    dash.trim_end_matches(['¥', ' ', '-', '~']).trim_end()
}
