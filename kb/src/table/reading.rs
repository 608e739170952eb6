//! From rows to a collection.

use std::collections::HashMap;

use language::Language;

use super::{COLUMNS, Grid, cell, kind, text, workbook};
use crate::{
    AnswerText, AnswerVariant, Collection, Date, Entry, EntryId, Expected, Kind, Link, Localized, Position,
    Problem, Review, Revision, Signature, Sourced, Text,
};

impl Collection {
    /// Reads a table from text with a header row. `file` is its name in problems; the separator is a tab where the header
    /// row has one, else a comma. Rows that cannot be read become [`Collection::problems`].
    ///
    /// `id` and one question are required. A missing spoken answer is taken from the written one and the other way round;
    /// texts without a review state are drafts.
    pub fn parse_table(file: &str, table: &[u8]) -> Self {
        Self::from_grid(file, text::read(file, table))
    }

    /// Reads the first sheet of an Excel workbook, like [`Self::parse_table`].
    pub fn parse_workbook(file: &str, workbook: &[u8]) -> Self {
        Self::from_grid(file, workbook::read(file, workbook))
    }

    fn from_grid(file: &str, grid: Result<Grid, Box<Problem>>) -> Self {
        let mut collection = Self::default();
        let grid = match grid {
            Ok(grid) => grid,
            Err(problem) => {
                collection.problems.push(*problem);
                return collection;
            }
        };
        let columns = columns(file, &grid.header, &mut collection.problems);
        for (line, cells) in &grid.rows {
            if cells.iter().all(|cell| cell.trim().is_empty()) {
                continue;
            }
            let mut row = Row { columns: &columns, cells, file, line: *line, problems: Vec::new() };
            if cells.len() > grid.header.len() {
                row.problem("", format!("has {} cells, the header has {}", cells.len(), grid.header.len()));
            }
            collection.take(&mut row);
            collection.problems.append(&mut row.problems);
        }
        collection
    }

    /// Adds what a row says, unless it has problems.
    fn take(&mut self, row: &mut Row<'_>) {
        let particular = !row.raw("region").is_empty() || !row.raw("group").is_empty();
        match row.raw("kind").trim() {
            kind::BASE => self.take_base(row),
            kind::ANSWER => self.take_answer(row),
            "" if particular => self.take_answer(row),
            "" | kind::ENTRY => {
                if particular {
                    row.problem("kind", "an entry has no place and no group; an answer has".to_owned());
                }
                let entry = entry(row);
                if row.problems.is_empty() {
                    self.lines.insert((row.file.to_owned(), entry.id.clone()), row.line);
                    self.entries.push(Sourced { file: row.file.to_owned(), entry });
                }
            }
            other => {
                let kinds = [kind::ENTRY, kind::ANSWER, kind::BASE].join(", ");
                row.problem("kind", format!("“{other}” is no kind of row; there are {kinds}"));
            }
        }
    }

    fn take_base(&mut self, row: &mut Row<'_>) {
        self.name = row.text("name").unwrap_or_default();
        let (zh, bo) = (row.text("notice_zh"), row.text("notice_bo"));
        self.notice = Localized { zh: zh.unwrap_or_default(), bo: bo.unwrap_or_default() };
        self.tibetan_review = row.review("tibetan_review");
    }

    fn take_answer(&mut self, row: &mut Row<'_>) {
        let id = EntryId(row.text("id").unwrap_or_default());
        let answer = AnswerVariant {
            region: row.text("region"),
            group: row.text("group"),
            office: office(row),
            zh: answer_text(row, Language::Zh),
            bo: answer_text(row, Language::Bo),
        };
        match self.entries.iter_mut().rev().find(|sourced| sourced.entry.id == id) {
            None => row.problem("id", format!("there is no entry {id} above this answer")),
            Some(sourced) if row.problems.is_empty() => sourced.entry.answers.push(answer),
            Some(_) => {}
        }
    }
}

/// The place of every known column. Unknown and repeated ones become problems.
fn columns(file: &str, header: &[String], problems: &mut Vec<Problem>) -> HashMap<&'static str, usize> {
    let mut columns = HashMap::new();
    for (at, name) in header.iter().enumerate() {
        let name = name.trim().to_lowercase();
        let message = match COLUMNS.iter().find(|column| **column == name) {
            Some(column) if columns.insert(*column, at).is_none() => continue,
            Some(_) => "is there twice".to_owned(),
            None => format!("is not a column of a FAQ table; the columns are {}", COLUMNS.join(", ")),
        };
        problems.push(Problem {
            kind: Kind::Unreadable,
            file: file.to_owned(),
            position: Some(Position { line: 1, column: Some(at as u32 + 1) }),
            field: name,
            message,
            ..Problem::default()
        });
    }
    columns
}

struct Row<'a> {
    columns: &'a HashMap<&'static str, usize>,
    cells: &'a [String],
    file: &'a str,
    line: u32,
    problems: Vec<Problem>,
}

impl Row<'_> {
    fn problem(&mut self, column: &str, message: String) {
        let id = cell::text(self.raw("id")).unwrap_or_else(|| format!("#{}", self.line));
        self.problems.push(Problem {
            kind: Kind::Unreadable,
            file: self.file.to_owned(),
            position: Some(Position {
                line: self.line,
                column: self.columns.get(column).map(|at| *at as u32 + 1),
            }),
            entry: Some(EntryId(id)),
            field: column.to_owned(),
            message,
            ..Problem::default()
        });
    }

    fn raw(&self, column: &str) -> &str {
        self.columns.get(column).and_then(|at| self.cells.get(*at)).map_or("", String::as_str)
    }

    fn text(&self, column: &str) -> Option<String> {
        cell::text(self.raw(column))
    }

    fn list(&self, column: &str) -> Vec<String> {
        cell::list(self.raw(column))
    }

    fn flag(&mut self, column: &str) -> bool {
        match self.raw(column).trim().to_lowercase().as_str() {
            "" | "0" | "no" | "false" | "否" => false,
            "1" | "yes" | "true" | "是" => true,
            other => {
                self.problem(column, format!("“{other}” is neither yes nor no"));
                false
            }
        }
    }

    fn date(&mut self, column: &str) -> Option<Date> {
        match self.text(column)?.parse() {
            Ok(date) => Some(date),
            Err(error) => {
                self.problem(column, error.to_string());
                None
            }
        }
    }

    fn expected(&mut self) -> Option<Expected> {
        match self.text("expected")?.parse() {
            Ok(weight) => Some(weight),
            Err(error) => {
                self.problem("expected", error.to_string());
                None
            }
        }
    }

    fn review(&mut self, column: &str) -> Review {
        let Some(name) = self.text(column) else { return Review::default() };
        serde_json::from_value(serde_json::Value::String(name)).unwrap_or_else(|error| {
            self.problem(column, error.to_string());
            Review::default()
        })
    }

    fn signature(&mut self, step: &str) -> Option<Signature> {
        let [by, on, revision] = ["by", "on", "revision"].map(|part| format!("{step}_{part}"));
        let parts = (self.text(&by), self.date(&on), self.text(&revision));
        match parts {
            (Some(by), Some(on), Some(revision)) => Some(Signature { by, on, revision: Revision(revision) }),
            (None, None, None) => None,
            _ => {
                self.problem(&by, format!("a signature has all of {by}, {on} and {revision}, or none"));
                None
            }
        }
    }
}

fn entry(row: &mut Row<'_>) -> Entry {
    let id = row.text("id").unwrap_or_else(|| {
        row.problem("id", "is missing".to_owned());
        String::new()
    });
    let [zh, bo] = [Language::Zh, Language::Bo].map(|language| text_of(row, language));
    if zh.is_none() && bo.is_none() && row.problems.is_empty() {
        row.problem("zh_question", "there is a question in neither language".to_owned());
    }
    Entry {
        id: EntryId(id),
        topic: row.text("topic").unwrap_or_else(|| "imported".to_owned()),
        sample: row.flag("sample"),
        escalate: row.flag("escalate"),
        zh,
        bo,
        links: links(row),
        office: office(row),
        valid_from: row.date("valid_from"),
        valid_until: row.date("valid_until"),
        expected: row.expected(),
        answers: Vec::new(),
    }
}

fn text_of(row: &mut Row<'_>, language: Language) -> Option<Text> {
    let column = |field: &str| format!("{language}_{field}");
    let Some(question) = row.text(&column("question")) else {
        let rest = ["variants", "keywords", "spoken", "written", "steps", "documents"].map(column);
        if let Some(orphan) = rest.iter().find(|column| !row.raw(column).trim().is_empty()) {
            row.problem(&column("question"), format!("is missing, and {orphan} is there"));
        }
        return None;
    };
    let (spoken, written) = (row.text(&column("spoken")), row.text(&column("written")));
    Some(Text {
        question,
        variants: row.list(&column("variants")),
        keywords: row.list(&column("keywords")),
        spoken: spoken.clone().or_else(|| written.clone()).unwrap_or_default(),
        written: written.or(spoken).unwrap_or_default(),
        steps: row.list(&column("steps")),
        documents: row.list(&column("documents")),
        review: row.review(&column("review")),
        updated: row.date(&column("updated")),
        translated_from: row.text(&column("translated_from")).map(Revision),
        reviewed: row.signature(&column("reviewed")),
        published: row.signature(&column("published")),
    })
}

fn answer_text(row: &Row<'_>, language: Language) -> AnswerText {
    let column = |field: &str| format!("{language}_{field}");
    AnswerText {
        spoken: row.text(&column("spoken")),
        written: row.text(&column("written")),
        steps: cell::optional_list(row.raw(&column("steps"))),
        documents: cell::optional_list(row.raw(&column("documents"))),
    }
}

fn office(row: &Row<'_>) -> Option<Localized> {
    let (zh, bo) = (row.text("office_zh"), row.text("office_bo"));
    (zh.is_some() || bo.is_some())
        .then(|| Localized { zh: zh.unwrap_or_default(), bo: bo.unwrap_or_default() })
}

fn links(row: &mut Row<'_>) -> Vec<Link> {
    let [urls, zh, bo] = ["link_urls", "link_labels_zh", "link_labels_bo"].map(|column| row.list(column));
    for (column, labels) in [("link_labels_zh", &zh), ("link_labels_bo", &bo)] {
        if !labels.is_empty() && labels.len() != urls.len() {
            let message =
                format!("{} labels for {} links; write \\e for a missing one", labels.len(), urls.len());
            row.problem(column, message);
        }
    }
    let at = |labels: &[String], number: usize| labels.get(number).cloned().unwrap_or_default();
    let link = |(n, url)| Link { label: Localized { zh: at(&zh, n), bo: at(&bo, n) }, url };
    urls.into_iter().enumerate().map(link).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_with_quoted_cells_and_both_languages_becomes_entries() {
        let table = "id,topic,zh_question,bo_question,zh_variants,zh_written,escalate\r\n\
                     a-1,health,\"医保, 怎么交？\",མིའི་འགན་བཅོལ་གང་འདྲ་སྤྲོད་དགོས་རེད།,\"交医保|\"\"医保\"\"费\",\"两行\n答案\",是\r\n";
        let collection = Collection::parse_table("faq.csv", table.as_bytes());
        assert_eq!(collection.problems, []);
        let entry = &collection.entries[0].entry;
        assert_eq!(entry.id.0, "a-1");
        assert!(entry.escalate);
        let zh = entry.text(Language::Zh).unwrap();
        assert_eq!(zh.question, "医保, 怎么交？");
        assert_eq!(zh.variants, ["交医保", "\"医保\"费"]);
        assert_eq!((zh.spoken.as_str(), zh.written.as_str()), ("两行\n答案", "两行\n答案"));
        assert_eq!(entry.text(Language::Bo).unwrap().question, "མིའི་འགན་བཅོལ་གང་འདྲ་སྤྲོད་དགོས་རེད།");
    }

    #[test]
    fn every_row_that_cannot_be_read_is_named_with_line_column_and_reason() {
        let table = "id\tzh_question\tcolour\tvalid_from\tregion\tescalate\n\
                     \t没有编号\t\t\t\t\n\
                     b\t\t\t\t\t\n\
                     c\t有编号\t\t\t\t\n\
                     d\t太多\t\t\t\t\tx\n\
                     e\t\"两\n行\"\t\t2026-02-30\t\tམིན།\n\
                     f\t\t\t\t540100\t\n";
        let collection = Collection::parse_table("faq.tsv", table.as_bytes());
        assert_eq!(collection.entries.len(), 1);
        let named: Vec<String> = collection.problems.iter().map(ToString::to_string).collect();
        let expected = [
            "error: faq.tsv:1:3, colour: is not a column",
            "error: faq.tsv:2:1, entry #2, id: is missing",
            "error: faq.tsv:3:2, entry b, zh_question: there is a question in neither language",
            "error: faq.tsv:5, entry d: has 7 cells, the header has 6",
            "error: faq.tsv:6:6, entry e, escalate: “མིན།” is neither yes nor no",
            "error: faq.tsv:6:4, entry e, valid_from: “2026-02-30” is no date; write 2026-03-01",
            "error: faq.tsv:8:1, entry f, id: there is no entry f above this answer",
        ];
        assert_eq!(named.len(), expected.len(), "{named:#?}");
        for (named, expected) in named.iter().zip(expected) {
            assert!(named.starts_with(expected), "{named}\n{expected}");
        }
    }

    #[test]
    fn a_table_in_another_encoding_or_with_an_open_quotation_mark_is_refused_with_its_line() {
        let mut gbk = b"id,zh_question\na,".to_vec();
        gbk.extend([0xd2, 0xbd, 0xb1, 0xa3]);
        let named = |table: &[u8]| {
            let collection = Collection::parse_table("faq.csv", table);
            assert!(collection.entries.is_empty());
            collection.problems[0].to_string()
        };
        assert!(named(&gbk).starts_with("error: faq.csv:2: this is not UTF-8"));
        let open = "id,zh_question\na,怎么办\nb,\"忘了引号\nc,还有\n";
        assert!(named(open.as_bytes()).starts_with("error: faq.csv:3: a quotation mark"));
        let twice = "id,zh_question,ID\na,怎么办,b\n";
        let collection = Collection::parse_table("faq.csv", twice.as_bytes());
        assert_eq!(collection.problems[0].to_string(), "error: faq.csv:1:3, id: is there twice");
    }
}
