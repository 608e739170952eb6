//! The Whisper engine with real ggml files: a very small one made on the spot, and the structural one of the measuring
//! data. Neither has learnt anything, so no words are expected: only that loading, hearing and refusing work.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
    thread,
};

use language::Language;
use speech::{
    TranscribeError, TranscribeRequest, Transcriber,
    transcriber::{ModelError, whisper::WhisperModel},
};

/// Made once per test run by the script that documents the layout.
static TINY: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).to_owned();
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("ggml-tiny-shaped.bin");
    let script = support::root().join("training/make_tiny_whisper.py");
    let status = Command::new("python3").arg(&script).arg(&file).status().unwrap();
    assert!(status.success(), "{} failed", script.display());
    file
});

fn tone(seconds: f32) -> Vec<f32> {
    let count = (seconds * 16_000.0) as usize;
    (0..count).map(|i| (i as f32 * 0.08).sin() * 0.3 * (i as f32 * 0.0007).sin()).collect()
}

fn request(language: Option<Language>) -> TranscribeRequest {
    let prompt = vec!["社会保障卡".into(), "སྤྱི་ཚོགས་འགན་སྲུང་།".into(), "bad\0word".into()];
    TranscribeRequest { language, prompt, ..TranscribeRequest::default() }
}

fn refusal(file: &Path) -> String {
    WhisperModel::load(file).err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn both_languages_are_pinned_and_clips_of_every_length_are_heard() {
    let model = WhisperModel::load(&TINY).unwrap();
    let mut whisper = model.transcriber(1).unwrap();
    assert!(whisper.name().starts_with("whisper:ggml-tiny-shaped@"), "{}", whisper.name());
    assert!(whisper.capabilities().dictation && !whisper.capabilities().evidence);
    for language in Language::ALL {
        for seconds in [0.01, 0.4, 3.0, 29.9] {
            let transcript = whisper.transcribe(&tone(seconds), &request(Some(language))).unwrap();
            assert_eq!(transcript.language, Some(language));
            assert!((transcript.seconds - seconds).abs() < 0.01);
        }
    }
}

#[test]
fn without_a_pinned_language_one_of_the_two_is_chosen_and_never_a_third() {
    let mut whisper = WhisperModel::load(&TINY).unwrap().transcriber(1).unwrap();
    let transcript = whisper.transcribe(&tone(1.0), &request(None)).unwrap();
    assert!(Language::ALL.map(Some).contains(&transcript.language), "{:?}", transcript.language);
}

#[test]
fn the_same_sound_gives_the_same_words_whatever_was_heard_before() {
    let mut whisper = WhisperModel::load(&TINY).unwrap().transcriber(1).unwrap();
    let mut hear =
        |sound: &[f32]| whisper.transcribe(sound, &request(Some(Language::Bo))).unwrap().hypotheses;
    let first = hear(&tone(2.0));
    hear(&tone(7.0));
    assert_eq!(hear(&tone(2.0)), first);
}

#[test]
fn two_model_threads_share_one_models_weights() {
    let model = WhisperModel::load(&TINY).unwrap();
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let mut whisper = model.transcriber(1).unwrap();
            thread::spawn(move || {
                whisper.transcribe(&tone(1.0), &request(Some(Language::Zh))).unwrap().hypotheses
            })
        })
        .collect();
    let heard: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(heard[0], heard[1]);
}

#[test]
fn no_sound_is_an_empty_transcript_and_too_much_is_an_error() {
    let mut whisper = WhisperModel::load(&TINY).unwrap().transcriber(1).unwrap();
    assert!(whisper.transcribe(&[], &request(None)).unwrap().hypotheses.is_empty());
    let long = whisper.transcribe(&tone(31.0), &request(None));
    assert!(matches!(long, Err(TranscribeError::TooLong { max: 30.0, .. })));
}

#[test]
fn wrong_files_are_refused_with_a_reason_that_helps() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    assert!(matches!(WhisperModel::load(Path::new("/nowhere.bin")), Err(ModelError::Missing { .. })));
    assert!(refusal(&write("empty.bin", b"")).contains("too short"));
    assert!(refusal(&write("model.gguf", &[b"GGUF".as_slice(), &[0; 100]].concat())).contains("no ggml"));
    let tiny = fs::read(&*TINY).unwrap();
    assert!(refusal(&write("cut.bin", &tiny[..tiny.len() / 2])).contains("damaged"));
    let mut widened = tiny.clone();
    widened[4..8].copy_from_slice(&51_900_i32.to_le_bytes());
    assert!(refusal(&write("tibetan-tokens.bin", &widened)).contains("51900"));
    let mut english = tiny;
    english[4..8].copy_from_slice(&51_864_i32.to_le_bytes());
    assert!(refusal(&write("small.en.bin", &english)).contains("English only"));
}

#[test]
fn a_file_with_the_real_header_and_no_tensors_transcribes_nothing() {
    let Some(file) = support::data("whisper_structural/for-tests-ggml-tiny.bin") else { return };
    let mut whisper = WhisperModel::load(&file).unwrap().transcriber(1).unwrap();
    let transcript = whisper.transcribe(&tone(2.0), &request(Some(Language::Zh))).unwrap();
    assert!(transcript.hypotheses.is_empty(), "{:?}", transcript.hypotheses);
}
