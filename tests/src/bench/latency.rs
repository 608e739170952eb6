//! How long a citizen waits, alone and in a crowd, and what the machine pays for it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use examples::{Client, Message, StartOptions};
use kb::Collection;
use language::Language;
use serde_json::json;

use super::asked::WIDE;
use super::{Report, percentile};
use crate::voices::{HeldOutVoices, between_silences, pcm16};
use crate::{ServerProcess, ServerSettings, material};

/// A spoken question with its language.
#[derive(Clone)]
struct Spoken {
    language: Language,
    samples: Vec<i16>,
}

impl Spoken {
    fn seconds(&self) -> f64 {
        self.samples.len() as f64 / 16_000.0
    }
}

/// What one citizen measured, in milliseconds after the last sample of speech was sent.
#[derive(Clone, Debug)]
struct Waited {
    transcript: f64,
    sound: f64,
    /// What was said first: `answer`, `clarify` or `say`.
    outcome: String,
}

fn questions(count: usize) -> Result<Vec<Spoken>> {
    let voices = HeldOutVoices::load()?;
    let collection = Collection::load(&material::workspace().join("examples/knowledge/sample"))?;
    (0..count)
        .map(|n| {
            let language = Language::ALL[n % 2];
            let sourced = &collection.entries[n / 2 % collection.entries.len()];
            let text = sourced.entry.text(language).context("a sample entry lacks a language")?;
            let samples = between_silences(&voices.say(n, &text.question, language)?, 0.2, 0.0);
            Ok(Spoken { language, samples: pcm16(&samples) })
        })
        .collect()
}

/// Asks once in real time; `commit` as with a released button, else silence follows until the endpoint rules decide.
async fn ask(url: &str, spoken: &Spoken, commit: bool) -> Result<Waited> {
    let mut client = Client::connect(url).await?;
    client.start(&StartOptions::voice(spoken.language.code())).await?;
    client.send(json!({"type": "audio_start", "id": "q", "codec": "pcm16", "sample_rate": 16_000})).await?;
    let started = tokio::time::Instant::now();
    let silence = vec![0_i16; 320];
    let speech_frames = spoken.samples.len().div_ceil(320);
    let mut ended: Option<Instant> = None;
    let (mut transcript, mut outcome) = (None, String::new());
    let mut n = 0_u32;
    loop {
        let due = started + Duration::from_millis(20) * n;
        // Sends every frame when it is due, and listens in between.
        tokio::select! {
            () = tokio::time::sleep_until(due), if ended.is_none() || (!commit && transcript.is_none()) => {
                let place = n as usize;
                let frame = spoken.samples.get(place * 320..).map_or(&silence[..], |rest| &rest[..rest.len().min(320)]);
                let frame = if place < speech_frames { frame } else { &silence[..] };
                client.send_audio(frame.iter().flat_map(|s| s.to_le_bytes()).collect()).await?;
                n += 1;
                if n as usize == speech_frames {
                    if commit {
                        client.send(json!({"type": "commit", "id": "q"})).await?;
                    }
                    ended = Some(Instant::now());
                }
            }
            message = client.next() => match message? {
                Message::Json(m) if m["type"] == "final" => transcript = Some(since(ended)),
                // Silence that is still on its way when the rules end the turn belongs to no turn any more.
                Message::Json(m) if m["type"] == "error" && (commit || m["code"] != "wrong_order") => bail!("{m}"),
                Message::Json(m) if ["answer", "clarify", "say"].iter().any(|kind| m["type"] == *kind) => {
                    m["type"].as_str().unwrap_or_default().clone_into(&mut outcome);
                }
                Message::Audio(_) => {
                    let transcript = transcript.context("sound came before the transcript")?;
                    let waited = Waited { transcript, sound: since(ended), outcome };
                    client.close().await.ok();
                    return Ok(waited);
                }
                Message::Closed(code) => bail!("closed with {code}"),
                Message::Json(_) => {}
            },
        }
    }
}

fn since(ended: Option<Instant>) -> f64 {
    ended.map_or(0.0, |at| at.elapsed().as_secs_f64() * 1000.0)
}

fn tell(report: &mut Report, what: &str, waited: &[Waited]) {
    let all = |name: &str, values: &[f64], report: &mut Report| {
        report.tell(&format!("{what}: end of speech to {name}, p50"), percentile(values, 0.5), "ms");
        report.tell(&format!("{what}: end of speech to {name}, p95"), percentile(values, 0.95), "ms");
    };
    all("final transcript", &waited.iter().map(|w| w.transcript).collect::<Vec<_>>(), report);
    for (outcome, name) in [
        ("answer", "first sound of the answer"),
        ("clarify", "first sound of the question back"),
        ("say", "first sound of another reply"),
    ] {
        let values: Vec<f64> = waited.iter().filter(|w| w.outcome == outcome).map(|w| w.sound).collect();
        if !values.is_empty() {
            all(&format!("{name} ({} turns)", values.len()), &values, report);
        }
    }
}

async fn server() -> Result<ServerProcess> {
    ServerProcess::start(&ServerSettings { configuration: WIDE.to_owned(), ..ServerSettings::default() })
        .await
}

/// Fifty questions one after the other, at real-time pace, half of them Tibetan.
///
/// # Errors
/// Where the server fails.
pub async fn latency(report: &mut Report) -> Result<()> {
    let server = server().await?;
    let questions = questions(50)?;
    let mut waited = Vec::new();
    for spoken in &questions {
        waited.push(ask(&server.portal(), spoken, true).await?);
    }
    let lengths: Vec<f64> = questions.iter().map(Spoken::seconds).collect();
    report.tell("50 questions: audio length, p50", percentile(&lengths, 0.5), "s");
    report.tell("50 questions: audio length, p95", percentile(&lengths, 0.95), "s");
    tell(report, "50 questions, button released", &waited);
    let mut waited = Vec::new();
    for spoken in questions.iter().take(20) {
        waited.push(ask(&server.portal(), spoken, false).await?);
    }
    tell(report, "20 questions, ended by silence (the rule waits 850 ms)", &waited);
    Ok(())
}

/// Ten citizens at once, five questions each, at real-time pace.
///
/// # Errors
/// Where the server fails or refuses one of them.
pub async fn crowd(report: &mut Report) -> Result<()> {
    let server = server().await?;
    let questions = questions(50)?;
    let citizens: Vec<_> = questions
        .chunks(5)
        .map(|own| {
            let (own, url) = (own.to_vec(), server.portal());
            tokio::spawn(async move {
                let mut waited = Vec::new();
                for spoken in &own {
                    waited.push(ask(&url, spoken, true).await?);
                }
                Ok::<_, anyhow::Error>(waited)
            })
        })
        .collect();
    let mut waited = Vec::new();
    for citizen in citizens {
        waited.extend(citizen.await??);
    }
    tell(report, "ten voice conversations at once", &waited);
    let worst = waited.iter().map(|w| w.transcript).fold(0.0, f64::max);
    // Whoever falls behind real time has a backlog that grows with each turn; a second is more than one turn's own work.
    report.at_most("ten voice conversations at once: longest wait for a transcript", worst, 1000.0, "ms");
    report.tell(
        "ten voice conversations at once: peak memory of the server",
        server.peak_memory_mib()?,
        "MiB",
    );
    Ok(())
}

/// Cold start, memory at rest and the sizes of the shipped models.
///
/// # Errors
/// Where the server fails or a model is missing.
pub async fn sizes(report: &mut Report) -> Result<()> {
    let server = server().await?;
    report.tell("start of the process until ready", server.cold_start.as_secs_f64(), "s");
    report.tell("peak memory after start", server.peak_memory_mib()?, "MiB");
    for folder in ["models/seed", "models/proxy"] {
        let Ok(files) = std::fs::read_dir(material::workspace().join(folder)) else { continue };
        for file in files.flatten().filter(|f| f.path().extension().is_some_and(|e| e == "onnx")) {
            let mib = file.metadata()?.len() as f64 / f64::from(1 << 20);
            let name = format!("size of {folder}/{}", file.file_name().to_string_lossy());
            report.at_most(&name, mib, 8.0, "MiB");
        }
    }
    Ok(())
}
