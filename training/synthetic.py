"""Texts → features, spoken by espeak-ng in both languages with many voices.

    python synthetic.py TEXTS.tsv PHONES.tsv ESPEAK OUT SHARD SHARDS

Every text twice, by two random training voices; besides, one text in forty is kept away from training and spoken once by a
held-out voice (speaker `held_out`): the synthetic development set.
"""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path

from espeak import prepare, speak
from features import fbank
from phones import Pronouncer
from store import ShardWriter, is_complete

VOICES = json.loads((Path(__file__).parent / "voices.json").read_text())
DEVELOPMENT_EVERY = 40
RENDERINGS = 2


def draw(spec: dict, variant: str, rng: random.Random) -> dict:
    """One voice: a variant with pitch, rate and amplitude from the ranges of `spec`."""
    return {"variant": variant} | {key: rng.randint(*spec[key]) for key in ("pitch", "rate", "amplitude")}


def training_voice(rng: random.Random) -> dict:
    """A random voice of the training list."""
    return draw(VOICES["train"], rng.choice(VOICES["train"]["variants"]), rng)


def held_out_voice(rng: random.Random) -> dict:
    """A random voice of the held-out list."""
    spec = rng.choice(VOICES["held_out"])
    return draw(spec, spec["variant"], rng)


def main(texts: Path, phones: Path, espeak: Path, out: Path, shard: int, shards: int) -> None:
    path = out / f"synthetic-{shard}"
    if is_complete(path):
        print(f"{path.name}: already there")
        return
    rows = [line.split("\t") for line in texts.read_text().splitlines()][shard::shards]
    pronouncer, folder = Pronouncer(phones), prepare(espeak)
    pronouncer.learn((language, text) for language, _, text in rows)
    writer, start = ShardWriter(path), time.time()
    for number, (language, _, text) in enumerate(rows):
        plan = pronouncer.espeak(language, text)
        if not plan:
            continue
        rng = random.Random(f"{shard} {number}")
        held_out = number % DEVELOPMENT_EVERY == 0
        voices = [held_out_voice(rng)] if held_out else [training_voice(rng) for _ in range(RENDERINGS)]
        for voice in voices:
            features = fbank(speak(folder, plan, **voice))
            writer.add(features, language, "held_out" if held_out else "train", voice["variant"], text)
        if number % 500 == 499:
            print(f"{path.name}: {number + 1}/{len(rows)} texts, {time.time() - start:.0f} s", flush=True)
    writer.close()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:5]), int(sys.argv[5]), int(sys.argv[6]))
