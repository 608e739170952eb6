//! What a citizen finds who comes back after the server stopped in the middle of their turn.

use conversation::{Append, ConversationState, EventBody, SayAct, Status};

use super::{Audience, Conversations, Refusal, Session, turn::notice};
use crate::phrases::Phrase;

impl Conversations {
    /// Answers what was typed or said last if the server stopped before it was answered.
    pub(super) async fn catch_up(&self, session: &Session, audience: &dyn Audience) -> Result<(), Refusal> {
        let state = self.state(session).await?;
        if state.status().is_with_a_person() || state.status() == Status::Closed {
            return Ok(());
        }
        let events = self.store.events_after(session.id, 0, u32::MAX).await?;
        let unanswered =
            events.iter().rev().take_while(|event| !is_response(&event.body)).find_map(|event| match &event
                .body
            {
                EventBody::CitizenMessage(message) => Some((event.seq, message.clone())),
                _ => None,
            });
        let Some((seq, message)) = unanswered else { return self.ask_for_lost_speech(session, &state).await };
        if message.text.is_empty() {
            let lost = notice(Phrase::NotHeard, SayAct::NotHeard, &state, Some(seq));
            self.store.append(Append::to(session.id).event(lost)).await?;
            return Ok(());
        }
        let before = ConversationState::replay(events.iter().take_while(|event| event.seq < seq));
        let before = before.unwrap_or_else(|_| state.clone());
        self.answer_text(session, &before, state, seq, message.text, Some(message.id), audience).await
    }
}

/// Whether an event answers, or settles without an answer, what the citizen said before it.
const fn is_response(body: &EventBody) -> bool {
    !matches!(body, EventBody::CitizenMessage(_) | EventBody::Started(_)) && !body.is_aside()
}
