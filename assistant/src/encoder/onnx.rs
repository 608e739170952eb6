//! A sentence encoder on ONNX Runtime.

use std::{fs, path::PathBuf, time::Instant};

use kb::{EncodeError, SentenceEncoder};
use parking_lot::Mutex;
use speech::runtime::{Numbers, OnnxModel, OnnxRuntime, SessionOptions};

use super::{
    EncoderError,
    dense_head::DenseHead,
    files::Files,
    hf_tokenizer::{TextTokenizer, Tokens},
    layout::{Layout, Pool},
};
use crate::config;

/// Texts run at once. More gain little on a processor and cost memory.
const BATCH: usize = 16;

/// Any sentence encoder with its tokenizer. Runs one batch at a time: workers wait for each other.
pub struct OnnxEncoder {
    name: String,
    dimensions: usize,
    tokenizer: TextTokenizer,
    prefix: String,
    batch: usize,
    layout: Layout,
    head: Option<DenseHead>,
    model: Mutex<OnnxModel>,
}

impl OnnxEncoder {
    /// Loads the model and its tokenizer, tries them on each other, and logs what they are and what they cost. Seconds.
    ///
    /// # Errors
    /// [`EncoderError`] where a file is missing or of another kind, or model and tokenizer do not belong together.
    pub fn load(settings: &config::Encoder, runtime: &OnnxRuntime) -> Result<Self, EncoderError> {
        let (began, before) = (Instant::now(), resident_bytes());
        let files = Files::find(&settings.path)?;
        let tokenizer = TextTokenizer::read(&files.tokenizer, files.most_tokens()?)?;
        let model = runtime.model(&files.model, SessionOptions { threads: settings.threads })?;
        let layout = Layout::of(&model, &files.model, &files.folder, settings.pooling)?;
        let (head, head_files) = match layout.pool {
            Pool::Ready => (None, None),
            Pool::Mean | Pool::First => DenseHead::read(&files.folder)?.unzip(),
        };
        let mut loaded = Self {
            name: name(&files, &layout, &head_files.unwrap_or_default(), &settings.prefix)?,
            dimensions: 0,
            tokenizer,
            prefix: settings.prefix.clone(),
            // Quantised models measure the range of a whole batch: a text's vector would depend on its neighbours.
            batch: if files.quantised() { 1 } else { BATCH },
            layout,
            head,
            model: Mutex::new(model),
        };
        loaded.warm_up().map_err(|reason| EncoderError::unusable(&files.model, reason))?;
        let megabytes = |bytes: u64| bytes / (1 << 20);
        tracing::info!(
            encoder = loaded.name,
            dimensions = loaded.dimensions,
            pooling = ?loaded.layout.pool,
            output = loaded.layout.output,
            file_megabytes = fs::metadata(&files.model).map_or(0, |file| megabytes(file.len())),
            memory_megabytes = megabytes(resident_bytes().saturating_sub(before)),
            seconds = began.elapsed().as_secs_f32(),
            "the sentence encoder is loaded"
        );
        Ok(loaded)
    }

    /// The first run allocates and prepares kernels: better now than while a citizen waits. It also shows the vectors'
    /// length, and on the highest token id that the model has a vector for everything that the tokenizer may say.
    fn warm_up(&mut self) -> Result<(), String> {
        let highest = self.tokenizer.highest();
        let last = Tokens { ids: vec![highest], types: vec![0] };
        let vectors = self.run(&[&last]).map_err(|reason| {
            format!(
                "it fails on token {highest} ({reason}); where its tokenizer.json has more tokens than the model, the two do \
                 not belong together: download both from the same place"
            )
        })?;
        self.dimensions = vectors.first().map_or(0, Vec::len);
        if self.dimensions == 0 {
            return Err("its vectors are empty".into());
        }
        self.check_languages()
    }

    /// Says so where the tokenizer cannot read one of our languages: its questions would all look alike.
    fn check_languages(&self) -> Result<(), String> {
        for (language, text) in [("Tibetan", "ཐོབ་ཐང་ལག་འཁྱེར་"), ("Chinese", "身份证")]
        {
            let share = self.tokenizer.unknown_share(text)?;
            if share > 0.5 {
                tracing::warn!(
                    encoder = self.name,
                    language,
                    "the sentence encoder's tokenizer cannot read this language; the dense view will not help there"
                );
            }
        }
        Ok(())
    }

    /// Vectors of one batch, normalised.
    fn run(&self, batch: &[&Tokens]) -> Result<Vec<Vec<f32>>, String> {
        let longest = batch.iter().map(|tokens| tokens.ids.len()).max().unwrap_or(0);
        let shape = vec![batch.len(), longest];
        let filled = |of: &dyn Fn(&Tokens) -> Vec<i64>, filler: i64| {
            let mut values = Vec::with_capacity(batch.len() * longest);
            for tokens in batch {
                let row = of(tokens);
                values.extend(&row);
                values.resize(values.len() + longest - row.len(), filler);
            }
            Numbers { shape: shape.clone(), values }
        };
        let [ids, mask, types] = Layout::INPUTS;
        let mut inputs = vec![
            (ids, filled(&|tokens| tokens.ids.clone(), self.tokenizer.padding())),
            (mask, filled(&|tokens| vec![1; tokens.ids.len()], 0)),
        ];
        if self.layout.types {
            inputs.push((types, filled(&|tokens| tokens.types.clone(), 0)));
        }
        let output = self.model.lock().run(inputs, &self.layout.output).map_err(|error| error.to_string())?;
        let lengths: Vec<usize> = batch.iter().map(|tokens| tokens.ids.len()).collect();
        let pooled = pool(&output, &lengths, longest, self.layout.pool)?;
        pooled.into_iter().map(|vector| self.finish(vector)).collect()
    }

    fn finish(&self, pooled: Vec<f32>) -> Result<Vec<f32>, String> {
        let mut vector = match &self.head {
            Some(head) if head.inputs() != pooled.len() => {
                return Err(format!(
                    "its vectors have {} numbers, and the Dense layer beside it takes {}",
                    pooled.len(),
                    head.inputs()
                ));
            }
            Some(head) => head.apply(&pooled),
            None => pooled,
        };
        let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
        if !length.is_finite() {
            return Err("it gave something that is no number".into());
        }
        if length > 0.0 {
            for number in &mut vector {
                *number /= length;
            }
        }
        Ok(vector)
    }
}

impl std::fmt::Debug for OnnxEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OnnxEncoder").field("name", &self.name).finish_non_exhaustive()
    }
}

impl SentenceEncoder for OnnxEncoder {
    fn dimensions(&self) -> usize {
        self.dimensions
    }

    fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EncodeError> {
        let failed = |reason| EncodeError::Engine { encoder: self.name.clone(), reason };
        let mut tokens = Vec::with_capacity(texts.len());
        for (place, text) in texts.iter().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
            let found = self.tokenizer.tokens(&format!("{}{text}", self.prefix)).map_err(failed)?;
            if !found.ids.is_empty() {
                tokens.push((place, found));
            }
        }
        // Texts of like length together: nothing is computed for padding.
        tokens.sort_by_key(|(_, tokens)| tokens.ids.len());
        let mut vectors = vec![vec![0.0; self.dimensions]; texts.len()];
        for batch in tokens.chunks(self.batch) {
            let run: Vec<&Tokens> = batch.iter().map(|(_, tokens)| tokens).collect();
            for ((place, _), vector) in batch.iter().zip(self.run(&run).map_err(failed)?) {
                vectors[*place] = vector;
            }
        }
        Ok(vectors)
    }

    fn name(&self) -> &str {
        &self.name
    }
}

/// One vector for each text from a model's output.
fn pool(
    output: &Numbers<f32>,
    lengths: &[usize],
    longest: usize,
    pool: Pool,
) -> Result<Vec<Vec<f32>>, String> {
    let texts = lengths.len();
    let said =
        || format!("its output has the shape {:?} for {texts} texts of up to {longest} tokens", output.shape);
    if pool == Pool::Ready {
        let [n, dimensions] = output.shape[..] else { return Err(said()) };
        let rows = output.values.chunks_exact(dimensions.max(1)).map(<[f32]>::to_vec);
        return if n == texts { Ok(rows.collect()) } else { Err(said()) };
    }
    let [n, t, dimensions] = output.shape[..] else { return Err(said()) };
    if n != texts || t != longest || dimensions == 0 {
        return Err(said());
    }
    let rows = output.values.chunks_exact(t * dimensions).zip(lengths);
    Ok(rows
        .map(|(row, length)| {
            let counted = if pool == Pool::First { 1 } else { *length };
            let mut sum = vec![0.0; dimensions];
            for token in row.chunks_exact(dimensions).take(counted) {
                sum.iter_mut().zip(token).for_each(|(sum, number)| *sum += number / counted as f32);
            }
            sum
        })
        .collect())
}

/// `encoder:FOLDER@HASH`, of everything that decides a vector.
fn name(files: &Files, layout: &Layout, extra: &[PathBuf], prefix: &str) -> Result<String, EncoderError> {
    let settings = format!("{}\n{:?}\n{prefix}\n{}", layout.output, layout.pool, files.most_tokens()?);
    let folder = files.folder.file_name().map_or("onnx".into(), |name| name.to_string_lossy());
    Ok(format!("encoder:{folder}@{}", files.hash(extra, &settings)?))
}

/// Memory of this process, in bytes; 0 where the system does not say (only Linux does, in this way).
fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kibibytes.unwrap_or(0) * 1024
}
