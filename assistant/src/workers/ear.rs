//! One hearing thread's work on one turn: decode, listen, transcribe.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use conversation::protocol::{Codec, SpeechEnd};
use intents::Completeness;
use language::Language;
use metrics::{counter, histogram};
use speech::{
    Listener, ListenerEvent, Live, SAMPLE_RATE, TranscribeError, TranscribeRequest, Transcript,
    codec::{CodecError, opus::OpusDecoder, pcm16},
    endpoint::EndReason,
};
use tokio::sync::mpsc;

use super::{
    ears::{EVENT_QUEUE, Opening},
    engines::EngineSet,
};
use crate::{session::Heard, telemetry::names};

/// Opus packets that may be damaged in a row before the stream is taken for something else.
const BAD_PACKETS: u32 = 5;

/// What a turn's connection learns.
#[derive(Clone, Debug)]
pub enum EarEvent {
    /// Somebody is speaking.
    Started {
        /// Milliseconds since the turn's audio began.
        at_ms: u64,
    },
    /// What is heard so far.
    Partial(Transcript),
    /// The speaker has paused. Whoever can tell that what they said is a whole question answers with
    /// [`EarStream::judged`](super::ears::EarStream::judged).
    Paused {
        /// Which pause.
        pause: u64,
        /// What was said until then, as if it were all.
        transcript: Transcript,
    },
    /// The turn is over; its transcript follows.
    Ended {
        /// Why.
        reason: SpeechEnd,
        /// How much of it was speech.
        speech_ms: u64,
        /// When that was noticed.
        at: Instant,
        /// For so long, in milliseconds, the speaker may go on with it.
        listening_ms: u32,
    },
    /// What was heard. The last event, unless the speaker may go on.
    Final(Heard),
    /// The speaker goes on with the turn that was over; it ends anew with [`Self::Continued`].
    Resumed {
        /// Since when, in milliseconds since the turn's audio began.
        at_ms: u64,
        /// How long ago that was, in the sound that has come.
        ago: Duration,
    },
    /// What was heard of a turn that its speaker went on with. The last event, unless the speaker may go on once more.
    Continued(Box<Continued>),
    /// Nobody has gone on. The last event.
    Settled,
    /// The bytes are not what they were announced as. The last event.
    BadAudio,
    /// Every engine failed. The last event.
    Failed,
}

/// A turn whose speaker went on after its end.
#[derive(Clone, Debug)]
pub struct Continued {
    /// What had been taken for all of it.
    pub first: Heard,
    /// All of it, the pause included.
    pub whole: Heard,
    /// What came after the pause, by itself.
    pub rest: Heard,
    /// How much of that is speech, in milliseconds.
    pub rest_ms: u32,
}

/// Sound that an utterance may gather before it is handed to an engine that hears it live: 320 ms, about a chunk of such an engine.
const LIVE_SAMPLES: usize = SAMPLE_RATE as usize * 32 / 100;

/// An engine that only hears whole utterances decodes all of it again for a partial transcript: each comes at least this fraction of the
/// utterance's length after the one before, so that the total work stays proportional to the length.
const PARTIAL_BACKOFF: usize = 8;

/// How an utterance is heard while it is spoken.
enum Hearing {
    /// Nobody has spoken yet.
    Waiting,
    /// Live; the engine has had so many samples of it.
    Live { live: Live, fed: usize },
    /// At the end, as a whole.
    Whole,
}

/// What a turn wants done when its thread has time for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Due {
    /// There is enough new sound for an engine that hears live.
    pub hear: bool,
    /// A partial transcript is due.
    pub partial: bool,
    /// The speaker has paused: the pause's number.
    pub pause: Option<u64>,
}

impl Due {
    pub(super) const fn anything(self) -> bool {
        self.hear || self.partial || self.pause.is_some()
    }
}

/// A turn under way.
pub(super) struct Turn {
    decoder: Decoder,
    language: Language,
    /// What is asked of an engine for all of it.
    request: TranscribeRequest,
    listener: Listener,
    /// The sound is handed over with what was heard.
    keep: bool,
    hearing: Hearing,
    /// Length of the utterance at the last partial transcript.
    partial_at: usize,
    pub(super) due: Due,
    events: mpsc::Sender<EarEvent>,
    samples: usize,
    over: bool,
    /// What was taken for all of the turn, and how much of it is speech, while its speaker may go on or has gone on.
    first: Option<(Heard, u32)>,
    streams: Arc<AtomicUsize>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Turn {
    pub(super) const fn is_over(&self) -> bool {
        self.over
    }

    fn tell(&self, event: EarEvent) {
        // Full only with partials, which leave room; closed where the connection has gone.
        drop(self.events.try_send(event));
    }

    fn finish(&mut self, event: EarEvent) {
        self.over = true;
        self.tell(event);
    }

    /// The sound of an utterance, for whoever is to hear it.
    fn kept(&self, audio: &[f32]) -> Option<Arc<[f32]>> {
        self.keep.then(|| audio.into())
    }

    /// Whether there is room among the events for one that can be left out.
    fn has_room(&self) -> bool {
        self.events.capacity() >= EVENT_QUEUE / 2
    }
}

enum Decoder {
    Pcm16,
    Opus { decoder: OpusDecoder, bad: u32 },
}

impl Decoder {
    /// Samples at 16 kHz; none for a damaged packet that may pass.
    fn decode(&mut self, bytes: &[u8]) -> Result<Vec<f32>, CodecError> {
        match self {
            Self::Pcm16 => pcm16::decode(bytes),
            Self::Opus { decoder, bad } => match decoder.decode(bytes) {
                Ok(samples) => {
                    *bad = 0;
                    Ok(samples.to_vec())
                }
                Err(error) => {
                    *bad += 1;
                    if *bad >= BAD_PACKETS { Err(error) } else { Ok(Vec::new()) }
                }
            },
        }
    }
}

/// The value of the label `reason` of [`names::TURN_ENDS`].
const fn reason_name(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Silence => "silence",
        EndReason::Complete => "complete",
        EndReason::MaximumUtterance => "maximum",
        EndReason::NoSpeech => "no_speech",
        EndReason::Committed => "commit",
    }
}

/// One hearing thread.
pub(super) struct Ear {
    engines: EngineSet,
    most_samples: usize,
    streams: Arc<AtomicUsize>,
}

impl Ear {
    pub(super) const fn new(engines: EngineSet, audio_seconds: u32, streams: Arc<AtomicUsize>) -> Self {
        Self { engines, most_samples: audio_seconds as usize * SAMPLE_RATE as usize, streams }
    }

    /// Begins a turn; `None` where its decoder cannot be had, which the connection has been told.
    pub(super) fn open(&self, opening: Opening) -> Option<Turn> {
        let Opening { codec, language, request, listener, keep, events } = opening;
        let streams = Arc::clone(&self.streams);
        let (decoder, failed) = match codec {
            Codec::Pcm16 => (Decoder::Pcm16, None),
            Codec::Opus => match OpusDecoder::new() {
                Ok(decoder) => (Decoder::Opus { decoder, bad: 0 }, None),
                Err(error) => (Decoder::Pcm16, Some(error)),
            },
        };
        let turn = Turn {
            decoder,
            language,
            request,
            listener,
            keep,
            hearing: Hearing::Waiting,
            partial_at: 0,
            due: Due::default(),
            events,
            samples: 0,
            over: false,
            first: None,
            streams,
        };
        if let Some(error) = failed {
            tracing::error!(%error, "an Opus decoder could not be made");
            turn.tell(EarEvent::Failed);
            return None;
        }
        Some(turn)
    }

    /// Takes more audio, and notes in [`Turn::due`] what should be done about it.
    pub(super) fn audio(&mut self, turn: &mut Turn, bytes: &[u8]) {
        let mut samples = match turn.decoder.decode(bytes) {
            Ok(samples) => samples,
            Err(error) => {
                tracing::debug!(%error, "a turn's audio cannot be decoded");
                turn.finish(EarEvent::BadAudio);
                return;
            }
        };
        samples.truncate(self.most_samples.saturating_sub(turn.samples));
        turn.samples += samples.len();
        for event in turn.listener.push(&samples) {
            match event {
                ListenerEvent::SpeechStarted { at_ms } => {
                    turn.tell(EarEvent::Started { at_ms });
                    self.begin(turn);
                }
                ListenerEvent::SpeechResumed { at_ms } => {
                    let ago = Duration::from_millis(turn.listener.elapsed_ms().saturating_sub(at_ms));
                    turn.tell(EarEvent::Resumed { at_ms, ago });
                }
                ListenerEvent::PartialDue { .. } => turn.due.partial = true,
                ListenerEvent::Paused { pause } => turn.due.pause = Some(pause),
                ListenerEvent::Ended(utterance) => self.end(turn, &utterance),
                ListenerEvent::Settled => turn.finish(EarEvent::Settled),
            }
            if turn.over {
                return;
            }
        }
        if turn.samples >= self.most_samples && turn.listener.is_waiting_for_more() {
            turn.finish(EarEvent::Settled);
        } else if turn.samples >= self.most_samples {
            let mut utterance = turn.listener.commit();
            utterance.reason = EndReason::MaximumUtterance;
            self.end(turn, &utterance);
        } else if let Hearing::Live { fed, .. } = turn.hearing {
            turn.due.hear = turn.listener.audio().len() >= fed + LIVE_SAMPLES;
        }
    }

    /// Somebody has begun to speak.
    fn begin(&mut self, turn: &mut Turn) {
        let live = self.engines.get(turn.language).and_then(|engine| engine.begin(&turn.request));
        turn.listener.set_judged(live.is_some());
        turn.hearing = live.map_or(Hearing::Whole, |live| Hearing::Live { live, fed: 0 });
        turn.partial_at = 0;
    }

    /// Hears what is new in some turns, those of one engine together.
    pub(super) fn hear(&mut self, turns: &mut [&mut Turn]) {
        let mut numbers: Vec<usize> =
            turns.iter().filter_map(|turn| self.engines.number(turn.language)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let (bo, zh) = (self.engines.number(Language::Bo), self.engines.number(Language::Zh));
        let numbers_of = |language: Language| if language == Language::Bo { bo } else { zh };
        for number in numbers {
            let Some(engine) = self.engines.chain(number) else { continue };
            let mut more: Vec<(&mut Live, &[f32])> = Vec::new();
            for turn in turns.iter_mut().filter(|turn| numbers_of(turn.language) == Some(number)) {
                let Turn { hearing: Hearing::Live { live, fed }, listener, due, .. } = &mut **turn else {
                    continue;
                };
                let audio = listener.audio();
                let new = audio.get(*fed..).unwrap_or_default();
                // Nobody speaks while a turn that is over waits for its speaker to go on.
                *fed = (*fed).max(audio.len());
                due.hear = false;
                more.push((live, new));
            }
            if let Err(error) = engine.hear(&mut more) {
                tracing::warn!(%error, "turns are heard as wholes from here on");
                for turn in turns.iter_mut().filter(|turn| numbers_of(turn.language) == Some(number)) {
                    turn.hearing = Hearing::Whole;
                    turn.listener.set_judged(false);
                }
            }
        }
    }

    /// The client says that the turn is over.
    pub(super) fn commit(&mut self, turn: &mut Turn) {
        // It is over already, and nobody means to go on.
        if turn.listener.is_waiting_for_more() {
            turn.finish(EarEvent::Settled);
            return;
        }
        let utterance = turn.listener.commit();
        self.end(turn, &utterance);
    }

    /// Whoever looked at the words before a pause says whether they are all.
    pub(super) fn judged(&mut self, turn: &mut Turn, pause: u64, judgement: Completeness) {
        turn.listener.set_begun(pause, judgement == Completeness::Begun);
        if judgement == Completeness::Whole
            && let Some(utterance) = turn.listener.complete(pause)
        {
            self.end(turn, &utterance);
        }
    }

    /// Tells what was said before a pause, so that somebody can look whether it is a whole question.
    pub(super) fn pause(&mut self, turn: &mut Turn) {
        let Some(pause) = turn.due.pause.take() else { return };
        if turn.over || !turn.listener.is_speaking() || !turn.has_room() {
            return;
        }
        self.hear(&mut [&mut *turn]);
        let Hearing::Live { live, .. } = &turn.hearing else { return };
        let Some(engine) = self.engines.get(turn.language) else { return };
        match engine.conclude(live, true) {
            Ok(transcript) => turn.tell(EarEvent::Paused { pause, transcript }),
            Err(error) => tracing::debug!(%error, "a pause could not be looked at"),
        }
    }

    /// Transcribes what was said so far.
    pub(super) fn partial(&mut self, turn: &mut Turn) {
        turn.due.partial = false;
        // The last places are for the events that matter.
        if turn.over || !turn.listener.is_speaking() || !turn.has_room() {
            return;
        }
        let Some(engine) = self.engines.get(turn.language) else { return };
        let length = turn.listener.audio().len();
        let transcript = match &turn.hearing {
            Hearing::Live { live, .. } => engine.conclude(live, false),
            _ if length < turn.partial_at + length / PARTIAL_BACKOFF => return,
            _ => {
                let request = TranscribeRequest { partial: true, ..turn.request.clone() };
                engine.transcribe(turn.listener.audio(), &request)
            }
        };
        turn.partial_at = length;
        match transcript {
            Ok(transcript) => turn.tell(EarEvent::Partial(transcript)),
            Err(error) => tracing::debug!(%error, "a partial transcript failed"),
        }
    }

    fn end(&mut self, turn: &mut Turn, utterance: &speech::Utterance) {
        let ended = Instant::now();
        let reason = match utterance.reason {
            EndReason::Silence | EndReason::Complete => SpeechEnd::Silence,
            EndReason::MaximumUtterance => SpeechEnd::Maximum,
            EndReason::NoSpeech => SpeechEnd::NoSpeech,
            EndReason::Committed => SpeechEnd::Commit,
        };
        counter!(names::TURN_ENDS, "reason" => reason_name(utterance.reason)).increment(1);
        let (speech_ms, listening_ms) = (u64::from(utterance.speech_ms), utterance.listening_ms);
        turn.tell(EarEvent::Ended { reason, speech_ms, at: ended, listening_ms });
        let complaint = utterance.levels.complaint();
        if utterance.speech_ms == 0 {
            let heard = Heard {
                transcript: None,
                dictation: false,
                engine: String::new(),
                language: turn.language,
                complaint,
                sound: None,
            };
            turn.finish(EarEvent::Final(heard));
            return;
        }
        let whole = match self.conclude(turn, utterance) {
            Some(transcript) => Ok(self.heard(transcript, turn.language)),
            None => self.transcribe(&utterance.audio, turn),
        };
        let whole = whole.map(|heard| Heard { complaint, sound: turn.kept(&utterance.audio), ..heard });
        let outcome = whole.and_then(|whole| self.told(turn, utterance, whole));
        histogram!(names::TRANSCRIBE_SECONDS).record(ended.elapsed());
        match outcome {
            Ok(event) if listening_ms > 0 => turn.tell(event),
            Ok(event) => turn.finish(event),
            Err(error) => {
                tracing::error!(%error, "a turn could not be transcribed");
                turn.finish(EarEvent::Failed);
            }
        }
    }

    /// What is told of an utterance that was heard as `whole`: that, or, where its speaker has gone on, each of its parts too.
    fn told(
        &mut self,
        turn: &mut Turn,
        utterance: &speech::Utterance,
        whole: Heard,
    ) -> Result<EarEvent, TranscribeError> {
        let first = turn.first.replace((whole.clone(), utterance.speech_ms));
        let (Some((first, first_ms)), Some(at)) = (first, utterance.resumed_at) else {
            return Ok(EarEvent::Final(whole));
        };
        let rest = utterance.audio.get(at..).unwrap_or_default();
        let rest =
            Heard { complaint: whole.complaint, sound: turn.kept(rest), ..self.transcribe(rest, turn)? };
        let rest_ms = utterance.speech_ms.saturating_sub(first_ms);
        Ok(EarEvent::Continued(Box::new(Continued { first, whole, rest, rest_ms })))
    }

    /// The transcript of an utterance that was heard live; `None` where it was not, or the engine failed at it: then the whole is
    /// transcribed, with every fall-back there is.
    fn conclude(&mut self, turn: &mut Turn, utterance: &speech::Utterance) -> Option<Transcript> {
        let Hearing::Live { live, fed } = &mut turn.hearing else { return None };
        let engine = self.engines.get(turn.language)?;
        let rest = utterance.audio.get(*fed..).unwrap_or_default();
        // Who goes on is heard on from here.
        *fed = (*fed).max(utterance.audio.len());
        let heard = engine.hear(&mut [(&mut *live, rest)]).and_then(|()| engine.conclude(live, true));
        match heard {
            Ok(transcript) => Some(Transcript { language: Some(turn.language), ..transcript }),
            Err(error) => {
                tracing::warn!(%error, "an utterance that was heard live is transcribed as a whole");
                turn.hearing = Hearing::Whole;
                None
            }
        }
    }

    fn transcribe(&mut self, audio: &[f32], turn: &Turn) -> Result<Heard, TranscribeError> {
        let none =
            || TranscribeError::Engine { engine: "none".to_owned(), reason: "no engine hears it".to_owned() };
        let engine = self.engines.get(turn.language).ok_or_else(none)?;
        let transcript = engine.transcribe(audio, &turn.request)?;
        Ok(self.heard(transcript, turn.language))
    }

    fn heard(&mut self, transcript: Transcript, language: Language) -> Heard {
        let (name, dictates) = self
            .engines
            .get(language)
            .map(|engine| (engine.name().to_owned(), engine.capabilities().dictation))
            .unwrap_or_default();
        // After a fall-back, the words are missing: then it was no dictation, whatever the first engine can do.
        let dictation = dictates && !transcript.text().is_empty();
        Heard {
            dictation,
            engine: name,
            language,
            transcript: Some(transcript),
            complaint: None,
            sound: None,
        }
    }
}
