//! What one operation costs as the log grows, and what several nodes do on one database.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use assistant::store::SqlStore;
use assistant::store::postgres::NodeSettings;
use assistant::vault::keyring::FileSource;
use conversation::event::EventBody;
use conversation::{
    Agent, AgentId, Append, Channel, CitizenMessage, ConversationId, EscalationId, EscalationReason,
    HandoffCommand, MessageId, MessageKey, NewConversation, Source, Store, SystemClock, Token,
};
use examples::cluster::Cluster;
use futures::future::join_all;
use language::Language;
use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, AssertSqlSafe, ConnectOptions as _, Connection as _};

use super::super::{Report, percentile};

/// Sizes of the log at which an operation is measured.
const EVENTS: [u64; 2] = [10_000, 10_000_000];
/// Events of one of the conversations that make the log large.
const PER_CONVERSATION: u64 = 20;
/// Stories that are measured at each size, and how often the measuring changes between the two.
const STORIES: usize = 400;
const FOR: Duration = Duration::from_secs(15);
/// Stories under way at once on each node.
const AT_ONCE: usize = 16;

/// A text like a question's, sealed: what a row of the log holds.
const BODY: &str = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4_QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl9gYWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1-f4CBgoOEhYaHiImKi4yNjo-QkZKTlJWWl5iZmpucnZ6foKGio6SlpqeoqaqrrK2ur7CxsrO0tba3uLm6u7y9vr_AwcLDxMXGx8jJysvMzc7P0NHS09TV1tfY2drb3N3e3-Dh4uPk5ebn6Onq6-zt7u_w8fLz9PX29_j5-vv8_f7_";

/// A story's steps, in milliseconds each.
#[derive(Default)]
struct Costs {
    begin: Vec<f64>,
    message: Vec<f64>,
    handoff: Vec<f64>,
    read: Vec<f64>,
}

/// The cost of an operation with ten thousand and with ten million events, in both databases.
///
/// # Errors
/// Where a database fails.
pub async fn growth(report: &mut Report) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("store.sqlite");
    let cluster = Cluster::start("max_wal_size = 4GB\nmaintenance_work_mem = 256MB")?;
    let url = cluster.database()?;
    assistant::store::install_drivers();
    let sqlite = format!("sqlite://{}", file.display());
    for (name, address) in [("SQLite", &sqlite), ("PostgreSQL", &url)] {
        let mut costs = Vec::new();
        for events in EVENTS {
            let store = open(&file, address, folder.path()).await?;
            let agent = agent(store.as_ref()).await?;
            store.close().await;
            fill(address, events).await?;
            let store = open(&file, address, folder.path()).await?;
            // Neither size has the advantage of being first: pages are read once before.
            measure(store.as_ref(), &agent, STORIES / 4).await?;
            costs.push(measure(store.as_ref(), &agent, STORIES).await?);
            store.close().await;
        }
        let [small, large] = costs.as_slice() else { continue };
        for (what, of) in [
            ("a conversation begins", (|costs| &costs.begin) as fn(&Costs) -> &Vec<f64>),
            ("a message", |costs| &costs.message),
            ("a step of the handoff", |costs| &costs.handoff),
            ("reading state and log", |costs| &costs.read),
        ] {
            let (before, after) = (percentile(of(small), 0.5), percentile(of(large), 0.5));
            report.tell(&format!("{name}, 10^4 events: {what}, p50"), before, "ms");
            report.at_most(&format!("{name}, 10^7 events: {what}, times that"), after / before, 1.5, "x");
        }
    }
    Ok(())
}

async fn open(file: &Path, address: &str, folder: &Path) -> Result<Arc<dyn Store>> {
    let keys = Box::new(FileSource::new(&folder.join("master.key"), &folder.join("data"))?);
    if address.starts_with("sqlite") {
        return Ok(Arc::new(SqlStore::open_file(file, keys, Arc::new(SystemClock)).await?));
    }
    let node = NodeSettings { name: "bench".to_owned(), look_every: Duration::from_millis(150) };
    Ok(Arc::new(SqlStore::connect(address, node, keys, Arc::new(SystemClock)).await?))
}

async fn agent(store: &dyn Store) -> Result<Agent> {
    let id = AgentId::generate();
    let agent = Agent { id, name: format!("卓玛 {id}"), languages: Language::ALL.to_vec() };
    store.add_agent(agent.clone(), "$argon2id$none".to_owned()).await?;
    Ok(agent)
}

/// Fills the log with closed conversations up to so many events. Their words are noise, which nobody opens.
async fn fill(address: &str, events: u64) -> Result<()> {
    let mut connection = address.parse::<AnyConnectOptions>()?.connect().await?;
    let there: i64 = sqlx::query_scalar("SELECT count(*) FROM events").fetch_one(&mut connection).await?;
    let wanted = events.saturating_sub(there.cast_unsigned()) / PER_CONVERSATION;
    let first: i64 =
        sqlx::query_scalar("SELECT count(*) FROM conversations").fetch_one(&mut connection).await?;
    // In pieces, so that no single transaction holds gigabytes.
    let piece = 20_000;
    for begin in (0..wanted).step_by(piece) {
        let count = (wanted - begin).min(piece as u64);
        fill_piece(&mut connection, address.starts_with("sqlite"), first.cast_unsigned() + begin, count)
            .await?;
    }
    let tidy =
        if address.starts_with("sqlite") { "PRAGMA wal_checkpoint(TRUNCATE)" } else { "VACUUM ANALYZE" };
    sqlx::query(tidy).execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

async fn fill_piece(connection: &mut AnyConnection, sqlite: bool, first: u64, count: u64) -> Result<()> {
    let last = first + count - 1;
    let numbers = |from: u64, to: u64, name: &str| {
        if sqlite {
            format!(
                "(WITH RECURSIVE c(n) AS (SELECT {from} UNION ALL SELECT n + 1 FROM c WHERE n < {to}) SELECT n AS {name} FROM c)"
            )
        } else {
            format!("(SELECT n AS {name} FROM generate_series({from}, {to}) AS c(n))")
        }
    };
    // Ids in no order, as random ones are: a multiplication modulo 2^32 moves neighbours apart.
    let id = if sqlite {
        "printf('%08x-0000-4000-8000-%012x', (n * 2654435761) % 4294967296, n)"
    } else {
        "lpad(to_hex((n * 2654435761) % 4294967296), 8, '0') || '-0000-4000-8000-' || lpad(to_hex(CAST(n AS BIGINT)), 12, '0')"
    };
    let hash = if sqlite { "randomblob(32)" } else { "decode(md5(CAST(n AS TEXT)) || md5('t' || n), 'hex')" };
    let statements = [
        format!(
            "INSERT INTO conversations (id, token_hash, status, last_seq, last_at, state) \
             SELECT {id}, {hash}, 'closed', {PER_CONVERSATION}, 1772352000000 + n, '{BODY}{BODY}' FROM {} AS numbers",
            numbers(first, last, "n")
        ),
        format!(
            "INSERT INTO events (conversation, seq, at, body) SELECT {id}, s, 1772352000000 + n, '{BODY}' \
             FROM {}  AS numbers CROSS JOIN {} AS places ORDER BY 1, 2",
            numbers(first, last, "n"),
            numbers(1, PER_CONVERSATION, "s")
        ),
    ];
    for statement in statements {
        sqlx::query(AssertSqlSafe(statement)).execute(&mut *connection).await.context("filling the log")?;
    }
    Ok(())
}

fn message(number: usize) -> Result<(MessageId, EventBody)> {
    let id = MessageId::try_from(format!("m{number}").as_str())?;
    let text = "ངའི་ཐོབ་ཐང་ལག་འཁྱེར་བོར་སོང་། ག་རེ་བྱེད་དགོས་སམ།".to_owned();
    let said = CitizenMessage {
        id: id.clone(),
        text,
        source: Source::Text,
        language: Language::Bo,
        dictation: false,
        sound: None,
    };
    Ok((id, EventBody::CitizenMessage(said)))
}

/// One conversation from its beginning to its end, a message and a person in between.
async fn story(store: &dyn Store, agent: &Agent, costs: &mut Costs) -> Result<usize> {
    let timed = |begun: Instant| begun.elapsed().as_secs_f64() * 1_000.0;
    let mut secret = [0; 32];
    rand::fill(&mut secret);
    let new = NewConversation {
        id: ConversationId::generate(),
        token: Token::from_random(secret).hash(),
        language: Language::Bo,
        channel: Channel::Portal,
        voice: false,
        call: None,
    };
    let id = new.id;
    let begun = Instant::now();
    store.create(new).await?;
    costs.begin.push(timed(begun));
    for number in 0..3 {
        let (key, said) = message(number)?;
        let begun = Instant::now();
        store.append(Append::to(id).because_of(MessageKey::citizen(key)).event(said)).await?;
        costs.message.push(timed(begun));
    }
    let escalation = EscalationId::generate();
    for command in [
        HandoffCommand::Escalate { escalation, reason: EscalationReason::Asked },
        HandoffCommand::Claim { agent: agent.actor() },
        HandoffCommand::Resolve { agent: agent.actor(), wrap_up: false },
    ] {
        let begun = Instant::now();
        store.append(Append::to(id).then(command)).await?;
        costs.handoff.push(timed(begun));
    }
    let begun = Instant::now();
    store.conversation(id).await?;
    store.events_after(id, 0, 100).await?;
    costs.read.push(timed(begun));
    Ok(3)
}

async fn measure(store: &dyn Store, agent: &Agent, stories: usize) -> Result<Costs> {
    let mut costs = Costs::default();
    for _ in 0..stories {
        story(store, agent, &mut costs).await?;
    }
    Ok(costs)
}

/// Operations of the queue (escalate, claim, settle) by one, two and three nodes on one database.
///
/// # Errors
/// Where the database fails.
pub async fn throughput(report: &mut Report) -> Result<()> {
    let cluster = Cluster::start("")?;
    let folder = tempfile::tempdir()?;
    let mut alone = None;
    for nodes in 1..=3 {
        let url = cluster.database()?;
        let mut town = Vec::new();
        for _ in 0..nodes {
            town.push(open(&folder.path().join("none"), &url, folder.path()).await?);
        }
        let agent = agent(town[0].as_ref()).await?;
        let begun = Instant::now();
        let work = town.iter().flat_map(|store| {
            (0..AT_ONCE).map(|_| {
                let (store, agent) = (Arc::clone(store), agent.clone());
                tokio::spawn(async move {
                    let (mut costs, mut done) = (Costs::default(), 0);
                    while begun.elapsed() < FOR {
                        done += story(store.as_ref(), &agent, &mut costs).await?;
                    }
                    anyhow::Ok(done)
                })
            })
        });
        let mut done = 0;
        for worker in join_all(work).await {
            done += worker??;
        }
        let each_second = done as f64 / begun.elapsed().as_secs_f64();
        let by = format!("{nodes} node{} on one database", if nodes == 1 { "" } else { "s" });
        report.tell(
            &format!("{by}: operations of the queue, each in a story of eight"),
            each_second,
            "per second",
        );
        match alone {
            None => alone = Some(each_second),
            Some(alone) => report.tell(&format!("{by}: times one node"), each_second / alone, "x"),
        }
        for store in town {
            store.close().await;
        }
    }
    Ok(())
}
