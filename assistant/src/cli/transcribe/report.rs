//! What was measured, for people and as JSON.

use std::{collections::BTreeMap, fmt::Write as _, path::PathBuf};

use language::Language;
use serde::Serialize;

use super::score::{Errors, Unit};

/// One word and when it was said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Word {
    /// The word.
    pub text: String,
    /// Milliseconds from the start of the audio.
    pub start_ms: u32,
    /// Where it ends.
    pub end_ms: u32,
    /// 0 to 1, uncalibrated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
}

/// A further reading.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Alternative {
    /// The words.
    pub text: String,
    /// 0 to 1, uncalibrated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
}

/// Errors in one unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Measured {
    /// What is counted.
    pub unit: Unit,
    /// Errors per unit said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// The counts.
    #[serde(flatten)]
    pub errors: Errors,
}

impl Measured {
    pub fn new(unit: Unit, errors: Errors) -> Self {
        Self { unit, rate: errors.rate(), errors }
    }
}

/// One file.
#[derive(Clone, Debug, Serialize)]
pub(super) struct FileReport {
    /// The sound file.
    pub path: PathBuf,
    /// The language that was listened for.
    pub language: Language,
    /// The engine that heard it; empty where none did.
    pub engine: String,
    /// What was said, where the manifest says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What was heard, as the engine wrote it; `None` where it takes no dictation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The same with its numbers in digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written: Option<String>,
    /// When.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<Word>,
    /// Further readings, best first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Alternative>,
    /// What was heard phone by phone, where the engine hears phones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phones: Option<Vec<&'static str>>,
    /// Error rates, where it is known what was said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub measured: Vec<Measured>,
    /// Length of the audio, in seconds.
    pub seconds: f64,
    /// Time that transcribing took, in seconds.
    pub took_seconds: f64,
    /// Time taken per second of audio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub real_time_factor: Option<f64>,
    /// Why nothing was heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// All files in one language, in one unit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Total {
    /// The language.
    pub language: Language,
    /// Files that were measured.
    pub files: usize,
    /// Their errors, as if they were one long file.
    #[serde(flatten)]
    pub measured: Measured,
}

/// A run.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    /// The format of this report.
    pub format: &'static str,
    /// Every file, in order.
    pub files: Vec<FileReport>,
    /// By language and unit.
    pub overall: Vec<Total>,
    /// Files that could not be transcribed.
    pub failed: usize,
    /// Time taken per second of audio, of all files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub real_time_factor: Option<f64>,
}

impl Report {
    /// Adds up.
    pub fn new(files: Vec<FileReport>) -> Self {
        let mut sums: BTreeMap<(&str, Unit), (Language, usize, Errors)> = BTreeMap::new();
        for file in &files {
            for measured in &file.measured {
                let key = (file.language.code(), measured.unit);
                let sum = sums.entry(key).or_insert((file.language, 0, Errors::default()));
                *sum = (file.language, sum.1 + 1, sum.2.and(measured.errors));
            }
        }
        let total = |((_, unit), (language, files, errors))| Total {
            language,
            files,
            measured: Measured::new(unit, errors),
        };
        let heard = || files.iter().filter(|file| file.error.is_none());
        let (seconds, took): (f64, f64) =
            (heard().map(|f| f.seconds).sum(), heard().map(|f| f.took_seconds).sum());
        Self {
            format: "drilen-transcribe/1",
            overall: sums.into_iter().map(total).collect(),
            failed: files.iter().filter(|file| file.error.is_some()).count(),
            real_time_factor: (seconds > 0.0).then(|| took / seconds),
            files,
        }
    }

    /// The figures for people: a line for every file and one for every total.
    pub fn table(&self) -> String {
        let mut out = String::new();
        let mut line = |name: &str, measured: &Measured, factor: Option<f64>| {
            let Errors { reference, substitutions, insertions, deletions } = measured.errors;
            let rate = measured.rate.map_or("–".to_owned(), |rate| format!("{:.1} %", rate * 100.0));
            let factor = factor.map_or(String::new(), |factor| format!("{factor:.3}"));
            let _ = writeln!(
                out,
                "{:>4} {rate:>8} {reference:>7} {substitutions:>6} {insertions:>6} {deletions:>6} {factor:>7}  {name}",
                measured.unit.rate_name()
            );
        };
        for file in &self.files {
            for measured in &file.measured {
                line(&file.path.display().to_string(), measured, file.real_time_factor);
            }
        }
        for total in &self.overall {
            let name =
                format!("all {} in {}", super::super::counted(total.files, "file", "files"), total.language);
            line(&name, &total.measured, None);
        }
        if out.is_empty() {
            return out;
        }
        let head = format!(
            "{:>4} {:>8} {:>7} {:>6} {:>6} {:>6} {:>7}  file\n",
            "", "rate", "said", "subst", "insert", "delete", "× time"
        );
        head + &out
    }
}
