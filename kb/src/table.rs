//! Reading a FAQ from a spreadsheet saved as text: one entry a row, tabs or commas between the columns.
//!
//! The first row names the columns: `id`, `topic`, `zh_question`, `bo_question`, `zh_variants`, `bo_variants`
//! (separated by `|`), `zh_spoken`, `bo_spoken`, `zh_written`, `bo_written`, `escalate`. `id` and one question are
//! required; a missing spoken answer is taken from the written one and the other way round. Quoting follows RFC 4180.

use std::collections::HashMap;

use crate::collection::Sourced;
use crate::{Collection, Entry, EntryId, Problem, Severity, Text};

const COLUMNS: [&str; 11] = [
    "id",
    "topic",
    "zh_question",
    "bo_question",
    "zh_variants",
    "bo_variants",
    "zh_spoken",
    "bo_spoken",
    "zh_written",
    "bo_written",
    "escalate",
];

impl Collection {
    /// Reads a table with a header row. `file` is its name in problems; the separator is a tab where the header row
    /// has one, else a comma. Rows that cannot be read become [`Collection::problems`]. Texts come in as
    /// [`Review::Draft`].
    pub fn parse_table(file: &str, table: &str) -> Self {
        let table = table.strip_prefix('\u{feff}').unwrap_or(table);
        let separator =
            if table.lines().next().is_some_and(|header| header.contains('\t')) { '\t' } else { ',' };
        let mut rows = rows(table, separator).into_iter();
        let mut collection = Self::default();
        let mut problem = |row: usize, field: &str, message: String| {
            collection.problems.push(Problem {
                severity: Severity::Error,
                file: file.to_owned(),
                entry: Some(EntryId(format!("#{row}"))),
                field: field.to_owned(),
                message,
            });
        };
        let header: Vec<String> =
            rows.next().unwrap_or_default().iter().map(|name| name.trim().to_lowercase()).collect();
        for name in header.iter().filter(|name| !COLUMNS.contains(&name.as_str())) {
            problem(
                0,
                name,
                format!("is not a column of a FAQ table; the columns are {}", COLUMNS.join(", ")),
            );
        }
        let mut entries = Vec::new();
        for (index, cells) in rows.enumerate() {
            if cells.iter().all(|cell| cell.trim().is_empty()) {
                continue;
            }
            if cells.len() > header.len() {
                problem(index + 1, "", format!("has {} cells, the header has {}", cells.len(), header.len()));
                continue;
            }
            let row: HashMap<&str, &str> =
                header.iter().map(String::as_str).zip(cells.iter().map(|cell| cell.trim())).collect();
            match entry(&row) {
                Ok(entry) => entries.push(Sourced { file: file.to_owned(), entry }),
                Err((field, message)) => problem(index + 1, field, message),
            }
        }
        collection.entries = entries;
        collection
    }
}

fn entry(row: &HashMap<&str, &str>) -> Result<Entry, (&'static str, String)> {
    let cell = |name: &str| row.get(name).copied().unwrap_or_default();
    if cell("id").is_empty() {
        return Err(("id", "is missing".to_owned()));
    }
    let text = |prefix: &str| {
        let get = |field: &str| cell(&format!("{prefix}_{field}")).to_owned();
        let question = get("question");
        let either = |a: String, b: String| if a.is_empty() { b } else { a };
        (!question.is_empty()).then(|| Text {
            question,
            variants: get("variants")
                .split('|')
                .map(str::trim)
                .filter(|v| !v.is_empty())
                .map(str::to_owned)
                .collect(),
            spoken: either(get("spoken"), get("written")),
            written: either(get("written"), get("spoken")),
            ..Text::default()
        })
    };
    let (zh, bo) = (text("zh"), text("bo"));
    if zh.is_none() && bo.is_none() {
        return Err(("zh_question", "there is a question in neither language".to_owned()));
    }
    let escalate = match cell("escalate").to_lowercase().as_str() {
        "" | "0" | "no" | "false" | "否" => false,
        "1" | "yes" | "true" | "是" => true,
        other => return Err(("escalate", format!("{other:?} is neither yes nor no"))),
    };
    let topic = if cell("topic").is_empty() { "imported" } else { cell("topic") };
    Ok(Entry {
        id: EntryId(cell("id").to_owned()),
        topic: topic.to_owned(),
        escalate,
        zh,
        bo,
        ..Entry::default()
    })
}

/// Splits a table into cells. A quoted cell may hold separators, line ends and doubled quotes (RFC 4180).
fn rows(table: &str, separator: char) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let (mut row, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut characters = table.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if cell.is_empty() => quoted = true,
            '\r' if !quoted && characters.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            c if c == separator && !quoted => row.push(std::mem::take(&mut cell)),
            c => cell.push(c),
        }
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use language::Language;

    #[test]
    fn a_table_with_quoted_cells_and_both_languages_becomes_entries() {
        let table = "id,topic,zh_question,bo_question,zh_variants,zh_written,escalate\r\n\
                     a-1,health,\"医保, 怎么交？\",མིའི་འགན་བཅོལ་གང་འདྲ་སྤྲོད་དགོས་རེད།,交医保|\"\"医保\"\"费,\"两行\n答案\",是\r\n";
        let collection = Collection::parse_table("faq.csv", table);
        assert_eq!(collection.problems, []);
        let entry = &collection.entries[0].entry;
        assert_eq!(entry.id.0, "a-1");
        assert!(entry.escalate);
        let zh = entry.text(Language::Zh).unwrap();
        assert_eq!(zh.question, "医保, 怎么交？");
        assert_eq!(zh.variants, ["交医保", "\"\"医保\"\"费"]);
        assert_eq!((zh.spoken.as_str(), zh.written.as_str()), ("两行\n答案", "两行\n答案"));
        assert_eq!(entry.text(Language::Bo).unwrap().question, "མིའི་འགན་བཅོལ་གང་འདྲ་སྤྲོད་དགོས་རེད།");
    }

    #[test]
    fn rows_that_cannot_be_read_are_named_and_the_others_kept() {
        let table = "id\tzh_question\tcolour\n\t没有编号\t\nb\t\t\nc\t有编号\t\nd\t太多\t\tx\n";
        let collection = Collection::parse_table("faq.tsv", table);
        assert_eq!(collection.entries.len(), 1);
        let named: Vec<(String, String)> =
            collection.problems.iter().map(|p| (p.entry.clone().unwrap().0, p.field.clone())).collect();
        let expected = [("#0", "colour"), ("#1", "id"), ("#2", "zh_question"), ("#4", "")];
        assert_eq!(named, expected.map(|(row, field)| (row.to_owned(), field.to_owned())));
    }
}
