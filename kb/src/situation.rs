//! What is known about the citizen's circumstances: it decides which text of an answer applies.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A day of the Gregorian calendar, as `2026-03-01` in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date(jiff::civil::Date);

/// A text that is no day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” is no date; write 2026-03-01")]
pub struct NoDate(pub String);

impl Date {
    /// The day; `None` where the calendar has no such day.
    pub fn new(year: i16, month: i8, day: i8) -> Option<Self> {
        jiff::civil::Date::new(year, month, day).ok().map(Self)
    }

    /// The day it is in China (UTC+8, no summer time: the hotline's whole area) `millis` milliseconds after the Unix
    /// epoch; `None` beyond the calendar.
    pub fn in_china(millis: i64) -> Option<Self> {
        let offset = jiff::tz::Offset::constant(8);
        jiff::Timestamp::from_millisecond(millis).ok().map(|moment| Self(offset.to_datetime(moment).date()))
    }

    /// The day it is now in China, from the system's clock. For commands; what is tested passes a day in.
    pub fn today() -> Self {
        Self(jiff::tz::Offset::constant(8).to_datetime(jiff::Timestamp::now()).date())
    }

    /// How many days `earlier` lies before this day; negative where it lies after it.
    pub fn days_since(self, earlier: Self) -> i32 {
        self.0.duration_since(earlier.0).as_hours().div_euclid(24) as i32
    }

    /// The next day; `None` at the end of the calendar.
    pub fn tomorrow(self) -> Option<Self> {
        self.0.tomorrow().ok().map(Self)
    }

    /// Year, month (1–12) and day (1–31).
    pub fn parts(self) -> (i16, i8, i8) {
        (self.0.year(), self.0.month(), self.0.day())
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Date {
    type Err = NoDate;

    fn from_str(text: &str) -> Result<Self, NoDate> {
        let shape = text.len() == 10
            && text
                .bytes()
                .enumerate()
                .all(|(at, b)| if at == 4 || at == 7 { b == b'-' } else { b.is_ascii_digit() });
        let date = shape.then(|| text.parse().ok()).flatten();
        date.map(Self).ok_or_else(|| NoDate(text.to_owned()))
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// The citizen's circumstances, as far as the conversation has brought them out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Situation {
    /// The place that is asked about: a code of [`crate::regions`].
    pub region: Option<String>,
    /// The person group that is asked about: a name that the knowledge base's own variants use, such as `pensioner`.
    pub group: Option<String>,
    /// The day for which the answer is wanted: usually today.
    pub date: Date,
}

impl Situation {
    /// Nothing is known but the day.
    pub const fn on(date: Date) -> Self {
        Self { region: None, group: None, date }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_written_as_it_is_read_and_nothing_else_is_a_day() {
        let day: Date = "2026-02-28".parse().unwrap();
        assert_eq!(day.to_string(), "2026-02-28");
        for wrong in
            ["2026-02-30", "2026-2-28", "20260228", "28.02.2026", "", "2026-02-28T10:00", "༢༠༢༦-༠༢-༢༨"]
        {
            assert!(wrong.parse::<Date>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn days_are_counted_across_months_and_leap_years() {
        let day = |text: &str| text.parse::<Date>().unwrap();
        assert_eq!(day("2024-03-01").days_since(day("2024-02-28")), 2);
        assert_eq!(day("2026-01-01").days_since(day("2025-01-01")), 365);
        assert_eq!(day("2025-01-01").days_since(day("2026-01-01")), -365);
    }

    #[test]
    fn a_day_begins_at_midnight_in_china() {
        // 2026-03-01T16:00:00Z is midnight of the 2nd there.
        assert_eq!(Date::in_china(1_772_380_800_000 - 1).unwrap().to_string(), "2026-03-01");
        assert_eq!(Date::in_china(1_772_380_800_000).unwrap().to_string(), "2026-03-02");
    }
}
