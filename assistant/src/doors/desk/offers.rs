//! What is offered, passed on, set aside, called back and wrapped up; and what supervisors do about others' conversations.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use conversation::handoff::AttemptOutcome;
use conversation::routing::{AtDesk, Presence};
use conversation::{
    Actor, AgentId, Append, AuditActor, AuditEntry, ConversationId, HandoffCommand, OfferId, QueueItem,
    Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::conversations::{Done, Note, act, check_note, parse_id, read};
use super::session::{Body, Changing, LoggedIn};
use super::{DeskError, DeskState};
use crate::masking;

/// The longest code of what came of a matter, in characters.
const MAX_DISPOSITION_CHARACTERS: usize = 64;

/// Does it, as the agent who asks.
async fn perform(
    state: &DeskState,
    logged_in: &LoggedIn,
    id: &str,
    command: HandoffCommand,
) -> Result<ConversationId, DeskError> {
    let id = parse_id(id)?;
    act(state, &logged_in.agent, Append::to(id).then(command)).await?;
    Ok(id)
}

/// What an agent is ready for.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "PresenceChange")]
pub(super) struct Ready {
    presence: Presence,
}

pub(super) async fn presence(
    State(state): State<DeskState>,
    Changing(logged_in): Changing,
    Body(ready): Body<Ready>,
) -> Result<Json<Done>, DeskError> {
    state.store.set_presence(logged_in.agent.id, ready.presence).await?;
    tracing::info!(agent = %logged_in.agent.id, presence = ready.presence.as_str(), "an agent's presence changed");
    Ok(Json(Done {}))
}

/// Which offer is answered.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "OfferAnswer")]
pub(super) struct Answered {
    offer: OfferId,
}

pub(super) async fn accept(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    Changing(logged_in): Changing,
    Body(Answered { offer }): Body<Answered>,
) -> Result<Json<Done>, DeskError> {
    let command = HandoffCommand::Accept { offer, agent: logged_in.agent.actor() };
    let id = perform(&state, &logged_in, &id, command).await?;
    tracing::info!(agent = %logged_in.agent.id, conversation = %id, "an agent took an offer");
    Ok(Json(Done {}))
}

pub(super) async fn decline(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    Changing(logged_in): Changing,
    Body(Answered { offer }): Body<Answered>,
) -> Result<Json<Done>, DeskError> {
    let command = HandoffCommand::Decline { offer, agent: logged_in.agent.actor() };
    perform(&state, &logged_in, &id, command).await?;
    Ok(Json(Done {}))
}

/// To whom a conversation is passed on.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "Transfer")]
pub(super) struct PassedOn {
    /// Must be at work and serve the conversation's language (`GET /v1/desk/colleagues`).
    to: AgentId,
    note: Option<String>,
}

pub(super) async fn transfer(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    Changing(logged_in): Changing,
    Body(passed): Body<PassedOn>,
) -> Result<Json<Done>, DeskError> {
    let to = colleague(&state, parse_id(&id)?, passed.to).await?;
    let note = check_note(passed.note)?;
    let command =
        HandoffCommand::Transfer { agent: logged_in.agent.actor(), to, offer: OfferId::generate(), note };
    perform(&state, &logged_in, &id, command).await?;
    Ok(Json(Done {}))
}

/// A colleague who is at work and serves the conversation's language.
async fn colleague(state: &DeskState, id: ConversationId, to: AgentId) -> Result<Actor, DeskError> {
    let conversation = state.store.conversation(id).await?.ok_or(DeskError::NotFound("conversation"))?;
    let at_desk = state.store.at_desk().await?;
    let to = at_desk.into_iter().find(|other| other.agent.id == to).ok_or(DeskError::NotFound("agent"))?;
    if !to.languages.contains(&conversation.language) {
        return Err(DeskError::OtherLanguage);
    }
    if !is_there(state, &to) {
        return Err(DeskError::Invalid("this colleague is not at work".to_owned()));
    }
    Ok(to.agent)
}

fn is_there(state: &DeskState, agent: &AtDesk) -> bool {
    let silent = state.clock.now().since(agent.last_seen_at);
    agent.presence.is_at_work() && silent < state.settings.lost_after
}

/// Until when a conversation is set aside.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "Snooze")]
pub(super) struct SetAside {
    until: Timestamp,
    note: Option<String>,
}

pub(super) async fn snooze(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    Changing(logged_in): Changing,
    Body(aside): Body<SetAside>,
) -> Result<Json<Done>, DeskError> {
    let note = check_note(aside.note)?;
    let command = HandoffCommand::Snooze { agent: logged_in.agent.actor(), until: aside.until, note };
    perform(&state, &logged_in, &id, command).await?;
    Ok(Json(Done {}))
}

pub(super) async fn wake(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    Changing(logged_in): Changing,
) -> Result<Json<Done>, DeskError> {
    let command = HandoffCommand::Wake { agent: logged_in.agent.actor() };
    perform(&state, &logged_in, &id, command).await?;
    Ok(Json(Done {}))
}

/// What came of a matter.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "WrapUpNotes")]
pub(super) struct Notes {
    disposition: Option<String>,
    note: Option<String>,
}

pub(super) async fn wrap_up(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    Changing(logged_in): Changing,
    Body(notes): Body<Notes>,
) -> Result<Json<Done>, DeskError> {
    let disposition = notes.disposition.filter(|code| !code.trim().is_empty());
    if disposition.as_ref().is_some_and(|code| code.chars().count() > MAX_DISPOSITION_CHARACTERS) {
        return Err(DeskError::Invalid(format!(
            "`disposition` has more than {MAX_DISPOSITION_CHARACTERS} characters"
        )));
    }
    let note = check_note(notes.note)?;
    let command = HandoffCommand::WrapUp { agent: logged_in.agent.actor(), disposition, note };
    perform(&state, &logged_in, &id, command).await?;
    Ok(Json(Done {}))
}

/// What came of a call back.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "CallbackResult")]
pub(super) struct Called {
    outcome: AttemptOutcome,
    /// Another time that was agreed, together with `until`.
    from: Option<Timestamp>,
    until: Option<Timestamp>,
}

pub(super) async fn called(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    Changing(logged_in): Changing,
    Body(called): Body<Called>,
) -> Result<Json<Done>, DeskError> {
    let command = HandoffCommand::CallbackAttempt {
        agent: logged_in.agent.actor(),
        outcome: called.outcome,
        again: called.from.zip(called.until),
    };
    perform(&state, &logged_in, &id, command).await?;
    Ok(Json(Done {}))
}

/// An agent as colleagues see them.
#[derive(Serialize, JsonSchema)]
pub(super) struct Colleague {
    #[serde(flatten)]
    at_desk: AtDesk,
    /// Whether they gave a sign of life lately and serve citizens.
    there: bool,
}

pub(super) async fn colleagues(
    State(state): State<DeskState>,
    _logged_in: LoggedIn,
) -> Result<Json<Vec<Colleague>>, DeskError> {
    let at_desk = state.store.at_desk().await?;
    let colleagues = at_desk.into_iter().map(|at_desk| {
        let there = is_there(&state, &at_desk);
        Colleague { at_desk, there }
    });
    Ok(Json(colleagues.collect()))
}

/// Every open escalation, whoever has it.
/// Which of what is open.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Open {
    /// Only what somebody has.
    #[serde(default)]
    held: bool,
}

pub(super) async fn escalations(
    State(state): State<DeskState>,
    which: Result<Query<Open>, QueryRejection>,
    _logged_in: LoggedIn,
) -> Result<Json<Vec<QueueItem>>, DeskError> {
    let Query(which) = which.map_err(|rejection| DeskError::Invalid(rejection.body_text()))?;
    let mut open = state.store.open_escalations().await?;
    open.retain(|item| !which.held || item.holder.is_some());
    Ok(Json(open))
}

/// To whom a supervisor gives a conversation; nobody: the queue.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "Reassignment")]
pub(super) struct Given {
    to: Option<AgentId>,
    note: Option<String>,
}

pub(super) async fn reassign(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    Changing(logged_in): Changing,
    Body(given): Body<Given>,
) -> Result<Json<Done>, DeskError> {
    let to = match given.to {
        Some(to) => Some(colleague(&state, parse_id(&id)?, to).await?),
        None => None,
    };
    let note = check_note(given.note)?;
    let command = HandoffCommand::Reassign { by: logged_in.agent.actor(), to, note };
    perform(&state, &logged_in, &id, command).await?;
    Ok(Json(Done {}))
}

pub(super) async fn join(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    Changing(logged_in): Changing,
) -> Result<Json<Done>, DeskError> {
    let command = HandoffCommand::Join { supervisor: logged_in.agent.actor() };
    perform(&state, &logged_in, &id, command).await?;
    Ok(Json(Done {}))
}

pub(super) async fn depart(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    Changing(logged_in): Changing,
) -> Result<Json<Done>, DeskError> {
    let command = HandoffCommand::Depart { supervisor: logged_in.agent.actor() };
    perform(&state, &logged_in, &id, command).await?;
    Ok(Json(Done {}))
}

/// Whether an agent who is to stop keeps what they have.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Drain {
    /// What they have goes back to the queue.
    #[serde(default)]
    requeue: bool,
    note: Option<String>,
}

/// An agent takes nothing new any more.
#[derive(Serialize, JsonSchema)]
pub(super) struct Drained {
    /// So many conversations went back to the queue.
    given_back: u32,
}

/// Nothing new comes to that agent; with `requeue`, what they have goes back to the queue.
pub(super) async fn drain(
    State(state): State<DeskState>,
    Path(agent): Path<String>,
    Changing(logged_in): Changing,
    Body(drain): Body<Drain>,
) -> Result<Json<Drained>, DeskError> {
    let agent: AgentId = agent.parse().map_err(|_| DeskError::NotFound("agent"))?;
    let note = check_note(drain.note)?;
    state.store.set_presence(agent, Presence::Leaving).await?;
    let by = AuditActor::person(logged_in.agent.id, &logged_in.person.name);
    state
        .store
        .record(AuditEntry::new(by, "agent.drained").on("person", agent).with("requeued", drain.requeue))
        .await?;
    let mut given_back = 0;
    if drain.requeue {
        for item in state.store.held_by(agent).await? {
            let by = logged_in.agent.actor();
            let command = HandoffCommand::Reassign { by, to: None, note: note.clone() };
            // Whatever has moved on in the meantime need not be given back.
            match state
                .store
                .append(Append::to(item.conversation).then(command))
                .await
                .map_err(DeskError::from)
            {
                Ok(_) => given_back += 1,
                Err(DeskError::Conflict(_) | DeskError::Closed) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(Json(Drained { given_back }))
}

/// A requeue's note with what the next agent should know about.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "Requeue")]
pub(super) struct Requeued {
    #[serde(flatten)]
    note: Note,
    #[serde(default)]
    skills: Vec<String>,
}

/// Skills that one conversation may demand.
const MAX_SKILLS: usize = 8;

pub(super) async fn requeue(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    Changing(logged_in): Changing,
    Body(requeued): Body<Requeued>,
) -> Result<Json<Done>, DeskError> {
    let long = |skill: &String| skill.chars().count() > MAX_DISPOSITION_CHARACTERS;
    if requeued.skills.len() > MAX_SKILLS || requeued.skills.iter().any(long) {
        return Err(DeskError::Invalid(format!("`skills` holds at most {MAX_SKILLS} short names")));
    }
    let command = HandoffCommand::Requeue {
        agent: logged_in.agent.actor(),
        note: requeued.note.check()?,
        skills: requeued.skills,
    };
    perform(&state, &logged_in, &id, command).await?;
    Ok(Json(Done {}))
}

/// Which message is to be shown with its personal numbers, and why.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "Reveal")]
pub(super) struct Shown {
    /// The place of the message's event.
    seq: u64,
    /// Stands in the audit trail.
    reason: String,
}

/// A message with its personal numbers.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RevealedMessage")]
pub(super) struct Words {
    text: String,
}

/// The words of one message as they were written, on the record.
pub(super) async fn reveal(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    Changing(logged_in): Changing,
    Body(shown): Body<Shown>,
) -> Result<Json<Words>, DeskError> {
    let id = parse_id(&id)?;
    read(&state, id, &logged_in.agent).await?;
    let who = AuditActor::person(logged_in.agent.id, &logged_in.person.name);
    // The gate before this route has asked for the permission.
    let asked = masking::reveal(
        state.store.as_ref(),
        masking::Permission::Granted,
        who,
        (id, shown.seq),
        &shown.reason,
    );
    match asked.await {
        Ok(text) => Ok(Json(Words { text })),
        Err(masking::RevealError::Store(error)) => Err(error.into()),
        Err(masking::RevealError::NotFound) => Err(DeskError::NotFound("message")),
        Err(error) => Err(DeskError::Invalid(error.to_string())),
    }
}
