"""Openly licensed sentences cut to what a person says in one breath: training text, and distractors for benchmarks.

    python text.py DATA OUT.tsv

Sources: NTREX and SIB-200 in Chinese and Tibetan (CC BY-SA 4.0), the words of `cmn_words` as words (CC BY-SA), and the
project's own glossary of government services. No question of the sample knowledge base and nothing of the measuring sets is
used. Rows of the output: language, kind, text. `clause`: as written; `mixed`: pieces of two clauses, and `words`: random words, so
that the recogniser cannot learn the clauses by heart; `terms`: forms of one to three concepts of the glossary; `borrowed`: a Tibetan
clause with a Chinese term in it, as people speak.
"""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path

HANZI_CLAUSE = re.compile(r"[㐀-鿿]+")
# Tibetan letters, vowel signs and subjoined letters, joined by tsheg; breaks at shad, space and anything else.
TIBETAN_CLAUSE = re.compile(r"[ཀ-ྼ་༌]+")
ZH_COUNT = {"mixed": 1800, "words": 1800, "terms": 3000}
BO_COUNT = {"mixed": 3500, "terms": 4500, "borrowed": 2500}
GLOSSARY = Path(__file__).resolve().parent.parent / "kb/data/glossary.tsv"


def lines(data: Path, language: str):
    """All sentences of the two corpora in one language."""
    ntrex = {"zh": "dev.zho-CN.txt", "bo": "dev.bod.txt"}[language]
    yield from (data / "tibetan/ntrex" / ntrex).read_text().splitlines()
    folder = data / "tibetan/sib200" / {"zh": "zho_Hans", "bo": "bod_Tibt"}[language]
    for name in ("train.tsv", "dev.tsv"):
        for row in (folder / name).read_text().splitlines()[1:]:
            yield row.split("\t")[2]


def windows(units: list[str], longest: int, rng: random.Random):
    """Cuts a long clause into pieces of 5..longest units."""
    while len(units) > longest:
        cut = rng.randint(6, longest)
        yield units[:cut]
        units = units[cut:]
    if len(units) >= 3:
        yield units


def chinese_clauses(data: Path, rng: random.Random) -> list[str]:
    """Pure hanzi, 3-18 characters."""
    found = []
    for line in lines(data, "zh"):
        for clause in HANZI_CLAUSE.findall(line):
            found += ["".join(piece) for piece in windows(list(clause), 18, rng)]
    return found


def syllables(clause: str) -> list[str]:
    """The syllables of a run of Tibetan, without tsheg."""
    return [part for part in re.split("[་༌]+", clause) if part]


def tibetan_clauses(data: Path, rng: random.Random) -> list[list[str]]:
    """Syllable lists, 3-16 long."""
    found = []
    for line in lines(data, "bo"):
        for clause in TIBETAN_CLAUSE.findall(line):
            found += windows(syllables(clause), 16, rng)
    return found


def mixed(clauses: list, count: int, rng: random.Random) -> list:
    """The head of one clause and the tail of another."""
    joined = []
    for _ in range(count):
        one, two = rng.choice(clauses), rng.choice(clauses)
        joined.append(one[: rng.randint(2, max(2, len(one) // 2 + 1))] + two[-rng.randint(2, max(2, len(two) // 2 + 1)) :])
    return joined


def word_salad(data: Path, count: int, rng: random.Random) -> list[str]:
    """Random words of the word recordings' list, 2-6 at a time."""
    words = [path.stem.removeprefix("cmn-") for path in sorted((data / "cmn_words/hsk").glob("*.opus"))]
    words = [word for word in words if HANZI_CLAUSE.fullmatch(word) and "儿" not in word]
    return ["".join(rng.choices(words, k=rng.randint(2, 6))) for _ in range(count)]


def glossary() -> dict[str, list[str]]:
    """All forms of the glossary's concepts that can be spoken, by language."""
    found = {"zh": [], "bo": []}
    for line in GLOSSARY.read_text().splitlines():
        cells = line.split("\t")
        if line.startswith("#") or cells[0] == "concept" or len(cells) < 4:
            continue
        found["zh"] += [form for form in cells[2].split("|") if HANZI_CLAUSE.fullmatch(form) and len(form) <= 10]
        found["bo"] += [form for form in cells[3].split("|") if TIBETAN_CLAUSE.fullmatch(form)]
    return found


def terms(forms: list[str], joint: str, count: int, rng: random.Random) -> list[str]:
    """One to three forms in a row."""
    return [joint.join(rng.choices(forms, k=rng.choice([1, 2, 2, 3]))) for _ in range(count)]


def borrowed(clauses: list, forms: list[str], count: int, rng: random.Random) -> list[str]:
    """A Chinese term between two pieces of Tibetan."""
    joined = []
    for _ in range(count):
        clause = rng.choice(clauses)
        at = rng.randint(0, len(clause))
        head, tail = clause[max(0, at - 5) : at], clause[at : at + 5]
        joined.append("".join(["་".join(head), rng.choice(forms), "་".join(tail)]))
    return joined


def main(data: Path, out: Path) -> None:
    rng = random.Random(20)
    zh, bo, forms = chinese_clauses(data, rng), tibetan_clauses(data, rng), glossary()
    rows = [("zh", "clause", text) for text in zh]
    rows += [("zh", "mixed", text) for text in mixed(zh, ZH_COUNT["mixed"], rng)]
    rows += [("zh", "words", text) for text in word_salad(data, ZH_COUNT["words"], rng)]
    rows += [("zh", "terms", text) for text in terms(forms["zh"], "", ZH_COUNT["terms"], rng)]
    rows += [("bo", "terms", text) for text in terms(forms["bo"], "་", BO_COUNT["terms"], rng)]
    rows += [("bo", "borrowed", text) for text in borrowed(bo, forms["zh"], BO_COUNT["borrowed"], rng)]
    rows += [("bo", "clause", "་".join(text)) for text in bo]
    rows += [("bo", "mixed", "་".join(text)) for text in mixed(bo, BO_COUNT["mixed"], rng)]
    rows = sorted(set(rows))
    rng.shuffle(rows)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("".join("\t".join(row) + "\n" for row in rows))
    for language in ("zh", "bo"):
        print(language, sum(row[0] == language for row in rows), "texts")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
