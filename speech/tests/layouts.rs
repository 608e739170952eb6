//! Published layouts: the small models that `training/layouts/make.py` made, through our engines, compared token for token
//! with what sherpa-onnx (or, where it cannot, a reference) wrote for the same sounds; and what happens with bad input.

#![allow(clippy::unwrap_used, reason = "test code")]

#[path = "support/clips.rs"]
mod clips;

use std::{
    fs,
    path::{Path, PathBuf},
};

use language::{FormBatch, Language, SpokenForm};
use serde_json::Value;
use speech::{
    TranscribeError, TranscribeRequest, Transcriber,
    runtime::{OnnxRuntime, SessionOptions},
    transcriber::{
        ModelError,
        onnx::{FrontEnd, OnnxTranscriber},
    },
};
use tempfile::TempDir;

const LAYOUTS: [&str; 11] = [
    "nemo-bpe",
    "nemo-char",
    "nemo-hybrid",
    "paraformer",
    "paraformer-funasr",
    "sense-voice",
    "sense-voice-funasr",
    "telespeech",
    "wenet",
    "zipformer",
    "zipformer-bbpe",
];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/layouts")
}

fn load_from(folder: &Path, front_end: FrontEnd) -> Result<OnnxTranscriber, ModelError> {
    let runtime = OnnxRuntime::load(None).unwrap();
    OnnxTranscriber::load(folder, &[Language::Zh], &runtime, SessionOptions::default(), front_end)
}

fn load(layout: &str) -> OnnxTranscriber {
    load_from(&fixtures().join(layout), FrontEnd::default()).unwrap()
}

/// A copy of a layout's folder, to be damaged.
fn copy(layout: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fixtures().join(layout).read_dir().unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    folder
}

fn model(folder: &Path) -> PathBuf {
    let quantised = folder.join("model_quant.onnx");
    if quantised.is_file() { quantised } else { folder.join("model.onnx") }
}

/// A vocabulary's entry as sherpa-onnx prints it.
fn as_sherpa(name: &str, layout: &str) -> String {
    if layout == "zipformer-bbpe" {
        return name.to_owned();
    }
    let byte = name.strip_prefix("<0x").and_then(|rest| u8::from_str_radix(rest.strip_suffix('>')?, 16).ok());
    match byte {
        Some(byte) if (0x20..0x7f).contains(&byte) => char::from(byte).to_string(),
        Some(_) => name.to_owned(),
        None => name.strip_prefix('▁').map_or_else(|| name.to_owned(), |rest| format!(" {rest}")),
    }
}

/// What is written differently on purpose: bytes that are no text, and white space at the ends.
fn spoken(text: &str) -> String {
    text.chars()
        .filter(|&c| c >= ' ' && c != '\u{7f}' && c != '\u{fffd}')
        .collect::<String>()
        .trim()
        .to_owned()
}

#[test]
fn what_engines_write_is_what_sherpa_writes_token_for_token() {
    let record = fs::read_to_string(fixtures().join("expected.json")).unwrap();
    let record: Value = serde_json::from_str(&record).unwrap();
    let clips: Vec<Vec<f32>> = record["clips"]
        .as_array()
        .unwrap()
        .iter()
        .map(|clip| clips::clip(clip["seed"].as_i64().unwrap(), clip["samples"].as_i64().unwrap()))
        .collect();
    let expected = record["expected"].as_array().unwrap();
    assert_eq!(expected.len(), 14);
    for case in expected {
        let layout = case["layout"].as_str().unwrap();
        let front_end: FrontEnd = serde_json::from_value(case["front_end"].clone()).unwrap();
        let mut engine = load_from(&fixtures().join(layout), front_end).unwrap();
        let mut total = 0;
        for (clip, result) in clips.iter().zip(case["results"].as_array().unwrap()) {
            let ours = engine.tokens(clip).unwrap();
            let names: Vec<String> = ours.iter().map(|token| as_sherpa(&token.name, layout)).collect();
            let theirs: Vec<&str> =
                result["tokens"].as_array().unwrap().iter().map(|token| token.as_str().unwrap()).collect();
            assert_eq!(names, theirs, "{layout} {front_end:?}");
            let times: Vec<u64> = ours.iter().filter_map(|token| Some(u64::from(token.start_ms?))).collect();
            let expected: Vec<u64> =
                result["start_ms"].as_array().unwrap().iter().map(|time| time.as_u64().unwrap()).collect();
            assert_eq!(times, expected, "{layout} {front_end:?}");
            if let Some(text) = result["text"].as_str().filter(|text| !text.contains("<0x")) {
                let transcript = engine.transcribe(clip, &TranscribeRequest::default()).unwrap();
                assert_eq!(spoken(transcript.text()), spoken(text), "{layout}");
            }
            total += theirs.len();
        }
        assert!(total > 20, "{layout} says too little to prove anything: {total}");
    }
}

#[test]
fn words_follow_each_other_within_the_audio_and_make_the_text() {
    let clip = clips::clip(20, 37_937);
    for layout in LAYOUTS {
        let mut engine = load(layout);
        let transcript = engine.transcribe(&clip, &TranscribeRequest::default()).unwrap();
        let hypothesis = &transcript.hypotheses[0];
        // Paraformer's peaks do not match its tokens in every clip; then there are no times.
        if layout.starts_with("paraformer") && hypothesis.words.is_empty() {
            continue;
        }
        // Signs between words are in the text only.
        let joined: String = hypothesis.words.iter().map(|word| word.text.as_str()).collect();
        let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
        assert_eq!(letters(&joined), letters(&hypothesis.text), "{layout}");
        let mut rest = hypothesis.text.as_str();
        for word in &hypothesis.words {
            let (_, behind) = rest.split_once(word.text.as_str()).unwrap();
            rest = behind;
        }
        let mut before = 0;
        for word in &hypothesis.words {
            assert!(word.start_ms >= before && word.end_ms > word.start_ms, "{layout} {word:?}");
            assert!(word.end_ms <= 2371 + 80, "{layout} {word:?}");
            before = word.start_ms;
        }
    }
}

#[test]
fn ctc_engines_weigh_forms_and_prefer_what_they_heard() {
    let clip = clips::clip(1, 16_000);
    for layout in LAYOUTS {
        let mut engine = load(layout);
        let transcript = engine.transcribe(&clip, &TranscribeRequest::default()).unwrap();
        let ctc = !layout.starts_with("paraformer");
        assert_eq!(engine.capabilities().evidence, ctc, "{layout}");
        assert_eq!(transcript.evidence.is_some(), ctc, "{layout}");
        let Some(evidence) = &transcript.evidence else { continue };
        // Without broken bytes; the tsheg is part of the pieces.
        let heard: String = transcript
            .text()
            .chars()
            .filter(|&c| c.is_alphanumeric() || c == ' ' || c == '\u{f0b}')
            .collect();
        let form = |text: &str| SpokenForm { text: text.to_owned(), pronunciations: Vec::new() };
        let batch = FormBatch::new(vec![form(&heard), form("一丁七万"), form("銀行卡")]);
        let scores = evidence.whole(&batch);
        assert!(scores[0].is_finite() && scores[0] > scores[1], "{layout}: {heard} {scores:?}");
        assert!(evidence.anywhere(&batch)[0] > evidence.anywhere(&batch)[1], "{layout}");
        assert!((evidence.seconds() - 1.0).abs() < 1e-6);
    }
}

#[test]
fn sense_voices_queries_are_no_part_of_text_or_evidence() {
    let mut engine = load("sense-voice");
    let clip = clips::clip(1, 16_000);
    for language in [None, Some(Language::Zh), Some(Language::Bo)] {
        let request = TranscribeRequest { language, ..Default::default() };
        let transcript = engine.transcribe(&clip, &request).unwrap();
        assert!(!transcript.text().contains('|') && !transcript.text().is_empty());
        // 98 frames of features make 17 rows; the four before them are gone.
        let evidence = format!("{:?}", transcript.evidence.unwrap());
        assert!(evidence.contains("frames: 17"), "{evidence}");
    }
}

#[test]
fn empty_short_silent_and_broken_sound_is_no_panic() {
    let mut spoiled = clips::clip(1, 16_000);
    spoiled[100] = f32::NAN;
    spoiled[200] = f32::INFINITY;
    for layout in LAYOUTS {
        let mut engine = load(layout);
        let mut hear = |audio: &[f32]| engine.transcribe(audio, &TranscribeRequest::default());
        for nothing in [&[][..], &[0.5], &[f32::NAN]] {
            let transcript = hear(nothing).unwrap();
            if !layout.starts_with("zipformer") {
                assert!(transcript.text().is_empty() && transcript.evidence.is_none(), "{layout}");
            }
        }
        for length in [399, 400, 401, 560, 3000, 6399, 6401] {
            assert!(hear(&vec![0.25; length]).is_ok(), "{layout} {length}");
        }
        assert!(hear(&vec![0.0; 16_000]).is_ok(), "{layout}: silence");
        assert!(hear(&vec![f32::NAN; 16_000]).is_ok(), "{layout}: nothing but NaN");
        assert!(hear(&vec![1e30; 16_000]).is_ok(), "{layout}: absurdly loud");
        assert!(
            !hear(&spoiled).unwrap().text().is_empty(),
            "{layout}: two bad samples shall not spoil a second"
        );
        let long = vec![0.0; 16_000 * 61];
        assert!(matches!(hear(&long), Err(TranscribeError::TooLong { .. })), "{layout}");
    }
}

#[test]
fn cut_and_altered_models_are_errors_that_say_which_file() {
    for layout in LAYOUTS {
        let folder = copy(layout);
        let path = model(folder.path());
        let whole = fs::read(&path).unwrap();
        for length in [0, 1, 100, whole.len() / 2, whole.len() - 1] {
            fs::write(&path, &whole[..length]).unwrap();
            let error = load_from(folder.path(), FrontEnd::default()).err().map(|error| error.to_string());
            // The last byte may be one of a description that nobody reads.
            if length + 1 < whole.len() {
                assert!(error.unwrap().contains(path.to_str().unwrap()), "{layout} {length}");
            }
        }
        // Bytes turned over anywhere: an error, or a model that still works; never a panic.
        for place in (13..whole.len()).step_by(whole.len() / 12) {
            let mut altered = whole.clone();
            altered[place] ^= 0xff;
            fs::write(&path, &altered).unwrap();
            if let Ok(mut engine) = load_from(folder.path(), FrontEnd::default()) {
                let _ = engine.transcribe(&clips::clip(7, 8000), &TranscribeRequest::default());
            }
        }
    }
}

#[test]
fn a_vocabulary_of_another_size_is_refused() {
    for layout in LAYOUTS {
        let folder = copy(layout);
        let file = |name: &str| Some(folder.path().join(name)).filter(|path| path.is_file());
        if let Some(path) = file("tokens.txt") {
            let text = fs::read_to_string(&path).unwrap();
            let lines: Vec<&str> = text.lines().collect();
            // One line more, in the middle, where NeMo's blank stays the last.
            let mut longer: Vec<String> =
                lines[..lines.len() - 1].iter().map(|line| (*line).to_owned()).collect();
            longer.push(format!("甲 {}", lines.len() - 1));
            let (name, _) = lines[lines.len() - 1].rsplit_once(' ').unwrap();
            longer.push(format!("{name} {}", lines.len()));
            fs::write(&path, longer.join("\n")).unwrap();
            let error = load_from(folder.path(), FrontEnd::default()).err().unwrap().to_string();
            assert!(error.contains("classes"), "{layout}: {error}");
            fs::write(&path, "").unwrap();
            assert!(load_from(folder.path(), FrontEnd::default()).is_err(), "{layout}: empty");
            fs::write(&path, [0xff, 0xfe, 0x00]).unwrap();
            assert!(load_from(folder.path(), FrontEnd::default()).is_err(), "{layout}: no UTF-8");
            fs::remove_file(&path).unwrap();
        } else if let Some(path) = file("tokens.json") {
            fs::write(&path, r#"["<blank>", "<s>", "</s>"]"#).unwrap();
            let error = load_from(folder.path(), FrontEnd::default()).err().unwrap().to_string();
            assert!(error.contains("classes"), "{layout}: {error}");
            fs::write(&path, "{}").unwrap();
            assert!(load_from(folder.path(), FrontEnd::default()).is_err(), "{layout}: no list");
            fs::remove_file(&path).unwrap();
        } else {
            let path = file("chn_jpn_yue_eng_ko_spectok.bpe.model").unwrap();
            let whole = fs::read(&path).unwrap();
            fs::write(&path, &whole[..whole.len() / 2]).unwrap();
            assert!(load_from(folder.path(), FrontEnd::default()).is_err(), "{layout}: half a vocabulary");
            fs::remove_file(&path).unwrap();
        }
        let error = load_from(folder.path(), FrontEnd::default()).err().unwrap();
        assert!(matches!(error, ModelError::Missing { .. }), "{layout}: {error}");
    }
}

/// Replaces the value of a metadata entry by another of the same length.
fn with_metadata(model: &[u8], key: &str, value: &str) -> Vec<u8> {
    let mut entry = key.as_bytes().to_vec();
    entry.extend([0x12, value.len() as u8]);
    let at = model.windows(entry.len()).position(|window| window == entry).unwrap() + entry.len();
    let mut altered = model.to_vec();
    altered[at..at + value.len()].copy_from_slice(value.as_bytes());
    altered
}

#[test]
fn hostile_metadata_and_foreign_layouts_are_refused_in_words() {
    let refused = |layout: &str, key: &str, value: &str, word: &str| {
        let folder = copy(layout);
        let path = model(folder.path());
        fs::write(&path, with_metadata(&fs::read(&path).unwrap(), key, value)).unwrap();
        let error = load_from(folder.path(), FrontEnd::default()).err().unwrap().to_string();
        assert!(error.contains(word), "{layout} {key}={value}: {error}");
    };
    refused("nemo-bpe", "subsampling_factor", "0", "subsampling_factor");
    refused("nemo-bpe", "normalize_type", "all_feature", "all_feature");
    refused("wenet", "subsampling_factor", "x", "no number");
    refused("sense-voice", "lfr_window_size", "0", "lfr_window_size");
    refused("sense-voice", "lfr_window_size", "5", "560");
    refused("paraformer", "lfr_window_shift", "-", "no number");
    refused("zipformer", "model_type", "moonshine_base", "moonshine_base");
    refused("wenet", "model_type", "zipformer", "transducer");
}

#[test]
fn a_byte_level_vocabulary_is_known_by_its_alphabet_where_its_model_is_not_there() {
    let folder = copy("zipformer-bbpe");
    let clip = clips::clip(20, 37_937);
    let with = load("zipformer-bbpe").transcribe(&clip, &TranscribeRequest::default()).unwrap();
    fs::remove_file(folder.path().join("bbpe.model")).unwrap();
    let mut engine = load_from(folder.path(), FrontEnd::default()).unwrap();
    let without = engine.transcribe(&clip, &TranscribeRequest::default()).unwrap();
    assert!(!with.text().is_empty() && with.text().contains('丙'), "{}", with.text());
    assert_eq!(with.text(), without.text());
}

#[test]
fn files_of_funasrs_exports_are_missed_by_name() {
    let folder = copy("sense-voice-funasr");
    fs::write(folder.path().join("am.mvn"), "<Nnet>\n").unwrap();
    let error = load_from(folder.path(), FrontEnd::default()).err().unwrap().to_string();
    assert!(error.contains("am.mvn") && error.contains("AddShift"), "{error}");
    fs::remove_file(folder.path().join("am.mvn")).unwrap();
    let error = load_from(folder.path(), FrontEnd::default()).err().unwrap().to_string();
    assert!(error.contains("am.mvn") && error.contains("copy it"), "{error}");
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(load_from(empty.path(), FrontEnd::default()), Err(ModelError::Missing { .. })));
}
