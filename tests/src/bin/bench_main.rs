//! `make bench-main`: the figures of the main job, as a table and in `target/bench/main.json`.
//!
//! Arguments name sections (`sizes`, `mandarin`, `sample`, `paraphrase`, `latency`, `crowd`); none means all.

use anyhow::Result;
use end_to_end::bench::{Report, crowd, latency, paraphrases, real_mandarin, sample_questions, sizes};
use end_to_end::material::workspace;

#[tokio::main]
async fn main() -> Result<()> {
    let sections: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |name: &str| sections.is_empty() || sections.iter().any(|s| s == name);
    let mut report = Report::default();
    if wanted("sizes") {
        sizes(&mut report).await?;
    }
    if wanted("mandarin") {
        real_mandarin(&mut report).await?;
    }
    if wanted("sample") {
        sample_questions(&mut report).await?;
    }
    if wanted("paraphrase") {
        paraphrases(&mut report)?;
    }
    if wanted("latency") {
        latency(&mut report).await?;
    }
    if wanted("crowd") {
        crowd(&mut report).await?;
    }
    let name = if sections.is_empty() {
        "main.json".to_owned()
    } else {
        format!("main-{}.json", sections.join("-"))
    };
    report.write(&workspace().join("target/bench").join(name))
}
