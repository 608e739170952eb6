//! Scratch: which real utterances are taken for acts.
use anyhow::Result;
use end_to_end::material;
use intents::{Act, Memory, Settings, Understander, Utterance};
use kb::{Collection, Publication};
use language::Language;
use speech::runtime::{OnnxRuntime, SessionOptions};
use speech::transcriber::ctc::CtcTranscriber;
use speech::{TranscribeRequest, Transcriber};
use std::sync::Arc;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let mut sample = Collection::default();
    let mut yaml = "format: drilen-kb/1\nname: m\nentries:\n".to_owned();
    let mut seen = std::collections::HashSet::new();
    for (n, r) in material::mandarin_recordings()?.unwrap_or_default().iter().enumerate() {
        if seen.insert(r.text.clone()) { yaml += &format!("- {{id: r-{n}, topic: t, zh: {{question: {}, spoken: x, written: x}}}}\n", serde_json::to_string(&r.text)?); }
    }
    let folder = material::workspace().join("../shared/data/tibetan/ntrex/dev.zho-CN.txt");
    for (n, l) in std::fs::read_to_string(folder)?.lines().filter(|l| l.chars().any(|c| language::Script::of(c) == language::Script::Han) && (8..=40).contains(&l.chars().count())).take(500).enumerate() {
        if seen.insert(language::search_key(l)) { yaml += &format!("- {{id: d-{n}, topic: t, zh: {{question: {}, spoken: x, written: x}}}}\n", serde_json::to_string(l)?); }
    }
    sample = Collection::parse("m", &yaml);
    let understander = Understander::new(Arc::new(Publication::new(&sample)?), Settings::default())?;
    let runtime = OnnxRuntime::load(Some(&material::workspace().join(".local/lib/libonnxruntime.so")))?;
    let mut ear = CtcTranscriber::load(&material::workspace().join(&args[1]), &Language::ALL, &runtime, SessionOptions::default())?;
    let mut files: Vec<(std::path::PathBuf, String)> = Vec::new();
    if args[2] == "real" {
        for r in material::mandarin_recordings()?.unwrap_or_default() { files.push((r.path, r.text)); }
    } else {
        let folder = material::workspace().join("../shared/data/zh_sentences");
        for l in std::fs::read_to_string(folder.join("transcripts.tsv"))?.lines().skip(1).step_by(4) {
            let c: Vec<&str> = l.split('\t').collect();
            files.push((folder.join(c[0]), c[2].to_owned()));
        }
    }
    let (mut acts, mut top) = (0, Vec::new());
    for (path, text) in &files {
        let samples = speech::codec::file::decode_path(path, 60.0)?;
        if path.to_string_lossy().contains("aishell1_") {
            let rms = (samples.iter().map(|x| x * x).sum::<f32>() / samples.len() as f32).sqrt();
            let diff = (samples.windows(2).map(|w| (w[1] - w[0]).powi(2)).sum::<f32>() / samples.len() as f32).sqrt();
            let peak = samples.iter().fold(0f32, |a, x| a.max(x.abs()));
            let mut frames: Vec<f32> = samples.chunks(400).map(|c| (c.iter().map(|x| x * x).sum::<f32>() / c.len() as f32).sqrt()).collect();
            frames.sort_by(f32::total_cmp);
            println!("LEVEL {} rms {rms:.4} diff/rms {:.2} peak {peak:.2} noise floor {:.5} loud {:.4}", path.file_name().unwrap().to_string_lossy(), diff / rms, frames[frames.len() / 20], frames[frames.len() * 9 / 10]);
        }
        let transcript = ear.transcribe(&samples, &TranscribeRequest::default())?;
        let seconds = transcript.seconds;
        let u = understander.understand(&Utterance { text: String::new(), language: Language::Zh, evidence: transcript.evidence }, &Memory::default())?;
        if u.act != Act::Question { acts += 1; println!("{:?} {seconds:.1} s {text}", u.act); }
        if u.candidates.first().is_none_or(|c| c.question != *text) { println!("{seconds:.1} s {text}: {:?}", u.candidates.iter().take(3).map(|c| (c.question.as_str(), c.confidence)).collect::<Vec<_>>()); }
        if u.act == Act::Question { top.push(u.candidates.first().map_or(0.0, |c| c.confidence)); }
    }
    top.sort_by(f32::total_cmp);
    let at = |p: f32| top.get((p * top.len() as f32) as usize).copied().unwrap_or(1.0);
    println!("{} utterances, none in the knowledge base: {acts} taken for acts; best confidence 50% {:.3} 75% {:.3} 90% {:.3} 95% {:.3} 99% {:.3}", files.len(), at(0.5), at(0.75), at(0.9), at(0.95), at(0.99));
    Ok(())
}
