use super::*;
use crate::tibetan::normalize;

const BOTH_WAYS: [(&str, &str); 42] = [
    ("བཀྲ་ཤིས་བདེ་ལེགས།", "bkra shis bde legs/"),
    ("རྒྱ་", "rgya "),
    ("གཡག", "g.yag"),
    ("གྱ", "gya"),
    ("བརྒྱད", "brgyad"),
    ("བསྒྲིགས", "bsgrigs"),
    ("བླ་མ", "bla ma"),
    ("བརླ", "brla"),
    ("དགའི", "dga'i"),
    ("དགའ", "dga'"),
    ("མཁའ", "mkha'"),
    ("པའང", "pa'ang"),
    ("འམ", "'am"),
    ("ལེའུ", "le'u"),
    ("དངས", "dangs"),
    ("མངས", "mangs"),
    ("དབུ", "dbu"),
    ("དབང", "dbang"),
    ("འདུག", "'dug"),
    ("ཨ་མ", "a ma"),
    ("ཨོཾ་མ་ཎི་པདྨེ་ཧཱུྃ", "oM ma Ni pad+me hU~M"),
    ("སངས་རྒྱས", "sangs rgyas"),
    ("ཟླ་བ", "zla ba"),
    ("ལྷ་ས", "lha sa"),
    ("ཀྲུང་གོ", "krung go"),
    ("ཧྥ", "h+pha"),
    ("གྷ", "g+ha"),
    ("བཛྲ", "badzra"),
    ("ཀྵ", "k+Sha"),
    ("ཤཱཀྱ", "shAkya"),
    ("ཀཿཐོག", "kaHthog"),
    ("ཕྱྭ", "phywa"),
    ("གྲྭ", "grwa"),
    ("རྩྭ", "rtswa"),
    ("༡༢༣", "123"),
    ("༄༅། །", "@#/_/"),
    ("ལོ་60", "lo [60]"),
    ("ངའི་身份证བརླགས", "nga'i [身份证]brlags"),
    ("ཁ་པར 12345 ལ་", "kha par_[12345]_la "),
    ("ནཻ་པཽ", "nai pau"),
    ("ཀྲྀ", "kr-i"),
    ("གནས༔", "gnas:"),
];

#[test]
fn agents_read_and_type_tibetan_in_latin_letters() {
    for (tibetan, ewts) in BOTH_WAYS {
        let normal = normalize(tibetan);
        assert_eq!(to_ewts(&normal), ewts, "{tibetan}");
        assert_eq!(from_ewts(ewts).as_deref(), Ok(normal.as_str()), "{ewts}");
    }
    assert_eq!(from_ewts("badz+ra").as_deref(), Ok("བཛྲ"), "as Sanskrit is usually typed");
    assert_eq!(from_ewts("g.yag dga\u{2019}").as_deref(), Ok("གཡག་དགའ"));
}

#[test]
fn signs_of_the_editor_and_fixed_forms_are_kept() {
    for text in [
        "རྒྱ༵་མཚོ",
        "ཆོ༷ས",
        "ཪྙ",
        "ཀྺ",
        "ཀྻ",
        "ཀྼ",
        "ཨྱ",
        "ཀ༹",
        "༼ཀ༽",
        "༎",
        "།།",
        "༸ཞབས",
        "ཕ༌མ",
        "༪",
        "ཀིུ",
        "\u{0fb2}",
        "ི",
    ] {
        let mut letters = Vec::new();
        text.chars().for_each(|c| decompose(c, &mut letters));
        let expected: String = letters.into_iter().collect();
        assert_eq!(
            from_ewts(&to_ewts(text)).as_deref(),
            Ok(expected.as_str()),
            "{text} as {}",
            to_ewts(text)
        );
    }
}

#[test]
fn what_is_no_ewts_is_refused_with_its_place() {
    assert_eq!(from_ewts("bod q"), Err(EwtsError::Unknown { at: 4, found: 'q' }));
    assert_eq!(from_ewts("bod [abc"), Err(EwtsError::Unclosed { at: 4 }));
    assert_eq!(from_ewts("\\u0fzz"), Err(EwtsError::CodePoint { at: 0 }));
    assert_eq!(from_ewts("bod 身"), Err(EwtsError::Unknown { at: 4, found: '身' }));
    assert_eq!(from_ewts("[a\\]b]"), Ok("a]b".to_owned()));
}
