# demo, test, lint, docs, bench, reproduce-cremad: each installs what it needs into .venv first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
JOBS ?= 2

.PHONY: demo test lint docs bench reproduce-cremad clean
demo: $(VENV)/lab
	$(BIN)/asgml run phase1

test: lint
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

bench: $(VENV)/lab
	$(BIN)/python benchmarks/overhead.py

# From CREMA-D's media in ROOT to the table: prepare, check, four sets of runs. Stopped, it goes on where it was.
METADATA ?= $(ROOT)
STORE ?= stores/cremad
OUT ?= outputs
SPLITS := "grid={dataset.split: [published, actor]}"
REPRODUCED := --set dataset.root=$(STORE) --set $(SPLITS) --set train.look=every_epoch $(if $(SEEDS),--set "seeds=$(SEEDS)") $(RUN)

reproduce-cremad: $(VENV)/media
	$(if $(ROOT),,$(error ROOT must be the folder of CREMA-D's media: make reproduce-cremad ROOT=CREMA-D METADATA=lists))
	$(BIN)/asgml data prepare cremad --root $(ROOT) --metadata $(METADATA) --out $(STORE) $(PREPARE)
	$(BIN)/asgml data check $(STORE) --out $(OUT)/check-cremad-published.html
	$(BIN)/asgml data check $(STORE) --set split=actor --out $(OUT)/check-cremad-actor.html
	$(BIN)/asgml run cremad_phase1 --out $(OUT)/cremad_phase1 $(REPRODUCED)
	$(BIN)/asgml run cremad_phase1_plain --out $(OUT)/cremad_phase1_plain $(REPRODUCED)
	$(BIN)/python studies/cremad.py $(OUT)/cremad_phase1 $(OUT)/cremad_phase1_plain --to $(OUT)/cremad.md

clean:
	rm -rf $(VENV) outputs

$(VENV)/python:
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/lab: $(VENV)/python pyproject.toml constraints.txt
	$(PIP) --editable '.[lab]'
	touch $@

$(VENV)/media: $(VENV)/lab
	$(PIP) --editable '.[media]'
	touch $@

$(VENV)/docs: $(VENV)/python pyproject.toml constraints.txt
	$(PIP) --editable '.[docs]'
	touch $@

$(VENV)/dev: $(VENV)/lab
	$(PIP) --editable '.[dev]'
	touch $@
