//! Dates and times of day.

use super::tokens::{Cursor, Placed, Token};
use super::{Kind, Match};

/// What may follow a day's 号 or 日 so that it is no day of the month: house and window numbers, spans of days.
const NO_DAY: &str = "楼院门线窗店房码文令通铺柜内以之后均";

/// A date or a part of one.
pub(super) fn date(tokens: &[Placed], at: usize) -> Option<Match> {
    let cursor = Cursor::new(tokens, at);
    if let Some(Token::Date { year, month, day }) = cursor.token() {
        return Some((1, Kind::Date, format!("{year}-{month:02}-{day:02}")));
    }
    let (taken, canonical) =
        year_and_month(cursor.clone()).or_else(|| chinese(cursor.clone())).or_else(|| tibetan(cursor))?;
    Some((taken, Kind::Date, canonical))
}

/// 2026-01 and 2026/01.
fn year_and_month(mut cursor: Cursor<'_>) -> Option<(usize, String)> {
    let year = cursor.year()?;
    let dash = cursor.stands_before("-/");
    cursor.skip();
    let recent = year.starts_with("19") || year.starts_with("20");
    let month = cursor.small(1, 12).filter(|_| dash && recent && !cursor.stands_before("-/个天年月"))?;
    Some((cursor.taken(), format!("{year}-{month:02}")))
}

fn written(year: Option<&str>, month: Option<u64>, day: Option<u64>) -> Option<String> {
    Some(match (year, month, day) {
        (Some(y), Some(m), Some(d)) => format!("{y}-{m:02}-{d:02}"),
        (Some(y), Some(m), None) => format!("{y}-{m:02}"),
        (Some(y), None, _) => y.to_owned(),
        (None, Some(m), Some(d)) => format!("--{m:02}-{d:02}"),
        (None, Some(m), None) => format!("--{m:02}"),
        (None, None, Some(d)) => format!("---{d:02}"),
        (None, None, None) => return None,
    })
}

/// Takes what `parse` reads; leaves the cursor where it is otherwise.
fn optional<'a, T>(cursor: &mut Cursor<'a>, parse: impl FnOnce(&mut Cursor<'a>) -> Option<T>) -> Option<T> {
    let mut ahead = cursor.clone();
    let parsed = parse(&mut ahead)?;
    *cursor = ahead;
    Some(parsed)
}

fn chinese(mut cursor: Cursor<'_>) -> Option<(usize, String)> {
    if cursor.directly_after('第') {
        return None;
    }
    cursor.han("公元");
    let year = optional(&mut cursor, |c| c.year().filter(|_| c.han("年")));
    let month = optional(&mut cursor, |c| {
        if c.han("元月") {
            return Some(1);
        }
        let month = c.small(1, 12).filter(|_| c.han("月"))?;
        c.han("份");
        Some(month)
    });
    let day = optional(&mut cursor, |c| {
        let day = c.small(1, 31)?;
        let named = c.han("日") || c.han("号") || c.han("號");
        // Beside a month the name can only be a day's.
        (named && (month.is_some() || !c.stands_before(NO_DAY))).then_some(day)
    });
    let day = day.filter(|_| year.is_none() || month.is_some());
    written(year.as_deref(), month, day).map(|canonical| (cursor.taken(), canonical))
}

/// Source of the pattern: the usage of Tibetan newspapers and notices (སྤྱི་ལོ་༢༠༢༦ལོའི་ཟླ་༡པའི་ཚེས་༡༥ཉིན). Awaits a native
/// reviewer.
fn tibetan(mut cursor: Cursor<'_>) -> Option<(usize, String)> {
    let year = optional(&mut cursor, |c| {
        let named = c.syllables("སྤྱི་ལོ");
        let year = c.year()?;
        let behind = c.syllables("ལོ") || c.syllables("ལོར") || c.syllables("ལོས");
        (named || behind).then_some(year)
    });
    let mut ordinal = false;
    let month = optional(&mut cursor, |c| {
        if !c.syllables("ཟླ") {
            return None;
        }
        c.syllables("བ");
        if c.syllables("དང་པོ") {
            ordinal = true;
            return Some(1);
        }
        let month = c.small(1, 12)?;
        ordinal = c.syllables("པ") || c.syllables("པོ") || c.syllables("པར");
        Some(month)
    });
    let day = optional(&mut cursor, |c| {
        if !c.syllables("ཚེས") {
            return None;
        }
        c.syllables("པ");
        let day = c.small(1, 31)?;
        c.syllables("ཉིན");
        Some(day)
    });
    // Three months are ཟླ་བ་གསུམ, too.
    if year.is_none() && day.is_none() && !ordinal {
        return None;
    }
    let day = day.filter(|_| year.is_none() || month.is_some());
    written(year.as_deref(), month, day).map(|canonical| (cursor.taken(), canonical))
}

/// Parts of the day: whether the hours after noon are meant.
const CHINESE_PARTS: [(&str, bool); 12] = [
    ("上午", false),
    ("早上", false),
    ("早晨", false),
    ("凌晨", false),
    ("清晨", false),
    ("中午", true),
    ("下午", true),
    ("晚上", true),
    ("傍晚", true),
    ("夜里", false),
    ("今晚", true),
    ("明早", false),
];
const TIBETAN_PARTS: [(&str, bool); 6] =
    [("སྔ་དྲོ", false), ("ཞོགས་པ", false), ("ཞོགས་པར", false), ("ཕྱི་དྲོ", true), ("དགོང་དྲོ", true), ("དགོང་མོ", true)];

/// A time of day.
pub(super) fn time(tokens: &[Placed], at: usize) -> Option<Match> {
    let mut cursor = Cursor::new(tokens, at);
    let part = cursor.one_of(&CHINESE_PARTS).or_else(|| {
        TIBETAN_PARTS.iter().find(|(word, _)| cursor.syllables(word)).map(|(_, afternoon)| *afternoon)
    });
    let (hour, minute) = if let Some(Token::Time { hour, minute }) = cursor.token() {
        let clock = (*hour, *minute);
        cursor.skip();
        clock
    } else {
        optional(&mut cursor, |c| chinese_clock(c, part.is_some()))
            .or_else(|| optional(&mut cursor, tibetan_clock))?
    };
    let hour = match (part, hour) {
        // Noon itself, and eleven in the morning said as 中午十一点.
        (Some(true), 1..=9) => hour + 12,
        (Some(true), 10 | 11) if !tokens_begin(tokens, at, '中') => hour + 12,
        _ => hour,
    };
    Some((cursor.taken(), Kind::Time, format!("{hour:02}:{minute:02}")))
}

fn tokens_begin(tokens: &[Placed], at: usize, c: char) -> bool {
    tokens[at].token == Token::Character(c)
}

/// What may follow a bare "three o'clock"; anything else may be "three points".
const AFTER_CLOCK: &str = "前后到至开上下关之以左和整钟";

fn chinese_clock(c: &mut Cursor<'_>, certain: bool) -> Option<(u64, u64)> {
    // 一 in 一点 ("a bit") is no number by itself.
    let number = matches!(c.token(), Some(Token::Number { .. }));
    let hour = c.small(0, 24)?;
    let named = c.han("点") || c.han("點") || (certain && c.han("时"));
    if !named {
        return None;
    }
    if c.han("钟") || c.han("整") {
        return Some((hour, 0));
    }
    for (word, minute) in [("半", 30), ("一刻", 15), ("三刻", 45), ("十分", 10)] {
        if c.han(word) {
            return Some((hour, minute));
        }
    }
    let minute = optional(c, |c| {
        c.han("零");
        let minute = c.small(0, 59)?;
        (c.han("分") || minute >= 10).then_some(minute)
    });
    if let Some(minute) = minute {
        return Some((hour, minute));
    }
    let open = c.character().is_some_and(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
        && !c.stands_before(AFTER_CLOCK);
    (certain || (number && !open)).then_some((hour, 0))
}

fn tibetan_clock(c: &mut Cursor<'_>) -> Option<(u64, u64)> {
    if !c.syllables("ཆུ་ཚོད") {
        return None;
    }
    let hour = c.small(0, 23)?;
    let minute = optional(c, |c| {
        c.syllables("པ");
        c.syllables("དང");
        if c.syllables("ཕྱེད་ཀ") || c.syllables("ཕྱེད") {
            return Some(30);
        }
        if c.syllables("སྐར་མ") { c.small(0, 59) } else { None }
    });
    Some((hour, minute.unwrap_or(0)))
}
