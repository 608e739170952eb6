//! Sound that is no question: each must have a defined outcome, and none may become one.

use anyhow::Result;
use intents::{Act, Memory, Settings, Understander, Utterance};
use kb::{Collection, Publication};
use language::Language;
use rand::{Rng, SeedableRng, rngs::StdRng};
use speech::{EndpointRules, Listener, ListenerEvent, vad::EarshotDetector};

use super::{super::Report, ear, hear};
use crate::{material, voices::HeldOutVoices};

const SECONDS: usize = 12;
const RATE: f32 = 16_000.0;

/// A sum of sines, switched on for `on` and off for `off` seconds.
fn tones(frequencies: &[f32], level: f32, on: f32, off: f32) -> Vec<f32> {
    (0..SECONDS * 16_000)
        .map(|n| {
            let t = n as f32 / RATE;
            let gate = if t % (on + off) < on { 1.0 } else { 0.0 };
            let sum: f32 = frequencies.iter().map(|f| (std::f32::consts::TAU * f * t).sin()).sum();
            sum / frequencies.len() as f32 * level * gate
        })
        .collect()
}

/// Chords that change every half second, with overtones that decay: as much music as a formula makes.
fn music() -> Vec<f32> {
    const CHORDS: [[f32; 3]; 4] =
        [[262.0, 330.0, 392.0], [220.0, 262.0, 330.0], [175.0, 220.0, 262.0], [196.0, 247.0, 294.0]];
    (0..SECONDS * 16_000)
        .map(|n| {
            let t = n as f32 / RATE;
            let chord = CHORDS[(t * 2.0) as usize % 4];
            let decay = (-(t % 0.5) * 4.0).exp();
            let voice = |f: f32| {
                (1..6).map(|k| (std::f32::consts::TAU * f * k as f32 * t).sin() / (k * k) as f32).sum::<f32>()
            };
            chord.into_iter().map(voice).sum::<f32>() * 0.15 * decay
        })
        .collect()
}

fn noise(level: f32) -> Vec<f32> {
    let mut random = StdRng::seed_from_u64(5);
    (0..SECONDS * 16_000).map(|_| random.random_range(-level..=level)).collect()
}

/// All of them through detector, recogniser and mind.
///
/// # Errors
/// Where the model or a voice fails.
pub fn faults(report: &mut Report) -> Result<()> {
    let Some(mut ear) = ear("models/seed")? else { return Ok(()) };
    let collection = Collection::load(&material::workspace().join("examples/knowledge/sample"))?;
    let mind = Understander::new(std::sync::Arc::new(Publication::new(&collection)?), Settings::default())?;
    let question = HeldOutVoices::load()?.say(0, "身份证丢了怎么补办", Language::Zh)?;
    let mut sounds: Vec<(String, Vec<f32>, bool)> = vec![
        ("digital silence".to_owned(), vec![0.0; SECONDS * 16_000], false),
        ("hiss".to_owned(), noise(0.003), false),
        ("loud white noise".to_owned(), noise(0.5), false),
        ("hum of the mains".to_owned(), tones(&[50.0, 150.0, 250.0], 0.3, 1.0, 0.0), false),
        ("dial tone".to_owned(), tones(&[450.0], 0.3, 1.0, 4.0), false),
        ("keys pressed (DTMF)".to_owned(), tones(&[770.0, 1336.0], 0.4, 0.1, 0.1), false),
        ("music".to_owned(), music(), false),
        ("not a number".to_owned(), vec![f32::NAN; SECONDS * 16_000], false),
        ("infinite".to_owned(), vec![f32::INFINITY; SECONDS * 16_000], false),
        (
            "a question, clipped".to_owned(),
            question.iter().map(|s| (s * 20.0).clamp(-1.0, 1.0)).collect(),
            true,
        ),
        (
            "a question on a constant offset".to_owned(),
            question.iter().map(|s| s * 0.5 + 0.4).collect(),
            true,
        ),
        (
            "a question at twice its speed (a lie about the sample rate)".to_owned(),
            question.iter().step_by(2).copied().collect(),
            true,
        ),
    ];
    if let Some(folder) = material::data("noise_rir") {
        for number in 1..=5 {
            let name = format!("noise{number}.wav");
            let sound = speech::codec::file::decode_path(&folder.join(&name), 60.0)?;
            sounds.push((format!("recorded {name}"), sound, false));
        }
    }
    let mut answered = 0_usize;
    for (name, sound, is_question) in &sounds {
        let mut listener = Listener::new(Box::new(EarshotDetector::new()), EndpointRules::portal());
        let mut utterances = Vec::new();
        // One sample at a time for the first tenth: the smallest packets there are.
        let (single, rest) = sound.split_at(sound.len() / 10);
        let packets = single.chunks(1).chain(rest.chunks(320));
        let silence = vec![0.0; 2 * 16_000];
        for packet in packets.chain(silence.chunks(320)) {
            for event in listener.push(packet) {
                if let ListenerEvent::Ended(utterance) = event {
                    utterances.push(utterance);
                }
            }
        }
        let mut outcomes = Vec::new();
        for utterance in utterances.iter().filter(|u| u.speech_ms > 0) {
            let outcome = match hear(&mut ear, &utterance.audio, Language::Zh)? {
                None => "nothing heard".to_owned(),
                Some(evidence) => {
                    let words = evidence.dictate(mind.unit_model(), 1).pop();
                    let words = words.map(|words| words.text).unwrap_or_default();
                    let utterance = Utterance::heard(String::new(), Language::Zh, Some(evidence));
                    let understood = mind.understand(&utterance, &Memory::default())?;
                    let sure = understood.candidates.first().map_or(0.0, |best| best.confidence);
                    let act = understood.act != Act::Question;
                    if !is_question && (act || sure >= mind_threshold()) {
                        answered += 1;
                    }
                    if act {
                        format!("taken for {:?} (words: {words})", understood.act)
                    } else {
                        format!("best guess {sure:.2} sure (words: {words})")
                    }
                }
            };
            outcomes.push(outcome);
        }
        let outcome = if outcomes.is_empty() { "no speech".to_owned() } else { outcomes.join(", ") };
        println!("    {name:<62} {outcome}");
    }
    report.at_most("sounds that are no question and were taken for one", answered as f64, 0.0, "turns");
    Ok(())
}

/// From this confidence on a spoken question would be answered or confirmed.
fn mind_threshold() -> f32 {
    0.5
}
