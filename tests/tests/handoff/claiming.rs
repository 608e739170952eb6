//! Many agents want one citizen.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use end_to_end::Desk;
use examples::Message;
use serde_json::{Value, json};
use tokio::sync::Barrier;

use crate::stage::{House, ask_for_a_person};

const AGENTS: [&str; 6] = ["卓玛", "བསྟན་འཛིན།", "小李", "王强", "ཚེ་རིང་།", "格桑"];
const ROUNDS: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_agents_who_claim_at_once_one_wins_and_each_of_the_others_learns_who() -> Result<()> {
    let house = House::open_at("10:00:00", "").await?;
    let mut desks = Vec::new();
    for name in AGENTS {
        desks.push(Arc::new(house.agent(name).await?));
    }
    let mut wins = [0; AGENTS.len()];
    for round in 0..ROUNDS {
        let mut citizen = house.citizen(["bo", "zh"][round % 2]).await?;
        ask_for_a_person(&mut citizen).await?;
        let lists = desks[0].get("queue").await?;
        let conversation = lists["waiting"][0]["conversation"].as_str().context("nobody waits")?.to_owned();
        let line = Arc::new(Barrier::new(AGENTS.len()));
        let claims: Vec<_> = desks
            .iter()
            .map(|desk| tokio::spawn(claim(Arc::clone(desk), conversation.clone(), Arc::clone(&line))))
            .collect();
        let mut replies = Vec::new();
        for claim in claims {
            replies.push(claim.await??);
        }
        let winners: Vec<usize> = (0..AGENTS.len()).filter(|n| replies[*n].0 == 200).collect();
        let [winner] = winners[..] else { anyhow::bail!("{} won: {replies:?}", winners.len()) };
        wins[winner] += 1;
        for (number, (status, reply)) in replies.iter().enumerate().filter(|(number, _)| *number != winner) {
            ensure!(*status == 409 && reply["winner"] == AGENTS[winner], "{number}: {status} {reply}");
            ensure!(reply["error"]["code"] == "already_claimed", "{reply}");
        }
        let joined = citizen.wait_for("agent_joined").await?;
        ensure!(joined["agent"]["name"] == AGENTS[winner], "{joined}");
        let loser = &desks[(winner + 1) % AGENTS.len()];
        let words = json!({"id": format!("r{round}"), "text": "您好 བཀྲ་ཤིས་"});
        let refused = loser.post(&format!("conversations/{conversation}/messages"), words).await?;
        ensure!(refused.0 == 409 && refused.1["error"]["code"] == "not_holder", "{refused:?}");
        desks[winner].done(&format!("conversations/{conversation}/resolve"), json!({})).await?;
        let mut joins = 1;
        loop {
            match citizen.next().await? {
                Message::Json(event) if event["type"] == "agent_joined" => joins += 1,
                Message::Json(event) if event["type"] == "closed" => break,
                _ => {}
            }
        }
        ensure!(joins == 1, "{joins} agents joined");
    }
    println!("{ROUNDS} races of {}: won {wins:?}", AGENTS.len());
    ensure!(wins.iter().filter(|won| **won > 0).count() > 1, "always the same one won: that was no race");
    Ok(())
}

async fn claim(desk: Arc<Desk>, conversation: String, line: Arc<Barrier>) -> Result<(u16, Value)> {
    line.wait().await;
    desk.post(&format!("conversations/{conversation}/claim"), json!({})).await
}
