//! What is not read aloud letter by letter: markup and long addresses.

use std::sync::LazyLock;

use regex::Regex;

use super::{LONGEST_SPELLED, Reader, pattern};
use crate::Language;
use crate::voice::fall_back::FallBackKind;
use crate::voice::in_chinese;
use crate::voice::line::Form;

/// The longest address that is spelled.
const LONGEST_ADDRESS: usize = 24;

impl Reader<'_> {
    /// HTML tags and entities are not read aloud.
    pub(super) fn markup(&mut self) -> bool {
        static MARKUP: LazyLock<Regex> = LazyLock::new(|| {
            pattern(
                r"^(?:</?[A-Za-z][^<>\n]{0,200}>|<!--|-->|&(?:[a-z]{2,6}|#[0-9]{1,6}|#x[0-9a-fA-F]{1,6});)",
            )
        });
        if !self.rest().starts_with(['<', '&', '-']) {
            return false;
        }
        let Some(length) = MARKUP.find(self.rest()).map(|m| m.end()) else { return false };
        self.line.text.push(' ');
        self.skip(length, FallBackKind::MarkupSkipped);
        true
    }

    /// Web and mail addresses: a short host name is spelled, the rest is left out.
    pub(super) fn address(&mut self) -> bool {
        static DOMAIN: LazyLock<Regex> = LazyLock::new(|| {
            pattern(
                r"(?i)^(?:[a-z0-9-]{1,63}\.){1,8}(?:cn|com|net|org|gov|edu|info|top|vip|app)(?:[:/?#].*)?$",
            )
        });
        if self.at < self.searched || !self.next().is_some_and(|c| c.is_ascii_alphanumeric()) {
            return false;
        }
        let rest = self.rest();
        let ends = |c: char| !c.is_ascii_graphic() || "()[]{}<>\"',;|".contains(c);
        let word = rest[..rest.find(ends).unwrap_or(rest.len())].trim_end_matches(['.', ':', '!', '?']);
        self.searched = self.at + word.len().max(1);
        let mail = word.find('@').is_some_and(|i| i > 0 && word[i..].contains('.'));
        let web = word.contains("://") || word.starts_with("www.");
        if !(mail || web || (word.len() < 400 && DOMAIN.is_match(word))) {
            return false;
        }
        let language = self.language_around(&(self.at..self.at + word.len())).unwrap_or(self.language);
        if let Some(said) = spelled_address(word, language).filter(|_| !mail) {
            let range = self.take(word.len());
            self.line.fall_back(FallBackKind::AddressSpelled, range.clone());
            let form = Form { range, rule: "address", said, language, by_digit: true, head: 0 };
            self.line.say(form);
        } else {
            self.line.text.push('，');
            self.skip(word.len(), FallBackKind::AddressSkipped);
        }
        true
    }
}

/// A host name letter by letter; `None` for anything longer.
fn spelled_address(word: &str, language: Language) -> Option<String> {
    let host = word.split("://").last()?.trim_end_matches('/');
    if host.len() > LONGEST_ADDRESS || !host.chars().all(|c| c.is_ascii_alphanumeric() || c == '.') {
        return None;
    }
    let labels: Option<Vec<String>> = host
        .split('.')
        .map(|label| (label.len() <= LONGEST_SPELLED).then(|| in_chinese::digits(label, true)))
        .collect();
    Some(labels?.join(if language == Language::Zh { "点" } else { "་ཚེག་" }))
}
