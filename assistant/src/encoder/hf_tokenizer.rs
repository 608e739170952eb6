//! Texts as token ids, by the `tokenizer.json` that a model is published with.

use std::path::Path;

use tokenizers::{Tokenizer, TruncationParams};

use super::EncoderError;

/// Names of the padding token, for files that do not say which one it is: BERT's, then XLM-RoBERTa's.
const PADDING: [&str; 2] = ["[PAD]", "<pad>"];

/// Names of the token for what the vocabulary lacks: BERT's, then XLM-RoBERTa's.
const UNKNOWN: [&str; 2] = ["[UNK]", "<unk>"];

/// A tokenizer that cuts long texts and pads nothing.
pub(super) struct TextTokenizer {
    tokenizer: Tokenizer,
    padding: i64,
    highest: i64,
}

/// The tokens of one text; both of the same length.
pub(super) struct Tokens {
    /// Token ids.
    pub ids: Vec<i64>,
    /// Segment of each token; 0 throughout for single sentences.
    pub types: Vec<i64>,
}

impl TextTokenizer {
    /// Reads `tokenizer.json`; texts are cut after `most_tokens`, the marks at both ends included.
    pub(super) fn read(path: &Path, most_tokens: usize) -> Result<Self, EncoderError> {
        let mut tokenizer = Tokenizer::from_file(path).map_err(|e| EncoderError::unusable(path, e))?;
        let named = || PADDING.iter().find_map(|name| tokenizer.token_to_id(name));
        let padding = tokenizer.get_padding().map(|padding| padding.pad_id).or_else(named).unwrap_or(0);
        let highest = tokenizer.get_vocab(true).into_values().max();
        let highest = highest.ok_or_else(|| EncoderError::unusable(path, "it has no vocabulary"))?;
        tokenizer.with_padding(None);
        let truncation = TruncationParams { max_length: most_tokens, ..TruncationParams::default() };
        tokenizer.with_truncation(Some(truncation)).map_err(|e| EncoderError::unusable(path, e))?;
        Ok(Self { tokenizer, padding: i64::from(padding), highest: i64::from(highest) })
    }

    /// The id that fills short texts up.
    pub(super) fn padding(&self) -> i64 {
        self.padding
    }

    /// The highest token id there is.
    pub(super) fn highest(&self) -> i64 {
        self.highest
    }

    /// The tokens of a text; none only where the text has none and the model's format adds none.
    pub(super) fn tokens(&self, text: &str) -> Result<Tokens, String> {
        let encoding = self.tokenizer.encode_fast(text, true).map_err(|error| error.to_string())?;
        let numbers = |ids: &[u32]| ids.iter().copied().map(i64::from).collect();
        Ok(Tokens { ids: numbers(encoding.get_ids()), types: numbers(encoding.get_type_ids()) })
    }

    /// How much of a text's tokens stands for something that the vocabulary lacks, 0 to 1; marks at both ends not counted.
    pub(super) fn unknown_share(&self, text: &str) -> Result<f32, String> {
        let encoding = self.tokenizer.encode_fast(text, false).map_err(|error| error.to_string())?;
        let unknown = UNKNOWN.iter().find_map(|name| self.tokenizer.token_to_id(name));
        let found = encoding.get_ids().iter().filter(|id| Some(**id) == unknown).count();
        Ok(if encoding.is_empty() { 1.0 } else { found as f32 / encoding.len() as f32 })
    }
}
