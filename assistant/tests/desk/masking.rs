//! Personal numbers at the desk: masked, and shown one message at a time for a reason that goes on record.

use assistant::masking::{Permission, RevealError, reveal};
use conversation::audit::{AuditActor, AuditPage};
use conversation::{
    Append, CitizenMessage, ConversationId, EventBody, HandoffCommand, MessageId, MessageKey, Source,
};
use language::Language;
use serde_json::json;

use crate::app::TestApp;

const SAID: &str = "ངའི་ཁ་པར་༡༣༩༡༢༣༤༥༦༧༨་རེད། 身份证 540102 19900101 1233，每月1200元，已打12345";
const SHOWN: &str = "ངའི་ཁ་པར་****5678་རེད། 身份证 ****1233，每月1200元，已打12345";

async fn says(app: &TestApp, id: ConversationId, text: String) -> u64 {
    let name = MessageId::try_from("number").unwrap();
    let message = EventBody::CitizenMessage(CitizenMessage {
        id: name.clone(),
        text,
        source: Source::Text,
        language: Language::Bo,
        dictation: true,
        sound: None,
    });
    let append = Append::to(id).because_of(MessageKey::citizen(name)).event(message);
    app.store.append(append).await.unwrap().first_seq().unwrap()
}

#[tokio::test]
async fn lists_and_transcripts_show_no_personal_number_and_the_log_keeps_them() {
    let app = TestApp::new().await;
    let agent = app.agent("卓玛", &Language::ALL).await;
    let id = app.waiting(Language::Bo).await;
    let seq = says(&app, id, SAID.to_owned()).await;
    let queue = app.get(&agent, "/v1/desk/queue").await.body;
    assert_eq!(queue["waiting"][0]["preview"], json!(SHOWN));

    app.post(&agent, &format!("/v1/desk/conversations/{id}/claim"), json!({})).await;
    let back = HandoffCommand::Message {
        agent: agent.agent.actor(),
        text: "您的13912345678对吗".to_owned(),
        sound: None,
    };
    app.store.append(Append::to(id).then(back)).await.unwrap();
    let note = HandoffCommand::Requeue {
        agent: agent.agent.actor(),
        note: Some("回拨13912345678".to_owned()),
        skills: Vec::new(),
    };
    app.store.append(Append::to(id).then(note)).await.unwrap();
    let view = app.get(&agent, &format!("/v1/desk/conversations/{id}")).await.body;
    let texts = view["events"].to_string();
    assert!(
        texts.contains(SHOWN) && texts.contains("您的****5678对吗") && texts.contains("回拨****5678"),
        "{texts}"
    );
    assert!(!texts.contains("13912345678") && !texts.contains("༡༣༩"), "{texts}");
    let stored = app.store.events_after(id, seq - 1, 1).await.unwrap();
    assert!(matches!(&stored[0].body, EventBody::CitizenMessage(message) if message.text == SAID));
}

#[tokio::test]
async fn a_number_at_the_end_of_a_preview_is_masked_before_it_is_cut() {
    let app = TestApp::new().await;
    let agent = app.agent("卓玛", &Language::ALL).await;
    let id = app.waiting(Language::Bo).await;
    says(&app, id, format!("{}13912345678", "字".repeat(72))).await;
    let queue = app.get(&agent, "/v1/desk/queue").await.body;
    assert_eq!(queue["waiting"][0]["preview"], json!(format!("{}****5678", "字".repeat(72))));
}

#[tokio::test]
async fn revealing_needs_a_permission_a_reason_and_a_record() {
    let app = TestApp::new().await;
    let agent = app.agent("卓玛", &Language::ALL).await.agent;
    let actor = AuditActor::person(agent.id, &agent.name);
    let id = app.waiting(Language::Bo).await;
    let seq = says(&app, id, SAID.to_owned()).await;
    let store = app.store.as_ref();
    let show = |permission, seq, reason| reveal(store, permission, actor.clone(), (id, seq), reason);
    let recorded = async || {
        let all = store.audit(AuditPage::After(0), 100).await.unwrap();
        all.into_iter().filter(|record| record.action == "numbers.revealed").collect::<Vec<_>>()
    };
    let (yes, no) = (Permission::Granted, Permission::Denied);
    assert!(matches!(show(no, seq, "call back").await, Err(RevealError::NotAllowed)));
    let long = "字".repeat(201);
    for reason in ["", "  ", &long] {
        assert!(matches!(show(yes, seq, reason).await, Err(RevealError::NoReason)));
    }
    for nowhere in [0, 1, 3, seq + 1] {
        assert!(matches!(show(yes, nowhere, "call back").await, Err(RevealError::NotFound)), "{nowhere}");
    }
    assert!(recorded().await.is_empty());

    assert_eq!(show(yes, seq, " 回拨 13912345678 ").await.unwrap(), SAID);
    let records = recorded().await;
    assert_eq!((records.len(), &records[0].actor), (1, &actor));
    assert_eq!(records[0].subject, format!("conversation:{id}"));
    assert_eq!(records[0].detail, format!(r#"{{"reason":"回拨 ****5678","seq":{seq}}}"#));
    // Where nothing can be recorded, nothing is shown.
    store.close().await;
    assert!(matches!(show(yes, seq, "call back").await, Err(RevealError::Store(_))));
}
