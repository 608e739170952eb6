#!/usr/bin/env python3
"""This project's Whisper engine against pywhispercpp, on the small model that knows ten words.

    python3 compare_whisper.py --vocabulary REAL.bin [--clips N] [--json FILE]

REAL.bin is any multilingual ggml file: its vocabulary is put into the model (`whisper_shaped.py write`). Without it the
made-up vocabulary is used. Both programs get the same file, the same clips and one thread; texts must be equal, and how
much processor time each takes per second of sound is printed: pywhispercpp with its default settings (1,500 audio
positions) and with the number of positions that this project's engine takes for a clip of that length. Needs
`requirements-ears.txt`.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import resource
import subprocess
import sys
import tempfile
import time
import wave
from pathlib import Path

import numpy as np
from pywhispercpp.model import Model

sys.path.insert(0, str(Path(__file__).resolve().parent))
import whisper_shaped  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
RATE, TRIES = 16_000, 3


def positions(seconds: float) -> int:
    """`audio_positions` of `speech/src/transcriber/whisper.rs`."""
    return min(max(math.ceil(seconds * 50) + 64, 384), 1500)


def clips(folder: Path, count: int) -> list[tuple[Path, np.ndarray, str, str]]:
    """(file, samples, language, what was said)."""
    chance, made = random.Random(2024), []
    for number in range(count):
        language = ("zh", "bo")[number % 2]
        words = [chance.randrange(10) for _ in range(chance.randint(2, 6 if language == "zh" else 4))]
        samples = whisper_shaped.speak(
            words, start=0.05 + 0.25 * chance.random(), gap=0.05 + 0.08 * chance.random(),
            level=0.1 + 0.4 * chance.random(), detune=1 + 0.02 * (chance.random() - 0.5),
        )  # fmt: skip
        noise = np.random.default_rng(number).normal(0, 0.003, len(samples))
        whole = np.clip(np.round((np.array(samples) + noise) * 32767), -32768, 32767).astype("<i2")
        path = folder / f"{number:03}.wav"
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes(whole.tobytes())
        letters = whisper_shaped.WRITTEN[whisper_shaped.ZH if language == "zh" else whisper_shaped.BO]
        said = "".join(letters[word] for word in words)
        made.append((path, whole.astype(np.float32) / 32768, language, said))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vocabulary", type=Path)
    parser.add_argument("--clips", type=int, default=60)
    parser.add_argument("--json", type=Path, help="writes the figures there too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "ggml-words.bin"
        whisper_shaped.write(model, whisper_shaped.FIXTURE, arguments.vocabulary)
        made = clips(Path(folder), arguments.clips)
        total = sum(len(samples) for _, samples, _, _ in made) / RATE
        command = ["cargo", "run", "--quiet", "--package", "speech", "--example", "transcribe_clips", "--"]
        ours: dict[str, str] = {}

        def run(times: int) -> float:
            """Transcribes everything so many times; returns processor seconds, loading included."""
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            for language in ("zh", "bo"):
                listed = "\n".join(str(path) for path, _, spoken, _ in made * times if spoken == language)
                process = subprocess.run(
                    [*command, "whisper", str(model), language], cwd=ROOT, input=listed, capture_output=True, text=True
                )
                if process.returncode:
                    sys.exit(process.stderr)
                ours.update((line["file"], line["text"]) for line in map(json.loads, process.stdout.splitlines()))
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

        run(1)
        # The difference leaves out what is done once: cargo, loading, the first states.
        spent = (run(1 + TRIES) - run(1)) / TRIES
        right = sum(ours[str(path)] == said for path, _, _, said in made)
        print(f"this project: {right} of {len(made)} as spoken, {spent / total:.4f} processor s per second of sound")
        theirs = Model(str(model), print_progress=False, print_realtime=False, redirect_whispercpp_logs_to=None)
        ways = {
            "its defaults": lambda seconds: {},
            "equal positions": lambda seconds: {"audio_ctx": positions(seconds), "temperature_inc": 0.0},
        }
        failures, figures = 0, {"ours": spent / total}
        for name, settings in ways.items():
            same, right, spent, differing = 0, 0, 0.0, []
            for path, samples, language, said in made:
                begun = time.process_time()
                for _ in range(TRIES):
                    more = settings(len(samples) / RATE)
                    segments = theirs.transcribe(samples, language=language, n_threads=1, **more)
                spent += (time.process_time() - begun) / TRIES
                text = "".join(segment.text for segment in segments).strip()
                same += text == ours[str(path)]
                right += text == said
                if text != ours[str(path)]:
                    differing.append((said, text, ours[str(path)]))
            if name == "equal positions":
                failures = len(differing)
            print(f"pywhispercpp, {name}: {same} of {len(made)} equal to this project's, {right} as spoken, "
                  f"{spent / total:.4f} processor s per second of sound")  # fmt: skip
            figures[name] = spent / total
            figures[f"{name}: same text"] = same / len(made)
            for said, text, ours_text in differing[:5]:
                print(f"  spoken {said}, theirs {text}, ours {ours_text}")
        if arguments.json:
            arguments.json.write_text(json.dumps(figures))
        sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
