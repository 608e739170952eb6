//! The program as an operator meets it in a terminal.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::{
    path::Path,
    process::{Command, Output},
};

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

#[test]
fn the_effective_configuration_is_printed_with_what_the_environment_says() {
    let folder = tempfile::tempdir().unwrap();
    let (code, printed, _) = run(folder.path(), &["config"]);
    assert_eq!(code, Some(0));
    let table: toml::Table = toml::from_str(&printed).unwrap();
    assert_eq!(table["server"]["listen"].as_str(), Some("127.0.0.1:0"));
}

#[test]
fn a_wrong_configuration_names_every_key_and_ends_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wrong.toml");
    std::fs::write(&file, "[limits]\ntext_characters = 0\n[voice]\nslow_rate = 7.0\n").unwrap();
    let (code, _, told) = run(folder.path(), &["--config", &file.to_string_lossy(), "config"]);
    assert_eq!(code, Some(2));
    assert!(told.contains("limits.text_characters") && told.contains("voice.slow_rate"), "{told}");
    let (code, _, told) = run(folder.path(), &["--config", "/nowhere.toml", "config"]);
    assert_eq!(code, Some(2));
    assert!(told.contains("/nowhere.toml"), "{told}");
}

#[test]
fn an_agent_is_added_once_and_the_password_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let add = ["agent", "add", "卓玛", "--languages", "bo,zh"];
    let (code, printed, _) = run(folder.path(), &add);
    assert_eq!(code, Some(0));
    assert_eq!(
        printed.lines().find(|l| l.contains("Password")).unwrap().rsplit(' ').next().unwrap().len(),
        23
    );
    let (code, _, told) = run(folder.path(), &add);
    assert_eq!(code, Some(1));
    assert!(told.contains("agent password"), "{told}");
    let (_, listed, _) = run(folder.path(), &["agent", "list"]);
    assert_eq!(listed, "卓玛\tbo,zh\n");
    assert_eq!(run(folder.path(), &["agent", "add", "x", "--languages", "en"]).0, Some(2));
}

#[test]
fn a_question_is_answered_in_the_terminal_and_a_knowledge_base_imported() {
    let folder = tempfile::tempdir().unwrap();
    let (code, printed, _) = run(folder.path(), &["ask", "身份证到期了怎么换？", "--language", "zh"]);
    assert_eq!(code, Some(0));
    assert!(printed.contains("idcard-renew"), "{printed}");
    let (code, printed, told) = run(folder.path(), &["kb", "import", "examples/knowledge/sample"]);
    assert_eq!(code, Some(0), "{printed}{told}");
    assert!(folder.path().join("data/knowledge").read_dir().unwrap().count() > 0);
    let broken = folder.path().join("broken.yaml");
    std::fs::write(&broken, "format: drilen-kb/1\nname: x\nentries:\n- id: a\n  topic: t\n").unwrap();
    let (code, printed, _) = run(folder.path(), &["kb", "import", &broken.to_string_lossy()]);
    assert_eq!(code, Some(1), "{printed}");
    assert!(folder.path().join("data/knowledge").read_dir().unwrap().count() > 1, "the old one must stay");
}

#[test]
fn the_schema_of_the_protocol_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let (code, printed, _) = run(folder.path(), &["schema"]);
    assert_eq!(code, Some(0));
    let schema: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert!(schema["$defs"]["ClientMessage"].is_object());
}

#[test]
fn a_sentence_is_spoken_into_a_file_in_both_languages() {
    let folder = tempfile::tempdir().unwrap();
    for (language, text) in [("bo", "བཀྲ་ཤིས་བདེ་ལེགས། 社保卡"), ("zh", "您好，身份证")]
    {
        let out = folder.path().join(format!("{language}.wav"));
        let (code, printed, told) = run(
            folder.path(),
            &["speak", text, "--language", language, "--out", &out.to_string_lossy(), "--explain"],
        );
        assert_eq!(code, Some(0), "{printed}{told}");
        assert!(out.metadata().unwrap().len() > 16_000);
    }
    let nothing = ["speak", "……", "--language", "zh", "--out", "/tmp/never-written.wav"];
    assert_eq!(run(folder.path(), &nothing).0, Some(2));
}
