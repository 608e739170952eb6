"""Trains the sense table: vectors of units, pairs and triples whose sum says what a question means (models/sense).

Usage: sense.py [FOLDER], by default models/sense. Needs numpy and scipy, one core and a few minutes; no other model, and
no text that the assistant is measured or calibrated on.

What it learns from:

- kb/data/glossary.tsv: forms of a concept mean the same, in both languages; a wider concept is near.
- questions composed of its forms (a thing, an act, sometimes an aspect, a person, a place or a time, and what people say
  around them): the same concepts in other forms are the same question, another thing or another act is another one.

Each batch is pairs of texts that mean the same. A text's vector is the plain sum of the vectors of its units, pairs and
triples, at length 1; of all texts in the batch each must be nearest to its partner (InfoNCE, both ways). So what tells
things apart grows long and what is said around every question grows short, without any frequencies.
"""

import hashlib
import os
import random
import struct
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np  # noqa: E402  (threads are set before)
from scipy import sparse  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent

DIMENSIONS = 96
STEPS = 8000
BATCH = 384
SEED = 1
# Softmax temperature and the step of Adagrad, which falls to a fiftieth.
TEMPERATURE = 0.07
RATE = 0.05
# A unit or pair must occur in two texts, a triple in so many.
FEWEST = 2
FEWEST_TRIPLE = 3
# Share of a text's terms left out each time, so that no single one carries a meaning alone.
LEFT_OUT = 0.15
# Share of Tibetan among texts.
TIBETAN = 0.3
# Shares of pairs: forms of a concept, composed questions, a concept and its wider one. A family of composed questions is
# three pairs, so that most of a batch is composed.
MIX = (0.35, 0.55, 0.1)

# What people say around a question; a "" stands for nothing.
BEFORE = {
    "zh": "请问|我想|我想问一下|你好|您好|我要|我需要|想问问|想咨询一下|咨询|麻烦问一下|帮我|请帮我|我家|我们|那个|现在|如果|要是|关于|对于|我是外地人|老师你好|你们这里|这边|在网上|请教一下|想了解|想知道|谁知道|有没有人知道|能不能告诉我|告诉我|我朋友|我妈妈|家里人|单位|公司|孩子|我的|自己|本地|外地|今年|最近|昨天|刚才||||||",
    "bo": "བཀའ་དྲིན་ཆེ|ང|ངས|ངའི|ང་ཚོ|ང་ཚོའི|ད་ལྟ|སྐུ་མཁྱེན|འདིར|བཀའ་འདྲི་ཞུ|ང་ལ|ཁྱེད་རང་ཚོ|གལ་ཏེ|ནང་མི|ཕྲུ་གུ|||||",
}
AFTER = {
    "zh": "怎么办|怎么弄|呢|啊|吗|吧|怎么做|如何操作|该怎么办|要怎么样|是什么|有哪些|请告知|谢谢|行不行|可以吗|能不能|行吗|怎么回事|什么情况|是怎样的|有没有|需要什么|要什么|在哪|哪里可以|可不可以|是不是|好不好|呀|怎么搞|咋办|咋弄|咋整|了怎么办|了该怎么处理|给我看一下|我不知道|我不会|我不清楚|怎样|麻烦了|急|||||",
    "bo": "ག་རེ་བྱེད་དགོས་རེད|གང་འདྲ་བྱེད་དགོས་རེད|ཇི་ལྟར་བྱེད་དགོས|ག་འདྲ་བྱེད|རེད|ཡིན་ནམ|རེད་པས|ག་རེ་རེད|ཡོད་དམ|ཆོག་གམ|ཐུབ་བམ|འདུག|གང་ཡིན|ག་པར་རེད|གི་རེད|དགོས་སམ|རོགས|ཅི་ཞིག|||||",
}

MAGIC = b"drilen sense 1\n"
# Between the units of a pair and of a triple; in no text.
SEPARATOR = "\x1f"


class Concept:
    """One line of the glossary; forms are numbers of texts."""

    def __init__(self, kind: str, forms: dict[str, list[int]]):
        self.kind = kind
        self.forms = forms
        self.wider: int | None = None

    def form(self, rng: random.Random, language: str) -> int:
        """A form in that language, or in the other where there is none."""
        return rng.choice(self.forms[language] or self.forms["zh"] or self.forms["bo"])


class Texts:
    """All texts by number, each once."""

    def __init__(self):
        self.all: list[str] = []
        self.number: dict[str, int] = {}

    def add(self, text: str) -> int:
        text = " ".join(text.split())
        if text not in self.number:
            self.number[text] = len(self.all)
            self.all.append(text)
        return self.number[text]


def read_glossary(texts: Texts) -> list[Concept]:
    names, concepts, wider = {}, [], []
    for line in (ROOT / "kb/data/glossary.tsv").read_text(encoding="utf-8").splitlines():
        if line.startswith(("#", "concept\t")):
            continue
        name, kind, zh, bo, broader = (line.split("\t") + [""] * 5)[:5]
        forms = {"zh": zh, "bo": bo}
        forms = {tongue: [texts.add(form) for form in cell.split("|") if form] for tongue, cell in forms.items()}
        if not any(forms.values()):
            continue
        names[name] = len(concepts)
        concepts.append(Concept(kind, forms))
        wider.append(broader)
    for concept, broader in zip(concepts, wider, strict=True):
        concept.wider = names.get(broader)
    return concepts


def units_of(texts: list[str]) -> list[list[str]]:
    """Every text's units, by the project's own analysis."""
    command = ["cargo", "run", "--quiet", "--locked", "--package", "language", "--bin", "units"]
    done = subprocess.run(command, input="\n".join(texts) + "\n", cwd=ROOT, capture_output=True, text=True, check=True)
    lines = done.stdout.split("\n")[:-1]
    if len(lines) != len(texts):
        raise SystemExit(f"{len(texts)} texts gave {len(lines)} lines of units")
    return [line.split(" ") if line else [] for line in lines]


def terms_of(units: list[str]) -> list[str]:
    """Units, pairs and triples."""
    runs = (units[at : at + length] for length in (1, 2, 3) for at in range(len(units) - length + 1))
    return [SEPARATOR.join(run) for run in runs]


class Material:
    """Everything that is learned from, as a sparse matrix of texts and terms."""

    def __init__(self):
        texts = Texts()
        self.concepts = read_glossary(texts)
        self.before = {tongue: [texts.add(text) for text in said.split("|")] for tongue, said in BEFORE.items()}
        self.after = {tongue: [texts.add(text) for text in said.split("|")] for tongue, said in AFTER.items()}
        counts = [Counter(terms_of(units)) for units in units_of(texts.all)]
        having = Counter(term for count in counts for term in count)
        fewest = (FEWEST, FEWEST, FEWEST_TRIPLE)
        self.terms = sorted(term for term, texts in having.items() if texts >= fewest[term.count(SEPARATOR)])
        number = {term: at for at, term in enumerate(self.terms)}
        cells = [(row, number[t], n) for row, count in enumerate(counts) for t, n in count.items() if t in number]
        rows, columns, values = zip(*cells, strict=True)
        self.matrix = sparse.csr_matrix((np.array(values, np.float32), (rows, columns)), (len(counts), len(number)))
        sort = lambda *kinds: [at for at, c in enumerate(self.concepts) if c.kind in kinds and c.forms["zh"]]  # noqa: E731
        self.things, self.acts = sort("thing"), sort("act")
        self.aspects, self.circumstances = sort("aspect", "state"), sort("who", "when", "where")


class Sampler:
    """Pairs of texts that mean the same; a text is a list of parts, a meaning a set of concepts."""

    def __init__(self, material: Material, seed: int):
        self.material = material
        self.rng = random.Random(seed)
        sizes = [sum(map(len, concept.forms.values())) for concept in material.concepts]
        # Concepts with many forms have more to teach, but not in proportion.
        self.weights = np.cumsum([size**0.5 if size > 1 else 0.0 for size in sizes]).tolist()

    def language(self) -> str:
        return "bo" if self.rng.random() < TIBETAN else "zh"

    def concept(self) -> int:
        return self.rng.choices(range(len(self.material.concepts)), cum_weights=self.weights)[0]

    def text(self, concept: int) -> list[int]:
        return [self.material.concepts[concept].form(self.rng, self.language())]

    def question(self, meaning: list[int]) -> list[int]:
        """A question about these concepts, the first two being its thing and its act."""
        rng, language = self.rng, self.language()
        parts = [self.material.concepts[concept].form(rng, language) for concept in meaning]
        # What is said beside thing and act is not always said.
        if len(parts) > 2 and rng.random() < 0.3:
            parts.pop(2)
        parts += [rng.choice(self.material.before[language]), rng.choice(self.material.after[language])]
        if rng.random() < 0.3:
            parts.append(rng.choice(self.material.before[language]))
        return parts

    def composed(self) -> list[tuple]:
        """Three questions that share their thing or their act, and all else."""
        rng, material = self.rng, self.material
        thing, act = rng.choice(material.things), rng.choice(material.acts)
        besides = [rng.choice(material.aspects)] if rng.random() < 0.4 else []
        besides += [rng.choice(material.circumstances)] if rng.random() < 0.3 else []
        family = [(thing, act), (rng.choice(material.things), act), (thing, rng.choice(material.acts))]
        meanings = [[*pair, *besides] for pair in family]
        return [(self.question(meaning), self.question(meaning), frozenset(meaning)) for meaning in meanings]

    def pairs(self) -> list[tuple]:
        """(text, text, meaning) of one kind."""
        kind = self.rng.choices(range(len(MIX)), weights=MIX)[0]
        if kind == 1:
            return self.composed()
        concept = self.concept()
        wider = self.material.concepts[concept].wider if kind == 2 else concept
        if wider is None:
            return []
        return [(self.text(concept), self.text(wider), frozenset([concept, wider]))]

    def batch(self) -> tuple[list, list, list]:
        found: list[tuple] = []
        while len(found) < BATCH:
            found += self.pairs()
        return tuple(map(list, zip(*found, strict=True)))


def not_apart(meanings: list[frozenset], concepts: list[Concept]) -> np.ndarray:
    """Which texts of a batch must not be pushed apart: of one meaning, a concept and a question about it, near concepts."""
    having = defaultdict(list)
    for at, meaning in enumerate(meanings):
        for concept in meaning:
            having[concept].append(at)
    same = np.zeros((len(meanings), len(meanings)), bool)
    for at, meaning in enumerate(meanings):
        for concept in meaning:
            for other in having[concept]:
                theirs = meanings[other]
                if theirs == meaning or len(meaning) == 1 or (len(meaning) == 2 and len(theirs) == 1):
                    same[at, other] = same[other, at] = True
            wider = concepts[concept].wider if len(meaning) == 1 else None
            for other in having.get(wider, ()):
                if len(meanings[other]) == 1:
                    same[at, other] = same[other, at] = True
    np.fill_diagonal(same, False)
    return same


def train(material: Material) -> np.ndarray:
    """A vector for every term."""
    sampler, chance = Sampler(material, SEED), np.random.default_rng(SEED)
    terms, texts = len(material.terms), material.matrix.shape[0]
    table = (chance.normal(size=(terms, DIMENSIONS)) * 0.3 / DIMENSIONS**0.5).astype(np.float32)
    squares = np.full(terms, 1e-3, np.float32)
    mean = None
    for step in range(STEPS):
        *sides, meanings = sampler.batch()
        bags = []
        for side in sides:
            rows = np.repeat(np.arange(len(side)), [len(parts) for parts in side])
            parts = np.concatenate([np.array(parts) for parts in side])
            chosen = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, parts)), (len(side), texts))
            bag = (chosen @ material.matrix).tocsr()
            bag.data *= chance.random(len(bag.data)) > LEFT_OUT
            bags.append(bag)
        # Only the terms of this batch take part, a few thousand of them all.
        met = np.unique(np.concatenate([bag.indices for bag in bags]))
        vectors_of_met, units, lengths = table[met], [], []
        for at, bag in enumerate(bags):
            columns = np.searchsorted(met, bag.indices)
            bags[at] = sparse.csr_matrix((bag.data, columns, bag.indptr), (bag.shape[0], len(met)))
            vectors = bags[at] @ vectors_of_met
            length = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
            lengths.append(length)
            units.append(vectors / length)
        likeness = units[0] @ units[1].T / TEMPERATURE
        likeness[not_apart(meanings, material.concepts)] = -1e4
        shares = [np.exp(likeness - likeness.max(axis=side, keepdims=True)) for side in (0, 1)]
        shares = [share / share.sum(axis=side, keepdims=True) for side, share in enumerate(shares)]
        loss = -np.mean([np.log(np.diag(share) + 1e-9).mean() for share in shares])
        slope = (sum(shares) / 2 - np.eye(len(meanings), dtype=np.float32)) / len(meanings) / TEMPERATURE
        slopes = [slope @ units[1], slope.T @ units[0]]
        change = np.zeros_like(vectors_of_met)
        for bag, unit, length, slope in zip(bags, units, lengths, slopes, strict=True):
            across = (slope - (slope * unit).sum(axis=1, keepdims=True) * unit) / length
            change += bag.T @ across
        # Adagrad with one sum of squares for each term: terms that are met once still learn.
        squares[met] += (change**2).mean(axis=1)
        rate = RATE * (1.02 - step / STEPS)
        table[met] -= rate * change / np.sqrt(squares[met])[:, None]
        mean = loss if mean is None else 0.99 * mean + 0.01 * loss
        if step % 500 == 499:
            print(f"step {step + 1} of {STEPS}: loss {mean:.3f}", flush=True)
    return table


def hash_of(term: str) -> int:
    """FNV-1a, 64 bits, of the term's UTF-8."""
    value = 0xCBF29CE484222325
    for byte in term.encode():
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def write(folder: Path, terms: list[str], table: np.ndarray) -> None:
    """See kb/src/sense for the form."""
    hashes = np.array([hash_of(term) for term in terms], np.uint64)
    if len(set(hashes.tolist())) != len(terms):
        raise SystemExit("two terms have the same hash: choose another one")
    order = np.argsort(hashes)
    scales = np.maximum(np.abs(table).max(axis=1), 1e-9) / 127
    numbers = np.rint(table / scales[:, None]).astype(np.int8)
    rows = hashes[order].astype("<u8").tobytes() + scales[order].astype("<f4").tobytes() + numbers[order].tobytes()
    content = hashlib.sha256(rows).digest()[:8]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sense.table").write_bytes(MAGIC + struct.pack("<II", *table.shape[::-1]) + content + rows)
    print(f"{len(terms)} terms, {table.shape[1]} dimensions: {folder / 'sense.table'}, {content.hex()}")


def main() -> None:
    material = Material()
    print(f"{material.matrix.shape[0]} texts, {len(material.terms)} terms, {len(material.concepts)} concepts", flush=True)
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "models/sense"
    write(folder, material.terms, train(material))


if __name__ == "__main__":
    main()
