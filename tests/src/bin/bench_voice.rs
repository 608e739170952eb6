//! `make bench-voice`: is what the voice says right, and soon, and understood, as a table and in `target/bench/voice.json`.
//!
//! Arguments name sections (see [`SECTIONS`]); none means all.

use anyhow::Result;
use end_to_end::bench::{Section, run, voice};

const SECTIONS: [Section; 5] = [
    ("pinyin", voice::chinese),
    ("tibetan", voice::tibetan),
    ("tones", voice::tones),
    ("delivery", voice::delivery),
    ("round-trip", voice::round_trip),
];

fn main() -> Result<()> {
    run("voice", &SECTIONS)
}
