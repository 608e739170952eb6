#!/usr/bin/env python3
"""Makes `phrases.tsv` (phrases whose reading differs from their characters' default readings).

Source: the phrase and character tables of pypinyin 0.55.0 (MIT, (c) 2016 mozillazg and contributors), themselves from
phrase-pinyin-data and pinyin-data (MIT). Run it as

    pip download --no-deps pypinyin==0.55.0 && python3 make_phrases.py pypinyin-0.55.0-py2.py3-none-any.whl

The character defaults are those of the `pinyin` crate (the same pinyin-data) after `readings.tsv`. 一 and 不 are written
with their citation tones: tone sandhi is the code's work. A phrase is left out where shorter phrases already give its
reading, which is what the longest match at run time relies on.
"""
import json, pathlib, sys, unicodedata, zipfile

HERE = pathlib.Path(__file__).parent
TONES = {"\u0304": 1, "\u0301": 2, "\u030c": 3, "\u0300": 4}


def numbered(syllable: str) -> str:
    tone, letters = 5, []
    for c in unicodedata.normalize("NFD", syllable):
        if c in TONES:
            tone = TONES[c]
        elif c == "\u0308":
            letters[-1] = "v"
        else:
            letters.append(c)
    return "".join(letters) + str(tone)


def main(wheel: str) -> None:
    with zipfile.ZipFile(wheel) as z:
        chars = json.loads(z.read("pypinyin/pinyin_dict.json"))
        phrases = json.loads(z.read("pypinyin/phrases_dict.json"))
    default = {chr(int(k)): numbered(v.split(",")[0]) for k, v in chars.items()}
    for line in (HERE / "readings.tsv").read_text().splitlines():
        if line and not line.startswith("#"):
            default[line.split("\t")[0]] = line.split("\t")[1]
    kept: dict[str, list[str]] = {}

    def read(text: str) -> list[str]:
        out, i = [], 0
        while i < len(text):
            for n in range(min(len(text) - i, 8), 1, -1):
                if text[i : i + n] in kept:
                    out += kept[text[i : i + n]]
                    i += n
                    break
            else:
                out.append(default.get(text[i], ""))
                i += 1
        return out

    for phrase in sorted(phrases, key=lambda p: (len(p), p)):
        if len(phrase) > 8 or not all("\u3400" <= c <= "\u9fff" for c in phrase):
            continue
        reading = [numbered(r[0].split(",")[0]) for r in phrases[phrase]]
        if len(reading) != len(phrase):
            continue
        reading = [{"一": "yi1", "不": "bu4"}.get(c, r) if r[:-1] in ("yi", "bu") else r for c, r in zip(phrase, reading)]
        if reading != read(phrase):
            kept[phrase] = reading
    with open(HERE / "phrases.tsv", "w", encoding="utf-8") as f:
        f.write("# Made by make_phrases.py from pypinyin 0.55.0 (MIT, (c) 2016 mozillazg and contributors). Do not edit.\n")
        for phrase in sorted(kept):
            f.write(f"{phrase}\t{' '.join(kept[phrase])}\n")


if __name__ == "__main__":
    main(sys.argv[1])
