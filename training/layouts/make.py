"""Small recognisers with random weights in exactly the layouts in which real ones are published.

    python make.py FOLDER [--size tiny|full]

writes one folder for each layout. Names, types, axes and metadata of the graphs, and the oddities of `tokens.txt`, are
those of the published models; the networks inside are a few convolutions. They recognise nothing, but what they write
for a sound is as sharply determined as a real model's text: a wrong front end, a shifted frame or a misread
vocabulary changes it. `tiny` (for the committed fixtures) has small vocabularies, `full` the published sizes.
Seeds are fixed, so that the files are the same on every machine.
"""

import argparse
import json
import pathlib

import numpy as np
import onnx
from onnx import TensorProto as TP
from onnx import helper as oh
from onnx import numpy_helper as nh

HIDDEN = 16
# The two best logits shall differ by more than rounding can do: random weights are scaled up by this.
SHARPNESS = 6.0
OPSET, IR = 13, 8

HAN = [chr(c) for c in range(0x4E00, 0x9FA5)]
LATIN = ["hello", "ok", "the", "ing", "s", "app", "er", "on", "a", "re", "in", "card", "id", "et", "c"]
TIBETAN = ["བོད་", "ཡིག་", "ལག་", "ཁྱེར་", "ཞུ་", "ང་", "གི་", "རེད་", "སྐད་", "དང་"]


class Graph:
    """Collects nodes and weights."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.nodes, self.weights, self.count = [], [], 0

    def constant(self, array):
        self.count += 1
        name = f"w{self.count}"
        self.weights.append(nh.from_array(np.ascontiguousarray(array), name))
        return name

    def add(self, op, inputs, output=None, **attributes):
        self.count += 1
        output = output or f"{op.lower()}{self.count}"
        self.nodes.append(oh.make_node(op, inputs, [output], **attributes))
        return output

    def ints(self, *values):
        return self.constant(np.array(values, np.int64))

    def save(self, path, inputs, outputs, metadata):
        graph = oh.make_graph(self.nodes, path.parent.name, inputs, outputs, self.weights)
        model = oh.make_model(graph, opset_imports=[oh.make_opsetid("", OPSET)], ir_version=IR, producer_name="drilen")
        for key, value in metadata.items():
            entry = model.metadata_props.add()
            entry.key, entry.value = key, str(value)
        onnx.checker.check_model(model)
        onnx.save(model, str(path))

    # What networks are made of

    def projection(self, x, inputs, outputs, scale):
        """Linear map without bias whose columns sum to nothing: it hears the shape of a spectrum, not its level."""
        w = self.rng.standard_normal((inputs, outputs))
        w = (w - w.mean(0)) * (scale / np.sqrt(inputs))
        return self.add("MatMul", [x, self.constant(w.astype(np.float32))])

    def strided(self, x, channels, outputs, scale, pad):
        """Convolution over time, kernel 3, every second frame. [N, C, T] -> [N, C', about T / 2]."""
        w = self.rng.standard_normal((outputs, channels, 3))
        w = (w - w.mean((1, 2), keepdims=True)) * (scale / np.sqrt(channels * 3))
        y = self.add(
            "Conv", [x, self.constant(w.astype(np.float32))], kernel_shape=[3], strides=[2], pads=[pad, pad]
        )
        return self.add("Tanh", [y])

    def logits(self, x, names, blank=None, output=None):
        """[..., HIDDEN] -> [..., classes]; the blank is a little likelier than the rest, and special tokens are never
        said, as in a trained model."""
        classes = len(names)
        w = self.rng.standard_normal((HIDDEN, classes)) * SHARPNESS
        y = self.add("MatMul", [x, self.constant(w.astype(np.float32))])
        bias = np.zeros(classes, np.float32)
        if blank is not None:
            # Of V random classes the best has about SHARPNESS * sqrt(HIDDEN/2 * 2 ln V): half the frames are blank.
            bias[blank] = SHARPNESS * np.sqrt(HIDDEN * np.log(classes)) * 0.8
        for i, name in enumerate(names):
            if i != blank and is_special(name):
                bias[i] = -1000.0
        return self.add("Add", [y, self.constant(bias)], output)


def is_special(name):
    return len(name) > 2 and name[0] == "<" and name[-1] == ">" and not name.startswith("<0x")


def value(name, kind, *shape):
    return oh.make_tensor_value_info(name, kind, list(shape))


def write_tokens(folder, names, oddities=()):
    """`oddities`: classes whose line has nothing but the number, as some exporters write the space."""
    lines = [f"{i}" if i in oddities else f"{name} {i}" for i, name in enumerate(names)]
    (folder / "tokens.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def statistics(seed):
    """Mean and deviation such as FunASR's models bring along, written as the exporter does."""
    rng = np.random.default_rng(seed)
    neg_mean = np.tile(-(9 + 4 * rng.random(80)), 7)
    inv_stddev = np.tile(0.2 + 0.1 * rng.random(80), 7)
    return [f"{v:.4g}" for v in neg_mean], [f"{v:.4g}" for v in inv_stddev]


# SenseVoice


def sense_voice_names(size):
    total = 25055 if size == "full" else 240
    specials = ["<|zh|>", "<|en|>", "<|yue|>", "<|ja|>", "<|ko|>", "<|nospeech|>", "<|NEUTRAL|>", "<|HAPPY|>"]
    specials += ["<|EMO_UNKNOWN|>", "<|Speech|>", "<|BGM|>", "<|withitn|>", "<|woitn|>"]
    body = ["<unk>", "<s>", "</s>", "▁"] + ["▁" + w for w in LATIN] + LATIN + ["你好", "我们"] + TIBETAN
    body += HAN[: total - len(body) - len(specials)]
    return body + specials


def sense_voice(folder, size, funasr):
    """Two exports of the same network: sherpa-onnx's (with metadata) and FunASR's own (with am.mvn and config.yaml)."""
    names = sense_voice_names(size)
    neg_mean, inv_stddev = statistics(11)
    g = Graph(1)
    x, length, language, norm = (
        ("speech", "speech_lengths", "language", "textnorm") if funasr else ("x", "x_length", "language", "text_norm")
    )
    # 16 queries stand before the speech: language, event, emotion and text normalisation. Each is a one-hot vector
    # beside the hidden units, so that its frame says one special token, loudly.
    special = {name: i for i, name in enumerate(names)}
    says = {0: "<|zh|>", 3: "<|zh|>", 4: "<|en|>", 7: "<|yue|>", 11: "<|ja|>", 12: "<|ko|>", 13: "<|nospeech|>"}
    says |= {1: "<|EMO_UNKNOWN|>", 2: "<|Speech|>", 14: "<|withitn|>", 15: "<|woitn|>"}
    table = np.concatenate([np.zeros((16, HIDDEN)), np.eye(16)], 1).astype(np.float32)
    queries = g.constant(table)
    hidden = g.add("Tanh", [g.projection(x, 560, HIDDEN, 3.0)])
    hidden = g.add("Concat", [hidden, g.add("Mul", [hidden, g.constant(np.zeros(HIDDEN, np.float32))])], axis=2)
    ask = lambda ids: g.add("Unsqueeze", [g.add("Gather", [queries, ids], axis=0), g.ints(1)])
    # Event and emotion are fixed queries; adding 0 times the language gives them the batch's size.
    zero = g.add("Mul", [language, g.constant(np.array(0, np.int32))])
    fixed = lambda i: ask(g.add("Add", [zero, g.constant(np.array(i, np.int32))]))
    rows = g.add("Concat", [ask(language), fixed(1), fixed(2), ask(norm), hidden], axis=1)
    classes = len(names)
    w = np.zeros((HIDDEN + 16, classes))
    w[:HIDDEN] = g.rng.standard_normal((HIDDEN, classes)) * SHARPNESS
    # Special tokens only in the queries' frames.
    bias = np.zeros(classes, np.float32)
    for i, name in enumerate(names):
        if is_special(name):
            bias[i] = -1000.0
    for query, name in says.items():
        w[HIDDEN + query, special[name]] = 2000.0
    bias[0] = SHARPNESS * np.sqrt(HIDDEN * np.log(classes)) * 0.8
    y = g.add("MatMul", [rows, g.constant(w.astype(np.float32))])
    logits = "ctc_logits" if funasr else "logits"
    g.add("Add", [y, g.constant(bias)], logits)
    inputs = [value(x, TP.FLOAT, "N", "T", 560)] + [value(n, TP.INT32, "N") for n in (length, language, norm)]
    outputs = [value(logits, TP.FLOAT, "N", "T_out", classes)]
    if funasr:
        g.add("Add", [length, g.constant(np.array(4, np.int32))], "encoder_out_lens")
        outputs.append(value("encoder_out_lens", TP.INT32, "N"))
        g.save(folder / "model.onnx", inputs, outputs, {})
        write_am_mvn(folder / "am.mvn", neg_mean, inv_stddev)
        (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
        write_sentencepiece(folder / "chn_jpn_yue_eng_ko_spectok.bpe.model", names)
        return
    metadata = {
        "lfr_window_size": 7,
        "lfr_window_shift": 6,
        "normalize_samples": 0,
        "neg_mean": ",".join(neg_mean),
        "inv_stddev": ",".join(inv_stddev),
        "model_type": "sense_voice_ctc",
        "version": 1,
        "model_author": "iic",
        "maintainer": "k2-fsa",
        "vocab_size": classes,
        "comment": "iic/SenseVoiceSmall",
        "lang_auto": 0,
        "lang_zh": 3,
        "lang_en": 4,
        "lang_yue": 7,
        "lang_ja": 11,
        "lang_ko": 12,
        "lang_nospeech": 13,
        "with_itn": 14,
        "without_itn": 15,
        "url": "made by training/layouts/make.py",
    }
    g.save(folder / "model.onnx", inputs, outputs, metadata)
    write_tokens(folder, names)


CONFIG = """\
encoder: SenseVoiceEncoderSmall
frontend: WavFrontend
frontend_conf:
    fs: 16000
    window: hamming
    n_mels: 80
    frame_length: 25
    frame_shift: 10
    lfr_m: 7
    lfr_n: 6
tokenizer: SentencepiecesTokenizer
"""


def write_am_mvn(path, neg_mean, inv_stddev):
    """Kaldi's text form of a feature transform, as FunASR publishes it: the numbers stand on two long lines."""
    size = len(neg_mean)
    path.write_text(
        "<Nnet>\n"
        f"<Splice> {size} {size}\n[ 0 ]\n"
        f"<AddShift> {size} {size}\n<LearnRateCoef> 0 [ {' '.join(neg_mean)} ]\n"
        f"<Rescale> {size} {size}\n<LearnRateCoef> 0 [ {' '.join(inv_stddev)} ]\n"
        "</Nnet>\n"
    )


def write_sentencepiece(path, names):
    """The part of a SentencePiece model that says which class is which piece: field 1, repeated, of {1: piece, 2:
    score, 3: kind}."""

    def field(number, kind, payload):
        return bytes([number << 3 | kind]) + payload

    def varint(n):
        out = b""
        while True:
            out += bytes([n & 127 | (128 if n > 127 else 0)])
            n >>= 7
            if not n:
                return out

    blob = b""
    for i, name in enumerate(names):
        text = name.encode()
        piece = field(1, 2, varint(len(text)) + text) + field(2, 5, np.float32(-i).tobytes())
        piece += field(3, 0, varint(2 if i == 0 else 3 if i < 3 else 1)) if i < 3 else b""
        blob += field(1, 2, varint(len(piece)) + piece)
    # What follows the pieces (trainer_spec, normalizer_spec) is skipped by readers of pieces.
    path.write_bytes(blob + field(2, 2, varint(3) + b"\x0a\x01x"))


# Paraformer


def paraformer_names(size):
    total = 8404 if size == "full" else 240
    body = ["<blank>", "<s>", "</s>"] + ["hel@@", "lo", "o@@", "k", "app", "i@@", "d", "card", "e@@", "t@@", "c"]
    return body + HAN[: total - len(body) - 1] + ["<unk>"]


def paraformer(folder, size, funasr):
    names = paraformer_names(size)
    neg_mean, inv_stddev = statistics(12)
    classes = len(names)
    g = Graph(2)
    f32 = lambda *v: g.constant(np.array(v, np.float32))
    hidden = g.add("Tanh", [g.projection("speech", 560, HIDDEN, 3.0)])
    alphas = g.add("Sigmoid", [g.projection(hidden, HIDDEN, 1, 6.0)])  # [N, T, 1]
    # Continuous integrate-and-fire without a loop: slot k is the sum of the frames that lie in [k, k+1) on the axis of
    # cumulated weights, each by its share.
    until = g.add("CumSum", [alphas, g.constant(np.array(1, np.int64))])
    since = g.add("Sub", [until, alphas])
    total = g.add("ReduceMax", [until], axes=[0, 1, 2], keepdims=0)
    slots = g.add("Max", [g.add("Floor", [total]), f32(1.0)])
    slots = g.add("Reshape", [slots, g.constant(np.array([], np.int64))])
    k = g.add("Range", [g.constant(np.array(0, np.float32)), slots, g.constant(np.array(1, np.float32))])
    upper = g.add("Min", [until, g.add("Add", [k, f32(1.0)])])
    lower = g.add("Max", [since, k])
    share = g.add("Relu", [g.add("Sub", [upper, lower])])  # [N, T, L]
    fired = g.add("MatMul", [g.add("Transpose", [share], perm=[0, 2, 1]), hidden])  # [N, L, H]
    scores = g.logits(fired, names)
    # The last slot says </s>.
    last = g.add("Cast", [g.add("Equal", [k, g.add("Sub", [slots, f32(1.0)])])], to=TP.FLOAT)
    end = np.zeros((1, classes), np.float32)
    end[0, 2] = 3000.0
    g.add("Add", [scores, g.add("MatMul", [g.add("Unsqueeze", [last, g.ints(1)]), g.constant(end)])], "logits")
    count = g.add("Cast", [slots], to=TP.INT32)
    zero = g.add("Mul", ["speech_lengths", g.constant(np.array(0, np.int32))])
    g.add("Add", [zero, count], "token_num")
    # Peaks are taken over three times as many steps, and from weights of their own: their number does not always match.
    thirds = g.add("Mul", [alphas, f32(1 / 3)])
    third = g.add("Concat", [thirds, thirds, thirds], axis=2)
    flat = g.add("Reshape", [third, g.ints(0, -1)], "us_alphas")
    cumulated = g.add("Add", [g.add("CumSum", [flat, g.constant(np.array(1, np.int64))]), f32(0.15)])
    before = g.add("Floor", [g.add("Sub", [cumulated, flat])])
    peak = g.add("Sub", [cumulated, before])
    # A weight that nearly fires counts as a peak for readers; rounding shall not decide about that here.
    fires = g.add("GreaterOrEqual", [peak, f32(1.0)])
    g.add("Where", [fires, peak, g.add("Min", [peak, f32(0.99)])], "us_cif_peak")
    inputs = [value("speech", TP.FLOAT, "N", "T", 560), value("speech_lengths", TP.INT32, "N")]
    outputs = [
        value("logits", TP.FLOAT, "N", "L", classes),
        value("token_num", TP.INT32, "N"),
        value("us_alphas", TP.FLOAT, "N", "T3"),
        value("us_cif_peak", TP.FLOAT, "N", "T3"),
    ]
    if funasr:
        g.save(folder / "model_quant.onnx", inputs, outputs, {})
        write_am_mvn(folder / "am.mvn", neg_mean, inv_stddev)
        (folder / "config.yaml").write_text(CONFIG.replace("SenseVoiceEncoderSmall", "SANMEncoder"), encoding="utf-8")
        (folder / "tokens.json").write_text(json.dumps(names, ensure_ascii=False), encoding="utf-8")
        return
    metadata = {
        "vocab_size": classes,
        "model_type": "paraformer",
        "lfr_window_size": 7,
        "lfr_window_shift": 6,
        "neg_mean": ",".join(neg_mean),
        "inv_stddev": ",".join(inv_stddev),
        "version": 1,
        "model_author": "damo",
        "maintainer": "k2-fsa",
        "comment": "made by training/layouts/make.py",
    }
    g.save(folder / "model.onnx", inputs, outputs, metadata)
    write_tokens(folder, names)


# CTC models on log-mel features


def ctc_body(g, x, channels, layers, pad, names, blank, output, scale=3.0):
    """[N, C, T] -> log-posteriors [N, T', V], two or three convolutions of stride 2."""
    for i in range(layers):
        x = g.strided(x, channels if i == 0 else HIDDEN, HIDDEN, scale if i == 0 else 2.5, pad)
    y = g.add("Transpose", [x], perm=[0, 2, 1])
    return g.add("LogSoftmax", [g.logits(y, names, blank)], output, axis=2)


def subsampled(g, lengths, layers, output):
    """((n - 1) / 2 - 1) / 2: what unpadded convolutions of kernel 3 and stride 2 leave."""
    for i in range(layers):
        lengths = g.add("Sub", [lengths, g.constant(np.array(1, np.int64))])
        lengths = g.add("Div", [lengths, g.constant(np.array(2, np.int64))], output if i == layers - 1 else None)


def mel_ctc(folder, names, seed, lengths, metadata, oddities=()):
    classes, blank = len(names), names.index("<blk>") if "<blk>" in names else names.index("<blank>")
    g = Graph(seed)
    x = g.add("Transpose", ["x"], perm=[0, 2, 1])
    ctc_body(g, x, 80, 2, 0, names, blank, "log_probs")
    subsampled(g, "x_lens", 2, lengths)
    g.save(
        folder / "model.onnx",
        [value("x", TP.FLOAT, "N", "T", 80), value("x_lens", TP.INT64, "N")],
        [value("log_probs", TP.FLOAT, "N", "T_out", classes), value(lengths, TP.INT64, "N")],
        metadata,
    )
    write_tokens(folder, names, oddities)


def wenet(folder, size):
    total = 5538 if size == "full" else 240
    names = ["<blank>", "<unk>"] + ["▁" + w.upper() for w in LATIN] + TIBETAN
    names += HAN[: total - len(names) - 1] + ["<sos/eos>"]
    metadata = {
        "model_type": "wenet_ctc",
        "version": "1",
        "model_author": "wenet",
        "comment": "made by training/layouts/make.py",
        "subsampling_factor": "4",
        "vocab_size": len(names),
        "url": "none",
    }
    mel_ctc(folder, names, 3, "log_probs_lens", metadata)


def zipformer(folder, size):
    total = 2000 if size == "full" else 400
    # Byte tokens <0x00>..<0xFF> at 3..258, then pieces, as in icefall's models with byte fallback.
    names = ["<blk>", "<sos/eos>", "<unk>"] + [f"<0x{b:02X}>" for b in range(256)] + ["▁"]
    names += ["▁" + w for w in LATIN] + TIBETAN + HAN
    names = names[:total]
    metadata = {
        "model_type": "zipformer2_ctc",
        "version": "1",
        "model_author": "k2-fsa",
        "comment": "non-streaming zipformer2 CTC, made by training/layouts/make.py",
    }
    mel_ctc(folder, names, 4, "log_probs_len", metadata)


def stand_ins():
    """icefall's byte-level alphabet: printable ASCII stands for itself, the other 161 bytes for U+0100 to U+01A6 less six
    that normalisation would change."""
    left_out = {0x132, 0x133, 0x13F, 0x140, 0x149, 0x17F}
    points = iter(c for c in range(0x100, 0x1A7) if c not in left_out)
    return {b: chr(b) if 0x20 <= b <= 0x7E else chr(next(points)) for b in range(256)}


def zipformer_bbpe(folder, size):
    alphabet = stand_ins()
    spell = lambda text: "".join(alphabet[b] for b in text.encode())
    names = ["<blk>", "<sos/eos>", "<unk>", "▁"] + ["▁" + spell(w) for w in LATIN + TIBETAN]
    names += ["▁" + spell(c) for c in HAN[: 1700 if size == "full" else 160]]
    # Beginnings and ends of characters, as pieces of their own.
    names += [spell(c)[:2] for c in HAN[::400]] + [spell(c)[2:] for c in HAN[:40]]
    names = list(dict.fromkeys(names))
    metadata = {
        "model_type": "zipformer2_ctc",
        "version": "1",
        "model_author": "k2-fsa",
        "comment": "non-streaming zipformer2 CTC, byte-level BPE, made by training/layouts/make.py",
    }
    mel_ctc(folder, names, 9, "log_probs_len", metadata)
    write_sentencepiece(folder / "bbpe.model", names)


def nemo(folder, size, kind):
    if kind == "EncDecCTCModel":
        # A character model: the space is a class, and its line in tokens.txt is a lone number.
        names = [" ", "'"] + [chr(c) for c in range(ord("a"), ord("z") + 1)] + HAN[: 5000 if size == "full" else 180]
        oddities = (0,)
    else:
        names = ["<unk>"] + ["▁" + w for w in LATIN] + LATIN + TIBETAN + HAN[: 950 if size == "full" else 160]
        oddities = ()
    names = names + ["<blk>"]
    classes, blank = len(names), len(names) - 1
    g = Graph({"EncDecCTCModel": 5, "EncDecCTCModelBPE": 6, "EncDecHybridRNNTCTCBPEModel": 7}[kind])
    # Features are normalised already: no column sums are needed, but the same weights do.
    ctc_body(g, "audio_signal", 80, 3, 1, names, blank, "logprobs", scale=2.0)
    metadata = {
        "vocab_size": classes - 1,
        "normalize_type": "per_feature",
        "subsampling_factor": 8,
        "model_type": kind,
        "version": "1",
        "model_author": "NeMo",
        "url": "none",
        "comment": "made by training/layouts/make.py",
    }
    g.save(
        folder / "model.onnx",
        [value("audio_signal", TP.FLOAT, "N", 80, "T"), value("length", TP.INT64, "N")],
        [value("logprobs", TP.FLOAT, "N", "T_out", classes)],
        metadata,
    )
    write_tokens(folder, names, oddities)


def telespeech(folder, size):
    total = 7535 if size == "full" else 240
    names = ["<blk>", "<s>", "</s>", "<unk>"] + HAN[: total - 4]
    classes = len(names)
    g = Graph(8)
    x = g.add("Transpose", ["feats"], perm=[0, 2, 1])
    for i in range(2):
        x = g.strided(x, 40 if i == 0 else HIDDEN, HIDDEN, 2.0 if i == 0 else 2.5, 1)
    y = g.add("Transpose", [x], perm=[2, 0, 1])  # time first: [T', 1, V]
    g.logits(y, names, 0, "logits")
    metadata = {
        "model_type": "telespeech_ctc",
        "version": "1",
        "model_author": "Tele-AI",
        "comment": "made by training/layouts/make.py",
        "url": "none",
    }
    g.save(
        folder / "model.onnx",
        [value("feats", TP.FLOAT, 1, "T", 40)],
        [value("logits", TP.FLOAT, "T_out", 1, classes)],
        metadata,
    )
    write_tokens(folder, names)


LAYOUTS = {
    "sense-voice": lambda f, s: sense_voice(f, s, False),
    "sense-voice-funasr": lambda f, s: sense_voice(f, s, True),
    "paraformer": lambda f, s: paraformer(f, s, False),
    "paraformer-funasr": lambda f, s: paraformer(f, s, True),
    "wenet": wenet,
    "zipformer": zipformer,
    "zipformer-bbpe": zipformer_bbpe,
    "nemo-char": lambda f, s: nemo(f, s, "EncDecCTCModel"),
    "nemo-bpe": lambda f, s: nemo(f, s, "EncDecCTCModelBPE"),
    "nemo-hybrid": lambda f, s: nemo(f, s, "EncDecHybridRNNTCTCBPEModel"),
    "telespeech": telespeech,
}


def make(root, size):
    for name, build in LAYOUTS.items():
        folder = pathlib.Path(root) / name
        folder.mkdir(parents=True, exist_ok=True)
        build(folder, size)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--size", choices=["tiny", "full"], default="full")
    arguments = parser.parse_args()
    make(arguments.folder, arguments.size)
    for path in sorted(arguments.folder.rglob("*")):
        if path.is_file():
            print(f"{path.stat().st_size:9} {path}")


if __name__ == "__main__":
    main()
