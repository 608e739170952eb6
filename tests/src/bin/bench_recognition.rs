//! `make bench-recognition`: how well and how fast speech is heard, as a table and in `target/bench/recognition.json`.
//!
//! Arguments name sections; none means all.

use anyhow::Result;
use end_to_end::bench::{Report, recognition};
use end_to_end::material::workspace;

type Section = fn(&mut Report) -> Result<()>;

const SECTIONS: [(&str, Section); 12] = [
    ("mandarin", recognition::real_mandarin),
    ("sample", recognition::held_out_questions),
    ("cries", recognition::cries),
    ("people", recognition::as_people_speak),
    ("phones", recognition::phone_errors),
    ("matching", recognition::speed),
    ("many", recognition::speed_of_many),
    ("peers", recognition::peers),
    ("pauses", recognition::endpointing),
    ("faults", recognition::faults),
    ("streams", streams),
    ("hours", recognition::eight_hours),
];

fn streams(report: &mut Report) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(recognition::live_streams(report))
}

fn main() -> Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = wanted.iter().find(|name| SECTIONS.iter().all(|(known, _)| known != name)) {
        let known: Vec<&str> = SECTIONS.iter().map(|(name, _)| *name).collect();
        anyhow::bail!("there is no section {unknown}; there are {}", known.join(", "));
    }
    let mut report = Report::default();
    for (name, section) in SECTIONS {
        if wanted.is_empty() || wanted.iter().any(|w| w == name) {
            section(&mut report)?;
        }
    }
    let name = if wanted.is_empty() {
        "recognition.json".to_owned()
    } else {
        format!("recognition-{}.json", wanted.join("-"))
    };
    report.write(&workspace().join("target/bench").join(name))
}
