//! The server is killed without warning in the middle of fifty conversations; nothing that was acknowledged is lost.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use end_to_end::{ServerProcess, ServerSettings};
use examples::{Client, Message, StartOptions};
use serde_json::{Value, json};

const CONVERSATIONS: usize = 50;
const LIMITS: &str = "[limits]\nmessages_per_minute = 100000\nstarts_per_minute = 100000\n\
                      conversations_per_address = 1000\n";
const QUESTIONS: [(&str, &str); 2] =
    [("zh", "身份证丢了怎么办"), ("bo", "ཐོབ་ཐང་ལག་ཁྱེར་བརླགས་ན་ག་རེ་བྱེད་དགོས་རེད།")];

/// What one citizen knows for certain when the server dies.
struct Known {
    token: String,
    /// Every durable event that arrived, by its number.
    events: BTreeMap<u64, Value>,
    /// Ids of messages that were acknowledged.
    acknowledged: Vec<String>,
    /// The message that was under way.
    under_way: (String, String),
}

/// Asks one question after the other until the server is gone.
async fn talk(url: String, n: usize, stop: Arc<AtomicBool>) -> Result<Known> {
    let (language, question) = QUESTIONS[n % 2];
    let mut client = Client::connect(&url).await?;
    client.start(&StartOptions::text(language)).await?;
    let mut known = Known {
        token: client.token.clone().context("no token")?,
        events: BTreeMap::new(),
        acknowledged: Vec::new(),
        under_way: (String::new(), String::new()),
    };
    for round in 0.. {
        let text = format!("{question}{}", ["", "？", "。"][round % 3]);
        let id = format!("c{n}-m{round}");
        known.under_way = (id.clone(), text.clone());
        if client.send(json!({"type": "text", "id": id, "text": text})).await.is_err() {
            break;
        }
        if !listen_until_accepted(&mut client, &id, &mut known).await {
            break;
        }
        if stop.load(Ordering::Relaxed) && round > 400 {
            break;
        }
    }
    Ok(known)
}

async fn listen_until_accepted(client: &mut Client, id: &str, known: &mut Known) -> bool {
    loop {
        match client.next_within(Duration::from_secs(20)).await {
            Ok(Message::Json(message)) => {
                if message["at"].is_string()
                    && let Some(seq) = message["seq"].as_u64()
                {
                    known.events.insert(seq, message);
                } else if message["type"] == "accepted" && message["id"] == id {
                    known.acknowledged.push(id.to_owned());
                    return true;
                }
            }
            Ok(Message::Audio(_)) => {}
            Ok(Message::Closed(_)) | Err(_) => return false,
        }
    }
}

/// Everything the server has of a conversation now, by number; each number may come more than once but always the same.
async fn everything(client: &mut Client, token: &str) -> Result<BTreeMap<u64, Value>> {
    let resumed = client.resume(token, 0).await?;
    let last = resumed["last_seq"].as_u64().context("resumed without last_seq")?;
    let mut events = BTreeMap::new();
    while events.len() < usize::try_from(last)? {
        if let Message::Json(message) = client.next().await?
            && message["at"].is_string()
            && let Some(seq) = message["seq"].as_u64()
        {
            events.insert(seq, message);
        }
    }
    Ok(events)
}

async fn check(url: String, known: Known) -> Result<usize> {
    let mut client = Client::connect(&url).await?;
    let events = everything(&mut client, &known.token).await?;
    let numbers: Vec<u64> = events.keys().copied().collect();
    let expected: Vec<u64> = (1..=u64::try_from(numbers.len())?).collect();
    ensure!(numbers == expected, "the numbers have a gap: {numbers:?}");
    for (seq, event) in &known.events {
        ensure!(events.get(seq) == Some(event), "event {seq} was told and is not there, or differs");
    }
    let mut asked: HashMap<&str, usize> = HashMap::new();
    for event in events.values().filter(|e| e["type"] == "citizen_message") {
        *asked.entry(event["id"].as_str().unwrap_or_default()).or_default() += 1;
    }
    for id in &known.acknowledged {
        ensure!(
            asked.get(id.as_str()) == Some(&1),
            "message {id} was acknowledged and is there {:?} times",
            asked.get(id.as_str())
        );
    }
    // The client does not know whether its last message arrived, so it sends it again, and the one before as well.
    let (id, text) = known.under_way;
    for id in known.acknowledged.last().into_iter().chain([&id]) {
        client.send(json!({"type": "text", "id": id, "text": text})).await?;
        client.wait_for("accepted").await?;
    }
    drop(client);
    let mut client = Client::connect(&url).await?;
    let after = everything(&mut client, &known.token).await?;
    let copies = after.values().filter(|e| e["type"] == "citizen_message" && e["id"] == id).count();
    ensure!(copies == 1, "the message that was under way is there {copies} times");
    Ok(known.acknowledged.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_fifty_conversations_the_server_loses_nothing_it_acknowledged() -> Result<()>
{
    let settings = ServerSettings { configuration: LIMITS.to_owned(), ..ServerSettings::default() };
    let mut server = ServerProcess::start(&settings).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let citizens: Vec<_> =
        (0..CONVERSATIONS).map(|n| tokio::spawn(talk(server.portal(), n, stop.clone()))).collect();
    tokio::time::sleep(Duration::from_secs(4)).await;
    server.kill()?;
    stop.store(true, Ordering::Relaxed);
    let mut known = Vec::new();
    for citizen in citizens {
        known.push(citizen.await??);
    }
    let told: usize = known.iter().map(|k| k.events.len()).sum();
    server.restart().await?;
    let checks: Vec<_> = known.into_iter().map(|k| tokio::spawn(check(server.portal(), k))).collect();
    let mut acknowledged = 0;
    for check in checks {
        acknowledged += check.await??;
    }
    ensure!(acknowledged >= CONVERSATIONS, "only {acknowledged} messages were acknowledged before the kill");
    println!("{acknowledged} acknowledged messages and {told} events survived");
    Ok(())
}
