//! Streaming CTC models in icefall's `zipformer2` layout, as sherpa-onnx's `online-ctc` models have it.
//!
//! Contract: input `x` f32\[N, T, 80\] (log-mel features as in [`crate::features`]) and the states of the chunk before;
//! outputs `log_probs` f32\[N, T', V\] and the new states. T is about 45 frames of 10 ms, of which the stream advances by
//! `decode_chunk_len` (32); T' is a quarter of that. Per encoder layer six states: `cached_key`
//! \[left, N, `query_head_dims` · heads\], `cached_nonlin_attn` \[1, N, left, 3/4 · dim\], `cached_val1` and `cached_val2`
//! \[left, N, `value_head_dims` · heads\], `cached_conv1` and `cached_conv2` \[N, dim, kernel / 2\]; then `embed_states`
//! \[N, 128, 3, 19\] and `processed_lens` i64\[N\]. All begin as zeros; their sizes are in the metadata, one number per
//! stack. Beside the model lies `tokens.txt`.
//!
//! Sources: sherpa-onnx `online-zipformer2-ctc-model.cc`, `online-recognizer-ctc-impl.h`; icefall
//! `zipformer/export-onnx-streaming-ctc.py`.

use std::{borrow::Cow, collections::VecDeque, path::Path};

use language::Language;
use ort::{
    session::Session,
    value::{DynValue, Tensor, TensorElementType, ValueType},
};

use super::{
    ModelError, clean,
    loaded::{self, Loaded, metadata},
    onnx::Engine,
    reading::{CtcOutput, Emission, nothing},
    tokens::Tokens,
};
use crate::{
    Capabilities, Live, SAMPLE_RATE, TranscribeError, TranscribeRequest, Transcriber, Transcript,
    features::{BINS, FRAME_SHIFT, Fbank},
    runtime::{OnnxRuntime, SessionOptions},
    transcript::foreign,
};

/// The layout's name in a model's metadata; transducers' encoders have it too.
const LAYOUT: &str = "zipformer2";

/// The longest stream, in seconds: the longest utterance that the listener lets grow.
const MAX_SECONDS: f32 = 60.0;

/// Samples of silence appended to the end of a stream, at least: streaming models write a word down some time after it. As
/// in sherpa-onnx's examples (.66 s).
const TAIL: usize = SAMPLE_RATE as usize * 66 / 100;

/// Samples from a frame's first to the centre's end that a frame needs: it begins 120 before `160 · frame` and ends here.
const FRAME_END: usize = 280;

/// Milliseconds from one frame of posteriors to the next: features are subsampled by four.
const FRAME_MS: f32 = 40.0;

/// Sizes in the metadata beyond this are damage, as is a state of more numbers than [`LARGEST_STATE`].
const LARGEST: usize = 1 << 14;

/// See [`LARGEST`]. The largest published models' states have under a million.
const LARGEST_STATE: usize = 1 << 24;

const HINT: &str = "a streaming zipformer2 CTC model needs tokens.txt beside its .onnx file";

/// A streaming CTC recogniser. One per model thread; it can serve several streams in turn, each of which keeps its own state.
pub struct ZipformerTranscriber {
    loaded: Loaded,
    session: Session,
    layout: Layout,
    fbank: Fbank,
}

/// One utterance on its way through a [`ZipformerTranscriber`]: what the model remembers of it, and what it has written so
/// far. Holds at most [`Capabilities::max_seconds`] of posteriors and some tenths of a second of samples.
pub struct ZipformerStream {
    states: Vec<DynValue>,
    /// Samples not yet used up; the first is sample `160 · kept` of the stream.
    samples: VecDeque<f32>,
    kept: usize,
    /// The next frame of features to be fed.
    next: usize,
    /// Samples so far, and of those the ones that were sound and not the silence at the end.
    total: usize,
    sound: usize,
    /// Whether any of them was more than digital silence.
    audible: bool,
    finished: bool,
    output: CtcOutput,
}

/// Whether a model is of this layout, by `model_type` of its metadata. Transducers say the same of themselves; loading tells
/// them apart.
pub fn recognises(model_type: Option<&str>) -> bool {
    model_type == Some(LAYOUT)
}

impl ZipformerTranscriber {
    /// Loads the model in `folder` (`model.int8.onnx`, `model.onnx` or its only `.onnx` file, and `tokens.txt`) and warms
    /// it up. `languages` is what it was trained on.
    ///
    /// # Errors
    /// [`ModelError`] where a file is missing, damaged or of another layout (a transducer's encoder among them), or
    /// `tokens.txt` and model do not fit together.
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
        let layout = Layout::of(&session).map_err(|reason| ModelError::unusable(model, reason))?;
        let tokens = Tokens::read(&tokens_file, folder.join("bbpe.model").is_file())?;
        let loaded = Loaded::new(("zipformer", folder, model), languages, MAX_SECONDS, tokens)?;
        let mut ear = Self { loaded, session, layout, fbank: Fbank::new() };
        loaded::warm_up(model, |silence| ear.listen(silence))?;
        tracing::info!(engine = ear.loaded.name, chunk = ear.layout.chunk, "the speech model is loaded");
        Ok(ear)
    }

    /// A new stream.
    ///
    /// # Errors
    /// [`TranscribeError::Engine`] where its memory cannot be had.
    pub fn open(&self) -> Result<ZipformerStream, TranscribeError> {
        let states = self.layout.states().map_err(|reason| self.loaded.failed(reason))?;
        Ok(ZipformerStream {
            states,
            samples: VecDeque::new(),
            kept: 0,
            next: 0,
            total: 0,
            sound: 0,
            audible: false,
            finished: false,
            output: CtcOutput::new(&self.loaded.tokens, FRAME_MS),
        })
    }

    /// The greedy path of an utterance (16 kHz samples in [-1, 1]) as class numbers, repetitions merged and blanks dropped.
    ///
    /// # Errors
    /// [`TranscribeError`] as [`Transcriber::transcribe`].
    pub fn greedy(&mut self, audio: &[f32]) -> Result<Vec<u32>, TranscribeError> {
        Ok(self.listen(audio)?.classes())
    }

    /// The stream of a whole utterance.
    fn listen(&mut self, audio: &[f32]) -> Result<ZipformerStream, TranscribeError> {
        let mut stream = self.open()?;
        stream.push(self, audio)?;
        stream.finish(self)?;
        Ok(stream)
    }

    /// Runs one chunk of `T × 80` features; returns its posteriors and puts the new states in place of the old.
    fn run(&mut self, features: Vec<f32>, states: &mut Vec<DynValue>) -> Result<Vec<f32>, String> {
        let said = |e: ort::Error| e.to_string();
        let chunk = [1, self.layout.chunk, BINS];
        let x = Tensor::from_array((chunk, features)).map_err(said)?.into_dyn();
        let values = std::iter::once(x).chain(std::mem::take(states));
        let inputs: Vec<(String, DynValue)> = self.layout.inputs.iter().cloned().zip(values).collect();
        let mut outputs = self.session.run(inputs).map_err(said)?;
        let classes = self.loaded.tokens.names().len();
        let name = self.layout.outputs[0].as_str();
        let posteriors = outputs.get(name).ok_or("it gives no log_probs")?;
        let (shape, values) = posteriors.try_extract_tensor::<f32>().map_err(said)?;
        if shape.len() != 3 || shape[0] != 1 || shape[2] != classes.cast_signed() as i64 {
            return Err(format!("its output has the shape {shape:?}, but tokens.txt has {classes} classes"));
        }
        let values = values.to_vec();
        for name in &self.layout.outputs[1..] {
            states.push(outputs.remove(name).ok_or_else(|| format!("it gives no {name}"))?);
        }
        Ok(values)
    }
}

impl ZipformerStream {
    /// Goes on with more sound, 16 kHz mono samples in [-1, 1], any number at a time; runs the model for every chunk that
    /// is complete. After [`Self::finish`] nothing more is heard.
    ///
    /// # Errors
    /// [`TranscribeError::TooLong`] where the stream gets longer than the engine takes, [`TranscribeError::Engine`] where
    /// the model fails; the stream is of no use then.
    pub fn push(
        &mut self,
        engine: &mut ZipformerTranscriber,
        samples: &[f32],
    ) -> Result<(), TranscribeError> {
        if self.finished {
            return Ok(());
        }
        self.sound += samples.len();
        self.fits()?;
        self.audible |= clean::is_audible(samples);
        self.samples.extend(clean::usable(samples).iter());
        self.total += samples.len();
        self.advance(engine)
    }

    /// Ends the stream: appends silence, so that the model writes down what it still holds back.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn finish(&mut self, engine: &mut ZipformerTranscriber) -> Result<(), TranscribeError> {
        if self.finished {
            return Ok(());
        }
        let tail = TAIL.max((engine.layout.chunk + 1) * FRAME_SHIFT);
        self.samples.extend(std::iter::repeat_n(0.0, tail));
        self.total += tail;
        self.finished = true;
        self.advance(engine)
    }

    /// The classes written so far, repetitions merged and blanks dropped. It only ever grows.
    pub fn classes(&self) -> Vec<u32> {
        self.output.path().classes()
    }

    /// What was heard so far: empty where nothing was.
    ///
    /// # Errors
    /// [`TranscribeError::Engine`] where the posteriors make no evidence.
    pub fn transcript(
        &self,
        engine: &mut ZipformerTranscriber,
        request: &TranscribeRequest,
    ) -> Result<Transcript, TranscribeError> {
        if !self.audible {
            return Ok(nothing(request, self.seconds()));
        }
        engine.loaded.read(Cow::Borrowed(&self.output), request, self.seconds())
    }

    /// A copy that can be ended while this one goes on.
    ///
    /// # Errors
    /// [`TranscribeError::Engine`] where its memory cannot be had.
    pub fn copy(&self, engine: &ZipformerTranscriber) -> Result<Self, TranscribeError> {
        let states = self.states.iter().map(duplicate).collect::<Result<_, _>>();
        Ok(Self {
            states: states.map_err(|reason| engine.loaded.failed(reason))?,
            samples: self.samples.clone(),
            output: self.output.clone(),
            ..*self
        })
    }

    /// Whether the engine takes so much.
    fn fits(&self) -> Result<(), TranscribeError> {
        let seconds = self.seconds();
        if seconds > MAX_SECONDS {
            Err(TranscribeError::TooLong { seconds, max: MAX_SECONDS })
        } else {
            Ok(())
        }
    }

    fn seconds(&self) -> f32 {
        self.sound as f32 / SAMPLE_RATE as f32
    }

    /// Frames whose every sample has come.
    fn ready(&self) -> usize {
        if self.finished {
            Fbank::frames(self.total)
        } else {
            self.total.checked_sub(FRAME_END).map_or(0, |more| more / FRAME_SHIFT + 1)
        }
    }

    fn advance(&mut self, engine: &mut ZipformerTranscriber) -> Result<(), TranscribeError> {
        let Layout { chunk, shift, .. } = engine.layout;
        // sherpa-onnx waits for one frame more than it feeds; that decides where a stream's last chunk lies.
        while self.next + chunk < self.ready() {
            let features = self.features(&mut engine.fbank, chunk);
            let posteriors =
                engine.run(features, &mut self.states).map_err(|reason| engine.loaded.failed(reason))?;
            self.output.extend(posteriors, false).map_err(|reason| engine.loaded.failed(reason))?;
            self.next += shift;
            let used = self.next.saturating_sub(1);
            self.samples.drain(..((used - self.kept) * FRAME_SHIFT).min(self.samples.len()));
            self.kept = used;
        }
        Ok(())
    }

    /// `frames × 80` features from frame `next` on. They are what the whole stream's features would be, because a frame
    /// depends on its own samples only: one frame more before them keeps the reflection at the cut away from them.
    fn features(&mut self, fbank: &mut Fbank, frames: usize) -> Vec<f32> {
        let needed = (self.next + frames - 1 - self.kept) * FRAME_SHIFT + FRAME_END;
        let samples = self.samples.make_contiguous();
        let mut features = fbank.compute(&samples[..needed.min(samples.len())]);
        let before = (self.next - self.kept) * BINS;
        features.truncate(before + frames * BINS);
        features.drain(..before);
        features
    }
}

impl Transcriber for ZipformerTranscriber {
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
        if !clean::is_audible(audio) {
            return Ok(nothing(request, seconds));
        }
        self.listen(audio)?.transcript(self, request)
    }

    fn begin(&mut self, request: &TranscribeRequest) -> Option<Live> {
        match self.open() {
            Ok(stream) => Some(Live::new(stream, request)),
            Err(error) => {
                tracing::warn!(%error, "an utterance is heard as a whole");
                None
            }
        }
    }

    /// An utterance that gets too long is not heard any further and refused by [`Self::conclude`], so that it does not spoil
    /// the others.
    fn hear(&mut self, more: &mut [(&mut Live, &[f32])]) -> Result<(), TranscribeError> {
        for (live, samples) in more.iter_mut() {
            let stream: &mut ZipformerStream =
                live.state.downcast_mut().ok_or_else(|| foreign(&self.loaded.name))?;
            match stream.push(self, samples) {
                Ok(()) | Err(TranscribeError::TooLong { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn conclude(&mut self, live: &Live, over: bool) -> Result<Transcript, TranscribeError> {
        let stream: &ZipformerStream = live.state.downcast_ref().ok_or_else(|| foreign(&self.loaded.name))?;
        stream.fits()?;
        let request = live.request_now(over);
        if !over {
            return stream.transcript(self, &request);
        }
        let mut last = stream.copy(self)?;
        last.finish(self)?;
        last.transcript(self, &request)
    }
}

impl Engine for ZipformerTranscriber {
    fn vocabulary(&self) -> &Tokens {
        &self.loaded.tokens
    }

    fn emissions(&mut self, audio: &[f32]) -> Result<(Vec<Emission>, bool), TranscribeError> {
        let emissions = self.listen(audio)?.output.emissions();
        emissions.map(|emissions| (emissions, true)).map_err(|reason| self.loaded.failed(reason))
    }
}

/// A state with memory of its own. (ONNX Runtime's binding clones a tensor by running a model, and panics where it cannot.)
fn duplicate(state: &DynValue) -> Result<DynValue, String> {
    let said = |e: ort::Error| e.to_string();
    let sizes = |shape: &[i64]| shape.iter().map(|&size| size.unsigned_abs() as usize).collect::<Vec<_>>();
    if let Ok((shape, values)) = state.try_extract_tensor::<f32>() {
        return Ok(Tensor::from_array((sizes(shape), values.to_vec())).map_err(said)?.into_dyn());
    }
    let (shape, values) = state.try_extract_tensor::<i64>().map_err(said)?;
    Ok(Tensor::from_array((sizes(shape), values.to_vec())).map_err(said)?.into_dyn())
}

/// What a model's metadata and graph say.
struct Layout {
    /// Frames fed at once.
    chunk: usize,
    /// Frames from one chunk to the next.
    shift: usize,
    /// The inputs' names, `x` first.
    inputs: Vec<String>,
    /// The outputs' names, `log_probs` first.
    outputs: Vec<String>,
    /// The shapes of all states but the last, which is `processed_lens`.
    shapes: Vec<Vec<usize>>,
}

impl Layout {
    /// Reads a model's layout; why it is none that can be used, for people.
    fn of(session: &Session) -> Result<Self, String> {
        let model_type = metadata(session, "model_type");
        if let Some(other) = model_type.filter(|model_type| model_type != LAYOUT) {
            return Err(format!("its layout is {other:?}; this loader takes {LAYOUT:?}"));
        }
        let first = session.outputs().first().map_or("", |output| output.name());
        if first != "log_probs" {
            return Err(format!(
                "its first output is {first:?} instead of log_probs: it is the encoder of a transducer; take the same \
                 model's CTC export"
            ));
        }
        if let Some(feature) = metadata(session, "feature").filter(|feature| feature == "whisper") {
            return Err(format!(
                "it wants {feature} features, which this version does not compute for streams"
            ));
        }
        let one = |key: &str| match list(session, key)?.as_slice() {
            [number] => Ok(*number),
            _ => Err(format!("its metadata {key} is not one number")),
        };
        let (chunk, shift) = (one("T")?, one("decode_chunk_len")?);
        if shift > chunk {
            return Err(format!("it would skip sound: it takes {chunk} frames and advances by {shift}"));
        }
        let shapes = shapes(&Stacks::of(session)?);
        let names = |outlets: &[ort::value::Outlet]| outlets.iter().map(|o| o.name().to_owned()).collect();
        let (inputs, outputs): (Vec<String>, Vec<String>) =
            (names(session.inputs()), names(session.outputs()));
        let expected = shapes.len() + 2;
        if inputs.len() != expected || outputs.len() != expected {
            return Err(format!(
                "it has {} inputs and {} outputs; its metadata speaks of {expected}",
                inputs.len(),
                outputs.len()
            ));
        }
        check_shapes(session, chunk, &shapes)?;
        Ok(Self { chunk, shift, inputs, outputs, shapes })
    }

    /// The states at the beginning of a stream.
    fn states(&self) -> Result<Vec<DynValue>, String> {
        let said = |e: ort::Error| e.to_string();
        let mut states = Vec::with_capacity(self.shapes.len() + 1);
        for shape in &self.shapes {
            let zeros = vec![0.0_f32; shape.iter().product()];
            states.push(Tensor::from_array((shape.clone(), zeros)).map_err(said)?.into_dyn());
        }
        states.push(Tensor::from_array(([1_usize], vec![0_i64])).map_err(said)?.into_dyn());
        Ok(states)
    }
}

/// The metadata's lists, one number per stack of encoder layers.
struct Stacks {
    left: Vec<usize>,
    query: Vec<usize>,
    value: Vec<usize>,
    heads: Vec<usize>,
    dims: Vec<usize>,
    kernels: Vec<usize>,
    layers: Vec<usize>,
}

impl Stacks {
    fn of(session: &Session) -> Result<Self, String> {
        let read = |key: &str| list(session, key);
        let stacks = Self {
            left: read("left_context_len")?,
            query: read("query_head_dims")?,
            value: read("value_head_dims")?,
            heads: read("num_heads")?,
            dims: read("encoder_dims")?,
            kernels: read("cnn_module_kernels")?,
            layers: read("num_encoder_layers")?,
        };
        let Self { left, query, value, heads, dims, kernels, layers } = &stacks;
        let lengths = [left, query, value, heads, kernels, layers].map(Vec::len);
        if lengths.iter().any(|&length| length != dims.len()) {
            return Err("its metadata has lists of different lengths".into());
        }
        if layers.iter().sum::<usize>() > 256 {
            return Err("its metadata speaks of more than 256 layers".into());
        }
        Ok(stacks)
    }
}

/// The shapes of all states but `processed_lens`, in the order of the inputs, for one stream.
fn shapes(stacks: &Stacks) -> Vec<Vec<usize>> {
    let mut shapes = Vec::new();
    for stack in 0..stacks.dims.len() {
        let (left, dim, heads) = (stacks.left[stack], stacks.dims[stack], stacks.heads[stack]);
        let value = vec![left, 1, stacks.value[stack] * heads];
        let convolution = vec![1, dim, stacks.kernels[stack] / 2];
        for _ in 0..stacks.layers[stack] {
            shapes.extend([
                vec![left, 1, stacks.query[stack] * heads],
                vec![1, 1, left, 3 * dim / 4],
                value.clone(),
                value.clone(),
                convolution.clone(),
                convolution.clone(),
            ]);
        }
    }
    shapes.push(vec![1, 128, 3, 19]);
    shapes
}

/// Checks that what the graph says of its inputs agrees with the metadata. Dimensions that the graph leaves open are any.
fn check_shapes(session: &Session, chunk: usize, shapes: &[Vec<usize>]) -> Result<(), String> {
    let [x, states @ .., processed] = session.inputs() else { return Err("it has no states".into()) };
    let wanted = std::iter::once((x, vec![1, chunk, BINS])).chain(states.iter().zip(shapes.iter().cloned()));
    for (input, wanted) in wanted {
        if wanted.iter().product::<usize>() > LARGEST_STATE {
            return Err(format!("its input {} would have the impossible size {wanted:?}", input.name()));
        }
        let fits = matches!(input.dtype(), ValueType::Tensor { ty: TensorElementType::Float32, shape, .. }
            if shape.len() == wanted.len()
                && shape.iter().zip(&wanted).all(|(&is, &wanted)| is < 0 || usize::try_from(is) == Ok(wanted)));
        if !fits {
            return Err(format!("its input {} is not f32 of the shape {wanted:?}", input.name()));
        }
    }
    match processed.dtype() {
        ValueType::Tensor { ty: TensorElementType::Int64, shape, .. } if shape.len() == 1 => Ok(()),
        _ => Err("its last input is not processed_lens i64[N]".into()),
    }
}

/// Positive whole numbers from the metadata, separated by commas.
fn list(session: &Session, key: &str) -> Result<Vec<usize>, String> {
    let text = metadata(session, key).ok_or_else(|| format!("its metadata has no {key}"))?;
    let number = |part: &str| part.trim().parse().ok().filter(|number| (1..=LARGEST).contains(number));
    text.split(',')
        .map(number)
        .collect::<Option<_>>()
        .ok_or_else(|| format!("its metadata {key} is {text:?}: no list of sizes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_the_shapes_that_icefall_exports() {
        let stacks = Stacks {
            left: vec![128, 64],
            query: vec![32, 32],
            value: vec![12, 12],
            heads: vec![4, 8],
            dims: vec![192, 256],
            kernels: vec![31, 15],
            layers: vec![1, 2],
        };
        let shapes = shapes(&stacks);
        assert_eq!(shapes.len(), 6 * 3 + 1);
        let first: [&[usize]; 6] =
            [&[128, 1, 128], &[1, 1, 128, 144], &[128, 1, 48], &[128, 1, 48], &[1, 192, 15], &[1, 192, 15]];
        assert_eq!(shapes[..6], first);
        assert_eq!(shapes[12], [64, 1, 256]);
        assert_eq!(shapes[18], [1, 128, 3, 19]);
    }

    #[test]
    fn only_the_layouts_own_name_is_recognised() {
        assert!(recognises(Some("zipformer2")));
        assert!(!recognises(Some("zipformer2_ctc")) && !recognises(None));
    }
}
