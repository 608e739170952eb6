//! What espeak-ng makes of our input: a mnemonic that its table lacks silently drops the rest of a word, so that every
//! syllable in use is fed to the real program and compared with what it echoes. Skips where espeak-ng is not installed.

// Helpers of tests fail like tests.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use language::mandarin::PinyinSyllable;
use language::{Language, speech_plan};

/// The voice file of `language::voice`.
const VOICE: &str = "name Tibetan (Lhasa)\nlanguage bo\nphonemes cmn\ndictionary cmn\npitch 80 180\n";

fn installed_data() -> Option<PathBuf> {
    let Ok(output) = Command::new("espeak-ng").arg("--version").output() else {
        println!("skipped: espeak-ng is not installed");
        return None;
    };
    let version = String::from_utf8_lossy(&output.stdout).into_owned();
    let path = version.split("Data at:").nth(1).map(|p| PathBuf::from(p.trim()));
    path.filter(|p| p.is_dir())
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A copy of espeak-ng's data with the Tibetan voice in it; removed when dropped.
struct Voices(PathBuf);

impl Voices {
    fn new() -> Option<Self> {
        let installed = installed_data()?;
        let nonce = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
        let home = std::env::temp_dir().join(format!("language-espeak-{}-{nonce}", std::process::id()));
        let data = home.join("espeak-ng-data");
        copy(&installed, &data);
        std::fs::write(data.join("lang/sit/bo"), VOICE).unwrap();
        Some(Self(home))
    }

    /// What espeak-ng echoes for each line, stress marks and pauses left out.
    fn echo(&self, language: Language, lines: &[String]) -> Vec<String> {
        let voice = if language == Language::Bo { "bo" } else { "cmn-latn-pinyin" };
        let mut path = std::ffi::OsString::from("--path=");
        path.push(&self.0);
        let mut child = Command::new("espeak-ng")
            .arg(path)
            .args(["-v", voice, "-x", "-q"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = lines.join("\n\n") + "\n";
        let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap().unwrap();
        let echo = String::from_utf8(output.stdout).unwrap();
        echo.lines()
            .map(str::trim)
            .filter(|l| !l.is_empty())
            .map(|l| l.replace(['\'', '|', '_', ':'], ""))
            .collect()
    }
}

impl Drop for Voices {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn every_lhasa_syllable_is_echoed_whole() {
    let Some(voices) = Voices::new() else { return };
    let mnemonics = support::every_mnemonic();
    let lines: Vec<String> = mnemonics.iter().map(|m| format!("[[{m}]]")).collect();
    assert_eq!(voices.echo(Language::Bo, &lines), mnemonics);
}

/// Syllables in an echo of Mandarin: each has one tone.
fn tones(echo: &str) -> usize {
    let digits: Vec<bool> = echo.chars().map(|c| c.is_ascii_digit()).collect();
    (0..digits.len()).filter(|&i| digits[i] && (i == 0 || !digits[i - 1])).count()
}

#[test]
fn every_mandarin_syllable_is_echoed_as_one_and_no_two_alike() {
    let Some(voices) = Voices::new() else { return };
    let mut syllables = BTreeSet::new();
    let tables = [include_str!("../data/phrases.tsv"), include_str!("../data/phrases_extra.tsv")];
    for reading in tables
        .iter()
        .flat_map(|t| t.lines())
        .filter_map(|l| l.split_once('\t'))
        .flat_map(|(_, r)| r.split(' '))
    {
        syllables.insert(PinyinSyllable::parse(reading).unwrap().letters);
    }
    for c in '一'..='龥' {
        syllables.extend(language::mandarin::readings(c).into_iter().map(|s| s.letters));
    }
    assert!(syllables.len() > 390, "{}", syllables.len());
    let numbered: Vec<String> =
        syllables.iter().flat_map(|s| (1..=5).map(move |t| format!("{s}{t}"))).collect();
    let echo = voices.echo(Language::Zh, &numbered);
    assert_eq!(echo.len(), numbered.len());
    let wrong: Vec<_> =
        numbered.iter().zip(&echo).filter(|(_, e)| tones(e) != 1 || e.contains("(en)")).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    let distinct: BTreeSet<&String> = echo.iter().step_by(5).collect();
    assert_eq!(distinct.len(), syllables.len(), "two syllables sound alike");
}

#[test]
fn sentences_in_both_languages_keep_every_syllable() {
    let Some(voices) = Voices::new() else { return };
    let texts = [
        (Language::Zh, "您好，我想问一下，养老保险一共要交多少年？不会的。"),
        (Language::Zh, "请在2023年5月1日前到1楼办理，电话0891-6812345，费用¥1,200。"),
        (Language::Bo, "ངའི་མིང་ལ་བཀྲ་ཤིས་ཟེར། ཁྱེད་རང་བདེ་པོ་ཡིན་པས།"),
        (Language::Bo, "ལོ་60ལོན་ན་养老金སྒོར་300ཐོབ། ཁ་པར་12345ལ་གཏོང་།"),
    ];
    for (language, text) in texts {
        for segment in speech_plan(text, language) {
            let echo = voices.echo(segment.voice, std::slice::from_ref(&segment.input)).join(" ");
            let expected = tones(&segment.input.replace("[[", "").replace("]]", ""));
            assert_eq!(tones(&echo), expected, "{} said as {echo}", segment.input);
        }
    }
}
