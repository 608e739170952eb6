"""The front ends of published recognisers, by kaldi-native-fbank and numpy: the reference for `speech/src/features`.

Run as a program, it writes `speech/tests/fixtures/features.json`: for every front end some frames of the first clip of
`clips.py`. Install `requirements.txt` first. The NeMo recipe is no part of kaldi-native-fbank; it is
written out here in numpy after NeMo's `FilterbankFeatures` (dither off, as in its inference).
"""

import json
import pathlib

import kaldi_native_fbank as knf
import numpy as np

from clips import CLIPS, as_floats, clip, hushed

ROOT = pathlib.Path(__file__).resolve().parents[2]


def _frames(opts, window, snip, dc=True):
    opts.frame_opts.dither = 0.0
    opts.frame_opts.window_type = window
    opts.frame_opts.snip_edges = snip
    opts.frame_opts.remove_dc_offset = dc
    opts.frame_opts.samp_freq = 16000


def _run(online, samples, width):
    online.accept_waveform(16000, samples.tolist())
    online.input_finished()
    n = online.num_frames_ready
    return np.array([online.get_frame(i) for i in range(n)], np.float32).reshape(n, width)


def fbank(samples, *, scale, window, snip, low, high, slaney=False, dc=True, guard=None):
    opts = knf.FbankOptions()
    _frames(opts, window, snip, dc)
    opts.mel_opts.num_bins = 80
    opts.mel_opts.low_freq = low
    opts.mel_opts.high_freq = high
    opts.mel_opts.is_librosa = slaney
    if guard:
        # ln(x + guard) instead of ln(max(x, 1.19e-7))
        opts.use_log_floor = False
        opts.eps = guard
    return _run(knf.OnlineFbank(opts), samples * np.float32(scale), 80)


def icefall(s):
    return fbank(s, scale=1, window="povey", snip=False, low=20, high=-400)


def funasr(s):
    return fbank(s, scale=32768, window="hamming", snip=True, low=20, high=0)


def wenet(s):
    return fbank(s, scale=32768, window="povey", snip=True, low=20, high=0)


def wenet_sherpa(s):
    return fbank(s, scale=32768, window="povey", snip=False, low=20, high=-400)


def nemo_sherpa(s):
    return fbank(s, scale=1, window="hann", snip=False, low=0, high=0, slaney=True, dc=False, guard=2.0**-24)


def telespeech(s):
    opts = knf.MfccOptions()
    _frames(opts, "povey", True)
    opts.mel_opts.num_bins = 40
    opts.mel_opts.low_freq = 40
    opts.mel_opts.high_freq = -200
    opts.num_ceps = 40
    opts.use_energy = False
    return _run(knf.OnlineMfcc(opts), s * np.float32(32768), 40)


def slaney_filters(bins=80, fft=512, low=0.0, high=8000.0):
    """librosa.filters.mel with its defaults (Slaney's scale, triangles of equal area)."""

    def to_mel(f):
        return f * 3 / 200 if f < 1000 else 15 + 27 * np.log(f / 1000) / np.log(6.4)

    def to_hz(m):
        return m * 200 / 3 if m < 15 else 1000 * np.exp((m - 15) * np.log(6.4) / 27)

    corners = np.array([to_hz(m) for m in np.linspace(to_mel(low), to_mel(high), bins + 2)])
    f = np.arange(fft // 2 + 1) * 16000 / fft
    rows = []
    for left, centre, right in zip(corners, corners[1:], corners[2:]):
        up, down = (f - left) / (centre - left), (right - f) / (right - centre)
        rows.append(np.maximum(0, np.minimum(up, down)) * 2 / (right - left))
    return np.array(rows)


def nemo(s):
    x = s.astype(np.float64)
    x = np.concatenate([x[:1], x[1:] - 0.97 * x[:-1]])
    padded = np.pad(x, 200)
    n = len(s) // 160
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 399)
    frames = np.stack([padded[160 * t : 160 * t + 400] for t in range(n)]) * window
    power = np.abs(np.fft.rfft(frames, 512)) ** 2
    return np.log(power @ slaney_filters().T + 2.0**-24).astype(np.float32)


def stack(x, window=7, shift=6):
    """LFR: FunASR's apply_lfr."""
    rows = -(-len(x) // shift)
    index = np.clip(np.arange(rows)[:, None] * shift + np.arange(window)[None] - (window - 1) // 2, 0, len(x) - 1)
    return x[index].reshape(rows, -1)


def per_feature(x, ddof):
    x = x.astype(np.float64)
    return ((x - x.mean(0)) / (x.std(0, ddof=ddof) + 1e-5)).astype(np.float32)


FRONT_ENDS = {
    "icefall": icefall,
    "funasr": funasr,
    "wenet": wenet,
    "wenet_sherpa": wenet_sherpa,
    "nemo": nemo,
    "nemo_sherpa": nemo_sherpa,
    "telespeech": telespeech,
}


def main():
    seed, samples = CLIPS[0]
    sound = as_floats(clip(seed, samples))
    record = {
        "made_by": "training/layouts/frontends.py",
        "versions": {"kaldi-native-fbank": getattr(knf, "__version__", "1.23.0"), "numpy": np.__version__},
        "clip": {"seed": seed, "samples": samples},
        "front_ends": {},
    }
    for name, compute in FRONT_ENDS.items():
        x = compute(sound)
        picked = [0, 1, len(x) // 2, len(x) - 1]
        record["front_ends"][name] = {
            "frames": len(x),
            "rows": {str(i): [round(float(v), 5) for v in x[i]] for i in picked},
        }
    quiet = as_floats(hushed(clip(seed, samples)))
    record["hushed"] = {
        name: {str(i): [round(float(v), 5) for v in x[i]] for i in range(21, 78, 8)}
        for name, compute in FRONT_ENDS.items()
        for x in [compute(quiet)]
    }
    x = per_feature(nemo_sherpa(sound), 0)
    record["per_feature_population"] = {"nemo_sherpa": {"50": [round(float(v), 5) for v in x[50]]}}
    x = per_feature(nemo(sound), 1)
    record["per_feature_sample"] = {"nemo": {"50": [round(float(v), 5) for v in x[50]]}}
    path = ROOT / "speech/tests/fixtures/features.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, separators=(",", ":")) + "\n")
    print(path, path.stat().st_size)


if __name__ == "__main__":
    main()
