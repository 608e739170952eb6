"""espeak-ng as a separate process, fed with what the crate `language` computes: pinyin, or Lhasa phonemes.

espeak-ng has no Tibetan. A copy of the parts of its data directory that the Mandarin voice needs, plus a voice file
of five lines (`VOICE`), reads `[[phonemes]]` with a wider pitch range. `python espeak.py FOLDER` creates the copy.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile
import soxr

from features import SAMPLE_RATE

VOICE = "name Tibetan (Mandarin phonemes)\nlanguage bo\nphonemes cmn\ndictionary cmn\npitch 80 180\n"
PARTS = ("phondata", "phonindex", "phontab", "intonations", "cmn_dict", "lang/sit/cmn-Latn-pinyin", "voices/!v")
VOICES = {"zh": "cmn-latn-pinyin", "bo": "bo"}


def installed_data() -> Path:
    """The data directory that `espeak-ng --version` names."""
    said = subprocess.run(["espeak-ng", "--version"], capture_output=True, text=True, check=True).stdout
    return Path(said.strip().rsplit("Data at: ", 1)[1])


def prepare(folder: Path) -> Path:
    """Creates `folder/espeak-ng-data` with the voice `bo`, once; returns `folder` (for `--path`)."""
    target = folder / "espeak-ng-data"
    voice = target / "lang/sit/bo"
    if not voice.exists():
        source = installed_data()
        for part in PARTS:
            (target / part).parent.mkdir(parents=True, exist_ok=True)
            if (source / part).is_dir():
                shutil.copytree(source / part, target / part, dirs_exist_ok=True)
            else:
                shutil.copy(source / part, target / part)
        voice.parent.mkdir(parents=True, exist_ok=True)
        voice.write_text(VOICE)
    return folder


def speak(folder: Path, plan: str, variant: str, pitch: int, rate: int, amplitude: int = 100) -> np.ndarray:
    """f32[n] samples at 16 kHz of a plan `zh:ni2 hao3|bo:[[te22]]` as the `phones` tool prints it, in one voice."""
    parts = []
    for segment in plan.split("|"):
        language, words = segment.split(":", 1)
        voice = VOICES[language] + (f"+{variant}" if variant else "")
        command = ["espeak-ng", f"--path={folder}", "-v", voice, "-p", str(pitch), "-s", str(rate)]
        command += ["-a", str(amplitude), "--stdout", "--", words]
        wave = subprocess.run(command, capture_output=True, check=True).stdout
        # Written to a pipe, the RIFF header has no length: read the samples after it.
        rate_hz = int.from_bytes(wave[24:28], "little")
        samples = np.frombuffer(wave[44 : len(wave) // 2 * 2], dtype="<i2").astype(np.float32) / 32768
        parts.append(soxr.resample(samples, rate_hz, SAMPLE_RATE))
    return np.concatenate(parts)


def write_wav(path: Path, samples: np.ndarray) -> None:
    """16-bit PCM at 16 kHz."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, SAMPLE_RATE, "PCM_16", format="WAV")
    path.write_bytes(buffer.getvalue())


if __name__ == "__main__":
    print(prepare(Path(sys.argv[1])))
