//! Promises about what operators keep beside conversations.

use conversation::audit::{AuditActor, AuditEntry, AuditPage};
use conversation::{Paper, PaperChange, PaperKind, StoreError};
use serde_json::json;

use crate::story::Bench;

const KIND: PaperKind = PaperKind::CannedReply;

fn change(id: &str, expect: u64, body: Option<serde_json::Value>) -> PaperChange {
    PaperChange { kind: KIND, id: id.to_owned(), expect, body }
}

fn entry() -> AuditEntry {
    let actor = AuditActor::CommandLine { user: "dolma".to_owned() };
    AuditEntry::new(actor, "canned_reply.changed").on("canned_reply", "hello")
}

fn seen(paper: &Paper) -> (&str, u64, &str) {
    (&paper.id, paper.version, &paper.by)
}

pub async fn a_paper_is_changed_in_the_version_that_was_seen_and_otherwise_not(bench: Bench) {
    let store = &bench.store;
    assert_eq!(store.paper_version(KIND, "hello").await.unwrap(), 0);
    let first = json!({"bo": "བཀྲ་ཤིས་བདེ་ལེགས།", "zh": "您好"});
    let made = store.change_papers(vec![change("hello", 0, Some(first.clone()))], entry()).await.unwrap();
    assert_eq!(made.iter().map(seen).collect::<Vec<_>>(), [("hello", 1, "dolma")]);
    assert_eq!(store.paper(KIND, "hello").await.unwrap().unwrap(), made[0]);
    assert_eq!(made[0].body, first);

    let again = store.change_papers(vec![change("hello", 0, Some(json!(1)))], entry()).await;
    assert!(matches!(again, Err(StoreError::PaperChanged { version: 1, .. })), "{again:?}");
    let second = json!({"zh": "您好！"});
    store.change_papers(vec![change("hello", 1, Some(second.clone()))], entry()).await.unwrap();
    let late = store.change_papers(vec![change("hello", 1, None)], entry()).await;
    assert!(matches!(late, Err(StoreError::PaperChanged { version: 2, .. })), "{late:?}");
    assert_eq!(store.papers(KIND).await.unwrap()[0].body, second);
    assert_eq!(store.papers(PaperKind::Proposal).await.unwrap(), [], "kinds are apart");

    assert_eq!(store.change_papers(vec![change("hello", 2, None)], entry()).await.unwrap(), []);
    assert_eq!(store.papers(KIND).await.unwrap(), []);
    let records = store.audit(AuditPage::After(0), 100).await.unwrap();
    let kept = records.iter().filter(|record| record.action == "canned_reply.changed").count();
    assert_eq!(kept, 3, "what was refused left no record");
}

pub async fn several_papers_are_changed_together_or_not_at_all(bench: Bench) {
    let store = &bench.store;
    let both = vec![change("a", 0, Some(json!("a"))), change("b", 0, Some(json!("b")))];
    store.change_papers(both, entry()).await.unwrap();
    let second_is_late = vec![change("a", 1, None), change("b", 7, Some(json!("c")))];
    let refused = store.change_papers(second_is_late, entry()).await;
    assert!(matches!(refused, Err(StoreError::PaperChanged { version: 1, .. })), "{refused:?}");
    let kept = store.papers(KIND).await.unwrap();
    assert_eq!(kept.iter().map(seen).collect::<Vec<_>>(), [("a", 1, "dolma"), ("b", 1, "dolma")]);
}

pub async fn of_fifty_who_change_a_paper_at_once_one_does(bench: Bench) {
    for expect in [0, 1] {
        let everybody = (0..50).map(|number| {
            let store = std::sync::Arc::clone(&bench.store);
            tokio::spawn(async move {
                let body = Some(json!(number));
                store.change_papers(vec![change("one", expect, body)], entry()).await
            })
        });
        let mut done = 0;
        for one in everybody.collect::<Vec<_>>() {
            match one.await.unwrap() {
                Ok(_) => done += 1,
                Err(StoreError::PaperChanged { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(done, 1);
        assert_eq!(bench.store.paper_version(KIND, "one").await.unwrap(), expect + 1);
    }
}
