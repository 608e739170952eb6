"""Natural sentences → features in thirteen versions: as recorded, two other speeds, eight WORLD voices, two codecs.

    python natural.py DATA OUT [RECORDINGS.tsv] SHARD SHARDS

A WORLD voice (Morise et al. 2016, through `pyworld`) is the same utterance with its pitch moved to a target of
88-300 Hz and its formants scaled with it: a listener hears another person. Formants follow pitch by the power .25
(a doubling of pitch, man to woman, scales them by 1.19), times a random individual factor. The targets are
stratified so that every utterance is heard deep, middle and high. A speed is a plain resampling (pitch moves too). The
codecs are the telephone's (8 kHz, G.711 A-law) and the portal's (Opus at about 16 kbit/s), of one WORLD voice each.

RECORDINGS.tsv are an operator's own (`own.py`): written by hand, or exported from the console. They are worth more than everything else: other people's voices, and for
Tibetan the first ones.
"""

from __future__ import annotations

import io
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pyworld
import soundfile
import soxr

from features import SAMPLE_RATE, fbank, read_audio
from own import own_recordings
from store import ShardWriter, is_complete

SPEEDS = (0.9, 1.12)
VOICES = 8
LOWEST_HZ, HIGHEST_HZ = 88.0, 300.0
FORMANT_POWER = 0.25
FORMANT_SPREAD = 0.07  # Standard deviation of the individual factor, natural logarithm.
OPUS_LEVEL = 0.95  # libsndfile's scale; about 17 kbit/s.
FRAME_PERIOD_MS = 5.0


def voice_targets(rng: np.random.Generator, count: int) -> np.ndarray:
    """Pitch targets in Hz, one in each of `count` equal logarithmic bands."""
    edges = np.linspace(np.log(LOWEST_HZ), np.log(HIGHEST_HZ), count + 1)
    return np.exp(rng.uniform(edges[:-1], edges[1:]))


def warp_frequency(envelope: np.ndarray, factor: float) -> np.ndarray:
    """Scales formants: value at frequency f becomes the value that was at f / factor; f64[frames, bins]."""
    bins = envelope.shape[1]
    source = np.minimum(np.arange(bins) / factor, bins - 1)
    low = source.astype(int)
    high = np.minimum(low + 1, bins - 1)
    share = source - low
    return envelope[:, low] * (1 - share) + envelope[:, high] * share


def world_voices(samples: np.ndarray, rng: np.random.Generator, count: int):
    """Yields (pitch Hz, f32[n] samples) for `count` other voices; nothing when no pitch is found."""
    samples = samples.astype(np.float64)
    pitch, times = pyworld.dio(samples, SAMPLE_RATE, frame_period=FRAME_PERIOD_MS)
    pitch = pyworld.stonemask(samples, pitch, times, SAMPLE_RATE)
    voiced = pitch[pitch > 0]
    if len(voiced) < 10:
        return
    median = float(np.median(voiced))
    envelope = pyworld.cheaptrick(samples, pitch, times, SAMPLE_RATE)
    aperiodicity = pyworld.d4c(samples, pitch, times, SAMPLE_RATE)
    for target in voice_targets(rng, count):
        formants = (target / median) ** FORMANT_POWER * np.exp(rng.normal(0, FORMANT_SPREAD))
        # Lively to monotonous: the range of the melody is scaled around its median.
        melody = np.exp(np.log(np.maximum(pitch, 1e-3) / median) * rng.uniform(0.6, 1.3)) * target
        voice = pyworld.synthesize(
            np.where(pitch > 0, melody, 0.0),
            np.ascontiguousarray(np.maximum(warp_frequency(envelope, formants), 1e-16)),
            np.ascontiguousarray(np.clip(warp_frequency(aperiodicity, formants), 0, 1)),
            SAMPLE_RATE,
            FRAME_PERIOD_MS,
        )
        voice = voice / max(1.0, np.abs(voice).max())
        yield target, voice.astype(np.float32)


def through_telephone(samples: np.ndarray) -> np.ndarray:
    """f32[n] at 16 kHz → the same through 8 kHz and G.711 A-law (ITU-T G.711: logarithmic above 1/A, eight bits)."""
    narrow = np.clip(soxr.resample(samples, SAMPLE_RATE, 8_000), -1, 1)
    a, top = 87.6, 1 + np.log(87.6)
    size = np.abs(narrow)
    squeezed = np.where(size < 1 / a, a * size, 1 + np.log(np.maximum(a * size, 1))) / top
    steps = (np.floor(squeezed * 128) + 0.5) / 128
    opened = np.where(steps < 1 / top, steps * top / a, np.exp(steps * top - 1) / a)
    return soxr.resample((np.sign(narrow) * opened).astype(np.float32), 8_000, SAMPLE_RATE)


def through_opus(samples: np.ndarray) -> np.ndarray:
    """f32[n] at 16 kHz → the same through Opus."""
    packed = io.BytesIO()
    soundfile.write(packed, samples, SAMPLE_RATE, format="OGG", subtype="OPUS", compression_level=OPUS_LEVEL)
    packed.seek(0)
    heard, rate = soundfile.read(packed, dtype="float32")
    return heard if rate == SAMPLE_RATE else soxr.resample(heard, rate, SAMPLE_RATE)


def main(data: Path, out: Path, shard: int, shards: int, own: Path | None = None) -> None:
    path = out / (f"natural-{shard}" if own is None else f"natural-own-{shard}")
    if own is None and is_complete(path):
        print(f"{path.name}: already there")
        return
    if own is None:
        table = (data / "zh_sentences/transcripts.tsv").read_text().splitlines()[1:]
        cells = (line.split("\t") for line in table)
        rows = [(data / "zh_sentences" / file, speaker, text, "zh") for file, speaker, text in cells]
    else:
        rows = own_recordings(own)
    writer, start = ShardWriter(path), time.time()
    mine = rows[shard::shards]
    for number, (source, speaker, text, language) in enumerate(mine):
        samples, file = read_audio(source), source.name
        rng = np.random.default_rng(zlib.crc32(file.encode()))
        writer.add(fbank(samples), language, speaker, f"original {file}", text)
        for speed in SPEEDS:
            faster = soxr.resample(samples, SAMPLE_RATE * speed, SAMPLE_RATE)
            writer.add(fbank(faster), language, speaker, f"speed{speed} {file}", text)
        voices = [samples]
        for target, voice in world_voices(samples, rng, VOICES):
            writer.add(fbank(voice), language, speaker, f"world{target:.0f} {file}", text)
            voices.append(voice)
        for name, codec in (("alaw", through_telephone), ("opus", through_opus)):
            chosen = voices[rng.integers(len(voices))]
            writer.add(fbank(codec(chosen)), language, speaker, f"{name} {file}", text)
        if number % 20 == 19:
            spent = time.time() - start
            print(f"{path.name}: {number + 1}/{len(mine)} sentences, {spent:.0f} s", flush=True)
    writer.close()


if __name__ == "__main__":
    tables = [Path(table) for table in sys.argv[3:-2]]
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[-2]), int(sys.argv[-1]), *tables)
