//! What a spoken sentence costs with espeak-ng: a process for every piece, and processes that stay.
//!
//! ```text
//! cargo run -p speech --example voice_cost
//! ```

use std::{
    error::Error,
    path::Path,
    sync::atomic::AtomicBool,
    thread,
    time::{Duration, Instant},
};

use language::Language;
use speech::{
    SpeechRequest, Synthesizer,
    synthesizer::{EspeakSettings, EspeakVoice},
};

const SENTENCES: [(&str, Language); 4] = [
    ("办理身份证需要带户口本。", Language::Zh),
    ("请您带上户口本和两张照片，到户籍所在地的派出所办理，六十日内可以领取。", Language::Zh),
    ("ཐོབ་ཐང་ལག་ཁྱེར་བརྗེ་དགོས་རེད།", Language::Bo),
    ("ངའི་身份证བརླགས་སོང་། 派出所ལ་འགྲོ་དགོས།", Language::Bo),
];
const TIMES: usize = 100;
/// Sentences asked for at the same moment, and threads that speak them.
const AT_ONCE: usize = 50;
const THREADS: usize = 2;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new("target/tmp/espeak");
    let single = EspeakVoice::new(EspeakSettings::default(), folder)?;
    let begun = Instant::now();
    let pooled = EspeakVoice::pooled(EspeakSettings::default(), folder, THREADS, &[1.0, 0.75])?;
    println!("pool: started and tried in {:.0} ms", milliseconds(begun.elapsed()));
    println!("one sentence, milliseconds: a process for every piece | processes that stay (p50 / p95)");
    for (text, language) in SENTENCES {
        let request = SpeechRequest { text: text.to_owned(), language, rate: 1.0 };
        let (mut one, mut many) = (single.clone(), pooled.clone());
        let seconds = one.synthesize(&request, &AtomicBool::new(false))?;
        let seconds = seconds.samples.len() as f32 / seconds.sample_rate as f32;
        let [alone, together] = [&mut one, &mut many].map(|voice| times(voice, &request));
        let (alone, together) = (alone?, together?);
        println!("{seconds:5.1} s of sound: {alone} | {together}  {text}");
    }
    println!("{AT_ONCE} sentences at once, {THREADS} threads, milliseconds until done (p50 / p95)");
    for (name, voice) in [("a process for every piece", &single), ("processes that stay", &pooled)] {
        println!("{name}: {}", at_once(voice)?);
    }
    Ok(())
}

fn times(voice: &mut EspeakVoice, request: &SpeechRequest) -> Result<String, speech::SynthesisError> {
    let mut took = Vec::new();
    for _ in 0..TIMES {
        let begun = Instant::now();
        voice.synthesize(request, &AtomicBool::new(false))?;
        took.push(begun.elapsed());
    }
    Ok(quantiles(took))
}

fn at_once(voice: &EspeakVoice) -> Result<String, Box<dyn Error>> {
    let begun = Instant::now();
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let mut voice = voice.clone();
            thread::spawn(move || {
                (thread..AT_ONCE)
                    .step_by(THREADS)
                    .map(|number| {
                        let (text, language) = SENTENCES[number % SENTENCES.len()];
                        let request = SpeechRequest { text: text.to_owned(), language, rate: 1.0 };
                        voice.synthesize(&request, &AtomicBool::new(false)).map(|_| begun.elapsed())
                    })
                    .collect::<Result<Vec<_>, _>>()
            })
        })
        .collect();
    let mut took = Vec::new();
    for thread in threads {
        took.extend(thread.join().map_err(|_| "a thread panicked")??);
    }
    Ok(quantiles(took))
}

fn quantiles(mut took: Vec<Duration>) -> String {
    took.sort_unstable();
    let at = |share: usize| milliseconds(took[(took.len() * share / 100).min(took.len() - 1)]);
    format!("{:.1} / {:.1}", at(50), at(95))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
