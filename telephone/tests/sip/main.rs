//! The SIP user agent against scripted peers, and against `sipp` where it is installed. Everything stays on loopback.

mod calls;
mod dialling;
mod inside;
mod malformed;
mod peer;
mod refusals;
mod registering;
mod sipp;
mod streams;
mod transfers;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use telephone::sip::{Figures, Settings, Transport, Trunk, UserAgent};
use telephone::{Ended, FromCaller, Leg, LegEnd};
use tokio::sync::mpsc;

use peer::SOON;

/// A trunk on loopback without a password.
fn trunk() -> Trunk {
    Trunk {
        name: String::from("pbx"),
        peers: vec!["127.0.0.1/32".parse().expect("a network")],
        user: String::new(),
        password: None,
        challenge: true,
        host: None,
        register: None,
        transport: Transport::Udp,
    }
}

/// Settings on loopback, with ports for media that no other test of this run has.
fn settings() -> Settings {
    static PORTS: AtomicU16 = AtomicU16::new(25_000);
    let first_port = PORTS.fetch_add(100, Ordering::Relaxed);
    Settings {
        udp: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
        media_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        first_port,
        last_port: first_port + 99,
        trunks: vec![trunk()],
        calls_per_second: 1_000,
        ..Settings::default()
    }
}

/// A user agent for a test.
struct Fixture {
    agent: UserAgent,
    legs: mpsc::Receiver<Leg>,
    address: SocketAddr,
}

impl Fixture {
    async fn start(settings: Settings) -> Self {
        let (agent, legs) = UserAgent::start(settings).await.expect("a user agent");
        let address = agent.addresses()[0].1;
        Self { agent, legs, address }
    }

    /// The next call.
    async fn leg(&mut self) -> Leg {
        tokio::time::timeout(SOON, self.legs.recv()).await.expect("a call in time").expect("the agent runs")
    }

    /// Whether nothing is left of any call but transactions that run out.
    async fn nothing_left(&self) {
        let mut figures = self.agent.figures();
        for _ in 0..500 {
            let Figures { calls, dialogs, tasks, .. } = figures;
            if calls == 0 && dialogs == 0 && tasks == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            figures = self.agent.figures();
        }
        panic!("something is left: {figures:?}");
    }
}

/// The next message of a call that is no sound.
async fn said(leg: &mut Leg) -> FromCaller {
    tokio::time::timeout(SOON, async {
        loop {
            match leg.from_caller.recv().await.expect("a message") {
                FromCaller::Sound(_) => {}
                message => return message,
            }
        }
    })
    .await
    .expect("a message in time")
}

/// How a call ends; nothing may come after that.
async fn ended(leg: &mut Leg) -> Ended {
    loop {
        if let FromCaller::Ended(LegEnd { why, .. }) = said(leg).await {
            assert!(leg.from_caller.recv().await.is_none(), "Ended is the last message");
            return why;
        }
    }
}
