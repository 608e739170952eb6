//! What being expected does to what is written down, for choosing the weights of `assistant`'s `expectation`.
//!
//! `cargo run -p end-to-end --bin fit-bias -- [STEP [MODEL]]`: no published dictating model comes with the project, so its own
//! recogniser plays one: its phones get a character each for a name. Every STEP-th way of asking of the sample knowledge base, as
//! many questions about it in other words (`calibration.tsv`), and as many that it has no answer to, are spoken by held-out voices in
//! some noise, and written down with the knowledge base's ways of asking and keywords expected at several weights. Prints how many
//! phones are wrong: what is expected should help the first two, and leave the last alone.

use std::{fs, path::Path, sync::Arc};

use anyhow::{Context, Result};
use end_to_end::{material, voices::HeldOutVoices};
use kb::Collection;
use language::{Language, phones::INVENTORY, spoken_form};
use speech::{
    DecodeOptions, TranscribeRequest, Transcriber,
    decode::{Bias, BiasPhrase},
    runtime::{OnnxRuntime, SessionOptions},
    transcriber::ctc::CtcTranscriber,
};

/// Voices are numbered; the benchmarks use others.
const FIRST_VOICE: usize = 21_000;

/// Loudness of the noise, as the largest sample.
const NOISE: [f32; 3] = [0.0, 0.03, 0.1];

/// Beam, and what a token of a way of asking and of a keyword is worth, in nats.
const TRIED: [(usize, f32, f32); 8] = [
    (1, 0.0, 0.0),
    (8, 0.0, 0.0),
    (8, 0.3, 0.5),
    (8, 0.3, 1.0),
    (8, 0.8, 0.5),
    (16, 0.8, 0.5),
    (8, 1.2, 0.5),
    (8, 2.0, 0.5),
];

/// The character that stands for a class.
fn character(class: usize) -> char {
    char::from_u32(0x4e00 + class as u32).unwrap_or('一')
}

/// A text as the disguised recogniser writes it; `None` where nobody can pronounce it.
fn written(text: &str, language: Language) -> Option<String> {
    let form = spoken_form(text, language);
    let first = form.pronunciations.first().filter(|pronunciation| !pronunciation.phones.is_empty())?;
    Some(first.phones.iter().map(|phone| character(usize::from(phone.0))).collect())
}

/// The recogniser under another name, so that it is taken for a stranger whose classes are characters.
fn disguised(model: &Path, folder: &Path, runtime: &OnnxRuntime) -> Result<CtcTranscriber> {
    let mut bytes = fs::read(model.join("model.int8.onnx"))?;
    let at = bytes
        .windows(6)
        .position(|bytes| bytes == b"drilen")
        .context("the model does not name its author")?;
    bytes[at..at + 6].copy_from_slice(b"others");
    fs::write(folder.join("model.onnx"), bytes)?;
    let name = |class: usize| if class == 0 { "<blk>".to_owned() } else { character(class).to_string() };
    let tokens: Vec<String> = (0..INVENTORY.len()).map(|class| format!("{} {class}", name(class))).collect();
    fs::write(folder.join("tokens.txt"), tokens.join("\n"))?;
    Ok(CtcTranscriber::load(folder, &Language::ALL, runtime, SessionOptions::default())?)
}

/// What is expected of speakers of a language at these weights.
fn bias(collection: &Collection, language: Language, question: f32, keyword: f32) -> Arc<Bias> {
    let texts = || collection.entries.iter().filter_map(|sourced| sourced.entry.text(language));
    let asked = texts().flat_map(|text| std::iter::once(&text.question).chain(&text.variants));
    let weighted = asked.map(|text| (text, question));
    let weighted = weighted.chain(texts().flat_map(|text| &text.keywords).map(|text| (text, keyword)));
    let phrase = |(text, weight): (&String, f32)| Some(BiasPhrase { text: written(text, language)?, weight });
    Arc::new(Bias::new(weighted.filter_map(phrase)))
}

/// The same noise every time: a linear congruential generator (Numerical Recipes, second edition, section 7.1).
fn add_noise(samples: &mut [f32], level: f32) {
    let mut state = 1_u32;
    for sample in samples {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *sample += level * ((state >> 8) as f32 / (1 << 23) as f32 - 1.0);
    }
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let step: usize = arguments.next().map_or(Ok(20), |text| text.parse())?;
    let model = arguments.next().unwrap_or_else(|| "models/seed".to_owned());
    let workspace = material::workspace();
    let collection = Collection::load(&workspace.join("examples/knowledge/sample"))?;
    let background = fs::read_to_string(workspace.join("intents/data/background.tsv"))?;
    let voices = HeldOutVoices::load()?;
    let runtime = OnnxRuntime::load(Some(&workspace.join(".local/lib/libonnxruntime.so")))?;
    let folder = tempfile::tempdir()?;
    let mut ear = disguised(&workspace.join(model), folder.path(), &runtime)?;
    println!("language  said                noise  beam  question  keyword  wrong phones");
    for language in Language::ALL {
        let asked: Vec<String> = collection
            .entries
            .iter()
            .flat_map(|sourced| sourced.entry.questions())
            .filter(|(spoken, ..)| *spoken == language)
            .map(|(.., question)| question.to_owned())
            .step_by(step)
            .collect();
        let rows = background.lines().filter_map(|line| line.split_once('\t'));
        let others: Vec<String> = rows
            .filter(|(code, _)| *code == language.code())
            .map(|(_, question)| question.to_owned())
            .take(asked.len())
            .collect();
        let options = TRIED.map(|(beam, question, keyword)| DecodeOptions {
            beam,
            bias: bias(&collection, language, question, keyword),
            ..DecodeOptions::default()
        });
        let labelled = collection.labelled.iter().filter(|question| question.language == language);
        let labelled = labelled.filter(|question| question.entry.is_some());
        let otherwise: Vec<String> =
            labelled.map(|labelled| labelled.question.clone()).take(asked.len()).collect();
        let sets = [("word for word", &asked), ("in other words", &otherwise), ("something else", &others)];
        for (what, texts) in sets {
            let said: Vec<(String, Vec<f32>)> = texts
                .iter()
                .enumerate()
                .filter_map(|(number, text)| Some((number, text, written(text, language)?)))
                .map(|(number, text, phones)| Ok((phones, voices.say(FIRST_VOICE + number, text, language)?)))
                .collect::<Result<_>>()?;
            for noise in NOISE {
                for (options, (beam, question, keyword)) in options.iter().zip(TRIED) {
                    let (mut wrong, mut total) = (0, 0);
                    for (phones, samples) in &said {
                        let mut samples = samples.clone();
                        add_noise(&mut samples, noise);
                        let decoding = options.clone();
                        let request = TranscribeRequest {
                            language: Some(language),
                            decoding,
                            ..TranscribeRequest::default()
                        };
                        let heard = ear.transcribe(&samples, &request)?;
                        wrong += distance(heard.text(), phones);
                        total += phones.chars().count();
                    }
                    let rate = 100.0 * wrong as f64 / total.max(1) as f64;
                    println!(
                        "{language:8}  {what:18}  {noise:5}  {beam:4}  {question:8}  {keyword:7}  {rate:5.1} % of {total}"
                    );
                }
            }
        }
    }
    Ok(())
}

/// Insertions, deletions and substitutions.
fn distance(one: &str, two: &str) -> usize {
    let two: Vec<char> = two.chars().collect();
    let mut row: Vec<usize> = (0..=two.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, b) in two.iter().enumerate() {
            let cell = (row[j] + 1).min(row[j + 1] + 1).min(before + usize::from(a != *b));
            before = std::mem::replace(&mut row[j + 1], cell);
        }
    }
    row[two.len()]
}
