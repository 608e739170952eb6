//! Speaking to one client: event after event, sentence by sentence, paced a little ahead of real time so that weak links
//! do not stutter and an interruption is heard at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use conversation::{
    Interrupted,
    protocol::{Codec, Signal, SoundSource, SpokenWord},
};
use futures::{FutureExt, future::BoxFuture};
use language::voice::word_times;
use metrics::histogram;
use parking_lot::Mutex;
use speech::SynthesisError;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::outbox::Outbox;
use crate::{
    session::Speech,
    telemetry::names,
    workers::{
        encode::{SOUND_RATE, Sound},
        mouths::Mouths,
        recordings::{Recordings, Said},
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

/// What was broken off goes on within this time (the citizen only drew breath), or counts as never heard.
const GOES_ON_WITHIN: Duration = Duration::from_secs(15);

/// A sound that was stopped, with what its client has been sent.
#[derive(Clone, Debug)]
struct Broken {
    seq: u64,
    audio_id: u64,
    sentences: Arc<[String]>,
    /// When each sentence begins, in milliseconds of the sound, with its number.
    starts: Vec<(u64, usize)>,
    /// How far it was played.
    ms: u64,
}

impl Broken {
    fn told(self) -> Interrupted {
        let at = self.starts.iter().rev().find(|(start, _)| *start <= self.ms).map(|(_, sentence)| *sentence);
        let at = at.unwrap_or_else(|| self.starts.first().map_or(0, |(_, sentence)| *sentence));
        Interrupted {
            of: self.seq,
            heard: self.sentences.get(..at).unwrap_or_default().join("\n"),
            breaking_off: self.sentences.get(at).cloned().unwrap_or_default(),
            ms: self.ms,
        }
    }
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
    /// The sound that this was, until it goes on or the log is told.
    broken: Arc<Mutex<Option<Broken>>>,
    /// What the client has said last: which sound, and how many milliseconds of it were played.
    heard: Arc<Mutex<Option<(u64, u64)>>>,
    /// Since when the present sound has been heard.
    sounding: Arc<Mutex<Option<Instant>>>,
}

/// What is to be done besides speaking.
pub struct Consequences {
    /// A voice fails; told once per connection.
    pub failed: Box<dyn Fn() + Send + Sync>,
    /// A sound was broken off and does not go on.
    pub interrupted: Box<dyn Fn(Interrupted) + Send + Sync>,
}

impl Speaker {
    /// A speaker, and the task that speaks, to be spawned.
    pub fn new(
        mouths: Mouths,
        recordings: Option<Recordings>,
        outbox: Outbox,
        codec: Codec,
        consequences: Consequences,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (lines, queue) = mpsc::channel(QUEUE);
        let playing = Arc::new(AtomicU32::new(0));
        let (interrupted, sounding) = (Arc::default(), Arc::default());
        let broken = Arc::<Mutex<Option<Broken>>>::default();
        let heard = Arc::<Mutex<Option<(u64, u64)>>>::default();
        let task = Player {
            mouths,
            recordings,
            outbox: outbox.clone(),
            codec,
            queue,
            consequences,
            failed: false,
            audio_id: 0,
            playing: Arc::clone(&playing),
            interrupted: Arc::clone(&interrupted),
            broken: Arc::clone(&broken),
            heard: Arc::clone(&heard),
            sounding: Arc::clone(&sounding),
        };
        let stop = Mutex::default();
        (Self { lines, stop, outbox, playing, interrupted, broken, heard, sounding }, task.run())
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
        self.broken.lock().take();
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
        // How far words were heard that do not count any more concerns nobody.
        self.broken.lock().take();
    }

    /// What the client says that it has played of a sound.
    pub fn heard(&self, audio_id: u64, ms: u64) {
        *self.heard.lock() = Some((audio_id, ms));
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
    /// `None`: nothing is recorded on this channel.
    recordings: Option<Recordings>,
    outbox: Outbox,
    codec: Codec,
    queue: mpsc::Receiver<(Stop, Line)>,
    consequences: Consequences,
    failed: bool,
    audio_id: u64,
    playing: Arc<AtomicU32>,
    interrupted: Arc<Mutex<Vec<Line>>>,
    broken: Arc<Mutex<Option<Broken>>>,
    heard: Arc<Mutex<Option<(u64, u64)>>>,
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
    /// Milliseconds that have been heard. Sound is sent ahead of the ear.
    fn heard_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX).min(self.sent_ms)
    }

    /// The sentence that is being heard now.
    fn heard(&self) -> Option<usize> {
        let now = self.heard_ms();
        self.starts.iter().rev().find(|(start, _)| *start <= now).map(|(_, sentence)| *sentence)
    }
}

impl Player {
    async fn run(mut self) {
        loop {
            let broken = self.broken.lock().is_some();
            let next = tokio::select! {
                next = self.queue.recv() => next,
                () = tokio::time::sleep(GOES_ON_WITHIN), if broken => {
                    self.tell_broken();
                    continue;
                }
            };
            // What went on is not broken off any more.
            self.tell_broken();
            let Some((stop, line)) = next else { break };
            if !stop.token.is_cancelled() {
                self.play(&stop, &line).await;
            }
            self.playing.fetch_sub(1, Ordering::AcqRel);
        }
    }

    fn tell_broken(&self) {
        let Some(mut broken) = self.broken.lock().take() else { return };
        if let Some((_, ms)) = self.heard.lock().filter(|(audio_id, _)| *audio_id == broken.audio_id) {
            // Never more than it was sent in time.
            broken.ms = broken.ms.min(ms);
        }
        (self.consequences.interrupted)(broken.told());
    }

    async fn play(&mut self, stop: &Stop, line: &Line) {
        let sentences = Said::of(&line.speech, self.recordings.as_ref()).await;
        let read = !sentences.is_empty() && sentences.iter().all(Said::is_read);
        let source = if read { SoundSource::Recorded } else { line.speech.source };
        let mut progress: Option<Progress> = None;
        let fetch = |sentence: &Said| self.fetch(sentence, line, stop);
        let mut next = sentences.get(line.from).map(fetch);
        for (index, said) in sentences.iter().enumerate().skip(line.from) {
            let Some(sound) = next.take() else { break };
            let fetched = tokio::select! {
                biased;
                () = stop.token.cancelled() => break,
                fetched = sound => fetched,
            };
            match fetched {
                Ok(mut sound) => {
                    if progress.is_none() {
                        progress = Some(self.begin(line, source).await);
                    }
                    if let Some(progress) = &mut progress {
                        self.send(progress, stop, index, said, &mut sound).await;
                    }
                }
                Err(SynthesisError::Nothing | SynthesisError::Cancelled) => {}
                Err(error @ SynthesisError::Engine { .. }) => {
                    tracing::error!(%error, "a sentence could not be spoken");
                    if !std::mem::replace(&mut self.failed, true) {
                        (self.consequences.failed)();
                    }
                    break;
                }
            }
            if stop.token.is_cancelled() {
                break;
            }
            // While the end of this one is still to be heard, and not before: when many ask at once, nobody's second sentence is
            // made before another's first.
            next = sentences.get(index + 1).map(|sentence| self.fetch(sentence, line, stop));
        }
        if let Some(progress) = &progress {
            // All is sent, and the last of it is still to be heard: until then it can be broken off.
            let heard = progress.begun + Duration::from_millis(progress.sent_ms);
            tokio::select! {
                biased;
                () = stop.token.cancelled() => {}
                () = sleep_until(heard) => {}
            }
        }
        if stop.token.is_cancelled() {
            let from = progress.as_ref().and_then(Progress::heard).unwrap_or(line.from);
            *self.interrupted.lock() = vec![Line { from, asked_at: None, ..line.clone() }];
            let sentences = sentences.into_iter().map(|sentence| sentence.text).collect();
            // What has not begun to sound is as unheard as what waited behind it.
            *self.broken.lock() = progress.as_ref().map(|progress| Broken {
                seq: line.seq,
                audio_id: progress.audio_id,
                sentences,
                starts: progress.starts.clone(),
                ms: progress.heard_ms(),
            });
        }
        if let Some(progress) = progress {
            self.end(&progress, stop.token.is_cancelled()).await;
        }
    }

    /// Begins to fetch a sentence's sound at once, whoever polls it when.
    fn fetch(
        &self,
        said: &Said,
        line: &Line,
        stop: &Stop,
    ) -> BoxFuture<'static, Result<Sound, SynthesisError>> {
        let sound = said.clone().sound(
            Some(self.mouths.clone()),
            line.rate,
            self.codec,
            line.speech.keep,
            Arc::clone(&stop.synthesis),
        );
        let task = tokio::spawn(sound);
        // A panic of that task is a bug of ours; for the listener it is a voice that fails.
        let failed = |error: tokio::task::JoinError| SynthesisError::Engine {
            engine: "voice".to_owned(),
            reason: error.to_string(),
        };
        task.map(move |joined| joined.unwrap_or_else(|error| Err(failed(error)))).boxed()
    }

    async fn begin(&mut self, line: &Line, source: SoundSource) -> Progress {
        self.audio_id += 1;
        let generation = self.outbox.generation();
        let start = Signal::AudioStart {
            audio_id: self.audio_id,
            seq: line.seq,
            codec: self.codec,
            sample_rate: SOUND_RATE,
            source,
        };
        self.outbox.sound_signal(generation, start).await;
        if let Some(asked_at) = line.asked_at {
            histogram!(names::FIRST_SOUND_SECONDS).record(asked_at.elapsed());
        }
        let begun = Instant::now();
        *self.sounding.lock() = Some(begun);
        Progress { audio_id: self.audio_id, generation, begun, sent_ms: 0, starts: Vec::new() }
    }

    async fn send(&self, progress: &mut Progress, stop: &Stop, index: usize, said: &Said, sound: &mut Sound) {
        let words = word_times(&said.text, said.language, sound.length_ms(), said.pause_after());
        let words = words.into_iter().map(|word| SpokenWord {
            text: word.text.to_owned(),
            start_ms: progress.sent_ms + word.start_ms,
        });
        let mark = Signal::Mark {
            audio_id: progress.audio_id,
            sentence: u32::try_from(index).unwrap_or(u32::MAX),
            text: said.text.clone(),
            start_ms: progress.sent_ms,
            words: words.collect(),
        };
        progress.starts.push((progress.sent_ms, index));
        let all = async {
            self.outbox.sound_signal(progress.generation, mark).await;
            let mut place = 0;
            loop {
                if place == sound.pieces.len() {
                    match sound.more().await {
                        Ok(true) => continue,
                        Ok(false) => break,
                        Err(error) => {
                            tracing::error!(%error, "the rest of a sentence could not be encoded");
                            break;
                        }
                    }
                }
                let piece = &sound.pieces[place];
                place += 1;
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
