//! What `make bench-voice` measures holds: readings, phonemes and the pitch of tones, by the word of others. Each part skips,
//! with a message, where what it is measured with is absent.

// Helpers of tests fail like tests.
#![allow(clippy::unwrap_used)]

use anyhow::Result;
use end_to_end::bench::{Report, voice};

fn holds(section: fn(&mut Report) -> Result<()>) {
    let mut report = Report::default();
    section(&mut report).unwrap();
    let short: Vec<_> = report.figures().iter().filter(|f| !f.ok).collect();
    assert!(short.is_empty(), "{short:#?}");
}

#[test]
fn chinese_is_read_as_dictionaries_do() {
    holds(voice::chinese);
}

#[test]
fn no_tibetan_phoneme_is_dropped() {
    holds(voice::tibetan);
}

#[test]
fn the_four_tones_of_both_languages_differ_in_pitch_as_they_should() {
    holds(voice::tones);
}
