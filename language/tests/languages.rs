//! The same seven things for each language and for both in one text, from one macro.

// Helpers of tests fail like tests.
#![allow(clippy::unwrap_used)]

use language::{Language, Script, normalize, pronunciations, script_runs, search_key, segments, syllables};

macro_rules! common_tests {
    ($module:ident, $language:expr, text: $text:expr, scripts: $scripts:expr, segments: $segments:expr,
     normal: $normal:expr, key: $key:expr, alike: $alike:expr) => {
        mod $module {
            use super::*;

            #[test]
            fn its_scripts_are_recognised() {
                let scripts: Vec<Script> = script_runs($text).into_iter().map(|r| r.script).collect();
                assert_eq!(scripts, $scripts);
            }

            #[test]
            fn it_is_cut_into_words_syllables_and_numbers() {
                let pieces: Vec<&str> = segments($text).into_iter().map(|s| &$text[s.range]).collect();
                assert_eq!(pieces, $segments);
            }

            #[test]
            fn nothing_of_it_is_lost() {
                let runs: String = script_runs($text).into_iter().map(|r| &$text[r.range]).collect();
                let pieces: String = segments($text).into_iter().map(|s| &$text[s.range]).collect();
                assert_eq!((runs.as_str(), pieces.as_str()), ($text, $text));
            }

            #[test]
            fn its_units_lie_on_character_boundaries() {
                let units = syllables($text);
                assert!(!units.is_empty());
                assert!(units.iter().all(|u| $text.get(u.range.clone()).is_some_and(|s| !s.is_empty())));
            }

            #[test]
            fn its_normal_form_is_final() {
                assert_eq!(normalize($text), $normal);
                assert_eq!(normalize($normal), $normal);
            }

            #[test]
            fn it_is_found_however_it_is_spelled() {
                assert_eq!(search_key($text), $key);
                for other in $alike {
                    assert_eq!(search_key(other), $key, "{other}");
                }
            }

            #[test]
            fn it_can_be_said() {
                let said = pronunciations($text, $language);
                assert!(said.iter().all(|p| !p.phones.is_empty() && p.syllables[0] == 0) && !said.is_empty());
            }
        }
    };
}

common_tests!(
    tibetan, Language::Bo,
    text: "དགའ་ལྡན་གྱི་ལོ་༡༢ཀིྱ།",
    scripts: [Script::Tibetan, Script::Digit, Script::Tibetan, Script::Other],
    segments: ["དགའ", "་", "ལྡན", "་", "གྱི", "་", "ལོ", "་", "༡༢", "ཀིྱ", "།"],
    normal: "དགའ་ལྡན་གྱི་ལོ་༡༢ཀྱི།",
    key: "དགའ ལྡན གྱི ལོ 12 ཀྱི",
    alike: ["དགའ་ལྡན་གྱི་ལོ་བཅུ་གཉིས་ཀྱི།", "དགའ༌ལྡན༌གྱི༌ལོ༌12ཀྱི༎", "དགའི་ལྡན་གྱི ལོ་༡༢་ཀྱི"]
);

common_tests!(
    chinese, Language::Zh,
    text: "辦理身份證，需要３百元！",
    scripts: [Script::Han, Script::Other, Script::Han, Script::Digit, Script::Han, Script::Other],
    segments: ["辦理", "身份證", "，", "需要", "３", "百元", "！"],
    normal: "办理身份证,需要3百元!",
    key: "办 理 身 份 证 需 要 3 百 元",
    alike: ["办理身份证需要3百元", "办理 身份证：需要 ３ 百元。"]
);

common_tests!(
    mixed, Language::Bo,
    text: "ངའི་身份證བརླགས་སོང་WeChat二十天",
    scripts: [Script::Tibetan, Script::Han, Script::Tibetan, Script::Latin, Script::Han],
    segments: ["ངའི", "་", "身份證", "བརླགས", "་", "སོང", "་", "WeChat", "二十", "天"],
    normal: "ངའི་身份证བརླགས་སོང་WeChat二十天",
    key: "ང 身 份 证 བརླགས སོང wechat 20 天",
    alike: ["ང་身份证བརླགས་སོང་ｗｅｃｈａｔ20天", "ངའི 身份证 བརླགས་སོང། WECHAT廿天"]
);
