//! The Whisper engine with real ggml files, made on the spot: a very small one that has learnt nothing, one that has learnt
//! ten words of two tones each (`training/layouts/whisper_shaped.py`), and the structural one of the measuring data.

#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "test code; what is compared is computed twice alike"
)]

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
    thread,
};

use language::{FormBatch, Language, SpokenForm};
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

/// The model that knows words; composed of committed weights once per test run.
static WORDS: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).to_owned();
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("ggml-words.bin");
    let script = support::root().join("training/layouts/whisper_shaped.py");
    let status = Command::new("python3").arg(&script).arg("write").arg(&file).status().unwrap();
    assert!(status.success(), "{} failed", script.display());
    file
});

/// The sound of some of the ten words, as `speak` of the script makes it: 160 ms of each word's two tones, then 80 ms of
/// silence.
fn speak(words: &[usize]) -> Vec<f32> {
    const HALF: usize = 2560;
    let mut samples = vec![0.0; 1600];
    for &word in words {
        for step in [word, (word * 7 + 3) % 10] {
            let hz = 400.0 * 1.22_f64.powf(step as f64);
            samples.extend((0..HALF).map(|i| {
                let envelope = 0.5 - 0.5 * (std::f64::consts::TAU * i as f64 / HALF as f64).cos();
                (0.3 * envelope * (std::f64::consts::TAU * hz * i as f64 / 16_000.0).sin()) as f32
            }));
        }
        samples.extend([0.0; 1280]);
    }
    samples
}

/// How some of the ten words are written.
fn written(words: &[usize], language: Language) -> String {
    let letters: Vec<char> = match language {
        Language::Zh => "一二三四五六七八九十".chars().collect(),
        Language::Bo => "ཀཁགངཅཆཇཉཏཐ".chars().collect(),
    };
    words.iter().map(|&word| letters[word]).collect()
}

/// Rows of words that the model is asked about. (It is not perfect, being small: Tibetan rows of one or two it may get wrong.)
const SPOKEN: [&[usize]; 5] = [&[0, 1, 2], &[7, 8, 8, 7], &[9, 0, 5], &[3, 6, 2, 4], &[5, 1, 9]];

fn pinned(language: Language) -> TranscribeRequest {
    TranscribeRequest { language: Some(language), ..Default::default() }
}

fn forms<'a>(texts: impl IntoIterator<Item = &'a str>) -> FormBatch {
    let form = |text: &str| SpokenForm { text: text.to_owned(), pronunciations: Vec::new() };
    FormBatch::new(texts.into_iter().map(form).collect())
}

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

#[test]
fn words_are_written_in_the_language_that_is_pinned() {
    let mut whisper = WhisperModel::load(&WORDS).unwrap().transcriber(1).unwrap();
    for words in SPOKEN {
        for language in Language::ALL {
            let transcript = whisper.transcribe(&speak(words), &pinned(language)).unwrap();
            assert_eq!(transcript.text(), written(words, language));
            let confidence = transcript.hypotheses[0].confidence.unwrap();
            assert!((0.5..=1.0).contains(&confidence), "{confidence}");
        }
    }
}

/// The words' true times: [`speak`] begins with 100 ms of silence, and a word takes 320 ms and 80 ms of silence.
fn spoken_at(word: usize) -> u32 {
    100 + 400 * word as u32
}

#[test]
fn words_have_times_near_those_at_which_they_were_spoken_and_are_as_sure_as_their_least_sure_token() {
    let mut whisper = WhisperModel::load(&WORDS).unwrap().transcriber(1).unwrap();
    for words in SPOKEN {
        let said = speak(words);
        let transcript = whisper.transcribe(&said, &pinned(Language::Zh)).unwrap();
        let reading = &transcript.hypotheses[0];
        let texts: String = reading.words.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(texts, reading.text, "a Chinese character is a word");
        for (number, word) in reading.words.iter().enumerate() {
            let (start, end) = (spoken_at(number), spoken_at(number) + 320);
            assert!(
                word.start_ms.abs_diff(start) <= 100 && word.end_ms.abs_diff(end) <= 100,
                "{word:?} {start} {end}"
            );
        }
        let least = reading.words.iter().filter_map(|word| word.confidence).fold(1.0, f32::min);
        assert!(least > 0.0 && least <= reading.confidence.unwrap(), "{reading:?}");
        // The model's Tibetan words are letters with no tsheg between them: one syllable, from the first sound to the last.
        let tibetan = whisper.transcribe(&said, &pinned(Language::Bo)).unwrap().hypotheses.remove(0);
        let [word] = tibetan.words.as_slice() else { panic!("{tibetan:?}") };
        assert_eq!(word.text, tibetan.text);
        assert!(word.start_ms.abs_diff(100) <= 60 && word.end_ms.abs_diff(spoken_at(words.len()) - 80) <= 60);
    }
}

#[test]
fn what_was_said_weighs_most_in_a_short_list() {
    let mut whisper = WhisperModel::load(&WORDS).unwrap().transcriber(1).unwrap();
    for language in Language::ALL {
        for words in SPOKEN {
            let evidence = whisper.transcribe(&speak(words), &pinned(language)).unwrap().evidence.unwrap();
            assert!(!evidence.covers_all());
            // The beginning of what was said, more than was said, and other words, beside what was said with a question mark.
            let said = written(words, language);
            let others = [
                written(&words[..words.len() - 1], language),
                written(&[words, &[4]].concat(), language),
                written(SPOKEN.iter().find(|other| **other != words).unwrap(), language),
                format!("{said}？"),
                "！".to_owned(),
            ];
            let list = forms(std::iter::once(said.as_str()).chain(others.iter().map(String::as_str)));
            let weights = evidence.weigh(&list).unwrap();
            println!("{said}: {weights:?}");
            assert!(
                weights[0] > -0.5 && weights[1..4].iter().all(|&other| other < weights[0] - 0.5),
                "{weights:?}"
            );
            assert_eq!(weights[4], weights[0], "punctuation says nothing");
            assert_eq!(weights[5], f32::NEG_INFINITY, "nothing to say");
            assert_eq!(evidence.weigh(&list).unwrap(), weights, "asked twice");
            assert_eq!(evidence.whole(&list), weights);
        }
    }
}

#[test]
fn long_lists_are_not_weighed() {
    let mut whisper = WhisperModel::load(&WORDS).unwrap().transcriber(1).unwrap();
    let evidence = whisper.transcribe(&speak(SPOKEN[0]), &pinned(Language::Zh)).unwrap().evidence.unwrap();
    let list = forms(["一二三"; 9]);
    assert_eq!(evidence.weigh(&list), None);
    assert!(evidence.whole(&list).iter().all(|&score| score == f32::NEG_INFINITY));
    assert_eq!(evidence.anywhere(&list).len(), 9);
    assert_eq!(evidence.weigh(&FormBatch::default()), Some(Vec::new()));
}

#[test]
fn only_the_newest_utterances_can_be_weighed_and_hearing_never_waits_for_that() {
    let mut whisper = WhisperModel::load(&WORDS).unwrap().transcriber(1).unwrap();
    let mut hear = |words: &[usize]| whisper.transcribe(&speak(words), &pinned(Language::Zh)).unwrap();
    let evidence: Vec<_> = SPOKEN[..4].iter().map(|words| hear(words).evidence.unwrap()).collect();
    let said = |at: usize| forms([written(SPOKEN[at], Language::Zh).as_str()]);
    let weigh = |at: usize| evidence[at].weigh(&said(at)).map(|weights| weights[0] > -0.5);
    assert_eq!([0, 1, 2, 3].map(weigh), [None, None, Some(true), Some(true)], "memory for two");
    drop(evidence);
    // What nobody holds any more is taken back first, so that the one still held is not lost over it.
    let kept = hear(SPOKEN[0]).evidence.unwrap();
    for words in SPOKEN {
        hear(words);
    }
    assert!(kept.weigh(&said(0)).unwrap()[0] > -0.5);
}

#[test]
fn partial_results_carry_no_evidence() {
    let mut whisper = WhisperModel::load(&WORDS).unwrap().transcriber(1).unwrap();
    let request = TranscribeRequest { partial: true, ..pinned(Language::Zh) };
    let transcript = whisper.transcribe(&speak(SPOKEN[0]), &request).unwrap();
    assert_eq!(transcript.text(), written(SPOKEN[0], Language::Zh));
    assert!(transcript.evidence.is_none());
}

#[test]
fn evidence_may_be_weighed_on_another_thread_while_the_next_utterance_is_heard() {
    let mut whisper = WhisperModel::load(&WORDS).unwrap().transcriber(1).unwrap();
    let evidence = whisper.transcribe(&speak(SPOKEN[0]), &pinned(Language::Zh)).unwrap().evidence.unwrap();
    let list = forms([written(SPOKEN[0], Language::Zh).as_str(), "九九九"]);
    let weighing = thread::spawn(move || evidence.weigh(&list).unwrap());
    assert_eq!(
        whisper.transcribe(&speak(SPOKEN[1]), &pinned(Language::Bo)).unwrap().text(),
        written(SPOKEN[1], Language::Bo)
    );
    let weights = weighing.join().unwrap();
    assert!(weights[0] > weights[1]);
}

#[test]
fn nothing_is_made_up_over_silence_and_sound_that_is_no_number() {
    let mut whisper = WhisperModel::load(&WORDS).unwrap().transcriber(1).unwrap();
    for clip in [vec![], vec![0.0], vec![0.0; 16_000], vec![f32::NAN; 16_000], vec![1e-6; 480_000]] {
        for language in [None, Some(Language::Bo)] {
            let transcript = whisper.transcribe(&clip, &request(language)).unwrap();
            assert!(transcript.hypotheses.is_empty() && transcript.evidence.is_none());
        }
    }
    // One sample, a click: whatever comes of it, it is no error.
    whisper.transcribe(&[1.0], &pinned(Language::Zh)).unwrap();
    let mut broken = speak(SPOKEN[0]);
    broken[300] = f32::NAN;
    broken[301] = f32::INFINITY;
    broken[302] = 1e30;
    whisper.transcribe(&broken, &pinned(Language::Zh)).unwrap();
}

#[test]
fn the_language_that_is_found_does_not_depend_on_what_was_heard_before() {
    let mut whisper = WhisperModel::load(&TINY).unwrap().transcriber(1).unwrap();
    let clips = [tone(12.0), tone(1.0), tone(25.0), tone(0.3)];
    let mut hear = |clip: &[f32]| {
        let transcript = whisper.transcribe(clip, &request(None)).unwrap();
        (transcript.language, transcript.hypotheses)
    };
    let forwards: Vec<_> = clips.iter().map(|clip| hear(clip)).collect();
    let backwards: Vec<_> = clips.iter().rev().map(|clip| hear(clip)).collect();
    assert!(forwards.iter().eq(backwards.iter().rev()));
}

/// whisper.cpp believes every length in a file; some of these would end the whole process.
#[test]
fn damaged_files_are_refused_wherever_the_damage_is() {
    let folder = tempfile::tempdir().unwrap();
    let tiny = fs::read(&*TINY).unwrap();
    let path = folder.path().join("damaged.bin");
    let check = |bytes: &[u8], what: &str| {
        fs::write(&path, bytes).unwrap();
        let reason = refusal(&path);
        assert!(reason.contains("damaged"), "{what}: {reason:?}");
    };
    for cut in [48, 60, 70_000, 70_500, 500_000, tiny.len() / 3, tiny.len() - 1] {
        check(&tiny[..cut], &format!("cut after {cut} bytes"));
    }
    let tokens = 56 + 80 * 201 * 4;
    let tensors = {
        let mut at = tokens + 4;
        for _ in 0..50_257 {
            at += 4 + u32::from_le_bytes(tiny[at..at + 4].try_into().unwrap()) as usize;
        }
        at
    };
    // Mel bands, number of tokens, a token's length; a tensor's dimensions, the length of its name, its type, its size.
    for at in [48, 52, tokens, tokens + 4, tensors, tensors + 4, tensors + 8, tensors + 12] {
        for value in [u32::MAX, 0x7fff_ffff, 1 << 28] {
            let mut bytes = tiny.clone();
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
            check(&bytes, &format!("{value} at {at}"));
        }
    }
}
