//! What all engines have in common that run one ONNX model and emit tokens.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
};

use language::Language;
use ort::session::Session;

use super::{
    ModelError,
    dictation::Dictation,
    onnx::units,
    reading::{CtcOutput, Reading},
    short_hash,
    tokens::Tokens,
};
use crate::{
    Capabilities, SAMPLE_RATE, TranscribeError, TranscribeRequest, Transcript,
    evidence::Units,
    runtime::{OnnxRuntime, SessionOptions},
};

/// What to do where a model's file is not there.
const HINT: &str =
    "the shipped model lies in models/seed of the project; name its folder in the configuration";

/// A loaded model but for its network.
pub(super) struct Loaded {
    pub name: String,
    pub capabilities: Capabilities,
    pub tokens: Tokens,
    /// How forms are spelled in its classes; `None` where it cannot weigh them.
    pub units: Option<Units>,
    dictation: Dictation,
}

impl Loaded {
    /// A model of a layout that takes dictation and weighs forms, unless what is returned is told otherwise.
    ///
    /// # Errors
    /// [`ModelError`] where the model's file cannot be read.
    pub fn new(
        (layout, folder, model): (&str, &Path, &Path),
        languages: &[Language],
        max_seconds: f32,
        tokens: Tokens,
    ) -> Result<Self, ModelError> {
        let folder = folder.file_name().map_or(layout.into(), |name| name.to_string_lossy());
        Ok(Self {
            name: format!("{layout}:{folder}@{}", short_hash(model)?),
            capabilities: Capabilities {
                languages: languages.to_vec(),
                dictation: true,
                evidence: true,
                max_seconds,
            },
            units: Some(units(&tokens)),
            dictation: Dictation::new(&tokens),
            tokens,
        })
    }

    pub fn failed(&self, reason: impl Into<String>) -> TranscribeError {
        TranscribeError::Engine { engine: self.name.clone(), reason: reason.into() }
    }

    /// The length of so many samples in seconds.
    ///
    /// # Errors
    /// [`TranscribeError::TooLong`] where the engine does not take so much.
    pub fn seconds(&self, samples: usize) -> Result<f32, TranscribeError> {
        let (seconds, max) = (samples as f32 / SAMPLE_RATE as f32, self.capabilities.max_seconds);
        if seconds > max { Err(TranscribeError::TooLong { seconds, max }) } else { Ok(seconds) }
    }

    /// How the network's output is read. A partial transcript of an engine that writes words has no evidence: its words are
    /// shown instead.
    pub fn reading(&mut self, request: &TranscribeRequest) -> Reading<'_> {
        let dictates = self.capabilities.dictation;
        Reading {
            tokens: &self.tokens,
            units: self.units.as_ref().filter(|_| !(dictates && request.partial)),
            dictation: dictates.then_some(&mut self.dictation),
        }
    }

    /// The transcript of a CTC output.
    ///
    /// # Errors
    /// [`TranscribeError::Engine`] where the posteriors do not make whole frames.
    pub fn read(
        &mut self,
        output: Cow<'_, CtcOutput>,
        request: &TranscribeRequest,
        seconds: f32,
    ) -> Result<Transcript, TranscribeError> {
        self.reading(request).of_ctc(output, request, seconds).map_err(|reason| self.failed(reason))
    }
}

/// Opens the model in a folder; also returns its file.
///
/// # Errors
/// [`ModelError`] where there is none, or ONNX Runtime does not take it.
pub(super) fn open(
    folder: &Path,
    runtime: &OnnxRuntime,
    options: SessionOptions,
) -> Result<(PathBuf, Session), ModelError> {
    let model = model_file(folder)?;
    let session = runtime.session(&model, options).map_err(|e| ModelError::unusable(&model, e))?;
    Ok((model, session))
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

/// A custom entry of a model's metadata.
pub(super) fn metadata(session: &Session, key: &str) -> Option<String> {
    session.metadata().ok()?.custom(key)
}

/// Hears a second of silence with a model that has just been loaded: the first run allocates and prepares kernels, better now
/// than while a citizen waits. It also proves the shapes.
///
/// # Errors
/// [`ModelError::Unusable`] where that fails.
pub(super) fn warm_up<T, E: ToString>(
    model: &Path,
    hear: impl FnOnce(&[f32]) -> Result<T, E>,
) -> Result<(), ModelError> {
    let silence = vec![0.0; SAMPLE_RATE as usize];
    hear(&silence).map(drop).map_err(|reason| ModelError::unusable(model, reason.to_string()))
}
