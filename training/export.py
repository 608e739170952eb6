"""A checkpoint → int8 ONNX in the layout of sherpa-onnx's Zipformer2 CTC models, its tokens, and a test fixture.

    python export.py RUN/last.pt OUT_FOLDER PHONES.tsv ESPEAK [--comment TEXT] [--fixture]

The file is one network that runs whole utterances and streams (`model.Stream`): the states are inputs with default values, so a
loader that knows nothing of them sees an offline model. The averaged weights are exported. Linear layers become 8-bit (weights per channel, in seven bits so that processors
without VNNI do not saturate; activations scaled at run time); convolutions stay f32. Normalisation is inside.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic

from espeak import prepare, speak, write_wav
from features import fbank, read_audio
from model import BINS, BLOCKS, DELAY, KEPT, STEM_KEPT, WIDTH, Recogniser, Stream, parameters
from phones import Pronouncer, inventory
from train import collapse

OPSET = 17
# Fixture: "my name is Tenzin", then "I want to change my identity card". The Tibetan awaits a native reviewer.
FIXTURE = (("bo", "ངའི་མིང་ལ་བསྟན་འཛིན་ཟེར"), ("zh", "我要换身份证"))
FIXTURE_VOICE = {"variant": "m4", "pitch": 50, "rate": 190, "amplitude": 100}
FIXTURE_FRAMES = 20
# Inputs with a default, and outputs that are fed to them in the next call. See `model.Stream`.
STATES = {
    "features": np.zeros((1, STEM_KEPT, BINS), np.float32),
    "halves": np.zeros((1, STEM_KEPT, WIDTH), np.float32),
    "frames": np.zeros((1, BLOCKS * KEPT, WIDTH), np.float32),
}
COUNTERS = {"seen": np.zeros(1, np.int64), "drop": np.array([DELAY]), "flush": np.array([DELAY])}


def load(checkpoint: Path) -> Recogniser:
    """The averaged model of a checkpoint."""
    state = torch.load(checkpoint, weights_only=True)["average"]
    model = Recogniser(len(inventory()), state["mean"], state["deviation"])
    model.load_state_dict(state)
    return model.eval()


def write_onnx(model: Recogniser, path: Path) -> None:
    """f32 graph with dynamic batch and time."""
    values = {**STATES, **COUNTERS}
    example = torch.zeros(2, 100, BINS), torch.tensor([100, 80]), *map(torch.from_numpy, values.values())
    states = [name for name in values if name not in ("drop", "flush")]
    torch.onnx.export(
        Stream(model),
        example,
        str(path),
        input_names=["x", "x_lens", *values],
        output_names=["log_probs", "log_probs_len", *(f"new_{name}" for name in STATES)],
        dynamic_axes={
            "x": {0: "N", 1: "T"},
            "x_lens": {0: "N"},
            "log_probs": {0: "N", 1: "T_out"},
            "log_probs_len": {0: "N"},
            **{name: {0: "streams"} for name in states},
            **{f"new_{name}": {0: "N"} for name in STATES},
        },
        opset_version=OPSET,
        dynamo=False,
    )


def give_defaults(model: onnx.ModelProto) -> None:
    """Makes the states optional inputs: an initializer of the same name is what a caller gets who does not feed them."""
    for name, value in {**STATES, **COUNTERS}.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(value, name))


def describe(path: Path, comment: str) -> None:
    """Adds the metadata that loaders look for."""
    model = onnx.load(str(path))
    give_defaults(model)
    values = {
        "model_type": "zipformer2_ctc",
        "version": "1",
        "model_author": "drilen",
        "language": "bo,zh",
        "feature": "fbank: kaldi povey, 80 bins, 20-7600 Hz, snip_edges=false, samples in [-1, 1]",
        "subsampling_factor": "4",
        "streaming_delay": str(DELAY),
        "license": "CC-BY-SA-4.0",
        "comment": comment,
    }
    del model.metadata_props[:]
    for key, value in values.items():
        model.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def session(path: Path, threads: int = 1) -> onnxruntime.InferenceSession:
    """A CPU session."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def posteriors(running: onnxruntime.InferenceSession, features: np.ndarray) -> np.ndarray:
    """f32[T, 80] → f32[T', V] log-probabilities."""
    inputs = {"x": features[None].astype(np.float32), "x_lens": np.array([len(features)], np.int64)}
    return running.run(["log_probs"], inputs)[0][0]


def streamed(running: onnxruntime.InferenceSession, features: np.ndarray, chunk: int = 32) -> np.ndarray:
    """As `posteriors`, fed `chunk` frames (a multiple of four) at a time."""
    state, seen, heard = dict(STATES), 0, []
    pieces = [features[start : start + chunk] for start in range(0, len(features), chunk)]
    for number, piece in enumerate(pieces):
        inputs = {"x": piece[None].astype(np.float32), "x_lens": np.array([len(piece)], np.int64), **state}
        inputs |= {"seen": np.array([seen]), "drop": np.array([0])}
        inputs |= {"flush": np.array([DELAY if number + 1 == len(pieces) else 0])}
        log_probs, lengths, *new = running.run(None, inputs)
        state, seen = dict(zip(STATES, new)), seen + int(lengths[0])
        heard.append(log_probs[0])
    return np.concatenate(heard)[DELAY:]


def write_fixture(folder: Path, running, phones: Path, espeak: Path) -> None:
    """A clip with its features and what the model makes of it, so that another implementation can be compared."""
    folder.mkdir(parents=True, exist_ok=True)
    pronouncer = Pronouncer(phones)
    pronouncer.learn(FIXTURE)
    plan = "|".join(pronouncer.espeak(*item) for item in FIXTURE)
    write_wav(folder / "mixed.wav", speak(prepare(espeak), plan, **FIXTURE_VOICE))
    features = fbank(read_audio(folder / "mixed.wav"))
    best = posteriors(running, features).argmax(-1)
    names = inventory()
    record = {
        "comment": "Made by training/export.py; the clip is espeak-ng. fbank holds the first frames only.",
        "text": [text for _, text in FIXTURE],
        "spoken_phones": [name for item in FIXTURE for name in pronouncer.phones(*item)],
        "frames": len(features),
        "fbank": [[round(float(value), 5) for value in frame] for frame in features[:FIXTURE_FRAMES]],
        "argmax": [int(label) for label in best],
        "greedy_phones": [names[label] for label in collapse(best)],
    }
    (folder / "mixed.json").write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n")
    print("fixture said ", " ".join(record["spoken_phones"]))
    print("fixture heard", " ".join(record["greedy_phones"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("checkpoint", "folder", "phones", "espeak"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--name", default="model.int8.onnx")
    parser.add_argument("--comment", default="Drilen seed recogniser: Lhasa Tibetan and Mandarin phones")
    parser.add_argument("--fixture", action="store_true")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    model, path = load(options.checkpoint), options.folder / options.name
    with tempfile.TemporaryDirectory() as scratch:
        full = Path(scratch) / "full.onnx"
        write_onnx(model, full)
        describe(full, options.comment)
        bare = Path(scratch) / "bare.onnx"
        write_onnx(model, bare)
        quantize_dynamic(
            str(bare), str(path), op_types_to_quantize=["MatMul"], per_channel=True, reduce_range=True,
            weight_type=QuantType.QInt8,
        )  # fmt: skip
        describe(path, options.comment)
        noise = np.random.default_rng(0).normal(-8, 3, (731, 80)).astype(np.float32)
        with torch.no_grad():
            want = model(torch.from_numpy(noise)[None], torch.tensor([731]))[0][0].numpy()
        for name, file in (("f32", full), ("int8", path)):
            gap = np.abs(np.exp(posteriors(session(file), noise)) - np.exp(want)).mean()
            late = np.abs(np.exp(streamed(session(file), noise)) - np.exp(want)).mean()
            print(f"{name}: mean difference in probability to PyTorch {gap:.6f}, as a stream {late:.6f}")
    tokens = "".join(f"{name} {number}\n" for number, name in enumerate(inventory()))
    (options.folder / "tokens.txt").write_text(tokens)
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB, {parameters(model):,} parameters")
    if options.fixture:
        write_fixture(options.folder / "fixture", session(path), options.phones, options.espeak)


if __name__ == "__main__":
    main()
