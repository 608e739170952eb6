//! ONNX CTC models in sherpa-onnx's `zipformer2_ctc` layout, our own shipped model among them.
//!
//! Contract: inputs `x` f32\[N, T, 80\] (log-mel features as in [`crate::features`]) and `x_lens` i64\[N\]; outputs
//! `log_probs` f32\[N, T', V\] and `log_probs_len` i64\[N\]; T' is about T / 4. Beside the model lies `tokens.txt`.
//! Source: sherpa-onnx `offline-zipformer-ctc-model.cc`.

use std::{borrow::Cow, path::Path};

use language::{Language, phones::INVENTORY};
use ort::{
    session::Session,
    value::{Tensor, TensorElementType, ValueType},
};

use super::{
    ModelError, clean,
    live::{Heard, Streaming},
    loaded::{self, Loaded, metadata},
    onnx::Engine,
    reading::{CtcOutput, Emission, nothing, padded},
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
    loaded: Loaded,
    session: Session,
    outputs: [String; 2],
    fbank: Fbank,
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
        let mut loaded = Loaded::new(("ctc", folder, model), languages, MAX_SECONDS, tokens)?;
        if ours {
            loaded.units = Some(Units::Phones);
            loaded.capabilities.languages = Language::ALL.to_vec();
            loaded.capabilities.dictation = false;
        }
        let mut ear = Self { loaded, session, outputs, fbank: Fbank::new(), streaming };
        loaded::warm_up(model, |silence| ear.posteriors(silence))?;
        tracing::info!(engine = ear.loaded.name, ours, "the speech model is loaded");
        Ok(ear)
    }

    /// The greedy path of an utterance (16 kHz samples in [-1, 1]) as class numbers, repetitions merged and blanks
    /// dropped: for measuring what a recogniser takes for what.
    ///
    /// # Errors
    /// [`TranscribeError::Engine`] where the model fails.
    pub fn greedy(&mut self, audio: &[f32]) -> Result<Vec<u32>, TranscribeError> {
        let output = self.output(audio).map_err(|reason| self.loaded.failed(reason))?;
        Ok(output.path().classes())
    }

    /// What the network makes of the audio.
    fn output(&mut self, audio: &[f32]) -> Result<CtcOutput, String> {
        let values = self.posteriors(audio)?;
        CtcOutput::of(&self.loaded.tokens, FRAME_MS, values, false)
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
        let classes = self.loaded.tokens.names().len();
        if shape.len() != 3 || shape[0] != 1 || shape[2] != classes.cast_signed() as i64 {
            return Err(format!("its output has the shape {shape:?}, but tokens.txt has {classes} classes"));
        }
        let frames = lengths.first().map_or(shape[1], |&length| length.clamp(0, shape[1])) as usize;
        Ok(values[..frames * classes].to_vec())
    }
}

impl Transcriber for CtcTranscriber {
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
        let Some(audio) = clean::audible(audio) else { return Ok(nothing(request, seconds)) };
        let output = self.output(&audio).map_err(|reason| self.loaded.failed(reason))?;
        self.loaded.read(Cow::Owned(output), request, seconds)
    }

    fn begin(&mut self, request: &TranscribeRequest) -> Option<Live> {
        self.streaming.as_ref().map(|streaming| Live::new(streaming.begin(), request))
    }

    fn hear(&mut self, more: &mut [(&mut Live, &[f32])]) -> Result<(), TranscribeError> {
        let Some(streaming) = &self.streaming else { return Err(foreign(&self.loaded.name)) };
        let mut heard: Vec<(&mut Heard, &[f32])> = Vec::with_capacity(more.len());
        for (live, samples) in more.iter_mut() {
            heard.push((live.state.downcast_mut().ok_or_else(|| foreign(&self.loaded.name))?, samples));
        }
        let heard = streaming.hear(&mut self.session, &mut self.fbank, &mut heard);
        heard.map_err(|reason| self.loaded.failed(reason))
    }

    fn conclude(&mut self, live: &Live, over: bool) -> Result<Transcript, TranscribeError> {
        let streaming = self.streaming.as_ref();
        let (Some(streaming), Some(heard)) = (streaming, live.state.downcast_ref::<Heard>()) else {
            return Err(foreign(&self.loaded.name));
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
        let output = posteriors
            .and_then(|posteriors| CtcOutput::of(&self.loaded.tokens, FRAME_MS, posteriors, false))
            .map_err(|reason| self.loaded.failed(reason))?;
        self.loaded.read(Cow::Owned(output), &request, seconds)
    }
}

impl Engine for CtcTranscriber {
    fn vocabulary(&self) -> &Tokens {
        &self.loaded.tokens
    }

    fn emissions(&mut self, audio: &[f32]) -> Result<(Vec<Emission>, bool), TranscribeError> {
        let emissions = self.output(audio).and_then(|output| output.emissions());
        emissions.map(|emissions| (emissions, true)).map_err(|reason| self.loaded.failed(reason))
    }
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
