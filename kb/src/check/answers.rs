//! What citizens are told, and whether they may be: validity, places and groups, signatures, translations.

use std::collections::HashSet;

use language::Language;

use super::Findings;
use super::entries::{check_addresses, check_length, is_kebab};
use crate::workflow::two_people;
use crate::{AnswerVariant, Date, Entry, Kind, Review, Severity, Stage, Translation, region};

pub(super) fn check(entry: &Entry, today: Date, findings: &mut Findings) {
    check_validity(entry, today, findings);
    check_variants(entry, findings);
    for language in Language::ALL {
        check_signatures(entry, language, today, findings);
        check_translation(entry, language, today, findings);
    }
}

fn check_validity(entry: &Entry, today: Date, findings: &mut Findings) {
    if let (Some(from), Some(until)) = (entry.valid_from, entry.valid_until)
        && from > until
    {
        let message = format!("{until} is before {from}: it never holds");
        return findings.error(Kind::Validity, "valid_until", message);
    }
    if let Some(until) = entry.valid_until.filter(|until| *until < today) {
        let message = format!("it ended on {until}, {} days ago, and is not served", today.days_since(until));
        findings.warn(Kind::Validity, "valid_until", message);
    }
    if let Some(from) = entry.valid_from.filter(|from| *from > today) {
        let message =
            format!("it begins on {from}, in {} days, and is not served before", from.days_since(today));
        findings.notice(Kind::Validity, "valid_from", message);
    }
}

fn check_variants(entry: &Entry, findings: &mut Findings) {
    let mut seen = HashSet::new();
    for (index, variant) in entry.answers.iter().enumerate() {
        let field = format!("answers[{index}]");
        // A former code and today's are one place.
        let place = variant.region.as_deref().map(|code| region(code).map_or(code, |region| region.code));
        if place.is_none() && variant.group.is_none() {
            findings.error(Kind::Place, &field, "has neither a place nor a group: nobody would get it");
        } else if !seen.insert((place, variant.group.as_deref())) {
            let message = "is a second answer for the same place and group";
            findings.error(Kind::Contradiction, &field, message);
        }
        if let Some(code) = variant.region.as_deref().filter(|code| region(code).is_none()) {
            let message = format!("“{code}” is not the code of a place in Tibet (GB/T 2260, six digits)");
            findings.error(Kind::Place, format!("{field}.region"), message);
        }
        if let Some(group) = variant.group.as_deref().filter(|group| !is_kebab(&group.replace('_', "-"))) {
            let message = format!("“{group}” must be words of a-z and 0-9 joined by hyphens or underscores");
            findings.error(Kind::Place, format!("{field}.group"), message);
        }
        check_variant_texts(entry, variant, &field, findings);
    }
    check_overlap(entry, findings);
}

fn check_variant_texts(entry: &Entry, variant: &AnswerVariant, field: &str, findings: &mut Findings) {
    let texts = Language::ALL.map(|language| (language, variant.text(language)));
    if variant.office.is_none() && texts.iter().all(|(_, text)| text.is_empty()) {
        findings.error(Kind::Unanswered, field, "says nothing that the entry does not say");
    }
    for (language, text) in texts {
        let field = format!("{field}.{language}");
        if text.is_empty() {
            if !variant.text(language.other()).is_empty() && entry.text(language).is_some() {
                let message = "is missing, the other language has it: languages are out of step";
                findings.warn(Kind::Translation, field, message);
            }
            continue;
        }
        if entry.text(language).is_none() {
            findings.error(
                Kind::Unanswered,
                &field,
                "has an answer but the entry has no question in that language",
            );
        }
        if text.spoken.is_some() != text.written.is_some() {
            let message = "has one of spoken and written: eye and ear would be told different things";
            findings.error(Kind::Contradiction, &field, message);
        }
        for (name, answer) in [("spoken", &text.spoken), ("written", &text.written)] {
            let Some(answer) = answer else { continue };
            if answer.trim().is_empty() {
                findings.error(Kind::Unanswered, format!("{field}.{name}"), "is empty");
            }
            check_addresses(&format!("{field}.{name}"), answer, findings);
        }
        check_length(&format!("{field}.spoken"), text.spoken.as_deref().unwrap_or_default(), findings);
    }
}

/// A place's answer and a group's answer both apply to the group in that place, unless there is one for the two.
fn check_overlap(entry: &Entry, findings: &mut Findings) {
    let of = |place: bool, group: bool| {
        let wanted = move |v: &&AnswerVariant| v.region.is_some() == place && v.group.is_some() == group;
        entry.answers.iter().filter(wanted)
    };
    for place in of(true, false) {
        for group in of(false, true) {
            let both = |v: &AnswerVariant| v.region == place.region && v.group == group.group;
            if !entry.answers.iter().any(both) {
                let name = |name: &Option<String>| name.clone().unwrap_or_default();
                let message = format!(
                    "somebody of {} in {} gets the answer of the place; write one for both if that is wrong",
                    name(&group.group),
                    name(&place.region)
                );
                findings.notice(Kind::Place, "answers", message);
            }
        }
    }
}

fn check_signatures(entry: &Entry, language: Language, today: Date, findings: &mut Findings) {
    let Some(text) = entry.text(language) else { return };
    let field = format!("{language}.review");
    let stage = entry.stage(language).unwrap_or(Stage::Draft);
    for (name, signature) in [("reviewed", &text.reviewed), ("published", &text.published)] {
        let Some(signature) = signature else { continue };
        let field = format!("{language}.{name}");
        if signature.by.trim().is_empty() {
            findings.error(Kind::Review, &field, "is signed by nobody");
        }
        if signature.on > today {
            findings.warn(
                Kind::Review,
                &field,
                format!("is signed on {}, which is still to come", signature.on),
            );
        }
    }
    match (text.review, &text.reviewed, &text.published) {
        (Review::Reviewed | Review::Published, None, _) => {
            findings.error(Kind::Review, field, "is beyond draft, but nobody signed a review");
        }
        (Review::Published, _, None) => {
            findings.error(Kind::Review, field, "is published, but nobody signed for it");
        }
        (Review::Published, ..) if !two_people(text) => {
            findings.error(Kind::Review, field, "reviewer and publisher are one person");
        }
        (Review::Reviewed | Review::Published, Some(old), _) if stage == Stage::Draft => {
            let message = format!(
                "the text was changed after {} reviewed it on {}: it is a draft again",
                old.by, old.on
            );
            findings.warn(Kind::Review, field, message);
        }
        (Review::Published, _, Some(old)) if stage != Stage::Published => {
            let message = format!("the text was changed after {} published it on {}", old.by, old.on);
            findings.warn(Kind::Review, field, message);
        }
        (Review::Approved, ..) => {
            findings.notice(
                Kind::Review,
                field,
                "was approved before signatures were kept: its age is not known",
            );
        }
        _ => {}
    }
}

fn check_translation(entry: &Entry, language: Language, today: Date, findings: &mut Findings) {
    let name = |language| match language {
        Language::Bo => "Tibetan",
        Language::Zh => "Chinese",
    };
    let (this, other) = (name(language), name(language.other()));
    let published = entry.stage(language.other()) == Some(Stage::Published);
    let days = |since: Option<Date>| since.map(|since| u32::try_from(today.days_since(since)).unwrap_or(0));
    let age = |days: Option<u32>| {
        days.map_or("nobody wrote since when".to_owned(), |days| format!("for {days} days"))
    };
    let kind = if published { Kind::Behind } else { Kind::Translation };
    let what = if published { format!("published {other}") } else { other.to_owned() };
    match entry.translation(language) {
        Translation::Missing { since } => {
            let days = days(since).filter(|_| published);
            let since = if published { format!(" ({})", age(days)) } else { String::new() };
            let message = format!("the {this} of a {what} answer is missing{since}");
            findings.add_aged(Severity::Warning, kind, language.code(), message, days);
        }
        Translation::Outdated { since } => {
            let days = days(since);
            let message = format!("the {this} is older than the {what} ({})", age(days));
            findings.add_aged(Severity::Warning, kind, language.code(), message, days);
        }
        Translation::Current => {
            let behind = entry.stage(language).is_some_and(|stage| stage != Stage::Published);
            if published && behind {
                let message = format!("the {other} is published, the {this} is not yet");
                findings.notice(Kind::Translation, format!("{language}.review"), message);
            }
        }
    }
}
