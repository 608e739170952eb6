//! An agent is simply not there any more.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::stage::{House, ask_for_a_person, has_script, listed};

const FIRST: [(&str, &str); 2] =
    [("bo", "ངའི་ཐོབ་ཐང་ལག་ཁྱེར་བོར་སོང་། ལག་རྟགས་ ༧ "), ("zh", "我的身份证丢了，编号七")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_an_agent_whose_line_is_dead_the_citizen_is_told_and_keeps_their_time_and_words() -> Result<()> {
    for (language, words) in FIRST {
        let house = House::open_at("10:00:00", "").await?;
        let (gone, next) = (house.agent("卓玛").await?, house.agent("བསྟན་འཛིན།").await?);
        let mut citizen = house.citizen(language).await?;
        citizen.say(words).await?;
        citizen.wait_for_any(&["answer", "clarify", "say"]).await?;
        let escalated = ask_for_a_person(&mut citizen).await?;
        let since = escalated["at"].clone();
        let lists = gone.get("queue").await?;
        let id = lists["waiting"][0]["conversation"].as_str().context("nobody waits")?.to_owned();
        house.clock.advance(Duration::from_secs(10));
        // The socket stays open and says nothing more: no close message, no end of the connection.
        let mut dead_line = gone.live().await?;
        gone.done(&format!("conversations/{id}/claim"), json!({})).await?;
        dead_line.wait_for("queue", |lists| lists["mine"][0]["conversation"] == id.as_str()).await?;
        let note = json!({"id": "a1", "text": "请稍等 ཅུང་ཙམ་སྒུག་རོགས།"});
        gone.done(&format!("conversations/{id}/messages"), note).await?;
        citizen.wait_for("agent_message").await?;
        citizen.say("还在吗 ཡོད་དམ།").await?;

        house.clock.advance(Duration::from_secs(61));
        let left = citizen.wait_for("agent_left").await?;
        ensure!(left["outcome"] == "lost" && has_script(&left["text"], language), "{left}");
        ensure!(citizen.wait_for("queue").await?["position"] == 1);

        let item = listed(&next, "waiting", &id, |item| item["status"] == "queued").await?;
        ensure!(item["since"] == since, "queued since {}, now {}", since, item["since"]);
        let mut page = next.live().await?;
        next.done(&format!("conversations/{id}/claim"), json!({})).await?;
        page.wait_for("queue", |lists| lists["mine"][0]["conversation"] == id.as_str()).await?;
        let view = next.get(&format!("conversations/{id}")).await?;
        let events = view["events"].as_array().context("no events")?;
        ensure!(events.iter().zip(1..).all(|(event, seq)| event["seq"] == seq), "there is a gap");
        let has = |kind: &str, text: &str| events.iter().any(|e| e["type"] == kind && e["text"] == text);
        ensure!(has("citizen_message", words) && has("citizen_message", "还在吗 ཡོད་དམ།"), "{events:?}");
        ensure!(has("agent_message", "请稍等 ཅུང་ཙམ་སྒུག་རོགས།"), "what the first agent wrote is gone");
        citizen.wait_for("agent_joined").await?;
        citizen.say("你好 སྐུ་ཁམས་བཟང་།").await?;
        page.wait_for("event", |m| m["event"]["text"] == "你好 སྐུ་ཁམས་བཟང་།").await?;
        // Who was lost has nothing to say any more.
        let late = json!({"id": "a2", "text": "我回来了"});
        let refused = gone.post(&format!("conversations/{id}/messages"), late).await?;
        ensure!(refused.0 == 409 && refused.1["error"]["code"] == "not_holder", "{refused:?}");
        drop(dead_line);
    }
    Ok(())
}
