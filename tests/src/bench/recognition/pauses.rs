//! Does the listener wait for people who pause, and yet answer soon?
//!
//! Recordings of sentences and of digit strings get pauses of .3 to 1.2 s inside; hiss at a telephone's level is under everything. The listener works with the
//! shipped recogniser live and the mind as the judge of what is complete, as the assistant does. A *cut* is an utterance that ends before the last word.

use std::time::Instant;

use anyhow::{Context, Result};
use intents::{Completeness, Memory, Understander, Utterance};
use language::Language;
use rand::{Rng, SeedableRng, rngs::StdRng};
use speech::{
    EndpointRules, Listener, ListenerEvent, Live, TranscribeRequest, Transcriber,
    transcriber::ctc::CtcTranscriber, vad::EarshotDetector,
};

use super::{
    super::{Report, percentile},
    asked, distractors, ear, mind, name_of, recordings,
};
use crate::{material, voices::HeldOutVoices};

const PACKET: usize = 320;
/// What is louder than noise at the very end of a recording and shorter than this, in samples, after 400 ms in which the detector heard no speech, is a breath or a
/// click: a quarter of a second.
const TOO_SHORT_FOR_A_WORD: usize = 4_000;
const DISTRACTORS: usize = 300;

/// A sound with pauses inside, and where its last word ends, in samples.
struct Halting {
    language: Language,
    sound: Vec<f32>,
    end: usize,
}

fn level(samples: &[f32]) -> f32 {
    (samples.iter().map(|s| s * s).sum::<f32>() / samples.len().max(1) as f32).sqrt()
}

/// First and one past the last sample of speech: 10 ms frames above a twentieth of the loudest one and well above the recording's own noise.
fn span(samples: &[f32]) -> (usize, usize) {
    let levels: Vec<f32> = samples.chunks(160).map(level).collect();
    let loudest = levels.iter().copied().fold(0.0, f32::max);
    let mut sorted = levels.clone();
    sorted.sort_by(f32::total_cmp);
    let noise = sorted.get(sorted.len() / 10).copied().unwrap_or_default();
    let threshold = (loudest / 20.0).max((4.0 * noise).min(loudest / 4.0));
    let loud = |l: &f32| *l > threshold;
    let first = levels.iter().position(loud).unwrap_or(0);
    let end = levels.iter().rposition(loud).unwrap_or(levels.len().saturating_sub(1));
    (first * 160, ((end + 1) * 160).min(samples.len()))
}

/// The quietest place in the middle half of a sound, where a speaker would pause.
fn gap(samples: &[f32]) -> usize {
    let frames: Vec<f32> = samples.chunks(160).map(level).collect();
    let quarter = frames.len() / 4;
    let middle = &frames[quarter..frames.len() - quarter];
    let quietest = (0..middle.len()).min_by(|&a, &b| middle[a].total_cmp(&middle[b])).unwrap_or(0);
    (quarter + quietest) * 160
}

fn hiss(samples: usize, random: &mut StdRng) -> Vec<f32> {
    (0..samples).map(|_| random.random_range(-0.001..0.001)).collect()
}

/// Pieces with pauses between them, a second of hiss before and three after.
fn halting(pieces: &[Vec<f32>], language: Language, random: &mut StdRng) -> Halting {
    let mut sound = hiss(16_000, random);
    for (number, piece) in pieces.iter().enumerate() {
        if number > 0 {
            let pause = random.random_range(4_800..=19_200);
            sound.extend(hiss(pause, random));
        }
        let noise = hiss(piece.len(), random);
        sound.extend(piece.iter().zip(noise).map(|(s, n)| s + n));
    }
    let end = sound.len();
    sound.extend(hiss(3 * 16_000, random));
    Halting { language, sound, end }
}

/// When the last utterance was decided, in seconds after the last word; `None` where one ended before it.
fn decided(halting: &Halting, ear: &mut CtcTranscriber, mind: &Understander) -> Result<Option<f64>> {
    let mut listener = Listener::new(Box::new(EarshotDetector::new()), EndpointRules::portal());
    let mut live: Option<(Live, usize)> = None;
    for (number, packet) in halting.sound.chunks(PACKET).enumerate() {
        let now = (number + 1) * PACKET;
        let (mut over, mut why) = (false, String::new());
        for event in listener.push(packet) {
            match event {
                ListenerEvent::SpeechStarted { .. } => {
                    live = ear.begin(&TranscribeRequest::default()).map(|live| (live, 0));
                    listener.set_judged(live.is_some());
                }
                ListenerEvent::Paused { pause } => {
                    let Some((live, fed)) = &mut live else { continue };
                    let audio = listener.audio();
                    ear.hear(&mut [(&mut *live, &audio[*fed..])])?;
                    *fed = audio.len();
                    let heard = ear.conclude(live, true)?;
                    let utterance = Utterance::heard(String::new(), halting.language, heard.evidence);
                    let judgement = mind.completeness(&utterance, &Memory::default())?;
                    listener.set_begun(pause, judgement == Completeness::Begun);
                    if judgement == Completeness::Whole {
                        over |= listener.complete(pause).is_some();
                        "taken for whole".clone_into(&mut why);
                    }
                }
                ListenerEvent::Ended(_) => {
                    over = true;
                    "too long a pause".clone_into(&mut why);
                }
                ListenerEvent::PartialDue { .. }
                | ListenerEvent::SpeechResumed { .. }
                | ListenerEvent::Settled => {}
            }
        }
        if over {
            if now + TOO_SHORT_FOR_A_WORD < halting.end {
                println!("    cut {:.1} s before the end: {why}", (halting.end - now) as f64 / 16_000.0);
                return Ok(None);
            }
            let start = Instant::now();
            if let Some((live, fed)) = &mut live {
                let rest = listener.audio().get(*fed..).unwrap_or_default().to_vec();
                ear.hear(&mut [(&mut *live, &rest)])?;
                ear.conclude(live, true)?;
            }
            return Ok(Some((now as f64 - halting.end as f64) / 16_000.0 + start.elapsed().as_secs_f64()));
        }
    }
    Ok(Some(f64::INFINITY))
}

/// Digits by the two word speakers of the measurement data, or by a synthetic voice.
fn digit_strings(language: Language, count: usize, random: &mut StdRng) -> Result<Vec<Halting>> {
    const ZH: [&str; 10] = ["零", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
    // Awaiting a native reviewer.
    const BO: [&str; 10] = ["ཀླད་ཀོར", "གཅིག", "གཉིས", "གསུམ", "བཞི", "ལྔ", "དྲུག", "བདུན", "བརྒྱད", "དགུ"];
    let voices = HeldOutVoices::load()?;
    let recorded = material::data("cmn_words");
    let mut strings = Vec::new();
    for number in 0..count {
        // A telephone number in groups of three or four, as people read it out.
        let mut pieces: Vec<Vec<f32>> = Vec::new();
        for _ in 0..3 {
            let digits: Vec<usize> =
                (0..random.random_range(3..=4)).map(|_| random.random_range(0..10)).collect();
            let mut piece = Vec::new();
            for digit in &digits {
                let said = match (language, &recorded) {
                    (Language::Zh, Some(folder)) => {
                        let file = folder.join(format!("hsk/cmn-{}.opus", ZH[*digit]));
                        speech::codec::file::decode_path(&file, 10.0)
                            .or_else(|_| voices.say(number, ZH[*digit], language))?
                    }
                    _ => voices.say(
                        number,
                        if language == Language::Zh { ZH[*digit] } else { BO[*digit] },
                        language,
                    )?,
                };
                let (first, last) = span(&said);
                piece.extend_from_slice(&said[first..last]);
                piece.extend(vec![0.0; 800]);
            }
            let (first, last) = span(&piece);
            pieces.push(piece[first..last].to_vec());
        }
        strings.push(halting(&pieces, language, random));
    }
    Ok(strings)
}

fn tell(
    report: &mut Report,
    what: &str,
    all: &[Halting],
    ear: &mut CtcTranscriber,
    mind: &Understander,
    most: f64,
) -> Result<Vec<f64>> {
    let (mut cut, mut delays) = (0_usize, Vec::new());
    for halting in all {
        match decided(halting, ear, mind)? {
            None => cut += 1,
            Some(delay) => delays.push(delay * 1000.0),
        }
    }
    report.at_most(
        &format!("{what} ({}): cut early", all.len()),
        cut as f64 / all.len().max(1) as f64,
        most,
        "share",
    );
    report.tell(&format!("{what}: end of speech to decision, p50"), percentile(&delays, 0.5), "ms");
    report.tell(&format!("{what}: end of speech to decision, p95"), percentile(&delays, 0.95), "ms");
    Ok(delays)
}

/// Sentences and digit strings with pauses, in both languages.
///
/// # Errors
/// Where the model or a voice fails.
pub fn endpointing(report: &mut Report) -> Result<()> {
    let mut ear = ear("models/seed")?.context("the shipped model is not here")?;
    let mut random = StdRng::seed_from_u64(9);
    let mut delays = Vec::new();
    if let Some(probes) = recordings()? {
        let like: Vec<&str> = probes.iter().map(|probe| probe.text.as_str()).collect();
        let others = distractors(Language::Zh, &like, DISTRACTORS, 2)?.unwrap_or_default();
        let texts = like.iter().map(|text| (*text).to_owned()).chain(others);
        let entries =
            texts.enumerate().map(|(n, text)| asked::entry(format!("e{n}"), Language::Zh, &text)).collect();
        let mind = mind(entries)?;
        let mut sentences = Vec::new();
        for probe in &probes {
            let (first, last) = span(&probe.samples);
            let speech = &probe.samples[first..last];
            let at = gap(speech);
            let pieces = [speech[..at].to_vec(), speech[at..].to_vec()];
            sentences.push(halting(&pieces, probe.language, &mut random));
        }
        delays.extend(tell(report, "pauses in real Mandarin sentences", &sentences, &mut ear, &mind, 0.05)?);
        let digits = digit_strings(Language::Zh, 40, &mut random)?;
        delays.extend(tell(
            report,
            "pauses in digit strings, real Mandarin",
            &digits,
            &mut ear,
            &mind,
            0.02,
        )?);
    }
    let voices = HeldOutVoices::load()?;
    let collection = kb::Collection::load(&material::workspace().join("examples/knowledge/sample"))?;
    let publication = std::sync::Arc::new(kb::Publication::new(&collection)?);
    let mind = Understander::new(publication, intents::Settings::default())?;
    for language in Language::ALL {
        let mut sentences = Vec::new();
        for sourced in &collection.entries {
            let Some(text) = sourced.entry.text(language) else { continue };
            let said = voices.say(sentences.len(), &text.question, language)?;
            let (first, last) = span(&said);
            let at = gap(&said[first..last]);
            let pieces = [said[first..first + at].to_vec(), said[first + at..last].to_vec()];
            sentences.push(halting(&pieces, language, &mut random));
        }
        let what = format!("pauses in sample questions, synthetic {}", name_of(language));
        delays.extend(tell(report, &what, &sentences, &mut ear, &mind, 0.05)?);
    }
    let digits = digit_strings(Language::Bo, 40, &mut random)?;
    delays.extend(tell(
        report,
        "pauses in digit strings, synthetic Tibetan",
        &digits,
        &mut ear,
        &mind,
        0.02,
    )?);
    report.at_most("all of these: end of speech to decision, p50", percentile(&delays, 0.5), 800.0, "ms");
    report.at_most("all of these: end of speech to decision, p95", percentile(&delays, 0.95), 1500.0, "ms");
    Ok(())
}
