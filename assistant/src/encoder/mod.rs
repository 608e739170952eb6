//! The optional sentence encoder of the dense view: any ONNX model with its `tokenizer.json`, in the layouts that LaBSE, E5,
//! MiniLM and the like are published in. Off unless the configuration names one.

mod dense_head;
mod files;
mod hf_tokenizer;
mod layout;
mod onnx;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Weak},
};

use kb::{EncodeError, Publication};
use parking_lot::Mutex;
use speech::runtime::{OnnxError, OnnxRuntime, RuntimeError};

use crate::config::{self, Configuration};

pub use onnx::OnnxEncoder;

/// Why an encoder cannot be loaded; every message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum EncoderError {
    /// ONNX Runtime is not there.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// A file is not there.
    #[error("{} is missing: {hint}", .path.display())]
    Missing {
        /// What is not there.
        path: PathBuf,
        /// What to do about it.
        hint: &'static str,
    },
    /// A file cannot be read.
    #[error("{} cannot be read: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is there and is not what it should be.
    #[error("{} cannot be used: {reason}", .path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why not, and what would be right.
        reason: String,
    },
    /// The model is none that can be loaded.
    #[error("{0}. Export it anew (`optimum-cli export onnx --model NAME FOLDER`), or download it again")]
    Model(#[from] OnnxError),
    /// It was loaded, and then failed on the knowledge base's own questions.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl EncoderError {
    #[allow(clippy::needless_pass_by_value, reason = "made for `map_err`")]
    fn unusable(path: &Path, reason: impl ToString) -> Self {
        Self::Unusable { path: path.to_owned(), reason: reason.to_string() }
    }
}

/// Gives a publication the dense view that the configuration asks for, if any; vectors are cached in `data/encoder`. Seconds
/// to minutes of computing: not for async threads.
///
/// # Errors
/// [`EncoderError`]; the publication is then as it was.
pub fn add_to(publication: &mut Publication, configuration: &Configuration) -> Result<(), EncoderError> {
    let Some(encoder) = open(configuration)? else { return Ok(()) };
    Ok(publication.add_encoder(encoder, Some(&configuration.data("encoder")))?)
}

/// The encoder that the configuration names; `None` where it names none. Seconds of work, the first time: as long as the
/// encoder is in service, the same one is given out again, so that reading the knowledge base anew does not hold two copies
/// of a big model.
///
/// # Errors
/// [`EncoderError`].
pub fn open(configuration: &Configuration) -> Result<Option<Arc<OnnxEncoder>>, EncoderError> {
    static IN_SERVICE: Mutex<Option<(config::Encoder, Weak<OnnxEncoder>)>> = Mutex::new(None);
    let Some(settings) = &configuration.understanding.encoder else { return Ok(None) };
    // Held while loading, so that two callers do not load two copies.
    let mut in_service = IN_SERVICE.lock();
    let known = in_service.as_ref().filter(|(of, _)| of == settings).and_then(|(_, known)| known.upgrade());
    if known.is_some() {
        return Ok(known);
    }
    let runtime = OnnxRuntime::load(configuration.hearing.runtime.as_deref())?;
    let encoder = Arc::new(OnnxEncoder::load(settings, &runtime)?);
    *in_service = Some((settings.clone(), Arc::downgrade(&encoder)));
    Ok(Some(encoder))
}
