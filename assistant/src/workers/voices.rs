//! Loading the voices that the configuration names.

use std::{path::PathBuf, sync::Arc};

use language::Language;
use metrics::{counter, gauge};
use speech::{
    Synthesizer,
    runtime::{OnnxRuntime, SessionOptions},
    synthesizer::{
        EspeakSettings, EspeakVoice, VitsSettings, VitsVoice,
        chain::{Health, Link, VoiceChain, Watch},
    },
};

use crate::{
    config::{Configuration, VoiceEngine, VoiceEntry, VoiceKind},
    telemetry::names,
};

/// Speeds at which espeak-ng's processes are started and tried at once; others when they are asked for.
const RATES: [f32; 1] = [1.0];

/// A voice that could not be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingVoice {
    /// The language it was wanted for.
    pub language: Language,
    /// Its place in the configuration, such as `voice.zh.0`, or `voice.engine` for the one that comes last.
    pub key: String,
    /// Why, and what to do about it.
    pub reason: String,
}

/// What was loaded.
#[derive(Default)]
pub struct Voices {
    /// A chain for every thread that speaks; empty where no voice could be loaded, or none is wanted.
    pub chains: Vec<Box<dyn Synthesizer>>,
    /// What could not be loaded.
    pub missing: Vec<MissingVoice>,
}

impl Voices {
    /// What is missing, in one line; `None` where nothing is.
    pub fn complaint(&self) -> Option<String> {
        let all = self.missing.iter().map(|missing| format!("{}: {}", missing.key, missing.reason));
        let mut all: Vec<String> = all.collect();
        // The one that comes last does so in both languages.
        all.dedup();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

/// Loads all voices, for as many threads as are configured. Seconds of work.
pub fn load(configuration: &Configuration) -> Voices {
    if configuration.voice.engine == VoiceEngine::None {
        return Voices::default();
    }
    let mut loader = Loader { configuration, runtime: None, espeak: Vec::new() };
    let mut voices = Voices::default();
    let mut threads: Vec<[Vec<Link>; 2]> = Vec::new();
    threads.resize_with(configuration.voice.threads, Default::default);
    for (at, language) in Language::ALL.into_iter().enumerate() {
        for (order, (key, entry)) in entries(configuration, language).into_iter().enumerate() {
            let outcome = loader.load(&entry, language);
            let name = outcome.as_ref().ok().and_then(|v| v.first()).map_or("none", |voice| voice.name());
            let labels = [
                ("language", language.code().to_owned()),
                ("order", order.to_string()),
                ("voice", name.to_owned()),
            ];
            gauge!(names::VOICES, &labels).set(if outcome.is_ok() { 1.0 } else { 0.0 });
            match outcome {
                Ok(copies) => {
                    let health = Arc::new(Health::default());
                    for (thread, voice) in threads.iter_mut().zip(copies) {
                        thread[at].push(Link { voice, health: Arc::clone(&health) });
                    }
                }
                Err(reason) => voices.missing.push(MissingVoice { language, key, reason }),
            }
        }
    }
    let chains = threads.into_iter().filter_map(|[bo, zh]| VoiceChain::new(bo, zh, watch()));
    voices.chains = chains.map(|chain| Box::new(chain) as Box<dyn Synthesizer>).collect();
    voices
}

fn watch() -> Watch {
    Arc::new(|voice, language, fault| {
        let labels = [
            ("language", language.code().to_owned()),
            ("voice", voice.to_owned()),
            ("reason", fault.name().to_owned()),
        ];
        counter!(names::VOICE_FAULTS, &labels).increment(1);
    })
}

/// A language's voices in order, with their keys: those that are named, and espeak-ng last where it is not among them.
fn entries(configuration: &Configuration, language: Language) -> Vec<(String, VoiceEntry)> {
    let named = configuration.voice.of(language);
    let mut entries: Vec<(String, VoiceEntry)> = named
        .iter()
        .enumerate()
        .map(|(number, entry)| (format!("voice.{language}.{number}"), entry.clone()))
        .collect();
    if named.iter().all(|entry| entry.engine != VoiceKind::Espeak) {
        let last = VoiceEntry {
            engine: VoiceKind::Espeak,
            path: None,
            speaker: None,
            speed: None,
            volume: None,
            pitch: None,
            variant: None,
            noise_scale: None,
            noise_w: None,
        };
        entries.push(("voice.engine".to_owned(), last));
    }
    entries
}

struct Loader<'a> {
    configuration: &'a Configuration,
    runtime: Option<Result<OnnxRuntime, String>>,
    /// Both languages share the processes of the same voice.
    espeak: Vec<(EspeakSettings, Result<EspeakVoice, String>)>,
}

impl Loader<'_> {
    /// One voice for every thread.
    fn load(&mut self, entry: &VoiceEntry, language: Language) -> Result<Vec<Box<dyn Synthesizer>>, String> {
        let threads = 0..self.configuration.voice.threads;
        match entry.engine {
            VoiceKind::Espeak => {
                let voice = self.espeak(self.espeak_settings(entry))?;
                Ok(threads.map(|_| Box::new(voice.clone()) as Box<dyn Synthesizer>).collect())
            }
            VoiceKind::Vits => {
                let settings = self.vits_settings(entry, language);
                let runtime = self.runtime()?;
                threads
                    .map(|_| {
                        // One thread per session: several sentences are spoken side by side.
                        let voice = VitsVoice::load(&settings, &runtime, SessionOptions::default());
                        voice.map(|voice| Box::new(voice) as Box<dyn Synthesizer>).map_err(|e| e.to_string())
                    })
                    .collect()
            }
        }
    }

    fn folder(&self) -> PathBuf {
        self.configuration.data("voice")
    }

    fn espeak_settings(&self, entry: &VoiceEntry) -> EspeakSettings {
        let voice = &self.configuration.voice;
        let normal = EspeakSettings::default();
        let words = f32::from(normal.words_per_minute) * entry.speed.unwrap_or(1.0);
        EspeakSettings {
            program: voice.program.to_string_lossy().into_owned(),
            variant: entry.variant.clone(),
            pitch: entry.pitch.unwrap_or(voice.pitch),
            words_per_minute: words.round() as u16,
            volume: entry.volume.unwrap_or(voice.volume),
        }
    }

    fn vits_settings(&self, entry: &VoiceEntry, language: Language) -> VitsSettings {
        VitsSettings {
            path: entry.path.clone().unwrap_or_default(),
            language,
            speaker: entry.speaker.unwrap_or(0),
            speed: entry.speed.unwrap_or(1.0),
            volume: entry.volume.unwrap_or(1.0),
            noise_scale: entry.noise_scale,
            noise_w: entry.noise_w,
            espeak: EspeakSettings {
                program: self.configuration.voice.program.to_string_lossy().into_owned(),
                ..EspeakSettings::default()
            },
            folder: self.folder(),
        }
    }

    fn espeak(&mut self, settings: EspeakSettings) -> Result<EspeakVoice, String> {
        if let Some((_, known)) = self.espeak.iter().find(|(known, _)| *known == settings) {
            return known.clone();
        }
        let threads = self.configuration.voice.threads;
        let voice = EspeakVoice::pooled(settings.clone(), &self.folder(), threads, &RATES);
        let voice = voice.map_err(|error| error.to_string());
        self.espeak.push((settings, voice.clone()));
        voice
    }

    fn runtime(&mut self) -> Result<OnnxRuntime, String> {
        let library = self.configuration.hearing.runtime.as_deref();
        self.runtime.get_or_insert_with(|| OnnxRuntime::load(library).map_err(|e| e.to_string())).clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use speech::{SpeechRequest, SynthesisError};

    use super::*;

    fn fixtures() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../speech/tests/fixtures/voices")
    }

    fn configuration(voice: &str) -> (tempfile::TempDir, Configuration) {
        let data = tempfile::tempdir().unwrap();
        let toml = format!("[server]\ndata = {:?}\n[voice]\n{voice}", data.path());
        (data, Configuration::with(&toml).unwrap())
    }

    fn say(voice: &mut dyn Synthesizer, text: &str, language: Language) -> Result<u32, SynthesisError> {
        let request = SpeechRequest { text: text.to_owned(), language, rate: 1.0 };
        voice.synthesize(&request, &AtomicBool::new(false)).map(|clip| clip.sample_rate)
    }

    #[test]
    fn voices_come_in_order_and_one_that_is_missing_is_named_while_the_next_speaks() {
        let mms = fixtures().join("mms");
        let (_data, configuration) = configuration(&format!(
            "threads = 2\nbo = [{{ engine = \"mms\", path = {mms:?} }}]\nzh = [{{ engine = \"piper\", path = \"/nowhere\" }}]"
        ));
        let mut voices = load(&configuration);
        let complaint = voices.complaint().unwrap();
        assert!(complaint.contains("voice.zh.0") && complaint.contains("/nowhere is missing"), "{complaint}");
        if complaint.contains("install espeak-ng") {
            println!("SKIPPED: espeak-ng is not installed");
            return;
        }
        assert_eq!((voices.chains.len(), voices.missing.len()), (2, 1));
        for chain in &mut voices.chains {
            assert!(chain.name().starts_with("bo mms:model@"), "{}", chain.name());
            assert_eq!(say(chain.as_mut(), "བོད་", Language::Bo).unwrap(), 16_000);
            assert_eq!(say(chain.as_mut(), "您好", Language::Zh).unwrap(), 22_050);
            assert!(!chain.substituted());
        }
    }

    #[test]
    fn without_any_voice_there_is_no_chain_and_the_complaint_says_what_to_install() {
        let (_data, configuration) = configuration("program = \"/nowhere/espeak-ng\"");
        let voices = load(&configuration);
        assert!(voices.chains.is_empty());
        let complaint = voices.complaint().unwrap();
        assert!(complaint.contains("apt-get install espeak-ng"), "{complaint}");
        assert_eq!(complaint.matches("apt-get").count(), 1, "{complaint}");
    }
}
