#!/usr/bin/env bash
# Runs every test: Rust (unit, property, integration, end to end), page logic, browser. Called by `make test`.
set -euo pipefail
cd "$(dirname "$0")/.."
say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
started=$SECONDS
# What is built once and thrown away needs no room for the next build.
[ -z "${CI:-}" ] || export CARGO_INCREMENTAL=0
say "Building everything with its tests"
cargo build --quiet --locked --workspace --all-targets
say "Rust tests (built in $((SECONDS - started)) s)"
cargo test --locked --workspace
say "Page logic"
npm --prefix web run --silent test
say "Pages in Chromium against the real server"
deploy/browser-test.sh
say "All tests passed in $((SECONDS - started)) s"
