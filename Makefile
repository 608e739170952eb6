# The two commands are `make run` and `make test`. Everything else serves them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
ASSISTANT := target/debug/assistant

.PHONY: help setup run test check bench bench-main bench-recognition bench-understanding bench-handoff bench-voice bench-telephone bench-web screenshots train fmt

help: ## What can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

setup: ## Install what building and running needs; build the pages
	@deploy/setup.sh run

run: setup ## Build and serve the whole thing on 127.0.0.1:8080
	@printf '\033[1m==>\033[0m Building the assistant (about 12 minutes the first time on two cores, seconds afterwards)\n'
	@cargo build --quiet --locked --package assistant
	@exec $(ASSISTANT) serve

test: ## Install what the tests need and run all of them
	@deploy/setup.sh test
	@deploy/test.sh

check: ## Formatting, lints, licences, types
	@deploy/setup.sh check
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	@command -v cargo-deny >/dev/null || cargo install --locked --quiet cargo-deny
	cargo deny --all-features check bans licenses sources
	npm --prefix web run --silent lint
	npm --prefix web run --silent check
	deploy/check.sh

bench: bench-main bench-understanding bench-recognition bench-handoff bench-voice bench-telephone bench-web ## All benchmarks

bench-main: ## The figures of the main job: target/bench/main.json
	@deploy/setup.sh test
	@cargo build --quiet --locked --workspace --all-targets
	@target/debug/bench-main
	@printf '\nkill -9 in the middle of 50 conversations, and bad input:\n'
	@cargo test --quiet --locked --workspace --test kill_nine --test bad_input -- --nocapture --test-threads=1

bench-understanding: ## How well questions are understood, with plain methods beside it: target/bench/understanding.json
	@deploy/setup.sh test
	@tests/baselines/venv.sh
	@cargo build --quiet --locked --workspace --all-targets
	@target/debug/bench-understanding

bench-handoff: ## Whether anybody gets lost between the assistant and people: target/bench/handoff.json
	@deploy/setup.sh test
	@cargo build --quiet --locked --workspace --all-targets
	@target/debug/bench-handoff

bench-recognition: ## How well and how fast speech is heard: target/bench/recognition.json
	@deploy/setup.sh test
	@tests/baselines/peers.sh
	@cargo build --quiet --locked --workspace --all-targets
	@target/debug/bench-recognition

bench-voice: ## Whether what the voice says is right: target/bench/voice.json
	@deploy/setup.sh test
	@cargo build --quiet --locked --workspace --all-targets
	@target/debug/bench-voice

bench-telephone: ## Whether the hotline holds, called by sipp and baresip: target/bench/telephone.json
	@deploy/setup.sh test
	@cargo build --quiet --locked --workspace --all-targets
	@target/debug/bench-telephone

bench-web: ## Whether the pages are light, quick and for everybody: target/bench/web.json
	@deploy/setup.sh test
	@cargo build --quiet --locked --package assistant
	@deploy/with-server.sh node web/bench/run.mjs

screenshots: ## Every page at phone and desktop width in both languages: target/screenshots
	@deploy/setup.sh test
	@cargo build --quiet --locked --package assistant
	@deploy/with-server.sh node web/dev/screenshots.mjs

train: ## Train the shipped recogniser again (needs the measurement data and hours; see training/README.md)
	@training/train.sh

fmt: ## Format everything
	cargo fmt --all
