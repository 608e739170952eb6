//! The recogniser and its proxy on questions that the knowledge base words differently.
//!
//! A paraphrase is made as in the trial that led to the recogniser: a quarter of the units (characters, or Tibetan syllables) deleted in one run,
//! and a carrier phrase put before and another behind, in the knowledge base; what is spoken stays whole. The proxy is the same
//! model trained on synthetic speech only and asked by real people: the forecast of how Tibetan, which has been learnt from synthetic speech only, will do on
//! real people.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use intents::{Memory, Settings, Understander, Utterance};
use kb::{Collection, Entry, EntryId, Publication, Sourced};
use language::Language;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use speech::runtime::{OnnxRuntime, SessionOptions};
use speech::transcriber::ctc::CtcTranscriber;
use speech::{TranscribeRequest, Transcriber};

use super::Report;
use super::asked;
use super::sound::{distractors_in, key, name_of};
use crate::material;
use crate::voices::HeldOutVoices;

/// Carrier phrases of the trial, and their like in Tibetan (awaiting a native reviewer).
const BEFORE: [(Language, [&str; 5]); 2] = [
    (Language::Zh, ["", "请问一下", "我想知道", "你好我要", "麻烦问下"]),
    (Language::Bo, ["", "དགོངས་དག", "ང་ལ་ཤོད་རོགས", "བཀའ་དྲིན་ཆེ", "སྐད་ཆ་ཞིག་འདྲི་རྒྱུ་ཡོད"]),
];
const AFTER: [(Language, [&str; 5]); 2] = [
    (Language::Zh, ["", "怎么办呢", "是什么意思", "在哪里", "可以吗"]),
    (Language::Bo, ["", "གང་འདྲ་བྱེད་དགོས", "ག་རེ་རེད", "ག་པར་ཡོད་རེད", "འགྲིག་གི་རེད་པས"]),
];

/// A spoken question and the entry that it asks for.
struct Probe {
    language: Language,
    text: String,
    entry: String,
    samples: Vec<f32>,
}

/// Shares of probes whose entry came first and among the first five.
struct Found {
    first: f64,
    five: f64,
}

fn phrase(
    table: &[(Language, [&'static str; 5]); 2],
    language: Language,
    random: &mut StdRng,
) -> &'static str {
    let phrases = table.iter().find(|(l, _)| *l == language).map_or(&table[0].1, |(_, p)| p);
    phrases[random.random_range(0..phrases.len())]
}

/// The units that a paraphrase deletes: hanzi, or Tibetan syllables with their tsheg.
fn units(text: &str, language: Language) -> Vec<String> {
    match language {
        Language::Zh => text.chars().map(String::from).collect(),
        Language::Bo => text.split_inclusive('་').map(str::to_owned).collect(),
    }
}

/// A paraphrase of a text, made as the module says.
pub fn paraphrase(text: &str, language: Language, random: &mut StdRng) -> String {
    let mut units = units(text.trim_end_matches(['？', '?', '།', '。']), language);
    let gone = units.len() / 4;
    let from = random.random_range(0..=units.len() - gone);
    units.drain(from..from + gone);
    let joint = if language == Language::Bo { "་" } else { "" };
    let parts = [
        phrase(&BEFORE, language, random).to_owned(),
        units.concat(),
        phrase(&AFTER, language, random).to_owned(),
    ];
    let parts: Vec<&str> = parts.iter().map(|p| p.trim_end_matches('་')).filter(|p| !p.is_empty()).collect();
    parts.join(joint)
}

/// A knowledge base of the probes' questions, each as the function words it, among distractors.
fn publish(probes: &[Probe], mut word: impl FnMut(&Probe) -> String) -> Result<Publication> {
    let mut entries: Vec<Entry> = Vec::new();
    for probe in probes {
        if !entries.iter().any(|e| e.id.0 == probe.entry) {
            entries.push(asked::entry(probe.entry.clone(), probe.language, &word(probe)));
        }
    }
    let language = probes.first().map_or(Language::Zh, |p| p.language);
    for (n, sentence) in distractors_in(language)?.into_iter().flatten().enumerate() {
        if !probes.iter().any(|p| key(&p.text) == key(&sentence)) {
            entries.push(asked::entry(format!("distractor-{n}"), language, &sentence));
        }
    }
    let sourced = entries.into_iter().map(|entry| Sourced { file: "measuring".to_owned(), entry }).collect();
    let collection = Collection { name: "measuring".to_owned(), entries: sourced, ..Collection::default() };
    Ok(Publication::new(&collection)?)
}

fn find(model: &Path, publication: Publication, probes: &[Probe]) -> Result<Found> {
    let runtime = OnnxRuntime::load(Some(&material::workspace().join(".local/lib/libonnxruntime.so")))?;
    let mut ear = CtcTranscriber::load(model, &Language::ALL, &runtime, SessionOptions::default())?;
    let understander = Understander::new(Arc::new(publication), Settings::default())?;
    let (mut first, mut five) = (0_usize, 0_usize);
    for probe in probes {
        let request = TranscribeRequest { language: Some(probe.language), ..TranscribeRequest::default() };
        let transcript = ear.transcribe(&probe.samples, &request)?;
        let utterance = Utterance::heard(String::new(), probe.language, transcript.evidence);
        let understood = understander.understand(&utterance, &Memory::default())?;
        let right = EntryId(probe.entry.clone());
        let place = understood.candidates.iter().position(|c| c.entry == right);
        first += usize::from(place == Some(0));
        five += usize::from(place.is_some_and(|p| p < 5));
    }
    let share = |n: usize| n as f64 / probes.len().max(1) as f64;
    Ok(Found { first: share(first), five: share(five) })
}

fn measure(report: &mut Report, what: &str, model: &str, probes: &[Probe]) -> Result<()> {
    let folder = material::workspace().join(model);
    if !folder.exists() {
        println!("skipped: {what}: {model} is not here");
        return Ok(());
    }
    let verbatim = find(&folder, publish(probes, |p| p.text.clone())?, probes)?;
    report.tell(&format!("{what}, verbatim: first"), verbatim.first, "share");
    let mut random = StdRng::seed_from_u64(7);
    let changed = publish(probes, |p| paraphrase(&p.text, p.language, &mut random))?;
    let found = find(&folder, changed, probes)?;
    report.tell(&format!("{what}, paraphrased: first"), found.first, "share");
    report.tell(&format!("{what}, paraphrased: among the first five"), found.five, "share");
    Ok(())
}

fn synthetic(language: Language) -> Result<Vec<Probe>> {
    let voices = HeldOutVoices::load()?;
    let collection = Collection::load(&material::workspace().join("examples/knowledge/sample"))?;
    let mut probes = Vec::new();
    for sourced in &collection.entries {
        let Some(text) = sourced.entry.text(language) else { continue };
        let samples = voices.say(probes.len(), &text.question, language)?;
        probes.push(Probe {
            language,
            text: text.question.clone(),
            entry: sourced.entry.id.0.clone(),
            samples,
        });
    }
    Ok(probes)
}

fn real() -> Result<Option<Vec<Probe>>> {
    let Some(recordings) = material::mandarin_recordings()? else { return Ok(None) };
    let mut probes: Vec<Probe> = Vec::new();
    for recording in recordings {
        let samples = speech::codec::file::decode_path(&recording.path, 60.0)?;
        let known = probes.iter().find(|p| key(&p.text) == key(&recording.text)).map(|p| p.entry.clone());
        let entry = known.unwrap_or_else(|| format!("real-{}", probes.len()));
        probes.push(Probe { language: Language::Zh, text: recording.text, entry, samples });
    }
    Ok(Some(probes))
}

/// Verbatim and paraphrased, in both languages, on real people where there are any, with the proxy beside the Tibetan figures.
///
/// # Errors
/// Where a model cannot be loaded or a voice cannot speak.
pub fn paraphrases(report: &mut Report) -> Result<()> {
    for language in Language::ALL {
        let what = format!(
            "shipped model, {}, canonical sample questions by held-out synthetic voices",
            name_of(language)
        );
        measure(report, &what, "models/seed", &synthetic(language)?)?;
    }
    if let Some(real) = real()? {
        measure(report, "shipped model, real Mandarin", "models/seed", &real)?;
        let what = "proxy for Tibetan on real people (trained on synthetic speech only), real Mandarin";
        measure(report, what, "models/proxy", &real)?;
    }
    Ok(())
}
