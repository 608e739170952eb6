"""Log-mel filter bank, front end "S": what sherpa-onnx and kaldi-native-fbank compute for icefall models.

16 kHz mono samples in [-1, 1]; 25 ms frames every 10 ms, centred (`snip_edges=false`, so
`(n + 80) // 160` frames, edges reflected); per frame: mean removed, pre-emphasis .97, "povey" window,
512-point power spectrum, 80 HTK-mel triangles over 20-7600 Hz, natural logarithm floored at the f32 epsilon.
No dither, no energy. Checked against `kaldi_native_fbank` by `python features.py`.
"""

from __future__ import annotations

import numpy as np
import scipy.fft

SAMPLE_RATE = 16_000
FRAME = 400
SHIFT = 160
FFT = 512
BINS = 80
LOW_HZ, HIGH_HZ = 20.0, 7600.0
FLOOR = np.float32(np.finfo(np.float32).eps)
LOG_FLOOR = float(np.log(FLOOR))

# Povey's window: a Hann window to the power .85 (kaldi feature-window.cc).
WINDOW = ((0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / (FRAME - 1))) ** 0.85).astype(np.float32)


def hz_to_mel(hz):
    """HTK mel, natural-log form used by Kaldi."""
    return 1127.0 * np.log(1.0 + np.asarray(hz, dtype=np.float64) / 700.0)


def mel_to_hz(mel):
    """Inverse of `hz_to_mel`."""
    return 700.0 * (np.exp(np.asarray(mel, dtype=np.float64) / 1127.0) - 1.0)


def mel_matrix() -> np.ndarray:
    """Weights f32[257, 80] of Kaldi's triangles (linear in mel, no normalisation; Nyquist bin unused)."""
    edges = np.linspace(hz_to_mel(LOW_HZ), hz_to_mel(HIGH_HZ), BINS + 2)
    bins = hz_to_mel(np.arange(FFT // 2) * SAMPLE_RATE / FFT)[:, None]
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    up = (bins - left) / (centre - left)
    down = (right - bins) / (right - centre)
    weights = np.where((bins > left) & (bins < right), np.where(bins <= centre, up, down), 0.0)
    return np.vstack([weights, np.zeros((1, BINS))]).astype(np.float32)


MEL = mel_matrix()
BIN_HZ = mel_to_hz(np.linspace(hz_to_mel(LOW_HZ), hz_to_mel(HIGH_HZ), BINS + 2)[1:-1])


def fbank(samples: np.ndarray) -> np.ndarray:
    """f32[n] samples in [-1, 1] → f32[(n + 80) // 160, 80] log-mel energies; at least one sample is needed."""
    samples = np.ascontiguousarray(samples, dtype=np.float32)
    count = (len(samples) + SHIFT // 2) // SHIFT
    if count == 0:
        return np.zeros((0, BINS), np.float32)
    first = SHIFT // 2 - FRAME // 2
    index = np.arange(first, first + (count - 1) * SHIFT + FRAME)
    while True:  # Reflection without repeating the edge's mirror twice; loops only for clips under 25 ms.
        outside = (index < 0) | (index >= len(samples))
        if not outside.any():
            break
        index = np.where(index < 0, -index - 1, index)
        index = np.where(index >= len(samples), 2 * len(samples) - 1 - index, index)
    padded = samples[index]
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::SHIFT].copy()
    frames -= frames.mean(axis=1, keepdims=True)
    emphasised = frames.copy()
    emphasised[:, 1:] -= np.float32(0.97) * frames[:, :-1]
    emphasised[:, 0] -= np.float32(0.97) * frames[:, 0]
    emphasised *= WINDOW
    spectrum = scipy.fft.rfft(emphasised, FFT, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    return np.log(np.maximum(power @ MEL, FLOOR)).astype(np.float32)


def read_audio(path) -> np.ndarray:
    """Any file libsndfile reads → f32[n] at 16 kHz mono, channels averaged."""
    import soundfile
    import soxr

    samples, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    samples = samples.mean(axis=1)
    return samples if rate == SAMPLE_RATE else soxr.resample(samples, rate, SAMPLE_RATE)


if __name__ == "__main__":
    import kaldi_native_fbank as knf

    options = knf.FbankOptions()
    options.frame_opts.dither = 0
    options.frame_opts.snip_edges = False
    options.frame_opts.samp_freq = SAMPLE_RATE
    options.mel_opts.num_bins = BINS
    options.mel_opts.high_freq = -400
    reference = knf.OnlineFbank(options)
    rng = np.random.default_rng(0)
    clip = (rng.standard_normal(16_123) * 0.05 * np.sin(np.arange(16_123) / 900)).astype(np.float32)
    reference.accept_waveform(SAMPLE_RATE, clip.tolist())
    reference.input_finished()
    want = np.stack([reference.get_frame(i) for i in range(reference.num_frames_ready)])
    got = fbank(clip)
    assert got.shape == want.shape, (got.shape, want.shape)
    worst = float(np.abs(got - want).max())
    print(f"{len(got)} frames, largest difference to kaldi-native-fbank {worst:.5f}")
    assert worst < 2e-2
