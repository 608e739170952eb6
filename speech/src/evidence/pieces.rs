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
    classes: HashMap<String, u32>,
    /// Characters of the longest piece.
    longest: usize,
    /// Byte-level BPE: what character stands for a byte. Empty where pieces are plain text.
    stand_ins: HashMap<u8, char>,
}

impl Pieces {
    /// Plain pieces with their classes: `▁` at the beginning stands for the start of a word, `<0xNN>` for a byte.
    pub fn new(pieces: impl IntoIterator<Item = (String, u32)>) -> Self {
        let mut classes = HashMap::new();
        for (piece, class) in pieces {
            // Of two equal names the first class counts, as where characters are looked up.
            classes.entry(piece).or_insert(class);
        }
        classes.remove("");
        let longest = classes.keys().map(|piece| piece.chars().count()).max().unwrap_or(0);
        Self { classes, longest, stand_ins: HashMap::new() }
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
            let units = if self.stand_ins.is_empty() { self.plain(text) } else { self.bytes(text) }?;
            (!units.is_empty()).then_some(units)
        };
        spell(text)
            .or_else(|| spell(&text.to_ascii_uppercase()))
            .or_else(|| spell(&text.to_ascii_lowercase()))
    }

    fn plain(&self, text: &str) -> Option<Vec<u32>> {
        let mut units = Vec::new();
        for run in text.split_whitespace() {
            let characters: Vec<char> = run.chars().collect();
            let mut position = 0;
            while position < characters.len() {
                let character = characters[position];
                // Recognisers of Chinese are trained with no space between characters, but with words of other scripts
                // apart from them.
                let starts = position == 0
                    || is_han(character) != is_han(characters[position - 1])
                    || is_han(character);
                if let Some((length, class)) = self.longest_at(&characters[position..], starts) {
                    units.push(class);
                    position += length;
                    continue;
                }
                match self.raw_bytes(character) {
                    Some(bytes) => units.extend(bytes),
                    None if character.is_alphanumeric() => return None,
                    None => {}
                }
                position += 1;
            }
        }
        Some(units)
    }

    /// The longest piece that the characters begin with: how many it takes, and its class. At the start of a word both
    /// spellings count, the one with the boundary first, except before Chinese characters.
    fn longest_at(&self, characters: &[char], starts: bool) -> Option<(usize, u32)> {
        let mut name = String::new();
        for length in (1..=self.longest.min(characters.len())).rev() {
            let bare_first = is_han(characters[0]);
            let with_boundary = [!bare_first, bare_first];
            for boundary in with_boundary.into_iter().filter(|&boundary| starts || !boundary) {
                name.clear();
                name.extend(boundary.then_some(WORD));
                name.extend(&characters[..length]);
                if let Some(&class) = self.classes.get(&name) {
                    return Some((length, class));
                }
            }
        }
        None
    }

    /// A character as its bytes' classes, where the vocabulary has them.
    fn raw_bytes(&self, character: char) -> Option<Vec<u32>> {
        let mut buffer = [0; 4];
        let bytes = character.encode_utf8(&mut buffer).bytes();
        bytes.map(|byte| self.classes.get(&format!("<0x{byte:02X}>")).copied()).collect()
    }

    /// Byte-level BPE: every Chinese character and every run of others is a word (icefall `tokenize_by_CJK_char`), a
    /// boundary and stand-ins for its bytes.
    fn bytes(&self, text: &str) -> Option<Vec<u32>> {
        let mut words: Vec<String> = Vec::new();
        for run in text.split_whitespace() {
            let mut fresh = true;
            for character in run.chars() {
                if fresh || is_han(character) {
                    words.push(String::new());
                }
                if let Some(word) = words.last_mut() {
                    word.push(character);
                }
                fresh = is_han(character);
            }
        }
        let mut units = Vec::new();
        for word in words {
            let spelled: Option<Vec<char>> =
                word.bytes().map(|byte| self.stand_ins.get(&byte).copied()).collect();
            match spelled.and_then(|characters| self.stand_in_word(&characters)) {
                Some(classes) => units.extend(classes),
                None if word.chars().any(char::is_alphanumeric) => return None,
                None => {}
            }
        }
        Some(units)
    }

    fn stand_in_word(&self, characters: &[char]) -> Option<Vec<u32>> {
        let mut units = Vec::new();
        let mut position = 0;
        if let Some((length, class)) = self.longest_at(characters, true) {
            units.push(class);
            position = length;
        }
        // The boundary may be a piece of its own.
        if position == 0 {
            units.extend(self.classes.get(&WORD.to_string()));
        }
        while position < characters.len() {
            let (length, class) = self.longest_at(&characters[position..], false)?;
            units.push(class);
            position += length;
        }
        Some(units)
    }
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
