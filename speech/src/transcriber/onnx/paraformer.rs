//! Paraformer: one token for each slot that its integrate-and-fire predictor finds; no CTC, so no evidence.
//!
//! Contract: inputs features f32\[N, T, 560\] and lengths; outputs logits f32\[N, L, V\], the number of tokens and, in
//! newer exports, `us_alphas` and `us_cif_peak` f32\[N, 3T\]. Every slot's best class counts, up to `</s>`; nothing is
//! merged. Source: sherpa-onnx `offline-paraformer-greedy-search-decoder.cc`.

use std::path::Path;

use language::Language;

use super::{
    Heard, MAX_SECONDS, Network, Parts,
    funasr::{Front, vocabulary},
    opened::{Feed, Opened, Output, Wanted, frames},
    tokens_file,
};
use crate::{
    decode::best,
    transcriber::{ModelError, reading::Emission, tokens::Tokens},
};

/// What ends an utterance.
const END: &str = "</s>";

/// A predictor's weight counts as a peak above this.
const PEAK: f32 = 1.0 - 1e-4;

/// Peaks are given three times as often as rows.
const PEAKS_PER_ROW: u32 = 3;

struct Paraformer {
    opened: Opened,
    front: Front,
    end: u32,
}

pub(super) fn load(opened: Opened, folder: &Path) -> Result<Parts, ModelError> {
    let exported_by_sherpa = opened.metadata("model_type").is_some();
    let (front, names) = if exported_by_sherpa {
        (Front::of_metadata(&opened)?, Tokens::read_names(&tokens_file(folder)?)?)
    } else {
        (Front::of_files(folder)?, vocabulary(folder)?)
    };
    opened.check(&[Wanted::Features { axis: 2, size: front.width() }, Wanted::Number])?;
    let tokens = Tokens::joined(names);
    let end = tokens.class(END).ok_or_else(|| {
        ModelError::unusable(folder, format!("its vocabulary has no {END}, which ends an utterance"))
    })?;
    Ok(Parts {
        network: Box::new(Paraformer { opened, front, end }),
        tokens,
        layout: "paraformer",
        ctc: false,
        max_seconds: MAX_SECONDS,
    })
}

impl Network for Paraformer {
    fn hear(&mut self, audio: &[f32], _: Option<Language>, tokens: &Tokens) -> Result<Heard, String> {
        let classes = tokens.names().len();
        let (rows, features) = self.front.rows(audio);
        let run = self.opened.run(vec![
            Feed::Floats(vec![1, rows, self.front.width()], features),
            Feed::Integers(vec![rows.cast_signed() as i64]),
        ]);
        let outputs = match run {
            Ok(outputs) => outputs,
            // The decoder of published models fails where the predictor found no token: that is what silence looks like.
            Err(reason) => {
                tracing::debug!(reason, "Paraformer found nothing in the sound");
                return Ok(Heard::Nothing);
            }
        };
        let peaks = match outputs.get(3) {
            Some(Output::Floats(numbers)) => self.peaks(&numbers.values),
            _ => Vec::new(),
        };
        let values = frames(outputs.into_iter().next(), 1, classes)?;
        let slots: Vec<u32> = values
            .chunks_exact(classes)
            .map(|row| best(row, 0) as u32)
            .take_while(|&class| class != self.end)
            .collect();
        // The last peak is that of the end.
        let timed = peaks.len() == slots.len() + 1;
        let emissions = slots
            .into_iter()
            .enumerate()
            .map(|(slot, class)| {
                let at = |index: usize| if timed { peaks[index] } else { 0 };
                Emission { class, start_ms: at(slot), end_ms: at(slot + 1), probability: None }
            })
            .collect();
        Ok(Heard::Tokens { emissions, timed })
    }
}

impl Paraformer {
    /// Where the predictor fired, in milliseconds.
    fn peaks(&self, values: &[f32]) -> Vec<u32> {
        let step = self.front.shift_ms() / PEAKS_PER_ROW;
        let fired = values.iter().enumerate().filter(|&(_, &value)| value > PEAK);
        fired.map(|(index, _)| index as u32 * step).collect()
    }
}
