//! The measuring material and how figures are printed.

// Every test binary uses its own part of this.
#![allow(dead_code)]

use std::path::PathBuf;

use language::tibetan::lhasa::{Coda, LhasaSyllable, Onset, Vowel};
use language::voice::lhasa_mnemonics;

/// A file of the Tibetan measuring material; `None`, with a message, where it is absent.
pub fn material(path: &str) -> Option<String> {
    let root = std::env::var_os("DRILEN_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    let file = root.join("tibetan").join(path);
    match std::fs::read_to_string(&file) {
        Ok(text) => Some(text),
        Err(error) => {
            println!("skipped: {}: {error} (set DRILEN_DATA to the measuring data)", file.display());
            None
        }
    }
}

/// Share of rows that pass, with the failures printed.
pub fn report(name: &str, passed: usize, failed: &[String]) -> f64 {
    let share = passed as f64 / (passed + failed.len()).max(1) as f64;
    println!("{name}: {passed} of {} ({:.1} %)", passed + failed.len(), share * 100.0);
    for row in failed {
        println!("    {row}");
    }
    share
}

/// Files of `phonetics` that set rules of their own, and rows its SOURCE.txt names.
pub const LEFT_OUT: [&str; 5] = ["double-s", "end-equals-start", "spaces", "trashi-gyepa", "byed-ba"];

const ONSETS: [Onset; 29] = [
    Onset::None,
    Onset::K,
    Onset::Kh,
    Onset::Ky,
    Onset::Khy,
    Onset::Ng,
    Onset::C,
    Onset::Ch,
    Onset::Ny,
    Onset::T,
    Onset::Th,
    Onset::N,
    Onset::P,
    Onset::Ph,
    Onset::M,
    Onset::Ts,
    Onset::Tsh,
    Onset::W,
    Onset::Sh,
    Onset::S,
    Onset::Y,
    Onset::R,
    Onset::L,
    Onset::Lh,
    Onset::H,
    Onset::Hr,
    Onset::Tr,
    Onset::Thr,
    Onset::F,
];
const VOWELS: [Vowel; 11] = [
    Vowel::A,
    Vowel::I,
    Vowel::U,
    Vowel::E,
    Vowel::O,
    Vowel::Ae,
    Vowel::Oe,
    Vowel::Ue,
    Vowel::Ao,
    Vowel::Iu,
    Vowel::Ou,
];
const CODAS: [Coda; 7] = [Coda::None, Coda::Ng, Coda::N, Coda::M, Coda::P, Coda::K, Coda::R];

/// The mnemonics of every Lhasa syllable that there can be.
pub fn every_mnemonic() -> Vec<String> {
    let mut out = Vec::new();
    for onset in ONSETS {
        for vowel in VOWELS {
            for coda in CODAS {
                for (high, falling) in [(true, false), (true, true), (false, false), (false, true)] {
                    out.push(lhasa_mnemonics(LhasaSyllable { onset, vowel, coda, high, falling }));
                }
            }
        }
    }
    out
}
