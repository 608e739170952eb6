//! What happens in a conversation, whatever door it came through: utterances become decisions, decisions become events.
//!
//! ```text
//! door ─► Conversations::take(session, input, audience)
//!           one turn at a time per conversation
//!           ├─ the citizen's message is appended (durable), then `accepted` is told
//!           ├─ minds: intents understands, policy decides
//!           └─ the response is appended (durable); every attached transport learns of it from the store's feed
//! ```
//!
//! A turn goes on to its end when its connection is lost: the citizen finds the answer on resuming.

mod catch_up;
mod continued;
mod expecting;
mod input;
mod memory;
mod refusal;
mod registry;
mod respond;
mod said;
mod spoken;
mod turn;
mod voice_turn;

use std::sync::Arc;

use conversation::{
    Channel, Clock, ConversationId, ConversationState, NewConversation, Store, StoreError, Timestamp, Token,
    protocol::{Signal, Start},
};
use language::Language;

pub use input::{Heard, Input};
pub use refusal::Refusal;
pub use registry::{Session, Sessions};
pub use respond::{Response, Situation, choice_in, prompt, respond};
pub(crate) use said::{milliseconds, ogg};
pub use spoken::{Passage, Speech, sentences, speech};

use crate::workers::minds::Minds;

/// Who is told what goes on while a turn is worked on. Never blocks; what cannot be delivered is dropped, since the
/// events themselves come from the store.
pub trait Audience: Send + Sync {
    /// Something about the moment.
    fn tell(&self, signal: Signal);
    /// Something is not done.
    fn refuse(&self, refusal: Refusal);
    /// The citizen asked to be spoken to more slowly.
    fn slow_down(&self);
    /// What made the assistant fall silent was nothing: it goes on where it was.
    fn go_on(&self);
}

/// All conversations of this server.
#[derive(Clone)]
pub struct Conversations {
    store: Arc<dyn Store>,
    minds: Minds,
    clock: Arc<dyn Clock>,
    sessions: Sessions,
}

impl Conversations {
    /// Conversations kept in `store` and understood by `minds`.
    pub fn new(store: Arc<dyn Store>, minds: Minds, clock: Arc<dyn Clock>) -> Self {
        Self { store, minds, clock, sessions: Sessions::default() }
    }

    /// The current moment.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Where they are kept.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The citizen has connected at another node: an earlier connection here is over.
    pub fn taken_over_elsewhere(&self, conversation: ConversationId, at: Timestamp) {
        self.sessions.taken_over_elsewhere(conversation, at);
    }

    /// Who understands.
    pub fn minds(&self) -> &Minds {
        &self.minds
    }

    /// Begins a conversation. `token` must come from a cryptographic source.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn start(
        &self,
        start: &Start,
        token: &Token,
    ) -> Result<(Arc<Session>, ConversationState), StoreError> {
        let new = NewConversation {
            id: ConversationId::generate(),
            token: token.hash(),
            language: start.language,
            channel: Channel::Portal,
            voice: start.voice,
            call: None,
        };
        self.begin(new).await
    }

    /// Begins the conversation that a telephone call is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn start_call(
        &self,
        language: Language,
        token: &Token,
        call: &str,
    ) -> Result<(Arc<Session>, ConversationState), StoreError> {
        let new = NewConversation {
            id: ConversationId::generate(),
            token: token.hash(),
            language,
            channel: Channel::Telephone,
            voice: true,
            call: Some(call.to_owned()),
        };
        self.begin(new).await
    }

    async fn begin(&self, new: NewConversation) -> Result<(Arc<Session>, ConversationState), StoreError> {
        let language = new.language.code();
        let state = self.store.create(new).await?;
        metrics::counter!(crate::telemetry::names::CONVERSATIONS, "language" => language).increment(1);
        Ok((self.sessions.of(state.conversation), state))
    }

    /// A conversation that is known by its id; `None` where there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn of(
        &self,
        id: ConversationId,
    ) -> Result<Option<(Arc<Session>, ConversationState)>, StoreError> {
        let state = self.store.conversation(id).await?;
        Ok(state.map(|state| (self.sessions.of(state.conversation), state)))
    }

    /// Takes up the conversation that a token opens; `None` where it opens none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn resume(
        &self,
        token: &Token,
    ) -> Result<Option<(Arc<Session>, ConversationState)>, StoreError> {
        let state = self.store.find_by_token(&token.hash()).await?;
        Ok(state.map(|state| (self.sessions.of(state.conversation), state)))
    }
}
