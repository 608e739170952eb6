//! Days that somebody names: by the calendar, or from today on.

use language::Unit;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::is_number;

/// A day as it was named. What it comes to depends on the day of the conversation: see [`Day::after`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Day {
    /// So many days from today: 0 is today, -1 yesterday.
    Relative(i8),
    /// A day of the calendar; without a year the next one of that name.
    Calendar {
        /// The year, where it was said.
        year: Option<i16>,
        /// 1 to 12.
        month: i8,
        /// 1 to 31.
        day: i8,
    },
}

impl Day {
    /// Which day that is, said on `today`; `None` where the calendar has no such day.
    pub fn after(self, today: kb::Date) -> Option<kb::Date> {
        match self {
            Self::Relative(days) => {
                let epoch = kb::Date::new(1970, 1, 1)?;
                let number = i64::from(today.days_since(epoch)) + i64::from(days);
                kb::Date::in_china(number * 86_400_000)
            }
            Self::Calendar { year: Some(year), month, day } => kb::Date::new(year, month, day),
            Self::Calendar { year: None, month, day } => {
                let (year, _, _) = today.parts();
                // The 29th of February is at most eight years away.
                (year..=year + 8)
                    .filter_map(|year| kb::Date::new(year, month, day))
                    .find(|date| *date >= today)
            }
        }
    }
}

/// Words for a day by its distance from today, as unit keys. The Tibetan awaits a native reviewer.
const RELATIVE: &[(i8, &[&str])] = &[
    (-2, &["前天", "ཁས་ཉིན", "ཁས་ཉིན་ཀ"]),
    (-1, &["昨天", "昨日", "ཁ་སང", "ཁ་ས"]),
    (0, &["今天", "今日", "དེ་རིང", "དེ་རིང་ཉིན"]),
    (1, &["明天", "明日", "སང་ཉིན", "སང་ཉི"]),
    (3, &["大后天", "གཞེས་ཉིན"]),
    (2, &["后天", "གནངས་ཉིན"]),
];

/// The day that begins with the first unit, and how many units it takes.
pub(super) fn at(units: &[Unit]) -> Option<(usize, Day)> {
    relative(units).or_else(|| chinese(units)).or_else(|| tibetan(units))
}

fn relative(units: &[Unit]) -> Option<(usize, Day)> {
    use std::sync::OnceLock;
    /// Words by their first key, without it.
    type Words = FxHashMap<String, Vec<(Vec<String>, i8)>>;
    static KEYS: OnceLock<Words> = OnceLock::new();
    let words = KEYS.get_or_init(|| {
        let mut words = Words::default();
        for (days, word) in
            RELATIVE.iter().flat_map(|(days, words)| words.iter().map(move |word| (*days, *word)))
        {
            let mut keys = language::syllables(word).into_iter().map(|unit| unit.key);
            if let Some(first) = keys.next() {
                words.entry(first).or_default().push((keys.collect(), days));
            }
        }
        words
    });
    let (first, rest) = units.split_first()?;
    let begins = |key: &Vec<String>| {
        rest.len() >= key.len() && rest.iter().zip(key).all(|(unit, wanted)| unit.key == *wanted)
    };
    let longest =
        words.get(&first.key)?.iter().filter(|(key, _)| begins(key)).max_by_key(|(key, _)| key.len());
    longest.map(|(key, days)| (key.len() + 1, Day::Relative(*days)))
}

/// 2026年3月15日, 3月15号.
fn chinese(units: &[Unit]) -> Option<(usize, Day)> {
    let (year, rest) = match units {
        [year, mark, rest @ ..] if is_number(year) && mark.key == "年" => (Some(year_of(year)?), rest),
        _ => (None, units),
    };
    let [month, of_month, day, of_day, ..] = rest else { return None };
    let marked = of_month.key == "月" && matches!(of_day.key.as_str(), "日" | "号");
    let taken = if year.is_some() { 6 } else { 4 };
    marked.then(|| calendar(year, month, day)).flatten().map(|day| (taken, day))
}

/// ཟླ་བ་གསུམ་པའི་ཚེས་བཅོ་ལྔ, ཟླ་3ཚེས་15, and ལོ before them with the year before or after it.
fn tibetan(units: &[Unit]) -> Option<(usize, Day)> {
    // It begins with a number or with the word for a month, which hardly any unit is.
    let begins = |unit: &Unit| is_number(unit) || matches!(unit.key.as_str(), "ལོ" | "ཟླ");
    if !units.first().is_some_and(begins) {
        return None;
    }
    let mut at = 0;
    let mut year = None;
    let key = |at: usize| units.get(at).map(|unit| unit.key.as_str());
    let take = |at: &mut usize| -> Option<Unit> {
        let unit = units.get(*at).filter(|unit| is_number(unit)).cloned();
        *at += usize::from(unit.is_some());
        unit
    };
    let has = |at: &mut usize, wanted: &[&str]| {
        let found = key(*at).is_some_and(|key| wanted.contains(&key));
        *at += usize::from(found);
        found
    };
    let before = take(&mut at);
    if has(&mut at, &["ལོ"]) {
        has(&mut at, &["བ", "པ"]);
        let number = before.or_else(|| take(&mut at))?;
        year = Some(year_of(&number)?);
        has(&mut at, &["པ"]);
    } else if before.is_some() {
        return None;
    }
    if !has(&mut at, &["ཟླ"]) {
        return None;
    }
    has(&mut at, &["བ", "པ"]);
    let month = take(&mut at)?;
    has(&mut at, &["པ", "བ"]);
    if !has(&mut at, &["ཚེས"]) {
        return None;
    }
    let day = take(&mut at)?;
    calendar(year, &month, &day).map(|day| (at, day))
}

fn year_of(unit: &Unit) -> Option<i16> {
    unit.key.parse().ok().filter(|year| (1900..=2200).contains(year))
}

fn calendar(year: Option<i16>, month: &Unit, day: &Unit) -> Option<Day> {
    let number = |unit: &Unit, most: i8| {
        let number = is_number(unit).then(|| unit.key.parse::<i8>().ok()).flatten();
        number.filter(|number| (1..=most).contains(number))
    };
    Some(Day::Calendar { year, month: number(month, 12)?, day: number(day, 31)? })
}
