//! Do the tones differ in the sound as they should? Measured with Praat's pitch tracker, which knows nothing of our models.

use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result, ensure};
use language::voice::Sound;
use language::{Language, Rendition};
use serde::Deserialize;
use speech::synthesizer::{EspeakSettings, EspeakVoice};
use speech::{SpeechRequest, Synthesizer as _};

use super::others;
use crate::bench::Report;

/// Characters of the four Mandarin tones, a syllable a row.
const MANDARIN: [[&str; 4]; 12] = [
    ["妈", "麻", "马", "骂"],
    ["衣", "移", "椅", "易"],
    ["汤", "糖", "躺", "烫"],
    ["书", "熟", "鼠", "树"],
    ["方", "房", "访", "放"],
    ["通", "同", "统", "痛"],
    ["青", "情", "请", "庆"],
    ["优", "游", "有", "又"],
    ["挥", "回", "毁", "会"],
    ["窗", "床", "闯", "创"],
    ["迂", "鱼", "雨", "玉"],
    ["八", "拔", "把", "爸"],
];

/// Lhasa syllables of one vowel each: high and low register, each without and with a suffix that makes the tone fall.
const LHASA: [[&str; 4]; 12] = [
    ["ཀ", "ཀས", "ག", "གས"],
    ["ཁ", "ཁག", "ང", "ངག"],
    ["ཅི", "ཅིག", "ཇི", "ཇིག"],
    ["ཏི", "ཏིབ", "དི", "དིབ"],
    ["པུ", "པུག", "བུ", "བུག"],
    ["ཙེ", "ཙེད", "ཛེ", "ཛེད"],
    ["ཤང", "ཤག", "ཞང", "ཞག"],
    ["སོ", "སོབ", "ཟོ", "ཟོབ"],
    ["སྣ", "སྣག", "ན", "ནག"],
    ["སྨི", "སྨིག", "མི", "མིག"],
    ["གཡུ", "གཡུག", "ཡུ", "ཡུག"],
    ["བླ", "བླག", "ལ", "ལག"],
];

/// Other syllables, chosen when the shapes below were settled: the bounds were found while looking at those above.
const OTHER_MANDARIN: [[&str; 4]; 12] = [
    ["猫", "毛", "卯", "帽"],
    ["踢", "题", "体", "替"],
    ["抛", "袍", "跑", "炮"],
    ["亲", "勤", "寝", "沁"],
    ["坡", "婆", "叵", "破"],
    ["呼", "胡", "虎", "户"],
    ["居", "局", "举", "句"],
    ["川", "船", "喘", "串"],
    ["千", "前", "浅", "欠"],
    ["先", "咸", "险", "线"],
    ["诗", "时", "使", "是"],
    ["些", "鞋", "写", "谢"],
];

/// As [`OTHER_MANDARIN`].
const OTHER_LHASA: [[&str; 4]; 12] = [
    ["ཀོ", "ཀོག", "གོ", "གོག"],
    ["ཁུ", "ཁུག", "གུ", "གུག"],
    ["ཅ", "ཅག", "ཇ", "ཇག"],
    ["ཏུ", "ཏུག", "དུང", "དུག"],
    ["པོ", "པོབ", "བོང", "བོད"],
    ["ཙུ", "ཙུག", "ཛུ", "ཛུག"],
    ["ཤི", "ཤིག", "ཞི", "ཞིག"],
    ["སུ", "སུག", "ཟུ", "ཟུག"],
    ["རྨ", "རྨག", "མ", "མག"],
    ["རྙི", "རྙིད", "ཉི", "ཉིད"],
    ["ལྷོ", "ལྷོད", "ལོ", "ལོག"],
    ["རྔོ", "རྔོག", "ངོ", "ངོག"],
];

/// Pitch at eleven points of a syllable's voiced part, in semitones above 100 Hz.
type Contour = Vec<f64>;

#[derive(Deserialize)]
struct Measured {
    file: String,
    semitones: Option<Contour>,
}

/// Shares of syllables whose pitch moves as their tone does, and how far the tones of a language lie apart.
///
/// # Errors
/// Where the voice or the pitch tracker fails.
pub fn tones(report: &mut Report) -> Result<()> {
    let Some(python) = others::python() else { return Ok(()) };
    let home = tempfile::tempdir()?;
    let mut voice = EspeakVoice::new(EspeakSettings::default(), home.path())?;
    for (language, name, table) in [
        (Language::Zh, "Mandarin", &MANDARIN),
        (Language::Bo, "Lhasa", &LHASA),
        (Language::Zh, "Mandarin, other syllables", &OTHER_MANDARIN),
        (Language::Bo, "Lhasa, other syllables", &OTHER_LHASA),
    ] {
        let folder = tempfile::tempdir()?;
        for (row, syllables) in table.iter().enumerate() {
            for (tone, text) in syllables.iter().enumerate() {
                ensure!(tone_of(text, language) == Some(tone), "{text} has not the tone it stands for");
                let request = SpeechRequest { text: (*text).to_owned(), language, rate: 1.0 };
                let clip = voice.synthesize(&request, &AtomicBool::new(false))?;
                others::write_wav(&folder.path().join(format!("{row}-{tone}.wav")), &clip)?;
            }
        }
        let contours = measure(&python, folder.path(), table.len())?;
        tell(report, name, language, &contours);
    }
    Ok(())
}

/// Which of its language's four tones a syllable has by the front end's own reckoning.
fn tone_of(text: &str, language: Language) -> Option<usize> {
    let rendition = Rendition::of(text, language);
    match &rendition.breaths.first()?.words.first()?.sound {
        Sound::Mandarin { spoken, .. } => spoken.first().map(|s| usize::from(s.tone) - 1),
        Sound::Lhasa { spoken, .. } => {
            spoken.first().map(|s| usize::from(!s.high) * 2 + usize::from(s.falling))
        }
    }
}

/// The contours of every row's four tones; `None` where the tracker found no pitch.
fn measure(
    python: &std::path::Path,
    folder: &std::path::Path,
    rows: usize,
) -> Result<Vec<[Option<Contour>; 4]>> {
    let mut out = vec![[const { None }; 4]; rows];
    for line in others::script(python, &["contours", &folder.to_string_lossy()], String::new())? {
        let measured: Measured = serde_json::from_str(&line)?;
        let (row, tone) = measured.file.split_once('-').context("a file of ours")?;
        out[row.parse::<usize>()?][tone.parse::<usize>()?] = measured.semitones;
    }
    Ok(out)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The second half, where a syllable has arrived at its tone: before that its pitch still comes from the consonant, most of
/// all from a voiced one.
///
/// Source: Xu & Wang, *Pitch targets and their realization* (2001): a tone's target is approached to the end of its syllable.
fn settled(contour: &[f64]) -> &[f64] {
    &contour[contour.len() / 2..]
}

/// How far the pitch comes down from its highest point to its end, in semitones.
fn fall(contour: &[f64]) -> f64 {
    let highest = contour.iter().copied().fold(f64::MIN, f64::max);
    highest - contour.last().copied().unwrap_or(highest)
}

/// Every contour on the five levels of Chao's tone letters: 0 is the lowest and 5 the highest pitch of this voice, as tones
/// are heard against the range of whoever speaks.
///
/// Source: 石锋 (Shi Feng), T value = 5 (lg x - lg b) / (lg a - lg b).
fn levels(rows: &[[Contour; 4]]) -> Vec<[Contour; 4]> {
    let all = || rows.iter().flatten().flat_map(|c| settled(c).iter().copied());
    let lowest = all().fold(f64::MAX, f64::min);
    let range = range(rows);
    let level = |c: &Contour| c.iter().map(|x| 5.0 * (x - lowest) / range).collect();
    rows.iter().map(|row| row.each_ref().map(level)).collect()
}

/// What counts as level, in levels: less than one, so that the letter at the end is the letter at the beginning.
const LEVEL: f64 = 1.0;

/// Source of the shapes: Chao's 55 35 214 51.
fn mandarin_shapes(row: &[Contour; 4]) -> [bool; 4] {
    let [one, two, three, four] = row;
    let rise = |c: &[f64]| c.last().copied().unwrap_or_default() - settled(c)[0];
    let inner = &three[2..three.len() - 1];
    let lowest = inner.iter().copied().fold(f64::MAX, f64::min);
    [
        // High and level.
        rise(one).abs() <= LEVEL && mean(one) >= 3.5,
        // It rises by more than a level, and ends high.
        rise(two) > LEVEL && two.last().is_some_and(|end| *end >= 3.5),
        // It comes down into the lowest fifth and goes up from there by more than half a level.
        lowest <= 1.0 && lowest < three[2] && three.last().is_some_and(|end| *end > lowest + LEVEL / 2.0),
        // From the upper half into the lowest fifth: half of the range and more.
        fall(four) >= 2.5 && four.last().is_some_and(|end| *end <= 1.0),
    ]
}

/// Source of the shapes: Tournadre & Sangda Dorje; Wiktionary's ˥, ˥˨, ˩˨ and ˩˧˨.
fn lhasa_shapes(row: &[Contour; 4]) -> [bool; 4] {
    let [high, high_falling, low, low_falling] = row;
    let level = |c: &[f64]| fall(settled(c)) <= LEVEL;
    let register =
        |above: &[f64], below: &[f64]| mean(&settled(above)[..3]) > mean(&settled(below)[..3]) + LEVEL;
    [
        level(high) && register(high, low),
        fall(high_falling) >= 2.5 && register(high_falling, low_falling),
        level(low),
        // By a level (from 3 to 2), and by more than the level tone beside it.
        fall(low_falling) >= LEVEL
            && fall(low_falling) > fall(settled(low)) + LEVEL / 2.0
            && register(high, low_falling),
    ]
}

/// Root mean square of the difference of two contours, in semitones.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    let squares: Vec<f64> = a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).collect();
    mean(&squares).sqrt()
}

/// From the lowest to the highest pitch of all contours, in semitones.
fn range(rows: &[[Contour; 4]]) -> f64 {
    let all = || rows.iter().flatten().flat_map(|c| settled(c).iter().copied());
    all().fold(f64::MIN, f64::max) - all().fold(f64::MAX, f64::min)
}

fn tell(report: &mut Report, name: &str, language: Language, contours: &[[Option<Contour>; 4]]) {
    let names = match language {
        Language::Zh => ["first (high level)", "second (rising)", "third (low, dipping)", "fourth (falling)"],
        Language::Bo => ["high level", "high falling", "low level", "low falling"],
    };
    let whole: Vec<[Contour; 4]> = contours
        .iter()
        .filter_map(|row| Some([row[0].clone()?, row[1].clone()?, row[2].clone()?, row[3].clone()?]))
        .collect();
    let rows = contours.len() as f64;
    report.at_least(
        &format!("{name}: syllables with a pitch that Praat finds"),
        whole.len() as f64 / rows,
        1.0,
        "share",
    );
    report.tell(&format!("{name}: range of pitch in which the tones are spoken"), range(&whole), "semitones");
    let shapes: Vec<[bool; 4]> = levels(&whole)
        .iter()
        .map(if language == Language::Zh { mandarin_shapes } else { lhasa_shapes })
        .collect();
    for (tone, what) in names.iter().enumerate() {
        let right = shapes.iter().filter(|row| row[tone]).count() as f64 / rows;
        report.at_least(&format!("{name}: pitch of the {what} tone moves as it should"), right, 1.0, "share");
    }
    let average = |tone: usize| -> Contour {
        (0..11).map(|i| mean(&whole.iter().map(|row| row[tone][i]).collect::<Vec<_>>())).collect()
    };
    let averages: Vec<Contour> = (0..4).map(average).collect();
    let apart = (0..4)
        .flat_map(|a| (a + 1..4).map(move |b| (a, b)))
        .map(|(a, b)| distance(&averages[a], &averages[b]))
        .fold(f64::MAX, f64::min);
    // Below half a semitone two contours are hardly told apart.
    report.at_least(&format!("{name}: the two tones that are most alike differ by"), apart, 0.5, "semitones");
}
