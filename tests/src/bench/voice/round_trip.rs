//! Does our own recogniser understand our own default voice? Every question of the sample knowledge base, spoken and heard.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Result;
use intents::{Memory, Settings, Understander, Utterance};
use kb::{Collection, Publication};
use language::Language;
use speech::synthesizer::{EspeakSettings, EspeakVoice};
use speech::{SpeechRequest, Synthesizer as _};

use super::super::recognition::{ear, hear};
use super::super::{Report, sound::name_of};
use crate::material::workspace;
use crate::voices::{between_silences, to_house_rate};

/// Spoken questions that find their entry.
///
/// # Errors
/// Where the voice or the model fails.
pub fn round_trip(report: &mut Report) -> Result<()> {
    let collection = Collection::load(&workspace().join("examples/knowledge/sample"))?;
    let mind = Understander::new(Arc::new(Publication::new(&collection)?), Settings::default())?;
    let Some(mut ear) = ear("models/seed")? else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let mut voice = EspeakVoice::new(EspeakSettings::default(), folder.path())?;
    for language in Language::ALL {
        for (rate, pace) in [(1.0, ""), (0.8, ", slower")] {
            let (mut asked, mut first, mut five) = (0, 0, 0);
            for sourced in &collection.entries {
                let Some(text) = sourced.entry.text(language) else { continue };
                let request = SpeechRequest { text: text.question.clone(), language, rate };
                let clip = voice.synthesize(&request, &AtomicBool::new(false))?;
                let samples = between_silences(&to_house_rate(clip)?, 0.2, 0.3);
                let heard = hear(&mut ear, &samples, language)?;
                let utterance = Utterance::heard(String::new(), language, heard);
                let candidates = mind.understand(&utterance, &Memory::default())?.candidates;
                let place = candidates.iter().position(|c| c.entry == sourced.entry.id);
                asked += 1;
                first += usize::from(place == Some(0));
                five += usize::from(place.is_some_and(|place| place < 5));
                if place != Some(0) {
                    println!("    {place:?} {} {}", sourced.entry.id, text.question);
                }
            }
            let share = |count: usize| count as f64 / f64::from(asked).max(1.0);
            let what =
                format!("{asked} questions in {}, spoken by the default voice{pace}", name_of(language));
            if pace.is_empty() {
                report.at_least(&format!("{what}: their entry comes first"), share(first), 0.95, "share");
            } else {
                report.tell(&format!("{what}: their entry comes first"), share(first), "share");
            }
            report.tell(&format!("{what}: among the first five"), share(five), "share");
        }
    }
    Ok(())
}
