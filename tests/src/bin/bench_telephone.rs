//! `make bench-telephone`: does the hotline hold, as a table and in `target/bench/telephone.json`.
//!
//! Arguments name sections (see [`SECTIONS`]); none means all.

use anyhow::Result;
use end_to_end::bench::{Report, telephone};
use end_to_end::material::workspace;

type Section = fn(&mut Report) -> Result<()>;

const SECTIONS: [(&str, Section); 5] = [
    ("crowd", telephone::crowd),
    ("series", telephone::series),
    ("conversation", telephone::conversation),
    ("network", telephone::network),
    ("faults", telephone::faults),
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
        "telephone.json".to_owned()
    } else {
        format!("telephone-{}.json", wanted.join("-"))
    };
    report.write(&workspace().join("target/bench").join(name))
}
