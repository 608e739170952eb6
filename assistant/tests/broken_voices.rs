//! Voices that are missing, damaged, crash or hang: the text of an answer always comes, and its sound from the next voice that
//! can.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod common;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    time::{Duration, Instant},
};

use assistant::server::Parts;
use common::{TestServer, question, start, start_with};
use examples::{Client, Message, StartOptions};
use serde_json::Value;
use speech::{
    Clip, SpeechRequest, SynthesisError, Synthesizer,
    synthesizer::chain::{Link, VoiceChain},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A voice whose every sentence fails after a while.
struct Broken;

impl Synthesizer for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }
    fn synthesize(
        &mut self,
        _: &SpeechRequest,
        _: &std::sync::atomic::AtomicBool,
    ) -> Result<Clip, SynthesisError> {
        std::thread::sleep(Duration::from_millis(100));
        Err(SynthesisError::Engine { engine: "broken".to_owned(), reason: "it is broken".to_owned() })
    }
}

async fn citizen(server: &TestServer) -> Client {
    let mut client = server.connect().await;
    let options = StartOptions { language: "zh".to_owned(), voice: true, audio_out: "pcm16".to_owned() };
    client.start(&options).await.unwrap();
    client
}

/// Asks in writing; what comes until a message of this type, and the bytes of sound among it.
async fn ask(client: &mut Client, until: &str) -> (Vec<Value>, usize) {
    client.say(&question("idcard-renew", "zh")).await.unwrap();
    let (mut messages, mut sound) = (Vec::new(), 0);
    loop {
        match client.next().await.unwrap() {
            Message::Audio(bytes) => sound += bytes.len(),
            Message::Json(message) => {
                let last = message["type"] == until;
                messages.push(message);
                if last {
                    return (messages, sound);
                }
            }
            Message::Closed(code) => panic!("closed with {code} after {messages:?}"),
        }
    }
}

fn of<'a>(messages: &'a [Value], kind: &str) -> &'a Value {
    messages.iter().find(|m| m["type"] == kind).unwrap_or_else(|| panic!("no {kind} in {messages:?}"))
}

async fn get(server: &TestServer, path: &str) -> (u16, String) {
    let address = server.server.address();
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    socket.read_to_end(&mut bytes).await.unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn voices() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../speech/tests/fixtures/voices")
}

#[tokio::test]
async fn where_no_voice_can_the_answer_is_shown_and_the_listener_is_told() {
    let chain = VoiceChain::new(
        vec![Link::new(Box::new(Broken))],
        vec![Link::new(Box::new(Broken))],
        std::sync::Arc::new(|_, _, _| ()),
    );
    let synthesizers: Vec<Box<dyn Synthesizer>> = vec![Box::new(chain.unwrap())];
    let server = start_with("", Parts { synthesizers: Some(synthesizers), ..Parts::default() }).await;
    let mut client = citizen(&server).await;
    let (messages, sound) = ask(&mut client, "error").await;
    assert_eq!((of(&messages, "error")["code"].as_str(), sound), (Some("unavailable"), 0));
    // Which of the two comes first is free.
    if !messages.iter().any(|m| m["type"] == "answer") {
        assert_eq!(client.wait_for("answer").await.unwrap()["entry"], "idcard-renew");
    }
}

#[tokio::test]
async fn a_damaged_voice_is_missing_and_the_next_one_speaks() {
    let folder = tempfile::tempdir().unwrap();
    let damaged = folder.path().join("voice.onnx");
    fs::write(&damaged, "<html>not found</html>").unwrap();
    let overrides = format!("[voice]\nzh = [{{ engine = \"piper\", path = {damaged:?} }}]");
    let server = start(&overrides).await;
    let (status, body) = get(&server, "/readyz").await;
    assert_eq!((status, body.as_str()), (503, "{\"missing\":[\"voice\"]}"));
    let (_, figures) = get(&server, "/metrics").await;
    for figure in [
        "drilen_voices{language=\"zh\",order=\"0\",voice=\"none\"} 0",
        "drilen_voices{language=\"zh\",order=\"1\",voice=\"espeak-ng/plain/p50/s160\"} 1",
    ] {
        assert!(figures.contains(figure), "{figure} is missing");
    }
    let mut client = citizen(&server).await;
    let (messages, sound) = ask(&mut client, "audio_end").await;
    assert_eq!(of(&messages, "answer")["entry"], "idcard-renew");
    assert!(sound > 32_000, "{sound} bytes of sound");
}

#[tokio::test]
async fn a_program_that_begins_to_hang_costs_three_sentences_and_then_no_time() {
    let folder = tempfile::tempdir().unwrap();
    let (program, broken) = (folder.path().join("espeak-shaped"), folder.path().join("broken"));
    let script = format!("#!/bin/sh\n[ -e {broken:?} ] && exec sleep 600\nexec espeak-ng \"$@\"\n");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let piper = voices().join("piper-espeak");
    // A voice that needs espeak-ng's phonemes comes first, one that does not comes after it, espeak-ng itself last.
    let overrides = format!(
        "[voice]\nprogram = {program:?}\ncache_megabytes = 0\nzh = [{{ engine = \"piper\", path = {piper:?} }}, {{ engine = \
         \"piper\", path = {:?} }}]",
        voices().join("piper-pinyin")
    );
    let server = start(&overrides).await;
    assert_eq!(get(&server, "/readyz").await.0, 200);
    let mut client = citizen(&server).await;
    let (_, whole) = ask(&mut client, "audio_end").await;
    assert!(whole > 0);
    fs::write(&broken, "").unwrap();
    let mut last = Duration::ZERO;
    for _ in 0..4 {
        let begun = Instant::now();
        let (messages, sound) = ask(&mut client, "audio_end").await;
        assert!(sound > 0 && messages.iter().any(|m| m["type"] == "answer"));
        last = begun.elapsed();
    }
    assert!(last < Duration::from_secs(2), "a voice that rests cost {last:?}");
    let (_, figures) = get(&server, "/metrics").await;
    let faults = figures.lines().filter(|line| line.starts_with("drilen_voice_faults_total{"));
    let faults: Vec<&str> = faults.filter(|line| line.contains("zh_CN-witness-medium")).collect();
    for reason in ["failed", "resting"] {
        assert!(faults.iter().any(|line| line.contains(&format!("reason=\"{reason}\""))), "{faults:?}");
    }
    assert!(!figures.contains("身份证"));
}
