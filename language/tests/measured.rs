//! Figures on material that nobody in this project wrote (`../shared/data`, or wherever `DRILEN_DATA` points). Each test
//! prints its figure, fails below a floor that only a regression reaches, and skips where the material is absent.

use std::path::PathBuf;

use language::tibetan::lhasa::{Coda, LhasaSyllable, Onset, Style, Vowel, speak_phrase};
use language::tibetan::syllables;
use unicode_normalization::UnicodeNormalization as _;

fn material(path: &str) -> Option<String> {
    let root = std::env::var_os("DRILEN_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    let file = root.join("tibetan").join(path);
    match std::fs::read_to_string(&file) {
        Ok(text) => Some(text),
        Err(error) => {
            println!("skipped: {}: {error} (set DRILEN_DATA to the measuring data)", file.display());
            None
        }
    }
}

fn speak(word: &str) -> Vec<LhasaSyllable> {
    let syllables = syllables(word);
    let texts: Vec<&str> = syllables.iter().map(|s| s.text.as_str()).collect();
    speak_phrase(&texts, Style::Natural).concat()
}

/// A syllable in the broad IPA of [`broad`].
fn ipa(s: &LhasaSyllable) -> String {
    let onset = match s.onset {
        Onset::None => "",
        Onset::K => "k",
        Onset::Kh => "kʰ",
        Onset::Ky => "c",
        Onset::Khy => "cʰ",
        Onset::Ng => "ŋ",
        Onset::C => "tɕ",
        Onset::Ch => "tɕʰ",
        Onset::Ny => "ɲ",
        Onset::T => "t",
        Onset::Th => "tʰ",
        Onset::N => "n",
        Onset::P => "p",
        Onset::Ph => "pʰ",
        Onset::M => "m",
        Onset::Ts => "ts",
        Onset::Tsh => "tsʰ",
        Onset::W => "w",
        Onset::Sh => "ɕ",
        Onset::S => "s",
        Onset::Y => "j",
        Onset::R => "ʐ",
        Onset::L => "l",
        Onset::Lh => "ɬ",
        Onset::H => "h",
        Onset::Hr => "ʂ",
        Onset::Tr => "ʈʂ",
        Onset::Thr => "ʈʂʰ",
        Onset::F => "f",
    };
    let vowel = match s.vowel {
        Vowel::A => "a",
        Vowel::I => "i",
        Vowel::U => "u",
        Vowel::E => "e",
        Vowel::O => "o",
        Vowel::Ae => "ɛ",
        Vowel::Oe => "ø",
        Vowel::Ue => "y",
        Vowel::Ao => "ao",
        Vowel::Iu => "iu",
        Vowel::Ou => "ou",
    };
    let coda = match s.coda {
        Coda::Ng => "ŋ",
        Coda::N => "~",
        Coda::M => "m",
        Coda::P => "p",
        // Wiktionary writes ག, ད and ས as a glottal stop, length or nothing, and ར as length or nothing.
        Coda::None | Coda::K | Coda::R => "",
    };
    format!("{onset}{vowel}{coda}")
}

/// Wiktionary's IPA without tone, length, optional sounds and typographic variants.
fn broad(ipa: &str) -> String {
    let mut out = String::new();
    let mut optional = false;
    for c in ipa.nfd() {
        match c {
            '(' => optional = true,
            ')' => optional = false,
            '\u{303}' => out.push('~'),
            'ə' | 'ʌ' if !optional => out.push('a'),
            'ȵ' if !optional => out.push('ɲ'),
            'ʊ' if !optional => out.push('u'),
            'ɪ' if !optional => out.push('i'),
            'ŋ' | 'ɛ' | 'ø' | 'ɕ' | 'ʰ' | 'ʂ' | 'ʐ' | 'ʈ' | 'ɬ' | 'ɲ' if !optional => out.push(c),
            'a'..='z' if !optional => out.push(c),
            _ => {}
        }
    }
    out
}

/// Share of rows that pass, with the failures printed.
fn report(name: &str, passed: usize, failed: &[String]) -> f64 {
    let share = passed as f64 / (passed + failed.len()).max(1) as f64;
    println!("{name}: {passed} of {} ({:.1} %)", passed + failed.len(), share * 100.0);
    for row in failed {
        println!("    {row}");
    }
    share
}

#[test]
fn lhasa_sounds_agree_with_wiktionary() {
    let Some(table) = material("wiktionary_ipa/ipa_dev.tsv") else { return };
    let (mut passed, mut failed) = (0, Vec::new());
    for line in table.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let ours: String = speak(columns[0]).iter().map(ipa).collect();
        if columns[2].split('/').any(|theirs| broad(theirs) == ours) {
            passed += 1;
        } else {
            failed.push(format!("{} {} ({}), ours {ours}", columns[0], columns[2], broad(columns[2])));
        }
    }
    let share = report("segments of Wiktionary's words", passed, &failed);
    assert!(share > 0.6, "{share}");
}

#[test]
fn lhasa_tones_agree_with_wiktionary() {
    let Some(table) = material("wiktionary_ipa/ipa_dev.tsv") else { return };
    let (mut register, mut wrong_register, mut tone, mut wrong_tone) = (0, Vec::new(), 0, Vec::new());
    for line in table.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let ours = speak(columns[0]);
        let tones: Vec<char> = columns[2].chars().filter(|c| ('˥'..='˩').contains(c)).collect();
        if syllables(columns[0]).len() != 1 || ours.len() != 1 || tones.is_empty() || columns[2].contains('/') {
            continue;
        }
        let high = tones[0] == '˥';
        let falling = if high { tones.len() > 1 } else { tones.len() > 2 };
        if high == ours[0].high { register += 1 } else { wrong_register.push(format!("{} {}", columns[0], columns[2])) }
        if high == ours[0].high && falling == ours[0].falling {
            tone += 1;
        } else {
            wrong_tone.push(format!("{} {}", columns[0], columns[2]));
        }
    }
    let share = report("register of Wiktionary's monosyllables", register, &wrong_register);
    let exact = report("tone of Wiktionary's monosyllables", tone, &wrong_tone);
    assert!(share > 0.88 && exact > 0.75, "{share} {exact}");
}
