//! `GET /v1/desk/live`: what changes, as it changes.
//!
//! The socket follows the conversations that the agent has, and those that they watch. A page that opens a
//! conversation sends `watch` first and asks for its events then, so that it misses none; it applies each `seq` once.

use std::collections::HashMap;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::{IntoResponse, Response};
use conversation::{ConversationId, Event, Feed, Lagged, Published, QueueFeed, QueueItem, StoreError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::conversations;
use super::error::Problem;
use super::events::DeskEvent;
use super::queue::{Late, Lists};
use super::session::{LoggedIn, OwnPage};
use super::{DeskState, ErrorCode, SuggestedAnswer, Typing, TypingFeed};
use crate::doors::openapi::{Output, Shape};
use crate::masking;

/// The longest message that a page sends, in bytes; they carry one id.
const MAX_MESSAGE_BYTES: usize = 4 * 1024;
/// Conversations that one page may watch.
const MAX_WATCHED: usize = 100;
/// Changes of the queue within so long are told together: a rush of citizens must not become a rush of lists.
const QUEUE_PAUSE: Duration = Duration::from_millis(100);
/// How often it is looked whether somebody has waited too long.
const LOOK_FOR_LATE_EVERY: Duration = Duration::from_secs(5);
/// A page that does not take a message within so long is gone.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// Events read again at once after falling behind.
const PAGE: u32 = 500;

/// What a page sends.
#[derive(Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schemars(rename = "LiveFromDesk")]
pub(super) enum FromPage {
    /// Its events shall be sent: to be said before they are asked for, so that none is missed.
    Watch { conversation: ConversationId },
    /// Its events need not be sent any more.
    Unwatch { conversation: ConversationId },
    /// The agent is about to write.
    Typing { conversation: ConversationId },
    /// The agent is there: every 20 s.
    Heartbeat,
}

/// Reads what a page sends.
pub(super) fn from_page(text: &str) -> serde_json::Result<FromPage> {
    serde_json::from_str(text)
}

/// What a page is sent.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schemars(rename = "LiveToDesk")]
enum ToPage<'a> {
    /// The lists: at once, and after every change.
    Queue(&'a Lists),
    /// Something happened in a conversation that the agent has or watches.
    Event {
        conversation: ConversationId,
        #[schemars(with = "DeskEvent")]
        event: &'a Event,
    },
    /// The citizen is about to write.
    CitizenTyping { conversation: ConversationId },
    /// What the citizen is writing looks like questions that are known; their answers, best first. What they write itself is not told.
    Foreseen { conversation: ConversationId, candidates: Vec<SuggestedAnswer> },
    /// What an agent wrote has gone out to the citizen, who is connected; `seq` is the last of it. What was is told with the conversation.
    Delivered { conversation: ConversationId, seq: u64 },
    /// … and has been on their screen.
    Seen { conversation: ConversationId, seq: u64 },
    /// What was sent is not done.
    Error { error: Problem },
}

/// Why a socket ends.
enum End {
    /// The page is gone, or does not take what it is sent.
    Gone,
    /// The server drains.
    Restart,
    /// No sign of life, or the session is over.
    Policy(&'static str),
    /// The store failed.
    Failed(StoreError),
}

impl From<StoreError> for End {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

pub(super) async fn live(
    State(state): State<DeskState>,
    logged_in: LoggedIn,
    _own_page: OwnPage,
    upgrade: WebSocketUpgrade,
) -> Live {
    let tasks = state.tasks.clone();
    let upgrade = upgrade.max_message_size(MAX_MESSAGE_BYTES).max_frame_size(MAX_MESSAGE_BYTES);
    Live(upgrade.on_upgrade(move |socket| tasks.track_future(Page::new(state, logged_in, socket).serve())))
}

/// The socket opens.
pub(super) struct Live(Response);

impl IntoResponse for Live {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Output for Live {
    fn describe(shape: &mut Shape<'_>) {
        shape.exchanges::<FromPage, ToPage<'static>>();
    }
}

/// A conversation that a page follows.
#[derive(Clone, Copy, Default)]
struct Followed {
    /// The agent has it.
    held: bool,
    /// The agent watches it.
    watched: bool,
    /// The last event that the page was sent, or that had happened when following began.
    last_seq: u64,
}

struct Page {
    state: DeskState,
    logged_in: LoggedIn,
    socket: WebSocket,
    feed: Box<dyn Feed>,
    queue: Box<dyn QueueFeed>,
    typing: TypingFeed,
    followed: HashMap<ConversationId, Followed>,
    /// What waits, and how late the page was told it is.
    late: Vec<(QueueItem, Option<Late>)>,
    /// When the lists are to be sent, where they have changed.
    lists_due: Option<Instant>,
    /// When the page counts as gone.
    silent_at: Instant,
}

impl Page {
    fn new(state: DeskState, logged_in: LoggedIn, socket: WebSocket) -> Self {
        // Subscriptions come first: whatever is read afterwards cannot have a hole before them.
        let (feed, queue) = (state.store.subscribe_all(), state.store.subscribe_queue());
        let silent_at = Instant::now() + state.settings.lost_after;
        Self {
            typing: state.typing.listen(),
            followed: HashMap::new(),
            late: Vec::new(),
            lists_due: None,
            state,
            logged_in,
            socket,
            feed,
            queue,
            silent_at,
        }
    }

    async fn serve(mut self) {
        let agent = self.logged_in.agent.id;
        let frame = match self.run().await {
            End::Gone => return,
            End::Restart => CloseFrame { code: close_code::RESTART, reason: "restart".into() },
            End::Policy(reason) => CloseFrame { code: close_code::POLICY, reason: reason.into() },
            End::Failed(error) => {
                tracing::error!(%agent, error = &error as &dyn std::error::Error, "a desk page lost the store");
                CloseFrame { code: close_code::AGAIN, reason: "try again later".into() }
            }
        };
        let _ = tokio::time::timeout(SEND_TIMEOUT, self.socket.send(Message::Close(Some(frame)))).await;
    }

    async fn run(&mut self) -> End {
        match self.follow().await {
            Ok(never) => match never {},
            Err(end) => end,
        }
    }

    async fn follow(&mut self) -> Result<std::convert::Infallible, End> {
        self.state.store.heartbeat(self.logged_in.agent.id).await?;
        self.send_lists().await?;
        let shutdown = self.state.shutdown.clone();
        let mut session_checks = tokio::time::interval(self.state.settings.check_session_every);
        let mut lateness = tokio::time::interval(LOOK_FOR_LATE_EVERY);
        loop {
            let lists_due = self.lists_due;
            tokio::select! {
                () = shutdown.cancelled() => return Err(End::Restart),
                () = tokio::time::sleep_until(self.silent_at) => return Err(End::Policy("no sign of life")),
                _ = session_checks.tick() => self.still_logged_in().await?,
                _ = lateness.tick() => self.tell_who_waits_too_long().await?,
                () = sleep_until(lists_due) => self.send_lists().await?,
                changed = self.queue.changed(), if lists_due.is_none() => {
                    if !changed {
                        return Err(End::Restart);
                    }
                    self.lists_due = Some(Instant::now() + QUEUE_PAUSE);
                }
                published = self.feed.next() => match published {
                    Ok(Some(published)) => self.pass_on(&published).await?,
                    Ok(None) => return Err(End::Restart),
                    Err(Lagged) => self.catch_up().await?,
                },
                Some(typing) = self.typing.next() => self.pass_on_typing(typing).await?,
                message = self.socket.recv() => match message {
                    Some(Ok(message)) => self.take(message).await?,
                    Some(Err(_)) | None => return Err(End::Gone),
                },
            }
        }
    }

    /// Sends the lists, and follows exactly what the agent has now.
    async fn send_lists(&mut self) -> Result<(), End> {
        self.lists_due = None;
        let lists = Lists::read(&self.state, &self.logged_in.agent).await?;
        for item in &lists.mine {
            if !self.followed.get(&item.conversation).is_some_and(|followed| followed.held) {
                let last_seq = match self.state.store.conversation(item.conversation).await? {
                    Some(conversation) => conversation.last_seq,
                    None => continue,
                };
                let followed = self.followed.entry(item.conversation).or_default();
                followed.held = true;
                if !followed.watched {
                    followed.last_seq = last_seq;
                }
            }
        }
        self.late = lists.waiting.iter().map(|waiting| (waiting.item.clone(), waiting.late)).collect();
        self.send(&ToPage::Queue(&lists)).await
    }

    /// Nothing happens when somebody has waited too long, so that it has to be looked for.
    async fn tell_who_waits_too_long(&mut self) -> Result<(), End> {
        let late = self.late.clone();
        if late.is_empty() {
            return Ok(());
        }
        let now = self.state.clock.now();
        if late.iter().any(|(item, told)| Late::of(item, &self.state.settings, now) != *told) {
            self.send_lists().await?;
        }
        Ok(())
    }

    /// Passes events on, if the page follows their conversation, before or after them.
    async fn pass_on(&mut self, published: &Published) -> Result<(), End> {
        let held = published.state.holder().is_some_and(|holder| holder.id == self.logged_in.agent.id);
        if !held && !self.followed.contains_key(&published.conversation) {
            return Ok(());
        }
        let known = self.followed.get(&published.conversation).map_or(0, |followed| followed.last_seq);
        let first = published.events.first().map_or(0, |first| first.seq);
        if known > 0 && first > known + 1 {
            // Another node's commit comes after a later one of this node: the log has both.
            self.read_on(published.conversation, known).await?;
        }
        for event in &*published.events {
            self.send_event(published.conversation, event).await?;
        }
        let newest = self.followed.get(&published.conversation).map_or(0, |followed| followed.last_seq);
        if published.state.last_seq < newest {
            return Ok(());
        }
        if let Some(followed) = self.followed.get_mut(&published.conversation) {
            followed.held = held;
            if !held && !followed.watched {
                self.followed.remove(&published.conversation);
            }
        }
        Ok(())
    }

    async fn send_event(&mut self, conversation: ConversationId, event: &Event) -> Result<(), End> {
        let followed = self.followed.entry(conversation).or_default();
        if event.seq <= followed.last_seq {
            return Ok(());
        }
        followed.last_seq = event.seq;
        let event = &masking::masked(event.clone());
        self.send(&ToPage::Event { conversation, event }).await
    }

    /// After falling behind: everything that the page follows is read again from where it was.
    async fn catch_up(&mut self) -> Result<(), End> {
        let followed: Vec<_> = self.followed.iter().map(|(id, followed)| (*id, followed.last_seq)).collect();
        for (conversation, seq) in followed {
            self.read_on(conversation, seq).await?;
        }
        self.send_lists().await
    }

    /// Sends what the log has after `seq`.
    async fn read_on(&mut self, conversation: ConversationId, mut seq: u64) -> Result<(), End> {
        loop {
            let events = self.state.store.events_after(conversation, seq, PAGE).await?;
            for event in &events {
                self.send_event(conversation, event).await?;
            }
            match events.last() {
                Some(last) if events.len() == PAGE as usize => seq = last.seq,
                _ => return Ok(()),
            }
        }
    }

    async fn pass_on_typing(&mut self, typing: Typing) -> Result<(), End> {
        match typing {
            Typing::Citizen(conversation) if self.followed.contains_key(&conversation) => {
                self.send(&ToPage::CitizenTyping { conversation }).await
            }
            Typing::Delivered(conversation, seq) if self.followed.contains_key(&conversation) => {
                self.send(&ToPage::Delivered { conversation, seq }).await
            }
            Typing::Seen(conversation, seq) if self.followed.contains_key(&conversation) => {
                self.send(&ToPage::Seen { conversation, seq }).await
            }
            // For the agent who has it: whoever only looks on has nothing to answer.
            Typing::Foreseen(conversation, entries)
                if self.followed.get(&conversation).is_some_and(|followed| followed.held) =>
            {
                let Some(state) = self.state.store.conversation(conversation).await? else { return Ok(()) };
                let candidates = self.state.answers.named(&entries, state.language);
                self.send(&ToPage::Foreseen { conversation, candidates }).await
            }
            Typing::Citizen(_)
            | Typing::Delivered(..)
            | Typing::Seen(..)
            | Typing::Foreseen(..)
            | Typing::Agent(_) => Ok(()),
        }
    }

    async fn take(&mut self, message: Message) -> Result<(), End> {
        self.silent_at = Instant::now() + self.state.settings.lost_after;
        let text = match message {
            Message::Text(text) => text,
            Message::Close(_) => return Err(End::Gone),
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) => return Ok(()),
        };
        match from_page(&text) {
            Ok(FromPage::Watch { conversation }) => self.watch(conversation).await,
            Ok(FromPage::Unwatch { conversation }) => {
                self.unwatch(conversation);
                Ok(())
            }
            Ok(FromPage::Typing { conversation }) => {
                if self.followed.get(&conversation).is_some_and(|followed| followed.held) {
                    self.state.typing.tell(Typing::Agent(conversation));
                }
                Ok(())
            }
            Ok(FromPage::Heartbeat) => self.heartbeat().await,
            Err(error) => self.complain(ErrorCode::BadMessage, error.to_string()).await,
        }
    }

    async fn watch(&mut self, conversation: ConversationId) -> Result<(), End> {
        let watched = self.followed.values().filter(|followed| followed.watched).count();
        if watched >= MAX_WATCHED {
            return self
                .complain(ErrorCode::TooMany, format!("a page watches at most {MAX_WATCHED} conversations"))
                .await;
        }
        match conversations::read(&self.state, conversation, &self.logged_in.agent).await {
            Ok((state, _)) => {
                let followed = self
                    .followed
                    .entry(conversation)
                    .or_insert_with(|| Followed { last_seq: state.last_seq, ..Followed::default() });
                followed.watched = true;
                Ok(())
            }
            Err(error) => self.complain(error.code(), error.to_string()).await,
        }
    }

    fn unwatch(&mut self, conversation: ConversationId) {
        if let Some(followed) = self.followed.get_mut(&conversation) {
            followed.watched = false;
            if !followed.held {
                self.followed.remove(&conversation);
            }
        }
    }

    /// Ends the socket where the session is over: a page that sends nothing, or not what it should, must not go on
    /// hearing. Being open does not count as using the session.
    async fn still_logged_in(&mut self) -> Result<(), End> {
        match self.state.store.session(&self.logged_in.session).await? {
            Some(_) => Ok(()),
            None => Err(End::Policy("logged out")),
        }
    }

    /// A sign of life; and the moment to notice that the session is over.
    async fn heartbeat(&mut self) -> Result<(), End> {
        self.still_logged_in().await?;
        match self.state.store.heartbeat(self.logged_in.agent.id).await {
            // The next one comes in seconds.
            Err(StoreError::Busy) => Ok(()),
            done => Ok(done?),
        }
    }

    async fn complain(&mut self, code: ErrorCode, message: String) -> Result<(), End> {
        self.send(&ToPage::Error { error: Problem { code, message } }).await
    }

    async fn send(&mut self, message: &ToPage<'_>) -> Result<(), End> {
        let json = serde_json::to_string(message)
            .map_err(|error| End::Failed(StoreError::Corrupt(error.to_string())))?;
        match tokio::time::timeout(SEND_TIMEOUT, self.socket.send(Message::Text(json.into()))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }
}

/// Never, where there is nothing to wait for.
async fn sleep_until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
