//! What is acknowledged is on disk: against `kill -9`, and (by what the kernel was asked to do) against power loss.
//!
//! Both tests run this test binary again as a child that appends to a store and prints a line **after** each
//! acknowledgement.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use conversation::{Appended, ConversationId, ConversationState, EventBody, Store as _, SystemClock};
use language::Language;

use crate::sqlite::open;
use crate::story::{ask, new_conversation};
use crate::trace;

const DATABASE: &str = "STORE_CHILD_DATABASE";
const CONVERSATIONS: &str = "STORE_CHILD_CONVERSATIONS";
const MESSAGES: &str = "STORE_CHILD_MESSAGES";
/// How the child's acknowledgements begin.
const ACK: &str = "acknowledged";

/// Not a test: the child of the tests below. Appends to several conversations at once until it is done or killed.
#[tokio::test]
#[ignore = "runs as the child of other tests"]
async fn child_that_appends() {
    let Ok(path) = std::env::var(DATABASE) else { return };
    let number = |name: &str| std::env::var(name).unwrap().parse::<usize>().unwrap();
    let (conversations, messages) = (number(CONVERSATIONS), number(MESSAGES));
    let store = Arc::new(open(Path::new(&path), Arc::new(SystemClock)).await.unwrap());
    let mut ids = Vec::new();
    for _ in 0..conversations {
        let (new, _) = new_conversation(Language::Bo);
        ids.push(store.create(new).await.unwrap().conversation);
    }
    let mut tasks = Vec::new();
    for id in ids {
        let store = Arc::clone(&store);
        tasks.push(tokio::spawn(async move {
            for n in 0..messages {
                let name = format!("m{n}");
                let seq = store.append(ask(id, &name)).await.unwrap().first_seq().unwrap();
                // One write system call per line: nothing is buffered in this process.
                let mut out = std::io::stdout().lock();
                out.write_all(format!("{ACK} {id} {name} {seq}\n").as_bytes()).unwrap();
                out.flush().unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

/// This test binary, set to run only the child.
fn child(program: &mut Command, path: &Path, conversations: usize, messages: usize) {
    program
        .args(["--ignored", "--exact", "durability::child_that_appends", "--nocapture", "--test-threads=1"])
        .env(DATABASE, path)
        .env(CONVERSATIONS, conversations.to_string())
        .env(MESSAGES, messages.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
}

#[tokio::test]
async fn what_was_acknowledged_before_kill_nine_is_there_once_and_without_a_gap() {
    const KILLED_AFTER: usize = 1_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut program = Command::new(std::env::current_exe().unwrap());
    child(&mut program, &path, 50, 1_000_000);
    let mut running = program.spawn().unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    let mut acknowledged: HashMap<ConversationId, Vec<(String, u64)>> = HashMap::new();
    let mut count = 0;
    while let Some(Ok(line)) = lines.next() {
        // The harness prints lines of its own, and may leave one without an end.
        let Some(start) = line.find(ACK) else { continue };
        let words: Vec<&str> = line[start..].split(' ').collect();
        // The kill may cut a line off; what was not told in full was not acknowledged.
        let [_, id, name, seq] = words[..] else { continue };
        let (Ok(id), Ok(seq)) = (id.parse(), seq.parse()) else { continue };
        acknowledged.entry(id).or_default().push((name.to_owned(), seq));
        count += 1;
        if count == KILLED_AFTER {
            // SIGKILL, in the middle of fifty conversations; the pipe still holds what was told before.
            running.kill().unwrap();
        }
    }
    assert!(!running.wait().unwrap().success(), "the child was killed");
    assert!(count >= KILLED_AFTER && acknowledged.len() == 50, "{count} in {}", acknowledged.len());

    let store = open(&path, Arc::new(SystemClock)).await.unwrap();
    for (id, acknowledged) in acknowledged {
        let events = store.events_after(id, 0, u32::MAX).await.unwrap();
        assert!(events.iter().map(|event| event.seq).eq(1..=events.len() as u64), "no gap");
        let state = ConversationState::replay(&events).unwrap();
        assert_eq!(store.conversation(id).await.unwrap(), Some(state));
        let mut names = HashSet::new();
        for event in &events[1..] {
            let EventBody::CitizenMessage(message) = &event.body else { panic!("{event:?}") };
            assert!(names.insert(message.id.as_str()), "{} twice", message.id);
        }
        for (name, seq) in acknowledged {
            let event = &events[usize::try_from(seq).unwrap() - 1];
            assert!(matches!(&event.body, EventBody::CitizenMessage(message) if message.id.as_str() == name));
            // A client that never got the acknowledgement sends again: nothing is doubled.
            assert_eq!(store.append(ask(id, &name)).await.unwrap(), Appended::Already { seq: Some(seq) });
        }
    }
}

/// Every acknowledgement that left the process was preceded by an `fsync` (or `fdatasync`) of the write-ahead log
/// which began after the last write to that log and had returned. Shown on the system calls themselves.
#[test]
fn the_log_is_synced_before_every_acknowledgement() {
    const MESSAGES: usize = 20;
    let folder = tempfile::tempdir().unwrap();
    let (path, record) = (folder.path().join("store.db"), folder.path().join("trace.txt"));
    let mut program = Command::new("strace");
    program.args(["-f", "-y", "-e", "trace=write,pwrite64,pwritev,fsync,fdatasync", "-o"]).arg(&record);
    program.arg(std::env::current_exe().unwrap());
    child(&mut program, &path, 1, MESSAGES);
    let output = match program.output() {
        Ok(output) if output.status.success() => output,
        Ok(output) => {
            println!("skipped: strace may not trace here ({}); `make test` needs ptrace", output.status);
            return;
        }
        Err(error) => {
            println!("skipped: strace cannot be run ({error}); `make test` installs it");
            return;
        }
    };
    let told = String::from_utf8_lossy(&output.stdout).matches(ACK).count();
    assert_eq!(told, MESSAGES);
    let record = std::fs::read_to_string(&record).unwrap();
    let calls = trace::calls(&record);
    assert_eq!(trace::unsynced_acknowledgements(&calls, ACK), (MESSAGES, Vec::<String>::new()));

    // The check can fail: without the syncs in the record, every acknowledgement is found wanting.
    let without: Vec<_> = calls.iter().filter(|call| !call.is_sync()).cloned().collect();
    let (seen, unsynced) = trace::unsynced_acknowledgements(&without, ACK);
    assert_eq!((seen, unsynced.len()), (MESSAGES, MESSAGES));
    // And so it does where each sync returns after the acknowledgement that should have waited for it.
    let late = trace::syncs_after_the_next_acknowledgement(&calls, ACK);
    assert!(!trace::unsynced_acknowledgements(&late, ACK).1.is_empty());
}

#[tokio::test]
async fn closing_waits_for_what_was_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = Arc::new(open(&path, Arc::new(SystemClock)).await.unwrap());
    let (new, _) = new_conversation(Language::Zh);
    let id = new.id;
    store.create(new).await.unwrap();
    let appends: Vec<_> = (0..100)
        .map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.append(ask(id, &format!("m{n}"))).await.is_ok() })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(5)).await;
    store.close().await;
    let mut accepted = 0;
    for append in appends {
        accepted += usize::from(append.await.unwrap());
    }
    let store = open(&path, Arc::new(SystemClock)).await.unwrap();
    assert_eq!(store.events_after(id, 0, 1_000).await.unwrap().len(), 1 + accepted);
}
