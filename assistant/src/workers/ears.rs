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
    time::Instant,
};

use bytes::Bytes;
use conversation::{Channel, protocol::Codec};
use intents::Completeness;
use language::Language;
use metrics::histogram;
use parking_lot::Mutex;
use speech::{Listener, TranscribeRequest, endpoint::EndpointRules, vad::EarshotDetector};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc as channel};

use super::{
    ear::{Ear, EarEvent, Turn},
    engines::EngineSet,
    fatal::Fatal,
    load::{Load, LoadMeter, TICK},
    waiting::{Ticket, WaitingRoom},
};
use crate::telemetry::names;

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
    Judged { stream: u64, pause: u64, judgement: Completeness },
    Close { stream: u64 },
}

/// How a turn is heard.
pub(super) struct Opening {
    pub codec: Codec,
    pub language: Language,
    pub request: TranscribeRequest,
    pub listener: Listener,
    /// Its sound is handed over with what was heard.
    pub keep: bool,
    pub events: channel::Sender<EarEvent>,
}

struct Thread {
    commands: mpsc::SyncSender<Command>,
    streams: Arc<AtomicUsize>,
    load: Arc<Load>,
}

/// The hearing threads.
#[derive(Clone)]
pub struct Ears {
    threads: Arc<[Thread]>,
    places: Arc<Semaphore>,
    waiting: Arc<Mutex<WaitingRoom>>,
    next: Arc<AtomicU64>,
    /// The portal's, the telephone's.
    rules: (EndpointRules, EndpointRules),
    dictation: (Option<bool>, Option<bool>),
}

/// The right to speak: a voice conversation holds one, and there are only so many.
#[derive(Debug)]
pub struct VoicePlace {
    _permit: OwnedSemaphorePermit,
}

impl Ears {
    /// Starts one thread per engine set. `rules` says when a turn begins and ends on a channel, `conversations` is how many may speak at once, `audio_seconds` how long a turn
    /// may be.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start<'a>(
        sets: Vec<EngineSet>,
        rules: impl Fn(Channel) -> &'a EndpointRules,
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
            let load = Arc::new(Load::default());
            let mut ear = Ear::new(engines, audio_seconds, Arc::clone(&streams));
            let meter = LoadMeter::new(Arc::clone(&load), number);
            fatal.thread(&format!("ear-{number}"), move || listen(&mut ear, &queue, meter))?;
            threads.push(Thread { commands, streams, load });
        }
        let rules = |channel| EndpointRules {
            maximum_utterance_ms: audio_seconds.saturating_mul(1_000),
            ..rules(channel).clone()
        };
        Ok(Self {
            threads: threads.into(),
            places: Arc::new(Semaphore::new(conversations)),
            waiting: Arc::default(),
            next: Arc::default(),
            rules: (rules(Channel::Portal), rules(Channel::Telephone)),
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

    /// A place for one more voice conversation.
    ///
    /// # Errors
    /// All places are taken, every thread is as busy as it may be, or somebody else waits already: a ticket to ask again with, soon, and
    /// how many are before its holder.
    pub fn admit(&self, ticket: Option<Ticket>) -> Result<VoicePlace, (Ticket, usize)> {
        let enter = || {
            let free = self.threads.iter().find(|thread| !thread.load.is_full())?;
            let permit = Arc::clone(&self.places).try_acquire_owned().ok()?;
            free.load.admitted();
            Some(VoicePlace { _permit: permit })
        };
        self.waiting.lock().ask(ticket, Instant::now(), enter)
    }

    /// Gives up waiting.
    pub fn leave(&self, ticket: Ticket) {
        self.waiting.lock().leave(ticket);
    }

    /// Begins a spoken turn on the least busy thread; `None` where this language cannot be heard. The holder of the
    /// place is one conversation, and a conversation has one turn at a time. `request` holds for all of the turn; `keep`: its sound is handed over
    /// with what was heard.
    pub fn open(
        &self,
        _place: &VoicePlace,
        channel: Channel,
        codec: Codec,
        language: Language,
        request: TranscribeRequest,
        keep: bool,
    ) -> Option<EarStream> {
        self.dictation(language)?;
        let thread = self.threads.iter().min_by_key(|t| t.streams.load(Ordering::Relaxed))?;
        let (events, inbox) = channel::channel(EVENT_QUEUE);
        let rules = match channel {
            Channel::Portal => &self.rules.0,
            Channel::Telephone => &self.rules.1,
        };
        let listener = Listener::new(Box::new(EarshotDetector::new()), rules.clone());
        let stream = self.next.fetch_add(1, Ordering::Relaxed);
        thread.streams.fetch_add(1, Ordering::Relaxed);
        let turn = Box::new(Opening { codec, language, request, listener, keep, events });
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

    /// Whether what was said before a pause is all: then the turn is over, unless the speaker has gone on since; of what has only begun,
    /// the rest is waited for longer.
    pub fn judged(&self, pause: u64, judgement: Completeness) {
        drop(self.commands.try_send(Command::Judged { stream: self.stream, pause, judgement }));
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

/// Turns that are heard together, at most: what an engine gains by.
const TOGETHER: usize = 8;

/// The thread: commands in order; what turns want done is done when nothing else waits, or when so many want it that doing it together pays.
fn listen(ear: &mut Ear, queue: &mpsc::Receiver<Command>, mut meter: LoadMeter) {
    let mut streams: HashMap<u64, Turn> = HashMap::new();
    let mut waiting: VecDeque<u64> = VecDeque::new();
    loop {
        let next = if waiting.len() >= TOGETHER { Err(mpsc::TryRecvError::Empty) } else { queue.try_recv() };
        let command = match next {
            Ok(command) => command,
            Err(mpsc::TryRecvError::Disconnected) => break,
            Err(mpsc::TryRecvError::Empty) if !waiting.is_empty() => {
                let begun = Instant::now();
                let now: Vec<u64> = waiting.drain(..waiting.len().min(TOGETHER)).collect();
                attend(ear, &mut streams, &now);
                meter.worked(begun);
                continue;
            }
            Err(mpsc::TryRecvError::Empty) => match queue.recv_timeout(TICK) {
                Ok(command) => command,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    meter.tick(Instant::now());
                    continue;
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            },
        };
        let begun = Instant::now();
        match command {
            Command::Open { stream, turn } => {
                if let Some(turn) = ear.open(*turn) {
                    streams.insert(stream, turn);
                }
            }
            Command::Audio { stream, bytes, place } => {
                if let Some(turn) = streams.get_mut(&stream) {
                    ear.audio(turn, &bytes);
                    if turn.due.anything() && !waiting.contains(&stream) {
                        waiting.push_back(stream);
                    }
                }
                drop(place);
            }
            Command::Commit { stream } => {
                if let Some(turn) = streams.get_mut(&stream) {
                    ear.commit(turn);
                }
            }
            Command::Judged { stream, pause, judgement } => {
                if let Some(turn) = streams.get_mut(&stream) {
                    ear.judged(turn, pause, judgement);
                }
            }
            Command::Close { stream } => {
                streams.remove(&stream);
            }
        }
        streams.retain(|_, turn| !turn.is_over());
        meter.worked(begun);
    }
}

/// Does what these turns want done: hears them together, then looks at pauses and makes partial transcripts.
fn attend(ear: &mut Ear, streams: &mut HashMap<u64, Turn>, now: &[u64]) {
    let mut turns: Vec<&mut Turn> =
        streams.iter_mut().filter(|(stream, _)| now.contains(stream)).map(|(_, turn)| turn).collect();
    let begun = Instant::now();
    ear.hear(&mut turns);
    histogram!(names::HEAR_SECONDS).record(begun.elapsed());
    histogram!(names::HEAR_BATCH).record(turns.len() as f64);
    for turn in turns {
        if turn.due.pause.is_some() {
            ear.pause(turn);
        }
        if turn.due.partial {
            ear.partial(turn);
        }
    }
}
