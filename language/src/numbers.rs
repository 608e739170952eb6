//! Numbers as words, in both languages.

/// A Chinese number in words, as spoken: 105 is 一百零五, 10 is 十, 200 is 二百.
pub fn chinese(n: u64) -> String {
    const DIGITS: [char; 10] = ['零', '一', '二', '三', '四', '五', '六', '七', '八', '九'];
    const UNITS: [&str; 4] = ["", "十", "百", "千"];
    const GROUPS: [&str; 5] = ["", "万", "亿", "万亿", "亿亿"];
    if n == 0 {
        return "零".to_owned();
    }
    let mut out = String::new();
    let mut zero = false;
    for group in (0..GROUPS.len()).rev() {
        let four = n / 10_000_u64.pow(group as u32) % 10_000;
        if four == 0 {
            zero |= !out.is_empty();
            continue;
        }
        for place in (0..4).rev() {
            let digit = (four / 10_u64.pow(place as u32) % 10) as usize;
            if digit == 0 {
                zero |= !out.is_empty();
                continue;
            }
            if zero {
                out.push('零');
                zero = false;
            }
            // 十五, not 一十五, but 一百一十五.
            if !(digit == 1 && place == 1 && out.is_empty()) {
                out.push(DIGITS[digit]);
            }
            out.push_str(UNITS[place]);
        }
        out.push_str(GROUPS[group]);
        zero = false;
    }
    out
}

/// One digit in Chinese.
pub fn chinese_digit(digit: u8) -> char {
    ['零', '一', '二', '三', '四', '五', '六', '七', '八', '九'][usize::from(digit % 10)]
}

const TIBETAN_DIGITS: [&str; 10] =
    ["ཀླད་ཀོར", "གཅིག", "གཉིས", "གསུམ", "བཞི", "ལྔ", "དྲུག", "བདུན", "བརྒྱད", "དགུ"];
const TIBETAN_TEENS: [&str; 10] = [
    "བཅུ", "བཅུ་གཅིག", "བཅུ་གཉིས", "བཅུ་གསུམ", "བཅུ་བཞི", "བཅོ་ལྔ", "བཅུ་དྲུག", "བཅུ་བདུན", "བཅོ་བརྒྱད", "བཅུ་དགུ",
];
/// The tens, and the syllable that links each with its ones.
const TIBETAN_TENS: [(&str, &str); 10] = [
    ("", ""),
    ("བཅུ", ""),
    ("ཉི་ཤུ", "རྩ"),
    ("སུམ་ཅུ", "སོ"),
    ("བཞི་བཅུ", "ཞེ"),
    ("ལྔ་བཅུ", "ང"),
    ("དྲུག་ཅུ", "རེ"),
    ("བདུན་ཅུ", "དོན"),
    ("བརྒྱད་ཅུ", "གྱ"),
    ("དགུ་བཅུ", "གོ"),
];
/// How a digit is spelled before བརྒྱ, སྟོང.
const TIBETAN_MULTIPLIERS: [&str; 10] =
    ["", "ཆིག", "ཉིས", "སུམ", "བཞི", "ལྔ", "དྲུག", "བདུན", "བརྒྱད", "དགུ"];
/// From ten thousand on the unit comes first: ཁྲི་གཉིས is twenty thousand.
const TIBETAN_UNITS: [(u64, &str); 5] =
    [(100_000_000, "དུང་ཕྱུར"), (10_000_000, "བྱེ་བ"), (1_000_000, "ས་ཡ"), (100_000, "འབུམ"), (10_000, "ཁྲི")];

/// A Tibetan number in words, syllables joined by tsheg: 21 is ཉི་ཤུ་རྩ་གཅིག, 105 is བརྒྱ་དང་ལྔ.
///
/// Source: Tournadre & Sangda Dorje, *Manual of Standard Tibetan*, annex on numbers. Awaits a native reviewer.
pub fn tibetan(n: u64) -> String {
    if n == 0 {
        return TIBETAN_DIGITS[0].to_owned();
    }
    let mut words: Vec<String> = Vec::new();
    let mut rest = n;
    for (unit, name) in TIBETAN_UNITS {
        let count = rest / unit;
        rest %= unit;
        if count > 0 {
            words.push(format!("{name}་{}", tibetan(count)));
        }
    }
    for (unit, name) in [(1000, "སྟོང"), (100, "བརྒྱ")] {
        let count = (rest / unit) as usize;
        rest %= unit;
        match count {
            0 => {}
            1 if unit == 100 => words.push(name.to_owned()),
            _ => words.push(format!("{}་{name}", TIBETAN_MULTIPLIERS[count])),
        }
    }
    let (tens, ones) = ((rest / 10) as usize, (rest % 10) as usize);
    let last = match (tens, ones) {
        (0, 0) => None,
        (0, ones) => Some(TIBETAN_DIGITS[ones].to_owned()),
        (1, ones) => Some(TIBETAN_TEENS[ones].to_owned()),
        (tens, 0) => Some(TIBETAN_TENS[tens].0.to_owned()),
        (tens, ones) => {
            let (ten, link) = TIBETAN_TENS[tens];
            Some(format!("{ten}་{link}་{}", TIBETAN_DIGITS[ones]))
        }
    };
    // དང ("and") joins what is below a hundred to what is above.
    match last {
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{}་དང་{last}", words.join("་")),
        None => words.join("་"),
    }
}

/// One digit in Tibetan.
pub fn tibetan_digit(digit: u8) -> &'static str {
    TIBETAN_DIGITS[usize::from(digit % 10)]
}

/// The value of an ASCII, full-width or Tibetan digit.
pub fn digit_value(c: char) -> Option<u8> {
    match c {
        '0'..='9' => Some(c as u8 - b'0'),
        '０'..='９' => Some((c as u32 - '０' as u32) as u8),
        '\u{0f20}'..='\u{0f29}' => Some((c as u32 - 0x0f20) as u8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_numbers_are_spoken_as_people_say_them() {
        for (n, words) in [
            (0, "零"),
            (10, "十"),
            (15, "十五"),
            (105, "一百零五"),
            (110, "一百一十"),
            (1005, "一千零五"),
            (10_050, "一万零五十"),
            (12_345, "一万二千三百四十五"),
            (100_000, "十万"),
            (100_000_005, "一亿零五"),
        ] {
            assert_eq!(chinese(n), words, "{n}");
        }
    }

    #[test]
    fn tibetan_numbers_are_spoken_as_the_grammar_says() {
        for (n, words) in [
            (0, "ཀླད་ཀོར"),
            (15, "བཅོ་ལྔ"),
            (21, "ཉི་ཤུ་རྩ་གཅིག"),
            (30, "སུམ་ཅུ"),
            (47, "བཞི་བཅུ་ཞེ་བདུན"),
            (105, "བརྒྱ་དང་ལྔ"),
            (300, "སུམ་བརྒྱ"),
            (2023, "ཉིས་སྟོང་དང་ཉི་ཤུ་རྩ་གསུམ"),
            (20_000, "ཁྲི་གཉིས"),
        ] {
            assert_eq!(tibetan(n), words, "{n}");
        }
    }
}
