//! Calling citizens back: the server dials, says who it is, and connects the agent: by giving the call to their telephone, or else by
//! speaking what they write at the desk.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use conversation::{
    Append, AttemptOutcome, CallEvent, CallHappened, ConversationId, EventBody, HandoffCommand, StoreError,
    handoff::Actor,
};
use telephone::CallId;
use telephone::sip::{Dial, NotDialled, UserAgent};

use super::{Full, Hotline, call};

/// How long it rings at the citizen's before nobody answers: some nine rings.
const RING: Duration = Duration::from_secs(45);

/// Calls back, where SIP and a trunk for it are configured. Filled once the hotline is there.
pub type CallBackSlot = Arc<OnceLock<CallBack>>;

/// Calls citizens back.
#[derive(Clone)]
pub struct CallBack {
    hotline: Hotline,
    agent: UserAgent,
}

/// A call back that is wanted.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The conversation that is to go on.
    pub conversation: ConversationId,
    /// The citizen's number.
    pub number: String,
    /// Who wants it.
    pub by: Actor,
    /// The agent's telephone; without one they write.
    pub extension: Option<String>,
}

impl CallBack {
    /// With that user agent.
    pub const fn new(hotline: Hotline, agent: UserAgent) -> Self {
        Self { hotline, agent }
    }

    /// Dials, in a task of its own. What comes of it is in the conversation's log.
    ///
    /// # Errors
    /// [`Full`]: all lines are taken.
    pub fn dial(&self, wish: Wish) -> Result<(), Full> {
        let place = self.hotline.place()?;
        let this = self.clone();
        self.hotline.tasks().spawn(async move {
            this.call(wish).await;
            drop(place);
        });
        Ok(())
    }

    async fn call(&self, wish: Wish) {
        let settings = &self.hotline.service.configuration.telephone;
        let Some(callback) = &settings.callback else { return };
        // Where the call is given to an agent's telephone, their screen asks by this id (`GET /v1/handoffs/{call}`).
        let id = wish.conversation.to_string().parse().unwrap_or_else(|_| CallId::generate());
        let dial = Dial {
            trunk: callback.trunk.clone(),
            to: wish.number.clone(),
            from: callback.from.clone(),
            id,
            headers: Vec::new(),
            timeout: RING,
        };
        tracing::info!(conversation = %wish.conversation, "a citizen is called back");
        match self.agent.dial(dial).await {
            Ok(leg) => {
                self.note(&wish, CallHappened::Answered, Some(AttemptOutcome::Reached)).await;
                call::serve_back(self.hotline.clone(), leg, wish.conversation, wish.extension).await;
            }
            Err(error) => {
                tracing::info!(conversation = %wish.conversation, %error, "a citizen was not reached");
                // What is wrong with the line is nothing that the citizen did.
                let outcome = match error {
                    // RFC 3261: 486 Busy Here, 600 Busy Everywhere, 404 Not Found, 484 Address Incomplete, 604 Does Not Exist Anywhere.
                    NotDialled::NotAnswered { code: 486 | 600 } => Some(AttemptOutcome::Busy),
                    NotDialled::NotAnswered { code: 404 | 484 | 604 } => Some(AttemptOutcome::WrongNumber),
                    NotDialled::NotAnswered { code: 408 | 480 | 487 | 603 } | NotDialled::TimedOut => {
                        Some(AttemptOutcome::NoAnswer)
                    }
                    _ => None,
                };
                self.note(&wish, CallHappened::NotAnswered, outcome).await;
            }
        }
    }

    async fn note(&self, wish: &Wish, happened: CallHappened, outcome: Option<AttemptOutcome>) {
        let mut append = Append::to(wish.conversation).event(EventBody::Call(CallEvent { happened }));
        if let Some(outcome) = outcome {
            let agent = wish.by.clone();
            append = append.then(HandoffCommand::CallbackAttempt { agent, outcome, again: None });
        }
        match self.hotline.service.conversations.store().append(append).await {
            // The agent has let go of it meanwhile, or it was erased.
            Ok(_) | Err(StoreError::NotFound(_) | StoreError::Closed | StoreError::Handoff(_)) => {}
            Err(error) => tracing::error!(%error, "what came of a call back is not in its log"),
        }
    }
}
