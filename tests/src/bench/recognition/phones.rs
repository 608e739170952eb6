//! How often the recogniser takes one phone for another, for the model card: greedy, toneless.

use anyhow::Result;
use kb::Collection;
use language::{Language, pronunciations};

use super::{
    super::{Report, edit_distance},
    Probe, ear, name_of, recordings,
};
use crate::{material, voices::HeldOutVoices};

/// Wrong phones and all phones; the pronunciation that fits best counts.
fn errors(heard: &[u32], probe: &Probe) -> Option<(usize, usize)> {
    pronunciations(&probe.text, probe.language)
        .iter()
        .map(|p| p.phones.iter().map(|phone| u32::from(phone.0)).collect::<Vec<u32>>())
        .map(|phones| (edit_distance(heard, &phones), phones.len()))
        .min_by_key(|(wrong, _)| *wrong)
}

fn synthetic(language: Language) -> Result<Vec<Probe>> {
    let voices = HeldOutVoices::load()?;
    let collection = Collection::load(&material::workspace().join("examples/knowledge/sample"))?;
    let mut probes = Vec::new();
    for sourced in &collection.entries {
        let Some(text) = sourced.entry.text(language) else { continue };
        let samples = voices.say(probes.len(), &text.question, language)?;
        let (text, entry) = (text.question.clone(), sourced.entry.id.0.clone());
        probes.push(Probe { language, text, entry, samples, source: String::new() });
    }
    Ok(probes)
}

/// Real Mandarin by corpus, and synthetic voices that training never heard, for the shipped model and the proxy.
///
/// # Errors
/// Where a voice or a model fails; absent recordings are no error.
pub fn phone_errors(report: &mut Report) -> Result<()> {
    let real = recordings()?.unwrap_or_default();
    for model in ["models/seed", "models/proxy"] {
        let Some(mut ear) = ear(model)? else { continue };
        let shipped = model == "models/seed";
        let mut rate = |probes: &mut dyn Iterator<Item = &Probe>| -> Result<f64> {
            let (mut wrong, mut all) = (0_usize, 0_usize);
            for probe in probes {
                let heard = ear.greedy(&probe.samples)?;
                let Some((w, n)) = errors(&heard, probe) else { continue };
                wrong += w;
                all += n;
            }
            Ok(wrong as f64 / all.max(1) as f64)
        };
        if !real.is_empty() {
            let doubtful = |probe: &Probe| probe.source.contains("aishell1_lao_35c7153_");
            report.tell(&format!("phone error, real Mandarin, {model}"), rate(&mut real.iter())?, "share");
            let what = format!("phone error, real Mandarin without six doubtful transcripts, {model}");
            report.tell(&what, rate(&mut real.iter().filter(|p| !doubtful(p)))?, "share");
            let aishell = |p: &Probe| p.source.to_lowercase().contains("aishell");
            let value = rate(&mut real.iter().filter(|p| aishell(p)))?;
            let what = format!("phone error, AISHELL recordings, {model}");
            if shipped {
                report.at_most(&what, value, 0.25, "share");
            } else {
                report.tell(&what, value, "share");
            }
            let value = rate(&mut real.iter().filter(|p| aishell(p) && !doubtful(p)))?;
            report.tell(&format!("{what}, without the doubtful"), value, "share");
        }
        for language in Language::ALL {
            let probes = synthetic(language)?;
            let value = rate(&mut probes.iter())?;
            let what = format!("phone error, unheard synthetic voices, {}, {model}", name_of(language));
            if shipped {
                report.at_most(&what, value, 0.06, "share");
            } else {
                report.tell(&what, value, "share");
            }
        }
    }
    Ok(())
}
