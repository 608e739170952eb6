//! Somebody attached to a conversation, whatever door they came through: what they send goes to the session, what becomes of it comes back,
//! and is spoken. The portal's door attaches a WebSocket; the telephone's door attaches a call.
//!
//! ```text
//! Incoming ─► connection loop ─► Outbox ─► Outgoing
//!                 │  ▲               ▲
//!  session (turns) ◄┘  └─ store's feed  └─ speaker (sound, paced)
//! ```

mod connection;
mod inbound;
mod outbox;
mod playback;
mod spoken_turn;

use std::sync::Arc;

use bytes::Bytes;
use conversation::protocol::{AudioOut, ClientMessage, ErrorCode, ParseError, ServerMessage, Signal};
use conversation::{Channel, ConversationState, Token};
use language::Language;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use connection::Connection;
pub use outbox::Outbox;

use super::{desk::TypingHub, limits::Limits};
use crate::{
    config::Configuration,
    session::{Conversations, Refusal, Session},
    workers::{ears::Ears, mouths::Mouths, recordings::Recordings},
};

/// What a connection works with.
#[derive(Clone)]
pub struct Service {
    /// The operator's settings.
    pub configuration: Arc<Configuration>,
    /// Where conversations are held.
    pub conversations: Conversations,
    /// Hearing; `None` where no engine could be loaded.
    pub ears: Option<Ears>,
    /// The voice; `None` where there is none.
    pub mouths: Option<Mouths>,
    /// Answers that people have read aloud.
    pub recordings: Option<Recordings>,
    /// Who is typing.
    pub typing: TypingHub,
    /// Rates and counts.
    pub limits: Arc<Limits>,
    /// Citizens' matters that are worked on at once.
    pub at_work: AtWork,
    /// Cancelled when the server drains.
    pub draining: CancellationToken,
    /// Cancelled when the grace is over.
    pub stopped: CancellationToken,
    /// Every connection and every turn is tracked here.
    pub tasks: TaskTracker,
}

/// Lets so many citizens' turns and openings be worked on at once, per core; the others wait in their order. When two thousand
/// citizens come back after a restart, all at once, their work would otherwise stand before everything else in line, and agents
/// would wait for seconds for every click. Enough to keep the cores busy and to let commits share a sync: a turn is mostly
/// waiting for the disk.
const AT_WORK_PER_CORE: usize = 4;

/// A place among those that are worked on.
#[derive(Clone, Debug)]
pub struct AtWork(Arc<Semaphore>);

impl Default for AtWork {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self(Arc::new(Semaphore::new(AT_WORK_PER_CORE * cores)))
    }
}

impl AtWork {
    /// Waits for a place, which is free again when it is dropped.
    pub async fn place(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        Arc::clone(&self.0).acquire_owned().await.ok()
    }
}

/// A conversation that somebody has opened.
pub struct Opened {
    /// Where its turns are taken.
    pub session: Arc<Session>,
    /// How it stands.
    pub state: ConversationState,
    /// The channel that they came by.
    pub channel: Channel,
    /// Nobody knows yet which language they speak.
    pub any_language: bool,
    /// The last event that they have seen.
    pub last_seq: u64,
    /// Whether answers are spoken.
    pub voice: bool,
    /// How sound goes out.
    pub audio_out: AudioOut,
    /// Whether it went on before.
    pub resumed: bool,
    /// Held until they have everything that they missed.
    pub place: Option<OwnedSemaphorePermit>,
}

/// What comes in.
#[derive(Debug)]
pub enum Incoming {
    /// A message, or why what was sent is none.
    Message(Result<ClientMessage, ParseError>),
    /// Sound of the spoken turn under way.
    Sound(Bytes),
    /// Nothing more can be read.
    Unreadable(Unreadable),
    /// They have gone.
    Gone,
}

/// What goes out.
#[derive(Debug)]
pub enum Outgoing {
    /// A message.
    Message(Box<ServerMessage>),
    /// Sound, as the client wants it.
    Sound(Bytes),
    /// The last message: nothing comes after it.
    Close {
        /// As in RFC 6455, 7.4.1.
        code: u16,
        /// For whoever reads logs.
        reason: &'static str,
    },
}

/// Why nothing more can be read from a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// A message is larger than any may be.
    TooLarge,
    /// What is called text is none.
    NotText,
    /// It does not speak the transport's protocol.
    Protocol,
    /// It is gone: nothing is sent any more.
    Gone,
}

impl Unreadable {
    /// Ends the connection, with the close code that RFC 6455, 7.4.1 has for it.
    pub fn close(self, language: Option<Language>, outbox: &Outbox) {
        /// RFC 6455, 7.4.1.
        const PROTOCOL_ERROR: u16 = 1002;
        const INVALID_DATA: u16 = 1007;
        const TOO_BIG: u16 = 1009;
        match self {
            Self::TooLarge => {
                outbox.signal(Signal::Error(Refusal::new(ErrorCode::TextTooLong).signal(language, true)));
                outbox.close(TOO_BIG, "message too large");
            }
            Self::NotText => outbox.close(INVALID_DATA, "text that is not UTF-8"),
            Self::Protocol => outbox.close(PROTOCOL_ERROR, "not WebSocket"),
            Self::Gone => {}
        }
    }
}

/// A token that nobody can guess.
///
/// # Errors
/// Where the system gives no randomness.
pub fn random_token() -> Result<Token, Refusal> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| {
        tracing::error!(%error, "the system gives no randomness; no conversation can be opened");
        Refusal::new(ErrorCode::Internal)
    })?;
    Ok(Token::from_random(bytes))
}
