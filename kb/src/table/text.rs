//! Tables as text: tabs or commas between the cells, quoted as in RFC 4180. The only file that knows `csv`.

use super::{Grid, TableError};
use crate::{Kind, Position, Problem};

/// Spreadsheets take a file without one for the system's old encoding.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Reads a table; the separator is a tab where the first line has one, else a comma. A row's number is the line on which it
/// begins.
pub(super) fn read(file: &str, bytes: &[u8]) -> Result<Grid, Box<Problem>> {
    let broken = |line: u32, message: String| {
        Box::new(Problem {
            kind: Kind::Unreadable,
            file: file.to_owned(),
            position: Some(Position { line, column: None }),
            message,
            ..Problem::default()
        })
    };
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
        broken(line as u32, "this is not UTF-8; save the table as “CSV UTF-8”, or as .xlsx".to_owned())
    })?;
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let tabs = text.lines().next().is_some_and(|header| header.contains('\t'));
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(if tabs { b'\t' } else { b',' })
        .from_reader(text.as_bytes());
    let mut grid = Grid::default();
    let mut last = 1;
    for record in reader.records() {
        let record = record.map_err(|error| broken(last, error.to_string()))?;
        last = record.position().map_or(last, |position| position.line() as u32);
        let cells: Vec<String> = record.iter().map(str::to_owned).collect();
        if grid.header.is_empty() && grid.rows.is_empty() {
            grid.header = cells;
        } else {
            grid.rows.push((last, cells));
        }
    }
    // The reader takes everything up to the end of the file for one cell, and says nothing.
    if text.bytes().filter(|byte| *byte == b'"').count() % 2 == 1 {
        return Err(broken(last, "a quotation mark in this row or before it is never closed".to_owned()));
    }
    Ok(grid)
}

/// Writes a table with commas.
pub(super) fn write(grid: &Grid) -> Result<String, TableError> {
    let failed = |error: &dyn std::fmt::Display| TableError::Write(error.to_string());
    let mut writer = csv::Writer::from_writer(BYTE_ORDER_MARK.to_string().into_bytes());
    for row in std::iter::once(&grid.header).chain(grid.rows.iter().map(|(_, cells)| cells)) {
        writer.write_record(row).map_err(|error| failed(&error))?;
    }
    let bytes = writer.into_inner().map_err(|error| failed(&error))?;
    String::from_utf8(bytes).map_err(|error| failed(&error))
}
