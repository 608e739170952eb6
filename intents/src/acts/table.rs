//! `phrases.tsv` as rows.

use language::Language;

use super::Turn;
use crate::Act;

/// What a phrase means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Meaning {
    /// An act whatever the turn.
    Act(Act),
    /// A wish for a language; `None` is "the other one".
    Wish(Option<Language>),
    /// The last of the choices on offer.
    LastChoice,
    /// An emergency only where nothing else is said ("110").
    EmergencyAlone,
    /// Somebody speaks of ending a life.
    Distress,
    /// Politeness: cut off both ends of a question.
    Polite,
    /// Means nothing by itself.
    Filler,
}

impl Meaning {
    /// The act in this turn, where the phrase is one.
    pub fn act(self, turn: Turn) -> Option<Act> {
        match self {
            Self::Act(act) => Some(act),
            // Asked in Chinese for Chinese: there is nothing to change, and a greeting says "go ahead".
            Self::Wish(Some(wished)) if wished == turn.language => Some(Act::Greeting),
            Self::Wish(_) => Some(Act::OtherLanguage),
            Self::LastChoice => Some(Act::Choice(turn.pending.clamp(1, 9) as u8)),
            Self::EmergencyAlone => Some(Act::Emergency),
            // Heard without a question of the knowledge base that says the same: a person must hear it.
            Self::Distress => Some(Act::Person),
            Self::Polite | Self::Filler => None,
        }
    }

    /// Whether the phrase is cut off a question.
    pub fn is_polite(self) -> bool {
        matches!(self, Self::Polite | Self::Act(Act::Greeting | Act::Thanks))
    }

    /// Whether a mistake about it frightens, so that the sound must leave less doubt.
    pub fn is_grave(self) -> bool {
        matches!(self, Self::Act(Act::Emergency) | Self::EmergencyAlone | Self::Distress)
    }

    /// Whether the phrase alone makes an utterance.
    pub fn is_heard(self) -> bool {
        !matches!(self, Self::Polite | Self::Filler)
    }
}

/// One phrase.
pub(super) struct Row {
    pub meaning: Meaning,
    pub language: Language,
    pub phrase: &'static str,
}

/// All phrases. A test makes sure that every line reads.
pub(super) fn rows() -> impl Iterator<Item = Row> {
    lines().flatten().flatten()
}

/// Every line that is not a comment; `None` where it does not read.
pub(super) fn lines() -> impl Iterator<Item = Option<impl Iterator<Item = Row>>> {
    include_str!("phrases.tsv").lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(
        |line| {
            let mut cells = line.split('\t');
            let meaning = meaning(cells.next()?)?;
            let language: Language = cells.next()?.parse().ok()?;
            let phrases = cells.next()?;
            Some(phrases.split('|').map(move |phrase| Row { meaning, language, phrase }))
        },
    )
}

fn meaning(name: &str) -> Option<Meaning> {
    Some(match name {
        "greeting" => Meaning::Act(Act::Greeting),
        "thanks" => Meaning::Act(Act::Thanks),
        "goodbye" => Meaning::Act(Act::Goodbye),
        "repeat" => Meaning::Act(Act::Repeat),
        "slower" => Meaning::Act(Act::Slower),
        "louder" => Meaning::Act(Act::Louder),
        "start_over" => Meaning::Act(Act::StartOver),
        "complaint" => Meaning::Act(Act::Complaint),
        "small_talk" => Meaning::Act(Act::SmallTalk),
        "person" => Meaning::Act(Act::Person),
        "leave_queue" => Meaning::Act(Act::LeaveQueue),
        "language_bo" => Meaning::Wish(Some(Language::Bo)),
        "language_zh" => Meaning::Wish(Some(Language::Zh)),
        "language_other" => Meaning::Wish(None),
        "yes" => Meaning::Act(Act::Yes),
        "no" => Meaning::Act(Act::No),
        "choice_last" => Meaning::LastChoice,
        "emergency" => Meaning::Act(Act::Emergency),
        "emergency_alone" => Meaning::EmergencyAlone,
        "distress" => Meaning::Distress,
        "polite" => Meaning::Polite,
        "filler" => Meaning::Filler,
        name => Meaning::Act(Act::Choice(
            name.strip_prefix("choice")?.parse().ok().filter(|n| (1..=9).contains(n))?,
        )),
    })
}
