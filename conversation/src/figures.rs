//! What the console counts: figures by day, written in the transaction of the events that they count, so that a figure and the logs
//! never say different things.
//!
//! [`counts`] says what one event counts for; it knows the event and the conversation before it, and nothing else. A figure holds no
//! citizen's words and names nobody: a place is a prefecture at the closest. Erasing a conversation leaves figures as they are.
//!
//! What counts as a question is what the citizen said, typed or chose and the assistant answered, asked back about or did not
//! understand; greetings and the like do not count, nor does an answer that is only said again.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use jiff::civil::Date;
use language::Language;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::{Event, EventBody, SayAct};
use crate::handoff::Handoff;
use crate::ids::ConversationId;
use crate::state::{ConversationState, ProjectionError};
use crate::store::StoreError;
use crate::time::Timestamp;
use intents::EscalationReason;

/// A day in China (UTC+8), where the service is, whatever the server's clock says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Day(i32);

const CHINA_AHEAD_MS: i64 = 8 * 3_600_000;
const DAY_MS: i64 = 24 * 3_600_000;

impl Day {
    /// The day that a moment belongs to.
    pub fn of(moment: Timestamp) -> Self {
        let days = moment.as_millis().saturating_add(CHINA_AHEAD_MS).div_euclid(DAY_MS);
        Self(i32::try_from(days).unwrap_or(if days < 0 { i32::MIN } else { i32::MAX }))
    }

    /// The day that lies so many days after 1970-01-01.
    pub const fn from_number(number: i32) -> Self {
        Self(number)
    }

    /// Days since 1970-01-01.
    pub const fn number(self) -> i32 {
        self.0
    }

    /// So many days earlier; saturates.
    #[must_use]
    pub const fn minus(self, days: i32) -> Self {
        Self(self.0.saturating_sub(days))
    }
}

impl fmt::Display for Day {
    /// `2026-11-30`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let epoch = Date::constant(1970, 1, 1);
        match epoch.checked_add(jiff::Span::new().days(self.0)) {
            Ok(date) => write!(f, "{date}"),
            Err(_) => write!(f, "day {}", self.0),
        }
    }
}

impl FromStr for Day {
    type Err = NoDay;

    fn from_str(text: &str) -> Result<Self, NoDay> {
        let date: Date = text.parse().map_err(|_| NoDay(text.to_owned()))?;
        let days = Date::constant(1970, 1, 1).duration_until(date).as_hours() / 24;
        i32::try_from(days).map(Self).map_err(|_| NoDay(text.to_owned()))
    }
}

/// A text is no day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no day; write it like 2026-11-30")]
pub struct NoDay(String);

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Conversations that began, by channel.
    Begun,
    /// Questions that the assistant answered, by channel.
    Answered,
    /// Questions that it asked back about, by channel.
    Clarified,
    /// Questions that it did not understand, by channel.
    NotUnderstood,
    /// Conversations that were handed over to people, by reason.
    HandedOver,
    /// Answers, by entry.
    Entry,
    /// Questions of citizens who said where they are or ask about, by prefecture (GB/T 2260), or `540000` for the whole region.
    Place,
    /// Conversations that somebody took out of the queue for the first time, by [`wait_step`]; the total is seconds.
    Waited,
    /// Citizens who did not wait until somebody came.
    GaveUp,
    /// What citizens said by one tap: `helped`; `wrong` about the assistant's last answer, which reports it; `not_helped` about
    /// anything else. Of several about the same thing the last one counts, and those before it are taken back from their days.
    Rated,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Begun,
        Self::Answered,
        Self::Clarified,
        Self::NotUnderstood,
        Self::HandedOver,
        Self::Entry,
        Self::Place,
        Self::Waited,
        Self::GaveUp,
        Self::Rated,
    ];

    /// The column of a store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Answered => "answered",
            Self::Clarified => "clarified",
            Self::NotUnderstood => "not_understood",
            Self::HandedOver => "handed_over",
            Self::Entry => "entry",
            Self::Place => "place",
            Self::Waited => "waited",
            Self::GaveUp => "gave_up",
            Self::Rated => "rated",
        }
    }
}

impl FromStr for Measure {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|measure| measure.as_str() == text)
            .ok_or_else(|| format!("nothing called {text:?} is counted"))
    }
}

/// What a count is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Figure {
    /// When.
    pub day: Day,
    /// What.
    pub measure: Measure,
    /// The conversation's language.
    pub language: Language,
    /// What it is divided by, as [`Measure`] says; empty where by nothing.
    pub key: String,
}

/// How much.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Amount {
    /// How often. Less than 0 where something is taken back.
    pub count: i64,
    /// The sum of what was measured.
    pub total: f64,
}

/// Counts, each figure once.
pub type Counts = BTreeMap<Figure, Amount>;

/// Adds `more` to `counts`.
pub fn add(counts: &mut Counts, more: Counts) {
    for (figure, amount) in more {
        let sum = counts.entry(figure).or_default();
        sum.count += amount.count;
        sum.total += amount.total;
    }
}

/// The steps in which waiting times are counted, in seconds: no longer than …
pub const WAIT_STEPS: [u32; 11] = [10, 20, 30, 60, 120, 180, 300, 600, 900, 1_800, 3_600];

/// The step that a wait belongs to, as a key: its upper end in seconds; `more` where it was longer than all of them.
pub fn wait_step(wait: Duration) -> String {
    WAIT_STEPS
        .iter()
        .find(|step| wait <= Duration::from_secs(u64::from(**step)))
        .map_or_else(|| "more".to_owned(), u32::to_string)
}

/// Why a question counts as unresolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnresolvedKind {
    /// The assistant did not understand it.
    NotUnderstood,
    /// The citizen said that the answer was wrong.
    WrongAnswer,
    /// A person was called in.
    HandedOver,
}

impl UnresolvedKind {
    /// The column of a store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotUnderstood => "not_understood",
            Self::WrongAnswer => "wrong_answer",
            Self::HandedOver => "handed_over",
        }
    }
}

impl FromStr for UnresolvedKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::NotUnderstood, Self::WrongAnswer, Self::HandedOver]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| format!("{text:?} is no way to be unresolved"))
    }
}

/// A question that the assistant did not resolve: where it stands, not what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// In which conversation.
    pub conversation: ConversationId,
    /// The event that shows it, or the answer that is wrong. The question is the citizen's last message before it.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// The conversation's language.
    pub language: Language,
    /// How it was not resolved.
    pub kind: UnresolvedKind,
}

/// What one event counts for. `before`: the conversation before it, `None` for its first event.
pub fn counts(before: Option<&ConversationState>, event: &Event) -> Counts {
    let mut counting = Counting { counts: Counts::new(), day: Day::of(event.at) };
    match (before, &event.body) {
        (None, EventBody::Started(started)) => {
            counting.one(Measure::Begun, started.language, channel(started.channel));
        }
        (Some(before), EventBody::Answer(answer)) if !said_before(before, Some(answer.reply_to)) => {
            counting.one(Measure::Answered, before.language, channel(before.channel));
            counting.one(Measure::Entry, before.language, &answer.entry.0);
            counting.place(before, answer.place.as_deref());
        }
        (Some(before), EventBody::Clarify(clarify)) if !said_before(before, Some(clarify.reply_to)) => {
            counting.one(Measure::Clarified, before.language, channel(before.channel));
            counting.place(before, None);
        }
        (Some(before), EventBody::Say(say)) if say.act == SayAct::NotUnderstood => {
            counting.one(Measure::NotUnderstood, before.language, channel(before.channel));
            counting.place(before, None);
        }
        (Some(before), EventBody::Escalated(escalated)) => {
            counting.one(Measure::HandedOver, before.language, reason(escalated.reason));
        }
        // Who only comes back to their place in the queue has not been handed over again.
        (Some(before), EventBody::Reopened(_)) if before.handoff.ticket().is_none() => {
            counting.one(Measure::HandedOver, before.language, reason(EscalationReason::Reopened));
        }
        (Some(before), EventBody::AgentJoined(_)) => {
            if let Some(wait) = first_wait(before, event.at) {
                let amount = Amount { count: 1, total: wait.as_secs_f64() };
                counting.some(Measure::Waited, before.language, &wait_step(wait), amount);
            }
        }
        (Some(before), EventBody::Abandoned(_) | EventBody::EscalationCancelled(_))
            if before.status().waits() =>
        {
            counting.one(Measure::GaveUp, before.language, "");
        }
        (Some(before), EventBody::Rated(rated)) => {
            let earlier = before.ratings.get(&rated.of);
            if let Some(earlier) = earlier.filter(|earlier| earlier.helpful != rated.helpful) {
                // It was counted when it was said.
                let said = said(earlier.helpful, earlier.of_last_answer);
                let figure = Figure {
                    day: Day::of(earlier.at),
                    measure: Measure::Rated,
                    language: earlier.language,
                    key: said.to_owned(),
                };
                add(&mut counting.counts, Counts::from([(figure, Amount { count: -1, total: 0.0 })]));
            }
            if earlier.is_none_or(|earlier| earlier.helpful != rated.helpful) {
                let said = said(rated.helpful, is_last_answer(before, rated.of));
                counting.one(Measure::Rated, before.language, said);
            }
        }
        _ => {}
    }
    counting.counts
}

/// What the events of a turn counted for that turned out to be only the beginning of one, to be taken back. `before`: the
/// conversation before the turn ([`ConversationState::before_beginning`]); `turn`: its events.
///
/// # Errors
/// Where the events do not follow on that state.
pub fn taken_back(mut before: ConversationState, turn: &[Event]) -> Result<Counts, ProjectionError> {
    let mut sum = Counts::new();
    for event in turn {
        add(&mut sum, counts(Some(&before), event));
        before.apply(event)?;
    }
    for amount in sum.values_mut() {
        *amount = Amount { count: -amount.count, total: -amount.total };
    }
    Ok(sum)
}

/// Whether an event shows that the assistant did not resolve a question.
pub fn unresolved(before: &ConversationState, event: &Event) -> Option<Unresolved> {
    let kind = match &event.body {
        EventBody::Say(say) if say.act == SayAct::NotUnderstood => UnresolvedKind::NotUnderstood,
        // The question is what came before the answer, not before the tap.
        EventBody::Rated(rated) if !rated.helpful && is_last_answer(before, rated.of) => {
            let ConversationState { conversation, language, .. } = *before;
            let kind = UnresolvedKind::WrongAnswer;
            return Some(Unresolved { conversation, seq: rated.of, at: event.at, language, kind });
        }
        // Who has said nothing yet has no question; what is an emergency is for people.
        EventBody::Escalated(escalated)
            if escalated.reason != EscalationReason::Emergency && before.last_citizen_message.is_some() =>
        {
            UnresolvedKind::HandedOver
        }
        _ => return None,
    };
    let ConversationState { conversation, language, .. } = *before;
    Some(Unresolved { conversation, seq: event.seq, at: event.at, language, kind })
}

/// The answer that an event says was not wrong after all: its question is unresolved no more.
pub fn resolved(before: &ConversationState, event: &Event) -> Option<u64> {
    let EventBody::Rated(rated) = &event.body else { return None };
    let earlier = before.ratings.get(&rated.of)?;
    (rated.helpful && !earlier.helpful && earlier.of_last_answer).then_some(rated.of)
}

/// Reads figures.
#[async_trait]
pub trait Figures {
    /// The sums of these days, first and last included.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    async fn figures(&self, from: Day, to: Day) -> Result<Counts, StoreError>;

    /// Joins the rows of every day before `day`, as many days at a time as is quick. True where there may be more to join. A sweep:
    /// any number of nodes may do it at once.
    ///
    /// # Errors
    /// [`StoreError::Busy`], [`StoreError::Unavailable`].
    async fn join_figures(&self, day: Day) -> Result<bool, StoreError>;

    /// Unresolved questions since a moment, the newest first, so many at most.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    async fn unresolved(&self, since: Timestamp, limit: u32) -> Result<Vec<Unresolved>, StoreError>;
}

struct Counting {
    counts: Counts,
    day: Day,
}

impl Counting {
    fn one(&mut self, measure: Measure, language: Language, key: &str) {
        self.some(measure, language, key, Amount { count: 1, total: 0.0 });
    }

    fn some(&mut self, measure: Measure, language: Language, key: &str, amount: Amount) {
        let figure = Figure { day: self.day, measure, language, key: key.to_owned() };
        add(&mut self.counts, Counts::from([(figure, amount)]));
    }

    /// Where the question came from, where the citizen has said so: never closer than the prefecture.
    fn place(&mut self, before: &ConversationState, of_answer: Option<&str>) {
        let said = of_answer.or(before.place.as_deref()).and_then(kb::region);
        let wide = said.and_then(|place| place.and_around().find(|around| around.level != kb::Level::County));
        if let Some(place) = wide {
            self.one(Measure::Place, before.language, place.code);
        }
    }
}

const fn channel(channel: crate::event::Channel) -> &'static str {
    match channel {
        crate::event::Channel::Portal => "portal",
        crate::event::Channel::Telephone => "telephone",
    }
}

const fn reason(reason: EscalationReason) -> &'static str {
    match reason {
        EscalationReason::Asked => "asked",
        EscalationReason::LowConfidence => "low_confidence",
        EscalationReason::Policy => "policy",
        EscalationReason::Emergency => "emergency",
        EscalationReason::Reopened => "reopened",
    }
}

/// Whether what replies to that message has been given already, and is only said again.
fn said_before(before: &ConversationState, reply_to: Option<u64>) -> bool {
    let answered = before.last_answer.as_ref().map(|answer| answer.seq);
    let asked = before.pending_clarify.as_ref().map(|clarify| clarify.seq);
    reply_to.is_some_and(|message| answered.max(asked).is_some_and(|given| given > message))
}

/// The key of a rating.
const fn said(helpful: bool, of_last_answer: bool) -> &'static str {
    match (helpful, of_last_answer) {
        (true, _) => "helped",
        (false, true) => "wrong",
        (false, false) => "not_helped",
    }
}

fn is_last_answer(before: &ConversationState, seq: u64) -> bool {
    before.last_answer.as_ref().is_some_and(|answer| answer.seq == seq)
}

/// How long somebody waited in the queue for whoever takes them now. `None` where they were called back, or where somebody had them
/// before: the time since then says nothing about the queue.
fn first_wait(before: &ConversationState, now: Timestamp) -> Option<Duration> {
    let (Handoff::Queued { ticket } | Handoff::Offered { ticket, .. }) = &before.handoff else { return None };
    // Whoever gave a conversation back is the first that is not asked again.
    let had = before.last_agent.as_ref().is_some_and(|agent| ticket.passed.contains(&agent.id));
    (!had).then(|| now.since(ticket.since))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a step that fails fails the test")]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_chinas() {
        let at =
            |text: &str| Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond());
        for (moment, day) in [
            ("2026-11-29T15:59:59Z", "2026-11-29"),
            ("2026-11-29T16:00:00Z", "2026-11-30"),
            ("1970-01-01T00:00:00Z", "1970-01-01"),
            ("1969-12-31T15:00:00Z", "1969-12-31"),
        ] {
            assert_eq!(Day::of(at(moment)).to_string(), day);
            assert_eq!(day.parse::<Day>().unwrap(), Day::of(at(moment)));
        }
        for wrong in ["", "30.11.2026", "2026-13-01", "2026-11-31"] {
            assert!(wrong.parse::<Day>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for measure in Measure::ALL {
            assert_eq!(measure.as_str().parse(), Ok(measure));
            assert_eq!(serde_json::to_string(&measure).unwrap(), format!("\"{}\"", measure.as_str()));
        }
        assert!("nothing".parse::<Measure>().is_err());
    }

    #[test]
    fn waits_fall_into_steps() {
        for (seconds, step) in [(0, "10"), (10, "10"), (11, "20"), (3_600, "3600"), (3_601, "more")] {
            assert_eq!(wait_step(Duration::from_secs(seconds)), step);
        }
    }
}
