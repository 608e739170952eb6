//! `make bench-voice`: is what the voice says right, and soon, and understood, as a table and in `target/bench/voice.json`.
//!
//! Arguments name sections (see [`SECTIONS`]); none means all.

use anyhow::Result;
use end_to_end::bench::{Report, voice};
use end_to_end::material::workspace;

type Section = fn(&mut Report) -> Result<()>;

const SECTIONS: [(&str, Section); 5] = [
    ("pinyin", voice::chinese),
    ("tibetan", voice::tibetan),
    ("tones", voice::tones),
    ("delivery", voice::delivery),
    ("round-trip", voice::round_trip),
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
    let name =
        if wanted.is_empty() { "voice.json".to_owned() } else { format!("voice-{}.json", wanted.join("-")) };
    report.write(&workspace().join("target/bench").join(name))
}
