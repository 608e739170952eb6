//! Turns: one after the other per conversation, durable before told.

use std::time::{Duration, Instant};

use conversation::{
    Append, Appended, CitizenMessage, ClosedBy, Considered, ConversationState, EscalationId,
    EscalationReason, EventBody, Expect, HandoffCommand, IllegalTransition, LanguageChanged, MessageId,
    MessageKey, Provenance, Rated, SayAct, Source, StoreError,
    protocol::{ErrorCode, Signal},
};
use intents::{Act, Decision, Understanding, Utterance};
use language::Language;
use metrics::{counter, histogram};

use super::{
    Audience, Conversations, Input, Refusal, Session,
    continued::More,
    memory,
    respond::{self, Response, Situation, respond},
};
use crate::{
    knowledge::{Memory, Thought},
    phrases::{Phrase, say},
    telemetry::names,
};

/// How often a response is composed anew because the conversation moved on in between.
const ATTEMPTS: u32 = 4;

/// Who does not say until when they can be called back, can be for a day.
const CALLBACK_WINDOW: Duration = Duration::from_hours(24);

impl Conversations {
    /// Does what the citizen wants. Turns of one conversation wait for each other.
    pub async fn take(&self, session: &Session, input: Input, audience: &dyn Audience) {
        let _turn = session.turn.lock().await;
        let id = input.id().cloned();
        let outcome = match input {
            Input::Text { id, text } => self.text(session, id, text, audience).await,
            Input::Voice { id, heard, any_language } => {
                let key = MessageKey::citizen(id.clone());
                self.voice(session, id, key, heard, any_language, audience).await
            }
            Input::Continued { id, heard, short, apart } => {
                self.continued(session, id, More { heard: *heard, short, apart }, audience).await
            }
            Input::Choose { id, clarify_seq, choice } => {
                self.choose(session, id, clarify_seq, choice, audience).await
            }
            Input::Person(id) => self.person(session, id, audience).await,
            Input::LeaveQueue(id) => self.hand(session, id, HandoffCommand::Cancel, audience).await,
            Input::Callback { id, number, from, until } => {
                let from = from.unwrap_or_else(|| self.clock.now());
                let until = until.unwrap_or_else(|| from.plus(CALLBACK_WINDOW));
                let escalation = EscalationId::generate();
                let wish = HandoffCommand::RequestCallback { escalation, number, from, until };
                self.hand(session, id, wish, audience).await
            }
            Input::Reopen(id) => {
                let escalation = EscalationId::generate();
                self.hand(session, id, HandoffCommand::Reopen { escalation }, audience).await
            }
            Input::Language(id, language) => self.language(session, id, language, audience).await,
            Input::Repeat(id) => self.repeat(session, id, audience).await,
            Input::Rate { id, seq, helpful } => {
                self.rate(session, id, Rated { of: seq, helpful }, audience).await
            }
            Input::Close(id) => {
                self.hand(session, id, HandoffCommand::Close { by: ClosedBy::Citizen }, audience).await
            }
            Input::SpeechBegan => self.speech_began(session).await,
            Input::Resumed => self.catch_up(session, audience).await,
        };
        if let Err(refusal) = outcome {
            audience.refuse(refusal.about(id));
        }
    }

    async fn rate(
        &self,
        session: &Session,
        id: MessageId,
        rated: Rated,
        audience: &dyn Audience,
    ) -> Result<(), Refusal> {
        let there = self.store.events_after(session.id, rated.of.saturating_sub(1), 1).await?;
        let can_be_rated = |body: &EventBody| {
            matches!(body, EventBody::Answer(_) | EventBody::AgentMessage(_) | EventBody::AgentLeft(_))
        };
        if !there.iter().any(|event| event.seq == rated.of && can_be_rated(&event.body)) {
            return Err(Refusal::new(ErrorCode::BadMessage));
        }
        let append =
            Append::to(session.id).because_of(MessageKey::citizen(id.clone())).event(EventBody::Rated(rated));
        self.accept(append, id, audience).await?;
        Ok(())
    }

    pub(super) async fn state(&self, session: &Session) -> Result<ConversationState, Refusal> {
        let state = self.store.conversation(session.id).await?;
        state.ok_or_else(|| Refusal::new(ErrorCode::BadToken))
    }

    async fn text(
        &self,
        session: &Session,
        id: MessageId,
        text: String,
        audience: &dyn Audience,
    ) -> Result<(), Refusal> {
        let before = self.state(session).await?;
        let message = CitizenMessage {
            id: id.clone(),
            text: text.clone(),
            source: Source::Text,
            language: before.language,
            dictation: true,
            sound: None,
        };
        let append = Append::to(session.id)
            .because_of(MessageKey::citizen(id.clone()))
            .event(EventBody::CitizenMessage(message));
        let Some((seq, state)) = self.accept(append, id.clone(), audience).await? else { return Ok(()) };
        self.answer_text(session, &before, state, seq, text, Some(id), audience).await
    }

    /// Understands typed words that are in the log as event `seq` already, and responds.
    #[expect(clippy::too_many_arguments, reason = "private, and each is a different thing")]
    pub(super) async fn answer_text(
        &self,
        session: &Session,
        before: &ConversationState,
        state: ConversationState,
        seq: u64,
        text: String,
        id: Option<MessageId>,
        audience: &dyn Audience,
    ) -> Result<(), Refusal> {
        if state.status().is_with_a_person() {
            return Ok(());
        }
        if let Some(id) = id {
            audience.tell(Signal::Thinking { id });
        }
        let begun = Instant::now();
        let utterance = Utterance::typed(text, before.language);
        let memory = self.memory(before).await?;
        let Ok(thought) = self.minds.think(move |brain| brain.think(&utterance, &memory, None)).await else {
            return self.apologise(session, seq, audience).await;
        };
        let settled =
            self.settle(session, state, Some(Logged { seq, before }), &thought, |_| None, audience).await;
        histogram!(names::DECIDE_SECONDS).record(begun.elapsed());
        settled
    }

    /// Appends the response to a thought. `logged` is the citizen message where that is in the log already; otherwise
    /// `message` makes it (from the decision) with its key, and both are appended in one transaction.
    pub(super) async fn settle(
        &self,
        session: &Session,
        mut state: ConversationState,
        logged: Option<Logged<'_>>,
        thought: &Thought,
        message: impl Fn(&ConversationState) -> Option<(MessageKey, CitizenMessage)>,
        audience: &dyn Audience,
    ) -> Result<(), Refusal> {
        let escalation = EscalationId::generate();
        for _ in 0..ATTEMPTS {
            let (key, message) = message(&state).unzip();
            let said = logged.unwrap_or(Logged { seq: state.last_seq + 1, before: &state });
            let mut append = Append::to(session.id);
            if let Some(message) = &message {
                append.key = key;
                append = append
                    .expecting(Expect { last_seq: Some(state.last_seq), status: Some(state.status()) })
                    .event(EventBody::CitizenMessage(message.clone()));
            } else {
                append = append.expecting(Expect { last_seq: None, status: Some(state.status()) });
            }
            let (mut slower, mut louder) = (false, false);
            if !state.status().is_with_a_person() {
                let response = self.compose(session, &state, said, thought, escalation).await?;
                (slower, louder) = (response.slower, response.louder);
                append.events.extend(response.events);
                append.handoff = response.handoff;
            }
            if append.events.is_empty() && append.handoff.is_none() {
                return Ok(());
            }
            // Before the events are told: the voice of this very response must be slow already.
            if slower {
                audience.slow_down();
            }
            if louder {
                audience.tell(Signal::Louder);
            }
            match self.store.append(append).await {
                Ok(appended) => {
                    record(thought, &state, message.as_ref());
                    if let Some(message) = message {
                        audience.tell(Signal::Accepted { id: message.id, seq: appended.first_seq() });
                    }
                    return Ok(());
                }
                // An agent took it, or a second connection wrote: compose anew for what it is now.
                Err(StoreError::Stale(now)) => state = *now,
                Err(StoreError::Handoff(IllegalTransition::AlreadyEscalated)) => {
                    state = self.state(session).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Refusal::new(ErrorCode::Internal))
    }

    pub(super) async fn compose(
        &self,
        session: &Session,
        state: &ConversationState,
        said: Logged<'_>,
        thought: &Thought,
        escalation: EscalationId,
    ) -> Result<Response, Refusal> {
        let considered: Vec<Considered> =
            thought.understanding.candidates.iter().map(Considered::from).collect();
        let situation = Situation {
            state,
            before: said.before,
            reply_to: said.seq,
            understood: &thought.understanding,
            failed: thought.failed,
            complaint: thought.complaint,
            knowledge: thought.knowledge(),
            considered: &considered,
            provenance: &thought.provenance,
            today: self.today(),
            escalation,
        };
        let mut response = respond(&thought.decision, &situation);
        if response.again {
            response.events.extend(self.said_last(session, said.before, Some(said.seq)).await?);
        }
        Ok(response)
    }

    /// The open question back, or else the last answer, to be appended once more.
    async fn said_last(
        &self,
        session: &Session,
        state: &ConversationState,
        reply_to: Option<u64>,
    ) -> Result<Option<EventBody>, Refusal> {
        let pending = state.pending_clarify.as_ref().map(|clarify| clarify.seq);
        let Some(seq) = pending.or(state.last_answer.as_ref().map(|answer| answer.seq)) else {
            return Ok(None);
        };
        let found = self.store.events_after(session.id, seq - 1, 1).await?;
        Ok(found.into_iter().next().map(|event| match event.body {
            EventBody::Answer(mut answer) => {
                answer.reply_to = reply_to.unwrap_or(answer.reply_to);
                EventBody::Answer(answer)
            }
            EventBody::Clarify(mut clarify) => {
                clarify.reply_to = reply_to.unwrap_or(clarify.reply_to);
                EventBody::Clarify(clarify)
            }
            other => other,
        }))
    }

    async fn choose(
        &self,
        session: &Session,
        id: MessageId,
        clarify_seq: u64,
        choice: u8,
        audience: &dyn Audience,
    ) -> Result<(), Refusal> {
        let state = self.state(session).await?;
        let pending = state.pending_clarify.as_ref().filter(|clarify| clarify.seq == clarify_seq);
        let chosen =
            pending.and_then(|p| usize::from(choice).checked_sub(1).map(|index| p.choices.get(index)));
        if pending.is_none() || chosen == Some(None) {
            // It may have been accepted before: then the same id says so.
            return self.accept_again(session, id, audience).await;
        }
        let language = state.language;
        let chosen =
            chosen.flatten().map_or_else(|| say(Phrase::NoneOfThese, language), |c| &c.question).to_owned();
        let understanding = Understanding::of(Act::Choice(choice), language, false);
        let memory = self.memory(&state).await?;
        let thought = self.minds.brain().decide(understanding, &memory, language);
        let key = MessageKey::citizen(id.clone());
        let message = CitizenMessage {
            id,
            text: chosen,
            source: Source::Choice,
            language,
            dictation: true,
            sound: None,
        };
        self.settle(session, state, None, &thought, |_| Some((key.clone(), message.clone())), audience).await
    }

    async fn person(&self, session: &Session, id: MessageId, audience: &dyn Audience) -> Result<(), Refusal> {
        let command = HandoffCommand::Escalate {
            escalation: EscalationId::generate(),
            reason: EscalationReason::Asked,
        };
        self.hand(session, id, command, audience).await
    }

    async fn hand(
        &self,
        session: &Session,
        id: MessageId,
        command: HandoffCommand,
        audience: &dyn Audience,
    ) -> Result<(), Refusal> {
        let leaves = command == HandoffCommand::Cancel;
        let append = Append::to(session.id).because_of(MessageKey::citizen(id.clone())).then(command);
        match self.accept(append, id.clone(), audience).await {
            // The wish is fulfilled already, or an agent was faster: acknowledge it, rather than an error about it.
            Err(StoreError::Handoff(refused))
                if refused == IllegalTransition::AlreadyEscalated
                    || (leaves && matches!(refused, IllegalTransition::NotWaiting { .. })) =>
            {
                audience.tell(Signal::Accepted { id, seq: None });
                Ok(())
            }
            other => Ok(other.map(|_| ())?),
        }
    }

    async fn language(
        &self,
        session: &Session,
        id: MessageId,
        language: Language,
        audience: &dyn Audience,
    ) -> Result<(), Refusal> {
        let state = self.state(session).await?;
        let mut append = Append::to(session.id).because_of(MessageKey::citizen(id.clone()));
        if state.language != language {
            append = append.event(EventBody::LanguageChanged(LanguageChanged { language }));
        }
        self.accept(append, id, audience).await?;
        Ok(())
    }

    async fn repeat(&self, session: &Session, id: MessageId, audience: &dyn Audience) -> Result<(), Refusal> {
        let state = self.state(session).await?;
        let again = self.said_last(session, &state, None).await?;
        let event =
            again.unwrap_or_else(|| notice(Phrase::NothingToRepeat, SayAct::RepeatQuestion, &state, None));
        let append = Append::to(session.id).because_of(MessageKey::citizen(id.clone())).event(event);
        self.accept(append, id, audience).await?;
        Ok(())
    }

    /// Appends for a client's message and acknowledges it. `None`: it had been accepted before.
    async fn accept(
        &self,
        append: Append,
        id: MessageId,
        audience: &dyn Audience,
    ) -> Result<Option<(u64, ConversationState)>, StoreError> {
        let appended = self.store.append(append).await?;
        let seq = appended.first_seq();
        audience.tell(Signal::Accepted { id, seq });
        Ok(match appended {
            Appended::New { state, .. } => Some((seq.unwrap_or(state.last_seq), *state)),
            Appended::Already { .. } => None,
        })
    }

    /// Acknowledges a message that makes no sense now if it was accepted before; otherwise it came in the wrong order.
    async fn accept_again(
        &self,
        session: &Session,
        id: MessageId,
        audience: &dyn Audience,
    ) -> Result<(), Refusal> {
        // Expecting an event that no conversation has makes the store refuse anything new, but not what it knows.
        let probe = Append::to(session.id)
            .because_of(MessageKey::citizen(id.clone()))
            .expecting(Expect { last_seq: Some(u64::MAX), status: None });
        match self.store.append(probe).await {
            Ok(Appended::Already { seq }) => {
                audience.tell(Signal::Accepted { id, seq });
                Ok(())
            }
            Ok(Appended::New { .. }) | Err(StoreError::Stale(_)) => Err(Refusal::new(ErrorCode::WrongOrder)),
            Err(error) => Err(error.into()),
        }
    }

    /// Says in the conversation that a message could not be worked on, so that it is not left hanging.
    async fn apologise(&self, session: &Session, seq: u64, audience: &dyn Audience) -> Result<(), Refusal> {
        let state = self.state(session).await?;
        let sorry = notice(Phrase::ErrorUnavailable, SayAct::Notice, &state, Some(seq));
        self.store.append(Append::to(session.id).event(sorry)).await?;
        audience.refuse(Refusal::new(ErrorCode::Busy).saying(Phrase::ErrorUnavailable));
        Ok(())
    }

    /// The day it is in China.
    fn today(&self) -> kb::Date {
        kb::Date::in_china(self.clock.now().as_millis()).unwrap_or_else(kb::Date::today)
    }

    /// What the policy remembers, from the conversation's state.
    pub(super) async fn memory(&self, state: &ConversationState) -> Result<Memory, Refusal> {
        let mut seq = state.last_seq;
        let said = loop {
            let last = self.store.events_after(state.conversation, seq.saturating_sub(1), 1).await?;
            match last.first().map(|event| &event.body) {
                // What was said before it is what was said last.
                Some(EventBody::Withdrawn(withdrawn)) => seq = withdrawn.from - 1,
                Some(EventBody::Say(say)) => break Some(say.act),
                _ => break None,
            }
        };
        Ok(memory::of(state, said))
    }
}

/// A citizen message that is in the log.
#[derive(Clone, Copy)]
pub(super) struct Logged<'a> {
    /// Its event.
    pub(super) seq: u64,
    /// The conversation before it: what was open when the citizen spoke. The message itself has closed that.
    pub(super) before: &'a ConversationState,
}

/// Words of the system's own, outside any decision.
pub(super) fn notice(
    phrase: Phrase,
    act: SayAct,
    state: &ConversationState,
    reply_to: Option<u64>,
) -> EventBody {
    let (channel, language) = (state.channel, state.language);
    EventBody::Say(conversation::Say {
        reply_to,
        text: say(phrase.on(channel), language).to_owned(),
        act,
        considered: Vec::new(),
        provenance: None::<Provenance>,
    })
}

/// Counts and logs a turn: what was decided and how sure, never what was said.
pub(super) fn record(thought: &Thought, state: &ConversationState, message: Option<&CitizenMessage>) {
    let decision = match &thought.decision {
        Decision::Answer { .. } => "answer",
        Decision::Clarify { .. } => "clarify",
        Decision::AskTopic { .. } => "ask_topic",
        Decision::AskPlace { .. } => "ask_place",
        Decision::Act(_) => "act",
        Decision::NotUnderstood => "not_understood",
        Decision::Escalate(_) => "escalate",
    };
    let source = match message.map(|m| m.source) {
        Some(Source::Voice) => "voice",
        Some(Source::Choice) => "choice",
        Some(Source::Text) | None => "text",
    };
    counter!(names::TURNS, "language" => state.language.code(), "source" => source, "decision" => decision)
        .increment(1);
    let best = thought.understanding.candidates.first().map_or(0.0, |scored| scored.confidence);
    tracing::info!(
        conversation = %state.conversation,
        language = %state.language,
        source,
        decision,
        best = format!("{best:.2}"),
        "a turn was decided"
    );
}

/// What is shown for a voice turn without dictation.
pub(super) fn shown(thought: &Thought, state: &ConversationState) -> String {
    let show =
        if state.status().is_with_a_person() { respond::nearest_question } else { respond::matched_question };
    show(&thought.decision, state.language, thought.knowledge())
}
