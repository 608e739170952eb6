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

/// What somebody may write who wants to break a database, a page or a log.
const HOSTILE: [&str; 7] = [
    "'; DROP TABLE events; --",
    "\" OR 1=1 UNION SELECT token_hash FROM conversations --",
    "<script>alert('བཀྲ་ཤིས')</script>",
    "<img src=x onerror=alert(1)>{{7*7}}${7*7}",
    "%00%0a\u{0}\u{1b}[31m\r\nSet-Cookie: a=b",
    "../../../../etc/passwd",
    "\u{202E}ལོག་\u{0F71}\u{0F39}\u{FEFF}",
];

#[tokio::test]
async fn hostile_words_are_kept_and_given_back_as_they_were_written() {
    for language in ["bo", "zh"] {
        let mut client = shared().citizen(language).await;
        for (number, words) in HOSTILE.iter().enumerate() {
            let id = if number < 4 { (*words).chars().take(60).collect() } else { format!("h{number}") };
            client.send(json!({"type": "text", "id": id, "text": words})).await.unwrap();
            let message = client.wait_for("citizen_message").await.unwrap();
            assert_eq!((message["text"].as_str(), message["id"].as_str()), (Some(*words), Some(id.as_str())));
            client.wait_for_any(&["answer", "clarify", "say", "escalated"]).await.unwrap();
        }
        let token = client.token.clone().unwrap();
        let mut again = shared().connect().await;
        again.resume(&token, 0).await.unwrap();
        for words in HOSTILE {
            assert_eq!(again.wait_for("citizen_message").await.unwrap()["text"], words);
        }
        // Where words are no number and no token, they are refused, and never repeated in the error.
        for words in HOSTILE {
            again.send(json!({"type": "callback", "id": "n", "number": words})).await.unwrap();
            let told = error(&mut again).await;
            assert_eq!(told["code"], "bad_message", "{words}");
            assert!(has_script(told["message"].as_str().unwrap(), language));
            let mut stranger = shared().connect().await;
            let resume = json!({"type": "resume", "protocol": 1, "token": words, "last_seq": 0});
            stranger.send(resume).await.unwrap();
            let told = error(&mut stranger).await;
            assert_eq!(told["code"], "bad_token");
            assert!(!told.to_string().contains('<') && !told.to_string().contains("DROP"));
        }
        let mut named = shared().connect().await;
        for words in HOSTILE {
            let start = json!({"type": "start", "protocol": 1, "language": words, "client": words});
            named.send(start).await.unwrap();
            let told = error(&mut named).await;
            assert_eq!(told["code"], "bad_message");
            assert!(!told.to_string().contains(words), "{told}");
        }
    }
}

#[tokio::test]
async fn numbers_that_are_too_large_and_objects_that_are_too_deep_are_refused() {
    let mut client = shared().citizen("zh").await;
    let deep = format!(r#"{{"type":"text","id":"d","text":{}1{}}}"#, "[".repeat(20_000), "]".repeat(20_000));
    for (code, text) in [
        (
            "bad_message",
            r#"{"type":"choose","id":"c","clarify_seq":18446744073709551616,"choice":1}"#.to_owned(),
        ),
        ("bad_message", r#"{"type":"choose","id":"c","clarify_seq":-1,"choice":1}"#.to_owned()),
        ("bad_message", r#"{"type":"choose","id":"c","clarify_seq":1,"choice":256}"#.to_owned()),
        ("bad_message", r#"{"type":"choose","id":"c","clarify_seq":1e300,"choice":1}"#.to_owned()),
        (
            "wrong_order",
            r#"{"type":"choose","id":"c","clarify_seq":18446744073709551615,"choice":9}"#.to_owned(),
        ),
        ("bad_json", r#"{"type":"ping","n":1e999}"#.to_owned()),
        ("bad_message", r#"{"type":"ping","n":1.5}"#.to_owned()),
        ("bad_json", deep),
        ("bad_json", format!(r#"{{"type":"text","id":"u","text":"\ud800{}"}}"#, "a")),
        (
            "bad_message",
            r#"{"type":"audio_start","id":"a","codec":"opus","sample_rate":4294967296}"#.to_owned(),
        ),
        ("bad_message", r#"{"type":"audio_start","id":"a","codec":"pcm16","sample_rate":0}"#.to_owned()),
        (
            "bad_message",
            r#"{"type":"callback","id":"t","number":"6321234","from":"+999999-01-01T00:00:00Z"}"#.to_owned(),
        ),
    ] {
        client.send_text(text.clone()).await.unwrap();
        let told = error(&mut client).await;
        assert_eq!(told["code"], code, "{}", &text[..text.len().min(120)]);
    }
    client.send_text(r#"{"type":"ping","n":18446744073709551615}"#.to_owned()).await.unwrap();
    assert_eq!(client.wait_for("pong").await.unwrap()["n"].as_u64(), Some(u64::MAX));
    client
        .send_text(r#"{"type":"heard","audio_id":18446744073709551615,"ms":18446744073709551615}"#.to_owned())
        .await
        .unwrap();
    client.say("你好").await.unwrap();
    client.wait_for("say").await.unwrap();
}

#[tokio::test]
async fn a_place_in_the_future_and_an_id_that_was_used_are_no_way_in() {
    let mut client = shared().citizen("bo").await;
    client.send(json!({"type": "text", "id": "same", "text": "བཀྲ་ཤིས་བདེ་ལེགས།"})).await.unwrap();
    client.wait_for("say").await.unwrap();
    let (token, last) = (client.token.clone().unwrap(), client.last_seq);
    // The same id with other words: acknowledged as the first, and the other words are nowhere.
    client.send(json!({"type": "text", "id": "same", "text": "གཞན་ཞིག"})).await.unwrap();
    let again = client.wait_for("accepted").await.unwrap();
    assert_eq!((again["id"].as_str(), again["seq"].as_u64()), (Some("same"), Some(2)));
    client.send(json!({"type": "person", "id": "same"})).await.unwrap();
    assert_eq!(client.wait_for("accepted").await.unwrap()["seq"], 2, "an id is one message's, of any type");
    client.send(json!({"type": "ping", "n": 1})).await.unwrap();
    client.wait_for("pong").await.unwrap();
    assert_eq!(client.last_seq, last);
    for future in [last + 1, last + 1_000, u64::from(u32::MAX), i64::MAX as u64, u64::MAX] {
        let mut ahead = shared().connect().await;
        ahead
            .send(json!({"type": "resume", "protocol": 1, "token": token, "last_seq": future}))
            .await
            .unwrap();
        let told = error(&mut ahead).await;
        assert_eq!(
            (told["code"].as_str(), told["fatal"].as_bool()),
            (Some("bad_message"), Some(true)),
            "{future}"
        );
        assert_eq!(close_code(&mut ahead).await, 1008);
    }
    let mut whole = shared().connect().await;
    whole.resume(&token, last).await.unwrap();
    whole.say("བཀྲ་ཤིས་བདེ་ལེགས།").await.unwrap();
    assert_eq!(whole.wait_for("citizen_message").await.unwrap()["seq"], last + 1);
}

#[tokio::test]
async fn sound_that_is_too_much_or_out_of_place_ends_nothing_but_itself() {
    let mut client = shared().citizen("zh").await;
    // Before a turn, after a turn that was refused, and no bytes at all.
    for bytes in [vec![0; 640], Vec::new(), vec![0xFF; 64 * 1024]] {
        client.send_audio(bytes).await.unwrap();
        assert_eq!(error(&mut client).await["code"], "wrong_order");
    }
    for message in [
        json!({"type": "commit", "id": "x"}),
        json!({"type": "cancel", "id": "x"}),
        json!({"type": "cancel"}),
    ] {
        client.send(message).await.unwrap();
    }
    assert_eq!(error(&mut client).await["code"], "wrong_order", "only the commit is told");
    client.say("你好").await.unwrap();
    client.wait_for("say").await.unwrap();
    let token = client.token.clone().unwrap();
    client.send_audio(vec![0; 64 * 1024 + 1]).await.unwrap();
    // What is still on its way when the server closes resets the connection, which may overtake the close message.
    while let Ok(message) = client.next().await {
        if let Message::Closed(code) = message {
            assert!(code == 1009 || code == 1006, "closed with {code}");
            break;
        }
    }
    let mut again = shared().connect().await;
    again.resume(&token, 0).await.unwrap();
    // Sound as the very first message: told, and the conversation can still be opened.
    let mut first = shared().connect().await;
    first.send_audio(vec![0; 640]).await.unwrap();
    assert_eq!(error(&mut first).await["code"], "wrong_order");
    first.start(&StartOptions::text("bo")).await.unwrap();
}

#[tokio::test]
async fn whoever_sends_only_rubbish_before_opening_a_conversation_is_closed() {
    let mut client = shared().connect().await;
    for _ in 0..8 {
        client.send_text("\u{0F40}".repeat(100)).await.unwrap();
        assert_eq!(error(&mut client).await["code"], "bad_json");
    }
    assert_eq!(close_code(&mut client).await, 1008);
}
