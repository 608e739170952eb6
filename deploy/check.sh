#!/usr/bin/env bash
# Checks what is in deploy/ as far as it can be without a cluster or a container engine: manifests, compose file and container file against their schemas, the unit by
# systemd, the alert rules with their tests by promtool, the proxy's configuration by Caddy. Called by `make check`. Every tool is in a folder of its own under .local/check;
# where one cannot be had, that check is skipped with a message, and only then.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=$PWD/.local/check
mkdir -p "$tools"
failed=0
say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
skip() { printf '    skipped: %s\n' "$*"; }
check() { # what, command…
  local what=$1 out; shift
  if out=$("$@" 2>&1); then printf '    ok: %s\n' "$what"; else printf '    FAILED: %s\n%s\n' "$what" "$out"; failed=1; fi
}

# A program out of a Debian package, without installing it (no service is started): its path, or nothing.
from_debian() { # program, package
  if command -v "$1" >/dev/null; then command -v "$1"; return; fi
  if [ ! -x "$tools/$2/usr/bin/$1" ] && command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null; then
    (cd "$tools" && { apt-get download -qq "$2" || { apt-get update -qq && apt-get download -qq "$2"; }; } && dpkg-deb -x "$2"_*.deb "$2" && rm -f "$2"_*.deb) >/dev/null 2>&1 || true
  fi
  if [ -x "$tools/$2/usr/bin/$1" ]; then echo "$tools/$2/usr/bin/$1"; fi
}

say "Checking what is in deploy/"
wanted=$(sha256sum deploy/check-requirements.txt | cut -d' ' -f1)
if [ "$(cat "$tools/python/.stamp" 2>/dev/null)" != "$wanted" ]; then
  rm -rf "$tools/python"
  if python3 -m venv "$tools/python" && "$tools/python/bin/pip" install --quiet --disable-pip-version-check -r deploy/check-requirements.txt; then
    echo "$wanted" > "$tools/python/.stamp"
  fi
fi
if [ -e "$tools/python/.stamp" ]; then
  python=$tools/python/bin
  # The oldest that has all that is used, and the newest.
  for version in 1.27.0 1.37.0; do
    check "Kubernetes manifests, by the schemas of $version" \
      "$python/kubernetes-validate" --strict --no-warn --kubernetes-version "$version" deploy/kubernetes/*.yaml deploy/kubernetes/11-secret.yaml.template
  done
  check "compose file, by the schema of the specification" "$python/check-jsonschema" --builtin-schema vendor.compose-spec deploy/compose.yaml
  check "compose file, and what its services refer to" "$python/python" deploy/check_compose.py deploy/compose.yaml
  check "container file" "$python/hadolint" --failure-threshold info deploy/Containerfile
else
  skip "manifests, compose file and container file: the Python packages cannot be had"
fi

if command -v systemd-analyze >/dev/null; then
  # systemd looks for the programs too, which are elsewhere here.
  unit=$(mktemp -d)
  sed 's|^ExecStart=/usr/bin/assistant|ExecStart=/bin/true|' deploy/drilen.service > "$unit/drilen.service"
  check "the unit" systemd-analyze verify --man=no "$unit/drilen.service"
  check "the unit is locked up (exposure at most 1.5 of 10)" systemd-analyze security --offline=true --threshold=15 "$unit/drilen.service"
  rm -rf "$unit"
else
  skip "the unit: no systemd here"
fi

promtool=$(from_debian promtool prometheus)
if [ -n "$promtool" ]; then
  check "alert rules" "$promtool" check rules deploy/alerts.yaml
  check "alert rules, by their tests" "$promtool" test rules deploy/alerts.test.yaml
else
  skip "alert rules: no promtool, and Debian's prometheus package cannot be had"
fi

caddy=$(from_debian caddy caddy)
if [ -n "$caddy" ]; then
  check "the proxy's configuration" env DRILEN_HOST=portal.example "$caddy" validate --adapter caddyfile --config deploy/compose/Caddyfile
else
  skip "the proxy's configuration: no caddy, and Debian's package cannot be had"
fi
bash -n deploy/*.sh deploy/compose/*.sh
exit $failed
