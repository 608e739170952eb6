//! Which text of an entry answers a citizen: by language, place and person group.

use language::Language;

use crate::{AnswerVariant, Date, Entry, EntryId, Level, Localized, Situation, Translation, region};

/// The answer that applies in a citizen's circumstances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The language it is in; the other one than asked for where only that has it.
    pub language: Language,
    /// The entry's question.
    pub question: &'a str,
    /// The answer for the ear.
    pub spoken: &'a str,
    /// The whole answer, for the eye.
    pub written: &'a str,
    /// What to do, in order.
    pub steps: &'a [String],
    /// What to bring.
    pub documents: &'a [String],
    /// The office in charge.
    pub office: Option<&'a Localized>,
    /// The answer variant that was chosen; `None`: the entry's own answer, which holds everywhere and for everybody else.
    pub variant: Option<&'a AnswerVariant>,
    /// Where the other language is newer.
    pub outdated: Option<Outdated>,
}

/// The other language of an answer is newer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outdated {
    /// By so many days; `None` where nobody recorded when the other language changed.
    pub days: Option<u32>,
}

impl Entry {
    /// The answer in a language for somebody's circumstances; in the other language where only that has it, be it the whole
    /// text or the variant for the citizen's place or group. `None` where the entry does not hold on that day or has no
    /// text at all.
    ///
    /// Of several variants that apply the one for the smallest place wins, then the one for the person group. What the
    /// chosen variant leaves out is the entry's own.
    pub fn answer(&self, language: Language, situation: &Situation) -> Option<Answer<'_>> {
        if !self.valid_on(situation.date) {
            return None;
        }
        let variant = self.variant_for(situation);
        let other = language.other();
        // A general answer in the citizen's language would be wrong where a particular one exists in the other.
        let only_there = variant
            .is_some_and(|variant| variant.text(language).is_empty() && !variant.text(other).is_empty());
        let wanted = if only_there && self.text(other).is_some() { other } else { language };
        let language =
            [wanted, wanted.other()].into_iter().find(|language| self.text(*language).is_some())?;
        let text = self.text(language)?;
        let own = variant.map(|variant| variant.text(language));
        Some(Answer {
            language,
            question: &text.question,
            spoken: own.and_then(|own| own.spoken.as_deref()).unwrap_or(&text.spoken),
            written: own.and_then(|own| own.written.as_deref()).unwrap_or(&text.written),
            steps: own.and_then(|own| own.steps.as_deref()).unwrap_or(&text.steps),
            documents: own.and_then(|own| own.documents.as_deref()).unwrap_or(&text.documents),
            office: variant.and_then(|variant| variant.office.as_ref()).or(self.office.as_ref()),
            variant,
            outdated: self.outdated(language, situation.date),
        })
    }

    /// Everything that [`Self::answer`] may say aloud in a language: the entry's own answer, then that of each variant which
    /// says it otherwise, with the variant. Where no short answer is written, the whole one is said.
    pub fn spoken_versions(&self, language: Language) -> Vec<(Option<&AnswerVariant>, &str)> {
        let Some(text) = self.text(language) else { return Vec::new() };
        let written_is_said =
            |spoken: &str, written: &str| spoken.trim().is_empty() && !written.trim().is_empty();
        let own = if written_is_said(&text.spoken, &text.written) { &text.written } else { &text.spoken };
        let mut versions = vec![(None, own.as_str())];
        for variant in &self.answers {
            let theirs = variant.text(language);
            let (spoken, written) = (
                theirs.spoken.as_deref().unwrap_or(&text.spoken),
                theirs.written.as_deref().unwrap_or(&text.written),
            );
            let words = if written_is_said(spoken, written) { written } else { spoken };
            if !versions.iter().any(|(_, known)| *known == words) {
                versions.push((Some(variant), words));
            }
        }
        versions.retain(|(_, words)| !words.trim().is_empty());
        versions
    }

    fn outdated(&self, language: Language, today: Date) -> Option<Outdated> {
        match self.translation(language) {
            Translation::Outdated { since } => Some(Outdated {
                days: since.map(|since| u32::try_from(today.days_since(since)).unwrap_or(0)),
            }),
            Translation::Current | Translation::Missing { .. } => None,
        }
    }

    fn variant_for(&self, situation: &Situation) -> Option<&AnswerVariant> {
        let group = situation.group.as_deref();
        let here = situation.region.as_deref().and_then(region);
        let applies = |variant: &&AnswerVariant| {
            let place = variant.region.as_deref().is_none_or(|code| {
                let code = region(code).map(|region| region.code);
                here.is_some_and(|here| here.and_around().any(|around| Some(around.code) == code))
            });
            let particular = variant.region.is_some() || variant.group.is_some();
            particular && place && variant.group.as_deref().is_none_or(|wanted| group == Some(wanted))
        };
        let specific = |variant: &AnswerVariant| {
            let level: Option<Level> = variant.region.as_deref().and_then(region).map(|region| region.level);
            (level, variant.group.is_some())
        };
        // Of equals the first: `max_by_key` would take the last.
        self.answers.iter().filter(applies).rev().max_by_key(|variant| specific(variant))
    }
}

/// The next day after `day` on which an entry begins or ceases to hold: what is in force does not change before.
pub fn next_change<'a>(entries: impl IntoIterator<Item = &'a Entry>, day: Date) -> Option<Date> {
    let days = entries.into_iter().flat_map(|entry| {
        [entry.valid_from, entry.valid_until.and_then(Date::tomorrow)].into_iter().flatten()
    });
    days.filter(|change| *change > day).min()
}

impl crate::Collection {
    /// What holds on that day, and the ids of the entries that were left out because they do not.
    #[must_use]
    pub fn in_force(&self, day: Date) -> (Self, Vec<EntryId>) {
        let (kept, left_out): (Vec<_>, Vec<_>) =
            self.entries.iter().cloned().partition(|sourced| sourced.entry.valid_on(day));
        let left_out = left_out.into_iter().map(|sourced| sourced.entry.id).collect();
        (Self { entries: kept, ..self.clone() }, left_out)
    }
}
