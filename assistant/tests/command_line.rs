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

fn password(printed: &str) -> String {
    printed.lines().find(|line| line.contains("Password")).unwrap().rsplit(' ').next().unwrap().to_owned()
}

#[test]
fn people_are_added_with_roles_disabled_and_given_new_passwords() {
    let folder = tempfile::tempdir().unwrap();
    let people = |arguments: &[&str]| run(folder.path(), &[&["people"], arguments].concat());
    let (code, printed, _) = people(&["add", "卓玛", "--role", "admin,auditor", "--languages", "bo"]);
    assert_eq!((code, password(&printed).len()), (Some(0), 23), "{printed}");
    let (code, _, told) = people(&["add", "卓玛", "--role", "agent"]);
    assert_eq!(code, Some(1));
    assert!(told.contains("people list"), "{told}");
    let (_, listed, _) = people(&["list"]);
    assert_eq!(listed, "卓玛\tauditor,admin\tbo\tmust change the password\n");
    let (_, line, _) = people(&["roles", "卓玛", "--add", "agent", "--remove", "auditor"]);
    assert!(line.starts_with("卓玛\tagent,admin\t"), "{line}");
    for arguments in [&["roles", "卓玛", "--set", "reviewer"][..], &["disable", "卓玛"]] {
        let (code, _, told) = people(arguments);
        assert_eq!(code, Some(1), "{arguments:?}");
        assert!(told.contains("the last account that can manage accounts"), "{told}");
    }
    assert_eq!(people(&["add", "管理员", "--role", "admin"]).0, Some(0));
    let (_, line, _) = people(&["roles", "卓玛", "--set", "reviewer"]);
    assert!(line.starts_with("卓玛\treviewer\t"), "{line}");
    assert_eq!(people(&["roles", "卓玛", "--set", "root"]).0, Some(2));
    assert_eq!(people(&["disable", "卓玛"]).0, Some(0));
    assert!(people(&["list"]).1.contains("disabled"));
    assert_eq!(people(&["enable", "卓玛"]).0, Some(0));
    let (_, again, _) = people(&["reset-password", "卓玛"]);
    assert_ne!(password(&again), password(&printed));
    assert_eq!(people(&["reset-totp", "卓玛"]).0, Some(0));
    assert_eq!(people(&["sessions", "卓玛"]), (Some(0), String::new(), String::new()));
    let (code, _, told) = people(&["revoke", "卓玛"]);
    assert_eq!(code, Some(1));
    assert!(told.contains("people sessions"), "{told}");
    let (code, _, told) = people(&["disable", "谁"]);
    assert_eq!(code, Some(1));
    assert!(told.contains("people list"), "{told}");

    let (code, _, told) = people(&["add", "丹增", "--role", "agent", "--subject", "17"]);
    assert_eq!(code, Some(1));
    assert!(told.contains("people.oidc"), "{told}");

    let (_, trail, _) = run(folder.path(), &["audit", "list", "--all"]);
    let actions: Vec<_> = trail.lines().map(|line| line.split('\t').nth(3).unwrap()).collect();
    let roles = "person.roles_changed";
    let end = ["person.disabled", "person.enabled", "password.reset", "totp.removed"];
    assert_eq!(actions, [&["person.added", roles, "person.added", roles], &end[..]].concat());
    assert!(trail.contains("(command line)") && !trail.contains(&password(&again)), "{trail}");
    assert_eq!(run(folder.path(), &["audit", "verify"]).0, Some(0));
}

#[test]
fn the_audit_trail_is_listed_and_proved_and_a_change_of_it_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let (code, printed, _) = run(folder.path(), &["audit", "verify"]);
    assert_eq!((code, printed.as_str()), (Some(0), "The audit trail is empty.\n"));
    fill_the_audit_trail(folder.path());
    let (code, printed, _) = run(folder.path(), &["audit", "verify"]);
    assert_eq!(code, Some(0), "{printed}");
    let head = printed.trim_end().rsplit(' ').next().unwrap();
    assert!(head.starts_with("3:"), "{printed}");
    assert_eq!(run(folder.path(), &["audit", "verify", "--head", head]).0, Some(0));
    let (_, listed, _) = run(folder.path(), &["audit", "list", "--limit", "2"]);
    let ids: Vec<_> = listed.lines().map(|line| line.split('\t').next().unwrap()).collect();
    assert_eq!(ids, ["3", "2"], "{listed}");
    let (_, listed, _) = run(folder.path(), &["audit", "list", "--all", "--json", "--action", "export"]);
    let line: serde_json::Value = serde_json::from_str(listed.trim_end()).unwrap();
    assert_eq!((&line["id"], &line["detail"]["rows"]), (&1.into(), &12.into()), "{listed}");

    tamper_with_the_audit_trail(folder.path(), "DELETE FROM audit WHERE id = 3");
    assert_eq!(run(folder.path(), &["audit", "verify"]).0, Some(0), "a cut end does not show by itself");
    let (code, _, told) = run(folder.path(), &["audit", "verify", "--head", head]);
    assert_eq!(code, Some(1));
    assert!(told.contains("cut off"), "{told}");
    tamper_with_the_audit_trail(folder.path(), "UPDATE audit SET detail = '{}' WHERE id = 1");
    let (code, _, told) = run(folder.path(), &["audit", "verify"]);
    assert_eq!(code, Some(1));
    assert!(told.contains("record 1"), "{told}");
    assert_eq!(run(folder.path(), &["audit", "verify", "--head", "3"]).0, Some(2));
}

#[tokio::main(flavor = "current_thread")]
async fn fill_the_audit_trail(folder: &Path) {
    use conversation::{AuditActor, AuditEntry, AuditTrail as _, Store as _, SystemClock};
    let path = folder.join("data/conversations.sqlite");
    let keys =
        assistant::vault::keyring::FileSource::new(&folder.join("data.key"), &folder.join("data")).unwrap();
    let store =
        assistant::store::SqlStore::open_file(&path, Box::new(keys), std::sync::Arc::new(SystemClock));
    let store = store.await.unwrap();
    for (action, rows) in [("export.made", 12), ("number.shown", 1), ("number.shown", 1)] {
        store.record(AuditEntry::new(AuditActor::System, action).with("rows", rows)).await.unwrap();
    }
    store.close().await;
}

#[tokio::main(flavor = "current_thread")]
async fn tamper_with_the_audit_trail(folder: &Path, sql: &'static str) {
    use sqlx::ConnectOptions as _;
    let options =
        sqlx::sqlite::SqliteConnectOptions::new().filename(folder.join("data/conversations.sqlite"));
    let mut connection = options.connect().await.unwrap();
    let drop = "DROP TRIGGER IF EXISTS audit_is_never_changed; DROP TRIGGER IF EXISTS audit_is_never_deleted";
    sqlx::raw_sql(drop).execute(&mut connection).await.unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    sqlx::Connection::close(connection).await.unwrap();
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

#[test]
fn every_stage_of_what_is_spoken_is_explained_without_a_voice() {
    let folder = tempfile::tempdir().unwrap();
    let text = "请在1楼办理😀。ཁ་པར་12345";
    let (code, printed, told) = run(folder.path(), &["speak", text, "--language", "zh", "--explain"]);
    assert_eq!(code, Some(0), "{told}");
    for part in [
        "sentence 2",
        "1 → 一 (number)",
        "一楼 yī lóu",
        "voice zh  qing3",
        "voice bo  [[",
        "fall-back sign_skipped: 😀",
    ] {
        assert!(printed.contains(part), "{part} in {printed}");
    }
    let (code, _, told) = run(folder.path(), &["speak", text, "--language", "zh"]);
    assert_eq!(code, Some(2), "{told}");
}

#[test]
fn an_empty_question_and_an_odd_speed_are_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    for empty in ["", " 　\n"] {
        let (code, printed, told) = run(folder.path(), &["ask", empty, "--language", "bo"]);
        assert_eq!((code, printed.as_str()), (Some(2), ""));
        assert!(told.contains("question is empty"), "{told}");
    }
    let out = folder.path().join("x.wav");
    for rate in ["0.49", "2.1", "NaN", "fast"] {
        let speak =
            ["speak", "您好 བཀྲ་ཤིས།", "--language", "zh", "--out", &out.to_string_lossy(), "--rate", rate];
        let (code, _, told) = run(folder.path(), &speak);
        assert_eq!(code, Some(2), "{told}");
        assert!(told.contains("0.5") && told.contains("2.0"), "{told}");
    }
    assert!(!out.exists());
}

#[test]
fn files_that_cannot_be_written_or_are_no_sound_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("没有/བོད.wav");
    let speak = ["speak", "您好", "--language", "zh", "--out", &nowhere.to_string_lossy()];
    let (code, _, told) = run(folder.path(), &speak);
    assert_eq!(code, Some(1));
    assert!(told.contains("བོད.wav"), "{told}");
    let picture = folder.path().join("picture.wav");
    std::fs::write(&picture, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0").unwrap();
    let text = folder.path().join("text.mp3");
    std::fs::write(&text, "这不是声音。བོད་ཡིག\n".repeat(200)).unwrap();
    for file in [&picture, &text] {
        let (code, _, told) = run(folder.path(), &["transcribe", &file.to_string_lossy()]);
        assert_eq!(code, Some(1), "{told}");
        if told.contains("no engine hears") {
            println!("skipped: no recogniser is installed here");
            continue;
        }
        let name = file.file_name().unwrap().to_str().unwrap();
        let lines: Vec<&str> = told.lines().collect();
        assert!(lines.len() == 1 && lines[0].contains(name) && lines[0].contains("FLAC"), "{told}");
    }
}

#[test]
fn one_error_is_one_error_and_a_single_guess_is_named_in_the_question_back() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.yaml");
    std::fs::write(&broken, "format: drilen-kb/1\nname: x\nentries:\n- id: a\n  topic: t\n").unwrap();
    let (_, printed, _) = run(folder.path(), &["kb", "check", &broken.to_string_lossy()]);
    let last = printed.lines().last().unwrap();
    assert!(last.contains("1 entry, 1 error, "), "{printed}");
    // A subject alone, which says about what and not what, and which only one entry is about.
    let (code, printed, told) = run(folder.path(), &["ask", "收养", "--language", "zh"]);
    assert_eq!(code, Some(0), "{told}");
    let first = printed.lines().next().unwrap();
    assert!(first.starts_with("您是想问：收养") && first.ends_with("对吗？"), "{printed}");
}

#[test]
fn output_that_nobody_reads_to_its_end_ends_without_a_word() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/knowledge/sample");
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_assistant"))
        .args(["kb", "check", "--json", sample])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("started");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ended");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!told.contains("panicked"), "{told}");
}

#[test]
fn everything_moves_to_a_server_and_the_commands_go_on_there() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = examples::cluster::Cluster::start("").unwrap();
    let url = cluster.database().unwrap();
    let (code, _, told) = run(folder.path(), &["migrate", "--to", &url]);
    assert_eq!(code, Some(2));
    assert!(told.contains("there is no database"), "{told}");
    std::fs::create_dir(folder.path().join("data")).unwrap();
    fill_the_audit_trail(folder.path());
    assert_eq!(run(folder.path(), &["agent", "add", "卓玛", "--languages", "bo,zh"]).0, Some(0));
    let (code, printed, told) = run(folder.path(), &["migrate", "--to", &url]);
    assert_eq!(code, Some(0), "{told}");
    assert!(printed.contains("1  agents") && printed.contains("has been checked"), "{printed}");
    let (code, _, told) = run(folder.path(), &["migrate", "--to", &url]);
    assert_eq!(code, Some(1));
    assert!(told.contains("is not empty"), "{told}");

    let configuration = folder.path().join("shared.toml");
    let lines =
        format!("[store]\nurl = \"{url}\"\n[server]\ndata = \"{}\"\n", folder.path().join("data").display());
    std::fs::write(&configuration, lines).unwrap();
    let there = |arguments: &[&str]| {
        let all = [&["--config", configuration.to_str().unwrap()], arguments].concat();
        run(folder.path(), &all)
    };
    let (code, listed, _) = there(&["people", "list"]);
    assert!(code == Some(0) && listed.contains("卓玛"), "{listed}");
    let (code, printed, told) = there(&["audit", "verify"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(printed.contains("5 records"), "three, the account, and the move itself: {printed}");
    let (code, printed, told) = there(&["verify"]);
    assert!(code == Some(0) && printed.contains("All is well"), "{printed} {told}");
    let (code, printed, _) = there(&["webhooks", "list"]);
    assert!(code == Some(0) && printed.contains("Everything has been delivered"), "{printed}");
    let (code, _, told) = there(&["backup", folder.path().join("backups").to_str().unwrap()]);
    assert_eq!(code, Some(0), "{told}");
    let (code, printed, told) = there(&["verify", folder.path().join("backups").to_str().unwrap()]);
    assert!(code == Some(0) && printed.contains("All is well"), "{printed} {told}");
}
