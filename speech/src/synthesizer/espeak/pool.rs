//! Processes that stay, so that a sentence does not wait for one to start.
//!
//! Starting `espeak-ng` and loading its data is four fifths of its work for a sentence (8.5 of 10.7 ms of processor time). Without
//! `--stdin` it speaks line by line and flushes what it has before it waits for the next line, but says nothing of where one
//! ends. So each line is followed by one of silence, of [`MARK`] phonemes `_:`, which makes some nine times as much of
//! it as the longest pause in speech does; two thirds of that end an utterance (an echo may take some of it). How long both are depends on the speed, and
//! is measured once for every voice and speed, with a process that ends by itself. Where the installed program does not
//! behave like that, every sentence gets a process of its own.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::AtomicBool,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use language::Language;

use super::{
    failed,
    process::{End, Launch, Mode, Process},
};
use crate::SynthesisError;

/// Phonemes of silence after every utterance.
const MARK: usize = 30;
/// A process is replaced after so many utterances, so that whatever it leaks stays small.
const MOST_SAID: u32 = 2_000;
/// How often idle processes are looked at.
const SWEEP: Duration = Duration::from_secs(5);
/// Processes to be started in the background. Where there is no room, the next sentence starts its own.
const WISHES: usize = 16;
/// The longest line: espeak-ng reads 999 bytes at once, and its clauses hold 800 characters.
pub const LONGEST_LINE: usize = 700;

/// What a process says: a language's voice at a speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub voice: Language,
    /// Words per minute.
    pub speed: u16,
}

/// How the process of any key is started.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// All but voice and speed, which are the key's.
    pub launch: Launch,
    /// One of espeak-ng's voice variants.
    pub variant: Option<String>,
}

impl Recipe {
    fn launch(&self, key: Key) -> Launch {
        let voice = match key.voice {
            Language::Bo => "bo",
            Language::Zh => "cmn-latn-pinyin",
        };
        let voice = match &self.variant {
            Some(variant) => format!("{voice}+{variant}"),
            None => voice.to_owned(),
        };
        Launch { voice, speed: key.speed, ..self.launch.clone() }
    }

    /// A process that says one text and ends.
    ///
    /// # Errors
    /// Where it cannot be started or takes no text.
    pub fn once(&self, key: Key, text: &str) -> Result<Process, SynthesisError> {
        self.with(key, Mode::Whole, text)
    }

    /// A process that prints a text in IPA and ends.
    ///
    /// # Errors
    /// As [`Self::once`].
    pub fn ipa(&self, key: Key, text: &str) -> Result<Process, SynthesisError> {
        self.with(key, Mode::Ipa, text)
    }

    fn with(&self, key: Key, mode: Mode, text: &str) -> Result<Process, SynthesisError> {
        let mut process = Process::start(&self.launch(key), mode)?;
        process.feed(text)?;
        process.close();
        Ok(process)
    }
}

/// Processes that wait for the next sentence, shared by all threads with the same voice.
#[derive(Debug)]
pub struct Pool {
    recipe: Recipe,
    /// Idle processes at most; the ones that have waited longest end first.
    most: usize,
    idle: Mutex<Vec<(Key, Process)>>,
    /// How an utterance's end is known, for every key that was measured.
    ends: Mutex<HashMap<Key, End>>,
    wishes: mpsc::SyncSender<Key>,
}

impl Pool {
    /// A pool in which at most `most` processes are idle, and the thread that replaces those that end.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(recipe: Recipe, most: usize) -> Result<Arc<Self>, SynthesisError> {
        let (wishes, wanted) = mpsc::sync_channel(WISHES);
        let (idle, ends) = (Mutex::default(), Mutex::default());
        let pool = Arc::new(Self { recipe, most, idle, ends, wishes });
        let watched = Arc::downgrade(&pool);
        thread::Builder::new()
            .name("espeak-pool".to_owned())
            .spawn(move || supervise(&watched, &wanted))
            .map_err(|error| failed(format!("the system gives no thread: {error}")))?;
        Ok(pool)
    }

    /// How an utterance's end is known; measured when it is asked for the first time (some 30 ms).
    ///
    /// # Errors
    /// Where the program is missing or says nothing at all.
    pub fn end(&self, key: Key) -> Result<End, SynthesisError> {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(end) = ends.get(&key) {
            return Ok(*end);
        }
        let end = self.measure(key)?;
        if end == End::Process {
            tracing::warn!(
                voice = %key.voice, speed = key.speed,
                "this espeak-ng does not tell where a line ends; every sentence gets a process of its own, which is slower"
            );
        }
        ends.insert(key, end);
        Ok(end)
    }

    /// Speaks with a pause, makes the mark, and speaks again: the longest silence is the mark's, the second longest a pause's.
    fn measure(&self, key: Key) -> Result<End, SynthesisError> {
        let never = AtomicBool::new(false);
        let word = match key.voice {
            Language::Bo => "[[a55]]",
            Language::Zh => "a1",
        };
        let mut process = Process::start(&self.recipe.launch(key), Mode::Lines)?;
        process.feed(&format!("{word}, {word}\n{}{word}\n", mark()))?;
        process.close();
        let sound = process.collect(End::Process, &never)?;
        if sound.is_empty() {
            return Err(failed("it says nothing".to_owned()));
        }
        let mut silences = silences(&sound);
        silences.sort_unstable();
        let (pause, silence) = match silences.as_slice() {
            [.., pause, silence] => (*pause, *silence),
            _ => (0, 0),
        };
        if silence < 6 * pause || silence == 0 {
            return Ok(End::Process);
        }
        let end = End::Silence(silence * 2 / 3);
        let mut process = Process::start(&self.recipe.launch(key), Mode::Lines)?;
        process.feed(&format!("{word}\n{}", mark()))?;
        // A program that keeps what it has until there is more is found out here, not while a citizen waits.
        Ok(process.collect(end, &never).map_or(End::Process, |_| {
            self.give(key, process);
            end
        }))
    }

    /// A process that waits for text.
    ///
    /// # Errors
    /// Where none can be started.
    pub fn take(&self, key: Key) -> Result<Process, SynthesisError> {
        loop {
            let found = {
                let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
                idle.iter().rposition(|(known, _)| *known == key).map(|at| idle.remove(at).1)
            };
            let Some(mut process) = found else {
                return Process::start(&self.recipe.launch(key), Mode::Lines);
            };
            // What was left over of another sentence must never be heard in this one.
            if process.said < MOST_SAID && process.is_quiet() {
                return Ok(process);
            }
        }
    }

    /// Takes a process back that waits for text again.
    pub fn give(&self, key: Key, process: Process) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push((key, process));
        let over = idle.len().saturating_sub(self.most);
        let over: Vec<_> = idle.drain(..over).collect();
        // Their end is waited for, but not under the lock.
        drop(idle);
        drop(over);
    }

    /// Has a process started in the background, in place of one that ended.
    pub fn wish(&self, key: Key) {
        // Where there is no room, the next sentence starts its own.
        let _ = self.wishes.try_send(key);
    }

    /// Ends idle processes that are of no use any more; returns what they spoke.
    fn sweep(&self) -> Vec<Key> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let (kept, ended): (Vec<_>, Vec<_>) = std::mem::take(&mut *idle)
            .into_iter()
            .map(|(key, mut process)| (process.is_quiet(), key, process))
            .partition(|(quiet, ..)| *quiet);
        idle.extend(kept.into_iter().map(|(_, key, process)| (key, process)));
        drop(idle);
        ended.into_iter().map(|(_, key, _)| key).collect()
    }
}

/// The line of silence.
pub fn mark() -> String {
    format!("[[{}]]\n", "_:".repeat(MARK))
}

/// The lengths of all silences inside a sound, in samples.
fn silences(samples: &[i16]) -> Vec<usize> {
    samples.split(|&sample| sample != 0).map(<[i16]>::len).filter(|&length| length > 0).collect()
}

/// Starts what is wished for and replaces idle processes that ended, until the pool is gone.
fn supervise(pool: &Weak<Pool>, wanted: &mpsc::Receiver<Key>) {
    loop {
        let wish = wanted.recv_timeout(SWEEP);
        let Some(pool) = pool.upgrade() else { return };
        let keys = match wish {
            Ok(key) => vec![key],
            Err(RecvTimeoutError::Timeout) => pool.sweep(),
            Err(RecvTimeoutError::Disconnected) => return,
        };
        for key in keys {
            match Process::start(&pool.recipe.launch(key), Mode::Lines) {
                Ok(process) => pool.give(key, process),
                Err(error) => tracing::warn!(%error, "a voice process could not be replaced"),
            }
        }
    }
}
