//! Twilio Media Streams, as `streamdouble` (from `PyPI`) plays them.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use conversation::CallHappened;
use end_to_end::material::workspace;
use language::Language;
use serde_json::{Value, json};
use speech::codec::wav;
use telephone::Rate;
use tokio::process::Command;

use super::media_socket::token;
use super::stage::{House, KEY, Question, answered, happened, kinds};

const CALL: &str = "CA8f3c1b6d2e4a4c0f9b7d1e2f3a4b5c6d";
/// A question into the greeting, "yes" where it asks back, and a person.
const SCENARIO: &str = "\
name: a question and a person
steps:
  - wait_for: audio
  - wait: 2
  - expect: no clear
  - say: question.wav
  - wait: 8
  - expect: clear
  - dtmf: '1'
  - wait: 4
  - dtmf: '0'
  - wait: 4
";

fn streamdouble() -> Option<PathBuf> {
    let program = workspace().join(".local/venv-telephone/bin/streamdouble");
    if program.exists() {
        return Some(program);
    }
    println!("skipped: no streamdouble (run tests/baselines/venv-telephone.sh)");
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_twilio_is_answered_and_its_caller_gets_to_the_queue() -> Result<()> {
    let Some(program) = streamdouble() else { return Ok(()) };
    let house = House::open("").await?;
    let folder = house.hotline.folder();
    let question = Question::of("idcard-renew", Language::Zh)?;
    let samples: Vec<f32> =
        question.at(Rate::Narrow)?.into_iter().map(|sample| f32::from(sample) / 32_768.0).collect();
    std::fs::write(folder.join("question.wav"), wav::encode(&samples, Rate::Narrow.hertz())?)?;
    std::fs::write(folder.join("scenario.yaml"), SCENARIO)?;

    let socket = format!("{}/v1/telephone", house.hotline.server.url().replacen("http", "ws", 1));
    let run = |url: String| {
        let output = Command::new(&program)
            .args(["scenario", "scenario.yaml", &url, "--json", "--quiet-period", "0.5", "--max-drain", "2"])
            .args(["--param", "lang=zh", "--param", &format!("call_id={CALL}")])
            .current_dir(&folder)
            .output();
        async {
            tokio::time::timeout(Duration::from_mins(1), output)
                .await
                .context("it does not end")?
                .context("it")
        }
    };
    let refused = run(socket.clone()).await?;
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && told.contains("HTTP 401"), "{told}");
    assert!(house.hotline.conversation(CALL).await?.is_none());

    let (_, token) = token(&house, Some(KEY), &format!("call={CALL}")).await?;
    let output = run(format!("{socket}?token={token}")).await?;
    let (said, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{said}\n{told}");
    let report: Value = serde_json::from_str(&said).with_context(|| said.clone().into_owned())?;
    assert_eq!(report["violations"], json!([]), "{said}");
    assert!(report["marks_echoed"].as_u64() > Some(0), "{said}");

    house.until_kind(CALL, "abandoned").await?;
    let events = house.events(CALL).await?;
    assert!(answered(&events, &question) && kinds(&events).contains(&"escalated"), "{:?}", kinds(&events));
    assert!(happened(&events, CallHappened::HungUp));
    house.close().await
}
