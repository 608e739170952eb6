#!/usr/bin/env bash
# Fetches ONNX Runtime's library out of its PyPI wheel, pinned by its hash, into the folder named (default .local/lib). Needs Python 3 with venv.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-.local/lib}
version=$(sed -n 's/^onnxruntime==\([0-9.]*\).*/\1/p' deploy/onnxruntime.txt)
[ "$(cat "$folder/onnxruntime.version" 2>/dev/null)" != "$version" ] || [ ! -e "$folder/libonnxruntime.so" ] || exit 0
printf '\033[1m==>\033[0m Fetching ONNX Runtime %s out of its PyPI wheel\n' "$version"
case $(uname -m) in
  x86_64|aarch64) platform=manylinux_2_28_$(uname -m) ;;
  *) printf 'onnxruntime: no wheel is known for %s\n' "$(uname -m)" >&2; exit 1 ;;
esac
mkdir -p "$folder" .local/wheels
[ -x .local/venv-setup/bin/pip ] || python3 -m venv .local/venv-setup
.local/venv-setup/bin/pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
  --python-version 3.11 --implementation cp --platform "$platform" --require-hashes -r deploy/onnxruntime.txt -d .local/wheels
python3 - "$folder" .local/wheels/onnxruntime-"$version"-*"$(uname -m)".whl <<'PY'
import sys, zipfile
folder, wheel = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    name = next(n for n in archive.namelist() if "/capi/libonnxruntime.so" in n)
    with open(f"{folder}/libonnxruntime.so", "wb") as out:
        out.write(archive.read(name))
    for notice in ("LICENSE", "ThirdPartyNotices.txt"):
        with open(f"{folder}/onnxruntime.{notice}", "wb") as out:
            out.write(archive.read(f"onnxruntime/{notice}"))
PY
echo "$version" > "$folder/onnxruntime.version"
