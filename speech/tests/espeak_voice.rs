//! espeak-ng as processes that stay: the same sound as from one that ends, sentence after sentence, and every way in which a
//! program can go wrong. Skips where espeak-ng is not installed.

#![allow(clippy::unwrap_used, reason = "test code")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use language::Language;
use speech::{
    Clip, SpeechRequest, SynthesisError, Synthesizer,
    synthesizer::{EspeakSettings, EspeakVoice},
};
use tempfile::TempDir;

const SENTENCES: [(&str, Language); 6] = [
    ("办理身份证需要带户口本。", Language::Zh),
    ("好。", Language::Zh),
    ("请您带上户口本，两张照片，到派出所办理，六十日内可以领取，费用20元。", Language::Zh),
    ("ཐོབ་ཐང་ལག་ཁྱེར་བརྗེ་དགོས་རེད།", Language::Bo),
    ("ངའི་身份证བརླགས་སོང་། 派出所ལ་འགྲོ་དགོས།", Language::Bo),
    ("拨打12345，咨询ལག་ཁྱེར。", Language::Zh),
];

fn settings() -> EspeakSettings {
    EspeakSettings::default()
}

/// A folder with espeak-ng's data; `None`, with a message, where espeak-ng is not installed.
fn prepared() -> Option<TempDir> {
    let folder = tempfile::tempdir().unwrap();
    match EspeakVoice::new(settings(), folder.path()) {
        Ok(_) => Some(folder),
        Err(error) => {
            println!("SKIPPED: {error}");
            None
        }
    }
}

fn say(voice: &mut EspeakVoice, text: &str, language: Language, rate: f32) -> Result<Clip, SynthesisError> {
    let request = SpeechRequest { text: text.to_owned(), language, rate };
    voice.synthesize(&request, &AtomicBool::new(false))
}

fn seconds(clip: &Clip) -> f32 {
    clip.samples.len() as f32 / clip.sample_rate as f32
}

/// The children of this process that were started for a folder.
fn children(folder: &Path) -> Vec<u32> {
    let named = |pid: &u32| {
        fs::read(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains(&folder.display().to_string()))
    };
    let all = fs::read_dir("/proc").unwrap();
    all.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok()).filter(named).collect()
}

fn kill(pid: u32) {
    assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
}

/// A program in place of espeak-ng.
fn script(folder: &Path, body: &str) -> PathBuf {
    let path = folder.join("espeak-shaped");
    fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn with_program(folder: &Path, program: &Path) -> EspeakVoice {
    let program = program.display().to_string();
    EspeakVoice::new(EspeakSettings { program, ..settings() }, folder).unwrap()
}

#[test]
fn what_stays_says_the_same_as_what_ends_at_every_speed_and_nothing_is_cut_or_left_over() {
    let Some(folder) = prepared() else { return };
    let mut single = EspeakVoice::new(settings(), folder.path()).unwrap();
    let mut pooled = EspeakVoice::pooled(settings(), folder.path(), 1, &[1.0]).unwrap();
    for rate in [0.5, 0.75, 1.0, 1.6, 2.8] {
        for (text, language) in SENTENCES {
            let one = say(&mut single, text, language, rate).unwrap();
            for _ in 0..3 {
                let other = say(&mut pooled, text, language, rate).unwrap();
                let (one, other) = (seconds(&one), seconds(&other));
                assert!((one - other).abs() < 0.03, "{text} at {rate}: {one} s alone, {other} s in the pool");
            }
        }
    }
}

#[test]
fn every_kind_of_variant_ends_its_utterances() {
    let Some(folder) = prepared() else { return };
    let variants = fs::read_dir(folder.path().join("espeak-ng-data/voices/!v")).unwrap();
    let mut variants: Vec<String> =
        variants.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    variants.sort_unstable();
    // Of some hundred variants every twelfth; all of them were tried once.
    for variant in variants.into_iter().step_by(12) {
        let settings = EspeakSettings { variant: Some(variant.clone()), ..settings() };
        let mut single = EspeakVoice::new(settings.clone(), folder.path()).unwrap();
        let mut pooled = EspeakVoice::pooled(settings, folder.path(), 1, &[1.0]).unwrap();
        let [(text, language), ..] = SENTENCES;
        let begun = Instant::now();
        let [one, other] =
            [&mut single, &mut pooled].map(|voice| seconds(&say(voice, text, language, 2.0).unwrap()));
        assert!((one - other).abs() < 0.05, "{variant}: {one} s alone, {other} s in the pool");
        assert!(begun.elapsed() < Duration::from_secs(2), "{variant}: it was stuck");
    }
}

#[test]
fn many_threads_share_a_pool() {
    let Some(folder) = prepared() else { return };
    let mut single = EspeakVoice::new(settings(), folder.path()).unwrap();
    let expected = SENTENCES.map(|(text, language)| seconds(&say(&mut single, text, language, 1.0).unwrap()));
    let pooled = EspeakVoice::pooled(settings(), folder.path(), 4, &[1.0]).unwrap();
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let mut voice = pooled.clone();
            thread::spawn(move || {
                for number in 0..24 {
                    let which = (thread + number) % SENTENCES.len();
                    let clip = say(&mut voice, SENTENCES[which].0, SENTENCES[which].1, 1.0).unwrap();
                    assert!((seconds(&clip) - expected[which]).abs() < 0.03, "{}", SENTENCES[which].0);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert!(children(folder.path()).len() <= 16, "more processes wait than the pool may hold");
}

#[test]
fn a_killed_process_is_replaced_and_nothing_is_left_when_the_voice_goes() {
    let Some(folder) = prepared() else { return };
    let mut voice = EspeakVoice::pooled(settings(), folder.path(), 1, &[1.0]).unwrap();
    for _ in 0..3 {
        let idle = children(folder.path());
        assert!(!idle.is_empty(), "no process waits");
        idle.into_iter().for_each(kill);
        for (text, language) in SENTENCES {
            say(&mut voice, text, language, 1.0).unwrap();
        }
    }
    drop(voice);
    let deadline = Instant::now() + Duration::from_secs(10);
    while !children(folder.path()).is_empty() {
        assert!(Instant::now() < deadline, "processes go on without their voice");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn volume_makes_louder_and_is_part_of_the_name() {
    let Some(folder) = prepared() else { return };
    let loudness = |volume: f32| {
        let mut voice = EspeakVoice::new(EspeakSettings { volume, ..settings() }, folder.path()).unwrap();
        let clip = say(&mut voice, "您好", Language::Zh, 1.0).unwrap();
        let power = clip.samples.iter().map(|s| s * s).sum::<f32>() / clip.samples.len() as f32;
        (power.sqrt(), voice.name().to_owned())
    };
    let [(soft, soft_name), (normal, normal_name), (loud, _)] = [0.5, 1.0, 1.4].map(loudness);
    assert!(soft < normal * 0.7 && loud > normal * 1.15, "{soft} {normal} {loud}");
    assert_ne!(soft_name, normal_name);
}

#[test]
fn a_missing_program_says_what_to_install() {
    let folder = tempfile::tempdir().unwrap();
    let program = "/nowhere/espeak-ng".to_owned();
    let error = EspeakVoice::new(EspeakSettings { program, ..settings() }, folder.path()).unwrap_err();
    assert!(error.to_string().contains("apt-get install espeak-ng"), "{error}");
    // Also where its data was copied before.
    let Some(folder) = prepared() else { return };
    let program = "/nowhere/espeak-ng".to_owned();
    let gone = EspeakSettings { program, ..settings() };
    let error = EspeakVoice::pooled(gone, folder.path(), 1, &[1.0]).unwrap_err();
    assert!(error.to_string().contains("apt-get install espeak-ng"), "{error}");
}

#[test]
fn programs_that_crash_hang_or_talk_nonsense_are_errors_that_say_so() {
    let Some(folder) = prepared() else { return };
    let riff = "printf 'RIFF\\044\\360\\377\\177WAVEfmt \\020\\0\\0\\0\\001\\0\\001\\0\\042\\126\\0\\0\\104\\254\\0\\0\\002\\0\\020\\0data\\0\\360\\377\\177'";
    for (body, said) in [
        ("exit 3", "ended in the middle (exit status: 3)"),
        (&*format!("{riff}; head -c 9000 /dev/urandom; kill -11 $$"), "ended in the middle (signal: 11"),
        ("echo 'Usage: espeak-ng [options]'", "not a WAV file"),
        ("exec sleep 60", "was stuck for 3 s"),
        (&*format!("{riff}; exec cat /dev/urandom"), "does not stop speaking"),
    ] {
        let mut voice = with_program(folder.path(), &script(folder.path(), body));
        let begun = Instant::now();
        let error = say(&mut voice, "请带户口本", Language::Zh, 1.0).unwrap_err().to_string();
        assert!(error.contains(said), "{body}: {error}");
        assert!(begun.elapsed() < Duration::from_secs(9), "{body}");
        assert!(children(folder.path()).is_empty(), "{body}: it still runs");
    }
}

#[test]
fn a_program_that_does_not_speak_line_by_line_gets_a_process_for_every_sentence() {
    let Some(folder) = prepared() else { return };
    // Keeps everything until its input ends, as a program that does not flush would.
    let program =
        script(folder.path(), "exec /bin/sh -c 'text=$(cat); echo \"$text\" | espeak-ng \"$@\"' sh \"$@\"");
    let program = EspeakSettings { program: program.display().to_string(), ..settings() };
    let mut voice = EspeakVoice::pooled(program, folder.path(), 1, &[1.0]).unwrap();
    for (text, language) in SENTENCES {
        assert!(seconds(&say(&mut voice, text, language, 1.0).unwrap()) > 0.2, "{text}");
    }
}

#[test]
fn an_interruption_ends_a_hanging_program_within_100_ms() {
    let Some(folder) = prepared() else { return };
    let mut voice = with_program(folder.path(), &script(folder.path(), "exec sleep 60"));
    let cancelled = Arc::new(AtomicBool::new(false));
    let speaking = {
        let cancelled = Arc::clone(&cancelled);
        thread::spawn(move || {
            let request =
                SpeechRequest { text: "请带户口本".to_owned(), language: Language::Zh, rate: 1.0 };
            (voice.synthesize(&request, &cancelled), Instant::now())
        })
    };
    thread::sleep(Duration::from_millis(200));
    cancelled.store(true, Ordering::Relaxed);
    let asked = Instant::now();
    let (outcome, ended) = speaking.join().unwrap();
    assert!(matches!(outcome, Err(SynthesisError::Cancelled)), "{outcome:?}");
    assert!(ended - asked < Duration::from_millis(100), "{:?}", ended - asked);
}

#[test]
fn whatever_the_text_holds_the_voice_says_it_or_says_why_not() {
    let Some(folder) = prepared() else { return };
    let mut voice = EspeakVoice::pooled(settings(), folder.path(), 1, &[1.0]).unwrap();
    let plain = seconds(&say(&mut voice, "请带户口本", Language::Zh, 1.0).unwrap());
    for text in ["请\u{0}带\u{1b}[31m户\r\n口\u{7}本", "请带户口本\u{202e}\u{feff}\u{fffd}"] {
        let clip = say(&mut voice, text, Language::Zh, 1.0).unwrap();
        assert!((plain * 0.8..plain * 3.0).contains(&seconds(&clip)), "{text:?}");
    }
    for text in [
        "<speak><break time=\"60s\"/>请带户口本</speak>",
        "[[kha55 _:_:_:_:_:_:]]请带户口本",
        "-v en+f2 --path=/ 请带户口本",
    ] {
        let clip = say(&mut voice, text, Language::Zh, 1.0).unwrap();
        assert!((plain * 0.8..plain + 8.0).contains(&seconds(&clip)), "{text}: {} s", seconds(&clip));
    }
    for text in ["", "\u{0}\u{1}", "🙂🙂", "།།", "……"] {
        let outcome = say(&mut voice, text, Language::Bo, 1.0);
        assert!(matches!(outcome, Err(SynthesisError::Nothing)), "{text:?}: {outcome:?}");
    }
    let begun = Instant::now();
    let error = say(&mut voice, &"户口本".repeat(33_334), Language::Zh, 1.0).unwrap_err().to_string();
    assert!(error.contains("2000 characters") && begun.elapsed() < Duration::from_millis(100), "{error}");
    // As long as may be, without a single pause, in lines that espeak-ng takes.
    for (word, language) in [("户口本", Language::Zh), ("ལག་ཁྱེར་", Language::Bo)] {
        let count = 1_900 / word.chars().count();
        let one = seconds(&say(&mut voice, &word.repeat(10), language, 1.0).unwrap()) / 10.0;
        let all = seconds(&say(&mut voice, &word.repeat(count), language, 1.0).unwrap()) / count as f32;
        assert!((all / one - 1.0).abs() < 0.1, "{word}: {all} s a word, {one} s in a short sentence");
    }
}
