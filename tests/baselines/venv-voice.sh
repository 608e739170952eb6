#!/usr/bin/env bash
# Makes the Python environment that the voice is checked with (tests/baselines/voice.py). Quick when it is there.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=.local/venv-voice
wanted=$(sha256sum tests/baselines/requirements-voice.txt | cut -d' ' -f1)
[ "$(cat $venv/.drilen-stamp 2>/dev/null)" != "$wanted" ] || exit 0
printf '\033[1m==>\033[0m %s\n' "Installing Praat and pypinyin, which the voice is checked with"
[ -x $venv/bin/pip ] || python3 -m venv $venv
$venv/bin/pip install --quiet --disable-pip-version-check -r tests/baselines/requirements-voice.txt
echo "$wanted" > $venv/.drilen-stamp
