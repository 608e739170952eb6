//! Five hundred calls one after another: does anything grow?

use std::time::Duration;

use anyhow::Result;

use super::lacks;
use crate::bench::{Report, percentile};
use crate::telephone::{Action, Hotline, Scenario, Sipp};

/// Calls before memory is looked at for the first time: pools, the database's cache and the like fill.
const WARM_UP: usize = 500;
const CALLS: usize = 500;
/// Finished transactions are kept for as long as RFC 3261 wants (timer H and its like).
const FORGOTTEN: Duration = Duration::from_secs(40);
/// What allocators keep varies by that much between two equal runs.
const GROWTH_MIB: f64 = 4.0;

/// One call after the other.
///
/// # Errors
/// Where the server or `sipp` fails.
pub fn series(report: &mut Report) -> Result<()> {
    if lacks(&["sipp"]) {
        return Ok(());
    }
    println!("\nFive hundred calls one after another:");
    tokio::runtime::Runtime::new()?.block_on(run(report))
}

fn memory_mib() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    let kib: f64 = line.split_whitespace().nth(1).unwrap_or("0").parse()?;
    Ok(kib / 1024.0)
}

async fn calls(hotline: &Hotline, number: usize, name: &str, port: u16) -> Result<Vec<f64>> {
    let scenario = Scenario::new(vec![Action::Wait(Duration::from_millis(300)), Action::HangUp]);
    let sipp = Sipp {
        server: hotline.sip,
        port,
        media: 32_000,
        calls: number,
        at_once: 1,
        per_second: 50,
        call_id: format!("{name}-%u@test"),
    };
    let mut run = sipp.start(&scenario, &hotline.folder())?;
    anyhow::ensure!(run.wait(Duration::from_mins(8)).await?, "a call failed: {}", run.errors());
    run.set_up_ms()
}

async fn run(report: &mut Report) -> Result<()> {
    let hotline = Hotline::start("").await?;
    tokio::time::sleep(Duration::from_secs(8)).await;
    calls(&hotline, WARM_UP, "warm", 15_310).await?;
    let before = memory_mib()?;
    let set_up = calls(&hotline, CALLS, "series", 15_320).await?;
    let grown = memory_mib()? - before;
    tokio::time::sleep(FORGOTTEN).await;
    let ports = hotline.ports_in_use()?;
    report.at_least(
        "500 calls one after another: answered",
        set_up.len() as f64 / CALLS as f64,
        1.0,
        "share",
    );
    report.at_most("… memory more than after five hundred calls before", grown, GROWTH_MIB, "MiB");
    report.at_most("… media ports still taken", ports as f64, 0.0, "ports");
    if let Some(sip) = &hotline.server.telephones().sip {
        let figures = sip.figures();
        let left = figures.calls + figures.dialogs + figures.transactions;
        report.at_most("… calls, dialogs and transactions left after 40 s", left as f64, 0.0, "");
    }
    report.tell("… set-up, p95", percentile(&set_up, 0.95), "ms");
    hotline.server.shutdown().await.map_err(anyhow::Error::msg)
}
