//! What is particular to the PostgreSQL store: several nodes, a server that goes away, moving there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use assistant::store::postgres::NodeSettings;
use assistant::store::transfer::{self, TransferError};
use assistant::store::{OpenError, SqlStore};
use assistant::vault::backup::{self, RestoreOptions};
use assistant::vault::key_file::{self, KeyFile};
use assistant::vault::keyring::FileSource;
use conversation::audit::AuditActor;
use conversation::routing::Presence;
use conversation::{
    AgentId, Append, Clock, Erasure, Feed, IllegalTransition, People as _, Published, Store as _, StoreError,
};
use examples::cluster::Cluster;
use language::Language;
use parking_lot::Mutex;
use tempfile::TempDir;

use crate::audit::verify;
use crate::story::{Bench, ask, claim, clock, question};

/// One server for all tests of this process, a database for each.
pub static CLUSTER: LazyLock<Mutex<Cluster>> = LazyLock::new(|| Mutex::new(Cluster::start("").unwrap()));

/// An empty database.
pub fn database() -> String {
    CLUSTER.lock().database().unwrap()
}

/// Nodes with the same key on one database.
pub struct Town {
    pub database: String,
    folder: TempDir,
}

impl Town {
    pub fn new() -> Self {
        Self { database: database(), folder: tempfile::tempdir().unwrap() }
    }

    pub async fn node(&self, name: &str, clock: Arc<dyn Clock>) -> SqlStore {
        let keys =
            FileSource::new(&self.folder.path().join("town.key"), &self.folder.path().join("data")).unwrap();
        let node = NodeSettings { name: name.to_owned(), look_every: Duration::from_millis(50) };
        SqlStore::connect(&self.database, node, Box::new(keys), clock).await.unwrap()
    }
}

/// A store in a database of its own.
pub async fn fresh() -> Bench {
    let (town, clock) = (Town::new(), clock());
    let store = town.node("one", clock.clone()).await;
    Bench { store: Arc::new(store), clock, _keep: Box::new(town) }
}

/// Two nodes of one town, as benches.
async fn two_nodes() -> (Bench, Bench) {
    let (town, clock) = (Arc::new(Town::new()), clock());
    // At once: on an empty database each wants to make the tables and the first master key.
    let (one, two) = tokio::join!(town.node("one", clock.clone()), town.node("two", clock.clone()));
    let keep = Arc::clone(&town);
    (
        Bench { store: Arc::new(one), clock: clock.clone(), _keep: Box::new(town) },
        Bench { store: Arc::new(two), clock, _keep: Box::new(keep) },
    )
}

async fn next(feed: &mut Box<dyn Feed>) -> Published {
    tokio::time::timeout(Duration::from_secs(10), feed.next()).await.unwrap().unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_citizen_and_an_agent_on_two_nodes_talk_to_each_other() {
    let (citizens, desks) = two_nodes().await;
    let agent = desks.agent("卓玛").await;
    let mut lists = desks.store.subscribe_queue();
    let id = citizens.waiting().await;
    assert!(tokio::time::timeout(Duration::from_secs(10), lists.changed()).await.unwrap());
    let mut at_citizen = citizens.store.subscribe(id);
    let mut at_desk = desks.store.subscribe_all();
    desks.store.append(claim(id, &agent)).await.unwrap();
    let joined = next(&mut at_citizen).await;
    assert_eq!(joined.events[0].body.kind(), "agent_joined");
    assert_eq!(joined.state.holder().unwrap().name, "卓玛");
    assert_eq!(next(&mut at_desk).await.events[0].body.kind(), "agent_joined", "its own, at once");
    for n in 0..20 {
        citizens.store.append(ask(id, &format!("问{n}"))).await.unwrap();
    }
    let mut heard = Vec::new();
    while heard.len() < 20 {
        heard.extend(next(&mut at_desk).await.events.iter().map(|event| event.seq));
    }
    let mut in_order = heard.clone();
    in_order.sort_unstable();
    in_order.dedup();
    assert_eq!(heard, in_order, "in order and once: nobody else wrote");
    citizens.check_log(id).await;
    assert_eq!(citizens.events(id).await, desks.events(id).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_agents_on_two_nodes_one_wins_and_the_others_learn_who() {
    let (one, two) = two_nodes().await;
    for _ in 0..10 {
        let id = one.waiting().await;
        let mut claims = Vec::new();
        for n in 0..20 {
            let bench = if n % 2 == 0 { &one } else { &two };
            let (agent, store) = (bench.agent(&format!("{id}-{n}")).await, Arc::clone(&bench.store));
            claims.push(tokio::spawn(
                async move { (agent.name.clone(), store.append(claim(id, &agent)).await) },
            ));
        }
        let (mut winners, mut told) = (Vec::new(), Vec::new());
        for claim in claims {
            match claim.await.unwrap() {
                (name, Ok(_)) => winners.push(name),
                (_, Err(StoreError::Handoff(IllegalTransition::AlreadyClaimed { winner }))) => {
                    told.push(winner);
                }
                (name, Err(error)) => panic!("{name}: {error}"),
            }
        }
        assert_eq!((winners.len(), told.len()), (1, 19));
        assert!(told.iter().all(|name| *name == winners[0]));
        two.check_log(id).await;
    }
    assert!(verify(one.store.as_ref(), None).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_that_hand_out_at_once_offer_everything_once_and_nobody_too_much() {
    let (one, two) = two_nodes().await;
    let mut agents = Vec::new();
    for n in 0..5 {
        let agent = one.agent(&format!("agent {n}")).await;
        one.store.set_presence(agent.id, Presence::Available).await.unwrap();
        agents.push(agent.id);
    }
    for _ in 0..30 {
        one.waiting().await;
    }
    let mut rounds = Vec::new();
    for n in 0..12 {
        let store = Arc::clone(if n % 2 == 0 { &one.store } else { &two.store });
        rounds.push(tokio::spawn(async move { store.route().await.unwrap() }));
    }
    let mut offered: BTreeMap<AgentId, usize> = BTreeMap::new();
    let mut conversations = BTreeSet::new();
    for round in rounds {
        for (conversation, agent) in round.await.unwrap() {
            assert!(conversations.insert(conversation), "{conversation} was offered twice");
            *offered.entry(agent).or_default() += 1;
        }
    }
    // A round that found everything taken by others goes away with nothing: the next look is what finishes.
    for (conversation, agent) in two.store.route().await.unwrap() {
        assert!(conversations.insert(conversation));
        *offered.entry(agent).or_default() += 1;
    }
    assert_eq!(conversations.len(), 20, "four chats fill each of five agents");
    assert!(offered.values().all(|count| *count == 4), "{offered:?}");
}

/// Appends that carry no client's message: done twice, they would stand there twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_crashes_undoes_and_doubles_nothing() {
    let mut cluster = Cluster::start("").unwrap();
    let town = Town { database: cluster.database().unwrap(), folder: tempfile::tempdir().unwrap() };
    let clock = clock();
    let bench =
        Bench { store: Arc::new(town.node("one", clock.clone()).await), clock, _keep: Box::new(town) };
    let mut writers = Vec::new();
    let stop = Arc::new(AtomicBool::new(false));
    for _ in 0..8 {
        let id = bench.begin(Language::Bo).await;
        let (store, stop) = (Arc::clone(&bench.store), Arc::clone(&stop));
        writers.push(tokio::spawn(async move {
            let mut acknowledged = 0;
            while !stop.load(Ordering::Relaxed) {
                store.append(Append::to(id).event(question(&format!("q{acknowledged}")))).await.unwrap();
                acknowledged += 1;
            }
            (id, acknowledged)
        }));
    }
    for n in 0..4 {
        tokio::time::sleep(Duration::from_millis(700)).await;
        cluster = tokio::task::spawn_blocking(move || {
            if n % 2 == 0 { cluster.crash() } else { cluster.restart() }.unwrap();
            cluster
        })
        .await
        .unwrap();
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        let (id, acknowledged) = writer.await.unwrap();
        assert!(acknowledged > 0);
        assert_eq!(bench.check_log(id).await.len(), acknowledged + 1, "and `started`");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_erases_leaves_the_other_s_memory() {
    let (one, two) = two_nodes().await;
    let id = one.begin(Language::Bo).await;
    one.store.append(ask(id, "身份证")).await.unwrap();
    assert!(two.store.conversation(id).await.unwrap().is_some(), "its key is in both memories");
    let erasure = Erasure { conversation: id, by: AuditActor::System, why: "asked".to_owned() };
    assert!(one.store.erase(erasure).await.unwrap());
    assert!(two.store.conversation(id).await.unwrap().is_none());
    assert!(two.store.settle_erasures().await.unwrap().is_empty(), "each node tells its own files");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_master_key_opens_nothing() {
    let town = Town::new();
    town.node("one", clock()).await.close().await;
    let stranger = Town { database: town.database.clone(), folder: tempfile::tempdir().unwrap() };
    let keys =
        FileSource::new(&stranger.folder.path().join("k.key"), &stranger.folder.path().join("data")).unwrap();
    let node = NodeSettings { name: "two".to_owned(), look_every: Duration::from_millis(50) };
    let opened = SqlStore::connect(&stranger.database, node, Box::new(keys), clock()).await;
    assert!(matches!(opened, Err(OpenError::WrongKey { .. } | OpenError::Key(_))), "{opened:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_moves_to_a_server_and_a_server_s_backup_into_a_file() {
    let town = Town::new();
    let clock = clock();
    let keys = |town: &Town| {
        Box::new(
            FileSource::new(&town.folder.path().join("town.key"), &town.folder.path().join("data")).unwrap(),
        )
    };
    let file = town.folder.path().join("data/conversations.sqlite");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let old = Arc::new(SqlStore::open_file(&file, keys(&town), clock.clone()).await.unwrap());
    let bench = Bench { store: old.clone(), clock: clock.clone(), _keep: Box::new(()) };
    let agent = bench.agent("卓玛").await;
    let mut ids = Vec::new();
    for n in 0..250 {
        let id = if n % 3 == 0 { bench.waiting().await } else { bench.begin(Language::Zh).await };
        bench.store.append(ask(id, "一")).await.unwrap();
        ids.push(id);
    }
    bench.store.append(claim(ids[0], &agent)).await.unwrap();
    let gone = Erasure { conversation: ids[1], by: AuditActor::System, why: "asked".to_owned() };
    bench.store.erase(gone).await.unwrap();
    let place = town.folder.path().join("backups");
    let options = backup::Options { place, keys: None, keep: None, by: AuditActor::System };
    let data = file.parent().unwrap().to_owned();
    backup::make(&old, &data, &options, clock.now(), &|_| ()).await.unwrap();

    let new = town.node("one", clock.clone()).await;
    transfer::everything(&old, &new, &|_| ()).await.unwrap();
    let again = transfer::everything(&old, &new, &|_| ()).await;
    assert!(matches!(again, Err(TransferError::NotEmpty(..))), "{again:?}");
    let report = new.verify(&|_| ()).await.unwrap();
    assert_eq!((report.problems, report.conversations), (Vec::new(), 249));
    assert!(verify(&new, None).await.is_ok());
    assert_eq!(new.waiting().await.unwrap(), old.waiting().await.unwrap());
    assert_eq!(new.people().await.unwrap(), old.people().await.unwrap());
    assert_eq!(new.held_by(agent.id).await.unwrap(), old.held_by(agent.id).await.unwrap());
    for id in [ids[0], ids[2], ids[249]] {
        assert_eq!(new.events_after(id, 0, 100).await.unwrap(), old.events_after(id, 0, 100).await.unwrap());
    }
    // It goes on: numbers of the queue and of erasures after those that came.
    let moved = Bench { store: Arc::new(new), clock: clock.clone(), _keep: Box::new(()) };
    let last = moved.waiting().await;
    assert_eq!(moved.store.waiting().await.unwrap().last().unwrap().conversation, last);
    let gone = Erasure { conversation: ids[2], by: AuditActor::System, why: "asked".to_owned() };
    moved.store.erase(gone).await.unwrap();
    assert!(moved.store.settle_erasures().await.unwrap().is_empty());
    let keys_left = KeyFile::read(&options.place.join(key_file::NAME)).unwrap().unwrap();
    assert!(!keys_left.keys.contains_key(&ids[2]), "the old database's backups learn of it");

    moved.store.close().await;
    let server = town.node("one", clock.clone()).await;
    let made = backup::make(&server, &data, &options, clock.now(), &|_| ()).await.unwrap();
    server.close().await;
    let restored = town.folder.path().join("restored");
    let wanted = RestoreOptions { from: made.path, keys: None, replace: false, by: AuditActor::System };
    let clock_of_all: Arc<dyn Clock> = clock.clone();
    backup::restore(&restored, keys(&town), &wanted, clock_of_all, &|_| ()).await.unwrap();
    let back = SqlStore::open_file(&restored.join("conversations.sqlite"), keys(&town), clock.clone())
        .await
        .unwrap();
    assert_eq!(back.verify(&|_| ()).await.unwrap().problems, Vec::<String>::new());
    assert_eq!(back.waiting().await.unwrap().last().unwrap().conversation, last);
    assert!(verify(&back, None).await.is_ok());
}
