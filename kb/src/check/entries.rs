//! Each entry by itself: are its texts there, readable and of their language?

use language::{Language, Script};

use super::Findings;
use crate::{Entry, Kind, Localized, Text};

/// A spoken answer longer than this many syllables takes more than half a minute to listen to; nobody remembers its
/// beginning. Four to five syllables a second are usual reading speed in both languages.
const LONGEST_SPOKEN_SYLLABLES: usize = 135;

/// Longest question, in characters. A longer one is a mistake (an answer in the wrong column), and every question is
/// scored against every spoken utterance.
const LONGEST_QUESTION_CHARACTERS: usize = 200;

/// Fewer ways of asking than this are worth a notice: recognition of spoken questions lives on them.
const FEW_QUESTIONS: usize = 3;

pub(super) fn check(entry: &Entry, findings: &mut Findings) {
    if !is_kebab(&entry.id.0) || entry.id.0.len() > 64 {
        let message = "must be words of a-z and 0-9 joined by hyphens, at most 64 characters";
        findings.error(Kind::Content, "id", message);
    }
    if entry.topic.trim().is_empty() {
        findings.error(Kind::Content, "topic", "is empty");
    }
    match (&entry.zh, &entry.bo) {
        (None, None) => findings.error(Kind::Unanswered, "", "has a text in neither language"),
        (Some(zh), Some(bo)) => check_step(zh, bo, findings),
        // Reported with its age among the translations.
        _ => {}
    }
    for language in Language::ALL {
        if let Some(text) = entry.text(language) {
            check_text(language, text, findings);
        }
    }
    for (index, link) in entry.links.iter().enumerate() {
        let field = format!("links[{index}]");
        if let Some(wrong) = broken_link(&link.url) {
            findings.error(Kind::Link, format!("{field}.url"), format!("“{}” {wrong}", link.url));
        }
        check_pair(&format!("{field}.label"), &link.label, findings);
    }
    if let Some(office) = &entry.office {
        check_pair("office", office, findings);
    }
}

/// Whether a name is words of a-z and 0-9 joined by hyphens.
pub(super) fn is_kebab(name: &str) -> bool {
    let word =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    name.split('-').all(word)
}

/// What is wrong with a web address, readable after it; `None` where nothing is.
fn broken_link(url: &str) -> Option<&'static str> {
    if !url.starts_with("https://") {
        return Some("does not begin with https://");
    }
    if url.chars().any(|c| c.is_whitespace() || c.is_control() || "<>\"{}|\\^`".contains(c)) {
        return Some("holds a character that no address may have");
    }
    let rest = &url["https://".len()..];
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.contains('@') {
        return Some("names a user: browsers warn of it");
    }
    let (name, port) = host.rsplit_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Some("has a port that is no number");
    }
    let labels: Vec<&str> = name.split('.').collect();
    let label = |label: &&str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    (labels.len() < 2 || !labels.iter().all(label)).then_some("has no proper host name")
}

/// Both languages of an entry should say the same: as far as counting shows, they do.
fn check_step(zh: &Text, bo: &Text, findings: &mut Findings) {
    for (field, zh, bo) in
        [("steps", zh.steps.len(), bo.steps.len()), ("documents", zh.documents.len(), bo.documents.len())]
    {
        if zh != bo {
            let message = format!("{zh} in Chinese but {bo} in Tibetan: languages are out of step");
            findings.warn(Kind::Translation, field, message);
        }
    }
}

fn check_pair(field: &str, pair: &Localized, findings: &mut Findings) {
    for language in Language::ALL {
        if pair.get(language).trim().is_empty() {
            findings.warn(Kind::Translation, format!("{field}.{language}"), "is empty");
        }
    }
}

fn check_text(language: Language, text: &Text, findings: &mut Findings) {
    let field = |name: &str| format!("{language}.{name}");
    for (index, question) in std::iter::once(&text.question).chain(&text.variants).enumerate() {
        let field = if index == 0 { field("question") } else { field(&format!("variants[{}]", index - 1)) };
        let wrong = if question.trim().is_empty() {
            "is empty".to_owned()
        } else if question.chars().count() > LONGEST_QUESTION_CHARACTERS {
            format!("is longer than {LONGEST_QUESTION_CHARACTERS} characters")
        } else if !question.chars().any(|c| speaks(language, c)) {
            "holds no letter of its language: is it in the wrong place?".to_owned()
        } else {
            continue;
        };
        findings.error(Kind::Content, field, wrong);
    }
    if text.variants.len() + 1 < FEW_QUESTIONS {
        let message = format!("{} ways of asking: more are found more often", text.variants.len() + 1);
        findings.notice(Kind::Content, field("variants"), message);
    }
    for (name, answer) in [("spoken", &text.spoken), ("written", &text.written)] {
        if answer.trim().is_empty() {
            findings.error(Kind::Unanswered, field(name), "is empty");
        }
        check_addresses(&field(name), answer, findings);
    }
    check_length(&field("spoken"), &text.spoken, findings);
    for (name, list) in [("steps", &text.steps), ("documents", &text.documents)] {
        if list.iter().any(|item| item.trim().is_empty()) {
            findings.error(Kind::Content, field(name), "has an empty item");
        }
    }
}

/// A spoken answer must not be too long to listen to.
pub(super) fn check_length(field: &str, spoken: &str, findings: &mut Findings) {
    let syllables = language::syllables(spoken).len();
    if syllables > LONGEST_SPOKEN_SYLLABLES {
        let message = format!(
            "takes {syllables} syllables to say; more than {LONGEST_SPOKEN_SYLLABLES} are hard to follow"
        );
        findings.warn(Kind::Content, field, message);
    }
}

/// Addresses within a text: nobody can tap them there, but people copy them.
pub(super) fn check_addresses(field: &str, text: &str, findings: &mut Findings) {
    for (at, _) in text.match_indices("http") {
        let rest = &text[at..];
        if !["http://", "https://"].iter().any(|known| rest.starts_with(known)) {
            continue;
        }
        // An address ends where another script, white space or a closing mark begins.
        let end = rest.find(|c: char| !c.is_ascii_graphic() || "<>\"'()[]".contains(c)).unwrap_or(rest.len());
        let url = rest[..end].trim_end_matches(['.', ',', ';', '!', '?', ':']);
        if let Some(wrong) = broken_link(url) {
            findings.warn(Kind::Link, field, format!("“{url}” {wrong}"));
        }
    }
}

fn speaks(language: Language, c: char) -> bool {
    match language {
        Language::Bo => Script::of(c) == Script::Tibetan,
        Language::Zh => Script::of(c) == Script::Han,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_lead_nowhere_are_named_and_ordinary_ones_are_not() {
        for good in ["https://zwfw.xizang.gov.cn/", "https://a.cn:8443/x?y=1#z", "https://例子.中国/办事"]
        {
            assert_eq!(broken_link(good), None, "{good}");
        }
        for bad in [
            "",
            "http://a.cn",
            "https://",
            "https://localhost",
            "https://a..cn/",
            "https://a.cn/a b",
            "https://a.cn:x/",
            "https://me@a.cn/",
            "https:/a.cn",
            "https://-a.cn",
            "https://བོད།.cn/",
        ] {
            assert!(broken_link(bad).is_some(), "{bad}");
        }
    }
}
