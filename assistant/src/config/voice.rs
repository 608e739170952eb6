//! Speech out: which voices, in which order.

use std::path::PathBuf;

use language::Language;
use serde::{Deserialize, Serialize};

/// Speech out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Voice {
    /// Synthesis threads; each holds its own copy of the VITS voices.
    pub threads: usize,
    /// What speaks where no other voice is named, or none of those named can.
    pub engine: VoiceEngine,
    /// espeak-ng's program, by name or path.
    pub program: PathBuf,
    /// How loud espeak-ng is where nothing else is said: 1.0 as its voices were made.
    pub volume: f32,
    /// How high espeak-ng speaks where nothing else is said, 0 to 99; its own default is 50.
    pub pitch: u8,
    /// Speed of "slower, please" (1.0 is as the voice was made).
    pub slow_rate: f32,
    /// Disk space for synthesized answers, in mebibytes; the ones used longest ago go first. 0: no cache.
    pub cache_megabytes: u64,
    /// Voices of Tibetan, in order: the next speaks where the one before cannot be loaded or fails. Where espeak-ng is not among
    /// them, it comes last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bo: Vec<VoiceEntry>,
    /// Voices of Chinese, likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zh: Vec<VoiceEntry>,
}

impl Voice {
    /// The voices that are named for a language.
    pub fn of(&self, language: Language) -> &[VoiceEntry] {
        match language {
            Language::Bo => &self.bo,
            Language::Zh => &self.zh,
        }
    }
}

/// One voice of a language. What is left out is as the voice was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VoiceEntry {
    /// What speaks it.
    pub engine: VoiceKind,
    /// A VITS voice's `.onnx` file, or the folder that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Which of a VITS voice's speakers, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speaker: Option<u32>,
    /// Speed, 0.5 to 2.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<f32>,
    /// Loudness, 0.1 to 4.0 (espeak-ng: 2.0); what becomes too loud is limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<f32>,
    /// How high espeak-ng speaks, 0 to 99. A VITS voice has no such setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pitch: Option<u8>,
    /// One of espeak-ng's voice variants, such as `f2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// How freely a VITS voice varies its sound, 0 to 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise_scale: Option<f32>,
    /// How freely a VITS voice varies its durations, 0 to 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise_w: Option<f32>,
}

/// Kinds of voices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VoiceKind {
    /// espeak-ng as separate processes; both languages.
    Espeak,
    /// A VITS model through ONNX Runtime, in the layout of Piper, of MMS-TTS or of Optimum.
    #[serde(alias = "piper", alias = "mms")]
    Vits,
}

/// The synthesizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VoiceEngine {
    /// espeak-ng as a separate process.
    Espeak,
    /// No spoken answers.
    None,
}
