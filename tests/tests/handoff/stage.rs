//! A server in this process whose clock is moved by hand, with citizens and agents who come in by its doors.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use assistant::doors::desk::password;
use assistant::server::Parts;
use assistant::{Configuration, Server};
use conversation::{Agent, AgentId, Clock as _, ManualClock, Timestamp};
use end_to_end::{Desk, material};
use examples::{Client, StartOptions};
use language::Language;
use serde_json::{Value, json};
use tempfile::TempDir;

const PASSWORD: &str = "ལྷ་ས་ 拉萨 3650";
/// Room enough that no limit is what is tested.
pub const WIDE: &str =
    "[limits]\nmessages_per_minute = 100000\nstarts_per_minute = 100000\nconversations_per_address = 1000\n";

/// The server, its clock and its data.
pub struct House {
    pub server: Server,
    pub clock: Arc<ManualClock>,
    data: TempDir,
    settings: String,
}

impl House {
    /// Opens on Monday, 2 March 2026, at this time of the day in China.
    pub async fn open_at(time: &str, settings: &str) -> Result<Self> {
        let clock = Arc::new(ManualClock::at(china(&format!("2026-03-02T{time}"))?));
        let data = tempfile::tempdir()?;
        let settings = format!("{WIDE}{settings}");
        let server = serve(&data, &settings, &clock).await?;
        Ok(Self { server, clock, data, settings })
    }

    /// Stops the server and starts it again on the same data.
    pub async fn restart(self) -> Result<Self> {
        let Self { server, clock, data, settings } = self;
        server.shutdown().await.map_err(anyhow::Error::msg)?;
        let server = serve(&data, &settings, &clock).await?;
        Ok(Self { server, clock, data, settings })
    }

    pub fn portal(&self) -> String {
        format!("ws://{}/v1/conversation", self.server.address())
    }

    pub async fn citizen(&self, language: &str) -> Result<Client> {
        let mut client = Client::connect(&self.portal()).await?;
        client.start(&StartOptions::text(language)).await?;
        Ok(client)
    }

    /// Comes back with the token of a connection that may be gone.
    pub async fn back(&self, token: &str, last_seq: u64) -> Result<Client> {
        let mut client = Client::connect(&self.portal()).await?;
        client.resume(token, last_seq).await?;
        Ok(client)
    }

    /// Makes an agent who serves both languages, and logs them in.
    pub async fn agent(&self, name: &str) -> Result<Desk> {
        let hash = password::hash(PASSWORD, [5; 16]).map_err(anyhow::Error::msg)?;
        let agent =
            Agent { id: AgentId::generate(), name: name.to_owned(), languages: Language::ALL.to_vec() };
        self.server.store().add_agent(agent, hash).await?;
        self.log_in(name).await
    }

    pub async fn log_in(&self, name: &str) -> Result<Desk> {
        Desk::login_at(&self.server.url(), name, PASSWORD).await
    }

    pub fn set_to(&self, moment: &str) -> Result<()> {
        let target = china(moment)?;
        self.clock.advance(target.since(self.clock.now()));
        Ok(())
    }
}

async fn serve(data: &TempDir, settings: &str, clock: &Arc<ManualClock>) -> Result<Server> {
    let base = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\ndata = \"{}\"\ngrace = \"5s\"\n[knowledge]\npath = \"{}\"\n\
         [hearing]\nbo = {{ engines = [] }}\nzh = {{ engines = [] }}\n{settings}",
        data.path().join("data").display(),
        material::workspace().join("examples/knowledge/sample").display(),
    );
    let configuration = Configuration::with(&base)?;
    let parts = Parts { clock: Some(clock.clone()), ..Parts::default() };
    Ok(Server::start_with(configuration, parts).await?)
}

/// A moment of China's clock, such as `2026-03-02T17:55:00`.
pub fn china(text: &str) -> Result<Timestamp> {
    Ok(serde_json::from_value(json!(format!("{text}+08:00")))?)
}

/// Asks for a person; returns the `escalated` event.
pub async fn ask_for_a_person(client: &mut Client) -> Result<Value> {
    client.send(json!({"type": "person", "id": format!("person-{}", client.last_seq)})).await?;
    client.wait_for("escalated").await
}

/// The conversation's id, as the desk knows it, from the citizen's own log.
pub async fn conversation_of(portal: &str, token: &str) -> Result<String> {
    let started = everything(portal, token).await?.into_iter().next().context("no first event")?;
    Ok(started["conversation"].as_str().context("no id")?.to_owned())
}

pub use end_to_end::everything;

/// The desk's list item of a conversation, once it is in this list and fits.
pub async fn listed(
    desk: &Desk,
    list: &str,
    conversation: &str,
    fits: impl Fn(&Value) -> bool,
) -> Result<Value> {
    let mut seen = Value::Null;
    // The sweeper looks every 5 s; four times as long is patience enough on a busy machine.
    for _ in 0..200 {
        let lists = desk.get("queue").await?;
        let items = lists[list].as_array().cloned().unwrap_or_default();
        if let Some(item) = items.into_iter().find(|item| item["conversation"] == conversation && fits(item))
        {
            return Ok(item);
        }
        seen = lists;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("{conversation} does not come into `{list}` as awaited: {seen}")
}

pub fn has_script(text: &Value, language: &str) -> bool {
    text.as_str().unwrap_or_default().chars().any(|c| match language {
        "bo" => ('\u{0F00}'..='\u{0FFF}').contains(&c),
        _ => ('\u{4E00}'..='\u{9FFF}').contains(&c),
    })
}
