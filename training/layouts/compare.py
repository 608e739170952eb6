"""What our engines write, beside what sherpa-onnx writes: the same model files, the same sounds, token for token.

    python -m venv .local/venv-layouts && .local/venv-layouts/bin/pip install -r training/layouts/requirements.txt
    .local/venv-layouts/bin/python training/layouts/compare.py [--size tiny|full] [--fixtures] [--recordings N]

makes a model of every layout (`make.py`), writes the synthetic clips of `clips.py` and some more, adds Mandarin recordings
of the measuring data (`zh_speech` in $DRILEN_DATA, or ../shared/data beside the project; left out with a message where it
is absent), and prints a table. The exit status says whether all is equal that shall be.

What cannot be compared with sherpa-onnx is compared with a reference of our own (kaldi-native-fbank or numpy features,
`frontends.py`, and onnx's reference evaluator instead of ONNX Runtime):

- WeNet: sherpa-onnx adds noise to the sound (dither 1 of 32768), another for every frame. Its tokens are shown, but
  count for nothing.
- the recipes' front ends of WeNet and NeMo, which sherpa-onnx does not have.

FunASR's own exports, which sherpa-onnx does not load, hold the weights of their sherpa-onnx twins and must write the same.

`--fixtures` writes the tiny models and what was written for the committed clips to `speech/tests/fixtures/layouts`.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import soundfile
from onnx.reference import ReferenceEvaluator

import frontends
import make
from clips import CLIPS, clip
from sherpa import TWINS

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "speech/tests/fixtures/layouts"
HERE = pathlib.Path(__file__).resolve().parent

# Logits are some 50 large; 1e-3 of difference in a feature moves them by up to this.
TIE = 0.05

# Layout, front end, what it is compared with, whether it must be equal.
PLAN = [
    ("sense-voice", "sherpa", "sherpa", True),
    ("sense-voice-funasr", "sherpa", "sherpa", True),
    ("paraformer", "sherpa", "sherpa", True),
    ("paraformer-funasr", "sherpa", "sherpa", True),
    ("zipformer", "sherpa", "sherpa", True),
    ("zipformer-bbpe", "sherpa", "sherpa", True),
    ("nemo-char", "sherpa", "sherpa", True),
    ("nemo-bpe", "sherpa", "sherpa", True),
    ("nemo-hybrid", "sherpa", "sherpa", True),
    ("telespeech", "sherpa", "sherpa", True),
    ("wenet", "sherpa", "reference", True),
    ("wenet", "recipe", "reference", True),
    ("wenet", "sherpa", "sherpa", False),
    ("nemo-char", "recipe", "reference", True),
    ("nemo-bpe", "recipe", "reference", True),
]


def tokens_of(path):
    names = {}
    for line in path.read_text(encoding="utf-8").split("\n"):
        if line:
            name, _, number = line.rpartition(" ")
            names[int(number)] = name if name else " "
    return [names[i] for i in range(len(names))]


def as_sherpa(name, layout):
    """A vocabulary's entry as sherpa-onnx prints it."""
    if layout == "zipformer-bbpe":
        return name
    if len(name) == 6 and name.startswith("<0x"):
        byte = int(name[3:5], 16)
        return chr(byte) if 0x20 <= byte < 0x7F else name
    return " " + name[1:] if name.startswith("▁") else name


def spoken(text):
    """A text without white space and what is written differently on purpose: special tokens, which sherpa-onnx writes
    and we do not, and bytes that are no text, which sherpa-onnx leaves out or names and we mark with U+FFFD."""
    text = re.sub(r"<(\|[^|]*\||/?s|unk|sos/eos|0x[0-9A-F]{2})>", "", text)
    text = "".join(c for c in text if c >= " " and c not in "\x7f\ufffd")
    return "".join(text.split())


def ours(layout, folder, front_end, files):
    program = ROOT / "target/debug/examples/layout_tokens"
    done = subprocess.run([program, front_end, folder, *files], capture_output=True, text=True, cwd=ROOT)
    if done.returncode != 0:
        raise SystemExit(f"our engine failed on {layout}: {done.stderr}")
    results = [json.loads(line) for line in done.stdout.splitlines()]
    for result in results:
        result["tokens"] = [as_sherpa(name, layout) for name in result["tokens"]]
    return results


def sherpa(layout, folder, files):
    twin = TWINS.get(layout, layout)
    done = subprocess.run(
        [sys.executable, HERE / "sherpa.py", twin, folder.parent / twin],
        input="\n".join(str(f) for f in files),
        capture_output=True,
        text=True,
    )
    results = []
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            result = json.loads(line)
            result["start_ms"] = [round(t * 1000) for t in result["timestamps"]]
            results.append(result)
    if done.returncode != 0 or len(results) != len(files):
        raise SystemExit(f"sherpa-onnx failed on {layout}: {done.stderr[-2000:]}")
    return results


def reference(layout, folder, front_end, files):
    """Features by kaldi-native-fbank or numpy, the network by onnx's evaluator, greedy search by numpy."""
    evaluator = ReferenceEvaluator(onnx.load(folder / "model.onnx"))
    names = tokens_of(folder / "tokens.txt")
    blank = names.index("<blk>" if "<blk>" in names else "<blank>")
    results = []
    for path in files:
        samples, _ = soundfile.read(path, dtype="float32")
        if layout == "wenet":
            x = frontends.wenet(samples) if front_end == "recipe" else frontends.wenet_sherpa(samples)
            inputs, shift = {"x": x[None], "x_lens": np.array([len(x)])}, 40
        else:
            x = frontends.per_feature(frontends.nemo(samples), 1)
            inputs, shift = {"audio_signal": x.T[None].copy(), "length": np.array([len(x)])}, 80
        best = evaluator.run(None, inputs)[0][0].argmax(-1)
        kept = [t for t, y in enumerate(best) if y != blank and (t == 0 or best[t - 1] != y)]
        tokens = [as_sherpa(names[best[t]], layout) for t in kept]
        results.append({"tokens": tokens, "start_ms": [t * shift for t in kept]})
    return results


def near_ties(layout, folder, front_end, path):
    """How many frames (or slots) of a sound have their two best classes within TIE of each other, by the reference: there
    the rounding of two programs may decide differently."""
    twin = TWINS.get(layout, layout)
    evaluator = ReferenceEvaluator(onnx.load(folder.parent / twin / "model.onnx"))
    samples, _ = soundfile.read(path, dtype="float32")
    one = lambda *values: [np.array([v], np.int32) for v in values]
    if twin in ("sense-voice", "paraformer"):
        entries = {p.key: p.value for p in onnx.load(folder.parent / twin / "model.onnx").metadata_props}
        row = lambda key: np.array(entries[key].split(","), np.float32)
        x = (frontends.stack(frontends.funasr(samples)) + row("neg_mean")) * row("inv_stddev")
        feeds = [x[None], *one(len(x), 0, 15)] if twin == "sense-voice" else [x[None], *one(len(x))]
    elif twin == "telespeech":
        feeds = [frontends.per_feature(frontends.telespeech(samples), 0)[None]]
    elif twin.startswith("nemo"):
        recipe = front_end == "recipe"
        x = frontends.nemo(samples) if recipe else frontends.nemo_sherpa(samples)
        x = frontends.per_feature(x, 1 if recipe else 0)
        feeds = [x.T[None].copy(), np.array([len(x)])]
    else:
        compute = {"zipformer": frontends.icefall, "zipformer-bbpe": frontends.icefall, "wenet": frontends.wenet_sherpa}[twin]
        x = (frontends.wenet if front_end == "recipe" else compute)(samples)
        feeds = [x[None], np.array([len(x)])]
    names = [i.name for i in onnx.load(folder.parent / twin / "model.onnx").graph.input]
    scores = np.sort(evaluator.run(None, dict(zip(names, feeds)))[0].reshape(-1, len(tokens_of(folder.parent / twin / "tokens.txt"))))
    return int((scores[:, -1] - scores[:, -2] < TIE).sum())


def distance(a, b):
    """Levenshtein."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row, last = [i] + [0] * len(b), row
        for j, y in enumerate(b, 1):
            row[j] = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y))
    return row[-1]


def sounds(folder, recordings):
    """Synthetic clips, and recordings where there are any. Names of files at 16 kHz with one channel."""
    files = []
    more = [(100 + i, 9000 + 4111 * i) for i in range(9)]
    for seed, samples in CLIPS + more:
        path = folder / f"clip-{seed}.wav"
        soundfile.write(path, clip(seed, samples).astype(np.int16), 16000, subtype="PCM_16")
        files.append(path)
    data = pathlib.Path(os.environ.get("DRILEN_DATA", ROOT / "../shared/data")) / "zh_speech"
    if not data.is_dir():
        print(f"SKIPPED: there are no recordings in {data} (set DRILEN_DATA)")
        return files
    found = sorted(p for p in data.rglob("*") if p.suffix in (".wav", ".flac"))
    fitting = [p for p in found if (i := soundfile.info(p)).samplerate == 16000 and i.channels == 1 and i.duration <= 30]
    # Spread over the speakers, whose files lie beside each other.
    step = max(1, len(fitting) // recordings) if recordings else len(fitting) + 1
    return files + [p.resolve() for p in fitting[::step][:recordings]]


def same(layout, a, b):
    if a["tokens"] != b["tokens"] or ("text" in b and spoken(a["text"]) != spoken(b["text"])):
        return False
    # No times on either side where Paraformer's peaks do not match; else equal to a millisecond of rounding.
    times = [t for t in a["start_ms"] if t is not None]
    return len(times) == len(b["start_ms"]) and all(abs(x - y) <= 1 for x, y in zip(times, b["start_ms"]))


def fixtures(models, files):
    """What was written for the committed clips, with the versions of what wrote it."""
    import kaldi_native_fbank
    import sherpa_onnx

    if FIXTURES.exists():
        shutil.rmtree(FIXTURES)
    shutil.copytree(models, FIXTURES)
    record = {
        "made_by": "training/layouts/compare.py --size tiny --fixtures",
        "versions": {
            "sherpa-onnx": f"{sherpa_onnx.version} {sherpa_onnx.git_sha1}",
            "kaldi-native-fbank": getattr(kaldi_native_fbank, "__version__", "1.23.0"),
            "onnx": onnx.__version__,
        },
        "clips": [{"seed": seed, "samples": samples} for seed, samples in CLIPS],
        "expected": [],
    }
    for layout, front_end, against, must in PLAN:
        if must:
            expected = theirs(against, layout, models / layout, front_end, files[: len(CLIPS)])
            for result in expected:
                result.pop("timestamps", None)
            record["expected"].append(
                {"layout": layout, "front_end": front_end, "written_by": against, "results": expected}
            )
    (FIXTURES / "expected.json").write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def theirs(against, layout, folder, front_end, files):
    if against == "sherpa":
        return sherpa(layout, folder, files)
    return reference(layout, folder, front_end, files)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", choices=["tiny", "full"], default="full")
    parser.add_argument("--recordings", type=int, default=20)
    parser.add_argument("--fixtures", action="store_true")
    arguments = parser.parse_args()
    subprocess.run(["cargo", "build", "--quiet", "-p", "speech", "--example", "layout_tokens"], cwd=ROOT, check=True)
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        models = folder / "models"
        make.make(models, arguments.size)
        files = sounds(folder, arguments.recordings)
        if arguments.fixtures:
            fixtures(models, files)
        print(f"{len(files)} sounds\n")
        print(f"{'layout':20}{'front end':11}{'against':11}{'equal':>8}{'tokens':>8}{'timed':>7}{'differing tokens':>18}")
        for layout, front_end, against, must in PLAN:
            mine = ours(layout, models / layout, front_end, files)
            other = theirs(against, layout, models / layout, front_end, files)
            equal = sum(same(layout, a, b) for a, b in zip(mine, other))
            total = sum(len(b["tokens"]) for b in other)
            apart = sum(distance(a["tokens"], b["tokens"]) for a, b in zip(mine, other))
            timed = sum(bool(b["start_ms"]) for b in other)
            unequal = [(f, a, b) for f, a, b in zip(files, mine, other) if not same(layout, a, b)]
            excused = must and all(
                distance(a["tokens"], b["tokens"]) <= near_ties(layout, models / layout, front_end, f)
                and a["tokens"] != b["tokens"]
                for f, a, b in unequal
            )
            verdict = "" if not unequal else " (not required)" if not must else " only at near ties" if excused else " UNEQUAL"
            print(f"{layout:20}{front_end:11}{against:11}{equal:5}/{len(files)}{total:8}{timed:7}{apart:18}{verdict}")
            if must and unequal and not excused:
                failed = True
                path, a, b = unequal[0]
                print(f"  {path.name}\n    ours   {a}\n    theirs {b}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
