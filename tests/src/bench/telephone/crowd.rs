//! Thirty callers at once, each with a question, on this machine.

use std::time::Duration;

use anyhow::Result;

use super::{Outcome, Question, key, lacks, outcome, questions};
use crate::bench::{Report, percentile};
use crate::telephone::{Action, Capture, Hotline, Line, Scenario, Sipp, SippRun, Stream, rtp_streams};

/// Questions, and callers of each.
const QUESTIONS: usize = 10;
const CALLERS: usize = 3;
/// A caller hears the beginning of the greeting, then speaks into it.
const BEFORE: Duration = Duration::from_secs(4);
const AFTER: Duration = Duration::from_secs(10);
/// The key "yes", and time for the answer.
const ANSWER: Duration = Duration::from_secs(7);
/// A packet in its slot is at most so far from the middle of it.
const SLOT_MS: f64 = 5.0;

/// Thirty callers at once.
///
/// # Errors
/// Where the server or a program fails.
pub fn crowd(report: &mut Report) -> Result<()> {
    if lacks(&["sipp", "tcpdump"]) {
        return Ok(());
    }
    println!("\nThirty calls at once, each with a question, the languages by turns:");
    tokio::runtime::Runtime::new()?.block_on(run(report))
}

fn call(question: &Question, number: usize, hotline: &Hotline) -> Result<(String, SippRun)> {
    let folder = hotline.folder();
    let file = folder.join(format!("question-{number}.pcap"));
    let length = question.play(&file, BEFORE, AFTER, &mut Line::perfect())?;
    let scenario = Scenario::new(vec![
        Action::Play(file),
        Action::Wait(length),
        Action::Play(key("1")),
        Action::Wait(ANSWER),
        Action::HangUp,
    ]);
    let sipp = Sipp {
        server: hotline.sip,
        port: 15_200 + 10 * number as u16,
        media: 30_000 + 100 * number as u16,
        calls: CALLERS,
        at_once: CALLERS,
        // Ten a second in all: no flood yet (`telephone.sip.calls_per_second`).
        per_second: 1,
        call_id: format!("crowd-{number}-%u@test"),
    };
    Ok((format!("crowd-{number}-"), sipp.start(&scenario, &folder)?))
}

async fn run(report: &mut Report) -> Result<()> {
    let hotline = Hotline::start("").await?;
    // The words that everybody hears are made when the server starts; a crowd does not come in that second.
    tokio::time::sleep(Duration::from_secs(8)).await;
    let questions = questions(QUESTIONS / 2)?;
    let filter = format!("udp and src portrange {}-{}", hotline.media, hotline.media + hotline.media_ports);
    let capture = Capture::start(&hotline.folder().join("crowd.pcap"), &filter)?;
    let mut runs = Vec::new();
    for (number, question) in questions.iter().enumerate() {
        runs.push((question, call(question, number, &hotline)?));
    }
    let (mut set_up, mut counts, mut calls) = (Vec::new(), [0_usize; 3], 0);
    for (_, (_, run)) in &mut runs {
        run.wait(Duration::from_mins(2)).await?;
        set_up.extend(run.set_up_ms()?);
    }
    for (question, (prefix, _)) in &runs {
        for caller in 1..=CALLERS {
            let id = format!("{prefix}{caller}@test");
            let events = hotline.wait_for(&id, Duration::from_secs(2), |events| !events.is_empty()).await?;
            let what = outcome(&events, &question.entry);
            if what != Outcome::Answered {
                let kinds: Vec<&str> = events.iter().map(|event| event.body.kind()).collect();
                println!("    {what:?} {} {}: {kinds:?}", question.language, question.entry);
            }
            counts[what as usize] += 1;
            calls += 1;
        }
    }
    let streams = rtp_streams(&capture.stop()?);
    let late: Vec<f64> = streams.values().flat_map(Stream::lateness_ms).map(f64::abs).collect();
    let in_slot = late.iter().filter(|ms| **ms <= SLOT_MS).count();
    report.at_least(
        &format!("{calls} calls at once: answered"),
        counts[Outcome::Answered as usize] as f64 / f64::from(calls).max(1.0),
        1.0,
        "share",
    );
    report.at_most("… set-up, INVITE to 200, p95", percentile(&set_up, 0.95), 50.0, "ms");
    report.tell("… set-up, p50", percentile(&set_up, 0.5), "ms");
    report.at_least(
        &format!("… {} packets to the callers: within 5 ms of their slot", late.len()),
        in_slot as f64 / late.len().max(1) as f64,
        0.999,
        "share",
    );
    report.tell("… farthest from its slot", late.iter().copied().fold(0.0, f64::max), "ms");
    hotline.server.shutdown().await.map_err(anyhow::Error::msg)
}
