//! Tables as Excel workbooks. The only file that knows the two libraries for them.

use std::io::Cursor;

use calamine::{Data, Reader, Xlsx};
use rust_xlsxwriter::{Format, Workbook, XlsxError};

use super::{COLUMNS, Grid, TableError};
use crate::{Kind, Position, Problem};

/// The widest a column is made, in characters: answers are read in the formula bar.
const COLUMN_WIDTH: f64 = 24.0;

/// Reads the first sheet of a workbook. Numbers, dates and yes/no are read as a person would write them.
pub(super) fn read(file: &str, bytes: &[u8]) -> Result<Grid, Box<Problem>> {
    let broken = |position, message: String| {
        Box::new(Problem {
            kind: Kind::Unreadable,
            file: file.to_owned(),
            position,
            message,
            ..Problem::default()
        })
    };
    let unreadable =
        |error: calamine::XlsxError| broken(None, format!("this is not an Excel workbook: {error}"));
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(unreadable)?;
    let sheet = workbook.worksheet_range_at(0).ok_or_else(|| broken(None, "there is no sheet".to_owned()))?;
    let sheet = sheet.map_err(unreadable)?;
    // A sheet begins where its first cell stands.
    let (first_row, first_column) = sheet.start().unwrap_or_default();
    let mut grid = Grid::default();
    for (number, row) in sheet.rows().enumerate() {
        let line = first_row + number as u32 + 1;
        let mut cells = vec![String::new(); first_column as usize];
        for (at, data) in row.iter().enumerate() {
            let position = Position { line, column: Some(first_column + at as u32 + 1) };
            cells.push(shown(data).map_err(|message| broken(Some(position), message))?);
        }
        if number == 0 {
            grid.header = cells;
        } else {
            grid.rows.push((line, cells));
        }
    }
    Ok(grid)
}

fn shown(data: &Data) -> Result<String, String> {
    Ok(match data {
        Data::Empty => String::new(),
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => text.clone(),
        Data::Int(number) => number.to_string(),
        // Display prints whole numbers without a point.
        Data::Float(number) => number.to_string(),
        Data::Bool(flag) => if *flag { "yes" } else { "no" }.to_owned(),
        Data::DateTime(moment) if moment.is_datetime() => {
            let (year, month, day, ..) = moment.to_ymd_hms_milli();
            format!("{year:04}-{month:02}-{day:02}")
        }
        Data::DateTime(_) => return Err("is a duration; write a text".to_owned()),
        Data::Error(error) => return Err(format!("holds the error {error:?}")),
    })
}

/// Writes a workbook with one sheet; all cells are texts, so that a spreadsheet changes neither codes nor dates.
pub(super) fn write(grid: &Grid) -> Result<Vec<u8>, TableError> {
    let failed = |error: XlsxError| TableError::Write(error.to_string());
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    let (bold, plain) = (Format::new().set_bold().set_num_format("@"), Format::new().set_num_format("@"));
    for (column, name) in grid.header.iter().enumerate() {
        sheet.set_column_width(column as u16, COLUMN_WIDTH).map_err(failed)?;
        sheet.write_string_with_format(0, column as u16, name, &bold).map_err(failed)?;
    }
    for (line, cells) in &grid.rows {
        for (column, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
            let written = sheet.write_string_with_format(line - 1, column as u16, cell, &plain);
            written.map_err(|error| match error {
                XlsxError::MaxStringLengthExceeded => TableError::TooLong {
                    entry: cells.get(1).cloned().unwrap_or_default(),
                    column: COLUMNS.get(column).copied().unwrap_or_default(),
                },
                error => failed(error),
            })?;
        }
    }
    sheet.set_freeze_panes(1, 2).map_err(failed)?;
    workbook.save_to_buffer().map_err(failed)
}
