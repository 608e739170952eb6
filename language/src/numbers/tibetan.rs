//! Tibetan numbers in words.
//!
//! Source: Tournadre & Sangda Dorje, *Manual of Standard Tibetan*, annex on numbers. Awaits a native reviewer.

use std::collections::HashSet;
use std::sync::LazyLock;

const DIGITS: [&str; 10] = ["ཀླད་ཀོར", "གཅིག", "གཉིས", "གསུམ", "བཞི", "ལྔ", "དྲུག", "བདུན", "བརྒྱད", "དགུ"];
const TEENS: [&str; 10] =
    ["བཅུ", "བཅུ་གཅིག", "བཅུ་གཉིས", "བཅུ་གསུམ", "བཅུ་བཞི", "བཅོ་ལྔ", "བཅུ་དྲུག", "བཅུ་བདུན", "བཅོ་བརྒྱད", "བཅུ་དགུ"];
/// The tens, and the syllable that links each with its ones.
const TENS: [(&str, &str); 10] = [
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
/// How a digit is spelled before བརྒྱ and སྟོང.
const MULTIPLIERS: [&str; 10] = ["", "ཆིག", "ཉིས", "སུམ", "བཞི", "ལྔ", "དྲུག", "བདུན", "བརྒྱད", "དགུ"];
/// From ten thousand on the unit comes first: ཁྲི་གཉིས is twenty thousand.
const UNITS: [(u64, &str); 5] =
    [(100_000_000, "དུང་ཕྱུར"), (10_000_000, "བྱེ་བ"), (1_000_000, "ས་ཡ"), (100_000, "འབུམ"), (10_000, "ཁྲི")];

/// Makes a power of ten the noun that is counted.
const MANY: &str = "ཕྲག";

/// Syllables that a number may begin with: nearly every syllable of a text is none, and is passed over at once.
static BEGINNINGS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    let words = DIGITS.iter().chain(&TEENS).chain(&MULTIPLIERS).copied();
    let tens = TENS.iter().map(|(ten, _)| *ten);
    let units = UNITS.iter().map(|(_, unit)| *unit);
    let first = |word: &'static str| word.split('་').next().unwrap_or_default();
    words.chain(tens).chain(units).chain(["བརྒྱ", "སྟོང", "ཉེར"]).map(first).filter(|s| !s.is_empty()).collect()
});

/// A number in words, syllables joined by tsheg: 21 is ཉི་ཤུ་རྩ་གཅིག, 105 is བརྒྱ་དང་ལྔ.
pub fn words(n: u64) -> String {
    if n == 0 {
        return DIGITS[0].to_owned();
    }
    let mut rest = n;
    let mut large: Vec<String> = Vec::new();
    for (unit, name) in UNITS {
        let count = rest / unit;
        rest %= unit;
        if count > 0 {
            large.push(format!("{name}་{}", words(count)));
        }
    }
    let mut small: Vec<String> = Vec::new();
    for (unit, name) in [(1000, "སྟོང"), (100, "བརྒྱ")] {
        let count = (rest / unit) as usize;
        rest %= unit;
        match count {
            0 => {}
            1 if unit == 100 => small.push(name.to_owned()),
            _ => small.push(format!("{}་{name}", MULTIPLIERS[count])),
        }
    }
    let last = (rest > 0).then(|| below_hundred(rest as usize));
    // དང ("and") joins what is below a hundred to what is above, and keeps ཁྲི་བདུན་དང་བརྒྱ from being 700 times ten thousand.
    let parts = [large.join("་"), small.join("་"), last.unwrap_or_default()];
    parts.into_iter().filter(|p| !p.is_empty()).collect::<Vec<_>>().join("་དང་")
}

fn below_hundred(n: usize) -> String {
    match (n / 10, n % 10) {
        (0, ones) => DIGITS[ones].to_owned(),
        (1, ones) => TEENS[ones].to_owned(),
        (tens, 0) => TENS[tens].0.to_owned(),
        (tens, ones) => format!("{}་{}་{}", TENS[tens].0, TENS[tens].1, DIGITS[ones]),
    }
}

/// One digit in words.
pub fn digit(digit: u8) -> &'static str {
    DIGITS[usize::from(digit % 10)]
}

/// Reads the number that begins at the first of `syllables` (normal form, without affixes): its value and how many
/// syllables it takes. `None` where none begins there. Both བརྒྱ་དང་ལྔ and བརྒྱ་ལྔ, ཉི་ཤུ་རྩ་གཅིག and ཉེར་གཅིག, ཉིས་བརྒྱ and གཉིས་བརྒྱ
/// are understood. What follows a power of ten with ཕྲག is its count: སྟོང་ཕྲག་གཉིས is 2000, where སྟོང་གཉིས is 1002.
///
/// Source for ཕྲག: the titles of the Perfection of Wisdom in 100,000 lines (སྟོང་ཕྲག་བརྒྱ་པ) and in 25,000 (སྟོང་ཕྲག་ཉི་ཤུ་ལྔ་པ).
pub fn parse(syllables: &[&str]) -> Option<(u64, usize)> {
    if !syllables.first().is_some_and(|first| BEGINNINGS.contains(first)) {
        return None;
    }
    let mut reader = Reader { syllables, at: 0 };
    let n = reader.number()?;
    Some((n, reader.at))
}

struct Reader<'a> {
    syllables: &'a [&'a str],
    at: usize,
}

impl Reader<'_> {
    /// Takes `word` (syllables joined by tsheg) if it is next.
    fn take(&mut self, word: &str) -> bool {
        let length = word.split('་').count();
        let next = self.syllables.get(self.at..self.at + length);
        let found = next.is_some_and(|next| next.iter().copied().eq(word.split('་')));
        self.at += if found { length } else { 0 };
        found
    }

    fn one_of(&mut self, words: &[&str]) -> Option<u64> {
        // The longest first, so that བཅུ does not hide བཅུ་གཅིག.
        let mut order: Vec<usize> = (0..words.len()).filter(|i| !words[*i].is_empty()).collect();
        order.sort_by_key(|i| std::cmp::Reverse(words[*i].split('་').count()));
        order.into_iter().find(|i| self.take(words[*i])).map(|i| i as u64)
    }

    fn number(&mut self) -> Option<u64> {
        let mut total = 0_u64;
        let mut found = false;
        for (unit, name) in UNITS {
            let start = self.at;
            if self.take(name) {
                // The count follows with ཕྲག and without.
                self.take(MANY);
                match self.small() {
                    Some(count) => total = total.checked_add(count.checked_mul(unit)?)?,
                    // A bare unit is one of it only for ཁྲི and འབུམ; ས་ཡ alone may be "the ground".
                    None if matches!(unit, 10_000 | 100_000) => total = total.checked_add(unit)?,
                    None => {
                        self.at = start;
                        continue;
                    }
                }
                found = true;
                self.and();
            }
        }
        match self.small() {
            Some(n) => total.checked_add(n),
            None if found => {
                self.unand();
                Some(total)
            }
            None => None,
        }
    }

    /// A number of thousands, hundreds and what is below.
    fn small(&mut self) -> Option<u64> {
        self.of_units(&[(1000, "སྟོང"), (100, "བརྒྱ")])
    }

    /// A number of these units, the largest first, and what is below a hundred.
    fn of_units(&mut self, units: &[(u64, &str)]) -> Option<u64> {
        let mut total = 0;
        let mut found = false;
        for (i, (unit, name)) in units.iter().enumerate() {
            let start = self.at;
            let count = self.one_of(&MULTIPLIERS).or_else(|| self.one_of(&DIGITS));
            if self.take(name) {
                let many = self.take(MANY);
                self.take("ཐམ་པ");
                let behind = if many && count.is_none() { self.of_units(&units[i + 1..]) } else { None };
                total += count.or(behind).unwrap_or(1) * unit;
                found = true;
                self.and();
            } else {
                self.at = start;
            }
        }
        match self.tens() {
            Some(n) => Some(total + n),
            None if found => {
                self.unand();
                Some(total)
            }
            None => None,
        }
    }

    fn and(&mut self) {
        self.take("དང");
    }

    /// Gives back a དང that joined nothing.
    fn unand(&mut self) {
        if self.at > 0 && self.syllables[self.at - 1] == "དང" {
            self.at -= 1;
        }
    }

    fn tens(&mut self) -> Option<u64> {
        if self.take("ཉེར") {
            return self.one_of(&DIGITS).map(|ones| 20 + ones);
        }
        let tens: [&str; 10] = std::array::from_fn(|i| if i < 2 { "" } else { TENS[i].0 });
        if let Some(ten) = self.one_of(&tens) {
            self.take("ཐམ་པ");
            let before = self.at;
            let linked = self.take(TENS[ten as usize].1) || self.take("རྩ");
            if linked && let Some(ones) = self.one_of(&DIGITS[1..]) {
                return Some(ten * 10 + ones + 1);
            }
            self.at = before;
            return Some(ten * 10);
        }
        if self.take("བཅུ་ཕྲག") {
            return Some(10 * self.one_of(&DIGITS[1..]).map_or(1, |count| count + 1));
        }
        if let Some(teen) = self.one_of(&TEENS) {
            self.take("ཐམ་པ");
            return Some(10 + teen);
        }
        self.one_of(&DIGITS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_spoken_as_the_grammar_says() {
        for (n, spoken) in [
            (0, "ཀླད་ཀོར"),
            (15, "བཅོ་ལྔ"),
            (21, "ཉི་ཤུ་རྩ་གཅིག"),
            (30, "སུམ་ཅུ"),
            (47, "བཞི་བཅུ་ཞེ་བདུན"),
            (105, "བརྒྱ་དང་ལྔ"),
            (300, "སུམ་བརྒྱ"),
            (2023, "ཉིས་སྟོང་དང་ཉི་ཤུ་རྩ་གསུམ"),
            (20_000, "ཁྲི་གཉིས"),
            (12_345, "ཁྲི་གཅིག་དང་ཉིས་སྟོང་སུམ་བརྒྱ་དང་བཞི་བཅུ་ཞེ་ལྔ"),
        ] {
            assert_eq!(words(n), spoken, "{n}");
        }
    }

    fn read(spoken: &str) -> Option<(u64, usize)> {
        parse(&spoken.split('་').collect::<Vec<_>>())
    }

    #[test]
    fn words_are_understood_in_every_usual_form() {
        assert_eq!(read("བརྒྱ་ལྔ"), Some((105, 2)));
        assert_eq!(read("ཉེར་གཅིག"), Some((21, 2)));
        assert_eq!(read("གཉིས་བརྒྱ"), Some((200, 2)));
        assert_eq!(read("བརྒྱ་ཐམ་པ"), Some((100, 3)));
        assert_eq!(read("གསུམ་དང་བཞི"), Some((3, 1)), "three and four are two numbers");
        assert_eq!(read("བརྒྱ་དང་མི"), Some((100, 1)));
        assert_eq!(read("ས་ཡ"), None);
        assert_eq!(read("སྟོང་གཉིས"), Some((1002, 2)));
        assert_eq!(read("བོད"), None);
    }

    #[test]
    fn what_follows_a_counted_power_of_ten_is_its_count() {
        for (spoken, n) in [
            ("བཅུ་ཕྲག་གསུམ", 30),
            ("བརྒྱ་ཕྲག་གསུམ", 300),
            ("བརྒྱ་ཕྲག་བཅུ", 1000),
            ("བརྒྱ་ཕྲག་གསུམ་དང་བཅུ", 310),
            ("སྟོང་ཕྲག་གཅིག", 1000),
            ("སྟོང་ཕྲག་གཉིས་དང་ལྔ་བརྒྱ", 2500),
            ("སྟོང་ཕྲག་གཉིས་ལྔ་བརྒྱ", 2500),
            ("སྟོང་ཕྲག་ཉི་ཤུ་རྩ་ལྔ", 25_000),
            ("སྟོང་ཕྲག་བརྒྱ", 100_000),
            ("ཁྲི་ཕྲག་བཅུ", 100_000),
            ("ཁྲི་ཕྲག་གཅིག་དང་སྟོང་ཕྲག་གཉིས", 12_000),
            ("འབུམ་ཕྲག་གསུམ", 300_000),
            ("ས་ཡ་ཕྲག་གཉིས", 2_000_000),
            ("ཉིས་སྟོང་ཕྲག", 2000),
            ("སྟོང་ཕྲག", 1000),
            ("ཁྲི་ཕྲག", 10_000),
        ] {
            assert_eq!(read(spoken), Some((n, spoken.split('་').count())), "{spoken}");
        }
        assert_eq!(read("སྟོང་ཕྲག་མང་པོ"), Some((1000, 2)), "\"thousands\"");
        assert_eq!(read("སྟོང་ཕྲག་དང་མི"), Some((1000, 2)));
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_out_is_read_back(n in 0_u64..100_000_000) {
            let spoken = words(n);
            let syllables: Vec<&str> = spoken.split('་').collect();
            proptest::prop_assert_eq!(parse(&syllables), Some((n, syllables.len())), "{}", spoken);
        }
    }
}
