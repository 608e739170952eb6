//! Five minutes over real sockets, while the power is cut, or a node killed, every twenty seconds.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use examples::cluster::Cluster;
use examples::{Client, Message, StartOptions};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::super::{Report, percentile};
use super::{WIDE, power};
use crate::{Desk, ServerProcess, ServerSettings, Shared, everything};

const FOR: Duration = Duration::from_mins(5);
const CUT_EVERY: Duration = Duration::from_secs(20);
/// A citizen writes again after a pause of so many seconds: some forty messages a second from all of them.
const PAUSE: std::ops::Range<f64> = 15.0..85.0;
/// An agent with nothing to do looks at the queue so often.
const LOOK: Duration = Duration::from_secs(1);
/// Before a claim and before every message an agent reads and types for so many seconds: ten times as fast as people do, and
/// together still faster than citizens call for them. Without any pause a hundred programs would ask as fast as two cores
/// answer, and the time of a claim would be the length of their line, whatever the server did.
const HANDS: std::ops::Range<f64> = 0.2..0.8;
const CITIZENS: usize = 2_000;
const AGENTS: usize = 100;

/// What everybody shares.
struct Stage {
    portals: Vec<String>,
    over: AtomicBool,
    claims: Mutex<Vec<Claim>>,
    /// Conversation → the texts that an agent's page was told are durable.
    told_agents: Mutex<HashMap<String, Vec<String>>>,
    lost_claims: AtomicUsize,
}

/// A claim that won.
struct Claim {
    /// The server that was asked.
    at: String,
    sent: Instant,
    answered: Instant,
}

/// A server that was down, from the kill until it said that it was ready.
struct Outage {
    /// Its door; empty where it was the database, that is all of them.
    door: String,
    from: Instant,
    until: Instant,
}

impl Outage {
    async fn of(door: String, down: impl Future<Output = Result<()>>) -> Result<Self> {
        let from = Instant::now();
        down.await?;
        Ok(Self { door, from, until: Instant::now() })
    }

    fn met(&self, claim: &Claim) -> bool {
        claim.at.starts_with(&self.door) && claim.sent <= self.until && claim.answered >= self.from
    }
}

/// What a citizen was told.
#[derive(Default)]
struct Told {
    token: String,
    conversation: String,
    last_seq: u64,
    acknowledged: HashSet<String>,
}

/// One machine and SQLite.
///
/// # Errors
/// Where something fails that must not; what was lost is in the report.
pub async fn kills(report: &mut Report) -> Result<()> {
    let tools = tempfile::tempdir()?;
    let settings = ServerSettings {
        configuration: format!("{WIDE}{PEOPLE}"),
        power_cut: Some(power::library(tools.path())?),
        ..ServerSettings::default()
    };
    let mut nodes = vec![ServerProcess::start(&settings).await?];
    let crowd = Crowd::gather(&nodes).await?;
    let (begun, mut outages, mut taken_back) = (Instant::now(), Vec::new(), 0);
    while begun.elapsed() < FOR {
        tokio::time::sleep(CUT_EVERY).await;
        let server = &mut nodes[0];
        outages.push(
            Outage::of(server.http(), async {
                server.kill()?;
                taken_back += power::cut(&server.directory().join("data"))?;
                server.restart().await
            })
            .await?,
        );
    }
    let cuts = outages.len() as f64;
    crowd.disperse(report, "power cuts", &outages).await?;
    report.tell("power cuts in five minutes", cuts, "cuts");
    report.tell("writes that had not been synced and were lost in them", taken_back as f64, "writes");
    Ok(())
}

/// Two nodes and PostgreSQL: one of the nodes is killed every 20 s, and the database is restarted once in order and
/// once without any (its own processes are killed; what it had not synced it has to do without).
///
/// # Errors
/// As [`kills`].
pub async fn two_nodes(report: &mut Report) -> Result<()> {
    let mut cluster = Cluster::start("")?;
    let keys = tempfile::tempdir()?;
    let shared = Shared { database: cluster.database()?, key_file: keys.path().join("town.key") };
    let settings = ServerSettings {
        configuration: format!("{WIDE}{PEOPLE}"),
        shared: Some(shared),
        ..ServerSettings::default()
    };
    let mut nodes = vec![ServerProcess::start(&settings).await?, ServerProcess::start(&settings).await?];
    let crowd = Crowd::gather(&nodes).await?;
    let (begun, mut kills, mut outages) = (Instant::now(), 0, Vec::new());
    while begun.elapsed() < FOR {
        tokio::time::sleep(CUT_EVERY).await;
        let node = &mut nodes[kills % 2];
        outages.push(
            Outage::of(node.http(), async {
                node.kill()?;
                node.restart().await
            })
            .await?,
        );
        kills += 1;
        if kills == 5 || kills == 10 {
            tokio::time::sleep(CUT_EVERY / 2).await;
            let from = Instant::now();
            cluster = tokio::task::spawn_blocking(move || {
                if kills == 5 { cluster.restart() } else { cluster.crash() }.map(|()| cluster)
            })
            .await??;
            outages.push(Outage { door: String::new(), from, until: Instant::now() });
        }
    }
    crowd.disperse(report, "two nodes", &outages).await?;
    report.tell("two nodes: kills of a node in five minutes; the database went twice", kills as f64, "kills");
    drop(nodes);
    Ok(())
}

const PEOPLE: &str = "[people]\nfailures = 100\n";

/// Citizens and agents at work.
struct Crowd {
    stage: Arc<Stage>,
    citizens: Vec<JoinHandle<Result<Told>>>,
    agents: Vec<JoinHandle<Result<()>>>,
}

impl Crowd {
    async fn gather(nodes: &[ServerProcess]) -> Result<Self> {
        let mut desks = Vec::new();
        for number in 0..AGENTS {
            let name = format!("agent{number}");
            let password = nodes[0].add_agent(&name)?;
            let mut desk = Desk::login_anew(&nodes[0], &name, &password).await?;
            nodes[1..].iter().for_each(|node| desk.also_at(node));
            if number % 2 == 1 {
                desk.turn_to_the_next();
            }
            desks.push(desk);
        }
        let stage = Arc::new(Stage {
            portals: nodes.iter().map(ServerProcess::portal).collect(),
            over: AtomicBool::new(false),
            claims: Mutex::default(),
            told_agents: Mutex::default(),
            lost_claims: AtomicUsize::new(0),
        });
        let citizens =
            (0..CITIZENS).map(|number| tokio::spawn(citizen(number, Arc::clone(&stage)))).collect();
        let agents = desks.into_iter().map(|desk| tokio::spawn(agent(desk, Arc::clone(&stage)))).collect();
        Ok(Self { stage, citizens, agents })
    }

    /// Lets everybody finish, and looks at what became of everything.
    async fn disperse(self, report: &mut Report, name: &str, outages: &[Outage]) -> Result<()> {
        self.stage.over.store(true, Ordering::Relaxed);
        let (mut told, mut stuck) = (Vec::new(), 0);
        for citizen in self.citizens {
            match citizen.await? {
                Ok(one) => told.push(one),
                Err(error) => {
                    if stuck < 3 {
                        eprintln!("{error:#}");
                    }
                    stuck += 1;
                }
            }
        }
        for agent in self.agents {
            agent.await??;
        }
        check(report, name, &self.stage, &told).await?;
        report.at_most(&format!("{name}: citizens who never got an end"), f64::from(stuck), 0.0, "citizens");
        tell_claims(report, name, &self.stage.claims.lock().await, outages);
        let lost = self.stage.lost_claims.load(Ordering::Relaxed);
        report.tell(&format!("{name}: claims that another agent won"), lost as f64, "claims");
        Ok(())
    }
}

/// A server that is down answers once it is up again; what is asked of its speed is told apart.
fn tell_claims(report: &mut Report, name: &str, claims: &[Claim], outages: &[Outage]) {
    let milliseconds = |claim: &Claim| (claim.answered - claim.sent).as_secs_f64() * 1000.0;
    let (met, stood): (Vec<_>, Vec<_>) =
        claims.iter().partition(|claim| outages.iter().any(|outage| outage.met(claim)));
    let all: Vec<f64> = claims.iter().map(milliseconds).collect();
    let stood: Vec<f64> = stood.into_iter().map(milliseconds).collect();
    report.tell(&format!("{name}: claims that won"), claims.len() as f64, "claims");
    report.tell(&format!("{name}: of these, asked of a server that was down"), met.len() as f64, "claims");
    report.tell(&format!("{name}: claim to its answer, with those, p99"), percentile(&all, 0.99), "ms");
    report.tell(&format!("{name}: claim to its answer, p50"), percentile(&stood, 0.5), "ms");
    report.at_most(&format!("{name}: claim to its answer, p99"), percentile(&stood, 0.99), 50.0, "ms");
}

/// Everything that was acknowledged is there once, and no conversation waits any more.
async fn check(report: &mut Report, name: &str, stage: &Stage, told: &[Told]) -> Result<()> {
    let (mut acknowledged, mut lost, mut doubled, mut gaps, mut open) = (0, 0, 0, 0, 0);
    let agents = stage.told_agents.lock().await;
    let (mut by_agents, mut escalations) = (0, 0);
    for citizen in told {
        let events = everything(&stage.portals[0], &citizen.token).await?;
        gaps += usize::from(!events.iter().zip(1..).all(|(event, seq)| event["seq"].as_u64() == Some(seq)));
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for event in &events {
            let key = match event["type"].as_str().unwrap_or_default() {
                "citizen_message" => event["id"].as_str(),
                "agent_message" => event["text"].as_str(),
                _ => None,
            };
            *seen.entry(key.unwrap_or_default()).or_default() += 1;
        }
        let nothing = Vec::new();
        let theirs = agents.get(&citizen.conversation).unwrap_or(&nothing);
        by_agents += theirs.len();
        for known in citizen.acknowledged.iter().chain(theirs) {
            acknowledged += 1;
            lost += usize::from(!seen.contains_key(known.as_str()));
        }
        doubled += seen.iter().filter(|(key, count)| !key.is_empty() && **count > 1).count();
        let count = |kind: &str| events.iter().filter(|event| event["type"] == kind).count();
        escalations += count("escalated");
        let latest =
            |kinds: &[&str]| events.iter().rposition(|event| kinds.iter().any(|kind| event["type"] == *kind));
        let begun = latest(&["escalated", "reopened"]);
        let ended = latest(&["closed", "escalation_cancelled", "agent_left"]);
        open += usize::from(begun.is_some_and(|begun| ended.is_none_or(|ended| ended < begun)));
    }
    report.tell(
        &format!("{name}: messages acknowledged, citizens' and agents'"),
        f64::from(acknowledged),
        "messages",
    );
    report.tell(&format!("{name}: of these, agents'"), by_agents as f64, "messages");
    report.at_most(&format!("{name}: acknowledged and lost"), lost as f64, 0.0, "messages");
    report.at_most(&format!("{name}: doubled"), doubled as f64, 0.0, "messages");
    report.at_most(&format!("{name}: logs with a gap"), gaps as f64, 0.0, "conversations");
    report.tell(&format!("{name}: escalations"), escalations as f64, "escalations");
    report.at_most(&format!("{name}: escalations that did not end"), open as f64, 0.0, "escalations");
    Ok(())
}

/// Writes, asks for a person, goes away in the middle and comes back, until the time is over and nobody has the conversation any more.
async fn citizen(number: usize, stage: Arc<Stage>) -> Result<Told> {
    let mut random = StdRng::seed_from_u64(number as u64);
    let mut told = Told::default();
    let language = ["bo", "zh"][number % 2];
    let (mut round, mut waits) = (0, false);
    let mut unsure: Option<Value> = None;
    let mut attempt = number;
    let deadline = Instant::now() + FOR + Duration::from_mins(3);
    loop {
        ensure!(Instant::now() < deadline, "citizen {number} is still waiting");
        let Some(mut client) =
            connect(&stage.portals[attempt % stage.portals.len()], language, &mut told).await
        else {
            attempt += 1;
            tokio::time::sleep(Duration::from_millis(random.random_range(200..1_500))).await;
            continue;
        };
        // A message that was under way is sent again, as every client of the protocol does.
        if let Some(message) = unsure.take()
            && !deliver(&mut client, &message, &mut told, &mut waits).await
        {
            unsure = Some(message);
            continue;
        }
        loop {
            if stage.over.load(Ordering::Relaxed) && !waits {
                return Ok(told);
            }
            if !stage.over.load(Ordering::Relaxed) {
                round += 1;
                let id = format!("c{number}-m{round}");
                let text = ["身份证丢了怎么办", "ངའི་ལག་ཁྱེར་བོར་སོང་"][round % 2];
                let message = if random.random_bool(0.2) && !waits {
                    json!({"type": "person", "id": id})
                } else {
                    json!({"type": "text", "id": id, "text": text})
                };
                if !deliver(&mut client, &message, &mut told, &mut waits).await {
                    unsure = Some(message);
                    break;
                }
            }
            // Weak links: now and then the connection is simply gone.
            if random.random_bool(0.08) {
                break;
            }
            let pause = Duration::from_secs_f64(random.random_range(PAUSE));
            if !listen(&mut client, pause, &mut told, &mut waits, &stage.over).await {
                break;
            }
        }
    }
}

async fn connect(portal: &str, language: &str, told: &mut Told) -> Option<Client> {
    let mut client = Client::connect(portal).await.ok()?;
    if told.token.is_empty() {
        let welcome = client.start(&StartOptions::text(language)).await.ok()?;
        told.token = client.token.clone()?;
        welcome["conversation"].as_str()?.clone_into(&mut told.conversation);
    } else {
        client.resume(&told.token, told.last_seq).await.ok()?;
    }
    Some(client)
}

/// Sends a message and waits until it is acknowledged; false where the connection went first.
async fn deliver(client: &mut Client, message: &Value, told: &mut Told, waits: &mut bool) -> bool {
    if client.send(message.clone()).await.is_err() {
        return false;
    }
    let patience = Instant::now() + Duration::from_secs(15);
    while Instant::now() < patience {
        match client.next_within(Duration::from_secs(5)).await {
            Ok(Message::Json(json)) if json["type"] == "accepted" && json["id"] == message["id"] => {
                if message["type"] == "text"
                    && let Some(id) = message["id"].as_str()
                {
                    told.acknowledged.insert(id.to_owned());
                }
                return true;
            }
            // A wish that came too late (somebody is there already): known to the server, and nothing more to be done.
            Ok(Message::Json(json)) if json["type"] == "error" && json["id"] == message["id"] => {
                return json["code"] != "busy" && json["code"] != "unavailable";
            }
            Ok(Message::Json(json)) => apply(&json, told, waits),
            Ok(Message::Audio(_)) => {}
            Ok(Message::Closed(_)) | Err(_) => return false,
        }
    }
    false
}

async fn listen(
    client: &mut Client,
    pause: Duration,
    told: &mut Told,
    waits: &mut bool,
    over: &AtomicBool,
) -> bool {
    let until = Instant::now() + pause;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || (over.load(Ordering::Relaxed) && !*waits) {
            return true;
        }
        match tokio::time::timeout(left.min(Duration::from_secs(2)), client.next()).await {
            Ok(Ok(Message::Json(json))) => apply(&json, told, waits),
            Err(_) | Ok(Ok(Message::Audio(_))) => {}
            Ok(Ok(Message::Closed(_)) | Err(_)) => return false,
        }
    }
}

fn apply(event: &Value, told: &mut Told, waits: &mut bool) {
    let (Some(seq), true) = (event["seq"].as_u64(), event["at"].is_string()) else { return };
    told.last_seq = told.last_seq.max(seq);
    match event["type"].as_str().unwrap_or_default() {
        "escalated" | "reopened" => *waits = true,
        "escalation_cancelled" | "closed" => *waits = false,
        "agent_left" => *waits = event["outcome"] != "returned" && event["outcome"] != "resolved",
        _ => {}
    }
}

/// Takes what waits, writes twice, and gives it back to the assistant.
async fn agent(desk: Desk, stage: Arc<Stage>) -> Result<()> {
    let (mut quiet, mut number, mut busy) = (0, 0, false);
    let id = uuid::Uuid::new_v4();
    while quiet < 20 {
        tokio::time::sleep(if busy { hands() } else { LOOK }).await;
        busy = false;
        let Ok(lists) = desk.get("queue").await else { continue };
        let mine = lists["mine"].as_array().cloned().unwrap_or_default();
        if let Some(held) = mine.iter().find(|item| item["status"] == "assigned") {
            (quiet, busy) = (0, true);
            let conversation = held["conversation"].as_str().unwrap_or_default().to_owned();
            for _ in 0..2 {
                number += 1;
                tokio::time::sleep(hands()).await;
                let text = format!("好的 འགྲིག་སོང་ {id} {number}");
                write(&desk, &stage, &conversation, &text, number).await;
            }
            drop(desk.post(&format!("conversations/{conversation}/return"), json!({})).await);
            continue;
        }
        let waiting = lists["waiting"].as_array().cloned().unwrap_or_default();
        // A hundred who all want the first would lose ninety-nine claims of a hundred.
        let pick = rand::rng().random_range(0..waiting.len().max(1));
        let Some(first) = waiting.get(pick).and_then(|item| item["conversation"].as_str()) else {
            quiet += usize::from(stage.over.load(Ordering::Relaxed));
            continue;
        };
        (quiet, busy) = (0, true);
        let (at, sent) = (desk.base().to_owned(), Instant::now());
        match desk.post(&format!("conversations/{first}/claim"), json!({})).await {
            Ok((200, _)) => {
                let answered = Instant::now();
                stage.claims.lock().await.push(Claim { at, sent, answered });
            }
            Ok((409, _)) => {
                stage.lost_claims.fetch_add(1, Ordering::Relaxed);
            }
            Ok(_) | Err(_) => {}
        }
    }
    Ok(())
}

fn hands() -> Duration {
    Duration::from_secs_f64(rand::rng().random_range(HANDS))
}

/// Sends the same message until it is acknowledged, or is the conversation's no more.
async fn write(desk: &Desk, stage: &Stage, conversation: &str, text: &str, number: usize) {
    let body = json!({"id": format!("a{number}-{}", &text[text.len() - 8..]), "text": text});
    for _ in 0..100 {
        match desk.post(&format!("conversations/{conversation}/messages"), body.clone()).await {
            Ok((200, _)) => {
                let mut told = stage.told_agents.lock().await;
                told.entry(conversation.to_owned()).or_default().push(text.to_owned());
                return;
            }
            Ok((503, _)) | Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            Ok(_) => return,
        }
    }
}
