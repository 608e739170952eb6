//! One hearing thread's work on one turn: decode, listen, transcribe.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use conversation::protocol::{Codec, SpeechEnd};
use language::Language;
use metrics::histogram;
use speech::{
    Listener, ListenerEvent, SAMPLE_RATE, TranscribeError, TranscribeRequest, Transcript,
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
    /// The turn is over; its transcript follows.
    Ended {
        /// Why.
        reason: SpeechEnd,
        /// How much of it was speech.
        speech_ms: u64,
        /// When that was noticed.
        at: Instant,
    },
    /// What was heard. The last event.
    Final(Heard),
    /// The bytes are not what they were announced as. The last event.
    BadAudio,
    /// Every engine failed. The last event.
    Failed,
}

/// A turn under way.
pub(super) struct Turn {
    decoder: Decoder,
    language: Language,
    listener: Listener,
    events: mpsc::Sender<EarEvent>,
    samples: usize,
    over: bool,
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
        let Opening { codec, language, listener, events } = opening;
        let streams = Arc::clone(&self.streams);
        let (decoder, failed) = match codec {
            Codec::Pcm16 => (Decoder::Pcm16, None),
            Codec::Opus => match OpusDecoder::new() {
                Ok(decoder) => (Decoder::Opus { decoder, bad: 0 }, None),
                Err(error) => (Decoder::Pcm16, Some(error)),
            },
        };
        let turn = Turn { decoder, language, listener, events, samples: 0, over: false, streams };
        if let Some(error) = failed {
            tracing::error!(%error, "an Opus decoder could not be made");
            turn.tell(EarEvent::Failed);
            return None;
        }
        Some(turn)
    }

    /// Hears more audio. True where a partial transcript is due.
    pub(super) fn audio(&mut self, turn: &mut Turn, bytes: &[u8]) -> bool {
        let mut samples = match turn.decoder.decode(bytes) {
            Ok(samples) => samples,
            Err(error) => {
                tracing::debug!(%error, "a turn's audio cannot be decoded");
                turn.finish(EarEvent::BadAudio);
                return false;
            }
        };
        samples.truncate(self.most_samples.saturating_sub(turn.samples));
        turn.samples += samples.len();
        let mut due = false;
        for event in turn.listener.push(&samples) {
            match event {
                ListenerEvent::SpeechStarted { at_ms } => turn.tell(EarEvent::Started { at_ms }),
                ListenerEvent::PartialDue { .. } => due = true,
                ListenerEvent::Ended(utterance) => {
                    self.end(turn, &utterance);
                    return false;
                }
            }
        }
        if turn.samples >= self.most_samples {
            let mut utterance = turn.listener.commit();
            utterance.reason = EndReason::MaximumUtterance;
            self.end(turn, &utterance);
            return false;
        }
        due
    }

    /// The client says that the turn is over.
    pub(super) fn commit(&mut self, turn: &mut Turn) {
        let utterance = turn.listener.commit();
        self.end(turn, &utterance);
    }

    /// Transcribes what was said so far.
    pub(super) fn partial(&mut self, turn: &mut Turn) {
        // The last places are for the events that matter.
        if turn.over || turn.events.capacity() < EVENT_QUEUE / 2 {
            return;
        }
        let request = TranscribeRequest {
            language: Some(turn.language),
            partial: true,
            ..TranscribeRequest::default()
        };
        let Some(engine) = self.engines.get(turn.language) else { return };
        match engine.transcribe(turn.listener.audio(), &request) {
            Ok(transcript) => turn.tell(EarEvent::Partial(transcript)),
            Err(error) => tracing::debug!(%error, "a partial transcript failed"),
        }
    }

    fn end(&mut self, turn: &mut Turn, utterance: &speech::Utterance) {
        let ended = Instant::now();
        let reason = match utterance.reason {
            EndReason::Silence => SpeechEnd::Silence,
            EndReason::MaximumUtterance => SpeechEnd::Maximum,
            EndReason::NoSpeech => SpeechEnd::NoSpeech,
            EndReason::Committed => SpeechEnd::Commit,
        };
        turn.tell(EarEvent::Ended { reason, speech_ms: u64::from(utterance.speech_ms), at: ended });
        if utterance.speech_ms == 0 {
            let heard =
                Heard { transcript: None, dictation: false, engine: String::new(), language: turn.language };
            turn.finish(EarEvent::Final(heard));
            return;
        }
        let outcome = self.transcribe(&utterance.audio, turn.language);
        histogram!(names::TRANSCRIBE_SECONDS).record(ended.elapsed());
        match outcome {
            Ok(heard) => turn.finish(EarEvent::Final(heard)),
            Err(error) => {
                tracing::error!(%error, "a turn could not be transcribed");
                turn.finish(EarEvent::Failed);
            }
        }
    }

    fn transcribe(&mut self, audio: &[f32], language: Language) -> Result<Heard, TranscribeError> {
        let none =
            || TranscribeError::Engine { engine: "none".to_owned(), reason: "no engine hears it".to_owned() };
        let engine = self.engines.get(language).ok_or_else(none)?;
        let request = TranscribeRequest { language: Some(language), ..TranscribeRequest::default() };
        let transcript = engine.transcribe(audio, &request)?;
        // After a fall-back, the words are missing: then it was no dictation, whatever the first engine can do.
        let dictation = engine.capabilities().dictation && !transcript.text().is_empty();
        Ok(Heard { dictation, engine: engine.name().to_owned(), language, transcript: Some(transcript) })
    }
}
