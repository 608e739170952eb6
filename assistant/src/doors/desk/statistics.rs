//! What operators decide by: `GET /v1/desk/figures`, `GET /v1/desk/unresolved`, `GET /v1/desk/backlog`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use conversation::event::{Event, EventBody};
use conversation::figures::{Amount, Counts, Day, Figure, Measure, Unresolved, UnresolvedKind};
use conversation::{ConversationId, LanguageCode, Permission, Timestamp};
use kb::{EntryId, Publication, Translation};
use language::Language;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::grouping::group;
use super::session::LoggedIn;
use super::{DeskError, DeskState};
use crate::masking;
use crate::phrases::topic_name;

/// Days that are shown where nothing is said.
const DAYS: i32 = 30;
/// Days that are shown at most.
const MOST_DAYS: i32 = 366;
/// Entries and the like that are listed, the most frequent first.
const LISTED: usize = 30;
/// Unresolved questions that are looked at, the newest first.
const LOOKED_AT: u32 = 2_000;
/// Events before the one that shows a question unresolved among which the question is looked for.
const LOOK_BACK: u32 = 12;
/// From this confidence on a group's question is taken for an entry's, and groups of one entry are shown as one.
const SAME_ENTRY: f32 = 0.6;

/// Which days.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Days {
    /// The first, such as `2026-11-01`, by China's clock; a month before the last where nothing is said.
    from: Option<String>,
    /// The last; today where nothing is said.
    to: Option<String>,
}

impl Days {
    fn read(self, now: Timestamp) -> Result<(Day, Day), DeskError> {
        let day = |text: Option<String>, otherwise: Day| match text {
            Some(text) => text
                .parse()
                .map_err(|wrong: conversation::figures::NoDay| DeskError::Invalid(wrong.to_string())),
            None => Ok(otherwise),
        };
        let to = day(self.to, Day::of(now))?;
        let from = day(self.from, to.minus(DAYS - 1))?;
        if from > to {
            return Err(DeskError::Invalid("`from` is later than `to`".to_owned()));
        }
        if to.minus(MOST_DAYS) >= from {
            return Err(DeskError::Invalid(format!("more than {MOST_DAYS} days at once")));
        }
        Ok((from, to))
    }
}

/// What was counted on some days. A question is what a citizen said, typed or chose and the assistant answered, asked back about or did not
/// understand.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Figures")]
pub(super) struct Answer {
    /// The first day.
    from: String,
    /// The last day.
    to: String,
    /// By day and language, days without anything left out.
    days: Vec<OfDay>,
    /// Questions by channel: `portal`, `telephone`.
    channels: Vec<Named>,
    /// Conversations that were handed over, by reason.
    reasons: Vec<Named>,
    /// What citizens said by one tap: `helped`, `wrong` about an answer, `not_helped` about anything else.
    ratings: Vec<Named>,
    /// How long citizens waited for a person.
    waiting: Waiting,
    /// Answers by topic of the entry, the most frequent first.
    topics: Vec<Named>,
    /// Questions by prefecture, where the citizen said where they are or ask about.
    places: Vec<Named>,
    /// Answers by entry, the most frequent first, 30 at most.
    entries: Vec<Named>,
}

/// What was counted on a day in a language.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FiguresOfDay")]
struct OfDay {
    /// The day.
    day: String,
    #[schemars(with = "LanguageCode")]
    language: Language,
    /// Conversations that began.
    begun: i64,
    /// Questions that were answered.
    answered: i64,
    /// Questions that were asked back about.
    clarified: i64,
    /// Questions that were not understood.
    not_understood: i64,
    /// Conversations that were handed over to people.
    handed_over: i64,
    /// Citizens who did not wait until somebody came.
    gave_up: i64,
}

/// How often something occurred.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NamedFigure")]
struct Named {
    /// Its name or code.
    key: String,
    /// What it is called in Chinese, where it has a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    zh: Option<String>,
    /// … in Tibetan.
    #[serde(skip_serializing_if = "Option::is_none")]
    bo: Option<String>,
    count: i64,
}

/// Waits in the queue, of those whom somebody took.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WaitingFigures")]
struct Waiting {
    /// How many.
    count: i64,
    /// The mean, in seconds; absent where nobody waited.
    #[serde(skip_serializing_if = "Option::is_none")]
    mean_seconds: Option<f64>,
    /// Half of them waited no longer than so many seconds; absent where nobody waited, or where it was more than an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    half_within_seconds: Option<u32>,
    /// Nine in ten.
    #[serde(skip_serializing_if = "Option::is_none")]
    nine_in_ten_within_seconds: Option<u32>,
    /// By steps, the shortest first.
    steps: Vec<Step>,
}

/// Waits of about the same length.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WaitingStep")]
struct Step {
    /// No longer than so many seconds; absent for the longest.
    #[serde(skip_serializing_if = "Option::is_none")]
    within_seconds: Option<u32>,
    count: i64,
}

pub(super) async fn figures(
    State(state): State<DeskState>,
    days: Result<Query<Days>, QueryRejection>,
    _logged_in: LoggedIn,
) -> Result<Json<Answer>, DeskError> {
    let Query(days) = days.map_err(|rejection| DeskError::Invalid(rejection.body_text()))?;
    let (from, to) = days.read(state.clock.now())?;
    let counts = state.store.figures(from, to).await?;
    Ok(Json(answer(from, to, &counts, &state.answers.served())))
}

fn answer(from: Day, to: Day, counts: &Counts, served: &Publication) -> Answer {
    let mut days: BTreeMap<(Day, Language), OfDay> = BTreeMap::new();
    let mut by: HashMap<Measure, BTreeMap<String, Amount>> = HashMap::new();
    let mut channels: BTreeMap<String, Amount> = BTreeMap::new();
    for (Figure { day, measure, language, key }, amount) in counts {
        let of_day = days.entry((*day, *language)).or_insert_with(|| OfDay::new(*day, *language));
        match measure {
            Measure::Begun => of_day.begun += amount.count,
            Measure::Answered => of_day.answered += amount.count,
            Measure::Clarified => of_day.clarified += amount.count,
            Measure::NotUnderstood => of_day.not_understood += amount.count,
            Measure::HandedOver => of_day.handed_over += amount.count,
            Measure::GaveUp => of_day.gave_up += amount.count,
            Measure::Entry | Measure::Place | Measure::Waited | Measure::Rated => {}
        }
        let asked = matches!(measure, Measure::Answered | Measure::Clarified | Measure::NotUnderstood);
        let sums = if asked { &mut channels } else { by.entry(*measure).or_default() };
        let sum = sums.entry(key.clone()).or_default();
        sum.count += amount.count;
        sum.total += amount.total;
    }
    let sums = |measure| by.get(&measure).cloned().unwrap_or_default();
    let entries = sums(Measure::Entry);
    let mut topics: BTreeMap<String, Amount> = BTreeMap::new();
    for (id, amount) in &entries {
        // What is not served any more has no topic that could be looked at.
        let topic = served.entry(&EntryId(id.clone())).map(|entry| entry.topic.clone()).unwrap_or_default();
        topics.entry(topic).or_default().count += amount.count;
    }
    Answer {
        from: from.to_string(),
        to: to.to_string(),
        days: days.into_values().collect(),
        channels: ranked(channels, |_| None),
        reasons: ranked(sums(Measure::HandedOver), |_| None),
        ratings: ranked(sums(Measure::Rated), |_| None),
        waiting: waiting(&sums(Measure::Waited)),
        topics: ranked(topics, |topic| {
            Some(Language::ALL.map(|language| topic_name(topic, language).to_owned()))
        }),
        places: ranked(sums(Measure::Place), |code| {
            let region = kb::region(code)?;
            Some(Language::ALL.map(|language| region.name(language).to_owned()))
        }),
        entries: ranked(entries, |id| {
            let entry = served.entry(&EntryId(id.to_owned()))?;
            Some(Language::ALL.map(|language| question(entry, language)))
        }),
    }
}

impl OfDay {
    fn new(day: Day, language: Language) -> Self {
        let day = day.to_string();
        Self {
            day,
            language,
            begun: 0,
            answered: 0,
            clarified: 0,
            not_understood: 0,
            handed_over: 0,
            gave_up: 0,
        }
    }
}

/// An entry's question, in the other language where it has none in this one.
fn question(entry: &kb::Entry, language: Language) -> String {
    let text = entry.text(language).or_else(|| entry.text(language.other()));
    text.map(|text| text.question.clone()).unwrap_or_default()
}

/// The most frequent first, as many as are listed. `names`: in the order of [`Language::ALL`].
fn ranked(sums: BTreeMap<String, Amount>, names: impl Fn(&str) -> Option<[String; 2]>) -> Vec<Named> {
    let mut all: Vec<(String, i64)> =
        sums.into_iter().map(|(key, amount)| (key, amount.count)).filter(|(_, count)| *count > 0).collect();
    all.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    all.truncate(LISTED);
    let listed = |(key, count): (String, i64)| {
        let mut own: HashMap<Language, String> =
            names(&key).map(|own| Language::ALL.into_iter().zip(own).collect()).unwrap_or_default();
        Named { zh: own.remove(&Language::Zh), bo: own.remove(&Language::Bo), key, count }
    };
    all.into_iter().map(listed).collect()
}

fn waiting(steps: &BTreeMap<String, Amount>) -> Waiting {
    let mut sorted: Vec<Step> = steps
        .iter()
        .map(|(key, amount)| Step { within_seconds: key.parse().ok(), count: amount.count })
        .filter(|step| step.count > 0)
        .collect();
    sorted.sort_by_key(|step| step.within_seconds.unwrap_or(u32::MAX));
    let count: i64 = sorted.iter().map(|step| step.count).sum();
    let total: f64 = steps.values().map(|amount| amount.total).sum();
    let within = |share: f64| {
        let mut so_far = 0;
        let enough = |step: &&Step| {
            so_far += step.count;
            so_far as f64 >= share * count as f64
        };
        sorted.iter().find(enough).and_then(|step| step.within_seconds)
    };
    Waiting {
        count,
        mean_seconds: (count > 0).then(|| total / count as f64),
        half_within_seconds: within(0.5),
        nine_in_ten_within_seconds: within(0.9),
        steps: sorted,
    }
}

/// Since when.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Since {
    /// So many days back; 30 where nothing is said, 366 at most.
    days: Option<u32>,
}

/// What the assistant did not resolve, put together by what is asked.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UnresolvedQuestions")]
pub(super) struct Groups {
    /// So many questions were looked at: the newest, 2,000 at most.
    looked_at: usize,
    /// The largest first, 30 at most.
    groups: Vec<Group>,
}

/// Questions that ask much the same.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UnresolvedGroup")]
struct Group {
    /// The newest of them, personal numbers masked.
    example: String,
    /// How many there are.
    count: usize,
    /// In which languages.
    #[schemars(with = "Vec<LanguageCode>")]
    languages: BTreeSet<Language>,
    /// How they were not resolved.
    kinds: BTreeSet<UnresolvedKind>,
    /// When the newest was asked.
    last: Timestamp,
    /// The entry that is nearest, where one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    nearest: Option<Nearest>,
    /// Where they were asked; only for those who serve citizens.
    #[serde(skip_serializing_if = "Option::is_none")]
    conversations: Option<Vec<ConversationId>>,
}

/// An entry that may be the answer.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NearestEntry")]
struct Nearest {
    /// Its id.
    #[schemars(with = "String")]
    entry: EntryId,
    /// Its question.
    question: String,
    /// Probability that it is what was meant, 0 to 1.
    confidence: f32,
}

pub(super) async fn unresolved(
    State(state): State<DeskState>,
    since: Result<Query<Since>, QueryRejection>,
    logged_in: LoggedIn,
) -> Result<Json<Groups>, DeskError> {
    let Query(Since { days }) = since.map_err(|rejection| DeskError::Invalid(rejection.body_text()))?;
    let days = days.unwrap_or(DAYS.unsigned_abs()).min(MOST_DAYS.unsigned_abs());
    let since = state.clock.now().minus(Duration::from_hours(24 * u64::from(days)));
    let asked = asked(&state, state.store.unresolved(since, LOOKED_AT).await?).await?;
    let looked_at = asked.len();
    let (asked, grouped) = tokio::task::spawn_blocking(move || {
        let grouped = group(asked.iter().map(|asked| asked.text.as_str()));
        (asked, grouped)
    })
    .await
    .map_err(|error| {
        tracing::error!(%error, "putting questions together broke off");
        DeskError::Unavailable
    })?;
    let mut groups: Vec<Group> = Vec::new();
    for members in grouped.into_iter().take(2 * LISTED) {
        let members: Vec<&Asked> = members.into_iter().map(|number| &asked[number]).collect();
        let group = one_group(&state, &members).await?;
        // The same question in both languages, or in quite other words, is one thing to do.
        let same = groups.iter_mut().find(|known| known.is_about(&group));
        match same {
            Some(known) => known.join(group),
            None => groups.push(group),
        }
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    groups.truncate(LISTED);
    if !logged_in.person.may(Permission::ServeCitizens) {
        for group in &mut groups {
            group.conversations = None;
        }
    }
    Ok(Json(Groups { looked_at, groups }))
}

/// An unresolved question with its words.
struct Asked {
    unresolved: Unresolved,
    text: String,
}

/// Finds the words of each; what has none (a turn of which nothing was recognised) is left out, and so is one that was handed over
/// after it had not been understood.
async fn asked(state: &DeskState, unresolved: Vec<Unresolved>) -> Result<Vec<Asked>, DeskError> {
    let mut asked = Vec::with_capacity(unresolved.len());
    let mut seen: BTreeSet<(ConversationId, u64)> = BTreeSet::new();
    for unresolved in unresolved {
        let before = unresolved.seq.saturating_sub(u64::from(LOOK_BACK) + 1);
        let events = state.store.events_after(unresolved.conversation, before, LOOK_BACK).await?;
        let Some((seq, text)) = question_before(&events, unresolved.seq) else { continue };
        if seen.insert((unresolved.conversation, seq)) {
            asked.push(Asked { text: masking::mask(text).into_owned(), unresolved });
        }
    }
    Ok(asked)
}

/// The citizen's last words before an event.
fn question_before(events: &[Event], seq: u64) -> Option<(u64, &str)> {
    events.iter().rev().filter(|event| event.seq < seq).find_map(|event| match &event.body {
        EventBody::CitizenMessage(message) if !message.text.trim().is_empty() => {
            Some((event.seq, message.text.as_str()))
        }
        _ => None,
    })
}

async fn one_group(state: &DeskState, members: &[&Asked]) -> Result<Group, DeskError> {
    let newest = members.iter().max_by_key(|asked| asked.unresolved.at).ok_or(DeskError::Unavailable)?;
    let found = state.answers.suggest(&newest.text, newest.unresolved.language).await;
    let nearest = found.map_err(|error| {
        tracing::warn!(%error, "nothing could be looked up for unresolved questions");
        DeskError::Busy
    })?;
    Ok(Group {
        example: newest.text.clone(),
        count: members.len(),
        languages: members.iter().map(|asked| asked.unresolved.language).collect(),
        kinds: members.iter().map(|asked| asked.unresolved.kind).collect(),
        last: newest.unresolved.at,
        nearest: nearest.into_iter().next().map(|best| Nearest {
            entry: best.entry,
            question: best.question,
            confidence: best.confidence,
        }),
        conversations: Some(members.iter().map(|asked| asked.unresolved.conversation).collect()),
    })
}

impl Group {
    /// Whether both are surely about one entry.
    fn is_about(&self, other: &Self) -> bool {
        let sure = |group: &Self| {
            let nearest = group.nearest.as_ref().filter(|nearest| nearest.confidence >= SAME_ENTRY);
            nearest.map(|nearest| nearest.entry.clone())
        };
        sure(self).is_some_and(|entry| sure(other) == Some(entry))
    }

    fn join(&mut self, other: Self) {
        self.count += other.count;
        self.languages.extend(other.languages);
        self.kinds.extend(other.kinds);
        if other.last > self.last {
            (self.last, self.example) = (other.last, other.example);
        }
        if let (Some(conversations), Some(more)) = (&mut self.conversations, other.conversations) {
            conversations.extend(more);
        }
    }
}

/// What is served in one language and missing or older in the other.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TranslationBacklog")]
pub(super) struct Backlog {
    /// What has been so for longest first; what nobody wrote a day to last.
    texts: Vec<Owed>,
}

/// A text that somebody has to write.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OwedTranslation")]
struct Owed {
    #[schemars(with = "String")]
    entry: EntryId,
    /// The language to write in.
    #[schemars(with = "LanguageCode")]
    language: Language,
    /// The entry's question, in the language that there is.
    question: String,
    /// The text is missing; otherwise it is older than the other language's.
    missing: bool,
    /// For so many days, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    days: Option<u32>,
}

pub(super) async fn backlog(
    State(state): State<DeskState>,
    _logged_in: LoggedIn,
) -> Result<Json<Backlog>, DeskError> {
    let served = state.answers.served();
    let today = kb::Date::today();
    let mut texts = Vec::new();
    for entry in served.entries() {
        for language in Language::ALL {
            let (missing, since) = match entry.translation(language) {
                Translation::Current => continue,
                Translation::Outdated { since } => (false, since),
                Translation::Missing { since } => (true, since),
            };
            let days = since.map(|since| u32::try_from(today.days_since(since)).unwrap_or(0));
            let question = question(entry, language.other());
            texts.push(Owed { entry: entry.id.clone(), language, question, missing, days });
        }
    }
    texts.sort_by_key(|owed| std::cmp::Reverse(owed.days));
    Ok(Json(Backlog { texts }))
}
