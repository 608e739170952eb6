#!/usr/bin/env bash
# Makes the Python environment whose `streamdouble` calls the telephone socket as Twilio does. Quick when it is there.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=.local/venv-telephone
wanted=$(sha256sum tests/baselines/requirements-telephone.txt | cut -d' ' -f1)
[ "$(cat $venv/.drilen-stamp 2>/dev/null)" != "$wanted" ] || exit 0
printf '\033[1m==>\033[0m %s\n' "Installing streamdouble, which plays Twilio"
[ -x $venv/bin/pip ] || python3 -m venv $venv
$venv/bin/pip install --quiet --disable-pip-version-check -r tests/baselines/requirements-telephone.txt
echo "$wanted" > $venv/.drilen-stamp
