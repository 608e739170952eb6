//! The Python package `streamdouble`, which plays Twilio, calls a small hotline over a real WebSocket. Skipped, with a message, where it is not installed
//! (`tests/baselines/venv-telephone.sh`).

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a step that fails fails the test")]

use std::future::ready;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use telephone::sockets::{Handshake, Message, Settings, answer};
use telephone::token::{Grant, Signer};
use telephone::{Carrier, Digit, Ended, FromCaller, Leg, ToCaller};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::{self, http};

/// The program, or a message that it is not there.
fn streamdouble() -> Option<PathBuf> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.local/venv-telephone/bin/streamdouble");
    if program.exists() {
        return Some(program);
    }
    println!("skipped: no {} (run tests/baselines/venv-telephone.sh)", program.display());
    None
}

fn signer() -> Signer {
    Signer::new(b"a key of thirty-two or more bytes").unwrap()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Takes a connection as a server does: the token is looked at before the WebSocket is.
// The library wants its errors so.
#[allow(clippy::result_large_err, reason = "the callback's type is the library's")]
async fn take(stream: TcpStream) -> Option<Leg> {
    let mut query = Vec::new();
    let looked_at = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        let pairs =
            request.uri().query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        query = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let token = query.iter().find(|(name, _)| name == "token").map_or("", |(_, token)| token);
        if let Err(refused) = signer().verify(token, now()) {
            let refusal = http::Response::builder().status(401).body(Some(refused.to_string())).unwrap();
            return Err(refusal);
        }
        Ok(response)
    };
    let socket = tokio_tungstenite::accept_hdr_async(stream, looked_at).await.ok()?;
    let connection = socket
        .filter_map(|message| {
            ready(match message {
                Ok(tungstenite::Message::Text(text)) => Some(Ok(Message::Text(text.as_str().to_owned()))),
                Ok(tungstenite::Message::Binary(bytes)) => Some(Ok(Message::Binary(bytes))),
                Ok(tungstenite::Message::Close(_)) => Some(Ok(Message::Close)),
                Ok(_) => None,
                Err(error) => Some(Err(error)),
            })
        })
        .with(|message: Message| {
            ready(Ok::<_, tungstenite::Error>(match message {
                Message::Text(text) => tungstenite::Message::text(text),
                Message::Binary(bytes) => tungstenite::Message::Binary(bytes),
                Message::Close => tungstenite::Message::Close(None),
            }))
        });
    Some(answer(connection, &Handshake { subprotocol: None, query }, Settings::default()).await.unwrap())
}

/// What a call was for the hotline.
#[derive(Debug, Default)]
struct Heard {
    samples: usize,
    loudest: u16,
    digits: String,
    reached: Vec<u64>,
    flushed: Vec<u64>,
    end: Option<Ended>,
}

/// Greets for four seconds; a key interrupts it, is confirmed with a short sound, and then the hotline hangs up.
async fn hotline(mut leg: Leg) -> Heard {
    assert_eq!(leg.call.carrier, Carrier::Twilio);
    assert_eq!(&*leg.call.variables["language"], "bo");
    let mut heard = Heard::default();
    let tone = |seconds: f32| -> Vec<i16> {
        (0..(seconds * 8_000.0) as usize).map(|at| (6_000.0 * (at as f32 * 0.345).sin()) as i16).collect()
    };
    for command in [ToCaller::Sound(tone(4.0)), ToCaller::Mark(1)] {
        leg.to_caller.send(command).await.unwrap();
    }
    while let Some(message) = leg.from_caller.recv().await {
        match message {
            FromCaller::Sound(sound) => {
                heard.samples += sound.len();
                heard.loudest =
                    sound.iter().map(|sample| sample.unsigned_abs()).fold(heard.loudest, u16::max);
            }
            FromCaller::Digit(digit) => {
                heard.digits.push(digit.key());
                assert_eq!(digit, Digit::new('5').unwrap());
                for command in
                    [ToCaller::Flush, ToCaller::Sound(tone(0.5)), ToCaller::Mark(2), ToCaller::HangUp]
                {
                    leg.to_caller.send(command).await.unwrap();
                }
            }
            FromCaller::Reached(mark) => heard.reached.push(mark),
            FromCaller::Flushed { played_ms } => heard.flushed.push(played_ms),
            FromCaller::Ended(end) => heard.end = Some(end.why),
            FromCaller::Held(_) | FromCaller::Transfer(_) => panic!("{message:?}"),
        }
    }
    heard
}

async fn listen() -> (SocketAddr, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    (listener.local_addr().unwrap(), listener)
}

/// A second of a tone as a WAV file of 8 kHz, which needs no resampler over there.
fn question(folder: &Path) {
    let samples: Vec<u8> = (0..8_000_u16)
        .flat_map(|at| ((8_000.0 * (f32::from(at) * 0.3).sin()) as i16).to_le_bytes())
        .collect();
    let mut file = b"RIFF".to_vec();
    file.extend((36 + 16_000_u32).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data");
    file.extend(16_000_u32.to_le_bytes());
    file.extend(samples);
    std::fs::write(folder.join("question.wav"), file).unwrap();
}

const SCENARIO: &str = "\
name: a key interrupts the greeting
steps:
  - wait_for: audio
  - say: question.wav
  - expect: no clear
  - dtmf: '5'
  - wait_for: {event: clear, timeout: 2}
  - expect: clear
  - wait_for: {event: mark, timeout: 5}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_with_a_question_a_key_that_interrupts_and_a_good_bye() {
    let Some(program) = streamdouble() else { return };
    let folder = std::env::temp_dir().join(format!("drilen-streamdouble-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    question(&folder);
    std::fs::write(folder.join("scenario.yaml"), SCENARIO).unwrap();
    let (address, listener) = listen().await;
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        hotline(take(stream).await.expect("a call")).await
    });
    let token = signer().issue(&Grant::Any, now() + 60);
    let called = Command::new(program)
        .args(["scenario", "scenario.yaml", &format!("ws://{address}/v1/telephone?token={token}")])
        .args(["--param", "Language=bo", "--json", "--quiet-period", "0.5"])
        .current_dir(&folder)
        .output();
    let output = tokio::time::timeout(Duration::from_secs(40), called).await.expect("in time").unwrap();
    let (said, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let heard = server.await.unwrap();
    let report: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}\n{told}\n{heard:?}"));
    std::fs::remove_dir_all(&folder).unwrap();

    assert_eq!(output.status.code(), Some(0), "{said}\n{told}");
    assert_eq!(report["violations"], serde_json::json!([]), "{said}");
    assert_eq!((&report["clears_received"], &report["marks_echoed"]), (&1.into(), &2.into()), "{said}");
    // Two seconds of the greeting at once, about one more while the question was asked, and half a second at the end.
    let received = report["audio_received_ms"].as_f64().unwrap();
    assert!((2_000.0..4_600.0).contains(&received), "{received}");

    assert_eq!((heard.digits.as_str(), heard.end), ("5", Some(Ended::ByUs)));
    assert_eq!(heard.reached, [2], "the greeting was not heard to its end");
    assert!(matches!(heard.flushed[..], [played] if (500..3_900).contains(&played)), "{:?}", heard.flushed);
    assert!(heard.samples >= 8_000 && (7_000..9_000).contains(&heard.loudest), "{heard:?}");
}

#[tokio::test]
async fn without_a_token_nobody_is_heard() {
    let Some(program) = streamdouble() else { return };
    let folder = std::env::temp_dir().join(format!("drilen-streamdouble-none-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    question(&folder);
    let (address, listener) = listen().await;
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        take(stream).await.is_none()
    });
    let expired = signer().issue(&Grant::Any, now());
    let output = Command::new(program)
        .args(["call", "--audio", "question.wav", &format!("ws://{address}/v1/telephone?token={expired}")])
        .current_dir(&folder)
        .output()
        .await
        .unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(server.await.unwrap(), "no call");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("HTTP 401"), "{told}");
}
