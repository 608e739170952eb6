//! VITS voices through ONNX Runtime, in the layouts in which they are published.
//!
//! | layout | how it is recognised | beside the model |
//! |---|---|---|
//! | Piper | inputs `input`, `input_lengths`, `scales` | `<model>.onnx.json` |
//! | MMS-TTS, sherpa-onnx's export | inputs `x`, `x_length`, … and `frontend` `characters` | `tokens.txt` |
//! | VITS and MMS-TTS, Optimum's export | inputs `input_ids`, `attention_mask` | `vocab.json`, `config.json` |
//!
//! Sources: `voice.py`, `phoneme_ids.py`, `phonemize_chinese.py` and `export_onnx.py` of piper1-gpl; the MMS exporter and reader of sherpa-onnx; `VitsTokenizer`
//! of transformers. What reaches a model is tested with small models that write it into their output (`training/voices`). No
//! published voice has been loaded with this project.

mod files;
mod front;
mod network;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use language::Language;

use self::{
    front::Front,
    network::{Network, Run},
};
use super::{
    check_length,
    espeak::{EspeakSettings, IpaReader},
    level::amplify,
};
use crate::{
    Clip, SpeechRequest, SynthesisError, Synthesizer,
    runtime::{OnnxRuntime, SessionOptions},
    transcriber::{ModelError, short_hash},
};

/// Silence between two pieces of a long sentence, in seconds.
const PAUSE: f32 = 0.15;

/// Which voice, and how it speaks.
#[derive(Clone, Debug)]
pub struct VitsSettings {
    /// The `.onnx` file, or the folder that holds it.
    pub path: PathBuf,
    /// The language it speaks.
    pub language: Language,
    /// The number of the speaker, from 0, where the voice has several.
    pub speaker: u32,
    /// Speed at rate 1.0 against how the voice was made.
    pub speed: f32,
    /// 1.0 as the voice was made; what becomes too loud is limited.
    pub volume: f32,
    /// How freely the voice varies its sound; `None`: as published.
    pub noise_scale: Option<f32>,
    /// How freely the voice varies its durations; `None`: as published.
    pub noise_w: Option<f32>,
    /// espeak-ng, for voices that were trained on its phonemes.
    pub espeak: EspeakSettings,
    /// Where espeak-ng's data is copied to.
    pub folder: PathBuf,
}

/// A VITS voice. One per thread that speaks.
pub struct VitsVoice {
    network: Network,
    front: Arc<Front>,
    language: Language,
    /// Divides the model's length scale.
    speed: f32,
    volume: f32,
    run: Run,
    sample_rate: u32,
    name: String,
}

impl VitsVoice {
    /// Loads the voice and lets it speak once, which proves the shapes. Seconds of work.
    ///
    /// # Errors
    /// [`ModelError`], which names the file and says what to do: a file is missing or damaged, is no voice of a known layout, or
    /// wants what this version does not give.
    pub fn load(
        settings: &VitsSettings,
        runtime: &OnnxRuntime,
        options: SessionOptions,
    ) -> Result<Self, ModelError> {
        let model = files::model(&settings.path)?;
        let network = Network::open(&model, runtime, options)?;
        let described = files::describe(&model, &network)?;
        let wrong = |reason: String| ModelError::unusable(&model, reason);
        if settings.speaker >= described.speakers {
            return Err(wrong(format!(
                "it has {} speakers, numbered from 0; speaker {} is none of them",
                described.speakers, settings.speaker
            )));
        }
        let ipa = match &described.espeak {
            None => None,
            Some(voice) => {
                files::phonemes(voice, settings.language).map_err(wrong)?;
                let reader = IpaReader::new(settings.espeak.clone(), &settings.folder);
                Some(
                    reader
                        .map_err(|error| wrong(format!("it was trained on espeak-ng's phonemes; {error}")))?,
                )
            }
        };
        let run = Run {
            noise_scale: settings.noise_scale.unwrap_or(described.noise_scale),
            length_scale: described.length_scale,
            noise_w: settings.noise_w.unwrap_or(described.noise_w),
            speaker: i64::from(settings.speaker),
        };
        let file = model.file_stem().unwrap_or_default().to_string_lossy();
        let name = format!(
            "{}:{file}@{}/{}/s{}/v{}/n{}/w{}",
            described.layout,
            short_hash(&model)?,
            settings.speaker,
            settings.speed,
            settings.volume,
            run.noise_scale,
            run.noise_w
        );
        let mut voice = Self {
            network,
            front: Arc::new(Front::new(described.symbols, ipa)),
            language: settings.language,
            speed: settings.speed,
            volume: settings.volume,
            run,
            sample_rate: described.sample_rate,
            name,
        };
        let ids = voice.front.some();
        let never = AtomicBool::new(false);
        voice.network.speak(&ids, &run, &never).map_err(|error| wrong(error.to_string()))?;
        tracing::info!(voice = voice.name, language = %voice.language, "a voice is loaded");
        Ok(voice)
    }
}

impl Synthesizer for VitsVoice {
    fn name(&self) -> &str {
        &self.name
    }

    fn mixes(&self) -> bool {
        false
    }

    /// Says the sentence in pieces of at most some fifteen seconds. Letters and signs that the voice never learned are left
    /// out, as in the programs that it was published for; a sentence of nothing else is [`SynthesisError::Nothing`].
    fn synthesize(
        &mut self,
        request: &SpeechRequest,
        cancelled: &AtomicBool,
    ) -> Result<Clip, SynthesisError> {
        check_length(&request.text)?;
        let failed = |reason: String| SynthesisError::Engine { engine: self.name.clone(), reason };
        let mut samples: Vec<f32> = Vec::new();
        let run = Run { length_scale: self.run.length_scale / (self.speed * request.rate), ..self.run };
        let text = language::spoken_text(&request.text, self.language);
        for piece in front::pieces(&text) {
            if cancelled.load(Ordering::Relaxed) {
                return Err(SynthesisError::Cancelled);
            }
            let Some(ids) = self.front.ids(piece, self.language, cancelled)? else { continue };
            if !samples.is_empty() {
                let pause = (PAUSE * self.sample_rate as f32) as usize;
                samples.extend(std::iter::repeat_n(0.0, pause));
            }
            let said = match self.network.speak(&ids, &run, cancelled) {
                Err(network::Fault::Cancelled) => return Err(SynthesisError::Cancelled),
                other => other.map_err(|error| failed(error.to_string()))?,
            };
            samples.extend(said);
        }
        if samples.is_empty() {
            return Err(SynthesisError::Nothing);
        }
        amplify(&mut samples, self.volume);
        Ok(Clip { samples, sample_rate: self.sample_rate })
    }
}
