use super::*;
use crate::numbers::canonical;

fn found(text: &str) -> Vec<String> {
    find(text).into_iter().map(|f| format!("{:?} {}", f.kind, f.canonical)).collect()
}

/// Every row: ways to write or say the same, and what they are.
const ALIKE: [(&[&str], &str); 33] = [
    (
        &[
            "2026-01-15",
            "2026年1月15日",
            "二零二六年一月十五号",
            "２０２６/０１/１５",
            "二〇二六年元月十五日",
        ],
        "Date 2026-01-15",
    ),
    (
        &[
            "སྤྱི་ལོ་༢༠༢༦་ལོའི་ཟླ་༡་པའི་ཚེས་༡༥",
            "2026ལོའི་ཟླ་1པོའི་ཚེས་15ཉིན",
            "སྤྱི་ལོ་ཉིས་སྟོང་དང་ཉི་ཤུ་རྩ་དྲུག་ལོའི་ཟླ་བ་དང་པོའི་ཚེས་བཅོ་ལྔ་ཉིན",
        ],
        "Date 2026-01-15",
    ),
    (&["2026年1月", "二零二六年一月份", "2026-01", "༢༠༢༦ལོའི་ཟླ་༡པར"], "Date 2026-01"),
    (&["2026年", "二〇二六年", "སྤྱི་ལོ་2026", "༢༠༢༦་ལོར"], "Date 2026"),
    (&["1月15日", "一月十五号", "ཟླ་༡ཚེས་༡༥", "ཟླ་དང་པོའི་ཚེས་བཅོ་ལྔ"], "Date --01-15"),
    (&["十五号", "15日", "ཚེས་༡༥", "ཚེས་བཅོ་ལྔ", "ཚེས་པ་༡༥"], "Date ---15"),
    (&["廿三日"], "Date ---23"),
    (
        &["三百元", "300块钱", "¥300", "￥３００", "叁佰元整", "三百块", "སྒོར་༣༠༠", "སྒོར་སུམ་བརྒྱ", "300སྒོར"],
        "Money CNY 300",
    ),
    (&["1,200.50元", "一千二百元五角", "1200块五", "人民币1200.5元", "一千二百块五毛钱"], "Money CNY 1200.5"),
    (&["3.5万元", "三万五千元", "三点五万块钱", "三万五块钱"], "Money CNY 35000"),
    (&["两块三毛五分", "2.35元"], "Money CNY 2.35"),
    (&["五毛", "0.5元", "五毛钱"], "Money CNY 0.5"),
    (&["སྒོར་གསུམ་དང་ཟུར་ལྔ"], "Money CNY 3.5"),
    (&["100美元", "$100", "一百美元", "ཨ་སྒོར་100"], "Money USD 100"),
    (&["300到500元", "300-500元"], "Money CNY 300-500"),
    (&["86%", "百分之八十六", "８６％", "བརྒྱ་ཆ་བརྒྱད་ཅུ་གྱ་དྲུག"], "Percent 86%"),
    (&["9:30", "九点半", "上午九点三十分", "9点30", "ཆུ་ཚོད་དགུ་དང་སྐར་མ་སུམ་ཅུ", "ཆུ་ཚོད་༩་དང་ཕྱེད་ཀ"], "Time 09:30"),
    (&["下午三点", "15:00", "下午3点整", "ཕྱི་དྲོ་ཆུ་ཚོད་གསུམ"], "Time 15:00"),
    (&["晚上八点一刻", "20:15"], "Time 20:15"),
    (&["九点十分", "九点零十分", "09:10"], "Time 09:10"),
    (
        &[
            "13812345678",
            "138 1234 5678",
            "138-1234-5678",
            "+86 13812345678",
            "幺三八一二三四五六七八",
            "一三八 一二三四 五六七八",
            "༡༣༨༡༢༣༤༥༦༧༨",
            "+8613812345678",
            "+86 138 1234 5678",
        ],
        "Phone 13812345678",
    ),
    (
        &[
            "0891-6812345",
            "08916812345",
            "零八九一六八一二三四五",
            "零八九一 六八一二三四五",
            "(0891)6812345",
            "+86-891-6812345",
        ],
        "Phone 08916812345",
    ),
    (&["12345", "一二三四五", "གཅིག་གཉིས་གསུམ་བཞི་ལྔ", "１２３４５"], "Phone 12345"),
    (&["110", "幺幺零", "༡༡༠"], "Phone 110"),
    (
        &["54010219900101123X", "54010219900101123x", "５４０１０２１９９００１０１１２３Ｘ"],
        "Document 54010219900101123X",
    ),
    (
        &["540102199001011234", "五四零一零二一九九零零一零一一二三四", "540102 19900101 1234"],
        "Document 540102199001011234",
    ),
    (&["E12345678", "e12345678"], "Document E12345678"),
    (&["91540000MA6T1234X5"], "Document 91540000MA6T1234X5"),
    (&["三分之一", "1/3", "སུམ་ཆ་གཅིག", "གསུམ་ཆ་གཅིག"], "Number 1/3"),
    (&["3-5", "三到五个", "3至5个"], "Number 3-5"),
    (&["一百二十", "一百二", "120个", "བརྒྱ་དང་ཉི་ཤུ"], "Number 120"),
    (&["第三", "3", "༣", "གསུམ", "三个"], "Number 3"),
    (&["俩", "两个", "2个", "二个"], "Number 2"),
];

#[test]
fn numbers_have_one_form_however_they_are_written_or_said() {
    let wrong: Vec<String> = ALIKE
        .iter()
        .flat_map(|(texts, expected)| texts.iter().map(move |text| (*text, *expected)))
        .filter(|(text, expected)| found(text) != [*expected])
        .map(|(text, expected)| format!("{text}: {:?}, not {expected}", found(text)))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn numbers_are_found_among_words_of_both_languages() {
    let text = "ལོ་60ལོན་ན་养老金每月三百元，2026年1月15号下午三点半到二楼窗口，电话0891-6812345，身份证号540102199001011234。";
    let all = find(text);
    let said: Vec<(&str, String)> =
        all.iter().map(|f| (&text[f.range.clone()], format!("{:?} {}", f.kind, f.canonical))).collect();
    let said: Vec<(&str, &str)> = said.iter().map(|(t, c)| (*t, c.as_str())).collect();
    assert_eq!(
        said,
        [
            ("60", "Number 60"),
            ("三百元", "Money CNY 300"),
            ("2026年1月15号", "Date 2026-01-15"),
            ("下午三点半", "Time 15:30"),
            ("0891-6812345", "Phone 08916812345"),
            ("540102199001011234", "Document 540102199001011234"),
        ]
    );
}

#[test]
fn counts_are_no_dates_and_measures_no_money() {
    for (text, expected) in [
        ("15日内", "Number 15"),
        ("手机售价3680", "Number 3680"),
        ("等等，早一点", ""),
        ("5号窗口有人", "Number 5"),
        ("三块玉", "Number 3"),
        ("三点意见", "Number 3"),
        ("ཟླ་བ་གསུམ", "Number 3"),
        ("120元", "Money CNY 120"),
        ("三年", "Number 3"),
        ("第3号", "Number 3"),
        ("20 000 001人", "Number 20"),
    ] {
        assert_eq!(found(text).first().map_or("", String::as_str), expected, "{text}");
    }
    assert_eq!(found("一样的，万一丢了，十分重要"), [] as [&str; 0]);
}

proptest::proptest! {
    #[test]
    fn every_canonical_number_is_found(text in "([一二三四五六七八九十百千万零两点年月日号元块]|[0-9０-９༠-༩]|[-:/,.% X¥第]|གཉིས་|བཅུ་|ཟླ་|ཚེས་|སྒོར་|我){0,14}") {
        let all = find(&text);
        for pair in all.windows(2) {
            proptest::prop_assert!(pair[0].range.end <= pair[1].range.start);
        }
        for number in canonical(&text) {
            proptest::prop_assert!(
                all.iter().any(|f| f.range.start < number.range.end && number.range.start < f.range.end),
                "{:?} of {:?} in {:?}", number, text, all
            );
        }
    }
}
