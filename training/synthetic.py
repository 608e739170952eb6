"""Texts → features, spoken by espeak-ng in both languages with many voices.

    python synthetic.py TEXTS.tsv PHONES.tsv ESPEAK OUT SHARD SHARDS

Every text by two random training voices and by one whose formants are drawn at random: throats differ more than espeak-ng's ready-made voices do.
Besides, one text in forty is kept away from training and spoken once by a held-out voice (speaker `held_out`): the synthetic development set.
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


def drawn_variants(espeak: Path) -> list[str]:
    """Names of the drawn variants, whose files are written into espeak-ng's copied data folder; always the same ones."""
    spec, rng, names = VOICES["drawn"], random.Random(20261130), []
    for number in range(spec["count"]):
        name = f"drawn{number}"
        low, high = (rng.randint(*bounds) for bounds in spec["pitch"])
        lines = ["language variant", f"name {name}", f"pitch {low} {max(high, low + 20)}"]
        lines += [f"{key} {rng.randint(*spec[key])}" for key in ("flutter", "roughness", "voicing")]
        lines.append(f"consonants {rng.randint(*spec['consonants'])} {rng.randint(*spec['consonants'])}")
        for formant, bounds in enumerate(spec["formants"]["frequency"]):
            height, width = (rng.randint(*spec["formants"][key]) for key in ("height", "width"))
            lines.append(f"formant {formant} {rng.randint(*bounds)} {height} {width}")
        if rng.random() < 0.3:
            lines.append("breath " + " ".join(str(rng.randint(*spec["breath"])) for _ in range(8)))
        (espeak / "espeak-ng-data/voices/!v" / name).write_text("\n".join(lines) + "\n")
        names.append(name)
    return names


def drawn_voice(variants: list[str], rng: random.Random) -> dict:
    """One of the drawn variants."""
    return draw(VOICES["train"], rng.choice(variants), rng)


def held_out_voice(rng: random.Random) -> dict:
    """A random voice of the held-out list."""
    spec = rng.choice(VOICES["held_out"])
    return draw(spec, spec["variant"], rng)


def main(texts: Path, phones: Path, espeak: Path, out: Path, shard: int, shards: int) -> None:
    for kind in ("synthetic", "synthetic-drawn"):
        path = out / f"{kind}-{shard}"
        if is_complete(path):
            print(f"{path.name}: already there")
        else:
            render(path, texts, phones, espeak, shard, shards)


def render(path: Path, texts: Path, phones: Path, espeak: Path, shard: int, shards: int) -> None:
    """Speaks all texts of a shard, by ready-made voices or by drawn ones."""
    drawn = "drawn" in path.name
    rows = [line.split("\t") for line in texts.read_text().splitlines()][shard::shards]
    pronouncer, folder = Pronouncer(phones), prepare(espeak)
    pronouncer.learn((language, text) for language, _, text in rows)
    variants = drawn_variants(folder) if drawn else []
    writer, start = ShardWriter(path), time.time()
    for number, (language, _, text) in enumerate(rows):
        plan = pronouncer.espeak(language, text)
        if not plan:
            continue
        rng = random.Random(f"drawn {shard} {number}" if drawn else f"{shard} {number}")
        held_out = number % DEVELOPMENT_EVERY == 0
        if drawn:
            voices = [] if held_out else [drawn_voice(variants, rng)]
        else:
            voices = [held_out_voice(rng)] if held_out else [training_voice(rng) for _ in range(RENDERINGS)]
        for voice in voices:
            features = fbank(speak(folder, plan, **voice))
            writer.add(features, language, "held_out" if held_out else "train", voice["variant"], text)
        if number % 500 == 499:
            print(f"{path.name}: {number + 1}/{len(rows)} texts, {time.time() - start:.0f} s", flush=True)
    writer.close()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:5]), int(sys.argv[5]), int(sys.argv[6]))
