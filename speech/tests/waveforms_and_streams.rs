//! Loaders of published layouts that hear waveforms or streams, on small models of exactly those layouts
//! (`training/layouts/ears.py`): token for token what sherpa-onnx makes of them, or onnxruntime in Python where sherpa-onnx has no loader.

#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "test code; what is compared is passed on, not computed"
)]

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use language::{FormBatch, Language, SpokenForm};
use serde_json::Value;
use speech::{
    DecodeOptions, Live, TranscribeError, TranscribeRequest, Transcriber, Transcript,
    decode::{Bias, BiasPhrase},
    runtime::{OnnxRuntime, SessionOptions},
    transcriber::{
        ModelError,
        onnx::{FrontEnd, OnnxTranscriber},
        waveform::WaveformTranscriber,
        zipformer::ZipformerTranscriber,
    },
};

const LAYOUTS: [&str; 3] = ["omnilingual", "wav2vec2", "zipformer_streaming"];

/// What the tests ask of any of these engines.
trait Ear: Transcriber {
    fn classes(&mut self, audio: &[f32]) -> Result<Vec<u32>, TranscribeError>;
}

impl Ear for WaveformTranscriber {
    fn classes(&mut self, audio: &[f32]) -> Result<Vec<u32>, TranscribeError> {
        self.greedy(audio)
    }
}

impl Ear for ZipformerTranscriber {
    fn classes(&mut self, audio: &[f32]) -> Result<Vec<u32>, TranscribeError> {
        self.greedy(audio)
    }
}

fn fixture(layout: &str) -> PathBuf {
    support::root().join("speech/tests/fixtures").join(layout)
}

fn load_from(layout: &str, folder: &Path) -> Result<Box<dyn Ear>, ModelError> {
    let (runtime, options) = (OnnxRuntime::load(None).unwrap(), SessionOptions::default());
    Ok(if layout == "zipformer_streaming" {
        Box::new(ZipformerTranscriber::load(folder, &Language::ALL, &runtime, options)?)
    } else {
        Box::new(WaveformTranscriber::load(folder, &Language::ALL, &runtime, options)?)
    })
}

fn load(layout: &str) -> Box<dyn Ear> {
    load_from(layout, &fixture(layout)).unwrap()
}

fn refusal(layout: &str, folder: &Path) -> String {
    load_from(layout, folder).err().map(|error| error.to_string()).unwrap_or_default()
}

/// A copy of a fixture that may be damaged.
fn copy(layout: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fixture(layout).read_dir().unwrap().map(Result::unwrap).filter(|e| e.path().is_file()) {
        fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    folder
}

/// The clip that `clip` of the script makes.
fn clip(seed: u32, seconds: f64) -> Vec<f32> {
    let mut state = seed;
    let mut draw = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state) / 4_294_967_296.0
    };
    let count = (seconds * 16_000.0) as usize;
    let mut samples = Vec::with_capacity(count + 4000);
    while samples.len() < count {
        let (low, high) = (120.0 + 900.0 * draw(), 300.0 + 3000.0 * draw());
        let level = 0.05 + 0.4 * draw();
        let noise = 0.1 * draw() * draw();
        let length = (16_000.0 * (0.06 + 0.15 * draw())) as usize;
        for i in 0..length {
            let partial = |hz: f64| (std::f64::consts::TAU * hz * i as f64 / 16_000.0).sin();
            let envelope = (std::f64::consts::PI * i as f64 / length as f64).sin();
            let tone = 0.6 * partial(low) + 0.4 * partial(high);
            samples.push((level * envelope * tone + noise * (draw() - 0.5)) as f32);
        }
    }
    samples.truncate(count);
    samples
}

/// The clips of a fixture with the tokens and text that are expected of them.
fn expected(layout: &str) -> Vec<(Vec<f32>, Vec<u32>, String)> {
    let record = fs::read_to_string(fixture(layout).join("expected.json")).unwrap();
    let record: Value = serde_json::from_str(&record).unwrap();
    let clips = record["clips"].as_array().unwrap();
    clips
        .iter()
        .map(|wanted| {
            let seed = wanted["seed"].as_u64().unwrap() as u32;
            let tokens = wanted["tokens"].as_array().unwrap();
            (
                clip(seed, wanted["seconds"].as_f64().unwrap()),
                tokens.iter().map(|token| token.as_u64().unwrap() as u32).collect(),
                wanted["text"].as_str().unwrap().to_owned(),
            )
        })
        .collect()
}

fn hear(ear: &mut dyn Ear, audio: &[f32]) -> Transcript {
    ear.transcribe(audio, &TranscribeRequest::default()).unwrap()
}

/// Words as they are, spaces between them as one.
fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn tokens_and_text_are_those_of_the_reference() {
    for layout in LAYOUTS {
        let mut ear = load(layout);
        let clips = expected(layout);
        let mut count = 0;
        for (samples, tokens, text) in &clips {
            assert_eq!(&ear.classes(samples).unwrap(), tokens, "{layout}");
            let transcript = hear(ear.as_mut(), samples);
            assert_eq!(spaced(transcript.text()), spaced(text), "{layout}");
            count += tokens.len();
        }
        println!("{layout}: {} clips, {count} tokens equal", clips.len());
        assert!(clips.len() >= 16 && count > 200);
    }
}

#[test]
fn words_carry_times_and_the_text_is_made_of_them() {
    for layout in LAYOUTS {
        let mut ear = load(layout);
        for (samples, _, _) in &expected(layout)[..4] {
            let transcript = hear(ear.as_mut(), samples);
            let reading = &transcript.hypotheses[0];
            let joined: String = reading.words.iter().map(|word| word.text.as_str()).collect();
            // Signs between words are in the text only.
            let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
            assert_eq!(letters(&joined), letters(&reading.text), "{layout}");
            let times: Vec<u32> =
                reading.words.iter().flat_map(|word| [word.start_ms, word.end_ms]).collect();
            assert!(times.is_sorted(), "{layout}: {times:?}");
            // Streams end with silence, in which words may still be written down.
            assert!(*times.last().unwrap() as f32 <= transcript.seconds * 1000.0 + 700.0, "{layout}");
            assert!(reading.words.iter().all(|word| word.confidence.unwrap() > 0.0));
        }
    }
}

#[test]
fn evidence_prefers_what_was_heard() {
    for layout in LAYOUTS {
        let mut ear = load(layout);
        assert!(ear.capabilities().evidence && ear.capabilities().dictation);
        let mut right = 0;
        let clips = expected(layout);
        for (samples, _, text) in &clips {
            let evidence = hear(ear.as_mut(), samples).evidence.unwrap();
            let heard: String = text.chars().filter(|c| !c.is_whitespace()).collect();
            let reversed: String = heard.chars().rev().collect();
            let forms = [heard, reversed, "社保".to_owned(), "囍".to_owned()];
            let forms = forms.map(|text| SpokenForm { text, pronunciations: Vec::new() });
            let scores = evidence.whole(&FormBatch::new(forms.into()));
            assert_eq!(scores[3], f32::NEG_INFINITY, "{layout}: no class has this character");
            right += usize::from(scores[0] > scores[1] && scores[0] > scores[2]);
        }
        println!("{layout}: what was heard wins in {right} of {} clips", clips.len());
        assert!(right + 1 >= clips.len(), "{layout}: {right}");
    }
}

#[test]
fn a_stream_writes_the_same_however_it_is_cut_and_never_takes_anything_back() {
    let runtime = OnnxRuntime::load(None).unwrap();
    let folder = fixture("zipformer_streaming");
    let mut engine =
        ZipformerTranscriber::load(&folder, &Language::ALL, &runtime, SessionOptions::default()).unwrap();
    for (samples, tokens, _) in &expected("zipformer_streaming")[..6] {
        for piece in [1, 160, 1234, 5120, samples.len()] {
            // One sample at a time is slow: a second is enough.
            let samples = if piece == 1 { &samples[..samples.len().min(16_000)] } else { samples };
            let mut stream = engine.open().unwrap();
            let mut before: Vec<u32> = Vec::new();
            for piece in samples.chunks(piece) {
                stream.push(&mut engine, piece).unwrap();
                let now = stream.classes();
                assert!(now.starts_with(&before));
                before = now;
            }
            stream.finish(&mut engine).unwrap();
            stream.push(&mut engine, &vec![0.5; 16_000]).unwrap();
            let whole = if piece == 1 { engine.greedy(samples).unwrap() } else { tokens.clone() };
            assert_eq!(stream.classes(), whole, "in pieces of {piece}");
        }
    }
}

#[test]
fn two_streams_through_one_engine_do_not_disturb_each_other() {
    let runtime = OnnxRuntime::load(None).unwrap();
    let folder = fixture("zipformer_streaming");
    let mut engine =
        ZipformerTranscriber::load(&folder, &Language::ALL, &runtime, SessionOptions::default()).unwrap();
    let clips = &expected("zipformer_streaming")[..2];
    let mut streams = [engine.open().unwrap(), engine.open().unwrap()];
    for at in (0..200_000).step_by(3000) {
        for (stream, (samples, _, _)) in streams.iter_mut().zip(clips) {
            let piece = samples.get(at.min(samples.len())..(at + 3000).min(samples.len()));
            stream.push(&mut engine, piece.unwrap()).unwrap();
        }
    }
    for (stream, (_, tokens, _)) in streams.iter_mut().zip(clips) {
        stream.finish(&mut engine).unwrap();
        assert_eq!(&stream.classes(), tokens);
    }
}

/// By what the folder holds, as the configuration's engine `ctc` does.
fn by_folder(folder: &Path) -> Result<OnnxTranscriber, ModelError> {
    let (runtime, options) = (OnnxRuntime::load(None).unwrap(), SessionOptions::default());
    OnnxTranscriber::load(folder, &Language::ALL, &runtime, options, FrontEnd::default())
}

#[test]
fn the_folder_tells_which_layout_it_holds() {
    for layout in LAYOUTS {
        let mut engine = by_folder(&fixture(layout)).unwrap();
        let mut direct = load(layout);
        assert_eq!(engine.name(), direct.name());
        assert_eq!(engine.capabilities(), direct.capabilities());
        let (samples, tokens, text) = &expected(layout)[0];
        assert_eq!(engine.tokens(samples).unwrap().len(), tokens.len(), "{layout}");
        let heard = engine.transcribe(samples, &TranscribeRequest::default()).unwrap();
        assert_eq!(spaced(heard.text()), spaced(text), "{layout}");
        assert_eq!(heard.hypotheses, hear(direct.as_mut(), samples).hypotheses);
        assert_eq!(engine.begin(&TranscribeRequest::default()).is_some(), layout == "zipformer_streaming");
    }
    let folder = copy("wav2vec2");
    fs::remove_file(folder.path().join("vocab.json")).unwrap();
    let error = by_folder(folder.path()).err().unwrap();
    assert!(
        matches!(error, ModelError::Missing { .. }) && error.to_string().contains("vocab.json"),
        "{error}"
    );
}

#[test]
fn what_is_asked_of_the_decoding_is_heeded() {
    let mut turned = 0;
    for layout in LAYOUTS {
        let mut ear = load(layout);
        let (samples, _, _) = &expected(layout)[0];
        let mut read = |decoding: DecodeOptions| {
            let request = TranscribeRequest { decoding, ..TranscribeRequest::default() };
            ear.transcribe(samples, &request).unwrap().hypotheses
        };
        let several = read(DecodeOptions { beam: 8, nbest: 4, ..DecodeOptions::default() });
        assert!(several.len() > 1, "{layout}: {}", several.len());
        // Where the second reading differs from the first, with a character on either side: expected, it is heard.
        let (first, second) = (&several[0].text, &several[1].text);
        let same = first.chars().zip(second.chars()).take_while(|(a, b)| a == b).count();
        let phrase: String = second.chars().skip(same.saturating_sub(1)).take(3).collect();
        if first.contains(&phrase) || !phrase.chars().all(char::is_alphanumeric) {
            continue;
        }
        let bias = Arc::new(Bias::new([BiasPhrase { text: phrase.clone(), weight: 2.0 }]));
        let expecting = read(DecodeOptions { beam: 8, bias, ..DecodeOptions::default() });
        assert!(expecting[0].text.contains(&phrase), "{layout}: {phrase} in {}", expecting[0].text);
        turned += 1;
    }
    assert!(turned > 0);
}

#[test]
fn an_utterance_heard_while_it_is_spoken_is_written_as_the_whole_is() {
    let mut engine = by_folder(&fixture("zipformer_streaming")).unwrap();
    let decoding = DecodeOptions { beam: 4, nbest: 2, ..DecodeOptions::default() };
    let requests = [
        TranscribeRequest { language: Some(Language::Zh), ..TranscribeRequest::default() },
        TranscribeRequest { decoding, ..TranscribeRequest::default() },
    ];
    let form = |text: &str| SpokenForm { text: text.to_owned(), pronunciations: Vec::new() };
    for request in &requests {
        let clips = &expected("zipformer_streaming")[..3];
        let mut lives: Vec<Live> = clips.iter().map(|_| engine.begin(request).unwrap()).collect();
        let most = clips.iter().map(|(samples, _, _)| samples.len()).max().unwrap();
        let mut before = vec![String::new(); clips.len()];
        for at in (0..most).step_by(5120) {
            let mut more: Vec<(&mut Live, &[f32])> = lives
                .iter_mut()
                .zip(clips)
                .map(|(live, (samples, _, _))| {
                    (live, &samples[at.min(samples.len())..(at + 5120).min(samples.len())])
                })
                .collect();
            engine.hear(&mut more).unwrap();
            for (live, before) in lives.iter().zip(&mut before) {
                // As if it ended here; it goes on all the same.
                let over = engine.conclude(live, true).unwrap();
                let so_far = engine.conclude(live, false).unwrap();
                assert!(so_far.evidence.is_none());
                assert!(so_far.text().starts_with(&*before), "what is heard so far only grows");
                if request.decoding.is_greedy() {
                    assert!(over.text().starts_with(so_far.text()));
                }
                so_far.text().clone_into(before);
            }
        }
        for (live, (samples, _, text)) in lives.iter().zip(clips) {
            let (heard, whole) =
                (engine.conclude(live, true).unwrap(), engine.transcribe(samples, request).unwrap());
            assert_eq!(heard.hypotheses, whole.hypotheses);
            assert_eq!((heard.language, heard.seconds), (request.language, whole.seconds));
            let batch = FormBatch::new(vec![form(text), form("社保")]);
            let scores = |transcript: &Transcript| transcript.evidence.as_ref().unwrap().whole(&batch);
            assert_eq!(scores(&heard), scores(&whole));
        }
    }
}

#[test]
fn a_live_utterance_that_is_silent_or_too_long_or_foreign_harms_no_other() {
    let mut engine = by_folder(&fixture("zipformer_streaming")).unwrap();
    let request = TranscribeRequest::default();
    let mut lives: Vec<Live> = (0..2).map(|_| engine.begin(&request).unwrap()).collect();
    let (samples, _, _) = &expected("zipformer_streaming")[0];
    let silence = vec![0.0; 61 * 16_000];
    let [long, other] = lives.as_mut_slice() else { unreachable!() };
    engine.hear(&mut [(long, &silence[..16_000]), (other, samples)]).unwrap();
    assert!(engine.conclude(long, true).unwrap().hypotheses.is_empty());
    engine.hear(&mut [(long, &silence)]).unwrap();
    assert!(matches!(engine.conclude(long, true), Err(TranscribeError::TooLong { .. })));
    let whole = engine.transcribe(samples, &request).unwrap();
    assert_eq!(engine.conclude(other, true).unwrap().hypotheses, whole.hypotheses);
    let mut whole_only = by_folder(&fixture("omnilingual")).unwrap();
    assert!(whole_only.conclude(other, true).is_err() && whole_only.hear(&mut [(other, samples)]).is_err());
}

#[test]
fn nothing_is_made_up_over_silence_and_no_sound_is_an_error() {
    for layout in LAYOUTS {
        let mut ear = load(layout);
        for silence in [vec![], vec![0.0], vec![0.0; 16_000], vec![f32::NAN; 8000], vec![1e-6; 40 * 16_000]] {
            let transcript = hear(ear.as_mut(), &silence);
            assert!(transcript.hypotheses.is_empty() && transcript.evidence.is_none(), "{layout}");
        }
        for odd in [vec![0.5], vec![-1.0; 79], vec![f32::INFINITY, 0.1, f32::NAN], vec![1e30; 700]] {
            ear.transcribe(&odd, &TranscribeRequest::default()).unwrap();
        }
        let most = ear.capabilities().max_seconds;
        let long = vec![0.1; ((most + 1.0) * 16_000.0) as usize];
        let error = ear.transcribe(&long, &TranscribeRequest::default()).unwrap_err();
        assert!(matches!(error, TranscribeError::TooLong { max, .. } if max == most), "{layout}: {error}");
    }
}

#[test]
fn damaged_and_missing_files_are_refused_with_a_reason() {
    for layout in LAYOUTS {
        let model = fs::read(fixture(layout).join("model.onnx")).unwrap();
        let folder = copy(layout);
        for bytes in [&model[..0], &model[..100], &model[..model.len() / 2], &b"not a model at all"[..]] {
            fs::write(folder.path().join("model.onnx"), bytes).unwrap();
            assert!(
                refusal(layout, folder.path()).contains("cannot be used"),
                "{layout}: {} bytes",
                bytes.len()
            );
        }
        fs::remove_file(folder.path().join("model.onnx")).unwrap();
        assert!(refusal(layout, folder.path()).contains("missing"), "{layout}");
        let folder = copy(layout);
        for name in ["tokens.txt", "vocab.json"] {
            // Only one of the two is there.
            let _ = fs::remove_file(folder.path().join(name));
        }
        assert!(refusal(layout, folder.path()).contains("missing"), "{layout}");
    }
}

#[test]
fn a_vocabulary_of_another_size_is_refused() {
    for layout in ["omnilingual", "zipformer_streaming"] {
        let folder = copy(layout);
        let path = folder.path().join("tokens.txt");
        let tokens = fs::read_to_string(&path).unwrap();
        let count = tokens.lines().count();
        fs::write(&path, format!("{tokens}更 {count}\n")).unwrap();
        assert!(refusal(layout, folder.path()).contains("classes"), "{layout}: one more");
        let fewer = tokens.lines().take(count - 1).collect::<Vec<_>>().join("\n");
        fs::write(&path, fewer).unwrap();
        assert!(refusal(layout, folder.path()).contains("classes"), "{layout}: one less");
    }
    let folder = copy("wav2vec2");
    let path = folder.path().join("vocab.json");
    let mut vocabulary: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    vocabulary["bod"].as_object_mut().unwrap().insert("更".into(), 500.into());
    fs::write(&path, vocabulary.to_string()).unwrap();
    assert!(refusal("wav2vec2", folder.path()).contains("vocab.json"));
    fs::write(&path, "{\"<pad>\": 0").unwrap();
    assert!(refusal("wav2vec2", folder.path()).contains("cannot be used"));
}

#[test]
fn another_layout_is_refused_with_its_name() {
    let stream = fixture("zipformer_streaming");
    assert!(refusal("omnilingual", &stream).contains("zipformer2"));
    assert!(refusal("zipformer_streaming", &fixture("omnilingual")).contains("omnilingual-asr"));
    let folder = copy("zipformer_streaming");
    // A transducer's encoder: the same but for the name of what it gives.
    let mut model = fs::read(stream.join("model.onnx")).unwrap();
    let (theirs, name) = (b"log_probs", b"encod_out");
    for at in 0..model.len() - name.len() {
        if model[at..].starts_with(theirs) {
            model[at..at + name.len()].copy_from_slice(name);
        }
    }
    fs::write(folder.path().join("model.onnx"), model).unwrap();
    assert!(refusal("zipformer_streaming", folder.path()).contains("transducer"));
    let rate = copy("wav2vec2");
    fs::write(rate.path().join("preprocessor_config.json"), r#"{"sampling_rate": 8000}"#).unwrap();
    assert!(refusal("wav2vec2", rate.path()).contains("8000"));
}

#[test]
fn weights_beside_the_model_are_found_and_missed() {
    let whole = load("omnilingual").classes(&clip(1, 2.0)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let external = fixture("omnilingual").join("external_weights");
    for name in ["model.onnx", "model.weights", "tokens.txt"] {
        fs::copy(external.join(name), folder.path().join(name)).unwrap();
    }
    let split = load_from("omnilingual", folder.path()).unwrap().classes(&clip(1, 2.0)).unwrap();
    assert_eq!(split, whole);
    let weights = folder.path().join("model.weights");
    fs::write(&weights, &fs::read(&weights).unwrap()[..1000]).unwrap();
    assert!(refusal("omnilingual", folder.path()).contains("cannot be used"), "cut short");
    fs::remove_file(weights).unwrap();
    assert!(refusal("omnilingual", folder.path()).contains("cannot be used"), "missing");
}

#[test]
fn a_streams_metadata_must_make_sense() {
    let model = fs::read(fixture("zipformer_streaming").join("model.onnx")).unwrap();
    // A key and its value as the file has them: a length, the key, the value's tag, its length, the value.
    let entry = |key: &str, value: &str| {
        let sized = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
        [sized(key), vec![0x12], sized(value)].concat()
    };
    let folder = copy("zipformer_streaming");
    for (key, is, becomes, reason) in [
        ("T", "45", "31", "skip sound"),
        ("T", "45", "46", "is not f32 of the shape"),
        ("decode_chunk_len", "32", "-2", "no list of sizes"),
        ("decode_chunk_len", "32", "00", "no list of sizes"),
        ("left_context_len", "16,8", "17,8", "is not f32 of the shape"),
        ("left_context_len", "16,8", "1698", "lists of different lengths"),
        ("num_encoder_layers", "1,2", "1,9", "its metadata speaks of"),
        ("encoder_dims", "32,48", "a,48,", "no list of sizes"),
        ("num_heads", "2,4", "999", "lists of different lengths"),
    ] {
        let (is, becomes) = (entry(key, is), entry(key, becomes));
        let at = model.windows(is.len()).position(|window| window == is).unwrap();
        let mut damaged = model.clone();
        damaged[at..at + is.len()].copy_from_slice(&becomes);
        fs::write(folder.path().join("model.onnx"), damaged).unwrap();
        let said = refusal("zipformer_streaming", folder.path());
        assert!(said.contains(reason), "{key}: {said}");
    }
}
