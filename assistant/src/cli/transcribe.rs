//! `assistant transcribe`: what the configured engine makes of sound files.

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use intents::Utterance;
use language::Language;
use speech::{
    SAMPLE_RATE, TranscribeRequest,
    codec::file::{FileError, decode_path},
};

use super::{Failure, Outcome, language};
use crate::{
    config::Configuration,
    knowledge::{self, Brain, Memory},
    workers::engines::Loader,
};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Sound files of any common format.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The language that is spoken.
    #[arg(long, value_parser = language, value_name = "bo|zh", default_value = "zh")]
    language: Language,
    /// Also show which questions of the knowledge base are nearest to the sound.
    #[arg(long)]
    kb: bool,
}

pub(super) fn run(configuration: &Configuration, options: &Options) -> Outcome {
    let (mut engines, missing) = Loader::new(&configuration.hearing).load();
    for missing in missing.iter().filter(|m| m.language == options.language) {
        eprintln!("warning: {}", missing.reason);
    }
    let language = options.language;
    let dictation = engines.dictation(language);
    let Some(engine) = engines.get(language) else {
        return Err(Failure::Failed(anyhow::anyhow!(
            "no engine hears {language}: set hearing.{language}.engines; `assistant check` says what is missing"
        )));
    };
    let brain =
        options.kb.then(|| Brain::open(&knowledge::folder(configuration), configuration)).transpose()?;
    let brain = brain.map(Arc::new);
    println!("engine: {}", engine.name());
    if dictation == Some(false) {
        println!(
            "This engine cannot take dictation: it finds the nearest known question, but writes no words.{}",
            if options.kb { "" } else { " Add --kb to see the nearest questions." }
        );
    }
    let mut failed = false;
    for file in &options.files {
        println!("\n{}", file.display());
        let audio = match decode_path(file, engine.capabilities().max_seconds) {
            Ok(audio) => audio,
            Err(error) => {
                eprintln!("error: {}: {}", file.display(), undecoded(&error));
                failed = true;
                continue;
            }
        };
        println!("  {:.1} s", audio.len() as f32 / SAMPLE_RATE as f32);
        let request = TranscribeRequest { language: Some(language), ..TranscribeRequest::default() };
        let transcript = match engine.transcribe(&audio, &request) {
            Ok(transcript) => transcript,
            Err(error) => {
                eprintln!("error: {}: {error}", file.display());
                failed = true;
                continue;
            }
        };
        if dictation == Some(true) {
            println!("  text: {}", transcript.text());
        }
        let Some(brain) = &brain else { continue };
        let text = if dictation == Some(true) { transcript.text().to_owned() } else { String::new() };
        let utterance = Utterance::heard(text, language, transcript.evidence.clone());
        let thought = brain.think(&utterance, &Memory::default(), Some(engine.name().to_owned()));
        println!("  understood as: {:?}", thought.understanding.act);
        for scored in &thought.understanding.candidates {
            println!("  {:.2}  {}  {}", scored.confidence, scored.entry, scored.question);
        }
    }
    if failed { Err(Failure::Said) } else { Ok(()) }
}

/// Why a file was not read, with what could be done.
fn undecoded(error: &FileError) -> String {
    match error {
        FileError::NotSound | FileError::Unsupported { .. } => {
            format!("{error}; WAV, AIFF, CAF, FLAC, MP3, Ogg, MP4/M4A, Matroska and WebM are read")
        }
        FileError::Io(source) => format!("{error}: {source}"),
        FileError::Empty | FileError::Damaged { .. } | FileError::TooLong { .. } => error.to_string(),
    }
}
