//! `make bench-understanding`: how well questions are understood, as a table and in `target/bench/understanding.json`.
//!
//! Arguments name sections (see [`SECTIONS`]); none means all.

use anyhow::Result;
use end_to_end::bench::{Report, understanding};
use end_to_end::material::workspace;

type Section = fn(&mut Report) -> Result<()>;

const SECTIONS: [(&str, Section); 9] = [
    ("faq", understanding::government),
    ("bank", understanding::bank),
    ("sample", understanding::sample),
    ("confusions", understanding::confusions),
    ("noise", understanding::noise),
    ("tncc", understanding::titles_by_their_beginning),
    ("emergency", understanding::emergencies),
    ("speed", understanding::speed),
    ("many", understanding::speed_of_many),
];

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
        "understanding.json".to_owned()
    } else {
        format!("understanding-{}.json", wanted.join("-"))
    };
    report.write(&workspace().join("target/bench").join(name))
}
