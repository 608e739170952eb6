//! Is a cry for help heard in other words than the known phrases, and nothing else taken for one?

use std::sync::Arc;

use anyhow::Result;
use intents::{Act, Context, Decision, EscalationReason, Memory, Settings, Understander, Utterance, decide};
use kb::{Collection, Publication};
use language::Language;

use super::{super::Report, ear, hear, name_of};
use crate::{material, voices::HeldOutVoices};

/// Voices are numbered; the held-out questions have those below.
const FIRST_VOICE: usize = 3_000;

/// The even lines of the table of emergencies (the odd ones were looked at while the signs were written) and all held-out questions, by voices that
/// training never heard.
///
/// # Errors
/// Where a voice or a model fails.
pub fn cries(report: &mut Report) -> Result<()> {
    let workspace = material::workspace();
    let collection = Collection::load(&workspace.join("examples/knowledge/sample"))?;
    let mind = Understander::new(Arc::new(Publication::new(&collection)?), Settings::default())?;
    let voices = HeldOutVoices::load()?;
    let Some(mut ear) = ear("models/seed")? else { return Ok(()) };
    let table = std::fs::read_to_string(workspace.join("tests/data/emergencies.tsv"))?;
    let even = table.lines().skip(1).enumerate().filter(|(index, _)| index % 2 == 1).map(|(_, line)| line);
    let even: Vec<[&str; 4]> =
        even.filter_map(|line| line.split('\t').collect::<Vec<_>>().try_into().ok()).collect();
    let ordinary = std::fs::read_to_string(workspace.join("tests/data/held_out_questions.tsv"))?;
    for language in Language::ALL {
        let mut alarmed = |number: usize, text: &str, of_life: bool| -> Result<bool> {
            let samples = voices.say(FIRST_VOICE + number, text, language)?;
            let heard = hear(&mut ear, &samples, language)?;
            alarms(&mind, &Utterance::heard(String::new(), language, heard), language, of_life)
        };
        let (mut cries, mut heard, mut others, mut false_alarms) = (0_usize, 0_usize, 0_usize, 0_usize);
        for (number, [_, label, kind, text]) in
            even.iter().enumerate().filter(|(_, row)| row[0] == language.code())
        {
            let alarm = usize::from(alarmed(number, text, matches!(*kind, "self_harm" | "life"))?);
            if *label == "emergency" {
                cries += 1;
                heard += alarm;
            } else {
                others += 1;
                false_alarms += alarm;
            }
        }
        let (mut asked, mut frightened) = (0_usize, 0_usize);
        let rows = ordinary.lines().filter(|line| line.starts_with(language.code()));
        for (number, text) in rows.filter_map(|line| line.split('\t').nth(2)).enumerate().step_by(2) {
            // Some of the questions are cries for help, whichever way they come.
            if alarms(&mind, &Utterance::typed(text, language), language, true)? {
                continue;
            }
            asked += 1;
            frightened += usize::from(alarmed(number, text, false)?);
        }
        let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
        let name = name_of(language);
        report.tell(
            &format!("spoken emergencies, {name}: reach help ({cries})"),
            share(heard, cries),
            "share",
        );
        let figure = format!("spoken near misses, {name}: false alarms ({others})");
        report.tell(&figure, share(false_alarms, others), "share");
        let figure = format!("spoken questions, {name}: alarms that typing them does not give ({asked})");
        report.at_most(&figure, share(frightened, asked), 0.01, "share");
    }
    Ok(())
}

/// Whether the citizen gets emergency guidance or, where a life is to be ended, an entry that brings a person, or a person.
fn alarms(mind: &Understander, utterance: &Utterance, language: Language, of_life: bool) -> Result<bool> {
    let understood = mind.understand(utterance, &Memory::default())?;
    let context = Context::new(Arc::clone(&mind.rules()), language);
    Ok(match decide(&context, &understood) {
        Decision::Act(Act::Emergency) | Decision::Escalate(EscalationReason::Emergency) => true,
        Decision::Escalate(_) => of_life,
        Decision::Answer { then_escalate, .. } => of_life && then_escalate,
        _ => false,
    })
}
