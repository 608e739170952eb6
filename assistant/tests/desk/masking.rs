//! Personal numbers at the desk: masked, and shown one message at a time for a reason that goes on record.

use assistant::masking::{Permission, RevealAudit, RevealError, Revealed, reveal};
use async_trait::async_trait;
use conversation::{
    Append, CitizenMessage, ConversationId, EventBody, HandoffCommand, MessageId, MessageKey, Source,
    StoreError,
};
use language::Language;
use parking_lot::Mutex;
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
    let back =
        HandoffCommand::Message { agent: agent.agent.actor(), text: "您的13912345678对吗".to_owned() };
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

/// An audit trail on a sheet of paper; one without paper fails.
struct Sheet(Option<Mutex<Vec<Revealed>>>);

#[async_trait]
impl RevealAudit for Sheet {
    async fn record(&self, revealed: Revealed) -> Result<(), StoreError> {
        let sheet = self.0.as_ref().ok_or(StoreError::Busy)?;
        sheet.lock().push(revealed);
        Ok(())
    }
}

#[tokio::test]
async fn revealing_needs_a_permission_a_reason_and_a_record() {
    let app = TestApp::new().await;
    let agent = app.add_agent("卓玛", &Language::ALL).await.id;
    let id = app.waiting(Language::Bo).await;
    let seq = says(&app, id, SAID.to_owned()).await;
    let sheet = Sheet(Some(Mutex::default()));
    let store = app.store.as_ref();
    let (yes, no) = (Permission::Granted, Permission::Denied);
    let denied = reveal(store, &sheet, no, agent, (id, seq), "call back").await;
    assert!(matches!(denied, Err(RevealError::NotAllowed)));
    for reason in ["", "  ", &"字".repeat(201)] {
        let refused = reveal(store, &sheet, yes, agent, (id, seq), reason).await;
        assert!(matches!(refused, Err(RevealError::NoReason)));
    }
    for nowhere in [0, 1, 3, seq + 1] {
        let refused = reveal(store, &sheet, yes, agent, (id, nowhere), "call back").await;
        assert!(matches!(refused, Err(RevealError::NotFound)), "{nowhere}");
    }
    let unrecorded = reveal(store, &Sheet(None), yes, agent, (id, seq), "call back").await;
    assert!(matches!(unrecorded, Err(RevealError::Store(_))), "no record, no number");
    assert!(sheet.0.as_ref().unwrap().lock().is_empty());

    let shown = reveal(store, &sheet, yes, agent, (id, seq), " 回拨 13912345678 ").await.unwrap();
    assert_eq!(shown, SAID);
    let recorded = Revealed { agent, conversation: id, seq, reason: "回拨 ****5678".to_owned() };
    assert_eq!(*sheet.0.as_ref().unwrap().lock(), [recorded]);
}
