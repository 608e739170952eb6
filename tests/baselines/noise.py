"""Recognition errors that owe nothing to the assistant's own idea of what sounds alike.

Usage: noise.py REQUEST.json ; writes REQUEST.noisy.json. A request is {"texts": [text], "rate": share of syllables to
replace, "seed": number, "kind": kind, "bophono": folder with roots.csv and ends.csv, "vocabulary": [text]}; the answer is
{"texts": [text], "syllables": number, "replaced": number}.

Kinds:
- "homophones": another syllable with the very same sound, tone and all for Tibetan (bophono's Standard Tibetan, after
  Tournadre); for Chinese the same pinyin without tone (pypinyin), as recognisers of Mandarin confuse tones freely.
- "toneless": for Tibetan also without the mark of register and with it without aspiration, which bophono's tables tie to it.
- "classes": in half of the cases a homophone, in the other half a near sound: the register or aspiration changed, a coda
  lost or changed, a vowel and its neighbour (Tibetan); the confusions that Mandarin input methods offer as "fuzzy pinyin"
  and one changed final (Chinese). In transcripts of a real recogniser 6 of 11 substitutions were homophones.

A syllable without such a partner is left alone and another one is replaced instead, as long as there is one.
Replacements come from the vocabulary: syllables and characters that occur in it at least twice.
"""

import json
import random
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

import pypinyin

TIBETAN = re.compile("[\u0f40-\u0fbc]+")
HAN = re.compile("[\u4e00-\u9fff]")
UNIT = re.compile("[\u0f40-\u0fbc]+|[\u4e00-\u9fff]")
# Rarer syllables of the vocabulary are mostly misspellings and foreign names.
LEAST = 2


class Bophono:
    """Lhasa sounds by bophono's tables: the longest onset whose rest is a known ending."""

    def __init__(self, folder: Path):
        self.roots = self.table(folder / "roots.csv")
        self.ends = self.table(folder / "ends.csv")

    @staticmethod
    def table(path: Path) -> dict[str, str]:
        rows = {}
        for line in path.read_text(encoding="utf-8").splitlines():
            cells = line.split(",")
            if len(cells) > 1 and not line.startswith("#"):
                # Initial syllable, final syllable; alternatives stand behind a slash, "|" joins two syllables.
                rows[cells[0].strip()] = cells[1].strip()
        return rows

    def sound(self, syllable: str) -> tuple[str, str] | None:
        """Onset with its register mark, and rime; None outside the tables."""
        for length in range(len(syllable), 0, -1):
            head, rest = syllable[:length], syllable[length:]
            onset = self.roots.get(head)
            if onset is None and rest:
                onset = self.roots.get(head + "*")
            rime = self.ends.get(rest)
            if onset and rime:
                return onset.split("/")[0].lstrip("~"), rime.split("/")[0].rstrip("~")
        return None


def toneless(sound: tuple[str, str]) -> tuple[str, str]:
    onset, rime = sound
    onset = onset.rstrip("+-")
    return {"kh": "k", "khy": "ky", "ch": "c", "th": "t", "ph": "p", "tsh": "ts", "thr": "tr"}.get(onset, onset), rime


def near_tibetan(sound: tuple[str, str]) -> set[tuple[str, str]]:
    """Loose classes: register and aspiration forgotten, and then the coda or the vowel's neighbour."""
    onset, rime = toneless(sound)
    vowel = rime.rstrip("'") if rime[-1:] in "'" else re.sub("(ng|[kpmnrl])$", "", rime)
    neighbours = {"ä": "e", "e": "ä", "ö": "o", "o": "ö", "ü": "u", "u": "ü", "i": "e", "a": "ä"}
    near = {(onset, rime), (onset, vowel), (onset, vowel + "'"), (onset, vowel + ":")}
    near |= {(onset, vowel + coda) for coda in ("ng", "n", "m", "k", "p", "r", "l")}
    if vowel in neighbours:
        near.add((onset, rime.replace(vowel, neighbours[vowel], 1)))
    return near


INITIALS = ("zh", "ch", "sh", *"bpmfdtnlgkhjqxrzcsyw")
FUZZY_INITIALS = [("zh", "z"), ("ch", "c"), ("sh", "s"), ("n", "l"), ("f", "h"), ("r", "l"), ("g", "k"), ("d", "t"), ("b", "p"), ("j", "q")]
FUZZY_FINALS = [("eng", "en"), ("ing", "in"), ("ang", "an"), ("iang", "ian"), ("uang", "uan"), ("ong", "eng"), ("e", "uo"), ("i", "ü")]


def near_chinese(sound: str) -> set[str]:
    initial = next((i for i in INITIALS if sound.startswith(i)), "")
    final = sound[len(initial) :]
    near = set()
    for a, b in FUZZY_INITIALS:
        near |= {other + final for one, other in ((a, b), (b, a)) if one == initial}
    for a, b in FUZZY_FINALS:
        near |= {initial + other for one, other in ((a, b), (b, a)) if one == final}
    return near


class Noise:
    def __init__(self, request: dict):
        self.kind = request["kind"]
        self.random = random.Random(request["seed"])
        self.bophono = Bophono(Path(request["bophono"])) if request.get("bophono") else None
        counts = Counter(unit for text in request["vocabulary"] for unit in UNIT.findall(text))
        self.by_sound: dict[object, list[str]] = defaultdict(list)
        self.by_toneless: dict[object, list[str]] = defaultdict(list)
        for unit, count in sorted(counts.items()):
            if count < LEAST:
                continue
            if HAN.match(unit):
                self.by_sound[pypinyin.lazy_pinyin(unit)[0]].append(unit)
            elif self.bophono and (sound := self.bophono.sound(unit)):
                self.by_sound[sound].append(unit)
                self.by_toneless[toneless(sound)].append(unit)

    def partners(self, unit: str, reading: str | None) -> list[str]:
        loose = self.kind == "classes" and self.random.random() < 0.5
        if reading is not None:
            strict = self.by_sound[reading]
            near = [u for sound in sorted(near_chinese(reading)) for u in self.by_sound.get(sound, [])]
        else:
            sound = self.bophono.sound(unit) if self.bophono else None
            if sound is None:
                return []
            strict = self.by_toneless[toneless(sound)] if self.kind == "toneless" else self.by_sound[sound]
            near = [u for other in sorted(near_tibetan(sound)) for u in self.by_toneless.get(other, [])]
        strict, near = without(strict, unit), without(near, unit)
        return (near or strict) if loose else (strict or (near if self.kind == "classes" else []))

    def spoil(self, text: str, rate: float) -> tuple[str, int, int]:
        units = list(UNIT.finditer(text))
        readings = dict(zip_readings(text))
        wanted = sum(self.random.random() < rate for _ in units)
        order = list(range(len(units)))
        self.random.shuffle(order)
        changed: dict[int, str] = {}
        for at in order:
            if len(changed) == wanted:
                break
            if found := self.partners(units[at].group(), readings.get(units[at].start())):
                changed[at] = self.random.choice(found)
        out, end = [], 0
        for at, match in enumerate(units):
            out += [text[end : match.start()], changed.get(at, match.group())]
            end = match.end()
        return "".join(out) + text[end:], len(units), len(changed)


def without(units: Iterable[str], unit: str) -> list[str]:
    return [other for other in units if other != unit]


def zip_readings(text: str) -> Iterable[tuple[int, str]]:
    """Offsets of hanzi with their toneless pinyin, as their phrase has it."""
    for run in re.finditer("[\u4e00-\u9fff]+", text):
        yield from zip(range(run.start(), run.end()), pypinyin.lazy_pinyin(run.group()), strict=True)


def main() -> None:
    path = Path(sys.argv[1])
    request = json.loads(path.read_text(encoding="utf-8"))
    noise = Noise(request)
    spoilt = [noise.spoil(text, request["rate"]) for text in request["texts"]]
    answer = {
        "texts": [text for text, _, _ in spoilt],
        "syllables": sum(units for _, units, _ in spoilt),
        "replaced": sum(changed for _, _, changed in spoilt),
    }
    path.with_suffix(".noisy.json").write_text(json.dumps(answer, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main()
