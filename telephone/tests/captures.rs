//! Real captures: what Debian's `sip-tester` brings along (recorded from telephones, for sipp to play). Skipped where it is not installed.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::path::Path;
use std::time::Duration;

use telephone::rtp::Receiver;
use telephone::sdp::{self, Local};
use telephone::{Digit, Rate};

const CAPTURES: &str = "/usr/share/sip-tester";

/// The UDP payloads of a capture (libpcap's classic format, little-endian, Ethernet or Linux's "cooked" link) and how long after the first
/// they were taken.
fn payloads(capture: &[u8]) -> Vec<(Duration, Vec<u8>)> {
    let number = |at: usize| u32::from_le_bytes(capture[at..at + 4].try_into().unwrap());
    assert_eq!(number(0), 0xA1B2_C3D4, "a capture in microseconds");
    let link = match number(20) {
        1 => 14,
        113 => 16,
        other => panic!("link type {other}"),
    };
    let (mut at, mut found, mut begin) = (24, Vec::new(), None);
    while at + 16 <= capture.len() {
        let time = Duration::new(number(at).into(), number(at + 4) * 1_000);
        let packet = &capture[at + 16..at + 16 + number(at + 8) as usize];
        let internet = &packet[link..];
        let header = usize::from(internet[0] & 0x0F) * 4;
        let length = usize::from(u16::from_be_bytes([internet[header + 4], internet[header + 5]]));
        let after = time.saturating_sub(*begin.get_or_insert(time));
        found.push((after, internet[header + 8..header + length].to_vec()));
        at += 16 + packet.len();
    }
    found
}

/// Plays a capture into a receiver that has agreed to this line.
fn play(name: &str, line: &str) -> Option<(Vec<Digit>, Vec<i16>, telephone::rtp::Statistics)> {
    let path = Path::new(CAPTURES).join(name);
    let Ok(capture) = std::fs::read(&path) else {
        println!("skipped: {} is not there; install sip-tester", path.display());
        return None;
    };
    let offer = format!("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n{line}");
    let (agreed, _) = sdp::answer(&offer, &Local::new("192.0.2.2:4000".parse().unwrap())).unwrap();
    let packets = payloads(&capture);
    let end = packets[packets.len() - 1].0;
    let mut coming = packets.into_iter().peekable();
    let mut receiver = Receiver::new(Rate::Narrow, &agreed);
    let (mut digits, mut sound, mut now) = (Vec::new(), Vec::new(), Duration::from_millis(3));
    while now <= end + Duration::from_millis(200) {
        while let Some((time, payload)) = coming.next_if(|(time, _)| *time <= now) {
            digits.extend(receiver.packet(time, &payload));
        }
        let heard = receiver.frame(now);
        digits.extend(heard.digit);
        sound.extend(heard.sound);
        now += Duration::from_millis(20);
    }
    Some((digits, sound, receiver.statistics()))
}

#[test]
fn every_key_that_a_telephone_pressed_is_told_once() {
    let line = "m=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n";
    let names = "0123456789".chars().map(|key| (key, key.to_string()));
    for (key, name) in names.chain([('#', "pound".to_owned()), ('*', "star".to_owned())]) {
        let Some((digits, ..)) = play(&format!("dtmf_2833_{name}.pcap"), line) else { return };
        assert_eq!(digits, [Digit::new(key).unwrap()]);
    }
}

#[test]
fn recorded_speech_comes_through_whole() {
    let Some((digits, sound, statistics)) = play("g711a.pcap", "m=audio 4000 RTP/AVP 8\r\n") else { return };
    println!("{statistics:?}");
    assert_eq!(digits, []);
    assert_eq!((statistics.lost, statistics.late, statistics.malformed), (0, 0, 0), "{statistics:?}");
    let power = sound.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / sound.len() as f64;
    assert!(power.sqrt() > 100.0, "{power}");
}
