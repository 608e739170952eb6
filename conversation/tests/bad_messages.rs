//! A message that is wrong is refused with the code and the field, so that whoever writes a client finds out why.
#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

use conversation::protocol::{ClientMessage, ErrorCode};
use proptest::prelude::*;

/// Asserts code and field.
fn refused(json: &str, code: ErrorCode, field: Option<&str>) {
    let error = ClientMessage::parse(json).unwrap_err();
    assert_eq!((error.code(), error.field()), (code, field), "{json}: {error}");
}

#[test]
fn what_is_not_json_is_bad_json() {
    for text in ["", "{", "ཁྱེད་ 你好", "[1]", "\"text\"", "null", "{\"type\":\"text\",}"] {
        refused(text, ErrorCode::BadJson, None);
    }
}

#[test]
fn a_type_that_nobody_knows_is_unknown() {
    refused(r#"{"type":"ask"}"#, ErrorCode::UnknownType, None);
    refused(r#"{"type":"TEXT","id":"1","text":"x"}"#, ErrorCode::UnknownType, None);
    refused(r#"{"type":"འདྲི་བ་问"}"#, ErrorCode::UnknownType, None);
}

#[test]
fn a_missing_or_wrong_type_is_named() {
    refused("{}", ErrorCode::BadMessage, Some("type"));
    refused(r#"{"type":3}"#, ErrorCode::BadMessage, Some("type"));
}

#[test]
fn a_missing_field_is_named() {
    for (json, field) in [
        (r#"{"type":"text","id":"1"}"#, "text"),
        (r#"{"type":"text","text":"身份证 ཐོབ་ཐང་"}"#, "id"),
        (r#"{"type":"start","protocol":1}"#, "language"),
        (r#"{"type":"start","language":"bo"}"#, "protocol"),
        (r#"{"type":"resume","protocol":1,"token":"t"}"#, "last_seq"),
        (r#"{"type":"audio_start","id":"1","codec":"pcm16"}"#, "sample_rate"),
        (r#"{"type":"choose","id":"1","choice":1}"#, "clarify_seq"),
        (r#"{"type":"heard","audio_id":1}"#, "ms"),
        (r#"{"type":"ping"}"#, "n"),
    ] {
        refused(json, ErrorCode::BadMessage, Some(field));
    }
}

#[test]
fn a_wrong_field_is_named() {
    let long = "ཀ".repeat(65);
    for (json, field) in [
        (r#"{"type":"text","id":1,"text":"x"}"#.to_owned(), "id"),
        (r#"{"type":"text","id":"","text":"x"}"#.to_owned(), "id"),
        (format!(r#"{{"type":"text","id":"{long}","text":"x"}}"#), "id"),
        (r#"{"type":"text","id":"1","text":["x"]}"#.to_owned(), "text"),
        (r#"{"type":"start","protocol":2,"language":"bo"}"#.to_owned(), "protocol"),
        (r#"{"type":"start","protocol":1,"language":"en"}"#.to_owned(), "language"),
        (r#"{"type":"start","protocol":1,"language":"zh","voice":"yes"}"#.to_owned(), "voice"),
        (r#"{"type":"start","protocol":1,"language":"zh","audio_out":"mp3"}"#.to_owned(), "audio_out"),
        (format!(r#"{{"type":"start","protocol":1,"language":"zh","client":"{long}"}}"#), "client"),
        (r#"{"type":"resume","protocol":1,"token":"t","last_seq":-1}"#.to_owned(), "last_seq"),
        (r#"{"type":"audio_start","id":"1","codec":"wav","sample_rate":16000}"#.to_owned(), "codec"),
        (r#"{"type":"audio_start","id":"1","codec":"pcm16","sample_rate":48000}"#.to_owned(), "sample_rate"),
        (r#"{"type":"audio_start","id":"1","codec":"opus","sample_rate":44100}"#.to_owned(), "sample_rate"),
        (r#"{"type":"choose","id":"1","clarify_seq":3,"choice":10}"#.to_owned(), "choice"),
        (r#"{"type":"choose","id":"1","clarify_seq":3,"choice":-1}"#.to_owned(), "choice"),
    ] {
        refused(&json, ErrorCode::BadMessage, Some(field));
    }
}

#[test]
fn phrases_that_are_too_many_too_long_or_empty_are_named_with_their_place_and_limit() {
    let start = |phrases: &[String]| {
        let phrases = serde_json::to_string(phrases).unwrap();
        format!(r#"{{"type":"audio_start","id":"a","codec":"pcm16","sample_rate":16000,"expect":{phrases}}}"#)
    };
    for character in ["身", "ཀ", "🏔"] {
        let longest = character.repeat(100);
        assert!(ClientMessage::parse(&start(&vec![longest.clone(); 32])).is_ok());
        refused(&start(&vec![longest.clone(); 33]), ErrorCode::BadMessage, Some("expect"));
        refused(&start(&[longest.clone(), longest + character]), ErrorCode::BadMessage, Some("expect[1]"));
    }
    refused(&start(&[String::new()]), ErrorCode::BadMessage, Some("expect[0]"));
    refused(&start(&["社保".to_owned(), " \n".to_owned()]), ErrorCode::BadMessage, Some("expect[1]"));
    let error = ClientMessage::parse(&start(&["ཀ".repeat(101)])).unwrap_err();
    assert!(
        error.to_string().contains("101 characters") && error.to_string().contains("1 to 100"),
        "{error}"
    );
    assert_eq!(error.id().unwrap().as_str(), "a");
    let odd = r#"{"type":"audio_start","id":"a","codec":"pcm16","sample_rate":16000,"expect":["a",7]}"#;
    refused(odd, ErrorCode::BadMessage, Some("expect[1]"));
}

#[test]
fn the_error_carries_the_messages_id_where_it_could_be_read() {
    let error =
        ClientMessage::parse(r#"{"type":"choose","id":"མ1","clarify_seq":3,"choice":10}"#).unwrap_err();
    assert_eq!(error.id().unwrap().as_str(), "མ1");
    let error = ClientMessage::parse(r#"{"type":"text","id":"q"}"#).unwrap_err();
    assert_eq!(error.id().unwrap().as_str(), "q");
}

#[test]
fn two_thousand_characters_are_accepted_in_any_script_and_one_more_is_too_long() {
    for character in ["a", "身", "ཀྵ", "🏔"] {
        let per = character.chars().count();
        let fits = format!(r#"{{"type":"text","id":"1","text":"{}"}}"#, character.repeat(2_000 / per));
        assert!(ClientMessage::parse(&fits).is_ok(), "{character}");
        let json = format!(r#"{{"type":"text","id":"1","text":"{}"}}"#, character.repeat(2_000 / per + 1));
        refused(&json, ErrorCode::TextTooLong, Some("text"));
    }
}

#[test]
fn fields_of_a_newer_protocol_are_ignored() {
    let message = ClientMessage::parse(r#"{"type":"ping","n":1,"colour":"white"}"#).unwrap();
    assert_eq!(message.kind(), "ping");
}

#[test]
fn an_object_nested_deeply_is_refused_without_harm() {
    let json = r#"{"type":"text","id":"1","text":"#.to_owned() + &"[".repeat(100_000);
    refused(&json, ErrorCode::BadJson, None);
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "(\\PC|[\u{0F00}-\u{0FDA}]|[身份证]|[{}\\[\\]\":,0-9]){0,200}") {
        let _ = ClientMessage::parse(&text);
    }

    #[test]
    fn no_object_makes_the_parser_panic(
        kind in prop::sample::select(vec!["start", "resume", "text", "audio_start", "choose", "heard", "ping", "x"]),
        key in prop::sample::select(vec!["id", "text", "n", "language", "choice", "codec", "sample_rate", "protocol"]),
        value in prop::sample::select(vec!["null", "-1", "1e999", "18446744073709551616", "\"བོད་ 中\"", "[]", "{}"]),
    ) {
        let _ = ClientMessage::parse(&format!(r#"{{"type":"{kind}","{key}":{value}}}"#));
    }
}
