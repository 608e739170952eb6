//! From a collection to rows.

use language::Language;

use super::{COLUMNS, Grid, cell, kind};
use crate::yaml::review_name;
use crate::{AnswerText, Collection, Date, Entry, Link, Localized, Signature, Text};

/// Why a collection cannot be written as a table.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// A workbook's cell holds at most 32,767 characters.
    #[error(
        "entry {entry}, {column}: the text is too long for a cell of a workbook; export it as CSV or YAML"
    )]
    TooLong {
        /// Which entry.
        entry: String,
        /// Which column.
        column: &'static str,
    },
    /// The writer failed.
    #[error("the table cannot be written: {0}")]
    Write(String),
}

/// A row being filled.
struct Row(Vec<String>);

impl Row {
    fn new(kind: &str) -> Self {
        let mut row = Self(vec![String::new(); COLUMNS.len()]);
        row.set("kind", kind.to_owned());
        row
    }

    fn set(&mut self, column: &str, value: String) {
        let at = COLUMNS.iter().position(|name| *name == column);
        debug_assert!(at.is_some(), "{column} is a column");
        if let Some(cell) = at.and_then(|at| self.0.get_mut(at)) {
            *cell = value;
        }
    }

    fn text(&mut self, column: &str, text: &str) {
        self.set(column, cell::from_text(text));
    }

    /// Leaves the cell blank where the text is empty: for fields in which the two are the same.
    fn plain(&mut self, column: &str, text: &str) {
        if !text.is_empty() {
            self.text(column, text);
        }
    }

    fn flag(&mut self, column: &str, flag: bool) {
        self.set(column, if flag { "yes" } else { "no" }.to_owned());
    }

    fn date(&mut self, column: &str, date: Option<Date>) {
        self.set(column, date.map(|date| date.to_string()).unwrap_or_default());
    }

    fn office(&mut self, office: Option<&Localized>) {
        if let Some(office) = office {
            self.text("office_zh", &office.zh);
            self.text("office_bo", &office.bo);
        }
    }

    fn links(&mut self, links: &[Link]) {
        let list = |of: fn(&Link) -> &str| {
            cell::from_list(&links.iter().map(|l| of(l).to_owned()).collect::<Vec<_>>())
        };
        self.set("link_urls", list(|link| &link.url));
        self.set("link_labels_zh", list(|link| &link.label.zh));
        self.set("link_labels_bo", list(|link| &link.label.bo));
    }

    fn language(&mut self, language: Language, text: &Text) {
        let column = |field: &str| format!("{language}_{field}");
        self.text(&column("question"), &text.question);
        self.set(&column("variants"), cell::from_list(&text.variants));
        self.set(&column("keywords"), cell::from_list(&text.keywords));
        self.text(&column("spoken"), &text.spoken);
        self.text(&column("written"), &text.written);
        self.set(&column("steps"), cell::from_list(&text.steps));
        self.set(&column("documents"), cell::from_list(&text.documents));
        self.set(&column("review"), review_name(text.review).to_owned());
        self.date(&column("updated"), text.updated);
        if let Some(revision) = &text.translated_from {
            self.text(&column("translated_from"), &revision.0);
        }
        for (step, signature) in [("reviewed", &text.reviewed), ("published", &text.published)] {
            self.signature(&column(step), signature.as_ref());
        }
    }

    fn signature(&mut self, step: &str, signature: Option<&Signature>) {
        if let Some(signature) = signature {
            self.text(&format!("{step}_by"), &signature.by);
            self.date(&format!("{step}_on"), Some(signature.on));
            self.text(&format!("{step}_revision"), &signature.revision.0);
        }
    }

    fn answer(&mut self, language: Language, text: &AnswerText) {
        for (field, value) in [("spoken", &text.spoken), ("written", &text.written)] {
            if let Some(value) = value {
                self.text(&format!("{language}_{field}"), value);
            }
        }
        for (field, value) in [("steps", &text.steps), ("documents", &text.documents)] {
            self.set(&format!("{language}_{field}"), cell::from_optional_list(value.as_ref()));
        }
    }
}

fn base(collection: &Collection) -> Vec<String> {
    let mut row = Row::new(kind::BASE);
    row.plain("name", &collection.name);
    row.plain("notice_zh", &collection.notice.zh);
    row.plain("notice_bo", &collection.notice.bo);
    row.set("tibetan_review", review_name(collection.tibetan_review).to_owned());
    row.0
}

fn rows_of(entry: &Entry) -> Vec<Vec<String>> {
    let mut row = Row::new(kind::ENTRY);
    row.text("id", &entry.id.0);
    row.text("topic", &entry.topic);
    row.flag("sample", entry.sample);
    row.flag("escalate", entry.escalate);
    row.date("valid_from", entry.valid_from);
    row.date("valid_until", entry.valid_until);
    row.set("expected", entry.expected.map(|weight| weight.to_string()).unwrap_or_default());
    row.office(entry.office.as_ref());
    row.links(&entry.links);
    for language in Language::ALL {
        if let Some(text) = entry.text(language) {
            row.language(language, text);
        }
    }
    let mut rows = vec![row.0];
    for answer in &entry.answers {
        let mut row = Row::new(kind::ANSWER);
        row.text("id", &entry.id.0);
        for (column, value) in [("region", &answer.region), ("group", &answer.group)] {
            if let Some(value) = value {
                row.text(column, value);
            }
        }
        row.office(answer.office.as_ref());
        for language in Language::ALL {
            row.answer(language, answer.text(language));
        }
        rows.push(row.0);
    }
    rows
}

impl Collection {
    /// The collection as a grid with all columns.
    fn grid(&self) -> Grid {
        let rows = std::iter::once(base(self)).chain(self.entries.iter().flat_map(|s| rows_of(&s.entry)));
        Grid {
            header: COLUMNS.map(str::to_owned).to_vec(),
            rows: rows.enumerate().map(|(number, cells)| (number as u32 + 2, cells)).collect(),
        }
    }

    /// The collection as CSV: UTF-8 with a byte order mark, which spreadsheets need to see it; RFC 4180.
    ///
    /// # Errors
    /// [`TableError::Write`], which no content is known to cause.
    pub fn to_csv(&self) -> Result<String, TableError> {
        super::text::write(&self.grid())
    }

    /// The collection as an Excel workbook with one sheet.
    ///
    /// # Errors
    /// [`TableError`] where a text is too long for a cell.
    pub fn to_xlsx(&self) -> Result<Vec<u8>, TableError> {
        super::workbook::write(&self.grid())
    }
}
