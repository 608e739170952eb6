//! Voice out on its own threads: cached sound or fresh synthesis, one sentence at a time, resampled and encoded.
//!
//! ```text
//! session ─► speak(sentence) ─► [queue, 64 places] ─► mouth thread: cache ▸ Synthesizer ▸ 16 kHz ▸ PCM16 or Opus ─► session
//! ```

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Instant,
};

use conversation::protocol::Codec;
use metrics::{counter, histogram};
use parking_lot::Mutex;
use speech::{Clip, SpeechRequest, SynthesisError, Synthesizer};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{
    cache::{Key, SoundCache},
    encode::{self, OPUS_BITS_PER_SECOND, Sound},
    fatal::Fatal,
};
use crate::telemetry::names;

/// Sentences that may wait for a thread. A conversation asks for at most two at a time, so this is room for 32 of them;
/// the next one waits for a place (asynchronously) until it is cancelled.
const QUEUE: usize = 64;

/// What is to be spoken.
#[derive(Clone, Debug)]
pub struct Sentence {
    /// The words and how fast.
    pub request: SpeechRequest,
    /// How the sound is wanted.
    pub codec: Codec,
    /// Whether the sound may be kept on disk: only for what the assistant itself says.
    pub keep: bool,
    /// Whether all of it is encoded at once and kept so, and not as it is sent.
    pub whole: bool,
}

struct Job {
    sentence: Sentence,
    cancelled: Arc<AtomicBool>,
    reply: oneshot::Sender<Result<Sound, SynthesisError>>,
    _place: OwnedSemaphorePermit,
}

/// The synthesis threads.
#[derive(Clone)]
pub struct Mouths {
    jobs: mpsc::SyncSender<Job>,
    places: Arc<Semaphore>,
    name: Arc<str>,
}

impl Mouths {
    /// Starts one thread per synthesizer.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(
        synthesizers: Vec<Box<dyn Synthesizer>>,
        cache: Option<&Arc<SoundCache>>,
        fatal: &Fatal,
    ) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::sync_channel::<Job>(QUEUE);
        let queue = Arc::new(Mutex::new(queue));
        let name: Arc<str> = synthesizers.first().map_or("none", |s| s.name()).into();
        for (number, synthesizer) in synthesizers.into_iter().enumerate() {
            let mut mouth = Mouth { synthesizer, cache: cache.cloned() };
            let queue = Arc::clone(&queue);
            fatal.thread(&format!("mouth-{number}"), move || {
                loop {
                    let next = queue.lock().recv();
                    let Ok(job) = next else { break };
                    let outcome = mouth.speak(&job.sentence, &job.cancelled);
                    // Nobody waits any more where the sentence was cancelled.
                    drop(job.reply.send(outcome));
                }
            })?;
        }
        Ok(Self { jobs, places: Arc::new(Semaphore::new(QUEUE)), name })
    }

    /// The voice's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Speaks one sentence. Setting `cancelled` ends it within 100 ms.
    ///
    /// # Errors
    /// [`SynthesisError`], also where the threads are gone.
    pub async fn speak(
        &self,
        sentence: Sentence,
        cancelled: Arc<AtomicBool>,
    ) -> Result<Sound, SynthesisError> {
        let gone = || SynthesisError::Engine {
            engine: self.name.to_string(),
            reason: "the voice threads are gone".to_owned(),
        };
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| gone())?;
        let (reply, answer) = oneshot::channel();
        self.jobs.try_send(Job { sentence, cancelled, reply, _place: place }).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

struct Mouth {
    synthesizer: Box<dyn Synthesizer>,
    cache: Option<Arc<SoundCache>>,
}

impl Mouth {
    fn speak(&mut self, sentence: &Sentence, cancelled: &AtomicBool) -> Result<Sound, SynthesisError> {
        if cancelled.load(Ordering::Relaxed) {
            return Err(SynthesisError::Cancelled);
        }
        let key = Key::new(self.synthesizer.name(), &sentence.request);
        if let Some(sound) = self.kept(key, sentence)? {
            counter!(names::SENTENCES, "source" => "cache").increment(1);
            return Ok(sound);
        }
        super::fall_backs::count(&sentence.request);
        let begun = Instant::now();
        let Clip { samples, sample_rate } = self.synthesizer.synthesize(&sentence.request, cancelled)?;
        let samples = encode::to_pcm16(&samples, sample_rate)?;
        histogram!(names::SYNTHESIZE_SECONDS).record(begun.elapsed());
        counter!(names::SENTENCES, "source" => "synthetic").increment(1);
        // What another voice said in its place must not be heard under this one's name when it speaks again.
        let keep = sentence.keep && !self.synthesizer.substituted();
        if let Some(cache) = self.cache.as_ref().filter(|_| keep)
            && let Err(error) = cache.put(key, &samples)
        {
            tracing::warn!(%error, "a synthesized sentence could not be kept on disk");
        }
        self.encode(key, samples, sentence.codec, keep && sentence.whole)
    }

    /// What was spoken before.
    fn kept(&self, key: Key, sentence: &Sentence) -> Result<Option<Sound>, SynthesisError> {
        let Some(cache) = &self.cache else { return Ok(None) };
        if sentence.codec == Codec::Opus
            && let Some(packets) = cache.packets(key.in_opus(OPUS_BITS_PER_SECOND))
        {
            return Ok(Some(encode::packets(packets)));
        }
        let Some(samples) = cache.get(key) else { return Ok(None) };
        self.encode(key, samples, sentence.codec, sentence.keep && sentence.whole).map(Some)
    }

    /// Encodes the beginning, or all of it where that is to be kept.
    fn encode(&self, key: Key, samples: Vec<i16>, codec: Codec, keep: bool) -> Result<Sound, SynthesisError> {
        let mut sound = encode::sound(samples, codec)?;
        if keep {
            sound.finish()?;
        }
        if codec == Codec::Opus
            && let Some(cache) = self.cache.as_ref().filter(|_| keep)
        {
            let packets = sound.pieces.iter().map(|piece| &piece.bytes[..]);
            if let Err(error) = cache.put_packets(key.in_opus(OPUS_BITS_PER_SECOND), packets) {
                tracing::warn!(%error, "an encoded sentence could not be kept on disk");
            }
        }
        Ok(sound)
    }
}
