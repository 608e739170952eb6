//! Text from a sequence of classes, every character with the classes that it came from.

use std::ops::Range;

use super::{Style, Tokens, WORD, is_special, raw_byte};

/// What Paraformer's vocabularies end a piece with that the next one continues.
const JOINED: &str = "@@";

impl Tokens {
    /// The text of a sequence of classes (blanks and repetitions already gone), each character with the range of `classes`
    /// that it comes from (several, where they are its bytes). Special tokens (`<…>`) and white space around the text are
    /// left out, bytes are joined, and bytes that are no UTF-8 become U+FFFD.
    pub fn spelled(&self, classes: &[u32]) -> Vec<(char, Range<usize>)> {
        let pieces: Vec<(usize, &str)> = classes
            .iter()
            .enumerate()
            .filter_map(|(index, &class)| Some((index, self.names.get(class as usize)?.as_str())))
            .filter(|(_, name)| !is_special(name) || raw_byte(name).is_some())
            .collect();
        let bytes = match &self.style {
            Style::Plain => plain(&pieces),
            Style::ByteLevel(byte_of) => {
                let mut bytes: Vec<(u8, usize)> = Vec::new();
                let characters = pieces.iter().flat_map(|&(i, piece)| piece.chars().map(move |c| (c, i)));
                for (character, index) in characters {
                    if character == WORD {
                        // A word boundary is a space only after printable ASCII (icefall `byte_utils.py`).
                        if bytes.last().is_some_and(|(byte, _)| byte.is_ascii_graphic()) {
                            bytes.push((b' ', index));
                        }
                    } else if let Some(&byte) = byte_of.get(&character) {
                        bytes.push((byte, index));
                    }
                }
                bytes
            }
            Style::Joined => joined(&pieces),
        };
        let mut characters = self::characters(&bytes);
        let solid = |(character, _): &(char, Range<usize>)| !character.is_whitespace();
        characters.truncate(characters.iter().rposition(solid).map_or(0, |last| last + 1));
        characters.drain(..characters.iter().position(solid).unwrap_or(0));
        characters
    }
}

/// Words apart, `<0xNN>` as the byte it names.
fn plain(pieces: &[(usize, &str)]) -> Vec<(u8, usize)> {
    let mut bytes = Vec::new();
    for &(index, piece) in pieces {
        if let Some(byte) = raw_byte(piece) {
            bytes.push((byte, index));
        } else {
            bytes.extend(piece.replace(WORD, " ").bytes().map(|byte| (byte, index)));
        }
    }
    bytes
}

/// Paraformer's way: `@@` joins a piece to the next; other pieces that begin with ASCII stand apart from all neighbours.
///
/// Source: sherpa-onnx `offline-recognizer-paraformer-impl.h`.
fn joined(pieces: &[(usize, &str)]) -> Vec<(u8, usize)> {
    let mut bytes: Vec<(u8, usize)> = Vec::new();
    let (mut continues, mut after_ascii) = (false, false);
    for (position, &(index, piece)) in pieces.iter().enumerate() {
        let ascii = piece.starts_with(|c: char| c.is_ascii());
        let (shown, open) = piece.strip_suffix(JOINED).map_or((piece, false), |shown| (shown, true));
        if if ascii || open { !continues } else { after_ascii && position > 0 } {
            bytes.push((b' ', index));
        }
        bytes.extend(shown.bytes().map(|byte| (byte, index)));
        continues = open;
        after_ascii = ascii;
    }
    bytes
}

/// UTF-8 with the owners of each character's bytes, which are numbered in order; bytes that are no UTF-8 become U+FFFD.
pub fn characters(bytes: &[(u8, usize)]) -> Vec<(char, Range<usize>)> {
    let plain: Vec<u8> = bytes.iter().map(|&(byte, _)| byte).collect();
    let mut characters = Vec::with_capacity(plain.len());
    let mut position = 0;
    let mut push = |character: char, length: usize| {
        let (first, last) = (bytes[position].1, bytes[position + length - 1].1);
        characters.push((character, first..last + 1));
        position += length;
    };
    for chunk in plain.utf8_chunks() {
        for character in chunk.valid().chars() {
            push(character, character.len_utf8());
        }
        if !chunk.invalid().is_empty() {
            push(char::REPLACEMENT_CHARACTER, chunk.invalid().len());
        }
    }
    characters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_of_several_bytes_belongs_to_all_of_their_tokens() {
        let table = "<blk> 0\n<0xE0> 1\n<0xBD> 2\n<0x81> 3\n▁ok 4\n";
        let tokens = Tokens::parse(table, false).unwrap();
        assert_eq!(
            tokens.spelled(&[1, 2, 3, 4, 1]),
            [('ཁ', 0..3), (' ', 3..4), ('o', 3..4), ('k', 3..4), (char::REPLACEMENT_CHARACTER, 4..5)]
        );
        assert_eq!(tokens.spelled(&[4])[0], ('o', 0..1), "white space around the text is left out");
        assert!(tokens.spelled(&[]).is_empty());
    }

    #[test]
    fn paraformers_pieces_join_and_stand_apart_as_in_sherpa() {
        let names = ["<blank>", "<s>", "</s>", "hel@@", "lo", "ok", "社", "保"].map(str::to_owned).to_vec();
        let tokens = Tokens::joined(names);
        assert_eq!(tokens.text(&[3, 4, 6, 7, 5, 5, 6]), "hello 社保 ok ok 社");
        assert_eq!(tokens.text(&[6, 3, 4]), "社 hello");
    }
}
