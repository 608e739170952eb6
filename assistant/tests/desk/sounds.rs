//! Spoken replies: an agent keeps, hears, sends and drops them.

use std::sync::atomic::AtomicBool;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use conversation::sounds::Receipts;
use conversation::{ConversationId, Role};
use language::Language;
use serde_json::{Value, json};
use speech::codec::{file, wav};
use speech::synthesizer::{EspeakSettings, EspeakVoice};
use speech::{SpeechRequest, Synthesizer as _};

use crate::app::{HOST, OWN_PAGE, Reply, Session, TestApp};

fn spoken(text: &str, language: Language) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let mut voice = EspeakVoice::new(EspeakSettings::default(), folder.path()).unwrap();
    let request = SpeechRequest { text: text.to_owned(), language, rate: 1.0 };
    let clip = voice.synthesize(&request, &AtomicBool::new(false)).unwrap();
    wav::encode(&clip.samples, clip.sample_rate).unwrap()
}

async fn keep(app: &TestApp, session: &Session, id: ConversationId, body: Vec<u8>) -> Reply {
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("/v1/desk/conversations/{id}/sounds"))
        .header("cookie", &session.cookie)
        .header("x-drilen-csrf", &session.csrf)
        .header("origin", OWN_PAGE)
        .header("host", HOST)
        .header("content-type", "audio/wav")
        .body(Body::from(body));
    app.send_any(request.unwrap()).await
}

async fn hear(app: &TestApp, session: &Session, id: ConversationId, query: &str) -> Reply {
    app.send_any(
        Request::builder()
            .uri(format!("/v1/desk/conversations/{id}/sound?{query}"))
            .header("cookie", &session.cookie)
            .body(Body::empty())
            .unwrap(),
    )
    .await
}

async fn held(app: &TestApp, session: &Session, language: Language) -> ConversationId {
    let id = app.waiting(language).await;
    let claimed = app.post(session, &format!("/v1/desk/conversations/{id}/claim"), json!({})).await;
    assert_eq!(claimed.status, StatusCode::OK);
    id
}

#[tokio::test]
async fn a_spoken_reply_is_kept_heard_and_sent_once_with_or_without_words() {
    let app = TestApp::new().await;
    let agent = app.agent("dolma", &Language::ALL).await;
    let other = app.agent("tashi", &Language::ALL).await;
    for (language, words, said) in
        [(Language::Zh, "", "请带上身份证。"), (Language::Bo, "ལག་ཁྱེར།", "ལག་ཁྱེར་འཁྱེར་རོགས།")]
    {
        let id = held(&app, &agent, language).await;
        assert_eq!(keep(&app, &other, id, spoken(said, language)).await.code(), "not_yours");
        let kept = keep(&app, &agent, id, spoken(said, language)).await;
        assert_eq!(kept.status, StatusCode::OK, "{kept:?}");
        let (sound, ms) = (kept.body["id"].as_str().unwrap().to_owned(), kept.body["ms"].as_u64().unwrap());
        // Before it is sent it is the agent's alone.
        let query = format!("sound={sound}");
        assert_eq!(hear(&app, &agent, id, &query).await.headers["content-type"], "audio/wav");
        assert_eq!(hear(&app, &other, id, &query).await.status, StatusCode::NOT_FOUND);

        let path = format!("/v1/desk/conversations/{id}/messages");
        let message = json!({"id": "m", "text": words, "sound": sound});
        assert_eq!(app.post(&other, &path, message.clone()).await.status, StatusCode::NOT_FOUND);
        let sent = app.post(&agent, &path, message.clone()).await;
        let seq = sent.body["seq"].as_u64().unwrap();
        assert_eq!(app.post(&agent, &path, message).await.body["seq"], sent.body["seq"], "sent again");

        let view = app.get(&agent, &format!("/v1/desk/conversations/{id}")).await.body;
        let event = view["events"].as_array().unwrap().iter().find(|event| event["seq"] == seq).unwrap();
        assert_eq!((&event["text"], &event["sound"]), (&json!(words), &json!({"id": sound, "ms": ms})));
        let heard = hear(&app, &other, id, &format!("seq={seq}")).await;
        assert_eq!(heard.status, StatusCode::OK, "who may read the conversation may hear it");
        let samples = file::decode(heard.bytes, 30.0).unwrap();
        let heard_ms = samples.len() as u64 / 16;
        assert!(heard_ms.abs_diff(ms) <= 60, "{heard_ms} ms of {ms}");
        assert!(samples.iter().any(|sample| sample.abs() > 0.05), "silence");
        // What was sent is not taken back.
        let remove = format!("/v1/desk/conversations/{id}/sounds/{sound}/remove");
        assert_eq!(app.post(&agent, &remove, json!({})).await.code(), "not_found");
    }
}

#[tokio::test]
async fn what_was_not_sent_is_taken_back_and_what_is_no_sound_is_refused() {
    let app = TestApp::new().await;
    let agent = app.agent("dolma", &Language::ALL).await;
    let id = held(&app, &agent, Language::Zh).await;
    let long = wav::encode(&vec![0.3; 16_000 * 130], 16_000).unwrap();
    for (body, code, says) in [
        (Vec::new(), "sound_unreadable", "empty"),
        (b"<html>".to_vec(), "sound_unreadable", ""),
        (long, "sound_too_long", "120 seconds at most"),
        (vec![0; 25 << 20], "sound_too_long", "120 seconds at most"),
        (wav::encode(&vec![0.0; 32_000], 16_000).unwrap(), "sound_without_speech", ""),
    ] {
        let refused = keep(&app, &agent, id, body).await;
        assert_eq!(refused.code(), code, "{refused:?}");
        let message = refused.body["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(says), "{says}: {message}");
    }
    let kept = keep(&app, &agent, id, spoken("请稍等。", Language::Zh)).await.body;
    let sound = kept["id"].as_str().unwrap();
    let remove = format!("/v1/desk/conversations/{id}/sounds/{sound}/remove");
    assert_eq!(app.post(&agent, &remove, json!({})).await.status, StatusCode::NO_CONTENT);
    let message = json!({"id": "m", "sound": sound});
    let path = format!("/v1/desk/conversations/{id}/messages");
    assert_eq!(app.post(&agent, &path, message).await.code(), "not_found");
    assert_eq!(app.post(&agent, &path, json!({"id": "m2", "text": " "})).await.code(), "invalid");
    // A sound of another conversation is none of this one.
    let elsewhere = held(&app, &agent, Language::Zh).await;
    let kept = keep(&app, &agent, elsewhere, spoken("请稍等。", Language::Zh)).await.body;
    let message = json!({"id": "m3", "sound": kept["id"]});
    assert_eq!(app.post(&agent, &path, message).await.code(), "not_found");
}

#[tokio::test]
async fn how_far_the_citizen_has_come_is_told_with_the_conversation() {
    let app = TestApp::new().await;
    let agent = app.person("dolma", &Language::ALL, &[Role::Agent]).await;
    let id = held(&app, &agent, Language::Bo).await;
    app.store.note_receipts(id, Receipts { delivered: 4, seen: 3 }).await.unwrap();
    let view: Value = app.get(&agent, &format!("/v1/desk/conversations/{id}")).await.body;
    assert_eq!((&view["receipts"], &view["left"]), (&json!({"delivered": 4, "seen": 3}), &json!([])));
}
