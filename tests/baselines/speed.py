"""How long bm25s over jieba's words takes for a question, on one thread.

Usage: speed.py REQUEST.json ; a request is {"texts": [way of asking], "queries": [question]}; writes REQUEST.speed.json:
{"milliseconds": [by question], "index_seconds": x}.
"""

import json
import logging
import sys
import time
from pathlib import Path

import bm25s
import jieba

from baselines import words

WARM_UP = 20
PLACES = 5


def main() -> None:
    jieba.setLogLevel(logging.WARNING)
    path = Path(sys.argv[1])
    request = json.loads(path.read_text(encoding="utf-8"))
    words("热身")
    started = time.perf_counter()
    retriever = bm25s.BM25()
    retriever.index([words(text) for text in request["texts"]], show_progress=False)
    index_seconds = time.perf_counter() - started
    took = []
    for query in request["queries"][:WARM_UP] + request["queries"]:
        started = time.perf_counter()
        retriever.retrieve([words(query)], k=PLACES, show_progress=False, n_threads=0)
        took.append((time.perf_counter() - started) * 1e3)
    answer = {"milliseconds": took[WARM_UP:], "index_seconds": index_seconds}
    path.with_suffix(".speed.json").write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main()
