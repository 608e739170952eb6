//! Wrong files: every message names the file and says what to do.

use std::fs;

use assistant::{Configuration, config::Pooling};

use crate::{load, made, meanings, tiny, tiny::Export};

/// What loading the folder says.
fn complaint(folder: &std::path::Path, pooling: Pooling) -> String {
    load(folder, pooling).unwrap_err().to_string()
}

#[test]
fn a_folder_without_a_model_says_which_file_is_missing_and_how_to_make_it() {
    let folder = tempfile::tempdir().unwrap();
    let said = complaint(folder.path(), Pooling::Auto);
    assert!(said.contains("model.onnx") && said.contains("optimum-cli export onnx"), "{said}");
    tiny::write(folder.path(), &meanings(), &Export::default());
    fs::remove_file(folder.path().join("tokenizer.json")).unwrap();
    let said = complaint(folder.path(), Pooling::Auto);
    assert!(said.contains("tokenizer.json") && said.contains("save_pretrained"), "{said}");
}

#[test]
fn files_that_are_something_else_are_named() {
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path(), &meanings(), &Export::default());
    let (model, tokenizer) = (folder.path().join("model.onnx"), folder.path().join("tokenizer.json"));
    let (good_model, good_tokenizer) = (fs::read(&model).unwrap(), fs::read(&tokenizer).unwrap());
    fs::write(&model, &good_model[..good_model.len() / 2]).unwrap();
    let said = complaint(folder.path(), Pooling::Auto);
    assert!(said.contains("model.onnx") && said.contains("download it again"), "{said}");
    fs::write(&model, &good_model).unwrap();
    fs::write(&tokenizer, &good_tokenizer[..100]).unwrap();
    let said = complaint(folder.path(), Pooling::Auto);
    assert!(said.contains("tokenizer.json"), "{said}");
    fs::write(&tokenizer, &good_tokenizer).unwrap();
    fs::write(folder.path().join("sentence_bert_config.json"), r#"{"max_seq_length": 2}"#).unwrap();
    let said = complaint(folder.path(), Pooling::Auto);
    assert!(said.contains("sentence_bert_config.json") && said.contains("max_seq_length"), "{said}");
}

#[test]
fn a_model_that_is_no_sentence_encoder_or_was_exported_otherwise_says_so() {
    let fixed = Export { fixed: Some(128), ..Export::default() };
    let said = made(&fixed, Pooling::Auto).unwrap_err().to_string();
    assert!(said.contains("dynamic axes"), "{said}");
    let seed = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/seed/model.int8.onnx");
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path(), &meanings(), &Export::default());
    fs::copy(&seed, folder.path().join("model.onnx")).expect("the shipped recogniser");
    let said = complaint(folder.path(), Pooling::Auto);
    assert!(said.contains("another kind of model") && said.contains("input_ids"), "{said}");
}

#[test]
fn a_tokenizer_that_knows_more_than_the_model_is_refused_before_a_citizen_asks() {
    let said =
        made(&Export { foreign_words: 3, ..Export::default() }, Pooling::Auto).unwrap_err().to_string();
    assert!(said.contains("belong together"), "{said}");
}

#[test]
fn pooling_is_never_guessed() {
    let both = Export { outputs: vec!["last_hidden_state", "pooler_output"], ..Export::default() };
    let said = made(&both, Pooling::Auto).unwrap_err().to_string();
    assert!(said.contains("understanding.encoder.pooling") && said.contains("LaBSE"), "{said}");
    let vector = Export { outputs: vec!["sentence_embedding"], ..Export::default() };
    let said = made(&vector, Pooling::Mean).unwrap_err().to_string();
    assert!(said.contains("\"pooler\""), "{said}");
    let tokens = Export { outputs: vec!["last_hidden_state"], ..Export::default() };
    let said = made(&tokens, Pooling::Pooler).unwrap_err().to_string();
    assert!(said.contains("\"cls\" or \"mean\""), "{said}");
}

#[test]
fn a_layer_beside_the_model_is_applied_and_its_absence_is_noticed() {
    use kb::SentenceEncoder;
    let folder = tempfile::tempdir().unwrap();
    let tokens = Export { outputs: vec!["last_hidden_state"], marks: false, ..Export::default() };
    tiny::write(folder.path(), &meanings(), &tokens);
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("1_Pooling")).unwrap();
    fs::write(
        at("1_Pooling/config.json"),
        r#"{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}"#,
    )
    .unwrap();
    fs::write(at("modules.json"), r#"[{"path": "2_Dense", "type": "sentence_transformers.models.Dense"}]"#)
        .unwrap();
    let said = complaint(folder.path(), Pooling::Auto);
    assert!(said.contains("2_Dense") && said.contains("modules.json"), "{said}");
    fs::create_dir_all(at("2_Dense")).unwrap();
    let described = r#"{"in_features": 5, "out_features": 2, "bias": true,
        "activation_function": "torch.nn.modules.activation.Tanh"}"#;
    fs::write(at("2_Dense/config.json"), described).unwrap();
    let said = complaint(folder.path(), Pooling::Auto);
    assert!(said.contains("model.safetensors") && said.contains("optimum"), "{said}");
    // The first meaning becomes (tanh 1, tanh 2), the second (tanh 0, tanh 2).
    let numbers: Vec<f32> = vec![1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0];
    let header = r#"{"linear.weight":{"dtype":"F32","shape":[2,5],"data_offsets":[0,40]},
        "linear.bias":{"dtype":"F32","shape":[2],"data_offsets":[40,48]}}"#;
    let mut layer = (header.len() as u64).to_le_bytes().to_vec();
    layer.extend(header.as_bytes());
    layer.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    fs::write(at("2_Dense/model.safetensors"), &layer).unwrap();
    let encoder = load(folder.path(), Pooling::Auto).unwrap();
    let vectors = encoder.encode(&["ཐོབ་ཐང་ལག་འཁྱེར་丢了", "丢了"]).unwrap();
    let (x, y) = (1_f32.tanh(), 2_f32.tanh());
    let length = x.hypot(y);
    assert!(
        (vectors[0][0] - x / length).abs() < 1e-5 && (vectors[0][1] - y / length).abs() < 1e-5,
        "{vectors:?}"
    );
    assert!(vectors[1][0].abs() < 1e-5 && (vectors[1][1] - 1.0).abs() < 1e-5, "{vectors:?}");
    fs::write(at("2_Dense/model.safetensors"), &layer[..layer.len() - 4]).unwrap();
    assert!(complaint(folder.path(), Pooling::Auto).contains("not a whole one"));
}

#[test]
fn a_model_under_another_published_name_or_by_its_own_path_is_found() {
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path(), &meanings(), &Export::default());
    let deeper = folder.path().join("onnx/model_quantized.onnx");
    fs::create_dir_all(deeper.parent().unwrap()).unwrap();
    fs::rename(folder.path().join("model.onnx"), &deeper).unwrap();
    load(folder.path(), Pooling::Auto).unwrap();
    load(&deeper, Pooling::Auto).unwrap();
}

#[test]
fn the_configuration_takes_an_encoder_and_names_what_is_wrong_with_it() {
    let plain = Configuration::with("").unwrap();
    assert!(plain.understanding.encoder.is_none());
    let named =
        Configuration::with("[understanding.encoder]\npath = \"models/labse\"\npooling = \"cls\"").unwrap();
    let encoder = named.understanding.encoder.clone().unwrap();
    assert_eq!((encoder.pooling, encoder.threads), (Pooling::Cls, 1));
    assert_eq!(Configuration::with(&named.to_toml().unwrap()).unwrap(), named);
    for wrong in ["pooling = \"max\"", "threads = 0", "depth = 3"] {
        let error =
            Configuration::with(&format!("[understanding.encoder]\npath = \"x\"\n{wrong}")).unwrap_err();
        assert!(error.to_string().contains("encoder"), "{error}");
    }
}
