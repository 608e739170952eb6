//! How strongly an entry's words are expected of people who speak.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The most that an entry's words can be expected: what a recogniser may be lent for a word has an upper end as well, and
/// keywords reach it there.
const MOST: f32 = 4.0;

/// How strongly a recogniser that takes dictation expects an entry's words, as a multiple of what is usual: 0 (not at all) to 4.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f32", into = "f32")]
pub struct Expected(f32);

/// It is always a number.
impl Eq for Expected {}

impl Default for Expected {
    fn default() -> Self {
        Self(1.0)
    }
}

/// A weight that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” is no weight; write a number from 0 (not expected) to 4, where 1 is usual")]
pub struct NoWeight(String);

impl TryFrom<f32> for Expected {
    type Error = NoWeight;

    fn try_from(weight: f32) -> Result<Self, NoWeight> {
        // Of the two zeros one is enough, so that equal weights are written alike.
        if (0.0..=MOST).contains(&weight) {
            Ok(Self(weight.abs()))
        } else {
            Err(NoWeight(weight.to_string()))
        }
    }
}

impl From<Expected> for f32 {
    fn from(expected: Expected) -> Self {
        expected.0
    }
}

impl FromStr for Expected {
    type Err = NoWeight;

    fn from_str(text: &str) -> Result<Self, NoWeight> {
        let weight: f32 = text.trim().parse().map_err(|_| NoWeight(text.to_owned()))?;
        weight.try_into()
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_is_a_number_from_0_to_4_and_says_so_otherwise() {
        for good in ["0", "0.25", "1", "2.5", " 4 "] {
            assert_eq!(good.parse::<Expected>().unwrap().to_string(), good.trim());
        }
        for bad in ["-0.5", "4.01", "NaN", "inf", "", "两倍", "ལྡབ་གཉིས།"] {
            let error = bad.parse::<Expected>().unwrap_err().to_string();
            assert!(error.contains("from 0 (not expected) to 4"), "{error}");
        }
        assert_eq!("-0".parse::<Expected>().unwrap().to_string(), "0");
        assert_eq!(f32::from(Expected::default()).to_string(), "1");
    }
}
