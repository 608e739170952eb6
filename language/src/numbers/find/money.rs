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
    let open = next.is_some_and(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
    !open || cursor.stands_before(AFTER_KUAI) || cursor.small(1, 9).is_some()
}

/// 五毛 is half a yuan.
fn mao(cursor: &mut Cursor<'_>) -> Option<String> {
    let mut ahead = cursor.clone();
    let tenths = ahead.small(1, 9)?;
    let named = ahead.han("毛")
        || (ahead.han("角") && (ahead.character().is_none() || ahead.stands_before("钱整，。、！？ ")));
    if !named {
        return None;
    }
    ahead.han("钱");
    *cursor = ahead;
    Some(format!("0.{tenths}"))
}

/// What follows 元 or 块: 五毛三, 五角三分; after 块 also 五 alone.
fn fraction(cursor: &mut Cursor<'_>, kuai: bool) -> String {
    let mut ahead = cursor.clone();
    let Some(tenths) = ahead.small(0, 9) else { return String::new() };
    if !(ahead.han("角") || ahead.han("毛")) {
        // 三块五 with nothing counted behind it.
        let alone = !ahead.character().is_some_and(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
            && !matches!(ahead.token(), Some(Token::Number { .. }));
        if kuai && alone && tenths > 0 {
            *cursor = ahead;
            return format!(".{tenths}");
        }
        return String::new();
    }
    *cursor = ahead.clone();
    if let Some(hundredths) = ahead.small(1, 9)
        && ahead.han("分")
    {
        *cursor = ahead;
        return format!(".{tenths}{hundredths}");
    }
    if tenths == 0 { String::new() } else { format!(".{tenths}") }
}

/// སྒོར (yuan) before or after the number, ཟུར for a tenth. Awaits a native reviewer.
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
    ahead.syllables("དང");
    if ahead.syllables("ཟུར")
        && let Some(tenths) = ahead.small(1, 9)
    {
        return Some((ahead.taken(), currency, format!("{first}.{tenths}")));
    }
    Some((cursor.taken(), currency, first))
}
