"""The recogniser: log-mel features → phone log-probabilities, a ConvNeXt-1D encoder with CTC that can run as a stream.

Two strided convolutions (40 ms per output frame), then ConvNeXt blocks (Liu et al. 2022, in one dimension):
depthwise convolution over time, layer norm, two linear layers. Every convolution looks further back than ahead, so the
output at a time depends on 3.2 s before it (`BACK` per block) and 0.64 s after it (`AHEAD` per block). `Recogniser` sees
whole utterances and is what is trained; `Stream` computes exactly the same, chunk by chunk, with the inputs that its
convolutions still need as state.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

BINS = 80
WIDTH = 256
BLOCKS = 8
EXPANSION = 3
BACK = 10  # Frames of 40 ms that each block looks back.
AHEAD = 2  # … and ahead.
KEPT = BACK + AHEAD  # Frames that a block remembers between chunks.
DELAY = AHEAD * BLOCKS  # Output frames by which a stream is late.
STEM = 5  # Taps of the strided convolutions; they look one frame ahead of their stride at most.
STEM_KEPT = STEM - 2
INNER_LOSS_AFTER = 4  # An auxiliary CTC after this block (Lee & Watanabe 2021); not exported.
SUBSAMPLING = 4


def output_lengths(lengths: torch.Tensor) -> torch.Tensor:
    """Output frames for i64[N] feature frames: a quarter, rounded up."""
    return (lengths + 3) // 4


def time_mask(lengths: torch.Tensor, frames) -> torch.Tensor:
    """f32[N, frames, 1], one inside each utterance, zero in its padding."""
    steps = torch.arange(frames, device=lengths.device)
    return (steps[None, :] < lengths[:, None]).to(torch.float32).unsqueeze(2)


def strided(conv: nn.Conv1d, x: torch.Tensor) -> torch.Tensor:
    """A strided convolution with GELU over [N, T + STEM_KEPT, C] → [N, T / 2, C]."""
    return F.gelu(conv(x.transpose(1, 2))).transpose(1, 2)


class Block(nn.Module):
    """One ConvNeXt block over [N, T, C]; the depthwise convolution is two-dimensional with height one, because
    with channels last it then needs no transposed copy (three times as fast on a processor)."""

    def __init__(self):
        super().__init__()
        self.depthwise = nn.Conv2d(WIDTH, WIDTH, (1, KEPT + 1), groups=WIDTH)
        self.norm = nn.LayerNorm(WIDTH)
        self.widen = nn.Linear(WIDTH, EXPANSION * WIDTH)
        self.narrow = nn.Linear(EXPANSION * WIDTH, WIDTH)
        with torch.no_grad():  # A quiet start, as layer scale gives, without its multiplication.
            self.narrow.weight *= 0.2

    def forward(self, padded: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """[N, T + KEPT, C] (BACK frames before, AHEAD after) → [N, T, C]."""
        y = self.depthwise(padded.transpose(1, 2).unsqueeze(2)).squeeze(2).transpose(1, 2)
        x = padded[:, BACK : padded.shape[1] - AHEAD]
        return (x + self.narrow(F.gelu(self.widen(self.norm(y))))) * mask


class Recogniser(nn.Module):
    """`forward(x f32[N, T, 80], x_lens i64[N])` → `(log_probs f32[N, T', V], log_probs_len i64[N])`."""

    def __init__(self, phones: int, mean: torch.Tensor, deviation: torch.Tensor):
        super().__init__()
        self.register_buffer("mean", mean.float())
        self.register_buffer("deviation", deviation.float())
        self.first = nn.Conv1d(BINS, WIDTH, STEM, stride=2)
        self.second = nn.Conv1d(WIDTH, WIDTH, STEM, stride=2)
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, phones)
        self.inner_norm = nn.LayerNorm(WIDTH)
        self.inner_head = nn.Linear(WIDTH, phones)

    def forward(self, x: torch.Tensor, x_lens: torch.Tensor):
        log_probs, lengths, _ = self.with_inner(x, x_lens, inner=False)
        return log_probs, lengths

    def normalised(self, x: torch.Tensor, x_lens: torch.Tensor) -> torch.Tensor:
        """Features scaled, zero in the padding, lengthened to a multiple of the subsampling."""
        x = (x - self.mean) / self.deviation * time_mask(x_lens, x.shape[1])
        return F.pad(x, (0, 0, 0, -x.shape[1] % SUBSAMPLING))

    def with_inner(self, x: torch.Tensor, x_lens: torch.Tensor, inner: bool = True):
        """As `forward`, plus the auxiliary log-probabilities (`None` unless `inner`)."""
        x = self.normalised(x, x_lens)
        x = strided(self.first, F.pad(x, (0, 0, STEM_KEPT, 0)))
        x = x * time_mask((x_lens + 1) // 2, x.shape[1]).to(x.dtype)
        x = strided(self.second, F.pad(x, (0, 0, STEM_KEPT, 0)))
        lengths = output_lengths(x_lens)
        mask = time_mask(lengths, x.shape[1]).to(x.dtype)
        x, auxiliary = (x * mask).contiguous(), None
        for number, block in enumerate(self.blocks, 1):
            x = block(F.pad(x, (0, 0, BACK, AHEAD)), mask)
            if inner and number == INNER_LOSS_AFTER:
                auxiliary = self.inner_head(self.inner_norm(x)).float().log_softmax(-1)
        return self.head(self.norm(x)).float().log_softmax(-1), lengths, auxiliary


class Stream(nn.Module):
    """The same network for whole utterances and for chunks of them, to be exported.

    A stream begins with zero `features`, `halves`, `frames` and `seen`. It is fed chunks whose length is a multiple of four feature
    frames, with `drop` and `flush` zero, and the states of the call before. Each call gives as many output frames as went in; over the
    life of a stream the first `DELAY` of them are before its beginning and mean nothing. The last call (whatever is left; at least one frame) has
    `flush` = `DELAY`, which feeds the silence that the last frames wait for. A whole utterance is one call with both `DELAY`:
    those are the defaults in the exported file, so that loaders which know nothing of streams see an offline model.

    Shapes: `features` f32[1 or N, 3, 80], `halves` f32[1 or N, 3, C], `frames` f32[1 or N, BLOCKS · KEPT, C], `seen` i64[1 or N] output frames fed
    before, `drop`, `flush` i64[1].
    """

    def __init__(self, recogniser: Recogniser):
        super().__init__()
        self.net = recogniser

    def forward(self, x, x_lens, features, halves, frames, seen, drop, flush):
        net, count = self.net, x.shape[0]
        x = net.normalised(x, x_lens)
        x = torch.cat([features.expand(count, -1, -1), x], 1)
        new_features = x[:, -STEM_KEPT:]
        x = strided(net.first, x)
        x = x * time_mask((x_lens + 1) // 2, x.shape[1])
        x = torch.cat([halves.expand(count, -1, -1), x], 1)
        new_halves = x[:, -STEM_KEPT:]
        x = strided(net.second, x)
        lengths = output_lengths(x_lens)
        x = x * time_mask(lengths, x.shape[1])
        x = torch.cat([x, x.new_zeros([1, 1, 1]).expand(count, flush[0], WIDTH)], 1)
        total = seen + lengths
        position = seen[:, None] + torch.arange(x.shape[1])[None, :]
        kept = frames.expand(count, -1, -1)
        new_frames = []
        for number, block in enumerate(net.blocks):
            padded = torch.cat([kept[:, number * KEPT : (number + 1) * KEPT], x], 1)
            new_frames.append(padded[:, -KEPT:])
            at = position - AHEAD * (number + 1)
            mask = torch.logical_and(at >= 0, at < total[:, None]).to(torch.float32).unsqueeze(2)
            x = block(padded, mask)
        log_probs = net.head(net.norm(x)).log_softmax(-1)[:, drop[0] :]
        return log_probs, lengths, new_features, new_halves, torch.cat(new_frames, 1)


def parameters(model: nn.Module) -> int:
    """Number of trained values."""
    return sum(value.numel() for value in model.parameters())
