//! `chan_websocket` as a real Asterisk 24 spoke it, and as its documentation says older ones do.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::{Pbx, call, ended, event, handshake, next, no_call, say, why};
use telephone::sockets::{Message, NoCall};
use telephone::{Carrier, Digit, Ended, FromCaller, Leg, Rate, ToCaller, Transfer};

const MEDIA_START: &str = r#"{"event":"MEDIA_START","connection_id":"botws","channel":"WebSocket/botws/0x7f87","channel_id":"1795446755.13","format":"slin16","optimal_frame_size":640,"ptime":20,"channel_variables":{"DIALEDPEERNUMBER":"botws/c(slin16)v(lang=bo,case=42)"}}"#;
const STATUS: &str = r#"{"event":"STATUS","channel_id":"1795446755.13","queue_length":200,"xon_level":800,"xoff_level":900,"queue_full":false,"bulk_media":false,"media_paused":false}"#;
const PLAIN: &str = "MEDIA_START connection_id:e226e283-c90a-4ea9-9e37-389000b9ef47 channel:WebSocket/connectionid format:ulaw optimal_frame_size:160";

async fn traced() -> (Pbx, Leg) {
    // Dial(WebSocket/botws/c(slin16)v(lang=bo,case=42),,g)
    call(&handshake("media", &[("lang", "bo"), ("case", "42"), ("token", "secret")]), &[MEDIA_START]).await
}

/// A command as its name and correlation id.
fn command(text: &str) -> (String, Option<String>) {
    let json: Value = serde_json::from_str(text).unwrap();
    assert!(text.len() <= 128, "Asterisk passes over longer ones");
    (json["command"].as_str().unwrap().to_owned(), json["correlation_id"].as_str().map(str::to_owned))
}

fn processed(pbx: &Pbx, id: &str) {
    pbx.text(
        &json!({ "event": "MEDIA_MARK_PROCESSED", "channel_id": "1795446755.13", "correlation_id": id })
            .to_string(),
    );
}

#[tokio::test]
async fn the_trace_becomes_a_call_with_its_sound_and_digit() {
    let (pbx, mut leg) = traced().await;
    let call = &leg.call;
    assert_eq!((call.id.as_str(), call.carrier, call.rate), ("1795446755.13", Carrier::Asterisk, Rate::Wide));
    assert_eq!(
        (&*call.variables["lang"], &*call.variables["case"], &*call.variables["channel"]),
        ("bo", "42", "WebSocket/botws/0x7f87")
    );
    assert!(!call.variables.contains_key("token"));
    pbx.text(STATUS);
    pbx.binary(960);
    pbx.text(r#"{"event":"DTMF_END","channel_id":"1795446755.13","digit":"0"}"#);
    pbx.close();
    assert_eq!(next(&mut leg).await, FromCaller::Sound(vec![0x0101; 480]));
    assert_eq!(next(&mut leg).await, FromCaller::Digit(Digit::new('0').unwrap()));
    assert_eq!(why(&mut leg).await, Ended::ByCaller);
}

#[tokio::test]
async fn the_dial_plan_may_name_the_call_and_the_numbers() {
    let query = [("call_id", "case-42"), ("from", "13800001234"), ("exten", "102")];
    let (_pbx, leg) = call(&handshake("media", &query), &[MEDIA_START]).await;
    assert_eq!(leg.call.id.as_str(), "case-42");
    assert_eq!((leg.call.caller.as_deref(), leg.call.called.as_deref()), (Some("13800001234"), Some("102")));
    assert!(!format!("{:?}", leg.call).contains("1380000"), "no number in a log");
}

#[tokio::test]
async fn sound_is_sent_ahead_in_whole_frames_and_marks_come_back() {
    let (mut pbx, mut leg) = traced().await;
    let begun = tokio::time::Instant::now();
    say(&leg, ToCaller::Sound(vec![5; 16_010])).await;
    say(&leg, ToCaller::Mark(1)).await;
    say(&leg, ToCaller::Sound(vec![5; 80_000])).await;
    let mut sound = 0;
    let mark = loop {
        match pbx.next().await.unwrap() {
            Message::Binary(bytes) => {
                assert!(bytes.len().is_multiple_of(640) && bytes.len() <= 65_500, "{}", bytes.len());
                sound += bytes.len();
            }
            Message::Text(text) => break command(&text),
            Message::Close => panic!("closed"),
        }
    };
    assert_eq!(mark, ("MARK_MEDIA".to_owned(), Some("1".to_owned())));
    assert_eq!(sound, 51 * 640, "a second and ten samples are 51 frames");
    processed(&pbx, "1");
    assert_eq!(event(&mut leg).await, FromCaller::Reached(1));
    let rest: usize = pbx
        .within(Duration::from_millis(200))
        .await
        .iter()
        .map(|message| match message {
            Message::Binary(bytes) => bytes.len(),
            other => panic!("{other:?}"),
        })
        .sum();
    // This PBX says at once that the first 1,020 ms have been played.
    let sent = (sound + rest) as u128 * 1_000 / 32_000;
    assert!(
        (1_800..=3_020 + begun.elapsed().as_millis()).contains(&sent),
        "{sent} ms after {:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn barge_in_flushes_and_says_what_was_heard() {
    let (mut pbx, mut leg) = traced().await;
    say(&leg, ToCaller::Sound(vec![5; 160_000])).await;
    say(&leg, ToCaller::Mark(1)).await;
    pbx.within(Duration::from_millis(500)).await;
    say(&leg, ToCaller::Flush).await;
    let (_, text) = pbx.next_text().await;
    assert_eq!(command(&text).0, "FLUSH_MEDIA");
    let FromCaller::Flushed { played_ms } = event(&mut leg).await else { panic!("no flush") };
    assert!((400..5_000).contains(&played_ms), "{played_ms}");
    assert_eq!(pbx.within(Duration::from_millis(200)).await, [], "nothing of it is sent afterwards");
}

#[tokio::test]
async fn nothing_is_sent_between_xoff_and_xon() {
    let (mut pbx, leg) = traced().await;
    pbx.text(r#"{"event":"MEDIA_XOFF","channel_id":"1795446755.13"}"#);
    tokio::time::sleep(Duration::from_millis(50)).await;
    say(&leg, ToCaller::Sound(vec![5; 16_000])).await;
    assert_eq!(pbx.within(Duration::from_millis(200)).await, []);
    pbx.text(r#"{"event":"MEDIA_XON","channel_id":"1795446755.13"}"#);
    assert!(matches!(pbx.next().await, Some(Message::Binary(_))));
}

#[tokio::test]
async fn hanging_up_and_transferring_let_the_dial_plan_go_on_after_the_last_word() {
    for (last, why_) in [
        (ToCaller::HangUp, Ended::ByUs),
        (ToCaller::Transfer { target: "900".to_owned() }, Ended::Transferred),
    ] {
        let (mut pbx, mut leg) = traced().await;
        say(&leg, ToCaller::Sound(vec![5; 3_200])).await;
        say(&leg, last).await;
        let (sound, text) = pbx.next_text().await;
        let (name, id) = command(&text);
        assert_eq!((sound, name.as_str()), (6_400, "MARK_MEDIA"));
        assert_eq!(pbx.within(Duration::from_millis(100)).await, [], "it waits until it has been heard");
        processed(&pbx, &id.unwrap());
        assert_eq!(command(&pbx.next_text().await.1).0, "HANGUP");
        assert_eq!(pbx.next().await, Some(Message::Close));
        pbx.close();
        if why_ == Ended::Transferred {
            assert_eq!(event(&mut leg).await, FromCaller::Transfer(Transfer::Done));
        }
        assert_eq!(why(&mut leg).await, why_);
    }
}

#[tokio::test]
async fn the_older_wording_is_read_and_written() {
    let (mut pbx, mut leg) = call(&handshake("", &[]), &[PLAIN]).await;
    assert_eq!((leg.call.carrier, leg.call.rate), (Carrier::Asterisk, Rate::Narrow));
    pbx.binary(160);
    let FromCaller::Sound(sound) = next(&mut leg).await else { panic!("no sound") };
    assert_eq!(sound.len(), 160);
    pbx.text("DTMF_END digit:# channel_id:pbx1-123456789.999");
    assert_eq!(next(&mut leg).await, FromCaller::Digit(Digit::new('#').unwrap()));
    for (mark, answer) in [(7, "MEDIA_MARK_PROCESSED correlation_id:7"), (8, "MEDIA_MARK_PROCESSED 8")] {
        say(&leg, ToCaller::Sound(vec![0; 160])).await;
        say(&leg, ToCaller::Mark(mark)).await;
        assert_eq!(pbx.next_text().await, (160, format!("MARK_MEDIA {mark}")));
        pbx.text(answer);
        assert_eq!(event(&mut leg).await, FromCaller::Reached(mark));
    }
    pbx.text("STATUS channel_id:1 queue_length:0 xon_level:800 xoff_level:900 queue_full:false bulk_media:false media_paused:false");
    pbx.text("MEDIA_BUFFERING_COMPLETED");
    say(&leg, ToCaller::Flush).await;
    assert_eq!(pbx.next_text().await.1, "FLUSH_MEDIA");
    pbx.text("HANGUP");
    assert!(matches!(event(&mut leg).await, FromCaller::Flushed { .. }));
    assert_eq!(why(&mut leg).await, Ended::ByCaller);
}

#[tokio::test]
async fn an_asterisk_without_marks_is_waited_for_by_the_clock() {
    let (_pbx, mut leg) = call(&handshake("media", &[]), &[PLAIN]).await;
    say(&leg, ToCaller::Sound(vec![0; 800])).await;
    say(&leg, ToCaller::Mark(1)).await;
    let begun = tokio::time::Instant::now();
    assert_eq!(event(&mut leg).await, FromCaller::Reached(1));
    assert!((1_900..9_000).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn every_coding_that_is_spoken_carries_a_tone_there_and_back() {
    for (format, bytes_per_sample, tolerance) in
        [("slin", 2, 0), ("slin16", 2, 0), ("alaw", 1, 600), ("ulaw", 1, 600)]
    {
        let start = MEDIA_START.replace("slin16\",\"opt", &format!("{format}\",\"opt"));
        let (mut pbx, mut leg) = call(&handshake("media", &[]), &[&start]).await;
        let tone: Vec<i16> =
            (0..leg.call.rate.frame()).map(|at| (9_000.0 * (at as f32 * 0.3).sin()) as i16).collect();
        say(&leg, ToCaller::Sound(tone.clone())).await;
        let Some(Message::Binary(bytes)) = pbx.next().await else { panic!("no sound") };
        assert_eq!(bytes.len(), tone.len() * bytes_per_sample);
        pbx.send(Message::Binary(bytes));
        let FromCaller::Sound(heard) = next(&mut leg).await else { panic!("no sound") };
        assert_eq!(heard.len(), tone.len());
        let worst = heard.iter().zip(&tone).map(|(heard, said)| heard.abs_diff(*said)).max().unwrap();
        assert!(worst <= tolerance, "{format}: {worst}");
    }
}

#[tokio::test]
async fn what_cannot_be_spoken_is_refused_in_words() {
    let opus = MEDIA_START.replace("slin16\",\"opt", "opus\",\"opt");
    let NoCall::Fault(fault) = no_call(&handshake("media", &[]), &[&opus]).await else {
        panic!("another refusal")
    };
    assert!(fault.0.contains("opus") && fault.0.contains("c(slin16)"), "{fault}");
    assert!(matches!(no_call(&handshake("media", &[]), &["hello"]).await, NoCall::Silent(_)));
}

#[tokio::test]
async fn nonsense_is_passed_over_for_a_while_and_then_ends_the_call() {
    let (pbx, mut leg) = traced().await;
    for _ in 0..10 {
        pbx.text(r#"{"event":"#);
        pbx.text(r#"{"event":"SOMETHING_NEW","with":["things"]}"#);
        pbx.text(MEDIA_START);
    }
    let end = ended(&mut leg).await;
    assert_eq!(end.why, Ended::Fault);
    assert!(end.detail.contains("made no sense"), "{}", end.detail);
}
