//! Error rates: what was said against what was heard.

use language::{Language, Phone, Script, chinese, numbers, script_runs, spoken_form, tibetan};
use serde::Serialize;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Unit {
    /// Chinese characters (and letters and digits, one by one).
    Character,
    /// Tibetan syllables (and Chinese characters, numbers and Latin words in them).
    Syllable,
    /// Phones, of the pronunciation that was heard best.
    Phone,
}

impl Unit {
    /// What an engine that writes is measured in.
    pub const fn of(language: Language) -> Self {
        match language {
            Language::Zh => Self::Character,
            Language::Bo => Self::Syllable,
        }
    }

    /// The rate's usual name.
    pub const fn rate_name(self) -> &'static str {
        match self {
            Self::Character => "CER",
            Self::Syllable => "SER",
            Self::Phone => "PER",
        }
    }
}

/// Differences between two rows of units along their cheapest alignment (Levenshtein 1966).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Errors {
    /// Units that were said.
    pub reference: usize,
    /// Heard as others.
    pub substitutions: usize,
    /// Heard but not said.
    pub insertions: usize,
    /// Said but not heard.
    pub deletions: usize,
}

impl Errors {
    /// All of them.
    pub const fn total(self) -> usize {
        self.substitutions + self.insertions + self.deletions
    }

    /// Errors per unit that was said, above 1 where much was invented; `None` where nothing was said.
    pub fn rate(self) -> Option<f64> {
        (self.reference > 0).then(|| self.total() as f64 / self.reference as f64)
    }

    /// Both together.
    pub const fn and(self, other: Self) -> Self {
        Self {
            reference: self.reference + other.reference,
            substitutions: self.substitutions + other.substitutions,
            insertions: self.insertions + other.insertions,
            deletions: self.deletions + other.deletions,
        }
    }
}

/// Aligns what was said with what was heard, at the least number of errors; of equal ways the one with most
/// substitutions.
pub(super) fn compare<T: PartialEq>(said: &[T], heard: &[T]) -> Errors {
    let insertions = |count| Errors { insertions: count, ..Errors::default() };
    let mut row: Vec<Errors> = (0..=heard.len()).map(insertions).collect();
    for unit in said {
        let mut diagonal = row[0];
        row[0].deletions += 1;
        for at in 1..=heard.len() {
            let mut substituted = diagonal;
            substituted.substitutions += usize::from(*unit != heard[at - 1]);
            let deleted = Errors { deletions: row[at].deletions + 1, ..row[at] };
            let inserted = Errors { insertions: row[at - 1].insertions + 1, ..row[at - 1] };
            diagonal = row[at];
            // `min_by_key` takes the first of equals.
            let ways = [substituted, deleted, inserted];
            row[at] = ways.into_iter().min_by_key(|errors| errors.total()).unwrap_or(substituted);
        }
    }
    Errors { reference: said.len(), ..row.pop().unwrap_or_default() }
}

/// A text as what it is compared by: numbers in digits, simplified characters, full-width forms folded, without case,
/// punctuation and spaces.
pub(super) fn units(text: &str, language: Language) -> Vec<String> {
    let text = chinese::normalize(&numbers::written(text)).to_lowercase();
    let digit = |c: char| numbers::digit_value(c).map_or(c, |value| char::from(b'0' + value));
    let solid = |c: &char| c.is_alphanumeric();
    match language {
        Language::Zh => text.chars().filter(solid).map(|c| digit(c).to_string()).collect(),
        Language::Bo => {
            let mut out = Vec::new();
            for run in script_runs(&text) {
                let part = &text[run.range];
                match run.script {
                    Script::Tibetan => out.extend(tibetan::syllables(part).into_iter().map(|s| s.text)),
                    Script::Han => out.extend(part.chars().map(String::from)),
                    Script::Digit | Script::Latin => out.push(part.chars().map(digit).collect()),
                    Script::Other => {}
                }
            }
            out
        }
    }
}

/// Errors of a text.
pub(super) fn text_errors(said: &str, heard: &str, language: Language) -> Errors {
    compare(&units(said, language), &units(heard, language))
}

/// Errors of phones, against the pronunciation of the text with the fewest; `None` where the text has no sound.
pub(super) fn phone_errors(said: &str, heard: &[Phone], language: Language) -> Option<Errors> {
    let ways = spoken_form(said, language).pronunciations.into_iter().filter(|way| !way.phones.is_empty());
    ways.map(|way| compare(&way.phones, heard)).min_by_key(|errors| errors.total())
}

#[cfg(test)]
mod tests {
    use language::Language::{Bo, Zh};

    use super::*;

    fn errors(said: &str, heard: &str, language: Language) -> (usize, usize, usize, usize) {
        let Errors { reference, substitutions, insertions, deletions } = text_errors(said, heard, language);
        (reference, substitutions, insertions, deletions)
    }

    #[test]
    fn chinese_is_compared_by_characters_without_signs_widths_and_spellings_of_numbers() {
        assert_eq!(errors("身份证，丢了！", "身份证 丢了", Zh), (5, 0, 0, 0));
        assert_eq!(errors("身份证", "身分証", Zh), (3, 1, 0, 0), "traditional characters are folded");
        assert_eq!(errors("ＡＢＣ１２", "abc12", Zh), (5, 0, 0, 0));
        assert_eq!(errors("三百元", "300元", Zh), (4, 0, 0, 0));
        assert_eq!(errors("身份证丢了", "身份证丢了吗", Zh), (5, 0, 1, 0));
        assert_eq!(errors("身份证丢了", "份证丢", Zh), (5, 0, 0, 2));
        assert_eq!(errors("身份证丢了", "", Zh), (5, 0, 0, 5));
        assert_eq!(errors("", "啊", Zh), (0, 0, 1, 0));
    }

    #[test]
    fn tibetan_is_compared_by_syllables() {
        assert_eq!(errors("ངའི་ལག་ཁྱེར་བརླགས་སོང་།", "ངའི་ལག་ཁྱེར་བརླགས་སོང", Bo), (5, 0, 0, 0));
        assert_eq!(errors("ངའི་ལག་ཁྱེར་", "ངའི་ལག་འཁྱེར་", Bo), (3, 1, 0, 0));
        assert_eq!(errors("ལོ་དྲུག་ཅུ", "ལོ་60", Bo), (2, 0, 0, 0));
        assert_eq!(errors("ངའི་身份证", "ངའི་身分证", Bo), (4, 1, 0, 0));
    }

    #[test]
    fn a_rate_may_exceed_one_and_needs_something_said() {
        assert_eq!(compare(&[1], &[2, 3, 4]).rate(), Some(3.0));
        assert_eq!(compare(&[] as &[u8], &[1]).rate(), None);
        let both = compare(&[1, 2], &[1]).and(compare(&[1, 2], &[1, 2]));
        assert_eq!((both.rate(), both.deletions), (Some(0.25), 1));
    }

    #[test]
    fn phones_are_compared_with_the_nearest_pronunciation() {
        for (text, language) in [("身份证", Zh), ("ལག་ཁྱེར", Bo)] {
            for way in spoken_form(text, language).pronunciations {
                assert_eq!(phone_errors(text, &way.phones, language).unwrap().total(), 0);
                let fewer = &way.phones[1..];
                assert_eq!(phone_errors(text, fewer, language).unwrap().total(), 1);
            }
        }
        assert_eq!(phone_errors("！", &[], Zh), None);
    }

    proptest::proptest! {
        #[test]
        fn the_counts_fit_the_lengths(said in "[ab]{0,8}", heard in "[ab]{0,8}") {
            let (a, b): (Vec<char>, Vec<char>) = (said.chars().collect(), heard.chars().collect());
            let errors = compare(&a, &b);
            proptest::prop_assert_eq!(a.len() - errors.deletions + errors.insertions, b.len());
            proptest::prop_assert!(errors.total() <= a.len().max(b.len()));
            proptest::prop_assert_eq!(errors.total() == 0, a == b);
            proptest::prop_assert_eq!(compare(&b, &a).total(), errors.total());
        }
    }
}
