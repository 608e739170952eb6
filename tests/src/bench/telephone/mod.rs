//! Does the hotline hold: a crowd, a long day, bad lines, keys and interruptions, people, and everything that can go wrong?
//!
//! The callers are `sipp` and `baresip`; `tcpdump` sees what really goes over the wire, with the kernel's times.

mod conversation;
mod crowd;
mod faults;
mod network;
mod series;

use std::path::{Path, PathBuf};
use std::time::Duration;

use ::conversation::{Event, EventBody};
use anyhow::Result;
use kb::Collection;
use language::Language;

use crate::material::workspace;
use crate::telephone::sound::{RATE, narrow, silence, write_pcap};
use crate::telephone::{Line, is_installed};
use crate::voices::HeldOutVoices;

pub use conversation::conversation;
pub use crowd::crowd;
pub use faults::faults;
pub use network::network;
pub use series::series;

/// Where `sip-tester` keeps its captures of keys.
const KEYS: &str = "/usr/share/sip-tester";

/// The key as packets that `sipp` plays.
fn key(name: &str) -> PathBuf {
    Path::new(KEYS).join(format!("dtmf_2833_{name}.pcap"))
}

/// What the section needs that is not installed, said once.
fn lacks(programs: &[&str]) -> bool {
    let missing: Vec<&&str> = programs.iter().filter(|program| !is_installed(program)).collect();
    if !missing.is_empty() {
        println!("    skipped: {missing:?} not installed (Debian: sip-tester, baresip-core, tcpdump)");
    }
    !missing.is_empty()
}

/// A question of the sample knowledge base, spoken by a voice that training never heard.
#[derive(Clone, Debug)]
struct Question {
    language: Language,
    entry: String,
    samples: Vec<f32>,
}

impl Question {
    fn narrow(&self) -> Result<Vec<i16>> {
        narrow(&self.samples)
    }

    /// As packets, after so much silence, and with silence behind, so that the end of speech is heard.
    fn play(&self, file: &Path, before: Duration, after: Duration, line: &mut Line) -> Result<Duration> {
        let mut samples = silence(before);
        samples.extend(self.narrow()?);
        samples.extend(silence(after));
        write_pcap(file, &samples, line)?;
        Ok(Duration::from_secs_f64(samples.len() as f64 / f64::from(RATE)))
    }
}

/// So many questions in each language, the languages by turns.
fn questions(each: usize) -> Result<Vec<Question>> {
    let collection = Collection::load(&workspace().join("examples/knowledge/sample"))?;
    let voices = HeldOutVoices::load()?;
    let mut found = Vec::new();
    // From all over the knowledge base.
    let step = (collection.entries.len() / (each * 2)).max(1);
    for (n, sourced) in collection.entries.iter().step_by(step).enumerate() {
        let language = Language::ALL[n % 2];
        let Some(text) = sourced.entry.text(language) else { continue };
        if found.iter().filter(|question: &&Question| question.language == language).count() < each {
            let samples = voices.say(n, &text.question, language)?;
            found.push(Question { language, entry: sourced.entry.id.0.clone(), samples });
        }
    }
    Ok(found)
}

/// What became of the first question of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// The right answer was given.
    Answered,
    /// "Did you ask …?", with the right question among the choices.
    Asked,
    /// Something else.
    Missed,
}

fn outcome(events: &[Event], entry: &str) -> Outcome {
    let mut best = Outcome::Missed;
    for event in events {
        match &event.body {
            EventBody::Answer(answer) if answer.entry.0 == entry => return Outcome::Answered,
            EventBody::Clarify(clarify) if clarify.choices.iter().any(|choice| choice.entry.0 == entry) => {
                best = Outcome::Asked;
            }
            _ => {}
        }
    }
    best
}
