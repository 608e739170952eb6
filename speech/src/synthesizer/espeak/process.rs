//! One running `espeak-ng`: fed with lines, its samples collected.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::failed;
use crate::SynthesisError;

/// How often a running process looks whether it was cancelled.
const LOOK: Duration = Duration::from_millis(10);
/// A process that gives nothing for so long is stuck: espeak-ng needs some 20 ms for a long sentence.
const PATIENCE: Duration = Duration::from_secs(3);
/// Bytes of the header before the samples. Written to a pipe, it knows no lengths, so that everything after it is sound.
const HEADER: usize = 44;
/// Samples in one utterance at most, some six minutes: more comes only from a program that is not espeak-ng.
const MOST_SAMPLES: usize = 8 << 20;
/// Blocks of sound (at most [`BLOCK`] bytes each) that may wait to be collected. Where there is no room, the process waits:
/// it is never more than an utterance ahead.
const BLOCKS: usize = 64;
/// Bytes read at once: what a pipe holds.
const BLOCK: usize = 64 << 10;

/// How a process is started.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program: a name on the `PATH` or a path.
    pub program: String,
    /// The folder with its data directory.
    pub data: PathBuf,
    /// Voice with its variant.
    pub voice: String,
    /// Words per minute.
    pub speed: u16,
    /// 0 to 99.
    pub pitch: u8,
    /// 0 to 200.
    pub amplitude: u16,
}

/// What a process does with its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Reads all of it, then speaks.
    Whole,
    /// Speaks line by line.
    Lines,
    /// Reads all of it, then prints it in IPA.
    Ipa,
}

/// How the end of an utterance is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The process ends with it.
    Process,
    /// So many samples of silence, which the process was told to make after it and which no pause in speech reaches.
    Silence(usize),
}

/// What a process says, by the block; the error is the system's.
type Blocks = mpsc::Receiver<std::io::Result<Vec<u8>>>;

/// A process with the thread that reads from it. Dropping kills it and waits for both.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    blocks: Option<Blocks>,
    reader: Option<JoinHandle<()>>,
    sound: Sound,
    /// Utterances that it has said.
    pub said: u32,
}

impl Process {
    /// Starts a process.
    ///
    /// # Errors
    /// Where it cannot be started, with what to do.
    pub fn start(launch: &Launch, mode: Mode) -> Result<Self, SynthesisError> {
        let mut command = Command::new(&launch.program);
        command
            .arg(format!("--path={}", launch.data.display()))
            .args(["-v", &launch.voice, "-s", &launch.speed.to_string(), "-p", &launch.pitch.to_string()])
            .args(["-a", &launch.amplitude.to_string(), "-z"])
            .args(match mode {
                Mode::Whole => ["--stdout", "--stdin"].as_slice(),
                Mode::Lines => &["--stdout"],
                Mode::Ipa => &["-q", "--ipa", "--stdin"],
            })
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| {
            failed(format!(
                "{} cannot be started ({error}): install it (apt-get install espeak-ng), or set voice.program",
                launch.program
            ))
        })?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let mut process = Self { child, stdin, blocks: None, reader: None, sound: Sound::default(), said: 0 };
        let stdout = stdout.ok_or_else(|| failed("its output is closed".to_owned()))?;
        let (sender, blocks) = mpsc::sync_channel(BLOCKS);
        let reader = thread::Builder::new().name("espeak".to_owned()).spawn(move || read(stdout, &sender));
        process.blocks = Some(blocks);
        process.reader =
            Some(reader.map_err(|error| failed(format!("the system gives no thread: {error}")))?);
        Ok(process)
    }

    /// Gives it text; must be less than a pipe holds (64 KiB) with what was given and not collected yet.
    ///
    /// # Errors
    /// Where it takes none; if it has ended, [`Self::collect`] says so.
    pub fn feed(&mut self, text: &str) -> Result<(), SynthesisError> {
        let stdin = self.stdin.as_mut().ok_or_else(|| failed("its input is closed".to_owned()))?;
        match stdin.write_all(text.as_bytes()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(failed(format!("it takes no text: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// Tells it that there is no more text.
    pub fn close(&mut self) {
        self.stdin = None;
    }

    /// Collects one utterance, without the silence around it. After an error the process is of no use any more.
    ///
    /// # Errors
    /// [`SynthesisError::Cancelled`] within 10 ms; where it ends early, is stuck, or says what is no sound.
    pub fn collect(&mut self, end: End, cancelled: &AtomicBool) -> Result<Vec<i16>, SynthesisError> {
        self.sound.begin();
        while let Some(block) = self.block(cancelled)? {
            self.sound.push(&block)?;
            if matches!(end, End::Silence(most) if self.sound.ended(most)) {
                self.said += 1;
                return Ok(self.sound.take());
            }
            if self.sound.samples.len() > MOST_SAMPLES {
                return Err(failed("it does not stop speaking".to_owned()));
            }
        }
        self.last(end)
    }

    /// What a process prints until it ends.
    ///
    /// # Errors
    /// As [`Self::collect`].
    pub fn text(&mut self, cancelled: &AtomicBool) -> Result<String, SynthesisError> {
        let mut bytes = Vec::new();
        while let Some(block) = self.block(cancelled)? {
            bytes.extend(block);
            if bytes.len() > MOST_SAMPLES {
                return Err(failed("it does not stop printing".to_owned()));
            }
        }
        self.last(End::Process)?;
        String::from_utf8(bytes).map_err(|_| failed("what it prints is no text".to_owned()))
    }

    /// The next block; `None` at the end of the output.
    fn block(&self, cancelled: &AtomicBool) -> Result<Option<Vec<u8>>, SynthesisError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if cancelled.load(Ordering::Relaxed) {
                return Err(SynthesisError::Cancelled);
            }
            match self.blocks.as_ref().map(|blocks| blocks.recv_timeout(LOOK)) {
                Some(Ok(Ok(block))) => return Ok(Some(block)),
                Some(Ok(Err(error))) => return Err(failed(format!("its output cannot be read: {error}"))),
                Some(Err(mpsc::RecvTimeoutError::Timeout)) if Instant::now() > deadline => {
                    return Err(failed(format!("it was stuck for {} s and was stopped", PATIENCE.as_secs())));
                }
                Some(Err(mpsc::RecvTimeoutError::Timeout)) => {}
                None | Some(Err(mpsc::RecvTimeoutError::Disconnected)) => return Ok(None),
            }
        }
    }

    /// The end of the output, which is an utterance's end only where it was to be.
    fn last(&mut self, end: End) -> Result<Vec<i16>, SynthesisError> {
        let status = self.child.wait().map_err(|error| failed(error.to_string()))?;
        if end == End::Process && status.success() {
            self.sound.whole()?;
            return Ok(self.sound.take());
        }
        Err(failed(format!("it ended in the middle ({status})")))
    }

    /// Whether it still runs and has said nothing but silence since its last utterance.
    pub fn is_quiet(&mut self) -> bool {
        let Some(blocks) = &self.blocks else { return false };
        loop {
            match blocks.try_recv() {
                Ok(Ok(block)) if self.sound.is_silence(&block) => {}
                Ok(_) | Err(mpsc::TryRecvError::Disconnected) => return false,
                Err(mpsc::TryRecvError::Empty) => break,
            }
        }
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended already, or is now.
        let _ = self.child.kill();
        let _ = self.child.wait();
        // The reader may wait for room in the channel.
        self.blocks = None;
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

fn read(mut stdout: ChildStdout, blocks: &mpsc::SyncSender<std::io::Result<Vec<u8>>>) {
    let mut buffer = vec![0; BLOCK];
    loop {
        let block = match stdout.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => Ok(buffer[..count].to_vec()),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let over = block.is_err();
        // Nobody collects any more where the process was dropped.
        if blocks.send(block).is_err() || over {
            return;
        }
    }
}

/// The samples of a process's output: 16-bit mono after a WAV header.
#[derive(Debug, Default)]
struct Sound {
    header: Vec<u8>,
    /// The first byte of a sample whose second has not come yet.
    half: Option<u8>,
    samples: Vec<i16>,
    /// How many of the last samples are nought.
    zeros: usize,
}

impl Sound {
    fn begin(&mut self) {
        self.samples.clear();
        self.zeros = 0;
    }

    fn push(&mut self, mut block: &[u8]) -> Result<(), SynthesisError> {
        if self.header.len() < HEADER {
            let taken = block.len().min(HEADER - self.header.len());
            self.header.extend_from_slice(&block[..taken]);
            block = &block[taken..];
            let known = self.header.len().min(4);
            if self.header[..known] != b"RIFF"[..known] {
                return Err(failed("its output is not a WAV file".to_owned()));
            }
        }
        for &byte in block {
            let Some(first) = self.half.take() else {
                self.half = Some(byte);
                continue;
            };
            let sample = i16::from_le_bytes([first, byte]);
            match (sample, self.samples.is_empty()) {
                // Silence before the utterance, or what was left of the silence after the one before.
                (0, true) => {}
                (0, false) => {
                    self.zeros += 1;
                    self.samples.push(0);
                }
                _ => {
                    self.zeros = 0;
                    self.samples.push(sample);
                }
            }
        }
        Ok(())
    }

    fn whole(&self) -> Result<(), SynthesisError> {
        if self.header.len() == HEADER || self.header.is_empty() {
            return Ok(());
        }
        Err(failed("its output is not a WAV file".to_owned()))
    }

    const fn ended(&self, silence: usize) -> bool {
        !self.samples.is_empty() && self.zeros >= silence
    }

    fn take(&mut self) -> Vec<i16> {
        let mut samples = std::mem::take(&mut self.samples);
        samples.truncate(samples.len() - std::mem::take(&mut self.zeros));
        samples
    }

    fn is_silence(&mut self, block: &[u8]) -> bool {
        self.begin();
        self.push(block).is_ok() && self.samples.is_empty()
    }

    /// Hertz, once the header is known.
    fn sample_rate(&self) -> Option<u32> {
        let bytes = self.header.get(24..28)?;
        Some(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }
}

impl Process {
    /// Hertz of its samples, once it has said something.
    pub fn sample_rate(&self) -> Option<u32> {
        self.sound.sample_rate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(samples: &[i16]) -> Vec<u8> {
        samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
    }

    #[test]
    fn an_utterance_ends_with_a_long_silence_and_loses_the_silence_around_it() {
        let mut sound = Sound::default();
        let mut output = b"RIFF".to_vec();
        output.resize(24, 0);
        output.extend(22_050_u32.to_le_bytes());
        output.resize(HEADER, 0);
        output.extend(bytes(&[0, 0, 5, 0, 0, -3, 0, 0, 0]));
        // However the bytes are cut, also in the middle of a sample.
        for byte in output {
            assert!(!sound.ended(4));
            sound.push(&[byte]).unwrap();
        }
        assert_eq!(sound.sample_rate(), Some(22_050));
        sound.push(&bytes(&[0])).unwrap();
        assert!(sound.ended(4));
        assert_eq!(sound.take(), [5, 0, 0, -3]);
        assert!(sound.is_silence(&bytes(&[0, 0])));
        assert!(!sound.is_silence(&bytes(&[0, 7])));
        assert!(Sound::default().push(b"Usag").is_err());
    }
}
