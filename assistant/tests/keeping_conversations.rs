//! Backup, restore, verification, erasure and keys, as an operator does them in a terminal.
#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use assistant::store::SqlStore;
use assistant::vault::keyring::FileSource;
use conversation::{
    Append, Channel, CitizenMessage, ClosedBy, ConversationId, EventBody, HandoffCommand, MessageId,
    NewConversation, Source, Store as _, SystemClock, Token,
};
use language::Language;

fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_assistant"))
        .current_dir(folder)
        .env("DRILEN__SERVER__DATA", folder.join("data"))
        .args(arguments)
        .output()
        .unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

async fn store(folder: &Path) -> SqlStore {
    std::fs::create_dir_all(folder.join("data")).unwrap();
    let keys = FileSource::new(&folder.join("data.key"), &folder.join("data")).unwrap();
    SqlStore::open_file(&folder.join("data/conversations.sqlite"), Box::new(keys), Arc::new(SystemClock))
        .await
        .unwrap()
}

async fn conversation(store: &SqlStore, text: &str) -> ConversationId {
    let mut random = [0; 32];
    getrandom::fill(&mut random).unwrap();
    let new = NewConversation {
        id: ConversationId::generate(),
        token: Token::from_random(random).hash(),
        language: Language::Bo,
        channel: Channel::Portal,
        voice: false,
        call: None,
    };
    let id = store.create(new).await.unwrap().conversation;
    let message = CitizenMessage {
        id: MessageId::try_from("1").unwrap(),
        text: text.to_owned(),
        source: Source::Text,
        language: Language::Bo,
        dictation: true,
        sound: None,
    };
    store.append(Append::to(id).event(EventBody::CitizenMessage(message))).await.unwrap();
    id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backup_erase_and_restore_in_a_terminal_while_a_server_has_the_database_open() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = store(folder).await;
    let (gone, stays) = (conversation(&server, "ཨང་༡").await, conversation(&server, "二号").await);
    let closed = conversation(&server, "三号").await;
    let close = HandoffCommand::Close { by: ClosedBy::Citizen };
    server.append(Append::to(closed).then(close)).await.unwrap();

    let (code, told, error) = run(folder, &["backup", "place", "--keep", "2"]);
    assert_eq!(code, Some(0), "{error}");
    assert!(told.contains("3 conversations") && told.contains("place/keys"), "{told}");
    let (code, told, error) = run(folder, &["verify"]);
    assert_eq!(code, Some(0), "{told}{error}");
    assert!(told.contains("3 conversations and 7 events were opened.\nAll is well."), "{told}");
    assert_eq!(run(folder, &["verify", "place"]).0, Some(0));
    assert_eq!(run(folder, &["keys", "places"]).1.lines().count(), 1);

    let (code, told, error) = run(folder, &["erase", &gone.to_string(), "--why", "request 17"]);
    assert_eq!(code, Some(0), "{told}{error}");
    let (code, _, error) = run(folder, &["erase", &gone.to_string(), "--why", "request 17"]);
    assert_eq!(code, Some(1));
    assert!(error.contains("may have been erased before"), "{error}");
    assert_eq!(run(folder, &["erase", "nobody", "--why", "x"]).0, Some(2));
    assert_eq!(server.conversation(gone).await.unwrap(), None, "the server sees it at once");
    let (code, told, _) = run(folder, &["retention", "--older-than", "0s"]);
    assert_eq!(code, Some(0));
    assert!(told.starts_with("1 conversations"), "{told}");

    let (code, told, _) = run(folder, &["verify", "place"]);
    assert_eq!(code, Some(0));
    assert!(told.contains("2 conversations of the backup have been erased since."), "{told}");
    let (code, _, error) = run(folder, &["restore", "place"]);
    assert_eq!(code, Some(1));
    assert!(error.contains("--replace"), "{error}");
    let (code, _, error) = run(folder, &["restore", "place", "--replace"]);
    assert_eq!(code, Some(1));
    assert!(error.contains("stop the server first"), "{error}");
    server.close().await;
    let (code, told, error) = run(folder, &["restore", "place", "--replace"]);
    assert_eq!(code, Some(0), "{error}");
    assert!(
        told.contains("1 conversations can be read again.") && told.contains("2 had been erased"),
        "{told}"
    );
    let server = store(folder).await;
    assert_eq!(server.events_after(stays, 0, 9).await.unwrap().len(), 2);
    assert_eq!(server.conversation(gone).await.unwrap(), None);
    server.close().await;

    let backup = std::fs::read_dir(folder.join("place"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .find(|p| p.is_dir())
        .unwrap();
    std::fs::write(backup.join("conversations.sqlite"), b"not a database").unwrap();
    let (code, told, _) = run(folder, &["verify", "place"]);
    assert_eq!(code, Some(1));
    assert!(told.contains("WRONG  conversations.sqlite is not what was written"), "{told}");
}

#[tokio::test]
async fn the_master_key_is_changed_missed_and_refused_in_the_data_folder() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (code, _, error) = run(folder, &["verify"]);
    assert_eq!(code, Some(1));
    assert!(error.contains("there is no database"), "{error}");
    assert!(!folder.join("data").exists(), "looking makes nothing");

    let (code, _, error) = run(folder, &["agent", "add", "卓玛", "--languages", "bo"]);
    assert_eq!(code, Some(0));
    assert!(error.contains("A MASTER KEY WAS MADE"), "{error}");
    let server = store(folder).await;
    let id = conversation(&server, "ཨང་༡").await;
    let (code, told, error) = run(folder, &["keys", "rotate"]);
    assert_eq!(code, Some(0), "{error}");
    assert!(told.contains("1 conversations' keys were wrapped anew") && told.contains("taken out"), "{told}");
    assert_eq!(server.events_after(id, 0, 9).await.unwrap().len(), 2);
    server.close().await;
    assert_eq!(run(folder, &["verify"]).0, Some(0));

    std::fs::rename(folder.join("data.key"), folder.join("elsewhere")).unwrap();
    let (code, _, error) = run(folder, &["verify"]);
    assert_eq!(code, Some(1));
    assert!(error.contains("put it back"), "{error}");
    assert!(!folder.join("data.key").exists(), "none is made beside sealed conversations");
    std::fs::write(folder.join("in.toml"), "[vault]\nkey_file = \"data/key\"\n").unwrap();
    let (code, _, error) = run(folder, &["--config", "in.toml", "verify"]);
    assert_eq!(code, Some(1));
    assert!(error.contains("inside the data folder"), "{error}");
    std::fs::write(folder.join("out.toml"), "[vault]\nkey_file = \"elsewhere\"\n").unwrap();
    assert_eq!(run(folder, &["--config", "out.toml", "verify"]).0, Some(0));
}
