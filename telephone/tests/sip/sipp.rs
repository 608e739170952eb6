//! `sipp` (Debian's `sip-tester`) as the other side; skipped with a message where it is not installed.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Output, Stdio};
use std::time::Duration;

use telephone::sip::{Dial, Settings, Trunk};
use telephone::{CallId, Ended, FromCaller, ToCaller};
use tokio::net::UdpSocket;
use tokio::process::Command;

use super::{Fixture, ended, settings, trunk};

/// Runs `sipp`; `None` where it is not installed.
async fn sipp(arguments: &[String]) -> Option<Output> {
    let mut command = Command::new("sipp");
    command.args(arguments).args(["-nostdin", "-i", "127.0.0.1", "-timeout", "60", "-timeout_error"]);
    command.stdin(Stdio::null()).kill_on_drop(true);
    // It opens files of its own where it runs.
    command.current_dir(std::env::temp_dir());
    match command.output().await {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("skipped: sipp is not installed (Debian: sip-tester)");
            None
        }
        Err(error) => panic!("sipp could not be started: {error}"),
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_ascii_whitespace().map(String::from).collect()
}

async fn free_port() -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
    socket.local_addr().expect("an address").port()
}

#[tokio::test(flavor = "multi_thread")]
async fn sipp_calls_two_hundred_times() {
    let mut fixture = Fixture::start(settings()).await;
    let to = fixture.address;
    let (port, media) = (free_port().await, 30_000 + free_port().await % 10_000 / 2 * 2);
    let arguments = words(&format!("-sn uac {to} -p {port} -mp {media} -m 200 -r 50 -l 20 -d 100"));
    let calls = sipp(&arguments);
    tokio::pin!(calls);
    let mut answered = 0;
    let output = loop {
        tokio::select! {
            output = &mut calls => break output,
            Some(mut leg) = fixture.legs.recv() => {
                answered += 1;
                tokio::spawn(async move { assert_eq!(ended(&mut leg).await, Ended::ByCaller) });
            }
        }
    };
    let Some(output) = output else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(answered, 200);
    fixture.nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sipp_is_called() {
    let port = free_port().await;
    let media = 30_000 + free_port().await % 10_000 / 2 * 2;
    let called =
        tokio::spawn(async move { sipp(&words(&format!("-sn uas -p {port} -mp {media} -m 1"))).await });
    let host = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)).to_string());
    let fixture = Fixture::start(Settings { trunks: vec![Trunk { host, ..trunk() }], ..settings() }).await;
    let dial = Dial {
        trunk: String::from("pbx"),
        to: String::from("100"),
        from: None,
        id: CallId::generate(),
        headers: Vec::new(),
        timeout: Duration::from_secs(20),
    };
    // The INVITE is repeated until sipp listens; where it is not installed, nobody answers.
    let leg = tokio::select! {
        leg = fixture.agent.dial(dial) => leg,
        () = async { if called.is_finished() { } else { std::future::pending::<()>().await } } => return,
    };
    if called.is_finished() && leg.is_err() {
        return;
    }
    let mut leg = leg.expect("sipp answers");
    leg.to_caller.send(ToCaller::HangUp).await.expect("taken");
    assert_eq!(ended(&mut leg).await, Ended::ByUs);
    let output = called.await.expect("no panic").expect("sipp is installed, since it answered");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    fixture.nothing_left().await;
}

/// Where Debian's package keeps captures of packets.
const CAPTURES: &str = "/usr/share/sip-tester";

#[tokio::test(flavor = "multi_thread")]
async fn sound_and_a_key_of_sipp_arrive() {
    let captures = ["g711a.pcap", "dtmf_2833_0.pcap"].map(|name| format!("{CAPTURES}/{name}"));
    if !captures.iter().all(|path| std::path::Path::new(path).exists()) {
        eprintln!("skipped: {CAPTURES} is missing (Debian: sip-tester)");
        return;
    }
    let mut fixture = Fixture::start(settings()).await;
    let scenario = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sip/alaw-then-digit.xml");
    let to = fixture.address;
    let (port, media) = (free_port().await, 30_000 + free_port().await % 10_000 / 2 * 2);
    let arguments = words(&format!("-sf {} {to} -p {port} -mp {media} -m 1", scenario.display()));
    let calls = tokio::spawn(async move { sipp(&arguments).await });
    let heard = async {
        let mut leg = fixture.leg().await;
        let (mut loud, mut digits) = (0, Vec::new());
        loop {
            match leg.from_caller.recv().await.expect("a message") {
                FromCaller::Sound(samples) => {
                    loud += usize::from(samples.iter().any(|sample| sample.abs() > 1_000));
                }
                FromCaller::Digit(digit) => digits.push(digit.key()),
                FromCaller::Ended(_) => return (loud, digits),
                _ => {}
            }
        }
    };
    let (loud, digits) = tokio::select! {
        heard = heard => heard,
        // It ends before the call only where it cannot make one.
        output = async {
            let output = calls.await.expect("no panic");
            tokio::time::sleep(Duration::from_secs(2)).await;
            output
        } => {
            let why = output.map(|output| String::from_utf8_lossy(&output.stderr).into_owned()).unwrap_or_default();
            assert!(why.is_empty() || why.contains("raw"), "sipp made no call: {why}");
            eprintln!("skipped: sipp needs raw sockets to play captures");
            return;
        }
    };
    assert!(loud > 50, "a second of speech at least, not {loud} frames");
    assert_eq!(digits, ['0'], "one key, however often its end is repeated");
    fixture.nothing_left().await;
}
