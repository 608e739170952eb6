//! Bad lines: packets lost, late, out of order. The packets are made with the faults in them and played by `sipp` at their times.

use std::time::Duration;

use anyhow::Result;

use super::{Outcome, Question, lacks, outcome, questions};
use crate::bench::Report;
use crate::telephone::{Action, Hotline, Line, Scenario, Sipp};

const EACH: usize = 10;
const AT_ONCE: usize = 5;

/// Questions over good and bad lines.
///
/// # Errors
/// Where the server or `sipp` fails.
pub fn network(report: &mut Report) -> Result<()> {
    if lacks(&["sipp"]) {
        return Ok(());
    }
    println!("\nQuestions over bad lines:");
    tokio::runtime::Runtime::new()?.block_on(run(report))
}

async fn run(report: &mut Report) -> Result<()> {
    let hotline = Hotline::start("").await?;
    let questions = questions(EACH)?;
    let lines = [
        ("a good line", 0.0, 0),
        ("5 % loss, 30 ms jitter, reordering", 0.05, 30),
        ("10 % loss, 60 ms jitter, reordering", 0.10, 60),
    ];
    for (number, (name, loss, jitter)) in lines.into_iter().enumerate() {
        let mut understood = 0;
        for (batch, some) in questions.chunks(AT_ONCE).enumerate() {
            understood += ask(&hotline, some, (number, batch), loss, Duration::from_millis(jitter)).await?;
        }
        let share = understood as f64 / questions.len().max(1) as f64;
        let figure = format!("{} questions over {name}: understood", questions.len());
        match number {
            // The line is what is measured: whatever a good line leaves is the recogniser's.
            1 => report.at_least(&figure, share, 0.95, "share"),
            _ => report.tell(&figure, share, "share"),
        }
    }
    hotline.server.shutdown().await.map_err(anyhow::Error::msg)
}

async fn ask(
    hotline: &Hotline,
    some: &[Question],
    (number, batch): (usize, usize),
    loss: f64,
    jitter: Duration,
) -> Result<usize> {
    let mut runs = Vec::new();
    for (n, question) in some.iter().enumerate() {
        let file = hotline.folder().join(format!("line-{number}-{batch}-{n}.pcap"));
        let mut line = Line::new((number * 100 + batch * 10 + n) as u64, loss, jitter);
        let length = question.play(&file, Duration::from_secs(2), Duration::from_secs(5), &mut line)?;
        let mut scenario = Scenario::new(vec![Action::Play(file), Action::Wait(length), Action::HangUp]);
        scenario.headers.push(format!("X-Language: {}", question.language.code()));
        let call = format!("line-{number}-{batch}-{n}@test");
        let sipp = Sipp::one(hotline.sip, 15_400 + 10 * n as u16, &call);
        runs.push((question, call, sipp.start(&scenario, &hotline.folder())?));
    }
    let mut understood = 0;
    for (question, call, run) in &mut runs {
        run.wait(Duration::from_mins(1)).await?;
        let events = hotline.wait_for(call, Duration::from_secs(2), |events| !events.is_empty()).await?;
        match outcome(&events, &question.entry) {
            Outcome::Answered | Outcome::Asked => understood += 1,
            Outcome::Missed => {
                let kinds: Vec<&str> = events.iter().map(|event| event.body.kind()).collect();
                println!("    missed {} {}: {kinds:?}", question.language, question.entry);
            }
        }
    }
    Ok(understood)
}
