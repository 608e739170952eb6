#!/usr/bin/env python3
"""Small models of published layouts that hear waveforms or streams, and how they compare with other programs.

    python3 ears.py make                     the models and what is expected of them -> speech/tests/fixtures/<layout>/
    python3 ears.py compare [--clips N]      this project against sherpa-onnx, onnxruntime and NumPy, on many clips

Needs the packages of `requirements-ears.txt`. The models have learnt nothing: weights are drawn from one seed, and scaled so
that the two best classes of a frame lie apart. Names, types, open dimensions and metadata are exactly those of

- `omnilingual`: sherpa-onnx `scripts/omnilingual-asr/export-onnx.py`;
- `wav2vec2`: Optimum's `Wav2Vec2OnnxConfig` (input_values -> logits), with the files of a transformers processor whose
  `vocab.json` has a vocabulary for each language, as MMS's has;
- `zipformer_streaming`: icefall `zipformer/export-onnx-streaming-ctc.py`, two stacks.

The first and the last are compared with sherpa-onnx token for token. sherpa-onnx has no loader for the second: there the
reference is NumPy (normalisation, greedy search) around onnxruntime, written from transformers' sources.

`compare` makes the clips itself; where the measuring data is ($DRILEN_DATA, by default ../shared/data beside the project),
the recordings of `zh_speech` are compared too. It runs `cargo run --package speech --example transcribe_clips`.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import wave
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "speech/tests/fixtures"
LAYOUTS = ("omnilingual", "wav2vec2", "zipformer_streaming")
RATE = 16_000
#: Silence that streams end with, in samples; `TAIL` of `speech/src/transcriber/zipformer.rs`.
TAIL = RATE * 66 // 100
#: The two best classes of every frame of a fixture's clips lie at least so far apart, in nats.
MARGIN = 1e-2
#: Letters that classes stand for; "▁" is a space.
LETTERS = ["▁", *"ཀཁགངཅཆཇཉཏཐདནཔཕབམཙཚཛཝ་།", *"一二三四五六七八九十社保医疗证件办理我你好请问", *"abcdefgh"]


# -------------------------------------------------------------------------------------------------------------- clips


def clip(seed: int, seconds: float) -> np.ndarray:
    """A clip of short sounds of two partials and some noise, from a linear congruential generator, so that tests in other
    languages make the same: state = state * 1664525 + 1013904223 modulo 2^32."""
    state = seed

    def draw() -> float:
        nonlocal state
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        return state / 2**32

    count, samples = int(seconds * RATE), []
    while len(samples) < count:
        low, high = 120 + 900 * draw(), 300 + 3000 * draw()
        level, noise = 0.05 + 0.4 * draw(), 0.1 * draw() * draw()
        length = int(RATE * (0.06 + 0.15 * draw()))
        for i in range(length):
            envelope = math.sin(math.pi * i / length)
            tone = 0.6 * math.sin(2 * math.pi * low * i / RATE) + 0.4 * math.sin(2 * math.pi * high * i / RATE)
            samples.append(level * envelope * tone + noise * (draw() - 0.5))
    return np.array(samples[:count], dtype=np.float32)


# ------------------------------------------------------------------------------------------------------------- graphs


class Graph:
    """Collects nodes and weights."""

    def __init__(self, seed: int):
        self.random, self.nodes, self.weights, self.count = np.random.default_rng(seed), [], [], 0

    def constant(self, value, dtype=np.float32) -> str:
        self.count += 1
        name = f"weight_{self.count}"
        self.weights.append(numpy_helper.from_array(np.asarray(value, dtype=dtype), name))
        return name

    def gauss(self, *shape: int, spread: float = 1.0) -> str:
        return self.constant(self.random.normal(0, spread, shape))

    def node(self, kind: str, *inputs: str, output: str | None = None, **attributes) -> str:
        self.count += 1
        output = output or f"value_{self.count}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def save(self, path: Path, inputs, outputs, metadata: dict[str, str], weights: str | None = None) -> None:
        """Writes the model, with its weights in a file of their own beside it where `weights` names one."""
        graph = helper.make_graph(self.nodes, "graph", inputs, outputs, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
        for key, value in metadata.items():
            helper.set_model_props(model, {**{p.key: p.value for p in model.metadata_props}, key: value})
        onnx.checker.check_model(model)
        path.parent.mkdir(parents=True, exist_ok=True)
        if weights:
            (path.parent / weights).unlink(missing_ok=True)
            beside = {"save_as_external_data": True, "all_tensors_to_one_file": True}
            onnx.save(model, path, location=weights, **beside)
        else:
            onnx.save(model, path)


def value(name: str, shape: list, kind: int = TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


#: wav2vec2's feature extractor: (kernel, stride) of its seven convolutions.
CONVOLUTIONS = [(10, 5), (3, 2), (3, 2), (3, 2), (3, 2), (2, 2), (2, 2)]


def waveform_graph(graph: Graph, name: str, classes: int, blank: int, unwanted: list[int]) -> None:
    """A waveform in, logits out: the convolutions of wav2vec2 with few channels, and one linear layer."""
    channels, before = 12, 1
    x = graph.node("Unsqueeze", name, graph.constant([1], np.int64))
    for kernel, stride in CONVOLUTIONS:
        spread = 1.6 / math.sqrt(kernel * before)
        weights, bias = graph.gauss(channels, before, kernel, spread=spread), graph.gauss(channels, spread=0.1)
        x = graph.node("Conv", x, weights, bias, kernel_shape=[kernel], strides=[stride])
        x, before = graph.node("Tanh", x), channels
    x = graph.node("Transpose", x, perm=[0, 2, 1])
    bias = np.zeros(classes)
    bias[blank] = 22.0
    bias[unwanted] = -12.0
    logits = graph.node("MatMul", x, graph.gauss(channels, classes, spread=6.0))
    graph.node("Add", logits, graph.constant(bias), output="logits")


def make_omnilingual(folder: Path, weights: str | None = None) -> None:
    """`weights`: the name of a file for them, as models over 2 GB have it."""
    names = ["<s>", "<pad>", "</s>", "<unk>", *LETTERS]
    graph = Graph(41)
    waveform_graph(graph, "x", len(names), 0, [1, 2, 3])
    metadata = {
        "vocab_size": str(len(names)), "model_type": "omnilingual-asr", "version": "1", "sample_rate": "16000",
        "model_author": "facebookresearch", "url": "https://github.com/facebookresearch/omnilingual-asr",
        "comment": "300M-CTC",
    }  # fmt: skip
    inputs, outputs = [value("x", ["N", "num_samples"])], [value("logits", ["N", "num_frames", len(names)])]
    graph.save(folder / "model.onnx", inputs, outputs, metadata, weights)
    (folder / "tokens.txt").write_text("".join(f"{name} {i}\n" for i, name in enumerate(names)))


def make_wav2vec2(folder: Path) -> None:
    letters = [letter for letter in LETTERS if letter != "▁"]
    names = ["<pad>", "|", "<unk>", *letters]
    added = {"<s>": len(names), "</s>": len(names) + 1}
    classes = len(names) + len(added)
    graph = Graph(43)
    waveform_graph(graph, "input_values", classes, 0, [2, *added.values()])
    inputs = [value("input_values", ["batch_size", "sequence_length"])]
    outputs = [value("logits", ["batch_size", "floor(sequence_length/320)", classes])]
    graph.save(folder / "model.onnx", inputs, outputs, {})
    nested = {
        "eng": {name: i for i, name in enumerate(["<pad>", "|", "<unk>", *"etaonihs"])},
        "bod": {name: i for i, name in enumerate(names)},
    }
    config = {
        "architectures": ["Wav2Vec2ForCTC"], "model_type": "wav2vec2", "pad_token_id": 0, "vocab_size": classes,
        "conv_kernel": [kernel for kernel, _ in CONVOLUTIONS], "conv_stride": [stride for _, stride in CONVOLUTIONS],
    }  # fmt: skip
    processor = {
        "do_normalize": True, "feature_extractor_type": "Wav2Vec2FeatureExtractor", "feature_size": 1,
        "padding_side": "right", "padding_value": 0, "return_attention_mask": True, "sampling_rate": RATE,
    }  # fmt: skip
    files = {"vocab": nested, "added_tokens": added, "config": config, "preprocessor_config": processor}
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n")


#: Per stack of the streaming model. Small, but all different where published models may differ.
STACKS = {
    "num_encoder_layers": [1, 2], "encoder_dims": [32, 48], "cnn_module_kernels": [31, 15],
    "left_context_len": [16, 8], "query_head_dims": [8, 4], "value_head_dims": [4, 6], "num_heads": [2, 4],
}  # fmt: skip


def stream_states() -> list[tuple[str, list]]:
    """Names and shapes of the states, N open, in the exporter's order."""
    states, layer = [], 0
    columns = [STACKS[key] for key in STACKS]
    for layers, dim, kernel, left, query, values, heads in zip(*columns):
        for _ in range(layers):
            states += [
                (f"cached_key_{layer}", [left, "N", query * heads]),
                (f"cached_nonlin_attn_{layer}", [1, "N", left, 3 * dim // 4]),
                (f"cached_val1_{layer}", [left, "N", values * heads]),
                (f"cached_val2_{layer}", [left, "N", values * heads]),
                (f"cached_conv1_{layer}", ["N", dim, kernel // 2]),
                (f"cached_conv2_{layer}", ["N", dim, kernel // 2]),
            ]
            layer += 1
    return [*states, ("embed_states", ["N", 128, 3, 19])]


def make_zipformer_streaming(folder: Path) -> None:
    """Every state is read through a pattern of its own and mixed with what is heard: a state that is swapped with another,
    forgotten or not renewed changes what is written."""
    names = ["<blk>", "<sos/eos>", "<unk>", *LETTERS]
    graph, classes, width, chunk, advance = Graph(47), len(names), 24, 45, 32
    frames = advance // 4
    x = graph.node("Transpose", "x", perm=[0, 2, 1])
    kernel = chunk - 4 * (frames - 1)
    weights = graph.gauss(width, 80, kernel, spread=0.5 / math.sqrt(kernel * 80))
    heard = graph.node("Conv", x, weights, graph.gauss(width, spread=1.0), kernel_shape=[kernel], strides=[4])
    heard = graph.node("Tanh", heard)
    summary = graph.node("ReduceMean", heard, axes=[2], keepdims=1)
    inputs, outputs, memory = [value("x", ["N", chunk, 80])], [], []
    for name, shape in stream_states():
        fixed = [1 if size == "N" else size for size in shape]
        inputs.append(value(name, shape))
        outputs.append(value(f"new_{name}", shape))
        axes = list(range(len(shape)))
        pattern = graph.gauss(*(min(size, 8) if i == len(fixed) - 1 else 1 for i, size in enumerate(fixed)))
        last = graph.constant([0], np.int64), graph.constant([min(fixed[-1], 8)], np.int64)
        part = graph.node("Slice", name, *last, graph.constant([len(shape) - 1], np.int64))
        read = graph.node("ReduceSum", graph.node("Mul", part, pattern), graph.constant(axes, np.int64), keepdims=0)
        memory.append(graph.node("Reshape", read, graph.constant([1, 1, 1], np.int64)))
        # The new state: most of the old, and a wave over its numbers whose height is what was heard.
        height = graph.node("ReduceSum", graph.node("Mul", summary, graph.gauss(1, width, 1)), graph.constant([0, 1, 2], np.int64), keepdims=0)
        wave_shape = [size if i == len(fixed) - 1 else 1 for i, size in enumerate(fixed)]
        wave_values = np.sin(np.arange(fixed[-1]) * graph.random.uniform(0.3, 2)).reshape(wave_shape)
        fresh = graph.node("Mul", graph.constant(wave_values * 0.5), height)
        kept = graph.node("Mul", name, graph.constant(0.7))
        graph.node("Tanh", graph.node("Add", kept, fresh), output=f"new_{name}")
    inputs.append(value("processed_lens", ["N"], TensorProto.INT64))
    outputs.append(value("new_processed_lens", ["N"], TensorProto.INT64))
    graph.node("Add", "processed_lens", graph.constant([advance // 2], np.int64), output="new_processed_lens")
    clock = graph.node("Sin", graph.node("Cast", "processed_lens", to=TensorProto.FLOAT))
    memory.append(graph.node("Reshape", clock, graph.constant([1, 1, 1], np.int64)))
    remembered = graph.node("Tanh", graph.node("Concat", *memory, axis=2))
    mixed = graph.node("MatMul", remembered, graph.gauss(len(memory), width, spread=0.6))
    hidden = graph.node("Tanh", graph.node("Add", graph.node("Transpose", heard, perm=[0, 2, 1]), mixed))
    bias = np.zeros(classes)
    bias[0], bias[[1, 2]] = 10.0, -12.0
    logits = graph.node("Add", graph.node("MatMul", hidden, graph.gauss(width, classes, spread=3.0)), graph.constant(bias))
    graph.node("LogSoftmax", logits, axis=2, output="log_probs")
    metadata = {
        "model_type": "zipformer2", "version": "1", "model_author": "k2-fsa",
        "comment": "streaming ctc zipformer2", "decode_chunk_len": str(advance), "T": str(chunk),
        **{key: ",".join(map(str, numbers)) for key, numbers in STACKS.items()},
    }  # fmt: skip
    outputs = [value("log_probs", ["N", frames, classes]), *outputs]
    graph.save(folder / "model.onnx", inputs, outputs, metadata)
    (folder / "tokens.txt").write_text("".join(f"{name} {i}\n" for i, name in enumerate(names)))


# --------------------------------------------------------------------------------------------------------- references


def collapse(best: np.ndarray, blank: int) -> list[int]:
    """Repetitions merged, blanks dropped."""
    return [int(c) for i, c in enumerate(best) if c != blank and (i == 0 or c != best[i - 1])]


def margin(rows: np.ndarray) -> float:
    """How far the two best classes lie apart at least."""
    two = np.sort(rows, axis=-1)[..., -2:]
    return float((two[..., 1] - two[..., 0]).min())


class Omnilingual:
    """sherpa-onnx, and the margins from onnxruntime."""

    def __init__(self, folder: Path):
        import sherpa_onnx

        self.tokens = [line.rsplit(" ", 1)[0] for line in (folder / "tokens.txt").read_text().splitlines()]
        self.recogniser = sherpa_onnx.OfflineRecognizer.from_omnilingual_asr_ctc(
            str(folder / "model.onnx"), str(folder / "tokens.txt")
        )
        self.session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])

    def hear(self, samples: np.ndarray) -> tuple[list[int], str]:
        stream = self.recogniser.create_stream()
        stream.accept_waveform(RATE, samples)
        self.recogniser.decode_stream(stream)
        # sherpa-onnx shows the word boundary as a space, and some of the specials.
        number = {name.replace("▁", " "): i for i, name in enumerate(self.tokens)}
        classes = [number[token.replace("▁", " ")] for token in stream.result.tokens]
        return classes, re.sub("<[^>]*>", "", stream.result.text)

    def margin(self, samples: np.ndarray) -> float:
        normal = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-5)
        return margin(self.session.run(None, {"x": normal[None].astype(np.float32)})[0])


class Wav2Vec2:
    """onnxruntime, with what transformers does around it in NumPy."""

    def __init__(self, folder: Path):
        self.session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
        self.names = {i: name for name, i in json.loads((folder / "vocab.json").read_text())["bod"].items()}
        self.names |= {i: name for name, i in json.loads((folder / "added_tokens.json").read_text()).items()}

    def logits(self, samples: np.ndarray) -> np.ndarray:
        normal = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
        return self.session.run(None, {"input_values": normal[None].astype(np.float32)})[0][0]

    def hear(self, samples: np.ndarray) -> tuple[list[int], str]:
        classes = collapse(self.logits(samples).argmax(1), 0)
        letters = (self.names[c] for c in classes if not self.names[c].startswith("<"))
        return classes, "".join(" " if letter == "|" else letter for letter in letters)

    def margin(self, samples: np.ndarray) -> float:
        return margin(self.logits(samples))


class ZipformerStreaming:
    """sherpa-onnx; margins are those of onnxruntime on sherpa's features, which Python cannot see: by repetition."""

    def __init__(self, folder: Path):
        import sherpa_onnx

        self.tokens = [line.rsplit(" ", 1)[0] for line in (folder / "tokens.txt").read_text().splitlines()]
        self.recogniser = sherpa_onnx.OnlineRecognizer.from_zipformer2_ctc(
            str(folder / "tokens.txt"), str(folder / "model.onnx"), num_threads=1
        )

    def hear(self, samples: np.ndarray) -> tuple[list[int], str]:
        stream = self.recogniser.create_stream()
        stream.accept_waveform(RATE, samples)
        stream.accept_waveform(RATE, np.zeros(TAIL, dtype=np.float32))
        stream.input_finished()
        while self.recogniser.is_ready(stream):
            self.recogniser.decode_stream(stream)
        number = {name.replace("▁", " "): i for i, name in enumerate(self.tokens)}
        tokens = self.recogniser.tokens(stream)
        return [number[token.replace("▁", " ")] for token in tokens], self.recogniser.get_result(stream)

    def margin(self, samples: np.ndarray) -> float:
        """Infinite where the result does not change with the sound by a hair, so that no class is nearly another."""
        heard = self.hear(samples)[0]
        hairs = (1 + 1e-5, 1 - 1e-5, 1 + 3e-5)
        return math.inf if all(self.hear(samples * np.float32(hair))[0] == heard for hair in hairs) else 0.0


REFERENCES = {"omnilingual": Omnilingual, "wav2vec2": Wav2Vec2, "zipformer_streaming": ZipformerStreaming}


# ----------------------------------------------------------------------------------------------------------- commands


def make() -> None:
    makers = {
        "omnilingual": make_omnilingual, "wav2vec2": make_wav2vec2, "zipformer_streaming": make_zipformer_streaming,
    }  # fmt: skip
    for layout in LAYOUTS:
        folder = FIXTURES / layout
        folder.mkdir(parents=True, exist_ok=True)
        makers[layout](folder)
        reference, expected, seed = REFERENCES[layout](folder), [], 0
        while len(expected) < 16:
            seed += 1
            seconds = 0.6 + (seed * 37 % 80) / 10
            samples = clip(seed, seconds)
            if reference.margin(samples) < MARGIN:
                continue
            tokens, text = reference.hear(samples)
            expected.append({"seed": seed, "seconds": seconds, "tokens": tokens, "text": text})
        record = {"reference": REFERENCES[layout].__doc__.splitlines()[0], "clips": expected}
        (folder / "expected.json").write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n")
        size = sum(path.stat().st_size for path in folder.iterdir())
        lengths = [len(c["tokens"]) for c in expected]
        print(f"{layout}: {size / 1e3:.0f} kB, {seed} clips tried, tokens per clip {min(lengths)} to {max(lengths)}")
    make_omnilingual(FIXTURES / "omnilingual/external_weights", weights="model.weights")


def recordings(limit: int) -> list[Path]:
    """Recordings of the measuring data, evenly chosen."""
    data = Path(os.environ.get("DRILEN_DATA", ROOT.parent / "shared/data")) / "zh_speech"
    files = sorted(data.rglob("*.wav")) + sorted(data.rglob("*.flac"))
    if not files:
        print(f"SKIPPED: the recordings of zh_speech are absent (set DRILEN_DATA): {data}")
    return files[:: max(1, len(files) // limit)][:limit]


def read(path: Path) -> np.ndarray:
    """A mono sound file as float32 in [-1, 1] at 16 kHz. Other rates are interpolated: both programs get the same sound, and
    that it is a little dull does not matter here."""
    import soundfile

    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    samples = samples[:, 0]
    count = len(samples) * RATE // rate
    return np.interp(np.arange(count) * rate / RATE, np.arange(len(samples)), samples).astype(np.float32)


def write(path: Path, samples: np.ndarray) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((samples * 32767).round().clip(-32768, 32767).astype("<i2").tobytes())


def compare(count: int) -> int:
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        made = []
        for seed in range(1001, 1001 + count):
            path = Path(folder) / f"{seed}.wav"
            write(path, clip(seed, 0.5 + seed * 37 % 110 / 10))
            made.append(path)
        spoken = []
        for number, recording in enumerate(recordings(count)):
            spoken.append(Path(folder) / f"recording_{number}.wav")
            write(spoken[-1], read(recording))
        files = {"made": made, "zh_speech": spoken}
        for layout in LAYOUTS:
            for kind, paths in files.items():
                if not paths:
                    continue
                same, near, tokens, differing = 0, 0, 0, []
                ours = run_ours(layout, paths)
                reference = REFERENCES[layout](FIXTURES / layout)
                for path, heard in zip(paths, ours):
                    samples = read(path)
                    wanted, text = reference.hear(samples)
                    tokens += len(wanted)
                    # sherpa-onnx leaves `</s>` out of an Omnilingual model's tokens, and no special is ever shown.
                    if plain(layout, heard["tokens"]) == plain(layout, wanted) and heard["text"].split() == text.split():
                        same += 1
                    elif reference.margin(samples) < MARGIN:
                        near += 1
                    else:
                        differing.append((path.name, wanted, heard["tokens"]))
                failures += len(differing)
                print(f"{layout}, {kind}: {same} of {len(paths)} clips equal ({tokens} tokens), {near} differ where two "
                      f"classes are nearly alike, {len(differing)} differ otherwise")  # fmt: skip
                for name, wanted, heard in differing[:3]:
                    print(f"  {name}: expected {wanted[:20]} heard {heard[:20]}")
    return 1 if failures else 0


def plain(layout: str, classes: list[int]) -> list[int]:
    """Without an Omnilingual model's specials."""
    return [c for c in classes if layout != "omnilingual" or c > 3]


def run_ours(layout: str, paths: list[Path]) -> list[dict]:
    """What this project's loader makes of the clips."""
    command = ["cargo", "run", "--quiet", "--package", "speech", "--example", "transcribe_clips", "--"]
    listed = "\n".join(map(str, paths))
    output = subprocess.run(
        [*command, layout, str(FIXTURES / layout)], cwd=ROOT, input=listed, capture_output=True, text=True
    )
    if output.returncode:
        sys.exit(output.stderr)
    return [json.loads(line) for line in output.stdout.splitlines()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("make")
    commands.add_parser("compare").add_argument("--clips", type=int, default=100)
    arguments = parser.parse_args()
    if arguments.command == "make":
        make()
    else:
        sys.exit(compare(arguments.clips))


if __name__ == "__main__":
    main()
