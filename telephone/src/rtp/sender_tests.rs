use rtp_types::RtpPacket;

use super::*;
use crate::sdp::{Direction, Format};

fn agreed(codec: Codec, events: Option<u8>, packet_ms: u32) -> Agreed {
    let sound = codec.payload_type();
    Agreed {
        remote: "127.0.0.1:4000".parse().unwrap(),
        codec,
        sent: Sent { sound, events },
        received: vec![(sound, Format::Sound(codec))],
        packet_ms,
        direction: Direction::BOTH,
        protection: None,
    }
}

#[test]
fn every_slot_has_a_packet_and_time_goes_on_in_between() {
    for (codec, packet_ms) in [(Codec::Pcma, 20), (Codec::G722, 20), (Codec::Pcmu, 10), (Codec::G722, 60)] {
        let agreed = agreed(codec, Some(101), packet_ms);
        let mut sender = Sender::new(agreed.rate(), &agreed);
        let mut playout = Playout::<u64>::new(agreed.rate());
        let packets: Vec<Vec<u8>> = (0..5).map(|_| sender.slot(&mut playout).0).collect();
        let packets: Vec<RtpPacket<'_>> =
            packets.iter().map(|bytes| RtpPacket::parse(bytes).unwrap()).collect();
        assert!(packets[0].marker_bit() && !packets[1].marker_bit());
        for pair in packets.windows(2) {
            assert_eq!(pair[1].sequence_number(), pair[0].sequence_number() + 1);
            assert_eq!(pair[1].timestamp(), pair[0].timestamp().wrapping_add(packet_ms * 8));
            assert_eq!(pair[1].payload_len(), packet_ms as usize * 8);
            assert_eq!(pair[1].payload_type(), codec.payload_type());
        }
    }
}

#[test]
fn keys_are_pressed_one_after_the_other_while_sound_waits() {
    let agreed = agreed(Codec::Pcma, Some(101), 20);
    let mut sender = Sender::new(Rate::Narrow, &agreed);
    let mut playout = Playout::new(Rate::Narrow);
    playout.push(&[1_000; 320]);
    playout.mark(5);
    sender.press(vec![Digit::new('1').unwrap(), Digit::new('#').unwrap()]);
    let mut slots: Vec<(u8, u32, bool, Vec<u8>)> = Vec::new();
    let mut reached = Vec::new();
    for slot in 0..20 {
        let (bytes, cues) = sender.slot(&mut playout);
        reached.extend(cues.into_iter().map(|cue| (slot, cue)));
        let packet = RtpPacket::parse(&bytes).unwrap();
        slots.push((
            packet.payload_type(),
            packet.timestamp(),
            packet.marker_bit(),
            packet.payload().to_vec(),
        ));
    }
    let first = slots[0].1;
    for (number, key) in [1, 11].into_iter().enumerate() {
        let events = &slots[number * 8..number * 8 + 7];
        let begun = first.wrapping_add(number as u32 * 8 * 160);
        assert!(events.iter().all(|(payload_type, stamp, ..)| (*payload_type, *stamp) == (101, begun)));
        assert_eq!(events.iter().filter(|event| event.2).count(), 1, "one marker");
        let durations: Vec<u16> =
            events.iter().map(|event| u16::from_be_bytes([event.3[2], event.3[3]])).collect();
        assert_eq!(durations, [160, 320, 480, 640, 800, 800, 800]);
        let ends: Vec<bool> = events.iter().map(|event| event.3[1] & 0x80 != 0).collect();
        assert_eq!(ends, [false, false, false, false, true, true, true]);
        assert!(events.iter().all(|event| event.3[0] == key));
        assert_eq!(slots[number * 8 + 7].0, 8, "silence between");
    }
    assert_eq!(slots[16].1, first.wrapping_add(16 * 160), "the clock of the sound has gone on");
    assert_eq!(reached, [(17, 5)], "what waited is played afterwards");
}

#[test]
fn keys_are_tones_for_a_peer_without_events() {
    let agreed = agreed(Codec::G722, None, 20);
    // A leg of another rate than the codec.
    let mut sender = Sender::new(Rate::Narrow, &agreed);
    let mut playout = Playout::<u64>::new(Rate::Narrow);
    let keys: Vec<Digit> = "159D".chars().filter_map(Digit::new).collect();
    sender.press(keys.clone());
    let mut decoder = audio_codec::create_decoder(CodecType::G722);
    let (mut tones, mut heard) = (tones::Tones::new(Rate::Wide), Vec::new());
    for _ in 0..40 {
        let bytes = sender.slot(&mut playout).0;
        heard.extend(tones.hear(&decoder.decode(RtpPacket::parse(&bytes).unwrap().payload())));
    }
    assert_eq!(heard, keys);
}
