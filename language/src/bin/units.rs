//! Text to units, line by line: the front end of the training of the sense table (`training/sense.py`).
//!
//! For each line of standard input, standard output has a line with its search key: its units as they are looked up
//! (see `language::syllables`), separated by spaces.

use std::io::{BufRead as _, Write as _};

use language::search_key;

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        writeln!(out, "{}", search_key(&line?))?;
    }
    out.flush()
}
