//! `make bench-recognition`: how well and how fast speech is heard, as a table and in `target/bench/recognition.json`.
//!
//! Arguments name sections; none means all.

use anyhow::Result;
use end_to_end::bench::{Report, Section, recognition, run};

const SECTIONS: [Section; 12] = [
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
    run("recognition", &SECTIONS)
}
