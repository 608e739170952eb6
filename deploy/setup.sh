#!/usr/bin/env bash
# Installs what building, running or testing needs and is missing: Debian packages, ONNX Runtime's library, npm packages.
# Usage: deploy/setup.sh run | test | check.  Quick when there is nothing to do. Downloads nothing but packages.
set -euo pipefail
cd "$(dirname "$0")/.."
purpose=${1:-run}
say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# --- Debian packages ------------------------------------------------------------------------------------------------
# A word is a Debian package; the command beside it tells whether it is there already.
run_packages=(gcc:gcc g++:g++ make:make cmake:cmake mold:mold pkg-config:pkg-config espeak-ng:espeak-ng)
# strace: the test that fsync comes before the acknowledgement; chromium and the fonts: the browser tests; sip-tester, baresip-core and tcpdump:
# callers of the hotline.
test_packages=(chromium:chromium strace:strace git:git sip-tester:sipp baresip-core:baresip tcpdump:tcpdump)
wanted=("${run_packages[@]}")
[ "$purpose" = run ] || wanted+=("${test_packages[@]}")
missing=()
for pair in "${wanted[@]}"; do
  command -v "${pair#*:}" >/dev/null 2>&1 || missing+=("${pair%%:*}")
done
# The store's tests start a PostgreSQL server of their own. Debian's package would start one, too: tell it not to.
if [ "$purpose" != run ] && ! ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; then
  missing+=(postgresql)
  quiet_postgresql=1
fi
[ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv python3-pip)
if [ "$purpose" != run ]; then
  [ -d /usr/share/fonts/opentype/noto ] || missing+=(fonts-noto-cjk)
fi
if [ ${#missing[@]} -gt 0 ]; then
  say "Installing Debian packages: ${missing[*]}"
  command -v apt-get >/dev/null || fail "this is not Debian; please install: ${missing[*]}"
  if [ "$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi
  $sudo apt-get update -qq
  if [ "${quiet_postgresql:-}" = 1 ]; then
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends postgresql-common >/dev/null
    $sudo sed -ri 's/^#?create_main_cluster .*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
  fi
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
command -v cargo >/dev/null || fail "Rust is missing: install Rust 1.95 or newer (rustup.rs), then run this again"
command -v node >/dev/null || fail "Node.js is missing: install Node.js 20 or newer, then run this again"

# --- ONNX Runtime ---------------------------------------------------------------------------------------------------
deploy/onnxruntime.sh

# --- What the voice and the telephone are checked with --------------------------------------------------------------
[ "$purpose" != test ] || tests/baselines/venv-voice.sh
[ "$purpose" != test ] || tests/baselines/venv-telephone.sh

# --- Pages ----------------------------------------------------------------------------------------------------------
stamp=web/node_modules/.drilen-stamp
lock=$(sha256sum web/package-lock.json | cut -d' ' -f1)
if [ "$(cat $stamp 2>/dev/null)" != "$lock" ]; then
  say "Installing npm packages"
  npm --prefix web ci --no-audit --no-fund --loglevel=error
  echo "$lock" > $stamp
fi
source_state=$(cd web && find . -path ./node_modules -prune -o -path ./dist -prune -o -path ./tests -prune -o -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1)
if [ "$(cat web/dist/.state 2>/dev/null)" != "$source_state" ]; then
  say "Building the pages"
  npm --prefix web run --silent build
  echo "$source_state" > web/dist/.state
fi
