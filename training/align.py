"""Where the syllables of a known sentence are, by CTC forced alignment with the model as far as it has learnt."""

from __future__ import annotations

import numpy as np
import torch

from batches import Example, pack, rime_ids
from model import SUBSAMPLING, Recogniser

IMPOSSIBLE = -1e30


def viterbi(log_probs: np.ndarray, labels: list[int]) -> np.ndarray:
    """f32[T, V] and classes → for each label the output frame at which it is first emitted, i64[len(labels)].

    The usual CTC topology: blank, label, blank, label … blank; a label may be entered from its own blank, and from the
    label before it where the two differ.
    """
    states = np.zeros(2 * len(labels) + 1, np.int64)
    states[1::2] = labels
    scores = log_probs[:, states]
    skip = np.zeros(len(states), bool)
    skip[3::2] = states[3::2] != states[1:-2:2]
    current = np.full(len(states), IMPOSSIBLE)
    current[:2] = scores[0, :2]
    back = np.zeros(scores.shape, np.int8)
    for t in range(1, len(scores)):
        one = np.concatenate([[IMPOSSIBLE], current[:-1]])
        two = np.where(skip, np.concatenate([[IMPOSSIBLE, IMPOSSIBLE], current[:-2]]), IMPOSSIBLE)
        choices = np.stack([current, one, two])
        back[t] = choices.argmax(0)
        current = choices.max(0) + scores[t]
    state = len(states) - 1 if current[-1] >= current[-2] else len(states) - 2
    first = np.zeros(len(labels), np.int64)
    for t in range(len(scores) - 1, -1, -1):
        if state % 2:
            first[state // 2] = t
        state -= back[t, state]
    return first


def boundaries(example: Example, log_probs: np.ndarray, rimes: set[int]) -> list[tuple[int, int]]:
    """(feature frame, label index) of every syllable boundary: the quietest frame around where the next one starts."""
    first = viterbi(log_probs, example.labels)
    level = example.features.astype(np.float32).mean(axis=1)
    cuts = [(0, 0)]
    for index in range(1, len(example.labels)):
        if example.labels[index - 1] in rimes:
            # CTC emits a phone late rather than early: look from the rime's emission to the next onset's.
            low = first[index - 1] * SUBSAMPLING + 2
            high = max(low + 1, first[index] * SUBSAMPLING + 2)
            frame = low + int(level[low:high].argmin()) if low < len(level) else len(level)
            cuts.append((max(frame, cuts[-1][0]), index))
    return [*cuts, (len(level), len(example.labels))]


@torch.no_grad()
def add_cuts(model: Recogniser, examples: list[Example]) -> None:
    """Fills in `cuts` of natural sentences, in place."""
    rimes = rime_ids()
    model.eval()
    ordered = sorted(examples, key=lambda e: len(e.features))
    for start in range(0, len(ordered), 32):
        group = ordered[start : start + 32]
        batch = pack([(e.features.astype(np.float32), e.labels) for e in group])
        with torch.autocast("cpu", torch.bfloat16):
            log_probs, lengths = model(torch.from_numpy(batch.x), torch.from_numpy(batch.x_lens))
        for example, values, length in zip(group, log_probs.numpy(), lengths):
            example.cuts = boundaries(example, values[:length], rimes)
