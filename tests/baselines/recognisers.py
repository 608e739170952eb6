"""What sherpa-onnx makes of sounds with a Zipformer2 CTC file, and how long it takes.

    python recognisers.py FOLDER < list of 16-bit WAV files (one a line, 16 kHz, one channel)

Loads FOLDER/model.int8.onnx with one thread, hears everything once to warm up, and prints one JSON object a line: tokens, seconds of
processor time for the second hearing.
"""

import json
import sys
import time
import wave

import numpy as np
import sherpa_onnx


def read(path: str) -> np.ndarray:
    with wave.open(path) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768


def main() -> None:
    folder = sys.argv[1]
    engine = sherpa_onnx.OfflineRecognizer.from_zipformer_ctc(
        f"{folder}/model.int8.onnx", tokens=f"{folder}/tokens.txt", num_threads=1
    )
    sounds = [read(path) for path in sys.stdin.read().split("\n") if path]
    for times in range(2):
        for samples in sounds:
            begun = time.process_time()
            stream = engine.create_stream()
            stream.accept_waveform(16_000, samples)
            engine.decode_stream(stream)
            if times:
                spent = time.process_time() - begun
                print(json.dumps({"tokens": list(stream.result.tokens), "seconds": spent}))


if __name__ == "__main__":
    main()
