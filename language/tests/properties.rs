//! What holds for every text, however broken: nothing panics, nothing is lost, offsets are right.

// Helpers of tests fail like tests.
#![allow(clippy::unwrap_used)]

use language::{
    Language, Phone, normalize, phonetic_key, pronunciations, script, search_key, sentences, speech_plan,
    spoken_form, spoken_ngrams, spoken_text, syllable_ngrams, syllables, tibetan, words,
};
use proptest::prelude::*;

/// Text as it comes: both languages, digits, signs, and anything else.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[\u{0f40}-\u{0f6c}\u{0f71}-\u{0f87}\u{0f90}-\u{0fbc}]{1,5}་?",
        4 => "[一-龥]{1,6}",
        2 => prop::sample::select(vec![
            "བཀྲ་ཤིས་བདེ་ལེགས།", "དགའི་", "ངའི་身份证", "养老保险", "三百二十五", "བརྒྱ་དང་ལྔ་", "2023-05-01", "¥1,200.50", "25%", "第一",
            "༡༢༣", "138 1234 5678", "https://a.cn/b", "WeChat", "༄༅༎ ", "。", "…", "一点儿", "ཧཱུྃ", "པདྨ",
        ]).prop_map(str::to_owned),
        1 => "[0-9０-９༠-༩.,:%/ -]{1,8}",
        1 => "\\PC{0,4}",
        1 => any::<String>(),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn language() -> impl Strategy<Value = Language> {
    prop::sample::select(Language::ALL.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn runs_and_sentences_cover_the_text_without_gaps(text in text()) {
        let runs: String = script::runs(&text).into_iter().map(|r| text[r.range].to_owned()).collect();
        prop_assert_eq!(&runs, &text);
        prop_assert_eq!(sentences(&text).concat(), text);
    }

    #[test]
    fn normal_forms_are_final(text in text()) {
        let once = normalize(&text);
        prop_assert_eq!(normalize(&once), once.clone());
        let tibetan = tibetan::normalize(&text);
        prop_assert_eq!(tibetan::normalize(&tibetan), tibetan);
        for syllable in tibetan::syllables(&text) {
            prop_assert_eq!(tibetan::normalize(&syllable.text), syllable.text);
        }
    }

    #[test]
    fn units_lie_on_character_boundaries_and_in_order(text in text()) {
        let mut at = 0;
        for unit in syllables(&text) {
            prop_assert!(text.get(unit.range.clone()).is_some_and(|s| !s.is_empty()));
            prop_assert!(unit.range.start >= at || unit.range.end == at);
            at = unit.range.end;
        }
        let _ = (words(&text), search_key(&text), phonetic_key(&text));
    }

    #[test]
    fn stripping_affixes_twice_is_stripping_them_once(text in text()) {
        for syllable in tibetan::syllables(&text) {
            for key in tibetan::search_keys(&syllable.text) {
                prop_assert!(!key.is_empty());
            }
            prop_assert!(!tibetan::Parts::parse(&syllable.text).is_empty());
        }
    }

    #[test]
    fn pronunciations_are_whole_syllables_of_real_phones(text in text(), language in language()) {
        let all = pronunciations(&text, language);
        prop_assert!(all.len() <= 6);
        for p in &all {
            prop_assert!(!p.phones.is_empty() && p.syllables[0] == 0);
            prop_assert!(p.phones.iter().all(|x| *x != Phone::BLANK && usize::from(x.0) < Phone::classes()));
            prop_assert!(p.phones.last().is_some_and(|x| x.is_rime()));
            let rimes = p.phones.iter().filter(|x| x.is_rime()).count();
            prop_assert_eq!(rimes, p.syllables.len());
            for n in 1..4 {
                for gram in syllable_ngrams(p, n) {
                    prop_assert!(gram.syllables.len() == n.min(p.syllables.len()) && gram.syllables[0] == 0);
                }
            }
        }
    }

    #[test]
    fn what_is_spoken_lies_in_the_text(text in text(), language in language()) {
        for segment in speech_plan(&text, language) {
            prop_assert!(text.get(segment.range.clone()).is_some());
            prop_assert!(!segment.input.trim().is_empty());
        }
        for gram in spoken_ngrams(&text, language, 2) {
            prop_assert!(text.contains(&gram.text));
        }
        let _ = (spoken_text(&text, language), spoken_form(&text, language));
    }
}

#[test]
fn a_hundred_kilobytes_take_less_than_some_seconds() {
    for piece in ["一样", "ངའི་身份证12丢了a。", "༡,", "的", "བོད", "1-"] {
        let text = piece.repeat(100_000 / piece.len());
        let start = std::time::Instant::now();
        let _ = (syllables(&text), words(&text), phonetic_key(&text), normalize(&text));
        let _ = (
            pronunciations(&text, Language::Bo),
            speech_plan(&text, Language::Zh),
            spoken_text(&text, Language::Bo),
        );
        let took = start.elapsed();
        println!("{piece}: {took:?}");
        assert!(took.as_secs() < 20, "{piece}: {took:?}");
    }
}
