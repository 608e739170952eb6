//! What citizens are told, and whether they may be: validity, places and groups, signatures, translations.

use std::collections::HashSet;

use language::Language;

use super::Findings;
use super::entries::{check_addresses, check_length, is_kebab};
use crate::finding::{Age, Finding, Tongue};
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
        return findings.error(Kind::Validity, "valid_until", Finding::NeverValid { from, until });
    }
    if let Some(until) = entry.valid_until.filter(|until| *until < today) {
        let days = today.days_since(until);
        findings.warn(Kind::Validity, "valid_until", Finding::Ended { until, days });
    }
    if let Some(from) = entry.valid_from.filter(|from| *from > today) {
        let days = from.days_since(today);
        findings.notice(Kind::Validity, "valid_from", Finding::NotBegun { from, days });
    }
}

fn check_variants(entry: &Entry, findings: &mut Findings) {
    let mut seen = HashSet::new();
    for (index, variant) in entry.answers.iter().enumerate() {
        let field = format!("answers[{index}]");
        // A former code and today's are one place.
        let place = variant.region.as_deref().map(|code| region(code).map_or(code, |region| region.code));
        if place.is_none() && variant.group.is_none() {
            findings.error(Kind::Place, &field, Finding::AnswerForNobody);
        } else if !seen.insert((place, variant.group.as_deref())) {
            findings.error(Kind::Contradiction, &field, Finding::AnswerTwice);
        }
        if let Some(code) = variant.region.as_deref().filter(|code| region(code).is_none()) {
            let unknown = Finding::UnknownPlace { code: code.to_owned() };
            findings.error(Kind::Place, format!("{field}.region"), unknown);
        }
        if let Some(group) = variant.group.as_deref().filter(|group| !is_kebab(&group.replace('_', "-"))) {
            let bad = Finding::BadGroup { group: group.to_owned() };
            findings.error(Kind::Place, format!("{field}.group"), bad);
        }
        check_variant_texts(entry, variant, &field, findings);
    }
    check_overlap(entry, findings);
}

fn check_variant_texts(entry: &Entry, variant: &AnswerVariant, field: &str, findings: &mut Findings) {
    let texts = Language::ALL.map(|language| (language, variant.text(language)));
    if variant.office.is_none() && texts.iter().all(|(_, text)| text.is_empty()) {
        findings.error(Kind::Unanswered, field, Finding::NothingParticular);
    }
    for (language, text) in texts {
        let field = format!("{field}.{language}");
        if text.is_empty() {
            if !variant.text(language.other()).is_empty() && entry.text(language).is_some() {
                findings.warn(Kind::Translation, field, Finding::AnswerInOneLanguage);
            }
            continue;
        }
        if entry.text(language).is_none() {
            findings.error(Kind::Unanswered, &field, Finding::AnswerWithoutQuestion);
        }
        if text.spoken.is_some() != text.written.is_some() {
            findings.error(Kind::Contradiction, &field, Finding::HalfAnAnswer);
        }
        for (name, answer) in [("spoken", &text.spoken), ("written", &text.written)] {
            let Some(answer) = answer else { continue };
            if answer.trim().is_empty() {
                findings.error(Kind::Unanswered, format!("{field}.{name}"), Finding::Empty);
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
                let overlap = Finding::Overlap { group: name(&group.group), place: name(&place.region) };
                findings.notice(Kind::Place, "answers", overlap);
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
            findings.error(Kind::Review, &field, Finding::SignedByNobody);
        }
        if signature.on > today {
            findings.warn(Kind::Review, &field, Finding::SignedInFuture { on: signature.on });
        }
    }
    match (text.review, &text.reviewed, &text.published) {
        (Review::Reviewed | Review::Published, None, _) => {
            findings.error(Kind::Review, field, Finding::NobodyReviewed);
        }
        (Review::Published, _, None) => {
            findings.error(Kind::Review, field, Finding::NobodyPublished);
        }
        (Review::Published, ..) if !two_people(text) => {
            findings.error(Kind::Review, field, Finding::OnePerson);
        }
        (Review::Reviewed | Review::Published, Some(old), _) if stage == Stage::Draft => {
            let changed = Finding::ChangedSinceReview { by: old.by.clone(), on: old.on };
            findings.warn(Kind::Review, field, changed);
        }
        (Review::Published, _, Some(old)) if stage != Stage::Published => {
            let changed = Finding::ChangedSincePublication { by: old.by.clone(), on: old.on };
            findings.warn(Kind::Review, field, changed);
        }
        (Review::Approved, ..) => {
            findings.notice(Kind::Review, field, Finding::ApprovedWithoutSignature);
        }
        _ => {}
    }
}

fn check_translation(entry: &Entry, language: Language, today: Date, findings: &mut Findings) {
    let (this, other) = (Tongue(language), Tongue(language.other()));
    let published = entry.stage(language.other()) == Some(Stage::Published);
    let days = |since: Option<Date>| since.map(|since| u32::try_from(today.days_since(since)).unwrap_or(0));
    let kind = if published { Kind::Behind } else { Kind::Translation };
    match entry.translation(language) {
        Translation::Missing { since } => {
            let days = days(since).filter(|_| published);
            let missing = if published {
                Finding::PublishedTranslationMissing { this, other, age: Age(days) }
            } else {
                Finding::TranslationMissing { this, other }
            };
            findings.add_aged(Severity::Warning, kind, language.code(), missing, days);
        }
        Translation::Outdated { since } => {
            let days = days(since);
            let age = Age(days);
            let outdated = if published {
                Finding::PublishedTranslationOutdated { this, other, age }
            } else {
                Finding::TranslationOutdated { this, other, age }
            };
            findings.add_aged(Severity::Warning, kind, language.code(), outdated, days);
        }
        Translation::Current => {
            let behind = entry.stage(language).is_some_and(|stage| stage != Stage::Published);
            if published && behind {
                let unpublished = Finding::TranslationUnpublished { this, other };
                findings.notice(Kind::Translation, format!("{language}.review"), unpublished);
            }
        }
    }
}
