//! Conversations at rest: keys, what is bound to its place, erasure.

use std::collections::{BTreeSet, HashSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use assistant::store::OpenError;
use assistant::store::SqlStore;
use assistant::vault::keyring::{EnvironmentSource, FileSource};
use assistant::vault::{KeyError, Keyring, MasterKey};
use conversation::audit::{AuditActor, AuditPage, AuditTrail as _};
use conversation::{
    ConversationId, Erasure, NewPassword, NewPerson, People as _, Role, Store as _, StoreError,
};
use language::Language;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::sqlite::open;
use crate::story::{Bench, ask, clock, escalate, new_conversation};

async fn raw(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).connect().await.unwrap()
}

async fn run(connection: &mut SqliteConnection, sql: &'static str) {
    sqlx::raw_sql(sql).execute(connection).await.unwrap();
}

/// A conversation with two questions.
async fn asked(store: &SqlStore) -> ConversationId {
    let (new, _) = new_conversation(Language::Bo);
    let id = store.create(new).await.unwrap().conversation;
    for name in ["m1", "m2"] {
        store.append(ask(id, name)).await.unwrap();
    }
    id
}

fn order(conversation: ConversationId) -> Erasure {
    Erasure {
        conversation,
        by: AuditActor::CommandLine { user: "卓玛".to_owned() },
        why: "request 17".to_owned(),
    }
}

/// Whether bytes stand in any file of a folder.
fn stands_in(folder: &Path, bytes: &[u8]) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files
        .filter(|file| file.is_file())
        .filter(|file| std::fs::read(file).unwrap().windows(bytes.len()).any(|window| window == bytes))
        .map(|file| file.display().to_string())
        .collect()
}

#[tokio::test]
async fn nothing_that_was_said_stands_in_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("store.db"), clock()).await.unwrap();
    let id = asked(&store).await;
    store.append(escalate(id)).await.unwrap();
    for plain in ["身份证", "ལག་ཁྱེར", "citizen_message", "last_citizen_message"] {
        assert_eq!(stands_in(folder.path(), plain.as_bytes()), [] as [String; 0], "{plain}");
    }
    assert!(!stands_in(folder.path(), id.to_string().as_bytes()).is_empty(), "the search can find");
}

#[tokio::test]
async fn rows_that_were_swapped_or_changed_do_not_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = open(&path, clock()).await.unwrap();
    let (one, two) = (asked(&store).await, asked(&store).await);
    let mut other = raw(&path).await;
    run(&mut other, "DROP TRIGGER events_are_never_changed").await;
    let corrupt = |outcome: Result<_, StoreError>| matches!(outcome, Err(StoreError::Corrupt(_)));

    // The same conversation's other event.
    run(&mut other, "UPDATE events SET body = (SELECT body FROM events AS o WHERE o.conversation = events.conversation AND o.seq = 2) WHERE seq = 3").await;
    assert!(corrupt(store.events_after(one, 2, 10).await.map(drop)));
    assert_eq!(store.events_after(one, 0, 2).await.unwrap().len(), 2, "the rest can be read");
    // Another time.
    run(&mut other, "UPDATE events SET at = at + 1 WHERE seq = 1").await;
    assert!(corrupt(store.events_after(one, 0, 1).await.map(drop)));
    // Another conversation's state, and an older state.
    sqlx::query(
        "UPDATE conversations SET state = (SELECT state FROM conversations WHERE id = ?) WHERE id = ?",
    )
    .bind(two.to_string())
    .bind(one.to_string())
    .execute(&mut other)
    .await
    .unwrap();
    assert!(corrupt(store.conversation(one).await.map(drop)));
    run(&mut other, "UPDATE conversations SET last_seq = last_seq - 1").await;
    assert!(corrupt(store.conversation(two).await.map(drop)));
    // Another conversation's key; a fresh process has none in memory.
    store.close().await;
    run(&mut other, "UPDATE data_keys SET sealed = (SELECT sealed FROM data_keys AS o WHERE o.conversation <> data_keys.conversation)").await;
    let store = open(&path, clock()).await.unwrap();
    assert!(corrupt(store.conversation(two).await.map(drop)));
}

#[tokio::test]
async fn a_missing_wrong_or_misplaced_master_key_is_refused_and_no_other_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let key = folder.path().join("store.key");
    let store = open(&path, clock()).await.unwrap();
    asked(&store).await;
    store.close().await;
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let kept = std::fs::read(&key).unwrap();

    std::fs::remove_file(&key).unwrap();
    let error = open(&path, clock()).await.unwrap_err();
    assert!(matches!(error, OpenError::Key(KeyError::Missing { .. })), "{error}");
    assert!(error.to_string().contains("put it back"), "{error}");
    assert!(!key.exists());

    let wrong = Keyring::new(MasterKey::generate().unwrap(), Vec::new());
    std::fs::write(&key, wrong.to_text().as_bytes()).unwrap();
    let error = open(&path, clock()).await.unwrap_err();
    assert!(matches!(error, OpenError::WrongKey { .. }), "{error}");

    let mut half = kept.clone();
    half.truncate(kept.len() - 5);
    std::fs::write(&key, half).unwrap();
    let error = open(&path, clock()).await.unwrap_err();
    assert!(matches!(error, OpenError::Key(KeyError::Unusable { .. })), "{error}");

    std::fs::write(&key, &kept).unwrap();
    open(&path, clock()).await.unwrap();
    for inside in [folder.path().join("k"), folder.path().join("not yet/there/k")] {
        assert!(matches!(FileSource::new(&inside, folder.path()), Err(KeyError::InsideData { .. })));
    }
    // The same keys by the environment.
    let text = String::from_utf8(kept).unwrap();
    let line = text.lines().find(|line| !line.starts_with('#')).unwrap().to_owned();
    SqlStore::open_file(&path, Box::new(EnvironmentSource::new(line)), clock()).await.unwrap();
}

#[tokio::test]
async fn an_erased_conversation_leaves_a_mark_and_nothing_else_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = open(&path, clock()).await.unwrap();
    let (gone, stays) = (asked(&store).await, asked(&store).await);
    let mut other = raw(&path).await;
    let key: Vec<u8> = sqlx::query_scalar("SELECT sealed FROM data_keys WHERE conversation = ?")
        .bind(gone.to_string())
        .fetch_one(&mut other)
        .await
        .unwrap();
    let body: String = sqlx::query_scalar("SELECT body FROM events WHERE conversation = ? AND seq = 2")
        .bind(gone.to_string())
        .fetch_one(&mut other)
        .await
        .unwrap();
    assert!(
        !stands_in(folder.path(), &key).is_empty() && !stands_in(folder.path(), body.as_bytes()).is_empty()
    );

    assert!(store.erase(order(gone)).await.unwrap());
    assert!(!store.erase(order(gone)).await.unwrap(), "once");
    assert!(matches!(store.append(ask(gone, "m3")).await, Err(StoreError::NotFound(_))));
    assert_eq!(store.settle_erasures().await.unwrap(), []);
    assert_eq!(stands_in(folder.path(), &key), [] as [String; 0]);
    assert_eq!(stands_in(folder.path(), body.as_bytes()), [] as [String; 0]);
    assert_eq!(store.conversation(gone).await.unwrap(), None);
    assert_eq!(store.events_after(stays, 0, 10).await.unwrap().len(), 3);
    let mark: (String, String, String) =
        sqlx::query_as("SELECT conversation, by, why FROM erasures").fetch_one(&mut other).await.unwrap();
    assert_eq!(mark, (gone.to_string(), "command 卓玛".to_owned(), "request 17".to_owned()));
    let records = store.audit(AuditPage::After(0), 10).await.unwrap();
    assert_eq!((records.len(), records[0].action.as_str()), (1, "conversation.erased"));
    assert_eq!(records[0].subject, format!("conversation:{gone}"));
    assert_eq!(records[0].detail, r#"{"why":"request 17"}"#);
    let journal = std::fs::read_to_string(folder.path().join("store.key.erased")).unwrap();
    assert!(journal.starts_with(&gone.to_string()), "{journal}");
}

#[tokio::test]
async fn the_master_key_changes_while_two_processes_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let server = open(&path, clock()).await.unwrap();
    let before = asked(&server).await;
    let key = folder.path().join("store.key");
    let old = std::fs::read_to_string(&key).unwrap();
    let command = open(&path, clock()).await.unwrap();
    let rotated = command.rotate_master_key(AuditActor::System).await.unwrap();
    assert_eq!((rotated.rewrapped, rotated.dropped.len(), rotated.behind.len()), (1, 1, 0));
    command.close().await;
    let new = std::fs::read_to_string(&key).unwrap();
    assert!(new != old && Keyring::parse(&new).unwrap().keys().len() == 1);

    // The server has not started anew: it learns of the key when it needs it.
    let after = asked(&server).await;
    server.close().await;
    let store = open(&path, clock()).await.unwrap();
    for id in [before, after] {
        assert_eq!(store.events_after(id, 0, 10).await.unwrap().len(), 3);
    }
    store.close().await;
    std::fs::write(&key, old).unwrap();
    assert!(
        matches!(open(&path, clock()).await, Err(OpenError::WrongKey { .. })),
        "the old key opens nothing"
    );
}

#[tokio::test]
async fn secrets_of_accounts_are_sealed_and_move_to_the_new_master_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = open(&path, clock()).await.unwrap();
    let mut new = NewPerson::new("卓玛", vec![Language::Bo], BTreeSet::from([Role::Agent]));
    new.password = Some(NewPassword { hash: "$argon2id$".to_owned(), must_change: false });
    let id = new.id;
    store.add_person(AuditActor::System, new).await.unwrap();
    let secret = b"a secret that apps keep".to_vec();
    store.begin_totp(id, secret.clone()).await.unwrap();
    let kept = |store: SqlStore| async move {
        let known = store.credentials("卓玛").await.unwrap().unwrap().totp.unwrap().secret;
        store.close().await;
        known
    };
    assert_eq!(stands_in(folder.path(), &secret), [] as [String; 0]);
    let rotated = store.rotate_master_key(AuditActor::System).await.unwrap();
    assert_eq!((rotated.resealed, rotated.dropped.len()), (1, 1));
    assert_eq!(store.rotate_master_key(AuditActor::System).await.unwrap().resealed, 1);
    assert_eq!(kept(store).await, secret);
    assert_eq!(kept(open(&path, clock()).await.unwrap()).await, secret);
}

/// Where the master key is gone that sealed it, as after a restore without the old key, another is made, and again one for all.
#[tokio::test]
async fn the_key_that_signs_extracts_is_one_for_all_processes_and_outlives_a_rotation() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (one, other) = (open(&path, clock()).await.unwrap(), open(&path, clock()).await.unwrap());
    let key = one.signing_key().await.unwrap();
    assert_eq!(*other.signing_key().await.unwrap(), *key);
    assert_eq!(stands_in(folder.path(), &key), [] as [String; 0]);
    let mut rows = raw(&path).await;
    let sealed: String = sqlx::query_scalar("SELECT value FROM vault WHERE name = 'extract_key'")
        .fetch_one(&mut rows)
        .await
        .unwrap();

    one.rotate_master_key(AuditActor::System).await.unwrap();
    assert_eq!(*other.signing_key().await.unwrap(), *key);
    let resealed: String = sqlx::query_scalar("SELECT value FROM vault WHERE name = 'extract_key'")
        .fetch_one(&mut rows)
        .await
        .unwrap();
    assert_ne!(resealed, sealed);

    sqlx::query("UPDATE vault SET value = $1 WHERE name = 'extract_key'")
        .bind(&sealed)
        .execute(&mut rows)
        .await
        .unwrap();
    let made = one.signing_key().await.unwrap();
    assert_ne!(*made, *key);
    assert_eq!(*other.signing_key().await.unwrap(), *made);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_process_erases_can_not_be_written_or_read_here() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let server = Arc::new(open(&path, clock()).await.unwrap());
    let id = asked(&server).await;
    let command = open(&path, clock()).await.unwrap();
    command.erase(order(id)).await.unwrap();
    command.close().await;
    assert!(matches!(server.append(ask(id, "m3")).await, Err(StoreError::NotFound(_))));
    assert_eq!(server.events_after(id, 0, 10).await.unwrap(), []);
    server.settle_erasures().await.unwrap();
}

/// For every store: an erasure is whole, and concerns one conversation.
pub async fn erasing_takes_one_conversation_out_of_everything(bench: Bench) {
    let (gone, stays) = (bench.waiting().await, bench.waiting().await);
    let agent = bench.agent("卓玛").await;
    assert!(bench.store.erase(order(gone)).await.unwrap());
    let waiting: HashSet<_> =
        bench.store.waiting().await.unwrap().iter().map(|item| item.conversation).collect();
    assert_eq!(waiting, HashSet::from([stays]));
    assert_eq!(bench.store.queue_position(stays).await.unwrap(), Some(1));
    assert_eq!(bench.store.conversation(gone).await.unwrap(), None);
    assert_eq!(bench.events(gone).await, []);
    let claim = bench.store.append(crate::story::claim(gone, &agent)).await;
    assert!(matches!(claim, Err(StoreError::NotFound(_))), "{claim:?}");
    bench.check_log(stays).await;
    assert_eq!(bench.store.settle_erasures().await.unwrap(), []);
}

#[tokio::test]
async fn a_journal_that_moves_is_written_anew_and_one_that_can_not_be_written_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let keys = || FileSource::new(&folder.path().join("store.key"), &path.join("no data folder")).unwrap();
    let store = open(&path, clock()).await.unwrap();
    let gone = asked(&store).await;
    store.erase(order(gone)).await.unwrap();
    store.settle_erasures().await.unwrap();
    store.close().await;
    let missing = folder.path().join("not mounted/list");
    let store =
        SqlStore::open_file(&path, Box::new(keys().with_journal(missing.clone())), clock()).await.unwrap();
    let behind = store.settle_erasures().await.unwrap();
    assert_eq!(behind.len(), 1, "{behind:?}");
    assert_eq!(behind[0].path, missing.to_string_lossy());
    std::fs::create_dir(missing.parent().unwrap()).unwrap();
    assert_eq!(store.settle_erasures().await.unwrap(), []);
    assert!(std::fs::read_to_string(&missing).unwrap().starts_with(&gone.to_string()));
}
