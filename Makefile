# Every target creates .venv and installs ganbench into it. The only requirement is Python >= 3.11.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := runs/quick

.PHONY: help install quickstart test test-all bench docs lint clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile

install: $(VENV)/.installed  ## create .venv and install ganbench into it

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ganbench needs Python 3.11 or later; try make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test]'
	touch $@

quickstart: install  ## train the quick grid, print its table and write its report
	$(BIN)/ganbench run --grid -o $(RUN)
	$(BIN)/ganbench results $(RUN) --by-cell
	$(BIN)/ganbench report $(RUN) -o $(RUN)/report.html

test: install lint  ## check style and types, and run the tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal --durations 40

test-all: install lint  ## run every case of every test, also the slow tests
	$(BIN)/python -m pytest --whole -m "slow or not slow"

bench: install  ## measure the speed of every component
	$(BIN)/python -m pytest benchmarks --benchmark-only --whole -m "slow or not slow"

docs: install  ## build the documentation's site in site/, and fail on a broken link or anchor
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

lint: install  ## check style (ruff) and types (mypy)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:  ## remove everything the targets created, except runs
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache build dist site
