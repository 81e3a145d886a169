# demo, test, lint, bench: each installs what it needs into .venv first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
JOBS ?= 2

.PHONY: demo test lint bench clean
demo: $(VENV)/lab
	$(BIN)/asgml run phase1

test: lint
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/lab
	$(BIN)/python benchmarks/overhead.py

clean:
	rm -rf $(VENV) outputs

$(VENV)/python:
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/lab: $(VENV)/python pyproject.toml constraints.txt
	$(PIP) --editable '.[lab]'
	touch $@

$(VENV)/dev: $(VENV)/lab
	$(PIP) --editable '.[dev]'
	touch $@
