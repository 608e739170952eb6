//! The normal form of mixed text.

use crate::{chinese, tibetan};

/// Brings text in both languages into one form: Tibetan as in [`tibetan::normalize`], everything else as in
/// [`chinese::normalize`]. For search and comparison, not for display: simplification and width folding change how a text
/// looks. Idempotent.
pub fn normalize(text: &str) -> String {
    let folded = chinese::normalize(text);
    tibetan::normalize(&folded)
}
