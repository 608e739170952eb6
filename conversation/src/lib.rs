//! Conversations as append-only event logs, the handoff state machine, the [`Store`] seam and the portal protocol.
//!
//! A conversation **is** its [`Event`]s. What it is right now, its [`ConversationState`], is the fold of them; the
//! [`handoff`] decides which events a change of hands appends; a [`Store`] makes events durable before anybody is
//! told. [`protocol`] is how a portal client talks about all this (docs/protocol.md). Everything here is pure: no
//! sockets, no SQL, no clock but the one passed in.
//!
//! ```
//! use conversation::{Channel, ConversationId, ConversationState, Event, EventBody, Started, Status, Timestamp};
//! use language::Language;
//!
//! let started = Started {
//!     conversation: ConversationId::from_random([7; 16]),
//!     language: Language::Bo,
//!     channel: Channel::Portal,
//!     voice: true,
//! };
//! let first = Event { seq: 1, at: Timestamp::from_millis(0), body: EventBody::Started(started) };
//! let state = ConversationState::replay([&first])?;
//! assert_eq!((state.status(), state.voice), (Status::Bot, true));
//! # Ok::<(), conversation::ProjectionError>(())
//! ```

pub mod audit;
mod erasure;
pub mod event;
pub mod figures;
pub mod handoff;
mod ids;
pub mod papers;
pub mod people;
pub mod phrases;
pub mod protocol;
pub mod recordings;
pub mod roles;
pub mod routing;
mod schema;
pub mod signal;
pub mod sounds;
mod state;
pub mod store;
mod time;
pub mod wait;
pub mod webhook;

pub use audit::{AuditActor, AuditEntry, AuditPage, AuditRecord, AuditSearch, AuditTrail};
pub use erasure::{Erasure, PlaceBehind};
pub use event::{
    AgentRef, Answer, AnswerLink, CallEvent, CallHappened, CallbackRequested, Channel, Choice,
    CitizenMessage, Clarify, ClarifyKind, Closed, ClosedBy, Considered, Event, EventBody, Interrupted,
    LanguageChanged, Outcome, Provenance, Rated, Say, SayAct, SoundRef, Source, Started, Withdrawn,
};
pub use figures::{Day, Figures};
pub use handoff::{
    Actor, AttemptOutcome, Callback, Circumstances, Handoff, HandoffCommand, HandoffLimits, Holder,
    IllegalTransition, Offer, Priority, Status, Ticket,
};
pub use ids::{
    AgentId, ConversationId, EscalationId, InvalidId, InvalidMessageId, MessageId, OfferId, SessionId,
    SoundId, Token, TokenHash,
};
pub use intents::EscalationReason;
pub use papers::{Paper, PaperChange, PaperKind, Papers};
pub use people::{
    Agent, Credentials, ExternalId, LockoutPolicy, LoginMethod, NewPassword, NewPerson, NewSession, People,
    Person, PersonChange, Session, StoredTotp,
};
pub use roles::{Permission, Role};
pub use schema::{LanguageCode, schema};
pub use signal::{NodeSignal, NodeSignalFeed};
pub use state::{
    Beginning, ConversationState, LastAnswer, PendingClarify, ProjectionError, Rating, Recollection,
};
pub use store::{
    Append, Appended, Expect, Feed, Lagged, MessageKey, NewConversation, Published, QueueFeed, QueueItem,
    Sender, Store, StoreError,
};
pub use time::{Clock, ManualClock, SystemClock, Timestamp};
pub use webhook::{Attempted, Deliveries, Delivery, Hook};
