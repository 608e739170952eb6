//! Many who are only there, and as many turns as two cores take.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use examples::{Client, Message, StartOptions};
use futures::future::join_all;
use serde_json::json;

use super::super::Report;
use super::WIDE;
use crate::{ServerProcess, ServerSettings};

const IDLE: usize = 10_000;
/// Connections that are opened at once.
const AT_ONCE: usize = 50;
const TALKERS: usize = 64;
const FOR: Duration = Duration::from_secs(20);

async fn server() -> Result<ServerProcess> {
    ServerProcess::start(&ServerSettings { configuration: WIDE.to_owned(), ..ServerSettings::default() })
        .await
}

/// 10,000 conversations that are attached and say nothing.
///
/// # Errors
/// Where the server fails or this machine allows too few open files.
pub async fn idle(report: &mut Report) -> Result<()> {
    let server = server().await?;
    let before = server.memory_mib()?;
    let mut clients = Vec::with_capacity(IDLE);
    while clients.len() < IDLE {
        let more = join_all((0..AT_ONCE).map(|number| {
            let url = server.portal();
            async move {
                let mut client = Client::connect(&url).await?;
                client.start(&StartOptions::text(["bo", "zh"][number % 2])).await?;
                anyhow::Ok(client)
            }
        }))
        .await;
        for client in more {
            clients.push(client?);
        }
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let each = (server.memory_mib()? - before) * 1024.0 / clients.len() as f64;
    ensure!(
        reqwest::get(format!("{}/readyz", server.http())).await?.status().is_success(),
        "not ready any more"
    );
    report.tell("idle conversations attached", clients.len() as f64, "conversations");
    report.at_most("memory for each of them", each, 40.0, "KiB");
    Ok(())
}

/// Typed questions, as many as are answered, server and clients on the same cores.
///
/// # Errors
/// Where the server fails.
pub async fn turns(report: &mut Report) -> Result<()> {
    let server = server().await?;
    let answered = Arc::new(AtomicUsize::new(0));
    let before = server.processor_seconds()?;
    let begun = Instant::now();
    let talkers = (0..TALKERS).map(|number| {
        let (url, answered) = (server.portal(), Arc::clone(&answered));
        tokio::spawn(async move {
            let language = ["bo", "zh"][number % 2];
            let question = ["ངའི་ཐོབ་ཐང་ལག་འཁྱེར་བོར་སོང་", "身份证丢了怎么补办"][number % 2];
            let mut client = Client::connect(&url).await?;
            client.start(&StartOptions::text(language)).await?;
            let mut round = 0;
            while begun.elapsed() < FOR {
                round += 1;
                client.send(json!({"type": "text", "id": format!("m{round}"), "text": question})).await?;
                loop {
                    match client.next_within(Duration::from_secs(20)).await? {
                        Message::Json(m)
                            if ["answer", "clarify", "say"].iter().any(|kind| m["type"] == *kind) =>
                        {
                            break;
                        }
                        Message::Json(_) | Message::Audio(_) => {}
                        Message::Closed(code) => anyhow::bail!("closed with {code}"),
                    }
                }
                answered.fetch_add(1, Ordering::Relaxed);
            }
            anyhow::Ok(())
        })
    });
    for talker in join_all(talkers).await {
        talker??;
    }
    let (seconds, turns) = (begun.elapsed().as_secs_f64(), answered.load(Ordering::Relaxed) as f64);
    let processor = server.processor_seconds()? - before;
    report.at_least(
        "text turns answered, server and clients on the same cores",
        turns / seconds,
        5_000.0,
        "per second",
    );
    report.tell("the server's processor time for one", processor / turns * 1000.0, "ms");
    report.tell(
        "turns that the server alone could answer on two cores",
        2.0 * turns / processor,
        "per second",
    );
    let metrics = reqwest::get(format!("{}/metrics", server.http())).await?.text().await?;
    for (name, metric) in [
        ("understanding and deciding", "drilen_decide_seconds"),
        ("a commit of the store", "store_commit_seconds"),
        ("commands in a commit", "store_commit_commands"),
    ] {
        let value = |suffix: &str| -> Option<f64> {
            metrics
                .lines()
                .find(|l| l.starts_with(&format!("{metric}{suffix}")))?
                .rsplit(' ')
                .next()?
                .parse()
                .ok()
        };
        if let Some((sum, count)) = value("_sum").zip(value("_count")) {
            let unit = if metric.ends_with("seconds") { "ms" } else { "commands" };
            let scale = if unit == "ms" { 1000.0 } else { 1.0 };
            report.tell(&format!("where the time goes: {name}, mean"), scale * sum / count.max(1.0), unit);
        }
    }
    Ok(())
}
