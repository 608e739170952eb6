use std::f32::consts::TAU;

use proptest::prelude::*;
use rtp_types::RtpPacketBuilder;

use super::super::digits::{Pressed, Pressing};
use super::super::sender::Sender;
use super::*;
use crate::playout::Playout;
use crate::sdp::{Direction, Sent};

const MS: Duration = Duration::from_millis(1);

fn agreed(codec: Codec) -> Agreed {
    let sound = codec.payload_type();
    Agreed {
        remote: "127.0.0.1:4000".parse().unwrap(),
        codec,
        sent: Sent { sound, events: Some(101) },
        received: vec![(sound, Format::Sound(codec)), (101, Format::Events), (13, Format::Comfort)],
        packet_ms: 20,
        direction: Direction::BOTH,
        protection: None,
    }
}

fn packet(payload_type: u8, number: u16, stamp: u32, ssrc: u32, payload: &[u8]) -> Vec<u8> {
    RtpPacketBuilder::<&[u8], &[u8]>::new()
        .payload_type(payload_type)
        .sequence_number(number)
        .timestamp(stamp)
        .ssrc(ssrc)
        .payload(payload)
        .write_vec_unchecked()
}

fn tone(rate: Rate, hertz: f32, samples: usize) -> Vec<i16> {
    (0..samples).map(|at| (8_000.0 * (TAU * hertz * at as f32 / rate.hertz() as f32).sin()) as i16).collect()
}

/// How much stronger a tone of that frequency is, of any phase, than everything else in a frame, in dB.
pub(in super::super) fn purity(frame: &[i16], hertz: f32, rate: Rate) -> f32 {
    let (mut sine, mut cosine, mut power) = (0.0, 0.0, 0.0);
    for (at, sample) in frame.iter().enumerate() {
        let (sin, cos) = (TAU * hertz * at as f32 / rate.hertz() as f32).sin_cos();
        sine += f32::from(*sample) * sin;
        cosine += f32::from(*sample) * cos;
        power += f32::from(*sample).powi(2);
    }
    let tone = 2.0 * (sine * sine + cosine * cosine) / frame.len() as f32;
    10.0 * (tone / (power - tone).max(1.0)).log10()
}

/// A pseudo-random number, the same in every run.
fn random(state: &mut u32) -> u32 {
    *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    *state >> 8
}

#[test]
fn a_tone_comes_through_a_network_that_loses_delays_and_reorders() {
    for (codec, rate) in [
        (Codec::Pcma, Rate::Narrow),
        (Codec::Pcmu, Rate::Narrow),
        (Codec::G722, Rate::Wide),
        (Codec::Pcma, Rate::Wide),
    ] {
        let agreed = agreed(codec);
        let mut sender = Sender::new(rate, &agreed);
        let mut playout = Playout::<u64>::new(rate);
        // 500 Hz: ten whole periods in a frame.
        playout.push(&tone(rate, 500.0, rate.frame() * 1_000));
        let mut state = 1;
        let mut coming: Vec<(Duration, Vec<u8>)> = (0..1_000)
            .filter_map(|number| {
                let bytes = sender.slot(&mut playout).0;
                let after = random(&mut state) % 31 * MS;
                (random(&mut state) % 100 >= 5).then_some((number * 20 * MS + after, bytes))
            })
            .collect();
        coming.sort_by_key(|(at, _)| *at);
        let mut coming = coming.into_iter().peekable();
        let mut receiver = Receiver::new(rate, &agreed);
        let mut purities = Vec::new();
        for frame in 0..1_000 {
            let now = frame * 20 * MS + 7 * MS;
            while let Some((at, bytes)) = coming.next_if(|(at, _)| *at <= now) {
                receiver.packet(at, &bytes);
            }
            let heard = receiver.frame(now);
            assert_eq!(heard.sound.len(), rate.frame());
            if frame > 10 {
                purities.push(purity(&heard.sound, 500.0, rate));
            }
        }
        purities.sort_by(f32::total_cmp);
        let at = |percent: usize| purities[purities.len() * percent / 100];
        let statistics = receiver.statistics();
        println!("{codec} at {rate:?}: {statistics:?}, dB at 1, 5, 50 %: {} {} {}", at(1), at(5), at(50));
        assert!((30..80).contains(&statistics.lost), "{statistics:?}");
        assert!(statistics.late < 10, "{statistics:?}");
        assert!(
            at(50) > 25.0 && at(5) > 15.0 && at(1) > 3.0,
            "dB at 1, 5, 50 %: {} {} {}",
            at(1),
            at(5),
            at(50)
        );
    }
}

#[test]
fn what_is_said_at_once_is_heard_after_the_delay_and_not_cut() {
    let agreed = agreed(Codec::Pcma);
    let mut receiver = Receiver::new(Rate::Narrow, &agreed);
    let mut heard = Vec::new();
    for number in 0..20_u16 {
        let now = u32::from(number) * 20 * MS;
        // A-law 0x2A is the loudest sample.
        let loud = packet(8, number, u32::from(number) * 160, 1, &[0x2A; 160]);
        receiver.packet(now, &loud);
        heard.extend(receiver.frame(now + 5 * MS).sound);
    }
    let first = heard.iter().position(|sample| *sample < -30_000).unwrap();
    assert!((160..=480).contains(&first), "20 to 60 ms: {first}");
    assert!(heard[first..].iter().all(|sample| *sample < -30_000), "without a gap");
}

#[test]
fn keys_are_told_once_and_comfort_noise_is_not_a_loss() {
    let agreed = agreed(Codec::Pcma);
    let mut receiver = Receiver::new(Rate::Narrow, &agreed);
    let (mut number, mut digits) = (0_u16, Vec::new());
    let mut pressing = Some(Pressing::new(Digit::new('4').unwrap(), 20));
    for slot in 0..100_u32 {
        let now = slot * 20 * MS;
        let stamp = slot * 160;
        let bytes = match slot {
            0..20 => Some(packet(8, number, stamp, 1, &[0xD5; 160])),
            20..27 => pressing.and_then(|key| {
                pressing = key.next();
                let Pressed::Event(payload, ..) = key.packet() else { return None };
                Some(packet(101, number, 20 * 160, 1, &payload))
            }),
            27 => Some(packet(13, number, stamp, 1, &[60])),
            70.. => Some(packet(8, number, stamp, 1, &[0xD5; 160])),
            _ => None,
        };
        if let Some(bytes) = bytes {
            number += 1;
            digits.extend(receiver.packet(now, &bytes));
        }
        let heard = receiver.frame(now + 3 * MS);
        if slot == 60 {
            assert!(heard.sound.iter().any(|sample| *sample != 0), "noise, not silence");
        }
    }
    assert_eq!(digits, [Digit::new('4').unwrap()]);
    let statistics = receiver.statistics();
    assert_eq!((statistics.lost, statistics.late, statistics.concealed_ms), (0, 0, 0), "{statistics:?}");
}

#[test]
fn keys_in_the_sound_are_heard_from_a_peer_without_events() {
    let plain = Agreed {
        sent: Sent { sound: 8, events: None },
        received: vec![(8, Format::Sound(Codec::Pcma))],
        ..agreed(Codec::Pcma)
    };
    let mut sender = Sender::new(Rate::Narrow, &plain);
    let keys: Vec<Digit> = "20#".chars().filter_map(Digit::new).collect();
    sender.press(keys.clone());
    let mut playout = Playout::<u64>::new(Rate::Narrow);
    for (peer, expected) in [(plain, keys), (agreed(Codec::Pcma), Vec::new())] {
        let mut receiver = Receiver::new(Rate::Narrow, &peer);
        let mut told = Vec::new();
        for slot in 0..60 {
            receiver.packet(slot * 20 * MS, &sender.slot(&mut playout).0);
            told.extend(receiver.frame(slot * 20 * MS + MS).digit);
        }
        assert_eq!(told, expected);
        sender.press("20#".chars().filter_map(Digit::new).collect());
    }
}

#[test]
fn another_source_or_a_clock_set_anew_begins_a_new_stream() {
    let mut receiver = Receiver::new(Rate::Narrow, &agreed(Codec::Pcma));
    let (mut heard, mut slot) = (Vec::new(), 0);
    let mut run = |receiver: &mut Receiver, ssrc: u32, number: u16, stamp: u32, level: u8| {
        heard.clear();
        for at in 0..25_u16 {
            let bytes = packet(
                8,
                number.wrapping_add(at),
                stamp.wrapping_add(u32::from(at) * 160),
                ssrc,
                &[level; 160],
            );
            receiver.packet(slot * 20 * MS, &bytes);
            heard.extend(receiver.frame(slot * 20 * MS + MS).sound);
            slot += 1;
        }
        heard[heard.len() - 160..].to_vec()
    };
    let silent = run(&mut receiver, 1, 65_530, u32::MAX - 800, 0xD5);
    assert!(silent.iter().all(|sample| sample.abs() < 100));
    for (ssrc, number, stamp) in
        [(2, 9, 5), (2, 20_000, 6_000), (2, 20_025, 3_000_000_000), (2, 20_050, 3_000_036_000)]
    {
        let loud = run(&mut receiver, ssrc, number, stamp, 0x2A);
        assert!(loud.iter().all(|sample| *sample < -30_000), "{number} {stamp}");
    }
}

#[test]
fn a_single_damaged_packet_does_no_harm() {
    let mut receiver = Receiver::new(Rate::Narrow, &agreed(Codec::Pcma));
    for slot in 0..50_u16 {
        let now = u32::from(slot) * 20 * MS;
        receiver.packet(now, &packet(8, slot, u32::from(slot) * 160, 1, &[0xD5; 160]));
        if slot % 10 == 5 {
            receiver.packet(now, &packet(8, slot + 20_000, 77, 1, &[0x2A; 160]));
            receiver.packet(now, &packet(8, slot, 900_000_000, 1, &[0x2A; 160]));
            receiver.packet(now, &packet(8, slot, u32::from(slot) * 160, 1, &[0x2A; 160]));
            receiver.packet(now, &packet(8, slot, u32::from(slot) * 160, 1, &[0x2A; 3_000]));
            receiver.packet(now, &[0x80, 8, 0]);
            receiver.packet(now, &packet(97, slot, 0, 1, &[]));
        }
        let heard = receiver.frame(now + MS);
        assert!(heard.sound.iter().all(|sample| sample.abs() < 100));
    }
    let statistics = receiver.statistics();
    assert_eq!((statistics.lost, statistics.late), (0, 0), "{statistics:?}");
    assert!(statistics.duplicate >= 5 && statistics.malformed >= 10, "{statistics:?}");
}

#[test]
fn g711_is_that_of_the_standard() {
    let value = |codec, byte: u8| create_decoder(coder(codec)).decode(&[byte])[0];
    // ITU-T G.711, tables 1a to 2b, times 8 and times 4: the smallest and the largest of both signs.
    let known = [
        (Codec::Pcma, 0xD5, 8),
        (Codec::Pcma, 0x55, -8),
        (Codec::Pcma, 0xAA, 32_256),
        (Codec::Pcma, 0x2A, -32_256),
    ];
    let known = known.into_iter().chain([
        (Codec::Pcmu, 0xFF, 0),
        (Codec::Pcmu, 0x80, 32_124),
        (Codec::Pcmu, 0x00, -32_124),
    ]);
    for (codec, byte, sample) in known {
        assert_eq!(value(codec, byte), sample, "{codec} {byte:#x}");
    }
    for codec in [Codec::Pcma, Codec::Pcmu] {
        for byte in 0..=u8::MAX {
            let again = audio_codec::create_encoder(coder(codec)).encode(&[value(codec, byte)])[0];
            // µ-law has two zeros, and the library takes the smallest negative step of A-law for the smallest positive one.
            let spared = [(Codec::Pcmu, 0x7F), (Codec::Pcma, 0x55)].contains(&(codec, byte));
            assert!(again == byte || spared, "{codec} {byte:#x} {again:#x}");
        }
    }
}

#[test]
fn codecs_are_as_exact_as_their_kind() {
    for (codec, decibels) in [(Codec::Pcma, 34.0), (Codec::Pcmu, 34.0), (Codec::G722, 38.0)] {
        let rate = codec.rate();
        let sound = tone(rate, 500.0, rate.frame() * 20);
        let coded = audio_codec::create_encoder(coder(codec)).encode(&sound);
        assert_eq!(coded.len(), 160 * 20, "64 kbit/s");
        let decoded = create_decoder(coder(codec)).decode(&coded);
        let purity = purity(&decoded[rate.frame() * 10..rate.frame() * 11], 500.0, rate);
        assert!(purity > decibels, "{codec}: {purity} dB");
    }
}

proptest! {
    #[test]
    fn no_packets_make_it_panic(
        packets in proptest::collection::vec(
            (0_u64..60, proptest::sample::select(vec![8_u8, 101, 13, 9, 72]), any::<u16>(), any::<u32>(), 0_u32..3,
             proptest::collection::vec(any::<u8>(), 0..400)),
            0..80,
        ),
        near in any::<bool>(),
    ) {
        let mut receiver = Receiver::new(Rate::Narrow, &agreed(Codec::Pcma));
        let mut now = Duration::ZERO;
        for (after, payload_type, number, stamp, ssrc, payload) in packets {
            now += Duration::from_millis(after);
            let (number, stamp) = if near { (number % 40, stamp % 6_400) } else { (number, stamp) };
            receiver.packet(now, &packet(payload_type, number, stamp, ssrc, &payload));
            receiver.packet(now, &payload);
            prop_assert_eq!(receiver.frame(now).sound.len(), 160);
        }
    }
}
