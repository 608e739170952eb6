//! Suggested answers.

use axum::http::StatusCode;
use language::Language;
use serde_json::json;

use crate::app::TestApp;

#[tokio::test]
async fn an_agent_gets_suggested_answers_in_the_language_asked_for() {
    let app = TestApp::new().await;
    let agent = app.agent("卓玛", &Language::ALL).await;
    // ཐོབ་ཐང་ 身份证
    let q = "%E0%BD%90%E0%BD%BC%E0%BD%96%E0%BC%8B%E0%BD%90%E0%BD%84%E0%BC%8B%20%E8%BA%AB%E4%BB%BD%E8%AF%81";
    let reply = app.get(&agent, &format!("/v1/desk/answers?q={q}&language=bo")).await;
    let expected = json!({ "candidates": [
        { "entry": "id-card-lost", "question": "ཐོབ་ཐང་ 身份证", "text": "bo: ལན་ 答案", "confidence": 0.5 },
    ] });
    assert_eq!((reply.status, reply.body), (StatusCode::OK, expected));
    let nothing = app.get(&agent, "/v1/desk/answers?q=%20&language=zh").await;
    assert_eq!(nothing.body, json!({ "candidates": [] }));
}

#[tokio::test]
async fn what_is_wrong_with_a_search_is_said_and_a_busy_worker_too() {
    let app = TestApp::new().await;
    let agent = app.agent("卓玛", &Language::ALL).await;
    let long = format!("/v1/desk/answers?q={}&language=zh", "a".repeat(2_001));
    for path in
        ["/v1/desk/answers?q=x", "/v1/desk/answers?language=bo", "/v1/desk/answers?q=x&language=en", &long]
    {
        let reply = app.get(&agent, path).await;
        assert_eq!((reply.status, reply.code()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid"), "{path}");
    }
    let busy = app.get(&agent, "/v1/desk/answers?q=%E5%BF%99&language=zh").await;
    assert_eq!((busy.status, busy.code()), (StatusCode::SERVICE_UNAVAILABLE, "busy"));
}
