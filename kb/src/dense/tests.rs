use std::sync::atomic::{AtomicUsize, Ordering};

use language::Language;

use super::*;

/// Bags of characters in 64 buckets: an encoder whose every vector can be checked by hand, which counts what it encodes.
#[derive(Default)]
struct Characters {
    encoded: AtomicUsize,
}

const DIMENSIONS: usize = 64;

fn bag(text: &str) -> Vec<f32> {
    let mut vector = vec![0.0; DIMENSIONS];
    for character in text.chars().filter(|c| !c.is_whitespace()) {
        vector[character as usize % DIMENSIONS] += 1.0;
    }
    let length = dot(&vector, &vector).sqrt();
    if length > 0.0 {
        for number in &mut vector {
            *number /= length;
        }
    }
    vector
}

impl SentenceEncoder for Characters {
    fn dimensions(&self) -> usize {
        DIMENSIONS
    }

    fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EncodeError> {
        self.encoded.fetch_add(texts.len(), Ordering::Relaxed);
        Ok(texts.iter().map(|text| bag(text)).collect())
    }

    fn name(&self) -> &'static str {
        "characters@1"
    }
}

fn variants() -> Vec<Variant> {
    [
        (0, Language::Zh, "身份证丢了怎么办"),
        (0, Language::Zh, "补办身份证"),
        (0, Language::Bo, "ཐོབ་ཐང་ལག་འཁྱེར་བོར་སོང་།"),
        (1, Language::Zh, "虫草采集证在哪里办"),
        (1, Language::Bo, "དབྱར་རྩྭ་དགུན་འབུ་རྐོ་བའི་ལག་འཁྱེར།"),
        (2, Language::Zh, "养老金什么时候发 རྒན་གསོའི་དངུལ།"),
    ]
    .into_iter()
    .enumerate()
    .map(|(index, (entry, language, text))| Variant {
        entry,
        language,
        index: index as u16,
        text: text.into(),
    })
    .collect()
}

fn near(a: f32, b: f32) -> bool {
    (a - b).abs() < 1e-5
}

#[test]
fn a_question_word_for_word_has_cosine_one_and_its_entry_comes_first() {
    let index = DenseIndex::build(&Characters::default(), &variants(), None).unwrap();
    for variant in variants() {
        let query = bag(&variant.text);
        let nearest = index.nearest(&query, 3, HeldOut::Nothing);
        assert_eq!(nearest[0].0, variant.entry, "{}", variant.text);
        assert!(
            near(nearest[0].1, 1.0)
                && near(index.score(&query, variant.entry, HeldOut::Nothing).closest, 1.0)
        );
    }
}

#[test]
fn gathered_is_the_cosine_with_the_sum_of_the_entrys_vectors() {
    let index = DenseIndex::build(&Characters::default(), &variants(), None).unwrap();
    let query = bag("虫草证 ལག་འཁྱེར།");
    let mut sum = bag(&variants()[3].text);
    add(&mut sum, &bag(&variants()[4].text), 1.0);
    let expected = dot(&query, &sum) / dot(&sum, &sum).sqrt();
    assert!(near(index.score(&query, 1, HeldOut::Nothing).gathered, expected));
    // Without one of its two variants, the other is both the closest and the whole.
    let score = index.score(&query, 1, HeldOut::Variant(3));
    assert!(
        near(score.gathered, score.closest) && near(score.closest, dot(&query, &bag(&variants()[4].text)))
    );
}

#[test]
fn what_is_held_out_is_not_there() {
    let index = DenseIndex::build(&Characters::default(), &variants(), None).unwrap();
    let query = bag(&variants()[1].text);
    assert!(index.score(&query, 0, HeldOut::Variant(1)).closest < 0.9);
    assert!(index.score(&query, 0, HeldOut::Variant(3)).closest > 0.99);
    assert_eq!(index.score(&query, 0, HeldOut::EntryOf(2)), DenseScore::default());
    assert!(index.nearest(&query, 9, HeldOut::EntryOf(2)).iter().all(|(entry, _)| *entry != 0));
}

#[test]
fn nearest_agrees_with_sorting_everything_and_says_nothing_for_nothing() {
    let index = DenseIndex::build(&Characters::default(), &variants(), None).unwrap();
    for text in ["证", "什么时候 ལག་འཁྱེར།", "养老金", "😀", "دفتر"] {
        let query = bag(text);
        let mut all: Vec<(u32, f32)> =
            (0..3).map(|entry| (entry, index.score(&query, entry, HeldOut::Nothing).closest)).collect();
        all.retain(|(_, score)| *score > 0.0);
        all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        for count in 0..5 {
            assert_eq!(index.nearest(&query, count, HeldOut::Nothing), all[..count.min(all.len())], "{text}");
        }
    }
    assert!(index.nearest(&bag("   "), 5, HeldOut::Nothing).is_empty());
    assert!(index.nearest(&[1.0], 5, HeldOut::Nothing).is_empty());
    assert_eq!(index.score(&bag("证"), 99, HeldOut::Nothing), DenseScore::default());
}

#[test]
fn what_was_encoded_once_is_read_from_disk_and_only_new_texts_are_encoded() {
    let folder = tempfile::tempdir().unwrap();
    let build = |variants: &[Variant]| {
        let encoder = Characters::default();
        let index = DenseIndex::build(&encoder, variants, Some(folder.path())).unwrap();
        (index.vectors, encoder.encoded.into_inner())
    };
    let mut questions = variants();
    let (first, encoded) = build(&questions);
    assert_eq!(encoded, questions.len());
    assert_eq!(build(&questions), (first.clone(), 0));
    questions[5].text = "养老认证 རྒན་གསོ།".into();
    let (changed, encoded) = build(&questions);
    assert_eq!(encoded, 1);
    assert_eq!(changed[..5 * DIMENSIONS], first[..5 * DIMENSIONS]);
    // What is no longer asked for is not kept.
    assert_eq!(build(&variants()).1, 1);
}

#[test]
fn a_damaged_cache_is_made_anew_instead_of_believed() {
    let folder = tempfile::tempdir().unwrap();
    let build = || {
        let encoder = Characters::default();
        let index = DenseIndex::build(&encoder, &variants(), Some(folder.path())).unwrap();
        (index.vectors, encoder.encoded.into_inner())
    };
    let (right, _) = build();
    let file = folder.path().read_dir().unwrap().next().unwrap().unwrap().path();
    let whole = std::fs::read(&file).unwrap();
    let mut flipped = whole.clone();
    flipped[60] ^= 0x40;
    for damaged in [&flipped[..], &whole[..whole.len() - 7], b""] {
        std::fs::write(&file, damaged).unwrap();
        assert_eq!(build(), (right.clone(), variants().len()));
    }
}

#[test]
fn an_encoder_that_breaks_its_contract_is_named() {
    struct Broken(Vec<Vec<f32>>);
    impl SentenceEncoder for Broken {
        fn dimensions(&self) -> usize {
            2
        }
        fn encode(&self, _: &[&str]) -> Result<Vec<Vec<f32>>, EncodeError> {
            Ok(self.0.clone())
        }
        fn name(&self) -> &'static str {
            "broken@1"
        }
    }
    for vectors in [vec![], vec![vec![1.0]], vec![vec![f32::NAN, 0.0]]] {
        let error = DenseIndex::build(&Broken(vectors), &variants()[..1], None).unwrap_err();
        assert!(error.to_string().contains("broken@1"), "{error}");
    }
}

#[test]
#[ignore = "measures; prints milliseconds per search"]
fn exact_search_over_many_ways_of_asking() {
    for rows in [5_000_usize, 20_000, 100_000] {
        let dimensions = 768;
        let vectors: Vec<f32> =
            (0..rows * dimensions).map(|i| ((i * 2_654_435_761) % 1_000) as f32 / 1e3).collect();
        let entries = (0..rows / 5).map(|entry| entry * 5..entry * 5 + 5).collect();
        let index = DenseIndex { dimensions, sums: Vec::new(), entries, vectors };
        let query = index.row(7).to_vec();
        let began = Instant::now();
        for _ in 0..20 {
            assert_eq!(index.nearest(&query, 20, HeldOut::Nothing).len(), 20);
        }
        println!("{rows} rows: {:.2} ms", began.elapsed().as_secs_f32() * 1e3 / 20.0);
    }
}
