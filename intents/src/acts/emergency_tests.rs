//! The labelled emergencies of `tests/data/emergencies.tsv`: odd lines were looked at while `emergencies.tsv` was written,
//! even lines only for the figures.

use std::path::Path;

use language::Language;

use super::signals::Signals;
use super::*;

struct Line {
    language: Language,
    emergency: bool,
    kind: String,
    text: String,
}

fn set() -> Vec<Line> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/emergencies.tsv");
    let table = std::fs::read_to_string(path).expect("the labelled emergencies");
    let line = |line: &str| {
        let cells: Vec<&str> = line.split('\t').collect();
        Line {
            language: cells[0].parse().expect("a language"),
            emergency: cells[1] == "emergency",
            kind: cells[2].to_owned(),
            text: cells[3].to_owned(),
        }
    };
    table.lines().skip(1).map(line).collect()
}

/// From the file, so that a table that is being worked on needs no building.
fn signals() -> Signals {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/acts/emergencies.tsv");
    Signals::parse(&std::fs::read_to_string(path).expect("the signs"))
}

#[derive(Debug, Default)]
struct Figures {
    emergencies: u32,
    missed: u32,
    others: u32,
    false_alarms: u32,
}

impl Figures {
    fn recall(&self) -> f64 {
        1.0 - f64::from(self.missed) / f64::from(self.emergencies)
    }

    fn alarms(&self) -> f64 {
        f64::from(self.false_alarms) / f64::from(self.others)
    }
}

/// `half`: 0 the lines that were looked at, 1 those held back.
fn measure(signals: &Signals, language: Language, half: usize, noise: &mut dyn FnMut(&str) -> String) -> Figures {
    let mut figures = Figures::default();
    for (number, line) in set().iter().enumerate() {
        if line.language != language || number % 2 != half {
            continue;
        }
        let units = keys(&noise(&line.text));
        let found = grave(signals, &units).is_some();
        if line.emergency {
            figures.emergencies += 1;
            figures.missed += u32::from(!found);
        } else {
            figures.others += 1;
            figures.false_alarms += u32::from(found);
        }
        if found != line.emergency && std::env::var("DRILEN_SHOW_MISSES").is_ok_and(|shown| shown == half.to_string()) {
            let reasons = signals.find(&units).map(|found| found.reasons);
            println!("{language} {} {} {:?}", line.kind, line.text, reasons);
        }
    }
    figures
}

#[test]
fn emergencies_are_recognised_and_near_misses_are_not_in_each_language() {
    let signals = signals();
    for language in Language::ALL {
        for (half, name) in [(0, "looked at"), (1, "held back")] {
            let figures = measure(&signals, language, half, &mut str::to_owned);
            println!(
                "{language}, {name}: recall {:.3} of {}, false alarms {:.3} of {}",
                figures.recall(),
                figures.emergencies,
                figures.alarms(),
                figures.others
            );
        }
    }
}

#[test]
fn the_set_is_large_enough_and_balanced() {
    for language in Language::ALL {
        let count = |emergency| set().iter().filter(|l| l.language == language && l.emergency == emergency).count();
        let (yes, no) = (count(true), count(false));
        assert!(yes + no >= 300 && yes.abs_diff(no) <= 20, "{language}: {yes} and {no}");
    }
}

#[test]
fn the_tables_of_signs_read() {
    for table in [
        include_str!("emergencies.tsv"),
        include_str!("complaints.tsv"),
        include_str!("small_talk.tsv"),
    ] {
        assert!(super::signals::reads(table));
    }
}
