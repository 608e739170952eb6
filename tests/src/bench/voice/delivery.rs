//! How soon is an answer heard, alone and with forty-nine others, fresh and cached; how soon is it quiet again?

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use examples::{Client, Message, StartOptions};
use kb::Collection;
use language::Language;
use serde_json::json;
use speech::synthesizer::{EspeakSettings, EspeakVoice};
use speech::{SpeechRequest, Synthesizer};

use super::super::{Report, percentile};
use crate::material::workspace;
use crate::{ServerProcess, ServerSettings};

/// Questions of each kind.
const ALONE: usize = 60;
const CROWD: usize = 50;
const ROOM: &str =
    "[limits]\nstarts_per_minute = 100000\nmessages_per_minute = 100000\nconversations_per_address = 1000\n";

/// Every question of the sample knowledge base, the languages by turns.
fn questions() -> Result<Vec<(Language, String)>> {
    let collection = Collection::load(&workspace().join("examples/knowledge/sample"))?;
    let all = collection.entries.iter().enumerate().filter_map(|(n, sourced)| {
        let language = Language::ALL[n % 2];
        Some((language, sourced.entry.text(language)?.question.clone()))
    });
    Ok(all.collect())
}

async fn listener(server: &ServerProcess, language: Language, codec: &str) -> Result<Client> {
    let mut client = Client::connect(&server.portal()).await?;
    let options = StartOptions { language: language.to_string(), voice: true, audio_out: codec.to_owned() };
    client.start(&options).await?;
    Ok(client)
}

/// Asks, and measures from the answer's event to the first sound of it, in milliseconds. `None` where something else than an answer
/// was said.
async fn first_sound(client: &mut Client, question: &str) -> Result<Option<f64>> {
    client.say(question).await?;
    let (mut decided, mut answer) = (None, false);
    loop {
        match client.next_within(Duration::from_secs(30)).await? {
            Message::Json(event) if event["at"].is_string() => {
                if ["answer", "clarify", "say"].iter().any(|kind| event["type"] == *kind) {
                    answer = event["type"] == "answer";
                    decided = Some(Instant::now());
                }
            }
            Message::Audio(_) => {
                let decided = decided.context("a sound came before anything was said")?;
                return Ok(answer.then(|| decided.elapsed().as_secs_f64() * 1_000.0));
            }
            Message::Json(_) => {}
            Message::Closed(code) => bail!("closed with {code}"),
        }
    }
}

/// First sounds, alone and in a crowd, fresh and cached; stopping; and processes that stay against one for each sentence.
///
/// # Errors
/// Where a server or a voice fails.
pub fn delivery(report: &mut Report) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(by_socket(report))?;
    against_a_process_each(report, &questions()?)
}

async fn by_socket(report: &mut Report) -> Result<()> {
    let questions = questions()?;
    let fresh = ServerSettings {
        configuration: format!("{ROOM}[voice]\ncache_megabytes = 0\n"),
        ..ServerSettings::default()
    };
    let server = ServerProcess::start(&fresh).await?;
    for codec in ["pcm16", "opus"] {
        let alone = one_by_one(&server, &questions, codec).await?;
        report.tell(&format!("answers measured, {codec}"), alone.len() as f64, "answers");
        let what = format!("answer decided to its first sound, default voice, {codec}");
        report.at_most(&format!("{what}: p50"), percentile(&alone, 0.5), 60.0, "ms");
        report.at_most(&format!("{what}: p95"), percentile(&alone, 0.95), 150.0, "ms");
    }
    let crowd = all_at_once(&server, &questions).await?;
    let what = format!("{} answers at once, decided to first sound", crowd.len());
    report.tell(&format!("{what}: p50"), percentile(&crowd, 0.5), "ms");
    report.at_most(&format!("{what}: p95"), percentile(&crowd, 0.95), 1_000.0, "ms");
    let quiet = interruptions(&server, &questions).await?;
    report.at_most("stop asked to the end of the sound: p95", percentile(&quiet, 0.95), 100.0, "ms");
    drop(server);

    let kept = ServerSettings { configuration: ROOM.to_owned(), ..ServerSettings::default() };
    let server = ServerProcess::start(&kept).await?;
    one_by_one(&server, &questions, "pcm16").await?;
    for codec in ["pcm16", "opus"] {
        let cached = one_by_one(&server, &questions, codec).await?;
        let what = format!("answer decided to its first sound, cached, {codec}");
        report.at_most(&format!("{what}: p50"), percentile(&cached, 0.5), 5.0, "ms");
        report.tell(&format!("{what}: p95"), percentile(&cached, 0.95), "ms");
    }
    Ok(())
}

async fn one_by_one(
    server: &ServerProcess,
    questions: &[(Language, String)],
    codec: &str,
) -> Result<Vec<f64>> {
    let mut measured = Vec::new();
    for (language, question) in questions.iter().take(ALONE) {
        let mut client = listener(server, *language, codec).await?;
        measured.extend(first_sound(&mut client, question).await?);
    }
    Ok(measured)
}

async fn all_at_once(server: &ServerProcess, questions: &[(Language, String)]) -> Result<Vec<f64>> {
    let mut clients = Vec::new();
    for (language, question) in questions.iter().cycle().take(CROWD) {
        clients.push((listener(server, *language, "opus").await?, question.clone()));
    }
    let asking = clients
        .into_iter()
        .map(|(mut client, question)| tokio::spawn(async move { first_sound(&mut client, &question).await }));
    let mut measured = Vec::new();
    for asked in asking.collect::<Vec<_>>() {
        measured.extend(asked.await??);
    }
    Ok(measured)
}

/// From the wish to be quiet to the last message of the sound.
async fn interruptions(server: &ServerProcess, questions: &[(Language, String)]) -> Result<Vec<f64>> {
    let mut measured = Vec::new();
    for (language, question) in questions.iter().take(20) {
        let mut client = listener(server, *language, "pcm16").await?;
        first_sound(&mut client, question).await?;
        client.send(json!({"type": "cancel"})).await?;
        let asked = Instant::now();
        loop {
            match client.next_within(Duration::from_secs(5)).await? {
                Message::Json(event) if event["type"] == "audio_end" => break,
                Message::Closed(code) => bail!("closed with {code}"),
                _ => {}
            }
        }
        measured.push(asked.elapsed().as_secs_f64() * 1_000.0);
    }
    Ok(measured)
}

/// What the pool of processes saves, in the same run.
fn against_a_process_each(report: &mut Report, questions: &[(Language, String)]) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let settings = EspeakSettings::default();
    let mut each = EspeakVoice::new(settings.clone(), folder.path())?;
    let mut pooled = EspeakVoice::pooled(settings, folder.path(), 1, &[1.0])?;
    let time = |voice: &mut dyn Synthesizer| -> Result<f64> {
        let mut times = Vec::new();
        for (language, question) in questions.iter().take(ALONE) {
            let request = SpeechRequest { text: question.clone(), language: *language, rate: 1.0 };
            let begun = Instant::now();
            voice.synthesize(&request, &AtomicBool::new(false))?;
            times.push(begun.elapsed().as_secs_f64() * 1_000.0);
        }
        Ok(percentile(&times, 0.5))
    };
    // Once for nothing: processes start, voices are measured.
    time(&mut pooled)?;
    let (pooled, each) = (time(&mut pooled)?, time(&mut each)?);
    report.tell("one sentence by processes that stay: p50", pooled, "ms");
    report.tell("one sentence by a process of its own (the peer): p50", each, "ms");
    report.above("a process of its own against processes that stay", each / pooled, 1.0, "times");
    Ok(())
}
