//! Are characters read as pypinyin reads them, and is no Tibetan sound lost on the way to espeak-ng?

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use language::mandarin::{self, PinyinSyllable};
use language::voice::Sound;
use language::{FallBackKind, Language, Rendition, Script, script};
use rand::seq::SliceRandom as _;
use rand::{SeedableRng as _, rngs::StdRng};
use speech::synthesizer::{EspeakSettings, EspeakVoice};

use super::others;
use crate::bench::Report;
use crate::material::{data, workspace};

/// How many sentences are compared.
const SENTENCES: usize = 500;
/// The seed that they are drawn with.
const SEED: u64 = 2026;

/// A character with its reading.
type Read = (char, String);

/// Pinyin of 500 sentences with polyphones against pypinyin: news, read sentences and questions to a government, drawn by
/// chance from all that contain a character which pypinyin itself reads in two ways in this material.
///
/// # Errors
/// Where pypinyin or the table of differences cannot be read.
pub fn chinese(report: &mut Report) -> Result<()> {
    let (Some(python), Some(news), Some(read), Some(asked)) =
        (others::python(), data("tibetan/ntrex"), data("zh_sentences"), data("faq_gov"))
    else {
        return Ok(());
    };
    let mut pool: BTreeSet<String> = BTreeSet::new();
    pool.extend(column(&news.join("dev.zho-CN.txt"), 0, 0)?);
    pool.extend(column(&read.join("transcripts.tsv"), 2, 1)?);
    pool.extend(column(&asked.join("faq_entries.tsv"), 1, 1)?);
    pool.extend(column(&asked.join("queries_dev.tsv"), 0, 1)?);
    let all = compare(&python, &pool)?;
    let mut ways: HashMap<char, BTreeSet<&str>> = HashMap::new();
    for (c, theirs) in all.iter().flat_map(|s| &s.theirs) {
        ways.entry(*c).or_default().insert(theirs);
    }
    let polyphone = |(c, _): &Read| ways.get(c).is_some_and(|w| w.len() > 1);
    let mut drawn: Vec<&Compared> = all.iter().filter(|s| s.theirs.iter().any(polyphone)).collect();
    ensure!(drawn.len() >= SENTENCES, "only {} sentences have a polyphone", drawn.len());
    drawn.shuffle(&mut StdRng::seed_from_u64(SEED));
    drawn.truncate(SENTENCES);

    let table = Differences::read()?;
    let mut counts = Counts::default();
    for sentence in &drawn {
        counts.add(sentence, &table);
    }
    println!(
        "{} syllables in {SENTENCES} sentences; neither equal nor listed: {:?}",
        counts.syllables, counts.unlisted
    );
    let share = |n: usize| n as f64 / counts.syllables as f64;
    report.at_least(
        "Pinyin of 500 sentences with polyphones: syllables equal to pypinyin's",
        share(counts.equal),
        0.995,
        "share",
    );
    report.at_most(
        "… that differ, where a dictionary says that ours is right",
        share(counts.listed),
        0.005,
        "share",
    );
    report.at_most("… that differ otherwise", counts.unlisted.len() as f64, 0.0, "syllables");
    report.tell(
        "Pinyin of all sentences of that material: syllables equal to pypinyin's",
        equal_share(&all),
        "share",
    );
    elsewhere(&python, report)
}

/// The same on other material, questions to a bank and sentences of an encyclopedia: looked at once, when a dozen phrases were added, and not since.
fn elsewhere(python: &Path, report: &mut Report) -> Result<()> {
    let (Some(bank), Some(topics)) = (data("faq_bank"), data("tibetan/sib200/zho_Hans")) else {
        return Ok(());
    };
    let mut pool: BTreeSet<String> = BTreeSet::new();
    pool.extend(column(&bank.join("queries_dev.tsv"), 0, 1)?);
    for name in ["dev.tsv", "train.tsv"] {
        pool.extend(column(&topics.join(name), 2, 1)?);
    }
    let all = compare(python, &pool)?;
    report.tell(
        "Pinyin of other material (bank questions, sib200): syllables equal to pypinyin's",
        equal_share(&all),
        "share",
    );
    Ok(())
}

/// A column of a table without its first `skip` lines.
fn column(path: &Path, column: usize, skip: usize) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let cells = text.lines().skip(skip).filter_map(|line| line.split('\t').nth(column));
    Ok(cells.map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect())
}

/// A sentence's characters with both readings, one for one.
struct Compared {
    ours: Vec<Read>,
    theirs: Vec<Read>,
}

/// Reads every sentence both ways; those that cannot be aligned (characters that pypinyin does not know) are left out.
fn compare(python: &Path, pool: &BTreeSet<String>) -> Result<Vec<Compared>> {
    let input = pool.iter().map(|s| s.replace('\n', " ") + "\n").collect::<String>();
    let lines = others::script(python, &["pinyin"], input)?;
    ensure!(lines.len() == pool.len(), "pypinyin read {} of {} sentences", lines.len(), pool.len());
    let mut out = Vec::new();
    for (sentence, line) in pool.iter().zip(lines) {
        let theirs: Vec<Read> = serde_json::from_str(&line)?;
        let theirs: Vec<Read> = theirs.into_iter().map(|(c, syllable)| (c, cited(c, syllable))).collect();
        let ours = ours(sentence);
        if ours.iter().map(|r| r.0).eq(theirs.iter().map(|r| r.0)) {
            out.push(Compared { ours, theirs });
        }
    }
    Ok(out)
}

/// 一 and 不 with the tones of a dictionary: pypinyin's phrases have sandhi in some places.
fn cited(c: char, syllable: String) -> String {
    match (c, syllable.trim_end_matches(|c: char| c.is_ascii_digit())) {
        ('一', "yi") => "yi1".to_owned(),
        ('不', "bu") => "bu4".to_owned(),
        _ => syllable,
    }
}

/// Our readings before sandhi, of a sentence's Chinese characters.
fn ours(sentence: &str) -> Vec<Read> {
    let mut out = Vec::new();
    for run in script::runs(sentence).into_iter().filter(|r| r.script == Script::Han) {
        let han = &sentence[run.range];
        for reading in mandarin::read(han) {
            let said = reading.choices.first().into_iter().flatten().map(PinyinSyllable::numbered).collect();
            out.extend(han[reading.range].chars().next().map(|c| (c, said)));
        }
    }
    out
}

fn equal_share(all: &[Compared]) -> f64 {
    let pairs = || all.iter().flat_map(|s| s.ours.iter().zip(&s.theirs));
    pairs().filter(|(a, b)| a == b).count() as f64 / pairs().count() as f64
}

/// `tests/data/pinyin_differences.tsv`: where ours differs from pypinyin and a dictionary says that ours is right.
struct Differences(Vec<Difference>);

struct Difference {
    /// Characters around the one that differs, and which of them it is.
    words: Vec<char>,
    at: usize,
    ours: String,
    theirs: String,
}

impl Differences {
    fn read() -> Result<Self> {
        let path = workspace().join("tests/data/pinyin_differences.tsv");
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let rows = text.lines().filter(|l| !l.starts_with('#')).map(|line| {
            let columns: Vec<&str> = line.split('\t').collect();
            let [words, at, ours, theirs, source] = columns.as_slice() else {
                anyhow::bail!("five columns are wanted in {line:?}")
            };
            ensure!(!source.is_empty(), "a source is wanted in {line:?}");
            Ok(Difference {
                words: words.chars().collect(),
                at: at.parse()?,
                ours: (*ours).to_owned(),
                theirs: (*theirs).to_owned(),
            })
        });
        Ok(Self(rows.collect::<Result<_>>()?))
    }

    fn lists(&self, sentence: &Compared, i: usize) -> bool {
        self.0.iter().any(|d| {
            let from = i.checked_sub(d.at);
            let around = from.and_then(|from| sentence.ours.get(from..from + d.words.len()));
            around.is_some_and(|a| a.iter().map(|r| r.0).eq(d.words.iter().copied()))
                && sentence.ours[i].1 == d.ours
                && sentence.theirs[i].1 == d.theirs
        })
    }
}

#[derive(Default)]
struct Counts {
    syllables: usize,
    equal: usize,
    listed: usize,
    unlisted: Vec<String>,
}

impl Counts {
    fn add(&mut self, sentence: &Compared, table: &Differences) {
        for (i, (ours, theirs)) in sentence.ours.iter().zip(&sentence.theirs).enumerate() {
            self.syllables += 1;
            if ours == theirs {
                self.equal += 1;
            } else if table.lists(sentence, i) {
                self.listed += 1;
            } else {
                let around = sentence.ours[i.saturating_sub(4)..(i + 5).min(sentence.ours.len())].iter();
                let words: String = around.map(|r| r.0).collect();
                self.unlisted.push(format!("{words}: {} {}, pypinyin {}", ours.0, ours.1, theirs.1));
            }
        }
    }
}

/// Tibetan words and syllables as espeak-ng echoes them: none of their phonemes may be dropped.
///
/// # Errors
/// Where espeak-ng fails.
pub fn tibetan(report: &mut Report) -> Result<()> {
    let home = tempfile::tempdir()?;
    // Making a voice prepares the data that espeak-ng reads.
    EspeakVoice::new(EspeakSettings::default(), home.path())?;
    if let Some(folder) = data("tibetan/wiktionary_ipa") {
        let mut words: BTreeSet<String> = BTreeSet::new();
        for table in std::fs::read_dir(&folder)?.filter_map(|f| Some(f.ok()?.path())) {
            if table.extension().is_some_and(|e| e == "tsv") {
                words.extend(column(&table, 0, 1)?);
            }
        }
        let whole = whole(home.path(), &words)?;
        report.at_least("Tibetan: Wiktionary's words that espeak-ng echoes whole", whole, 1.0, "share");
    }
    let mut texts: Vec<(&str, String)> = vec![("sample knowledge base", sample()?)];
    if let Some(folder) = data("tibetan/udhr") {
        texts.push(("udhr", std::fs::read_to_string(folder.join("udhr_bod.xml"))?));
    }
    if let Some(folder) = data("tibetan/ntrex") {
        texts.push(("ntrex", std::fs::read_to_string(folder.join("dev.bod.txt"))?));
    }
    for (name, text) in texts {
        let syllables: BTreeSet<String> =
            language::tibetan::syllables(&text).into_iter().map(|s| s.text).collect();
        let share = whole(home.path(), &syllables)?;
        report.at_least(
            &format!("Tibetan: distinct syllables of {name} that are spoken and echoed whole"),
            share,
            1.0,
            "share",
        );
        said_in_place(report, name, &text);
    }
    Ok(())
}

/// The words of the sample knowledge base.
fn sample() -> Result<String> {
    let mut out = String::new();
    let mut folders = vec![workspace().join("examples/knowledge/sample")];
    while let Some(folder) = folders.pop() {
        for file in std::fs::read_dir(folder)?.filter_map(|f| Some(f.ok()?.path())) {
            if file.is_dir() {
                folders.push(file);
            } else {
                out.push_str(&std::fs::read_to_string(&file)?);
                out.push('\n');
            }
        }
    }
    Ok(out)
}

/// The share of Tibetan words that the voice says and that espeak-ng echoes as they were fed to it.
fn whole(data: &Path, words: &BTreeSet<String>) -> Result<f64> {
    let mut inputs: Vec<String> = Vec::new();
    let mut silent = Vec::new();
    for word in words {
        let plan = language::speech_plan(word, Language::Bo);
        match plan.as_slice() {
            [only] if only.voice == Language::Bo => inputs.push(only.input.clone()),
            _ => silent.push(word),
        }
    }
    let echoes = others::echo(data, Language::Bo, &inputs)?;
    ensure!(echoes.len() == inputs.len(), "espeak-ng echoed {} of {} inputs", echoes.len(), inputs.len());
    let plain = |input: &str| input.replace([' ', ',', '[', ']'], "");
    let dropped: Vec<(&String, &String)> =
        inputs.iter().zip(&echoes).filter(|(input, echo)| plain(input) != **echo).collect();
    if !(dropped.is_empty() && silent.is_empty()) {
        println!("dropped: {dropped:?}; silent: {silent:?}");
    }
    Ok((inputs.len() - dropped.len()) as f64 / words.len() as f64)
}

/// The share of a text's Tibetan syllables that are said where they stand, and how many of them were outside the rules.
fn said_in_place(report: &mut Report, name: &str, text: &str) {
    let (mut all, mut said) = (0_usize, 0_usize);
    let mut kinds: BTreeMap<FallBackKind, usize> = BTreeMap::new();
    for line in text.lines() {
        let rendition = Rendition::of(line, Language::Bo);
        let words = rendition.breaths.iter().flat_map(|b| &b.words);
        let spoken: Vec<_> = words
            .filter(|w| matches!(&w.sound, Sound::Lhasa { spoken, .. } if !spoken.is_empty()))
            .map(|w| w.range.clone())
            .collect();
        for syllable in language::tibetan::syllables(line) {
            all += 1;
            said += usize::from(
                spoken.iter().any(|r| r.start <= syllable.range.start && r.end >= syllable.range.end),
            );
        }
        for fall_back in rendition.fall_backs {
            *kinds.entry(fall_back.kind).or_default() += 1;
        }
    }
    println!("fall-backs in {name}: {kinds:?}");
    report.at_least(
        &format!("Tibetan: syllables of {name} said where they stand"),
        said as f64 / all as f64,
        1.0,
        "share",
    );
    let outside = kinds.get(&FallBackKind::TibetanByLetters).copied().unwrap_or_default();
    report.tell(
        &format!("Tibetan: syllables of {name} spoken after their letters, outside the rules"),
        outside as f64 / all as f64,
        "share",
    );
}
