"""What the recogniser hears while it learns: examples drawn at random, disturbed, and packed into batches.

Five kinds of examples. *natural*: real sentences of two speakers and their virtual voices, half of them cropped or
joined at syllable boundaries (so that they are not learnt by heart); *joined*: real words and syllables of three
speakers, compressed in time and joined to sentences; *imitated*: the same recordings bent into Tibetan syllables (see
`imitate.py`); *zh* and *bo*: espeak-ng.
"""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import store
from augment import DB, Augmenter, mask, stretch
from features import BINS, LOG_FLOOR
from imitate import Imitator, crossfade
from phones import Pronouncer, inventory

FRAMES_PER_BATCH = 16_000
LONGEST = 1_600  # Frames; longer utterances are left out.
DEVELOPMENT_TENTH = 7  # Natural sentences whose transcript's row number ends in this digit are for selection only.
LONGEST_WORD = 4


@dataclass
class Example:
    """Features f16[frames, 80], phone classes, and (natural sentences) where syllables may be cut."""

    features: np.ndarray
    labels: list[int]
    # Frame and label position of each syllable boundary, outer ends included; empty = not aligned.
    cuts: list[tuple[int, int]] = field(default_factory=list)
    key: str = ""


def fits(frames: int, labels: list[int]) -> bool:
    """Whether CTC can emit the labels: one output frame each, and a blank between equal neighbours."""
    repeats = sum(one == two for one, two in zip(labels, labels[1:]))
    return 0 < len(labels) and len(labels) + repeats <= frames // 4 and frames <= LONGEST


class Corpus:
    """Everything that was prepared, with labels, split into training and development."""

    def __init__(self, folder: Path, pronouncer: Pronouncer, synthetic_only: bool):
        self.names = inventory()
        self.ids = {name: number for number, name in enumerate(self.names)}
        rimes = rime_ids()
        synthetic = store.load(folder, "synthetic-*")
        natural = store.load(folder, "natural-0" if synthetic_only else "natural-*")
        words = [] if synthetic_only else store.load(folder, "words-*")
        pronouncer.learn({(u.language, u.text) for u in [*synthetic, *natural, *words]})

        def example(utterance) -> Example:
            labels = [self.ids[name] for name in pronouncer.phones(utterance.language, utterance.text)]
            return Example(utterance.features, labels, key=f"{utterance.version} {utterance.text}")

        def usable(utterances):
            return [e for e in map(example, utterances) if fits(len(e.features), e.labels)]

        self.synthetic = {
            language: usable(u for u in synthetic if u.language == language and u.speaker == "train")
            for language in ("zh", "bo")
        }
        held_back = {u.text for u in natural if is_development(u.version)}
        self.natural = usable(u for u in natural if u.text not in held_back) if not synthetic_only else []
        self.development = {
            "natural": usable(u for u in natural if is_development(u.version) and u.version.startswith("original")),
            **{
                language: usable(u for u in synthetic if u.language == language and u.speaker == "held_out")
                for language in ("zh", "bo")
            },
        }
        # Syllable sequences (tuples of tuples of classes) → recordings, per speaker and version.
        self.words: dict[str, dict[tuple, list[np.ndarray]]] = {}
        for utterance in words:
            labels = example(utterance).labels
            if labels:
                voice = f"{utterance.speaker} {'original' if utterance.version == 'original' else 'world'}"
                key = tuple(split_syllables(labels, rimes))
                self.words.setdefault(voice, {}).setdefault(key, []).append(utterance.features)
        texts = [e.labels for e in [*self.synthetic["zh"], *self.natural[::8]]]
        self.sentences = [split_syllables(labels, rimes) for labels in texts]
        self.tibetan_sentences = [split_syllables(e.labels, rimes) for e in self.synthetic["bo"]]


def is_development(version: str) -> bool:
    """Whether a natural utterance (its version names the file) belongs to the held-out tenth."""
    return Path(version.split(" ", 1)[-1]).stem.endswith(str(DEVELOPMENT_TENTH))


def rime_ids() -> set[int]:
    """Classes that end a syllable."""
    from phones import INVENTORY

    rows = [line.split("\t") for line in INVENTORY.read_text().splitlines()]
    return {int(row[0]) for row in rows if row[4] == "rime"}


def split_syllables(labels: list[int], rimes: set[int]) -> list[tuple[int, ...]]:
    """Every syllable ends in exactly one rime, so this is unambiguous."""
    syllables, current = [], []
    for label in labels:
        current.append(label)
        if label in rimes:
            syllables.append(tuple(current))
            current = []
    return syllables


class Sampler:
    """Draws examples; `mix` gives the share of each kind, `views` how many disturbances of each are drawn."""

    def __init__(self, corpus: Corpus, augmenter: Augmenter, mix: dict[str, float], views: int, fill: np.ndarray, seed: int):
        self.corpus, self.augmenter, self.views, self.fill = corpus, augmenter, views, fill
        self.kinds, self.shares = list(mix), np.array(list(mix.values())) / sum(mix.values())
        self.rng = np.random.default_rng(seed)
        self.voices = list(corpus.words)
        self.imitator = Imitator(corpus.names, corpus.words)
        # The speaker with words says most sentences; the two with syllables only, the rest.
        weights = np.array([3.0 if voice.startswith("yue") else 1.0 for voice in self.voices])
        self.voice_shares = weights / weights.sum() if len(weights) else weights

    def pick(self, items: list):
        """A random element."""
        return items[self.rng.integers(len(items))]

    def draw(self) -> tuple[list[np.ndarray], list[int]]:
        """One example disturbed in `views` ways, frame by frame the same speech: each f32[frames, 80], and its classes."""
        while True:
            kind = self.kinds[self.rng.choice(len(self.kinds), p=self.shares)]
            if kind == "natural":
                features, labels = self.natural()
            elif kind == "joined":
                features, labels = self.joined()
            elif kind == "imitated":
                features, labels = self.imitated()
            else:
                chosen = self.pick(self.corpus.synthetic[kind])
                features, labels = chosen.features.astype(np.float32), chosen.labels
            tempo = (0.85, 1.5) if kind in ("zh", "bo") else (0.8, 1.25)
            if len(features) < 8:
                continue
            features = stretch(features, np.exp(self.rng.uniform(*np.log(tempo))))
            features = self.with_silence(features)
            if fits(len(features), labels):
                return [self.disturbed(features) for _ in range(self.views)], labels

    def disturbed(self, features: np.ndarray) -> np.ndarray:
        """Another throat, room, noise, channel; parts masked."""
        features = self.augmenter.throat(features, self.rng)
        return mask(self.augmenter.disturb(features, self.babble(), self.rng), self.fill, self.rng)

    def babble(self) -> list[np.ndarray]:
        """One to four other talkers, for noise."""
        pool = self.corpus.natural or self.corpus.synthetic["zh"]
        return [self.pick(pool).features for _ in range(self.rng.integers(1, 5))]

    def with_silence(self, features: np.ndarray) -> np.ndarray:
        """Up to half a second of the quietest moment's spectrum before and after."""
        quiet = features[features.mean(axis=1).argmin()] - self.rng.uniform(0, 20) * DB
        before, after = self.rng.integers(0, 50, 2)
        frames = [np.repeat(quiet[None], count, 0) for count in (before, after)]
        return np.concatenate([frames[0], features, frames[1]])

    def natural(self) -> tuple[np.ndarray, list[int]]:
        """A sentence whole, cropped, or two crops joined."""
        chosen = self.pick(self.corpus.natural)
        kind = self.rng.random()
        if kind < 0.5 or len(chosen.cuts) < 7:
            return chosen.features.astype(np.float32), chosen.labels
        if kind < 0.75:
            return self.crop(chosen, longest=99)
        one, two = self.crop(chosen, longest=9), self.crop(self.pick(self.corpus.natural), longest=9)
        return np.concatenate([one[0], two[0] + one[0].mean() - two[0].mean()]), one[1] + two[1]

    def crop(self, example: Example, longest: int) -> tuple[np.ndarray, list[int]]:
        """Three to `longest` syllables of a sentence."""
        syllables = len(example.cuts) - 1
        if syllables < 4:
            return example.features.astype(np.float32), example.labels
        count = int(self.rng.integers(3, min(longest, syllables) + 1))
        start = int(self.rng.integers(0, syllables - count + 1))
        (first, label), (last, end) = example.cuts[start], example.cuts[start + count]
        return example.features[first:last].astype(np.float32), example.labels[label:end]

    def joined(self) -> tuple[np.ndarray, list[int]]:
        """A sentence (or a piece of one) put together from recorded words and syllables of one voice."""
        sentence = self.pick(self.corpus.sentences)
        if len(sentence) > 6 and self.rng.random() < 0.5:
            count = self.rng.integers(3, len(sentence) + 1)
            start = self.rng.integers(0, len(sentence) - count + 1)
            sentence = sentence[start : start + count]
        voice = self.voices[self.rng.choice(len(self.voices), p=self.voice_shares)]
        pace = self.rng.uniform(14, 26)
        output, labels, at = np.zeros((0, BINS), np.float32), [], 0
        while at < len(sentence):
            piece, used = self.longest_match(voice, sentence, at)
            if piece is not None:
                labels += [label for syllable in sentence[at : at + used] for label in syllable]
                output = self.append(output, piece.astype(np.float32), used * pace)
            at += used
        return (output, labels) if labels else self.natural()

    def imitated(self) -> tuple[np.ndarray, list[int]]:
        """Those syllables of a Tibetan sentence that Mandarin recordings can imitate, joined."""
        voice = self.voices[self.rng.integers(len(self.voices))]
        pace = self.rng.uniform(13, 24)
        output, labels = np.zeros((0, BINS), np.float32), []
        for syllable in self.pick(self.corpus.tibetan_sentences):
            piece = self.imitator.syllable(voice, syllable, self.rng)
            if piece is not None:
                output = self.append(output, piece, pace)
                labels += syllable
        return output, labels

    def longest_match(self, voice: str, sentence: list, at: int):
        """A recording of the next one to four syllables, and how many; (None, 1) where nobody says the next one."""
        longest = int(self.rng.integers(1, LONGEST_WORD + 1))
        for count in range(min(longest, len(sentence) - at), 0, -1):
            found = self.corpus.words[voice].get(tuple(sentence[at : at + count]))
            if found:
                return self.pick(found), count
        for other in self.voices:
            found = self.corpus.words[other].get((sentence[at],))
            if found:
                return self.pick(found), 1
        return None, 1

    def append(self, output: np.ndarray, piece: np.ndarray, frames: float) -> np.ndarray:
        """Cross-fades a piece, brought to about `frames` and to a common loudness, onto the sentence so far."""
        tempo = len(piece) / (frames * np.exp(self.rng.normal(0, 0.15)))
        piece = stretch(piece, float(np.clip(tempo, 0.9, 3.0)))
        piece = piece - np.percentile(piece.mean(axis=1), 80) + np.float32(self.rng.normal(-4, 2) * DB)
        if len(output) == 0:
            return piece
        return crossfade(output, piece, int(self.rng.integers(1, 6)))


@dataclass
class Batch:
    """Arrays for one step: x f32[N, T, 80], x_lens i64[N], labels i64[total], label_lens i64[N].

    With two views the second half of the rows are the same utterances as the first half, otherwise disturbed.
    """

    x: np.ndarray
    x_lens: np.ndarray
    labels: np.ndarray
    label_lens: np.ndarray


def pack(examples: list[tuple[np.ndarray, list[int]]]) -> Batch:
    """Pads to a common length (a multiple of 32 frames) with the value of silence."""
    longest = max(len(features) for features, _ in examples)
    x = np.full((len(examples), -(-longest // 32) * 32, BINS), LOG_FLOOR, np.float32)
    for row, (features, _) in enumerate(examples):
        x[row, : len(features)] = features
    return Batch(
        x,
        np.array([len(features) for features, _ in examples]),
        np.concatenate([labels for _, labels in examples]).astype(np.int64),
        np.array([len(labels) for _, labels in examples]),
    )


def pack_views(examples: list[tuple[list[np.ndarray], list[int]]]) -> Batch:
    """All first views, then all second ones."""
    return pack([(views[which], labels) for which in range(len(examples[0][0])) for views, labels in examples])


def batches(sampler: Sampler, pool: int = 80):
    """Endless batches of about `FRAMES_PER_BATCH` frames, examples of similar length together.

    A thread works ahead; its queue holds four batches and makes it wait when full.
    """
    ready: queue.Queue = queue.Queue(maxsize=4)

    def work():
        while True:
            examples = sorted((sampler.draw() for _ in range(pool)), key=lambda e: len(e[0][0]))
            groups, current = [], []
            for example in examples:
                if current and sampler.views * (len(current) + 1) * len(example[0][0]) > FRAMES_PER_BATCH:
                    groups.append(current)
                    current = []
                current.append(example)
            groups.append(current)
            for which in sampler.rng.permutation(len(groups)):
                ready.put(pack_views(groups[which]))

    threading.Thread(target=work, daemon=True).start()
    while True:
        yield ready.get()
