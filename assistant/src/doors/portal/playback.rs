//! Speaking to one client: event after event, sentence by sentence, paced a little ahead of real time so that weak links
//! do not stutter and an interruption is heard at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use conversation::protocol::{Codec, Signal};
use futures::{FutureExt, future::BoxFuture};
use language::Language;
use metrics::histogram;
use parking_lot::Mutex;
use speech::{SpeechRequest, SynthesisError};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::outbox::Outbox;
use crate::{
    session::{Speech, sentences},
    telemetry::names,
    workers::{
        encode::{SOUND_RATE, Sound},
        mouths::{Mouths, Sentence},
    },
};

/// Sound is sent at most so much ahead of real time.
const AHEAD: Duration = Duration::from_secs(2);
/// Events waiting to be spoken. An answer, a question back and a few words of an agent fit; when full, the newest is
/// shown but not spoken.
const QUEUE: usize = 16;

/// An event to be spoken.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its place in the conversation.
    pub seq: u64,
    /// What is said.
    pub speech: Speech,
    /// Speed; 1.0 is as the voice was made.
    pub rate: f32,
    /// When the citizen stopped speaking, for the latency figure.
    pub asked_at: Option<std::time::Instant>,
    /// The sentence to begin with; 0 unless the line was interrupted before.
    pub from: usize,
}

/// What stops the sound of a line at once.
#[derive(Clone, Debug, Default)]
struct Stop {
    token: CancellationToken,
    synthesis: Arc<AtomicBool>,
}

impl Stop {
    fn now(&self) {
        self.synthesis.store(true, Ordering::Relaxed);
        self.token.cancel();
    }
}

/// Speaks to one client. Dropping it stops the sound.
pub struct Speaker {
    lines: mpsc::Sender<(Stop, Line)>,
    stop: Mutex<Stop>,
    outbox: Outbox,
    playing: Arc<AtomicU32>,
    /// What was interrupted last, to be gone on with from the sentence that was being heard, then what was held back since.
    interrupted: Arc<Mutex<Vec<Line>>>,
    /// Since when the present sound has been heard.
    sounding: Arc<Mutex<Option<Instant>>>,
}

/// A voice fails; told once per connection.
pub type OnFailure = Box<dyn Fn() + Send + Sync>;

impl Speaker {
    /// A speaker, and the task that speaks, to be spawned.
    pub fn new(
        mouths: Mouths,
        outbox: Outbox,
        codec: Codec,
        on_failure: OnFailure,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (lines, queue) = mpsc::channel(QUEUE);
        let playing = Arc::new(AtomicU32::new(0));
        let (interrupted, sounding) = (Arc::default(), Arc::default());
        let task = Player {
            mouths,
            outbox: outbox.clone(),
            codec,
            queue,
            on_failure,
            failed: false,
            audio_id: 0,
            playing: Arc::clone(&playing),
            interrupted: Arc::clone(&interrupted),
            sounding: Arc::clone(&sounding),
        };
        (Self { lines, stop: Mutex::default(), outbox, playing, interrupted, sounding }, task.run())
    }

    /// Speaks a line after those before it.
    pub fn say(&self, line: Line) {
        self.interrupted.lock().clear();
        let stop = self.stop.lock().clone();
        self.playing.fetch_add(1, Ordering::AcqRel);
        if self.lines.try_send((stop, line)).is_err() {
            self.playing.fetch_sub(1, Ordering::AcqRel);
            tracing::debug!("too much waits to be spoken; an event is only shown");
        }
    }

    /// Stops the sound that is playing and forgets what waits.
    pub fn stop(&self) {
        let before = std::mem::take(&mut *self.stop.lock());
        self.outbox.interrupt_sound();
        before.now();
    }

    /// Goes on with what was interrupted last, from the sentence that was being heard; whether there was anything.
    pub fn resume(&self) -> bool {
        let lines = std::mem::take(&mut *self.interrupted.lock());
        let anything = !lines.is_empty();
        for line in lines {
            self.say(line);
        }
        anything
    }

    /// Keeps a line back while the citizen speaks; [`Self::resume`] speaks it.
    pub fn hold(&self, line: Line) {
        self.interrupted.lock().push(line);
    }

    /// Stops, and never goes on with it.
    pub fn forget(&self) {
        self.stop();
        self.interrupted.lock().clear();
    }

    /// For how long the present sound has been heard; `None` where there is none.
    pub fn sounding_for(&self) -> Option<Duration> {
        self.sounding.lock().map(|since| since.elapsed())
    }

    /// Whether something is being spoken or waits to be.
    pub fn is_playing(&self) -> bool {
        self.playing.load(Ordering::Acquire) > 0
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        self.stop.lock().now();
    }
}

struct Player {
    mouths: Mouths,
    outbox: Outbox,
    codec: Codec,
    queue: mpsc::Receiver<(Stop, Line)>,
    on_failure: OnFailure,
    failed: bool,
    audio_id: u64,
    playing: Arc<AtomicU32>,
    interrupted: Arc<Mutex<Vec<Line>>>,
    sounding: Arc<Mutex<Option<Instant>>>,
}

/// The sound of one line on its way.
struct Progress {
    audio_id: u64,
    generation: u64,
    begun: Instant,
    sent_ms: u64,
    /// When each sentence begins, in milliseconds of this sound, with its number.
    starts: Vec<(u64, usize)>,
}

impl Progress {
    /// The sentence that is being heard now. Sound runs ahead of the ear.
    fn heard(&self) -> Option<usize> {
        let now = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.starts.iter().rev().find(|(start, _)| *start <= now).map(|(_, sentence)| *sentence)
    }
}

impl Player {
    async fn run(mut self) {
        while let Some((stop, line)) = self.queue.recv().await {
            if !stop.token.is_cancelled() {
                self.play(&stop, &line).await;
            }
            self.playing.fetch_sub(1, Ordering::AcqRel);
        }
    }

    async fn play(&mut self, stop: &Stop, line: &Line) {
        let passages = line.speech.passages.iter();
        let sentences: Vec<(String, Language)> = passages
            .flat_map(|passage| {
                sentences(&passage.text).into_iter().map(|sentence| (sentence, passage.language))
            })
            .collect();
        let mut progress: Option<Progress> = None;
        let fetch = |(text, language): &(String, Language)| self.fetch(text, *language, line, stop);
        let mut next = sentences.get(line.from).map(fetch);
        for (index, (text, _)) in sentences.iter().enumerate().skip(line.from) {
            let Some(sound) = next.take() else { break };
            // The one after is synthesized while this one plays.
            let fetched = tokio::select! {
                biased;
                () = stop.token.cancelled() => break,
                fetched = sound => fetched,
            };
            next = sentences.get(index + 1).map(|sentence| self.fetch(&sentence.0, sentence.1, line, stop));
            match fetched {
                Ok(sound) => {
                    if progress.is_none() {
                        progress = Some(self.begin(line).await);
                    }
                    if let Some(progress) = &mut progress {
                        self.send(progress, stop, index, text, &sound).await;
                    }
                }
                Err(SynthesisError::Nothing | SynthesisError::Cancelled) => {}
                Err(error @ SynthesisError::Engine { .. }) => {
                    tracing::error!(%error, "a sentence could not be spoken");
                    if !std::mem::replace(&mut self.failed, true) {
                        (self.on_failure)();
                    }
                    break;
                }
            }
            if stop.token.is_cancelled() {
                break;
            }
        }
        if stop.token.is_cancelled() {
            let from = progress.as_ref().and_then(Progress::heard).unwrap_or(line.from);
            *self.interrupted.lock() = vec![Line { from, asked_at: None, ..line.clone() }];
        }
        if let Some(progress) = progress {
            self.end(&progress, stop.token.is_cancelled()).await;
        }
    }

    /// Begins to fetch a sentence's sound at once, whoever polls it when.
    fn fetch(
        &self,
        text: &str,
        language: Language,
        line: &Line,
        stop: &Stop,
    ) -> BoxFuture<'static, Result<Sound, SynthesisError>> {
        let sentence = Sentence {
            request: SpeechRequest { text: text.to_owned(), language, rate: line.rate },
            codec: self.codec,
            keep: line.speech.keep,
        };
        let (mouths, cancelled) = (self.mouths.clone(), Arc::clone(&stop.synthesis));
        let task = tokio::spawn(async move { mouths.speak(sentence, cancelled).await });
        // A panic of that task is a bug of ours; for the listener it is a voice that fails.
        let failed = |error: tokio::task::JoinError| SynthesisError::Engine {
            engine: "voice".to_owned(),
            reason: error.to_string(),
        };
        task.map(move |joined| joined.unwrap_or_else(|error| Err(failed(error)))).boxed()
    }

    async fn begin(&mut self, line: &Line) -> Progress {
        self.audio_id += 1;
        let generation = self.outbox.generation();
        let start = Signal::AudioStart {
            audio_id: self.audio_id,
            seq: line.seq,
            codec: self.codec,
            sample_rate: SOUND_RATE,
            source: line.speech.source,
        };
        self.outbox.sound_signal(generation, start).await;
        if let Some(asked_at) = line.asked_at {
            histogram!(names::FIRST_SOUND_SECONDS).record(asked_at.elapsed());
        }
        let begun = Instant::now();
        *self.sounding.lock() = Some(begun);
        Progress { audio_id: self.audio_id, generation, begun, sent_ms: 0, starts: Vec::new() }
    }

    async fn send(&self, progress: &mut Progress, stop: &Stop, index: usize, text: &str, sound: &Sound) {
        let mark = Signal::Mark {
            audio_id: progress.audio_id,
            sentence: u32::try_from(index).unwrap_or(u32::MAX),
            text: text.to_owned(),
            start_ms: progress.sent_ms,
        };
        progress.starts.push((progress.sent_ms, index));
        let all = async {
            self.outbox.sound_signal(progress.generation, mark).await;
            for piece in &sound.pieces {
                let due = progress.begun + Duration::from_millis(progress.sent_ms);
                if let Some(early) = due.checked_sub(AHEAD) {
                    sleep_until(early).await;
                }
                self.outbox.sound(progress.generation, piece.bytes.clone()).await;
                progress.sent_ms += piece.ms;
            }
        };
        tokio::select! {
            biased;
            () = stop.token.cancelled() => {}
            () = all => {}
        }
    }

    async fn end(&self, progress: &Progress, interrupted: bool) {
        self.sounding.lock().take();
        let end = Signal::AudioEnd { audio_id: progress.audio_id, total_ms: progress.sent_ms, interrupted };
        if interrupted {
            // The sound's own generation is not sent any more; this goes out at once.
            self.outbox.signal(end);
        } else {
            self.outbox.sound_signal(progress.generation, end).await;
        }
    }
}
