//! Which files of a downloaded folder are the encoder, and what the small ones say about it.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::EncoderError;

/// Where exports put the model, best first: full precision before quantised, the folder itself before `onnx/`
/// (sentence-transformers' and Xenova's layout).
const MODELS: [&str; 10] = [
    "model.onnx",
    "model_fp16.onnx",
    "model_quantized.onnx",
    "model_int8.onnx",
    "model.int8.onnx",
    "onnx/model.onnx",
    "onnx/model_fp16.onnx",
    "onnx/model_quantized.onnx",
    "onnx/model_int8.onnx",
    "onnx/model.int8.onnx",
];

const NO_MODEL: &str = "name the folder that an ONNX export was written to, or the .onnx file itself \
     (`optimum-cli export onnx --model sentence-transformers/LaBSE FOLDER` makes one)";
const NO_TOKENIZER: &str = "put the model's tokenizer.json beside it; it is published with the model, and \
     `AutoTokenizer.from_pretrained(NAME).save_pretrained(FOLDER)` makes it from the older vocab.txt";

/// Tokens of one text at most: what LaBSE was trained with. A citizen's question is far shorter, and attention costs the
/// square of the length.
const MOST_TOKENS: usize = 256;
/// A limit below this is a mistake in a file: not even the marks at both ends and a few words fit.
const FEWEST_TOKENS: usize = 8;

/// An encoder's files.
pub(super) struct Files {
    /// The ONNX model.
    pub model: PathBuf,
    /// `tokenizer.json`.
    pub tokenizer: PathBuf,
    /// The folder that the tokenizer lies in, and with it the files that describe the model.
    pub folder: PathBuf,
}

impl Files {
    /// Finds them from a folder or from the model's own path.
    pub(super) fn find(path: &Path) -> Result<Self, EncoderError> {
        let model = if path.is_file() {
            path.to_owned()
        } else {
            let missing = || EncoderError::Missing { path: path.join(MODELS[0]), hint: NO_MODEL };
            MODELS.iter().map(|name| path.join(name)).find(|model| model.is_file()).ok_or_else(missing)?
        };
        let beside = model.parent().unwrap_or(Path::new(".")).to_owned();
        let above = beside.parent().map(Path::to_owned);
        let folders = [Some(beside.clone()), above].into_iter().flatten();
        let folder = folders
            .into_iter()
            .find(|folder| folder.join("tokenizer.json").is_file())
            .ok_or(EncoderError::Missing { path: beside.join("tokenizer.json"), hint: NO_TOKENIZER })?;
        Ok(Self { model, tokenizer: folder.join("tokenizer.json"), folder })
    }

    /// Whether the model's name says that it is quantised.
    pub(super) fn quantised(&self) -> bool {
        let name = self.model.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        ["quant", "int8", "uint8", "q4", "q8"].iter().any(|mark| name.contains(mark))
    }

    /// The longest text in tokens: the smallest of what the files say, and never above 256.
    pub(super) fn most_tokens(&self) -> Result<usize, EncoderError> {
        let mut most = MOST_TOKENS;
        let limits: [(&str, &[&str]); 4] = [
            ("sentence_bert_config.json", &["max_seq_length"]),
            ("tokenizer.json", &["truncation", "max_length"]),
            ("tokenizer_config.json", &["model_max_length"]),
            ("config.json", &["max_position_embeddings"]),
        ];
        for (file, keys) in limits {
            let path = self.folder.join(file);
            let Some(content) = json(&path)? else { continue };
            let limit = keys.iter().try_fold(&content, |value, key| value.get(key)).and_then(Value::as_u64);
            let Some(limit) = limit.and_then(|limit| usize::try_from(limit).ok()) else { continue };
            if limit < FEWEST_TOKENS {
                let reason = format!("{} is {limit}; at least {FEWEST_TOKENS} are needed", keys.join("."));
                return Err(EncoderError::unusable(&path, reason));
            }
            most = most.min(limit);
        }
        Ok(most)
    }

    /// The first 12 hexadecimal digits of the SHA-256 of everything that decides a vector: all files of the model (weights
    /// may lie beside it, under names that begin with its own), the tokenizer, `extra` files and `settings`.
    pub(super) fn hash(&self, extra: &[PathBuf], settings: &str) -> Result<String, EncoderError> {
        let mut digest = Sha256::new();
        let name = self.model.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let folder = self.model.parent().unwrap_or(Path::new("."));
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| EncoderError::Io { path, source }
        };
        let mut parts: Vec<PathBuf> = fs::read_dir(folder)
            .map_err(failed(folder))?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| {
                path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name.as_str()))
            })
            .collect();
        parts.sort();
        parts.push(self.tokenizer.clone());
        parts.extend_from_slice(extra);
        for part in &parts {
            add(&mut digest, part).map_err(failed(part))?;
        }
        digest.update(settings);
        let start =
            digest.finalize().iter().take(6).fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
        Ok(format!("{start:012x}"))
    }
}

/// A JSON file's content; `None` where there is no such file.
pub(super) fn json(path: &Path) -> Result<Option<Value>, EncoderError> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|e| EncoderError::unusable(path, e)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(EncoderError::Io { path: path.to_owned(), source }),
    }
}

fn add(digest: &mut Sha256, path: &Path) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        digest.update(&buffer[..read]);
    }
}
