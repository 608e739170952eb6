//! The optional sentence encoder: loading it, what it says, and what it finds.
#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod finding;
mod loading;
mod onnx_file;
mod tiny;
mod vectors;

use std::path::Path;

use assistant::{
    config::{Encoder, Pooling},
    encoder::{EncoderError, OnnxEncoder},
};
use speech::runtime::OnnxRuntime;

/// Words of a herder's questions, by meaning; Chinese, then Tibetan (which awaits a native reviewer).
const MEANINGS: [&[&str]; 5] = [
    &["身份证", "居民证件", "ཐོབ་ཐང་ལག་འཁྱེར་"],
    &["丢了", "不见了", "བོར་སོང་"],
    &["虫草", "དབྱར་རྩྭ་དགུན་འབུ་"],
    &["补贴", "གསབ་སྩོལ་"],
    &["什么时候", "ག་དུས་"],
];

fn meanings() -> Vec<Vec<String>> {
    MEANINGS.iter().map(|words| words.iter().map(|word| (*word).to_owned()).collect()).collect()
}

fn settings(path: &Path, pooling: Pooling) -> Encoder {
    Encoder { path: path.to_owned(), pooling, prefix: String::new(), threads: 1 }
}

fn load(path: &Path, pooling: Pooling) -> Result<OnnxEncoder, EncoderError> {
    let runtime = OnnxRuntime::load(None).expect("ONNX Runtime; run `make setup`");
    OnnxEncoder::load(&settings(path, pooling), &runtime)
}

/// The encoder of the tests as `export` has it.
fn made(export: &tiny::Export, pooling: Pooling) -> Result<OnnxEncoder, EncoderError> {
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path(), &meanings(), export);
    load(folder.path(), pooling)
}
