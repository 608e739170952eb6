//! Knowledge bases made for measuring, and how a spoken turn came out.

use std::path::Path;

use anyhow::{Context, Result, bail};
use examples::{Client, Message, StartOptions};
use kb::{Entry, EntryId, Review, Text};
use language::Language;
use serde_json::{Value, json};

use crate::Desk;

/// Limits wide enough for a benchmark.
pub(super) const WIDE: &str = "[limits]\nmessages_per_minute = 1000000\nstarts_per_minute = 1000000\n\
                               conversations_per_address = 100000\nvoice_conversations = 64\n";

/// An entry with one question in one language.
pub(super) fn entry(id: String, language: Language, question: &str) -> Entry {
    let text = Text {
        question: question.to_owned(),
        spoken: question.to_owned(),
        written: question.to_owned(),
        review: Review::Sample,
        ..Text::default()
    };
    let (zh, bo) = match language {
        Language::Zh => (Some(text), None),
        Language::Bo => (None, Some(text)),
    };
    Entry { id: EntryId(id), topic: "measuring".to_owned(), sample: true, zh, bo, ..Entry::default() }
}

/// Writes entries as a knowledge file.
pub(super) fn write(path: &Path, entries: &[Entry]) -> Result<()> {
    #[derive(serde::Serialize)]
    struct File<'a> {
        format: &'static str,
        name: &'static str,
        notice: kb::Localized,
        entries: &'a [Entry],
    }
    let notice = kb::Localized {
        zh: "测量用".to_owned(), bo: "ཚད་འཇལ་བྱེད་སྤྱད།".to_owned()
    };
    let file = File { format: "drilen-kb/1", name: "measuring", notice, entries };
    std::fs::write(path, serde_yaml_ng::to_string(&file)?)?;
    Ok(())
}

/// How a spoken turn came out.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    /// Answered with this entry.
    Answered(String),
    /// Asked back; the first choice.
    Asked(String),
    /// Anything else ("say it differently", a greeting, a person).
    Other(String),
}

/// One spoken turn in a conversation of its own.
pub(super) struct Turn {
    /// What the citizen saw.
    pub outcome: Outcome,
    /// The best candidate that the assistant considered, whatever it then did.
    pub first: Option<String>,
}

/// Speaks one utterance in a fresh conversation over the WebSocket, as fast as the server takes it.
pub(super) async fn speak(url: &str, desk: &Desk, language: Language, samples: &[i16]) -> Result<Turn> {
    let mut client = Client::connect(url).await?;
    let welcome = client.start(&StartOptions::text(language.code())).await?;
    let conversation = welcome["conversation"].as_str().context("no conversation id")?.to_owned();
    client.speak(samples, false).await?;
    let outcome = loop {
        let Message::Json(message) = client.next().await? else { bail!("closed in the middle of a turn") };
        match message["type"].as_str().unwrap_or_default() {
            "answer" => break Outcome::Answered(text(&message["entry"])),
            "clarify" => break Outcome::Asked(text(&message["choices"][0]["entry"])),
            "say" => break Outcome::Other(text(&message["act"])),
            "escalated" => break Outcome::Other("escalated".to_owned()),
            "error" => bail!("the server answered with {message}"),
            _ => {}
        }
    };
    let first = match &outcome {
        Outcome::Answered(entry) | Outcome::Asked(entry) => Some(entry.clone()),
        Outcome::Other(act) if act == "escalated" => considered(desk, &conversation).await?,
        Outcome::Other(_) => {
            // The desk sees what was considered only of conversations that were handed to it.
            client.send(json!({"type": "person", "id": "show-the-desk"})).await?;
            client.wait_for("escalated").await?;
            considered(desk, &conversation).await?
        }
    };
    client.send(json!({"type": "close", "id": "done"})).await.ok();
    client.close().await.ok();
    Ok(Turn { outcome, first })
}

/// The best candidate of the last decision, which only the desk sees.
async fn considered(desk: &Desk, conversation: &str) -> Result<Option<String>> {
    let seen = desk.get(&format!("conversations/{conversation}")).await?;
    let events = seen["events"].as_array().context("no events")?;
    let best = events.iter().rev().find_map(|e| e["considered"][0]["entry"].as_str());
    Ok(best.map(str::to_owned))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
