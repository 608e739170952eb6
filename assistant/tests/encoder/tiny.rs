//! A sentence encoder that the tests make themselves, in the layouts that real ones are published in: an embedding for each
//! word, the mean of a text's words, a projection. Words of one meaning have one vector, in whatever language, so that it is
//! known what must be found.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Value, json};

use crate::onnx_file::{Element, Graph};

/// Marks that every BERT has, in the order of their ids.
const MARKS: [&str; 4] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"];

/// How it is published.
#[derive(Clone)]
pub struct Export {
    /// The outputs, of `last_hidden_state`, `pooler_output` and `sentence_embedding`; the latter two are the projected mean.
    pub outputs: Vec<&'static str>,
    /// Whether it takes `token_type_ids`.
    pub types: bool,
    /// Whether it takes 32-bit integers.
    pub narrow: bool,
    /// Whether it was exported for texts of exactly so many tokens.
    pub fixed: Option<u64>,
    /// Whether the tokenizer puts marks at both ends.
    pub marks: bool,
    /// Words that the tokenizer has and the model lacks.
    pub foreign_words: u64,
}

impl Default for Export {
    fn default() -> Self {
        let outputs = vec!["last_hidden_state", "sentence_embedding"];
        Self { outputs, types: true, narrow: false, fixed: None, marks: true, foreign_words: 0 }
    }
}

/// Writes `model.onnx` and `tokenizer.json` into a folder. `meanings`: words that mean the same, by meaning.
pub fn write(folder: &Path, meanings: &[Vec<String>], export: &Export) {
    fs::create_dir_all(folder).unwrap();
    let words: Vec<(&str, usize)> = meanings
        .iter()
        .enumerate()
        .flat_map(|(m, words)| words.iter().map(move |w| (w.as_str(), m)))
        .collect();
    fs::write(folder.join("model.onnx"), model(&words, meanings.len(), export)).unwrap();
    fs::write(folder.join("tokenizer.json"), tokenizer(&words, export).to_string()).unwrap();
}

fn model(words: &[(&str, usize)], dimensions: usize, export: &Export) -> Vec<u8> {
    let d = dimensions as u64;
    let mut graph = Graph::default();
    let integers = if export.narrow { Element::Int32 } else { Element::Int64 };
    let shape = [None, export.fixed];
    graph.input("input_ids", integers, &shape);
    graph.input("attention_mask", integers, &shape);
    // Unknown words and the marks mean nothing. Padding is loud: whoever lets it through the mask hears it.
    let mut table = vec![0.0; MARKS.len() * dimensions];
    table[..dimensions].fill(7.0);
    for (_, meaning) in words {
        table.extend((0..dimensions).map(|at| f32::from(u8::from(at == *meaning))));
    }
    graph.floats("table", &[(MARKS.len() + words.len()) as u64, d], &table);
    if export.types {
        graph.input("token_type_ids", integers, &shape);
        graph.node("Gather", &["table", "input_ids"], "words", &[("axis", 0)]);
        graph.floats("segments", &[2, d], &[vec![0.0; dimensions], vec![9.0; dimensions]].concat());
        graph.node("Gather", &["segments", "token_type_ids"], "segment", &[("axis", 0)]);
        graph.node("Add", &["words", "segment"], "last_hidden_state", &[]);
    } else {
        graph.node("Gather", &["table", "input_ids"], "last_hidden_state", &[("axis", 0)]);
    }
    graph.node("Cast", &["attention_mask"], "mask", &[("to", Element::Float as u64)]);
    graph.integers("second", &[1]);
    graph.integers("third", &[2]);
    graph.node("Unsqueeze", &["mask", "third"], "column", &[]);
    graph.node("Mul", &["last_hidden_state", "column"], "own", &[]);
    graph.node("ReduceSum", &["own", "second"], "sum", &[("keepdims", 0)]);
    graph.node("ReduceSum", &["mask", "second"], "count", &[("keepdims", 1)]);
    graph.node("Div", &["sum", "count"], "mean", &[]);
    // A projection that turns the vectors and keeps their angles: the dimensions in reverse order, three times as long.
    let turned =
        |row: usize| (0..dimensions).map(move |at| if at + row + 1 == dimensions { 3.0 } else { 0.0 });
    graph.floats("projection", &[d, d], &(0..dimensions).flat_map(turned).collect::<Vec<f32>>());
    for output in &export.outputs {
        if *output == "last_hidden_state" {
            graph.output(output, Element::Float, &[None, None, Some(d)]);
        } else {
            graph.node("MatMul", &["mean", "projection"], output, &[]);
            graph.output(output, Element::Float, &[None, Some(d)]);
        }
    }
    graph.file()
}

/// A word-level tokenizer that finds its words in running text, longest first, also where scripts touch.
fn tokenizer(words: &[(&str, usize)], export: &Export) -> Value {
    let mut vocabulary: BTreeMap<String, usize> = MARKS
        .iter()
        .chain(words.iter().map(|(word, _)| word))
        .zip(0..)
        .map(|(w, id)| ((*w).to_owned(), id))
        .collect();
    for number in 0..export.foreign_words {
        vocabulary.insert(format!("foreign{number}"), vocabulary.len());
    }
    let mut longest_first: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    longest_first.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let mark = |id: usize, name: &str| {
        json!({"id": id, "content": name, "single_word": false, "lstrip": false, "rstrip": false,
               "normalized": false, "special": true})
    };
    let special = |name: &str, id: usize| json!({"id": name, "ids": [id], "tokens": [name]});
    let (begin, end) = (
        json!({"SpecialToken": {"id": "[CLS]", "type_id": 0}}),
        json!({"SpecialToken": {"id": "[SEP]", "type_id": 0}}),
    );
    let (first, second) =
        (json!({"Sequence": {"id": "A", "type_id": 0}}), json!({"Sequence": {"id": "B", "type_id": 1}}));
    let template = json!({
        "type": "TemplateProcessing",
        "single": [begin, first, end],
        "pair": [begin, first, end, second, end],
        "special_tokens": {"[CLS]": special("[CLS]", 2), "[SEP]": special("[SEP]", 3)},
    });
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": MARKS.iter().enumerate().map(|(id, name)| mark(id, name)).collect::<Vec<_>>(),
        "normalizer": null,
        "pre_tokenizer": {
            "type": "Split", "pattern": {"Regex": longest_first.join("|")}, "behavior": "Isolated", "invert": false,
        },
        "post_processor": if export.marks { template } else { Value::Null },
        "decoder": null,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]"},
    })
}
