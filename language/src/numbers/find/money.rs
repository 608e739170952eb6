//! Sums of money.

use super::tokens::{Cursor, Placed, Token};
use super::{Kind, Match};

/// Signs and names before a sum.
const BEFORE: [(&str, &str); 8] = [
    ("¥", "CNY"),
    ("￥", "CNY"),
    ("人民币", "CNY"),
    ("人民幣", "CNY"),
    ("$", "USD"),
    ("＄", "USD"),
    ("€", "EUR"),
    ("£", "GBP"),
];

/// Names after a sum.
const AFTER: [(&str, &str); 14] = [
    ("元", "CNY"),
    ("圆", "CNY"),
    ("圓", "CNY"),
    ("块钱", "CNY"),
    ("塊錢", "CNY"),
    ("美元", "USD"),
    ("美金", "USD"),
    ("港元", "HKD"),
    ("港币", "HKD"),
    ("欧元", "EUR"),
    ("日元", "JPY"),
    ("英镑", "GBP"),
    ("卢比", "INR"),
    ("澳元", "AUD"),
];

/// What may follow 块 after a sum; otherwise it is a piece of something.
const AFTER_KUAI: &str = "多左以的吗呢啊一每到至够行就整";

/// What may follow a part of a sum that is named by its digit alone (两块五一斤, 五毛五的); before any other character the
/// digit counts something (三块五花肉 are three pieces of meat).
const AFTER_DIGIT: &str = "一每的了吗呢吧啊左以多到至和或够行就整";

/// A sum of money; `300-500元` is a range of sums.
pub(super) fn money(tokens: &[Placed], at: usize) -> Option<Match> {
    let (taken, currency, amount) =
        chinese(Cursor::new(tokens, at)).or_else(|| tibetan(Cursor::new(tokens, at)))?;
    Some((taken, Kind::Money, format!("{currency} {amount}")))
}

fn amount(cursor: &mut Cursor<'_>) -> Option<String> {
    let plain = cursor.amount().filter(|a| !a.ends_with('%'))?;
    Some(if plain.contains('.') {
        plain.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        plain
    })
}

fn chinese(mut cursor: Cursor<'_>) -> Option<(usize, &'static str, String)> {
    let before = cursor.one_of(&BEFORE);
    if let Some(small) = mao(&mut cursor) {
        return Some((cursor.taken(), "CNY", small));
    }
    let first = amount(&mut cursor)?;
    let last = cursor.range_end();
    let kuai = matches!(cursor.character(), Some('块' | '塊'));
    let after = cursor.one_of(&AFTER).or_else(|| (kuai && is_sum(cursor.clone())).then_some("CNY"));
    let currency = before.or(after)?;
    if after.is_some() && matches!(cursor.character(), Some('块' | '塊')) {
        cursor.skip();
    }
    if let Some(last) = last {
        return Some((cursor.taken(), currency, format!("{first}-{last}")));
    }
    let whole = after.is_some() && !first.contains('.');
    let fraction = if whole { fraction(&mut cursor, kuai) } else { String::new() };
    cursor.han("钱");
    cursor.han("整");
    Some((cursor.taken(), currency, first + &fraction))
}

/// Whether the 块 that is next counts money.
fn is_sum(mut cursor: Cursor<'_>) -> bool {
    cursor.skip();
    let next = cursor.character();
    let open = next.is_some_and(is_han);
    !open
        || cursor.stands_before(AFTER_KUAI)
        || half(&mut cursor.clone())
        || cursor.zero()
        || cursor.small(1, 9).is_some()
}

fn is_han(c: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&c)
}

/// Whether a digit that was just taken may be the last of a sum.
fn is_last(cursor: &Cursor<'_>) -> bool {
    let open = cursor.character().is_some_and(is_han) && !cursor.stands_before(AFTER_DIGIT);
    !open && !matches!(cursor.token(), Some(Token::Number { .. }))
}

/// 半 with nothing behind it that could be halved.
fn half(cursor: &mut Cursor<'_>) -> bool {
    cursor.han("半") && (cursor.stands_before("钱錢") || is_last(cursor))
}

/// The hundredths after 毛 or 角: 五分, and 五 with nothing counted behind it.
fn hundredths(cursor: &mut Cursor<'_>) -> Option<u64> {
    let mut ahead = cursor.clone();
    let adjoins = ahead.adjoins();
    let n = ahead.small(1, 9)?;
    let named = ahead.han("分");
    (named || (adjoins && is_last(&ahead))).then(|| {
        *cursor = ahead;
        n
    })
}

/// 五毛 is half a yuan, 五毛五 five hundredths more.
fn mao(cursor: &mut Cursor<'_>) -> Option<String> {
    let mut ahead = cursor.clone();
    let tenths = ahead.small(1, 9)?;
    let named = ahead.han("毛")
        || (ahead.han("角") && (ahead.character().is_none() || ahead.stands_before("钱整，。、！？ ")));
    if !named {
        return None;
    }
    let hundredths = hundredths(&mut ahead).map(|n| n.to_string()).unwrap_or_default();
    ahead.han("钱");
    *cursor = ahead;
    Some(format!("0.{tenths}{hundredths}"))
}

/// What follows 元 or 块: 五毛三, 五角三分, 零五毛, 零五分; after 块 also 五 alone, 零五 and 半.
fn fraction(cursor: &mut Cursor<'_>, kuai: bool) -> String {
    let mut ahead = cursor.clone();
    if kuai && half(&mut ahead) {
        *cursor = ahead;
        return ".5".to_owned();
    }
    let mut ahead = cursor.clone();
    let zero = ahead.zero();
    let Some(digit) = ahead.small(0, 9) else { return String::new() };
    if ahead.han("角") || ahead.han("毛") {
        let hundredths = hundredths(&mut ahead).map(|n| n.to_string()).unwrap_or_default();
        *cursor = ahead;
        return if digit == 0 && hundredths.is_empty() {
            String::new()
        } else {
            format!(".{digit}{hundredths}")
        };
    }
    let mut cents = ahead.clone();
    if digit > 0 && cents.han("分") && (cents.stands_before("钱錢") || is_last(&cents)) {
        *cursor = cents;
        return format!(".0{digit}");
    }
    // 三块五 with nothing counted behind it.
    if kuai && digit > 0 && is_last(&ahead) {
        *cursor = ahead;
        return format!(".{}{digit}", if zero { "0" } else { "" });
    }
    String::new()
}

/// སྒོར (yuan) before or after the number, ཟུར for a tenth, ཕྱེད་ཀ for a half. Awaits a native reviewer.
fn tibetan(mut cursor: Cursor<'_>) -> Option<(usize, &'static str, String)> {
    let foreign = cursor.syllables("ཨ་སྒོར");
    let currency = if foreign { "USD" } else { "CNY" };
    let before = foreign || cursor.syllables("སྒོར");
    if before {
        cursor.syllables("མོ");
    }
    let first = amount(&mut cursor)?;
    let last = cursor.range_end();
    let after = !before && cursor.syllables("སྒོར");
    if after {
        cursor.syllables("མོ");
    }
    if !(before || after) {
        return None;
    }
    if let Some(last) = last {
        return Some((cursor.taken(), currency, format!("{first}-{last}")));
    }
    let mut ahead = cursor.clone();
    let and = ahead.syllables("དང");
    if and && !first.contains('.') && (ahead.syllables("ཕྱེད་ཀ") || ahead.syllables("ཕྱེད"))
    {
        return Some((ahead.taken(), currency, format!("{first}.5")));
    }
    if ahead.syllables("ཟུར")
        && let Some(tenths) = ahead.small(1, 9)
    {
        return Some((ahead.taken(), currency, format!("{first}.{tenths}")));
    }
    Some((cursor.taken(), currency, first))
}
