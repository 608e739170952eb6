//! Each entry by itself: are its texts there, readable and of their language?

use language::{Language, Script};

use super::Findings;
use crate::finding::Finding;
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
        findings.error(Kind::Content, "id", Finding::BadId);
    }
    if entry.topic.trim().is_empty() {
        findings.error(Kind::Content, "topic", Finding::Empty);
    }
    match (&entry.zh, &entry.bo) {
        (None, None) => findings.error(Kind::Unanswered, "", Finding::NoText),
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
            findings.error(Kind::Link, format!("{field}.url"), wrong);
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

/// What is wrong with a web address; `None` where nothing is.
fn broken_link(url: &str) -> Option<Finding> {
    if !url.starts_with("https://") {
        return Some(Finding::LinkNotHttps { url: url.to_owned() });
    }
    if url.chars().any(|c| c.is_whitespace() || c.is_control() || "<>\"{}|\\^`".contains(c)) {
        return Some(Finding::LinkCharacter { url: url.to_owned() });
    }
    let rest = &url["https://".len()..];
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.contains('@') {
        return Some(Finding::LinkNamesUser { url: url.to_owned() });
    }
    let (name, port) = host.rsplit_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Some(Finding::LinkPort { url: url.to_owned() });
    }
    let labels: Vec<&str> = name.split('.').collect();
    let label = |label: &&str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    (labels.len() < 2 || !labels.iter().all(label)).then(|| Finding::LinkHost { url: url.to_owned() })
}

/// Both languages of an entry should say the same: as far as counting shows, they do.
fn check_step(zh: &Text, bo: &Text, findings: &mut Findings) {
    for (field, zh, bo) in
        [("steps", zh.steps.len(), bo.steps.len()), ("documents", zh.documents.len(), bo.documents.len())]
    {
        if zh != bo {
            findings.warn(Kind::Translation, field, Finding::OutOfStep { zh, bo });
        }
    }
}

fn check_pair(field: &str, pair: &Localized, findings: &mut Findings) {
    for language in Language::ALL {
        if pair.get(language).trim().is_empty() {
            findings.warn(Kind::Translation, format!("{field}.{language}"), Finding::Empty);
        }
    }
}

fn check_text(language: Language, text: &Text, findings: &mut Findings) {
    let field = |name: &str| format!("{language}.{name}");
    for (index, question) in std::iter::once(&text.question).chain(&text.variants).enumerate() {
        let field = if index == 0 { field("question") } else { field(&format!("variants[{}]", index - 1)) };
        let wrong = if question.trim().is_empty() {
            Finding::Empty
        } else if question.chars().count() > LONGEST_QUESTION_CHARACTERS {
            Finding::QuestionTooLong { most: LONGEST_QUESTION_CHARACTERS }
        } else if !question.chars().any(|c| speaks(language, c)) {
            Finding::QuestionInOtherScript
        } else {
            continue;
        };
        findings.error(Kind::Content, field, wrong);
    }
    if text.variants.len() + 1 < FEW_QUESTIONS {
        let few = Finding::FewQuestions { count: text.variants.len() + 1 };
        findings.notice(Kind::Content, field("variants"), few);
    }
    for (name, answer) in [("spoken", &text.spoken), ("written", &text.written)] {
        if answer.trim().is_empty() {
            findings.error(Kind::Unanswered, field(name), Finding::Empty);
        }
        check_addresses(&field(name), answer, findings);
    }
    check_length(&field("spoken"), &text.spoken, findings);
    for (name, list) in [("steps", &text.steps), ("documents", &text.documents)] {
        if list.iter().any(|item| item.trim().is_empty()) {
            findings.error(Kind::Content, field(name), Finding::EmptyItem);
        }
    }
}

/// A spoken answer must not be too long to listen to.
pub(super) fn check_length(field: &str, spoken: &str, findings: &mut Findings) {
    let syllables = language::syllables(spoken).len();
    if syllables > LONGEST_SPOKEN_SYLLABLES {
        let long = Finding::LongToSay { syllables, most: LONGEST_SPOKEN_SYLLABLES };
        findings.warn(Kind::Content, field, long);
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
            findings.warn(Kind::Link, field, wrong);
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
