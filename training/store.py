"""Ragged collections of log-mel features on disk: one f16 matrix and one table per shard.

`NAME.npy` is f16[frames, 80]; `NAME.tsv` has one row per utterance: first frame, frames, language, speaker,
version, text. What is said is stored as text; `phones.py` turns it into labels, so that a change of the
phone inventory never needs the audio again.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from features import BINS


@dataclass
class Utterance:
    """One row of a shard; `features` is f16[frames, 80] (a view into the shard's matrix)."""

    features: np.ndarray
    language: str
    speaker: str
    version: str
    text: str


class ShardWriter:
    """Collects utterances and writes them on `close`; an unfinished shard leaves nothing behind."""

    def __init__(self, path: Path):
        self.path, self.parts, self.rows, self.frames = path, [], [], 0

    def add(self, features: np.ndarray, language: str, speaker: str, version: str, text: str) -> None:
        """Appends f32[frames, 80]."""
        self.rows.append((self.frames, len(features), language, speaker, version, text))
        self.parts.append(features.astype(np.float16))
        self.frames += len(features)

    def close(self) -> None:
        """Writes matrix and table; the table last, because its presence means "complete"."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        matrix = np.concatenate(self.parts) if self.parts else np.zeros((0, BINS), np.float16)
        np.save(self.path.with_suffix(".npy"), matrix)
        temporary = self.path.with_suffix(".tsv.part")
        with temporary.open("w", newline="") as file:
            csv.writer(file, delimiter="\t").writerows(self.rows)
        temporary.rename(self.path.with_suffix(".tsv"))


def is_complete(path: Path) -> bool:
    """Whether the shard was written to its end."""
    return path.with_suffix(".tsv").exists()


def load(folder: Path, pattern: str) -> list[Utterance]:
    """All utterances of the shards whose name matches the glob `pattern`."""
    found = []
    for table in sorted(folder.glob(pattern + ".tsv")):
        matrix = np.load(table.with_suffix(".npy"))
        with table.open(newline="") as file:
            for first, frames, language, speaker, version, text in csv.reader(file, delimiter="\t"):
                view = matrix[int(first) : int(first) + int(frames)]
                found.append(Utterance(view, language, speaker, version, text))
    return found
