//! The desk's doors: how human agents log in, see the queue, take conversations and write to citizens
//! (docs/protocol.md, "The desk").

mod answers;
mod conversations;
mod error;
mod live;
mod login;
pub mod password;
mod queue;
mod session;
mod suggestions;
mod sweeper;
mod typing;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use conversation::{Clock, LockoutPolicy, Store};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use answers::{NoSuggestions, SuggestAnswers, SuggestedAnswer};
pub use sweeper::release_lost_agents_until_shutdown;
pub use typing::{Typing, TypingFeed, TypingHub};

use crate::doors::origin::OriginPolicy;
use error::DeskError;
use password::PasswordChecker;

/// The largest request body, in bytes: 2,000 characters of text with room.
const MAX_BODY_BYTES: usize = 32 * 1024;

/// How the desk behaves.
#[derive(Clone, Copy, Debug)]
pub struct DeskSettings {
    /// Whether the server is reached over TLS, so that the cookie must never travel without it.
    pub secure_cookie: bool,
    /// How long a login lasts.
    pub session_for: Duration,
    /// When a login is locked out.
    pub lockout: LockoutPolicy,
    /// An agent without a sign of life for so long gives their conversations back.
    pub lost_after: Duration,
    /// How often lost agents are looked for.
    pub sweep_every: Duration,
}

impl Default for DeskSettings {
    /// A working day, five tries then a quarter of an hour, a minute (docs/protocol.md).
    fn default() -> Self {
        Self {
            secure_cookie: false,
            session_for: Duration::from_hours(12),
            lockout: LockoutPolicy { failures: 5, lock_for: Duration::from_mins(15) },
            lost_after: Duration::from_mins(1),
            sweep_every: Duration::from_secs(5),
        }
    }
}

/// What the desk works with.
#[derive(Clone)]
pub struct DeskParts {
    /// Where conversations and agents are kept.
    pub store: Arc<dyn Store>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Suggests answers.
    pub answers: Arc<dyn SuggestAnswers>,
    /// Who is typing.
    pub typing: TypingHub,
    /// Whose pages may talk to the desk.
    pub origins: OriginPolicy,
    /// How the desk behaves.
    pub settings: DeskSettings,
    /// Cancelled when the server drains: sockets say goodbye and close.
    pub shutdown: CancellationToken,
    /// Every socket's task is tracked here, so that the server can wait for them.
    pub tasks: TaskTracker,
}

/// [`DeskParts`] with what the desk adds of its own, as handlers see it. Cheap to clone.
#[derive(Clone)]
pub struct DeskState {
    parts: Arc<DeskParts>,
    passwords: PasswordChecker,
}

impl DeskState {
    /// Hashes one password on the way: call it once, when the server starts.
    pub fn new(parts: DeskParts) -> Self {
        Self { parts: Arc::new(parts), passwords: PasswordChecker::new() }
    }
}

impl std::ops::Deref for DeskState {
    type Target = DeskParts;
    fn deref(&self) -> &DeskParts {
        &self.parts
    }
}

/// Everything under `/v1/desk`. The server also spawns [`release_lost_agents_until_shutdown`] once.
pub fn router(state: DeskState) -> Router {
    Router::new()
        .route("/v1/desk/login", post(login::login))
        .route("/v1/desk/logout", post(login::logout))
        .route("/v1/desk/me", get(login::me))
        .route("/v1/desk/queue", get(queue::queue))
        .route("/v1/desk/conversations/{id}", get(conversations::view))
        .route("/v1/desk/conversations/{id}/claim", post(conversations::claim))
        .route("/v1/desk/conversations/{id}/messages", post(conversations::message))
        .route("/v1/desk/conversations/{id}/resolve", post(conversations::resolve))
        .route("/v1/desk/conversations/{id}/return", post(conversations::give_back))
        .route("/v1/desk/conversations/{id}/requeue", post(conversations::requeue))
        .route("/v1/desk/answers", get(suggestions::answers))
        .route("/v1/desk/live", get(live::live))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(state)
}
