//! Texts for the voice: sentence by sentence, everything in words.

/// Splits a text into sentences that follow each other without gaps: after Chinese and Latin full stops, question and
/// exclamation marks, semicolons and line ends, and after the Tibetan shad in all its forms. Closing quotes, further
/// shads and white space belong to the sentence before them.
pub fn sentences(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut start = 0;
    let mut ended = false;
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let next = characters.peek().map(|(_, c)| *c);
        if ended && !(belongs_behind(c) || ends_sentence(c, next)) {
            out.push(&text[start..at]);
            (start, ended) = (at, false);
        }
        ended |= ends_sentence(c, next);
    }
    if start < text.len() {
        out.push(&text[start..]);
    }
    out
}

fn ends_sentence(c: char, next: Option<char>) -> bool {
    match c {
        '。' | '！' | '？' | '；' | '!' | '?' | ';' | '\n' => true,
        // A decimal point or an abbreviation goes on.
        '.' => next.is_none_or(char::is_whitespace),
        _ => is_shad(c),
    }
}

/// ། ༎ ༏ ༐ ༑ ༔ ༈
fn is_shad(c: char) -> bool {
    matches!(c, '\u{0f0d}'..='\u{0f11}' | '\u{0f14}' | '\u{0f08}')
}

fn belongs_behind(c: char) -> bool {
    c.is_whitespace() || matches!(c, '”' | '’' | '"' | '\'' | '」' | '』' | '）' | ')' | '》' | '】' | '་')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Language, spoken_text};

    #[test]
    fn both_languages_split_at_their_own_marks_and_nothing_is_lost() {
        let text = "您好。“请带身份证！”可以吗？བཀྲ་ཤིས་བདེ་ལེགས།། 社保卡费率是2.5%。ཁ་པར་གཏོང་། ";
        let split = sentences(text);
        assert_eq!(
            split,
            ["您好。", "“请带身份证！”", "可以吗？", "བཀྲ་ཤིས་བདེ་ལེགས།། ", "社保卡费率是2.5%。", "ཁ་པར་གཏོང་། "]
        );
        assert_eq!(split.concat(), text);
    }

    #[test]
    fn what_is_read_aloud_is_written_in_words() {
        assert_eq!(spoken_text("每月300元，拨打12345。", Language::Zh), "每月三百元，拨打一二三四五。");
        assert_eq!(spoken_text("ལོ་60ལོན་ན་སྒོར་300ཐོབ།", Language::Bo), "ལོ་དྲུག་ཅུ་ལོན་ན་སྒོར་སུམ་བརྒྱ་ཐོབ།");
        assert_eq!(spoken_text("请看1楼，ཐོག་༢པ།", Language::Zh), "请看一楼，ཐོག་གཉིས་པ།");
    }
}
