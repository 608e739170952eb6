//! Engines behind [`Transcriber`](crate::Transcriber): ONNX models, Whisper files, and chains of them.

pub mod chain;
mod clean;
pub mod ctc;
mod dictation;
mod live;
mod loaded;
pub mod onnx;
mod reading;
mod tokens;
pub mod waveform;
pub mod whisper;
pub mod zipformer;

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

/// Why a model cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A file of the model is not there.
    #[error("{} is missing: {hint}", .path.display())]
    Missing {
        /// What is not there.
        path: PathBuf,
        /// What to do about it.
        hint: &'static str,
    },
    /// A file of the model cannot be read.
    #[error("{} cannot be read", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no model of this kind, or one that this version cannot use.
    #[error("{} cannot be used: {reason}", .path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}

impl ModelError {
    #[allow(clippy::needless_pass_by_value, reason = "made for `map_err`")]
    pub(crate) fn unusable(path: &Path, reason: impl ToString) -> Self {
        Self::Unusable { path: path.to_owned(), reason: reason.to_string() }
    }
}

/// The first 12 hexadecimal digits of a file's SHA-256: enough to tell in a log or an answer event which model it was.
pub(crate) fn short_hash(path: &Path) -> Result<String, ModelError> {
    let failed = |source| ModelError::Io { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(failed)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer).map_err(failed)?;
        if read == 0 {
            break;
        }
        digest.update(&buffer[..read]);
    }
    let start = digest.finalize().iter().take(6).fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
    Ok(format!("{start:012x}"))
}
