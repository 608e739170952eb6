//! Every version of the schema that was ever used: its database is opened, goes on, and keeps nothing in plain text.
//!
//! `versions/NNNN.sql` holds a small database as the program of that version wrote it, from version 3 on with its key and what
//! stands in it. A new migration adds one. Version 2 was never in service for long enough to leave one: its database is that of version 1 with
//! the second migration.

use std::path::{Path, PathBuf};

use assistant::store::OpenError;
use conversation::{ConversationId, ConversationState, Event, EventBody, Store as _, Timestamp};
use sqlx::ConnectOptions as _;
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnectOptions;

use crate::sqlite::open;
use crate::story::{ask, clock, new_events};

/// A conversation as the dump has it.
struct Before {
    id: ConversationId,
    events: Vec<Event>,
    state: ConversationState,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/store/versions")
}

/// Those in plain text.
fn dumps() -> Vec<PathBuf> {
    vec![folder().join("0001.sql")]
}

/// Those that were sealed: the dumps, each with its key and its conversations beside it.
fn sealed_dumps() -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder()).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> = files
        .filter(|file| {
            file.extension().is_some_and(|end| end == "sql") && file.with_extension("key").exists()
        })
        .collect();
    files.sort();
    files
}

/// A conversation of a sealed dump.
#[derive(serde::Deserialize)]
struct Known {
    id: ConversationId,
    events: Vec<Event>,
    status: conversation::Status,
}

async fn raw(path: &Path) -> sqlx::SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true).foreign_keys(false);
    options.journal_mode(sqlx::sqlite::SqliteJournalMode::Wal).connect().await.unwrap()
}

async fn fill(path: &Path, dump: &Path) {
    let mut connection = raw(path).await;
    let sql = std::fs::read_to_string(dump).unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// Makes the database, with `copies` more of every conversation, and tells what stands in it.
async fn make(dump: &Path, path: &Path, copies: u32) -> Vec<Before> {
    // As that version wrote it: a write-ahead log, and what was deleted is overwritten. A dump is in no order that
    // foreign keys would allow.
    let mut connection = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .foreign_keys(false)
        .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
        .connect()
        .await
        .unwrap();
    let dump = std::fs::read_to_string(dump).unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(dump)).execute(&mut connection).await.unwrap();
    for copy in 1..=copies {
        let sql = format!(
            "INSERT INTO conversations SELECT printf('%08x', {copy}) || substr(id, 9), randomblob(32), 'bot', last_seq, \
             last_at, replace(state, id, printf('%08x', {copy}) || substr(id, 9)), NULL, NULL, NULL \
             FROM conversations WHERE status = 'bot' AND substr(id, 1, 4) <> '0000'; \
             INSERT INTO events SELECT printf('%08x', {copy}) || substr(conversation, 9), seq, at, \
             replace(body, conversation, printf('%08x', {copy}) || substr(conversation, 9)) FROM events \
             WHERE substr(conversation, 1, 4) <> '0000' AND conversation IN (SELECT id FROM conversations WHERE status = 'bot')"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    }
    let rows: Vec<(String, String)> = sqlx::query_as("SELECT id, state FROM conversations ORDER BY id")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let mut all = Vec::new();
    for (id, state) in rows {
        let events: Vec<(i64, i64, String)> =
            sqlx::query_as("SELECT seq, at, body FROM events WHERE conversation = ? ORDER BY seq")
                .bind(&id)
                .fetch_all(&mut connection)
                .await
                .unwrap();
        let events = events.into_iter().map(|(seq, at, body)| Event {
            seq: seq.cast_unsigned(),
            at: Timestamp::from_millis(at),
            body: serde_json::from_str(&body).unwrap(),
        });
        let (id, state) = (id.parse().unwrap(), serde_json::from_str(&state).unwrap());
        all.push(Before { id, events: events.collect(), state });
    }
    connection.close().await.unwrap();
    all
}

/// Words of the dumps' conversations, and what every event is written with in JSON.
const PLAIN: [&str; 6] = [
    "13912345678",
    "6222021234567890128",
    "养老金",
    "ལག་ཁྱེར་བརླགས",
    "\"type\":\"citizen_message",
    "\"last_citizen_message",
];

/// Which of [`PLAIN`] stands in any file of a folder.
pub fn plain_text_in(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        if file.is_dir() {
            found.extend(plain_text_in(&file));
            continue;
        }
        let bytes = std::fs::read(&file).unwrap();
        for plain in PLAIN {
            if bytes.windows(plain.len()).any(|window| window == plain.as_bytes()) {
                found.push(format!("{plain} in {}", file.display()));
            }
        }
    }
    found
}

#[tokio::test]
async fn databases_of_every_earlier_version_open_read_as_before_and_hold_no_plain_text() {
    let dumps = dumps();
    assert!(dumps.iter().any(|file| file.ends_with("0001.sql")), "{dumps:?}");
    for dump in dumps {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let before = make(&dump, &path, 0).await;
        assert!(before.len() >= 4, "{}", dump.display());
        if dump.ends_with("0001.sql") {
            let plain = plain_text_in(folder.path());
            assert_eq!(plain.len(), PLAIN.len(), "the search finds what is there: {plain:?}");
        }
        let store = open(&path, clock()).await.unwrap();
        assert_eq!(plain_text_in(folder.path()), [] as [String; 0], "while it is open");
        for Before { id, events, state } in &before {
            assert_eq!(store.events_after(*id, 0, 1_000).await.unwrap(), *events);
            // What later versions remember besides is made from the log.
            let made = ConversationState::replay(events).unwrap();
            assert_eq!(store.conversation(*id).await.unwrap().as_ref(), Some(&made));
            assert_eq!(
                ConversationState { last_agent: None, ..made },
                *state,
                "this version folds them alike"
            );
        }
        assert_eq!(store.waiting().await.unwrap().len(), 1);
        let open_one = before.iter().find(|one| one.state.status() == conversation::Status::Bot).unwrap();
        let new = new_events(store.append(ask(open_one.id, "goes on")).await.unwrap());
        assert!(matches!(&new[0].body, EventBody::CitizenMessage(_)));
        store.close().await;
        assert_eq!(plain_text_in(folder.path()), [] as [String; 0], "after it was closed");
    }
}

#[tokio::test]
async fn sealed_databases_of_every_earlier_version_open_and_go_on_with_their_keys() {
    let dumps = sealed_dumps();
    assert!(dumps.len() >= 2, "{dumps:?}");
    for dump in dumps {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        fill(&path, &dump).await;
        std::fs::copy(dump.with_extension("key"), path.with_extension("key")).unwrap();
        let json = std::fs::read(dump.with_extension("json")).unwrap();
        let known: Vec<Known> = serde_json::from_slice(&json).unwrap();
        let store = open(&path, clock()).await.unwrap();
        for Known { id, events, status } in &known {
            assert_eq!(store.events_after(*id, 0, 1_000).await.unwrap(), *events, "{}", dump.display());
            let state = store.conversation(*id).await.unwrap().unwrap();
            assert_eq!(state, ConversationState::replay(events).unwrap());
            assert_eq!(state.status(), *status);
        }
        assert_eq!(store.waiting().await.unwrap().len(), 1);
        let open_one = known.iter().find(|one| one.status == conversation::Status::Bot).unwrap();
        let new = new_events(store.append(ask(open_one.id, "goes on")).await.unwrap());
        assert!(matches!(&new[0].body, EventBody::CitizenMessage(_)));
        let report = store.verify(&|_| {}).await.unwrap();
        assert!(report.problems.is_empty(), "{}: {:?}", dump.display(), report.problems);
        store.close().await;
        // Without its key nothing of it opens.
        std::fs::remove_file(path.with_extension("key")).unwrap();
        assert!(open(&path, clock()).await.is_err(), "{}", dump.display());
    }
}

#[tokio::test]
async fn a_database_that_was_left_between_two_versions_goes_on_from_there() {
    for version in 2..=4 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let before = make(&dumps()[0], &path, 0).await;
        let mut connection = raw(&path).await;
        let mut migrator = sqlx::migrate!("migrations/sqlite");
        let until = migrator.iter().filter(|m| m.version <= version).cloned().collect::<Vec<_>>();
        migrator.migrations = until.into();
        migrator.run(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let store = open(&path, clock()).await.unwrap();
        for Before { id, events, .. } in &before {
            assert_eq!(store.events_after(*id, 0, 1_000).await.unwrap(), *events, "version {version}");
        }
        store.close().await;
        assert_eq!(plain_text_in(folder.path()), [] as [String; 0], "version {version}");
    }
}

#[tokio::test]
async fn sealing_an_earlier_version_goes_on_where_it_was_broken_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let before = make(&dumps()[0], &path, 250).await;
    assert_eq!(before.len(), 254);
    // A conversation of the third hundred cannot be sealed, as if the disk were full.
    let mut connection = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    sqlx::query("CREATE TRIGGER broken BEFORE UPDATE ON conversations WHEN OLD.id LIKE '000000fa%' BEGIN SELECT RAISE(ABORT, 'disk full'); END")
        .execute(&mut connection)
        .await
        .unwrap();
    let error = open(&path, clock()).await.unwrap_err();
    assert!(matches!(error, OpenError::Seal { .. }), "{error}");
    let plain = "SELECT count(*) FROM conversations WHERE substr(state, 1, 1) = '{'";
    let left: i64 = sqlx::query_scalar(plain).fetch_one(&mut connection).await.unwrap();
    assert_eq!(left, 54, "two hundred were done");
    sqlx::query("DROP TRIGGER broken").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();

    let store = open(&path, clock()).await.unwrap();
    for Before { id, events, state } in &before {
        assert_eq!(store.events_after(*id, 0, 1_000).await.unwrap(), *events);
        let made = ConversationState::replay(events).unwrap();
        assert_eq!(ConversationState { last_agent: None, ..made.clone() }, *state);
        assert_eq!(store.conversation(*id).await.unwrap(), Some(made));
    }
    store.close().await;
    assert_eq!(plain_text_in(folder.path()), [] as [String; 0]);
}
