//! `make bench-understanding`: how well questions are understood, as a table and in `target/bench/understanding.json`.
//!
//! Arguments name sections (see [`SECTIONS`]); none means all.

use anyhow::Result;
use end_to_end::bench::{Section, run, understanding};

const SECTIONS: [Section; 9] = [
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
    run("understanding", &SECTIONS)
}
