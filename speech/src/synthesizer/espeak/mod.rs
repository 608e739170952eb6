//! `espeak-ng` as separate processes (it is GPL and never linked): one that ends after every piece of a sentence, or, in a
//! server, a [`pool`] of them that stay.

mod data;
mod ipa;
mod lane;
mod phonemes;
mod pool;
mod process;

pub use ipa::IpaReader;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use language::Language;

use self::{
    lane::{Lane, Line, lines},
    pool::{Key, Pool, Recipe},
    process::Launch,
};
use super::check_length;
use crate::{Clip, SpeechRequest, SynthesisError, Synthesizer};

/// Normal speed of [`EspeakSettings::words_per_minute`], a little slower than espeak-ng's 175 for clarity.
const WORDS_PER_MINUTE: u16 = 160;
/// Silence between two voices in one sentence, in seconds.
const BREATH: f32 = 0.05;
/// Silence where one voice goes on in another line, in seconds: a comma's.
const COMMA: f32 = 0.2;
/// What fails within this time is tried again by a fresh process.
const AT_ONCE: Duration = Duration::from_secs(1);
/// Idle processes of a pool for every thread that speaks: both voices, as made and slower.
const IDLE_PER_THREAD: usize = 4;

/// How the voice sounds.
#[derive(Clone, Debug, PartialEq)]
pub struct EspeakSettings {
    /// The program: a name on the `PATH` or a path.
    pub program: String,
    /// One of espeak-ng's voice variants (`f2`, `m3`, …); `None` for the plain voice.
    pub variant: Option<String>,
    /// Base pitch, 0 to 99; espeak-ng's default is 50.
    pub pitch: u8,
    /// Speed at rate 1.0.
    pub words_per_minute: u16,
    /// 1.0 as the voice was made, 0 to 2.
    pub volume: f32,
}

impl Default for EspeakSettings {
    fn default() -> Self {
        Self {
            program: "espeak-ng".to_owned(),
            variant: None,
            pitch: 50,
            words_per_minute: WORDS_PER_MINUTE,
            volume: 1.0,
        }
    }
}

/// The default voice of both languages. Chinese is fed as pinyin, Tibetan as phonemes of the Mandarin table, both
/// computed by [`language::speech_plan`].
#[derive(Clone, Debug)]
pub struct EspeakVoice {
    recipe: Recipe,
    words_per_minute: u16,
    pool: Option<Arc<Pool>>,
    name: String,
}

impl EspeakVoice {
    /// Prepares the voice; `folder` receives a copy of the parts of espeak-ng's data that it needs (3 MB, made once). Every
    /// piece of a sentence gets a process of its own: for tools.
    ///
    /// # Errors
    /// Where espeak-ng is not installed or its data cannot be copied.
    pub fn new(settings: EspeakSettings, folder: &Path) -> Result<Self, SynthesisError> {
        let data = data::prepare(&settings.program, folder)?;
        let variant = settings.variant.as_deref().unwrap_or("plain");
        let mut name = format!("espeak-ng/{variant}/p{}/s{}", settings.pitch, settings.words_per_minute);
        let amplitude = (settings.volume * 100.0).round().clamp(0.0, 200.0) as u16;
        if amplitude != 100 {
            name = format!("{name}/a{amplitude}");
        }
        let launch = Launch {
            program: settings.program,
            data,
            voice: String::new(),
            speed: 0,
            pitch: settings.pitch,
            amplitude,
        };
        let recipe = Recipe { launch, variant: settings.variant };
        Ok(Self { recipe, words_per_minute: settings.words_per_minute, pool: None, name })
    }

    /// The voice with processes that stay, started and tried for both languages at these rates. Clones share them: one for
    /// each of the `threads` that speak.
    ///
    /// # Errors
    /// As [`Self::new`]; also where the program does not speak.
    pub fn pooled(
        settings: EspeakSettings,
        folder: &Path,
        threads: usize,
        rates: &[f32],
    ) -> Result<Self, SynthesisError> {
        let mut voice = Self::new(settings, folder)?;
        let pool = Pool::start(voice.recipe.clone(), IDLE_PER_THREAD * threads.max(1))?;
        for language in Language::ALL {
            for rate in rates {
                pool.end(Key { voice: language, speed: voice.speed(*rate) })?;
            }
        }
        voice.pool = Some(pool);
        Ok(voice)
    }

    /// espeak-ng accepts 80 to 450 words per minute and treats anything less as 80.
    fn speed(&self, rate: f32) -> u16 {
        (f32::from(self.words_per_minute) * rate).round().clamp(80.0, 450.0) as u16
    }

    fn say(
        &self,
        lines: &[Line],
        speed: u16,
        cancelled: &AtomicBool,
        fresh: bool,
    ) -> Result<Clip, SynthesisError> {
        let mut both: Vec<Lane<'_>> = Vec::new();
        for line in lines {
            if let Some(lane) = both.iter_mut().find(|lane| lane.key.voice == line.voice) {
                lane.waiting.push_back(&line.input);
            } else {
                let key = Key { voice: line.voice, speed };
                let mut lane = Lane::new(&self.recipe, self.pool.as_deref(), key, fresh)?;
                lane.waiting.push_back(&line.input);
                both.push(lane);
            }
        }
        // Both languages' processes begin at once, each with its first line.
        both.iter_mut().try_for_each(Lane::begin)?;
        let mut whole = Clip { samples: Vec::new(), sample_rate: 0 };
        for line in lines {
            let Some(lane) = both.iter_mut().find(|lane| lane.key.voice == line.voice) else { continue };
            let (samples, sample_rate) = lane.collect(cancelled)?;
            if whole.sample_rate != 0 {
                let pause = if line.goes_on { COMMA } else { BREATH };
                whole.samples.extend(std::iter::repeat_n(0.0, (pause * sample_rate as f32) as usize));
            }
            whole.sample_rate = sample_rate;
            whole.samples.extend(samples.into_iter().map(|sample| f32::from(sample) / 32_768.0));
        }
        both.into_iter().for_each(Lane::end);
        Ok(whole)
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
        check_length(&request.text)?;
        let plan = language::speech_plan(&request.text, request.language);
        plan.iter().try_for_each(phonemes::check)?;
        let lines = lines(&plan);
        if cancelled.load(Ordering::Relaxed) {
            return Err(SynthesisError::Cancelled);
        }
        if lines.is_empty() {
            return Err(SynthesisError::Nothing);
        }
        let speed = self.speed(request.rate);
        let begun = Instant::now();
        let clip = match self.say(&lines, speed, cancelled, false) {
            // A process that had waited may have been ended meanwhile; a fresh one says whether the fault is ours.
            // One that hung would only hang again.
            Err(error @ SynthesisError::Engine { .. })
                if self.pool.is_some() && begun.elapsed() < AT_ONCE =>
            {
                tracing::warn!(%error, "a voice process is replaced");
                self.say(&lines, speed, cancelled, true)?
            }
            outcome => outcome?,
        };
        Some(clip).filter(|clip| !clip.samples.is_empty()).ok_or(SynthesisError::Nothing)
    }
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
