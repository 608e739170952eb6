//! Every syllable of real texts: it has a sound, an EWTS spelling that is read back, and a key that agrees with a published
//! romanisation. Skips where the measuring material is absent.

// Helpers of tests fail like tests.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use language::numbers::{self, Kind};
use language::tibetan::{Parts, from_ewts, normalize, syllables, to_ewts};
use language::{Dialect, Language, phonetic_key, pronunciations};
use support::{LEFT_OUT, material, report};

/// The Tibetan texts of the material, by name.
fn texts(names: &[&str]) -> Vec<String> {
    names.iter().filter_map(|name| material(name)).collect()
}

const PARALLEL: [&str; 4] =
    ["ntrex/dev.bod.txt", "udhr/udhr_bod.xml", "sib200/bod_Tibt/dev.tsv", "sib200/bod_Tibt/train.tsv"];

fn distinct_syllables(texts: &[String]) -> BTreeMap<String, usize> {
    let mut out = BTreeMap::new();
    for syllable in texts.iter().flat_map(|t| syllables(t)) {
        *out.entry(syllable.text).or_insert(0) += 1;
    }
    out
}

/// Letters and stacks that only loan words have, and why they are no syllables of Lhasa: they are listed, not failed.
fn foreign(syllable: &str) -> Option<&'static str> {
    let parts = Parts::parse(syllable);
    if syllable.contains(['ཊ', 'ཋ', 'ཌ', 'ཎ', 'ཥ', 'ྚ', 'ྛ', 'ྜ', 'ྞ', 'ྵ']) {
        return Some("retroflex letter of Sanskrit and of English loans");
    }
    if syllable.contains(['ཱ', 'ཻ', 'ཽ', 'ྀ', '྄', 'ཿ', 'ཾ', 'ྃ', 'ྂ'])
        || syllable.contains("ྷ") && !syllable.contains("ལྷ")
    {
        return Some("Sanskrit sign or aspirate");
    }
    (parts.len() > 1).then_some("a loan word's stack, or two syllables without the tsheg between them")
}

#[test]
fn every_syllable_of_real_texts_has_a_pronunciation() {
    let texts = texts(&PARALLEL);
    if texts.len() < PARALLEL.len() {
        return;
    }
    let all = distinct_syllables(&texts);
    let total: usize = all.values().sum();
    let mut loans: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let (mut spoken, mut silent, mut rare) = (0, Vec::new(), 0);
    for (syllable, count) in &all {
        let said = pronunciations(syllable, Language::Bo);
        let whole = said.iter().any(|p| p.dialect == Dialect::Lhasa && !p.phones.is_empty());
        match (whole, foreign(syllable)) {
            (true, None) => spoken += 1,
            (true, Some(reason)) => {
                loans.entry(reason).or_default().push(syllable);
                rare += count;
            }
            (false, _) => silent.push(format!("{syllable} ({count})")),
        }
    }
    println!("{} distinct syllables in {total}", all.len());
    for (reason, list) in &loans {
        println!("  spoken after their letters: {reason}: {} ({})", list.len(), list.join(" "));
    }
    let listed: usize = loans.values().map(Vec::len).sum();
    let share = report("syllables with a pronunciation", spoken + listed, &silent);
    assert!(silent.is_empty() && share >= 1.0, "{silent:?}");
    println!("the listed ones are {rare} of {total} syllables in running text");
    assert!((rare as f64) < 0.05 * total as f64, "running text is Tibetan's own: {rare} of {total}");
}

#[test]
fn every_syllable_of_real_texts_is_read_back_from_ewts() {
    let names: Vec<&str> = PARALLEL.into_iter().chain(["tncc_title/validation.txt"]).collect();
    let texts = texts(&names);
    if texts.len() < names.len() {
        return;
    }
    let (mut passed, mut failed, mut escaped) = (0, Vec::new(), Vec::new());
    for syllable in distinct_syllables(&texts).into_keys() {
        let ewts = to_ewts(&syllable);
        if from_ewts(&ewts).as_deref() == Ok(syllable.as_str()) {
            passed += 1;
        } else {
            failed.push(format!("{syllable} {ewts}"));
        }
        if ewts.contains('\\') {
            escaped.push(format!("{syllable} {ewts}"));
        }
    }
    let share = report("syllables read back from EWTS", passed, &failed);
    println!("without a spelling of their own: {escaped:?}");
    assert!(share >= 1.0 && escaped.len() < 20);
    for text in &texts {
        for line in text.lines() {
            let normal = normalize(line);
            assert_eq!(from_ewts(&to_ewts(&normal)).as_deref(), Ok(normal.as_str()));
        }
    }
}

#[test]
fn wiktionarys_own_transliteration_is_ours() {
    let Some(table) = material("wiktionary_ipa/ipa_dev.tsv") else { return };
    let (mut passed, mut failed) = (0, Vec::new());
    for line in table.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [tibetan, _, _, wylie] = columns.as_slice() else { continue };
        let normal = normalize(tibetan);
        let ours = to_ewts(normal.trim_end_matches('་'));
        if ours == wylie.trim() {
            passed += 1;
        } else {
            failed.push(format!("{tibetan}: {wylie}, ours {ours}"));
        }
    }
    let share = report("words in Wiktionary's Wylie", passed, &failed);
    assert!(share > 0.9, "{share}");
}

/// Which pairs of syllables share the romanisation and which the key: (both, romanisation only, key only).
fn pairs(rows: &[(String, String, String)]) -> (usize, Vec<String>, Vec<String>) {
    let (mut both, mut alike, mut keyed) = (0, Vec::new(), Vec::new());
    for (i, a) in rows.iter().enumerate() {
        for b in &rows[i + 1..] {
            let pair = || format!("{} {} [{}], {} {} [{}]", a.0, a.1, a.2, b.0, b.1, b.2);
            match (a.1 == b.1, a.2 == b.2) {
                (true, true) => both += 1,
                (true, false) => alike.push(pair()),
                (false, true) => keyed.push(pair()),
                (false, false) => {}
            }
        }
    }
    (both, alike, keyed)
}

#[test]
fn syllables_that_are_romanised_alike_share_a_key() {
    let Some(table) = material("phonetics/cases_dev.tsv") else { return };
    let mut seen = BTreeSet::new();
    let mut rows = Vec::new();
    for line in table.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [file, setting, tibetan, romanised, ..] = columns.as_slice() else { continue };
        let digits = romanised.contains(|c: char| c.is_ascii_digit());
        let other_rules = *setting != "english-semi-strict" || LEFT_OUT.iter().any(|f| file.contains(f));
        if other_rules
            || digits
            || syllables(tibetan).len() != 1
            || !seen.insert(normalize(tibetan.trim_end_matches('་')))
        {
            continue;
        }
        rows.push(((*tibetan).to_owned(), (*romanised).to_owned(), phonetic_key(tibetan).join(" ")));
    }
    let (both, alike, keyed) = pairs(&rows);
    println!("{} syllables", rows.len());
    let recall = report("pairs romanised alike share a key", both, &alike);
    let precision = report("pairs that share a key are romanised alike", both, &keyed);
    assert!(recall >= 0.95 && precision >= 0.9, "{recall} {precision}");
}

#[test]
fn dates_of_parallel_news_have_one_form_in_both_languages() {
    let (Some(tibetan), Some(chinese)) = (material("ntrex/dev.bod.txt"), material("ntrex/dev.zho-CN.txt"))
    else {
        return;
    };
    let (mut passed, mut failed) = (0, Vec::new());
    for (tibetan, chinese) in tibetan.lines().zip(chinese.lines()) {
        let dates = |text: &str| -> Vec<String> {
            let found = numbers::find(text).into_iter().filter(|n| n.kind == Kind::Date);
            found.map(|n| n.canonical).collect()
        };
        let theirs = dates(tibetan);
        for date in dates(chinese) {
            if theirs.contains(&date) {
                passed += 1;
            } else {
                failed.push(format!("{date}, in Tibetan {theirs:?}"));
            }
        }
    }
    // The translators differ in some themselves (November and January).
    let share = report("dates of Chinese news found in its Tibetan translation", passed, &failed);
    assert!(share > 0.88, "{share}");
}
