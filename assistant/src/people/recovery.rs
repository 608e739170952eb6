//! Codes that stand in for a lost second factor, each once.

use data_encoding::BASE32_NOPAD;
use sha2::{Digest as _, Sha256};

/// How many there are.
pub const CODES: usize = 10;
/// Random bytes of each: 80 bits, so that a plain hash protects them.
pub const CODE_BYTES: usize = 10;

/// Fresh codes of these random bytes, which must come from a cryptographic source: four groups of four characters.
pub fn codes(random: [[u8; CODE_BYTES]; CODES]) -> Vec<String> {
    random.iter().map(|bytes| grouped(&BASE32_NOPAD.encode(bytes).to_ascii_lowercase())).collect()
}

fn grouped(text: &str) -> String {
    let groups: Vec<&str> = (0..text.len()).step_by(4).map(|at| &text[at..text.len().min(at + 4)]).collect();
    groups.join("-")
}

/// The SHA-256 under which a code is kept; `None` for what cannot be one. Case, spaces and hyphens do not count.
pub fn hash(code: &str) -> Option<[u8; 32]> {
    let code: String = code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    let bytes = BASE32_NOPAD.decode(code.to_ascii_uppercase().as_bytes()).ok()?;
    (bytes.len() == CODE_BYTES).then(|| Sha256::digest(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_known_however_it_is_typed_and_nothing_else_is() {
        let codes = codes(std::array::from_fn(|n| [n as u8 + 1; CODE_BYTES]));
        assert_eq!(codes.len(), CODES);
        assert_eq!(codes[0].len(), 19);
        let kept = hash(&codes[3]).unwrap();
        assert_eq!(hash(&codes[3].to_uppercase().replace('-', " ")), Some(kept));
        assert_ne!(hash(&codes[4]), Some(kept));
        for wrong in ["", "123456", &codes[3][1..], "十个字符"] {
            assert_eq!(hash(wrong), None, "{wrong}");
        }
    }
}
