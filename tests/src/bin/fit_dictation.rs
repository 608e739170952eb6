//! How well dictation through a knowledge base's own words does, for choosing its constants (`speech`'s `evidence::dictation`).
//!
//! `cargo run -p end-to-end --bin fit-dictation -- [STEP [MODEL]]`: every STEP-th labelled question of the sample knowledge base (`calibration.tsv`,
//! which the knowledge base does not learn from here) is spoken by a held-out voice. Prints how many units are wrong and how often the entry is first by
//! the dictated words alone and with the sound; then the voice channel's weights as fitted on these (200 or more of a language).

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use end_to_end::{bench::edit_distance, material, voices::HeldOutVoices};
use intents::{Act, Memory, Recording, Settings, Understander, Utterance, calibrate_voice};
use kb::{Collection, Publication};
use language::{Evidence, Language};
use speech::runtime::{OnnxRuntime, SessionOptions};
use speech::transcriber::ctc::CtcTranscriber;
use speech::{TranscribeRequest, Transcriber};

/// Voices are numbered; the benchmark uses those below.
const FIRST_VOICE: usize = 7_000;

struct Spoken {
    text: String,
    entry: String,
    evidence: Arc<dyn Evidence>,
}

fn units(text: &str) -> Vec<String> {
    language::syllables(text).into_iter().map(|unit| unit.key).collect()
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let step: usize = arguments.next().map_or(Ok(4), |text| text.parse())?;
    let model = arguments.next().unwrap_or_else(|| "models/seed".to_owned());
    let workspace = material::workspace();
    let mut collection = Collection::load(&workspace.join("examples/knowledge/sample"))?;
    let labelled = std::mem::take(&mut collection.labelled);
    let publication = Arc::new(Publication::new(&collection)?);
    let mind = Understander::new(Arc::clone(&publication), Settings::default())?;
    let voices = HeldOutVoices::load()?;
    let runtime = OnnxRuntime::load(Some(&workspace.join(".local/lib/libonnxruntime.so")))?;
    let mut ear =
        CtcTranscriber::load(&workspace.join(model), &Language::ALL, &runtime, SessionOptions::default())?;
    let mut recordings = Vec::new();
    for language in Language::ALL {
        let mut spoken = Vec::new();
        for (number, question) in labelled.iter().filter(|q| q.language == language).enumerate().step_by(step)
        {
            let Some(entry) = &question.entry else { continue };
            let samples = voices.say(FIRST_VOICE + number, &question.question, language)?;
            let request = TranscribeRequest { language: Some(language), ..TranscribeRequest::default() };
            let evidence = ear.transcribe(&samples, &request)?.evidence.context("nothing heard")?;
            recordings.push(Recording {
                evidence: Arc::clone(&evidence),
                text: String::new(),
                language,
                entry: Some(entry.clone()),
                read: None,
            });
            spoken.push(Spoken { text: question.question.clone(), entry: entry.0.clone(), evidence });
        }
        let started = Instant::now();
        let model = mind.unit_model();
        println!("{} units learned in {:?}", model.len(), started.elapsed());
        let (mut wrong, mut total, mut first, mut both, mut typed, mut seconds) = (0, 0, 0, 0, 0, 0.0);
        for (number, question) in spoken.iter().enumerate() {
            let started = Instant::now();
            let readings = question.evidence.dictate(model, 5);
            seconds += started.elapsed().as_secs_f64();
            let heard = readings.first().map(|reading| reading.text.clone()).unwrap_or_default();
            let said = units(&question.text);
            wrong += edit_distance(&units(&heard), &said);
            total += said.len();
            let right = |utterance: Utterance| -> Result<bool> {
                let understood = mind.understand(&utterance, &Memory::default())?;
                Ok(understood.candidates.first().is_some_and(|best| best.entry.0 == question.entry))
            };
            first += usize::from(right(Utterance::typed(heard.as_str(), language))?);
            let evidence = Some(Arc::clone(&question.evidence));
            let understood = mind.understand(
                &Utterance::heard(String::new(), language, evidence.clone()),
                &Memory::default(),
            )?;
            if understood.act == Act::Emergency {
                println!("    taken for a cry: {} -> {heard}", question.text);
            }
            both += usize::from(right(Utterance::heard(String::new(), language, evidence))?);
            typed += usize::from(right(Utterance::typed(question.text.as_str(), language))?);
            if number % 20 == 0 {
                println!("    {} -> {heard}", question.text);
            }
        }
        let share = |count: usize, of: usize| count as f64 / of.max(1) as f64;
        println!(
            "{language}: {} questions, wrong units {:.3}, first {:.3}, with the sound {:.3} (typed {:.3}), {:.1} ms each",
            spoken.len(),
            share(wrong, total),
            share(first, spoken.len()),
            share(both, spoken.len()),
            share(typed, spoken.len()),
            1e3 * seconds / spoken.len().max(1) as f64,
        );
    }
    // What is asked in a knowledge base's own words must stay found.
    for language in Language::ALL {
        let own = publication.variants().iter().filter(|variant| variant.language == language);
        for (number, variant) in own.enumerate().step_by(5 * step) {
            let samples = voices.say(2 * FIRST_VOICE + number, &variant.text, language)?;
            let request = TranscribeRequest { language: Some(language), ..TranscribeRequest::default() };
            let evidence = ear.transcribe(&samples, &request)?.evidence.context("nothing heard")?;
            let entry = Some(publication.entries()[variant.entry as usize].id.clone());
            recordings.push(Recording { evidence, text: String::new(), language, entry, read: None });
        }
    }
    let calibration = calibrate_voice(&mind, &recordings, &Settings::default())?;
    println!("{}", serde_json::to_string_pretty(&calibration.voice)?);
    Ok(())
}
