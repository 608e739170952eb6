//! What an encoder says, in every layout that it may be published in.

use assistant::{config::Pooling, encoder::OnnxEncoder};
use kb::SentenceEncoder;

use crate::{made, meanings, tiny, tiny::Export};

fn cosine(encoder: &OnnxEncoder, a: &str, b: &str) -> f32 {
    let vectors = encoder.encode(&[a, b]).unwrap();
    vectors[0].iter().zip(&vectors[1]).map(|(x, y)| x * y).sum()
}

fn near(a: f32, b: f32) -> bool {
    (a - b).abs() < 1e-5
}

/// The layouts, each with the pooling that fits it.
fn layouts() -> Vec<(&'static str, Export, Pooling)> {
    let tokens = || vec!["last_hidden_state"];
    vec![
        ("sentence-transformers", Export::default(), Pooling::Auto),
        (
            "pooler",
            Export { outputs: vec!["last_hidden_state", "pooler_output"], ..Export::default() },
            Pooling::Pooler,
        ),
        (
            "only a vector",
            Export { outputs: vec!["pooler_output"], types: false, ..Export::default() },
            Pooling::Auto,
        ),
        ("tokens", Export { outputs: tokens(), ..Export::default() }, Pooling::Mean),
        ("32 bits", Export { outputs: tokens(), narrow: true, ..Export::default() }, Pooling::Mean),
        ("no marks", Export { marks: false, types: false, ..Export::default() }, Pooling::Auto),
    ]
}

#[test]
fn the_same_question_in_tibetan_and_in_chinese_and_mixed_is_close_and_another_is_not() {
    for (name, export, pooling) in layouts() {
        let encoder = made(&export, pooling).unwrap();
        assert_eq!(encoder.dimensions(), 5, "{name}");
        let chinese = "我的身份证丢了怎么办";
        for same in ["ངའི་ཐོབ་ཐང་ལག་འཁྱེར་བོར་སོང་།", "ངའི་身份证བོར་སོང་", "居民证件不见了"]
        {
            assert!(near(cosine(&encoder, chinese, same), 1.0), "{name}: {same}");
        }
        assert!(near(cosine(&encoder, chinese, "དབྱར་རྩྭ་དགུན་འབུ་གསབ་སྩོལ་ག་དུས་"), 0.0), "{name}");
        // One of two meanings in common.
        assert!(near(cosine(&encoder, chinese, "བོར་སོང་虫草"), 0.5), "{name}");
    }
}

#[test]
fn the_first_token_alone_counts_where_that_is_configured() {
    let export =
        Export { outputs: vec!["last_hidden_state"], marks: false, types: false, ..Export::default() };
    let encoder = made(&export, Pooling::Cls).unwrap();
    assert!(near(cosine(&encoder, "身份证丢了", "ཐོབ་ཐང་ལག་འཁྱེར་གསབ་སྩོལ་"), 1.0));
    assert!(near(cosine(&encoder, "丢了身份证", "ཐོབ་ཐང་ལག་འཁྱེར་བོར་སོང་"), 0.0));
}

#[test]
fn a_batch_gives_what_single_texts_give_in_their_order() {
    let texts = [
        "身份证",
        "",
        "ང་ལ་གསབ་སྩོལ་ག་དུས་སྤྲོད་ཀྱི་རེད། 补贴什么时候",
        "😀",
        "虫草补贴什么时候丢了 ཐོབ་ཐང་ལག་འཁྱེར་",
        " \t\n",
        "བོར་སོང་",
    ];
    // More than one batch, of very different lengths.
    let many: Vec<&str> = texts.iter().copied().cycle().take(50).collect();
    for (name, export, pooling) in layouts() {
        let encoder = made(&export, pooling).unwrap();
        let batch = encoder.encode(&many).unwrap();
        assert_eq!(batch.len(), many.len());
        for (text, vector) in many.iter().zip(&batch) {
            let single = &encoder.encode(&[text]).unwrap()[0];
            assert!(vector.iter().zip(single).all(|(a, b)| near(*a, *b)), "{name}: {text:?}");
            let length = vector.iter().map(|n| n * n).sum::<f32>().sqrt();
            assert!(near(length, 1.0) || length == 0.0, "{name}: {text:?} has length {length}");
        }
    }
}

#[test]
fn an_empty_text_and_one_of_unknown_words_say_nothing_and_break_nothing() {
    for (name, export, pooling) in layouts() {
        let encoder = made(&export, pooling).unwrap();
        for text in ["", "   ", "\u{3000}", "😀", "?!", "\u{0}", "دفتر العائلة"] {
            assert_eq!(encoder.encode(&[text]).unwrap(), [vec![0.0; 5]], "{name}: {text:?}");
        }
        assert!(encoder.encode(&[]).unwrap().is_empty());
    }
}

#[test]
fn a_text_of_ten_thousand_words_is_cut_at_its_end_and_still_understood() {
    let encoder = made(&Export::default(), Pooling::Auto).unwrap();
    // 254 words fit between the two marks; what comes later does not count.
    let long = format!("{}{}", "身份证".repeat(254), "གསབ་སྩོལ་".repeat(10_000));
    assert!(near(cosine(&encoder, &long, "ཐོབ་ཐང་ལག་འཁྱེར་"), 1.0));
    let shorter = format!("{}{}", "身份证".repeat(253), "གསབ་སྩོལ་".repeat(10_000));
    assert!(cosine(&encoder, &shorter, "གསབ་སྩོལ་") > 0.0);
}

#[test]
fn a_models_own_limit_of_length_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path(), &meanings(), &Export::default());
    std::fs::write(folder.path().join("sentence_bert_config.json"), r#"{"max_seq_length": 10}"#).unwrap();
    let encoder = crate::load(folder.path(), Pooling::Auto).unwrap();
    let text = format!("{}{}", "身份证".repeat(8), "གསབ་སྩོལ་");
    assert!(near(cosine(&encoder, &text, "身份证"), 1.0));
}

#[test]
fn the_name_changes_with_everything_that_changes_a_vector() {
    let folder = tempfile::tempdir().unwrap();
    let tokens = Export { outputs: vec!["last_hidden_state"], ..Export::default() };
    tiny::write(folder.path(), &meanings(), &tokens);
    let name = |pooling| crate::load(folder.path(), pooling).unwrap().name().to_owned();
    let (mean, cls) = (name(Pooling::Mean), name(Pooling::Cls));
    assert_ne!(mean, cls);
    assert_eq!(mean, name(Pooling::Mean));
    let mut others = meanings();
    others[0].push("户口".to_owned());
    tiny::write(folder.path(), &others, &tokens);
    assert_ne!(mean, name(Pooling::Mean));
}
