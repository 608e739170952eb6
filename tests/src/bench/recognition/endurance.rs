//! Hours of sound through one process: memory must stay flat.

use std::time::Instant;

use anyhow::{Context, Result};
use language::Language;
use speech::{
    EndpointRules, Listener, ListenerEvent, Live, TranscribeRequest, Transcriber, vad::EarshotDetector,
};

use super::{super::Report, channels::Surroundings, ear};
use crate::voices::HeldOutVoices;

const HOURS: f64 = 8.0;
const QUESTIONS: [(Language, &str); 4] = [
    (Language::Zh, "身份证丢了怎么补办"),
    (Language::Bo, "ཐོབ་ཐང་ལག་འཁྱེར་བརླགས་ན་ག་རེ་བྱེད་དགོས"),
    (Language::Zh, "孩子上学要带什么材料"),
    (Language::Bo, "ངའི་ཕྲུ་གུ་སློབ་གྲྭར་འགྲོ་དགོས"),
];

/// Resident memory of this process in MiB.
pub(super) fn resident() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
    let kilobytes: f64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
    Ok(kilobytes / 1024.0)
}

/// Eight hours of questions, pauses and noise, heard live, as fast as the machine can.
///
/// # Errors
/// Where the model or a voice fails.
pub fn eight_hours(report: &mut Report) -> Result<()> {
    let Some(mut ear) = ear("models/seed")? else { return Ok(()) };
    let voices = HeldOutVoices::load()?;
    let noises = Surroundings::load()?;
    let mut hour: Vec<f32> = Vec::new();
    for (number, (language, text)) in QUESTIONS.iter().cycle().take(24).enumerate() {
        let said = voices.say(number, text, *language)?;
        let said = noises.as_ref().map_or_else(|| said.clone(), |n| n.around(&said, number, 12.0));
        hour.extend(said);
        hour.extend(vec![0.0; 16_000 * (2 + number % 5)]);
    }
    let seconds_each = hour.len() as f64 / 16_000.0;
    let rounds = (HOURS * 3600.0 / seconds_each).ceil() as usize;
    let start = Instant::now();
    let (mut turns, mut after_first_hour) = (0_u64, None);
    let mut listener = Listener::new(Box::new(EarshotDetector::new()), EndpointRules::telephone());
    let mut live: Option<(Live, usize)> = None;
    for round in 0..rounds {
        for packet in hour.chunks(320) {
            for event in listener.push(packet) {
                match event {
                    ListenerEvent::SpeechStarted { .. } => {
                        live = ear.begin(&TranscribeRequest::default()).map(|live| (live, 0));
                    }
                    ListenerEvent::Ended(utterance) => {
                        if let Some((mut live, fed)) = live.take().filter(|_| utterance.speech_ms > 0) {
                            let rest = utterance.audio.get(fed..).unwrap_or_default();
                            ear.hear(&mut [(&mut live, rest)])?;
                            ear.conclude(&live, true)?;
                            turns += 1;
                        }
                    }
                    _ => {}
                }
            }
            if let Some((live, fed)) = &mut live {
                let audio = listener.audio();
                if audio.len() >= *fed + 5120 {
                    ear.hear(&mut [(live, &audio[*fed..])])?;
                    *fed = audio.len();
                }
            }
        }
        if after_first_hour.is_none() && (round + 1) as f64 * seconds_each >= 3600.0 {
            after_first_hour = Some(resident()?);
        }
    }
    let end = resident()?;
    let grown = end - after_first_hour.unwrap_or(end);
    report.tell("eight hours of sound through one process: turns", turns as f64, "turns");
    report.tell("... faster than real time by", HOURS * 3600.0 / start.elapsed().as_secs_f64(), "x");
    report.at_most("... memory grown after the first hour", grown, 4.0, "MiB");
    Ok(())
}
