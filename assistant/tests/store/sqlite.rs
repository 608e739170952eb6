//! What is particular to the SQLite store.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use assistant::store::OpenError;
use assistant::store::SqlStore;
use assistant::vault::KeySource;
use assistant::vault::keyring::FileSource;
use conversation::{AgentId, Appended, Clock, People as _, Role, Store as _, StoreError, SystemClock};
use language::Language;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::story::{Bench, ask, clock, new_conversation};

/// Opens a store whose master key lies beside it.
pub async fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<SqlStore, OpenError> {
    SqlStore::open_file(path, keys_beside(path), clock).await
}

/// The key source of [`open`].
pub fn keys_beside(path: &Path) -> Box<dyn KeySource> {
    Box::new(FileSource::new(&path.with_extension("key"), &path.join("no data folder")).unwrap())
}

/// A store in a folder of its own.
pub async fn fresh() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let clock = clock();
    let store = open(&folder.path().join("store.db"), clock.clone()).await.unwrap();
    Bench { store: Arc::new(store), clock, _keep: Box::new(folder) }
}

async fn raw(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).connect().await.unwrap()
}

#[tokio::test]
async fn what_was_stored_is_there_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (new, token) = new_conversation(Language::Bo);
    let id = new.id;
    let store = open(&path, clock()).await.unwrap();
    store.create(new).await.unwrap();
    store.append(ask(id, "m1")).await.unwrap();
    let (events, state) =
        (store.events_after(id, 0, 10).await.unwrap(), store.conversation(id).await.unwrap());
    store.close().await;
    assert!(!folder.path().join("store.db-wal").exists(), "closing folds the log into the file");

    let store = open(&path, clock()).await.unwrap();
    assert_eq!(store.events_after(id, 0, 10).await.unwrap(), events);
    assert_eq!(store.find_by_token(&token.hash()).await.unwrap(), state);
    assert_eq!(store.append(ask(id, "m1")).await.unwrap(), Appended::Already { seq: Some(2) });
}

#[tokio::test]
async fn an_event_can_not_be_changed_even_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = open(&path, clock()).await.unwrap();
    store.create(new_conversation(Language::Zh).0).await.unwrap();
    let mut connection = raw(&path).await;
    let refused = sqlx::query("UPDATE events SET body = '{}'").execute(&mut connection).await.unwrap_err();
    assert!(refused.to_string().contains("events are never changed"), "{refused}");
}

#[tokio::test]
async fn the_citizens_token_is_nowhere_in_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = open(&path, clock()).await.unwrap();
    let (new, token) = new_conversation(Language::Bo);
    store.create(new).await.unwrap();
    store.close().await;
    let bytes = std::fs::read(&path).unwrap();
    let token = token.reveal();
    assert!(!bytes.windows(token.len()).any(|window| window == token.as_bytes()));
}

/// The command line beside a running server: two processes' worth of stores on one file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_stores_on_one_file_leave_no_gap_and_accept_a_message_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let one = Arc::new(open(&path, clock()).await.unwrap());
    let two = Arc::new(open(&path, clock()).await.unwrap());
    let (new, _) = new_conversation(Language::Bo);
    let id = new.id;
    one.create(new).await.unwrap();
    let appends: Vec<_> = (0..60)
        .map(|n| {
            let store = Arc::clone(if n % 2 == 0 { &one } else { &two });
            // Every message is sent through both.
            tokio::spawn(async move { store.append(ask(id, &format!("m{}", n / 2))).await.unwrap() })
        })
        .collect();
    let mut new = 0;
    for append in appends {
        new += usize::from(matches!(append.await.unwrap(), Appended::New { .. }));
    }
    assert_eq!(new, 30);
    let events = two.events_after(id, 0, 100).await.unwrap();
    assert!(events.iter().map(|event| event.seq).eq(1..=31));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_can_not_write_refuses_when_full_and_goes_on_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = Arc::new(open(&path, clock()).await.unwrap());
    let (new, _) = new_conversation(Language::Zh);
    let id = new.id;
    store.create(new).await.unwrap();

    // Somebody else writes, and does not finish.
    let mut other = raw(&path).await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let appends: Vec<_> = (0..2_000)
        .map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.append(ask(id, &format!("m{n}"))).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    // Reading goes on meanwhile.
    assert_eq!(store.events_after(id, 0, 10).await.unwrap().len(), 1);
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();

    let (mut written, mut refused) = (0, 0);
    for append in appends {
        match append.await.unwrap() {
            Ok(_) => written += 1,
            Err(StoreError::Busy) => refused += 1,
            Err(error) => panic!("{error:?}"),
        }
    }
    assert!(written >= 1_024 && refused > 0, "{written} written, {refused} refused");
    assert_eq!(store.events_after(id, 0, 5_000).await.unwrap().len(), 1 + written);
    store.append(ask(id, "after")).await.unwrap();
}

#[tokio::test]
async fn a_failed_transaction_is_told_and_the_next_one_works() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = open(&path, clock()).await.unwrap();
    let (new, _) = new_conversation(Language::Bo);
    let id = new.id;
    store.create(new).await.unwrap();
    // A trigger stands for a disk that fails while an event is written.
    let mut other = raw(&path).await;
    sqlx::query(
        "CREATE TRIGGER broken BEFORE INSERT ON events BEGIN SELECT RAISE(ROLLBACK, 'disk full'); END",
    )
    .execute(&mut other)
    .await
    .unwrap();
    let (one, two) = tokio::join!(store.append(ask(id, "m1")), store.append(ask(id, "m2")));
    for failed in [one, two] {
        assert!(matches!(failed, Err(StoreError::Unavailable(_))), "{failed:?}");
    }
    sqlx::query("DROP TRIGGER broken").execute(&mut other).await.unwrap();
    assert_eq!(
        store.append(ask(id, "m1")).await.unwrap().first_seq(),
        Some(2),
        "nothing of it had been kept"
    );
    assert_eq!(store.append(ask(id, "m2")).await.unwrap().first_seq(), Some(3));
}

#[tokio::test]
async fn a_path_that_can_not_be_a_database_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("no such folder").join("store.db");
    let error = open(&missing, Arc::new(SystemClock)).await.unwrap_err();
    assert!(
        matches!(error, OpenError::Open { .. }) && error.to_string().contains("no such folder"),
        "{error}"
    );
    let picture = folder.path().join("picture.png");
    std::fs::write(&picture, b"\x89PNG\r\n\x1a\n and a lot that is no database at all".repeat(100)).unwrap();
    let error = open(&picture, Arc::new(SystemClock)).await.unwrap_err();
    assert!(error.to_string().contains("picture.png"), "{error}");
    let picture = std::fs::read(&picture).unwrap();
    assert!(picture.starts_with(b"\x89PNG"), "what was there is left alone");
}

/// A database of the version before accounts had roles.
#[tokio::test]
async fn agents_of_an_older_version_are_still_there_as_agents() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let all = sqlx::migrate!("./migrations/sqlite");
    let first = sqlx::migrate::Migrator::with_migrations(all.iter().take(1).cloned().collect());
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    first.run(&mut connection).await.unwrap();
    let id = AgentId::generate();
    sqlx::query("INSERT INTO agents (id, name, languages, password_hash, last_seen_at) VALUES (?, '卓玛', '[\"bo\"]', '$old', 5)")
        .bind(id.to_string())
        .execute(&mut connection)
        .await
        .unwrap();
    sqlx::Connection::close(connection).await.unwrap();

    let store = open(&path, clock()).await.unwrap();
    let known = store.credentials("卓玛").await.unwrap().unwrap();
    assert_eq!(known.password.unwrap().hash, "$old");
    let person = known.person;
    assert_eq!((person.id, person.display_name.as_str()), (id, "卓玛"));
    assert_eq!((person.roles, person.capacity), ([Role::Agent].into(), 100));
    assert!(!person.disabled && !person.must_change_password && !person.has_totp);
}
