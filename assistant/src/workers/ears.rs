//! Hearing on model threads: each holds its own engines, and every spoken turn stays on one thread.
//!
//! ```text
//! connection ─► EarStream::audio ─► [thread's queue] ─► decode ► Listener ► Transcriber ─► [events] ─► connection
//! ```

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
};

use bytes::Bytes;
use conversation::protocol::Codec;
use language::Language;
use speech::{Listener, endpoint::EndpointRules, vad::EarshotDetector};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc as channel};

use super::{
    ear::{Ear, EarEvent},
    engines::EngineSet,
    fatal::Fatal,
};

/// Audio messages of one turn that may wait for its thread. When they all wait, the connection stops reading from its
/// client: a client that sends faster than real time slows only itself.
const TURN_QUEUE: usize = 32;
/// Events of one turn that may wait for the connection; partials are dropped when fewer than half the places are free,
/// so that the few events of every turn that matter always find one.
pub(super) const EVENT_QUEUE: usize = 32;

/// What a turn's thread is told.
pub(super) enum Command {
    Open { stream: u64, turn: Box<Opening> },
    Audio { stream: u64, bytes: Bytes, place: OwnedSemaphorePermit },
    Commit { stream: u64 },
    Close { stream: u64 },
}

/// How a turn is heard.
pub(super) struct Opening {
    pub codec: Codec,
    pub language: Language,
    pub listener: Listener,
    pub events: channel::Sender<EarEvent>,
}

struct Thread {
    commands: mpsc::SyncSender<Command>,
    streams: Arc<AtomicUsize>,
}

/// The hearing threads.
#[derive(Clone)]
pub struct Ears {
    threads: Arc<[Thread]>,
    places: Arc<Semaphore>,
    next: Arc<AtomicU64>,
    rules: EndpointRules,
    dictation: (Option<bool>, Option<bool>),
}

/// The right to speak: a voice conversation holds one, and there are only so many.
#[derive(Debug)]
pub struct VoicePlace {
    _permit: OwnedSemaphorePermit,
}

impl Ears {
    /// Starts one thread per engine set. `conversations` is how many may speak at once, `audio_seconds` how long a turn
    /// may be.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(
        sets: Vec<EngineSet>,
        rules: &EndpointRules,
        conversations: usize,
        audio_seconds: u32,
        fatal: &Fatal,
    ) -> std::io::Result<Self> {
        let dictation =
            sets.first().map_or((None, None), |s| (s.dictation(Language::Bo), s.dictation(Language::Zh)));
        let per_thread = conversations.div_ceil(sets.len().max(1));
        let mut threads = Vec::with_capacity(sets.len());
        for (number, engines) in sets.into_iter().enumerate() {
            // Room for everything that the turns of this thread may send at once, should all of them be here.
            let (commands, queue) =
                mpsc::sync_channel((conversations.max(per_thread) + 1) * (TURN_QUEUE + 4));
            let streams = Arc::new(AtomicUsize::new(0));
            let mut ear = Ear::new(engines, audio_seconds, Arc::clone(&streams));
            fatal.thread(&format!("ear-{number}"), move || listen(&mut ear, &queue))?;
            threads.push(Thread { commands, streams });
        }
        let mut rules = rules.clone();
        rules.maximum_utterance_ms = audio_seconds.saturating_mul(1_000);
        Ok(Self {
            threads: threads.into(),
            places: Arc::new(Semaphore::new(conversations)),
            next: Arc::default(),
            rules,
            dictation,
        })
    }

    /// Whether the engine of a language can take dictation; `None` where the language cannot be heard.
    pub const fn dictation(&self, language: Language) -> Option<bool> {
        match language {
            Language::Bo => self.dictation.0,
            Language::Zh => self.dictation.1,
        }
    }

    /// A place for one more voice conversation; `None` where all are taken.
    pub fn admit(&self) -> Option<VoicePlace> {
        Arc::clone(&self.places).try_acquire_owned().ok().map(|permit| VoicePlace { _permit: permit })
    }

    /// Begins a spoken turn on the least busy thread; `None` where this language cannot be heard. The holder of the
    /// place is one conversation, and a conversation has one turn at a time.
    pub fn open(&self, _place: &VoicePlace, codec: Codec, language: Language) -> Option<EarStream> {
        self.dictation(language)?;
        let thread = self.threads.iter().min_by_key(|t| t.streams.load(Ordering::Relaxed))?;
        let (events, inbox) = channel::channel(EVENT_QUEUE);
        let listener = Listener::new(Box::new(EarshotDetector::new()), self.rules.clone());
        let stream = self.next.fetch_add(1, Ordering::Relaxed);
        thread.streams.fetch_add(1, Ordering::Relaxed);
        let turn = Box::new(Opening { codec, language, listener, events });
        thread.commands.try_send(Command::Open { stream, turn }).ok()?;
        Some(EarStream {
            stream,
            commands: thread.commands.clone(),
            places: Arc::new(Semaphore::new(TURN_QUEUE)),
            inbox,
        })
    }
}

/// A spoken turn under way. Dropping it cancels the turn.
pub struct EarStream {
    stream: u64,
    commands: mpsc::SyncSender<Command>,
    places: Arc<Semaphore>,
    inbox: channel::Receiver<EarEvent>,
}

impl EarStream {
    /// Hands audio over: PCM16 or one Opus packet, as the turn was opened. Waits while too much of it is unheard.
    pub async fn audio(&self, bytes: Bytes) {
        if let Ok(place) = Arc::clone(&self.places).acquire_owned().await {
            // The queue has room for every turn's places; it can only be gone, which the events tell.
            drop(self.commands.try_send(Command::Audio { stream: self.stream, bytes, place }));
        }
    }

    /// The turn is over; what was heard until now is transcribed.
    pub fn commit(&self) {
        drop(self.commands.try_send(Command::Commit { stream: self.stream }));
    }

    /// The next event; `None` after the last one. Cancel-safe.
    pub async fn event(&mut self) -> Option<EarEvent> {
        self.inbox.recv().await
    }
}

impl Drop for EarStream {
    fn drop(&mut self) {
        drop(self.commands.try_send(Command::Close { stream: self.stream }));
    }
}

/// The thread: commands in order; partial transcripts only while nothing else waits.
fn listen(ear: &mut Ear, queue: &mpsc::Receiver<Command>) {
    let mut streams: HashMap<u64, super::ear::Turn> = HashMap::new();
    let mut partials: VecDeque<u64> = VecDeque::new();
    loop {
        let command = match queue.try_recv() {
            Ok(command) => command,
            Err(mpsc::TryRecvError::Disconnected) => break,
            Err(mpsc::TryRecvError::Empty) => {
                if let Some(stream) = partials.pop_front() {
                    if let Some(turn) = streams.get_mut(&stream) {
                        ear.partial(turn);
                    }
                    continue;
                }
                let Ok(command) = queue.recv() else { break };
                command
            }
        };
        match command {
            Command::Open { stream, turn } => {
                if let Some(turn) = ear.open(*turn) {
                    streams.insert(stream, turn);
                }
            }
            Command::Audio { stream, bytes, place } => {
                let Some(turn) = streams.get_mut(&stream) else { continue };
                let wants_partial = ear.audio(turn, &bytes);
                if wants_partial && !partials.contains(&stream) {
                    partials.push_back(stream);
                }
                drop(place);
            }
            Command::Commit { stream } => {
                if let Some(turn) = streams.get_mut(&stream) {
                    ear.commit(turn);
                }
            }
            Command::Close { stream } => {
                streams.remove(&stream);
                continue;
            }
        }
        streams.retain(|_, turn| !turn.is_over());
    }
}
