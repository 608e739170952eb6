//! Spoken turns that had been taken for finished, and were not: all of it is one utterance, and what was made of its beginning is withdrawn.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use conversation::{
    Append, CitizenMessage, ConversationState, EscalationId, EventBody, Expect, MessageId, MessageKey,
    Source, StoreError,
    protocol::{ErrorCode, Signal},
};
use intents::{
    Act, Continuation, Decision, Memory, Scored, Understanding,
    continuation::{Heard as Parts, continuation},
};
use metrics::counter;

use super::{
    Audience, Conversations, Heard, Refusal, Session,
    turn::{Logged, record, shown},
    voice_turn::{seconds, utterance},
};
use crate::{
    knowledge::{Brain, Thought},
    phrases::Phrase,
    telemetry::names,
    workers::Continued,
};

/// A turn that was gone on with.
pub(super) struct More {
    /// What was heard.
    pub(super) heard: Continued,
    /// What came after the pause is so short that it may be no word at all.
    pub(super) short: bool,
    /// Set where its parts have nothing to do with each other.
    pub(super) apart: Arc<AtomicBool>,
}

/// What was made of it.
enum Judged {
    /// This is decided, and the beginning withdrawn.
    Instead(Box<(Heard, Thought)>),
    /// The beginning stands, and what came after it is a turn of its own.
    Apart,
    /// The beginning stands, and nothing came after it.
    Nothing,
}

impl Conversations {
    /// Somebody went on with the turn `id` after its end.
    pub(super) async fn continued(
        &self,
        session: &Session,
        id: MessageId,
        more: More,
        audience: &dyn Audience,
    ) -> Result<(), Refusal> {
        let state = self.state(session).await?;
        let is_beginning = state.beginning.as_ref().is_some_and(|beginning| beginning.id == id);
        let before = state.before_beginning().filter(|_| is_beginning && !more.apart.load(Ordering::Acquire));
        let judged = self.judge(&more, &state, before.as_ref()).await?;
        if let (Judged::Instead(instead), Some(before)) = (&judged, &before)
            && self.replace(session, &state, before, &id, instead, audience).await?
        {
            count("merged");
            return Ok(());
        }
        if matches!(judged, Judged::Nothing) {
            count("nothing");
            audience.tell(Signal::Final { id, text: String::new(), dictation: false, seconds: 0.0 });
            audience.go_on();
            return Ok(());
        }
        count("apart");
        more.apart.store(true, Ordering::Release);
        let key = key_after(&self.state(session).await?)?;
        self.voice(session, id, key, more.heard.rest, false, audience).await
    }

    /// Understands the parts and the whole, each in the conversation as it was when it was said. Without a `before` the beginning stands
    /// in any case.
    async fn judge(
        &self,
        more: &More,
        state: &ConversationState,
        before: Option<&ConversationState>,
    ) -> Result<Judged, Refusal> {
        // An agent is shown everything that was said.
        let assigned = state.status().is_with_a_person();
        if more.heard.rest.is_nothing() && !assigned {
            return Ok(Judged::Nothing);
        }
        let now = self.memory(state).await?;
        let before = match before {
            Some(before) => Some(self.memory(before).await?),
            None => None,
        };
        let (parts, short) = (more.heard.clone(), more.short);
        let asked_back = state.pending_clarify.is_some();
        let judged = self.minds.think(move |brain| match before {
            Some(before) if assigned => instead(brain, parts.whole, &before),
            Some(before) => judge(brain, parts, &before, &now, asked_back, short),
            None if assigned => Judged::Apart,
            None => {
                // Whoever is being told what to do in an emergency is not told that they were not understood.
                let rest = think(brain, &parts.rest, &now).understanding;
                let unknown = rest.act == Act::Question && !rest.is_whole_question();
                if unknown && (short || now.emergency) { Judged::Nothing } else { Judged::Apart }
            }
        });
        judged.await.map_err(|_| Refusal::new(ErrorCode::Busy).saying(Phrase::ErrorUnavailable))
    }

    /// Withdraws the beginning and appends what is decided instead, in one transaction. False where the conversation has moved on.
    async fn replace(
        &self,
        session: &Session,
        state: &ConversationState,
        before: &ConversationState,
        id: &MessageId,
        (heard, thought): &(Heard, Thought),
        audience: &dyn Audience,
    ) -> Result<bool, Refusal> {
        let Some(withdrawn) = state.withdrawable() else { return Ok(false) };
        let transcript = heard.transcript.as_ref();
        let text = match transcript {
            Some(transcript) if heard.dictation => transcript.written(),
            _ => shown(thought, before),
        };
        audience.tell(Signal::Final {
            id: id.clone(),
            text: text.clone(),
            dictation: heard.dictation,
            seconds: transcript.map(seconds).unwrap_or_default(),
        });
        let message = CitizenMessage {
            id: id.clone(),
            text,
            source: Source::Voice,
            language: before.language,
            dictation: heard.dictation,
            sound: self.keep_said(session, state, heard.sound.clone()).await,
        };
        let mut append = Append::to(session.id)
            .because_of(key_after(state)?)
            .expecting(Expect { last_seq: Some(state.last_seq), status: Some(state.status()) })
            .event(EventBody::Withdrawn(withdrawn))
            .event(EventBody::CitizenMessage(message.clone()));
        if !state.status().is_with_a_person() {
            let said = Logged { seq: state.last_seq + 2, before };
            let response = self.compose(session, before, said, thought, EscalationId::generate()).await?;
            append.events.extend(response.events);
            append.handoff = response.handoff;
            if response.slower {
                audience.slow_down();
            }
            if response.louder {
                audience.tell(Signal::Louder);
            }
        }
        match self.store.append(append).await {
            Ok(appended) => {
                record(thought, before, Some(&message));
                audience.tell(Signal::Accepted { id: id.clone(), seq: appended.first_seq() });
                Ok(true)
            }
            Err(StoreError::Stale(_) | StoreError::Handoff(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

fn count(outcome: &'static str) {
    counter!(names::CONTINUATIONS, "outcome" => outcome).increment(1);
}

/// The key of what is said next: the turn's own id has been accepted already, with its beginning.
fn key_after(state: &ConversationState) -> Result<MessageKey, Refusal> {
    let id = format!("\u{1}goes-on-after-{}", state.last_seq);
    id.try_into().map(MessageKey::citizen).map_err(|_| Refusal::new(ErrorCode::Internal))
}

fn think(brain: &Arc<Brain>, part: &Heard, memory: &Memory) -> Thought {
    let Some(transcript) = &part.transcript else {
        let silence = Understanding::of(Act::Question, part.language, part.dictation);
        return brain.decide(silence, memory, part.language);
    };
    let text = if part.dictation { transcript.written() } else { String::new() };
    let utterance = utterance(transcript, text, part.language);
    let mut thought = brain.think(&utterance, memory, Some(part.engine.clone()));
    thought.complaint = part.complaint;
    thought
}

fn instead(brain: &Arc<Brain>, heard: Heard, before: &Memory) -> Judged {
    let thought = think(brain, &heard, before);
    Judged::Instead(Box::new((heard, thought)))
}

fn judge(
    brain: &Arc<Brain>,
    heard: Continued,
    before: &Memory,
    now: &Memory,
    asked_back: bool,
    rest_is_short: bool,
) -> Judged {
    let first = think(brain, &heard.first, before);
    let whole = think(brain, &heard.whole, before);
    let rest = think(brain, &heard.rest, now);
    let verdict = continuation(&Parts {
        first: &first.understanding,
        whole: &whole.understanding,
        rest: &rest.understanding,
        rest_is_short,
        asked_back,
        dictated: heard.whole.dictation,
    });
    tracing::debug!(?verdict, first = ?score(&first), whole = ?score(&whole), rest = ?score(&rest), "a turn was gone on with");
    match verdict {
        // What was decided on the beginning was right: nobody is answered the same twice, and its words need not be shown.
        Continuation::Whole
            if !heard.whole.dictation && decides_the_same(&first.decision, &whole.decision) =>
        {
            Judged::Nothing
        }
        Continuation::Whole => Judged::Instead(Box::new((heard.whole, whole))),
        Continuation::Rest => instead(brain, heard.rest, before),
        Continuation::Apart => Judged::Apart,
        Continuation::Nothing => Judged::Nothing,
    }
}

/// Whether the citizen would see the same again.
fn decides_the_same(one: &Decision, other: &Decision) -> bool {
    let entries = |choices: &[Scored]| choices.iter().map(|choice| choice.entry.clone()).collect::<Vec<_>>();
    match (one, other) {
        (Decision::Answer { chosen: one, .. }, Decision::Answer { chosen: other, .. }) => {
            one.entry == other.entry
        }
        (Decision::Clarify { choices: one }, Decision::Clarify { choices: other }) => {
            entries(one) == entries(other)
        }
        (Decision::NotUnderstood, Decision::NotUnderstood) => true,
        _ => false,
    }
}

/// How sure a thought is, for logs: never what was said.
fn score(thought: &Thought) -> (Act, Option<f32>, Option<f32>) {
    let understood = &thought.understanding;
    (understood.act, understood.candidates.first().map(|best| best.confidence), understood.fit)
}
