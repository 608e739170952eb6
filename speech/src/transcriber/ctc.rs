//! ONNX CTC models in sherpa-onnx's `zipformer2_ctc` layout, our own shipped model among them.
//!
//! Contract: inputs `x` f32\[N, T, 80\] (log-mel features as in [`crate::features`]) and `x_lens` i64\[N\]; outputs
//! `log_probs` f32\[N, T', V\] and `log_probs_len` i64\[N\]; T' is about T / 4. Beside the model lies `tokens.txt`.
//! Source: sherpa-onnx `offline-zipformer-ctc-model.cc`.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
};

use language::{Language, phones::INVENTORY};
use ort::{
    session::Session,
    value::{Tensor, TensorElementType, ValueType},
};

use super::{
    ModelError, clean,
    dictation::Dictation,
    live::{Heard, Streaming},
    onnx::{Engine, units},
    reading::{CtcOutput, Emission, Reading, nothing, padded},
    short_hash,
    tokens::Tokens,
};
use crate::{
    Capabilities, Live, SAMPLE_RATE, TranscribeError, TranscribeRequest, Transcriber, Transcript,
    evidence::Units,
    features::{BINS, Fbank},
    runtime::{OnnxRuntime, SessionOptions},
    transcript::foreign,
};

/// The longest audio taken at once, in seconds: the longest utterance that the listener lets grow.
const MAX_SECONDS: f32 = 60.0;

/// Milliseconds from one frame of the output to the next: four of the features' 10 ms.
const FRAME_MS: f32 = 40.0;

/// The layout's name in a model's metadata.
const LAYOUT: &str = "zipformer2_ctc";

/// `model_author` in the metadata of models that this project trains: their classes are `language`'s phones.
const OURS: &str = "drilen";

/// What to do where the shipped model's files are not there.
const HINT: &str =
    "the shipped model lies in models/seed of the project; name its folder in the configuration";

/// A CTC recogniser on ONNX Runtime. One per model thread.
pub struct CtcTranscriber {
    name: String,
    capabilities: Capabilities,
    session: Session,
    outputs: [String; 2],
    fbank: Fbank,
    tokens: Tokens,
    units: Units,
    dictation: Dictation,
    streaming: Option<Streaming>,
}

impl CtcTranscriber {
    /// Loads the model in `folder` (`model.int8.onnx`, `model.onnx` or its only `.onnx` file, and `tokens.txt`) and
    /// warms it up. `languages` is what it was trained on; ignored for our own model, which hears both.
    ///
    /// # Errors
    /// [`ModelError`] where a file is missing, is of another layout, or its phones are not those of this version.
    pub fn load(
        folder: &Path,
        languages: &[Language],
        runtime: &OnnxRuntime,
        options: SessionOptions,
    ) -> Result<Self, ModelError> {
        let model = model_file(folder)?;
        let session = runtime.session(&model, options).map_err(|e| ModelError::unusable(&model, e))?;
        Self::of_session(folder, &model, languages, session)
    }

    /// [`Self::load`] for a model that is open already.
    pub(super) fn of_session(
        folder: &Path,
        model: &Path,
        languages: &[Language],
        session: Session,
    ) -> Result<Self, ModelError> {
        let tokens_file = folder.join("tokens.txt");
        if !tokens_file.is_file() {
            return Err(ModelError::Missing { path: tokens_file, hint: HINT });
        }
        let tokens = Tokens::read(&tokens_file, folder.join("bbpe.model").is_file())?;
        let outputs = check_layout(&session).map_err(|reason| ModelError::unusable(model, reason))?;
        let ours = metadata(&session, "model_author").as_deref() == Some(OURS);
        if ours {
            check_inventory(&tokens).map_err(|reason| ModelError::unusable(&tokens_file, reason))?;
        }
        let streaming = Streaming::of(&session, metadata(&session, "streaming_delay").as_deref())
            .map_err(|reason| ModelError::unusable(model, reason))?;
        let units = if ours { Units::Phones } else { units(&tokens) };
        let folder_name = folder.file_name().map_or("ctc".into(), |name| name.to_string_lossy());
        let mut loaded = Self {
            name: format!("ctc:{folder_name}@{}", short_hash(model)?),
            capabilities: Capabilities {
                languages: if ours { Language::ALL.to_vec() } else { languages.to_vec() },
                dictation: !ours,
                evidence: true,
                max_seconds: MAX_SECONDS,
            },
            session,
            outputs,
            fbank: Fbank::new(),
            dictation: Dictation::new(&tokens),
            tokens,
            units,
            streaming,
        };
        // The first run allocates and prepares kernels: better now than while a citizen waits. It also proves the shapes.
        loaded
            .posteriors(&vec![0.0; SAMPLE_RATE as usize])
            .map_err(|reason| ModelError::unusable(model, reason))?;
        tracing::info!(engine = loaded.name, ours, "the speech model is loaded");
        Ok(loaded)
    }

    /// The greedy path of an utterance (16 kHz samples in [-1, 1]) as class numbers, repetitions merged and blanks
    /// dropped: for measuring what a recogniser takes for what.
    ///
    /// # Errors
    /// [`TranscribeError::Engine`] where the model fails.
    pub fn greedy(&mut self, audio: &[f32]) -> Result<Vec<u32>, TranscribeError> {
        let output = self.output(audio).map_err(|reason| self.failed(reason))?;
        Ok(output.path().classes())
    }

    fn failed(&self, reason: String) -> TranscribeError {
        TranscribeError::Engine { engine: self.name.clone(), reason }
    }

    /// What the network makes of the audio.
    fn output(&mut self, audio: &[f32]) -> Result<CtcOutput, String> {
        let values = self.posteriors(audio)?;
        CtcOutput::of(&self.tokens, FRAME_MS, values, false)
    }

    fn read(
        &mut self,
        output: CtcOutput,
        request: &TranscribeRequest,
        seconds: f32,
    ) -> Result<Transcript, String> {
        let reading = Reading {
            tokens: &self.tokens,
            units: Some(&self.units),
            dictation: self.capabilities.dictation.then_some(&mut self.dictation),
        };
        reading.of_ctc(Cow::Owned(output), request, seconds)
    }

    /// Log-posteriors of the audio, `frames × classes`.
    fn posteriors(&mut self, audio: &[f32]) -> Result<Vec<f32>, String> {
        let features = self.fbank.compute(&padded(&clean::usable(audio)));
        let frames = features.len() / BINS;
        let said = |e: ort::Error| e.to_string();
        let x = Tensor::from_array(([1, frames, BINS], features)).map_err(said)?;
        let lengths = Tensor::from_array(([1_usize], vec![frames.cast_signed() as i64])).map_err(said)?;
        let outputs = self.session.run(ort::inputs![x, lengths]).map_err(said)?;
        let (shape, values) = outputs[self.outputs[0].as_str()].try_extract_tensor::<f32>().map_err(said)?;
        let (_, lengths) = outputs[self.outputs[1].as_str()].try_extract_tensor::<i64>().map_err(said)?;
        let classes = self.tokens.names().len();
        if shape.len() != 3 || shape[0] != 1 || shape[2] != classes.cast_signed() as i64 {
            return Err(format!("its output has the shape {shape:?}, but tokens.txt has {classes} classes"));
        }
        let frames = lengths.first().map_or(shape[1], |&length| length.clamp(0, shape[1])) as usize;
        Ok(values[..frames * classes].to_vec())
    }
}

impl Transcriber for CtcTranscriber {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn transcribe(
        &mut self,
        audio: &[f32],
        request: &TranscribeRequest,
    ) -> Result<Transcript, TranscribeError> {
        let seconds = audio.len() as f32 / SAMPLE_RATE as f32;
        if seconds > self.capabilities.max_seconds {
            return Err(TranscribeError::TooLong { seconds, max: self.capabilities.max_seconds });
        }
        let Some(audio) = clean::audible(audio) else { return Ok(nothing(request, seconds)) };
        self.output(&audio)
            .and_then(|output| self.read(output, request, seconds))
            .map_err(|reason| self.failed(reason))
    }

    fn begin(&mut self, request: &TranscribeRequest) -> Option<Live> {
        self.streaming.as_ref().map(|streaming| Live::new(streaming.begin(), request))
    }

    fn hear(&mut self, more: &mut [(&mut Live, &[f32])]) -> Result<(), TranscribeError> {
        let Some(streaming) = &self.streaming else { return Err(foreign(&self.name)) };
        let mut heard: Vec<(&mut Heard, &[f32])> = Vec::with_capacity(more.len());
        for (live, samples) in more.iter_mut() {
            heard.push((live.state.downcast_mut().ok_or_else(|| foreign(&self.name))?, samples));
        }
        streaming.hear(&mut self.session, &mut self.fbank, &mut heard).map_err(|reason| self.failed(reason))
    }

    fn conclude(&mut self, live: &Live, over: bool) -> Result<Transcript, TranscribeError> {
        let streaming = self.streaming.as_ref();
        let (Some(streaming), Some(heard)) = (streaming, live.state.downcast_ref::<Heard>()) else {
            return Err(foreign(&self.name));
        };
        let request = live.request_now(over);
        let seconds = heard.samples as f32 / SAMPLE_RATE as f32;
        if !heard.audible {
            return Ok(nothing(&request, seconds));
        }
        let posteriors = if over {
            streaming.conclude(&mut self.session, &mut self.fbank, heard)
        } else {
            Ok(heard.posteriors.clone())
        };
        posteriors
            .and_then(|posteriors| CtcOutput::of(&self.tokens, FRAME_MS, posteriors, false))
            .and_then(|output| self.read(output, &request, seconds))
            .map_err(|reason| self.failed(reason))
    }
}

impl Engine for CtcTranscriber {
    fn vocabulary(&self) -> &Tokens {
        &self.tokens
    }

    fn emissions(&mut self, audio: &[f32]) -> Result<(Vec<Emission>, bool), TranscribeError> {
        let emissions = self.output(audio).and_then(|output| output.emissions());
        emissions.map(|emissions| (emissions, true)).map_err(|reason| self.failed(reason))
    }
}

/// The model's file in its folder.
pub(super) fn model_file(folder: &Path) -> Result<PathBuf, ModelError> {
    let preferred = ["model.int8.onnx", "model_quant.onnx", "model.onnx"].map(|name| folder.join(name));
    if let Some(model) = preferred.iter().find(|path| path.is_file()) {
        return Ok(model.clone());
    }
    let entries =
        folder.read_dir().map_err(|_| ModelError::Missing { path: folder.to_owned(), hint: HINT })?;
    let mut models = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "onnx"));
    match (models.next(), models.next()) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => Err(ModelError::unusable(
            folder,
            "it holds several .onnx files; call the one to be used model.onnx or model.int8.onnx",
        )),
        (None, _) => Err(ModelError::Missing { path: folder.join("model.onnx"), hint: HINT }),
    }
}

pub(super) fn metadata(session: &Session, key: &str) -> Option<String> {
    session.metadata().ok()?.custom(key)
}

/// Checks that a model is of the layout described above; returns its outputs' names.
fn check_layout(session: &Session) -> Result<[String; 2], String> {
    if let Some(layout) = metadata(session, "model_type").filter(|layout| layout != LAYOUT) {
        return Err(format!("its layout is {layout:?}; this version loads {LAYOUT:?}"));
    }
    let is = |value: &ValueType, element: TensorElementType, rank: usize| matches!(value, ValueType::Tensor { ty, shape, .. } if *ty == element && shape.len() == rank);
    let [x, lengths] = session.inputs() else {
        return Err(format!("it has {} inputs instead of x and x_lens", session.inputs().len()));
    };
    if !is(x.dtype(), TensorElementType::Float32, 3) || !is(lengths.dtype(), TensorElementType::Int64, 1) {
        return Err("its inputs are not x f32[N, T, 80] and x_lens i64[N]".into());
    }
    // A model that also streams returns its states besides.
    let [log_probs, log_probs_len, ..] = session.outputs() else {
        return Err(format!(
            "it has {} outputs instead of log_probs and log_probs_len",
            session.outputs().len()
        ));
    };
    if !is(log_probs.dtype(), TensorElementType::Float32, 3)
        || !is(log_probs_len.dtype(), TensorElementType::Int64, 1)
    {
        return Err("its outputs are not log_probs f32[N, T', V] and log_probs_len i64[N]".into());
    }
    Ok([log_probs.name().to_owned(), log_probs_len.name().to_owned()])
}

/// Our own models must speak of the same phones as `language`: a shifted inventory would match nonsense in silence.
fn check_inventory(tokens: &Tokens) -> Result<(), String> {
    if tokens.names().len() != INVENTORY.len() {
        return Err(format!(
            "it has {} classes but this version's phone inventory has {}; model and program do not belong together",
            tokens.names().len(),
            INVENTORY.len()
        ));
    }
    match tokens.names().iter().zip(INVENTORY.iter()).position(|(token, phone)| token != phone.name) {
        None => Ok(()),
        Some(class) => Err(format!(
            "class {class} is {:?} but {:?} in this version's phone inventory; model and program do not belong together",
            tokens.names()[class],
            INVENTORY[class].name
        )),
    }
}
