//! Chinese numbers in words.

const DIGITS: [char; 10] = ['零', '一', '二', '三', '四', '五', '六', '七', '八', '九'];

/// A number in words, as spoken: 105 is 一百零五, 10 is 十, 200 is 二百.
pub fn words(n: u64) -> String {
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

/// One digit in words.
pub fn digit(digit: u8) -> char {
    DIGITS[usize::from(digit % 10)]
}

/// Whether a character can be part of a number in words.
pub(crate) fn is_numeral(c: char) -> bool {
    numeral_digit(c).is_some() || matches!(c, '十' | '百' | '千' | '万' | '亿')
}

/// The value of a digit character (一, 两, 〇, 幺, …).
pub(crate) fn numeral_digit(c: char) -> Option<u8> {
    match c {
        '〇' => Some(0),
        '两' => Some(2),
        '幺' => Some(1),
        _ => DIGITS.iter().position(|d| *d == c).map(|d| d as u8),
    }
}

/// The number that Chinese words stand for: 一百零五 is 105, 二零二三 (digit by digit) 2023. `None` where they are no
/// number, or an approximate one such as 七八.
pub fn parse(words: &str) -> Option<u64> {
    let characters: Vec<char> = words.chars().collect();
    if characters.iter().all(|c| numeral_digit(*c).is_some()) {
        // Two digits side by side are "seven or eight".
        let digits: Vec<u8> = characters.iter().filter_map(|c| numeral_digit(*c)).collect();
        return (digits.len() != 2).then(|| super::value(&digits)).flatten();
    }
    let (mut total, mut group, mut digit, mut place) = (0_u64, 0_u64, None, 10_000_u64);
    for c in characters {
        let unit = match c {
            '十' => 10,
            '百' => 100,
            '千' => 1000,
            '万' | '亿' => {
                group += digit.take().unwrap_or(0);
                let unit = if c == '万' { 10_000 } else { 100_000_000 };
                // 万亿: what came before is multiplied as a whole.
                let before = if total > 0 && total < unit { std::mem::take(&mut total) } else { 0 };
                let multiplied = before.checked_add(group).filter(|n| *n > 0)?.checked_mul(unit)?;
                total = total.checked_add(multiplied)?;
                (group, place) = (0, 10_000);
                continue;
            }
            _ => {
                let value = u64::from(numeral_digit(c)?);
                if value != 0 {
                    if digit.is_some() {
                        return None;
                    }
                    digit = Some(value);
                }
                continue;
            }
        };
        if unit >= place {
            return None;
        }
        place = unit;
        group += digit.take().unwrap_or(u64::from(unit == 10)).checked_mul(unit).filter(|n| *n > 0)?;
    }
    total.checked_add(group)?.checked_add(digit.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_spoken_as_people_say_them() {
        for (n, spoken) in [
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
            assert_eq!(words(n), spoken, "{n}");
        }
    }

    #[test]
    fn words_are_understood_in_every_usual_form() {
        for (spoken, n) in [
            ("两千", Some(2000)),
            ("二零二三", Some(2023)),
            ("一二三四五", Some(12_345)),
            ("幺二零", Some(120)),
            ("七八", None),
            ("三百五十", Some(350)),
            ("百", None),
            ("十十", None),
        ] {
            assert_eq!(parse(spoken), n, "{spoken}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_out_is_read_back(n in 0_u64..1_000_000_000_000) {
            proptest::prop_assert_eq!(parse(&words(n)), Some(n));
        }
    }
}
