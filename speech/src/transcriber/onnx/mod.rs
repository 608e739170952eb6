//! Published ONNX recognisers of all layouts behind one door: [`OnnxTranscriber::load`] looks what is in a folder.
//!
//! | layout | how it is recognised | published by |
//! |---|---|---|
//! | Zipformer2 CTC, and this project's own | `model_type` `zipformer2_ctc`, or inputs `x`, `x_lens` | icefall, sherpa-onnx |
//! | `SenseVoice` | `sense_voice_ctc`; or four inputs and `am.mvn` | sherpa-onnx; `FunASR` |
//! | Paraformer | `paraformer`; or inputs `speech`, `speech_lengths` and `am.mvn` | sherpa-onnx; `FunASR` |
//! | `WeNet` CTC | `wenet_ctc` | sherpa-onnx |
//! | `NeMo` CTC | `EncDecCTCModel`, `EncDecCTCModelBPE`, `EncDecHybridRNNTCTCBPEModel` | sherpa-onnx |
//! | `TeleSpeech` CTC | `telespeech_ctc` | sherpa-onnx |
//! | streaming Zipformer2 CTC | `zipformer2`: [`zipformer`] | icefall, sherpa-onnx |
//! | Omnilingual-ASR | `omnilingual-asr`: [`waveform`] | sherpa-onnx |
//! | wav2vec2, MMS | `vocab.json` and `config.json`; or input `input_values`: [`waveform`] | Optimum |
//!
//! Sources: the models' exporters and readers in sherpa-onnx, `FunASR`, `WeNet`, `NeMo`. `training/layouts` makes small models of each
//! layout and compares what these engines write, token for token, with what sherpa-onnx writes.

mod funasr;
mod nemo;
mod opened;
mod paraformer;
mod sense_voice;
mod sentencepiece;
mod telespeech;
mod wenet;

use std::{borrow::Cow, path::Path, sync::Arc};

use language::Language;
use serde::{Deserialize, Serialize};

use self::opened::Opened;
use super::{
    ModelError, clean,
    ctc::CtcTranscriber,
    loaded::{Loaded, model_file},
    reading::{CtcOutput, Emission, ONE_FRAME, nothing},
    tokens::Tokens,
    waveform::{self, WaveformTranscriber},
    zipformer::{self, ZipformerTranscriber},
};
use crate::{
    Capabilities, Live, SAMPLE_RATE, TranscribeError, TranscribeRequest, Transcriber, Transcript,
    evidence::Units,
    runtime::{OnnxRuntime, SessionOptions},
};

/// Whose front end a model is given where sherpa-onnx's differs from the one that its recipe trained with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FrontEnd {
    /// The recipe's: what the model was trained with.
    #[default]
    Recipe,
    /// sherpa-onnx's, to get what sherpa-onnx would write (`WeNet`: less its random dither).
    Sherpa,
}

/// The longest audio taken at once, in seconds: the longest utterance that the listener lets grow.
const MAX_SECONDS: f32 = 60.0;

/// What is loaded, by the `model_type` of its metadata or in words, for those whose model is none of these.
const KNOWN: &str = "zipformer2_ctc, zipformer2 (streaming CTC), sense_voice_ctc, paraformer, wenet_ctc, telespeech_ctc, \
                     omnilingual-asr, NeMo's CTC models, and wav2vec2 (MMS) as Optimum exports it";

/// The layouts that are loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    Zipformer2,
    SenseVoice,
    Paraformer,
    Wenet,
    Nemo,
    TeleSpeech,
    Stream,
    Waveform,
}

/// What a network made of an utterance.
enum Heard {
    /// Too little sound for a single frame.
    Nothing,
    /// Posteriors.
    Ctc(CtcOutput),
    /// Tokens without posteriors; `timed` where their times mean something.
    Tokens { emissions: Vec<Emission>, timed: bool },
}

/// One layout's front end and network.
trait Network: Send {
    /// Hears at least [`ONE_FRAME`] usable samples in a language, or any where that is not known. The output has as many
    /// classes as the vocabulary, or the call fails.
    fn hear(&mut self, audio: &[f32], language: Option<Language>, tokens: &Tokens) -> Result<Heard, String>;
}

/// A network with its vocabulary, as a layout's loader hands them over.
struct Parts {
    network: Box<dyn Network>,
    tokens: Tokens,
    /// The layout's short name.
    layout: &'static str,
    /// Whether its output is CTC posteriors, from which forms can be scored.
    ctc: bool,
    max_seconds: f32,
}

/// A token as it stands in the vocabulary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its name in the vocabulary.
    pub name: String,
    /// When it begins, in milliseconds from the start of the audio; `None` where the engine does not say.
    pub start_ms: Option<u32>,
}

/// What every layout's engine can do besides transcribing.
pub(super) trait Engine: Transcriber {
    /// The classes' names.
    fn vocabulary(&self) -> &Tokens;
    /// The tokens that the model writes for an utterance, and whether their times mean something.
    fn emissions(&mut self, audio: &[f32]) -> Result<(Vec<Emission>, bool), TranscribeError>;
}

/// A published ONNX recogniser. One per model thread. Where its layout hears utterances while they are spoken, so does it.
pub struct OnnxTranscriber {
    engine: Box<dyn Engine>,
}

/// Every layout whose network hears whole utterances and wants features of its own.
struct Other {
    loaded: Loaded,
    network: Box<dyn Network>,
}

impl OnnxTranscriber {
    /// Loads the model in `folder`: `model.int8.onnx`, `model_quant.onnx`, `model.onnx` or its only `.onnx` file, and what
    /// its layout wants beside it. `languages` is what it was trained on; ignored for this project's own model, which
    /// hears both.
    ///
    /// # Errors
    /// [`ModelError`] where a file is missing, damaged or of a layout that this version does not load.
    pub fn load(
        folder: &Path,
        languages: &[Language],
        runtime: &OnnxRuntime,
        options: SessionOptions,
        front_end: FrontEnd,
    ) -> Result<Self, ModelError> {
        let path = model_file(folder)?;
        let opened = Opened::open(&path, runtime, options)?;
        let parts = match layout(&opened, folder).map_err(|reason| ModelError::unusable(&path, reason))? {
            Layout::Zipformer2 => {
                let loaded = CtcTranscriber::of_session(folder, &path, languages, opened.session)?;
                return Ok(Self { engine: Box::new(loaded) });
            }
            Layout::Stream => {
                let loaded = ZipformerTranscriber::of_session(folder, &path, languages, opened.session)?;
                return Ok(Self { engine: Box::new(loaded) });
            }
            Layout::Waveform => {
                let loaded = WaveformTranscriber::of_session(folder, &path, languages, opened.session)?;
                return Ok(Self { engine: Box::new(loaded) });
            }
            Layout::SenseVoice => sense_voice::load(opened, folder),
            Layout::Paraformer => paraformer::load(opened, folder),
            Layout::Wenet => wenet::load(opened, folder, front_end),
            Layout::Nemo => nemo::load(opened, folder, front_end),
            Layout::TeleSpeech => telespeech::load(opened, folder),
        }?;
        let named = (parts.layout, folder, path.as_path());
        let mut loaded = Loaded::new(named, languages, parts.max_seconds, parts.tokens)?;
        if !parts.ctc {
            (loaded.units, loaded.capabilities.evidence) = (None, false);
        }
        let mut other = Other { loaded, network: parts.network };
        // The first run allocates and prepares kernels: better now than while a citizen waits. It also proves the shapes.
        let heard = other.listen(&warm_up(), None).map_err(|reason| ModelError::unusable(&path, reason))?;
        if matches!(heard, Heard::Nothing) {
            tracing::warn!(
                engine = other.loaded.name,
                "the model found nothing in a second of noise, which may be right; if it never writes a word, it is damaged"
            );
        }
        tracing::info!(engine = other.loaded.name, "the speech model is loaded");
        Ok(Self { engine: Box::new(other) })
    }

    /// The tokens that the model writes for an utterance (16 kHz samples in [-1, 1]), as they stand in its vocabulary:
    /// for comparing engines.
    ///
    /// # Errors
    /// [`TranscribeError::Engine`] where the model fails.
    pub fn tokens(&mut self, audio: &[f32]) -> Result<Vec<Token>, TranscribeError> {
        let (emissions, timed) = self.engine.emissions(audio)?;
        let names = self.engine.vocabulary().names();
        Ok(emissions
            .iter()
            .map(|emission| Token {
                name: names[emission.class as usize].clone(),
                start_ms: timed.then_some(emission.start_ms),
            })
            .collect())
    }
}

impl Other {
    fn listen(&mut self, audio: &[f32], language: Option<Language>) -> Result<Heard, String> {
        if audio.len() < ONE_FRAME {
            return Ok(Heard::Nothing);
        }
        self.network.hear(&clean::usable(audio), language, &self.loaded.tokens)
    }
}

impl Transcriber for Other {
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
        let heard = self.listen(&audio, request.language).map_err(|reason| self.loaded.failed(reason))?;
        match heard {
            Heard::Nothing => Ok(nothing(request, seconds)),
            Heard::Ctc(output) => self.loaded.read(Cow::Owned(output), request, seconds),
            Heard::Tokens { emissions, timed } => {
                Ok(self.loaded.reading(request).of_emissions(&emissions, timed, request, seconds))
            }
        }
    }
}

impl Engine for Other {
    fn vocabulary(&self) -> &Tokens {
        &self.loaded.tokens
    }

    fn emissions(&mut self, audio: &[f32]) -> Result<(Vec<Emission>, bool), TranscribeError> {
        let emissions = self.listen(audio, None).and_then(|heard| match heard {
            Heard::Nothing => Ok((Vec::new(), true)),
            Heard::Ctc(output) => Ok((output.emissions()?, true)),
            Heard::Tokens { emissions, timed } => Ok((emissions, timed)),
        });
        emissions.map_err(|reason| self.loaded.failed(reason))
    }
}

impl Transcriber for OnnxTranscriber {
    fn name(&self) -> &str {
        self.engine.name()
    }

    fn capabilities(&self) -> &Capabilities {
        self.engine.capabilities()
    }

    fn transcribe(
        &mut self,
        audio: &[f32],
        request: &TranscribeRequest,
    ) -> Result<Transcript, TranscribeError> {
        self.engine.transcribe(audio, request)
    }

    fn begin(&mut self, request: &TranscribeRequest) -> Option<Live> {
        self.engine.begin(request)
    }

    fn hear(&mut self, more: &mut [(&mut Live, &[f32])]) -> Result<(), TranscribeError> {
        self.engine.hear(more)
    }

    fn conclude(&mut self, live: &Live, over: bool) -> Result<Transcript, TranscribeError> {
        self.engine.conclude(live, over)
    }
}

/// What layout an opened model has; where it is none of ours, what it is and what to do.
fn layout(opened: &Opened, folder: &Path) -> Result<Layout, String> {
    let inputs: Vec<&str> = opened.inputs.iter().map(|port| port.name.as_str()).collect();
    let outputs = opened.outputs.iter().map(|port| port.name.as_str()).collect::<Vec<_>>();
    if let Some(kind) = opened.metadata("model_type") {
        return match kind.as_str() {
            kind if zipformer::recognises(Some(kind)) => Ok(Layout::Stream),
            kind if waveform::recognises(folder, Some(kind)) => Ok(Layout::Waveform),
            "zipformer2_ctc" => Ok(Layout::Zipformer2),
            "sense_voice_ctc" if opened.metadata("comment").is_some_and(|text| text.contains("Nano")) => {
                Err("it is a Fun-ASR-Nano model, which this version does not load; take a SenseVoice model".into())
            }
            "sense_voice_ctc" => Ok(Layout::SenseVoice),
            "paraformer" if outputs.contains(&"logits") => Ok(Layout::Paraformer),
            "paraformer" => Err(
                "it is one part of a streaming Paraformer, which this version does not load; take an offline Paraformer".into(),
            ),
            "wenet_ctc" => Ok(Layout::Wenet),
            "telespeech_ctc" => Ok(Layout::TeleSpeech),
            "EncDecCTCModel" | "EncDecCTCModelBPE" | "EncDecHybridRNNTCTCBPEModel"
                if opened.metadata("is_giga_am").is_some_and(|value| value != "0") =>
            {
                Err("it is a GigaAM model, whose front end this version does not have".into())
            }
            "EncDecCTCModel" | "EncDecCTCModelBPE" | "EncDecHybridRNNTCTCBPEModel" => Ok(Layout::Nemo),
            other => Err(format!(
                "its layout is {other:?} (inputs {}); this version loads {KNOWN}. A transducer's encoder, decoder or joiner \
                 alone is no recogniser",
                inputs.join(", ")
            )),
        };
    }
    if waveform::recognises(folder, None) {
        return Ok(Layout::Waveform);
    }
    let statistics = folder.join(funasr::STATISTICS).is_file();
    match inputs.as_slice() {
        [_, _, _, "textnorm"] | ["speech", "speech_lengths"] if !statistics => Err(format!(
            "it looks like one of FunASR's own exports, but {} does not lie beside it; copy it and config.yaml from \
             where the model was published",
            funasr::STATISTICS
        )),
        // Its loader says what does not lie beside it.
        ["input_values", ..] => Ok(Layout::Waveform),
        [_, _, _, "textnorm"] => Ok(Layout::SenseVoice),
        ["speech", "speech_lengths"] => Ok(Layout::Paraformer),
        [_, _] => Ok(Layout::Zipformer2),
        _ => Err(format!(
            "it has no model_type in its metadata and its inputs ({}) are those of no layout that this version loads \
             ({KNOWN})",
            inputs.join(", ")
        )),
    }
}

/// A second of faint noise: silence makes some networks fail, since they find no token at all in it.
fn warm_up() -> Vec<f32> {
    let mut state = 1_u32;
    (0..SAMPLE_RATE)
        .map(|_| {
            // A linear congruential generator (Numerical Recipes): any noise does, but always the same.
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as f32 / 65_536.0 * 0.2 - 0.1
        })
        .collect()
}

/// How forms are spelled in a vocabulary: in characters where it has nothing else, otherwise in the longest pieces that fit.
pub(super) fn units(tokens: &Tokens) -> Units {
    if tokens.single_characters() {
        Units::Characters(Arc::new(tokens.characters()))
    } else {
        Units::Tokens(Arc::new(tokens.pieces()))
    }
}

/// `tokens.txt` of a folder.
fn tokens_file(folder: &Path) -> Result<std::path::PathBuf, ModelError> {
    let path = folder.join("tokens.txt");
    if path.is_file() {
        return Ok(path);
    }
    Err(ModelError::Missing { path, hint: "it is published beside the model; copy it into the same folder" })
}
