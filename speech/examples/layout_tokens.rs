//! What a published model writes for some recordings, as one JSON object a line: its tokens as they stand in its
//! vocabulary, their times, the text and its words. For `training/layouts/compare.py`.
//!
//! `layout_tokens recipe|sherpa FOLDER FILE…`

use std::{env, path::Path};

use language::Language;
use serde_json::json;
use speech::{
    TranscribeRequest, Transcriber,
    codec::file,
    runtime::{OnnxRuntime, SessionOptions},
    transcriber::onnx::{FrontEnd, OnnxTranscriber},
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [front_end, folder, files @ ..] = arguments.as_slice() else {
        return Err("usage: layout_tokens recipe|sherpa FOLDER FILE…".into());
    };
    let front_end = match front_end.as_str() {
        "recipe" => FrontEnd::Recipe,
        "sherpa" => FrontEnd::Sherpa,
        other => return Err(format!("{other} is no front end: recipe or sherpa").into()),
    };
    let runtime = OnnxRuntime::load(None)?;
    let mut engine = OnnxTranscriber::load(
        Path::new(folder),
        &[Language::Zh],
        &runtime,
        SessionOptions::default(),
        front_end,
    )?;
    for path in files {
        let audio = file::decode_path(Path::new(path), engine.capabilities().max_seconds)?;
        let tokens = engine.tokens(&audio)?;
        let transcript = engine.transcribe(&audio, &TranscribeRequest::default())?;
        let words = transcript.hypotheses.first().map_or(&[][..], |hypothesis| &hypothesis.words);
        let line = json!({
            "tokens": tokens.iter().map(|token| &token.name).collect::<Vec<_>>(),
            "start_ms": tokens.iter().map(|token| token.start_ms).collect::<Vec<_>>(),
            "text": transcript.text(),
            "words": words.iter().map(|word| (&word.text, word.start_ms, word.end_ms)).collect::<Vec<_>>(),
            "evidence": transcript.evidence.is_some(),
        });
        println!("{line}");
    }
    Ok(())
}
