use super::*;

/// Ways to write or say a personal number, and what is left of each.
const MASKED: [(&str, &str); 44] = [
    // Identity cards. Only 540102199001011233 and 11010519491231002X fit their check digits: a misheard one is masked, too,
    // unless it could as well be a date among other numbers.
    ("身份证号540102199001011239。", "身份证号****1239。"),
    ("身份证 110105 19491231 002X", "身份证 ****002X"),
    ("54010219900101123x", "****123X"),
    ("５４０１０２１９９００１０１１２３９", "****1239"),
    ("ངའི་ཐོབ་ཐང་ལག་ཁྱེར་༥༤༠༡༠༢༡༩༩༠༠༡༠༡༡༢༣༩་ཡིན།", "ངའི་ཐོབ་ཐང་ལག་ཁྱེར་****1239་ཡིན།"),
    ("ཐོབ་ཐང་ཨང་༥༤༠༡༠༢ ༡༩༩༠༠༡༠༡ ༡༢༣༩", "ཐོབ་ཐང་ཨང་****1239"),
    ("5401-0219-9001-0112-39", "****1239"),
    ("540102-1990-01-01-1233", "****1233"),
    ("我是五四零一零二一九九零零一零一一二三九", "我是****1239"),
    ("五四零一零二 一九九零 零一零一 一二三九", "****1239"),
    ("幺幺零幺零五幺九四九幺二三幺零零二叉", "****002X"),
    ("ལྔ་བཞི་ཀླད་ཀོར་གཅིག་ཀླད་ཀོར་གཉིས་གཅིག་དགུ་དགུ་ཀླད་ཀོར་ཀླད་ཀོར་གཅིག་ཀླད་ཀོར་གཅིག་གཅིག་གཉིས་གསུམ་དགུ་ཡིན", "****1239་ཡིན"),
    ("130503670401001", "****1001"),
    // Mobile telephones.
    ("手机13912345678", "手机****5678"),
    ("139 1234 5678", "****5678"),
    ("139-1234-5678", "****5678"),
    ("139——1234——5678", "****5678"),
    ("139.1234.5678", "****5678"),
    ("1 3 9 1 2 3 4 5 6 7 8", "****5678"),
    ("+86 139 1234 5678", "+****5678"),
    ("008613912345678", "****5678"),
    ("１３９１２３４５６７８", "****5678"),
    ("一三九一二三四五六七八", "****5678"),
    ("我电话幺三九 幺二三四 五六七八", "我电话****5678"),
    ("一 三 九 一 二 三 四 五 六 七 八", "****5678"),
    ("一三九1234五六七八", "****5678"),
    ("ཁ་པར་༡༣༩༡༢༣༤༥༦༧༨", "ཁ་པར་****5678"),
    ("༡༣༩་༡༢༣༤་༥༦༧༨", "****5678"),
    ("ངའི་ཁ་པར་གཅིག་གསུམ་དགུ་གཅིག་གཉིས་གསུམ་བཞི་ལྔ་དྲུག་བདུན་བརྒྱད་རེད།", "ངའི་ཁ་པར་****5678་རེད།"),
    ("གཅིག་གསུམ་དགུ། གཅིག", "གཅིག་གསུམ་དགུ། གཅིག"),
    ("བཅུ་གསུམ་ དགུ་ གཅིག་གཉིས་ གསུམ་བཞི་ ལྔ་དྲུག་ བདུན་བརྒྱད", "****5678"),
    // Lines with an area code, and what a word makes a telephone.
    ("家里0891-6812345", "家里****2345"),
    ("(0891)6812345", "(****2345"),
    ("零八九一六八一二三四五", "****2345"),
    ("༠༨༩༡-༦༨༡༢༣༤༥", "****2345"),
    ("010 6552 9988", "****9988"),
    ("电话6812345", "电话****"),
    ("ཁ་པར་༦༨༡༢༣༤༥", "ཁ་པར་****"),
    // Bank cards (Luhn), passports.
    ("卡号6222021234567890128", "卡号****0128"),
    ("6222 0212 3456 7890 128", "****0128"),
    ("དངུལ་ཁང་གི་ལག་ཁྱེར་༦༢༢༢ ༠༢༡༢ ༣༤༥༦ ༧༨༩༠ ༡༢༨", "དངུལ་ཁང་གི་ལག་ཁྱེར་****0128"),
    ("六二二二 零二一二 三四五六 七八九零 一二八", "****0128"),
    ("护照E12345678", "护照****"),
    ("1 3912345678和13812345678", "****5678和****5678"),
];

#[test]
fn personal_numbers_are_masked_however_they_are_written_or_said() {
    let wrong: Vec<String> = MASKED
        .iter()
        .filter(|(text, expected)| mask(text) != *expected)
        .map(|(text, expected)| format!("{text}: {}, not {expected}", mask(text)))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What is nobody's number.
const KEPT: [&str; 33] = [
    "养老金每月1200元，三千五百元，人民币13912345678元",
    "སྒོར་༡༢༠༠་རེད། སྒོར་ཉིས་སྟོང་དང་ལྔ་བརྒྱ",
    "2026年1月15日上午9点30分",
    "2026-01-15 2026-01-16 2026-01-17",
    "སྤྱི་ལོ་༢༠༢༦་ལོའི་ཟླ་༡་པའི་ཚེས་༡༥",
    "拨打12345，110、119、120",
    "一二三四五，幺幺零",
    "ཁ་པར་༡༢༣༤༥་དང་༡༡༩",
    "གཅིག་གཉིས་གསུམ་བཞི་ལྔ",
    "热线96677，95588，10086",
    "400-810-1234",
    "8008101234",
    "共1000、2000、3000、4000、5000户",
    "占86.5%，增长0.12345678901",
    "192.168.10.101",
    "10.0.0.7:8080",
    "conversation=550e8400-e29b-41d4-a716-446655440000",
    "conversation 12345678-1234-4234-8234-139123456789 took 3ms",
    "sha256 3a7bd3e2360a3d29eea436fcfb7e44c735d117c42d1c1835420b6b9942dd4f1b",
    "2026-11-30T04:31:51.123456Z  INFO the server is listening address=127.0.0.1:18471 tls=false",
    "第三十二条，共一百二十三人",
    "ལོ་༦༠་ལོན་པ་དང་། མི་༡༢༣",
    "一样的，万一丢了，十分重要",
    "5号窗口，3楼302室",
    "统一社会信用代码91540000MA6T1234X5",
    "85000 拉萨市 12 路",
    "满60岁、65岁、70岁、80岁、90岁",
    "从1到12，从13到24",
    "20 000 001人",
    "1/3，3-5天",
    "",
    "ཀ",
    "e1234567-89ab-4cde-8f01-23456789abcd",
];

#[test]
fn sums_dates_hotlines_and_identifiers_stay() {
    let wrong: Vec<String> = KEPT
        .iter()
        .filter(|text| mask(text) != **text)
        .map(|text| format!("{text}: {}", mask(text)))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn numbers_that_the_service_publishes_stay() {
    let mut masker = Masker::default();
    masker.publish("办公电话0891-6812345，手机 139 1234 5678，身份证号540102199001011239");
    for kept in [
        "请打0891-6812345",
        "零八九一六八一二三四五",
        "༠༨༩༡-༦༨༡༢༣༤༥",
        "+86-891-6812345",
        "13912345678",
        "ཁ་པར་༡༣༩༡༢༣༤༥༦༧༨",
    ] {
        assert_eq!(masker.mask(kept), kept);
    }
    assert_eq!(masker.mask("0891-6812346和540102199001011239"), "****2346和****1239");
    let mut other = Masker::default();
    other.publish_all(&masker);
    assert_eq!(other.mask("13912345678"), "13912345678");
}

proptest::proptest! {
    #[test]
    fn a_mobile_number_is_masked_in_every_way_of_grouping(
        number in "1[3-9][0-9]{9}", cuts in proptest::collection::vec(1_usize..5, 0..11),
        separator in "[ -]|་|·", kind in 0_u8..4,
    ) {
        let digit = |c: char| {
            let value = c as u32 - '0' as u32;
            match kind {
                0 => c,
                1 => char::from_u32('０' as u32 + value).unwrap(),
                2 => char::from_u32(0x0f20 + value).unwrap(),
                _ => crate::numbers::chinese::digit(value as u8),
            }
        };
        let digits: Vec<char> = number.chars().map(digit).collect();
        let mut text = String::from("我的号码：");
        let mut rest = &digits[..];
        for cut in cuts {
            if cut >= rest.len() { break; }
            text.extend(&rest[..cut]);
            text.push_str(&separator);
            rest = &rest[cut..];
        }
        text.extend(rest);
        // 1391-2012-3-10 may be a date after something.
        proptest::prop_assume!(find::find(&text).iter().all(|found| found.kind != find::Kind::Date));
        proptest::prop_assert_eq!(mask(&text), format!("我的号码：****{}", &number[7..]), "{}", text);
    }

    #[test]
    fn masking_again_changes_nothing(text in "([0-9]{1,5}|[一二三四五六七八九零]{1,4}|གཅིག་|བདུན་|[ -]|元|电话|年){0,16}") {
        let once = mask(&text).into_owned();
        proptest::prop_assert_eq!(mask(&once), once.clone(), "{}", text);
    }
}
