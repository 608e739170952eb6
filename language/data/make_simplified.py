#!/usr/bin/env python3
"""Makes `simplified.tsv`: traditional Chinese characters and their simplified form.

Source: OpenCC's TSCharacters.txt (Apache-2.0, (c) BYVoid and contributors) out of PyPI's opencc-python-reimplemented 0.1.7:

    pip download --no-deps opencc-python-reimplemented==0.1.7
    python3 make_simplified.py opencc_python_reimplemented-0.1.7-py2.py3-none-any.whl

Only characters of the basic plane whose form is in the basic plane too, so that both take three bytes of UTF-8 and
simplification never moves an offset. Where there are several simplified forms, OpenCC's first.
"""
import pathlib, sys, zipfile


def main(wheel: str) -> None:
    with zipfile.ZipFile(wheel) as z:
        lines = z.read("opencc/dictionary/TSCharacters.txt").decode().splitlines()
    pairs = [(t, s.split(" ")[0]) for t, s in (line.split("\t") for line in lines if "\t" in line)]
    kept = sorted((t, s) for t, s in pairs if t != s and all("\u0800" <= c <= "\uffff" for c in t + s))
    with open(pathlib.Path(__file__).parent / "simplified.tsv", "w", encoding="utf-8") as f:
        f.write("# Made by make_simplified.py from OpenCC (Apache-2.0, (c) BYVoid and contributors). Do not edit.\n")
        f.writelines(f"{t}\t{s}\n" for t, s in kept)


if __name__ == "__main__":
    main(sys.argv[1])
