"""Real words and syllables (three speakers) → trimmed features, each as recorded and as one WORLD voice.

    python words.py DATA OUT SHARD SHARDS

Citation forms begin and end in silence and are slow; both are trimmed hard here, and `batches.py` compresses and
joins them in the mel domain. Left out: file names with `_` (not words of their own or interjections), er-suffixed
words (their sound is not in the inventory) and tone-5 copies of tone 1.
"""

from __future__ import annotations

import re
import sys
import time
import zlib
from pathlib import Path

import numpy as np

from features import SHIFT, fbank, read_audio
from natural import world_voices
from store import ShardWriter, is_complete

SETS = (("hsk", "yue"), ("syllabs", "chen"), ("syllabs_speaker3", "third"))
PINYIN = re.compile(r"^[a-z]+[1-4]$")
HANZI = re.compile(r"^[㐀-鿿]+$")


def wanted(folder: Path):
    """Yields (path, speaker, text) where text is hanzi, or `pinyin:ma3` for a syllable."""
    for name, speaker in SETS:
        for path in sorted((folder / name).glob("*.opus")):
            stem = path.stem.removeprefix("cmn-")
            if HANZI.match(stem) and "儿" not in stem:
                yield path, speaker, stem
            elif PINYIN.match(stem):
                yield path, speaker, f"pinyin:{stem}"


def speech_span(features: np.ndarray) -> tuple[int, int]:
    """First and one-past-last frame that belong to the word: a fifth of the way from the noise floor to the peak."""
    level = np.convolve(features.mean(axis=1), np.ones(3) / 3, mode="same")
    floor, peak = np.percentile(level, 5), np.percentile(level, 98)
    loud = np.flatnonzero(level > floor + 0.2 * (peak - floor))
    return max(0, loud[0] - 3), min(len(features), loud[-1] + 3)


def main(data: Path, out: Path, shard: int, shards: int) -> None:
    path = out / f"words-{shard}"
    if is_complete(path):
        print(f"{path.name}: already there")
        return
    mine = list(wanted(data / "cmn_words"))[shard::shards]
    writer, start = ShardWriter(path), time.time()
    for number, (file, speaker, text) in enumerate(mine):
        samples = read_audio(file)
        features = fbank(samples)
        first, last = speech_span(features)
        if last - first < 8:
            continue
        writer.add(features[first:last], "zh", speaker, "original", text)
        rng = np.random.default_rng(zlib.crc32(file.name.encode()))
        # WORLD needs a little silence around the word; the pitch band is drawn by the file's name.
        cut = samples[max(0, first - 10) * SHIFT : (last + 10) * SHIFT]
        for target, voice in world_voices(cut, rng, 1):
            other = fbank(voice)
            first, last = speech_span(other)
            if last - first >= 8:
                writer.add(other[first:last], "zh", speaker, f"world{target:.0f}", text)
        if number % 500 == 499:
            print(f"{path.name}: {number + 1}/{len(mine)} words, {time.time() - start:.0f} s", flush=True)
    writer.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
