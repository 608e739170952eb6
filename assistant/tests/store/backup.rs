//! Backups: made beside writers, checked, restored; and what an erasure does to them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use assistant::store::SqlStore;
use assistant::vault::KeySource;
use assistant::vault::backup::{self, BackupError, Made, Manifest, Options, RestoreOptions, Restored};
use assistant::vault::key_file::KeyFile;
use assistant::vault::keyring::FileSource;
use assistant::vault::verify::Report;
use conversation::audit::{AuditActor, AuditPage, AuditTrail as _, ChainCheck};
use conversation::{Clock as _, ConversationId, Erasure, Store as _};
use language::Language;
use sqlx::ConnectOptions as _;
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnectOptions;
use tempfile::TempDir;

use crate::story::{ask, clock, escalate, new_conversation};

/// A data folder with its key beside it, and a place for backups.
struct Machine {
    folder: TempDir,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        Self { folder }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn place(&self) -> PathBuf {
        self.folder.path().join("backups")
    }

    fn keys(&self) -> Box<dyn KeySource> {
        Box::new(FileSource::new(&self.folder.path().join("master.key"), &self.data()).unwrap())
    }

    async fn open(&self) -> SqlStore {
        SqlStore::open_file(&self.data().join("conversations.sqlite"), self.keys(), clock()).await.unwrap()
    }

    async fn backup(&self, store: &SqlStore, keep: Option<usize>) -> Made {
        let options = Options { place: self.place(), keys: None, keep, by: AuditActor::System };
        backup::make(store, &self.data(), &options, clock().now(), &|_| ()).await.unwrap()
    }

    async fn restore(&self, from: &Path, replace: bool) -> Result<Restored, BackupError> {
        let wanted = RestoreOptions { from: from.to_owned(), keys: None, replace, by: AuditActor::System };
        backup::restore(&self.data(), self.keys(), &wanted, clock(), &|_| ()).await
    }

    /// As if the disk with the data had been lost.
    fn lose_data(&self) {
        std::fs::remove_dir_all(self.data()).unwrap();
    }
}

async fn asked(store: &SqlStore, questions: usize) -> ConversationId {
    let (new, _) = new_conversation(Language::Bo);
    let id = store.create(new).await.unwrap().conversation;
    for n in 0..questions {
        store.append(ask(id, &format!("m{n}"))).await.unwrap();
    }
    id
}

async fn erase(store: &SqlStore, conversation: ConversationId) {
    let order = Erasure {
        conversation,
        by: AuditActor::CommandLine { user: "卓玛".to_owned() },
        why: "request 17".to_owned(),
    };
    assert!(store.erase(order).await.unwrap());
}

async fn events(store: &SqlStore, id: ConversationId) -> usize {
    store.events_after(id, 0, 1_000).await.unwrap().len()
}

async fn check(store: &SqlStore) -> Report {
    store.verify(&|_| ()).await.unwrap()
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copy = to.join(path.file_name().unwrap());
        if path.is_dir() { copy_folder(&path, &copy) } else { assert!(std::fs::copy(&path, &copy).is_ok()) }
    }
}

#[tokio::test]
async fn an_erasure_reaches_backups_that_were_made_before_it() {
    let machine = Machine::new();
    let store = machine.open().await;
    let (gone, one, two) = (asked(&store, 2).await, asked(&store, 3).await, asked(&store, 4).await);
    store.append(escalate(two)).await.unwrap();
    let made = machine.backup(&store, None).await;
    let counts = made.manifest.counts;
    assert_eq!((counts.conversations, counts.events, counts.erased), (3, 13, 0));
    // Somebody copied the whole place away before the erasure, the key file included.
    let away = machine.folder.path().join("away");
    copy_folder(&machine.place(), &away);

    let keys = KeyFile::read(&made.keys).unwrap().unwrap();
    assert_eq!(keys.keys.len(), 3);
    let key = keys.keys[&gone].sealed.clone();
    let holds_key = |path: &Path| std::fs::read(path).unwrap().windows(key.len()).any(|w| w == key);
    assert!(
        holds_key(&made.keys) && !holds_key(&made.path.join(backup::DATABASE)),
        "only the key file holds keys"
    );
    erase(&store, gone).await;
    assert_eq!(store.settle_erasures().await.unwrap(), []);
    assert!(!holds_key(&made.keys));
    store.close().await;

    for from in [made.path.clone(), machine.place(), away] {
        machine.lose_data();
        let restored = machine.restore(&from, false).await.unwrap();
        assert_eq!((restored.conversations, restored.erased), (2, 1), "from {}", from.display());
        let store = machine.open().await;
        assert_eq!(store.conversation(gone).await.unwrap(), None);
        assert_eq!(events(&store, gone).await, 0);
        assert_eq!((events(&store, one).await, events(&store, two).await), (4, 6));
        assert_eq!(store.waiting().await.unwrap().len(), 1);
        assert_eq!(check(&store).await.problems, [] as [String; 0]);
        assert_eq!(store.append(ask(one, "goes on")).await.unwrap().first_seq(), Some(5));
        store.close().await;
    }
}

#[tokio::test]
async fn a_place_that_was_away_learns_of_erasures_when_it_is_back() {
    let machine = Machine::new();
    let store = machine.open().await;
    let (gone, stays) = (asked(&store, 2).await, asked(&store, 2).await);
    let made = machine.backup(&store, None).await;
    let elsewhere = machine.folder.path().join("unplugged");
    std::fs::rename(machine.place(), &elsewhere).unwrap();
    erase(&store, gone).await;
    let behind = store.settle_erasures().await.unwrap();
    assert_eq!(behind.len(), 1);
    assert!(behind[0].path.ends_with("backups/keys"), "{behind:?}");
    std::fs::rename(&elsewhere, machine.place()).unwrap();
    assert!(KeyFile::read(&made.keys).unwrap().unwrap().keys.contains_key(&gone));
    assert_eq!(store.settle_erasures().await.unwrap(), []);
    let keys = KeyFile::read(&made.keys).unwrap().unwrap().keys;
    assert!(!keys.contains_key(&gone) && keys.contains_key(&stays));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_beside_writers_is_consistent() {
    let machine = Machine::new();
    let store = Arc::new(machine.open().await);
    let mut ids = Vec::new();
    for _ in 0..8 {
        ids.push(asked(&store, 5).await);
    }
    let writing: Vec<_> = ids
        .iter()
        .map(|id| {
            let (store, id) = (Arc::clone(&store), *id);
            tokio::spawn(async move {
                for n in 5..60 {
                    store.append(ask(id, &format!("m{n}"))).await.unwrap();
                }
            })
        })
        .collect();
    let made = machine.backup(&store, None).await;
    for task in writing {
        task.await.unwrap();
    }
    assert!(made.manifest.counts.events >= 8 * 6, "{:?}", made.manifest);
    store.close().await;
    machine.lose_data();
    machine.restore(&made.path, false).await.unwrap();
    let store = machine.open().await;
    let report = check(&store).await;
    assert_eq!(report.problems, [] as [String; 0]);
    assert_eq!(report.events, made.manifest.counts.events.cast_unsigned());
}

#[tokio::test]
async fn knowledge_and_calibration_are_backed_up_too() {
    let machine = Machine::new();
    let store = machine.open().await;
    std::fs::create_dir_all(machine.data().join("knowledge/more")).unwrap();
    std::fs::write(machine.data().join("knowledge/more/faq.yaml"), "name: ཤེས་བྱ་").unwrap();
    std::fs::write(machine.data().join("calibration.json"), "{}").unwrap();
    let made = machine.backup(&store, None).await;
    store.close().await;
    std::fs::write(machine.data().join("knowledge/later.yaml"), "later").unwrap();
    machine.restore(&made.path, true).await.unwrap();
    assert_eq!(
        std::fs::read(machine.data().join("knowledge/more/faq.yaml")).unwrap(),
        "name: ཤེས་བྱ་".as_bytes()
    );
    assert!(!machine.data().join("knowledge/later.yaml").exists());
    assert!(machine.data().join("calibration.json").exists());
}

#[tokio::test]
async fn restoring_refuses_what_would_do_harm() {
    let machine = Machine::new();
    let store = machine.open().await;
    let id = asked(&store, 2).await;
    let made = machine.backup(&store, None).await;
    asked(&store, 1).await;

    let refused = |outcome: Result<Restored, BackupError>| outcome.unwrap_err().to_string();
    assert!(refused(machine.restore(&made.path, false).await).contains("--replace"));
    let running = refused(machine.restore(&made.path, true).await);
    assert!(running.contains("stop the server first"), "{running}");
    assert_eq!(check(&store).await.conversations, 2, "nothing was changed");
    store.close().await;

    let nothing = refused(machine.restore(machine.folder.path(), true).await);
    assert!(nothing.contains("there is no backup"), "{nothing}");
    // A byte that changed on the disk.
    let bulk = made.path.join(backup::DATABASE);
    let whole = std::fs::read(&bulk).unwrap();
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    std::fs::write(&bulk, damaged).unwrap();
    let hash = refused(machine.restore(&made.path, true).await);
    assert!(hash.contains("its hash differs"), "{hash}");
    std::fs::write(&bulk, whole).unwrap();
    // Another database's keys, and a later version's tables.
    let keys = std::fs::read(&made.keys).unwrap();
    let mut others = keys.clone();
    others[20] ^= 1;
    std::fs::write(&made.keys, others).unwrap();
    assert!(refused(machine.restore(&made.path, true).await).contains("another database"));
    std::fs::write(&made.keys, keys).unwrap();
    let manifest = made.path.join("manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace("\"schema\": ", "\"schema\": 9")).unwrap();
    assert!(refused(machine.restore(&made.path, true).await).contains("later version"));
    std::fs::write(&manifest, text).unwrap();
    // The master key is gone.
    let master = machine.folder.path().join("master.key");
    let kept = std::fs::read(&master).unwrap();
    std::fs::remove_file(&master).unwrap();
    assert!(refused(machine.restore(&made.path, true).await).contains("put it back"));
    std::fs::write(&master, kept).unwrap();

    let store = machine.open().await;
    assert_eq!(check(&store).await.conversations, 2, "after all that it is as it was");
    store.close().await;
    let restored = machine.restore(&machine.place(), true).await.unwrap();
    assert_eq!(restored.conversations, 1);
    assert_eq!(events(&machine.open().await, id).await, 3);
}

#[tokio::test]
async fn the_oldest_backups_go_and_what_newer_ones_need_stays() {
    let machine = Machine::new();
    let store = machine.open().await;
    let first = asked(&store, 1).await;
    let one = machine.backup(&store, Some(2)).await;
    let second = asked(&store, 1).await;
    let two = machine.backup(&store, Some(2)).await;
    store.close().await;
    // Back to the first, and a backup of that: the second's conversation is still in the second.
    machine.restore(&one.path, true).await.unwrap();
    let store = machine.open().await;
    assert_eq!(store.conversation(second).await.unwrap(), None);
    let three = machine.backup(&store, Some(2)).await;
    assert_eq!(three.removed, std::slice::from_ref(&one.path));
    assert_eq!(backup::all(&machine.place()).unwrap(), [two.path.clone(), three.path]);
    store.close().await;
    machine.restore(&two.path, true).await.unwrap();
    let store = machine.open().await;
    assert_eq!((events(&store, first).await, events(&store, second).await), (2, 2));
}

#[tokio::test]
async fn backups_stay_readable_after_the_master_key_was_changed() {
    let machine = Machine::new();
    let store = machine.open().await;
    let (id, gone) = (asked(&store, 2).await, asked(&store, 1).await);
    let made = machine.backup(&store, None).await;
    // As long as the key file cannot be reached, the former key stays.
    let away = machine.folder.path().join("unplugged");
    std::fs::rename(machine.place(), &away).unwrap();
    let rotated = store.rotate_master_key(AuditActor::System).await.unwrap();
    assert_eq!((rotated.rewrapped, rotated.behind.len(), rotated.dropped.len()), (2, 1, 0));
    std::fs::rename(&away, machine.place()).unwrap();
    let rotated = store.rotate_master_key(AuditActor::System).await.unwrap();
    assert_eq!((rotated.behind.len(), rotated.dropped.len()), (0, 2), "{rotated:?}");
    erase(&store, gone).await;
    store.settle_erasures().await.unwrap();
    store.close().await;
    machine.lose_data();
    let restored = machine.restore(&made.path, false).await.unwrap();
    assert_eq!((restored.conversations, restored.erased), (1, 1));
    assert_eq!(events(&machine.open().await, id).await, 3);
}

#[tokio::test]
async fn verifying_finds_what_was_tampered_with() {
    let tampered = [
        ("DELETE FROM events WHERE seq = 2", "has a gap"),
        (
            "UPDATE events SET body = (SELECT body FROM events AS o WHERE o.conversation = events.conversation AND o.seq = 2) WHERE seq = 3",
            "does not open",
        ),
        ("UPDATE conversations SET last_at = last_at + 1", "column last_at"),
        ("UPDATE conversations SET status = 'queued'", "column status"),
        ("UPDATE conversations SET queue_number = 1", "queue's number 1"),
        ("UPDATE conversations SET queue_number = rowid", "column queue_number"),
        ("DELETE FROM data_keys", "has no key"),
        ("UPDATE data_keys SET sealed = zeroblob(61)", "the key of conversation"),
        (
            "INSERT INTO erasures (conversation, at, by, why) SELECT id, 0, 'x', 'x' FROM conversations",
            "are there again",
        ),
        ("PRAGMA foreign_keys = OFF; DELETE FROM conversations", "belong to nothing"),
    ];
    for (sql, expected) in tampered {
        let machine = Machine::new();
        let store = machine.open().await;
        for _ in 0..2 {
            asked(&store, 2).await;
        }
        assert_eq!(check(&store).await.problems, [] as [String; 0]);
        let mut other = SqliteConnectOptions::new().filename(store.path().unwrap()).connect().await.unwrap();
        sqlx::raw_sql("DROP TRIGGER events_are_never_changed").execute(&mut other).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut other).await.unwrap();
        other.close().await.unwrap();
        let problems = check(&store).await.problems;
        assert!(problems.iter().any(|problem| problem.contains(expected)), "{sql}: {problems:?}");
    }
    // An older state of the same conversation opens only in its own place.
    let machine = Machine::new();
    let store = machine.open().await;
    let id = asked(&store, 1).await;
    let old: String = {
        let mut other = SqliteConnectOptions::new().filename(store.path().unwrap()).connect().await.unwrap();
        let old = sqlx::query_scalar("SELECT state FROM conversations").fetch_one(&mut other).await.unwrap();
        store.append(ask(id, "later")).await.unwrap();
        sqlx::query("UPDATE conversations SET state = ?").bind(&old).execute(&mut other).await.unwrap();
        old
    };
    assert!(!old.is_empty());
    assert!(check(&store).await.problems[0].contains("the state of conversation"));
}

#[tokio::test]
async fn a_key_file_of_its_own_folder_serves_backups_that_were_put_away() {
    let machine = Machine::new();
    let store = machine.open().await;
    let id = asked(&store, 1).await;
    let keys = machine.folder.path().join("small disk");
    let options =
        Options { place: machine.place(), keys: Some(keys.clone()), keep: None, by: AuditActor::System };
    let made = backup::make(&store, &machine.data(), &options, clock().now(), &|_| ()).await.unwrap();
    store.close().await;
    assert!(!machine.place().join("keys").exists());
    assert!(Manifest::read(&made.path).unwrap().problems(&made.path).is_empty());
    machine.lose_data();
    assert!(machine.restore(&made.path, false).await.unwrap_err().to_string().contains("--keys"));
    let wanted = RestoreOptions { from: made.path, keys: Some(keys), replace: false, by: AuditActor::System };
    backup::restore(&machine.data(), machine.keys(), &wanted, clock(), &|_| ()).await.unwrap();
    assert_eq!(events(&machine.open().await, id).await, 2);
}

#[tokio::test]
async fn the_audit_trail_goes_on_over_a_restore() {
    let machine = Machine::new();
    let store = machine.open().await;
    asked(&store, 1).await;
    let made = machine.backup(&store, None).await;
    let later = asked(&store, 1).await;
    erase(&store, later).await;
    store.close().await;
    machine.restore(&made.path, true).await.unwrap();
    let store = machine.open().await;
    let records = store.audit(AuditPage::After(0), 100).await.unwrap();
    let actions: Vec<&str> = records.iter().map(|record| record.action.as_str()).collect();
    assert_eq!(actions, ["backup.made", "conversation.erased", "backup.restored"]);
    let mut check = ChainCheck::new();
    assert!(records.iter().all(|record| check.next(record).is_ok()), "the chain is whole");
}
