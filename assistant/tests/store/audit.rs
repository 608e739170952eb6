//! Promises about the audit trail, and what tampering with it by hand leads to.

use conversation::audit::{
    AuditActor, AuditEntry, AuditPage, AuditRecord, AuditSearch, BrokenChain, ChainCheck, ChainHead,
};
use conversation::{Store, StoreError};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::story::{Bench, clock};
use assistant::store::SqlStore;

fn shown(number: usize) -> AuditEntry {
    let actor = AuditActor::CommandLine { user: "root".to_owned() };
    AuditEntry::new(actor, "number.shown").on("conversation", number).with("reason", "电话回访")
}

pub async fn verify(store: &dyn Store, wanted: Option<ChainHead>) -> Result<Option<ChainHead>, BrokenChain> {
    let mut check = wanted.map_or_else(ChainCheck::new, ChainCheck::looking_for);
    for record in store.audit(AuditPage::After(0), 10_000).await.unwrap() {
        check.next(&record)?;
    }
    check.finish()
}

pub async fn records_form_a_chain_and_come_back_page_by_page(bench: Bench) {
    let store = bench.store.as_ref();
    assert_eq!(store.audit(AuditPage::After(0), 10).await.unwrap(), []);
    let mut heads = Vec::new();
    for number in 0..7 {
        heads.push(store.record(shown(number)).await.unwrap());
    }
    let all = store.audit(AuditPage::After(0), 10).await.unwrap();
    assert_eq!(all.iter().map(AuditRecord::head).collect::<Vec<_>>(), heads);
    assert_eq!(
        (all[3].subject.as_str(), all[3].detail.as_str()),
        ("conversation:3", r#"{"reason":"电话回访"}"#)
    );
    assert_eq!(store.audit(AuditPage::After(3), 2).await.unwrap(), all[3..5]);
    let newest: Vec<_> = all.iter().rev().cloned().collect();
    assert_eq!(store.audit(AuditPage::Before(None), 3).await.unwrap(), newest[..3]);
    assert_eq!(store.audit(AuditPage::Before(Some(5)), 10).await.unwrap(), newest[3..]);
    assert_eq!(verify(store, Some(heads[2])).await, Ok(heads.last().copied()));
}

pub async fn records_are_found_by_what_they_say(bench: Bench) {
    let store = bench.store.as_ref();
    for number in 0..4 {
        bench.clock.advance(std::time::Duration::from_secs(10));
        store.record(shown(number)).await.unwrap();
    }
    let other = AuditEntry::new(AuditActor::System, "retention.erased");
    store.record(other).await.unwrap();
    let found = async |search: AuditSearch| -> Vec<u64> {
        store.search_audit(search, 3).await.unwrap().iter().map(|record| record.id).collect()
    };
    let all = store.audit(AuditPage::After(0), 10).await.unwrap();
    assert_eq!(found(AuditSearch::default()).await, [5, 4, 3]);
    assert_eq!(found(AuditSearch { before: Some(3), ..AuditSearch::default() }).await, [2, 1]);
    let action = "number.shown".to_owned();
    assert_eq!(found(AuditSearch { action: action.clone(), ..AuditSearch::default() }).await, [4, 3, 2]);
    let subject = "conversation:1".to_owned();
    assert_eq!(found(AuditSearch { subject, ..AuditSearch::default() }).await, [2]);
    let by = |actor: &str| AuditSearch { actor: actor.to_owned(), ..AuditSearch::default() };
    assert_eq!(found(by("root")).await, [4, 3, 2]);
    assert_eq!(found(by("' OR 1=1 --")).await, [] as [u64; 0]);
    let (since, until) = (Some(all[1].at), Some(all[3].at));
    assert_eq!(found(AuditSearch { since, until, ..AuditSearch::default() }).await, [3, 2]);
    assert_eq!(
        found(AuditSearch { action, until: Some(all[0].at), ..AuditSearch::default() }).await,
        [] as [u64; 0]
    );
}

pub async fn records_written_from_everywhere_at_once_form_one_chain(bench: Bench) {
    let records: Vec<_> = (0..50)
        .map(|number| {
            let store = std::sync::Arc::clone(&bench.store);
            tokio::spawn(async move { store.record(shown(number)).await.unwrap() })
        })
        .collect();
    for record in records {
        record.await.unwrap();
    }
    assert_eq!(verify(bench.store.as_ref(), None).await.unwrap().unwrap().id, 50);
}

pub async fn a_failed_act_leaves_no_record(bench: Bench) {
    let agent = bench.agent("卓玛").await;
    let before = bench.store.audit(AuditPage::Before(None), 1).await.unwrap();
    let twin = conversation::Agent { id: conversation::AgentId::generate(), ..agent };
    assert!(matches!(bench.store.add_agent(twin, "$x".to_owned()).await, Err(StoreError::NameTaken)));
    assert_eq!(bench.store.audit(AuditPage::Before(None), 1).await.unwrap(), before);
}

/// A store with five records in a file, closed, and a connection to tamper with it.
async fn trail() -> (tempfile::TempDir, ChainHead) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    for number in 0..5 {
        conversation::AuditTrail::record(&store, shown(number)).await.unwrap();
    }
    let head = verify(&store, None).await.unwrap().unwrap();
    store.close().await;
    (folder, head)
}

async fn open(folder: &tempfile::TempDir) -> SqlStore {
    crate::sqlite::open(&folder.path().join("store.db"), clock()).await.unwrap()
}

async fn raw(folder: &tempfile::TempDir) -> SqliteConnection {
    SqliteConnectOptions::new().filename(folder.path().join("store.db")).connect().await.unwrap()
}

#[tokio::test]
async fn the_database_itself_refuses_to_change_the_trail() {
    let (folder, head) = trail().await;
    let mut connection = raw(&folder).await;
    for sql in [
        "UPDATE audit SET action = 'nothing' WHERE id = 2",
        "DELETE FROM audit WHERE id = 5",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE id = 2",
        "INSERT INTO audit SELECT 9, at, actor_kind, actor_id, actor_name, action, subject, detail, hash FROM audit WHERE id = 2",
        "INSERT INTO audit SELECT NULL, at, actor_kind, actor_id, actor_name, action, subject, detail, hash FROM audit WHERE id = 2",
    ] {
        let refused = sqlx::query(sql).execute(&mut connection).await.unwrap_err();
        assert!(refused.to_string().contains("the audit trail"), "{sql}: {refused}");
    }
    assert_eq!(verify(&open(&folder).await, Some(head)).await, Ok(Some(head)));
}

/// Whoever can drop the triggers can change the file; they are found out.
#[tokio::test]
async fn tampering_with_the_file_is_found_and_its_place_named() {
    for (sql, wanted) in [
        ("UPDATE audit SET action = 'number.hidden' WHERE id = 2", BrokenChain::Changed { id: 2 }),
        ("UPDATE audit SET subject = 'conversation:9' WHERE id = 1", BrokenChain::Changed { id: 1 }),
        ("UPDATE audit SET detail = '{}' WHERE id = 5", BrokenChain::Changed { id: 5 }),
        ("UPDATE audit SET at = at + 1 WHERE id = 3", BrokenChain::Changed { id: 3 }),
        ("UPDATE audit SET actor_name = 'somebody' WHERE id = 3", BrokenChain::Changed { id: 3 }),
        ("UPDATE audit SET hash = zeroblob(32) WHERE id = 4", BrokenChain::Changed { id: 4 }),
        ("DELETE FROM audit WHERE id = 3", BrokenChain::Gap { expected: 3, found: 4 }),
        (
            "DELETE FROM audit WHERE id = 3; UPDATE audit SET id = id - 1 WHERE id > 3",
            BrokenChain::Changed { id: 3 },
        ),
        ("UPDATE audit SET id = 99 WHERE id = 1", BrokenChain::Gap { expected: 1, found: 2 }),
        (
            "UPDATE audit SET id = -1 WHERE id = 2; UPDATE audit SET id = 2 WHERE id = 3; UPDATE audit SET id = 3 WHERE id = -1",
            BrokenChain::Changed { id: 2 },
        ),
        ("DELETE FROM audit WHERE id > 3", BrokenChain::CutOff { last: 3, wanted: 5 }),
        ("DELETE FROM audit", BrokenChain::CutOff { last: 0, wanted: 5 }),
    ] {
        let (folder, head) = trail().await;
        tamper(&folder, sql).await;
        assert_eq!(verify(&open(&folder).await, Some(head)).await, Err(wanted), "{sql}");
    }
}

#[tokio::test]
async fn a_row_that_is_no_record_any_more_is_named() {
    let (folder, _) = trail().await;
    tamper(&folder, "UPDATE audit SET actor_kind = 'system' WHERE id = 4").await;
    let store = open(&folder).await;
    let error = conversation::AuditTrail::audit(&store, AuditPage::After(0), 10).await.unwrap_err();
    assert!(matches!(&error, StoreError::Corrupt(what) if what.contains("audit record 4")), "{error}");
}

async fn tamper(folder: &tempfile::TempDir, sql: &'static str) {
    let mut connection = raw(folder).await;
    let drop = "DROP TRIGGER audit_is_never_changed; DROP TRIGGER audit_is_never_deleted; DROP TRIGGER audit_only_grows";
    sqlx::raw_sql(drop).execute(&mut connection).await.unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    sqlx::Connection::close(connection).await.unwrap();
}
