//! Figures on material that nobody in this project wrote (`../shared/data`, or wherever `DRILEN_DATA` points). Each test
//! prints its figure, fails below a floor that only a regression reaches, and skips where the material is absent.

// Helpers of tests fail like tests.
#![allow(clippy::unwrap_used)]

mod support;

use language::tibetan::lhasa::{Coda, LhasaSyllable, Onset, Style, Vowel, speak_phrase};
use language::tibetan::{Parts, strip_affixes, syllables};
use support::{LEFT_OUT, material, report};
use unicode_normalization::UnicodeNormalization as _;

fn speak(word: &str) -> Vec<LhasaSyllable> {
    let syllables = syllables(word);
    let texts: Vec<&str> = syllables.iter().map(|s| s.text.as_str()).collect();
    speak_phrase(&texts, Style::Natural, false).concat()
}

/// What the product itself writes for a syllable, as broadly as [`broad`] reads Wiktionary: ག, ད and ས at the end stand there as
/// a glottal stop, length or nothing, and ར as length or nothing.
fn ipa(s: LhasaSyllable) -> String {
    broad(&s.ipa())
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
            'a'..='z' | 'ŋ' | 'ɛ' | 'ø' | 'ɕ' | 'ʰ' | 'ʂ' | 'ʐ' | 'ʈ' | 'ɬ' | 'ɲ' if !optional => {
                out.push(c);
            }
            _ => {}
        }
    }
    out
}

/// A row of `syllable_parts`: prefix, superscript, root, subscript, vowel, suffix, second suffix, affix.
fn parts_row(columns: &[&str]) -> Option<Vec<String>> {
    columns.get(1..8).map(|c| c.iter().map(|s| (*s).to_owned()).collect())
}

#[test]
fn syllables_come_apart_as_the_grammar_says() {
    let Some(table) = material("syllable_parts/cases_dev.tsv") else { return };
    let (mut passed, mut failed) = (0, Vec::new());
    for line in table.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let Some(theirs) = parts_row(&columns) else { continue };
        let text: String = syllables(columns[0]).into_iter().map(|s| s.text).collect();
        let all = Parts::parse(&text);
        let letter = |c: Option<char>| c.map(String::from).unwrap_or_default();
        let ours = all.first().map(|p| {
            let affix = p.affixes.first().cloned();
            let below = |c: Option<char>| c.and_then(|c| char::from_u32(c as u32 + 0x50));
            vec![
                letter(p.prefix),
                letter(p.superscript),
                p.root.to_string(),
                letter(below(p.subscript)),
                letter(p.vowel),
                affix.unwrap_or_else(|| letter(p.suffix)),
                letter(p.second_suffix),
            ]
        });
        if all.len() == 1 && ours.as_ref() == Some(&theirs) {
            passed += 1;
        } else {
            failed.push(format!("{}: {theirs:?}, ours {ours:?}", columns[0]));
        }
    }
    let share = report("syllables taken apart", passed, &failed);
    assert!(share > 0.9, "{share}");
}

#[test]
fn affixes_are_stripped_as_lucene_does() {
    let Some(table) = material("lucene_bo/affix_cases.tsv") else { return };
    let (mut passed, mut failed) = (0, Vec::new());
    for line in table.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        // The rules for Old Tibetan are left out on purpose: they do harm to today's texts.
        if columns.get(2).is_some_and(|old| !old.is_empty()) {
            continue;
        }
        let ours = strip_affixes(columns[0]);
        if ours == columns[1] {
            passed += 1;
        } else {
            failed.push(format!("{line}: ours {ours}"));
        }
    }
    let share = report("affixes stripped", passed, &failed);
    assert!(share > 0.95, "{share}");
}

#[test]
fn lucenes_other_cases_pass() {
    let Some(table) = material("lucene_bo/other_cases.tsv") else { return };
    for line in table.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let ours: Vec<String> = match columns[0] {
            "affix+paba" => language::syllables(columns[1]).into_iter().map(|u| u.key).collect(),
            // No stop words here: on short queries they do harm.
            "stop words" => continue,
            _ => syllables(columns[1]).into_iter().map(|s| s.text).collect(),
        };
        assert_eq!(ours.join(" "), columns[2], "{}", columns[0]);
    }
}

/// A romanisation without the distinctions that conventions differ in: voice, aspiration, accents, length.
fn skeleton(romanised: &str) -> String {
    let plain: String =
        romanised.nfd().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase()).collect();
    let mut out = plain
        .replace("kh", "k")
        .replace("th", "t")
        .replace("ph", "p")
        .replace("tsh", "ts")
        .replace("dz", "ts");
    for (from, to) in
        [("ng", "N"), ("ny", "Y"), ("ch", "C"), ("sh", "S"), ("zh", "S"), ("lh", "l"), ("hr", "S")]
    {
        out = out.replace(from, to);
    }
    let folded: String = out
        .chars()
        .map(|c| match c {
            'g' => 'k',
            'd' => 't',
            'b' => 'p',
            'j' => 'C',
            'z' => 's',
            'w' => 'w',
            other => other,
        })
        .collect();
    folded.replace("ts", "Z")
}

fn romanised(s: LhasaSyllable) -> String {
    let onset = match s.onset {
        Onset::None => "",
        Onset::K | Onset::Kh => "k",
        Onset::Ky | Onset::Khy => "ky",
        Onset::Ng => "ng",
        Onset::C | Onset::Ch => "ch",
        Onset::Ny => "ny",
        Onset::T | Onset::Th => "t",
        Onset::N => "n",
        Onset::P | Onset::Ph => "p",
        Onset::M => "m",
        Onset::Ts | Onset::Tsh => "ts",
        Onset::W => "w",
        Onset::Sh | Onset::Hr => "sh",
        Onset::S => "s",
        Onset::Y => "y",
        Onset::R => "r",
        Onset::L | Onset::Lh => "l",
        Onset::H => "h",
        Onset::Tr | Onset::Thr => "tr",
        Onset::F => "f",
    };
    let vowel = match s.vowel {
        Vowel::A => "a",
        Vowel::I => "i",
        Vowel::U | Vowel::Ue => "u",
        Vowel::E | Vowel::Ae => "e",
        Vowel::O | Vowel::Oe => "o",
        Vowel::Ao => "ao",
        Vowel::Iu => "iu",
        Vowel::Ou => "ou",
    };
    let coda = match s.coda {
        Coda::None => "",
        Coda::Ng => "ng",
        Coda::N => "n",
        Coda::M => "m",
        Coda::P => "p",
        Coda::K => "k",
        Coda::R => "r",
    };
    format!("{onset}{vowel}{coda}")
}

#[test]
fn phrases_sound_roughly_as_an_english_romanisation_writes_them() {
    let Some(table) = material("phonetics/cases_dev.tsv") else { return };
    let (mut passed, mut failed) = (0, Vec::new());
    for line in table.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [file, setting, tibetan, converted, ..] = columns.as_slice() else { continue };
        if *setting != "english-semi-strict"
            || LEFT_OUT.iter().any(|f| file.contains(f))
            || tibetan.is_empty()
        {
            continue;
        }
        let ours = skeleton(&speak(tibetan).into_iter().map(romanised).collect::<String>());
        let theirs = skeleton(converted);
        // l is silent here and written there.
        if ours == theirs || ours.replace('l', "") == theirs.replace('l', "") {
            passed += 1;
        } else {
            failed.push(format!("{tibetan}: {converted} ({theirs}), ours {ours}"));
        }
    }
    let share = report("phrases against an English romanisation", passed, &failed);
    assert!(share > 0.5, "{share}");
}

/// Where a title is found by its first six syllables, with `terms` of either: share at rank 1 to 3 under TF-IDF cosine.
fn recall_of_titles(titles: &[Vec<String>], queries: &[Vec<String>]) -> f64 {
    use std::collections::HashMap;
    let grams = |terms: &[String]| -> Vec<String> {
        terms.iter().cloned().chain(terms.windows(2).map(|w| w.join("+"))).collect()
    };
    let mut postings: HashMap<String, Vec<(usize, f64)>> = HashMap::new();
    let mut lengths = vec![0.0; titles.len()];
    for (i, title) in titles.iter().enumerate() {
        let mut counts: HashMap<String, f64> = HashMap::new();
        for gram in grams(title) {
            *counts.entry(gram).or_default() += 1.0;
        }
        for (gram, n) in counts {
            postings.entry(gram).or_default().push((i, n));
        }
    }
    let idf = |list: &[(usize, f64)]| (titles.len() as f64 / list.len() as f64).ln() + 0.1;
    for list in postings.values() {
        for (i, n) in list {
            lengths[*i] += (n * idf(list)).powi(2);
        }
    }
    let mut found = 0;
    for (i, query) in queries.iter().enumerate() {
        let mut scores = vec![0.0; titles.len()];
        for gram in grams(query) {
            if let Some(list) = postings.get(&gram) {
                for (title, n) in list {
                    scores[*title] += n * idf(list).powi(2) / f64::sqrt(lengths[*title]);
                }
            }
        }
        let better = scores.iter().filter(|s| **s > scores[i]).count();
        found += usize::from(scores[i] > 0.0 && better < 3);
    }
    found as f64 / queries.len() as f64
}

#[test]
fn titles_are_found_by_their_beginning_even_with_homophones() {
    let Some(table) = material("tncc_title/validation.txt") else { return };
    let titles: Vec<Vec<String>> = table
        .lines()
        .filter_map(|l| l.split_once('\t'))
        .map(|(_, t)| syllables(t).into_iter().map(|s| s.text).collect::<Vec<_>>())
        .filter(|t| t.len() > 6)
        .collect();
    // Homophones: other syllables of these titles with the very same sound.
    let mut same: std::collections::BTreeMap<String, Vec<&String>> = std::collections::BTreeMap::new();
    for syllable in titles.iter().flatten().collect::<std::collections::BTreeSet<_>>() {
        same.entry(speak(syllable).into_iter().map(ipa).collect()).or_default().push(syllable);
    }
    let mut seed = 1_u64;
    let mut random = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize
    };
    let clean: Vec<Vec<String>> = titles.iter().map(|t| t[..6].to_vec()).collect();
    let noisy: Vec<Vec<String>> = clean
        .iter()
        .map(|t| {
            t.iter()
                .map(|s| {
                    let others = &same[&speak(s).into_iter().map(ipa).collect::<String>()];
                    if random() % 10 < 3 { others[random() % others.len()].clone() } else { s.clone() }
                })
                .collect()
        })
        .collect();
    let keys = |all: &[Vec<String>]| -> Vec<Vec<String>> {
        all.iter().map(|t| language::syllables(&t.join("་")).into_iter().map(|u| u.key).collect()).collect()
    };
    let sounds = |all: &[Vec<String>]| -> Vec<Vec<String>> {
        all.iter().map(|t| language::phonetic_key(&t.join("་"))).collect()
    };
    let figures = [
        recall_of_titles(&keys(&titles), &keys(&clean)),
        recall_of_titles(&keys(&titles), &keys(&noisy)),
        recall_of_titles(&sounds(&titles), &sounds(&clean)),
        recall_of_titles(&sounds(&titles), &sounds(&noisy)),
    ];
    println!(
        "{} titles by six syllables, recall at 3: keys {:.3}, with homophones {:.3}; sounds {:.3}, {:.3}",
        titles.len(),
        figures[0],
        figures[1],
        figures[2],
        figures[3]
    );
    assert!(figures[0] > 0.9 && figures[2] > 0.9 && figures[3] > figures[1], "{figures:?}");
}

#[test]
fn lhasa_sounds_agree_with_wiktionary() {
    let Some(table) = material("wiktionary_ipa/ipa_dev.tsv") else { return };
    let (mut passed, mut failed) = (0, Vec::new());
    let (mut short, mut wrong_short) = (0, Vec::new());
    for line in table.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let ours: String = speak(columns[0]).into_iter().map(ipa).collect();
        let right = columns[2].split('/').any(|theirs| broad(theirs) == ours);
        let row = || format!("{} {} ({}), ours {ours}", columns[0], columns[2], broad(columns[2]));
        if right {
            passed += 1;
        } else {
            failed.push(row());
        }
        if syllables(columns[0]).len() == 1 {
            if right {
                short += 1;
            } else {
                wrong_short.push(row());
            }
        }
    }
    let share = report("segments of Wiktionary's words", passed, &failed);
    let monosyllables = report("segments of Wiktionary's monosyllables", short, &wrong_short);
    assert!(share > 0.8 && monosyllables >= 0.85, "{share} {monosyllables}");
}

/// A tone as both sides have it: whether the register is high, and whether the contour falls.
type Tone = (bool, bool);

/// A monosyllable of Wiktionary with the tones it is given; where there are two ways to say it, either is right.
struct Toned {
    word: String,
    ipa: String,
    parts: Parts,
    theirs: Vec<Tone>,
    ours: Tone,
}

fn toned_monosyllables(table: &str) -> Vec<Toned> {
    let class = |way: &str| -> Option<Tone> {
        let letters: Vec<char> = way.chars().filter(|c| ('˥'..='˩').contains(c)).collect();
        let high = *letters.first()? == '˥';
        Some((high, if high { letters.len() > 1 } else { letters.len() > 2 }))
    };
    let row = |line: &str| {
        let columns: Vec<&str> = line.split('\t').collect();
        let theirs: Vec<Tone> = columns[2].split('/').filter_map(class).collect();
        let [written] = syllables(columns[0]).try_into().ok()?;
        let [parts] = Parts::parse(&written.text).try_into().ok()?;
        let [spoken] = speak(columns[0]).try_into().ok()?;
        (!theirs.is_empty()).then(|| Toned {
            word: written.text,
            ipa: columns[2].to_owned(),
            parts,
            theirs,
            ours: (spoken.high, spoken.falling),
        })
    };
    table.lines().skip(1).filter_map(row).collect()
}

#[test]
fn lhasa_tones_agree_with_wiktionary() {
    let Some(table) = material("wiktionary_ipa/ipa_dev.tsv") else { return };
    let rows = toned_monosyllables(&table);
    let figure = |name: &str, right: &dyn Fn(&Toned) -> bool| {
        let wrong: Vec<String> =
            rows.iter().filter(|r| !right(r)).map(|r| format!("{} {}", r.word, r.ipa)).collect();
        report(name, rows.len() - wrong.len(), &wrong)
    };
    let share =
        figure("register of Wiktionary's monosyllables", &|r| r.theirs.iter().any(|t| t.0 == r.ours.0));
    let exact = figure("tone of Wiktionary's monosyllables", &|r| r.theirs.contains(&r.ours));
    assert!(share >= 0.95 && exact >= 0.87, "{share} {exact}");
}

/// The contour follows from how a syllable ends. This is why the exact tone stops where it does: Wiktionary itself gives
/// both contours to syllables with the same ending, and the rule already takes the more frequent one everywhere.
#[test]
fn no_other_contour_by_ending_would_agree_with_wiktionary_better() {
    let Some(table) = material("wiktionary_ipa/ipa_dev.tsv") else { return };
    let rows = toned_monosyllables(&table);
    let mut endings: std::collections::BTreeMap<String, Vec<&Toned>> = std::collections::BTreeMap::new();
    for row in &rows {
        let ending = row.parts.suffix.into_iter().chain(row.parts.second_suffix).collect();
        endings.entry(ending).or_default().push(row);
    }
    let mut most = 0;
    for (ending, rows) in &endings {
        let agree = |falling: bool| rows.iter().filter(|r| r.theirs.iter().any(|t| t.1 == falling)).count();
        let (level, falling) = (agree(false), agree(true));
        let ours = rows.iter().filter(|r| r.theirs.iter().any(|t| t.1 == r.ours.1)).count();
        println!("ending {ending:>2}: level {level}, falling {falling}, as the rule has it {ours}");
        assert!(ours >= level.max(falling), "{ending}");
        most += level.max(falling);
    }
    println!("contour of Wiktionary's monosyllables by ending: at most {most} of {}", rows.len());
}

/// Present stems in འ and a voiced letter with the past stem in བ and a voiceless one.
///
/// Source: the paradigms of the Tibetan grammars (*dag-yig*); common verbs of that class, whether Wiktionary has them or not.
const VOICELESS_PASTS: [(&str, &str); 21] = [
    ("འདིང", "བཏིང"),
    ("འདེབས", "བཏབ"),
    ("འདོན", "བཏོན"),
    ("འདོགས", "བཏགས"),
    ("འདེགས", "བཏེགས"),
    ("འདུལ", "བཏུལ"),
    ("འདུད", "བཏུད"),
    ("འཇུག", "བཅུག"),
    ("འཛུགས", "བཙུགས"),
    ("འཛུམ", "བཙུམས"),
    ("འཛུད", "བཙུད"),
    ("འགེགས", "བཀག"),
    ("འགོག", "བཀག"),
    ("འགེངས", "བཀང"),
    ("འགེལ", "བཀལ"),
    ("འགུག", "བཀུག"),
    ("འགོད", "བཀོད"),
    ("འགྲོལ", "བཀྲོལ"),
    ("འགྲེལ", "བཀྲལ"),
    ("འགྲེམས", "བཀྲམ"),
    ("འགེབས", "བཀབ"),
];

/// Other rules for the tone that were tried, with what they would give. None is kept: the first three agree less. The
/// last is what Lhasa people do when they talk: most verbs have one stem left, the past one, and Wiktionary gives the
/// sound of that (འདེབས as *təp*, from བཏབ). But who reads a text out, as the voice does, says the stem that is written; and
/// the tone of one stem on the vowel of the other (*tep* with the tone of *təp*) is what nobody says.
#[test]
fn other_rules_for_the_tone_that_were_tried() {
    let Some(table) = material("wiktionary_ipa/ipa_dev.tsv") else { return };
    let rows = toned_monosyllables(&table);
    let nasal = |p: &Parts| matches!(p.suffix, Some('ང' | 'མ' | 'ན'));
    let figure = |name: &str, tone: &dyn Fn(&Toned) -> Tone| {
        let right = rows.iter().filter(|r| r.theirs.contains(&tone(r))).count();
        println!("tone of Wiktionary's monosyllables, {name}: {right} of {}", rows.len());
        right
    };
    let kept = figure("as it is", &|r| r.ours);
    let others = [
        figure("level where a nasal stands before ས", &|r| (r.ours.0, r.ours.1 && !nasal(&r.parts))),
        figure("falling in low syllables that end in a nasal", &|r| {
            (r.ours.0, r.ours.1 || (!r.ours.0 && nasal(&r.parts)))
        }),
        figure("level where two suffixes stand", &|r| {
            (r.ours.0, r.ours.1 && r.parts.second_suffix.is_none())
        }),
    ];
    assert!(others.iter().all(|other| *other < kept), "{others:?}");
    figure("verbs with their past stem's tone", &|r| {
        let past = VOICELESS_PASTS.iter().find(|(present, _)| *present == r.word);
        past.map_or(r.ours, |(_, past)| speak(past).first().map_or(r.ours, |s| (s.high, s.falling)))
    });
}
