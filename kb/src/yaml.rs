//! Knowledge files as lines: where an entry stands, and signing one without touching anything else.
//!
//! A YAML reader forgets comments, quotation marks and the order of keys. A person's file keeps them: here the few lines of a
//! signature are changed as text, and the result is read again to prove that nothing else has changed.

use std::ops::Range;

use language::Language;

use crate::{Collection, Entry, EntryId, Review, Signature, Sourced, Text};

/// Why a file could not be signed. The file is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// No such entry, or it has no text in that language.
    #[error("{file} has no entry {entry} with a text in that language")]
    NotThere {
        /// The file.
        file: String,
        /// The entry.
        entry: EntryId,
    },
    /// The file is written in a way that cannot be changed line by line.
    #[error(
        "{file} is written in a way that cannot be changed without touching more than the signature of {entry}; write \
         entries as blocks, one key a line, or enter it by hand"
    )]
    Layout {
        /// The file.
        file: String,
        /// The entry.
        entry: EntryId,
    },
}

/// How many spaces a line begins with; `None` where it is blank or only a comment.
fn indent(line: &str) -> Option<usize> {
    let rest = line.trim_start_matches(' ');
    (!rest.trim().is_empty() && !rest.starts_with('#')).then(|| line.len() - rest.len())
}

fn is_item(line: &str) -> bool {
    let rest = line.trim_start_matches(' ');
    rest.trim_end() == "-" || rest.starts_with("- ")
}

/// The lines of every entry of a knowledge file in block style; empty where they cannot be told.
pub(crate) fn entry_lines(yaml: &str) -> Vec<Range<usize>> {
    let lines: Vec<&str> = yaml.lines().collect();
    let Some(head) = lines.iter().position(|line| line.starts_with("entries:")) else { return Vec::new() };
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut level = None;
    for (number, line) in lines.iter().enumerate().skip(head + 1) {
        let Some(depth) = indent(line) else { continue };
        let level = *level.get_or_insert(depth);
        if depth < level || (depth == level && !is_item(line)) {
            break;
        }
        if depth == level {
            ranges.push(number..number + 1);
        } else if let Some(last) = ranges.last_mut() {
            last.end = number + 1;
        }
    }
    ranges
}

/// The key that a line of a block mapping begins with, at exactly this depth; the dash of a list item counts as a space.
fn key_at(line: &str, depth: usize) -> Option<&str> {
    let plain = if is_item(line) { line.replacen('-', " ", 1) } else { line.to_owned() };
    (indent(&plain)? == depth)
        .then(|| line.get(depth..)?.split_once(':').map(|(key, _)| key.trim()))
        .flatten()
}

/// The line, counted from 0, on which an entry's own lines have a key of the entry itself.
pub(crate) fn line_of_key(entry: &str, key: &str) -> Option<usize> {
    let depth = key_depth(entry.lines().next()?);
    entry.lines().position(|line| key_at(line, depth) == Some(key))
}

/// The depth of the keys of an entry whose item begins on this line.
fn key_depth(item: &str) -> usize {
    let dash = item.len() - item.trim_start_matches(' ').len();
    let after = &item[(dash + 1).min(item.len())..];
    dash + 1 + (after.len() - after.trim_start_matches(' ').len())
}

/// The file with review state, signatures and source of one text replaced by those of `signed`; every other line stays
/// as it is.
///
/// # Errors
/// [`EditError`]; also where reading the changed file would give anything but exactly this change.
pub fn sign(
    file: &str,
    yaml: &str,
    entry: &EntryId,
    language: Language,
    signed: &Text,
) -> Result<String, EditError> {
    let not_there = || EditError::NotThere { file: file.to_owned(), entry: entry.clone() };
    let layout = || EditError::Layout { file: file.to_owned(), entry: entry.clone() };
    let before = Collection::parse(file, yaml);
    let mut wanted = before.clone();
    let at = before.entries.iter().position(|sourced| sourced.entry.id == *entry).ok_or_else(not_there)?;
    let ranges = entry_lines(yaml);
    // Unreadable entries have lines as well, and would shift the numbers.
    if !before.problems.is_empty() || ranges.len() != before.entries.len() {
        return Err(layout());
    }
    let text = wanted.entries[at].entry.text_mut(language).ok_or_else(not_there)?;
    text.review = signed.review;
    text.reviewed.clone_from(&signed.reviewed);
    text.published.clone_from(&signed.published);
    text.translated_from.clone_from(&signed.translated_from);
    let text = text.clone();
    let edited = replaced(yaml, &ranges[at], language, &text).ok_or_else(layout)?;
    let after = Collection::parse(file, &edited);
    if after.problems.is_empty() && after.same_content(&wanted) { Ok(edited) } else { Err(layout()) }
}

/// The file with one entry replaced, added at the end where the file has none of this id, or removed (`None`); every other line
/// stays as it is. Comments inside of the replaced entry are lost.
///
/// # Errors
/// [`EditError`]; also where reading the changed file would give anything but exactly this change.
pub fn put(file: &str, yaml: &str, id: &EntryId, entry: Option<&Entry>) -> Result<String, EditError> {
    let not_there = || EditError::NotThere { file: file.to_owned(), entry: id.clone() };
    let layout = || EditError::Layout { file: file.to_owned(), entry: id.clone() };
    let before = Collection::parse(file, yaml);
    let ranges = entry_lines(yaml);
    if !before.problems.is_empty() || ranges.len() != before.entries.len() {
        return Err(layout());
    }
    let mut wanted = before.clone();
    let at = before.entries.iter().position(|sourced| sourced.entry.id == *id);
    let lines: Vec<&str> = yaml.lines().collect();
    let place = match at {
        Some(at) => ranges[at].clone(),
        // Behind the last one; what stands below the list stays below it.
        None if entry.is_some() => ranges.last().map(|last| last.end..last.end).ok_or_else(layout)?,
        None => return Err(not_there()),
    };
    match (at, entry) {
        (Some(at), Some(entry)) => wanted.entries[at].entry = entry.clone(),
        (Some(at), None) => drop(wanted.entries.remove(at)),
        (None, Some(entry)) => wanted.entries.push(Sourced { file: file.to_owned(), entry: entry.clone() }),
        (None, None) => {}
    }
    let depth = ranges.first().and_then(|first| indent(lines[first.start])).unwrap_or_default();
    let pad = " ".repeat(depth);
    let written = entry.map(|entry| serde_yaml_ng::to_string(&[entry])).transpose().map_err(|_| layout())?;
    let own = written.as_deref().unwrap_or_default().lines();
    // Blank lines inside of a block of text need no spaces before them.
    let own = own.map(|line| if line.is_empty() { String::new() } else { format!("{pad}{line}") });
    let mut out: Vec<String> = lines[..place.start].iter().map(|line| (*line).to_owned()).collect();
    out.extend(own);
    out.extend(lines[place.end..].iter().map(|line| (*line).to_owned()));
    let edited = ended_like(yaml, &out);
    let after = Collection::parse(file, &edited);
    if after.problems.is_empty() && after.same_content(&wanted) { Ok(edited) } else { Err(layout()) }
}

/// Lines as a file that ends its lines like another one.
fn ended_like(yaml: &str, lines: &[String]) -> String {
    let ending = if yaml.contains("\r\n") { "\r\n" } else { "\n" };
    let mut text = lines.join(ending);
    if yaml.ends_with('\n') {
        text.push_str(ending);
    }
    text
}

fn replaced(yaml: &str, entry: &Range<usize>, language: Language, text: &Text) -> Option<String> {
    let lines: Vec<&str> = yaml.lines().collect();
    let depth = key_depth(lines.get(entry.start)?);
    let head = entry.clone().find(|n| key_at(lines[*n], depth) == Some(language.code()))?;
    let end =
        (head + 1..entry.end).find(|n| indent(lines[*n]).is_some_and(|d| d <= depth)).unwrap_or(entry.end);
    let inner = (head + 1..end).find_map(|n| indent(lines[n])).filter(|inner| *inner > depth)?;
    let mut out: Vec<String> = lines[..=head].iter().map(|line| (*line).to_owned()).collect();
    let (mut skipping, mut remark) = (false, "");
    for line in &lines[head + 1..end] {
        if indent(line).is_some_and(|d| d <= inner) {
            let key = key_at(line, inner);
            skipping = key.is_some_and(|key| SIGNATURE_KEYS.contains(&key));
            if key == Some("review") {
                remark = line.find(" #").map_or("", |at| &line[line[..at].trim_end().len()..]);
            }
        }
        if !skipping || indent(line).is_none() {
            out.push((*line).to_owned());
        }
    }
    // Blank lines and comments at the end belong to what comes after.
    let tail = out.iter().rev().take_while(|line| indent(line).is_none()).count();
    let at = out.len() - tail;
    let pad = " ".repeat(inner);
    out.splice(at..at, signature_lines(text, remark).into_iter().map(|line| format!("{pad}{line}")));
    out.extend(lines[end..].iter().map(|line| (*line).to_owned()));
    Some(ended_like(yaml, &out))
}

const SIGNATURE_KEYS: [&str; 4] = ["review", "translated_from", "reviewed", "published"];

/// `remark` is what a person wrote behind the review state.
fn signature_lines(text: &Text, remark: &str) -> Vec<String> {
    let quoted = |text: &str| serde_json::to_string(text).unwrap_or_default();
    let mut lines = vec![format!("review: {}{remark}", review_name(text.review))];
    lines.extend(
        text.translated_from.as_ref().map(|revision| format!("translated_from: {}", quoted(&revision.0))),
    );
    let signature = |step: &str, signature: &Option<Signature>| {
        signature.as_ref().map(|s| {
            format!("{step}: {{ by: {}, on: {}, revision: {} }}", quoted(&s.by), s.on, quoted(&s.revision.0))
        })
    };
    lines.extend(signature("reviewed", &text.reviewed));
    lines.extend(signature("published", &text.published));
    lines
}

/// The name of a review state in files.
pub(crate) fn review_name(review: Review) -> &'static str {
    match review {
        Review::Draft => "draft",
        Review::AwaitingNativeReviewer => "awaiting-native-reviewer",
        Review::Sample => "sample",
        Review::Reviewed => "reviewed",
        Review::Published => "published",
        Review::Approved => "approved",
    }
}
