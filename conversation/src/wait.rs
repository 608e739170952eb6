//! How long a citizen may have to wait, and whether people are at work.

use std::time::Duration;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// A wait as people are told it: never a minute's precision that nobody has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct WaitRange {
    /// At least so many minutes; 0: no time worth mentioning.
    pub from_minutes: u32,
    /// At most so many; absent where nobody can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_minutes: Option<u32>,
}

/// The steps in which waits are told, in minutes.
const STEPS: [u32; 9] = [0, 2, 5, 10, 15, 20, 30, 45, 60];

/// Handling times that are looked back on.
const REMEMBERED: usize = 50;

/// What is taken for a handling time before there is any experience: the lower end of what call centres report for enquiries.
const USUAL_HANDLING: Duration = Duration::from_mins(6);

/// How long people have been busy with conversations lately, for estimates.
///
/// The queue is taken for one of `agents` servers whose service times look like the last ones: the wait of the `n`th is the sum of `n` such times divided
/// by the servers, approximately normal with mean `n·m/c` and standard deviation `√n·s/c` (the central limit theorem; with one standard deviation to each side,
/// two waits in three lie inside).
#[derive(Clone, Debug, Default)]
pub struct HandlingTimes {
    /// The last ones, in seconds, the oldest first.
    last: std::collections::VecDeque<f64>,
}

impl HandlingTimes {
    /// Remembers one; forgets the oldest.
    pub fn remember(&mut self, time: Duration) {
        if self.last.len() == REMEMBERED {
            self.last.pop_front();
        }
        self.last.push_back(time.as_secs_f64());
    }

    /// How long whoever stands at a place of the queue (1 = next) waits, with so many people at work of whom so many are free for them. `None` where nobody is
    /// at work: nobody can tell.
    pub fn wait(&self, position: u32, at_work: u32, free: u32) -> Option<WaitRange> {
        if at_work == 0 {
            return None;
        }
        let ahead = f64::from(position.saturating_sub(free));
        let (mean, deviation) = self.moments();
        let servers = f64::from(at_work);
        let (middle, spread) = (ahead * mean / servers, ahead.sqrt() * deviation / servers);
        Some(WaitRange::around((middle - spread).max(0.0), middle + spread))
    }

    fn moments(&self) -> (f64, f64) {
        // The usual time counts as one observation, so that the first odd one does not decide.
        let usual = USUAL_HANDLING.as_secs_f64();
        let count = self.last.len() as f64 + 1.0;
        let mean = (self.last.iter().sum::<f64>() + usual) / count;
        let squares =
            self.last.iter().map(|time| (time - mean).powi(2)).sum::<f64>() + (usual - mean).powi(2);
        // Exponential service times, which have as much spread as length, until there is experience.
        let deviation = if self.last.len() < 5 { mean } else { (squares / count).sqrt() };
        (mean, deviation)
    }
}

impl WaitRange {
    /// The steps around a range of seconds.
    fn around(from: f64, to: f64) -> Self {
        let minutes = |seconds: f64| seconds / 60.0;
        let below =
            STEPS.iter().rev().find(|step| f64::from(**step) <= minutes(from)).copied().unwrap_or_default();
        let above = STEPS.iter().find(|step| **step > below && f64::from(**step) >= minutes(to)).copied();
        Self { from_minutes: below, to_minutes: above }
    }
}

/// Whether people are at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// They are.
    Open,
    /// They are not.
    Closed {
        /// When they are again, as a time of the office's own clock; `None` where the hours do not say.
        opens: Option<OpensAt>,
    },
}

/// When people are at work again, by the office's own clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpensAt {
    /// Days from today.
    pub days: u32,
    /// Which day of the week, 1 = Monday.
    pub weekday: u8,
    /// Hour.
    pub hour: u8,
    /// Minute.
    pub minute: u8,
}

/// When people are at work: hours by weekday, and days on which they are not. An empty week means always.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OfficeHours {
    /// The office's time zone, such as `Asia/Shanghai`.
    pub time_zone: String,
    /// Spans such as `09:30-13:00` by weekday, Monday first.
    pub week: [Vec<Span>; 7],
    /// Days such as `2026-10-01` on which nobody is at work.
    #[schemars(with = "Vec<String>")]
    pub holidays: Vec<Date>,
    /// Days with hours of their own, such as a Sunday worked in exchange for a holiday.
    pub special: Vec<SpecialDay>,
}

/// A day with hours of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SpecialDay {
    /// Which.
    #[schemars(with = "String")]
    pub date: Date,
    /// Its hours.
    pub hours: Vec<Span>,
}

impl Default for OfficeHours {
    fn default() -> Self {
        Self {
            time_zone: "Asia/Shanghai".to_owned(),
            week: std::array::from_fn(|_| Vec::new()),
            holidays: Vec::new(),
            special: Vec::new(),
        }
    }
}

/// Part of a day, in minutes since midnight: from the first to before the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Span {
    from: u16,
    to: u16,
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("`{text}` are no hours; write them like 09:30-18:00");
        let minutes = |text: &str| -> Option<u16> {
            let (hour, minute) = text.trim().split_once(':')?;
            let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
            (hour < 24 && minute < 60 || (hour, minute) == (24, 0)).then_some(hour * 60 + minute)
        };
        let (from, to) = text.split_once('-').ok_or_else(wrong)?;
        let (from, to) = minutes(from).zip(minutes(to)).ok_or_else(wrong)?;
        if from < to { Ok(Self { from, to }) } else { Err(wrong()) }
    }
}

impl From<Span> for String {
    fn from(Span { from, to }: Span) -> Self {
        format!("{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
    }
}

/// How many days ahead the next opening is looked for: longer than the longest holiday.
const LOOK_AHEAD: u32 = 30;
const MILLIS_PER_MINUTE: i64 = 60_000;

impl OfficeHours {
    /// Checks the time zone, that no two spans of a day overlap, and that no day has its hours twice.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn validate(&self) -> Result<(), String> {
        TimeZone::get(&self.time_zone)
            .map_err(|error| format!("`{}` is no time zone that is known here: {error}", self.time_zone))?;
        for day in self.week.iter().chain(self.special.iter().map(|special| &special.hours)) {
            let mut spans = day.clone();
            spans.sort_unstable_by_key(|span| span.from);
            if let Some([one, other]) = spans.windows(2).find(|pair| pair[1].from < pair[0].to) {
                return Err(format!("{} and {} overlap", String::from(*one), String::from(*other)));
            }
        }
        let days: Vec<Date> = self.special.iter().map(|special| special.date).collect();
        match days.iter().enumerate().find(|(number, day)| days[..*number].contains(day)) {
            Some((_, twice)) => Err(format!("{twice} has hours of its own twice")),
            None => Ok(()),
        }
    }

    /// Whether people are at work at that moment. Hours that say nothing, or a time zone that is not known, mean always: better a wait than a closed door.
    pub fn at(&self, moment: Timestamp) -> Opening {
        if self.week.iter().all(Vec::is_empty) && self.special.is_empty() {
            return Opening::Open;
        }
        let Ok(zone) = TimeZone::get(&self.time_zone) else { return Opening::Open };
        let Ok(instant) = jiff::Timestamp::from_millisecond(moment.as_millis()) else { return Opening::Open };
        let local = instant.to_zoned(zone);
        let now = minute_of(local.time());
        let mut date = local.date();
        for days in 0..=LOOK_AHEAD {
            for span in self.hours_of(date) {
                if days == 0 && (span.from..span.to).contains(&now) {
                    return Opening::Open;
                }
                if days > 0 || span.from > now {
                    let opens = OpensAt {
                        days,
                        weekday: date.weekday().to_monday_one_offset().unsigned_abs(),
                        hour: (span.from / 60) as u8,
                        minute: (span.from % 60) as u8,
                    };
                    return Opening::Closed { opens: Some(opens) };
                }
            }
            let Ok(next) = date.tomorrow() else { break };
            date = next;
        }
        Opening::Closed { opens: None }
    }

    /// Since when nobody is at work any more; `None` where people are, or where the hours do not say.
    pub fn closed_since(&self, moment: Timestamp) -> Option<Timestamp> {
        if self.at(moment) == Opening::Open {
            return None;
        }
        let zone = TimeZone::get(&self.time_zone).ok()?;
        let instant = jiff::Timestamp::from_millisecond(moment.as_millis()).ok()?;
        let local = instant.to_zoned(zone.clone());
        let now = minute_of(local.time());
        let mut date = local.date();
        for days in 0..=LOOK_AHEAD {
            let over = |span: &&Span| days > 0 || span.to <= now;
            if let Some(last) = self.hours_of(date).iter().rev().find(over) {
                let midnight = date.to_zoned(zone).ok()?.timestamp().as_millisecond();
                return Some(Timestamp::from_millis(midnight + i64::from(last.to) * MILLIS_PER_MINUTE));
            }
            date = date.yesterday().ok()?;
        }
        None
    }

    /// In order of time.
    fn hours_of(&self, date: Date) -> Vec<Span> {
        let mut hours = if let Some(special) = self.special.iter().find(|special| special.date == date) {
            special.hours.clone()
        } else if self.holidays.contains(&date) {
            Vec::new()
        } else {
            self.week[day_number(date.weekday())].clone()
        };
        hours.sort_unstable_by_key(|span| span.from);
        hours
    }
}

fn day_number(weekday: Weekday) -> usize {
    usize::from(weekday.to_monday_zero_offset().unsigned_abs())
}

fn minute_of(time: Time) -> u16 {
    u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a step that fails fails the test")]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    fn hours() -> OfficeHours {
        let spans = |texts: &[&str]| texts.iter().map(|t| Span::try_from((*t).to_owned()).unwrap()).collect();
        let mut hours = OfficeHours::default();
        for day in 0..5 {
            hours.week[day] = spans(&["15:30-18:30", "09:30-13:00"]);
        }
        hours.holidays.push("2026-10-01".parse().unwrap());
        hours
            .special
            .push(SpecialDay { date: "2026-10-10".parse().unwrap(), hours: spans(&["10:00-12:00"]) });
        hours
    }

    #[test]
    fn people_are_at_work_by_the_offices_own_clock() {
        // Wednesday, 30 September 2026; Beijing is eight hours ahead of UTC.
        assert_eq!(hours().at(at("2026-09-30T01:30:00Z")), Opening::Open);
        assert_eq!(hours().at(at("2026-09-30T10:29:59Z")), Opening::Open);
        let later = |days, weekday, hour, minute| Opening::Closed {
            opens: Some(OpensAt { days, weekday, hour, minute }),
        };
        assert_eq!(hours().at(at("2026-09-30T01:29:00Z")), later(0, 3, 9, 30), "before they come");
        assert_eq!(hours().at(at("2026-09-30T05:00:00Z")), later(0, 3, 15, 30), "at noon");
        assert_eq!(hours().at(at("2026-09-30T11:00:00Z")), later(2, 5, 9, 30), "the next day is a holiday");
        assert_eq!(hours().at(at("2026-10-09T11:00:00Z")), later(1, 6, 10, 0), "a Saturday is worked");
    }

    #[test]
    fn it_is_known_since_when_nobody_is_there() {
        assert_eq!(hours().closed_since(at("2026-09-30T01:30:00Z")), None, "they are there");
        assert_eq!(
            hours().closed_since(at("2026-09-30T05:00:00Z")),
            Some(at("2026-09-30T05:00:00Z")),
            "noon"
        );
        assert_eq!(hours().closed_since(at("2026-09-30T11:00:00Z")), Some(at("2026-09-30T10:30:00Z")));
        let evening = Some(at("2026-09-30T10:30:00Z"));
        assert_eq!(hours().closed_since(at("2026-10-01T04:00:00Z")), evening, "all through a holiday");
        assert_eq!(hours().closed_since(at("2026-10-02T01:29:59Z")), evening, "until they come");
        assert_eq!(OfficeHours::default().closed_since(at("2026-09-30T11:00:00Z")), None, "always open");
    }

    #[test]
    fn no_hours_mean_always_and_only_holidays_mean_nobody_knows() {
        assert_eq!(OfficeHours::default().at(at("2026-09-30T01:30:00Z")), Opening::Open);
        let never = OfficeHours {
            special: vec![SpecialDay { date: Date::MIN, hours: Vec::new() }],
            ..Default::default()
        };
        assert_eq!(never.at(at("2026-09-30T01:30:00Z")), Opening::Closed { opens: None });
        let nowhere = OfficeHours { time_zone: "Asia/Shambhala".to_owned(), ..hours() };
        assert!(nowhere.validate().is_err());
        assert!(hours().validate().is_ok());
        let mut overlapping = hours();
        overlapping.week[0].push(Span::try_from("12:00-14:00".to_owned()).unwrap());
        assert_eq!(overlapping.validate().unwrap_err(), "09:30-13:00 and 12:00-14:00 overlap");
        let mut twice = hours();
        twice.special.push(twice.special[0].clone());
        assert_eq!(twice.validate().unwrap_err(), "2026-10-10 has hours of its own twice");
    }

    #[test]
    fn hours_are_read_and_nonsense_is_explained() {
        for wrong in ["9-18", "18:00-09:00", "09:60-10:00", "25:00-26:00", "09:00-09:00", ""] {
            assert!(Span::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
        assert_eq!(String::from(Span::try_from("9:05-24:00".to_owned()).unwrap()), "09:05-24:00");
    }

    #[test]
    fn a_wait_grows_with_the_queue_and_shrinks_with_the_people() {
        let mut times = HandlingTimes::default();
        for minutes in [4, 5, 6, 5, 4, 6, 5, 5] {
            times.remember(Duration::from_mins(minutes));
        }
        assert_eq!(times.wait(1, 3, 2), Some(WaitRange { from_minutes: 0, to_minutes: Some(2) }));
        assert_eq!(times.wait(1, 0, 0), None, "nobody is there");
        let ends = |position, people| {
            let range = times.wait(position, people, 0).unwrap();
            (range.from_minutes, range.to_minutes.unwrap_or(u32::MAX))
        };
        for people in 1..10 {
            for position in 1..30 {
                let (here, behind, more) =
                    (ends(position, people), ends(position + 1, people), ends(position, people + 1));
                assert!(here.0 < here.1);
                assert!(behind.0 >= here.0 && behind.1 >= here.1);
                assert!(more.0 <= here.0 && more.1 <= here.1);
            }
        }
        assert_eq!(times.wait(100, 2, 0).unwrap().to_minutes, None, "over an hour is just long");
    }
}
