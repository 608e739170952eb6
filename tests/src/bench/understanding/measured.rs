//! Recognition errors as the shipped recogniser makes them: which syllables it takes for which.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result};
use intents::evaluate::Labelled;
use intents::evaluate::measures::Draw;
use kb::Collection;
use language::phones::PhoneKind;
use language::{Language, Phone, Script};
use serde::{Deserialize, Serialize};
use speech::runtime::{OnnxRuntime, SessionOptions};
use speech::transcriber::ctc::CtcTranscriber;

use super::baselines;
use super::noise::{Spoilt, vocabulary};
use crate::bench::Report;
use crate::bench::sound::name_of;
use crate::material::{self, workspace};
use crate::voices::HeldOutVoices;

/// A part of a syllable that is missing or too much costs so much in an alignment; a wrong one costs 1.
const GAP: f32 = 0.8;

/// Questions of each entry that are read out by synthetic voices.
const READ_PER_ENTRY: usize = 2;

/// By language code and syllable (phones, joined by spaces): what was heard instead or rightly, and how often.
type Table = BTreeMap<String, BTreeMap<String, BTreeMap<String, usize>>>;

#[derive(Default, Serialize, Deserialize)]
struct Confusions {
    table: Table,
}

/// Phones as syllables: an optional onset and a rime each; an onset that no rime follows stands alone.
fn syllables(phones: &[Phone]) -> Vec<Vec<Phone>> {
    let mut out: Vec<Vec<Phone>> = Vec::new();
    let mut open: Option<Phone> = None;
    for &phone in phones {
        match phone.info().kind {
            PhoneKind::Onset => out.extend(open.replace(phone).map(|onset| vec![onset])),
            PhoneKind::Rime => out.push(open.take().into_iter().chain([phone]).collect()),
            PhoneKind::Blank => {}
        }
    }
    out.extend(open.map(|onset| vec![onset]));
    out
}

fn name(syllable: &[Phone]) -> String {
    syllable.iter().map(|phone| phone.name()).collect::<Vec<_>>().join(" ")
}

/// How different two syllables are: 0 to 1.
fn distance(a: &[Phone], b: &[Phone]) -> f32 {
    let part = |syllable: &[Phone], kind: PhoneKind| syllable.iter().find(|p| p.info().kind == kind).copied();
    let differs = |kind| f32::from(u8::from(part(a, kind) != part(b, kind)));
    f32::midpoint(differs(PhoneKind::Onset), differs(PhoneKind::Rime))
}

/// Pairs of said and heard syllables of the cheapest alignment (Needleman & Wunsch 1970).
fn aligned<'a>(said: &'a [Vec<Phone>], heard: &'a [Vec<Phone>]) -> Vec<(&'a [Phone], &'a [Phone])> {
    let (rows, columns) = (said.len() + 1, heard.len() + 1);
    let mut cost = vec![0.0_f32; rows * columns];
    for at in 0..rows * columns {
        let (i, j) = (at / columns, at % columns);
        let mut best = if at == 0 { 0.0 } else { f32::INFINITY };
        if i > 0 {
            best = best.min(cost[at - columns] + GAP);
        }
        if j > 0 {
            best = best.min(cost[at - 1] + GAP);
        }
        if i > 0 && j > 0 {
            best = best.min(cost[at - columns - 1] + distance(&said[i - 1], &heard[j - 1]));
        }
        cost[at] = best;
    }
    let (mut i, mut j) = (said.len(), heard.len());
    let mut pairs = Vec::new();
    while i > 0 && j > 0 {
        let at = i * columns + j;
        let matched = cost[at - columns - 1] + distance(&said[i - 1], &heard[j - 1]);
        if (matched - cost[at]).abs() < 1e-4 {
            pairs.push((said[i - 1].as_slice(), heard[j - 1].as_slice()));
            (i, j) = (i - 1, j - 1);
        } else if (cost[at - columns] + GAP - cost[at]).abs() < 1e-4 {
            i -= 1;
        } else {
            j -= 1;
        }
    }
    pairs
}

/// What is said, and the sound of it.
fn spoken() -> Result<Vec<(Language, String, Vec<f32>)>> {
    let mut spoken = Vec::new();
    for recording in material::mandarin_recordings()?.unwrap_or_default() {
        let samples = speech::codec::file::decode_path(&recording.path, 60.0)?;
        spoken.push((Language::Zh, recording.text, samples));
    }
    let voices = HeldOutVoices::load()?;
    let collection = Collection::load(&workspace().join("examples/knowledge/sample"))?;
    for language in Language::ALL {
        for sourced in &collection.entries {
            let Some(text) = sourced.entry.text(language) else { continue };
            for question in std::iter::once(&text.question).chain(&text.variants).take(READ_PER_ENTRY) {
                spoken.push((language, question.clone(), voices.say(spoken.len(), question, language)?));
            }
        }
    }
    Ok(spoken)
}

fn measure() -> Result<Confusions> {
    let runtime = OnnxRuntime::load(Some(&workspace().join(".local/lib/libonnxruntime.so")))?;
    let model = workspace().join("models/seed");
    let mut ear = CtcTranscriber::load(&model, &Language::ALL, &runtime, SessionOptions::default())?;
    let mut confusions = Confusions::default();
    for (language, text, samples) in spoken()? {
        let heard: Vec<Phone> = ear.greedy(&samples)?.into_iter().map(|class| Phone(class as u8)).collect();
        let said =
            language::pronunciations(&text, language).into_iter().next().context("no pronunciation")?;
        let table = confusions.table.entry(language.code().to_owned()).or_default();
        for (said, heard) in aligned(&syllables(&said.phones), &syllables(&heard)) {
            *table.entry(name(said)).or_default().entry(name(heard)).or_default() += 1;
        }
    }
    Ok(confusions)
}

/// Measures what the shipped recogniser takes for what, on the real Mandarin recordings where there are any and on
/// synthetic voices that training never heard, and stores it in `target/bench/understanding/confusions.json`.
///
/// # Errors
/// Where the model cannot be run or a voice cannot speak.
pub fn confusions(report: &mut Report) -> Result<()> {
    let confusions = measure()?;
    for language in Language::ALL {
        let Some(table) = confusions.table.get(language.code()) else { continue };
        let (mut all, mut right) = (0, 0);
        for (said, heard) in table {
            all += heard.values().sum::<usize>();
            right += heard.get(said).copied().unwrap_or_default();
        }
        let what = format!("shipped recogniser, {}: syllables", name_of(language));
        report.tell(&format!("{what} aligned"), all as f64, "syllables");
        report.tell(&format!("{what} heard wrongly"), (all - right) as f64 / all as f64, "share");
    }
    std::fs::write(stored()?, serde_json::to_string(&confusions)?)?;
    Ok(())
}

fn stored() -> Result<std::path::PathBuf> {
    Ok(baselines::exchange()?.join("confusions.json"))
}

/// Written units by the sound they have on their own.
struct Spellings {
    /// By language code and syllable: units with how often the vocabulary has them.
    by_sound: HashMap<(&'static str, String), Vec<(String, usize)>>,
}

fn language_of(script: Script) -> Option<Language> {
    match script {
        Script::Han => Some(Language::Zh),
        Script::Tibetan => Some(Language::Bo),
        _ => None,
    }
}

/// The sound of one written unit; `None` where it is not one syllable.
fn sound(unit: &str, language: Language) -> Option<String> {
    let phones = language::pronunciations(unit, language).into_iter().next()?.phones;
    match syllables(&phones).as_slice() {
        [only] => Some(name(only)),
        _ => None,
    }
}

impl Spellings {
    fn of(texts: &[String]) -> Self {
        let mut counts: BTreeMap<(&'static str, &str), (Language, usize)> = BTreeMap::new();
        for text in texts {
            for unit in language::syllables(text) {
                if let Some(language) = language_of(unit.script) {
                    counts.entry((language.code(), &text[unit.range])).or_insert((language, 0)).1 += 1;
                }
            }
        }
        let mut by_sound: HashMap<(&'static str, String), Vec<(String, usize)>> = HashMap::new();
        for ((code, unit), (language, count)) in counts {
            if let Some(sound) = sound(unit, language).filter(|_| count > 1) {
                by_sound.entry((code, sound)).or_default().push((unit.to_owned(), count));
            }
        }
        Self { by_sound }
    }

    /// A unit with that sound, common ones more often.
    fn spell(&self, language: Language, sound: &str, draw: &mut Draw) -> Option<&str> {
        let units = self.by_sound.get(&(language.code(), sound.to_owned()))?;
        let total: usize = units.iter().map(|(_, count)| count).sum();
        let mut at = draw.below(total);
        units
            .iter()
            .find(|(_, count)| {
                at < *count || {
                    at -= count;
                    false
                }
            })
            .map(|(unit, _)| unit.as_str())
    }
}

/// Questions with a share of their syllables replaced by what the shipped recogniser hears instead of them: never the same
/// sound, spelled with the commonest words that have it. `None` where the recogniser cannot be run.
pub(super) fn by_recogniser(set: &[Labelled], rate: f64) -> Result<Option<Spoilt>> {
    if !workspace().join(".local/lib/libonnxruntime.so").exists() {
        println!("skipped: no ONNX Runtime (run make setup)");
        return Ok(None);
    }
    let path = stored()?;
    if !path.exists() {
        confusions(&mut Report::default())?;
    }
    let confusions: Confusions = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    let spellings = Spellings::of(&vocabulary()?);
    let mut draw = Draw::new(1);
    let mut spoilt = Spoilt { texts: Vec::new(), syllables: 0, replaced: 0 };
    for labelled in set {
        spoilt.add(&labelled.utterance.text, rate, &confusions, &spellings, &mut draw);
    }
    // To be read by whoever wonders what was asked.
    std::fs::write(
        baselines::exchange()?.join("sample-recogniser.noisy.json"),
        serde_json::to_string(&spoilt)?,
    )?;
    Ok(Some(spoilt))
}

impl Spoilt {
    fn add(
        &mut self,
        text: &str,
        rate: f64,
        confusions: &Confusions,
        spellings: &Spellings,
        draw: &mut Draw,
    ) {
        let mut units = language::syllables(text);
        units.retain(|unit| language_of(unit.script).is_some());
        units.dedup_by(|a, b| a.range == b.range);
        let wanted = units.iter().filter(|_| draw.share() < rate).count();
        let mut order: Vec<usize> = (0..units.len()).collect();
        draw.shuffle(&mut order);
        let mut changes: BTreeMap<usize, (usize, &str)> = BTreeMap::new();
        for at in order {
            if changes.len() == wanted {
                break;
            }
            let range = units[at].range.clone();
            let Some(language) = language_of(units[at].script) else { continue };
            if let Some(heard) = misheard(&text[range.clone()], language, confusions, spellings, draw) {
                changes.insert(range.start, (range.end, heard));
            }
        }
        self.syllables += units.len();
        self.replaced += changes.len();
        let (mut out, mut end) = (String::new(), 0);
        for (start, (after, heard)) in changes {
            out.push_str(&text[end..start]);
            out.push_str(heard);
            end = after;
        }
        out.push_str(&text[end..]);
        self.texts.push(out);
    }
}

/// What a unit may be misheard as, drawn as often as it was.
fn misheard<'a>(
    unit: &str,
    language: Language,
    confusions: &Confusions,
    spellings: &'a Spellings,
    draw: &mut Draw,
) -> Option<&'a str> {
    let said = sound(unit, language)?;
    let heard = confusions.table.get(language.code())?.get(&said)?;
    let spelled = |sound: &String| spellings.by_sound.contains_key(&(language.code(), sound.clone()));
    let wrong: Vec<(&String, usize)> =
        heard.iter().filter(|(sound, _)| **sound != said && spelled(sound)).map(|(s, n)| (s, *n)).collect();
    let total: usize = wrong.iter().map(|(_, count)| count).sum();
    if total == 0 {
        return None;
    }
    let mut at = draw.below(total);
    let (sound, _) = wrong.into_iter().find(|(_, count)| {
        at < *count || {
            at -= count;
            false
        }
    })?;
    spellings.spell(language, sound, draw)
}
