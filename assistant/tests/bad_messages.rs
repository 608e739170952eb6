//! Whatever a client sends, it gets a clear error in its language, and the conversation goes on.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod common;

use common::{close_code, error, has_script, shared, start};
use examples::{Client, Message, StartOptions};
use serde_json::json;

#[tokio::test]
async fn broken_messages_are_told_in_the_citizen_s_language() {
    for language in ["bo", "zh"] {
        let mut client = shared().citizen(language).await;
        for (code, text) in [
            ("bad_json", "{\"type\":".to_owned()),
            ("bad_json", "སྐད་ཆ 你好".to_owned()),
            ("bad_message", "{}".to_owned()),
            ("unknown_type", json!({"type": "dance"}).to_string()),
            ("bad_message", json!({"type": "text", "id": "a"}).to_string()),
            ("bad_message", json!({"type": "text", "id": "a", "text": "  "}).to_string()),
            ("bad_message", json!({"type": "text", "id": "x".repeat(65), "text": "你好"}).to_string()),
            ("text_too_long", json!({"type": "text", "id": "a", "text": "问".repeat(2_001)}).to_string()),
            ("wrong_order", json!({"type": "commit", "id": "none"}).to_string()),
            ("wrong_order", json!({"type": "start", "protocol": 1, "language": "bo"}).to_string()),
        ] {
            client.send_text(text.clone()).await.unwrap();
            let told = error(&mut client).await;
            assert_eq!(told["code"], code, "{text}");
            assert_eq!(told["fatal"], false);
            assert!(has_script(told["message"].as_str().unwrap(), language), "{told}");
        }
        client.send_audio(vec![0; 640]).await.unwrap();
        assert_eq!(error(&mut client).await["code"], "wrong_order");
        client.say("你好").await.unwrap();
        assert_eq!(client.wait_for("say").await.unwrap()["act"], "greeting");
    }
}

#[tokio::test]
async fn a_hundred_kilobytes_end_the_connection_and_not_the_conversation() {
    let mut client = shared().citizen("zh").await;
    client.say(&"问".repeat(100 * 1024 / 3)).await.ok();
    let refused = loop {
        match client.next().await {
            Ok(Message::Json(m)) if m["type"] == "error" => break m["code"] == "text_too_long",
            Ok(Message::Closed(code)) => break code == 1009,
            Ok(_) => {}
            Err(_) => break true,
        }
    };
    assert!(refused);
    let mut again = shared().connect().await;
    again.resume(&client.token.clone().unwrap(), 0).await.unwrap();
    again.say("你好").await.unwrap();
    again.wait_for("say").await.unwrap();
}

#[tokio::test]
async fn an_invalid_token_is_refused_in_both_languages_and_closes() {
    for token in ["", "nonsense", &"A".repeat(43)] {
        let mut client = shared().connect().await;
        client.send(json!({"type": "resume", "protocol": 1, "token": token, "last_seq": 0})).await.unwrap();
        let told = error(&mut client).await;
        assert_eq!((told["code"].as_str(), told["fatal"].as_bool()), (Some("bad_token"), Some(true)));
        let message = told["message"].as_str().unwrap();
        assert!(has_script(message, "bo") && has_script(message, "zh"), "{message}");
        assert_eq!(close_code(&mut client).await, 1008);
    }
}

#[tokio::test]
async fn a_message_before_start_is_refused_and_start_still_works() {
    let mut client = shared().connect().await;
    client.say("你好").await.unwrap();
    assert_eq!(error(&mut client).await["code"], "wrong_order");
    client.start(&StartOptions::text("bo")).await.unwrap();
}

#[tokio::test]
async fn a_page_of_a_foreign_origin_is_refused_and_our_own_is_not() {
    let url = shared().portal();
    let own = format!("http://{}", shared().server.address());
    assert!(Client::connect_from(&url, Some("https://elsewhere.example")).await.is_err());
    assert!(Client::connect_from(&url, Some("null")).await.is_err());
    assert!(Client::connect_from(&url, Some(&own)).await.is_ok());
}

#[tokio::test]
async fn who_sends_too_fast_is_told_when_to_go_on_and_others_notice_nothing() {
    let server = start("[limits]\nmessages_per_minute = 3").await;
    let mut fast = server.citizen("bo").await;
    let mut other = server.citizen("zh").await;
    for _ in 0..3 {
        fast.say("བཀྲ་ཤིས་བདེ་ལེགས།").await.unwrap();
    }
    fast.say("བཀྲ་ཤིས་བདེ་ལེགས།").await.unwrap();
    let told = error(&mut fast).await;
    assert_eq!(told["code"], "too_fast");
    assert!(told["retry_after_ms"].as_u64().unwrap() > 0);
    other.say("你好").await.unwrap();
    other.wait_for("say").await.unwrap();
}

#[tokio::test]
async fn speech_without_an_engine_is_refused_with_what_still_works() {
    let mut client = shared().citizen("bo").await;
    let start = json!({"type": "audio_start", "id": "a1", "codec": "pcm16", "sample_rate": 16000});
    client.send(start).await.unwrap();
    let told = error(&mut client).await;
    assert_eq!((told["code"].as_str(), told["id"].as_str()), (Some("unavailable"), Some("a1")));
    client.say("བཀྲ་ཤིས་བདེ་ལེགས།").await.unwrap();
    client.wait_for("say").await.unwrap();
}

#[tokio::test]
async fn an_address_with_too_many_conversations_is_told_to_try_later() {
    let server = start("[limits]\nconversations_per_address = 2").await;
    let _one = server.citizen("bo").await;
    let two = server.citizen("zh").await;
    let mut three = server.connect().await;
    assert_eq!(error(&mut three).await["code"], "too_many");
    assert_eq!(close_code(&mut three).await, 1013);
    two.close().await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let mut four = server.connect().await;
    four.start(&StartOptions::text("bo")).await.unwrap();
}

#[tokio::test]
async fn a_client_that_says_nothing_is_closed_and_can_resume() {
    let server = start("[limits]\nidle = \"5s\"").await;
    let mut client = server.citizen("bo").await;
    assert_eq!(close_code(&mut client).await, 1000);
    let mut again = server.connect().await;
    again.resume(&client.token.clone().unwrap(), 0).await.unwrap();
}
