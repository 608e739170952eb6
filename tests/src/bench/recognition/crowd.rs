//! How many live streams one core carries: the whole server on one core, citizens on the others, in real time.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use examples::{Client, Message, StartOptions};
use language::Language;
use serde_json::json;

use super::{
    super::{Report, asked::WIDE, percentile},
    asked,
    channels::opus_packets,
    distractors,
};
use crate::{ServerProcess, ServerSettings, voices::HeldOutVoices};

/// How many citizens speak at once, step by step.
const STEPS: [usize; 6] = [10, 20, 40, 60, 80, 120];
/// Each speaks for some five seconds, pauses for two, and speaks again, so many times.
const ROUNDS: usize = 3;
const ENTRIES: usize = 1_000;

/// One citizen's question as Opus packets of 20 ms, silence to the end of the pause included.
async fn citizen(url: String, packets: Vec<Vec<u8>>, delay: Duration) -> Result<Vec<(f64, f64)>> {
    let mut client = Client::connect(&url).await?;
    client.start(&StartOptions::voice(Language::Zh.code())).await?;
    tokio::time::sleep(delay).await;
    let mut waits = Vec::new();
    for round in 0..ROUNDS {
        let id = format!("q{round}");
        client.send(json!({"type": "audio_start", "id": id, "codec": "opus", "sample_rate": 16_000})).await?;
        let started = tokio::time::Instant::now();
        let (mut ended, mut done, mut n): (Option<Instant>, Option<(f64, f64)>, u32) = (None, None, 0);
        let over = started + Duration::from_millis(20) * packets.len() as u32;
        while tokio::time::Instant::now() < over || done.is_none() {
            let due = started + Duration::from_millis(20) * n;
            tokio::select! {
                () = tokio::time::sleep_until(due), if (n as usize) < packets.len() => {
                    if ended.is_none() {
                        client.send_audio(packets[n as usize].clone()).await?;
                    }
                    n += 1;
                }
                message = client.next() => match message? {
                    Message::Json(m) if m["type"] == "speech_ended" => ended = Some(Instant::now()),
                    Message::Json(m) if m["type"] == "final" => {
                        let transcript = ended.map_or(0.0, |at| at.elapsed().as_secs_f64() * 1000.0);
                        done = Some((transcript, started.elapsed().as_secs_f64()));
                    }
                    Message::Json(m) if m["type"] == "error" && m["code"] != "wrong_order" => bail!("{m}"),
                    Message::Closed(code) => bail!("closed with {code}"),
                    _ => {}
                },
            }
            if tokio::time::Instant::now() > over + Duration::from_secs(10) {
                bail!("no transcript ten seconds after the end");
            }
        }
        waits.extend(done);
    }
    client.close().await.ok();
    Ok(waits)
}

/// The curve: streams, and how long after the noticed end of speech the transcript and match came.
///
/// # Errors
/// Where the server or a voice fails.
pub async fn live_streams(report: &mut Report) -> Result<()> {
    let like = ["身份证到期了怎么换新的", "我想问一下新农合的钱怎么交"];
    let Some(texts) = distractors(Language::Zh, &like, ENTRIES, 4)? else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let entries: Vec<_> =
        texts.iter().enumerate().map(|(n, text)| asked::entry(format!("e{n}"), Language::Zh, text)).collect();
    asked::write(&folder.path().join("measuring.yaml"), &entries)?;
    let voices = HeldOutVoices::load()?;
    let mut questions = Vec::new();
    for number in 0..16 {
        let mut said = Vec::new();
        let mut more = number;
        while said.len() < 5 * 16_000 {
            said.extend(voices.say(more, &texts[more * 31 % texts.len()], Language::Zh)?);
            more += 16;
        }
        said.truncate(5 * 16_000);
        said.extend(vec![0.0; 2 * 16_000]);
        questions.push(opus_packets(&said)?);
    }
    let configuration = format!(
        "{}voice_conversations = 1000\n[hearing]\nthreads = 1\n[understanding]\nthreads = 1\n",
        WIDE.replace("voice_conversations = 64\n", "")
    );
    let settings = ServerSettings {
        knowledge: Some(folder.path().to_owned()),
        configuration,
        ..ServerSettings::default()
    };
    let server = ServerProcess::start(&settings).await?;
    server.pin_to_one_core().context("taskset is needed to keep the server on one core")?;
    let mut most = 0_usize;
    let idle = server.memory_mib()?;
    for streams in STEPS {
        let before = server.processor_seconds()?;
        let start = Instant::now();
        let mut citizens = tokio::task::JoinSet::new();
        for number in 0..streams {
            let delay = Duration::from_millis((number * 7_000 / streams) as u64);
            citizens.spawn(citizen(server.portal(), questions[number % questions.len()].clone(), delay));
        }
        let (mut waits, mut failed) = (Vec::new(), 0_usize);
        while let Some(joined) = citizens.join_next().await {
            match joined? {
                Ok(times) => waits.extend(times.into_iter().map(|(transcript, _)| transcript)),
                Err(error) => {
                    println!("    a citizen was not served: {error:#}");
                    failed += 1;
                }
            }
        }
        let memory = (server.memory_mib()? - idle) / streams as f64;
        let busy = (server.processor_seconds()? - before) / start.elapsed().as_secs_f64();
        let p95 = percentile(&waits, 0.95);
        println!(
            "    {streams:>4} streams: p50 {:>6.0} ms, p95 {p95:>6.0} ms, core busy {:>3.0} %, not served {failed}",
            percentile(&waits, 0.5),
            busy * 100.0
        );
        report.tell(
            &format!("{streams} live streams on one core: end of speech noticed to transcript, p95"),
            p95,
            "ms",
        );
        report.tell(&format!("{streams} live streams on one core: core busy"), busy, "share");
        report.at_most(&format!("{streams} live streams on one core: memory for each"), memory, 2.0, "MiB");
        if p95 <= 300.0 && failed == 0 {
            most = streams;
        } else {
            break;
        }
    }
    report.at_least("live streams on one core with p95 within 300 ms", most as f64, 60.0, "streams");
    Ok(())
}
