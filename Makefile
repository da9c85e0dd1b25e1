# Two commands: `make demo` and `make test`. Both set everything up; both work offline once packages are installed.
PYTHON ?= python3.11
BIN := .venv/bin

.PHONY: test lint format bench clean

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[train]' --group dev
	touch $@

test: .venv/installed
	$(BIN)/python -m pytest

lint: .venv/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy services orchestrator
	$(BIN)/lint-imports

format: .venv/installed
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

clean:
	rm -rf out build dist .venv

# Speed, as ratios to baselines of the same run; merges its keys into out/bench.json.
bench: .venv/installed
	PYTHONPATH=tests $(BIN)/python tests/benchmarks/bench.py
