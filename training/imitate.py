"""Tibetan syllables out of Mandarin recordings, so that human voices are heard saying Tibetan phones.

Without this, every Tibetan-only phone is learnt from espeak-ng alone, and the model could come to believe that nobody
but a machine speaks Tibetan. Only those rimes are imitated whose Lhasa sound is near: an unreleased stop is a vowel cut
short before a closure; final m is a vowel (or its nasal) going into the murmur of an initial m; final r a long vowel
going towards er; [e] the first half of Mandarin ei. Syllables of the shared phones are taken as they are. Nobody who
speaks Tibetan has judged the result; the share in training is small.
"""

from __future__ import annotations

import numpy as np

# Tibetan rime → Mandarin rimes to start from, and how they are bent.
RECIPES = {
    **{f"{vowel}{stop}": ((vowel,), "stop") for vowel in "aiu" for stop in "pk"},
    "op": (("o", "uo"), "stop"), "ok": (("o", "uo"), "stop"), "eyp": (("ei",), "stop"), "eyk": (("ei",), "stop"),
    "am": (("an", "a"), "m"), "im": (("in", "i"), "m"), "um": (("u",), "m"), "om": (("o", "uo"), "m"), "eym": (("ei",), "m"),
    "ar": (("a",), "r"), "ir": (("i",), "r"), "ur": (("u",), "r"), "or": (("o", "uo"), "r"), "eyr": (("ei",), "r"),
    "ey": (("ei",), "half"), "owng": (("ong",), "whole"),
}  # fmt: skip
MURMUR_FRAMES = slice(2, 9)  # Of a recorded syllable that begins with m: the closed lips.


def crossfade(one: np.ndarray, two: np.ndarray, frames: int) -> np.ndarray:
    """Joins two log-mel pieces, overlapping by `frames`; energies are mixed."""
    overlap = min(frames, len(one), len(two))
    if overlap == 0:
        return np.concatenate([one, two])
    fade = np.linspace(0, 1, overlap + 2, dtype=np.float32)[1:-1, None]
    both = np.log(np.exp(one[-overlap:]) * (1 - fade) + np.exp(two[:overlap]) * fade)
    return np.concatenate([one[:-overlap], both, two[overlap:]])


class Imitator:
    """Finds and bends recordings; `words` maps voice → syllable sequence → recordings."""

    def __init__(self, names: list[str], words: dict):
        self.ids = {name: number for number, name in enumerate(names)}
        self.names, self.words = names, words

    def recordings(self, voice: str, syllable: tuple[int, ...]) -> list[np.ndarray]:
        """Of one syllable in that voice, or in any other of the same make where it has none."""
        found = self.words[voice].get((syllable,))
        if found:
            return found
        others = (self.words[other].get((syllable,)) for other in self.words if other.split()[1] == voice.split()[1])
        return next((recordings for recordings in others if recordings), [])

    def syllable(self, voice: str, syllable: tuple[int, ...], rng: np.random.Generator) -> np.ndarray | None:
        """f32[frames, 80] of one Tibetan syllable, or `None` where no recording comes near."""
        exact = self.recordings(voice, syllable)
        if exact:
            return exact[rng.integers(len(exact))].astype(np.float32)
        starts, how = RECIPES.get(self.names[syllable[-1]], ((), ""))
        for start in starts:
            near = self.recordings(voice, (*syllable[:-1], self.ids[start]))
            if near:
                return self.bend(voice, near[rng.integers(len(near))].astype(np.float32), how, rng)
        return None

    def bend(self, voice: str, piece: np.ndarray, how: str, rng: np.random.Generator) -> np.ndarray:
        """Gives a recorded syllable another ending."""
        kept = max(6, int(len(piece) * rng.uniform(0.5, 0.7)))
        if how == "half":
            return piece[:kept]
        if how == "stop":
            closure = np.repeat(piece.min(axis=0, keepdims=True), max(3, int(kept * rng.uniform(0.25, 0.45))), axis=0)
            return np.concatenate([piece[:kept], closure])
        if how == "m":
            murmurs = self.recordings(voice, (self.ids["m"], self.ids["a"]))
            if murmurs:
                murmur = murmurs[rng.integers(len(murmurs))][MURMUR_FRAMES].astype(np.float32)
                return crossfade(piece[:kept], np.repeat(murmur, 2, axis=0), 4)
        if how == "r":
            tails = self.recordings(voice, (self.ids["er"],))
            if tails:
                tail = tails[rng.integers(len(tails))].astype(np.float32)
                return crossfade(piece[:kept], tail[len(tail) // 2 :], 8)
        return piece
