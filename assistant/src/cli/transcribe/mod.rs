//! `assistant transcribe`: what the configured engine makes of sound files, and how well where it is known what was said.

mod report;
mod score;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use clap::Args;
use intents::{PerLanguage, Utterance};
use language::{Evidence, Language};
use speech::{
    SAMPLE_RATE, TranscribeRequest, Transcript,
    codec::file::{FileError, decode_path},
};

use self::{
    report::{Alternative, FileReport, Measured, Report, Word},
    score::{Unit, phone_errors, text_errors},
};
use super::{Failure, Outcome, counted, language, manifest};
use crate::{
    config::Configuration,
    knowledge::{self, Brain, Memory},
    workers::engines::{EngineSet, Loader},
};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Sound files of any common format.
    #[arg(required_unless_present = "manifest", conflicts_with = "manifest", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Transcribe the recordings of a table and measure the errors: `path`, `text`, and optionally `language`, separated by
    /// tabs; relative paths begin where the table lies. A file that cannot be read does not stop the others.
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// The language that is spoken, where the table does not say.
    #[arg(long, value_parser = language, value_name = "bo|zh", default_value = "zh")]
    language: Language,
    /// Print JSON instead of lines for people.
    #[arg(long)]
    json: bool,
    /// Also show which questions of the knowledge base are nearest to the sound; its words are expected with --beam, and by
    /// engines that take a prompt.
    #[arg(long)]
    kb: bool,
    /// Search with so many prefixes instead of taking each moment's best class; engines that decode by themselves ignore it.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    beam: u8,
    /// Show so many readings; more than one needs --beam.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    nbest: u8,
}

/// A recording to be transcribed.
struct Item {
    path: PathBuf,
    language: Language,
    reference: Option<String>,
    /// Why it cannot be, where its line already says so.
    problem: Option<String>,
}

pub(super) fn run(configuration: &Configuration, options: &Options) -> Outcome {
    let items = items(options)?;
    let (mut engines, missing) = Loader::new(&configuration.hearing).load();
    for missing in missing.iter().filter(|m| items.iter().any(|item| item.language == m.language)) {
        eprintln!("warning: {}", missing.reason);
    }
    for language in Language::ALL {
        if items.iter().any(|item| item.language == language) && engines.get(language).is_none() {
            return Err(Failure::Failed(anyhow::anyhow!(
                "no engine hears {language}: set hearing.{language}.engines; `assistant check` says what is missing"
            )));
        }
    }
    let brain =
        options.kb.then(|| Brain::open(&knowledge::folder(configuration), configuration)).transpose()?;
    let brain = brain.map(Arc::new);
    if !options.json {
        introduce(&mut engines, &items, options);
    }
    let requests = PerLanguage {
        bo: request(options, brain.as_deref(), Language::Bo),
        zh: request(options, brain.as_deref(), Language::Zh),
    };
    let mut reports = Vec::with_capacity(items.len());
    for item in &items {
        let (report, transcript) = transcribe(&mut engines, item, requests.get(item.language));
        if !options.json {
            show(&report);
            if let (Some(brain), Some(transcript)) = (&brain, &transcript) {
                show_nearest(brain, &report, transcript);
            }
        }
        reports.push(report);
    }
    let report = Report::new(reports);
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else if options.manifest.is_some() {
        print!("\n{}", report.table());
        if let Some(factor) = report.real_time_factor {
            println!("time taken per second of sound: {factor:.3}");
        }
    }
    if report.failed > 0 {
        // The only file's own error has said it all.
        if report.files.len() > 1 {
            eprintln!("error: {} could not be transcribed", counted(report.failed, "file", "files"));
        }
        return Err(Failure::Said);
    }
    Ok(())
}

fn items(options: &Options) -> Result<Vec<Item>, Failure> {
    let Some(path) = &options.manifest else {
        let item = |path: &PathBuf| Item {
            path: path.clone(),
            language: options.language,
            reference: None,
            problem: None,
        };
        return Ok(options.files.iter().map(item).collect());
    };
    let rows = manifest::read(path)?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let spoken = row.cell(1).map(language).transpose();
            let reference = row.cell(0).map(str::to_owned);
            let problem = match (&spoken, &reference) {
                (Err(error), _) => Some(format!("line {}: {error}", row.line)),
                (_, None) => Some(format!("line {} does not say what was said", row.line)),
                _ => None,
            };
            let language = spoken.ok().flatten().unwrap_or(options.language);
            Item { path: row.path, language, reference, problem }
        })
        .collect())
}

fn introduce(engines: &mut EngineSet, items: &[Item], options: &Options) {
    for language in Language::ALL {
        if !items.iter().any(|item| item.language == language) {
            continue;
        }
        let Some(engine) = engines.get(language) else { continue };
        println!("engine: {} ({language})", engine.name());
        if !engine.capabilities().dictation {
            let hint = if options.kb { "" } else { " Add --kb to see the nearest questions." };
            println!(
                "This engine cannot take dictation: it finds the nearest known question, but writes no words.{hint}"
            );
        }
    }
}

/// What is asked of an engine for recordings in a language.
fn request(options: &Options, brain: Option<&Brain>, language: Language) -> TranscribeRequest {
    let mut request = match brain {
        Some(brain) => brain.standing(language).with_beam(options.beam).request(Vec::new()),
        None => TranscribeRequest { language: Some(language), ..TranscribeRequest::default() },
    };
    (request.decoding.beam, request.decoding.nbest) = (options.beam.into(), options.nbest.into());
    request
}

fn transcribe(
    engines: &mut EngineSet,
    item: &Item,
    request: &TranscribeRequest,
) -> (FileReport, Option<Transcript>) {
    let mut report = FileReport {
        path: item.path.clone(),
        language: item.language,
        engine: String::new(),
        reference: item.reference.clone(),
        text: None,
        written: None,
        words: Vec::new(),
        alternatives: Vec::new(),
        phones: None,
        measured: Vec::new(),
        seconds: 0.0,
        took_seconds: 0.0,
        real_time_factor: None,
        error: item.problem.clone(),
    };
    if report.error.is_some() {
        return (report, None);
    }
    let heard = hear(engines, item, request, &mut report);
    match heard {
        Ok((transcript, dictation)) => {
            fill(&mut report, &transcript, dictation);
            (report, Some(transcript))
        }
        Err(error) => {
            report.error = Some(error);
            (report, None)
        }
    }
}

fn hear(
    engines: &mut EngineSet,
    item: &Item,
    request: &TranscribeRequest,
    report: &mut FileReport,
) -> Result<(Transcript, bool), String> {
    let engine = engines.get(item.language).ok_or("no engine hears it")?;
    let audio = decode_path(&item.path, engine.capabilities().max_seconds).map_err(|e| undecoded(&e))?;
    let begun = Instant::now();
    let transcript = engine.transcribe(&audio, request).map_err(|error| error.to_string())?;
    report.took_seconds = begun.elapsed().as_secs_f64();
    report.seconds = audio.len() as f64 / f64::from(SAMPLE_RATE);
    report.real_time_factor = (report.seconds > 0.0).then(|| report.took_seconds / report.seconds);
    // After a fall-back the engine is another one.
    engine.name().clone_into(&mut report.engine);
    Ok((transcript, engine.capabilities().dictation))
}

/// What was heard, and how far it is from what was said.
fn fill(report: &mut FileReport, transcript: &Transcript, dictation: bool) {
    let phones = transcript.evidence.as_deref().and_then(Evidence::phones);
    if dictation {
        report.text = Some(transcript.text().to_owned());
        report.written = Some(transcript.written());
        if let Some((best, others)) = transcript.hypotheses.split_first() {
            let word = |word: &speech::TimedWord| Word {
                text: word.text.clone(),
                start_ms: word.start_ms,
                end_ms: word.end_ms,
                confidence: word.confidence,
            };
            report.words = best.words.iter().map(word).collect();
            let other = |reading: &speech::Hypothesis| Alternative {
                text: reading.text.clone(),
                confidence: reading.confidence,
            };
            report.alternatives = others.iter().map(other).collect();
        }
    }
    let Some(said) = &report.reference else {
        report.phones = phones.map(|phones| phones.into_iter().map(language::Phone::name).collect());
        return;
    };
    let language = report.language;
    if dictation {
        let errors = text_errors(said, transcript.text(), language);
        report.measured.push(Measured::new(Unit::of(language), errors));
    }
    // An engine that heard nothing at all gives no evidence; then all phones are missing.
    let deaf = !dictation && transcript.evidence.is_none();
    let heard = phones.or_else(|| deaf.then(Vec::new));
    if let Some(errors) = heard.as_ref().and_then(|heard| phone_errors(said, heard, language)) {
        report.measured.push(Measured::new(Unit::Phone, errors));
    }
    report.phones = heard.map(|phones| phones.into_iter().map(language::Phone::name).collect());
}

fn show(report: &FileReport) {
    let path: &Path = &report.path;
    println!("\n{}", path.display());
    if let Some(error) = &report.error {
        eprintln!("error: {}: {error}", path.display());
        return;
    }
    println!("  {:.1} s", report.seconds);
    if let Some(said) = &report.reference {
        println!("  said: {said}");
    }
    if let Some(text) = &report.written {
        println!("  text: {text}");
    }
    for other in &report.alternatives {
        println!("    or: {} ({:.2})", other.text, other.confidence.unwrap_or_default());
    }
    for measured in &report.measured {
        let rate = measured.rate.map_or("–".to_owned(), |rate| format!("{:.1} %", rate * 100.0));
        println!("  {}: {rate}", measured.unit.rate_name());
    }
}

fn show_nearest(brain: &Arc<Brain>, report: &FileReport, transcript: &Transcript) {
    let text = report.written.clone().unwrap_or_default();
    let utterance = Utterance::heard(text, report.language, transcript.evidence.clone());
    let thought = brain.think(&utterance, &Memory::default(), Some(report.engine.clone()));
    println!("  understood as: {:?}", thought.understanding.act);
    for scored in &thought.understanding.candidates {
        println!("  {:.2}  {}  {}", scored.confidence, scored.entry, scored.question);
    }
}

/// Why a file was not read, with what could be done.
pub(super) fn undecoded(error: &FileError) -> String {
    match error {
        FileError::NotSound | FileError::Unsupported { .. } => {
            format!("{error}; WAV, AIFF, CAF, FLAC, MP3, Ogg, MP4/M4A, Matroska and WebM are read")
        }
        FileError::Io(source) => format!("{error}: {source}"),
        FileError::Empty | FileError::Damaged { .. } | FileError::TooLong { .. } => error.to_string(),
    }
}
