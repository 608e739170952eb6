#!/usr/bin/env bash
# Runs web/tests in Chromium against a server of their own. Screenshots go to target/screenshots.
set -euo pipefail
cd "$(dirname "$0")/.."
exec deploy/with-server.sh npm --prefix web run --silent e2e
