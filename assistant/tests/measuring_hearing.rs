//! `assistant transcribe --manifest`, `assistant calibrate` and `assistant models` as an operator runs them, with the shipped
//! recogniser, the sample knowledge base and a synthesized voice.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_assistant"))
        .current_dir(root)
        .env("DRILEN__SERVER__DATA", folder.join("data"))
        .env("DRILEN__SERVER__LISTEN", "127.0.0.1:0")
        .args(arguments)
        .output()
        .unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// Questions of the sample knowledge base, spoken into files beside a manifest: `path`, `text`, `language`.
fn spoken(folder: &Path) -> Vec<(String, &'static str, &'static str, &'static str)> {
    let said = [
        ("idcard-renew", "zh", "身份证到期了怎么换"),
        ("idcard-lost", "zh", "身份证丢了怎么补办"),
        ("idcard-renew", "bo", "ཐོབ་ཐང་ལག་འཁྱེར་དུས་ཚོད་ཡོལ་ན་གང་འདྲ་བརྗེ་དགོས་རེད།"),
    ];
    said.iter()
        .enumerate()
        .map(|(number, (entry, language, text))| {
            let name = format!("{number}.wav");
            let path = folder.join(&name);
            let (code, _, told) =
                run(folder, &["speak", text, "--language", language, "--out", &path.to_string_lossy()]);
            assert_eq!(code, Some(0), "{told}");
            (name, *entry, *language, *text)
        })
        .collect()
}

fn manifest(folder: &Path, name: &str, lines: &[String]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, lines.join("\n")).unwrap();
    path
}

#[test]
fn a_table_of_recordings_is_transcribed_and_its_errors_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut lines = vec!["path\ttext\tlanguage".to_owned()];
    lines.extend(
        spoken(folder.path()).iter().map(|(name, _, language, text)| format!("{name}\t{text}\t{language}")),
    );
    let table = manifest(folder.path(), "set.tsv", &lines);
    let (code, printed, told) =
        run(folder.path(), &["transcribe", "--manifest", &table.to_string_lossy(), "--json"]);
    assert_eq!(code, Some(0), "{told}");
    let report: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(report["files"].as_array().unwrap().len(), 3);
    for file in report["files"].as_array().unwrap() {
        let [measured] = file["measured"].as_array().unwrap().as_slice() else { panic!("{file}") };
        assert_eq!(measured["unit"], "phone", "the shipped model writes no words");
        // It was trained on voices like this one: nothing like this is to be expected of people.
        assert!(measured["rate"].as_f64().unwrap() < 0.4, "{file}");
        assert!(measured["reference"].as_u64().unwrap() > 10);
        assert!(file["engine"].as_str().unwrap().starts_with("ctc:seed@"), "{file}");
        assert!(file["real_time_factor"].as_f64().unwrap() > 0.0 && file["text"].is_null());
    }
    let overall: Vec<(&str, u64)> = report["overall"]
        .as_array()
        .unwrap()
        .iter()
        .map(|total| (total["language"].as_str().unwrap(), total["files"].as_u64().unwrap()))
        .collect();
    assert_eq!(overall, [("bo", 1), ("zh", 2)]);

    // Said twice, once with other words: those errors are not the recogniser's to avoid.
    lines.push("0.wav\t我想办理退休手续的事情\tzh".to_owned());
    lines.push("gone.wav\t身份证\tzh".to_owned());
    lines.push("1.wav\t身份证\ten".to_owned());
    lines.push("1.wav".to_owned());
    let table = manifest(folder.path(), "set.tsv", &lines);
    let (code, printed, told) = run(folder.path(), &["transcribe", "--manifest", &table.to_string_lossy()]);
    assert_eq!(code, Some(1), "three files cannot be transcribed");
    assert!(told.contains("3 files could not be transcribed") && told.contains("gone.wav"), "{told}");
    assert!(printed.contains("PER") && printed.contains("all 3 files in zh"), "{printed}");
    let (code, _, told) = run(folder.path(), &["transcribe"]);
    assert_eq!(code, Some(2), "{told}");
}

#[test]
fn recordings_are_measured_for_calibration_and_too_few_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut lines = vec!["wav\tentry\tlanguage".to_owned()];
    lines.extend(spoken(folder.path()).iter().map(|(name, entry, language, text)| {
        // An entry may be named by its id or by one of its questions.
        let meant = if *language == "zh" { *entry } else { *text };
        format!("{name}\t{meant}\t{language}")
    }));
    let table = manifest(folder.path(), "set.tsv", &lines);
    let table = table.to_string_lossy();
    let (code, printed, told) =
        run(folder.path(), &["calibrate", "--manifest", &table, "--synthetic", "--json"]);
    assert_eq!(code, Some(1), "{printed}{told}");
    assert!(told.contains("nothing was calibrated"), "{told}");
    let report: Value = serde_json::from_str(&printed).unwrap();
    let [bo, zh] = report["languages"].as_array().unwrap().as_slice() else { panic!("{printed}") };
    assert_eq!((bo["language"].as_str(), bo["missing"].as_u64()), (Some("bo"), Some(199)));
    assert_eq!((zh["before"]["asked"].as_u64(), zh["missing"].as_u64()), (Some(2), Some(198)));
    assert_eq!(zh["before"]["right_first"].as_u64(), Some(2), "{printed}");
    assert!(report["stored"].is_null() && zh["after"].is_null());
    let stored = folder.path().join("data/calibration.json");
    let kept = fs::read_to_string(&stored).unwrap_or_default();
    assert!(!kept.contains("\"voice\":{\"bo\":{\"fit\""), "{kept}");

    let (code, _, told) = run(folder.path(), &["calibrate", "--manifest", &table, "--lift-confirmation"]);
    assert_eq!(code, Some(1));
    assert!(told.contains("199 are missing") && told.contains("Nothing was changed"), "{told}");

    lines.push("0.wav\tno-such-entry\tzh".to_owned());
    let table = manifest(folder.path(), "set.tsv", &lines);
    let (code, printed, told) =
        run(folder.path(), &["calibrate", "--manifest", &table.to_string_lossy(), "--synthetic"]);
    assert_eq!(code, Some(1));
    assert!(told.contains("no-such-entry") && told.contains("line 5"), "{told}");
    assert!(printed.contains("before") && printed.contains("198 are missing"), "{printed}");
}

#[test]
fn a_model_of_the_operators_own_is_installed_measured_verified_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let models = |arguments: &[&str]| run(folder.path(), &[&["models"], arguments].concat());
    let (code, printed, told) = models(&["install", "models/seed", "--as", "own"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(
        printed.contains("licence: unknown") && folder.path().join("data/models/own/tokens.txt").is_file()
    );
    let (code, printed, _) = models(&["list"]);
    assert_eq!(code, Some(0));
    assert!(printed.contains("  own ") && printed.contains("omnilingual-300m"), "{printed}");
    let (_, printed, _) = models(&["list", "--json"]);
    let listing: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(listing["installed"][0]["name"], "own");
    let (code, printed, told) = models(&["bench", "own", "--seconds", "3", "--engine", "ctc"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(printed.contains("engine: ctc:own@") && printed.contains("per second of speech"), "{printed}");
    assert_eq!(models(&["verify"]).0, Some(0));
    fs::write(folder.path().join("data/models/own/tokens.txt"), "").unwrap();
    let (code, printed, _) = models(&["verify", "own"]);
    assert_eq!(code, Some(1));
    assert!(printed.contains("tokens.txt has changed"), "{printed}");
    assert_eq!(models(&["remove", "own"]).0, Some(0));
    assert!(!folder.path().join("data/models/own").exists());
    let (code, _, told) = models(&["remove", "own"]);
    assert_eq!((code, told.contains("models list")), (Some(1), true), "{told}");
    assert_eq!(models(&["install", "nothing-like-this"]).0, Some(2));
    let (code, _, told) = models(&["install", "mms-tts-bod"]);
    assert!(code == Some(1) && told.contains("cannot be fetched ready-made"), "{told}");
}
