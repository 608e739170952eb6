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

/// Whether a character can be part of a number in words, formal ones (壹拾) included.
pub(crate) fn is_numeral(c: char) -> bool {
    numeral_digit(c).is_some() || unit(c).is_some() || tens(c).is_some()
}

/// The value of a digit character (一, 两, 〇, 幺, 壹, 俩, …).
///
/// Source of the formal numerals: Banknote and cheque regulations of the People's Bank of China (支付结算办法, annex 1).
pub(crate) fn numeral_digit(c: char) -> Option<u8> {
    Some(match c {
        '零' | '〇' => 0,
        '一' | '壹' | '幺' => 1,
        '二' | '贰' | '貳' | '两' | '兩' | '俩' => 2,
        '三' | '叁' | '參' | '仨' => 3,
        '四' | '肆' => 4,
        '五' | '伍' => 5,
        '六' | '陆' | '陸' => 6,
        '七' | '柒' => 7,
        '八' | '捌' => 8,
        '九' | '玖' => 9,
        _ => return None,
    })
}

fn unit(c: char) -> Option<u64> {
    Some(match c {
        '十' | '拾' => 10,
        '百' | '佰' => 100,
        '千' | '仟' => 1000,
        '万' | '萬' => 10_000,
        '亿' | '億' => 100_000_000,
        _ => return None,
    })
}

/// 廿 and 卅, still used for dates and ages.
fn tens(c: char) -> Option<u64> {
    match c {
        '廿' => Some(20),
        '卅' => Some(30),
        _ => None,
    }
}

/// Words that are nothing but digits, as telephone and document numbers are said: 零八九一 is 0891. `None` for fewer than
/// three, and for words with a unit.
pub fn digit_string(words: &str) -> Option<String> {
    let digits: Option<String> =
        words.chars().map(|c| numeral_digit(c).map(|d| char::from(b'0' + d))).collect();
    digits.filter(|d| d.len() >= 3)
}

/// The number that Chinese words stand for: 一百零五 is 105, 一百五 is 150 as people say it, 二零二三 (digit by digit) 2023,
/// 零五 5, 廿三 23, 壹佰 100. `None` where they are no number, or an approximate one such as 七八.
pub fn parse(words: &str) -> Option<u64> {
    let characters: Vec<char> = words.chars().collect();
    if characters.iter().all(|c| numeral_digit(*c).is_some()) {
        // Two digits side by side are "seven or eight".
        let digits: Vec<u8> = characters.iter().filter_map(|c| numeral_digit(*c)).collect();
        return (digits.len() != 2 || digits[0] == 0).then(|| super::value(&digits)).flatten();
    }
    let mut sum = Sum { place: 10_000, ..Sum::default() };
    for c in characters {
        sum.take(c)?;
    }
    sum.finish()
}

/// A number in words as far as it was read.
#[derive(Default)]
struct Sum {
    total: u64,
    /// What belongs to the next 万 or 亿.
    group: u64,
    digit: Option<u64>,
    /// The last unit within the group; the next one is smaller.
    place: u64,
    /// The last unit of all; 0 after a 零.
    last: u64,
}

impl Sum {
    fn take(&mut self, c: char) -> Option<()> {
        match (unit(c), tens(c)) {
            (Some(unit @ (10_000 | 100_000_000)), _) => {
                self.group += self.digit.take().unwrap_or(0);
                // 万亿: what came before is multiplied as a whole.
                let before =
                    if self.total > 0 && self.total < unit { std::mem::take(&mut self.total) } else { 0 };
                let multiplied = before.checked_add(self.group).filter(|n| *n > 0)?.checked_mul(unit)?;
                self.total = self.total.checked_add(multiplied)?;
                (self.group, self.place, self.last) = (0, 10_000, unit);
            }
            (Some(unit), _) => {
                if unit >= self.place {
                    return None;
                }
                let count = self.digit.take().unwrap_or(u64::from(unit == 10));
                self.group += count.checked_mul(unit).filter(|n| *n > 0)?;
                (self.place, self.last) = (unit, unit);
            }
            (None, Some(tens)) => {
                if self.place <= 10 || self.digit.is_some() {
                    return None;
                }
                self.group += tens;
                (self.place, self.last) = (10, 10);
            }
            (None, None) => match u64::from(numeral_digit(c)?) {
                0 => self.last = 0,
                _ if self.digit.is_some() => return None,
                value => self.digit = Some(value),
            },
        }
        Some(())
    }

    fn finish(self) -> Option<u64> {
        // 一百五, 三万二: the next lower unit is left out in speech.
        let ones = if self.last >= 100 { self.last / 10 } else { 1 };
        let rest = self.digit.unwrap_or(0).checked_mul(ones)?;
        self.total.checked_add(self.group)?.checked_add(rest)
    }
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
            ("一百二", Some(120)),
            ("两万三", Some(23_000)),
            ("三千零五", Some(3005)),
            ("一亿五", Some(150_000_000)),
            ("廿三", Some(23)),
            ("壹仟贰佰叁拾", Some(1230)),
            ("零五", Some(5)),
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
