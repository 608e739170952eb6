"""What the recogniser can do, in figures, for the shipped model and for the proxy that heard synthetic speech only.

    python evaluate.py DATA PHONES.tsv ESPEAK SAMPLE_KB TEXTS.tsv FIGURES.json NAME=MODEL.onnx ... [--sets zh_real,bo_voice]

Sets: `zh_real`, real Mandarin by people nobody trained on (never used for any choice), and `zh_checked`, the same without
six recordings whose transcripts are wrong; `zh_dev`, the held-out tenth of
the training sentences (two heard speakers; this one may be looked at while tuning); `bo_voice` and `zh_voice`, every
question of the sample knowledge base spoken by held-out espeak-ng voices. Each is looked for among all sentences of
its set and 500 distractors, first verbatim, then paraphrased: a run of a quarter of its units is deleted and a random
opening and closing put around it, for all entries and distractors alike.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from batches import is_development
from espeak import prepare, speak
from export import posteriors, session
from features import fbank, read_audio
from phones import Pronouncer, inventory
from scoring import Entries, collapse, edit_distance
from synthetic import held_out_voice

DISTRACTORS = 500
# Six recordings of `zh_speech` whose transcript is not what is said in them (evidence in LOG.md). `zh_real` counts them as
# everything else; `zh_checked` leaves them out.
DOUBTFUL = "35c7153"
OPENINGS = {
    "zh": ["", "请问一下", "我想知道", "你好我要", "麻烦问下"],
    # Awaiting a native reviewer: "I want to ask", "please tell me", "hello, I", "today I ask".
    "bo": ["", "ངས་འདྲི་འདོད་པ་ལ་", "ང་ལ་བཤད་རོགས་", "བཀྲ་ཤིས་བདེ་ལེགས་ང་", "དེ་རིང་ང་ལ་"],
}
CLOSINGS = {
    "zh": ["", "怎么办呢", "是什么意思", "在哪里", "可以吗"],
    # Awaiting a native reviewer: "how is it", "what must one do", "where is it", "is it allowed".
    "bo": ["", "་གང་འདྲ་རེད", "་ག་རེ་བྱེད་དགོས་རེད", "་ག་པར་ཡོད་རེད", "་ཆོག་གི་རེད་པས"],
}


@dataclass
class Spoken:
    """One recording or rendering: what was said, and its features f32[frames, 80]."""

    language: str
    text: str
    features: np.ndarray


def units(text: str, language: str) -> list[str]:
    """Characters of Chinese, syllables of Tibetan (a tsheg stays with its syllable)."""
    if language == "zh":
        return list(text)
    parts = [part for part in text.replace("།", "་").replace(" ", "་").split("་") if part]
    return [part + "་" for part in parts]


def paraphrase(text: str, language: str, rng: random.Random) -> str:
    """The trial's imitation of somebody asking the same in other words."""
    whole = units(text, language)
    gone = max(1, len(whole) // 4)
    start = rng.randrange(0, max(1, len(whole) - gone + 1))
    kept = "".join(whole[:start] + whole[start + gone :]).rstrip("་")
    return rng.choice(OPENINGS[language]) + kept + rng.choice(CLOSINGS[language])


def real_mandarin(data: Path, doubtful: bool = True) -> list[Spoken]:
    """`zh_speech`: for measuring only; without the doubtful transcripts if wished."""
    with (data / "zh_speech/manifest.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    rows = [row for row in rows if doubtful or DOUBTFUL not in row["file"]]
    return [Spoken("zh", row["text"], fbank(read_audio(data / "zh_speech" / row["file"]))) for row in rows]


def development(data: Path) -> list[Spoken]:
    """The tenth of `zh_sentences` that training leaves out."""
    rows = [line.split("\t") for line in (data / "zh_sentences/transcripts.tsv").read_text().splitlines()[1:]]
    rows = [row for row in rows if is_development(f"original {row[0]}")]
    return [Spoken("zh", text, fbank(read_audio(data / "zh_sentences" / file))) for file, _, text in rows]


def questions(folder: Path, language: str) -> list[str]:
    """Every main question of the sample knowledge base."""
    found = []
    for file in sorted(folder.glob("*.yaml")):
        for entry in yaml.safe_load(file.read_text()).get("entries", []):
            if entry.get(language, {}).get("question"):
                found.append(entry[language]["question"])
    return found


def voiced(texts: list[str], language: str, pronouncer: Pronouncer, espeak: Path) -> list[Spoken]:
    """Each text by one held-out voice."""
    folder, spoken = prepare(espeak), []
    for text in texts:
        voice = held_out_voice(random.Random(text))
        plan = pronouncer.espeak(language, text)
        if plan:
            spoken.append(Spoken(language, text, fbank(speak(folder, plan, **voice))))
    return spoken


def percent(hits: list[bool]) -> float:
    """Share of hits."""
    return round(float(np.mean(hits)), 4)


def area(inside: list[float], outside: list[float]) -> float:
    """Area under the ROC curve: how often a question that has an entry scores above one that has none."""
    inside, outside = np.array(inside), np.array(outside)
    return round(float((inside[:, None] > outside[None]).mean() + 0.5 * (inside[:, None] == outside[None]).mean()), 4)


def find(spoken: list[Spoken], heard: list[np.ndarray], texts: list[str], pronouncer: Pronouncer, quick: bool) -> dict:
    """Looks for each utterance among `texts` (the first ones are its own, in order) with every score."""
    ids = {name: number for number, name in enumerate(inventory())}
    language = spoken[0].language
    pronouncer.learn((language, text) for text in texts)
    entries = Entries([[ids[name] for name in pronouncer.phones(language, text)] for text in texts])
    methods = {"ctc_per_phone": entries.ctc_per_phone, "fused": entries.fused}
    if not quick:
        methods |= {"edit_distance": entries.edit, "ctc": entries.ctc}
    figures = {}
    for name, score in methods.items():
        first, five, inside, outside = [], [], [], []
        for number, log_probs in enumerate(heard):
            scores = score(log_probs)
            # Equal sentences are equally right.
            own = [i for i in range(len(spoken)) if spoken[i].text == spoken[number].text]
            best = np.argsort(-scores, kind="stable")[:5]
            first.append(best[0] in own)
            five.append(any(i in own for i in best))
            inside.append(scores[best[0]])
            outside.append(np.delete(scores, own).max())
        figures[name] = {"first": percent(first), "first_five": percent(five), "area": area(inside, outside)}
    return figures


def measure(name: str, spoken: list[Spoken], distractors: list[str], model, pronouncer: Pronouncer) -> dict:
    """All figures of one set with one model."""
    ids = {phone: number for number, phone in enumerate(inventory())}
    language = spoken[0].language
    pronouncer.learn((language, item.text) for item in spoken)
    heard = [posteriors(model, item.features) for item in spoken]
    wrong = total = 0
    for item, log_probs in zip(spoken, heard):
        labels = [ids[phone] for phone in pronouncer.phones(language, item.text)]
        wrong += edit_distance(collapse(log_probs.argmax(-1)), labels)
        total += len(labels)
    rng = random.Random(7)
    texts = [item.text for item in spoken] + distractors
    other_words = [paraphrase(text, language, rng) for text in texts]
    return {
        "set": name,
        "utterances": len(spoken),
        "entries": len(texts),
        "seconds": round(sum(len(item.features) for item in spoken) / 100, 1),
        "phone_error": round(wrong / total, 4),
        "verbatim": find(spoken, heard, texts, pronouncer, quick=False),
        "paraphrased": find(spoken, heard, other_words, pronouncer, quick=True),
    }


def show(figures: dict) -> None:
    """A table for people."""
    print(f"{'model':10} {'set':10} {'utt':>4} {'entries':>7} {'phone err':>9} | verbatim: edit  ctc  ctc/ph fused"
          " | paraphrased: ctc/ph  fused (first five)  area")  # fmt: skip
    for model, sets in figures.items():
        for figure in sets.values():
            exact, other = figure["verbatim"], figure["paraphrased"]
            print(
                f"{model:10} {figure['set']:10} {figure['utterances']:4} {figure['entries']:7} {figure['phone_error']:9.3f} |"
                f"          {exact['edit_distance']['first']:.2f}  {exact['ctc']['first']:.2f}  "
                f"{exact['ctc_per_phone']['first']:.3f} {exact['fused']['first']:.3f} |"
                f"              {other['ctc_per_phone']['first']:.2f}   {other['fused']['first']:.2f} "
                f"({other['fused']['first_five']:.2f})           {other['fused']['area']:.3f}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("data", "phones", "espeak", "sample_kb", "texts", "figures"):
        parser.add_argument(name, type=Path)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--sets", default="zh_real,zh_checked,bo_voice,zh_voice")
    options = parser.parse_args()
    pronouncer = Pronouncer(options.phones)
    rows = [line.split("\t") for line in options.texts.read_text().splitlines()]
    distractors = {
        language: sorted({text for code, kind, text in rows if code == language and kind == "clause"}, key=hash_text)
        for language in ("zh", "bo")
    }
    sets = {}
    for name in options.sets.split(","):
        language = name[:2]
        if name == "zh_real":
            sets[name] = real_mandarin(options.data)
        elif name == "zh_checked":
            sets[name] = real_mandarin(options.data, doubtful=False)
        elif name == "zh_dev":
            sets[name] = development(options.data)
        else:
            texts = questions(options.sample_kb, language)
            pronouncer.learn((language, text) for text in texts)
            sets[name] = voiced(texts, language, pronouncer, options.espeak)
    figures: dict = {}
    for pair in options.models:
        model_name, path = pair.split("=", 1)
        model = session(Path(path))
        figures[model_name] = {
            name: measure(name, spoken, distractors[name[:2]][:DISTRACTORS], model, pronouncer)
            for name, spoken in sets.items()
        }
        show({model_name: figures[model_name]})
    options.figures.parent.mkdir(parents=True, exist_ok=True)
    options.figures.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n")


def hash_text(text: str) -> int:
    """A fixed shuffle."""
    import zlib

    return zlib.crc32(text.encode())


if __name__ == "__main__":
    main()
