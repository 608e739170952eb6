//! Beside other programs, on the same files and sounds: sherpa-onnx on the shipped model, pywhispercpp on a briefly trained Whisper-shaped one.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use language::phones::INVENTORY;
use serde::Deserialize;
use speech::codec::{pcm16, wav};

use super::{super::Report, ear, recordings};
use crate::material;

/// Times that we hear everything; the quickest counts. The peer's warm-up is as long.
const TRIES: usize = 2;

#[derive(Deserialize)]
struct Theirs {
    tokens: Vec<String>,
    seconds: f64,
}

/// Processor time of this thread so far, in seconds (`utime` and `stime` of /proc, in ticks of 10 ms).
fn processor_seconds() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/thread-self/stat")?;
    let rest = stat.rsplit_once(')').context("no name in stat")?.1;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks =
        |field: usize| -> Result<f64> { Ok(fields.get(field - 3).context("stat is too short")?.parse()?) };
    Ok((ticks(14)? + ticks(15)?) / 100.0)
}

/// The same ONNX file and the same recordings through sherpa-onnx and through us.
fn sherpa(report: &mut Report) -> Result<()> {
    let python = material::workspace().join(".local/venv-layouts/bin/python");
    if !python.is_file() {
        println!("skipped: no sherpa-onnx (tests/baselines/peers.sh installs it)");
        return Ok(());
    }
    let (Some(probes), Some(mut ear)) = (recordings()?, ear("models/seed")?) else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let mut list = String::new();
    let mut sounds = Vec::new();
    for (number, probe) in probes.iter().enumerate() {
        let path = folder.path().join(format!("{number}.wav"));
        let bytes = pcm16::encode(&probe.samples);
        std::fs::write(&path, wav::encode(&probe.samples, 16_000)?)?;
        list.push_str(&path.to_string_lossy());
        list.push('\n');
        sounds.push(pcm16::decode(&bytes)?);
    }
    let mut child = Command::new(python)
        .arg(material::workspace().join("tests/baselines/recognisers.py"))
        .arg(material::workspace().join("models/seed"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    child.stdin.take().context("no standard input")?.write_all(list.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "sherpa-onnx failed");
    let theirs: Vec<Theirs> =
        String::from_utf8(output.stdout)?.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    ensure!(theirs.len() == sounds.len(), "sherpa-onnx heard {} of {}", theirs.len(), sounds.len());
    let (mut same, mut best) = (0_usize, f64::INFINITY);
    for _ in 0..TRIES {
        let before = processor_seconds()?;
        same = 0;
        for (sound, theirs) in sounds.iter().zip(&theirs) {
            let ours: Vec<&str> =
                ear.greedy(sound)?.iter().map(|&class| INVENTORY[class as usize].name).collect();
            same += usize::from(ours == theirs.tokens);
        }
        best = best.min(processor_seconds()? - before);
    }
    let their_time: f64 = theirs.iter().map(|one| one.seconds).sum();
    let seconds = sounds.iter().map(Vec::len).sum::<usize>() as f64 / 16_000.0;
    let what = "shipped model, same file and recordings as sherpa-onnx";
    report.at_least(&format!("{what}: same tokens"), same as f64 / sounds.len() as f64, 1.0, "share");
    report.at_most(&format!("{what}: our processor time"), best / their_time, 0.9, "x theirs");
    report.tell(&format!("{what}: real-time factor, one thread"), best / seconds, "s per s");
    Ok(())
}

/// The Whisper engine beside pywhispercpp (`training/layouts/compare_whisper.py`).
fn whisper(report: &mut Report) -> Result<()> {
    #[derive(Deserialize)]
    struct Figures {
        ours: f64,
        #[serde(rename = "its defaults")]
        defaults: f64,
        #[serde(rename = "equal positions")]
        equal: f64,
        #[serde(rename = "equal positions: same text")]
        same: f64,
    }
    let python = material::workspace().join(".local/venv-layouts/bin/python");
    if !python.is_file() {
        println!("skipped: no pywhispercpp (tests/baselines/peers.sh installs it)");
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let json = folder.path().join("figures.json");
    let mut command = Command::new(python);
    command.arg(material::workspace().join("training/layouts/compare_whisper.py")).arg("--json").arg(&json);
    if let Some(data) = material::data("whisper_structural") {
        command.arg("--vocabulary").arg(data.join("for-tests-ggml-tiny.bin"));
    }
    // It prints a line for every clip.
    command.stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    let figures: Figures = serde_json::from_str(&std::fs::read_to_string(json)?)?;
    let what = "Whisper-shaped model, same file and clips under 5 s as pywhispercpp";
    report.at_least(&format!("{what}: same text"), figures.same, 1.0, "share");
    report.at_most(
        &format!("{what}: our processor time, its default settings"),
        figures.ours / figures.defaults,
        0.35,
        "x theirs",
    );
    report.at_most(
        &format!("{what}: our processor time, equal positions and threads"),
        figures.ours / figures.equal,
        1.0,
        "x theirs",
    );
    Ok(())
}

/// Both.
///
/// # Errors
/// Where a program fails; absent ones are no error.
pub fn peers(report: &mut Report) -> Result<()> {
    sherpa(report)?;
    whisper(report)
}
