"""What is said, as phones: a cache in front of the project's own `cargo run -p language --bin phones`.

The pronunciation rules live in the Rust crate `language` and nowhere else, so that what the recogniser learnt and
what the assistant looks for cannot differ. The cache is a table: language, text, phones, and the
plan that `espeak.speak` reads.
"""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INVENTORY = ROOT / "language/data/phones.tsv"
INITIALS = ("zh", "ch", "sh", *"bpmfdtnlgkhjqxrzcs")
# Whole syllables that pinyin spells with y and w.
SPELLED = {
    "yi": "i", "ya": "ia", "ye": "ie", "yao": "iao", "you": "iu", "yan": "ian", "yin": "in", "yang": "iang",
    "ying": "ing", "yong": "iong", "yu": "v", "yue": "ve", "yuan": "van", "yun": "vn", "wu": "u", "wa": "ua",
    "wo": "uo", "wai": "uai", "wei": "ui", "wan": "uan", "wen": "un", "wang": "uang", "weng": "ueng",
}  # fmt: skip


def inventory() -> list[str]:
    """Names in class order; the first is the blank."""
    with INVENTORY.open() as file:
        return [row[1] for row in csv.reader(file, delimiter="\t")]


def pinyin_phones(syllable: str) -> list[str]:
    """`zhi4` → `["zh", "izh"]`; empty where the syllable is none of Mandarin's (interjections, mishearings)."""
    name = re.sub(r"[1-5]$", "", syllable).replace("uu", "v")
    if name in SPELLED:
        return [SPELLED[name]]
    initial = next((i for i in INITIALS if name.startswith(i)), "")
    final = name[len(initial) :]
    if initial in ("j", "q", "x") and final.startswith("u"):
        final = "v" + final[1:]
    if final == "ue":
        final = "ve"
    if final == "i" and initial in ("z", "c", "s"):
        final = "iz"
    if final == "i" and initial in ("zh", "ch", "sh", "r"):
        final = "izh"
    known = set(inventory())
    return [part for part in (initial, final) if part] if final in known and (not initial or initial in known) else []


class Pronouncer:
    """Looks texts up in the cache; `learn` asks the Rust tool for those that are missing."""

    def __init__(self, cache: Path):
        self.cache, self.known = cache, {}
        if cache.exists():
            with cache.open(newline="") as file:
                for language, text, phones, espeak in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                    self.known[language, text] = (phones.split(), espeak)

    def learn(self, wanted) -> None:
        """Adds (language, text) pairs to the cache."""
        missing = sorted({pair for pair in wanted if pair not in self.known and not pair[1].startswith("pinyin:")})
        if not missing:
            return
        command = ["cargo", "run", "--quiet", "-p", "language", "--bin", "phones"]
        text = "".join(f"{language}\t{text}\n" for language, text in missing)
        said = subprocess.run(command, input=text, capture_output=True, text=True, cwd=ROOT, check=True).stdout
        rows = [line.split("\t") for line in said.splitlines()]
        if len(rows) != len(missing):
            sys.exit(f"the phones tool answered {len(rows)} lines for {len(missing)} texts")
        self.cache.parent.mkdir(parents=True, exist_ok=True)
        with self.cache.open("a") as file:
            for (language, asked), (answered, phones, espeak) in zip(missing, rows):
                assert asked == answered, (asked, answered)
                self.known[language, asked] = (phones.split(), espeak)
                file.write("\t".join((language, asked, phones, espeak)) + "\n")

    def phones(self, language: str, text: str) -> list[str]:
        """Phone names; empty where the text cannot be pronounced."""
        if text.startswith("pinyin:"):
            return pinyin_phones(text.removeprefix("pinyin:"))
        return self.known.get((language, text), ([], ""))[0]

    def espeak(self, language: str, text: str) -> str:
        """The plan for `espeak.speak`; empty where the text cannot be pronounced."""
        return self.known.get((language, text), ([], ""))[1]


if __name__ == "__main__":
    # Fills the cache for a table of texts, before several processes want to read it.
    rows = [line.split("\t") for line in Path(sys.argv[1]).read_text().splitlines()]
    Pronouncer(Path(sys.argv[2])).learn((language, text) for language, _, text in rows)
