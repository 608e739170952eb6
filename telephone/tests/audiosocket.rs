//! AudioSocket as a real Asterisk spoke it, over TCP on loopback.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a step that fails fails the test")]

use std::time::Duration;

use bytes::BytesMut;
use telephone::audiosocket::codec::{Frame, Sounding, decode};
use telephone::audiosocket::{Listener, Settings};
use telephone::{Carrier, Digit, Ended, FromCaller, Leg, Rate, ToCaller, Transfer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

/// What Asterisk sent first: `0x01`, 16 bytes, the UUID of the dial plan.
const ID: [u8; 19] = [
    0x01, 0x00, 0x10, 0x82, 0x8a, 0xd2, 0x20, 0x4d, 0x6f, 0x4e, 0x0a, 0x9a, 0x55, 0x1c, 0x7e, 0x30, 0x21,
    0x44, 0x90,
];
const CALL: &str = "828ad220-4d6f-4e0a-9a55-1c7e30214490";

fn settings() -> Settings {
    Settings {
        first_message: Duration::from_millis(400),
        silent: Duration::from_secs(5),
        unread: Duration::from_millis(500),
        ..Settings::new("127.0.0.1:0".parse().unwrap())
    }
}

async fn server(settings: Settings) -> (std::net::SocketAddr, mpsc::Receiver<Leg>) {
    let listener = Listener::bind(settings).await.unwrap();
    (listener.local_addr().unwrap(), listener.serve())
}

/// Asterisk's end.
struct Pbx {
    stream: TcpStream,
    buffer: BytesMut,
}

impl Pbx {
    async fn dial(address: std::net::SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        Self { stream, buffer: BytesMut::new() }
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// A frame of sound of that many bytes.
    async fn sound(&mut self, kind: u8, length: u16) {
        let [high, low] = length.to_be_bytes();
        let mut bytes = vec![kind, high, low];
        bytes.extend((0..length / 2).flat_map(|_| 1_000_i16.to_le_bytes()));
        self.send(&bytes).await;
    }

    /// The next message as its type and payload, as it stands on the wire; `None` at the end.
    async fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let [kind, high, low, rest @ ..] = &self.buffer[..] {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                if rest.len() >= length {
                    let message = (*kind, rest[..length].to_vec());
                    assert!(kind != &0x03, "a digit from us kills the call");
                    assert!(length > 0 || *kind == 0, "sound without samples kills the call");
                    let _ = self.buffer.split_to(3 + length);
                    return Some(message);
                }
            }
            if self.stream.read_buf(&mut self.buffer).await.unwrap() == 0 {
                return None;
            }
        }
    }
}

/// A call that has begun with these frames of sound.
async fn call(kind: u8, length: u16) -> (Pbx, Leg, mpsc::Receiver<Leg>) {
    let (address, mut legs) = server(settings()).await;
    let mut pbx = Pbx::dial(address).await;
    pbx.send(&ID).await;
    pbx.sound(kind, length).await;
    let leg = timeout(Duration::from_secs(2), legs.recv()).await.unwrap().unwrap();
    (pbx, leg, legs)
}

async fn next(leg: &mut Leg) -> FromCaller {
    timeout(Duration::from_secs(8), leg.from_caller.recv()).await.expect("in time").expect("a message")
}

/// What is not sound.
async fn event(leg: &mut Leg) -> FromCaller {
    loop {
        let message = next(leg).await;
        if !matches!(message, FromCaller::Sound(_)) {
            return message;
        }
    }
}

async fn ended(leg: &mut Leg) -> Ended {
    match event(leg).await {
        FromCaller::Ended(end) => {
            assert!(leg.from_caller.recv().await.is_none(), "it is the last message");
            end.why
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_asterisk_sends_becomes_a_call_its_sound_and_its_digits() {
    let (mut pbx, mut leg, _legs) = call(0x10, 320).await;
    assert_eq!(
        (leg.call.id.as_str(), leg.call.carrier, leg.call.rate),
        (CALL, Carrier::AudioSocket, Rate::Narrow)
    );
    assert_eq!(next(&mut leg).await, FromCaller::Sound(vec![1_000; 160]));
    pbx.send(&[0x03, 0, 1, b'5', 0x03, 0, 1, b'!', 0x03, 0, 1, b'#']).await;
    assert_eq!(event(&mut leg).await, FromCaller::Digit(Digit::new('5').unwrap()));
    assert_eq!(event(&mut leg).await, FromCaller::Digit(Digit::new('#').unwrap()));
    pbx.send(&[0x00, 0, 0]).await;
    assert_eq!(ended(&mut leg).await, Ended::ByCaller);
}

#[tokio::test]
async fn four_seconds_that_are_said_at_once_leave_in_real_time() {
    let (mut pbx, leg, _legs) = call(0x10, 320).await;
    leg.to_caller.send(ToCaller::Sound(vec![7; 4 * 8_000])).await.unwrap();
    let (begun, mut loud) = (Instant::now(), 0);
    while loud < 200 {
        pbx.sound(0x10, 320).await;
        let (kind, payload) = pbx.next().await.unwrap();
        assert_eq!((kind, payload.len()), (0x10, 320));
        loud += u128::from(payload[0] == 7);
        // The first frame is due at once, and a pair may make up for a delay.
        assert!(loud <= begun.elapsed().as_millis() / 20 + 4, "{loud} frames after {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn a_caller_of_30_ms_gets_frames_of_30_ms() {
    let (mut pbx, leg, _legs) = call(0x10, 480).await;
    leg.to_caller.send(ToCaller::Sound(vec![7; 8_000])).await.unwrap();
    let begun = Instant::now();
    for _ in 0..33 {
        assert_eq!(pbx.next().await.unwrap().1.len(), 480);
    }
    assert!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn wide_and_odd_rates_are_answered_in_kind() {
    for (kind, length, samples) in [(0x12, 640, 320), (0x11, 480, 320), (0x13, 960, 320), (0x16, 1_920, 320)]
    {
        let (mut pbx, mut leg, _legs) = call(kind, length).await;
        assert_eq!(leg.call.rate, Rate::Wide);
        let FromCaller::Sound(sound) = next(&mut leg).await else { panic!("no sound") };
        assert_eq!(sound.len(), samples);
        leg.to_caller.send(ToCaller::Sound(vec![7; 320])).await.unwrap();
        let (answered, payload) = pbx.next().await.unwrap();
        assert_eq!((answered, payload.len()), (kind, usize::from(length)));
    }
}

#[tokio::test]
async fn a_silent_caller_gets_silence_so_that_asterisk_keeps_the_call() {
    let (address, mut legs) = server(settings()).await;
    let mut pbx = Pbx::dial(address).await;
    pbx.send(&ID).await;
    let leg = timeout(Duration::from_secs(2), legs.recv()).await.unwrap().unwrap();
    assert_eq!(leg.call.rate, Rate::Narrow);
    for _ in 0..10 {
        assert_eq!(pbx.next().await.unwrap(), (0x10, vec![0; 320]));
    }
}

#[tokio::test]
async fn marks_are_reached_in_turn_and_a_flush_says_how_much_was_heard() {
    let (mut pbx, mut leg, _legs) = call(0x10, 320).await;
    for command in [
        ToCaller::Sound(vec![7; 1_600]),
        ToCaller::Mark(1),
        ToCaller::Sound(vec![7; 80_000]),
        ToCaller::Mark(2),
    ] {
        leg.to_caller.send(command).await.unwrap();
    }
    assert_eq!(event(&mut leg).await, FromCaller::Reached(1));
    for _ in 0..30 {
        pbx.next().await.unwrap();
    }
    leg.to_caller.send(ToCaller::Flush).await.unwrap();
    let FromCaller::Flushed { played_ms } = event(&mut leg).await else { panic!("no flush") };
    assert!((300..9_000).contains(&played_ms), "{played_ms}");
    let quiet = async { while pbx.next().await.unwrap().1[0] == 7 {} };
    timeout(Duration::from_secs(2), quiet).await.expect("nothing of it is played any more");
}

#[tokio::test]
async fn hanging_up_waits_for_the_last_word_and_is_heard_by_a_pbx_that_goes_on_sending() {
    let (mut pbx, mut leg, _legs) = call(0x10, 320).await;
    leg.to_caller.send(ToCaller::Sound(vec![7; 3_200])).await.unwrap();
    leg.to_caller.send(ToCaller::HangUp).await.unwrap();
    let mut loud = 0;
    loop {
        pbx.sound(0x10, 320).await;
        match pbx.next().await {
            Some((0x10, payload)) => loud += usize::from(payload[0] == 7),
            Some((0x00, payload)) => break assert!(payload.is_empty()),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(loud, 20);
    pbx.sound(0x10, 320).await;
    assert_eq!(pbx.next().await, None, "closed, not reset");
    drop(pbx);
    assert_eq!(ended(&mut leg).await, Ended::ByUs);
}

#[tokio::test]
async fn a_transfer_gives_the_call_back_to_the_dial_plan() {
    let (mut pbx, mut leg, _legs) = call(0x10, 320).await;
    leg.to_caller.send(ToCaller::Digits(vec![Digit::new('1').unwrap()])).await.unwrap();
    leg.to_caller.send(ToCaller::Transfer { target: "900".to_owned() }).await.unwrap();
    while pbx.next().await.unwrap().0 != 0x00 {}
    drop(pbx);
    assert_eq!(event(&mut leg).await, FromCaller::Transfer(Transfer::Done));
    assert_eq!(ended(&mut leg).await, Ended::Transferred);
}

#[tokio::test]
async fn a_hotline_that_lets_go_hangs_up() {
    let (mut pbx, leg, _legs) = call(0x10, 320).await;
    drop(leg);
    timeout(Duration::from_secs(2), async { while pbx.next().await.unwrap().0 != 0x00 {} }).await.unwrap();
}

#[tokio::test]
async fn a_pbx_that_goes_away_fails_or_talks_nonsense_ends_the_call() {
    for (last, why) in [
        (&[][..], Ended::ByCaller),
        (&[0xff, 0, 1, 0x01][..], Ended::ByCaller),
        (&[0xff, 0, 1, 0x02][..], Ended::Fault),
        (&[0x10, 0, 3, 1, 2, 3][..], Ended::Fault),
        (&[0x03, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9][..], Ended::Fault),
        // An HTTP client: 'G' is no type we know, and 17,748 bytes long; then it goes.
        (&b"GET / HTTP/1.1\r\n\r\n"[..], Ended::ByCaller),
    ] {
        let (mut pbx, mut leg, _legs) = call(0x10, 320).await;
        pbx.send(last).await;
        pbx.stream.shutdown().await.unwrap();
        assert_eq!(ended(&mut leg).await, why, "{last:?}");
    }
}

#[tokio::test]
async fn a_pbx_that_falls_silent_is_lost() {
    let (address, mut legs) = server(Settings { silent: Duration::from_millis(600), ..settings() }).await;
    let mut pbx = Pbx::dial(address).await;
    pbx.send(&ID).await;
    pbx.sound(0x10, 320).await;
    let mut leg = legs.recv().await.unwrap();
    for _ in 0..4 {
        sleep(Duration::from_millis(300)).await;
        pbx.sound(0x10, 320).await;
    }
    let begun = Instant::now();
    assert_eq!(ended(&mut leg).await, Ended::Lost);
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_pbx_that_does_not_read_is_lost() {
    // 192 kHz fills the buffers of the connection soonest.
    let (address, mut legs) = server(Settings { silent: Duration::from_mins(1), ..settings() }).await;
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut pbx = Pbx { stream: socket.connect(address).await.unwrap(), buffer: BytesMut::new() };
    pbx.send(&ID).await;
    pbx.sound(0x18, 7_680).await;
    let mut leg = legs.recv().await.unwrap();
    let lost = timeout(Duration::from_secs(30), async {
        loop {
            match leg.from_caller.recv().await {
                Some(FromCaller::Ended(end)) => break end,
                Some(_) => {}
                None => panic!("no end"),
            }
        }
    });
    assert_eq!(lost.await.expect("noticed").why, Ended::Lost);
}

#[tokio::test]
async fn who_does_not_say_which_call_it_is_is_closed() {
    let (address, mut legs) = server(settings()).await;
    for first in [
        &[][..],
        &[0x10, 0, 2, 0, 0],
        &[0x01, 0, 3, 1, 2, 3],
        b"GET / HTTP/1.1\r\nHost: telephone\r\n\r\n",
        &[0x01, 0],
    ] {
        let mut pbx = Pbx::dial(address).await;
        pbx.send(first).await;
        let mut rest = Vec::new();
        // A reset is as good as an end.
        let _ =
            timeout(Duration::from_secs(2), pbx.stream.read_to_end(&mut rest)).await.expect("closed in time");
        assert!(rest.is_empty());
    }
    assert!(legs.try_recv().is_err(), "none of them is a call");
}

#[tokio::test]
async fn peers_that_are_not_named_and_calls_that_are_too_many_are_closed_at_once() {
    let nobody = Settings { allowed: vec!["10.0.0.0/8".parse().unwrap()], ..settings() };
    let (address, _legs) = server(nobody).await;
    assert_eq!(Pbx::dial(address).await.next().await, None);

    let (address, mut legs) = server(Settings { most_calls: 2, ..settings() }).await;
    let mut calls = Vec::new();
    for _ in 0..2 {
        let mut pbx = Pbx::dial(address).await;
        pbx.send(&ID).await;
        pbx.sound(0x10, 320).await;
        calls.push((pbx, legs.recv().await.unwrap()));
    }
    assert_eq!(Pbx::dial(address).await.next().await, None);
    let (pbx, mut leg) = calls.pop().unwrap();
    drop(pbx);
    assert!(matches!(ended(&mut leg).await, Ended::ByCaller | Ended::Lost));
    let mut pbx = Pbx::dial(address).await;
    pbx.send(&ID).await;
    pbx.sound(0x10, 320).await;
    timeout(Duration::from_secs(2), legs.recv()).await.expect("there is room again").unwrap();
}

#[test]
fn the_first_message_of_the_trace_is_read_by_the_codec() {
    let mut bytes = BytesMut::from(&ID[..]);
    assert!(matches!(decode(&mut bytes), Ok(Some(Frame::Id(id))) if id.to_string() == CALL));
    assert_eq!(Sounding::new(0x12).unwrap(), Sounding::WIDE);
}
