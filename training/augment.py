"""Rooms, noises, telephones, microphones and throats, imitated on log-mel features.

Working on features instead of samples costs a hundredth of the time. Powers add (noise), smear along time (the
energy decay of a room), and scale per band (microphone, telephone); only the phase between speech and noise is
ignored. Every function takes and returns f32[frames, 80]; names ending in `_power` mean energies, others logarithms.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.signal import lfilter

from features import BIN_HZ, BINS, LOG_FLOOR, fbank, read_audio

DB = np.log(10) / 10  # One decibel in natural-log power.
WARPS = np.linspace(0.88, 1.14, 27)


def stretch(features: np.ndarray, tempo: float) -> np.ndarray:
    """Plays `tempo` times as fast, by interpolation between frames."""
    count = max(4, round(len(features) / tempo))
    at = np.linspace(0, len(features) - 1, count)
    low = at.astype(int)
    high = np.minimum(low + 1, len(features) - 1)
    share = (at - low).astype(np.float32)[:, None]
    return features[low] * (1 - share) + features[high] * share


def warp_matrices() -> np.ndarray:
    """f32[27, 80, 80]: each moves the spectrum by a factor of `WARPS` in frequency (vocal-tract length)."""
    matrices = np.zeros((len(WARPS), BINS, BINS), np.float32)
    for which, factor in enumerate(WARPS):
        at = np.interp(BIN_HZ / factor, BIN_HZ, np.arange(BINS))
        low = np.minimum(at.astype(int), BINS - 2)
        matrices[which, low, np.arange(BINS)] = 1 - (at - low)
        matrices[which, low + 1, np.arange(BINS)] += at - low
    return matrices


def smooth_curve(rng: np.random.Generator, strength_db: float) -> np.ndarray:
    """A microphone's frequency response, f32[80] in natural-log power: a tilt and a few broad bumps."""
    at = np.linspace(0, 1, BINS)
    curve = rng.normal(0, 1) * (at - 0.5) * 2
    for waves in (1, 2, 3):
        curve = curve + rng.normal(0, 0.6) * np.cos(np.pi * (waves * at + rng.uniform(0, 2)))
    return (curve * strength_db * DB).astype(np.float32)


def band(low_hz: float, high_hz: float, slope_db: float, depth_db: float) -> np.ndarray:
    """A band-pass in natural-log power: `slope_db` per octave outside, `depth_db` at most."""
    octaves = np.maximum(0, np.maximum(np.log2(low_hz / BIN_HZ), np.log2(BIN_HZ / high_hz)))
    return (-np.minimum(octaves * slope_db, depth_db) * DB).astype(np.float32)


@dataclass
class Strength:
    """How often each disturbance is applied (probabilities) and how strongly."""

    room: float = 0.4
    noise: float = 0.6
    telephone: float = 0.22
    low_pass: float = 0.12
    lowest_snr_db: float = 2.0


class Augmenter:
    """Holds the noise recordings (as powers) and applies random disturbances."""

    def __init__(self, noise_folder: Path, strength: Strength | None = None):
        self.strength = strength or Strength()
        self.warps = warp_matrices()
        files = sorted(noise_folder.glob("noise*.wav")) + sorted(noise_folder.glob("*.mp3"))
        self.noises = [np.exp(fbank(read_audio(file))) for file in files]
        # A room's energy decay in steps of 10 ms, direct sound = 1.
        self.rooms = [room_decay(read_audio(file)) for file in sorted(noise_folder.glob("rir*.wav"))]

    def throat(self, features: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Another vocal-tract length."""
        which = int(np.clip(round(rng.normal(13, 5)), 0, len(WARPS) - 1))
        return features @ self.warps[which]

    def noise_power(self, frames: int, babble: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
        """Recorded noise, coloured noise, wind, an engine, a crowd, or a few people talking; mean power one."""
        kind = rng.random()
        if kind < 0.36:
            source = self.noises[rng.integers(len(self.noises))]
            start = rng.integers(len(source))
            power = source[np.arange(start, start + frames) % len(source)] * np.exp(smooth_curve(rng, 3))
        elif kind < 0.44:
            power = wind(frames, rng)
        elif kind < 0.52:
            power = engine(frames, rng)
        elif kind < 0.72 or not babble:
            # Few degrees of freedom in narrow low bands, many in wide high ones.
            degrees = np.linspace(2, 12, BINS)
            shape = np.exp(smooth_curve(rng, 6))
            power = shape * rng.gamma(degrees, 1 / degrees, (frames, BINS)).astype(np.float32)
        else:
            power = np.zeros((frames, BINS), np.float32)
            crowd = kind > 0.9
            for talker in babble * (3 if crowd else 1):
                start = rng.integers(len(talker))
                other = np.exp(talker[np.arange(start, start + frames) % len(talker)].astype(np.float32))
                power += other / other.mean()
            if crowd:
                power = self.reverberate(power, rng)
        return power / power.mean()

    def disturb(self, features: np.ndarray, babble: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
        """Room, noise, channel, loudness, and the recorder's own floor."""
        power = np.exp(features)
        if rng.random() < self.strength.room:
            power = self.reverberate(power, rng)
        if rng.random() < self.strength.noise:
            snr_db = rng.uniform(self.strength.lowest_snr_db, 30)
            level = np.percentile(power.mean(axis=1), 85) * 10 ** (-snr_db / 10)
            power = power + level * self.noise_power(len(power), babble, rng)
        channel = smooth_curve(rng, 4)
        kind = rng.random()
        if kind < self.strength.telephone:
            channel = channel + band(rng.uniform(150, 350), rng.uniform(3200, 3800), rng.uniform(60, 150), 70)
        elif kind < self.strength.telephone + self.strength.low_pass:
            channel = channel + band(rng.uniform(20, 120), rng.uniform(4000, 7000), rng.uniform(60, 200), 70)
        gain = rng.uniform(-22, 12) * DB - max(0.0, float(np.log(power.mean() + 1e-9)))
        power = power * np.exp(channel + np.float32(gain))
        floor = rng.uniform(LOG_FLOOR - 2, -11)
        power += np.exp(floor) * rng.gamma(4, 0.25, power.shape).astype(np.float32)
        return np.maximum(np.log(power), LOG_FLOOR).astype(np.float32)

    def reverberate(self, power: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A measured room, or exponential decay with a random reverberation time and distance."""
        if rng.random() < 0.4:
            room = self.rooms[rng.integers(len(self.rooms))]
            return lfilter(room, [1.0], power, axis=0).astype(np.float32)
        seconds = rng.uniform(0.15, 0.8)
        decay = np.exp(-13.8 * 0.01 / seconds)
        late_share = 10 ** (rng.uniform(-14, 0) / 10)
        tail = lfilter([0, late_share * (1 - decay)], [1, -decay], power, axis=0)
        return (power + tail).astype(np.float32)


def gusts(frames: int, period: float, rng: np.random.Generator) -> np.ndarray:
    """A slowly wandering level, f32[frames, 1] in natural-log power: a new value about every `period` frames."""
    count = max(2, int(frames / period) + 2)
    return np.interp(np.linspace(0, count - 1, frames), np.arange(count), rng.normal(0, 1.2, count))[:, None]


def wind(frames: int, rng: np.random.Generator) -> np.ndarray:
    """Wind over a microphone, f32[frames, 80]: falls 9 to 18 dB per octave above some 100 Hz and comes in gusts."""
    octaves = np.maximum(0, np.log2(BIN_HZ / rng.uniform(60, 250)))
    shape = np.exp(-octaves * rng.uniform(9, 18) * DB + gusts(frames, rng.uniform(15, 80), rng))
    return (shape * rng.gamma(3, 1 / 3, (frames, BINS))).astype(np.float32)


def engine(frames: int, rng: np.random.Generator) -> np.ndarray:
    """A motor, f32[frames, 80]: harmonics of its turning over a falling spectrum, revolutions wandering a little."""
    turning = rng.uniform(40, 180) * np.exp(0.1 * gusts(frames, rng.uniform(50, 200), rng))
    comb = np.cos(2 * np.pi * BIN_HZ[None, :] / turning) * np.clip(2 - BIN_HZ / 600, 0, 1)
    slope = np.maximum(0, np.log2(BIN_HZ / 200)) * rng.uniform(3, 9)
    return (np.exp(1.5 * comb - slope * DB) * rng.gamma(6, 1 / 6, (frames, BINS))).astype(np.float32)


def room_decay(response: np.ndarray) -> np.ndarray:
    """Energy of an impulse response per 10 ms from its peak on, f64[≤ 60], the first step being one."""
    start = max(0, int(np.abs(response).argmax()) - 16)
    energy = response[start : start + 160 * 60].astype(np.float64) ** 2
    energy = np.pad(energy, (0, -len(energy) % 160)).reshape(-1, 160).sum(axis=1)
    return energy / energy[0]


def mask(features: np.ndarray, fill: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """SpecAugment (Park et al. 2019): two bands and a few moments replaced by the training mean, in place."""
    for _ in range(2):
        width = rng.integers(0, 13)
        start = rng.integers(0, BINS - width)
        features[:, start : start + width] = fill[start : start + width]
    for _ in range(max(1, len(features) // 100)):
        width = rng.integers(0, 14)
        start = rng.integers(0, max(1, len(features) - width))
        features[start : start + width] = fill
    return features
