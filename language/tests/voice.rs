//! What holds for the voice's front end on every text: nothing panics, everything that has a sound is said or counted, and
//! the voice is fed with nothing that it does not know.

// Helpers of tests fail like tests.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::HashSet;
use std::sync::LazyLock;

use language::mandarin::{self, PinyinSyllable};
use language::{Language, Rendition, Script, script, speech_plan};
use proptest::prelude::*;

/// Text as it comes: both languages, figures of every shape, signs, markup, control characters, and anything else.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[\u{0f40}-\u{0f6c}\u{0f71}-\u{0f87}\u{0f90}-\u{0fbc}]{1,5}་?",
        4 => "[一-龥]{1,6}",
        3 => prop::sample::select(vec![
            "བཀྲ་ཤིས་བདེ་ལེགས།", "ངའི་身份证", "¥1,200.5", "25%", "第1", "༡པའི་", "138 1234 5678", "www.gov.cn", "https://a.cn/b",
            "a@b.cn", "<b>", "&nbsp;", "-5~10℃", "2023-05-01", "9:00-17:30", "3-5", "①", "Ⅱ", "III", "№5", "§3", "12345", "1/3",
            "54010219900101123X", "3只", "一只", "周一-周五", "100元/月", "\u{0}\u{7}\u{1b}", "\u{200b}", "\u{202e}", "😀", "１２", "ⅳ",
        ]).prop_map(str::to_owned),
        2 => "[0-9０-９༠-༩.,:%/¥$+~#*（）() -]{1,12}",
        1 => "[A-Za-zé]{1,12}",
        1 => "\\PC{0,4}",
        1 => any::<String>(),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn language() -> impl Strategy<Value = Language> {
    prop::sample::select(Language::ALL.to_vec())
}

static MNEMONICS: LazyLock<HashSet<String>> =
    LazyLock::new(|| support::every_mnemonic().into_iter().collect());

/// Whether a character has a sound by itself.
fn has_sound(c: char) -> bool {
    match Script::of(c) {
        Script::Han => !mandarin::readings(c).is_empty(),
        Script::Tibetan => matches!(c, '\u{0f40}'..='\u{0f47}' | '\u{0f49}'..='\u{0f6a}'),
        Script::Latin => c.is_ascii_alphabetic(),
        Script::Digit => true,
        Script::Other => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn the_voice_is_fed_with_what_it_knows(text in text(), language in language()) {
        for segment in speech_plan(&text, language) {
            prop_assert!(text.get(segment.range.clone()).is_some_and(|said| !said.is_empty()));
            prop_assert!(!segment.input.is_empty());
            let inside = segment.input.replace("[[", "").replace("]]", "").replace(", ", " ");
            for syllable in inside.split(' ') {
                let known = match segment.voice {
                    Language::Zh => PinyinSyllable::parse(syllable).is_some_and(|s| s.numbered() == syllable),
                    Language::Bo => MNEMONICS.contains(syllable),
                };
                prop_assert!(known, "{syllable:?} in {:?}", segment.input);
            }
        }
    }

    #[test]
    fn whatever_has_a_sound_is_said_or_counted(text in text(), language in language()) {
        let rendition = Rendition::of(&text, language);
        let said = rendition.breaths.iter().flat_map(|b| b.words.iter().map(|w| w.range.clone()));
        let ranges: Vec<_> = said.chain(rendition.fall_backs.iter().map(|f| f.range.clone())).collect();
        for range in &ranges {
            prop_assert!(text.get(range.clone()).is_some());
        }
        for (at, c) in text.char_indices().filter(|(_, c)| has_sound(*c)) {
            let covered = ranges.iter().any(|r| r.contains(&at));
            prop_assert!(covered, "{c:?} at {at} of {text:?} in {:?}", rendition.spoken);
        }
        let _ = rendition.explain(&text).to_string();
    }

    #[test]
    fn what_is_in_words_already_stays_as_it_is(text in "[一-龥。，]{0,30}") {
        let text = text.replace(|c| mandarin::readings(c).is_empty() && script::Script::of(c) == Script::Han, "");
        let simplified = language::chinese::simplify(&text);
        prop_assert_eq!(language::spoken_text(&text, Language::Zh), simplified);
    }
}

#[test]
fn bad_input_is_survived_and_counted() {
    for text in [
        "\u{0}\u{1}\u{7f}\u{85}\u{202e}\u{feff}",
        "<script>alert(1)</script>",
        "[[ka55]] 办理 [[",
        "]]办理[[",
        "--ssml -v evil",
        "\u{0f71}\u{0f72}\u{0f7c}",
        "ཀྲྲྲྲྲྲྲྲ",
        "99999999999999999999999999999元",
        "0000000000000000000000",
        "1e999 -0 +0 ..5 5..",
        "༼༽༄༅༎༏",
    ] {
        for language in Language::ALL {
            for segment in speech_plan(text, language) {
                assert!(text.get(segment.range.clone()).is_some(), "{text:?}");
                // Nothing of the text itself reaches the voice.
                let inside = segment.input.replace("[[", "").replace("]]", "");
                assert!(!inside.contains(['[', ']', '<', '>', '\u{0}']), "{text:?}: {}", segment.input);
            }
        }
    }
    let plan = speech_plan("]]办理[[", Language::Zh);
    assert_eq!(plan[0].input, "ban4 li3");
}
