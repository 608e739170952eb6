//! Spelling a text in the pieces of a recogniser's vocabulary.

use std::collections::HashMap;

use language::Script;

/// `SentencePiece`'s word boundary.
const WORD: char = '▁';

/// The pieces of a vocabulary: words, parts of words, characters, bytes.
///
/// A text is cut greedily: at every place the longest piece that fits. That is not always the cut that a trained BPE or
/// unigram model would choose, but it is nearly always the same where a vocabulary has the whole words of its language,
/// and CTC's sum over alignments forgives the rest.
#[derive(Debug, Default)]
pub struct Pieces {
    /// Pieces that begin a word, without their boundary. The boundary alone is the empty text.
    initial: HashMap<String, u32>,
    /// All others.
    inner: HashMap<String, u32>,
    /// Characters of the longest piece that begins with a character: bounds the search.
    longest: HashMap<char, usize>,
    /// The class of each `<0xNN>`.
    bytes: HashMap<u8, u32>,
    /// Byte-level BPE: what character stands for a byte. Empty where pieces are plain text.
    stand_ins: HashMap<u8, char>,
}

impl Pieces {
    /// Plain pieces with their classes: `▁` at the beginning stands for the start of a word, `<0xNN>` for a byte.
    pub fn new(pieces: impl IntoIterator<Item = (String, u32)>) -> Self {
        let mut all = Self::default();
        for (piece, class) in pieces {
            // Of two equal names the first class counts, as where characters are looked up.
            if let Some(byte) = raw_byte(&piece) {
                all.bytes.entry(byte).or_insert(class);
                continue;
            }
            let initial = piece.strip_prefix(WORD);
            let text = initial.unwrap_or(&piece).to_owned();
            if let Some(first) = text.chars().next() {
                let longest = all.longest.entry(first).or_insert(0);
                *longest = (*longest).max(text.chars().count());
            }
            let table = if initial.is_some() { &mut all.initial } else { &mut all.inner };
            table.entry(text).or_insert(class);
        }
        all.inner.remove("");
        all
    }

    /// Pieces of byte-level BPE, with the character that stands for each byte (icefall `byte_utils.py`).
    pub fn byte_level(
        pieces: impl IntoIterator<Item = (String, u32)>,
        stand_ins: impl IntoIterator<Item = (u8, char)>,
    ) -> Self {
        Self { stand_ins: stand_ins.into_iter().collect(), ..Self::new(pieces) }
    }

    /// A text as classes; `None` where it has a letter or digit that the pieces cannot spell, or nothing to spell.
    /// Punctuation that no piece has is left out: it has no sound. Vocabularies that know only capitals or only small
    /// letters are tried with the text in capitals and in small letters.
    pub fn spell(&self, text: &str) -> Option<Vec<u32>> {
        let spell = |text: &str| {
            let units = if self.stand_ins.is_empty() { self.plain(text) } else { self.byte_words(text) }?;
            (!units.is_empty()).then_some(units)
        };
        let other_case = |other: String| (other != text).then(|| spell(&other)).flatten();
        spell(text)
            .or_else(|| other_case(text.to_ascii_uppercase()))
            .or_else(|| other_case(text.to_ascii_lowercase()))
    }

    fn plain(&self, text: &str) -> Option<Vec<u32>> {
        let mut units = Vec::new();
        for run in text.split_whitespace() {
            let mut rest = run;
            let mut before = None;
            while let Some(character) = rest.chars().next() {
                // Recognisers of Chinese are trained with no space between characters, but with words of other scripts
                // apart from them.
                let han = is_han(character);
                let starts = han || before.is_none_or(is_han);
                if let Some((length, class)) = self.longest_at(rest, starts) {
                    units.push(class);
                    before = rest[..length].chars().next_back();
                    rest = &rest[length..];
                    continue;
                }
                match self.raw_bytes(character) {
                    Some(bytes) => units.extend(bytes),
                    None if character.is_alphanumeric() => return None,
                    None => {}
                }
                before = Some(character);
                rest = &rest[character.len_utf8()..];
            }
        }
        Some(units)
    }

    /// The longest piece that the text begins with: how many bytes it takes, and its class. At the start of a word both
    /// spellings count, the one with the boundary first, except before Chinese characters.
    fn longest_at(&self, text: &str, starts: bool) -> Option<(usize, u32)> {
        let first = text.chars().next()?;
        let longest = *self.longest.get(&first)?;
        let ends: Vec<usize> = text
            .char_indices()
            .take(longest)
            .map(|(index, character)| index + character.len_utf8())
            .collect();
        ends.into_iter().rev().find_map(|end| {
            let name = &text[..end];
            let initial = || self.initial.get(name).filter(|_| starts);
            let inner = || self.inner.get(name);
            let class = if is_han(first) { inner().or_else(initial) } else { initial().or_else(inner) };
            class.map(|&class| (end, class))
        })
    }

    /// A character as its bytes' classes, where the vocabulary has them.
    fn raw_bytes(&self, character: char) -> Option<Vec<u32>> {
        let mut buffer = [0; 4];
        character.encode_utf8(&mut buffer).bytes().map(|byte| self.bytes.get(&byte).copied()).collect()
    }

    /// Byte-level BPE: every Chinese character and every run of others is a word (icefall `tokenize_by_CJK_char`), a
    /// boundary and stand-ins for its bytes.
    fn byte_words(&self, text: &str) -> Option<Vec<u32>> {
        let mut units = Vec::new();
        for run in text.split_whitespace() {
            let mut rest = run;
            while let Some(first) = rest.chars().next() {
                let length =
                    if is_han(first) { first.len_utf8() } else { rest.find(is_han).unwrap_or(rest.len()) };
                let (word, after) = rest.split_at(length);
                let spelled: Option<String> =
                    word.bytes().map(|byte| self.stand_ins.get(&byte).copied()).collect();
                match spelled.and_then(|stand_ins| self.stand_in_word(&stand_ins)) {
                    Some(classes) => units.extend(classes),
                    None if word.chars().any(char::is_alphanumeric) => return None,
                    None => {}
                }
                rest = after;
            }
        }
        Some(units)
    }

    fn stand_in_word(&self, word: &str) -> Option<Vec<u32>> {
        let mut units = Vec::new();
        let mut rest = word;
        let whole =
            self.longest_at(rest, true).filter(|&(length, _)| self.initial.contains_key(&rest[..length]));
        // Where no piece begins the word, the boundary may be a piece of its own.
        match whole {
            Some((length, class)) => {
                units.push(class);
                rest = &rest[length..];
            }
            None => units.extend(self.initial.get("")),
        }
        while !rest.is_empty() {
            let (length, class) = self.longest_at(rest, false)?;
            units.push(class);
            rest = &rest[length..];
        }
        Some(units)
    }
}

/// The byte of a `<0xNN>` piece.
fn raw_byte(piece: &str) -> Option<u8> {
    u8::from_str_radix(piece.strip_prefix("<0x")?.strip_suffix('>')?, 16).ok()
}

fn is_han(character: char) -> bool {
    Script::of(character) == Script::Han
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(names: &[&str]) -> Pieces {
        Pieces::new(names.iter().enumerate().map(|(class, name)| ((*name).to_owned(), class as u32)))
    }

    fn spell(names: &[&str], text: &str) -> Option<String> {
        let units = pieces(names).spell(text)?;
        Some(units.iter().map(|&unit| names[unit as usize]).collect::<Vec<_>>().join("|"))
    }

    #[test]
    fn the_longest_piece_wins_and_a_word_begins_with_its_boundary() {
        let names = ["▁", "▁hel", "▁hello", "lo", "hel", "社", "保", "社保", "▁社", "办"];
        assert_eq!(spell(&names, "hello hello").unwrap(), "▁hello|▁hello");
        assert_eq!(spell(&names, "社保hello").unwrap(), "社保|▁hello");
        assert_eq!(spell(&names, "社办？").unwrap(), "社|办");
        assert_eq!(spell(&names, "HELLO").unwrap(), "▁hello");
        assert_eq!(spell(&names, "银行"), None, "a character that no piece has");
        assert_eq!(spell(&names, "？！"), None, "nothing to spell");
    }

    #[test]
    fn tibetan_is_spelled_in_syllables_or_bytes_and_an_unknown_tsheg_is_left_out() {
        assert_eq!(spell(&["▁བོད་", "སྐད", "བོད"], "བོད་སྐད་").unwrap(), "▁བོད་|སྐད");
        assert_eq!(spell(&["བོད", "སྐད"], "བོད་སྐད").unwrap(), "བོད|སྐད");
        assert_eq!(spell(&["<0xE0>", "<0xBD>", "<0x81>"], "ཁ").unwrap(), "<0xE0>|<0xBD>|<0x81>");
    }

    #[test]
    fn thousands_of_forms_are_spelled_within_milliseconds() {
        let names: Vec<String> = (0x4e00..0x9000_u32).filter_map(char::from_u32).map(String::from).collect();
        let words = ["▁hello", "▁card", "你好", "身份证"].map(str::to_owned);
        let all =
            Pieces::new(names.into_iter().chain(words).enumerate().map(|(class, name)| (name, class as u32)));
        let began = std::time::Instant::now();
        for _ in 0..5000 {
            assert_eq!(all.spell("我的身份证hello丢了怎么办理补办").map(|units| units.len()), Some(12));
        }
        let took = began.elapsed();
        println!("5000 forms of 15 units in {took:?}");
        assert!(took.as_millis() < 500, "{took:?}");
    }

    #[test]
    fn byte_level_words_are_single_chinese_characters() {
        let stand_in = |byte: u8| char::from_u32(0x100 + u32::from(byte)).unwrap();
        let spelled = |text: &str| text.bytes().map(stand_in).collect::<String>();
        let names = [format!("▁{}", spelled("社")), format!("▁{}", spelled("保")), spelled("保"), "▁".into()];
        let pieces = Pieces::byte_level(
            names.iter().enumerate().map(|(class, name)| (name.clone(), class as u32)),
            (0..=255).map(|byte| (byte, stand_in(byte))),
        );
        assert_eq!(pieces.spell("社保"), Some(vec![0, 1]));
        assert_eq!(pieces.spell("社？"), Some(vec![0]));
        assert_eq!(pieces.spell("银"), None);
    }
}
