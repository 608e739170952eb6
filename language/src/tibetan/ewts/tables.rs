//! The letters of EWTS and which of them stack without a plus sign.
//!
//! Source: *THL Extended Wylie Transliteration Scheme* (Tibetan and Himalayan Library, 2004) and its reference tables as
//! in `pyewts` (Apache-2.0, Buddhist Digital Resource Center).

/// Consonants as full letters. ཪ (R) is the fixed form of ར.
pub(super) const CONSONANTS: [(char, &str); 35] = [
    ('ཀ', "k"),
    ('ཁ', "kh"),
    ('ག', "g"),
    ('ང', "ng"),
    ('ཅ', "c"),
    ('ཆ', "ch"),
    ('ཇ', "j"),
    ('ཉ', "ny"),
    ('ཊ', "T"),
    ('ཋ', "Th"),
    ('ཌ', "D"),
    ('ཎ', "N"),
    ('ཏ', "t"),
    ('ཐ', "th"),
    ('ད', "d"),
    ('ན', "n"),
    ('པ', "p"),
    ('ཕ', "ph"),
    ('བ', "b"),
    ('མ', "m"),
    ('ཙ', "ts"),
    ('ཚ', "tsh"),
    ('ཛ', "dz"),
    ('ཝ', "w"),
    ('ཞ', "zh"),
    ('ཟ', "z"),
    ('འ', "'"),
    ('ཡ', "y"),
    ('ར', "r"),
    ('ལ', "l"),
    ('ཤ', "sh"),
    ('ཥ', "Sh"),
    ('ས', "s"),
    ('ཧ', "h"),
    ('\u{0f6a}', "R"),
];

/// Other spellings of consonants that are read, never written.
pub(super) const READ_ONLY: [(&str, &str); 2] = [("\u{2019}", "'"), ("\u{2018}", "'")];

/// Vowel signs as typed, in the order in which they are stacked.
pub(super) const VOWELS: [(&str, &str); 15] = [
    ("r-I", "\u{0fb2}\u{0f71}\u{0f80}"),
    ("l-I", "\u{0fb3}\u{0f71}\u{0f80}"),
    ("r-i", "\u{0fb2}\u{0f80}"),
    ("l-i", "\u{0fb3}\u{0f80}"),
    ("-I", "\u{0f71}\u{0f80}"),
    ("-i", "\u{0f80}"),
    ("ai", "\u{0f7b}"),
    ("au", "\u{0f7d}"),
    ("A", "\u{0f71}"),
    ("I", "\u{0f71}\u{0f72}"),
    ("U", "\u{0f71}\u{0f74}"),
    ("i", "\u{0f72}"),
    ("u", "\u{0f74}"),
    ("e", "\u{0f7a}"),
    ("o", "\u{0f7c}"),
];

/// Signs after the vowel of a stack.
pub(super) const FINALS: [(&str, char); 9] = [
    ("~M`", '\u{0f82}'),
    ("~M", '\u{0f83}'),
    ("~X", '\u{0f35}'),
    ("M", '\u{0f7e}'),
    ("H", '\u{0f7f}'),
    ("X", '\u{0f37}'),
    ("^", '\u{0f39}'),
    ("?", '\u{0f84}'),
    ("&", '\u{0f85}'),
];

/// Punctuation, digits and spaces; the longest spelling comes first.
pub(super) const OTHERS: [(&str, char); 29] = [
    ("//", '\u{0f0e}'),
    (" ", '\u{0f0b}'),
    ("*", '\u{0f0c}'),
    ("/", '\u{0f0d}'),
    (";", '\u{0f0f}'),
    ("|", '\u{0f11}'),
    ("!", '\u{0f08}'),
    (":", '\u{0f14}'),
    ("_", ' '),
    ("=", '\u{0f34}'),
    ("<", '\u{0f3a}'),
    (">", '\u{0f3b}'),
    ("(", '\u{0f3c}'),
    (")", '\u{0f3d}'),
    ("@", '\u{0f04}'),
    ("#", '\u{0f05}'),
    ("$", '\u{0f06}'),
    ("%", '\u{0f07}'),
    ("\n", '\n'),
    ("0", '\u{0f20}'),
    ("1", '\u{0f21}'),
    ("2", '\u{0f22}'),
    ("3", '\u{0f23}'),
    ("4", '\u{0f24}'),
    ("5", '\u{0f25}'),
    ("6", '\u{0f26}'),
    ("7", '\u{0f27}'),
    ("8", '\u{0f28}'),
    ("9", '\u{0f29}'),
];

/// Stacks that are written without a plus sign: head letters with what may stand under them.
const HEADS: [(&str, &[&str]); 3] = [
    ("r", &["k", "g", "ng", "j", "ny", "t", "d", "n", "b", "m", "ts", "dz"]),
    ("l", &["k", "g", "ng", "c", "j", "t", "d", "p", "b", "h"]),
    ("s", &["k", "g", "ng", "ny", "t", "d", "n", "p", "b", "m", "ts"]),
];

/// Feet with what they may stand under (a head and its letter written together).
const FEET: [(&str, &[&str]); 4] = [
    ("y", &["k", "kh", "g", "p", "ph", "b", "m", "rk", "rg", "rm", "sk", "sg", "sp", "sb", "sm"]),
    (
        "r",
        &[
            "k", "kh", "g", "t", "th", "d", "n", "p", "ph", "b", "m", "sh", "s", "h", "dz", "sk", "sg", "sp",
            "sb", "sm", "sn",
        ],
    ),
    ("l", &["k", "g", "b", "r", "s", "z"]),
    (
        "w",
        &[
            "k", "kh", "g", "c", "ny", "t", "d", "ts", "tsh", "zh", "z", "r", "l", "sh", "s", "h", "gr",
            "dr", "phy", "rg", "rts",
        ],
    ),
];

/// Whether these letters, top to bottom, are one stack of the orthography.
pub(super) fn is_native_stack(letters: &[&str]) -> bool {
    match letters {
        [one] => *one != "R",
        [above @ .., foot] => {
            let above = above.concat();
            FEET.iter().any(|(f, under)| f == foot && under.contains(&above.as_str()))
                || HEADS.iter().any(|(head, under)| *head == above && under.contains(foot))
        }
        [] => false,
    }
}
