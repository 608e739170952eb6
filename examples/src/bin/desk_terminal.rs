//! A desk in a terminal: an agent takes who waits and talks to them, over the same HTTP interface as any other desk would.
//!
//! ```text
//! assistant agent add dolma --languages bo,zh                                  # prints the password
//! DRILEN_PASSWORD=… cargo run -p examples --bin desk-terminal -- --name dolma
//! ```
//!
//! What is typed is sent to the citizen; lines that begin with `/` are for the desk (`/help`).

use anyhow::{Result, bail};
use clap::Parser;
use examples::{Desk, Live, Refused};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines, Stdin};

const HELP: &str = "/answers QUESTION   suggested answers\n/done               the matter is settled\n/return NOTE        back to the assistant\n\
                    /requeue NOTE       back to the queue\n/to NAME            pass it on to a colleague\n/quit               log out";

#[derive(Parser)]
#[command(about = "Serves citizens from a terminal, over the desk's HTTP interface")]
struct Arguments {
    /// Where the assistant listens.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: String,
    /// The name to log in with; the password is read from the variable `DRILEN_PASSWORD`.
    #[arg(long)]
    name: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let Ok(password) = std::env::var("DRILEN_PASSWORD") else {
        bail!("set DRILEN_PASSWORD to the agent's password")
    };
    let desk = Desk::log_in(&arguments.url, &arguments.name, &password).await?;
    println!("logged in as {}; /help says what can be typed", desk.agent["name"].as_str().unwrap_or("?"));
    desk.post("/v1/desk/presence", &json!({ "presence": "available" })).await?;
    let mut terminal =
        Terminal { desk, lines: BufReader::new(tokio::io::stdin()).lines(), serving: None, seen: 0 };
    loop {
        let mut live = terminal.desk.live().await?;
        match terminal.serve(&mut live).await {
            Ok(End::Quit) => break,
            Ok(End::Again) => println!("the server restarts; coming back"),
            Err(error) if error.is::<Refused>() => return Err(error),
            Err(error) => println!("the connection broke ({error}); coming back"),
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    terminal.desk.post("/v1/desk/presence", &json!({ "presence": "away" })).await?;
    terminal.desk.post("/v1/desk/logout", &json!({})).await?;
    Ok(())
}

enum End {
    Quit,
    Again,
}

struct Terminal {
    desk: Desk,
    lines: Lines<BufReader<Stdin>>,
    /// The conversation that the agent has.
    serving: Option<String>,
    /// The last event of it that was shown.
    seen: u64,
}

impl Terminal {
    async fn serve(&mut self, live: &mut Live) -> Result<End> {
        loop {
            tokio::select! {
                heard = live.next() => match heard? {
                    Ok(message) => self.hear(&message).await?,
                    Err(1012 | 1013 | 1006) => return Ok(End::Again),
                    Err(code) => bail!("the desk closed the socket ({code}); the session is over"),
                },
                typed = self.lines.next_line() => match typed?.as_deref().map(str::trim) {
                    None | Some("/quit") => return Ok(End::Quit),
                    Some("") => {}
                    Some(words) => self.typed(words).await?,
                },
            }
        }
    }

    async fn hear(&mut self, message: &Value) -> Result<()> {
        match message["type"].as_str().unwrap_or_default() {
            "queue" => self.take_the_next(message).await?,
            "event" if message["conversation"].as_str() == self.serving.as_deref() => {
                self.show(&message["event"]);
            }
            "citizen_typing" => println!("  … is writing"),
            "error" => println!("  {}", message["error"]["message"]),
            _ => {}
        }
        Ok(())
    }

    /// Goes on with what the agent has, takes what they are offered, or else the first in the queue.
    async fn take_the_next(&mut self, lists: &Value) -> Result<()> {
        let id = |item: &Value| item["conversation"].as_str().map(str::to_owned);
        let active = |item: &&Value| item["status"] == "assigned";
        if let Some(mine) = lists["mine"].as_array().into_iter().flatten().find(active).and_then(id) {
            return self.open(mine).await;
        }
        self.serving = None;
        let me = &self.desk.agent["id"];
        let queue = lists["waiting"].as_array().map(Vec::as_slice).unwrap_or_default();
        let offered = queue.iter().find(|item| item["offer"]["agent"]["id"] == *me);
        let next = offered.or_else(|| queue.iter().find(|item| item["status"] == "queued"));
        let Some((item, conversation)) = next.and_then(|item| Some((item, id(item)?))) else { return Ok(()) };
        let taken = match &item["offer"]["id"] {
            Value::String(offer) => self.desk.act(&conversation, "accept", &json!({ "offer": offer })).await,
            _ => self.desk.act(&conversation, "claim", &json!({})).await,
        };
        match taken {
            Ok(_) => self.open(conversation).await,
            // Somebody was faster, or the citizen went away: the lists come anew.
            Err(error) if error.downcast_ref::<Refused>().is_some_and(|refused| refused.status == 409) => {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Shows what the agent has not seen yet. The socket follows what one has by itself, and each event is applied once.
    async fn open(&mut self, conversation: String) -> Result<()> {
        if self.serving.as_ref() != Some(&conversation) {
            println!("--- {conversation}");
            self.seen = 0;
        }
        let view = self.desk.get(&format!("/v1/desk/conversations/{conversation}")).await?;
        self.serving = Some(conversation);
        for event in view["events"].as_array().into_iter().flatten() {
            self.show(event);
        }
        Ok(())
    }

    fn show(&mut self, event: &Value) {
        let seq = event["seq"].as_u64().unwrap_or(0);
        if seq <= self.seen {
            return;
        }
        self.seen = seq;
        let text = event["text"].as_str().unwrap_or_default();
        match event["type"].as_str().unwrap_or_default() {
            "citizen_message" => println!("citizen: {text}"),
            "agent_message" => println!("{}: {text}", event["agent"]["name"].as_str().unwrap_or("agent")),
            kind if text.is_empty() => println!("  ({kind})"),
            kind => println!("  ({kind}) {text}"),
        }
    }

    /// Refusals are shown, and the agent goes on.
    async fn typed(&mut self, line: &str) -> Result<()> {
        match self.perform(line).await {
            Err(error) if error.is::<Refused>() => println!("  not done: {error}"),
            done => done?,
        }
        Ok(())
    }

    async fn perform(&mut self, line: &str) -> Result<()> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        if word == "/help" {
            println!("{HELP}");
            return Ok(());
        }
        let Some(id) = self.serving.clone() else {
            println!("  nobody waits");
            return Ok(());
        };
        match word {
            "/answers" => self.suggest(&id, rest).await?,
            "/done" => drop(self.desk.act(&id, "resolve", &json!({})).await?),
            "/return" => drop(self.desk.act(&id, "return", &json!({ "note": rest })).await?),
            "/requeue" => drop(self.desk.act(&id, "requeue", &json!({ "note": rest })).await?),
            "/to" => self.pass_on(&id, rest).await?,
            _ if word.starts_with('/') => println!("{HELP}"),
            _ => drop(self.desk.write(&id, line).await?),
        }
        Ok(())
    }

    async fn suggest(&self, id: &str, question: &str) -> Result<()> {
        let view = self.desk.get(&format!("/v1/desk/conversations/{id}")).await?;
        let language = view["language"].as_str().unwrap_or("zh");
        let mut url = reqwest::Url::parse("http://desk/v1/desk/answers")?;
        url.query_pairs_mut().append_pair("q", question).append_pair("language", language);
        let path = format!("{}?{}", url.path(), url.query().unwrap_or_default());
        for found in self.desk.get(&path).await?["candidates"].as_array().into_iter().flatten() {
            println!(
                "  {:.2} {}\n{}",
                found["confidence"].as_f64().unwrap_or(0.0),
                found["question"],
                found["text"]
            );
        }
        Ok(())
    }

    async fn pass_on(&self, id: &str, name: &str) -> Result<()> {
        let colleagues = self.desk.get("/v1/desk/colleagues").await?;
        let named = |other: &&Value| other["agent"]["name"] == name && other["there"] == true;
        match colleagues.as_array().into_iter().flatten().find(named) {
            Some(other) => drop(self.desk.act(id, "transfer", &json!({ "to": other["agent"]["id"] })).await?),
            None => println!("  nobody of that name is at work"),
        }
        Ok(())
    }
}
