//! CTC models that hear the waveform itself: Omnilingual-ASR as sherpa-onnx exports it, and wav2vec2 (MMS among them) as
//! Optimum exports it.
//!
//! | layout | folder | input | output | blank |
//! |---|---|---|---|---|
//! | Omnilingual | `model.onnx` (`model_type` omnilingual-asr), `tokens.txt` | `x` f32\[N, n\] | `logits` f32\[N, n/320, V\] | class 0 |
//! | wav2vec2 | `model.onnx`, `vocab.json`, `config.json`, `preprocessor_config.json` | `input_values` f32\[N, n\] | `logits` f32\[N, (n-400)/320+1, V\] | the padding token |
//!
//! Samples are in [-1, 1] at 16 kHz. Omnilingual models, and wav2vec2 models whose `preprocessor_config.json` says
//! `do_normalize`, are given (x - µ)/√(σ² + ε) over the clip. Weights that lie beside the model (over 2 GB) are found by the
//! names that the model gives.
//!
//! Sources: sherpa-onnx `offline-omnilingual-asr-ctc-model.cc` (ε = 1e-5); transformers `feature_extraction_wav2vec2.py`
//! (`zero_mean_unit_var_norm`, ε = 1e-7), `tokenization_wav2vec2.py`; optimum `exporters/onnx/model_configs.py`.

mod vocabulary;

use std::{borrow::Cow, fs, path::Path};

use language::Language;
use ort::{
    session::Session,
    value::{DynValue, Tensor, TensorElementType, ValueType},
};
use serde_json::Value;

use super::{
    ModelError, clean,
    loaded::{self, Loaded, metadata},
    onnx::Engine,
    reading::{CtcOutput, Emission, nothing},
    tokens::Tokens,
};
use crate::{
    Capabilities, SAMPLE_RATE, TranscribeError, TranscribeRequest, Transcriber, Transcript,
    runtime::{OnnxRuntime, SessionOptions},
};

/// The longest audio taken at once, in seconds. Omnilingual models were trained on no more (omnilingual-asr README), and
/// attention over a waveform's frames grows with the square of its length in all of them.
const MAX_SECONDS: f32 = 40.0;

/// Shorter clips are padded with silence to this many samples: the first convolutions see 400 at once, and those of
/// Omnilingual's positions 128 frames of 320.
const SHORTEST: usize = SAMPLE_RATE as usize / 2;

/// `model_type` of Omnilingual models in their metadata.
const OMNILINGUAL: &str = "omnilingual-asr";

/// What Optimum's exports come with.
const VOCABULARY: &str = "vocab.json";

/// The frame shift of both families (the product of wav2vec2's convolution strides), in milliseconds; the model's own
/// `conv_stride` counts where it is given.
const FRAME_MS: f32 = 20.0;

const HINT: &str = "an Omnilingual model needs tokens.txt, a wav2vec2 model vocab.json beside its .onnx file";

/// A CTC recogniser on waveforms. One per model thread.
pub struct WaveformTranscriber {
    loaded: Loaded,
    session: Session,
    /// Whether the model wants an `attention_mask` (a few exports do).
    masked: bool,
    /// What is added to the variance when a clip is normalised; `None` where clips are taken as they are.
    epsilon: Option<f64>,
    frame_ms: f32,
}

/// Whether a folder holds one of these models. `model_type` is that of the ONNX file's metadata, which Optimum's exports
/// have not. Looks at file names only.
pub fn recognises(folder: &Path, model_type: Option<&str>) -> bool {
    match model_type {
        Some(model_type) => model_type == OMNILINGUAL,
        None => folder.join(VOCABULARY).is_file() && folder.join("config.json").is_file(),
    }
}

impl WaveformTranscriber {
    /// Loads the model in `folder` (`model.int8.onnx`, `model.onnx` or its only `.onnx` file, with what the layout puts
    /// beside it) and warms it up. `languages` is what it shall be used for; where `vocab.json` has a vocabulary for each of
    /// many languages, the one of these is taken that the model's size fits.
    ///
    /// # Errors
    /// [`ModelError`] where a file is missing, damaged or of another layout, or vocabulary and model do not fit together.
    pub fn load(
        folder: &Path,
        languages: &[Language],
        runtime: &OnnxRuntime,
        options: SessionOptions,
    ) -> Result<Self, ModelError> {
        let (model, session) = loaded::open(folder, runtime, options)?;
        Self::of_session(folder, &model, languages, session)
    }

    /// [`Self::load`] for a model that is open already.
    pub(super) fn of_session(
        folder: &Path,
        model: &Path,
        languages: &[Language],
        session: Session,
    ) -> Result<Self, ModelError> {
        let (has_tokens, has_vocabulary) =
            (folder.join("tokens.txt").is_file(), folder.join(VOCABULARY).is_file());
        if !has_tokens && !has_vocabulary {
            return Err(ModelError::Missing { path: folder.join("tokens.txt"), hint: HINT });
        }
        let layout = check_layout(&session).map_err(|reason| ModelError::unusable(model, reason))?;
        let omnilingual = metadata(&session, "model_type").as_deref() == Some(OMNILINGUAL);
        let (tokens, epsilon, frame_ms) = if omnilingual || !has_vocabulary {
            (Tokens::read_with_blank(&folder.join("tokens.txt"), 0)?, Some(1e-5), FRAME_MS)
        } else {
            let config = optional_json(&folder.join("config.json"))?;
            let tokens = vocabulary::read(folder, &config, languages, layout.classes)?;
            let epsilon = normalisation(&folder.join("preprocessor_config.json"))?;
            (tokens, epsilon, frame_ms(&config))
        };
        let loaded = Loaded::new(("waveform", folder, model), languages, MAX_SECONDS, tokens)?;
        let mut ear = Self { loaded, session, masked: layout.masked, epsilon, frame_ms };
        loaded::warm_up(model, |silence| ear.output(silence))?;
        tracing::info!(engine = ear.loaded.name, omnilingual, "the speech model is loaded");
        Ok(ear)
    }

    /// The greedy path of an utterance (16 kHz samples in [-1, 1]) as class numbers, repetitions merged and blanks dropped.
    ///
    /// # Errors
    /// [`TranscribeError`] as [`Transcriber::transcribe`].
    pub fn greedy(&mut self, audio: &[f32]) -> Result<Vec<u32>, TranscribeError> {
        Ok(self.listen(audio)?.map(|output| output.path().classes()).unwrap_or_default())
    }

    /// What the network makes of an utterance; `None` where there is nothing to hear.
    fn listen(&mut self, audio: &[f32]) -> Result<Option<CtcOutput>, TranscribeError> {
        self.loaded.seconds(audio.len())?;
        let Some(audio) = clean::audible(audio) else { return Ok(None) };
        self.output(&audio).map(Some).map_err(|reason| self.loaded.failed(reason))
    }

    /// What the network makes of the audio.
    fn output(&mut self, audio: &[f32]) -> Result<CtcOutput, String> {
        let said = |e: ort::Error| e.to_string();
        let mut samples = match self.epsilon {
            Some(epsilon) => normalised(audio, epsilon),
            None => audio.to_vec(),
        };
        samples.resize(samples.len().max(SHORTEST), 0.0);
        let length = samples.len();
        let mut inputs: Vec<(String, DynValue)> = Vec::with_capacity(2);
        for (input, masked) in self.session.inputs().iter().zip([false, self.masked]) {
            let value = if masked {
                Tensor::from_array(([1, length], vec![1_i64; length])).map_err(said)?.into_dyn()
            } else {
                let samples = std::mem::take(&mut samples);
                Tensor::from_array(([1, length], samples)).map_err(said)?.into_dyn()
            };
            inputs.push((input.name().to_owned(), value));
        }
        let outputs = self.session.run(inputs).map_err(said)?;
        let (_, logits) = outputs.iter().next().ok_or("it has no output")?;
        let (shape, values) = logits.try_extract_tensor::<f32>().map_err(said)?;
        let classes = self.loaded.tokens.names().len();
        if shape.len() != 3 || shape[0] != 1 || shape[2] != classes.cast_signed() as i64 {
            return Err(format!(
                "its output has the shape {shape:?}, but its vocabulary has {classes} classes"
            ));
        }
        CtcOutput::of(&self.loaded.tokens, self.frame_ms, values.to_vec(), true)
    }
}

impl Transcriber for WaveformTranscriber {
    fn name(&self) -> &str {
        &self.loaded.name
    }

    fn capabilities(&self) -> &Capabilities {
        &self.loaded.capabilities
    }

    fn transcribe(
        &mut self,
        audio: &[f32],
        request: &TranscribeRequest,
    ) -> Result<Transcript, TranscribeError> {
        let seconds = self.loaded.seconds(audio.len())?;
        let Some(output) = self.listen(audio)? else { return Ok(nothing(request, seconds)) };
        self.loaded.read(Cow::Owned(output), request, seconds)
    }
}

impl Engine for WaveformTranscriber {
    fn vocabulary(&self) -> &Tokens {
        &self.loaded.tokens
    }

    fn emissions(&mut self, audio: &[f32]) -> Result<(Vec<Emission>, bool), TranscribeError> {
        let Some(output) = self.listen(audio)? else { return Ok((Vec::new(), true)) };
        output.emissions().map(|emissions| (emissions, true)).map_err(|reason| self.loaded.failed(reason))
    }
}

/// What a model's graph says.
struct Layout {
    masked: bool,
    /// Classes, where the graph fixes them.
    classes: Option<usize>,
}

/// Checks that a model is of one of the layouts described above.
fn check_layout(session: &Session) -> Result<Layout, String> {
    if let Some(layout) = metadata(session, "model_type").filter(|layout| layout != OMNILINGUAL) {
        return Err(format!("its layout is {layout:?}, which does not hear waveforms"));
    }
    let rank = |value: &ValueType, element: TensorElementType| match value {
        ValueType::Tensor { ty, shape, .. } if *ty == element => shape.len(),
        _ => 0,
    };
    let [waveform, mask @ ..] = session.inputs() else { return Err("it has no inputs".into()) };
    let masked = match mask {
        [] => false,
        [mask] => mask.name() == "attention_mask" && rank(mask.dtype(), TensorElementType::Int64) == 2,
        _ => return Err(format!("it has {} inputs instead of a waveform alone", session.inputs().len())),
    };
    if rank(waveform.dtype(), TensorElementType::Float32) != 2 || masked == mask.is_empty() {
        return Err("its input is not a waveform f32[N, samples]".into());
    }
    let logits = session.outputs().first().map(ort::value::Outlet::dtype);
    match logits {
        Some(ValueType::Tensor { ty: TensorElementType::Float32, shape, .. }) if shape.len() == 3 => {
            Ok(Layout { masked, classes: usize::try_from(shape[2]).ok() })
        }
        _ => Err("its first output is not logits f32[N, frames, classes]".into()),
    }
}

/// (x - µ)/√(σ² + ε) over the clip.
fn normalised(audio: &[f32], epsilon: f64) -> Vec<f32> {
    let count = audio.len().max(1) as f64;
    let mean = audio.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
    let variance = audio.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / count;
    let scale = 1.0 / (variance + epsilon).sqrt();
    audio.iter().map(|&x| ((f64::from(x) - mean) * scale) as f32).collect()
}

/// A JSON file's content; an empty object where there is no such file.
fn optional_json(path: &Path) -> Result<Value, ModelError> {
    if !path.is_file() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    json(path)
}

fn json(path: &Path) -> Result<Value, ModelError> {
    let text = fs::read_to_string(path).map_err(|source| ModelError::Io { path: path.to_owned(), source })?;
    serde_json::from_str(&text).map_err(|e| ModelError::unusable(path, e))
}

/// Whether clips are normalised, and with which ε. Without the file as transformers has it by default: they are.
fn normalisation(file: &Path) -> Result<Option<f64>, ModelError> {
    let config = optional_json(file)?;
    let rate = config.get("sampling_rate").and_then(Value::as_u64).unwrap_or(SAMPLE_RATE.into());
    if rate != u64::from(SAMPLE_RATE) {
        return Err(ModelError::unusable(file, format!("it wants {rate} Hz; this program has 16000 Hz")));
    }
    Ok(config.get("do_normalize").and_then(Value::as_bool).unwrap_or(true).then_some(1e-7))
}

/// The product of the convolutions' strides.
fn frame_ms(config: &Value) -> f32 {
    let strides = config.get("conv_stride").and_then(Value::as_array);
    let samples = strides
        .map(|strides| strides.iter().map(|stride| stride.as_u64().unwrap_or(1) as f32).product::<f32>());
    samples.map_or(FRAME_MS, |samples| samples * 1000.0 / SAMPLE_RATE as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clip_is_normalised_to_no_mean_and_unit_variance_and_silence_stays_silence() {
        let clip: Vec<f32> = (0..1000).map(|i| 0.2 + 0.1 * (i as f32 * 0.3).sin()).collect();
        let normal = normalised(&clip, 1e-7);
        let mean = normal.iter().sum::<f32>() / 1000.0;
        let variance = normal.iter().map(|x| x * x).sum::<f32>() / 1000.0;
        assert!(mean.abs() < 1e-4 && (variance - 1.0).abs() < 1e-3, "{mean} {variance}");
        assert_eq!(normalised(&[0.5], 1e-7), [0.0]);
        assert_eq!(normalised(&[], 1e-7), Vec::<f32>::new());
    }

    #[test]
    fn folders_are_told_apart_by_their_files_and_the_models_own_word() {
        let folder = tempfile::tempdir().unwrap();
        assert!(recognises(folder.path(), Some("omnilingual-asr")));
        assert!(!recognises(folder.path(), Some("zipformer2_ctc")) && !recognises(folder.path(), None));
        for name in [VOCABULARY, "config.json"] {
            fs::write(folder.path().join(name), "{}").unwrap();
        }
        assert!(recognises(folder.path(), None) && !recognises(folder.path(), Some("sense_voice_ctc")));
    }

    #[test]
    fn frames_are_as_far_apart_as_the_strides_say() {
        let config = serde_json::json!({"conv_stride": [5, 2, 2, 2, 2, 2, 2]});
        assert!((frame_ms(&config) - 20.0).abs() < 1e-6);
        assert!((frame_ms(&Value::Null) - 20.0).abs() < 1e-6);
    }
}
