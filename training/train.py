"""Trains the recogniser; may be stopped at any time and goes on from its last checkpoint.

    python train.py STAGE MEL PHONES.tsv DATA RUN --minutes 60 [--init OTHER_RUN/last.pt]

STAGE is `synthetic` (espeak-ng only: the proxy that forecasts Tibetan), `all`, or `finish` (everything again, more of it synthetic and
each utterance disturbed once instead of twice, so that twice as much is heard). The learning rate falls along a cosine over `--minutes` of
training time, which checkpoints remember. Progress goes to RUN/log.tsv and the terminal.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # NumPy works beside PyTorch; two pools of threads would fight.

import argparse
import copy
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from align import add_cuts
from augment import Augmenter
from batches import Corpus, Sampler, batches, pack
from model import Recogniser, parameters
from phones import Pronouncer



@dataclass(frozen=True)
class Stage:
    """Which share of each kind of example, in how many disturbances at once, and how fast is learnt at most."""

    mix: dict[str, float]
    views: int
    peak_rate: float


STAGES = {
    "synthetic": Stage({"zh": 0.5, "bo": 0.5}, 2, 1.2e-3),
    "all": Stage({"natural": 0.42, "joined": 0.16, "imitated": 0.1, "zh": 0.08, "bo": 0.24}, 2, 1.2e-3),
    "finish": Stage({"natural": 0.34, "joined": 0.12, "imitated": 0.08, "zh": 0.2, "bo": 0.26}, 1, 1e-3),
}
LAST_RATE = 1e-5
WARM_UP_STEPS = 150
EMA_DECAY = 0.998
INNER_WEIGHT = 0.3
# Consistency between two disturbances of an utterance (CR-CTC, Yao et al. 2024, section 3.2, with its weight).
CONSISTENCY_WEIGHT = 0.2
CHECKPOINT_SECONDS = 120
DEVELOPMENT_SECONDS = 240
# Natural sentences are aligned (so that they can be cropped) once the model hears them this well, and again later.
ALIGN_BELOW = 0.5
ALIGN_AGAIN_AFTER_STEPS = 4000


def statistics(corpus: Corpus) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation per band over a sample of everything; fixed for the life of the model."""
    rng = np.random.default_rng(1)
    pools = [pool for pool in (corpus.natural, corpus.synthetic["zh"], corpus.synthetic["bo"]) if pool]
    sample = [pool[i].features for pool in pools for i in rng.integers(len(pool), size=300)]
    frames = np.concatenate(sample).astype(np.float32)
    return torch.tensor(frames.mean(0)), torch.tensor(frames.std(0))


def ctc(log_probs, lengths, labels, label_lengths):
    """Mean over the batch of the loss per phone."""
    return F.ctc_loss(log_probs.transpose(0, 1), labels, lengths, label_lengths, zero_infinity=True)


def consistency(log_probs, lengths, label_lengths):
    """Symmetric Kullback-Leibler divergence between the two halves of the batch, per phone; targets are not learnt from."""
    one, two = log_probs.chunk(2)
    apart = (two.detach().exp() * (two.detach() - one)).sum(-1) + (one.detach().exp() * (one.detach() - two)).sum(-1)
    frames = torch.arange(one.shape[1])[None] < lengths.chunk(2)[0][:, None]
    return ((0.5 * apart * frames).sum(1) / label_lengths.chunk(2)[0]).mean()


def collapse(path: np.ndarray) -> list[int]:
    """Greedy CTC: repeated classes merged, blanks dropped."""
    kept = path[np.insert(path[1:] != path[:-1], 0, True)]
    return [int(label) for label in kept if label]


def edit_distance(one: list[int], two: list[int]) -> int:
    """Insertions, deletions and substitutions from one to two."""
    row = list(range(len(two) + 1))
    for i, a in enumerate(one, 1):
        previous, row[0] = row[0], i
        for j, b in enumerate(two, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (a != b))
    return row[-1]


@torch.no_grad()
def phone_error(model: Recogniser, examples: list) -> float:
    """Greedy phone error rate over undisturbed examples."""
    model.eval()
    wrong = total = 0
    ordered = sorted(examples, key=lambda e: len(e.features))
    for start in range(0, len(ordered), 16):
        group = ordered[start : start + 16]
        batch = pack([(e.features.astype(np.float32), e.labels) for e in group])
        with torch.autocast("cpu", torch.bfloat16):
            log_probs, lengths = model(torch.from_numpy(batch.x), torch.from_numpy(batch.x_lens))
        best = log_probs.argmax(-1).numpy()
        for example, path, length in zip(group, best, lengths):
            wrong += edit_distance(collapse(path[:length]), example.labels)
            total += len(example.labels)
    model.train()
    return wrong / max(1, total)


class Trainer:
    """Model, its running average, optimiser, and how long they have been at it."""

    def __init__(self, run: Path, corpus: Corpus, stage: Stage, minutes: float, init: Path | None):
        self.run, self.corpus, self.stage, self.minutes = run, corpus, stage, minutes
        run.mkdir(parents=True, exist_ok=True)
        self.model = Recogniser(len(corpus.names), *statistics(corpus))
        self.step, self.elapsed, self.aligned = 0, 0.0, None
        last = run / "last.pt"
        saved = torch.load(last, weights_only=True) if last.exists() else None
        if saved is None and init is not None:
            self.model.load_state_dict(torch.load(init, weights_only=True)["average"])
        if saved is not None:
            self.model.load_state_dict(saved["model"])
        self.average = copy.deepcopy(self.model).eval()
        decayed = [p for p in self.model.parameters() if p.dim() > 1]
        others = [p for p in self.model.parameters() if p.dim() <= 1]
        groups = [{"params": decayed, "weight_decay": 0.02}, {"params": others, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, lr=stage.peak_rate, betas=(0.9, 0.98), fused=True)
        if saved is not None:
            self.average.load_state_dict(saved["average"])
            self.optimiser.load_state_dict(saved["optimiser"])
            self.step, self.elapsed = saved["step"], saved["elapsed"]

    def rate(self) -> float:
        """Warm-up by steps, then a cosine by time."""
        done = min(1.0, self.elapsed / (60 * self.minutes))
        cosine = LAST_RATE + (self.stage.peak_rate - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * done))
        return cosine * min(1.0, (self.step + 1) / WARM_UP_STEPS)

    def learn(self, batch) -> float:
        """One step; returns the loss per phone."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        labels, label_lengths = torch.from_numpy(batch.labels), torch.from_numpy(batch.label_lens)
        with torch.autocast("cpu", torch.bfloat16):
            outputs = self.model.with_inner(torch.from_numpy(batch.x), torch.from_numpy(batch.x_lens))
        log_probs, lengths, inner = outputs
        final = ctc(log_probs, lengths, labels, label_lengths)
        loss = final + INNER_WEIGHT * ctc(inner, lengths, labels, label_lengths)
        if self.stage.views == 2:
            loss = loss + CONSISTENCY_WEIGHT * consistency(log_probs, lengths, label_lengths)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 2.0)
        self.optimiser.step()
        self.step += 1
        decay = min(EMA_DECAY, (self.step + 1) / (self.step + 10))
        with torch.no_grad():
            averages, values = list(self.average.parameters()), list(self.model.parameters())
            torch._foreach_lerp_(averages, values, 1 - decay)
        return float(final)

    def save(self) -> None:
        """Replaces the checkpoint in one move."""
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "elapsed": self.elapsed,
        }
        torch.save(state, self.run / "last.pt.part")
        os.replace(self.run / "last.pt.part", self.run / "last.pt")

    def report(self, loss: float, seconds_heard: float) -> None:
        """Phone errors of the averaged model on the development sets, to the log and the terminal."""
        errors = {name: phone_error(self.average, examples) for name, examples in self.corpus.development.items()}
        columns = [f"{self.elapsed / 60:.1f}", str(self.step), f"{loss:.3f}", f"{seconds_heard / 3600:.1f}"]
        columns += [f"{name}={error:.3f}" for name, error in errors.items()]
        with (self.run / "log.tsv").open("a") as file:
            file.write("\t".join(columns) + "\n")
        print("min {} step {} loss {} heard {} h: {}".format(*columns[:4], " ".join(columns[4:])), flush=True)

        self.align_if_able(errors["natural"])

    def align_if_able(self, natural_error: float) -> None:
        """Finds the syllables of the natural sentences, when the model is good enough to be believed."""
        due = self.aligned is None or self.step - self.aligned > ALIGN_AGAIN_AFTER_STEPS
        if self.corpus.natural and natural_error < ALIGN_BELOW and due:
            add_cuts(self.average, self.corpus.natural)
            self.aligned = self.step
            print(f"aligned the natural sentences at step {self.step}", flush=True)

    def train(self, source) -> None:
        """Until the time is spent."""
        losses, heard, saved, reported = [], 0.0, time.time(), time.time()
        while self.elapsed < 60 * self.minutes:
            start = time.time()
            batch = next(source)
            losses.append(self.learn(batch))
            self.elapsed += time.time() - start
            heard += batch.x_lens.sum() / 100
            if time.time() - reported > DEVELOPMENT_SECONDS:
                self.report(float(np.mean(losses)), heard)
                losses, reported = [], time.time()
            elif self.step % 25 == 0:
                print(f"min {self.elapsed / 60:.1f} step {self.step} loss {np.mean(losses[-25:]):.3f}", flush=True)
            if time.time() - saved > CHECKPOINT_SECONDS:
                self.save()
                saved = time.time()
        self.save()
        if losses:
            self.report(float(np.mean(losses)), heard)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=STAGES)
    for name in ("mel", "phones", "data", "run"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--init", type=Path)
    parser.add_argument("--peak", type=float, help="peak learning rate, where it is not the stage's own")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    stage = STAGES[options.stage]
    if options.peak:
        stage = replace(stage, peak_rate=options.peak)
    corpus = Corpus(options.mel, Pronouncer(options.phones), synthetic_only=options.stage == "synthetic")
    trainer = Trainer(options.run, corpus, stage, options.minutes, options.init)
    if corpus.natural:
        trainer.align_if_able(phone_error(trainer.average, corpus.development["natural"]))
    sizes = {"natural": len(corpus.natural), **{k: len(v) for k, v in corpus.synthetic.items()}}
    print(f"{parameters(trainer.model):,} parameters; utterances {sizes}; from step {trainer.step}", flush=True)
    sampler = Sampler(
        corpus,
        Augmenter(options.data / "noise_rir"),
        stage.mix,
        stage.views,
        trainer.model.mean.numpy(),
        seed=trainer.step,
    )
    trainer.train(batches(sampler))


if __name__ == "__main__":
    main()
