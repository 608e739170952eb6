//! What is found, in both languages and in text that mixes them.

use kb::{Collection, EntryId, HeldOut, Publication, Query, Retriever, View};
use language::Language::{self, Bo, Zh};
use proptest::prelude::*;
use std::sync::LazyLock;

static SAMPLE: LazyLock<Publication> = LazyLock::new(|| {
    let sample = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/knowledge/sample");
    Publication::new(&Collection::load(&sample).expect("the sample knowledge base")).expect("publishable")
});

fn query(text: &str, language: Language) -> Query {
    Query { text: text.to_owned(), language, limit: 5 }
}

fn first(text: &str, language: Language) -> String {
    let found = SAMPLE.retrieve(&query(text, language)).expect("the index works");
    found.candidates.first().map_or(String::new(), |candidate| candidate.entry.0.clone())
}

#[test]
fn every_way_of_asking_finds_its_own_entry_first() {
    for variant in SAMPLE.variants() {
        let found = SAMPLE.retrieve(&query(&variant.text, variant.language)).expect("the index works");
        let own = &SAMPLE.entries()[variant.entry as usize].id;
        assert_eq!(found.candidates.first().map(|c| &c.entry), Some(own), "{}", variant.text);
        assert!(found.candidates[0].exact, "{}", variant.text);
    }
}

#[test]
fn questions_that_are_asked_otherwise_find_their_entry_in_both_languages_and_mixed() {
    assert_eq!(first("身份证过期了咋换新的", Zh), "idcard-renew");
    assert_eq!(first("户口本丢了", Zh), "hukou-book-lost");
    assert_eq!(first("ངའི་ཐོབ་ཐང་ལག་འཁྱེར་དུས་ཚོད་རྫོགས་སོང་བརྗེ་དགོས", Bo), "idcard-renew");
    assert_eq!(first("ངའི་身份证过期ཕྱིན་སོང་", Bo), "idcard-renew");
}

#[test]
fn spelling_variants_punctuation_and_spacing_do_not_matter() {
    for variant in SAMPLE.variants().iter().step_by(17) {
        let own = &SAMPLE.entries()[variant.entry as usize].id.0;
        let altered = match variant.language {
            Zh => format!("  {}！！", variant.text.trim_end_matches('？').replace('，', " ")),
            Bo => format!("༄༅། །{}། །", variant.text.replace('་', "\u{f0c}").trim_end_matches('།')),
        };
        assert_eq!(&first(&altered, variant.language), own, "{altered}");
    }
}

#[test]
fn what_is_held_out_is_not_found() {
    let rehearsal = SAMPLE.rehearsal();
    for (number, variant) in SAMPLE.variants().iter().enumerate().step_by(23) {
        let query = query(&variant.text, variant.language);
        let own = &SAMPLE.entries()[variant.entry as usize].id;
        let without = rehearsal.search(&query, HeldOut::Variant(number as u32)).expect("the index works");
        assert!(without.candidates.iter().all(|c| c.variant != variant.text || c.entry != *own));
        let without = rehearsal.search(&query, HeldOut::EntryOf(number as u32)).expect("the index works");
        assert!(without.candidates.iter().all(|c| c.entry != *own));
    }
}

#[test]
fn every_view_finds_something_and_scores_are_bounded_where_promised() {
    for text in ["身份证到期了怎么换？", "ཐོབ་ཐང་ལག་འཁྱེར་དུས་ཚོད་ཡོལ་ན་གང་འདྲ་བརྗེ་དགོས་རེད།", "身份证བརྗེ་ས་ག་པར་རེད"]
    {
        let found = SAMPLE.retrieve(&query(text, Zh)).expect("the index works");
        // Without a sentence encoder, as here, the dense views say nothing.
        let dense = [View::Dense, View::DenseGathered];
        assert!(dense.iter().all(|view| found.candidates[0].scores.get(*view) == 0.0));
        let says = |view: &View| *view != View::Learned && !dense.contains(view);
        for view in View::ALL.into_iter().filter(says) {
            assert!(found.candidates[0].scores.get(view) > 0.0, "{view:?} of {text}");
        }
        assert!((0.0..=1.0).contains(&found.known) && found.units > 0);
        let unbounded = [View::Bm25, View::Bm25Sound, View::Learned];
        for candidate in found.candidates {
            for view in View::ALL.into_iter().filter(|view| !unbounded.contains(view)) {
                let score = candidate.scores.get(view);
                assert!((0.0..=1.001).contains(&score), "{view:?} {score}");
            }
        }
    }
}

#[test]
fn nothing_to_look_for_finds_nothing() {
    for text in ["", "   ", "？！…", "།།", "😀", "ᚠᚢᚦ"] {
        assert!(SAMPLE.retrieve(&query(text, Bo)).expect("the index works").candidates.is_empty(), "{text}");
    }
}

#[test]
fn revisions_follow_the_content_and_nothing_else() {
    let yaml = |answer: &str| {
        format!(
            "format: drilen-kb/1\nname: r\nentries:\n- id: a\n  topic: t\n  zh: {{question: 医保怎么交, spoken: {answer}, written: x}}\n\
             - id: b\n  topic: t\n  bo: {{question: 身份证བརྗེ་ས་ག་པར་རེད, spoken: ལན, written: ལན}}\n"
        )
    };
    let publish =
        |answer: &str| Publication::new(&Collection::parse("r.yaml", &yaml(answer))).expect("publishable");
    let (one, same, other) = (publish("甲"), publish("甲"), publish("乙"));
    let (a, b) = (EntryId("a".to_owned()), EntryId("b".to_owned()));
    assert_eq!(one.revision(), same.revision());
    assert_ne!(one.revision(), other.revision());
    assert_ne!(one.entry_revision(&a), other.entry_revision(&a));
    assert_eq!(one.entry_revision(&b), other.entry_revision(&b));
    assert_eq!(one.entry_revision(&a).map(|r| r.0.len()), Some(16));
    assert_eq!(one.entry_revision(&EntryId("c".to_owned())), None);
}

#[test]
fn a_letter_of_a_hundred_kilobytes_is_searched_by_its_beginning_in_no_time() {
    let letter = "我想问一下身份证到期了怎么换，谢谢。ངའི་ཐོབ་ཐང་ལག་འཁྱེར་".repeat(2_000);
    // Publishing is not searching.
    assert!(!SAMPLE.entries().is_empty());
    let start = std::time::Instant::now();
    assert!(!SAMPLE.retrieve(&query(&letter, Zh)).expect("the index works").candidates.is_empty());
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}

#[test]
fn spoken_forms_cover_every_way_of_asking_and_every_place_of_it() {
    let forms = SAMPLE.spoken_forms();
    assert_eq!(forms.questions.len(), SAMPLE.variants().len());
    for form in forms.questions.forms() {
        assert!(!form.pronunciations.is_empty(), "{} cannot be said", form.text);
    }
    assert_eq!(forms.ngrams.iter().map(|n| n.order).collect::<Vec<_>>(), [4]);
    for ngrams in &forms.ngrams {
        assert_eq!(ngrams.batch.len(), ngrams.idf.len());
        assert!(ngrams.idf.iter().all(|idf| idf.is_finite() && *idf > 0.0));
        for (grams, question) in ngrams.variants.iter().zip(forms.questions.forms()) {
            assert!(!grams.is_empty(), "{}", question.text);
            let mut at = 0;
            for gram in grams {
                let form = &ngrams.batch.forms()[*gram as usize];
                let found = question.text[at..]
                    .find(&form.text)
                    .unwrap_or_else(|| panic!("{} in {}", form.text, question.text));
                at += found;
                assert!(!form.pronunciations.is_empty());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_text_makes_a_search_fail(text in "[\\PC身份证ཀ-ྼ་།0-9༠-༩]{0,60}") {
        let found = SAMPLE.retrieve(&query(&text, Bo)).expect("the index works");
        prop_assert!(found.candidates.len() <= 5);
    }
}
