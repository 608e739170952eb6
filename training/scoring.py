"""Which of many known sentences was this? Scores over CTC posteriors, as in the trial that the project rests on.

The Rust crates do the same for the product; this is the measuring stick that needs nothing but NumPy and PyTorch.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F

from batches import rime_ids, split_syllables
from train import collapse, edit_distance

IMPOSSIBLE = -1e9
# Soft 2-grams, soft 4-grams, CTC per phone (all as z-scores); found with the constants below on the held-out tenth of
# zh_sentences and synthetic Tibetan, with the shipped model and the proxy (LOG.md).
FUSION = (0.7, 0.7, 1.5)
KAPPA = 0.12
# n-grams' support counts as if they had this many phones: otherwise long ones vanish when the model hears badly.
PHONES = 4.0
# An entry's sum is divided by its own best possible sum to this power; 1 would let short entries win on bad posteriors.
LENGTH_POWER = 0.5


class Entries:
    """Known sentences: their phones, and their syllable n-grams with inverse document frequencies."""

    def __init__(self, phones: list[list[int]]):
        self.phones = phones
        rimes = rime_ids()
        self.syllables = [split_syllables(labels, rimes) for labels in phones]
        self.grams = {n: Grams(self.syllables, n) for n in (2, 3, 4)}

    @cached_property
    def targets(self) -> tuple[torch.Tensor, torch.Tensor]:
        """All phones padded, i64[entries, longest], and their numbers."""
        lengths = torch.tensor([len(labels) for labels in self.phones])
        padded = torch.zeros(len(self.phones), int(lengths.max()), dtype=torch.long)
        for row, labels in enumerate(self.phones):
            padded[row, : len(labels)] = torch.tensor(labels)
        return padded, lengths

    def ctc(self, log_probs: np.ndarray) -> np.ndarray:
        """f32[T, V] → log-probability of each entry, f64[entries]; impossible ones very low."""
        padded, lengths = self.targets
        count, frames = len(self.phones), len(log_probs)
        spread = torch.from_numpy(log_probs)[:, None, :].expand(-1, count, -1).contiguous()
        loss = F.ctc_loss(spread, padded, torch.full((count,), frames), lengths, reduction="none")
        return np.nan_to_num(-loss.numpy().astype(np.float64), neginf=IMPOSSIBLE)

    def ctc_per_phone(self, log_probs: np.ndarray) -> np.ndarray:
        """`ctc` divided by the number of phones."""
        return self.ctc(log_probs) / np.array([len(labels) for labels in self.phones])

    def edit(self, log_probs: np.ndarray) -> np.ndarray:
        """Minus the edit distance of the greedy phones, relative to the entry's length."""
        heard = collapse(log_probs.argmax(-1))
        return np.array([-edit_distance(heard, labels) / max(1, len(labels)) for labels in self.phones])

    def fused(self, log_probs: np.ndarray) -> np.ndarray:
        """Fusion of soft 2-grams, soft 4-grams and CTC per phone."""
        views = (
            self.grams[2].scores(log_probs, KAPPA),
            self.grams[4].scores(log_probs, KAPPA),
            self.ctc_per_phone(log_probs),
        )
        return sum(weight * standard(view) for weight, view in zip(FUSION, views))


def standard(values: np.ndarray) -> np.ndarray:
    """z-scores; hopeless outliers are clipped first so that they do not stretch the scale."""
    values = np.maximum(values, np.median(values) - 6 * (np.median(np.abs(values - np.median(values))) + 1e-9))
    return (values - values.mean()) / (values.std() + 1e-9)


class Grams:
    """Soft acoustic n-grams of syllables: how well each is supported anywhere in the sound, summed per entry."""

    def __init__(self, entries: list[list[tuple[int, ...]]], n: int):
        self.n, ids, holders = n, {}, defaultdict(set)
        self.per_entry = []
        for number, syllables in enumerate(entries):
            size = min(n, max(1, len(syllables)))
            grams = [tuple(syllables[i : i + size]) for i in range(len(syllables) - size + 1)]
            own = [ids.setdefault(gram, len(ids)) for gram in grams]
            for gram in own:
                holders[gram].add(number)
            self.per_entry.append(np.array(own, np.int64))
        self.idf = np.array([np.log(len(entries) / len(holders[gram])) for gram in range(len(ids))])
        sequences = [[label for syllable in gram for label in syllable] for gram in ids]
        longest = max(map(len, sequences))
        # States of each n-gram: phone, blank, phone … phone; padded with a class that is never emitted.
        self.states = np.full((len(sequences), 2 * longest - 1), -1, np.int64)
        self.skip = np.zeros(self.states.shape, bool)
        for row, labels in enumerate(sequences):
            self.states[row, : 2 * len(labels) - 1 : 2] = labels
            self.states[row, 1 : 2 * len(labels) - 1 : 2] = 0
            self.skip[row, 2 : 2 * len(labels) - 1 : 2] = np.array(labels[1:]) != np.array(labels[:-1])
        self.last = np.array([2 * len(labels) - 2 for labels in sequences])
        self.lengths = np.array([len(labels) for labels in sequences])

    def support(self, log_probs: np.ndarray) -> np.ndarray:
        """Best local Viterbi score of each n-gram relative to the greedy path there; 0 is perfect. f32[n-grams]."""
        relative = (log_probs - log_probs.max(-1, keepdims=True)).astype(np.float32)
        relative = np.concatenate([relative, np.full((len(relative), 1), IMPOSSIBLE, np.float32)], axis=1)
        rows = np.arange(len(self.states))
        best = np.full(len(self.states), IMPOSSIBLE, np.float32)
        current = np.full(self.states.shape, IMPOSSIBLE, np.float32)
        for frame in relative:
            entered = np.empty_like(current)
            entered[:, 0] = 0  # An n-gram may begin at any time.
            entered[:, 1:] = current[:, :-1]
            jumped = np.full_like(current, IMPOSSIBLE)
            jumped[:, 2:] = np.where(self.skip[:, 2:], current[:, :-2], IMPOSSIBLE)
            current = np.maximum(np.maximum(current, entered), jumped) + frame[self.states]
            np.maximum(best, current[rows, self.last], out=best)
        return best

    def scores(self, log_probs: np.ndarray, kappa: float) -> np.ndarray:
        """Per entry: Σ idf·exp(κ·4·support ÷ phones) over its n-grams, divided by √Σ idf."""
        weights = self.idf * np.exp(kappa * PHONES * self.support(log_probs) / self.lengths)
        return np.array([weights[own].sum() / (self.idf[own].sum() + 1e-9) ** LENGTH_POWER for own in self.per_entry])
