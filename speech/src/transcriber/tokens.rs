//! `tokens.txt`: a recogniser's classes, and text from a sequence of them.
//!
//! Source: sherpa-onnx `symbol-table.cc`; icefall `byte_utils.py` for byte-level BPE.

mod spelled;

pub(super) use spelled::characters;

use std::{collections::HashMap, fs, path::Path};

use super::ModelError;
use crate::evidence::Pieces;

/// Names that published models give to the CTC blank, in the order in which sherpa-onnx looks for them.
const BLANKS: [&str; 3] = ["<blk>", "<eps>", "<blank>"];

/// `SentencePiece`'s word boundary.
const WORD: char = '▁';

/// A recogniser's classes by number.
#[derive(Debug)]
pub(super) struct Tokens {
    names: Vec<String>,
    blank: usize,
    style: Style,
}

/// How pieces become text.
#[derive(Debug)]
enum Style {
    /// `▁` is a space.
    Plain,
    /// Byte-level BPE, with what byte a character stands for.
    ByteLevel(HashMap<char, u8>),
    /// `@@` joins a piece to the next (Paraformer).
    Joined,
}

impl Tokens {
    /// Reads `tokens.txt`; `byte_level` where the model folder has a `bbpe.model`. Without one, the alphabet tells.
    pub fn read(path: &Path, byte_level: bool) -> Result<Self, ModelError> {
        let text =
            fs::read_to_string(path).map_err(|source| ModelError::Io { path: path.to_owned(), source })?;
        Self::parse(&text, byte_level).map_err(|reason| ModelError::unusable(path, reason))
    }

    /// Reads a `tokens.txt` without a class that is called the blank, because it always is class `blank`.
    pub fn read_with_blank(path: &Path, blank: usize) -> Result<Self, ModelError> {
        Self::of(Self::read_names(path)?, blank).map_err(|reason| ModelError::unusable(path, reason))
    }

    /// Classes by number, from wherever they were read.
    pub fn of(names: Vec<String>, blank: usize) -> Result<Self, String> {
        if blank >= names.len() {
            return Err(format!("the blank is class {blank}, but there are only {} classes", names.len()));
        }
        Ok(Self::plain(names, blank))
    }

    pub(super) fn parse(text: &str, byte_level: bool) -> Result<Self, String> {
        let names = Self::table(text)?;
        let blank = BLANKS.iter().find_map(|blank| names.iter().position(|name| name == blank));
        let blank =
            blank.ok_or_else(|| format!("none of its classes is the blank ({})", BLANKS.join(", ")))?;
        let style = if byte_level || is_byte_level(&names) {
            Style::ByteLevel(bytes_of_characters())
        } else {
            Style::Plain
        };
        Ok(Self { names, blank, style })
    }

    /// Reads only the names of `tokens.txt`, for layouts that say otherwise which class is the blank, or have none.
    pub fn read_names(path: &Path) -> Result<Vec<String>, ModelError> {
        let text =
            fs::read_to_string(path).map_err(|source| ModelError::Io { path: path.to_owned(), source })?;
        Self::table(&text).map_err(|reason| ModelError::unusable(path, reason))
    }

    /// Plain pieces whose blank is known by its number.
    pub const fn plain(names: Vec<String>, blank: usize) -> Self {
        Self { names, blank, style: Style::Plain }
    }

    /// Paraformer's pieces, which are no CTC's and have no blank in use; class 0 stands in for it.
    pub const fn joined(names: Vec<String>) -> Self {
        Self { names, blank: 0, style: Style::Joined }
    }

    /// The class of a name.
    pub fn class(&self, name: &str) -> Option<u32> {
        self.names.iter().position(|known| known == name).map(|class| class as u32)
    }

    fn table(text: &str) -> Result<Vec<String>, String> {
        let mut names: Vec<Option<String>> = Vec::new();
        // Only line ends are stripped, and the last ASCII space splits: some tokens *are* Unicode white space.
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
            let (name, id) = line.rsplit_once(' ').unwrap_or((" ", line));
            let id: usize =
                id.parse().map_err(|_| format!("line {} does not end in a class number", number + 1))?;
            if id > 1 << 16 {
                return Err(format!("line {} has class {id}: more than any known model", number + 1));
            }
            if names.len() <= id {
                names.resize(id + 1, None);
            }
            names[id] = Some(if name.is_empty() { " ".to_owned() } else { name.to_owned() });
        }
        let names =
            names.into_iter().enumerate().map(|(id, name)| name.ok_or(id)).collect::<Result<Vec<_>, _>>();
        let names = names.map_err(|id| format!("class {id} has no name"))?;
        if names.is_empty() { Err("it is empty".into()) } else { Ok(names) }
    }

    pub const fn blank(&self) -> usize {
        self.blank
    }

    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Classes that are one written character each; empty for byte-level vocabularies.
    pub fn characters(&self) -> HashMap<char, u32> {
        if matches!(self.style, Style::ByteLevel(_)) {
            return HashMap::new();
        }
        let single = |name: &str| {
            let mut characters = name.trim_start_matches(WORD).chars();
            characters.next().filter(|_| characters.next().is_none())
        };
        let mut table = HashMap::new();
        for (id, name) in self.names.iter().enumerate() {
            if let Some(character) = single(name).filter(|_| id != self.blank) {
                table.entry(character).or_insert(id as u32);
            }
        }
        table
    }

    /// Whether every class that can be spoken is one written character.
    pub fn single_characters(&self) -> bool {
        let spoken =
            self.names.iter().enumerate().filter(|&(class, name)| class != self.blank && !is_special(name));
        self.characters().len() == spoken.count()
    }

    /// The classes as pieces that forms can be spelled in.
    pub fn pieces(&self) -> Pieces {
        let spoken =
            self.names.iter().enumerate().filter(|&(class, name)| {
                class != self.blank && (!is_special(name) || raw_byte(name).is_some())
            });
        let pieces = spoken.map(|(class, name)| (name.clone(), class as u32));
        match &self.style {
            Style::ByteLevel(byte_of) => {
                Pieces::byte_level(pieces, byte_of.iter().map(|(&character, &byte)| (byte, character)))
            }
            Style::Plain | Style::Joined => Pieces::new(pieces),
        }
    }

    /// The text of a sequence of classes (blanks and repetitions already gone); see [`Self::spelled`].
    #[cfg(test)]
    pub fn text(&self, classes: &[u32]) -> String {
        self.spelled(classes).into_iter().map(|(character, _)| character).collect()
    }
}

/// Whether names are written in byte-level BPE's alphabet, which ends in U+01A6: past the word boundary, their largest byte
/// is 0xC6. Chinese and Tibetan pieces have larger ones, plain English has smaller ones.
///
/// Source: sherpa-onnx `symbol-table.cc`.
fn is_byte_level(names: &[String]) -> bool {
    names.iter().flat_map(|name| name.trim_start_matches(WORD).bytes()).max() == Some(0xc6)
}

fn is_special(name: &str) -> bool {
    name.len() > 2 && name.starts_with('<') && name.ends_with('>')
}

/// The byte of a `<0xNN>` token.
fn raw_byte(name: &str) -> Option<u8> {
    u8::from_str_radix(name.strip_prefix("<0x")?.strip_suffix('>')?, 16).ok()
}

/// Printable ASCII stands for itself; the other 161 bytes, ascending, for U+0100 to U+01A6 less six code points that
/// normalisation would change.
fn bytes_of_characters() -> HashMap<char, u8> {
    const LEFT_OUT: [u32; 6] = [0x132, 0x133, 0x13f, 0x140, 0x149, 0x17f];
    let printable = 0x20..=0x7e_u8;
    let others = (0..=255_u8).filter(|byte| !printable.contains(byte));
    let stand_ins = (0x100..=0x1a6_u32).filter(|point| !LEFT_OUT.contains(point)).filter_map(char::from_u32);
    printable.clone().map(|byte| (char::from(byte), byte)).chain(stand_ins.zip(others)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ideographic_and_no_break_spaces_stay_tokens_and_a_lone_number_is_the_space() {
        let tokens = Tokens::parse("<blk> 0\n\u{3000} 1\n\u{a0} 2\n 3\n我 4\r\n4 5\n6\n", false).unwrap();
        assert_eq!(tokens.names(), ["<blk>", "\u{3000}", "\u{a0}", " ", "我", "4", " "]);
        assert_eq!(tokens.blank(), 0);
    }

    #[test]
    fn the_blank_may_be_the_last_class_and_must_exist() {
        assert_eq!(Tokens::parse("a 0\n<blank> 1\n", false).unwrap().blank(), 1);
        assert!(Tokens::parse("a 0\nb 1\n", false).unwrap_err().contains("blank"));
        assert!(Tokens::parse("a 0\n<blk> 2\n", false).unwrap_err().contains("class 1"));
        assert!(Tokens::parse("a b\n", false).unwrap_err().contains("line 1"));
    }

    #[test]
    fn pieces_bytes_and_specials_become_mixed_text() {
        let table = "<blk> 0\n<sos/eos> 1\n▁社保 2\n<0xE0> 3\n<0xBD> 4\n<0x81> 5\n▁OK 6\n";
        let tokens = Tokens::parse(table, false).unwrap();
        assert_eq!(tokens.text(&[1, 2, 6, 3, 4, 5]), "社保 OKཁ");
        assert_eq!(tokens.text(&[]), "");
        let characters = tokens.spelled(&[1, 2, 6, 3, 4, 5]);
        assert_eq!(characters.iter().map(|(c, _)| c).collect::<String>(), "社保 OKཁ");
        assert_eq!(characters[0], ('社', 1..2));
        assert_eq!(characters.last(), Some(&('ཁ', 3..6)), "three classes spell one character");
        assert_eq!(tokens.spelled(&[3, 2])[0], (char::REPLACEMENT_CHARACTER, 0..1));
    }

    #[test]
    fn byte_level_pieces_become_hanzi_and_tibetan() {
        let byte_of = bytes_of_characters();
        assert_eq!(byte_of.len(), 256);
        let character_of: HashMap<u8, char> = byte_of.iter().map(|(&c, &b)| (b, c)).collect();
        let spelled: String = "你好ཁ".bytes().map(|byte| character_of[&byte]).collect();
        let tokens = Tokens::parse(&format!("<blk> 0\n▁{spelled} 1\n▁ok 2\n"), true).unwrap();
        assert_eq!(tokens.text(&[2, 2, 1]), "ok ok 你好ཁ");
        let characters = tokens.spelled(&[2, 2, 1]);
        assert_eq!(characters.iter().map(|(c, _)| c).collect::<String>(), "ok ok 你好ཁ");
        assert_eq!(characters.last().unwrap().1, 2..3);
        assert!(tokens.characters().is_empty());
    }

    #[test]
    fn only_single_characters_can_spell_a_form() {
        let tokens = Tokens::parse("<blk> 0\n社 1\n▁保 2\n你好 3\n", false).unwrap();
        assert_eq!(tokens.characters(), HashMap::from([('社', 1), ('保', 2)]));
    }
}
