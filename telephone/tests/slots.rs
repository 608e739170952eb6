//! A figure, printed: how packets of 30 calls keep their slots while every core computes. It is measured, not asserted, because it depends on
//! whether the process may schedule a thread in real time. A program of its own, so that no other test runs beside it.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{available_parallelism, sleep, spawn};
use std::time::{Duration, Instant};

use telephone::rtp::{Config, Media, Session, Statistics};
use telephone::sdp::{self, Codec, Local};
use telephone::{FromCaller, Rate, ToCaller};
use tokio::sync::mpsc;

/// A session with a leg on which nobody says anything.
struct Side {
    session: Session,
    _leg: (mpsc::Receiver<FromCaller>, mpsc::Sender<ToCaller>),
}

impl Side {
    fn new(media: &Media) -> Self {
        let session = media.open().unwrap();
        let (to, from_caller) = mpsc::channel(telephone::leg::FROM_CALLER);
        let (to_caller, from) = mpsc::channel(telephone::leg::TO_CALLER);
        session.carry(Rate::Wide, to, from);
        Self { session, _leg: (from_caller, to_caller) }
    }
}

/// Both ends of a call in G.722.
fn call(media: &Media) -> [Side; 2] {
    let (ours, theirs) = (Side::new(media), Side::new(media));
    let local = Local { codecs: vec![Codec::G722], ..Local::new(ours.session.local()) };
    let offer = sdp::offer(&local);
    let (agreed, answer) = sdp::answer(&offer, &Local::new(theirs.session.local())).unwrap();
    theirs.session.agree(agreed);
    ours.session.agree(sdp::accept(&offer, &answer, &local).unwrap());
    [ours, theirs]
}

fn compute(stop: &AtomicBool) -> u64 {
    let mut sum = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        sum = (0..100_000_u64).fold(sum, |sum, at| sum.wrapping_mul(6_364_136_223_846_793_005) ^ at);
    }
    sum
}

#[test]
fn thirty_calls_keep_their_slots_while_every_core_computes() {
    let silence = Duration::from_secs(20);
    let media = Media::start(Config { address: Ipv4Addr::LOCALHOST.into(), ports: 21_100..=21_199, silence })
        .unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let busy = available_parallelism().map_or(2, usize::from) * 2;
    let load: Vec<_> = (0..busy)
        .map(|_| {
            let stop = Arc::clone(&stop);
            spawn(move || compute(&stop))
        })
        .collect();
    let begun = Instant::now();
    // Both ends of 15 calls are 30 sessions that send, receive and speak G.722.
    let sides: Vec<Side> = (0..15).flat_map(|_| call(&media)).collect();
    sleep(Duration::from_secs(5));
    let statistics: Vec<Statistics> = sides.iter().map(|side| side.session.statistics()).collect();
    let slots = begun.elapsed().as_millis() as u64 / 20;
    stop.store(true, Ordering::Relaxed);
    let sum = load.into_iter().fold(0, |sum, thread| sum ^ thread.join().unwrap());
    let sent: u64 = statistics.iter().map(|call| call.sent).sum();
    let late: u64 = statistics.iter().map(|call| call.sent_late).sum();
    let share = 100.0 - 100.0 * late as f64 / sent as f64;
    println!(
        "30 calls, {busy} busy threads ({sum:x}), {slots} slots each: {sent} packets, {share:.3} % within 5 ms"
    );
    // Whatever else the machine does: what is not sent in its slot is caught up or given up, not queued.
    assert!(sent <= 30 * (slots + 3), "{statistics:?}");
    assert!(statistics.iter().all(|call| call.sent > 0), "{statistics:?}");
}
