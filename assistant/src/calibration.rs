//! `data/calibration.json`: what turns scores into probabilities, kept between starts.
//!
//! The file has two parts with different lives. The calibration of typed text is fitted anew whenever the knowledge base, the
//! tolerance or the program changes, so it is kept only to spare a restart the work. What was fitted on recordings of people
//! ([`VoiceFit`]) cannot be made again without them: it outlives all of these, and is left out only while other engines hear.

use std::path::{Path, PathBuf};

use intents::{CALIBRATION_FORMAT, Calibration, Fit, PerLanguage};
use kb::Publication;
use language::Language;
use serde::{Deserialize, Serialize};

use crate::config::Configuration;

/// So many real recordings in Tibetan lift the confirming question before a spoken answer: with fewer, a share of two wrong
/// answers in a hundred cannot be seen.
pub const FEWEST_REAL_RECORDINGS: usize = 200;

/// One language's voice channel, fitted on recordings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VoiceFit {
    /// Weights and thresholds.
    pub fit: Fit,
    /// [`CALIBRATION_FORMAT`] then: weights of another one would count for other features.
    #[serde(default)]
    pub format: String,
    /// The engine that heard the recordings, with its hash.
    pub engine: String,
    /// The configured engines of the language then, as JSON; with others the fit is not used.
    pub engines: String,
    /// How many recordings there were.
    pub recordings: usize,
    /// Whether people spoke them, by the operator's word.
    pub real: bool,
    /// Whether a spoken question may be answered without a confirming question first. Only ever true with at least
    /// [`FEWEST_REAL_RECORDINGS`] real recordings.
    pub confirmation_lifted: bool,
    /// The knowledge base's revision then.
    pub knowledge: String,
    /// The day.
    pub day: String,
}

/// The voice fits by language.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VoiceFits {
    /// Tibetan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bo: Option<VoiceFit>,
    /// Chinese.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zh: Option<VoiceFit>,
}

impl VoiceFits {
    /// One language's.
    pub const fn get(&self, language: Language) -> Option<&VoiceFit> {
        match language {
            Language::Bo => self.bo.as_ref(),
            Language::Zh => self.zh.as_ref(),
        }
    }

    /// One language's, to be set.
    pub const fn get_mut(&mut self, language: Language) -> &mut Option<VoiceFit> {
        match language {
            Language::Bo => &mut self.bo,
            Language::Zh => &mut self.zh,
        }
    }
}

/// The file's content.
#[derive(Serialize, Deserialize)]
struct Content {
    /// What `calibration` depends on; another key is another calibration.
    #[serde(default)]
    key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    calibration: Option<Calibration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    voice: Option<VoiceFits>,
}

/// The stored calibration as seen by one publication and configuration.
#[derive(Debug)]
pub struct StoredCalibration {
    path: PathBuf,
    key: String,
    engines: PerLanguage<String>,
    tolerable_wrong: f32,
}

/// The engines of a language, as the file remembers them.
fn engines(configuration: &Configuration, language: Language) -> String {
    let hearing = match language {
        Language::Bo => &configuration.hearing.bo,
        Language::Zh => &configuration.hearing.zh,
    };
    serde_json::to_string(&hearing.engines).unwrap_or_default()
}

impl StoredCalibration {
    /// What `configuration`'s data folder keeps for a publication.
    pub fn of(publication: &Publication, configuration: &Configuration) -> Self {
        let tolerable_wrong = configuration.understanding.tolerable_wrong;
        // Another build may weigh other things: a program is told by its file's size and time.
        let program = std::env::current_exe().and_then(std::fs::metadata).ok();
        let written = program.as_ref().and_then(|file| file.modified().ok());
        let program = (program.map(|file| file.len()), written);
        Self {
            path: configuration.data("calibration.json"),
            key: format!("{} {tolerable_wrong} {program:?}", publication.fingerprint()),
            engines: PerLanguage {
                bo: engines(configuration, Language::Bo),
                zh: engines(configuration, Language::Zh),
            },
            tolerable_wrong,
        }
    }

    fn content(&self) -> Option<Content> {
        let text = std::fs::read_to_string(&self.path).ok()?;
        serde_json::from_str(&text)
            .inspect_err(|error| {
                tracing::warn!(%error, path = %self.path.display(), "the stored calibration cannot be read");
            })
            .ok()
    }

    /// The calibration of this publication without what recordings say; `None` where there is none, or one of something else.
    pub fn calibration(&self) -> Option<Calibration> {
        self.content().filter(|content| content.key == self.key)?.calibration
    }

    /// What recordings say about the engines that are configured now.
    pub fn voice(&self) -> VoiceFits {
        let mut voice = self.content().and_then(|content| content.voice).unwrap_or_default();
        for language in Language::ALL {
            let place = voice.get_mut(language);
            if place.as_ref().is_some_and(|fit| fit.engines != *self.engines.get(language)) {
                tracing::warn!(
                    %language,
                    "other engines hear than when the recordings were calibrated on; run `assistant calibrate` again"
                );
                *place = None;
            } else if place.as_ref().is_some_and(|fit| fit.format != CALIBRATION_FORMAT) {
                tracing::warn!(
                    %language,
                    "the recordings were calibrated on by a version that weighed other things; run `assistant calibrate` again"
                );
                *place = None;
            }
        }
        voice
    }

    /// A calibration with what recordings say in place of the documented constants.
    pub fn with_voice(&self, calibration: &Calibration) -> Calibration {
        let voice = self.voice();
        let mut merged = calibration.clone();
        for language in Language::ALL {
            if let Some(known) = voice.get(language) {
                merged.voice.get_mut(language).clone_from(&known.fit);
            }
        }
        merged
    }

    /// Whether a spoken question is confirmed first, where the operator wants that until recordings speak against it.
    pub fn confirms(&self, language: Language, wanted: bool) -> bool {
        let lifted = self.voice().get(language).is_some_and(|known| {
            known.confirmation_lifted && known.real && known.recordings >= FEWEST_REAL_RECORDINGS
        });
        wanted && !lifted
    }

    /// The configured engines of a language, to be kept with a fit.
    pub fn engines(&self, language: Language) -> &str {
        self.engines.get(language)
    }

    /// The tolerance that thresholds are set by.
    pub const fn tolerable_wrong(&self) -> f32 {
        self.tolerable_wrong
    }

    /// Keeps the calibration of typed text. Where that fails, the next start takes longer: no reason not to serve. Nothing is
    /// kept where there is no data folder yet, as for a command that only looks.
    pub fn keep(&self, calibration: &Calibration) {
        if !self.path.parent().is_some_and(Path::exists) {
            return;
        }
        let voice = self.content().and_then(|content| content.voice);
        let content = Content { key: self.key.clone(), calibration: Some(calibration.clone()), voice };
        if let Err(error) = self.write(&content) {
            tracing::warn!(%error, path = %self.path.display(), "the calibration could not be kept");
        }
    }

    /// Keeps what was fitted on recordings, in the languages that `fits` has; the others stay as they are.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn keep_voice(&self, fits: VoiceFits) -> std::io::Result<()> {
        let known = self.content();
        let mut voice = known.as_ref().and_then(|content| content.voice.clone()).unwrap_or_default();
        voice.bo = fits.bo.or(voice.bo);
        voice.zh = fits.zh.or(voice.zh);
        let (key, calibration) = known.map(|content| (content.key, content.calibration)).unwrap_or_default();
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        self.write(&Content { key, calibration, voice: Some(voice) })
    }

    /// Where it is kept.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn write(&self, content: &Content) -> std::io::Result<()> {
        let beside = self.path.with_extension(format!("{}.new", std::process::id()));
        let text = serde_json::to_vec(content).map_err(std::io::Error::other)?;
        std::fs::write(&beside, text)?;
        std::fs::rename(&beside, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::knowledge::Brain;

    /// So small that nothing is fitted on it: opening it costs nothing.
    const KNOWLEDGE: &str = "format: drilen-kb/1\nname: t\nentries:\n\
        - id: idcard-renew\n  topic: t\n  zh: {question: 身份证到期了怎么换, spoken: 去派出所。, written: 请到派出所。}\n";

    fn knowledge(folder: &Path) -> PathBuf {
        let path = folder.join("faq.yaml");
        std::fs::write(&path, KNOWLEDGE).unwrap();
        path
    }

    fn configuration(folder: &Path, more: &str) -> Configuration {
        let folder = folder.display().to_string();
        Configuration::with(&format!("[server]\ndata = {folder:?}\n{more}")).unwrap()
    }

    fn voice_fit(brain: &Brain, stored: &StoredCalibration, recordings: usize, real: bool) -> VoiceFit {
        let mut fit = brain.calibration().voice.bo.clone();
        fit.thresholds.answer = 0.77;
        VoiceFit {
            fit,
            format: CALIBRATION_FORMAT.to_owned(),
            engine: "ctc:x@1".to_owned(),
            engines: stored.engines(Language::Bo).to_owned(),
            recordings,
            real,
            confirmation_lifted: true,
            knowledge: "r".to_owned(),
            day: "2026-01-01".to_owned(),
        }
    }

    #[test]
    fn what_was_fitted_on_recordings_is_served_outlives_the_rest_and_goes_with_its_engines() {
        let folder = tempfile::tempdir().unwrap();
        let settings = configuration(folder.path(), "");
        let brain = Brain::open(&knowledge(folder.path()), &settings).unwrap();
        let documented = brain.rules().voice.bo.answer;
        assert!(brain.rules().confirm_voice.bo);
        let stored = StoredCalibration::of(brain.publication(), &settings);
        let fit = voice_fit(&brain, &stored, FEWEST_REAL_RECORDINGS, true);
        stored.keep_voice(VoiceFits { bo: Some(fit.clone()), zh: None }).unwrap();

        let served = Arc::new(Brain::open(&knowledge(folder.path()), &settings).unwrap());
        assert!((served.rules().voice.bo.answer - 0.77).abs() < 1e-6);
        assert!(!served.rules().confirm_voice.bo, "200 real recordings lift the confirming question");
        assert_eq!(served.rules().voice.zh, brain.rules().voice.zh);

        // Another tolerance fits typed text anew; the recordings still count.
        let other = configuration(folder.path(), "[understanding]\ntolerable_wrong = 0.03\n");
        let other = Brain::open(&knowledge(folder.path()), &other).unwrap();
        assert!((other.rules().voice.bo.answer - 0.77).abs() < 1e-6);

        let engines = "[hearing.bo]\nengines = [{ engine = \"ctc\", path = \"models/proxy\" }]\n";
        let elsewhere =
            Brain::open(&knowledge(folder.path()), &configuration(folder.path(), engines)).unwrap();
        assert!((elsewhere.rules().voice.bo.answer - documented).abs() < 1e-6);
        assert!(elsewhere.rules().confirm_voice.bo, "another engine has to earn it anew");
    }

    #[test]
    fn too_few_recordings_and_a_machines_voice_lift_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let settings = configuration(folder.path(), "");
        let brain = Brain::open(&knowledge(folder.path()), &settings).unwrap();
        let stored = StoredCalibration::of(brain.publication(), &settings);
        for (recordings, real) in [(FEWEST_REAL_RECORDINGS - 1, true), (FEWEST_REAL_RECORDINGS, false)] {
            let fit = voice_fit(&brain, &stored, recordings, real);
            stored.keep_voice(VoiceFits { bo: Some(fit), zh: None }).unwrap();
            assert!(stored.confirms(Language::Bo, true), "{recordings} {real}");
        }
        let fit = voice_fit(&brain, &stored, FEWEST_REAL_RECORDINGS, true);
        stored.keep_voice(VoiceFits { bo: Some(fit), zh: None }).unwrap();
        assert!(!stored.confirms(Language::Bo, true));
        assert!(!stored.confirms(Language::Bo, false));
        assert!(stored.confirms(Language::Zh, true));
        let older = std::fs::read_to_string(stored.path())
            .unwrap()
            .replace(CALIBRATION_FORMAT, "drilen-calibration/2");
        std::fs::write(stored.path(), older).unwrap();
        assert!(stored.confirms(Language::Bo, true), "weights of another version lift nothing");
        assert!(stored.voice().bo.is_none());
        std::fs::write(stored.path(), "no JSON").unwrap();
        assert!(stored.confirms(Language::Bo, true), "a damaged file lifts nothing");
        assert_eq!(stored.calibration(), None);
    }
}
