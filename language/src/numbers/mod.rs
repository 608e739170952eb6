//! Numbers as digits and as words, in both languages: written out for the voice, brought to one form for search.

mod canonical;
pub mod chinese;
mod find;
mod formats;
mod mask;
mod spoken;
pub mod tibetan;
mod written;

pub(crate) use canonical::canonical_in;
pub use canonical::{CanonicalNumber, canonical};
pub use find::{Found, Kind, find};
pub use mask::{Masker, mask};
pub use spoken::{SpokenNumber, spoken};
pub use written::written;

/// The value of an ASCII, full-width or Tibetan digit.
pub fn digit_value(c: char) -> Option<u8> {
    match c {
        '0'..='9' => Some(c as u8 - b'0'),
        '０'..='９' => Some((c as u32 - '０' as u32) as u8),
        '\u{0f20}'..='\u{0f29}' => Some((c as u32 - 0x0f20) as u8),
        _ => None,
    }
}

/// The number that digits stand for; `None` where it exceeds 64 bits.
fn value(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |n, d| n.checked_mul(10)?.checked_add(u64::from(*d)))
}
