"""Synthetic sounds that Rust and Python make alike, bit by bit: integers only, 16 kHz, 16 bits.

`speech/tests/support/clips.rs` is the same in Rust. A clip is a rising triangle wave plus noise under an envelope that
switches every 100 ms, so that neighbouring frames differ and a recogniser with random weights says many things.
"""

import numpy as np


def clip(seed: int, samples: int) -> np.ndarray:
    """`samples` values of -32768..32767 (int32). Formula, for sample i, with all state starting at 0 and x at `seed`:

    x      = (x * 1103515245 + 12345) mod 2^31
    noise  = (x >> 16) - 16384                               (-16384..16383)
    phase  = (phase + 800 + 37 * ((seed + i / 1600) mod 61) + i / 40) mod 65536
    wave   = |phase - 32768| - 16384                         (-16384..16384)
    loud   = 1 + (7 * (seed + i / 1600)) mod 13              (1..13, changes every 1600 samples)
    hiss   = 1 + (5 * (seed + i / 1600)) mod 7               (1..7)
    sample = (wave * loud) / 16 + (noise * hiss) / 64        (divisions round towards minus infinity)
    """
    x, phase, out = seed, 0, np.empty(samples, np.int32)
    for i in range(samples):
        x = (x * 1103515245 + 12345) % (1 << 31)
        noise = (x >> 16) - 16384
        block = seed + i // 1600
        phase = (phase + 800 + 37 * (block % 61) + i // 40) % 65536
        wave = abs(phase - 32768) - 16384
        out[i] = (wave * (1 + 7 * block % 13)) // 16 + (noise * (1 + 5 * block % 7)) // 64
    return out


def hushed(samples: np.ndarray) -> np.ndarray:
    """The same with samples 4000 to 7999 divided by 8192 (towards minus infinity: a few units at most) and samples 8000 to
    11999 zero: what a microphone gives in a quiet room, and what a telephone line gives between two people."""
    out = samples.copy()
    out[4000:8000] //= 8192
    out[8000:12000] = 0
    return out


def as_floats(samples: np.ndarray) -> np.ndarray:
    """16-bit values as float32 in [-1, 1), exactly."""
    return (samples.astype(np.float32) / np.float32(32768.0)).astype(np.float32)


# (seed, samples) of the clips of the committed fixtures: 1 s, 2.37 s and 0.5 s.
CLIPS = [(1, 16000), (20, 37937), (7, 8000)]
