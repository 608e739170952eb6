//! `make bench-telephone`: does the hotline hold, as a table and in `target/bench/telephone.json`.
//!
//! Arguments name sections (see [`SECTIONS`]); none means all.

use anyhow::Result;
use end_to_end::bench::{Section, run, telephone};

const SECTIONS: [Section; 5] = [
    ("crowd", telephone::crowd),
    ("series", telephone::series),
    ("conversation", telephone::conversation),
    ("network", telephone::network),
    ("faults", telephone::faults),
];

fn main() -> Result<()> {
    run("telephone", &SECTIONS)
}
