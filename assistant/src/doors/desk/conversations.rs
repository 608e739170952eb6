//! `/v1/desk/conversations/{id}` and what an agent can do with a conversation.

use axum::Json;
use axum::extract::{Path, State};
use conversation::protocol::MAX_TEXT_CHARACTERS;
use conversation::sounds::Receipts;
use conversation::{
    Agent, Append, Callback, ConversationId, ConversationState, Event, EventBody, HandoffCommand, Holder,
    LanguageCode, MessageId, MessageKey, SoundId, Status,
};
use language::Language;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::events::DeskEvent;
use super::session::{Body, Changing, LoggedIn};
use super::{DeskError, DeskState, sounds};
use crate::masking;

/// Events read from the store at once.
const PAGE: u32 = 500;
/// The longest note, in characters.
const MAX_NOTE_CHARACTERS: usize = 2_000;

/// A conversation with all its events, what the assistant considered included.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ConversationView")]
pub(super) struct View {
    conversation: ConversationId,
    #[schemars(with = "LanguageCode")]
    language: Language,
    /// Whether the citizen speaks.
    voice: bool,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<Holder>,
    /// The call back that is to be made, with its number, for whoever has the conversation and nobody else.
    #[serde(skip_serializing_if = "Option::is_none")]
    callback: Option<Callback>,
    #[schemars(with = "Vec<DeskEvent>")]
    events: Vec<Event>,
    /// How far the citizen has come with what was written to them.
    receipts: Receipts,
    /// Spoken turns whose recordings the citizen has left: they can be heard (`GET …/sound`), as can all messages that have a `sound`.
    left: Vec<u64>,
}

pub(super) async fn view(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    logged_in: LoggedIn,
) -> Result<Json<View>, DeskError> {
    Ok(Json(view_of(&state, parse_id(&id)?, &logged_in.agent).await?))
}

/// A conversation as an agent may see it.
pub(super) async fn view_of(state: &DeskState, id: ConversationId, agent: &Agent) -> Result<View, DeskError> {
    let (conversation, events) = read(state, id, agent).await?;
    let has_it = conversation.holder().is_some_and(|holder| holder.id == agent.id);
    Ok(View {
        conversation: id,
        language: conversation.language,
        voice: conversation.voice,
        status: conversation.status(),
        holder: conversation.holder().cloned(),
        callback: conversation.handoff.ticket().filter(|_| has_it).and_then(|ticket| ticket.callback.clone()),
        events: events.into_iter().map(masking::masked).collect(),
        receipts: state.store.receipts(id).await?,
        left: state.store.recordings_of(id).await?.into_iter().map(|left| left.confirmed.seq).collect(),
    })
}

/// The conversation with its events, if it is open to this agent: it waits for a person or has one, or the agent was
/// in it before. What citizens discuss with the assistant alone is nobody's to read here.
pub(super) async fn read(
    state: &DeskState,
    id: ConversationId,
    agent: &Agent,
) -> Result<(ConversationState, Vec<Event>), DeskError> {
    let conversation = state.store.conversation(id).await?.ok_or(DeskError::NotFound("conversation"))?;
    let mut events = Vec::new();
    loop {
        let after = events.last().map_or(0, |event: &Event| event.seq);
        let page = state.store.events_after(id, after, PAGE).await?;
        let last = page.len() < PAGE as usize;
        events.extend(page);
        if last {
            break;
        }
    }
    let was_here = |event: &Event| matches!(&event.body, EventBody::AgentJoined(joined) if joined.agent.id == Some(agent.id));
    if conversation.handoff.ticket().is_none() && !events.iter().any(was_here) {
        return Err(DeskError::NotYours);
    }
    Ok((conversation, events))
}

pub(super) async fn claim(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    Changing(logged_in): Changing,
) -> Result<Json<Done>, DeskError> {
    let id = parse_id(&id)?;
    let conversation = state.store.conversation(id).await?.ok_or(DeskError::NotFound("conversation"))?;
    if !logged_in.agent.languages.contains(&conversation.language) {
        return Err(DeskError::OtherLanguage);
    }
    let command = HandoffCommand::Claim { agent: logged_in.agent.actor() };
    act(&state, &logged_in.agent, Append::to(id).then(command)).await?;
    tracing::info!(agent = %logged_in.agent.id, conversation = %id, "an agent took a conversation");
    Ok(Json(Done {}))
}

/// It is done, and there is nothing else to say: `{}`.
#[derive(Serialize, JsonSchema)]
pub(super) struct Done {}

/// An agent's message is durable.
#[derive(Serialize, JsonSchema)]
pub(super) struct Sent {
    /// The place of its event; absent where the same message had been sent before.
    seq: Option<u64>,
}

/// What an agent writes or says.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "AgentText")]
pub(super) struct Message {
    /// Made by whoever sends it. The same `id` again changes nothing, so that a lost answer can be asked for again.
    id: MessageId,
    /// The words; may be empty where they were spoken.
    #[serde(default)]
    text: String,
    /// What was spoken, and kept under this id (`POST …/sounds`).
    sound: Option<SoundId>,
}

pub(super) async fn message(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    Changing(logged_in): Changing,
    Body(message): Body<Message>,
) -> Result<Json<Sent>, DeskError> {
    let characters = message.text.chars().count();
    let empty = message.text.trim().is_empty() && message.sound.is_none();
    if empty || characters > MAX_TEXT_CHARACTERS {
        return Err(DeskError::Invalid(format!("`text` must have 1 to {MAX_TEXT_CHARACTERS} characters")));
    }
    let id = parse_id(&id)?;
    let sound = match message.sound {
        Some(sound) => Some(sounds::of_message(&state, id, &logged_in.agent, sound).await?),
        None => None,
    };
    let append = Append::to(id)
        .because_of(MessageKey::agent(logged_in.agent.id, message.id))
        .then(HandoffCommand::Message { agent: logged_in.agent.actor(), text: message.text, sound });
    let seq = act(&state, &logged_in.agent, append).await?;
    Ok(Json(Sent { seq }))
}

/// Whether the agent still has notes to write.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Settled {
    /// The conversation stays with its agent for the notes (`…/wrap-up`).
    #[serde(default)]
    wrap_up: bool,
}

pub(super) async fn resolve(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    Changing(logged_in): Changing,
    Body(settled): Body<Settled>,
) -> Result<Json<Done>, DeskError> {
    let command = HandoffCommand::Resolve { agent: logged_in.agent.actor(), wrap_up: settled.wrap_up };
    act(&state, &logged_in.agent, Append::to(parse_id(&id)?).then(command)).await?;
    Ok(Json(Done {}))
}

/// A note for whoever comes next; citizens never see it.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Note {
    note: Option<String>,
}

impl Note {
    pub(super) fn check(self) -> Result<Option<String>, DeskError> {
        check_note(self.note)
    }
}

/// A note that may be kept; `None` where there is nothing in it.
pub(super) fn check_note(note: Option<String>) -> Result<Option<String>, DeskError> {
    match note {
        Some(note) if note.chars().count() > MAX_NOTE_CHARACTERS => {
            Err(DeskError::Invalid(format!("`note` has more than {MAX_NOTE_CHARACTERS} characters")))
        }
        note => Ok(note.filter(|note| !note.trim().is_empty())),
    }
}

pub(super) async fn give_back(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    Changing(logged_in): Changing,
    Body(note): Body<Note>,
) -> Result<Json<Done>, DeskError> {
    let command = HandoffCommand::Return { agent: logged_in.agent.actor(), note: note.check()? };
    act(&state, &logged_in.agent, Append::to(parse_id(&id)?).then(command)).await?;
    Ok(Json(Done {}))
}

/// Counts as a sign of life **first**: an agent whose page has been closed for a while must not lose at once what they
/// have just taken.
pub(super) async fn act(state: &DeskState, agent: &Agent, append: Append) -> Result<Option<u64>, DeskError> {
    state.store.heartbeat(agent.id).await?;
    Ok(state.store.append(append).await?.first_seq())
}

pub(super) fn parse_id(id: &str) -> Result<ConversationId, DeskError> {
    id.parse().map_err(|_| DeskError::NotFound("conversation"))
}
