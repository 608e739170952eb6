//! `SenseVoice`: one encoder with CTC over pieces of five languages, in sherpa-onnx's and in `FunASR`'s own export.
//!
//! Contract: inputs features f32\[N, T, 560\], lengths, language and text normalisation, integers\[N\]; output logits
//! f32\[N, T + 4, V\]; class 0 is the blank. The first four frames say language, event, emotion and whether text is
//! normalised; they are no speech. Source: sherpa-onnx `offline-sense-voice-model.cc`; `FunASR` `sense_voice/model.py`.

use std::path::Path;

use language::Language;

use super::{
    Heard, Network, Parts,
    funasr::{Front, vocabulary},
    opened::{Feed, Opened, Wanted, frames, length},
    tokens_file,
};
use crate::transcriber::{ModelError, reading::CtcOutput, tokens::Tokens};

/// Frames before the speech.
const QUERIES: usize = 4;

/// The published model is trained on clips of at most 30 seconds.
const MAX_SECONDS: f32 = 30.0;

struct SenseVoice {
    opened: Opened,
    front: Front,
    any: i64,
    chinese: i64,
    without_normalisation: i64,
}

pub(super) fn load(opened: Opened, folder: &Path) -> Result<Parts, ModelError> {
    let exported_by_sherpa = opened.metadata("model_type").is_some();
    let (front, names) = if exported_by_sherpa {
        (Front::of_metadata(&opened)?, Tokens::read_names(&tokens_file(folder)?)?)
    } else {
        (Front::of_files(folder)?, vocabulary(folder)?)
    };
    let features = Wanted::Features { axis: 2, size: front.width() };
    opened.check(&[features, Wanted::Number, Wanted::Number, Wanted::Number])?;
    // The numbers of FunASR's own export are constants of its program.
    let blank = opened.number("blank_id", Some(0))?;
    let blank = usize::try_from(blank).ok().filter(|&blank| blank < names.len()).ok_or_else(|| {
        ModelError::unusable(&opened.path, format!("its blank {blank} is no class of its {}", names.len()))
    })?;
    let network = SenseVoice {
        front,
        any: opened.number("lang_auto", Some(0))?,
        chinese: opened.number("lang_zh", Some(3))?,
        without_normalisation: opened.number("without_itn", Some(15))?,
        opened,
    };
    Ok(Parts {
        network: Box::new(network),
        tokens: Tokens::plain(names, blank),
        layout: "sense-voice",
        ctc: true,
        max_seconds: MAX_SECONDS,
    })
}

impl Network for SenseVoice {
    fn hear(&mut self, audio: &[f32], language: Option<Language>, tokens: &Tokens) -> Result<Heard, String> {
        let classes = tokens.names().len();
        let (rows, features) = self.front.rows(audio);
        // There is no Tibetan among its languages.
        let language = if language == Some(Language::Zh) { self.chinese } else { self.any };
        let outputs = self.opened.run(vec![
            Feed::Floats(vec![1, rows, self.front.width()], features),
            Feed::Integers(vec![rows.cast_signed() as i64]),
            Feed::Integers(vec![language]),
            Feed::Integers(vec![self.without_normalisation]),
        ])?;
        let said = length(outputs.get(1));
        let mut values = frames(outputs.into_iter().next(), 1, classes)?;
        let total = values.len() / classes;
        if total < QUERIES {
            return Err(format!("it made {total} frames, fewer than the {QUERIES} that are no speech"));
        }
        values.truncate(said.unwrap_or(rows + QUERIES).clamp(QUERIES, total) * classes);
        values.drain(..QUERIES * classes);
        let shift_ms = self.front.shift_ms() as f32;
        CtcOutput::of(tokens, shift_ms, values, true).map(Heard::Ctc)
    }
}
