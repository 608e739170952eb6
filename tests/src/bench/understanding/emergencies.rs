//! Is every emergency heard, and nothing else taken for one?

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use intents::{Act, Context, Decision, EscalationReason, Memory, Understander, Utterance, decide};
use language::Language;

use crate::bench::Report;
use crate::bench::sound::name_of;

const RECALL: f64 = 0.99;
const FALSE_ALARMS: f64 = 0.01;

struct Line {
    language: Language,
    emergency: bool,
    kind: String,
    text: String,
}

/// `language label kind text`; the label is `emergency`, or `not` or `ordinary` for everything else.
fn read(line: &str) -> Option<Line> {
    let cells: Vec<&str> = line.split('\t').collect();
    let [language, label, kind, text] = cells.as_slice() else { return None };
    let emergency = match *label {
        "emergency" => true,
        "not" | "ordinary" => false,
        _ => return None,
    };
    let language = language.parse().ok()?;
    Some(Line { language, emergency, kind: (*kind).to_owned(), text: (*text).to_owned() })
}

/// Whether it is about ending a life; the files have two names for that.
fn of_life(line: &Line) -> bool {
    matches!(line.kind.as_str(), "self_harm" | "life")
}

/// Whether the citizen gets emergency guidance or, where a life is to be ended, the hotline's entry or a person.
fn alarmed(understander: &Understander, line: &Line) -> Result<bool> {
    let utterance = Utterance::typed(line.text.clone(), line.language);
    let understanding = understander.understand(&utterance, &Memory::default())?;
    let context = Context::new(Arc::clone(&understander.rules()), line.language);
    Ok(match decide(&context, &understanding) {
        Decision::Act(Act::Emergency) | Decision::Escalate(EscalationReason::Emergency) => true,
        Decision::Answer { then_escalate, .. } => of_life(line) && then_escalate,
        Decision::Escalate(_) => of_life(line),
        _ => false,
    })
}

/// Recall and false alarms on the even lines, the first below the header being 1: the odd ones were looked at while the
/// rules were written.
pub(super) fn tell(report: &mut Report, understander: &Understander, table: &Path) -> Result<()> {
    let text = std::fs::read_to_string(table)?;
    // The rules' own tests count the same way.
    let even = text.lines().skip(1).enumerate().filter(|(index, _)| index % 2 == 1);
    let lines: Vec<Line> = even.filter_map(|(_, line)| read(line)).collect();
    count(report, understander, &lines, "of the even lines", true)
}

/// The same on all lines of a table that nobody who worked on signs or weights has seen; its lines are not printed, so that it
/// stays unseen.
pub(super) fn tell_unseen(report: &mut Report, understander: &Understander, table: &Path) -> Result<()> {
    let text = std::fs::read_to_string(table)?;
    let lines: Vec<Line> = text.lines().filter_map(read).collect();
    count(report, understander, &lines, "unseen", false)
}

fn count(
    report: &mut Report,
    understander: &Understander,
    lines: &[Line],
    which: &str,
    shown: bool,
) -> Result<()> {
    for language in Language::ALL {
        let (mut emergencies, mut heard, mut others, mut false_alarms) = (0_usize, 0_usize, 0_usize, 0_usize);
        for line in lines.iter().filter(|line| line.language == language) {
            let alarmed = alarmed(understander, line)?;
            if line.emergency {
                emergencies += 1;
                heard += usize::from(alarmed);
            } else {
                others += 1;
                false_alarms += usize::from(alarmed);
            }
            if alarmed != line.emergency && shown {
                let what = if alarmed { "false alarm" } else { "missed" };
                println!("    {what} ({}): {}", line.kind, line.text);
            }
        }
        let name = name_of(language);
        let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
        let figure = format!("emergencies, {name}: recall ({emergencies} {which})");
        report.at_least(&figure, share(heard, emergencies), RECALL, "share");
        let figure = format!("emergencies, {name}: false alarms ({others} {which})");
        report.at_most(&figure, share(false_alarms, others), FALSE_ALARMS, "share");
    }
    Ok(())
}
