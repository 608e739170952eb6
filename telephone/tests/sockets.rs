//! What all dialects have in common: how a connection becomes a call, and how it ends when the PBX misbehaves.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use support::{call, connection, ended, handshake, next, no_call, say, settings, why};
use telephone::sockets::{
    Handshake, Happened, LONGEST, Message, NoCall, SUBPROTOCOLS, answer, drive, recognise,
};
use telephone::{Carrier, Ended, FromCaller, ToCaller};
use tokio::time::Instant;

const MEDIA_START: &str =
    r#"{"event":"MEDIA_START","channel_id":"1.2","format":"slin16","optimal_frame_size":640}"#;
const PREAMBLE: &str = r#"{"uuid":"b0ea45d5","sampleRate":16000}"#;
const START: &str = r#"{"event":"start","streamSid":"MZ1","start":{"callSid":"CA1"}}"#;

#[tokio::test]
async fn dialects_are_told_by_subprotocol_or_by_the_first_message() {
    for (subprotocol, first, carrier) in [
        ("media", MEDIA_START, Carrier::Asterisk),
        ("", MEDIA_START, Carrier::Asterisk),
        (
            "",
            "MEDIA_START connection_id:1 channel:WebSocket/a format:alaw optimal_frame_size:160",
            Carrier::Asterisk,
        ),
        ("audio.drachtio.org", PREAMBLE, Carrier::AudioFork),
        ("audio.jambonz.org", PREAMBLE, Carrier::AudioFork),
        ("", PREAMBLE, Carrier::AudioFork),
        ("", START, Carrier::Twilio),
        ("something.else", START, Carrier::Twilio),
    ] {
        let (_pbx, leg) = call(&handshake(subprotocol, &[]), &[first]).await;
        assert_eq!(leg.call.carrier, carrier, "{subprotocol} {first}");
    }
    assert_eq!(SUBPROTOCOLS, ["media", "audio.drachtio.org", "audio.jambonz.org"]);
    for first in ["", "hello", "[]", "GET / HTTP/1.1"] {
        assert!(matches!(no_call(&handshake("", &[]), &[first]).await, NoCall::Fault(_)), "{first}");
    }
}

#[tokio::test]
async fn a_dialect_that_is_known_beforehand_is_driven_from_the_first_message() {
    let (pbx, connection) = connection(100);
    let dialect = recognise(&handshake("media", &[("lang", "bo")]), &Message::Close).unwrap();
    pbx.text(MEDIA_START);
    pbx.binary(640);
    let mut leg = drive(connection, dialect, settings()).await.unwrap();
    assert_eq!((leg.call.id.as_str(), &*leg.call.variables["lang"]), ("1.2", "bo"));
    assert_eq!(next(&mut leg).await, FromCaller::Sound(vec![0x0101; 320]));
}

#[tokio::test]
async fn a_pbx_that_says_nothing_or_goes_away_is_no_call() {
    let begun = Instant::now();
    assert!(matches!(no_call(&handshake("media", &[]), &[]).await, NoCall::Silent(_)));
    assert!(begun.elapsed() < Duration::from_secs(3));
    let (pbx, mut connection_) = connection(10);
    drop(pbx);
    assert!(matches!(answer(connection_, &handshake("media", &[]), settings()).await, Err(NoCall::Gone)));
    let (pbx, again) = connection(10);
    connection_ = again;
    pbx.close();
    assert!(matches!(answer(connection_, &handshake("", &[]), settings()).await, Err(NoCall::Fault(_))));
    let many: Vec<&str> = vec![r#"{"event":"connected"}"#; 200];
    assert!(matches!(no_call(&handshake("", &[]), &many).await, NoCall::Fault(_)));
}

#[tokio::test]
async fn a_connection_that_breaks_or_falls_silent_is_a_lost_call() {
    let (pbx, mut leg) = call(&handshake("media", &[]), &[MEDIA_START]).await;
    pbx.vanish();
    assert_eq!(why(&mut leg).await, Ended::Lost);
    let (pbx, mut leg) = call(&handshake("media", &[]), &[MEDIA_START]).await;
    drop(pbx);
    assert_eq!(why(&mut leg).await, Ended::Lost, "closed without a closing handshake");
    let (pbx, mut leg) = call(&handshake("media", &[]), &[MEDIA_START]).await;
    pbx.binary(640);
    let begun = Instant::now();
    assert_eq!(why(&mut leg).await, Ended::Lost);
    assert!((3_900..9_000).contains(&begun.elapsed().as_millis()), "half open for {:?}", begun.elapsed());
    drop(pbx);
}

#[tokio::test]
async fn a_pbx_that_does_not_read_is_a_lost_call() {
    let (pbx, connection) = connection(2);
    pbx.text(START);
    let mut leg = answer(connection, &handshake("", &[]), settings()).await.unwrap();
    say(&leg, ToCaller::Sound(vec![0; 16_000])).await;
    let end = ended(&mut leg).await;
    assert_eq!((end.why, end.detail.as_str()), (Ended::Lost, "the PBX does not read what we send"));
    drop(pbx);
}

#[tokio::test]
async fn messages_that_are_too_long_are_a_fault() {
    for message in
        [Message::Binary(Bytes::from(vec![0; LONGEST + 1])), Message::Text("x".repeat(LONGEST + 1))]
    {
        let (pbx, mut leg) = call(&handshake("media", &[]), &[MEDIA_START]).await;
        pbx.send(message);
        let end = ended(&mut leg).await;
        assert_eq!(end.why, Ended::Fault);
        assert!(end.detail.contains("at most 65536"), "{}", end.detail);
    }
}

#[tokio::test]
async fn a_hotline_that_does_not_read_loses_sound_and_nothing_else() {
    let (pbx, mut leg) = call(&handshake("media", &[]), &[MEDIA_START]).await;
    for _ in 0..1_000 {
        pbx.binary(640);
    }
    for key in ['1', '2', '3'] {
        pbx.text(&format!(r#"{{"event":"DTMF_END","digit":"{key}"}}"#));
    }
    pbx.close();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (mut sound, mut keys) = (0, String::new());
    let end = loop {
        match leg.from_caller.recv().await.unwrap() {
            FromCaller::Sound(_) => sound += 1,
            FromCaller::Digit(digit) => keys.push(digit.key()),
            FromCaller::Ended(end) => break end,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((keys.as_str(), end.why), ("123", Ended::ByCaller));
    assert!(sound <= telephone::leg::FROM_CALLER, "{sound}");
}

fn messages() -> impl Strategy<Value = Vec<Message>> {
    let known = prop::sample::select(vec![
        MEDIA_START,
        PREAMBLE,
        START,
        "MEDIA_START connection_id:1 channel:x format:ulaw optimal_frame_size:160",
        r#"{"event":"DTMF_END","digit":"5"}"#,
        r#"{"event":"media","media":{"payload":"//8="}}"#,
        r#"{"type":"mark","data":{"name":"18446744073709551615","event":"playout"}}"#,
        r#"{"event":"mark","mark":{"name":9}}"#,
        r#"{"event":"stop"}"#,
        "MEDIA_MARK_PROCESSED correlation_id:-1",
        "DTMF_END digit: channel_id",
    ]);
    let broken = (known.clone(), any::<prop::sample::Index>(), any::<char>()).prop_map(|(text, at, with)| {
        let mut characters: Vec<char> = text.chars().collect();
        let at = at.index(characters.len());
        characters[at] = with;
        characters.into_iter().collect::<String>()
    });
    let text = prop_oneof![known.prop_map(str::to_owned), broken, "\\PC{0,80}"].prop_map(Message::Text);
    let binary =
        prop::collection::vec(any::<u8>(), 0..700).prop_map(|bytes| Message::Binary(Bytes::from(bytes)));
    prop::collection::vec(prop_oneof![3 => text, 1 => binary], 1..12)
}

proptest! {
    #[test]
    fn no_messages_do_harm_to_a_dialect(subprotocol in 0_usize..4, messages in messages()) {
        let subprotocol = SUBPROTOCOLS.get(subprotocol).map(|name| (*name).to_owned());
        let handshake = Handshake { subprotocol, query: Vec::new() };
        let Ok(mut dialect) = recognise(&handshake, &messages[0]) else { return Ok(()) };
        let mut begun = false;
        for message in &messages {
            let happened = match message {
                Message::Text(text) => dialect.text(text),
                Message::Binary(bytes) => dialect.binary(bytes),
                Message::Close => Ok(Vec::new()),
            };
            let Ok(happened) = happened else { return Ok(()) };
            for happened in happened {
                match happened {
                    Happened::Began(_) => prop_assert!(!std::mem::replace(&mut begun, true), "a call begins once"),
                    Happened::Sound(sound) => prop_assert!(begun && !sound.is_empty() && sound.len() <= 700 * 2),
                    _ => {}
                }
            }
            for sent in [dialect.play(&[0; 320]), dialect.mark(1), dialect.flush()].concat() {
                if let Message::Binary(bytes) = sent {
                    prop_assert!(begun && !bytes.is_empty() && bytes.len() <= 65_500);
                }
            }
        }
        prop_assert_eq!(dialect.hang_up().pop(), Some(Message::Close));
    }
}
