//! Judging a collection: what `assistant kb check` prints.

mod duplicates;

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use language::{Language, Script};
use serde::Serialize;

use crate::{Collection, Entry, EntryId, Localized, Review, Text};

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The knowledge base cannot be published.
    Error,
    /// It can, but citizens will notice.
    Warning,
    /// Worth knowing.
    Notice,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        })
    }
}

/// Something wrong with a knowledge file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// The file's name; empty where it concerns the whole knowledge base.
    pub file: String,
    /// The entry, where it concerns one; `#3` for the third entry of a file where the id itself is unreadable.
    pub entry: Option<EntryId>,
    /// The field, such as `bo.spoken`; empty where it concerns the whole entry or file.
    pub field: String,
    /// What is wrong, readable after the field's name.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.severity, self.file)?;
        if let Some(entry) = &self.entry {
            write!(f, ", entry {entry}")?;
        }
        if !self.field.is_empty() {
            write!(f, ", {}", self.field)?;
        }
        write!(f, ": {}", self.message)
    }
}

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
    /// Worst first, then in file order.
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
                "  {name}: {} entries with {} ways of asking, {} missing; {} approved, {} sample, {} awaiting a native \
                 reviewer, {} draft",
                state.entries,
                state.questions,
                state.missing,
                state.approved,
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

/// A spoken answer longer than this many syllables takes more than half a minute to listen to; nobody remembers its
/// beginning. Four to five syllables a second are usual reading speed in both languages.
const LONGEST_SPOKEN_SYLLABLES: usize = 135;

/// Longest question, in characters. A longer one is a mistake (an answer in the wrong column), and every question is
/// scored against every spoken utterance.
const LONGEST_QUESTION_CHARACTERS: usize = 200;

/// Fewer ways of asking than this are worth a notice: recognition of spoken questions lives on them.
const FEW_QUESTIONS: usize = 3;

/// Judges a collection.
pub fn check(collection: &Collection) -> Report {
    let mut findings = Findings { problems: collection.problems.clone(), file: String::new(), entry: None };
    let mut seen: HashMap<&EntryId, &str> = HashMap::new();
    let mut states = BTreeMap::from([("bo", LanguageState::default()), ("zh", LanguageState::default())]);
    for sourced in &collection.entries {
        let entry = &sourced.entry;
        findings.file.clone_from(&sourced.file);
        findings.entry = Some(entry.id.clone());
        if let Some(first) = seen.insert(&entry.id, &sourced.file) {
            findings.error("id", format!("is used twice (first in {first})"));
        }
        findings.check_entry(entry);
        for (code, state) in &mut states {
            let language = if *code == "bo" { Language::Bo } else { Language::Zh };
            count(state, entry.text(language));
        }
    }
    let mut problems = findings.problems;
    problems.extend(duplicates::find(collection));
    if collection.entries.is_empty() && problems.is_empty() {
        problems.push(Problem {
            severity: Severity::Error,
            file: String::new(),
            entry: None,
            field: "entries".to_owned(),
            message: "there are none".to_owned(),
        });
    }
    problems.sort_by_key(|problem| problem.severity);
    let languages =
        Language::ALL.map(|language| (language, states.remove(language.code()).unwrap_or_default())).into();
    Report { name: collection.name.clone(), entries: collection.entries.len(), languages, problems }
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

struct Findings {
    problems: Vec<Problem>,
    file: String,
    entry: Option<EntryId>,
}

impl Findings {
    fn add(&mut self, severity: Severity, field: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem {
            severity,
            file: self.file.clone(),
            entry: self.entry.clone(),
            field: field.into(),
            message: message.into(),
        });
    }

    fn error(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.add(Severity::Error, field, message);
    }

    fn warn(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.add(Severity::Warning, field, message);
    }

    fn check_entry(&mut self, entry: &Entry) {
        let id = &entry.id.0;
        let kebab = !id.is_empty()
            && id.len() <= 64
            && id.split('-').all(|part| {
                !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            });
        if !kebab {
            self.error("id", "must be words of a-z and 0-9 joined by hyphens, at most 64 characters");
        }
        if entry.topic.trim().is_empty() {
            self.error("topic", "is empty");
        }
        match (&entry.zh, &entry.bo) {
            (None, None) => self.error("", "has a text in neither language"),
            (Some(_), None) => self.warn("bo", "the Tibetan is missing: languages are out of step"),
            (None, Some(_)) => self.warn("zh", "the Chinese is missing: languages are out of step"),
            (Some(zh), Some(bo)) => self.check_step(zh, bo),
        }
        for language in Language::ALL {
            if let Some(text) = entry.text(language) {
                self.check_text(language, text);
            }
        }
        for (index, link) in entry.links.iter().enumerate() {
            let field = format!("links[{index}]");
            if !link.url.starts_with("https://") || link.url.len() <= "https://".len() {
                self.error(format!("{field}.url"), format!("{:?} does not begin with https://", link.url));
            }
            self.check_pair(&format!("{field}.label"), &link.label);
        }
        if let Some(office) = &entry.office {
            self.check_pair("office", office);
        }
    }

    /// Both languages of an entry should say the same: as far as counting shows, they do.
    fn check_step(&mut self, zh: &Text, bo: &Text) {
        for (field, zh, bo) in
            [("steps", zh.steps.len(), bo.steps.len()), ("documents", zh.documents.len(), bo.documents.len())]
        {
            if zh != bo {
                self.warn(field, format!("{zh} in Chinese but {bo} in Tibetan: languages are out of step"));
            }
        }
        if zh.review == Review::Approved && bo.review != Review::Approved {
            self.add(Severity::Notice, "bo.review", "the Chinese is approved, the Tibetan is not yet");
        }
    }

    fn check_pair(&mut self, field: &str, pair: &Localized) {
        for language in Language::ALL {
            if pair.get(language).trim().is_empty() {
                self.warn(format!("{field}.{language}"), "is empty");
            }
        }
    }

    fn check_text(&mut self, language: Language, text: &Text) {
        let field = |name: &str| format!("{language}.{name}");
        for (index, question) in std::iter::once(&text.question).chain(&text.variants).enumerate() {
            let field =
                if index == 0 { field("question") } else { field(&format!("variants[{}]", index - 1)) };
            if question.trim().is_empty() {
                self.error(field, "is empty");
            } else if question.chars().count() > LONGEST_QUESTION_CHARACTERS {
                self.error(field, format!("is longer than {LONGEST_QUESTION_CHARACTERS} characters"));
            } else if !question.chars().any(|c| speaks(language, c)) {
                self.error(field, "holds no letter of its language: is it in the wrong place?");
            }
        }
        if text.variants.len() + 1 < FEW_QUESTIONS {
            let message = format!("{} ways of asking: more are found more often", text.variants.len() + 1);
            self.add(Severity::Notice, field("variants"), message);
        }
        if text.spoken.trim().is_empty() {
            self.error(field("spoken"), "is empty");
        }
        if text.written.trim().is_empty() {
            self.error(field("written"), "is empty");
        }
        let syllables = language::syllables(&text.spoken).len();
        if syllables > LONGEST_SPOKEN_SYLLABLES {
            self.warn(
                field("spoken"),
                format!("takes {syllables} syllables to say; more than {LONGEST_SPOKEN_SYLLABLES} are hard to follow"),
            );
        }
        for (name, list) in [("steps", &text.steps), ("documents", &text.documents)] {
            if list.iter().any(|item| item.trim().is_empty()) {
                self.error(field(name), "has an empty item");
            }
        }
    }
}

fn speaks(language: Language, c: char) -> bool {
    match language {
        Language::Bo => Script::of(c) == Script::Tibetan,
        Language::Zh => Script::of(c) == Script::Han,
    }
}
