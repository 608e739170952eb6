//! Answers that people have read aloud, by way of the desk's interface.

use std::sync::atomic::AtomicBool;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use conversation::Role;
use language::Language;
use serde_json::{Value, json};
use speech::codec::wav;
use speech::synthesizer::{EspeakSettings, EspeakVoice};
use speech::{Clip, SpeechRequest, Synthesizer as _};

use crate::app::{HOST, OWN_PAGE, Reply, Session, TestApp};

/// A sound file with words in it.
fn words(text: &str, language: Language) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let mut voice = EspeakVoice::new(EspeakSettings::default(), folder.path()).unwrap();
    let request = SpeechRequest { text: text.to_owned(), language, rate: 1.0 };
    let silence = Clip { samples: vec![0.0; 16_000], sample_rate: 16_000 };
    let clip = voice.synthesize(&request, &AtomicBool::new(false)).unwrap_or(silence);
    wav::encode(&clip.samples, clip.sample_rate).unwrap()
}

/// A sound file of so many seconds that is cut off at full scale.
fn loud(seconds: usize) -> Vec<u8> {
    let full = |place: usize| if place % 80 < 40 { 1.0 } else { -1.0 };
    wav::encode(&(0..seconds * 16_000).map(full).collect::<Vec<f32>>(), 16_000).unwrap()
}

async fn send(app: &TestApp, session: &Session, method: Method, path: &str, body: Vec<u8>) -> Reply {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("cookie", &session.cookie)
        .header("x-drilen-csrf", &session.csrf)
        .header("origin", OWN_PAGE)
        .header("host", HOST)
        .header("content-type", "audio/wav")
        .body(Body::from(body));
    app.send_any(request.unwrap()).await
}

async fn listed(app: &TestApp, session: &Session) -> (Vec<Value>, usize) {
    let body = app.get(session, "/v1/desk/clips").await.body;
    (body["versions"].as_array().unwrap().clone(), body["stale"].as_array().unwrap().len())
}

#[tokio::test]
async fn an_editor_keeps_hears_and_removes_recordings_and_the_trail_tells() {
    let app = TestApp::new().await;
    let editor = app.person("yangzom", &Language::ALL, &[Role::Editor, Role::Auditor]).await;
    let agent = app.agent("dolma", &Language::ALL).await;
    assert_eq!(app.get(&agent, "/v1/desk/clips").await.code(), "forbidden");
    let (versions, _) = listed(&app, &editor).await;
    assert_eq!(versions.len(), 2, "one answer, two languages");
    for version in &versions {
        let language: Language = version["language"].as_str().unwrap().parse().unwrap();
        let file = words(version["text"].as_str().unwrap(), language);
        let path = format!("/v1/desk/clips?entry=id-card-lost&language={language}");
        assert_eq!(send(&app, &agent, Method::POST, &path, file.clone()).await.code(), "forbidden");
        let added = send(&app, &editor, Method::POST, &path, file).await;
        assert_eq!(added.status, StatusCode::OK, "{added:?}");
        assert_eq!((&added.body["text"], &added.body["by"]), (&version["text"], &json!("yangzom")));
        let id = added.body["id"].as_str().unwrap();
        let sound = send(&app, &editor, Method::GET, &format!("/v1/desk/clips/{id}/sound"), Vec::new()).await;
        assert_eq!(sound.headers["content-type"], "audio/wav");
    }
    let (versions, stale) = listed(&app, &editor).await;
    assert!(versions.iter().all(|version| version["clip"]["seconds"].as_f64().unwrap() > 0.5));
    assert_eq!(stale, 0);
    let id = versions[0]["clip"]["id"].as_str().unwrap().to_owned();
    let removed = app.post(&editor, &format!("/v1/desk/clips/{id}/remove"), json!({})).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    assert_eq!(
        app.post(&editor, &format!("/v1/desk/clips/{id}/remove"), json!({})).await.code(),
        "not_found"
    );
    let records = app.get(&editor, "/v1/desk/audit").await.body["records"].clone();
    let records = records.as_array().unwrap();
    let actions =
        records.iter().filter_map(|r| r["action"].as_str()).filter(|a| a.starts_with("clip.")).count();
    assert_eq!(actions, 3, "{records:?}");
}

#[tokio::test]
async fn what_is_no_recording_of_an_answer_is_refused_with_what_to_do() {
    let app = TestApp::new().await;
    let editor = app.person("yangzom", &Language::ALL, &[Role::Editor]).await;
    let path = "/v1/desk/clips?entry=id-card-lost&language=zh";
    for (path, body, code, says) in [
        (path, Vec::new(), "invalid", "body is empty"),
        (path, b"<html>".to_vec(), "sound_unreadable", ""),
        (path, vec![0; 37 << 20], "sound_too_large", "larger than 36 MB"),
        (path, words("", Language::Zh), "sound_without_speech", ""),
        (path, loud(2), "sound_clipped", "less gain"),
        (path, loud(181), "sound_too_long", "180 s"),
        ("/v1/desk/clips?entry=nothing&language=zh", words("好", Language::Zh), "not_found", ""),
        (
            "/v1/desk/clips?entry=id-card-lost&language=zh&region=540100",
            words("好", Language::Zh),
            "not_found",
            "",
        ),
        ("/v1/desk/clips?entry=id-card-lost&language=en", words("好", Language::Zh), "invalid", "en"),
        ("/v1/desk/clips?language=zh", words("好", Language::Zh), "invalid", "entry"),
    ] {
        let refused = send(&app, &editor, Method::POST, path, body).await;
        assert_eq!(refused.code(), code, "{path}: {refused:?}");
        let message = refused.body["error"]["message"].as_str().unwrap();
        assert!(message.contains(says), "{path}: {message}");
    }
    let (versions, stale) = listed(&app, &editor).await;
    assert!(versions.iter().all(|version| version["clip"].is_null()) && stale == 0, "nothing was kept");
}
