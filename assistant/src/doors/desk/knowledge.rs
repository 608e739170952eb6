//! `/v1/desk/knowledge`: what is served, what is wrong with it, and why a question finds what it finds.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, Path, Query, Request, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use conversation::LanguageCode;
use conversation::protocol::MAX_TEXT_CHARACTERS;
use intents::{Act, Decision, Explanation};
use kb::{Collection, Entry, EntryId, Problem, Review, Severity, Stage, Translation};
use language::Language;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::session::{Body, Changing, LoggedIn, read_body};
use super::{DeskError, DeskState, ErrorCode};
use crate::doors::openapi::{Input, Shape};
use crate::editing::{Draft, Editing, EditingError, Served, Unsigned, fingerprint};
use crate::knowledge::Memory;

/// The largest entry as JSON: one whose answer differs in every county, with room. Bytes.
const MAX_ENTRY_BYTES: usize = 1 << 20;
/// The largest file that is imported over HTTP. Bytes.
const MAX_FILE_BYTES: usize = 32 << 20;

impl DeskState {
    pub(super) fn editing(&self) -> Result<&Editing, DeskError> {
        self.editing.as_ref().ok_or(DeskError::Unavailable)
    }
}

impl From<EditingError> for DeskError {
    fn from(error: EditingError) -> Self {
        match error {
            EditingError::NoProposal => Self::NotFound("proposal"),
            EditingError::NoEntry => Self::NotFound("entry"),
            EditingError::Store(error) => error.into(),
            EditingError::Unsigned(Unsigned::OwnWork) => Self::OwnWork,
            EditingError::NotYours => Self::NotYours,
            EditingError::NotOpen(_) | EditingError::Outdated(_) => Self::Changed,
            EditingError::Unsigned(Unsigned::Step { .. })
            | EditingError::Unfit(_)
            | EditingError::Knowledge(_) => Self::Invalid(error.to_string()),
            EditingError::Folder(_) | EditingError::BrokenOff => {
                tracing::error!(%error, "the knowledge base was not changed");
                Self::Unavailable
            }
        }
    }
}

/// A JSON body that may be larger than others.
pub(super) struct Large<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<DeskState> for Large<T> {
    type Rejection = DeskError;

    async fn from_request(request: Request, _state: &DeskState) -> Result<Self, DeskError> {
        let bytes = axum::body::to_bytes(request.into_body(), MAX_ENTRY_BYTES).await;
        let bytes = bytes
            .map_err(|_| DeskError::Invalid(format!("the body has more than {MAX_ENTRY_BYTES} bytes")))?;
        read_body(&bytes).map(Self)
    }
}

impl<T: JsonSchema> Input for Large<T> {
    fn describe(shape: &mut Shape<'_>) {
        shape.takes::<T>();
        shape.refuses(ErrorCode::Invalid);
    }
}

/// Something wrong with an entry.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "KnowledgeProblem")]
pub(super) struct ProblemView {
    /// `error`, `warning` or `notice`.
    severity: &'static str,
    /// What it is about (docs/knowledge.md), such as `contradiction`.
    #[schemars(with = "String")]
    kind: kb::Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<String>,
    /// The field, such as `bo.spoken`; empty where it concerns the whole entry.
    field: String,
    /// For how many days citizens have been told something outdated.
    #[serde(skip_serializing_if = "Option::is_none")]
    age_days: Option<u32>,
    /// In English, for people who keep the files.
    message: String,
    /// Which finding of a check it is, for pages that say it in their own language (kb/findings.txt has all of them).
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// What the finding is about, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, String>")]
    values: BTreeMap<&'static str, String>,
}

impl From<&Problem> for ProblemView {
    fn from(problem: &Problem) -> Self {
        Self {
            severity: match problem.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Notice => "notice",
            },
            kind: problem.kind,
            entry: problem.entry.as_ref().map(|id| id.0.clone()),
            field: problem.field.clone(),
            age_days: problem.age_days,
            message: problem.message.clone(),
            code: problem.finding.as_deref().map(kb::Finding::code),
            values: problem.finding.as_deref().into_iter().flat_map(kb::Finding::values).collect(),
        }
    }
}

/// An entry's text in a list.
#[derive(Serialize, JsonSchema)]
pub(super) struct ListedText {
    question: String,
    /// How many further ways of asking it has.
    variants: usize,
    /// Where it really is on its way: `draft`, `reviewed` or `published`.
    #[schemars(with = "String")]
    stage: Stage,
    /// What its file says about that, such as `awaiting-native-reviewer`.
    #[schemars(with = "String")]
    review: Review,
    /// It is older than the other language.
    outdated: bool,
}

/// An entry in a list.
#[derive(Serialize, JsonSchema)]
pub(super) struct ListedEntry {
    id: String,
    topic: String,
    sample: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zh: Option<ListedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bo: Option<ListedText>,
    /// The worst problem of it, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    worst: Option<&'static str>,
}

/// The knowledge base as it is served.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Knowledge")]
pub(super) struct Everything {
    name: String,
    /// Of what is in service.
    revision: String,
    entries: Vec<ListedEntry>,
    problems: Vec<ProblemView>,
}

fn listed_text(entry: &Entry, language: Language) -> Option<ListedText> {
    let text = entry.text(language)?;
    Some(ListedText {
        question: text.question.clone(),
        variants: text.variants.len(),
        stage: entry.stage(language)?,
        review: text.review,
        outdated: matches!(entry.translation(language), Translation::Outdated { .. }),
    })
}

fn list(served: &Served, revision: String) -> Everything {
    let mut worst = std::collections::HashMap::new();
    for problem in &served.report.problems {
        if let Some(id) = &problem.entry {
            let known = worst.entry(id).or_insert(problem);
            if problem.severity < known.severity {
                *known = problem;
            }
        }
    }
    let entries = served.collection.entries.iter().map(|sourced| {
        let entry = &sourced.entry;
        ListedEntry {
            id: entry.id.0.clone(),
            topic: entry.topic.clone(),
            sample: entry.sample,
            valid_from: entry.valid_from.map(|day| day.to_string()),
            valid_until: entry.valid_until.map(|day| day.to_string()),
            zh: listed_text(entry, Language::Zh),
            bo: listed_text(entry, Language::Bo),
            worst: worst.get(&entry.id).map(|problem| ProblemView::from(*problem).severity),
        }
    });
    Everything {
        name: served.collection.name.clone(),
        revision,
        entries: entries.collect(),
        problems: served.report.problems.iter().map(ProblemView::from).collect(),
    }
}

pub(super) async fn everything(
    State(state): State<DeskState>,
    _logged_in: LoggedIn,
) -> Result<Json<Everything>, DeskError> {
    let served = state.editing()?.served().await?;
    let revision = state.editing()?.minds().brain().publication().revision().to_string();
    Ok(Json(list(&served, revision)))
}

/// An entry with everything that it says.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "KnowledgeEntry")]
pub(super) struct OneEntry {
    /// As in the files (docs/knowledge.md).
    #[schemars(with = "Map<String, Value>")]
    entry: Entry,
    /// Names what it says; to be sent back with a change of it.
    base: String,
    problems: Vec<ProblemView>,
}

pub(super) async fn one(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    _logged_in: LoggedIn,
) -> Result<Json<OneEntry>, DeskError> {
    let served = state.editing()?.served().await?;
    let id = EntryId(id);
    let entry = served.entry(&id).ok_or(DeskError::NotFound("entry"))?;
    let own = served.report.problems.iter().filter(|problem| problem.entry.as_ref() == Some(&id));
    Ok(Json(OneEntry {
        entry: entry.clone(),
        base: fingerprint(entry),
        problems: own.map(ProblemView::from).collect(),
    }))
}

/// An entry as it is to be.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "EntryToCheck")]
pub(super) struct ToCheck {
    /// As in the files (docs/knowledge.md).
    #[schemars(with = "Map<String, Value>")]
    entry: Entry,
}

/// What is wrong with an entry.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EntryProblems")]
pub(super) struct Problems {
    problems: Vec<ProblemView>,
}

pub(super) async fn check(
    State(state): State<DeskState>,
    Changing(_logged_in): Changing,
    Large(ToCheck { entry }): Large<ToCheck>,
) -> Result<Json<Problems>, DeskError> {
    let problems = state.editing()?.problems(vec![entry]).await?;
    Ok(Json(Problems { problems: problems.iter().map(ProblemView::from).collect() }))
}

/// A question to try.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "QuestionToTry")]
pub(super) struct ToTry {
    /// 2,000 characters at most.
    text: String,
    #[schemars(with = "LanguageCode")]
    language: Language,
}

/// What a citizen would get, and why.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TriedQuestion")]
pub(super) struct Tried {
    /// `answer`, `clarify`, `ask_topic`, `ask_place`, `act`, `not_understood` or `escalate`.
    decision: &'static str,
    /// The act, where it is none of asking, such as `greeting`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    act: Option<Act>,
    /// From this confidence on a question is answered at once …
    answer_threshold: f32,
    /// … and from this one on an entry is offered.
    clarify_threshold: f32,
    /// What was considered, with reasons: `considered[].reasons[]` are features times calibrated weights.
    #[schemars(with = "Map<String, Value>")]
    explanation: Explanation,
}

pub(super) async fn try_out(
    State(state): State<DeskState>,
    Changing(_logged_in): Changing,
    Body(ToTry { text, language }): Body<ToTry>,
) -> Result<Json<Tried>, DeskError> {
    if text.trim().is_empty() || text.chars().count() > MAX_TEXT_CHARACTERS {
        return Err(DeskError::Invalid(format!("`text` must have 1 to {MAX_TEXT_CHARACTERS} characters")));
    }
    let minds = state.editing()?.minds();
    let tried = minds.think(move |brain| {
        let explanation = brain.understander().explain(&text, language)?;
        let thought = brain.decide(explanation.understanding.clone(), &Memory::default(), language);
        let decision = match &thought.decision {
            Decision::Answer { .. } => "answer",
            Decision::Clarify { .. } => "clarify",
            Decision::AskTopic { .. } => "ask_topic",
            Decision::AskPlace { .. } => "ask_place",
            Decision::Act(_) => "act",
            Decision::NotUnderstood => "not_understood",
            Decision::Escalate(_) => "escalate",
        };
        let act = explanation.understanding.act;
        Ok::<_, intents::UnderstandError>(Tried {
            decision,
            act: (act != Act::Question).then_some(act),
            answer_threshold: thought.provenance.answer_threshold,
            clarify_threshold: thought.provenance.clarify_threshold,
            explanation,
        })
    });
    let tried = tried.await.map_err(|_| DeskError::Busy)?;
    tried.map(Json).map_err(|error| {
        tracing::error!(%error, "a question could not be tried");
        DeskError::Unavailable
    })
}

/// What a knowledge file is written as.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "KnowledgeFormat")]
pub(super) enum Format {
    /// One knowledge file.
    Yaml,
    /// A table as text (UTF-8).
    Csv,
    /// An Excel workbook.
    Xlsx,
}

impl Format {
    const fn name(self) -> &'static str {
        match self {
            Self::Yaml => "import.yaml",
            Self::Csv => "import.csv",
            Self::Xlsx => "import.xlsx",
        }
    }
}

/// As what.
#[derive(Deserialize, JsonSchema)]
pub(super) struct As {
    format: Format,
}

pub(super) async fn export(
    State(state): State<DeskState>,
    wanted: Result<Query<As>, QueryRejection>,
    _logged_in: LoggedIn,
) -> Result<Response, DeskError> {
    let Query(As { format }) = wanted.map_err(|rejection| DeskError::Invalid(rejection.body_text()))?;
    let served = state.editing()?.served().await?;
    // What could not be read would be missing from the export, and deleted by importing it again.
    if let Some(problem) = served.collection.problems.first() {
        return Err(DeskError::Invalid(format!("the files have to be mended first: {problem}")));
    }
    let written = tokio::task::spawn_blocking(move || write(&served.collection, format)).await;
    let (bytes, kind, name) = written.map_err(|_| DeskError::Unavailable)??;
    let headers = [(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, bytes).into_response())
}

fn write(
    collection: &Collection,
    format: Format,
) -> Result<(Vec<u8>, &'static str, &'static str), DeskError> {
    let unfit = |error: &dyn std::fmt::Display| DeskError::Invalid(error.to_string());
    Ok(match format {
        Format::Yaml => (
            collection.to_file().to_yaml().map_err(|error| unfit(&error))?.into_bytes(),
            "application/yaml",
            "attachment; filename=\"knowledge.yaml\"",
        ),
        Format::Csv => (
            collection.to_csv().map_err(|error| unfit(&error))?.into_bytes(),
            "text/csv; charset=utf-8",
            "attachment; filename=\"knowledge.csv\"",
        ),
        Format::Xlsx => (
            collection.to_xlsx().map_err(|error| unfit(&error))?,
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "attachment; filename=\"knowledge.xlsx\"",
        ),
    })
}

/// A knowledge file as it was sent.
pub(super) struct KnowledgeBytes(Vec<u8>);

impl FromRequest<DeskState> for KnowledgeBytes {
    type Rejection = DeskError;

    async fn from_request(request: Request, _state: &DeskState) -> Result<Self, DeskError> {
        let bytes = axum::body::to_bytes(request.into_body(), MAX_FILE_BYTES).await;
        let bytes = bytes
            .map_err(|_| DeskError::Invalid(format!("the file has more than {} MB", MAX_FILE_BYTES >> 20)))?;
        Ok(Self(bytes.into()))
    }
}

impl Input for KnowledgeBytes {
    fn describe(shape: &mut Shape<'_>) {
        shape.takes_bytes("*/*");
        shape.refuses(ErrorCode::Invalid);
    }
}

/// What became of an imported file.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ImportedKnowledge")]
pub(super) struct Imported {
    /// How many entries say something new: each is a proposal now.
    submitted: usize,
    /// How many say what is served already.
    unchanged: usize,
    /// What of the file cannot be read. Where there is anything, nothing was submitted.
    problems: Vec<ProblemView>,
}

pub(super) async fn import(
    State(state): State<DeskState>,
    Changing(logged_in): Changing,
    wanted: Result<Query<As>, QueryRejection>,
    KnowledgeBytes(bytes): KnowledgeBytes,
) -> Result<Json<Imported>, DeskError> {
    let Query(As { format }) = wanted.map_err(|rejection| DeskError::Invalid(rejection.body_text()))?;
    let editing = state.editing()?;
    let served = editing.served().await?;
    let read = tokio::task::spawn_blocking(move || read_file(&bytes, format));
    let collection = read.await.map_err(|_| DeskError::Unavailable)?;
    let problems: Vec<ProblemView> = collection.problems.iter().map(ProblemView::from).collect();
    if !problems.is_empty() {
        return Ok(Json(Imported { submitted: 0, unchanged: 0, problems }));
    }
    let total = collection.entries.len();
    let drafts: Vec<Draft> =
        collection.entries.into_iter().filter_map(|sourced| changed(&served, sourced.entry)).collect();
    let submitted = drafts.len();
    if submitted > 0 {
        editing.submit_all(&logged_in.person, drafts).await?;
    }
    Ok(Json(Imported { submitted, unchanged: total - submitted, problems }))
}

/// What a file says, and what of it cannot be read.
fn read_file(bytes: &[u8], format: Format) -> Collection {
    let name = format.name();
    match format {
        Format::Yaml => Collection::parse(name, &String::from_utf8_lossy(bytes)),
        Format::Csv => Collection::parse_table(name, bytes),
        Format::Xlsx => Collection::parse_workbook(name, bytes),
    }
}

fn changed(served: &Served, entry: Entry) -> Option<Draft> {
    let there = served.entry(&entry.id);
    (there != Some(&entry)).then(|| Draft {
        base: there.map(fingerprint),
        entry: entry.id.clone(),
        content: Some(entry),
        compared: crate::editing::Compared::default(),
        note: String::new(),
        origin: None,
    })
}
