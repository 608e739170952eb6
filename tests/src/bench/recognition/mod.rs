//! The benchmark of hearing, in sections; `make bench-recognition` runs all of them.

mod channels;
mod cries;
mod crowd;
mod disfluent;
mod endurance;
mod faults;
mod finding;
mod matching;
mod pauses;
mod peers;
mod phones;

use std::sync::Arc;

use anyhow::{Context, Result};
use intents::{Settings, Understander};
use kb::{Collection, Entry, Publication, Sourced};
use language::{Evidence, Language};
use rand::{Rng, SeedableRng, rngs::StdRng};
use speech::{
    TranscribeRequest, Transcriber,
    runtime::{OnnxRuntime, SessionOptions},
    transcriber::ctc::CtcTranscriber,
};

pub use cries::cries;
pub use crowd::live_streams;
pub use disfluent::as_people_speak;
pub use endurance::eight_hours;
pub use faults::faults;
pub use finding::{held_out_questions, real_mandarin};
pub use matching::{speed, speed_of_many};
pub use pauses::endpointing;
pub use peers::peers;
pub use phones::phone_errors;

use super::{
    asked,
    sound::{key, name_of},
};
use crate::material;

/// A spoken question and the entry that it asks for.
struct Probe {
    language: Language,
    text: String,
    entry: String,
    samples: Vec<f32>,
    /// Its corpus, or how it was made.
    source: String,
}

/// The recogniser in a folder of the project; `None`, with a printed message, where it is not there.
pub(super) fn ear(model: &str) -> Result<Option<CtcTranscriber>> {
    let folder = material::workspace().join(model);
    if !folder.exists() {
        println!("skipped: {model} is not here");
        return Ok(None);
    }
    let runtime = OnnxRuntime::load(Some(&material::workspace().join(".local/lib/libonnxruntime.so")))?;
    Ok(Some(CtcTranscriber::load(&folder, &Language::ALL, &runtime, SessionOptions::default())?))
}

/// What a recogniser makes of a sound; `None` where it hears nothing.
pub(super) fn hear(
    ear: &mut CtcTranscriber,
    samples: &[f32],
    language: Language,
) -> Result<Option<Arc<dyn Evidence>>> {
    let request = TranscribeRequest { language: Some(language), ..TranscribeRequest::default() };
    Ok(ear.transcribe(samples, &request)?.evidence)
}

/// A mind that knows these entries.
fn mind(entries: Vec<Entry>) -> Result<Understander> {
    let sourced = entries.into_iter().map(|entry| Sourced { file: "measuring".to_owned(), entry }).collect();
    let collection = Collection { name: "measuring".to_owned(), entries: sourced, ..Collection::default() };
    Ok(Understander::new(Arc::new(Publication::new(&collection)?), Settings::default())?)
}

/// The real Mandarin recordings, equal sentences under one entry.
fn recordings() -> Result<Option<Vec<Probe>>> {
    let Some(recordings) = material::mandarin_recordings()? else { return Ok(None) };
    let mut probes: Vec<Probe> = Vec::new();
    for recording in recordings {
        let samples = speech::codec::file::decode_path(&recording.path, 60.0)?;
        let known = probes.iter().find(|p| key(&p.text) == key(&recording.text)).map(|p| p.entry.clone());
        let entry = known.unwrap_or_else(|| format!("real-{}", probes.len()));
        let source = format!("{} {}", recording.source, recording.path.display());
        probes.push(Probe { language: Language::Zh, text: recording.text, entry, samples, source });
    }
    Ok(Some(probes))
}

/// How many units a text has: characters of Chinese, syllables of Tibetan.
fn length(text: &str, language: Language) -> usize {
    match language {
        Language::Zh => text.chars().filter(|c| c.is_alphanumeric()).count(),
        Language::Bo => text.split('་').filter(|s| !s.is_empty()).count(),
    }
}

/// `count` pieces of news and encyclopaedia sentences, as long as the `like` texts are; none of those among them. The same seed gives the same
/// pieces. `None` where the corpora are not here.
fn distractors(language: Language, like: &[&str], count: usize, seed: u64) -> Result<Option<Vec<String>>> {
    let Some(folder) = material::data("tibetan") else { return Ok(None) };
    let files = match language {
        Language::Zh => ["ntrex/dev.zho-CN.txt", "sib200/zho_Hans/train.tsv", "sib200/zho_Hans/dev.tsv"],
        Language::Bo => ["ntrex/dev.bod.txt", "sib200/bod_Tibt/train.tsv", "sib200/bod_Tibt/dev.tsv"],
    };
    let mut units: Vec<String> = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(folder.join(file)).with_context(|| file.to_owned())?;
        for line in text.lines().filter_map(|line| line.rsplit('\t').next()) {
            match language {
                Language::Zh => units
                    .extend(line.chars().filter(|c| ('\u{4E00}'..='\u{9FFF}').contains(c)).map(String::from)),
                Language::Bo => units.extend(
                    line.split(['་', ' ', '།'])
                        .filter(|s| s.chars().all(is_tibetan) && !s.is_empty())
                        .map(|s| format!("{s}་")),
                ),
            }
        }
    }
    let mut random = StdRng::seed_from_u64(seed);
    let mut taken: std::collections::HashSet<String> =
        like.iter().map(|text| language::search_key(text)).collect();
    let mut chosen = Vec::with_capacity(count);
    while chosen.len() < count {
        let size = length(like[random.random_range(0..like.len())], language).max(3);
        let from = random.random_range(0..units.len() - size);
        let piece = units[from..from + size].concat().trim_end_matches('་').to_owned();
        if taken.insert(language::search_key(&piece)) {
            chosen.push(piece);
        }
    }
    Ok(Some(chosen))
}

fn is_tibetan(c: char) -> bool {
    ('\u{0F40}'..='\u{0FBC}').contains(&c)
}
