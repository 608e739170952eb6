//! What lies beside a voice's model, and what it says.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use language::Language;
use serde::Deserialize;

use super::{
    front::Symbols,
    network::{Layout, Network},
};
use crate::transcriber::ModelError;

/// The largest number of a symbol: no voice has more than some hundreds.
const MOST_SYMBOLS: i64 = 1 << 16;
/// What VITS voices are run with where nothing is said, as their authors do.
const SCALES: Scales = Scales { noise_scale: 0.667, length_scale: 1.0, noise_w: 0.8 };

/// What is known of a voice but its network.
pub struct Described {
    /// The layout's short name.
    pub layout: &'static str,
    pub symbols: Symbols,
    /// The voice of espeak-ng whose phonemes it was trained on.
    pub espeak: Option<String>,
    pub sample_rate: u32,
    pub speakers: u32,
    pub noise_scale: f32,
    pub length_scale: f32,
    pub noise_w: f32,
}

/// Whether this version makes a language's phonemes as a voice of espeak-ng does.
pub fn phonemes(voice: &str, language: Language) -> Result<(), String> {
    let mandarin = matches!(voice, "cmn" | "zh" | "cmn-latn-pinyin");
    if mandarin && language == Language::Zh {
        return Ok(());
    }
    Err(format!(
        "it speaks the phonemes of espeak-ng's voice {voice:?}, which this version makes for Mandarin only (cmn), and was \
             configured for {language}"
    ))
}

/// The model in a folder, or the file itself.
pub fn model(path: &Path) -> Result<PathBuf, ModelError> {
    if path.is_file() {
        return Ok(path.to_owned());
    }
    let hint = "name the voice's .onnx file or the folder that holds it; docs/voice.md says where voices are published";
    let entries = path.read_dir().map_err(|_| ModelError::Missing { path: path.to_owned(), hint })?;
    let mut models = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "onnx"));
    match (models.next(), models.next()) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => {
            Err(ModelError::unusable(path, "it holds several .onnx files; name the one to be used"))
        }
        (None, _) => Err(ModelError::Missing { path: path.join("model.onnx"), hint }),
    }
}

/// Reads what lies beside the model.
pub fn describe(model: &Path, network: &Network) -> Result<Described, ModelError> {
    match network.layout {
        Layout::Piper => piper(model, network),
        Layout::Sherpa => sherpa(model, network),
        Layout::Optimum => optimum(model),
    }
}

/// `inference` of Piper's file, and the defaults of its fields.
#[derive(Clone, Copy, Deserialize)]
#[serde(default)]
struct Scales {
    noise_scale: f32,
    length_scale: f32,
    noise_w: f32,
}

impl Default for Scales {
    fn default() -> Self {
        SCALES
    }
}

#[derive(Deserialize)]
struct PiperFile {
    audio: PiperAudio,
    #[serde(default)]
    espeak: PiperEspeak,
    #[serde(default)]
    inference: Scales,
    #[serde(default = "espeak")]
    phoneme_type: String,
    phoneme_id_map: HashMap<String, Vec<i64>>,
    #[serde(default = "one")]
    num_speakers: u32,
}

#[derive(Deserialize)]
struct PiperAudio {
    sample_rate: u32,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PiperEspeak {
    voice: String,
}

fn espeak() -> String {
    "espeak".to_owned()
}

const fn one() -> u32 {
    1
}

fn piper(model: &Path, network: &Network) -> Result<Described, ModelError> {
    let mut name = model.file_name().unwrap_or_default().to_owned();
    name.push(".json");
    let path = model.with_file_name(name);
    let hint = "a Piper voice is published as two files, X.onnx and X.onnx.json; copy both into one folder";
    let file: PiperFile = json(&path, hint)?;
    let wrong = |reason: String| ModelError::unusable(&path, reason);
    for needed in ["_", "^", "$"] {
        if file.phoneme_id_map.get(needed).is_none_or(Vec::is_empty) {
            return Err(wrong(format!("its phoneme_id_map has no {needed:?}")));
        }
    }
    if let Some(id) = file.phoneme_id_map.values().flatten().find(|id| !(0..MOST_SYMBOLS).contains(*id)) {
        return Err(wrong(format!("its phoneme_id_map names {id}, which no voice has")));
    }
    if (file.num_speakers > 1) != network.has_speakers() {
        return Err(wrong(format!(
            "it says {} speakers, but the model {} an input for them (sid); the files do not belong together",
            file.num_speakers,
            if network.has_speakers() { "has" } else { "has not" }
        )));
    }
    let map = file.phoneme_id_map;
    let (symbols, espeak) = match file.phoneme_type.as_str() {
        "espeak" => (Symbols::Ipa(map), Some(file.espeak.voice)),
        "text" => (Symbols::Text(map), None),
        "pinyin" => (Symbols::Pinyin(map), None),
        other => {
            return Err(wrong(format!(
                "its phoneme_type is {other:?}; this version knows espeak, text and pinyin"
            )));
        }
    };
    let Scales { noise_scale, length_scale, noise_w } = file.inference;
    Ok(Described {
        layout: "piper",
        symbols,
        espeak,
        sample_rate: rate(&path, Some(file.audio.sample_rate))?,
        speakers: file.num_speakers.max(1),
        noise_scale,
        length_scale,
        noise_w,
    })
}

fn sherpa(model: &Path, network: &Network) -> Result<Described, ModelError> {
    let wrong = |reason: String| ModelError::unusable(model, reason);
    let front = network.metadata("frontend").unwrap_or_default();
    if front != "characters" {
        return Err(wrong(format!(
            "its metadata says frontend {front:?}; of sherpa-onnx's voices this version loads those that read characters \
             (MMS-TTS)"
        )));
    }
    let number = |key: &str| network.metadata(key).and_then(|text| text.trim().parse::<u32>().ok());
    let path = model.with_file_name("tokens.txt");
    let text = read(&path, "it is published beside the model; copy it into the same folder")?;
    let table = tokens(&text).map_err(|reason| ModelError::unusable(&path, reason))?;
    Ok(Described {
        layout: "mms",
        symbols: Symbols::Characters { table, blank: number("add_blank").is_none_or(|flag| flag != 0) },
        espeak: None,
        sample_rate: rate(model, number("sample_rate"))?,
        speakers: if network.has_speakers() { number("n_speakers").unwrap_or(1).max(1) } else { 1 },
        noise_scale: SCALES.noise_scale,
        length_scale: SCALES.length_scale,
        noise_w: SCALES.noise_w,
    })
}

#[derive(Deserialize)]
struct OptimumConfig {
    sampling_rate: u32,
    #[serde(default = "one")]
    num_speakers: u32,
}

#[derive(Deserialize)]
#[serde(default)]
struct OptimumTokenizer {
    add_blank: bool,
    is_uroman: bool,
}

impl Default for OptimumTokenizer {
    fn default() -> Self {
        Self { add_blank: true, is_uroman: false }
    }
}

fn optimum(model: &Path) -> Result<Described, ModelError> {
    let hint = "Optimum writes it beside the model; copy the whole folder";
    let config: OptimumConfig = json(&model.with_file_name("config.json"), hint)?;
    let path = model.with_file_name("vocab.json");
    let vocabulary: HashMap<String, i64> = json(&path, hint)?;
    let file = model.with_file_name("tokenizer_config.json");
    let tokenizer: OptimumTokenizer =
        if file.is_file() { json(&file, hint)? } else { OptimumTokenizer::default() };
    if tokenizer.is_uroman {
        return Err(ModelError::unusable(
            &file,
            "it wants text in Latin letters (is_uroman), which this version does not make",
        ));
    }
    // `<unk>` and its like are no letters.
    let letters = vocabulary.into_iter().filter_map(|(name, id)| Some((single(&name)?, id)));
    let table: HashMap<char, i64> = letters.filter(|(_, id)| (0..MOST_SYMBOLS).contains(id)).collect();
    if table.is_empty() {
        return Err(ModelError::unusable(&path, "it has no letters"));
    }
    Ok(Described {
        layout: "vits",
        symbols: Symbols::Characters { table, blank: tokenizer.add_blank },
        espeak: None,
        sample_rate: rate(&path, Some(config.sampling_rate))?,
        speakers: config.num_speakers.max(1),
        noise_scale: SCALES.noise_scale,
        length_scale: SCALES.length_scale,
        noise_w: SCALES.noise_w,
    })
}

fn single(name: &str) -> Option<char> {
    let mut characters = name.chars();
    characters.next().filter(|_| characters.next().is_none())
}

/// Characters and their numbers. Only line ends are stripped, and the last ASCII space splits; a number alone is the space's.
fn tokens(text: &str) -> Result<HashMap<char, i64>, String> {
    let mut table = HashMap::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
        let (name, id) = line.rsplit_once(' ').unwrap_or((" ", line));
        let id = id.parse::<i64>().ok().filter(|id| (0..MOST_SYMBOLS).contains(id));
        let id = id.ok_or_else(|| format!("line {} does not end in a symbol's number", number + 1))?;
        let name = if name.is_empty() { " " } else { name };
        if let Some(character) = single(name) {
            table.insert(character, id);
        }
    }
    if table.is_empty() { Err("it has no letters".to_owned()) } else { Ok(table) }
}

fn rate(path: &Path, rate: Option<u32>) -> Result<u32, ModelError> {
    rate.filter(|rate| (8_000..=48_000).contains(rate)).ok_or_else(|| {
        let found = rate.map_or_else(|| "none".to_owned(), |rate| rate.to_string());
        ModelError::unusable(path, format!("its sample rate is {found}, not 8000 to 48000 hertz"))
    })
}

fn read(path: &Path, hint: &'static str) -> Result<String, ModelError> {
    if !path.is_file() {
        return Err(ModelError::Missing { path: path.to_owned(), hint });
    }
    fs::read_to_string(path).map_err(|source| ModelError::Io { path: path.to_owned(), source })
}

fn json<T: for<'de> Deserialize<'de>>(path: &Path, hint: &'static str) -> Result<T, ModelError> {
    let text = read(path, hint)?;
    serde_json::from_str(&text)
        .map_err(|error| ModelError::unusable(path, format!("it is no file of this kind: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_may_have_number_nought_and_a_number_alone_is_the_space() {
        let table = tokens("ཤ 0\r\n་ 1\n 2\n3\nའི 4\n\u{3000} 5\n").unwrap();
        assert_eq!(table[&'ཤ'], 0);
        assert_eq!((table[&'་'], table[&' '], table[&'\u{3000}'], table.len()), (1, 3, 5, 4));
        assert!(tokens("ཤ x\n").unwrap_err().contains("line 1"));
        assert!(tokens("").is_err());
    }
}
