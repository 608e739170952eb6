//! Tables of recordings: tab-separated, one recording a line, its sound file in the first column.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;

use super::Failure;

/// What the first cell of a header may be called.
const HEADERS: [&str; 6] = ["path", "file", "wav", "audio", "recording", "sound"];

/// One recording of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Its line, counted from 1.
    pub line: usize,
    /// The sound file: where the manifest lies, if its path is relative.
    pub path: PathBuf,
    /// The further cells, trimmed.
    pub cells: Vec<String>,
}

impl Row {
    /// A further cell, counted from 0; `None` where it is missing or empty.
    pub fn cell(&self, index: usize) -> Option<&str> {
        self.cells.get(index).map(String::as_str).filter(|cell| !cell.is_empty())
    }
}

/// Reads a manifest. Empty lines, lines that begin with `#`, a byte order mark and a header line are passed over.
pub(super) fn read(path: &Path) -> Result<Vec<Row>, Failure> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let rows = rows(&text, folder);
    if rows.is_empty() {
        return Err(Failure::Usage(format!(
            "{} names no recording; write one a line, its cells separated by tabs",
            path.display()
        )));
    }
    Ok(rows)
}

fn rows(text: &str, folder: &Path) -> Vec<Row> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut out: Vec<Row> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let mut cells = line.split('\t').map(|cell| cell.trim().to_owned());
        let Some(first) = cells.next().filter(|first| !first.is_empty()) else { continue };
        if index == 0 && HEADERS.contains(&first.to_lowercase().as_str()) {
            continue;
        }
        out.push(Row { line: index + 1, path: folder.join(first), cells: cells.collect() });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_comments_and_empty_lines_are_no_recordings() {
        let text = "\u{feff}path\ttext\tlanguage\r\n# old\n\na.wav\t身份证丢了\tzh\r\n/x/b.wav\tདྲི་བ།\n";
        let rows = rows(text, Path::new("set"));
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].path.as_path(), rows[0].line), (Path::new("set/a.wav"), 4));
        assert_eq!((rows[0].cell(0), rows[0].cell(1)), (Some("身份证丢了"), Some("zh")));
        assert_eq!(rows[1].path, Path::new("/x/b.wav"));
        assert_eq!((rows[1].cell(0), rows[1].cell(1)), (Some("དྲི་བ།"), None));
    }

    #[test]
    fn a_file_that_is_called_like_a_header_is_one_only_on_the_first_line() {
        assert_eq!(rows("a.wav\nwav\n", Path::new("")).len(), 2);
    }
}
