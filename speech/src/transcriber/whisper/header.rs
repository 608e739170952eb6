//! The first bytes of a ggml Whisper file, looked at before whisper.cpp is trusted with it.
//!
//! Source: whisper.cpp `whisper_model_load`: eleven little-endian 32-bit numbers after the magic number.

use std::{fs::File, io::Read, path::Path};

use super::super::ModelError;

/// "ggml" as a little-endian number.
const MAGIC: u32 = 0x6767_6d6c;

/// Vocabulary of models that hear English only.
const ENGLISH_ONLY: i32 = 51_864;

/// Vocabularies of multilingual models: up to large-v2, and from large-v3 (which added Cantonese).
const MULTILINGUAL: [i32; 2] = [51_865, 51_866];

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub magic: u32,
    pub vocabulary: i32,
    pub audio_positions: i32,
    pub audio_state: i32,
    pub audio_heads: i32,
    pub audio_layers: i32,
    pub text_positions: i32,
    pub text_state: i32,
    pub text_heads: i32,
    pub text_layers: i32,
    pub mel_bins: i32,
}

impl Header {
    /// Reads the header.
    pub fn read(file: &Path) -> Result<Self, ModelError> {
        let failed = |source| ModelError::Io { path: file.to_owned(), source };
        let mut bytes = [0; 48];
        let mut opened = File::open(file).map_err(failed)?;
        opened
            .read_exact(&mut bytes)
            .map_err(|_| ModelError::unusable(file, "it is too short to be a ggml Whisper file"))?;
        Ok(Self::parse(&bytes))
    }

    fn parse(bytes: &[u8; 48]) -> Self {
        let field = |index: usize| {
            let at = index * 4;
            i32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        Self {
            magic: field(0).cast_unsigned(),
            vocabulary: field(1),
            audio_positions: field(2),
            audio_state: field(3),
            audio_heads: field(4),
            audio_layers: field(5),
            text_positions: field(6),
            text_state: field(7),
            text_heads: field(8),
            text_layers: field(9),
            mel_bins: field(10),
        }
    }

    /// Whether this program can use the model; why not, for people.
    pub fn check(&self) -> Result<(), String> {
        if self.magic != MAGIC {
            return Err(
                "it is no ggml Whisper file (wrong first bytes); files in GGUF, safetensors or PyTorch form \
                        must be converted first"
                    .into(),
            );
        }
        if self.vocabulary == ENGLISH_ONLY {
            return Err(
                "it hears English only; take a multilingual model (one without \".en\" in its name)".into()
            );
        }
        if !MULTILINGUAL.contains(&self.vocabulary) {
            return Err(format!(
                "its vocabulary has {} tokens instead of 51865 or 51866; added tokens shift the language codes, so \
                 that it would hear the wrong language",
                self.vocabulary
            ));
        }
        // whisper.cpp allocates what these say, and divides by the heads. The largest known model has 1,280 and 32.
        let divided = |state: i32, heads: i32| {
            (1..=64).contains(&heads) && (1..=4096).contains(&state) && state % heads == 0
        };
        let plausible = self.audio_positions == 1500
            && (64..=448).contains(&self.text_positions)
            && [80, 128].contains(&self.mel_bins)
            && self.audio_state == self.text_state
            && divided(self.audio_state, self.audio_heads)
            && divided(self.text_state, self.text_heads)
            && [self.audio_layers, self.text_layers].iter().all(|layers| (1..=64).contains(layers));
        if plausible { Ok(()) } else { Err("its header is damaged: impossible sizes".into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(change: impl Fn(&mut Header)) -> Header {
        let mut header = Header {
            magic: MAGIC,
            vocabulary: 51_865,
            audio_positions: 1500,
            audio_state: 384,
            audio_heads: 6,
            audio_layers: 4,
            text_positions: 448,
            text_state: 384,
            text_heads: 6,
            text_layers: 4,
            mel_bins: 80,
        };
        change(&mut header);
        header
    }

    #[test]
    fn multilingual_models_of_both_vocabularies_are_accepted() {
        assert_eq!(header(|_| ()).check(), Ok(()));
        assert_eq!(header(|h| (h.vocabulary, h.mel_bins) = (51_866, 128)).check(), Ok(()));
    }

    #[test]
    fn english_only_models_and_widened_vocabularies_are_refused_with_the_reason() {
        assert!(header(|h| h.vocabulary = 51_864).check().unwrap_err().contains("English only"));
        assert!(header(|h| h.vocabulary = 51_972).check().unwrap_err().contains("51972"));
        assert!(header(|h| h.magic = 0x4655_4747).check().unwrap_err().contains("no ggml"));
        let damages: [fn(&mut Header); 5] = [
            |h| h.audio_positions = 0,
            |h| h.audio_heads = 0,
            |h| h.text_heads = 7,
            |h| (h.audio_state, h.text_state) = (i32::MAX, i32::MAX),
            |h| h.text_layers = -1,
        ];
        for damage in damages {
            assert!(header(damage).check().unwrap_err().contains("damaged"));
        }
    }

    #[test]
    fn the_fields_are_where_whisper_cpp_writes_them() {
        let fields = [0x6767_6d6c_i32, 51_865, 1500, 384, 6, 4, 448, 384, 6, 4, 80, 1];
        let bytes: Vec<u8> = fields.iter().flat_map(|field| field.to_le_bytes()).collect();
        let parsed = Header::parse(bytes.as_slice().try_into().unwrap());
        assert_eq!(parsed, header(|_| ()));
    }
}
