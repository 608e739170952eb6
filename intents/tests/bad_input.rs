//! Whatever is typed: a clear outcome, never a panic, never a confident answer.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use intents::{Act, Context, Decision, Memory, Settings, Understander, Understanding, Utterance, decide};
use kb::{Collection, Publication};
use language::Language::{self, Bo, Zh};
use proptest::prelude::*;

static SAMPLE: LazyLock<Understander> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/knowledge/sample");
    let collection = Collection::load(&folder).expect("the sample knowledge base");
    let publication = Arc::new(Publication::new(&collection).expect("publishable"));
    Understander::new(publication, Settings::default()).expect("calibrated")
});

fn understood(text: &str, language: Language) -> (Understanding, Decision) {
    let utterance = Utterance::typed(text, language);
    let understanding = SAMPLE.understand(&utterance, &Memory::default()).expect("no text breaks the index");
    let decision = decide(&Context::new(SAMPLE.rules(), language), &understanding);
    (understanding, decision)
}

fn is_answered(decision: &Decision) -> bool {
    matches!(decision, Decision::Answer { .. } | Decision::AskPlace { .. })
}

#[test]
fn what_holds_no_words_is_not_understood_in_either_language() {
    for text in [
        "",
        " ",
        "\n\t",
        "？",
        "།",
        "་",
        ".",
        "!!!!!!",
        "…",
        "👍",
        "😀😀😀🎉",
        "🏔️🐂",
        "\u{0}",
        "\u{feff}",
        "\u{202e}\u{202d}",
        "مرحبا كيف حالك",
        "שלום",
        "Привет, как дела",
        "สวัสดี",
        "\u{fffd}\u{fffd}\u{fffd}",
        "asdf qwer zxcv",
        "-1e309",
        "<script>alert(1)</script>",
        "'; DROP TABLE entries; --",
        "\u{0f71}\u{0f72}\u{0f74}",
    ] {
        for language in Language::ALL {
            let (understanding, decision) = understood(text, language);
            assert_eq!(understanding.act, Act::Question, "{text:?}");
            assert_eq!(decision, Decision::NotUnderstood, "{text:?} in {language}");
        }
    }
}

#[test]
fn ten_thousand_characters_are_never_answered() {
    let question = "身份证丢了怎么补办？";
    let tibetan = "ངའི་ཐོབ་ཐང་ལག་འཁྱེར་བོར་སོང་། ག་རེ་བྱེད་དགོས་རེད།";
    let repeated = |text: &str| text.chars().cycle().take(10_000).collect::<String>();
    for text in ["啊", "་", "ཀ", "a", "0", "。", "👍", question, tibetan, "证སྐད་ཆ1 ", "من أنا 身份证 "]
    {
        for language in Language::ALL {
            let (_, decision) = understood(&repeated(text), language);
            assert!(
                !is_answered(&decision),
                "ten thousand characters of {text:?} in {language}: {decision:?}"
            );
        }
    }
}

#[test]
fn a_wrong_language_label_changes_nothing_about_what_is_written() {
    for text in ["你好", "བཀྲ་ཤིས་བདེ་ལེགས།", "着火了！", "མེ་ཤོར་སོང་།", "转人工", "ལས་བྱེད་པ་འཚོལ།"]
    {
        let (right, wrong) = (understood(text, Zh).0, understood(text, Bo).0);
        assert_eq!(right.act, wrong.act, "{text}");
        assert_eq!(right.language, wrong.language, "{text}");
    }
    for entry in SAMPLE.publication().entries().iter().take(40) {
        for language in Language::ALL {
            let Some(text) = entry.text(language) else { continue };
            let chosen =
                |labelled| understood(&text.question, labelled).0.candidates.first().map(|c| c.entry.clone());
            assert_eq!(chosen(Zh), chosen(Bo), "{}", text.question);
        }
    }
}

#[test]
fn scripts_mixed_without_sense_are_never_answered() {
    for text in [
        "ཀ一ཁ二ག三",
        "你ཀ好ཁ吗ག",
        "abc证ང་123",
        "ཀཀཀཀ證證證證",
        "身\u{200b}份\u{200d}证\u{feff}",
        "ṭibet བོད 藏 Тибет تبت",
    ] {
        for language in Language::ALL {
            let (_, decision) = understood(text, language);
            assert!(!is_answered(&decision), "{text:?}: {decision:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_makes_understanding_panic(text in any::<String>(), tibetan in any::<bool>()) {
        let language = if tibetan { Bo } else { Zh };
        let (understanding, _) = understood(&text, language);
        let sum: f32 = understanding.candidates.iter().map(|candidate| candidate.confidence).sum();
        prop_assert!((0.0..=1.001).contains(&sum));
    }

    #[test]
    fn nor_do_bits_of_both_scripts(text in "[ཀ-ྼ་།༠-༩一-龥0-9a-z，。？ \u{202e}\u{200d}😀]{0,60}", tibetan in any::<bool>()) {
        understood(&text, if tibetan { Bo } else { Zh });
    }
}
