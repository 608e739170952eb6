//! What comes from the telephone network.

use std::time::Duration;

use telephone::Rate;
use telephone::rtp::Receiver;
use telephone::sdp::{self, Agreed, Codec, Direction, Format, Local, Sent};

/// Our side of a call.
fn local() -> Local {
    Local::new(([192, 0, 2, 1], 20_000).into())
}

/// A session description, as an offer and as the answer to an offer of ours.
pub(super) fn session_description(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let ours = local();
    if let Ok((agreed, answer)) = sdp::answer(&text, &ours) {
        assert!((10..=60).contains(&agreed.packet_ms));
        assert!(agreed.received.contains(&(agreed.sent.sound, Format::Sound(agreed.codec))));
        assert!(
            answer.split_terminator("\r\n").all(|line| line.as_bytes().get(1) == Some(&b'=')),
            "{answer}"
        );
        assert_eq!(answer.lines().filter(|line| line.starts_with("m=audio 20000 ")).count(), 1, "{answer}");
    }
    for security in [sdp::Security::Never, sdp::Security::Required] {
        let ours = Local { security, ..local() };
        if let Ok(agreed) = sdp::accept(&sdp::offer(&ours), &text, &ours) {
            assert_eq!(agreed.protection.is_some(), security == sdp::Security::Required);
        }
    }
}

/// Packets of a call, one after the other: each begins with its length in two bytes, little-endian, and the milliseconds since the one
/// before in one. The first byte of all is the codec and the rate of the leg.
pub(super) fn rtp_packets(bytes: &[u8]) {
    let Some((first, mut rest)) = bytes.split_first() else { return };
    let codec = [Codec::Pcma, Codec::Pcmu, Codec::G722][usize::from(first >> 1) % 3];
    let rate = if first & 1 == 0 { Rate::Narrow } else { Rate::Wide };
    let sound = codec.payload_type();
    let agreed = Agreed {
        remote: ([192, 0, 2, 2], 4_000).into(),
        codec,
        sent: Sent { sound, events: Some(101) },
        received: vec![(sound, Format::Sound(codec)), (13, Format::Comfort), (101, Format::Events)],
        packet_ms: 20,
        direction: Direction::BOTH,
        protection: None,
    };
    let mut receiver = Receiver::new(rate, &agreed);
    let (mut now, mut packets) = (Duration::ZERO, 0);
    while let Some(([low, high, after], others)) = rest.split_first_chunk::<3>() {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(others.len());
        let (packet, others) = others.split_at(length);
        now += Duration::from_millis((*after).into());
        receiver.packet(now, packet);
        assert_eq!(receiver.frame(now).sound.len(), rate.frame());
        (rest, packets) = (others, packets + 1);
    }
    let known = receiver.statistics();
    assert!(known.received <= packets && known.late + known.duplicate <= known.received);
}

/// A SIP message, read in every way in which messages are read before and inside calls.
pub(super) fn sip_message(bytes: &[u8]) {
    telephone::sip::probe(bytes);
}
