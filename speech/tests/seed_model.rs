//! The shipped model through the CTC engine, compared with what its training pipeline recorded beside it.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::{fs, path::Path, time::Instant};

use language::{
    Dialect, FormBatch, Language, Phone, Pronunciation, SpokenForm, phones::INVENTORY, spoken_form,
};
use serde_json::Value;
use speech::{
    TranscribeError, TranscribeRequest, Transcriber,
    codec::file,
    features::{BINS, Fbank},
    runtime::{OnnxRuntime, SessionOptions},
    transcriber::{ModelError, ctc::CtcTranscriber},
};

fn load(folder: &Path) -> Result<CtcTranscriber, ModelError> {
    let runtime = OnnxRuntime::load(None).unwrap();
    CtcTranscriber::load(folder, &Language::ALL, &runtime, SessionOptions::default())
}

/// The clip of the fixture and what was recorded about it.
fn fixture(folder: &Path) -> (Vec<f32>, Value) {
    let sound = file::decode_path(&folder.join("fixture/mixed.wav"), 60.0).unwrap();
    let record = fs::read_to_string(folder.join("fixture/mixed.json")).unwrap();
    (sound, serde_json::from_str(&record).unwrap())
}

fn phones(names: &Value) -> Vec<Phone> {
    names.as_array().unwrap().iter().map(|name| Phone::parse(name.as_str().unwrap()).unwrap()).collect()
}

fn form(phones: &[Phone]) -> SpokenForm {
    let pronunciation =
        Pronunciation { dialect: Dialect::Lhasa, phones: phones.to_vec(), syllables: vec![0] };
    SpokenForm { text: String::new(), pronunciations: vec![pronunciation] }
}

#[test]
fn features_are_those_that_the_model_was_trained_on() {
    let Some(folder) = support::seed() else { return };
    let (sound, record) = fixture(&folder);
    let features = Fbank::new().compute(&sound);
    assert_eq!(features.len() / BINS, record["frames"].as_u64().unwrap() as usize);
    let frames = record["fbank"].as_array().unwrap();
    let mut worst = 0.0_f64;
    for (frame, recorded) in frames.iter().enumerate() {
        for (bin, value) in recorded.as_array().unwrap().iter().enumerate() {
            worst = worst.max((f64::from(features[frame * BINS + bin]) - value.as_f64().unwrap()).abs());
        }
    }
    println!("largest difference in {} frames: {worst:.4}", frames.len());
    assert!(worst < 0.05, "{worst}");
}

#[test]
fn the_model_hears_in_rust_what_it_heard_in_training() {
    let Some(folder) = support::seed() else { return };
    let (sound, record) = fixture(&folder);
    let mut engine = load(&folder).unwrap();
    let transcript = engine.transcribe(&sound, &TranscribeRequest::default()).unwrap();
    assert!(transcript.hypotheses.is_empty(), "it cannot take dictation");
    let evidence = transcript.evidence.unwrap();
    // "Exactly what was heard" is 0, so the recorded greedy phones must be close to it.
    let heard = phones(&record["greedy_phones"]);
    let scores = evidence.anywhere(&FormBatch::new(vec![form(&heard)]));
    println!("the recorded greedy path scores {} relative to ours", scores[0]);
    assert!(scores[0] > -1.0, "{}", scores[0]);
}

#[test]
fn what_was_spoken_beats_other_orders_of_the_same_phones() {
    let Some(folder) = support::seed() else { return };
    let (sound, record) = fixture(&folder);
    let spoken = phones(&record["spoken_phones"]);
    let mut forms = vec![form(&spoken)];
    for shift in 1..spoken.len() {
        let mut other = spoken.clone();
        other.rotate_left(shift);
        forms.push(form(&other));
    }
    let transcript = load(&folder).unwrap().transcribe(&sound, &TranscribeRequest::default()).unwrap();
    let scores = transcript.evidence.unwrap().whole(&FormBatch::new(forms));
    let best = (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
    assert_eq!(best, 0, "{scores:?}");
}

#[test]
fn silence_and_clips_of_a_few_samples_are_empty_transcripts_and_an_hour_is_too_long() {
    let Some(folder) = support::seed() else { return };
    let mut engine = load(&folder).unwrap();
    for samples in [0, 1, 100, 5_000, 16_000] {
        let transcript = engine.transcribe(&vec![0.0; samples], &TranscribeRequest::default()).unwrap();
        assert!(transcript.hypotheses.is_empty() && transcript.evidence.is_none(), "{samples} samples");
    }
    let hour = engine.transcribe(&vec![0.0; 3600 * 16_000], &TranscribeRequest::default());
    assert!(matches!(hour, Err(TranscribeError::TooLong { .. })));
}

#[test]
fn a_model_whose_phones_are_not_this_versions_is_refused() {
    let Some(folder) = support::seed() else { return };
    let copy = tempfile::tempdir().unwrap();
    fs::copy(folder.join("model.int8.onnx"), copy.path().join("model.int8.onnx")).unwrap();
    let refusal = || load(copy.path()).err().unwrap().to_string();
    assert!(refusal().contains("tokens.txt is missing"), "{}", refusal());
    let mut names: Vec<&str> = INVENTORY.iter().map(|phone| phone.name).collect();
    let write = |names: &[&str]| {
        let table: String = names
            .iter()
            .enumerate()
            .fold(String::new(), |table, (id, name)| table + &format!("{name} {id}\n"));
        fs::write(copy.path().join("tokens.txt"), table).unwrap();
    };
    names.swap(3, 4);
    write(&names);
    assert!(refusal().contains("class 3"), "{}", refusal());
    names.pop();
    write(&names);
    assert!(refusal().contains("classes"), "{}", refusal());
    fs::write(copy.path().join("model.int8.onnx"), b"not a model").unwrap();
    assert!(refusal().contains("cannot be used"), "{}", refusal());
}

#[test]
fn its_name_tells_which_model_it_is() {
    let Some(folder) = support::seed() else { return };
    let engine = load(&folder).unwrap();
    let (name, hash) = engine.name().split_once('@').unwrap();
    assert_eq!((name, hash.len()), ("ctc:seed", 12));
    let capabilities = engine.capabilities();
    assert!(capabilities.evidence && !capabilities.dictation && capabilities.languages == Language::ALL);
}

/// Real people whom training never heard. Only measured here, never trained or tuned on.
#[test]
fn real_voices_find_their_sentence_among_other_real_sentences() {
    let Some(folder) = support::seed() else { return };
    let Some(recordings) = support::data("zh_speech/manifest.tsv") else { return };
    let Some(distractors) = support::data("faq_gov/faq_entries.tsv") else { return };
    let column = |path: &Path, index: usize| -> Vec<String> {
        let table = fs::read_to_string(path).unwrap();
        table.lines().skip(1).map(|line| line.split('\t').nth(index).unwrap().to_owned()).collect()
    };
    let (files, mut texts) = (column(&recordings, 0), column(&recordings, 4));
    texts.extend(column(&distractors, 1));
    let batch = FormBatch::new(texts.iter().map(|text| spoken_form(text, Language::Zh)).collect());
    let mut engine = load(&folder).unwrap();
    let mut right_scores = Vec::new();
    let (mut found, mut seconds, mut hearing, mut scoring) = (0, 0.0, 0.0, 0.0);
    for (index, file) in files.iter().enumerate() {
        let sound = file::decode_path(&recordings.parent().unwrap().join(file), 60.0).unwrap();
        let start = Instant::now();
        let transcript = engine.transcribe(&sound, &TranscribeRequest::default()).unwrap();
        hearing += start.elapsed().as_secs_f32();
        let start = Instant::now();
        let scores = transcript.evidence.unwrap().whole(&batch);
        scoring += start.elapsed().as_secs_f32();
        let best = (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
        // The same sentence may have been read by two people.
        let right = texts[best] == texts[index];
        if right {
            right_scores.push(scores[best]);
        } else {
            println!(
                "{file}: {} scores {:.2}, {} scores {:.2}",
                texts[index], scores[index], texts[best], scores[best]
            );
        }
        found += usize::from(right);
        seconds += transcript.seconds;
    }
    right_scores.sort_by(f32::total_cmp);
    let quantile = |share: usize| right_scores[(right_scores.len() - 1) * share / 100];
    println!(
        "scores of those found: lowest {:.2}, median {:.2}, best {:.2}",
        quantile(0),
        quantile(50),
        quantile(100)
    );
    println!(
        "{found} of {} real recordings ({seconds:.0} s) find their sentence among {}; hearing took {hearing:.2} s, scoring {scoring:.2} s",
        files.len(),
        texts.len()
    );
    // Six recordings of one upstream collection score far below all others and sound, to the model, like other sentences.
    assert!(found * 100 >= files.len() * 90, "{found} of {}", files.len());
}

#[test]
fn what_is_heard_live_is_what_the_whole_gives_however_it_comes_in() {
    let Some(folder) = support::seed() else { return };
    let mut engine = load(&folder).unwrap();
    let (sound, _) = fixture(&folder);
    let request = TranscribeRequest { language: Some(Language::Bo), ..TranscribeRequest::default() };
    let texts = ["ངའི་མིང་ལ་བསྟན་འཛིན་ཟེར", "我要换身份证", "ཁྱེད་རང་སུ་ཡིན", "今天天气好"];
    let batch = FormBatch::new(texts.iter().map(|text| spoken_form(text, Language::Bo)).collect());
    let scores = |transcript: speech::Transcript| transcript.evidence.unwrap().whole(&batch);
    let whole = scores(engine.transcribe(&sound, &request).unwrap());
    for packet in [160, 320, 5_000, 16_000] {
        let mut live = engine.begin(&request).expect("the shipped model hears live");
        let mut other = engine.begin(&request).unwrap();
        for piece in sound.chunks(packet) {
            // Two utterances at once, as on a busy server.
            engine.hear(&mut [(&mut live, piece), (&mut other, piece)]).unwrap();
        }
        let before_the_end = engine.conclude(&live, false).unwrap();
        assert!(before_the_end.evidence.is_some(), "something is certain before the end");
        for (name, live) in [("one", &live), ("the other", &other)] {
            let heard = scores(engine.conclude(live, true).unwrap());
            for (a, b) in whole.iter().zip(&heard) {
                // Activations are quantised by the run, so that chunks differ from the whole a little.
                assert!(
                    (a - b).abs() < 0.1 * a.abs().max(1.0),
                    "{name}, packets of {packet}: {whole:?} {heard:?}"
                );
            }
        }
    }
}
