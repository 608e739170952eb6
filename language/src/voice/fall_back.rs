//! Where the front end had no rule and did the next best thing: counted, so that an operator sees what is badly spoken.

use std::ops::Range;

/// What the voice did for want of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FallBackKind {
    /// A character of another script, or a Chinese one without a known reading, was left out.
    UnknownCharacter,
    /// A Tibetan syllable outside the rules of the language (Sanskrit and loan stacks) was spoken after its letters.
    TibetanByLetters,
    /// A character with several readings stood alone, where no phrase decides, and was given its usual one.
    PolyphoneByDefault,
    /// A number of three digits or more without a unit or a known shape was read as a quantity.
    NumberByDefault,
    /// A Latin word was spelled letter by letter.
    LatinSpelled,
    /// A Latin word that is too long to be spelled was left out.
    LatinSkipped,
    /// A short web address was spelled.
    AddressSpelled,
    /// A web or mail address was left out.
    AddressSkipped,
    /// A sign, emoji or ornament without a spoken form was left out.
    SignSkipped,
    /// Markup was left out.
    MarkupSkipped,
}

impl FallBackKind {
    /// All kinds.
    pub const ALL: [Self; 10] = [
        Self::UnknownCharacter,
        Self::TibetanByLetters,
        Self::PolyphoneByDefault,
        Self::NumberByDefault,
        Self::LatinSpelled,
        Self::LatinSkipped,
        Self::AddressSpelled,
        Self::AddressSkipped,
        Self::SignSkipped,
        Self::MarkupSkipped,
    ];

    /// Its name as a metric's label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnknownCharacter => "unknown_character",
            Self::TibetanByLetters => "tibetan_by_letters",
            Self::PolyphoneByDefault => "polyphone_by_default",
            Self::NumberByDefault => "number_by_default",
            Self::LatinSpelled => "latin_spelled",
            Self::LatinSkipped => "latin_skipped",
            Self::AddressSpelled => "address_spelled",
            Self::AddressSkipped => "address_skipped",
            Self::SignSkipped => "sign_skipped",
            Self::MarkupSkipped => "markup_skipped",
        }
    }
}

/// One fall-back in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FallBack {
    /// What was done.
    pub kind: FallBackKind,
    /// The bytes of the text that it concerns.
    pub range: Range<usize>,
}
