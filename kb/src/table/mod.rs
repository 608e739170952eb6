//! A knowledge base as a table: for people who work in a spreadsheet, and for other programs.
//!
//! `rows` knows what the columns mean, `cell` what stands in them; `text` and `workbook` are the file formats.

mod cell;
mod reading;
mod text;
mod workbook;
mod writing;

pub use writing::TableError;

/// The columns of a table, in the order in which they are written. A table to be read may have them in any order, and only
/// needs `id` and one question.
pub const COLUMNS: [&str; 51] = [
    "kind",
    "id",
    "topic",
    "sample",
    "escalate",
    "valid_from",
    "valid_until",
    "expected",
    "region",
    "group",
    "office_zh",
    "office_bo",
    "link_urls",
    "link_labels_zh",
    "link_labels_bo",
    "zh_question",
    "bo_question",
    "zh_variants",
    "bo_variants",
    "zh_keywords",
    "bo_keywords",
    "zh_spoken",
    "bo_spoken",
    "zh_written",
    "bo_written",
    "zh_steps",
    "bo_steps",
    "zh_documents",
    "bo_documents",
    "zh_review",
    "zh_updated",
    "zh_translated_from",
    "zh_reviewed_by",
    "zh_reviewed_on",
    "zh_reviewed_revision",
    "zh_published_by",
    "zh_published_on",
    "zh_published_revision",
    "bo_review",
    "bo_updated",
    "bo_translated_from",
    "bo_reviewed_by",
    "bo_reviewed_on",
    "bo_reviewed_revision",
    "bo_published_by",
    "bo_published_on",
    "bo_published_revision",
    "notice_zh",
    "notice_bo",
    "tibetan_review",
    "name",
];

/// What a row is: the value of the column `kind`. A row without one is an entry, or an answer where it names a place or a
/// group.
mod kind {
    /// An entry.
    pub(super) const ENTRY: &str = "entry";
    /// An answer for a place or a group, of the entry with the same id above it.
    pub(super) const ANSWER: &str = "answer";
    /// The knowledge base's own name and notice.
    pub(super) const BASE: &str = "base";
}

/// Cells as they stand in a file.
#[derive(Debug, Default)]
struct Grid {
    /// The first row.
    header: Vec<String>,
    /// The other rows with their numbers in the file, from 1.
    rows: Vec<(u32, Vec<String>)>,
}
