//! Dictation with a real network's posteriors. No published dictating model comes with the project, so the shipped one plays
//! one: its phones get a Chinese character each for a name, and its author another name, so that it is taken for a stranger
//! whose classes are characters.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::{fs, path::Path, sync::Arc};

use language::{Language, phones::INVENTORY};
use speech::{
    DecodeOptions, Hypothesis, TranscribeRequest, Transcriber,
    codec::file,
    decode::{Bias, BiasPhrase, sentences},
    runtime::{OnnxRuntime, SessionOptions},
    transcriber::ctc::CtcTranscriber,
};

/// The character that stands for a class.
fn character(class: usize) -> char {
    char::from_u32(0x4e00 + class as u32).unwrap()
}

/// The shipped model in disguise.
fn disguised(seed: &Path, folder: &Path) -> CtcTranscriber {
    let mut model = fs::read(seed.join("model.int8.onnx")).unwrap();
    let at = model.windows(6).position(|bytes| bytes == b"drilen").unwrap();
    model[at..at + 6].copy_from_slice(b"others");
    fs::write(folder.join("model.onnx"), model).unwrap();
    let name = |class: usize| if class == 0 { "<blk>".to_owned() } else { character(class).to_string() };
    let tokens: Vec<String> = (0..INVENTORY.len()).map(|class| format!("{} {class}", name(class))).collect();
    fs::write(folder.join("tokens.txt"), tokens.join("\n")).unwrap();
    let runtime = OnnxRuntime::load(None).unwrap();
    CtcTranscriber::load(folder, &Language::ALL, &runtime, SessionOptions::default()).unwrap()
}

fn read(ear: &mut CtcTranscriber, audio: &[f32], decoding: DecodeOptions) -> Vec<Hypothesis> {
    let request = TranscribeRequest { decoding, ..TranscribeRequest::default() };
    ear.transcribe(audio, &request).unwrap().hypotheses
}

/// Levenshtein distance in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = before + usize::from(x != *y);
            before = row[j + 1];
            row[j + 1] = replaced.min(before + 1).min(row[j] + 1);
        }
    }
    row.pop().unwrap()
}

/// The same noise every time: a linear congruential generator (Numerical Recipes, second edition, section 7.1).
fn noisy(audio: &[f32], level: f32) -> Vec<f32> {
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    audio.iter().map(|sample| sample + level * noise()).collect()
}

#[test]
fn a_dictating_model_gives_text_times_and_readings_and_heeds_what_is_expected() {
    let Some(seed) = support::seed() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut ear = disguised(&seed, folder.path());
    assert!(ear.capabilities().dictation && ear.capabilities().evidence);
    let clean = file::decode_path(&seed.join("fixture/mixed.wav"), 60.0).unwrap();
    let said: String = ear.greedy(&clean).unwrap().into_iter().map(|c| character(c as usize)).collect();
    assert!(said.chars().count() > 15, "{said}");

    let greedy = read(&mut ear, &clean, DecodeOptions::default());
    let [reading] = greedy.as_slice() else { panic!("{greedy:?}") };
    assert_eq!(reading.text, said);
    assert_eq!(reading.words.len(), said.chars().count());
    let length = clean.len() as u32 / 16;
    for (word, next) in reading.words.iter().zip(reading.words.iter().skip(1)) {
        assert!(word.start_ms < word.end_ms && word.end_ms <= next.start_ms && next.end_ms <= length);
    }
    assert!(reading.confidence.is_some_and(|confidence| confidence > 0.5), "{:?}", reading.confidence);
    assert_eq!(sentences(&reading.text, &reading.words).len(), 1);

    let searched = read(&mut ear, &clean, DecodeOptions { beam: 8, nbest: 5, ..DecodeOptions::default() });
    assert_eq!(searched.len(), 5);
    assert_eq!(searched[0].text, said, "where the sound is clear the search agrees with the greedy path");
    let all: f32 = searched.iter().filter_map(|reading| reading.confidence).sum();
    assert!(all <= 1.0 && searched.windows(2).all(|pair| pair[0].confidence >= pair[1].confidence));

    // In noise the recogniser errs; what is expected helps, and what is not said is not heard. (It may still cost a little:
    // what is lent to its beginnings crowds others out of a narrow beam.)
    let expecting = |text: String, weight| DecodeOptions {
        beam: 12,
        nbest: 1,
        bias: Arc::new(Bias::new([BiasPhrase { text, weight }])),
        ..DecodeOptions::default()
    };
    let unsaid: String = said.chars().rev().collect();
    let (mut plain, mut helped) = (0, 0);
    for level in [0.02, 0.05, 0.1, 0.2] {
        let audio = noisy(&clean, level);
        let text = |readings: Vec<Hypothesis>| readings.into_iter().next().map_or(String::new(), |r| r.text);
        let without = text(read(&mut ear, &audio, DecodeOptions { beam: 12, ..DecodeOptions::default() }));
        let with = text(read(&mut ear, &audio, expecting(said.clone(), 2.0)));
        let misled = text(read(&mut ear, &audio, expecting(unsaid.clone(), 2.0)));
        println!(
            "noise {level}: {} errors, {} with the phrase expected",
            distance(&without, &said),
            distance(&with, &said)
        );
        plain += distance(&without, &said);
        helped += distance(&with, &said);
        assert!(!misled.contains(&unsaid), "a phrase that nobody said is not heard");
        assert!(distance(&misled, &said) <= distance(&without, &said) + 2, "{misled} {without}");
    }
    assert!(plain > 0, "the noise is too weak to show anything");
    assert!(helped < plain, "{helped} errors with the phrase expected, {plain} without");
}
