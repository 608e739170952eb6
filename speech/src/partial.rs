//! Partial texts that only grow, from engines that decode an utterance again and again.

use language::Script;

use crate::decode::{Part, part};

/// A text as far as it has been heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Partial {
    /// The text: what is stable, then the rest of the newest reading.
    pub text: String,
    /// How many bytes of it are stable, from its beginning; on a character boundary, in Tibetan behind a tsheg (or another
    /// sign that ends a syllable).
    pub stable: usize,
}

/// What successive readings of one utterance agree on.
///
/// An engine that reads the whole utterance again whenever there is more of it (Whisper, `SenseVoice`) changes its mind
/// mostly about the end. What two successive readings begin with is taken for settled and never taken back, even where a
/// later reading has it otherwise: LocalAgreement-2. The agreement ends where a word does: behind a Chinese character, behind
/// the tsheg of a Tibetan syllable, behind the space or sign after any other word, since the last word of a reading may still
/// become longer.
///
/// Sources: D. Liu, G. Spanakis, J. Niehues, *Low-Latency Sequence-to-Sequence Speech Recognition and Translation by Partial
/// Hypothesis Selection* (Interspeech 2020), section 3; D. Macháček, R. Dabre, O. Bojar, *Turning Whisper into Real-Time
/// Transcription System* (2023), section 3.
///
/// ```
/// use speech::partial::StablePrefix;
///
/// let mut prefix = StablePrefix::default();
/// assert_eq!(prefix.update("我的社宝").stable, 0);
/// let partial = prefix.update("我的社保卡");
/// assert_eq!(&partial.text[..partial.stable], "我的社");
/// assert_eq!(prefix.update("你的社保卡丢了").text, "我的社保卡丢了");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StablePrefix {
    stable: String,
    /// What the newest reading has behind the stable text.
    rest: String,
}

impl StablePrefix {
    /// Takes the newest reading of the whole utterance. The stable part of what this returns begins with the one returned
    /// before.
    pub fn update(&mut self, text: &str) -> Partial {
        let newest = behind(&self.stable, text);
        let agreed = agreed(&self.rest, newest);
        self.stable.push_str(&newest[..agreed]);
        newest[agreed..].clone_into(&mut self.rest);
        Partial { text: format!("{}{}", self.stable, self.rest), stable: self.stable.len() }
    }
}

/// What a reading has behind the stable text. Where it begins otherwise, it is cut where its beginning is most like the
/// stable text (the smallest edit distance; of equals, the longest, since otherwise something would be said twice).
fn behind<'a>(stable: &str, text: &'a str) -> &'a str {
    if let Some(rest) = text.strip_prefix(stable) {
        return rest;
    }
    // One column per character of the reading: distances from every beginning of it to the stable text's first `row`
    // characters (Levenshtein's recurrence, one row at a time).
    let characters: Vec<(usize, char)> = text.char_indices().collect();
    let mut distances: Vec<usize> = (0..=characters.len()).collect();
    for wanted in stable.chars() {
        let mut diagonal = distances[0];
        distances[0] += 1;
        for (column, &(_, found)) in characters.iter().enumerate() {
            let replaced = diagonal + usize::from(found != wanted);
            diagonal = distances[column + 1];
            distances[column + 1] = replaced.min(diagonal + 1).min(distances[column] + 1);
        }
    }
    let least = distances.iter().copied().min().unwrap_or(0);
    let cut = distances.iter().rposition(|&distance| distance == least).unwrap_or(0);
    // The rest of a word that was cut in two is no word.
    let word = |at: usize| characters.get(at).map(|&(_, character)| part(character));
    let inside = |at: usize| matches!(word(at), Some(Part::Letter(_))) && at > 0 && word(at - 1) == word(at);
    let cut = (cut..characters.len()).find(|&at| !inside(at)).unwrap_or(characters.len());
    characters.get(cut).map_or("", |&(at, _)| &text[at..])
}

/// How many bytes of two texts are the same and end where a word does.
fn agreed(before: &str, newest: &str) -> usize {
    let mut end = 0;
    let mut last = None;
    for (was, (at, is)) in before.chars().zip(newest.char_indices()) {
        if was != is {
            break;
        }
        // Behind the last character of a word, now that one of another kind follows; a Tibetan syllable waits for its tsheg.
        let new_word =
            matches!(last, Some(Part::Letter(script)) if script != Script::Tibetan) && last != Some(part(is));
        if new_word {
            end = at;
        }
        last = Some(part(is));
        if matches!(last, Some(Part::Alone | Part::Between)) {
            end = at + is.len_utf8();
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The stable text and the rest after each of some readings.
    fn updates(readings: &[&str]) -> Vec<(String, String)> {
        let mut prefix = StablePrefix::default();
        let cut = |Partial { text, stable }: Partial| (text[..stable].to_owned(), text[stable..].to_owned());
        readings.iter().map(|reading| cut(prefix.update(reading))).collect()
    }

    fn last(readings: &[&str]) -> (String, String) {
        updates(readings).pop().unwrap()
    }

    fn pair(stable: &str, rest: &str) -> (String, String) {
        (stable.to_owned(), rest.to_owned())
    }

    #[test]
    fn what_two_readings_agree_on_is_stable() {
        assert_eq!(last(&["我的"]), pair("", "我的"));
        assert_eq!(last(&["我的", "我的社保"]), pair("我的", "社保"));
        assert_eq!(last(&["我的社宝", "我的社保卡", "我的社保卡丢了"]), pair("我的社保卡", "丢了"));
        assert_eq!(last(&["", "", "好"]), pair("", "好"));
    }

    #[test]
    fn tibetan_is_stable_to_a_tsheg_and_other_words_to_what_follows_them() {
        assert_eq!(last(&["བོད་སྐ", "བོད་སྐད་"]), pair("བོད་", "སྐད་"));
        assert_eq!(last(&["བོད་སྐད", "བོད་སྐད"]), pair("བོད་", "སྐད"));
        assert_eq!(last(&["བོད་སྐད།", "བོད་སྐད། ང"]), pair("བོད་སྐད།", " ང"));
        assert_eq!(last(&["my card", "my cards"]), pair("my ", "cards"));
        assert_eq!(last(&["my card", "my card"]), pair("my ", "card"));
        assert_eq!(last(&["my card 丢", "my card 丢"]), pair("my card 丢", ""));
        assert_eq!(last(&["用WeChat付", "用WeChat副"]), pair("用", "WeChat副"));
        assert_eq!(last(&["用WeChat付钱", "用WeChat付款"]), pair("用WeChat付", "款"));
        assert_eq!(last(&["2025", "2025年"]), pair("", "2025年"));
    }

    #[test]
    fn a_reading_that_changes_what_is_stable_only_changes_the_rest() {
        let settled = ["我的社保卡", "我的社保卡"];
        let after = |reading: &str| last(&[settled[0], settled[1], reading]);
        assert_eq!(after("你的社保卡丢了"), pair("我的社保卡", "丢了"));
        assert_eq!(after("的社保卡丢了"), pair("我的社保卡", "丢了"));
        assert_eq!(after("那我的社保卡丢了"), pair("我的社保卡", "丢了"));
        assert_eq!(after(""), pair("我的社保卡", ""));
        assert_eq!(after("我的"), pair("我的社保卡", ""));
        let tibetan = ["ངའི་ལག་", "ངའི་ལག་", "ང་ལག་ཁྱེར་"];
        assert_eq!(last(&tibetan), pair("ངའི་ལག་", "ཁྱེར་"));
    }

    /// Readings of mixed text that grow and change.
    fn readings() -> impl Strategy<Value = Vec<String>> {
        let piece = prop_oneof!["[我的社保卡丢了]", "(བོད|སྐད|ང)་?", "[a-c]{1,2}", "[ ,。།1é]"];
        prop::collection::vec(prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat()), 1..8)
    }

    proptest! {
        #[test]
        fn the_stable_part_only_grows_and_ends_where_a_word_may_end(readings in readings()) {
            let mut prefix = StablePrefix::default();
            let mut before = String::new();
            for reading in &readings {
                let Partial { text, stable } = prefix.update(reading);
                prop_assert!(text.is_char_boundary(stable));
                prop_assert!(text.starts_with(&before), "{text:?} takes {before:?} back");
                prop_assert!(stable >= before.len());
                let tibetan = |c: char| matches!(part(c), Part::Letter(Script::Tibetan));
                prop_assert!(!text[..stable].ends_with(tibetan), "{:?} ends within a syllable", &text[..stable]);
                text[..stable].clone_into(&mut before);
            }
        }

        #[test]
        fn readings_that_only_grow_are_shown_as_they_are(pieces in prop::collection::vec("[我的]|བོད་|a |。", 0..12)) {
            let mut prefix = StablePrefix::default();
            let mut whole = String::new();
            for piece in pieces {
                let before = whole.clone();
                whole.push_str(&piece);
                let partial = prefix.update(&whole);
                prop_assert_eq!(&partial.text, &whole);
                prop_assert_eq!(partial.stable, before.len(), "one reading behind");
            }
        }

        #[test]
        fn a_repeated_reading_settles(text in "([我的]|བོད་|a |。){0,12}") {
            let mut prefix = StablePrefix::default();
            prefix.update(&text);
            let partial = prefix.update(&text);
            prop_assert_eq!(partial, Partial { stable: text.len(), text });
        }
    }
}
