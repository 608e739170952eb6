#!/usr/bin/env python3
"""Writes a very small ggml file of Whisper's shape, so that the Whisper engine can be tested without a download.

    python3 make_tiny_whisper.py OUT.bin

whisper.cpp loads it like any multilingual model (51,865 tokens, 1,500 audio positions, 80 mel bands) and encodes and
decodes with it; what comes out is meaningless but always the same, because all weights are drawn from one seed. Needs
nothing but Python. The layout follows `whisper_model_load` of whisper.cpp: magic; eleven i32 of dimensions; mel
filters; the vocabulary; tensors as (dimensions, name length, type, shape innermost first, name, data).
"""

from __future__ import annotations

import math
import random
import struct
import sys
from pathlib import Path

VOCABULARY, FILE_VOCABULARY = 51_865, 50_257
AUDIO_CONTEXT, TEXT_CONTEXT = 1_500, 448
STATE, HEADS, LAYERS = 32, 1, 1
MELS, FFT_BINS = 80, 201
F32, F16 = 0, 1


def mel_filters() -> list[float]:
    """Slaney's filter bank as librosa computes it for Whisper: 80 x 201 at 16 kHz, area-normalised."""

    def to_mel(hz: float) -> float:
        return hz / (200 / 3) if hz < 1000 else 15 + math.log(hz / 1000) / (math.log(6.4) / 27)

    def to_hz(mel: float) -> float:
        return mel * 200 / 3 if mel < 15 else 1000 * math.exp((mel - 15) * math.log(6.4) / 27)

    edges = [to_hz(to_mel(8000) * i / (MELS + 1)) for i in range(MELS + 2)]
    filters = []
    for left, centre, right in zip(edges, edges[1:], edges[2:]):
        for index in range(FFT_BINS):
            hz = index * 40.0
            weight = max(0.0, min((hz - left) / (centre - left), (right - hz) / (right - centre)))
            filters.append(weight * 2 / (right - left))
    return filters


def vocabulary() -> list[bytes]:
    """256 single bytes, then made-up words of Tibetan letters; token 50,256 is empty, as in Whisper's own file."""
    words = [bytes([value]) for value in range(256)]
    words += [f"{chr(0x0F40 + number % 36)}{number}་".encode() for number in range(256, FILE_VOCABULARY - 1)]
    return [*words, b""]


class Writer:
    """Little-endian output with one seeded source of weights."""

    def __init__(self, path: Path):
        self.file, self.random = path.open("wb"), random.Random(20)

    def integers(self, *values: int) -> None:
        self.file.write(struct.pack(f"<{len(values)}i", *values))

    def tensor(self, name: str, kind: int, shape: tuple[int, ...], values) -> None:
        """`shape` innermost dimension first; `values` as many floats as its product."""
        self.integers(len(shape), len(name), kind, *shape)
        self.file.write(name.encode())
        values = list(values)
        assert len(values) == math.prod(shape), name
        self.file.write(struct.pack(f"<{len(values)}{'f' if kind == F32 else 'e'}", *values))

    def random_tensor(self, name: str, kind: int, *shape: int, spread: float | None = None) -> None:
        """Gaussian weights, by default scaled by the fan-in."""
        count = math.prod(shape)
        spread = spread if spread is not None else 1 / math.sqrt(count / shape[-1])
        self.tensor(name, kind, shape, (self.random.gauss(0, spread) for _ in range(count)))

    def constant(self, name: str, *shape: int, value: float = 0.0) -> None:
        self.tensor(name, F32, shape, [value] * math.prod(shape))

    def norm(self, name: str) -> None:
        """A layer norm that starts as the identity."""
        self.constant(f"{name}.weight", STATE, value=1.0)
        self.constant(f"{name}.bias", STATE)

    def linear(self, name: str, inputs: int, outputs: int, bias: bool = True) -> None:
        self.random_tensor(f"{name}.weight", F16, inputs, outputs)
        if bias:
            self.constant(f"{name}.bias", outputs)

    def attention(self, name: str) -> None:
        """Query, key (which has no bias), value and output projections with their layer norm."""
        self.norm(f"{name}_ln")
        for part in ("query", "key", "value", "out"):
            self.linear(f"{name}.{part}", STATE, STATE, bias=part != "key")

    def feed_forward(self, block: str) -> None:
        self.norm(f"{block}.mlp_ln")
        self.linear(f"{block}.mlp.0", STATE, 4 * STATE)
        self.linear(f"{block}.mlp.2", 4 * STATE, STATE)

    def encoder(self) -> None:
        self.random_tensor("encoder.positional_embedding", F32, STATE, AUDIO_CONTEXT, spread=0.1)
        for number, inputs in ((1, MELS), (2, STATE)):
            self.random_tensor(f"encoder.conv{number}.weight", F16, 3, inputs, STATE)
            self.constant(f"encoder.conv{number}.bias", 1, STATE)
        for layer in range(LAYERS):
            self.attention(f"encoder.blocks.{layer}.attn")
            self.feed_forward(f"encoder.blocks.{layer}")
        self.norm("encoder.ln_post")

    def decoder(self) -> None:
        self.random_tensor("decoder.positional_embedding", F32, STATE, TEXT_CONTEXT, spread=0.1)
        self.random_tensor("decoder.token_embedding.weight", F16, STATE, VOCABULARY, spread=0.3)
        for layer in range(LAYERS):
            self.attention(f"decoder.blocks.{layer}.attn")
            self.attention(f"decoder.blocks.{layer}.cross_attn")
            self.feed_forward(f"decoder.blocks.{layer}")
        self.norm("decoder.ln")


def main(path: Path) -> None:
    writer = Writer(path)
    writer.file.write(struct.pack("<I", 0x67676D6C))
    writer.integers(VOCABULARY, AUDIO_CONTEXT, STATE, HEADS, LAYERS, TEXT_CONTEXT, STATE, HEADS, LAYERS, MELS, F16)
    writer.integers(MELS, FFT_BINS)
    writer.file.write(struct.pack(f"<{MELS * FFT_BINS}f", *mel_filters()))
    words = vocabulary()
    writer.integers(len(words))
    for word in words:
        writer.file.write(struct.pack("<I", len(word)) + word)
    writer.encoder()
    writer.decoder()
    writer.file.close()
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
