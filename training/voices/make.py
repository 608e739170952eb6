"""Small voices of VITS's shape in exactly the layouts in which real ones are published.

    python make.py FOLDER

writes one folder for each layout (the committed ones lie in speech/tests/fixtures/voices). Names, types and axes of inputs and
outputs, metadata and the files beside the model are those of the published voices; what is inside is no voice but a witness: its
"sound" tells what reached it, so that a test can read off every id, scale and speaker.

    samples 0 to 4   noise_scale / 4, length_scale / 4, noise_w / 4, speaker / 1024, input length / 1024
    then             for every id: (id + 1) / 1024, repeated 8 * length_scale times (rounded)

The repetition is what a VITS model's length regulator does with its predicted durations. Needs numpy and onnx
(training/layouts/requirements.txt). There is no randomness: the files are the same on every machine.
"""

import json
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto as TP
from onnx import helper as oh
from onnx import numpy_helper as nh

OPSET, IR = 13, 8
FRAME = 8
UNIT = 1024.0

# Piper's map of IPA code points, shortened to what espeak-ng prints for Mandarin; ids as published.
IPA = {
    "_": 0, "^": 1, "$": 2, " ": 3, "!": 4, ",": 8, ".": 10, ":": 11, ";": 12, "?": 13, "a": 14, "b": 15, "c": 16, "d": 17,
    "e": 18, "f": 19, "h": 20, "i": 21, "j": 22, "k": 23, "l": 24, "m": 25, "n": 26, "o": 27, "p": 28, "q": 29, "r": 30,
    "s": 31, "t": 32, "u": 33, "v": 34, "w": 35, "x": 36, "y": 37, "z": 38, "ŋ": 44, "ɑ": 51, "ɔ": 54, "ɕ": 55, "ə": 59,
    "ɛ": 61, "ɜ": 62, "ɡ": 66, "ɤ": 69, "ɨ": 73, "ɪ": 74, "ɻ": 90, "ʂ": 95, "ʊ": 100, "ʐ": 106, "ʰ": 145, "ˈ": 120, "ˌ": 121,
    "ː": 122, "χ": 127, "1": 131, "2": 132, "3": 133, "4": 134, "5": 135, "g": 154,
}  # fmt: skip

INITIALS = "Ø b p m f d t n l g k h j q x zh ch sh r z c s y w".split()
FINALS = (
    "a o e ai ei ao ou an en ang eng ong i ia ie iao iu ian in iang ing iong u ua uo uai ui uan un uang ueng v ve van vn er ue"
).split()
MARKS = {"。": 69, "？": 70, "！": 71, "—": 72, "…": 72, "、": 72, "，": 72, "：": 72, "；": 72, " ": 72}

# Letters of Tibetan as an MMS vocabulary has them: id 0 is the blank and also a letter; there is no shad.
LETTERS = "ཤཀཁགངཅཆཇཉཏཐདནཔཕབམཙཚཛཝཞཟའཡརལསཧཨ་ིེོུྒྱྲླྙྟྣྦྨྩྭཱྀྐྑ "


class Graph:
    def __init__(self):
        self.nodes, self.weights, self.count = [], [], 0

    def constant(self, array):
        self.count += 1
        self.weights.append(nh.from_array(np.ascontiguousarray(array), f"w{self.count}"))
        return f"w{self.count}"

    def ints(self, *values):
        return self.constant(np.array(values, np.int64))

    def float(self, value):
        return self.constant(np.array([value], np.float32))

    def add(self, op, inputs, output=None, **attributes):
        self.count += 1
        output = output or f"{op.lower()}{self.count}"
        self.nodes.append(oh.make_node(op, inputs, [output], **attributes))
        return output

    def scaled(self, x, by):
        """A tensor of any integer type as one row of floats, divided."""
        x = self.add("Cast", [x], to=TP.FLOAT)
        return self.add("Div", [self.add("Reshape", [x, self.ints(-1)]), self.float(by)])

    def witness(self, ids, length, noise, stretch, width, speaker, output, shape):
        """`noise`, `stretch`, `width` are float[1]; the rest integers."""
        head = [self.add("Div", [x, self.float(4.0)]) for x in (noise, stretch, width)]
        head.append(self.scaled(speaker, UNIT) if speaker else self.constant(np.zeros(1, np.float32)))
        head.append(self.scaled(length, UNIT))
        body = self.scaled(self.add("Add", [ids, self.ints(1)]), UNIT)
        repeat = self.add("Round", [self.add("Mul", [stretch, self.float(FRAME)])])
        repeat = self.add("Cast", [repeat], to=TP.INT64)
        count = self.add("Shape", [body])
        body = self.add("Expand", [self.add("Unsqueeze", [body, self.ints(1)]), self.add("Concat", [count, repeat], axis=0)])
        flat = self.add("Concat", [*head, self.add("Reshape", [body, self.ints(-1)])], axis=0)
        self.add("Reshape", [flat, self.ints(*shape)], output)

    def save(self, path, inputs, outputs, metadata):
        graph = oh.make_graph(self.nodes, "witness", inputs, outputs, self.weights)
        model = oh.make_model(graph, opset_imports=[oh.make_opsetid("", OPSET)], ir_version=IR, producer_name="drilen")
        for key, value in metadata.items():
            entry = model.metadata_props.add()
            entry.key, entry.value = key, str(value)
        onnx.checker.check_model(model)
        onnx.save(model, str(path))


def port(name, kind, *shape):
    return oh.make_tensor_value_info(name, kind, shape)


def piper(folder, name, kind, symbols, voice, speakers, language):
    """Piper's export: `export_onnx.py` of piper1-gpl."""
    folder.mkdir(parents=True, exist_ok=True)
    g = Graph()
    scales = [g.add("Gather", ["scales", g.ints(i)], axis=0) for i in range(3)]
    g.witness("input", "input_lengths", *scales, "sid" if speakers > 1 else None, "output", [1, 1, 1, -1])
    inputs = [
        port("input", TP.INT64, "batch_size", "phonemes"),
        port("input_lengths", TP.INT64, "batch_size"),
        port("scales", TP.FLOAT, 3),
    ]
    if speakers > 1:
        inputs.append(port("sid", TP.INT64, "batch_size"))
    g.save(folder / f"{name}.onnx", inputs, [port("output", TP.FLOAT, "batch_size", 1, 1, "time")], {})
    config = {
        "audio": {"sample_rate": 22050, "quality": "medium"},
        "espeak": {"voice": voice},
        "inference": {"noise_scale": 0.667, "length_scale": 1.5, "noise_w": 0.8},
        "phoneme_type": kind,
        "phoneme_id_map": {symbol: [number] for symbol, number in symbols.items()},
        "num_symbols": 256,
        "num_speakers": speakers,
        "speaker_id_map": {},
        "piper_version": "1.0.0",
        "language": {"code": language},
    }
    if kind == "espeak":
        # Voices of before 2023-06 do not say what their phonemes are.
        del config["phoneme_type"]
    text = json.dumps(config, ensure_ascii=False, indent=1)
    (folder / f"{name}.onnx.json").write_text(text + "\n", encoding="utf-8")


def mms(folder):
    """MMS-TTS as sherpa-onnx exports it: scripts/mms of sherpa-onnx."""
    folder.mkdir(parents=True, exist_ok=True)
    g = Graph()
    g.witness("x", "x_length", "noise_scale", "length_scale", "noise_scale_w", None, "y", [1, 1, -1])
    inputs = [port("x", TP.INT64, "N", "L"), port("x_length", TP.INT64, "N")]
    inputs += [port(name, TP.FLOAT, 1) for name in ("noise_scale", "length_scale", "noise_scale_w")]
    metadata = {
        "model_type": "vits",
        "comment": "mms",
        "url": "https://huggingface.co/facebook/mms-tts/tree/main",
        "add_blank": 1,
        "language": "bod",
        "frontend": "characters",
        "n_speakers": 1,
        "sample_rate": 16000,
    }
    g.save(folder / "model.onnx", inputs, [port("y", TP.FLOAT, "N", 1, "L")], metadata)
    lines = [f"{letter} {number}" for number, letter in enumerate(LETTERS)]
    (folder / "tokens.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def slow(folder):
    """A voice as `mms` makes it that takes hours where it is given more than 60 symbols, to be interrupted."""
    folder.mkdir(parents=True, exist_ok=True)
    g = Graph()
    long = g.add("Cast", [g.add("Greater", ["x_length", g.ints(60)])], to=TP.INT64)
    trips = g.add("Reshape", [g.add("Mul", [long, g.ints(10**10)]), g.ints(1)])
    body = oh.make_graph(
        [oh.make_node("Identity", ["go"], ["on"]), oh.make_node("Add", ["sum", "one"], ["more"])],
        "count",
        [port("trip", TP.INT64), port("go", TP.BOOL), port("sum", TP.INT64, 1)],
        [port("on", TP.BOOL), port("more", TP.INT64, 1)],
        [nh.from_array(np.ones(1, np.int64), "one")],
    )
    count = g.add("Loop", [trips, "", g.ints(0)], body=body)
    length = g.add("Add", ["x_length", count])
    g.witness("x", length, "noise_scale", "length_scale", "noise_scale_w", None, "y", [1, 1, -1])
    inputs = [port("x", TP.INT64, "N", "L"), port("x_length", TP.INT64, "N")]
    inputs += [port(name, TP.FLOAT, 1) for name in ("noise_scale", "length_scale", "noise_scale_w")]
    metadata = {"comment": "mms", "add_blank": 1, "frontend": "characters", "sample_rate": 16000}
    g.save(folder / "model.onnx", inputs, [port("y", TP.FLOAT, "N", 1, "L")], metadata)
    lines = [f"{letter} {number}" for number, letter in enumerate(LETTERS)]
    (folder / "tokens.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def optimum(folder):
    """VITS as Optimum exports it from transformers: the scales are baked in."""
    folder.mkdir(parents=True, exist_ok=True)
    g = Graph()
    length = g.add("ReduceSum", ["attention_mask", g.ints(1)], keepdims=0)
    scales = [g.float(value) for value in (0.667, 1.0, 0.8)]
    g.witness("input_ids", length, *scales, None, "waveform", [1, -1])
    inputs = [port(name, TP.INT64, "text_batch_size", "sequence_length") for name in ("input_ids", "attention_mask")]
    g.save(folder / "model.onnx", inputs, [port("waveform", TP.FLOAT, "text_batch_size", "n_samples")], {})
    vocabulary = {letter: number for number, letter in enumerate(LETTERS)}
    files = {
        "vocab.json": vocabulary,
        "config.json": {"model_type": "vits", "sampling_rate": 16000, "num_speakers": 1, "speaking_rate": 1.0},
        "tokenizer_config.json": {"add_blank": True, "is_uroman": False, "language": "bod", "normalize": True},
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def main():
    folder = pathlib.Path(sys.argv[1])
    piper(folder / "piper-espeak", "zh_CN-witness-medium", "espeak", IPA, "cmn", 1, "zh_CN")
    names = ["Ø", *INITIALS[1:]]
    numbers = {name: 3 + i for i, name in enumerate([*names, *FINALS, *"12345"])}
    pinyin = {"_": 0, "^": 1, "$": 2, **numbers, **MARKS}
    piper(folder / "piper-pinyin", "zh_CN-witness-x", "pinyin", pinyin, "cmn", 3, "zh_CN")
    letters = {letter: 3 + i for i, letter in enumerate(LETTERS + "།")}
    piper(folder / "piper-text", "bo_CN-witness-low", "text", {"_": 0, "^": 1, "$": 2, **letters}, "", 1, "bo_CN")
    mms(folder / "mms")
    slow(folder / "slow")
    optimum(folder / "optimum")


if __name__ == "__main__":
    main()
