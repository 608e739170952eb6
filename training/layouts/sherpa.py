"""What sherpa-onnx writes for a sound. Run as a program in a process of its own, because it exits on errors:

    python sherpa.py LAYOUT FOLDER < list of sound files (one a line, 16 kHz, one channel)

prints one JSON object a line: tokens, text and timestamps.
"""

import json
import sys

import soundfile

# Layouts that sherpa-onnx cannot load, and the layout of the same weights that it can.
TWINS = {"sense-voice-funasr": "sense-voice", "paraformer-funasr": "paraformer"}


def recogniser(layout, folder):
    import sherpa_onnx

    R = sherpa_onnx.OfflineRecognizer
    load = {
        "sense-voice": R.from_sense_voice,
        "paraformer": R.from_paraformer,
        "wenet": R.from_wenet_ctc,
        "zipformer": R.from_zipformer_ctc,
        "zipformer-bbpe": R.from_zipformer_ctc,
        "nemo-char": R.from_nemo_ctc,
        "nemo-bpe": R.from_nemo_ctc,
        "nemo-hybrid": R.from_nemo_ctc,
        "telespeech": R.from_telespeech_ctc,
    }[layout]
    return load(f"{folder}/model.onnx", tokens=f"{folder}/tokens.txt", num_threads=1)


def main():
    layout, folder = sys.argv[1:]
    engine = recogniser(layout, folder)
    for path in sys.stdin.read().split("\n"):
        if path:
            stream = engine.create_stream()
            samples, rate = soundfile.read(path, dtype="float32")
            stream.accept_waveform(rate, samples)
            engine.decode_stream(stream)
            r = stream.result
            print(json.dumps({"tokens": r.tokens, "text": r.text, "timestamps": [round(t, 3) for t in r.timestamps]}))


if __name__ == "__main__":
    main()
