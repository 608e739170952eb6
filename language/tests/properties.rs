//! What holds for every text, however broken: nothing panics, nothing is lost, offsets are right.

// Helpers of tests fail like tests.
#![allow(clippy::unwrap_used)]

use language::voice::word_times;
use language::{
    Language, Phone, analyse, chinese, ipa, mandarin, normalize, numbers, phonetic_key, pinyin,
    pronunciations, rough_phonetic_key, script, search_key, segments, sentences, speech_plan, spoken_form,
    spoken_ngrams, spoken_text, syllable_ngrams, syllables, tibetan, utterance, words,
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
        1 => "[\u{0c55}\u{0300}-\u{0310}\u{0f71}-\u{0f84}]{1,4}",
        1 => "\\PC{0,4}",
        1 => any::<String>(),
    ];
    // Half of all texts mix both scripts for certain.
    let mixed = prop::sample::select(vec!["", "ངའི་身份证བརླགས་"]);
    (mixed, prop::collection::vec(piece, 0..8))
        .prop_map(|(mixed, pieces)| mixed.to_owned() + &pieces.concat())
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
        prop_assert_eq!(sentences(&text).concat(), text.as_str());
        let cut = segments(&text);
        let joined: String = cut.iter().map(|s| text[s.range.clone()].to_owned()).collect();
        prop_assert_eq!(&joined, &text);
        prop_assert!(cut.iter().all(|s| !s.range.is_empty()));
    }

    #[test]
    fn the_words_that_are_spoken_are_all_of_the_sentence_in_order(text in text(), language in language(), ms in 0u64..600_000, pause in 0f32..3.0) {
        let words = word_times(&text, language, ms, pause);
        prop_assert_eq!(words.is_empty(), speech_plan(&text, language).is_empty());
        if let Some(first) = words.first() {
            prop_assert_eq!(first.start_ms, 0);
            let joined: String = words.iter().map(|word| word.text).collect();
            prop_assert_eq!(&joined, &text);
        }
        prop_assert!(words.iter().all(|word| !word.text.is_empty() && word.start_ms <= ms));
        prop_assert!(words.windows(2).all(|pair| pair[0].start_ms <= pair[1].start_ms));
    }

    #[test]
    fn what_is_written_in_ewts_is_read_back(text in text()) {
        let normal = tibetan::normalize(&text);
        let ewts = tibetan::to_ewts(&normal);
        prop_assert_eq!(tibetan::from_ewts(&ewts), Ok(normal));
        // Any text may come in from an agent's keyboard.
        let _ = (tibetan::from_ewts(&text), tibetan::to_ewts(&text));
    }

    #[test]
    fn whatever_an_agent_types_is_read_or_refused(typed in "[a-zA-Z'+.~_ /\\\\\\[\\]0-9-]{0,16}") {
        if let Ok(tibetan) = tibetan::from_ewts(&typed) {
            let normal = tibetan::normalize(&tibetan);
            prop_assert_eq!(tibetan::from_ewts(&tibetan::to_ewts(&normal)), Ok(normal));
        }
    }

    #[test]
    fn traditional_and_simplified_characters_take_the_same_places(text in text(), rare in "[一-龥㐀-䶿\u{20000}-\u{20040}\u{f900}-\u{fa6d}]{0,12}") {
        for text in [&text, &rare] {
            let simple = chinese::simplify(text);
            prop_assert_eq!(simple.len(), text.len());
            prop_assert_eq!(chinese::simplify(&simple), simple.as_str());
            let normal = chinese::normalize(text);
            prop_assert_eq!(chinese::normalize(&normal), normal.as_str());
            prop_assert_eq!(search_key(text), search_key(&simple));
        }
    }

    #[test]
    fn numbers_lie_in_the_text_in_order_and_both_ways_of_finding_agree(text in text()) {
        let found = numbers::find(&text);
        let mut at = 0;
        for number in &found {
            prop_assert!(number.range.start >= at && text.get(number.range.clone()).is_some_and(|s| !s.is_empty()));
            prop_assert!(!number.canonical.is_empty());
            at = number.range.end;
        }
        for number in numbers::canonical(&text) {
            prop_assert!(text.get(number.range.clone()).is_some());
            let covered = |f: &numbers::Found| f.range.start < number.range.end && number.range.start < f.range.end;
            prop_assert!(found.iter().any(covered), "{:?}", number);
        }
        for language in Language::ALL {
            for number in numbers::spoken(&text, language) {
                prop_assert!(text.get(number.range).is_some() && !number.readings.is_empty());
            }
        }
    }

    #[test]
    fn an_analysis_points_into_its_text(text in text(), language in language()) {
        let analysis = analyse(&text);
        prop_assert_eq!(analysis.segments.concat(), text.as_str());
        let runs: String = analysis.runs.iter().map(|r| r.text.as_str()).collect();
        prop_assert_eq!(runs, text.as_str());
        for syllable in &analysis.syllables {
            prop_assert_eq!(&text[syllable.place.start..syllable.place.end], syllable.place.text.as_str());
            prop_assert!(!syllable.keys.is_empty());
        }
        let _ = (ipa(&text, language), pinyin(&text), rough_phonetic_key(&text), utterance::read(&text, language));
        let _ = (mandarin::read(&text), chinese::words(&text));
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
        let folded = normalize(&text);
        prop_assert!(folded.is_empty() || !text.is_empty());
    }

    #[test]
    fn stripping_affixes_twice_is_stripping_them_once(text in text()) {
        for syllable in tibetan::syllables(&text) {
            for key in tibetan::search_keys(&syllable.text) {
                prop_assert!(!key.is_empty());
            }
            let parts = tibetan::Parts::parse(&syllable.text);
            prop_assert!(!parts.is_empty());
            let analyses = tibetan::Parts::analyses(&syllable.text);
            prop_assert_eq!(analyses.first(), Some(&parts));
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn what_expects_one_word_takes_any_text(
        text in prop_oneof![text(), "[一二三零两壹拾百千萬万億亿廿点]{0,40}".prop_map(String::from)],
        language in language(),
        continues in any::<bool>(),
    ) {
        let _ = (mandarin::PinyinSyllable::parse(&text).map(|s| s.marked()), Phone::parse(&text));
        let _ = (numbers::chinese::parse(&text), numbers::chinese::digit_string(&text), numbers::canonical(&text));
        let _ = (tibetan::strip_affixes(&text), tibetan::search_keys(&text), tibetan::Parts::analyses(&text));
        for parts in tibetan::Parts::parse(&text) {
            for syllable in tibetan::lhasa::speak(&parts) {
                prop_assert!(!syllable.ipa().is_empty() && syllable.phones().count() > 0);
            }
        }
        let pieces: Vec<&str> = text.split(['་', ' ', '1']).collect();
        let _ = numbers::tibetan::parse(&pieces);
        for style in [tibetan::lhasa::Style::Natural, tibetan::lhasa::Style::Careful] {
            prop_assert_eq!(tibetan::lhasa::speak_phrase(&pieces, style, continues).len(), pieces.len());
        }
        let _ = (language::espeak_phonemes(&text, language), text.parse::<Language>());
    }
}

#[test]
fn a_hundred_kilobytes_take_less_than_some_seconds() {
    for piece in ["一样", "ངའི་身份证12丢了a。", "༡,", "的", "བོད", "1-"] {
        let text = piece.repeat(100_000 / piece.len());
        let start = std::time::Instant::now();
        let _ = (syllables(&text), words(&text), phonetic_key(&text), normalize(&text));
        let _ = (segments(&text), numbers::find(&text), tibetan::to_ewts(&text), ipa(&text, Language::Bo));
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

#[test]
fn a_question_is_analysed_in_some_tens_of_microseconds() {
    chinese::warm_up();
    let questions = [
        "请问办理身份证需要带什么材料？",
        "請問辦理身份證需要帶什麼材料？",
        "ངའི་ཐོབ་ཐང་ལག་ཁྱེར་བརླགས་སོང་ད་ག་རེ་བྱེད་དགོས་རེད།",
        "ངའི་身份证བརླགས་སོང་补办需要几天？",
    ];
    for question in questions {
        let time = |work: &dyn Fn()| {
            work();
            let start = std::time::Instant::now();
            (0..200).for_each(|_| work());
            start.elapsed() / 200
        };
        let took = [
            time(&|| drop(syllables(question))),
            time(&|| drop(words(question))),
            time(&|| drop(search_key(question))),
            time(&|| drop(phonetic_key(question))),
        ];
        println!(
            "{question}: syllables {:?}, words {:?}, search key {:?}, phonetic key {:?}",
            took[0], took[1], took[2], took[3]
        );
        let total: std::time::Duration = took.iter().sum();
        assert!(total.as_millis() < 3, "{question}: {total:?}, even on a busy machine");
    }
}
