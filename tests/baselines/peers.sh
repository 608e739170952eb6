#!/usr/bin/env bash
# Makes the Python environment with other recognisers, beside which the benchmark of hearing runs ours. Quick when it is there.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=.local/venv-layouts
wanted=$(sha256sum training/layouts/requirements-ears.txt | cut -d' ' -f1)
[ "$(cat $venv/.drilen-stamp 2>/dev/null)" != "$wanted" ] || exit 0
printf '\033[1m==>\033[0m %s\n' "Installing sherpa-onnx and pywhispercpp, to compare with"
[ -x $venv/bin/pip ] || python3 -m venv $venv
$venv/bin/pip install --quiet --disable-pip-version-check -r training/layouts/requirements-ears.txt
echo "$wanted" > $venv/.drilen-stamp
