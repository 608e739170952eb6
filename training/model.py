"""The recogniser: log-mel features → phone log-probabilities, a ConvNeXt-1D encoder with CTC.

Two strided convolutions (40 ms per output frame), then ConvNeXt blocks (Liu et al. 2022, in one dimension):
depthwise convolution over time, layer norm, two linear layers. The output at a time depends on 1.65 s of sound
before and after it (`REACH` per block): partial results re-decode the growing buffer.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

WIDTH = 256
BLOCKS = 8
EXPANSION = 3
REACH = 5  # Frames of 40 ms that each block looks back and forward.
INNER_LOSS_AFTER = 4  # An auxiliary CTC after this block (Lee & Watanabe 2021); not exported.
SUBSAMPLING = 4


def output_lengths(lengths: torch.Tensor) -> torch.Tensor:
    """Output frames for i64[N] feature frames: halved twice, rounding up."""
    return ((lengths + 1) // 2 + 1) // 2


def time_mask(lengths: torch.Tensor, frames) -> torch.Tensor:
    """f32[N, frames, 1], one inside each utterance, zero in its padding."""
    steps = torch.arange(frames, device=lengths.device)
    return (steps[None, :] < lengths[:, None]).to(torch.float32).unsqueeze(2)


class Block(nn.Module):
    """One ConvNeXt block over [N, T, C]; the depthwise convolution is two-dimensional with height one, because
    with channels last it then needs no transposed copy (three times as fast on a processor)."""

    def __init__(self):
        super().__init__()
        self.depthwise = nn.Conv2d(WIDTH, WIDTH, (1, 2 * REACH + 1), padding=(0, REACH), groups=WIDTH)
        self.norm = nn.LayerNorm(WIDTH)
        self.widen = nn.Linear(WIDTH, EXPANSION * WIDTH)
        self.narrow = nn.Linear(EXPANSION * WIDTH, WIDTH)
        with torch.no_grad():  # A quiet start, as layer scale gives, without its multiplication.
            self.narrow.weight *= 0.2

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        y = self.depthwise(x.transpose(1, 2).unsqueeze(2)).squeeze(2).transpose(1, 2)
        y = self.narrow(F.gelu(self.widen(self.norm(y))))
        return (x + y) * mask


class Recogniser(nn.Module):
    """`forward(x f32[N, T, 80], x_lens i64[N])` → `(log_probs f32[N, T', V], log_probs_len i64[N])`."""

    def __init__(self, phones: int, mean: torch.Tensor, deviation: torch.Tensor):
        super().__init__()
        self.register_buffer("mean", mean.float())
        self.register_buffer("deviation", deviation.float())
        self.first = nn.Conv1d(80, WIDTH, 5, stride=2, padding=2)
        self.second = nn.Conv1d(WIDTH, WIDTH, 5, stride=2, padding=2)
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, phones)
        self.inner_norm = nn.LayerNorm(WIDTH)
        self.inner_head = nn.Linear(WIDTH, phones)

    def forward(self, x: torch.Tensor, x_lens: torch.Tensor):
        log_probs, lengths, _ = self.with_inner(x, x_lens, inner=False)
        return log_probs, lengths

    def with_inner(self, x: torch.Tensor, x_lens: torch.Tensor, inner: bool = True):
        """As `forward`, plus the auxiliary log-probabilities (`None` unless `inner`)."""
        x = (x - self.mean) / self.deviation * time_mask(x_lens, x.shape[1])
        half = (x_lens + 1) // 2
        x = F.gelu(self.first(x.transpose(1, 2))).transpose(1, 2)
        x = x * time_mask(half, x.shape[1]).to(x.dtype)
        lengths = output_lengths(x_lens)
        x = F.gelu(self.second(x.transpose(1, 2))).transpose(1, 2)
        mask = time_mask(lengths, x.shape[1]).to(x.dtype)
        x, auxiliary = (x * mask).contiguous(), None
        for number, block in enumerate(self.blocks, 1):
            x = block(x, mask)
            if inner and number == INNER_LOSS_AFTER:
                auxiliary = self.inner_head(self.inner_norm(x)).float().log_softmax(-1)
        return self.head(self.norm(x)).float().log_softmax(-1), lengths, auxiliary


def parameters(model: nn.Module) -> int:
    """Number of trained values."""
    return sum(value.numel() for value in model.parameters())
