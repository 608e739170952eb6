//! Whose word the voice is checked against: `tests/baselines/voice.py`, and espeak-ng's own echo.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use language::Language;
use speech::Clip;
use speech::codec::wav;

use crate::material::workspace;

/// The Python that has Praat and pypinyin; `None`, with a printed message, where it was not made.
pub(super) fn python() -> Option<PathBuf> {
    let python = workspace().join(".local/venv-voice/bin/python");
    if python.exists() {
        return Some(python);
    }
    println!(
        "skipped: no Praat and no pypinyin without {} (run tests/baselines/venv-voice.sh)",
        python.display()
    );
    None
}

/// What a program writes when it is given `input`.
fn output(command: &mut Command, input: String) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("{program} cannot be run"))?;
    let mut stdin = child.stdin.take().context("its input is closed")?;
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output()?;
    let written = writer.join();
    ensure!(output.status.success(), "{program} ended with {}", output.status);
    ensure!(matches!(written, Ok(Ok(()))), "{program} did not read its input");
    Ok(String::from_utf8(output.stdout)?)
}

/// Runs `voice.py`; its lines.
pub(super) fn script(python: &Path, arguments: &[&str], input: String) -> Result<Vec<String>> {
    let mut command = Command::new(python);
    command.arg(workspace().join("tests/baselines/voice.py")).args(arguments);
    Ok(output(&mut command, input)?.lines().map(str::to_owned).collect())
}

/// What espeak-ng echoes (`-x`) for each input, without stress marks, pauses and spaces. `data` is the folder of a voice of
/// ours.
pub(super) fn echo(data: &Path, voice: Language, inputs: &[String]) -> Result<Vec<String>> {
    let name = if voice == Language::Bo { "bo" } else { "cmn-latn-pinyin" };
    let mut command = Command::new("espeak-ng");
    command.arg(format!("--path={}", data.display())).args(["-v", name, "-x", "-q"]);
    let echo = output(&mut command, inputs.join("\n\n") + "\n")?;
    let plain = |line: &str| line.replace(['\'', ',', '|', '_', ':', ' '], "");
    Ok(echo.lines().map(plain).filter(|line| !line.is_empty()).collect())
}

/// Writes a clip as a 16-bit mono WAV file.
pub(super) fn write_wav(path: &Path, clip: &Clip) -> Result<()> {
    let wav = wav::encode(&clip.samples, clip.sample_rate)?;
    std::fs::write(path, wav).with_context(|| path.display().to_string())
}
