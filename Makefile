# Every target sets up what it needs. PYTHON=/path/to/python3 picks the interpreter.
SHELL := /bin/bash
.DELETE_ON_ERROR:

NEWEST := .venv/.installed
OLDEST := .venv-oldest/.installed
BIN := .venv/bin

SERVE_ARGS ?=
DEMO_ARGS ?=
BENCH_ARGS ?=

.PHONY: help demo serve test bench lint lock clean

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: $(NEWEST)  ## train real models against a Headwater server, then browse them
	@$(BIN)/python -m headwater.demo $(DEMO_ARGS)

serve: $(NEWEST)  ## run headwater server on port 5000, data in ./headwater-data
	@$(BIN)/headwater server $(SERVE_ARGS)

test: $(NEWEST) $(OLDEST)  ## every test, with the newest and the oldest supported MLflow
	@tools/run-tests

bench: $(NEWEST)  ## MLflow, FastTrackML and Headwater side by side, on SQLite and PostgreSQL
	@$(BIN)/python -m benchmarks --postgres $$(tools/peers) $(BENCH_ARGS)

lint: $(NEWEST)  ## formatting, lint, strict types and the layer contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

lock: $(NEWEST)  ## compile the lock files again, with the newest releases
	@tools/lock

clean:  ## remove the environments
	rm -rf .venv .venv-oldest .venv-peers .venv-peers-loggers .venv-peers-torch .venv-tools

$(NEWEST): pyproject.toml requirements/dev.txt tools/venv
	@tools/venv .venv requirements/dev.txt
	@touch $@

$(OLDEST): pyproject.toml requirements/mlflow-oldest.txt tools/venv
	@tools/venv .venv-oldest requirements/mlflow-oldest.txt
	@touch $@
