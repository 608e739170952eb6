//! Front ends compared with what kaldi-native-fbank computed (`training/layouts/frontends.py`).

#![allow(clippy::unwrap_used, reason = "test code")]

#[path = "support/clips.rs"]
mod clips;

use serde_json::Value;
use speech::features::{Fbank, FbankOptions, Spread, normalise_per_feature};

/// Features are logarithms: this is one part in a thousand of an energy.
const TOLERANCE: f64 = 1e-3;

fn record() -> Value {
    serde_json::from_str(include_str!("fixtures/features.json")).unwrap()
}

fn options(name: &str) -> FbankOptions {
    match name {
        "icefall" => FbankOptions::ICEFALL,
        "funasr" => FbankOptions::FUNASR,
        "wenet" => FbankOptions::WENET,
        "wenet_sherpa" => FbankOptions::WENET_SHERPA,
        "nemo" => FbankOptions::NEMO,
        "nemo_sherpa" => FbankOptions::NEMO_SHERPA,
        "telespeech" => FbankOptions::TELESPEECH,
        other => panic!("no such front end: {other}"),
    }
}

fn worst(features: &[f32], width: usize, rows: &Value) -> f64 {
    let mut worst = 0.0_f64;
    for (frame, row) in rows.as_object().unwrap() {
        let first = frame.parse::<usize>().unwrap() * width;
        let row = row.as_array().unwrap();
        assert_eq!(row.len(), width);
        for (ours, theirs) in features[first..first + width].iter().zip(row) {
            worst = worst.max((f64::from(*ours) - theirs.as_f64().unwrap()).abs());
        }
    }
    worst
}

#[test]
fn every_front_end_equals_its_reference() {
    let record = record();
    let clip =
        clips::clip(record["clip"]["seed"].as_i64().unwrap(), record["clip"]["samples"].as_i64().unwrap());
    let front_ends = record["front_ends"].as_object().unwrap();
    assert_eq!(front_ends.len(), 7);
    for (name, reference) in front_ends {
        let mut fbank = Fbank::with(&options(name));
        let features = fbank.compute(&clip);
        assert_eq!((features.len() / fbank.width()) as u64, reference["frames"].as_u64().unwrap(), "{name}");
        let worst = worst(&features, fbank.width(), &reference["rows"]);
        println!("{name}: largest difference {worst:.6}");
        assert!(worst < TOLERANCE, "{name}: {worst}");
    }
}

/// Sums of a few hundred squares of one unit of 32768, and of nothing at all: the logarithm magnifies what rounding leaves.
#[test]
fn near_silence_and_silence_equal_the_reference_too() {
    let record = record();
    let clip =
        clips::clip(record["clip"]["seed"].as_i64().unwrap(), record["clip"]["samples"].as_i64().unwrap());
    let clip = clips::hushed(clip);
    let hushed = record["hushed"].as_object().unwrap();
    assert_eq!(hushed.len(), 7);
    for (name, rows) in hushed {
        let mut fbank = Fbank::with(&options(name));
        let features = fbank.compute(&clip);
        let worst = worst(&features, fbank.width(), rows);
        println!("{name}: largest difference {worst:.6}");
        assert!(worst < TOLERANCE, "{name}: {worst}");
    }
}

#[test]
fn normalisation_over_an_utterance_equals_its_reference() {
    let record = record();
    let clip =
        clips::clip(record["clip"]["seed"].as_i64().unwrap(), record["clip"]["samples"].as_i64().unwrap());
    for (key, spread) in
        [("per_feature_population", Spread::Population), ("per_feature_sample", Spread::Sample)]
    {
        for (name, rows) in record[key].as_object().unwrap() {
            let mut features = Fbank::with(&options(name)).compute(&clip);
            normalise_per_feature(&mut features, 80, spread);
            let worst = worst(&features, 80, rows);
            println!("{key} {name}: largest difference {worst:.6}");
            assert!(worst < TOLERANCE, "{key} {name}: {worst}");
        }
    }
}
