//! Twilio Media Streams as their documentation has them, and the near-clones of others.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod support;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use support::{Pbx, call, event, handshake, next, no_call, say, why};
use telephone::sockets::{Message, NoCall};
use telephone::{Carrier, Digit, Ended, FromCaller, Leg, Rate, ToCaller};

const CONNECTED: &str = r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#;
const START: &str = r#"{"event":"start","sequenceNumber":"1","start":{"accountSid":"AC5","streamSid":"MZ18ad3ab5a668481ce02b83e7395059f0","callSid":"CA0123","tracks":["inbound"],"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1},"customParameters":{"from":"13800001234","Language":"bo"}},"streamSid":"MZ18ad3ab5a668481ce02b83e7395059f0"}"#;
const STREAM: &str = "MZ18ad3ab5a668481ce02b83e7395059f0";
const EXOTEL: &str = r#"{"event":"start","sequence_number":1,"stream_sid":"s-1","start":{"stream_sid":"s-1","call_sid":"c-1","from":"+911","to":"+912","custom_parameters":{"k":"v"},"media_format":{"encoding":"audio/x-mulaw","sample_rate":"8000","bit_rate":"64"}}}"#;

async fn started() -> (Pbx, Leg) {
    call(&handshake("", &[("token", "secret")]), &[CONNECTED, START]).await
}

fn media(track: &str, chunk: &Value, payload: &[u8]) -> String {
    json!({ "event": "media", "sequenceNumber": chunk, "streamSid": STREAM,
        "media": { "track": track, "chunk": chunk, "timestamp": chunk, "payload": STANDARD.encode(payload) } })
    .to_string()
}

async fn json_of(pbx: &mut Pbx) -> Value {
    match pbx.next().await {
        Some(Message::Text(text)) => serde_json::from_str(&text).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_stream_becomes_a_call_with_the_callers_sound_and_digits() {
    let (pbx, mut leg) = started().await;
    let call = &leg.call;
    assert_eq!((call.id.as_str(), call.carrier, call.rate), ("CA0123", Carrier::Twilio, Rate::Narrow));
    assert_eq!((call.caller.as_deref(), &*call.variables["language"]), (Some("13800001234"), "bo"));
    // µ-law 0xff is zero, 0x80 the largest. Numbers come as texts from Twilio, as numbers from others.
    pbx.text(&media("inbound", &json!("1"), &[0xff, 0x80]));
    pbx.text(&media("outbound", &json!(2), &[0x80, 0x80]));
    pbx.text(&media("inbound", &json!(3), &[0x00]));
    pbx.text(r#"{"event":"dtmf","streamSid":"MZ18","sequenceNumber":"5","dtmf":{"track":"inbound_track","digit":"1"}}"#);
    pbx.text(r#"{"event":"stop","sequenceNumber":"6","stop":{"accountSid":"AC5","callSid":"CA0123"},"streamSid":"MZ18"}"#);
    assert_eq!(next(&mut leg).await, FromCaller::Sound(vec![0, 32_124]));
    assert_eq!(next(&mut leg).await, FromCaller::Sound(vec![-32_124]));
    assert_eq!(next(&mut leg).await, FromCaller::Digit(Digit::new('1').unwrap()));
    assert_eq!(why(&mut leg).await, Ended::ByCaller);
}

#[tokio::test]
async fn sound_goes_out_as_media_and_marks_come_back() {
    let (mut pbx, mut leg) = started().await;
    say(&leg, ToCaller::Sound(vec![0; 400])).await;
    say(&leg, ToCaller::Mark(1)).await;
    let mut bytes = Vec::new();
    loop {
        let message = json_of(&mut pbx).await;
        assert_eq!(message["streamSid"], STREAM);
        if message["event"] == "mark" {
            break assert_eq!(message["mark"]["name"], "1");
        }
        assert_eq!(message["event"], "media");
        bytes.extend(STANDARD.decode(message["media"]["payload"].as_str().unwrap()).unwrap());
    }
    assert_eq!(bytes, [0xff; 480], "three frames, the last one filled up with silence");
    pbx.text(
        &json!({ "event": "mark", "sequenceNumber": "4", "streamSid": STREAM, "mark": { "name": "1" } })
            .to_string(),
    );
    assert_eq!(event(&mut leg).await, FromCaller::Reached(1));
}

#[tokio::test]
async fn barge_in_clears_and_marks_that_come_back_then_are_not_taken_for_played() {
    let (mut pbx, mut leg) = started().await;
    say(&leg, ToCaller::Sound(vec![0; 4_000])).await;
    say(&leg, ToCaller::Mark(1)).await;
    say(&leg, ToCaller::Sound(vec![0; 80_000])).await;
    pbx.within(Duration::from_millis(300)).await;
    say(&leg, ToCaller::Flush).await;
    // More sound may have left just before.
    let cleared = loop {
        let message = json_of(&mut pbx).await;
        if message["event"] != "media" {
            break message;
        }
    };
    assert_eq!(cleared, json!({ "event": "clear", "streamSid": STREAM }));
    let FromCaller::Flushed { played_ms } = event(&mut leg).await else { panic!("no flush") };
    assert!((200..5_000).contains(&played_ms), "{played_ms}");
    // Twilio sends marks back that it has cleared.
    pbx.text(&json!({ "event": "mark", "streamSid": STREAM, "mark": { "name": "1" } }).to_string());
    pbx.text(r#"{"event":"stop"}"#);
    assert_eq!(why(&mut leg).await, Ended::ByCaller);
}

#[tokio::test]
async fn hanging_up_closes_the_stream_and_the_instructions_go_on() {
    let (mut pbx, mut leg) = started().await;
    say(&leg, ToCaller::Sound(vec![0; 160])).await;
    say(&leg, ToCaller::HangUp).await;
    json_of(&mut pbx).await;
    let mark = json_of(&mut pbx).await;
    assert_eq!(mark["event"], "mark");
    pbx.text(&mark.to_string());
    assert_eq!(pbx.next().await, Some(Message::Close));
    drop(pbx);
    assert_eq!(why(&mut leg).await, Ended::ByUs);
}

#[tokio::test]
async fn a_near_clone_is_answered_with_its_own_names() {
    let (mut pbx, mut leg) = call(&handshake("", &[]), &[r#"{"event":"connected"}"#, EXOTEL]).await;
    assert_eq!(
        (leg.call.id.as_str(), leg.call.caller.as_deref(), leg.call.called.as_deref()),
        ("c-1", Some("+911"), Some("+912"))
    );
    assert_eq!(&*leg.call.variables["k"], "v");
    pbx.text(r#"{"event":"dtmf","dtmf":{"digit":"3","duration":"240"},"stream_sid":"s-1"}"#);
    assert_eq!(next(&mut leg).await, FromCaller::Digit(Digit::new('3').unwrap()));
    say(&leg, ToCaller::Sound(vec![0; 160])).await;
    let message = json_of(&mut pbx).await;
    assert_eq!((&message["event"], &message["stream_sid"]), (&json!("media"), &json!("s-1")));
    assert!(message.get("streamSid").is_none());
}

#[tokio::test]
async fn what_is_not_mu_law_at_8_khz_is_refused_in_words() {
    for (from, to, word) in [
        ("audio/x-mulaw", "audio/x-raw", "audio/x-raw"),
        ("audio/x-mulaw", "OPUS", "OPUS"),
        ("8000", "16000", "16000 Hz"),
        ("\"channels\":1", "\"channels\":2", "2 channels"),
        ("streamSid", "stream", "streamSid"),
    ] {
        let refused = no_call(&handshake("", &[]), &[CONNECTED, &START.replace(from, to)]).await;
        let NoCall::Fault(fault) = refused else { panic!("{refused:?}") };
        assert!(fault.0.contains(word), "{fault}");
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_passed_over_for_a_while() {
    let (pbx, mut leg) = started().await;
    pbx.text(r#"{"event":"media","media":{"payload":"***"}}"#);
    pbx.text(r#"{"event":"media"}"#);
    pbx.text("[1,2,3]");
    pbx.text(r#"{"event":"mark"}"#);
    pbx.text(r#"{"event":"dtmf","dtmf":{}}"#);
    pbx.binary(160);
    pbx.text(START);
    pbx.text(&media("inbound", &json!("9"), &[0xff]));
    assert_eq!(next(&mut leg).await, FromCaller::Sound(vec![0]));
    for _ in 0..20 {
        pbx.binary(160);
    }
    assert_eq!(why(&mut leg).await, Ended::Fault);
}
