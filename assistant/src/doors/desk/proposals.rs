//! `/v1/desk/proposals`: changes of the knowledge base on their way to publication.

use axum::Json;
use axum::extract::{Path, State};
use conversation::{EventBody, Timestamp};
use kb::{Entry, EntryId, Review, Text};
use language::Language;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::conversations::{parse_id, read};
use super::knowledge::Large;
use super::session::{Body, Changing, LoggedIn};
use super::{DeskError, DeskState};
use crate::editing::{Compared, Draft, Hand, Kept, Origin, Proposal, ProposalState, ProposedChange};
use crate::masking;

/// A proposal in a list.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Proposal")]
pub(super) struct View {
    id: String,
    /// Counts its changes; to be sent back with whatever is done to it.
    version: u64,
    entry: String,
    change: ProposedChange,
    state: ProposalState,
    /// The questions, for lists: Chinese, Tibetan.
    #[serde(skip_serializing_if = "Option::is_none")]
    zh: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bo: Option<String>,
    /// Everybody who wrote it, the last one last.
    hands: Vec<Hand>,
    note: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<Origin>,
    /// Who approved or refused it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided: Option<Hand>,
    /// Why it was refused; empty where it was not.
    reason: String,
    /// Whoever is logged in wrote in it, and must not approve it.
    own: bool,
}

fn view(kept: Kept, logged_in: &LoggedIn) -> View {
    let Kept { id, version, proposal } = kept;
    let own = proposal.is_by(logged_in.person.id);
    let Proposal { entry, change, content, state, hands, note, origin, decided, reason, .. } = proposal;
    let question = |language| {
        let text = content.as_ref().and_then(|content: &Entry| content.text(language));
        text.map(|text| text.question.clone())
    };
    let (zh, bo) = (question(Language::Zh), question(Language::Bo));
    View { id, version, entry: entry.0, change, state, zh, bo, hands, note, origin, decided, reason, own }
}

/// Changes on their way, the newest first.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Proposals")]
pub(super) struct All {
    proposals: Vec<View>,
}

pub(super) async fn list(
    State(state): State<DeskState>,
    logged_in: LoggedIn,
) -> Result<Json<All>, DeskError> {
    let mut kept = state.editing()?.proposals().await?;
    let touched = |kept: &Kept| kept.proposal.hands.last().map_or(Timestamp::from_millis(0), |hand| hand.at);
    kept.sort_by_key(|kept| {
        (kept.proposal.state != ProposalState::Submitted, std::cmp::Reverse(touched(kept)))
    });
    Ok(Json(All { proposals: kept.into_iter().map(|kept| view(kept, &logged_in)).collect() }))
}

/// A change with everything that it says.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WholeProposal")]
pub(super) struct Whole {
    proposal: View,
    /// The entry as it is to be, as in the files (docs/knowledge.md); absent where it is to end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Map<String, Value>>")]
    content: Option<Entry>,
    /// The entry as it is served; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Map<String, Value>>")]
    served: Option<Entry>,
    compared: Compared,
    /// The entry as it was when it was changed; to be sent back with a change of the proposal.
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<String>,
    /// The entry has been published in other words since: the change has to be submitted again.
    outdated: bool,
    /// Names what is served; absent where nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    served_base: Option<String>,
}

async fn whole(state: &DeskState, kept: Kept, logged_in: &LoggedIn) -> Result<Json<Whole>, DeskError> {
    let knowledge = state.editing()?.served().await?;
    let served = knowledge.entry(&kept.proposal.entry).cloned();
    let served_base = served.as_ref().map(crate::editing::fingerprint);
    let Proposal { content, compared, base, .. } = kept.proposal.clone();
    let outdated = base != served_base && kept.proposal.state == ProposalState::Submitted;
    let proposal = view(kept, logged_in);
    Ok(Json(Whole { proposal, content, served, compared, base, outdated, served_base }))
}

pub(super) async fn one(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    logged_in: LoggedIn,
) -> Result<Json<Whole>, DeskError> {
    let kept = state.editing()?.proposal(&id).await?;
    whole(&state, kept, &logged_in).await
}

/// A change that somebody proposes.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "ProposedEntry")]
pub(super) struct Proposed {
    /// Which entry.
    entry: String,
    /// The entry as it is to be, as in the files (docs/knowledge.md); absent to end it. A text with `review: published` is signed by the
    /// approval; `awaiting-native-reviewer`, `sample` and `draft` stay as they are.
    #[schemars(with = "Option<Map<String, Value>>")]
    content: Option<Entry>,
    /// The entry as it was seen; absent where there was none.
    base: Option<String>,
    /// Texts that were compared with the other language and say the same.
    #[serde(default)]
    compared: Compared,
    /// For whoever is to approve it; 2,000 characters at most.
    #[serde(default)]
    note: String,
}

impl From<Proposed> for Draft {
    fn from(proposed: Proposed) -> Self {
        let Proposed { entry, content, base, compared, note } = proposed;
        Self { entry: EntryId(entry), content, base, compared, note, origin: None }
    }
}

pub(super) async fn submit(
    State(state): State<DeskState>,
    Changing(logged_in): Changing,
    Large(proposed): Large<Proposed>,
) -> Result<Json<Whole>, DeskError> {
    let kept = state.editing()?.submit(&logged_in.person, proposed.into()).await?;
    whole(&state, kept, &logged_in).await
}

/// A proposal in other words.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "ChangedProposal")]
pub(super) struct Changed {
    version: u64,
    #[serde(flatten)]
    proposed: Proposed,
}

pub(super) async fn change(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    Changing(logged_in): Changing,
    Large(Changed { version, proposed }): Large<Changed>,
) -> Result<Json<Whole>, DeskError> {
    let kept = state.editing()?.change(&logged_in.person, &id, version, proposed.into()).await?;
    whole(&state, kept, &logged_in).await
}

/// The version of a proposal that was seen.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "SeenVersion")]
pub(super) struct Seen {
    version: u64,
}

pub(super) async fn withdraw(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    Changing(logged_in): Changing,
    Body(Seen { version }): Body<Seen>,
) -> Result<Json<Whole>, DeskError> {
    let kept = state.editing()?.withdraw(&logged_in.person, &id, version).await?;
    whole(&state, kept, &logged_in).await
}

/// Why a proposal is not approved.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "Refusal")]
pub(super) struct Refused {
    version: u64,
    /// For whoever wrote it; 1 to 2,000 characters.
    reason: String,
}

pub(super) async fn refuse(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    Changing(logged_in): Changing,
    Body(Refused { version, reason }): Body<Refused>,
) -> Result<Json<Whole>, DeskError> {
    let kept = state.editing()?.refuse(&logged_in.person, &id, version, reason).await?;
    whole(&state, kept, &logged_in).await
}

/// A proposal that is approved.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "ApprovedProposal")]
pub(super) struct Approved {
    id: String,
    version: u64,
}

/// Proposals that are approved together.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "Approval")]
pub(super) struct Approval {
    proposals: Vec<Approved>,
}

/// What is in service now.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PublishedKnowledge")]
pub(super) struct InService {
    revision: String,
    /// Entries that hold today.
    entries: usize,
}

pub(super) async fn approve(
    State(state): State<DeskState>,
    Changing(logged_in): Changing,
    Large(Approval { proposals }): Large<Approval>,
) -> Result<Json<InService>, DeskError> {
    let wanted = proposals.into_iter().map(|proposal| (proposal.id, proposal.version)).collect();
    let now = state.editing()?.approve(&logged_in.person, wanted).await?;
    Ok(Json(InService { revision: now.revision, entries: now.entries }))
}

/// An agent's answer that others should get as well.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "AnswerToPropose")]
pub(super) struct FromAnswer {
    /// The place of the agent's message.
    answer_seq: u64,
    /// The place of the citizen's question; where it is left out, the last thing that the citizen wrote or said before.
    question_seq: Option<u64>,
    /// For whoever is to approve it.
    #[serde(default)]
    note: String,
}

/// A proposal was made.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MadeProposal")]
pub(super) struct Made {
    id: String,
}

pub(super) async fn of_answer(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    Changing(logged_in): Changing,
    Body(from): Body<FromAnswer>,
) -> Result<Json<Made>, DeskError> {
    let id = parse_id(&id)?;
    let (_, events) = read(&state, id, &logged_in.agent).await?;
    let answer = events.iter().find(|event| event.seq == from.answer_seq).map(|event| &event.body);
    let Some(EventBody::AgentMessage(answer)) = answer else {
        return Err(DeskError::Invalid("`answer_seq` names no message of an agent".into()));
    };
    let asked = events.iter().rev().find_map(|event| match &event.body {
        EventBody::CitizenMessage(message) => match from.question_seq {
            Some(seq) => (event.seq == seq).then_some(message),
            None => (event.seq < from.answer_seq && !message.text.trim().is_empty()).then_some(message),
        },
        _ => None,
    });
    let question = asked.map(|message| masking::mask(message.text.trim()).into_owned()).unwrap_or_default();
    if question.is_empty() {
        return Err(DeskError::Invalid("there is no question in words: name one by `question_seq`".into()));
    }
    let said = masking::mask(answer.text.trim()).into_owned();
    let text =
        Text { question, spoken: said.clone(), written: said, review: Review::Published, ..Text::default() };
    let mut entry = Entry {
        id: EntryId(format!("answer-{}", hex::encode(super::random::<4>()?))),
        topic: TOPIC.to_owned(),
        ..Entry::default()
    };
    let language = answer.language;
    match language {
        Language::Bo => entry.bo = Some(text),
        Language::Zh => entry.zh = Some(text),
    }
    let draft = Draft {
        entry: entry.id.clone(),
        content: Some(entry),
        base: None,
        compared: Compared::default(),
        note: from.note,
        origin: Some(Origin { conversation: id, seq: from.answer_seq, language }),
    };
    let kept = state.editing()?.submit(&logged_in.person, draft).await?;
    Ok(Json(Made { id: kept.id }))
}

/// The topic of what nobody has put in order yet (`phrases/topics.tsv`).
const TOPIC: &str = "imported";
