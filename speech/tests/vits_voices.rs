//! VITS voices: what reaches a model of every published layout, read off small models that write it into their output
//! (`training/voices/make.py`), and what happens with files that are missing, damaged or foreign.

#![allow(clippy::unwrap_used, reason = "test code")]

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use language::Language::{self, Bo, Zh};
use speech::{
    Clip, SpeechRequest, SynthesisError, Synthesizer,
    runtime::{OnnxRuntime, SessionOptions},
    synthesizer::{EspeakSettings, VitsSettings, VitsVoice},
    transcriber::ModelError,
};
use tempfile::TempDir;

/// A frame's samples at length scale 1, and what numbers are divided by.
const FRAME: f32 = 8.0;
const UNIT: f32 = 1024.0;
/// What stands before the symbols.
const HEAD: usize = 5;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/voices")
}

fn settings(path: &Path, language: Language) -> VitsSettings {
    VitsSettings {
        path: path.to_owned(),
        language,
        speaker: 0,
        speed: 1.0,
        volume: 1.0,
        noise_scale: None,
        noise_w: None,
        espeak: EspeakSettings::default(),
        folder: Path::new(env!("CARGO_TARGET_TMPDIR")).join("espeak-ipa"),
    }
}

fn load(settings: &VitsSettings) -> Result<VitsVoice, ModelError> {
    VitsVoice::load(settings, &OnnxRuntime::load(None).unwrap(), SessionOptions::default())
}

fn voice(layout: &str, language: Language) -> VitsVoice {
    load(&settings(&fixtures().join(layout), language)).unwrap()
}

fn say(voice: &mut VitsVoice, text: &str, language: Language, rate: f32) -> Result<Clip, SynthesisError> {
    let request = SpeechRequest { text: text.to_owned(), language, rate };
    voice.synthesize(&request, &AtomicBool::new(false))
}

/// What reached a model: the scales, the speaker, and the symbols of the only piece.
#[derive(Debug)]
struct Told {
    noise_scale: f32,
    length_scale: f32,
    noise_w: f32,
    speaker: i64,
    ids: Vec<i64>,
}

fn told(clip: &Clip) -> Told {
    let at = |index: usize| clip.samples[index];
    let number = |value: f32| (value * UNIT).round() as i64;
    let length_scale = at(1) * 4.0;
    let frame = (FRAME * length_scale).round() as usize;
    let frames: Vec<&[f32]> = clip.samples[HEAD..].chunks(frame).collect();
    for one in &frames {
        assert!(one.len() == frame && one.iter().all(|sample| (sample - one[0]).abs() < 1e-6));
    }
    let ids: Vec<i64> = frames.iter().map(|frame| number(frame[0]) - 1).collect();
    assert_eq!(usize::try_from(number(at(4))), Ok(ids.len()), "the length that it was told is another");
    Told { noise_scale: at(0) * 4.0, length_scale, noise_w: at(2) * 4.0, speaker: number(at(3)), ids }
}

fn close(a: f32, b: f32) -> bool {
    (a - b).abs() < 1e-4
}

/// The numbers of a Piper voice's symbols, by symbol, from its own file.
fn map(layout: &str) -> HashMap<String, i64> {
    let folder = fixtures().join(layout);
    let mut files = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let file = files.find(|path| path.extension().is_some_and(|e| e == "json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let map = json["phoneme_id_map"].as_object().unwrap();
    map.iter().map(|(name, ids)| (name.clone(), ids[0].as_i64().unwrap())).collect()
}

fn letters() -> HashMap<char, i64> {
    let table = fs::read_to_string(fixtures().join("mms/tokens.txt")).unwrap();
    table
        .lines()
        .map(|line| {
            let (name, id) = line.rsplit_once(' ').unwrap();
            (name.chars().next().unwrap_or(' '), id.parse().unwrap())
        })
        .collect()
}

#[test]
fn piper_gets_pinyin_as_initial_final_and_tone_with_padding_after_tones_and_marks_only() {
    let mut voice =
        load(&VitsSettings { speaker: 2, ..settings(&fixtures().join("piper-pinyin"), Zh) }).unwrap();
    let clip = say(&mut voice, "你好，安全20吗？", Zh, 1.0).unwrap();
    assert_eq!(clip.sample_rate, 22_050);
    let told = told(&clip);
    let map = map("piper-pinyin");
    let expected = "^ _ n i 3 _ h ao 3 _ ， _ Ø an 1 _ q uan 2 _ Ø er 4 _ sh i 2 _ m a 5 _ ？ _ $";
    let expected: Vec<i64> = expected.split(' ').map(|symbol| map[symbol]).collect();
    assert_eq!(told.ids, expected);
    assert_eq!(told.speaker, 2);
    assert!(
        close(told.noise_scale, 0.667) && close(told.length_scale, 1.5) && close(told.noise_w, 0.8),
        "{told:?}"
    );
}

#[test]
fn piper_gets_text_as_code_points_with_padding_after_each() {
    let mut voice = voice("piper-text", Bo);
    let told = told(&say(&mut voice, "བོད་ཀྱི་x2།", Bo, 1.0).unwrap());
    let map = map("piper-text");
    let spoken = language::spoken_text("བོད་ཀྱི་x2།", Bo);
    assert!(spoken.contains("གཉིས"), "the number is not in words");
    let symbols = spoken.chars().map(String::from).filter(|symbol| map.contains_key(symbol));
    let mut expected = vec![map["^"], map["_"]];
    expected.extend(symbols.flat_map(|symbol| [map[&symbol], map["_"]]));
    expected.push(map["$"]);
    assert_eq!(told.ids, expected);
}

#[test]
fn piper_gets_the_ipa_that_espeak_prints_for_our_pinyin() {
    let mut voice = match load(&settings(&fixtures().join("piper-espeak"), Zh)) {
        Ok(voice) => voice,
        Err(error) if error.to_string().contains("apt-get install espeak-ng") => {
            println!("SKIPPED: {error}");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let told = told(&say(&mut voice, "您好，身份证呢？", Zh, 1.0).unwrap());
    let names: HashMap<i64, String> = map("piper-espeak").into_iter().map(|(name, id)| (id, name)).collect();
    let mut read = String::new();
    assert!(told.ids.len() % 2 == 1, "{:?}", told.ids);
    for pair in told.ids.chunks(2) {
        read += &names[&pair[0]];
        assert!(pair.get(1).is_none_or(|pad| names[pad] == "_"), "{:?}", told.ids);
    }
    // As espeak-ng 1.51 prints it; marks between clauses and at the end as Piper adds them.
    assert_eq!(read, "^nˈiɜn χˈɑu2, s.ˈə5n fˈə5n ts.ˈə5ŋ nə1?$");
}

#[test]
fn mms_gets_lower_case_letters_between_blanks_whose_number_is_a_letters_too() {
    let letters = letters();
    assert_eq!(letters[&'ཤ'], 0);
    for (layout, length_scale) in [("mms", 1.0), ("optimum", 1.0)] {
        let mut voice = voice(layout, Bo);
        let clip = say(&mut voice, "ཤེས་K🙂རབ།", Bo, 1.0).unwrap();
        assert_eq!(clip.sample_rate, 16_000);
        let told = told(&clip);
        let mut expected = vec![0];
        expected.extend("ཤེས་རབ".chars().flat_map(|letter| [letters[&letter], 0]));
        assert_eq!(told.ids, expected, "{layout}");
        assert!(close(told.length_scale, length_scale) && close(told.noise_scale, 0.667), "{told:?}");
    }
}

#[test]
fn numbers_reach_a_voice_as_words() {
    let mut voice = voice("mms", Bo);
    let digits = told(&say(&mut voice, "ལོ་༢༥།", Bo, 1.0).unwrap()).ids;
    let words = told(&say(&mut voice, "ལོ་ཉི་ཤུ་རྩ་ལྔ།", Bo, 1.0).unwrap()).ids;
    assert_eq!(digits, words);
    assert!(words.len() > 20);
}

#[test]
fn slower_and_louder_are_length_and_gain_and_all_of_it_is_in_the_name() {
    let path = fixtures().join("mms");
    let seconds = |speed: f32, rate: f32| {
        let mut voice = load(&VitsSettings { speed, ..settings(&path, Bo) }).unwrap();
        let clip = say(&mut voice, "ཤེས་རབ་ཀྱི་", Bo, rate).unwrap();
        (told(&clip).length_scale, clip.samples.len())
    };
    let (normal, slow, slower) = (seconds(1.0, 1.0), seconds(1.0, 0.75), seconds(0.8, 0.75));
    assert!(close(normal.0, 1.0) && close(slow.0, 1.0 / 0.75) && close(slower.0, 1.0 / 0.6));
    assert!(normal.1 < slow.1 && slow.1 < slower.1);
    let at = |volume: f32| {
        let mut voice = load(&VitsSettings { volume, noise_w: Some(0.5), ..settings(&path, Bo) }).unwrap();
        (say(&mut voice, "ཤེས་རབ་ཀྱི་", Bo, 1.0).unwrap().samples, voice.name().to_owned())
    };
    let (normal, loud) = (at(1.0), at(8.0));
    assert!(close(normal.0[2] * 4.0, 0.5), "noise_w did not reach the model");
    assert!(close(loud.0[HEAD], normal.0[HEAD] * 8.0) && loud.0.iter().all(|sample| sample.abs() <= 1.0));
    assert!(loud.0[0] > 0.9, "the limiter took more than it must");
    assert_ne!(normal.1, loud.1);
}

#[test]
fn a_long_sentence_is_said_in_pieces_and_an_endless_one_is_refused() {
    let mut voice = voice("mms", Bo);
    let sentence = "ཤེས་རབ་ཀྱི་པ། ".repeat(20);
    let clip = say(&mut voice, &sentence, Bo, 1.0).unwrap();
    let known = letters();
    let said = sentence.chars().filter(|c| known.contains_key(c)).count();
    assert!(clip.samples.len() > said * 2 * FRAME as usize, "{} samples", clip.samples.len());
    let pause = clip.samples.split(|sample| *sample != 0.0).map(<[f32]>::len).max().unwrap();
    assert_eq!(pause, 2_400, "no pause between pieces");
    let error = say(&mut voice, &"ཤེས་".repeat(25_000), Bo, 1.0).unwrap_err().to_string();
    assert!(error.contains("2000 characters"), "{error}");
    for text in ["", "。，！", "abc <b></b>", "\u{0}\u{1}\u{202e}"] {
        let outcome = say(&mut voice, text, Bo, 1.0);
        assert!(matches!(outcome, Err(SynthesisError::Nothing)), "{text:?}: {:?}", outcome.map(|c| told(&c)));
    }
    let marked = told(&say(&mut voice, "<b>ཤེས་\u{7}རབ</b>", Bo, 1.0).unwrap()).ids;
    assert_eq!(marked, told(&say(&mut voice, "ཤེས་རབ", Bo, 1.0).unwrap()).ids);
    let request = SpeechRequest { text: sentence, language: Bo, rate: 1.0 };
    let outcome = voice.synthesize(&request, &AtomicBool::new(true));
    assert!(matches!(outcome, Err(SynthesisError::Cancelled)), "{outcome:?}");
}

#[test]
fn an_interruption_ends_a_run_within_100_ms() {
    // More than 60 symbols keep this one busy for hours.
    let mut slow = voice("slow", Bo);
    assert!(say(&mut slow, "ཤེས་", Bo, 1.0).is_ok());
    let cancelled = Arc::new(AtomicBool::new(false));
    let speaking = {
        let cancelled = Arc::clone(&cancelled);
        thread::spawn(move || {
            let request = SpeechRequest { text: "ཤེས་རབ་".repeat(6), language: Bo, rate: 1.0 };
            let outcome = slow.synthesize(&request, &cancelled);
            (outcome, Instant::now(), slow)
        })
    };
    thread::sleep(Duration::from_millis(300));
    assert!(!speaking.is_finished());
    cancelled.store(true, Ordering::Relaxed);
    let asked = Instant::now();
    let (outcome, ended, mut slow) = speaking.join().unwrap();
    assert!(matches!(outcome, Err(SynthesisError::Cancelled)), "{outcome:?}");
    assert!(ended - asked < Duration::from_millis(100), "{:?}", ended - asked);
    assert!(say(&mut slow, "ཤེས་", Bo, 1.0).is_ok(), "it does not speak any more after an interruption");
}

/// A copy of a voice's folder, to be damaged.
fn copy(layout: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fixtures().join(layout).read_dir().unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    folder
}

fn file(folder: &Path, end: &str) -> PathBuf {
    let mut files = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
    files.find(|path| path.to_string_lossy().ends_with(end)).unwrap()
}

fn refused(folder: &Path, language: Language) -> String {
    load(&settings(folder, language)).err().unwrap().to_string()
}

#[test]
fn what_is_missing_damaged_or_foreign_is_named_with_what_to_do() {
    let folder = copy("piper-pinyin");
    fs::remove_file(file(folder.path(), ".json")).unwrap();
    let said = refused(folder.path(), Zh);
    assert!(said.contains("zh_CN-witness-x.onnx.json is missing") && said.contains("two files"), "{said}");

    let folder = copy("mms");
    fs::remove_file(folder.path().join("tokens.txt")).unwrap();
    assert!(refused(folder.path(), Bo).contains("tokens.txt is missing"));

    let folder = copy("mms");
    let model = file(folder.path(), ".onnx");
    let bytes = fs::read(&model).unwrap();
    for (damaged, what) in [
        (&bytes[..bytes.len() / 2], "half a file"),
        (&b"<html>not found</html>"[..], "a web page"),
        (b"", "nothing"),
    ] {
        fs::write(&model, damaged).unwrap();
        let said = refused(folder.path(), Bo);
        assert!(
            said.contains("model.onnx cannot be used") && said.contains("fetch it again"),
            "{what}: {said}"
        );
    }

    let json = |from: &str, to: &str| {
        let folder = copy("piper-pinyin");
        let path = file(folder.path(), ".json");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(&path, text.replace(from, to)).unwrap();
        refused(folder.path(), Zh)
    };
    for (from, to, said) in [
        ("{\n", "{{", "no file of this kind"),
        ("\"phoneme_id_map\"", "\"phonemes\"", "phoneme_id_map"),
        ("\"pinyin\"", "\"hiragana\"", "hiragana"),
        ("\"^\"", "\"Q\"", "has no \"^\""),
        ("22050", "0", "sample rate is 0"),
        ("\"num_speakers\": 3", "\"num_speakers\": 1", "do not belong together"),
    ] {
        let error = json(from, to);
        assert!(error.contains(said) && error.contains(".onnx.json"), "{from}: {error}");
    }

    let recogniser = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/layouts/zipformer");
    let said = refused(&recogniser, Zh);
    assert!(said.contains("no voice of a layout") && said.contains("x_lens"), "{said}");
    let said = refused(Path::new("/nowhere/voice"), Zh);
    assert!(said.contains("/nowhere/voice is missing") && said.contains("docs/voice.md"), "{said}");
    let three = VitsSettings { speaker: 3, ..settings(&fixtures().join("piper-pinyin"), Zh) };
    assert!(load(&three).err().unwrap().to_string().contains("3 speakers, numbered from 0"));
    let said = refused(&fixtures().join("piper-espeak"), Bo);
    assert!(said.contains("Mandarin only") && said.contains("configured for bo"), "{said}");
    let folder = copy("optimum");
    let path = folder.path().join("tokenizer_config.json");
    fs::write(&path, "{\"is_uroman\": true}").unwrap();
    assert!(refused(folder.path(), Bo).contains("is_uroman"));
}
