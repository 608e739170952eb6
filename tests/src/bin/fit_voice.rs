//! Fits the documented constants of the `intents` crate's voice channel.
//!
//! `cargo run -p end-to-end --bin fit-voice -- MODEL [DECIBELS]`: 760 real Mandarin sentences (`zh_sentences`) are entries; every second one is
//! spoken, in a babble of four others at that signal-to-noise ratio where one is given. Half of those are entries as they are spoken, half only in a
//! paraphrase (not both: dictation goes by the knowledge base's own words). Give it a model that has not been trained on these speakers, such as the proxy,
//! or enough babble that having heard them does not help. Prints weights and thresholds, and how well halves of questions are told from wholes.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use end_to_end::bench::paraphrase;
use end_to_end::material;
use intents::{Memory, Recording, Settings, Understander, Utterance, calibrate_voice};
use kb::{Collection, Entry, EntryId, Publication, Review, Sourced, Text};
use language::{Language, Script};
use rand::SeedableRng;
use rand::rngs::StdRng;
use speech::runtime::{OnnxRuntime, SessionOptions};
use speech::transcriber::ctc::CtcTranscriber;
use speech::{TranscribeRequest, Transcriber};

struct Sentence {
    file: String,
    text: String,
}

fn sentences(folder: &Path) -> Result<Vec<Sentence>> {
    let table =
        std::fs::read_to_string(folder.join("transcripts.tsv")).context("zh_sentences/transcripts.tsv")?;
    let mut seen = HashSet::new();
    Ok(table
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once('\t').zip(line.rsplit_once('\t')))
        .map(|((file, _), (_, text))| Sentence { file: file.to_owned(), text: text.to_owned() })
        .filter(|s| {
            s.text.chars().any(|c| Script::of(c) == Script::Han) && seen.insert(language::search_key(&s.text))
        })
        .collect())
}

fn publish(sentences: &[Sentence]) -> Result<Publication> {
    let mut random = StdRng::seed_from_u64(11);
    let mut entry = |(number, sentence): (usize, &Sentence)| Entry {
        id: EntryId(format!("sentence-{number}")),
        topic: "measuring".to_owned(),
        sample: true,
        zh: Some(Text {
            question: if number % 4 < 2 {
                sentence.text.clone()
            } else {
                paraphrase(&sentence.text, Language::Zh, &mut random)
            },
            spoken: "。".to_owned(),
            written: "。".to_owned(),
            review: Review::Sample,
            ..Text::default()
        }),
        ..Entry::default()
    };
    let sourced = |entry| Sourced { file: "measuring".to_owned(), entry };
    let entries = sentences.iter().enumerate().map(|s| sourced(entry(s))).collect();
    Ok(Publication::new(&Collection { name: "measuring".to_owned(), entries, ..Collection::default() })?)
}

/// The samples with four other recordings beside them.
fn in_babble(samples: &[f32], others: &[Vec<f32>], decibels: f32) -> Vec<f32> {
    let mixed = |at: usize| others.iter().filter(|o| !o.is_empty()).map(|o| o[at % o.len()]).sum::<f32>();
    let babble: Vec<f32> = (0..samples.len()).map(mixed).collect();
    let power = |sound: &[f32]| sound.iter().map(|s| s * s).sum::<f32>();
    let gain = (power(samples) / power(&babble).max(1e-9) / 10_f32.powf(decibels / 10.0)).sqrt();
    samples.iter().zip(&babble).map(|(sample, noise)| sample + gain * noise).collect()
}

/// The quietest place in the middle half of a sound, where a speaker would pause.
fn quietest(samples: &[f32]) -> usize {
    let levels: Vec<f32> = samples.chunks(160).map(|frame| frame.iter().map(|s| s * s).sum()).collect();
    let quarter = levels.len() / 4;
    let middle = quarter..levels.len() - quarter;
    middle.min_by(|&a, &b| levels[a].total_cmp(&levels[b])).unwrap_or(0) * 160
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let model = arguments.next().context("which model folder?")?;
    let decibels: Option<f32> = arguments.next().map(|text| text.parse()).transpose()?;
    let Some(folder) = material::data("zh_sentences") else { return Ok(()) };
    let sentences = sentences(&folder)?;
    let settings = Settings { outside_share: 0.15, ..Settings::default() };
    let understander = Understander::new(Arc::new(publish(&sentences)?), settings.clone())?;
    let runtime = OnnxRuntime::load(Some(&material::workspace().join(".local/lib/libonnxruntime.so")))?;
    let mut ear =
        CtcTranscriber::load(Path::new(&model), &Language::ALL, &runtime, SessionOptions::default())?;
    let sound = |number: usize| {
        speech::codec::file::decode_path(&folder.join(&sentences[number % sentences.len()].file), 60.0)
    };
    let forms = &understander.publication().spoken_forms().questions;
    let mut pauses = [Vec::new(), Vec::new()];
    let mut recordings = Vec::new();
    for number in (0..sentences.len()).step_by(2) {
        let mut samples = sound(number)?;
        if let Some(decibels) = decibels {
            let others = (1..=4).map(|k| sound(number * 7 + k * 131)).collect::<Result<Vec<_>, _>>()?;
            samples = in_babble(&samples, &others, decibels);
        }
        let Some(evidence) = ear.transcribe(&samples, &TranscribeRequest::default())?.evidence else {
            continue;
        };
        if number % 4 < 2 {
            for (over, part) in [&samples[..quietest(&samples)], &samples].into_iter().enumerate() {
                let Some(evidence) = ear.transcribe(part, &TranscribeRequest::default())?.evidence else {
                    continue;
                };
                let heard = Utterance::heard(String::new(), Language::Zh, Some(Arc::clone(&evidence)));
                let understood = understander.understand(&heard, &Memory::default())?;
                if !understood.is_complete() {
                    pauses[over].push((evidence.begun(forms, 6, 4), understood.fit.unwrap_or(f32::MIN)));
                }
            }
        }
        recordings.push(Recording {
            evidence,
            text: String::new(),
            language: Language::Zh,
            entry: Some(EntryId(format!("sentence-{number}"))),
            read: None,
        });
    }
    for least in [-4.0, -3.5, -3.0, -2.5, -2.0] {
        for lead in [0.5, 1.0, 2.0, 3.0] {
            let share = |list: &[(f32, f32)]| {
                let begun =
                    list.iter().filter(|(begun, fit)| *begun >= least && *begun >= fit + lead).count();
                begun as f64 / list.len().max(1) as f64
            };
            println!(
                "begun from {least} and {lead} better: of {} halves {:.3}, of {} wholes {:.3}",
                pauses[0].len(),
                share(&pauses[0]),
                pauses[1].len(),
                share(&pauses[1])
            );
        }
    }
    for (name, rest) in [("as they are spoken", 0), ("in a paraphrase", 2)] {
        let (mut first, mut all) = (0_u32, 0_u32);
        let number = |recording: &Recording| -> usize {
            let id = recording.entry.as_ref().and_then(|entry| entry.0.rsplit('-').next()?.parse().ok());
            id.unwrap_or_default()
        };
        for recording in recordings.iter().filter(|recording| number(recording) % 4 == rest) {
            let utterance =
                Utterance::heard(String::new(), Language::Zh, Some(Arc::clone(&recording.evidence)));
            let understood = understander.understand(&utterance, &Memory::default())?;
            let best = understood.candidates.first().map(|best| &best.entry);
            first += u32::from(best.is_some() && best == recording.entry.as_ref());
            all += 1;
        }
        println!("entries {name}: first {:.3} of {all}", f64::from(first) / f64::from(all.max(1)));
    }
    let calibration = calibrate_voice(&understander, &recordings, &settings)?;
    println!("{}", serde_json::to_string_pretty(&calibration.voice.zh)?);
    Ok(())
}
