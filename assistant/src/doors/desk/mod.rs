//! The desk's doors: how human agents log in, see the queue, take conversations and write to citizens
//! (docs/protocol.md, "The desk").

mod account;
mod answers;
mod audit;
mod clips;
mod conversations;
pub mod decoders;
mod duty;
mod error;
mod events;
mod figures;
mod grouping;
mod handoffs;
mod hours;
mod knowledge;
mod live;
mod login;
mod offers;
mod oidc;
pub mod password;
mod people;
mod proof;
mod proposals;
mod queue;
mod reading;
mod recordings;
mod replies;
mod routes;
mod second_factor;
mod session;
mod sounds;
mod statistics;
mod suggestions;
mod sweeper;
mod typing;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use conversation::{Clock, LockoutPolicy, Session, Store, StoreError, TokenHash};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use answers::{NoSuggestions, SuggestAnswers, SuggestedAnswer};
pub use oidc::{OidcDoor, Taken};
pub(super) use session::same;
pub use sweeper::release_lost_agents_until_shutdown;
pub use typing::{Typing, TypingFeed, TypingHub};

use crate::clips::Clips;
use crate::doors::origin::OriginPolicy;
use crate::doors::routes::{Doors, Route};
use crate::editing::Editing;
use crate::hotline::CallBackSlot;
use crate::hours::Hours;
pub(super) use error::{ErrorBody, ErrorCode};
pub(super) use session::{COOKIE as SESSION_COOKIE, CSRF_HEADER};

use duty::Duty;
use error::DeskError;
use password::PasswordChecker;
use proof::Strangers;

/// A session's use is noted this often (see [`conversation::People::use_session`]).
const NOTE_USE_EVERY: Duration = Duration::from_mins(1);

/// How the desk behaves.
#[derive(Clone, Copy, Debug)]
pub struct DeskSettings {
    /// Whether the server is reached over TLS, so that the cookie must never travel without it.
    pub secure_cookie: bool,
    /// How long a login lasts at most.
    pub session_for: Duration,
    /// A login ends when nothing was asked for so long. A page that is only open asks for nothing.
    pub idle: Duration,
    /// Whoever logs in by a password must set up a second factor.
    pub totp_required: bool,
    /// How often an open socket looks whether its session is still there.
    pub check_session_every: Duration,
    /// When a login is locked out.
    pub lockout: LockoutPolicy,
    /// An agent without a sign of life for so long gives their conversations back.
    pub lost_after: Duration,
    /// Whoever waits longer than this for a person waits too long …
    pub answer_within: Duration,
    /// … and in an emergency longer than this.
    pub answer_emergencies_within: Duration,
    /// How often lost agents are looked for.
    pub sweep_every: Duration,
}

impl Default for DeskSettings {
    /// A working day, two hours of rest, five tries then a quarter of an hour, a minute (docs/protocol.md).
    fn default() -> Self {
        Self {
            secure_cookie: false,
            session_for: Duration::from_hours(12),
            idle: Duration::from_hours(2),
            totp_required: false,
            check_session_every: Duration::from_secs(10),
            lockout: LockoutPolicy { failures: 5, lock_for: Duration::from_mins(15) },
            lost_after: Duration::from_mins(1),
            answer_within: Duration::from_mins(3),
            answer_emergencies_within: Duration::from_secs(30),
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
    /// Answers that people have read aloud.
    pub clips: Arc<Clips>,
    /// Who is typing.
    pub typing: TypingHub,
    /// Whose pages may talk to the desk.
    pub origins: OriginPolicy,
    /// The identity provider, where there is one.
    pub oidc: Option<Arc<OidcDoor>>,
    /// Calls citizens back, where that is configured.
    pub call_back: CallBackSlot,
    /// Changes the knowledge base; `None` where it is changed elsewhere only.
    pub editing: Option<Editing>,
    /// When people are at work.
    pub hours: Hours,
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
    strangers: Arc<Strangers>,
    /// Held while an account is changed.
    managing: Arc<tokio::sync::Mutex<()>>,
}

impl DeskState {
    /// Hashes one password on the way: call it once, when the server starts.
    pub fn new(parts: DeskParts) -> Self {
        Self {
            parts: Arc::new(parts),
            passwords: PasswordChecker::new(),
            strangers: Arc::default(),
            managing: Arc::default(),
        }
    }

    /// Notes that a session was used, where that has not been noted lately.
    async fn note_use(&self, token: &TokenHash, session: &Session) -> Result<(), StoreError> {
        if self.clock.now().since(session.last_used_at) < NOTE_USE_EVERY {
            return Ok(());
        }
        self.store.use_session(token).await
    }
}

impl std::ops::Deref for DeskState {
    type Target = DeskParts;
    fn deref(&self) -> &DeskParts {
        &self.parts
    }
}

/// Fresh bytes from the operating system.
fn random<const N: usize>() -> Result<[u8; N], DeskError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| {
        tracing::error!(%error, "the operating system gave no randomness");
        DeskError::Unavailable
    })?;
    Ok(bytes)
}

/// Everything under `/v1/desk`, with the table of who may what. The server also spawns
/// [`release_lost_agents_until_shutdown`] once.
pub fn doors(state: DeskState) -> Doors {
    routes::doors(state)
}

/// The lines of the table, without a server.
pub(super) fn routes() -> Vec<Route> {
    routes::table().routes()
}

/// As [`doors`], for a server of its own.
pub fn router(state: DeskState) -> Router {
    doors(state).into_router()
}
