//! `make bench-handoff`: does anybody get lost? A table, and `target/bench/handoff.json`.
//!
//! Arguments name sections (`simulated`, `kills`, `nodes`, `throughput`, `growth`, `idle`, `turns`); none means all.

use anyhow::Result;
use end_to_end::bench::{Report, handoff};
use end_to_end::material::workspace;

#[tokio::main]
async fn main() -> Result<()> {
    let sections: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |name: &str| sections.is_empty() || sections.iter().any(|s| s == name);
    let mut report = Report::default();
    if wanted("simulated") {
        handoff::simulated(&mut report).await?;
    }
    if wanted("kills") {
        handoff::kills(&mut report).await?;
    }
    if wanted("nodes") {
        handoff::two_nodes(&mut report).await?;
    }
    if wanted("throughput") {
        handoff::throughput(&mut report).await?;
    }
    if wanted("growth") {
        handoff::growth(&mut report).await?;
    }
    if wanted("idle") {
        handoff::idle(&mut report).await?;
    }
    if wanted("turns") {
        handoff::turns(&mut report).await?;
    }
    let name = if sections.is_empty() {
        "handoff.json".to_owned()
    } else {
        format!("handoff-{}.json", sections.join("-"))
    };
    report.write(&workspace().join("target/bench").join(name))
}
