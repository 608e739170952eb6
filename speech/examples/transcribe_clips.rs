//! Transcribes clips with one engine and prints what it made of each, as lines of JSON: for comparing this project's loaders
//! with other programs (`training/layouts`).
//!
//! ```sh
//! ls clips/*.wav | cargo run -p speech --example transcribe_clips -- LAYOUT MODEL [LANGUAGE]
//! ```
//!
//! LAYOUT is `omnilingual`, `wav2vec2`, `zipformer_streaming` (MODEL is the folder) or `whisper` (MODEL is the file); LANGUAGE
//! is `zh` (the default) or `bo`.

use std::{
    io::{self, BufRead, Write},
    path::Path,
    time::Instant,
};

use language::Language;
use serde_json::json;
use speech::{
    TranscribeRequest, Transcriber,
    codec::file,
    runtime::{OnnxRuntime, SessionOptions},
    transcriber::{
        waveform::WaveformTranscriber,
        whisper::{WhisperModel, WhisperTranscriber},
        zipformer::ZipformerTranscriber,
    },
};

type Failure = Box<dyn std::error::Error>;

/// The engines that can be compared.
enum Engine {
    Waveform(Box<WaveformTranscriber>),
    Zipformer(Box<ZipformerTranscriber>),
    Whisper(Box<WhisperTranscriber>),
}

impl Engine {
    fn load(layout: &str, model: &Path) -> Result<Self, Failure> {
        let (languages, options) = (&Language::ALL, SessionOptions::default());
        let runtime = || OnnxRuntime::load(None);
        Ok(match layout {
            "omnilingual" | "wav2vec2" => {
                Self::Waveform(Box::new(WaveformTranscriber::load(model, languages, &runtime()?, options)?))
            }
            "zipformer_streaming" => {
                Self::Zipformer(Box::new(ZipformerTranscriber::load(model, languages, &runtime()?, options)?))
            }
            "whisper" => Self::Whisper(Box::new(WhisperModel::load(model)?.transcriber(1)?)),
            other => return Err(format!("no engine is called {other}").into()),
        })
    }

    fn transcriber(&mut self) -> &mut dyn Transcriber {
        match self {
            Self::Waveform(engine) => engine.as_mut(),
            Self::Zipformer(engine) => engine.as_mut(),
            Self::Whisper(engine) => engine.as_mut(),
        }
    }

    /// The greedy path; empty for engines that have none.
    fn greedy(&mut self, samples: &[f32]) -> Result<Vec<u32>, Failure> {
        Ok(match self {
            Self::Waveform(engine) => engine.greedy(samples)?,
            Self::Zipformer(engine) => engine.greedy(samples)?,
            Self::Whisper(_) => Vec::new(),
        })
    }
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (layout, model, language) = match arguments.as_slice() {
        [layout, model] => (layout, model, Language::Zh),
        [layout, model, language] if language == "bo" => (layout, model, Language::Bo),
        [layout, model, language] if language == "zh" => (layout, model, Language::Zh),
        _ => return Err("usage: transcribe_clips LAYOUT MODEL [bo|zh] < list of files".into()),
    };
    let mut engine = Engine::load(layout, Path::new(model))?;
    let request = TranscribeRequest { language: Some(language), ..Default::default() };
    let mut out = io::stdout().lock();
    for path in io::stdin().lock().lines() {
        let path = path?;
        let samples = file::decode_path(Path::new(&path), 60.0)?;
        let begun = Instant::now();
        let transcript = engine.transcriber().transcribe(&samples, &request)?;
        let elapsed = begun.elapsed().as_secs_f64();
        let tokens = engine.greedy(&samples)?;
        let line = json!({
            "file": path,
            "text": transcript.text(),
            "tokens": tokens,
            "seconds": transcript.seconds,
            "elapsed": elapsed,
        });
        writeln!(out, "{line}")?;
    }
    Ok(())
}
