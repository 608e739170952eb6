//! Tables of entries and labelled questions: tab-separated text, with or without a header row.
//!
//! Lines before the header that begin with `#` are comments. Reading never stops at a bad row: what reads is kept, and everything else is reported with its line and the reason.

use std::fmt;

use kb::EntryId;
use language::Language;
use serde::Serialize;

use super::{Labelled, written_language};

/// What a table holds, and in which order its columns stand where it has no header row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `faq_id standard_question`.
    Entries,
    /// `query faq_id`, or `language entry question`; the entry `none` is a question outside.
    Queries,
    /// `query`, or `language kind question`.
    Outside,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its line in the file, the first being 1.
    pub line: usize,
    /// The question.
    pub text: String,
    /// The language; by its script where the table does not say.
    pub language: Language,
    /// Ids of the entries; several may be right.
    pub entries: Vec<String>,
    /// The kind of a question outside; empty where the table does not say.
    pub kind: String,
}

impl Row {
    /// The row as a labelled question.
    pub fn labelled(self) -> Labelled {
        let kind =
            if self.entries.is_empty() && self.kind.is_empty() { "none".to_owned() } else { self.kind };
        let mut labelled = Labelled::inside(&self.text, self.language, self.entries.into_iter().map(EntryId));
        labelled.kind = kind;
        labelled
    }
}

/// A row that was left out, or is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowProblem {
    /// The file's name.
    pub file: String,
    /// Its line, the first being 1.
    pub line: usize,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for RowProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}: {}", self.file, self.line, self.reason)
    }
}

/// A table as read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Rows that read, in file order.
    pub rows: Vec<Row>,
    /// Rows that do not.
    pub problems: Vec<RowProblem>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Id,
    Text,
    Language,
    Kind,
    Other,
}

fn column(header: &str) -> Option<Column> {
    Some(match header.trim().to_ascii_lowercase().as_str() {
        "faq_id" | "id" | "entry" | "entry_id" | "label" => Column::Id,
        "query" | "question" | "standard_question" | "text" => Column::Text,
        "language" | "lang" => Column::Language,
        "kind" | "type" => Column::Kind,
        "split" | "note" | "source" | "weight" | "count" => Column::Other,
        _ => return None,
    })
}

/// Longer cells are no questions: no question of a real set comes near, and a whole file in one cell is a mistake.
/// Characters.
const LONGEST: usize = 20_000;

/// Reads a table; `file` is its name in problems.
pub fn read_table(file: &str, bytes: &[u8], layout: Layout) -> Table {
    let mut table = Table::default();
    let bytes = bytes.strip_prefix("\u{FEFF}".as_bytes()).unwrap_or(bytes);
    let mut columns: Option<Vec<Column>> = None;
    for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let problem = |reason: String| RowProblem { file: file.to_owned(), line: number + 1, reason };
        let Ok(line) = std::str::from_utf8(line) else {
            table.problems.push(problem("is not UTF-8".to_owned()));
            continue;
        };
        let line = line.strip_suffix('\r').unwrap_or(line);
        // Below the first row a question may well begin with such a sign.
        let comment = columns.is_none() && line.starts_with('#');
        if comment || line.trim().is_empty() {
            continue;
        }
        let cells: Vec<&str> = line.split('\t').collect();
        let Some(known) = &columns else {
            let header: Option<Vec<Column>> = cells.iter().map(|cell| column(cell)).collect();
            let header = header.filter(|columns| columns.contains(&Column::Text));
            columns = Some(header.clone().unwrap_or_else(|| without_header(layout, &cells)));
            if header.is_none() {
                match read_row(number + 1, &cells, columns.as_deref().unwrap_or_default(), layout) {
                    Ok(row) => table.rows.push(row),
                    Err(reason) => table.problems.push(problem(reason)),
                }
            }
            continue;
        };
        match read_row(number + 1, &cells, known, layout) {
            Ok(row) => table.rows.push(row),
            Err(reason) => table.problems.push(problem(reason)),
        }
    }
    table
}

fn without_header(layout: Layout, cells: &[&str]) -> Vec<Column> {
    let says_language = cells.len() >= 3 && cells[0].trim().parse::<Language>().is_ok();
    match layout {
        Layout::Entries => vec![Column::Id, Column::Text],
        Layout::Queries if says_language => vec![Column::Language, Column::Id, Column::Text],
        Layout::Queries => vec![Column::Text, Column::Id],
        Layout::Outside if says_language => vec![Column::Language, Column::Kind, Column::Text],
        Layout::Outside => vec![Column::Text],
    }
}

fn read_row(line: usize, cells: &[&str], columns: &[Column], layout: Layout) -> Result<Row, String> {
    let cell = |wanted: Column| {
        let at = columns.iter().position(|column| *column == wanted)?;
        cells.get(at).map(|cell| cell.trim())
    };
    let text = cell(Column::Text).unwrap_or_default();
    if text.is_empty() {
        return Err("has no question".to_owned());
    }
    if text.chars().count() > LONGEST {
        return Err(format!("the question is longer than {LONGEST} characters"));
    }
    let language = match cell(Column::Language).filter(|code| !code.is_empty()) {
        Some(code) => code.parse::<Language>().map_err(|error| error.to_string())?,
        None => written_language(text).unwrap_or(Language::Zh),
    };
    let ids = cell(Column::Id).unwrap_or_default();
    let entries: Vec<String> = match layout {
        Layout::Outside => Vec::new(),
        Layout::Entries if !ids.is_empty() => vec![ids.to_owned()],
        Layout::Queries if !ids.is_empty() => {
            let ids = ids.split(['|', ',']).map(str::trim);
            ids.filter(|id| !id.is_empty() && *id != "none").map(str::to_owned).collect()
        }
        Layout::Entries | Layout::Queries => return Err("names no entry".to_owned()),
    };
    let kind = cell(Column::Kind).filter(|_| entries.is_empty()).unwrap_or_default().to_owned();
    Ok(Row { line, text: text.to_owned(), language, entries, kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, layout: Layout) -> Table {
        read_table("t.tsv", text.as_bytes(), layout)
    }

    #[test]
    fn tables_read_with_and_without_a_header_and_in_any_order_of_columns() {
        let with = read("\u{FEFF}query\tfaq_id\r\n怎么办身份证\ta_1\r\n", Layout::Queries);
        let without = read("怎么办身份证\ta_1\n", Layout::Queries);
        let turned = read("faq_id\tquery\na_1\t怎么办身份证\n", Layout::Queries);
        let ours = read(
            "# Tibetan awaits a native reviewer.\nlanguage\tentry\tquestion\nbo\tid-card\tཐོབ་ཐང་ལག་ཁྱེར་身份证\n",
            Layout::Queries,
        );
        for table in [&with, &without, &turned] {
            assert_eq!(table.problems, []);
            assert_eq!(
                (table.rows[0].text.as_str(), &table.rows[0].entries),
                ("怎么办身份证", &vec!["a_1".to_owned()])
            );
            assert_eq!(table.rows[0].language, Language::Zh);
        }
        assert_eq!(without.rows[0].line, 1);
        assert_eq!((ours.rows[0].language, ours.rows[0].entries[0].as_str()), (Language::Bo, "id-card"));
        let unheaded = read("bo\tid-card\tཐོབ་ཐང་ལག་ཁྱེར\n", Layout::Queries);
        assert_eq!(unheaded.rows[0].entries, ["id-card"]);
    }

    #[test]
    fn several_right_entries_and_none_are_understood() {
        let table = read("query\tfaq_id\n问\ta|b\n问题\ta, b\n天气\tnone\n", Layout::Queries);
        assert_eq!(table.rows[0].entries, ["a", "b"]);
        assert_eq!(table.rows[1].entries, ["a", "b"]);
        let outside = table.rows[2].clone().labelled();
        assert!(outside.expected.is_empty() && outside.kind == "none");
        let kinds = read("language\tkind\tquestion\nzh\tnear\t怎么开银行账户\n", Layout::Outside);
        assert_eq!(kinds.rows[0].kind, "near");
        assert_eq!(read("query\n天气\n", Layout::Outside).rows.len(), 1);
        assert_eq!(read("བོད་ཡིག\n", Layout::Outside).rows[0].language, Language::Bo);
    }

    #[test]
    fn bad_rows_are_told_with_line_and_reason_and_the_rest_is_kept() {
        let mut bytes = "query\tfaq_id\n好\ta\n\n只有问题\n\tb\n".as_bytes().to_vec();
        bytes.extend_from_slice(b"\xff\xfe\tb\n");
        bytes.extend_from_slice("再见\tb\n".as_bytes());
        let table = read_table("q.tsv", &bytes, Layout::Queries);
        assert_eq!(table.rows.len(), 2);
        let told: Vec<String> = table.problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "q.tsv, line 4: names no entry",
                "q.tsv, line 5: has no question",
                "q.tsv, line 6: is not UTF-8"
            ]
        );
        let odd = read("language\tentry\tquestion\nen\tx\thello\n", Layout::Queries);
        assert!(odd.rows.is_empty() && odd.problems[0].reason.contains("en"));
    }
}
