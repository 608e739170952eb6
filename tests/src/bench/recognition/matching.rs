//! How long it takes to match what was heard against a knowledge base.

use std::time::Instant;

use anyhow::{Context, Result};
use intents::{Memory, Understander, Utterance};
use kb::{Entry, EntryId, Review, Text};
use language::Language;

use super::{
    super::{Report, percentile},
    distractors, ear, hear, mind, name_of,
};
use crate::voices::HeldOutVoices;

/// Lengths of questions, in units: what distractors are made as long as.
const LIKE: [(Language, [&str; 3]); 2] = [
    (Language::Zh, ["身份证到期了怎么换新的", "我想问一下新农合的钱怎么交", "孩子上学要带什么材料去报名"]),
    // Awaiting a native reviewer.
    (Language::Bo, ["ཐོབ་ཐང་ལག་འཁྱེར་བརྗེ་དགོས་ན་ག་རེ་དགོས་རེད", "ངའི་ཕྲུ་གུ་སློབ་གྲྭར་འགྲོ་དགོས་རེད", "སྨན་བཅོས་འགན་བཅོལ་གྱི་དངུལ"]),
];
const SPOKEN: usize = 24;

/// A knowledge base of `entries` entries with `variants` ways of asking each, in one language.
fn many(language: Language, entries: usize, variants: usize) -> Result<Option<Vec<Entry>>> {
    let like = LIKE.iter().find(|(l, _)| *l == language).map_or(&LIKE[0].1, |(_, like)| like);
    let Some(texts) = distractors(language, like, entries * variants, 3)? else { return Ok(None) };
    let entry = |(number, texts): (usize, &[String])| {
        let text = Text {
            question: texts[0].clone(),
            variants: texts[1..].to_vec(),
            spoken: texts[0].clone(),
            written: texts[0].clone(),
            review: Review::Sample,
            ..Text::default()
        };
        let (zh, bo) = match language {
            Language::Zh => (Some(text), None),
            Language::Bo => (None, Some(text)),
        };
        Entry { id: EntryId(format!("e{number}")), topic: "measuring".to_owned(), zh, bo, ..Entry::default() }
    };
    Ok(Some(texts.chunks(variants).enumerate().map(entry).collect()))
}

/// Milliseconds for each of some spoken questions of the knowledge base, and how many of them were found.
fn time(mind: &Understander, entries: &[Entry], language: Language) -> Result<(Vec<f64>, f64)> {
    let voices = HeldOutVoices::load()?;
    let mut ear = ear("models/seed")?.context("the shipped model is not here")?;
    let (mut times, mut found) = (Vec::new(), 0_usize);
    for number in 0..SPOKEN {
        let entry = &entries[number * entries.len() / SPOKEN];
        let Some(text) = entry.text(language) else { continue };
        let samples = voices.say(number, &text.question, language)?;
        let heard = hear(&mut ear, &samples, language)?;
        let utterance = Utterance::heard(String::new(), language, heard);
        let start = Instant::now();
        let understood = mind.understand(&utterance, &Memory::default())?;
        times.push(start.elapsed().as_secs_f64() * 1000.0);
        found += usize::from(understood.candidates.first().is_some_and(|c| c.entry == entry.id));
    }
    Ok((times, found as f64 / SPOKEN as f64))
}

fn measure(report: &mut Report, entries: usize, variants: usize, most_ms: f64) -> Result<()> {
    for language in Language::ALL {
        let Some(base) = many(language, entries, variants)? else { return Ok(()) };
        let start = Instant::now();
        let mind = mind(base.clone())?;
        let made = start.elapsed().as_secs_f64();
        // The first question prepares what is then kept.
        time(&mind, &base, language)?;
        let (times, found) = time(&mind, &base, language)?;
        let what = format!("matching sound, {entries} entries x {variants}, {}", name_of(language));
        report.tell(&format!("{what}: knowledge base made in"), made, "s");
        report.at_most(&format!("{what}: p50"), percentile(&times, 0.5), most_ms, "ms");
        report.tell(&format!("{what}: p95"), percentile(&times, 0.95), "ms");
        report.tell(&format!("{what}: right entry first"), found, "share");
    }
    Ok(())
}

/// 1,000 entries with eight ways of asking each.
///
/// # Errors
/// Where the model or a voice fails.
pub fn speed(report: &mut Report) -> Result<()> {
    measure(report, 1_000, 8, 60.0)
}

/// 100,000 entries.
///
/// # Errors
/// Where the model or a voice fails.
pub fn speed_of_many(report: &mut Report) -> Result<()> {
    measure(report, 100_000, 1, 300.0)
}
