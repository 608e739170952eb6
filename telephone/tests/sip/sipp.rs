//! `sipp` (Debian's `sip-tester`) as the other side; skipped with a message where it is not installed.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Output, Stdio};
use std::time::Duration;

use telephone::sip::{Dial, Settings, Trunk};
use telephone::{CallId, Ended, ToCaller};
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
