//! Scratch: dumps raw voice scores for analysis.
use anyhow::Result;
use end_to_end::material;
use kb::{Collection, Entry, EntryId, Publication, Review, Sourced, Text};
use language::Language;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use speech::runtime::{OnnxRuntime, SessionOptions};
use speech::transcriber::ctc::CtcTranscriber;
use speech::{TranscribeRequest, Transcriber};
use std::io::Write;
use std::time::Instant;

const BEFORE: [&str; 5] = ["", "请问一下", "我想知道", "你好我要", "麻烦问下"];
const AFTER: [&str; 5] = ["", "怎么办呢", "是什么意思", "在哪里", "可以吗"];

fn paraphrase(text: &str, random: &mut StdRng) -> String {
    let mut units: Vec<char> = text.chars().filter(|c| !"，。？！、：；“”".contains(*c)).collect();
    let gone = units.len() / 4;
    let from = random.random_range(0..=units.len() - gone);
    units.drain(from..from + gone);
    format!(
        "{}{}{}",
        BEFORE[random.random_range(0..5)],
        units.iter().collect::<String>(),
        AFTER[random.random_range(0..5)]
    )
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let (model, out, step) = (&args[1], &args[2], args[3].parse::<usize>()?);
    let folder = material::workspace().join("../shared/data/zh_sentences");
    let table = std::fs::read_to_string(folder.join("transcripts.tsv"))?;
    let rows: Vec<(String, String)> = table
        .lines()
        .skip(1)
        .filter_map(|l| {
            let c: Vec<&str> = l.split('\t').collect();
            Some((c[0].to_owned(), (*c.last()?).to_owned()))
        })
        .collect();
    let mut random = StdRng::seed_from_u64(11);
    let text = |q: &str, v: Vec<String>| Text {
        question: q.to_owned(),
        variants: v,
        spoken: "x".into(),
        written: "x".into(),
        steps: vec![],
        documents: vec![],
        review: Review::Sample,
    };
    let mut seen = std::collections::HashSet::new();
    let mut entries = Vec::new();
    let mut kept = Vec::new();
    for (n, (file, sentence)) in rows.iter().enumerate() {
        if !sentence.chars().any(|c| language::Script::of(c) == language::Script::Han)
            || !seen.insert(language::search_key(sentence))
        {
            continue;
        }
        let variant = paraphrase(sentence, &mut random);
        entries.push(Sourced {
            file: "m".into(),
            entry: Entry {
                id: EntryId(format!("s-{n}")),
                topic: "m".into(),
                sample: true,
                escalate: false,
                zh: Some(text(sentence, vec![variant])),
                bo: None,
                links: vec![],
                office: None,
            },
        });
        kept.push((file.clone(), entries.len() as u32 - 1));
    }
    let collection = Collection { name: "m".into(), entries, ..Collection::default() };
    let t = Instant::now();
    for p in &kb::check(&collection).problems {
        if p.severity == kb::Severity::Error {
            println!("{p}");
        }
    }
    let publication = Publication::new(&collection)?;
    println!("published {} in {:?}", publication.variants().len(), t.elapsed());
    let forms = publication.spoken_forms();
    let runtime = OnnxRuntime::load(Some(&material::workspace().join(".local/lib/libonnxruntime.so")))?;
    let mut ear = CtcTranscriber::load(
        &material::workspace().join(model),
        &Language::ALL,
        &runtime,
        SessionOptions::default(),
    )?;
    let mut file = std::io::BufWriter::new(std::fs::File::create(out)?);
    let meta: Vec<(u32, usize, Vec<Vec<u32>>)> = publication
        .variants()
        .iter()
        .enumerate()
        .map(|(i, v)| {
            (
                v.entry,
                forms.questions.forms()[i].pronunciations.first().map_or(0, |p| p.phones.len()),
                forms.ngrams.iter().map(|n| n.variants[i].clone()).collect(),
            )
        })
        .collect();
    let idf: Vec<&Vec<f32>> = forms.ngrams.iter().map(|n| &n.idf).collect();
    serde_json::to_writer(&mut file, &serde_json::json!({"variants": meta, "idf": idf}))?;
    writeln!(file)?;
    let (mut hear, mut whole_t, mut any_t, mut n) = (0.0, 0.0, 0.0, 0);
    for (name, entry) in kept.iter().step_by(step) {
        let samples = speech::codec::file::decode_path(&folder.join(name), 60.0)?;
        let samples = match args.get(4).and_then(|s| s.parse::<f32>().ok()) {
            None => samples,
            Some(snr) => {
                let mut noise = vec![0.0_f32; samples.len()];
                for k in 1..=4 {
                    let other = &kept[(*entry as usize * 7 + k * 131) % kept.len()].0;
                    let other = speech::codec::file::decode_path(&folder.join(other), 60.0)?;
                    for (i, n) in noise.iter_mut().enumerate() {
                        *n += other[i % other.len()];
                    }
                }
                let power = |x: &[f32]| x.iter().map(|v| v * v).sum::<f32>() / x.len() as f32;
                let gain = (power(&samples) / power(&noise) / 10f32.powf(snr / 10.0)).sqrt();
                samples.iter().zip(&noise).map(|(s, n)| s + gain * n).collect()
            }
        };
        let t = Instant::now();
        let transcript = ear.transcribe(&samples, &TranscribeRequest::default())?;
        hear += t.elapsed().as_secs_f64();
        let Some(evidence) = transcript.evidence else { continue };
        let t = Instant::now();
        let whole = evidence.whole(&forms.questions);
        whole_t += t.elapsed().as_secs_f64();
        let t = Instant::now();
        let any: Vec<Vec<f32>> = forms.ngrams.iter().map(|n| evidence.anywhere(&n.batch)).collect();
        any_t += t.elapsed().as_secs_f64();
        n += 1;
        let clean = |v: &[f32]| {
            v.iter()
                .map(|x| if x.is_finite() { (x * 1000.0).round() / 1000.0 } else { -999.0 })
                .collect::<Vec<_>>()
        };
        serde_json::to_writer(
            &mut file,
            &serde_json::json!({"entry": entry, "seconds": evidence.seconds(), "whole": clean(&whole), "any": any.iter().map(|a| clean(a)).collect::<Vec<_>>()}),
        )?;
        writeln!(file)?;
    }
    let per = 1000.0 / f64::from(n);
    println!(
        "{n} utterances: hearing {:.0} ms, whole {:.0} ms ({}), anywhere {:.0} ms ({:?})",
        hear * per,
        whole_t * per,
        forms.questions.len(),
        any_t * per,
        forms.ngrams.iter().map(|n| n.batch.len()).collect::<Vec<_>>()
    );
    Ok(())
}
