//! From EWTS to Tibetan script.

use super::tables;

/// Text that is no EWTS.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EwtsError {
    /// A letter or sign that EWTS does not have.
    #[error("byte {at}: {found:?} has no meaning in EWTS; put what is not Tibetan in square brackets")]
    Unknown {
        /// Byte of the text.
        at: usize,
        /// What stands there.
        found: char,
    },
    /// An opening square bracket that is never closed.
    #[error("byte {at}: this square bracket is never closed")]
    Unclosed {
        /// Byte of the text.
        at: usize,
    },
    /// A `\u` that no four (or `\U` that no eight) hexadecimal digits of a character follow.
    #[error("byte {at}: a code point needs four hexadecimal digits after \\u, or eight after \\U")]
    CodePoint {
        /// Byte of the text.
        at: usize,
    },
}

/// Reads EWTS: `bkra shis/` is `བཀྲ་ཤིས།`. A space is a tsheg, `_` a space, `[...]` whatever is not Tibetan.
///
/// Letters before a vowel stack as the orthography has it (`rgya`, `bsgra`); `+` stacks others (`pad+ma`), a full stop
/// keeps apart what would stack (`g.ya`). The result is spelled as typed, not normalised.
pub fn from_ewts(text: &str) -> Result<String, EwtsError> {
    let mut reader = Reader { text, at: 0, out: String::with_capacity(text.len() * 2) };
    while reader.at < text.len() {
        reader.next()?;
    }
    Ok(reader.out)
}

/// A consonant as typed, and whether a plus sign ties it to the one before.
struct Letter {
    name: &'static str,
    tied: bool,
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    out: String,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Takes the longest entry of a table that the text goes on with.
    fn one_of<T: Copy>(&mut self, table: &[(&'static str, T)]) -> Option<T> {
        let rest = self.rest();
        let (name, value) =
            table.iter().filter(|(name, _)| rest.starts_with(name)).max_by_key(|(name, _)| name.len())?;
        self.at += name.len();
        Some(*value)
    }

    fn next(&mut self) -> Result<(), EwtsError> {
        if self.syllable() {
            return Ok(());
        }
        if let Some(sign) = self.one_of(&tables::OTHERS) {
            self.out.push(sign);
            return Ok(());
        }
        match self.rest().chars().next() {
            Some('[') => self.bracket(),
            Some('\\') => self.code_point(),
            Some('.') => {
                self.at += 1;
                Ok(())
            }
            Some(found) => Err(EwtsError::Unknown { at: self.at, found }),
            None => Ok(()),
        }
    }

    fn bracket(&mut self) -> Result<(), EwtsError> {
        let open = self.at;
        let mut characters = self.rest().char_indices().skip(1);
        while let Some((at, c)) = characters.next() {
            match c {
                ']' => {
                    self.at = open + at + 1;
                    return Ok(());
                }
                '\\' => self.out.extend(characters.next().map(|(_, c)| c)),
                _ => self.out.push(c),
            }
        }
        Err(EwtsError::Unclosed { at: open })
    }

    fn code_point(&mut self) -> Result<(), EwtsError> {
        let rest = self.rest();
        let digits = match rest.as_bytes().get(1) {
            Some(b'u') => 4,
            Some(b'U') => 8,
            _ => return Err(EwtsError::Unknown { at: self.at, found: '\\' }),
        };
        let c = rest
            .get(2..2 + digits)
            .filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|hex| u32::from_str_radix(hex, 16).ok())
            .and_then(char::from_u32)
            .ok_or(EwtsError::CodePoint { at: self.at })?;
        self.out.push(c);
        self.at += 2 + digits;
        Ok(())
    }

    fn consonant(&mut self) -> Option<&'static str> {
        const NAMES: [(&str, &str); 35] = {
            let mut names = [("", ""); 35];
            let mut i = 0;
            while i < 35 {
                names[i] = (tables::CONSONANTS[i].1, tables::CONSONANTS[i].1);
                i += 1;
            }
            names
        };
        // Vocalic r and l are vowels where a hyphen follows.
        if matches!(self.rest().as_bytes(), [b'r' | b'l', b'-', b'i' | b'I', ..]) {
            return None;
        }
        self.one_of(&NAMES)
    }

    /// One group of consonants with the vowel and signs after it, if any begins here.
    fn syllable(&mut self) -> bool {
        let start = self.at;
        let mut group: Vec<Letter> = Vec::new();
        let mut tied = false;
        loop {
            if let Some(name) = self.consonant() {
                group.push(Letter { name, tied });
            } else if let Some(spelled) = self.one_of(&tables::READ_ONLY) {
                group.push(Letter { name: spelled, tied });
            } else if (tied && self.rest().starts_with('a')) || (group.is_empty() && self.stacked_a()) {
                self.at += 1;
                group.push(Letter { name: "a", tied });
            } else if let (true, Some(name)) = (tied, self.one_of(&[("W", "W"), ("Y", "Y")])) {
                group.push(Letter { name, tied });
            } else {
                break;
            }
            tied = self.rest().starts_with('+') && self.stack_follows();
            self.at += usize::from(tied);
        }
        let vowels = self.vowels();
        let finals = self.finals();
        if group.is_empty() && vowels.is_none() {
            self.out.push_str(&finals);
            return self.at > start;
        }
        if group.is_empty() {
            self.out.push('ཨ');
        } else {
            self.push_group(&group, vowels.is_some() || !finals.is_empty());
        }
        self.out.push_str(vowels.as_deref().unwrap_or_default());
        self.out.push_str(&finals);
        true
    }

    /// Whether a consonant follows the plus sign here.
    fn stack_follows(&mut self) -> bool {
        let at = self.at;
        self.at += 1;
        let follows = self.consonant().is_some()
            || matches!(self.rest().as_bytes(), [b'W' | b'Y' | b'a', ..])
            || tables::READ_ONLY.iter().any(|(name, _)| self.rest().starts_with(name));
        self.at = at;
        follows
    }

    /// Whether ཨ with another letter under it is typed here.
    fn stacked_a(&mut self) -> bool {
        let stacked = self.rest().starts_with("a+");
        self.at += usize::from(stacked);
        let follows = stacked && self.stack_follows();
        self.at -= usize::from(stacked);
        follows
    }

    fn vowels(&mut self) -> Option<String> {
        let mut out: Option<String> = None;
        loop {
            let bare = self.rest().starts_with('a')
                && !self.rest().starts_with("ai")
                && !self.rest().starts_with("au");
            if bare {
                self.at += 1;
                out.get_or_insert_default();
            } else {
                let Some(signs) = self.one_of(&tables::VOWELS) else { return out };
                out.get_or_insert_default().push_str(signs);
            }
            if !self.rest().starts_with('+') {
                return out;
            }
            self.at += 1;
        }
    }

    fn finals(&mut self) -> String {
        let mut out = String::new();
        while let Some(sign) = self.one_of(&tables::FINALS) {
            out.push(sign);
        }
        out
    }

    /// Writes consonants as stacks. Those before a vowel are one stack if the orthography has it, else a prefix and a
    /// stack, else as much as stacks from the left; without a vowel each stands by itself unless it is tied.
    fn push_group(&mut self, group: &[Letter], has_vowel: bool) {
        let tied = group.iter().any(|l| l.tied);
        let names: Vec<&str> = group.iter().map(|l| l.name).collect();
        let first = if tied || !has_vowel {
            0
        } else if tables::is_native_stack(&names) {
            names.len()
        } else {
            usize::from(names.len() > 2 && tables::is_native_stack(&names[1..]))
        };
        let mut at = 0;
        while at < group.len() {
            let length = if at == 0 && first > 0 {
                first
            } else if group.get(at + 1).is_some_and(|next| next.tied) {
                1 + group[at + 1..].iter().take_while(|l| l.tied).count()
            } else if has_vowel {
                let free = group[at..].iter().skip(1).take_while(|l| !l.tied).count();
                // The last free letter belongs to the tied one after it.
                let free = if at + 1 + free < group.len() { free.saturating_sub(1) } else { free };
                (1..=1 + free).rev().find(|n| tables::is_native_stack(&names[at..at + n])).unwrap_or(1)
            } else {
                1
            };
            for (i, name) in names[at..at + length].iter().enumerate() {
                self.out.extend(character(name, i > 0));
            }
            at += length;
        }
    }
}

fn character(name: &str, subjoined: bool) -> Option<char> {
    let fixed = match name {
        "W" => Some('\u{0fba}'),
        "Y" => Some('\u{0fbb}'),
        "R" if subjoined => Some('\u{0fbc}'),
        "a" if subjoined => Some('\u{0fb8}'),
        "a" => Some('ཨ'),
        _ => None,
    };
    fixed.or_else(|| {
        let (c, _) = tables::CONSONANTS.iter().find(|(_, n)| *n == name)?;
        if subjoined { char::from_u32(u32::from(*c) + 0x50) } else { Some(*c) }
    })
}
