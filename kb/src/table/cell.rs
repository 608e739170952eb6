//! What stands in a cell of a table: everything that a text can hold, and still readable and typable in a spreadsheet.
//!
//! White space around a cell is no part of it. `|` parts the items of a list. A backslash takes away the meaning of the
//! character after it, and makes the invisible writable: `\n` line end, `\r`, `\t`, `\s` space, `\e` nothing (a text that is
//! there and empty), `\0` the list that is there and has no items, `\u{2029}` any character. Line ends inside a text may
//! also be typed as they are. An exported cell never begins with `=`, `+`, `-` or `@`, which a spreadsheet would take for
//! the beginning of a formula.

use std::fmt::Write as _;

const BLANK: [char; 4] = [' ', '\t', '\r', '\n'];

/// The list that is there and empty.
const NO_ITEMS: &str = "\\0";

/// A text as a cell; a text that is there and empty as `\e`.
pub(super) fn from_text(text: &str) -> String {
    escape(text, false)
}

/// A list as a cell.
pub(super) fn from_list(items: &[String]) -> String {
    items.iter().map(|item| escape(item, true)).collect::<Vec<_>>().join("|")
}

/// A list that may be absent as a cell.
pub(super) fn from_optional_list(items: Option<&Vec<String>>) -> String {
    match items {
        None => String::new(),
        Some(items) if items.is_empty() => NO_ITEMS.to_owned(),
        Some(items) => from_list(items),
    }
}

fn escape(text: &str, list: bool) -> String {
    if text.is_empty() {
        return "\\e".to_owned();
    }
    let inner = text.trim_matches(BLANK);
    let start = text.find(inner).unwrap_or(0);
    let end = start + inner.len();
    let mut cell = String::with_capacity(text.len() + 4);
    for (at, c) in text.char_indices() {
        let around = at < start || at >= end;
        match c {
            '\\' => cell.push_str("\\\\"),
            '|' if list => cell.push_str("\\|"),
            ' ' if around => cell.push_str("\\s"),
            '\t' if around => cell.push_str("\\t"),
            '\n' if around => cell.push_str("\\n"),
            '\r' => cell.push_str("\\r"),
            '=' | '+' | '-' | '@' if at == 0 => cell.extend(['\\', c]),
            // A workbook writes characters that XML cannot hold as `_x0001_`, and would read this as one.
            '_' if text[at..].starts_with("_x") => cell.push_str("\\u{5f}"),
            '\n' | '\t' => cell.push(c),
            c if c.is_control() || matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}') => {
                // Writing to a string cannot fail.
                let _ = write!(cell, "\\u{{{:x}}}", u32::from(c));
            }
            c => cell.push(c),
        }
    }
    cell
}

/// The text of a cell; `None` where the cell is blank.
pub(super) fn text(cell: &str) -> Option<String> {
    let cell = trim(cell);
    (!cell.is_empty()).then(|| unescape(cell))
}

/// The items of a cell; blank items are left out.
pub(super) fn list(cell: &str) -> Vec<String> {
    if trim(cell) == NO_ITEMS {
        return Vec::new();
    }
    let mut items = vec![String::new()];
    let mut escaped = false;
    for c in cell.chars() {
        match (c, items.last_mut()) {
            ('|', _) if !escaped => items.push(String::new()),
            (c, Some(item)) => item.push(c),
            _ => {}
        }
        escaped = c == '\\' && !escaped;
    }
    items.iter().filter_map(|item| text(item)).collect()
}

/// The items of a cell; `None` where the cell is blank.
pub(super) fn optional_list(cell: &str) -> Option<Vec<String>> {
    (!trim(cell).is_empty()).then(|| list(cell))
}

/// White space at the end belongs to the cell where a backslash stands before it.
fn trim(cell: &str) -> &str {
    cell.trim_matches(BLANK)
}

fn unescape(cell: &str) -> String {
    let mut out = String::with_capacity(cell.len());
    let mut rest = cell;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(c) = rest.chars().next() else {
            out.push('\\');
            break;
        };
        if let Some((read, length)) = (c == 'u').then(|| code_point(rest)).flatten() {
            out.push(read);
            rest = &rest[length..];
            continue;
        }
        match c {
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            's' => out.push(' '),
            'e' => {}
            '\\' | '|' | '=' | '+' | '-' | '@' => out.push(c),
            // Somebody typed a backslash and meant it.
            c => out.extend(['\\', c]),
        }
        rest = &rest[c.len_utf8()..];
    }
    out.push_str(rest);
    out
}

/// `u{…}` at the beginning of a text: the character, and how many bytes it took to write it.
fn code_point(text: &str) -> Option<(char, usize)> {
    let inner = text.strip_prefix("u{")?;
    let end = inner.find('}')?;
    let c = u32::from_str_radix(&inner[..end], 16).ok().and_then(char::from_u32)?;
    Some((c, end + 3))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_people_type_is_read_as_they_mean_it() {
        assert_eq!(list(" 交医保 | བཅོས་འགན།|| a\\|b "), ["交医保", "བཅོས་འགན།", "a|b"]);
        assert_eq!(text(" 第一行\n第二行 \n").as_deref(), Some("第一行\n第二行"));
        assert_eq!(text("  \n"), None);
        assert_eq!(text("C:\\文件").as_deref(), Some("C:\\文件"));
        assert_eq!(text("\\").as_deref(), Some("\\"));
        assert_eq!(text("\\u{zz}\\u").as_deref(), Some("\\u{zz}\\u"));
    }

    #[test]
    fn no_exported_cell_is_taken_for_a_formula() {
        for text in ["=1+1", "+86", "-", "@x", "\u{0}="] {
            assert!(!from_text(text).starts_with(['=', '+', '-', '@']), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_text_and_every_list_comes_back(items in prop::collection::vec(any::<String>(), 0..4)) {
            for item in &items {
                prop_assert_eq!(text(&from_text(item)), Some(item.clone()));
            }
            prop_assert_eq!(&list(&from_list(&items)), &items);
            prop_assert_eq!(optional_list(&from_optional_list(Some(&items))), Some(items));
        }

        #[test]
        fn awkward_characters_come_back(text in "[ \\\\|=\n\r\t_x+@ནe་药0\u{b}\u{85}\u{feff}-]{0,12}") {
            prop_assert_eq!(super::text(&from_text(&text)), Some(text.clone()));
            let items = vec![text.clone(), String::new(), text];
            prop_assert_eq!(list(&from_list(&items)), items);
        }
    }
}
