# Everything is set up in .venv; stamp files in it make a second call quick.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
SAMPLES := digits digits-lr-too-high dead-relus eval-mode-left-on crashed-forward validation-leak
LOGS := sample_reports/tensorboard-digits

export PYTHON

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test lint bench samples

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

setup: $(VENV)/installed $(VENV)/dot ## create .venv, install the package, get Graphviz's dot

demo: setup ## train on handwritten digits, write the report, print its path
	@$(BIN)/reportgen demo

test: $(VENV)/installed-test $(VENV)/dot lint ## lint, types, layer contracts and all tests
	@tools/system-packages.sh chromium || true
	$(BIN)/python -m pytest -n 2

lint: $(VENV)/installed-test ## ruff, mypy, import-linter
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/installed-bench $(VENV)/dot ## measure speed and size; tables in tests/benchmarks/results
	$(BIN)/python tests/benchmarks/run.py

samples: $(VENV)/installed-test $(VENV)/dot ## rebuild sample_reports from their run folders and event files
	@for name in $(SAMPLES); do $(BIN)/reportgen build sample_reports/$$name/run -o sample_reports/$$name/report.html || exit; done
	@$(BIN)/reportgen build $(LOGS)/logs -o $(LOGS)/report.html
	@$(BIN)/reportgen build $(LOGS)/logs/adam-lr-0.002 -o $(LOGS)/adam-lr-0.002.html

# Without dot, and where no system package may be installed, graphs come from a dot in a Python package; failing that
# too, they are indented text, and the next call tries again.
$(VENV)/dot: | $(VENV)/installed
	@if tools/system-packages.sh dot; then touch $@; \
	elif echo "Installing graphviz-pure instead" && $(PIP) -c constraints.txt --editable '.[graphviz-pure]'; then touch $@; \
	else echo "Graphs will be indented text"; fi

$(VENV)/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "Python 3.10 or newer is needed: set PYTHON to one"; exit 1; }
	@tools/system-packages.sh venv
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/installed: pyproject.toml | $(VENV)/created
	@echo "Installing reportgen with torch and torchvision (several GB where the registry's build is the CUDA one)"
	$(PIP) --editable .
	@touch $@

$(VENV)/installed-test: pyproject.toml constraints.txt | $(VENV)/installed
	$(PIP) -c constraints.txt --editable '.[test]'
	@touch $@

$(VENV)/installed-bench: pyproject.toml constraints.txt | $(VENV)/installed-test
	$(PIP) -c constraints.txt --editable '.[test,bench]'
	@touch $@
