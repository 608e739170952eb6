//! ONNX Runtime, loaded at run time from a shared library.
//!
//! The library is no part of the build, so that a build needs no download; `make setup` puts it into
//! `.local/lib/libonnxruntime.so`.

mod model;

use std::{
    env,
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock, PoisonError},
};

use ort::{environment::Environment, logging::LogLevel, session::Session};

pub(crate) use model::describe;
pub use model::{Element, Numbers, OnnxError, OnnxModel, Port};

/// Where the library lies in a checkout, below its root.
const IN_CHECKOUT: &str = ".local/lib/libonnxruntime.so";

/// The variable that names the library, as `ort` itself reads it.
const VARIABLE: &str = "ORT_DYLIB_PATH";

/// Why ONNX Runtime cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RuntimeError {
    /// There is no library where one should be.
    #[error(
        "ONNX Runtime's library was not found; looked for {}. Run `make setup`, or set ORT_DYLIB_PATH to a \
         libonnxruntime.so of version 1.24 or newer",
        .tried.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    Missing {
        /// The paths that were tried, in order.
        tried: Vec<PathBuf>,
    },
    /// The file is there but cannot be loaded: not a library, the wrong processor, too old.
    #[error("ONNX Runtime's library {} cannot be used ({reason}). Run `make setup` again, or set ORT_DYLIB_PATH", .path.display())]
    Unusable {
        /// The library.
        path: PathBuf,
        /// What the loader said.
        reason: String,
    },
}

/// ONNX Runtime, ready to load models. One environment per process; clones share it.
#[derive(Clone, Debug)]
pub struct OnnxRuntime {
    environment: Environment,
}

/// How a model is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionOptions {
    /// Threads within one operation. One per session is best where several sessions work at once.
    pub threads: usize,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self { threads: 1 }
    }
}

impl OnnxRuntime {
    /// Loads the library: from `library` if given, else from the variable `ORT_DYLIB_PATH`, else from
    /// `.local/lib/libonnxruntime.so` below the working directory or below any folder the program lies in. Only the
    /// first call of a process loads; later calls return the same environment, whatever they name.
    ///
    /// # Errors
    /// [`RuntimeError`], which says what to do. A failed load may be tried again.
    pub fn load(library: Option<&Path>) -> Result<Self, RuntimeError> {
        static LOADED: OnceLock<OnnxRuntime> = OnceLock::new();
        static LOADING: Mutex<()> = Mutex::new(());
        // The lock guards nothing but "one at a time", so a poisoned one is as good as new.
        let _one_at_a_time = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(loaded) = LOADED.get() {
            return Ok(loaded.clone());
        }
        let path = find(library)?;
        let unusable = |reason: String| RuntimeError::Unusable { path: path.clone(), reason };
        let environment = ort::init_from(&path)
            .map_err(|e| unusable(e.to_string()))?
            .with_name("drilen")
            .with_telemetry(false)
            .build()
            .map_err(|e| unusable(e.to_string()))?;
        environment.set_log_level(LogLevel::Error);
        tracing::info!(library = %path.display(), "ONNX Runtime is loaded");
        Ok(LOADED.get_or_init(|| Self { environment }).clone())
    }

    /// Opens a model.
    pub(crate) fn session(&self, model: &Path, options: SessionOptions) -> Result<Session, ort::Error> {
        let mut builder = Session::builder(&self.environment)?
            .with_intra_threads(options.threads.max(1))?
            .with_inter_threads(1)?
            // Spinning threads would take the cores from the other sessions between two utterances.
            .with_intra_op_spinning(false)?
            // Patterns are remembered per input length, and every utterance has another one: memory that only grows.
            .with_memory_pattern(false)?
            // Its warnings are about how a model was exported, such as states with default values, and nothing for an operator.
            .with_log_level(LogLevel::Error)?;
        builder.commit_from_file(model)
    }
}

/// The library to load.
fn find(library: Option<&Path>) -> Result<PathBuf, RuntimeError> {
    if let Some(path) = library {
        let path = path.to_owned();
        return if path.is_file() { Ok(path) } else { Err(RuntimeError::Missing { tried: vec![path] }) };
    }
    let named = env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    let working = env::current_dir().ok();
    let program = env::current_exe().ok();
    let folders =
        working.iter().map(PathBuf::as_path).chain(program.iter().flat_map(|p| p.ancestors().skip(1)));
    let mut tried: Vec<PathBuf> = named.into_iter().collect();
    tried.extend(folders.map(|folder| folder.join(IN_CHECKOUT)));
    match tried.iter().find(|path| path.is_file()) {
        Some(path) => Ok(path.clone()),
        None => Err(RuntimeError::Missing { tried }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_library_says_where_it_was_sought_and_what_to_do() {
        let error = find(Some(Path::new("/nowhere/libonnxruntime.so"))).unwrap_err().to_string();
        assert!(error.contains("/nowhere/libonnxruntime.so") && error.contains("make setup"), "{error}");
    }
}
