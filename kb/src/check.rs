//! Judging a collection: what `assistant kb check` prints.

mod answers;
mod duplicates;
mod entries;

use std::collections::HashMap;
use std::fmt;

use language::Language;
use serde::Serialize;

use crate::finding::Finding;
use crate::{Collection, Date, EntryId, Kind, Position, Problem, Review, Severity, Text};

/// How far one language of a knowledge base is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LanguageState {
    /// Entries written in it.
    pub entries: usize,
    /// Entries that only the other language has.
    pub missing: usize,
    /// Ways of asking, the questions themselves included.
    pub questions: usize,
    /// Entries by review state.
    pub draft: usize,
    /// Written by somebody who is not a native speaker.
    pub awaiting_native_reviewer: usize,
    /// Sample texts.
    pub sample: usize,
    /// Reviewed, to be released.
    pub reviewed: usize,
    /// Released.
    pub published: usize,
    /// Released before signatures were kept.
    pub approved: usize,
}

/// The whole judgement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The knowledge base's name.
    pub name: String,
    /// Entries that could be read.
    pub entries: usize,
    /// By language, Tibetan first.
    pub languages: Vec<(Language, LanguageState)>,
    /// First what citizens are told wrongly right now because a translation is missing or older, longest first; then by
    /// severity, in file order.
    pub problems: Vec<Problem>,
}

impl Report {
    /// How many problems there are of that severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.problems.iter().filter(|p| p.severity == severity).count()
    }

    /// Whether the knowledge base can be published.
    pub fn publishable(&self) -> bool {
        self.entries > 0 && self.count(Severity::Error) == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Knowledge base {:?}: {} entries", self.name, self.entries)?;
        for (language, state) in &self.languages {
            let name = match language {
                Language::Bo => "Tibetan",
                Language::Zh => "Chinese",
            };
            writeln!(
                f,
                "  {name}: {} entries with {} ways of asking, {} missing; {} published, {} reviewed, {} sample, {} awaiting \
                 a native reviewer, {} draft",
                state.entries,
                state.questions,
                state.missing,
                state.published + state.approved,
                state.reviewed,
                state.sample,
                state.awaiting_native_reviewer,
                state.draft,
            )?;
        }
        for problem in &self.problems {
            writeln!(f, "  {problem}")?;
        }
        write!(
            f,
            "  {} errors, {} warnings, {} notices: {}",
            self.count(Severity::Error),
            self.count(Severity::Warning),
            self.count(Severity::Notice),
            if self.publishable() { "can be published" } else { "cannot be published" }
        )
    }
}

/// Judges a collection as of today (in China, by the system's clock).
pub fn check(collection: &Collection) -> Report {
    check_on(collection, Date::today())
}

/// Judges a collection as of a day. Nothing that depends on the day is an error: what could be published yesterday can be
/// published today.
pub fn check_on(collection: &Collection, today: Date) -> Report {
    let mut findings = Findings { problems: collection.problems.clone(), at: None };
    let mut seen: HashMap<&EntryId, &str> = HashMap::new();
    let mut languages: Vec<(Language, LanguageState)> =
        Language::ALL.map(|language| (language, LanguageState::default())).into();
    for sourced in &collection.entries {
        let entry = &sourced.entry;
        let line = collection.lines.get(&(sourced.file.clone(), entry.id.clone()));
        let position = line.map(|line| Position { line: *line, column: None });
        findings.at = Some((sourced.file.clone(), position, entry.id.clone()));
        if let Some(first) = seen.insert(&entry.id, &sourced.file) {
            findings.error(Kind::Content, "id", Finding::IdUsedTwice { first: (*first).to_owned() });
        }
        entries::check(entry, &mut findings);
        answers::check(entry, today, &mut findings);
        for (language, state) in &mut languages {
            count(state, entry.text(*language));
        }
    }
    let mut problems = findings.problems;
    problems.extend(duplicates::find(collection));
    if collection.entries.is_empty() && problems.is_empty() {
        let (field, none) = ("entries".to_owned(), Finding::NoEntries);
        problems.push(Problem {
            field,
            message: none.to_string(),
            finding: Some(Box::new(none)),
            ..Problem::default()
        });
    }
    problems.sort_by_key(urgency);
    Report { name: collection.name.clone(), entries: collection.entries.len(), languages, problems }
}

/// What citizens are told wrongly right now comes first, longest first, unknown ages last. Everything else by severity, in
/// file order.
fn urgency(problem: &Problem) -> (bool, u32, Severity) {
    let behind = problem.kind == Kind::Behind;
    let age = problem.age_days.filter(|_| behind);
    (!behind, age.map_or(u32::MAX, |age| u32::MAX - 1 - age), problem.severity)
}

fn count(state: &mut LanguageState, text: Option<&Text>) {
    let Some(text) = text else {
        state.missing += 1;
        return;
    };
    state.entries += 1;
    state.questions += 1 + text.variants.len();
    match text.review {
        Review::Draft => state.draft += 1,
        Review::AwaitingNativeReviewer => state.awaiting_native_reviewer += 1,
        Review::Sample => state.sample += 1,
        Review::Reviewed => state.reviewed += 1,
        Review::Published => state.published += 1,
        Review::Approved => state.approved += 1,
    }
}

/// Problems being collected, and the entry that is being looked at.
struct Findings {
    problems: Vec<Problem>,
    at: Option<(String, Option<Position>, EntryId)>,
}

impl Findings {
    fn add(&mut self, severity: Severity, kind: Kind, field: impl Into<String>, finding: Finding) {
        self.add_aged(severity, kind, field, finding, None);
    }

    fn add_aged(
        &mut self,
        severity: Severity,
        kind: Kind,
        field: impl Into<String>,
        finding: Finding,
        age_days: Option<u32>,
    ) {
        let at = self.at.clone();
        let (file, position) =
            at.as_ref().map(|(file, position, _)| (file.clone(), *position)).unwrap_or_default();
        self.problems.push(Problem {
            severity,
            kind,
            file,
            position,
            entry: at.map(|(_, _, entry)| entry),
            field: field.into(),
            age_days,
            message: finding.to_string(),
            finding: Some(Box::new(finding)),
        });
    }

    fn error(&mut self, kind: Kind, field: impl Into<String>, finding: Finding) {
        self.add(Severity::Error, kind, field, finding);
    }

    fn warn(&mut self, kind: Kind, field: impl Into<String>, finding: Finding) {
        self.add(Severity::Warning, kind, field, finding);
    }

    fn notice(&mut self, kind: Kind, field: impl Into<String>, finding: Finding) {
        self.add(Severity::Notice, kind, field, finding);
    }
}
