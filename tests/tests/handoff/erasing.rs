//! Erasure: a citizen's words are gone everywhere, and that they are gone can be proved.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use end_to_end::{Desk, ServerProcess, ServerSettings};
use examples::{Client, StartOptions};
use serde_json::json;

use crate::stage::{WIDE, ask_for_a_person};

/// Words that stand nowhere else, of the citizen and of the agent, and a name.
const WORDS: [&str; 4] = ["紫云英七六三号院的柜子", "སྐྱ་རེངས་བཞི་བརྒྱའི་སྒོ་ཆེན་", "丁香九二七回执", "Xqzvtl Wbrkmn"];

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { all.extend(files(&path)?) } else { all.push(path) }
    }
    Ok(all)
}

/// Where any of these bytes stand.
fn found(folder: &Path, needles: &[Vec<u8>]) -> Result<Vec<PathBuf>> {
    let mut places = Vec::new();
    for path in files(folder)? {
        let bytes = std::fs::read(&path)?;
        let has = |needle: &Vec<u8>| bytes.windows(needle.len()).any(|window| window == needle.as_slice());
        if needles.iter().any(has) {
            places.push(path);
        }
    }
    Ok(places)
}

/// The words as they might be written: UTF-8, UTF-16, and JSON with escapes.
fn written() -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    for words in WORDS {
        forms.push(words.as_bytes().to_vec());
        forms.push(words.encode_utf16().flat_map(u16::to_le_bytes).collect());
        let escaped: Vec<String> = words.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        forms.push(escaped.concat().into_bytes());
    }
    forms
}

fn run(server: &ServerProcess, arguments: &[&str]) -> Result<String> {
    let output = server.command(arguments)?;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "{arguments:?}: {told}{}", String::from_utf8_lossy(&output.stderr));
    Ok(told)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erased_conversation_is_nowhere_and_the_trail_proves_it() -> Result<()> {
    let settings = ServerSettings { configuration: WIDE.to_owned(), ..ServerSettings::default() };
    let mut server = ServerProcess::start(&settings).await?;
    let password = server.add_agent("卓玛")?;
    let desk = Desk::login_anew(&server, "卓玛", &password).await?;
    let mut bystander = Client::connect(&server.portal()).await?;
    let kept = bystander.start(&StartOptions::text("zh")).await?["conversation"].clone();
    bystander.say("你好").await?;
    bystander.wait_for("say").await?;

    let mut citizen = Client::connect(&server.portal()).await?;
    let welcome = citizen.start(&StartOptions::text("bo")).await?;
    let id = welcome["conversation"].as_str().context("no id")?.to_owned();
    for words in [WORDS[0], WORDS[1], WORDS[3]] {
        citizen.say(words).await?;
        citizen.wait_for_any(&["answer", "clarify", "say", "escalated"]).await?;
    }
    let waits = desk.get("queue").await?["waiting"].as_array().is_some_and(|list| !list.is_empty());
    if !waits {
        ask_for_a_person(&mut citizen).await?;
    }
    desk.done(&format!("conversations/{id}/claim"), json!({})).await?;
    let mut page = desk.live().await?;
    page.wait_for("queue", |lists| lists["mine"][0]["conversation"] == id.as_str()).await?;
    desk.done(&format!("conversations/{id}/messages"), json!({"id": "1", "text": WORDS[2]})).await?;
    let view = desk.get(&format!("conversations/{id}")).await?.to_string();
    for words in WORDS {
        ensure!(view.contains(words), "the desk was to see {words}");
    }
    desk.done(&format!("conversations/{id}/return"), json!({"note": WORDS[3]})).await?;

    let place = server.directory().join("place");
    let place = place.to_str().context("path")?;
    run(&server, &["backup", place])?;
    let token = citizen.token.clone().context("no token")?;
    run(&server, &["erase", &id, "--why", "request 17"])?;

    // The server that runs knows it at once: by the token, at the desk, and on the connection that is still open.
    let mut back = Client::connect(&server.portal()).await?;
    let refused = back.resume(&token, 0).await.err().context("the token still opens it")?;
    ensure!(refused.to_string().contains("bad_token"), "{refused}");
    let (status, reply) = desk.try_get(&format!("conversations/{id}")).await?;
    ensure!(status == 404, "{status} {reply}");
    citizen.say("还在吗").await?;
    let told = citizen.wait_for("accepted").await.err().context("an erased conversation took a message")?;
    ensure!(["closed", "bad_token"].iter().any(|code| told.to_string().contains(code)), "{told}");
    page.send(json!({"type": "watch", "conversation": id})).await?;
    ensure!(page.wait_for("error", |_| true).await?["error"]["code"] == "not_found");

    for stopped in [false, true] {
        if stopped {
            ensure!(server.stop().await?, "the server did not stop cleanly");
        }
        let places = found(server.directory(), &written())?;
        ensure!(places.is_empty(), "the words stand in {places:?}");
        // The key, too: its record in the backups' key file begins with the conversation's id.
        let uuid = uuid::Uuid::parse_str(&id)?.as_bytes().to_vec();
        let keys = std::fs::read(Path::new(place).join("keys"))?;
        ensure!(!keys.windows(16).any(|window| window == uuid), "the key file still has the key");
    }
    let kept = kept.as_str().context("no id")?;
    let uuid = uuid::Uuid::parse_str(kept)?.as_bytes().to_vec();
    let keys = std::fs::read(Path::new(place).join("keys"))?;
    ensure!(keys.windows(16).any(|window| window == uuid), "another conversation's key is gone, too");

    let told = run(&server, &["audit", "verify"])?;
    println!("{told}");
    let list = run(&server, &["audit", "list"])?;
    ensure!(list.contains(&id) && list.contains("erase"), "the trail does not tell of it: {list}");
    ensure!(WORDS.iter().all(|words| !list.contains(words)), "the trail has words");
    run(&server, &["verify"])?;
    run(&server, &["verify", place])?;
    // What is in the backup itself cannot be opened by anybody any more.
    run(&server, &["restore", place, "--replace"])?;
    server.restart().await?;
    let mut back = Client::connect(&server.portal()).await?;
    ensure!(back.resume(&token, 0).await.is_err(), "a backup brought it back");
    ensure!(found(server.directory(), &written())?.is_empty());
    Ok(())
}
