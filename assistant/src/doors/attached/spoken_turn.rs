//! Spoken turns of one client: at most one at a time, admitted before any sound is taken.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use conversation::{
    MessageId,
    protocol::{AudioStart, ErrorCode, Signal, SpeechEnd},
};
use language::Language;
use metrics::{counter, gauge};
use speech::{
    endpoint::EndpointRules,
    partial::{Partial, StablePrefix},
};

use super::{connection::Connection, playback::Speaker};
use crate::{
    doors::desk::Typing,
    phrases::Phrase,
    session::{Audience, Input, Refusal},
    telemetry::names,
    workers::{
        EarEvent, Ticket,
        ears::{EarStream, Ears, VoicePlace},
    },
};

/// A voice conversation keeps its place for so long after a turn, so that it is not turned away between two questions.
const KEEP_PLACE: Duration = Duration::from_mins(1);
/// When to try again if all places are taken: soon, because whoever waits keeps their place in the line.
const BUSY_PAUSE: Duration = Duration::from_secs(3);
/// A turn whose sound has stopped coming is over after so long: the client's microphone or link died. What was said is answered.
const SILENT_CLIENT: Duration = Duration::from_secs(8);
/// After the end of speech an answer must come: a transcript that is not there after so long never will be.
const TRANSCRIPT_DEADLINE: Duration = Duration::from_secs(20);
/// Sound in which a citizen may go on may be so late on its way.
const LATE_SOUND: Duration = Duration::from_secs(1);

/// A place among the voice conversations, counted while it is held.
struct CountedPlace(VoicePlace);

impl CountedPlace {
    fn new(place: VoicePlace) -> Self {
        gauge!(names::VOICE_CONVERSATIONS).increment(1.0);
        Self(place)
    }
}

impl Drop for CountedPlace {
    fn drop(&mut self) {
        gauge!(names::VOICE_CONVERSATIONS).decrement(1.0);
    }
}

/// How far a turn is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Sound is taken.
    Open,
    /// Its end was noticed; the transcript is awaited.
    Ended,
    /// What was said until its end has been handed to the session; only whether the citizen goes on is awaited.
    Answered,
}

struct Turn {
    id: MessageId,
    language: Language,
    stream: EarStream,
    /// Somebody has begun to speak.
    speaking: bool,
    phase: Phase,
    /// Until when the citizen may go on with it after its end.
    listening: Option<Instant>,
    /// The citizen has gone on with it after its end.
    gone_on: bool,
    /// Its parts have nothing to do with each other.
    apart: Arc<AtomicBool>,
    /// What the words so far agree on.
    words: StablePrefix,
    /// By when something must have happened; `None` once the turn was ended for its client.
    deadline: Option<Instant>,
}

impl Turn {
    /// The next event. A turn that nobody sends sound for is ended, and one that never gets its transcript fails: whoever spoke is
    /// answered in any case. Cancel-safe.
    async fn event(&mut self) -> Option<EarEvent> {
        loop {
            let Some(deadline) = self.deadline else { return self.stream.event().await };
            tokio::select! {
                biased;
                event = self.stream.event() => return event,
                () = tokio::time::sleep_until(deadline.into()) => {
                    match self.phase {
                        Phase::Answered => return Some(EarEvent::Settled),
                        Phase::Ended => {
                            tracing::error!("a turn got no transcript in time");
                            self.deadline = None;
                            return Some(EarEvent::Failed);
                        }
                        Phase::Open => {}
                    }
                    self.stream.commit();
                    self.deadline = Some(Instant::now() + TRANSCRIPT_DEADLINE);
                    self.phase = Phase::Ended;
                }
            }
        }
    }
}

/// A turn that the server ended while the client was still sending.
struct Past {
    id: MessageId,
    at_maximum: bool,
    told: bool,
}

/// The spoken turns of one client.
pub(super) struct SpokenTurns {
    ears: Option<Ears>,
    place: Option<(CountedPlace, Instant)>,
    /// The place in the line of whoever waits for one of those.
    ticket: Option<Ticket>,
    turn: Option<Turn>,
    past: Option<Past>,
    end_of_speech: Option<Instant>,
}

impl SpokenTurns {
    pub(super) const fn new(ears: Option<Ears>) -> Self {
        Self { ears, place: None, ticket: None, turn: None, past: None, end_of_speech: None }
    }

    /// The next event of the turn under way, with its id; pending for ever where there is no turn. Cancel-safe.
    pub(super) async fn event(&mut self) -> (MessageId, Option<EarEvent>) {
        let keep_until = self.place.as_ref().map(|(_, until)| *until);
        match (&mut self.turn, keep_until) {
            (Some(turn), _) => {
                let event = turn.event().await;
                (turn.id.clone(), event)
            }
            (None, Some(until)) => {
                tokio::time::sleep_until(until.into()).await;
                self.place = None;
                std::future::pending().await
            }
            (None, None) => std::future::pending().await,
        }
    }

    /// Whether somebody is speaking or what they said is being transcribed.
    pub(super) fn is_speaking(&self) -> bool {
        self.turn.as_ref().is_some_and(|turn| turn.speaking)
    }

    /// Whether the citizen is going on with a turn that had ended.
    pub(super) fn has_gone_on(&self) -> bool {
        self.turn.as_ref().is_some_and(|turn| turn.gone_on && turn.phase == Phase::Open)
    }

    /// Nobody is expected any more to go on with a turn that is over.
    pub(super) fn stop_listening(&mut self) {
        if self.turn.as_ref().is_some_and(|turn| turn.phase == Phase::Answered) {
            self.finish();
        }
    }

    /// The turn's words have been handed on: it is over, unless the citizen may go on.
    fn hand_on(&mut self) {
        match &mut self.turn {
            Some(Turn { listening: Some(until), phase, speaking, deadline, .. }) => {
                (*phase, *speaking, *deadline) = (Phase::Answered, false, Some(*until));
            }
            _ => drop(self.finish()),
        }
    }

    /// When the citizen last stopped speaking, once.
    pub(super) fn take_end_of_speech(&mut self) -> Option<Instant> {
        self.end_of_speech.take()
    }

    fn finish(&mut self) -> Option<Turn> {
        if let Some((_, until)) = &mut self.place {
            *until = Instant::now() + KEEP_PLACE;
        }
        self.turn.take()
    }
}

impl Drop for SpokenTurns {
    fn drop(&mut self) {
        if let (Some(ears), Some(ticket)) = (&self.ears, self.ticket) {
            ears.leave(ticket);
        }
    }
}

impl Connection {
    /// Begins a spoken turn, if there is room and an ear for the language.
    pub(super) async fn begin_turn(&mut self, start: AudioStart) {
        match self.admit(&start).await {
            Ok(turn) => {
                self.turns.turn = Some(turn);
                self.turns.past = None;
            }
            Err(refusal) => self.teller.refuse(refusal.about(Some(start.id))),
        }
    }

    /// When a turn begins and ends on this channel.
    fn rules(&self) -> &EndpointRules {
        self.service.configuration.hearing.rules(self.channel)
    }

    async fn admit(&mut self, start: &AudioStart) -> Result<Turn, Refusal> {
        if self.turns.turn.is_some() {
            return Err(Refusal::new(ErrorCode::WrongOrder));
        }
        let language = self.state.language;
        let deaf = || Refusal::new(ErrorCode::Unavailable).saying(Phrase::ErrorUnavailableHearing);
        let ears = self.turns.ears.clone().ok_or_else(deaf)?;
        ears.dictation(language).ok_or_else(deaf)?;
        if self.turns.place.is_none() {
            let place = ears.admit(self.turns.ticket.take()).map_err(|(ticket, before)| {
                self.turns.ticket = Some(ticket);
                counter!(names::WAITS).increment(1);
                Refusal::new(ErrorCode::Busy).retry_after(BUSY_PAUSE).waiting_behind(before)
            })?;
            self.turns.place = Some((CountedPlace::new(place), Instant::now() + KEEP_PLACE));
        }
        let request = self.service.conversations.listening_for(&self.state, language, &start.expect).await;
        let (CountedPlace(place), _) = self.turns.place.as_ref().ok_or_else(deaf)?;
        let keep = self.service.configuration.handoff.keep_speech && self.state.status().is_with_a_person();
        let stream = ears.open(place, self.channel, start.codec, language, request, keep).ok_or_else(deaf)?;
        Ok(Turn {
            id: start.id.clone(),
            language,
            stream,
            speaking: false,
            phase: Phase::Open,
            listening: None,
            gone_on: false,
            apart: Arc::default(),
            words: StablePrefix::default(),
            deadline: Some(Instant::now() + SILENT_CLIENT),
        })
    }

    /// Takes sound of the turn under way.
    pub(super) async fn sound(&mut self, bytes: Bytes) {
        let takes = |turn: &&mut Turn| turn.phase == Phase::Open || turn.listening.is_some();
        if let Some(turn) = self.turns.turn.as_mut().filter(takes) {
            if turn.phase == Phase::Open {
                turn.deadline = Some(Instant::now() + SILENT_CLIENT);
            }
            turn.stream.audio(bytes).await;
        } else if let Some(past) = &mut self.turns.past {
            // What was under way when the server ended the turn is dropped; whoever goes on and on is told once.
            if past.at_maximum && !std::mem::replace(&mut past.told, true) {
                let id = Some(past.id.clone());
                self.teller.refuse(Refusal::new(ErrorCode::AudioTooLong).about(id));
            }
        } else if self.turns.turn.is_none() {
            self.teller.refuse(Refusal::new(ErrorCode::WrongOrder));
        }
    }

    /// The client says that the turn is over.
    pub(super) fn commit_turn(&mut self, id: MessageId) {
        match (&self.turns.turn, &self.turns.past) {
            (Some(turn), _) if turn.id == id => turn.stream.commit(),
            // The server was faster.
            (_, Some(past)) if past.id == id => {}
            _ => self.teller.refuse(Refusal::new(ErrorCode::WrongOrder).about(Some(id))),
        }
    }

    /// The client drops the turn; what was said is forgotten.
    pub(super) fn cancel_turn(&mut self, id: &MessageId) {
        if self.turns.turn.as_ref().is_some_and(|turn| turn.id == *id) {
            self.turns.finish();
            self.turns.past = Some(Past { id: id.clone(), at_maximum: false, told: true });
        }
    }

    /// Something happened in the turn under way.
    pub(super) async fn heard(&mut self, (id, event): (MessageId, Option<EarEvent>)) {
        match event {
            Some(EarEvent::Started { at_ms }) => {
                if let Some(turn) = &mut self.turns.turn {
                    turn.speaking = true;
                }
                // Whoever speaks is listened to: the assistant falls silent.
                self.stop_sound();
                self.outbox().signal(Signal::SpeechStarted { id, at_ms });
                self.push(Input::SpeechBegan);
                if self.state.status().is_with_a_person() {
                    self.service.typing.tell(Typing::Citizen(self.session.id));
                }
            }
            Some(EarEvent::Partial(transcript)) => self.partial(id, transcript).await,
            Some(EarEvent::Paused { pause, transcript }) => {
                let language = self.turns.turn.as_ref().map_or(self.state.language, |turn| turn.language);
                let judgement = self.service.conversations.completeness(transcript, language).await;
                if let Some(turn) = &self.turns.turn {
                    turn.stream.judged(pause, judgement);
                }
            }
            Some(EarEvent::Ended { reason, speech_ms, at, listening_ms }) => {
                self.turns.end_of_speech = Some(at);
                if let Some(turn) = &mut self.turns.turn {
                    (turn.speaking, turn.phase) = (true, Phase::Ended);
                    turn.deadline = Some(Instant::now() + TRANSCRIPT_DEADLINE);
                    let more = Duration::from_millis(u64::from(listening_ms));
                    turn.listening = (listening_ms > 0).then(|| Instant::now() + more + LATE_SOUND);
                }
                let at_maximum = reason == SpeechEnd::Maximum;
                let by_client = reason == SpeechEnd::Commit;
                self.turns.past = (!by_client).then(|| Past { id: id.clone(), at_maximum, told: false });
                self.outbox().signal(Signal::SpeechEnded { id, reason, speech_ms, listening_ms });
            }
            // What made the assistant fall silent were no words: it goes on where it was.
            Some(EarEvent::Final(heard)) if heard.is_nothing() && self.resume_sound() => {
                self.turns.finish();
                self.outbox().signal(Signal::Final {
                    id,
                    text: String::new(),
                    dictation: false,
                    seconds: 0.0,
                });
            }
            Some(EarEvent::Final(heard)) => {
                self.turns.hand_on();
                self.push(Input::Voice { id, heard, any_language: self.any_language });
            }
            Some(EarEvent::Resumed { at_ms, ago }) => self.goes_on(id, at_ms, ago),
            Some(EarEvent::Continued(heard)) => {
                let short = heard.rest_ms < self.rules().short_speech_ms;
                let apart = self.turns.turn.as_ref().map(|turn| Arc::clone(&turn.apart)).unwrap_or_default();
                self.turns.hand_on();
                self.push(Input::Continued { id, heard, short, apart });
            }
            Some(EarEvent::Settled) => drop(self.turns.finish()),
            Some(EarEvent::BadAudio) => {
                self.drop_turn(id, Refusal::new(ErrorCode::BadAudio));
            }
            Some(EarEvent::Failed) | None => {
                let deaf = Refusal::new(ErrorCode::Unavailable).saying(Phrase::ErrorUnavailableHearing);
                self.drop_turn(id, deaf);
            }
        }
    }

    /// The citizen goes on with a turn that was over: part of it, unless the answer to its beginning had been heard for long enough to be
    /// interrupted.
    fn goes_on(&mut self, id: MessageId, at_ms: u64, ago: Duration) {
        let heard = self.speaker.as_ref().and_then(Speaker::sounding_for).unwrap_or_default();
        let to_interrupt = self.rules().heard_to_interrupt_ms;
        if let Some(turn) = &mut self.turns.turn {
            (turn.speaking, turn.gone_on) = (true, true);
            (turn.phase, turn.listening) = (Phase::Open, None);
            turn.deadline = Some(Instant::now() + SILENT_CLIENT);
            turn.words = StablePrefix::default();
            if heard.saturating_sub(ago) > Duration::from_millis(u64::from(to_interrupt)) {
                turn.apart.store(true, Ordering::Release);
            }
        }
        self.turns.past = None;
        self.stop_sound();
        self.outbox().signal(Signal::SpeechResumed { id, at_ms });
        self.push(Input::SpeechBegan);
        if self.state.status().is_with_a_person() {
            self.service.typing.tell(Typing::Citizen(self.session.id));
        }
    }

    fn drop_turn(&mut self, id: MessageId, refusal: Refusal) {
        self.turns.finish();
        self.turns.past = Some(Past { id: id.clone(), at_maximum: false, told: true });
        self.teller.refuse(refusal.about(Some(id)));
    }

    /// Shows what is heard so far: the words, or the nearest known question where the engine writes no words.
    async fn partial(&mut self, id: MessageId, transcript: speech::Transcript) {
        let written = transcript.written();
        let words = self.turns.turn.as_mut().map(|turn| turn.words.update(&written));
        if let Some(Partial { text, stable }) = words.filter(|words| !words.text.is_empty()) {
            let stable = text[..stable].chars().count() as u32;
            self.outbox().signal(Signal::Partial { id, text, hint: false, stable });
            return;
        }
        let language = self.turns.turn.as_ref().map_or(self.state.language, |turn| turn.language);
        if let Some(text) = self.service.conversations.hint(transcript, language).await {
            self.outbox().signal(Signal::Partial { id, text, hint: true, stable: 0 });
        }
    }
}
