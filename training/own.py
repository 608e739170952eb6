"""An operator's own recordings: the table that names them.

    python own.py RECORDINGS.tsv        prints what can be trained on: file, language and words, separated by tabs

Two forms are read. One that somebody writes: a line each of `file<TAB>text`, or `file<TAB>text<TAB>language` (`bo` or `zh`; by the text's script
where it is not said). And one that the console exports (recordings that citizens have left), whose first line names its columns
(`path`, `entry`, `language`, `words`). Files are relative to the table's folder; texts are what is heard, word for word: a recording whose words
nobody has written down teaches which question was meant (`assistant calibrate`), and cannot be trained on.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

TIBETAN = re.compile(r"[\u0f40-\u0fbc]")
EXPORTED = ("path", "language", "words")


def own_recordings(table: Path) -> list[tuple[Path, str, str, str]]:
    """Rows of (file, speaker, text, language). What cannot be used is said on stderr, with its line, and left out."""
    rows, wordless, columns = [], 0, None
    for number, line in enumerate(table.read_text(encoding="utf-8-sig").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        if number == 1 and all(name in cells for name in EXPORTED):
            columns = [cells.index(name) for name in EXPORTED]
            continue
        if columns is not None:
            file, language, text = (cells[column] if column < len(cells) else "" for column in columns)
        elif len(cells) in (2, 3):
            file, text = cells[:2]
            language = cells[2] if len(cells) == 3 else "bo" if TIBETAN.search(text) else "zh"
        else:
            say(table, number, "expected file, text and perhaps language, separated by tabs")
            continue
        if text == "":
            wordless += 1
        elif language not in ("bo", "zh"):
            say(table, number, f"no language {language!r}")
        elif not (table.parent / file).is_file():
            say(table, number, f"no file {table.parent / file}")
        else:
            rows.append((table.parent / file, "own", text, language))
    if wordless:
        print(f"{table}: {wordless} without words are left out: write down what is said in them (console, recordings)", file=sys.stderr)
    return rows


def say(table: Path, number: int, what: str) -> None:
    print(f"{table}, line {number}: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for path, _, words, spoken in own_recordings(Path(sys.argv[1])):
        print(path, spoken, words, sep="\t")
