//! `espeak-ng` as a separate process per piece of a sentence (it is GPL and never linked), about 12 ms each.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use language::{Language, Segment};

use super::espeak_data;
use crate::{Clip, SpeechRequest, SynthesisError, Synthesizer};

/// How often a running process looks whether it was cancelled.
const LOOK: Duration = Duration::from_millis(10);
/// A sentence that takes longer than this is stuck: espeak-ng needs some 20 ms for a long one.
const PATIENCE: Duration = Duration::from_secs(10);
/// Normal speed of [`EspeakSettings::words_per_minute`], a little slower than espeak-ng's 175 for clarity.
const WORDS_PER_MINUTE: u16 = 160;
/// Silence between two voices in one sentence, in seconds.
const BREATH: f32 = 0.05;

/// How the voice sounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EspeakSettings {
    /// The program: a name on the `PATH` or a path.
    pub program: String,
    /// One of espeak-ng's voice variants (`f2`, `m3`, …); `None` for the plain voice.
    pub variant: Option<String>,
    /// Base pitch, 0 to 99; espeak-ng's default is 50.
    pub pitch: u8,
    /// Speed at rate 1.0.
    pub words_per_minute: u16,
}

impl Default for EspeakSettings {
    fn default() -> Self {
        Self { program: "espeak-ng".to_owned(), variant: None, pitch: 50, words_per_minute: WORDS_PER_MINUTE }
    }
}

/// The default voice of both languages. Chinese is fed as pinyin, Tibetan as phonemes of the Mandarin table, both
/// computed by [`language::speech_plan`].
#[derive(Debug)]
pub struct EspeakVoice {
    settings: EspeakSettings,
    data: PathBuf,
    name: String,
}

impl EspeakVoice {
    /// Prepares the voice; `folder` receives a copy of the parts of espeak-ng's data that it needs (3 MB, made once).
    ///
    /// # Errors
    /// Where espeak-ng is not installed or its data cannot be copied.
    pub fn new(settings: EspeakSettings, folder: &Path) -> Result<Self, SynthesisError> {
        let data = espeak_data::prepare(&settings.program, folder)?;
        let variant = settings.variant.as_deref().unwrap_or("plain");
        let name = format!("espeak-ng/{variant}/p{}/s{}", settings.pitch, settings.words_per_minute);
        Ok(Self { settings, data, name })
    }

    fn start(&self, segment: &Segment, rate: f32) -> Result<Child, SynthesisError> {
        let voice = match segment.voice {
            Language::Bo => "bo",
            Language::Zh => "cmn-latn-pinyin",
        };
        let voice = match &self.settings.variant {
            Some(variant) => format!("{voice}+{variant}"),
            None => voice.to_owned(),
        };
        // espeak-ng accepts 80 to 450 words per minute and treats anything less as 80.
        let speed = (f32::from(self.settings.words_per_minute) * rate).round().clamp(80.0, 450.0) as u16;
        let mut child = Command::new(&self.settings.program)
            .arg(format!("--path={}", self.data.display()))
            .args(["-v", &voice, "-s", &speed.to_string(), "-p", &self.settings.pitch.to_string()])
            .args(["-z", "--stdin", "--stdout"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| failed(format!("it cannot be started: {error}")))?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(segment.input.as_bytes()).map_err(|e| failed(e.to_string()))?;
        }
        Ok(child)
    }

    fn speak(&self, segment: &Segment, rate: f32, cancelled: &AtomicBool) -> Result<Clip, SynthesisError> {
        let mut child = self.start(segment, rate)?;
        let Some(mut stdout) = child.stdout.take() else {
            return Err(failed("its output is closed".to_owned()));
        };
        // One message at most, so nobody ever waits for room.
        let (sender, receiver) = mpsc::sync_channel(1);
        let reader = thread::spawn(move || {
            let mut wave = Vec::new();
            let result = stdout.read_to_end(&mut wave).map(|_| wave);
            // Nobody listens any more only where the caller was cancelled.
            let _ = sender.send(result);
        });
        let outcome = wait(&receiver, cancelled);
        if outcome.is_err() {
            // It has ended already, or is now.
            let _ = child.kill();
        }
        let status = child.wait();
        let _ = reader.join();
        let wave = outcome?;
        match status {
            Ok(status) if status.success() => decode(&wave),
            Ok(status) => Err(failed(format!("it ended with {status}"))),
            Err(error) => Err(failed(error.to_string())),
        }
    }
}

impl Synthesizer for EspeakVoice {
    fn name(&self) -> &str {
        &self.name
    }

    fn synthesize(
        &mut self,
        request: &SpeechRequest,
        cancelled: &AtomicBool,
    ) -> Result<Clip, SynthesisError> {
        let plan = language::speech_plan(&request.text, request.language);
        let mut whole: Option<Clip> = None;
        for segment in plan.iter().filter(|s| !s.input.trim().is_empty()) {
            if cancelled.load(Ordering::Relaxed) {
                return Err(SynthesisError::Cancelled);
            }
            let clip = self.speak(segment, request.rate, cancelled)?;
            match &mut whole {
                None => whole = Some(clip),
                Some(whole) => {
                    whole
                        .samples
                        .extend(std::iter::repeat_n(0.0, (BREATH * whole.sample_rate as f32) as usize));
                    whole.samples.extend(clip.samples);
                }
            }
        }
        whole.filter(|clip| !clip.samples.is_empty()).ok_or(SynthesisError::Nothing)
    }
}

fn wait(
    receiver: &mpsc::Receiver<std::io::Result<Vec<u8>>>,
    cancelled: &AtomicBool,
) -> Result<Vec<u8>, SynthesisError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match receiver.recv_timeout(LOOK) {
            Ok(result) => return result.map_err(|error| failed(error.to_string())),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                return Err(failed("its output broke off".to_owned()));
            }
            Err(mpsc::RecvTimeoutError::Timeout) if cancelled.load(Ordering::Relaxed) => {
                return Err(SynthesisError::Cancelled);
            }
            Err(mpsc::RecvTimeoutError::Timeout) if Instant::now() > deadline => {
                return Err(failed(format!("it was stuck for {} s and was stopped", PATIENCE.as_secs())));
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {}
        }
    }
}

/// The samples of espeak-ng's 16-bit mono WAV. Written to a pipe, its RIFF header knows no lengths, so everything after
/// the 44 bytes of header is sound.
fn decode(wave: &[u8]) -> Result<Clip, SynthesisError> {
    const HEADER: usize = 44;
    if wave.len() < HEADER || &wave[..4] != b"RIFF" {
        return Err(failed("its output is not a WAV file".to_owned()));
    }
    let sample_rate = u32::from_le_bytes([wave[24], wave[25], wave[26], wave[27]]);
    let samples = wave[HEADER..]
        .chunks_exact(2)
        .map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0)
        .collect();
    Ok(Clip { samples, sample_rate })
}

fn failed(reason: String) -> SynthesisError {
    SynthesisError::Engine { engine: "espeak-ng".to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voice() -> Option<(tempfile::TempDir, EspeakVoice)> {
        let folder = tempfile::tempdir().unwrap();
        match EspeakVoice::new(EspeakSettings::default(), folder.path()) {
            Ok(voice) => Some((folder, voice)),
            Err(error) => {
                println!("skipped: {error}");
                None
            }
        }
    }

    fn seconds(text: &str, language: Language, rate: f32) -> Option<f32> {
        let (_folder, mut voice) = voice()?;
        let request = SpeechRequest { text: text.to_owned(), language, rate };
        let clip = voice.synthesize(&request, &AtomicBool::new(false)).unwrap();
        assert!(clip.samples.iter().any(|s| s.abs() > 0.05), "the sentence is silent");
        Some(clip.samples.len() as f32 / clip.sample_rate as f32)
    }

    #[test]
    fn both_languages_are_spoken_at_a_human_pace() {
        for (text, language, syllables) in
            [("身份证到期了怎么换？", Language::Zh, 9.0), ("ཐོབ་ཐང་ལག་ཁྱེར་བརྗེ་དགོས་རེད།", Language::Bo, 8.0)]
        {
            let Some(seconds) = seconds(text, language, 1.0) else { return };
            let pace = syllables / seconds;
            assert!((2.0..8.0).contains(&pace), "{text}: {pace} syllables a second");
        }
    }

    #[test]
    fn slower_is_slower() {
        let Some(normal) = seconds("请带户口本到派出所办理", Language::Zh, 1.0) else { return };
        let Some(slow) = seconds("请带户口本到派出所办理", Language::Zh, 0.75) else { return };
        assert!(slow > normal * 1.15, "{slow} against {normal}");
    }

    #[test]
    fn chinese_terms_inside_a_tibetan_sentence_are_spoken_too() {
        let Some(with) = seconds("ངའི་身份证བརླགས་སོང་།", Language::Bo, 1.0)
        else {
            return;
        };
        let Some(without) = seconds("ངའི་བརླགས་སོང་།", Language::Bo, 1.0)
        else {
            return;
        };
        assert!(with > without + 0.3, "{with} against {without}");
    }

    #[test]
    fn a_text_without_words_says_that_there_is_nothing_to_say() {
        let Some((_folder, mut voice)) = voice() else { return };
        let request = SpeechRequest { text: "…… །".to_owned(), language: Language::Zh, rate: 1.0 };
        let outcome = voice.synthesize(&request, &AtomicBool::new(false));
        assert!(matches!(outcome, Err(SynthesisError::Nothing)), "{outcome:?}");
    }

    #[test]
    fn a_cancelled_sentence_is_not_spoken() {
        let Some((_folder, mut voice)) = voice() else { return };
        let request = SpeechRequest { text: "请带户口本".to_owned(), language: Language::Zh, rate: 1.0 };
        let outcome = voice.synthesize(&request, &AtomicBool::new(true));
        assert!(matches!(outcome, Err(SynthesisError::Cancelled)), "{outcome:?}");
    }
}
