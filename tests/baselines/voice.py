#!/usr/bin/env python3
"""What others make of what the voice says: readings of Chinese by pypinyin, contours of pitch by Praat.

    voice.py pinyin          lines of Chinese on standard input; for each a JSON list of [character, syllable]
    voice.py contours FOLDER for each WAV file in the folder a JSON line {"file", "semitones"}: pitch at eleven points of its
                             voiced part, evenly spaced, in semitones above 100 Hz; null where hardly anything is voiced
"""
import json
import pathlib
import re
import sys

HAN = re.compile("[\u3400-\u9fff\u3007]")
POINTS = 11


def pinyin() -> None:
    from pypinyin import Style, lazy_pinyin

    for line in sys.stdin:
        text = line.rstrip("\n")
        syllables = lazy_pinyin(text, style=Style.TONE3, neutral_tone_with_five=True, errors="ignore")
        characters = HAN.findall(text)
        # A character that pypinyin does not know leaves no trace: such a line cannot be aligned.
        pairs = list(zip(characters, syllables)) if len(characters) == len(syllables) else []
        print(json.dumps(pairs, ensure_ascii=False), flush=True)


def contours(folder: str) -> None:
    import numpy
    import parselmouth

    for path in sorted(pathlib.Path(folder).glob("*.wav")):
        # Praat's autocorrelation method with its own defaults but for the range of this voice.
        pitch = parselmouth.Sound(str(path)).to_pitch_ac(time_step=0.005, pitch_floor=50, pitch_ceiling=500)
        hertz = pitch.selected_array["frequency"]
        voiced = hertz[hertz > 0]
        points = None
        if len(voiced) >= POINTS:
            semitones = 12 * numpy.log2(voiced / 100)
            points = [float(semitones[round(i * (len(voiced) - 1) / (POINTS - 1))]) for i in range(POINTS)]
        print(json.dumps({"file": path.stem, "semitones": points}), flush=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["pinyin"]:
            pinyin()
        case ["contours", folder]:
            contours(folder)
        case _:
            sys.exit(__doc__)
