# Every target makes and fills .venv by itself; nothing but Python >= 3.11 is needed beforehand.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := runs/quick

.PHONY: help install quickstart test test-all bench lint clean

help:  ## what there is
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile

install: $(VENV)/.installed  ## make .venv and install ganbench into it

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ganbench needs Python 3.11 or later; try make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test]'
	touch $@

quickstart: install  ## train the quick grid, print its table, write its report
	$(BIN)/ganbench run --grid -o $(RUN)
	$(BIN)/ganbench results $(RUN) --by-cell
	$(BIN)/ganbench report $(RUN) -o $(RUN)/report.html

test: install lint  ## lint, types and the tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal --durations 40

test-all: install lint  ## the slow tests too
	$(BIN)/python -m pytest -m "slow or not slow"

bench: install  ## the speed of every component
	$(BIN)/python -m pytest benchmarks --benchmark-only -m "slow or not slow"

lint: install  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:  ## remove what the targets made, but for runs
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache build dist
