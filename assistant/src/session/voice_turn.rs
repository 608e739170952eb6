//! Spoken turns: like typed ones, but the citizen's message is known only after understanding, because a recogniser that
//! takes no dictation shows the question that was matched.

use std::time::Instant;

use conversation::{
    Append, Appended, CitizenMessage, ConversationState, EventBody, Expect, LanguageChanged, MessageId,
    MessageKey, SayAct, Source, StoreError,
    protocol::{ErrorCode, Signal},
};
use intents::{Completeness, Decision, Utterance};
use kb::EntryId;
use language::Language;
use metrics::histogram;
use speech::{Complaint, Transcript};

use super::{
    Audience, Conversations, Heard, Refusal, Session,
    turn::{notice, shown},
};
use crate::{knowledge::Thought, phrases::Phrase, telemetry::names};

impl Conversations {
    pub(super) async fn voice(
        &self,
        session: &Session,
        id: MessageId,
        key: MessageKey,
        heard: Heard,
        any_language: bool,
        audience: &dyn Audience,
    ) -> Result<(), Refusal> {
        let Some(transcript) = heard.transcript else {
            return self.nothing_heard(session, id, key, heard.complaint, audience).await;
        };
        let complaint = heard.complaint;
        let said = heard.sound.clone();
        let (dictation, seconds) = (heard.dictation, seconds(&transcript));
        let text = if dictation { transcript.written() } else { String::new() };
        let last = |text: String| Signal::Final { id: id.clone(), text, dictation, seconds };
        if dictation {
            audience.tell(last(text.clone()));
        }
        let begun = Instant::now();
        let mut state = self.state(session).await?;
        // Nobody waits for an answer of the assistant's where a person has the conversation.
        if !state.status().is_with_a_person() {
            audience.tell(Signal::Thinking { id: id.clone() });
        }
        let think = async |state: &ConversationState, language| {
            let memory = self.memory(state).await?;
            let (utterance, engine) = (utterance(&transcript, text.clone(), language), heard.engine.clone());
            let thought = self.minds.think(move |brain| brain.think(&utterance, &memory, Some(engine))).await;
            thought.map_err(|_| Refusal::new(ErrorCode::Busy).saying(Phrase::ErrorUnavailable))
        };
        let mut thought = think(&state, heard.language).await?;
        let spoken = thought.understanding.language;
        if any_language && spoken != state.language && is_something(&thought) {
            let changed = EventBody::LanguageChanged(LanguageChanged { language: spoken });
            self.store.append(Append::to(session.id).event(changed)).await?;
            state = self.state(session).await?;
            // Thresholds and what is confirmed differ by language.
            thought = think(&state, spoken).await?;
        }
        histogram!(names::UNDERSTAND_SECONDS).record(begun.elapsed());
        thought.complaint = complaint;
        let shown = if dictation { text } else { shown(&thought, &state) };
        if !dictation {
            audience.tell(last(shown.clone()));
        }
        let sound = self.keep_said(session, &state, said).await;
        let message = |language| CitizenMessage {
            id: id.clone(),
            text: shown.clone(),
            source: Source::Voice,
            language,
            dictation,
            sound: sound.clone(),
        };
        let settled = self
            .settle(
                session,
                state,
                None,
                &thought,
                |state| Some((key.clone(), message(state.language))),
                audience,
            )
            .await;
        histogram!(names::DECIDE_SECONDS).record(begun.elapsed());
        settled
    }

    /// Nobody spoke, or nothing could be made of it.
    async fn nothing_heard(
        &self,
        session: &Session,
        id: MessageId,
        key: MessageKey,
        complaint: Option<Complaint>,
        audience: &dyn Audience,
    ) -> Result<(), Refusal> {
        audience.tell(Signal::Final { id: id.clone(), text: String::new(), dictation: false, seconds: 0.0 });
        let state = self.state(session).await?;
        let mut append = Append::to(session.id).because_of(key);
        let language = state.language;
        append = append.event(if state.status().is_with_a_person() {
            // The agent sees that something was said and could not be heard, and can ask.
            EventBody::CitizenMessage(CitizenMessage {
                id: id.clone(),
                text: String::new(),
                source: Source::Voice,
                language,
                dictation: false,
                sound: None,
            })
        } else {
            let phrase = complaint.map_or(Phrase::NotHeard, Phrase::of_complaint);
            notice(phrase, SayAct::NotHeard, &state, None)
        });
        let appended = self.store.append(append).await?;
        audience.tell(Signal::Accepted { id, seq: appended.first_seq() });
        Ok(())
    }

    /// Remembers durably that somebody has begun to speak after the present last event.
    pub(super) async fn speech_began(&self, session: &Session) -> Result<(), Refusal> {
        let state = self.state(session).await?;
        if let Some(mark) = speech_mark(state.last_seq) {
            self.store.append(Append::to(session.id).because_of(mark)).await?;
        }
        Ok(())
    }

    /// Asks to repeat what was said, where somebody spoke after the last event and nothing came of it: the server was
    /// killed, or the link broke in the middle.
    pub(super) async fn ask_for_lost_speech(
        &self,
        session: &Session,
        state: &ConversationState,
    ) -> Result<(), Refusal> {
        let before = state.last_seq.saturating_sub(ASIDES);
        let last = self.store.events_after(session.id, before, ASIDES as u32).await?;
        // How far a sound was heard is written when it ends, be it before or after somebody began to speak.
        let asides = last.iter().rev().take_while(|event| event.body.is_aside()).count() as u64;
        for seq in state.last_seq.saturating_sub(asides)..=state.last_seq {
            if self.spoke_after(session, seq).await? {
                let again = notice(Phrase::NotHeard, SayAct::NotHeard, state, None);
                self.store.append(Append::to(session.id).event(again)).await?;
                break;
            }
        }
        Ok(())
    }

    /// Whether it is remembered that somebody began to speak when that was the last event.
    async fn spoke_after(&self, session: &Session, seq: u64) -> Result<bool, Refusal> {
        let Some(mark) = speech_mark(seq) else { return Ok(false) };
        // Expecting an event that no conversation has makes the store refuse anything new, but not what it knows.
        let probe = Append::to(session.id)
            .because_of(mark)
            .expecting(Expect { last_seq: Some(u64::MAX), status: None });
        match self.store.append(probe).await {
            Ok(Appended::Already { .. }) => Ok(true),
            Ok(Appended::New { .. }) | Err(StoreError::Stale(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The nearest known question to what is heard so far, for a recogniser that takes no dictation. `None` where nothing
    /// is near or the minds have better things to do.
    pub async fn hint(&self, transcript: Transcript, language: Language) -> Option<String> {
        let utterance = utterance(&transcript, String::new(), language);
        self.minds.think_if_idle(move |brain| brain.nearest_question(&utterance)).await.flatten()
    }
}

impl Conversations {
    /// The entries that may answer what somebody is writing, best first, each with how probably it is meant. `None` where nothing may, or the minds
    /// have better things to do.
    pub async fn foresee(&self, draft: String, language: Language) -> Option<Vec<(EntryId, f32)>> {
        /// As many as an agent takes in at a glance.
        const MOST: usize = 5;
        let utterance = Utterance::typed(draft, language);
        let candidates = self.minds.think_if_idle(move |brain| brain.candidates(&utterance)).await?;
        let entries = candidates.into_iter().take(MOST).map(|scored| (scored.entry, scored.confidence));
        Some(entries.collect::<Vec<_>>()).filter(|entries| !entries.is_empty())
    }

    /// Whether what was said before a pause is all. [`Completeness::Unclear`] where the minds have better things to do: then silence decides.
    pub async fn completeness(&self, transcript: Transcript, language: Language) -> Completeness {
        // Words are complete or not by what they mean, which silence tells better than we do; sound that fits a question does not go on.
        if transcript.evidence.is_none() {
            return Completeness::Unclear;
        }
        let utterance = utterance(&transcript, transcript.text().to_owned(), language);
        self.minds
            .think_if_idle(move |brain| brain.completeness(&utterance))
            .await
            .unwrap_or(Completeness::Unclear)
    }
}

/// So many events about the sound and the line may stand after what was said last.
const ASIDES: u64 = 8;

/// Whether what was heard shows which language was spoken: it fits something that is known, or is something that people say.
fn is_something(thought: &Thought) -> bool {
    !matches!(thought.decision, Decision::NotUnderstood | Decision::AskTopic { .. })
}

/// The key under which "somebody began to speak after event `seq`" is remembered. Clients cannot send it: it begins with a
/// character that no client's id has reason to hold, and one that did would only be asked to repeat.
fn speech_mark(seq: u64) -> Option<MessageKey> {
    MessageId::try_from(format!("\u{1}speech-after-{seq}")).ok().map(MessageKey::citizen)
}

pub(super) fn utterance(transcript: &Transcript, text: String, language: Language) -> Utterance {
    Utterance::heard(text, language, transcript.evidence.clone())
}

/// Rounded to milliseconds, which is what there is to know.
pub(super) fn seconds(transcript: &Transcript) -> f64 {
    (f64::from(transcript.seconds) * 1_000.0).round() / 1_000.0
}
