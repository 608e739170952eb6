"""Plain methods on the very splits that the assistant is measured on.

Usage: baselines.py SPLIT.json... ; beside each split SPLIT.json it writes SPLIT.predictions.json.

A split is {"entries": [{"id", "text"}], "variants": [{"id", "text"}], "tests": [{"text", "ids"}],
"outside": {kind: [text]}}; predictions are {method: {"tests": [{"ranked": [id, ...five], "score": x}],
"outside": {kind: [score]}}}. A score is what the method goes by: of two questions, the one with the higher score is the
one that it is surer to know.
"""

import json
import logging
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import bm25s
import jieba
import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.svm import LinearSVC

jieba.setLogLevel(logging.WARNING)
# Many entries have a single way of asking: that is what is measured.
warnings.filterwarnings("ignore", message="The number of unique classes")
PLACES = 5
# BM25's usual constants.
K1, B = 1.5, 0.75


def characters(text: str) -> list[str]:
    """Characters and pairs of neighbours, without spaces."""
    text = "".join(text.lower().split())
    return list(text) + [text[i : i + 2] for i in range(len(text) - 1)]


def search_words(text: str) -> list[str]:
    """jieba's words in the mode for search engines, punctuation left out."""
    return [word for word in jieba.lcut_for_search(text.lower()) if any(map(str.isalnum, word))]


def words(text: str) -> list[str]:
    """jieba's words in the mode for search engines, punctuation kept."""
    return [word for word in jieba.lcut_for_search(text.lower()) if not word.isspace()]


class Split:
    """Ways of asking with the numbers of their entries, and what is asked."""

    def __init__(self, path: Path):
        split = json.loads(path.read_text(encoding="utf-8"))
        self.ids = [entry["id"] for entry in split["entries"]]
        number = {name: at for at, name in enumerate(self.ids)}
        asked = split["entries"] + split["variants"]
        self.texts = [way["text"] for way in asked]
        self.owner = np.array([number[way["id"]] for way in asked])
        self.tests = [test["text"] for test in split["tests"]]
        self.outside = split["outside"]

    def best_of(self, scores: np.ndarray) -> np.ndarray:
        """From scores of ways of asking to scores of entries: the best way counts."""
        out = np.full((scores.shape[0], len(self.ids)), -np.inf)
        for at, entry in enumerate(self.owner):
            np.maximum(out[:, entry], scores[:, at], out=out[:, entry])
        return out


Scorer = Callable[[list[str]], np.ndarray]


def bm25_characters(split: Split) -> Scorer:
    """BM25 (Robertson & Zaragoza 2009) over characters and pairs, a document per way of asking."""
    counter = CountVectorizer(analyzer=characters)
    counts = counter.fit_transform(split.texts).tocsc().astype(float)
    lengths = np.asarray(counts.sum(axis=1)).ravel()
    having = np.diff(counts.indptr)
    idf = np.log(1 + (len(split.texts) - having + 0.5) / (having + 0.5))
    weights = counts.tocoo()
    norm = K1 * (1 - B + B * lengths[weights.row] / lengths.mean())
    data = idf[weights.col] * weights.data * (K1 + 1) / (weights.data + norm)
    index = sparse.csc_matrix((data, (weights.row, weights.col)), shape=counts.shape)

    def score(queries: list[str]) -> np.ndarray:
        return split.best_of((counter.transform(queries).astype(float) @ index.T).toarray())

    return score


def bm25s_words(split: Split) -> Scorer:
    """The library bm25s with its own defaults over jieba's words, a document per way of asking."""
    retriever = bm25s.BM25()
    retriever.index([words(text) for text in split.texts], show_progress=False)

    def score(queries: list[str]) -> np.ndarray:
        rows = []
        for query in queries:
            known = [word for word in words(query) if word in retriever.vocab_dict]
            rows.append(retriever.get_scores(known) if known else np.zeros(len(split.texts)))
        return split.best_of(np.array(rows))

    return score


def characters_and_words(text: str) -> list[str]:
    """Single characters and jieba's search words: of the mixtures tried, the one that makes the sum below strongest."""
    text = "".join(text.lower().split())
    return list(text) + search_words(text)


def vectors_of(both: bool) -> TfidfVectorizer:
    if both:
        return TfidfVectorizer(analyzer=characters_and_words, sublinear_tf=True)
    return TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True)


def nearest_neighbour(split: Split, both: bool = False) -> Scorer:
    """Cosine of TF-IDF vectors (characters up to three in a row) with the nearest way of asking."""
    vectors = vectors_of(both)
    known = vectors.fit_transform(split.texts)
    return lambda queries: split.best_of((vectors.transform(queries) @ known.T).toarray())


def linear_svm(split: Split, both: bool = False) -> Scorer:
    """A linear support vector machine, one against all, over the same vectors."""
    vectors = vectors_of(both)
    model = LinearSVC(C=1.0)
    model.fit(vectors.fit_transform(split.texts), split.owner)

    def score(queries: list[str]) -> np.ndarray:
        out = np.full((len(queries), len(split.ids)), -np.inf)
        out[:, model.classes_] = model.decision_function(vectors.transform(queries))
        return out

    return score


def both_summed(split: Split) -> Scorer:
    """Nearest neighbour and support vector machine summed, over characters and jieba's search words."""
    near, machine = nearest_neighbour(split, both=True), linear_svm(split, both=True)
    return lambda queries: near(queries) + machine(queries)


METHODS: dict[str, Callable[[Split], Scorer]] = {
    "BM25 over characters": bm25_characters,
    "TF-IDF nearest neighbour": nearest_neighbour,
    "linear SVM": linear_svm,
    "nearest neighbour + SVM, characters + words": both_summed,
    "bm25s over jieba words": bm25s_words,
}


def predict(split: Split, scorer: Scorer) -> dict:
    scores = scorer(split.tests)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :PLACES]
    tests = [
        {"ranked": [split.ids[entry] for entry in places], "score": float(row[places[0]])}
        for places, row in zip(order, scores, strict=True)
    ]
    outside = {kind: scorer(texts).max(axis=1).tolist() for kind, texts in split.outside.items()}
    return {"tests": tests, "outside": outside}


def main() -> None:
    for name in sys.argv[1:]:
        path = Path(name)
        split = Split(path)
        found = {method: predict(split, make(split)) for method, make in METHODS.items()}
        path.with_suffix(".predictions.json").write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main()
