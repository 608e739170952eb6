//! Loading the speech engines that the configuration names.

use std::{collections::HashMap, path::PathBuf};

use language::Language;
use speech::{
    Transcriber,
    runtime::{OnnxRuntime, SessionOptions},
    transcriber::{chain::FallbackChain, onnx::OnnxTranscriber, whisper::WhisperModel},
};

use crate::config::{Engine, Hearing};

/// The engines of one model thread: a chain per language, shared where both languages name the same engines.
pub struct EngineSet {
    chains: Vec<Box<dyn Transcriber>>,
    bo: Option<usize>,
    zh: Option<usize>,
}

impl EngineSet {
    /// One transcriber for both languages.
    pub fn shared(transcriber: Box<dyn Transcriber>) -> Self {
        Self { chains: vec![transcriber], bo: Some(0), zh: Some(0) }
    }

    /// No engine at all.
    pub const fn none() -> Self {
        Self { chains: Vec::new(), bo: None, zh: None }
    }

    /// What hears this language.
    pub fn get(&mut self, language: Language) -> Option<&mut (dyn Transcriber + 'static)> {
        self.chain(self.number(language)?)
    }

    /// Which of the chains hears this language.
    pub const fn number(&self, language: Language) -> Option<usize> {
        match language {
            Language::Bo => self.bo,
            Language::Zh => self.zh,
        }
    }

    /// A chain by its number.
    pub fn chain(&mut self, number: usize) -> Option<&mut (dyn Transcriber + 'static)> {
        self.chains.get_mut(number).map(AsMut::as_mut)
    }

    /// What the engine of a language can do; `None` where there is none.
    pub fn dictation(&self, language: Language) -> Option<bool> {
        self.chains.get(self.number(language)?).map(|chain| chain.capabilities().dictation)
    }
}

/// An engine that could not be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The language it was wanted for.
    pub language: Language,
    /// The engine's file or folder.
    pub path: PathBuf,
    /// Why, and what to do about it.
    pub reason: String,
}

/// Loads engines. Big files are loaded once and shared by all threads where the engine allows it.
pub struct Loader {
    settings: Hearing,
    runtime: Option<Result<OnnxRuntime, String>>,
    whisper: HashMap<PathBuf, WhisperModel>,
}

impl Loader {
    /// A loader for these settings.
    pub fn new(settings: &Hearing) -> Self {
        Self { settings: settings.clone(), runtime: None, whisper: HashMap::new() }
    }

    /// The engines of one model thread, and which of the configured ones are missing. Seconds of work.
    pub fn load(&mut self) -> (EngineSet, Vec<Missing>) {
        let mut missing = Vec::new();
        let (bo, zh) = (self.settings.bo.engines.clone(), self.settings.zh.engines.clone());
        let mut set = EngineSet::none();
        if let Some(chain) = self.chain(Language::Bo, &bo, &mut missing) {
            set.bo = Some(set.chains.len());
            set.chains.push(chain);
        }
        if bo == zh {
            set.zh = set.bo;
            let same = missing.iter().map(|m| Missing { language: Language::Zh, ..m.clone() });
            missing.extend(same.collect::<Vec<_>>());
        } else if let Some(chain) = self.chain(Language::Zh, &zh, &mut missing) {
            set.zh = Some(set.chains.len());
            set.chains.push(chain);
        }
        (set, missing)
    }

    fn chain(
        &mut self,
        language: Language,
        engines: &[Engine],
        missing: &mut Vec<Missing>,
    ) -> Option<Box<dyn Transcriber>> {
        let mut loaded: Vec<(&Engine, Box<dyn Transcriber>)> = Vec::new();
        for engine in engines {
            match self.engine(engine, language) {
                Ok(transcriber) => loaded.push((engine, transcriber)),
                Err(reason) => missing.push(Missing { language, path: engine.path().to_owned(), reason }),
            }
        }
        // An engine that only writes down words is helped by the ear of the first one that can weigh sounds.
        let deaf = loaded.first().is_some_and(|(_, first)| !first.capabilities().evidence);
        let witness = loaded
            .iter()
            .find(|(_, t)| deaf && t.capabilities().evidence)
            .map(|(engine, _)| (*engine).clone());
        let chain = FallbackChain::new(loaded.into_iter().map(|(_, transcriber)| transcriber).collect())?;
        match witness.map(|engine| self.engine(&engine, language)) {
            Some(Ok(witness)) => Some(Box::new(chain.with_witness(witness))),
            _ => Some(Box::new(chain)),
        }
    }

    fn engine(&mut self, engine: &Engine, language: Language) -> Result<Box<dyn Transcriber>, String> {
        match engine {
            Engine::Ctc { path, frontend } => {
                let runtime = self.runtime()?;
                // One thread per session: several sessions work side by side.
                let options = SessionOptions::default();
                let loaded = OnnxTranscriber::load(path, &[language], &runtime, options, *frontend)
                    .map_err(|e| e.to_string())?;
                Ok(Box::new(loaded))
            }
            Engine::Whisper { path } => {
                let known = self.whisper.get(path).cloned();
                let model = match known {
                    Some(model) => model,
                    None => WhisperModel::load(path).map_err(|e| e.to_string())?,
                };
                self.whisper.insert(path.clone(), model.clone());
                Ok(Box::new(model.transcriber(1).map_err(|e| e.to_string())?))
            }
        }
    }

    fn runtime(&mut self) -> Result<OnnxRuntime, String> {
        let library = self.settings.runtime.as_deref();
        self.runtime.get_or_insert_with(|| OnnxRuntime::load(library).map_err(|e| e.to_string())).clone()
    }
}
