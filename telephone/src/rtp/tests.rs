use std::net::{Ipv4Addr, UdpSocket as StdSocket};

use tokio::net::UdpSocket;
use tokio::time::{sleep, timeout};

use super::*;
use crate::leg::Digit;
use crate::sdp::{self, Codec, Local, Security};

const MS: Duration = Duration::from_millis(1);

fn config(ports: RangeInclusive<u16>) -> Config {
    Config { address: Ipv4Addr::LOCALHOST.into(), ports, silence: Duration::from_secs(20) }
}

/// A session joined with a leg.
struct Side {
    session: Session,
    from_caller: mpsc::Receiver<FromCaller>,
    to_caller: mpsc::Sender<ToCaller>,
    signals: mpsc::Receiver<Signal>,
}

impl Side {
    fn new(media: &Media, rate: Rate) -> Self {
        let session = media.open().unwrap();
        let (to, from_caller) = mpsc::channel(crate::leg::FROM_CALLER);
        let (to_caller, from) = mpsc::channel(crate::leg::TO_CALLER);
        let signals = session.carry(rate, to, from);
        Self { session, from_caller, to_caller, signals }
    }

    /// What comes apart from sound, and whether there was sound louder than silence.
    async fn next(&mut self, loud: &mut bool) -> FromCaller {
        loop {
            let message =
                timeout(Duration::from_secs(5), self.from_caller.recv()).await.expect("in time").unwrap();
            match message {
                FromCaller::Sound(sound) => *loud |= sound.iter().any(|sample| sample.abs() > 1_000),
                other => return other,
            }
        }
    }
}

/// Two sessions that have agreed with each other by offer and answer.
fn call(media: &Media, security: Security, codec: Codec) -> (Side, Side) {
    let (caller, callee) = (Side::new(media, codec.rate()), Side::new(media, codec.rate()));
    let ours = Local { security, codecs: vec![codec], ..Local::new(caller.session.local()) };
    let theirs = Local::new(callee.session.local());
    let offer = sdp::offer(&ours);
    let (agreed, answer) = sdp::answer(&offer, &theirs).unwrap();
    callee.session.agree(agreed);
    caller.session.agree(sdp::accept(&offer, &answer, &ours).unwrap());
    (caller, callee)
}

#[tokio::test]
async fn sound_marks_digits_and_signals_go_through_a_call() {
    let media = Media::start(config(42_000..=42_019)).unwrap();
    for (security, codec) in [(Security::Never, Codec::Pcma), (Security::Required, Codec::G722)] {
        let (mut caller, mut callee) = call(&media, security, codec);
        let mut loud = false;
        caller.to_caller.send(ToCaller::Sound(vec![9_000; codec.rate().frame() * 10])).await.unwrap();
        caller.to_caller.send(ToCaller::Mark(7)).await.unwrap();
        caller.to_caller.send(ToCaller::Digits("5#".chars().filter_map(Digit::new).collect())).await.unwrap();
        caller.to_caller.send(ToCaller::Transfer { target: "9000".to_owned() }).await.unwrap();
        caller.to_caller.send(ToCaller::HangUp).await.unwrap();
        assert_eq!(caller.next(&mut loud).await, FromCaller::Reached(7));
        for key in ['5', '#'] {
            assert_eq!(
                callee.next(&mut loud).await,
                FromCaller::Digit(Digit::new(key).unwrap()),
                "{security:?}"
            );
        }
        assert!(loud, "{security:?}");
        assert_eq!(caller.signals.recv().await, Some(Signal::Transfer { target: "9000".to_owned() }));
        assert_eq!(caller.signals.recv().await, Some(Signal::HangUp));
        // A flush throws sound away, and only sound.
        caller.to_caller.send(ToCaller::Sound(vec![9_000; codec.rate().frame() * 500])).await.unwrap();
        caller.to_caller.send(ToCaller::Mark(8)).await.unwrap();
        caller.to_caller.send(ToCaller::HangUp).await.unwrap();
        sleep(400 * MS).await;
        caller.to_caller.send(ToCaller::Flush).await.unwrap();
        let FromCaller::Flushed { played_ms } = caller.next(&mut loud).await else { panic!("no flush") };
        assert!((100..1_000).contains(&played_ms), "{played_ms}");
        assert_eq!(caller.signals.recv().await, Some(Signal::HangUp));
        let (sent, heard) = (caller.session.statistics(), callee.session.statistics());
        assert!(
            sent.sent >= 30 && heard.received >= 30 && heard.foreign == 0 && heard.malformed == 0,
            "{sent:?} {heard:?}"
        );
        drop(caller.to_caller);
        assert_eq!(caller.signals.recv().await, Some(Signal::Dropped));
    }
}

#[tokio::test]
async fn on_hold_nothing_is_sent_and_nothing_is_heard() {
    let media = Media::start(config(42_020..=42_029)).unwrap();
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = peer.local_addr().unwrap().port();
    let mut side = Side::new(&media, Rate::Narrow);
    let local = Local::new(side.session.local());
    let offer = |line: &str| {
        format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\n{line}"
        )
    };
    let mut datagram = [0; 2_048];
    side.session.agree(sdp::answer(&offer(""), &local).unwrap().0);
    let (length, from) = timeout(MS * 500, peer.recv_from(&mut datagram)).await.unwrap().unwrap();
    assert_eq!((length, from), (172, side.session.local()));
    side.session.agree(sdp::answer(&offer("a=sendonly\r\n"), &local).unwrap().0);
    sleep(100 * MS).await;
    while peer.try_recv_from(&mut datagram).is_ok() {}
    while side.from_caller.try_recv().is_ok() {}
    assert!(timeout(200 * MS, peer.recv_from(&mut datagram)).await.is_err(), "silence on hold");
    assert!(side.from_caller.try_recv().is_err(), "no music from the hold");
    side.session.agree(sdp::answer(&offer("a=ptime:40\r\n"), &local).unwrap().0);
    let (length, _) = timeout(MS * 500, peer.recv_from(&mut datagram)).await.unwrap().unwrap();
    assert_eq!(length, 12 + 320, "40 ms");
    let heard = timeout(200 * MS, side.from_caller.recv()).await.unwrap();
    assert_eq!(heard, Some(FromCaller::Sound(vec![0; 160])));
}

#[tokio::test]
async fn a_silent_network_is_told_once() {
    let media = Media::start(Config { silence: 150 * MS, ..config(42_030..=42_039) }).unwrap();
    let (mut caller, callee) = call(&media, Security::Never, Codec::Pcma);
    assert!(timeout(300 * MS, caller.signals.recv()).await.is_err(), "packets come");
    drop(callee);
    assert_eq!(timeout(500 * MS, caller.signals.recv()).await.unwrap(), Some(Signal::Silent));
    assert!(timeout(300 * MS, caller.signals.recv()).await.is_err());
}

#[tokio::test]
async fn hundreds_of_calls_one_after_another_need_no_more_than_twenty_ports() {
    let media = Media::start(config(42_040..=42_059)).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..500 {
        let session = loop {
            match media.open() {
                Ok(session) => break session,
                // The thread has not closed the last ones yet.
                Err(NoPort::Taken(10)) => sleep(MS).await,
                Err(error) => panic!("{error}"),
            }
        };
        assert!(session.local().port() % 2 == 0 && (42_040..=42_058).contains(&session.local().port()));
        seen.insert(session.local().port());
    }
    assert_eq!(seen.len(), 10);
    let all: Vec<Session> = timeout(Duration::from_secs(2), async {
        let mut all = Vec::new();
        while all.len() < 10 {
            match media.open() {
                Ok(session) => all.push(session),
                Err(_) => sleep(MS).await,
            }
        }
        all
    })
    .await
    .unwrap();
    assert!(matches!(media.open(), Err(NoPort::Taken(10))));
    drop(all);
}

#[test]
fn ports_of_other_programs_are_left_to_them() {
    let taken = StdSocket::bind("127.0.0.1:42061").unwrap();
    let media = Media::start(config(42_060..=42_065)).unwrap();
    let first = media.open().unwrap();
    assert_eq!(first.local().port(), 42_062, "42060 has no neighbour");
    let second = media.open().unwrap();
    assert_eq!(second.local().port(), 42_064);
    assert!(matches!(media.open(), Err(NoPort::System(_))));
    drop(taken);
    assert!(media.open().is_ok());
    assert!(Media::start(config(42_067..=42_068)).is_err(), "no odd port after the even one");
}

/// A figure, printed: how packets of 30 calls keep their slots while every core computes.
#[test]
fn thirty_calls_keep_their_slots_while_every_core_computes() {
    let media = Media::start(config(42_100..=42_199)).unwrap();
    let stop = CancellationToken::new();
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let compute = |stop: CancellationToken| {
        let mut sum = 0_u64;
        while !stop.is_cancelled() {
            sum = (0..100_000_u64).fold(sum, |sum, at| sum.wrapping_mul(6_364_136_223_846_793_005) ^ at);
        }
        sum
    };
    let load: Vec<_> = (0..cores * 2)
        .map(|_| {
            let stop = stop.clone();
            std::thread::spawn(move || { if std::env::var("NICE").is_ok() { println!("{:?}", rustix_nice()); } compute(stop) })
        })
        .collect();
    // Both ends of 15 calls: 30 sessions that send, receive and speak G.722.
    let calls: Vec<(Side, Side)> = (0..15).map(|_| call(&media, Security::Never, Codec::G722)).collect();
    std::thread::sleep(Duration::from_secs(3));
    let sides = calls.iter().flat_map(|(caller, callee)| [caller, callee]);
    let statistics: Vec<Statistics> = sides.map(|side| side.session.statistics()).collect();
    stop.cancel();
    let sums: u64 = load.into_iter().map(|thread| thread.join().unwrap() & 1).sum();
    let sent: u64 = statistics.iter().map(|call| call.sent).sum();
    let late: u64 = statistics.iter().map(|call| call.sent_late).sum();
    let share = 100.0 - 100.0 * late as f64 / sent as f64;
    println!(
        "{cores} cores, {} busy threads ({sums}), 30 calls, 3 s: {sent} packets, {share:.3} % within 5 ms",
        cores * 2
    );
    // Whatever else the machine does, what is not sent in its slot is caught up or given up, not queued.
    assert!(sent <= 30 * 160, "{statistics:?}");
    assert!(statistics.iter().all(|call| call.sent > 50), "{statistics:?}");
}

/// The peer's packets by way of a relay that loses one in twenty and delays the others by up to 30 ms each, so that they come out of order.
async fn lossy(socket: UdpSocket, from: SocketAddr, to: SocketAddr) {
    let socket = Arc::new(socket);
    let (mut state, mut datagram) = (1_u32, [0; 2_048]);
    loop {
        let (length, sender) = socket.recv_from(&mut datagram).await.unwrap();
        if sender != from {
            continue;
        }
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 8
        };
        let (lost, after) = (random() % 20 == 0, random() % 31);
        if !lost {
            let (socket, packet) = (Arc::clone(&socket), datagram[..length].to_vec());
            tokio::spawn(async move {
                sleep(after * MS).await;
                let _ = socket.send_to(&packet, to).await;
            });
        }
    }
}

#[tokio::test]
async fn a_tone_comes_through_a_lossy_relay() {
    let media = Media::start(config(42_200..=42_209)).unwrap();
    let (caller, mut callee) = (Side::new(&media, Rate::Narrow), Side::new(&media, Rate::Narrow));
    let relay = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let relay_address = relay.local_addr().unwrap();
    let (ours, theirs) = (Local::new(relay_address), Local::new(callee.session.local()));
    let codecs = vec![Codec::Pcma];
    let offer = sdp::offer(&Local { codecs, ..ours.clone() });
    let (agreed, answer) = sdp::answer(&offer, &theirs).unwrap();
    callee.session.agree(agreed);
    let agreed = sdp::accept(&offer, &answer, &ours).unwrap();
    tokio::spawn(lossy(relay, caller.session.local(), callee.session.local()));
    caller.session.agree(crate::sdp::Agreed { remote: relay_address, ..agreed });
    // 500 Hz: ten whole periods in a frame of 20 ms.
    let tone: Vec<i16> = (0..8_000 * 5)
        .map(|at| (8_000.0 * (std::f32::consts::TAU * 500.0 * at as f32 / 8_000.0).sin()) as i16)
        .collect();
    for part in tone.chunks(8_000) {
        caller.to_caller.send(ToCaller::Sound(part.to_vec())).await.unwrap();
    }
    let (mut frames, mut good) = (0_u32, 0_u32);
    for frame in 0..200 {
        let Some(FromCaller::Sound(sound)) =
            timeout(Duration::from_secs(1), callee.from_caller.recv()).await.unwrap()
        else {
            panic!("no sound")
        };
        if frame >= 20 {
            frames += 1;
            good += u32::from(super::receiver::tests::purity(&sound, 500.0, Rate::Narrow) > 10.0);
        }
    }
    let statistics = callee.session.statistics();
    println!("{good} of {frames} frames are the tone by 10 dB and more: {statistics:?}");
    assert!(statistics.lost > 3, "{statistics:?}");
    assert!(good * 100 >= frames * 90, "{good} of {frames}: {statistics:?}");
}

fn rustix_nice() -> bool {
    use thread_priority::*;
    set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Crossplatform(20.try_into().unwrap()), ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other)).is_ok()
}
