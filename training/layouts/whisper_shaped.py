#!/usr/bin/env python3
"""A small Whisper that has learnt something: ten "words" of two tones each, written in Chinese or in Tibetan.

    python3 whisper_shaped.py train WEIGHTS.bin --vocabulary REAL.bin     (PyTorch; about five minutes on one core)
    python3 whisper_shaped.py write OUT.bin [--vocabulary REAL.bin]       (nothing but Python)

`make_tiny_whisper.py` writes weights that mean nothing, so that no test can expect words of them. This model has Whisper's
shape too (multilingual header, 51,865 tokens, 1,500 audio positions), and transcribes: told <|zh|> it writes hanzi,
told <|bo|> Tibetan letters, for the same sound. `train` takes the token numbers from a real multilingual ggml file's
vocabulary (any of them; only the vocabulary is read) and stores the few trained numbers; `write` makes the ggml file of
them, by default with a made-up vocabulary in which the tokens that the model uses have their real numbers and bytes.

Weights file: u32 length, JSON (tokens in use with their bytes in hexadecimal), then as f16 the embedding row of each token
in use, then as f32 the first decoder positions, then all other tensors as ggml writes them. The encoder's positions are
Whisper's sinusoids, computed.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from make_tiny_whisper import F16, F32, FFT_BINS, FILE_VOCABULARY, MELS, VOCABULARY, mel_filters  # noqa: E402

RATE = 16_000
STATE, HEADS, LAYERS = 64, 2, 2
AUDIO_CONTEXT, TEXT_CONTEXT = 1_500, 448
#: Decoder positions that training reaches; the others are zero in the file.
POSITIONS = 48
EOT, SOT, ZH, BO, TRANSCRIBE, NO_TIMESTAMPS = 50257, 50258, 50260, 50347, 50359, 50363

#: The first 256 tokens of every Whisper vocabulary: one byte each, those that are printable in Latin-1 first
#: (openai/gpt-2 `encoder.py`, `bytes_to_unicode`).
PRINTABLE = [*range(33, 127), *range(161, 173), *range(174, 256)]
BYTES = [bytes([byte]) for byte in [*PRINTABLE, *(byte for byte in range(256) if byte not in PRINTABLE)]]

#: What word `w` is written as. A hanzi is one token, a Tibetan letter three (its bytes).
WRITTEN = {ZH: "一二三四五六七八九十", BO: "ཀཁགངཅཆཇཉཏཐ"}
WORDS = 10
FIXTURE = Path(__file__).resolve().parents[2] / "speech/tests/fixtures/whisper/weights.bin"


def frequencies(word: int) -> tuple[float, float]:
    """The two tones of a word, in hertz."""
    return 400 * 1.22**word, 400 * 1.22 ** ((word * 7 + 3) % WORDS)


def speak(words, *, start=0.1, gap=0.08, level=0.3, detune=1.0):
    """16 kHz samples of a row of words: 160 ms of each tone under a Hann envelope, then the gap. Tests repeat this in Rust."""
    samples = [0.0] * round(start * RATE)
    half = 2560
    for word in words:
        for hz in frequencies(word):
            for i in range(half):
                envelope = 0.5 - 0.5 * math.cos(2 * math.pi * i / half)
                samples.append(level * envelope * math.sin(2 * math.pi * hz * detune * i / RATE))
        samples += [0.0] * round(gap * RATE)
    return samples


def read_vocabulary(path: Path) -> list[bytes]:
    """The vocabulary of a ggml Whisper file."""
    data = path.read_bytes()
    bins, width = struct.unpack_from("<2i", data, 48)
    at = 56 + bins * width * 4
    (count,) = struct.unpack_from("<i", data, at)
    at, words = at + 4, []
    for _ in range(count):
        (length,) = struct.unpack_from("<I", data, at)
        words.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    # Files that went through text have lost the tokens that are one byte of a letter; their order is known (GPT-2's).
    words[: len(BYTES)] = BYTES
    return words


def tokenise(text: str, number: dict[bytes, int]) -> list[int]:
    """Longest match from the left, as whisper.cpp's `tokenize` does with what is neither letter nor digit in ASCII."""
    rest, tokens = text.encode(), []
    while rest:
        length = next(n for n in range(len(rest), 0, -1) if rest[:n] in number)
        tokens.append(number[rest[:length]])
        rest = rest[length:]
    return tokens


# ---------------------------------------------------------------------------------------------------------- writing


def tensor_bytes(name: str, kind: int, shape: tuple[int, ...], values) -> bytes:
    """A tensor as ggml files have it; `shape` innermost dimension first."""
    values = list(values)
    assert len(values) == math.prod(shape), name
    head = struct.pack(f"<{3 + len(shape)}i", len(shape), len(name), kind, *shape) + name.encode()
    return head + struct.pack(f"<{len(values)}{'f' if kind == F32 else 'e'}", *values)


def sinusoids() -> list[float]:
    """Whisper's encoder positions, 1,500 x STATE (openai/whisper `model.py`)."""
    half = STATE // 2
    scales = [math.exp(-math.log(10_000) / (half - 1) * i) for i in range(half)]
    return [f(t * s) for t in range(AUDIO_CONTEXT) for f in (math.sin, math.cos) for s in scales]


def write(out: Path, weights: Path, vocabulary: Path | None) -> None:
    """Composes the ggml file."""
    data = weights.read_bytes()
    (length,) = struct.unpack_from("<I", data, 0)
    used = json.loads(data[4 : 4 + length])["tokens"]
    at = 4 + length
    rows = {int(token): data[at + 2 * STATE * i : at + 2 * STATE * (i + 1)] for i, token in enumerate(used)}
    at += 2 * STATE * len(used)
    positions = data[at : at + 4 * POSITIONS * STATE]
    at += 4 * POSITIONS * STATE
    if vocabulary:
        words = read_vocabulary(vocabulary)
    else:
        words = [*BYTES, *(f"\x01{number}".encode() for number in range(256, FILE_VOCABULARY))]
        for token, text in used.items():
            if int(token) < len(words):
                words[int(token)] = bytes.fromhex(text)
    with out.open("wb") as file:
        file.write(struct.pack("<I", 0x67676D6C))
        sizes = (VOCABULARY, AUDIO_CONTEXT, STATE, HEADS, LAYERS, TEXT_CONTEXT, STATE, HEADS, LAYERS, MELS, F16)
        file.write(struct.pack("<13i", *sizes, MELS, FFT_BINS))
        file.write(struct.pack(f"<{MELS * FFT_BINS}f", *mel_filters()))
        file.write(struct.pack("<i", len(words)))
        for word in words:
            file.write(struct.pack("<I", len(word)) + word)
        file.write(tensor_bytes("encoder.positional_embedding", F32, (STATE, AUDIO_CONTEXT), sinusoids()))
        head = struct.pack("<5i", 2, len("decoder.positional_embedding"), F32, STATE, TEXT_CONTEXT)
        file.write(head + b"decoder.positional_embedding")
        file.write(positions + bytes(4 * STATE * (TEXT_CONTEXT - POSITIONS)))
        head = struct.pack("<5i", 2, len("decoder.token_embedding.weight"), F16, STATE, VOCABULARY)
        file.write(head + b"decoder.token_embedding.weight")
        nothing = bytes(2 * STATE)
        file.write(b"".join(rows.get(token, nothing) for token in range(VOCABULARY)))
        file.write(data[at:])
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB")


# --------------------------------------------------------------------------------------------------------- training


def train(out: Path, vocabulary: Path, minutes: float) -> None:
    """Learns the words, at several audio contexts, and stores what was learnt."""
    import time

    import numpy as np
    import torch
    from torch import nn
    from torch.nn import functional

    torch.manual_seed(7)
    torch.set_num_threads(1)
    generator = random.Random(7)
    number = {word: i for i, word in enumerate(read_vocabulary(vocabulary)) if word}
    specials = [EOT, SOT, ZH, BO, TRANSCRIBE, NO_TIMESTAMPS]

    spelled = {
        language: [tokenise(text[a] + text[b], number) for a in range(WORDS) for b in range(WORDS)]
        for language, text in WRITTEN.items()
    }
    used = sorted({token for rows in spelled.values() for row in rows for token in row}) + specials
    row_of = {token: i for i, token in enumerate(used)}
    others = VOCABULARY - len(used)

    filters = torch.tensor(np.array(mel_filters(), dtype=np.float32).reshape(MELS, FFT_BINS))
    window = torch.hann_window(400)

    def mel(samples, positions: int):
        """Whisper's features of one clip, cut to an audio context of that many positions."""
        padded = functional.pad(torch.as_tensor(samples, dtype=torch.float32), (0, RATE * 30 - len(samples)))
        cut = padded[: positions * 320 + 400]
        power = torch.stft(cut, 400, 160, window=window, return_complex=True)[:, :-1].abs() ** 2
        log = (filters @ power).clamp(min=1e-10).log10()[:, : positions * 2]
        return (log.maximum(log.max() - 8) + 4) / 4

    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.query, self.value, self.out = (nn.Linear(STATE, STATE) for _ in range(3))
            self.key = nn.Linear(STATE, STATE, bias=False)

        def forward(self, x, memory=None, causal=False):
            def heads(y):
                return y.view(*y.shape[:2], HEADS, STATE // HEADS).transpose(1, 2)

            source = x if memory is None else memory
            y = functional.scaled_dot_product_attention(
                heads(self.query(x)), heads(self.key(source)), heads(self.value(source)), is_causal=causal
            )
            return self.out(y.transpose(1, 2).flatten(2))

    class Block(nn.Module):
        def __init__(self, cross):
            super().__init__()
            self.attn, self.attn_ln = Attention(), nn.LayerNorm(STATE)
            if cross:
                self.cross_attn, self.cross_attn_ln = Attention(), nn.LayerNorm(STATE)
            self.cross = cross
            self.mlp = nn.Sequential(nn.Linear(STATE, 4 * STATE), nn.GELU("tanh"), nn.Linear(4 * STATE, STATE))
            self.mlp_ln = nn.LayerNorm(STATE)

        def forward(self, x, memory=None):
            x = x + self.attn(self.attn_ln(x), causal=self.cross)
            if self.cross:
                x = x + self.cross_attn(self.cross_attn_ln(x), memory)
            return x + self.mlp(self.mlp_ln(x))

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv1d(MELS, STATE, 3, padding=1)
            self.conv2 = nn.Conv1d(STATE, STATE, 3, stride=2, padding=1)
            self.blocks = nn.ModuleList(Block(cross=False) for _ in range(LAYERS))
            self.ln_post = nn.LayerNorm(STATE)
            places = torch.tensor(sinusoids(), dtype=torch.float32).view(AUDIO_CONTEXT, STATE)
            self.register_buffer("places", places, persistent=False)

        def forward(self, x):
            x = functional.gelu(self.conv2(functional.gelu(self.conv1(x), approximate="tanh")), approximate="tanh")
            x = x.transpose(1, 2) + self.places[: x.shape[2]]
            for block in self.blocks:
                x = block(x)
            return self.ln_post(x)

    class Decoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens = nn.Parameter(torch.randn(len(used), STATE) * 0.5)
            self.places = nn.Parameter(torch.randn(POSITIONS, STATE) * 0.1)
            self.blocks = nn.ModuleList(Block(cross=True) for _ in range(LAYERS))
            self.ln = nn.LayerNorm(STATE)

        def forward(self, tokens, memory):
            x = self.tokens[tokens] + self.places[: tokens.shape[1]]
            for block in self.blocks:
                x = block(x, memory)
            logits = self.ln(x) @ self.tokens.T
            # Every token that is never written has a row of zeros, so a logit of 0: together they are one more class.
            rest = torch.full((*logits.shape[:2], 1), math.log(others))
            return torch.cat([logits, rest], dim=2)

    encoder, decoder = Encoder(), Decoder()
    # Crutches that are thrown away: which word sounds at a position (WORDS: none), and the how-manieth it is. Without them
    # minutes pass before the decoder finds out where to look.
    which, place = nn.Linear(STATE, WORDS + 1), nn.Linear(STATE, 7)
    parameters = [p for module in (encoder, decoder, which, place) for p in module.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=2e-3, weight_decay=0.01)

    # Tones by numpy, for speed; the same sound as `speak`.
    tone = np.arange(2560)
    envelope = 0.5 - 0.5 * np.cos(2 * np.pi * tone / 2560)

    def clip(words, positions):
        rng = generator.random
        level, detune, gap = 0.08 + 0.45 * rng(), 1 + 0.03 * (rng() - 0.5), round((0.04 + 0.1 * rng()) * RATE)
        parts = [np.zeros(round(0.35 * rng() * RATE))]
        sounding = np.full((2, positions), 0)
        sounding[0] = WORDS
        for place, word in enumerate(words):
            begun = sum(map(len, parts))
            span = slice(begun // 320, (begun + 2 * len(tone)) // 320)
            sounding[0, span], sounding[1, span] = word, place + 1
            for hz in frequencies(word):
                parts.append(level * envelope * np.sin(2 * np.pi * hz * detune * tone / RATE))
            parts.append(np.zeros(gap))
        sound = np.concatenate(parts)
        noise = np.random.default_rng(generator.getrandbits(32)).normal(0, 0.01 * rng() ** 2, len(sound))
        return sound + noise, sounding

    def batch(size, positions, longest):
        mels, targets, labels = [], [], []
        for _ in range(size):
            language = generator.choice([ZH, BO])
            # A Tibetan letter is three tokens, so that the decoder has to count further for fewer words.
            most = min(longest, 4) if language == BO else longest
            words = [generator.randrange(WORDS) for _ in range(generator.randint(1, most))]
            text = tokenise("".join(WRITTEN[language][w] for w in words), number)
            sound, sounding = clip(words, positions)
            mels.append(mel(sound, positions))
            labels.append(sounding)
            targets.append([SOT, language, TRANSCRIBE, NO_TIMESTAMPS, *text, EOT])
        width = max(map(len, targets))
        rows = torch.full((size, width), row_of[EOT])
        loss_on = torch.zeros(size, width - 1, dtype=torch.bool)
        for i, target in enumerate(targets):
            rows[i, : len(target)] = torch.tensor([row_of[token] for token in target])
            loss_on[i, 3 : len(target) - 1] = True
        return torch.stack(mels), rows, loss_on, torch.tensor(np.stack(labels))

    begun, step, total = time.time(), 0, minutes * 60
    while (spent := (time.time() - begun) / total) < 1:
        # Short contexts first, for speed; the two that recognition uses (see `audio_positions` and whisper.cpp's own) last.
        longest = 2 + min(4, int(spent * 12))
        positions, size = (192, 24) if spent < 0.75 else generator.choice([(192, 24), (384, 12), (448, 12), (1500, 3)])
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * min(1, step / 50) * (1 if spent < 0.5 else max(0.02, 2 - 2 * spent))
        mels, rows, loss_on, labels = batch(size, positions, longest)
        heard = encoder(mels)
        logits = decoder(rows[:, :-1], heard)
        right = logits.argmax(2) == rows[:, 1:]
        loss = functional.cross_entropy(logits[loss_on], rows[:, 1:][loss_on])
        crutch = [functional.cross_entropy(head(heard).flatten(0, 1), labels[:, i].flatten())
                  for i, head in enumerate((which, place))]
        optimiser.zero_grad()
        (loss + (sum(crutch) if spent < 0.9 else 0)).backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        step += 1
        if step % 25 == 0:
            share = right[loss_on].float().mean()
            print(f"{step} {time.time() - begun:.0f} s, {positions}: loss {loss:.3f}, right {share:.3f}, "
                  f"word {crutch[0]:.3f}, place {crutch[1]:.3f}", flush=True)

    kept = bytearray()

    def keep(name, tensor, kind, shape=None):
        shape = shape or tuple(reversed(tensor.shape))
        kept.extend(tensor_bytes(name, kind, shape, tensor.detach().float().flatten().tolist()))

    for half, module in (("encoder", encoder), ("decoder", decoder)):
        for name, value in module.named_parameters():
            if name in ("tokens", "places"):
                continue
            matrix = name.endswith("weight") and "ln" not in name
            shape = (1, STATE) if name.startswith("conv") and name.endswith("bias") else None
            keep(f"{half}.{name}", value, F16 if matrix else F32, shape)
    words = read_vocabulary(vocabulary)
    tokens = {str(token): words[token].hex() if token < len(words) else "" for token in used}
    header = json.dumps({"tokens": tokens}).encode()
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("wb") as file:
        file.write(struct.pack("<I", len(header)) + header)
        file.write(decoder.tokens.detach().half().numpy().tobytes())
        file.write(decoder.places.detach().numpy().astype("<f4").tobytes())
        file.write(kept)
    print(f"{out}: {out.stat().st_size / 1e3:.0f} kB after {step} steps")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    learn = commands.add_parser("train")
    learn.add_argument("out", type=Path)
    learn.add_argument("--vocabulary", type=Path, required=True)
    learn.add_argument("--minutes", type=float, default=5)
    compose = commands.add_parser("write")
    compose.add_argument("out", type=Path)
    compose.add_argument("--weights", type=Path, default=FIXTURE)
    compose.add_argument("--vocabulary", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "train":
        train(arguments.out, arguments.vocabulary, arguments.minutes)
    else:
        write(arguments.out, arguments.weights, arguments.vocabulary)


if __name__ == "__main__":
    main()
