# Everything here needs Python >= 3.11 with venv, make and git, and nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Airflow imports two to three times slower without bytecode.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/.pyc

.DEFAULT_GOAL := help
.PHONY: help demo test check format bench ci clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

demo: $(VENV)/.demo ## Send one message through every vendor, with no account
	@$(BIN)/python examples/demo.py

test: $(VENV)/.dev ## Run the test suite
	$(BIN)/pytest -q

check: $(VENV)/.dev ## Lint, types and the import law
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev ## Measure speed, as ratios in one run
	$(BIN)/python tests/benchmarks/run.py

ci: check test ## What CI runs

clean: ## Remove what the other targets made
	rm -rf $(VENV) .airflow .pyc .bench .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache ulak.egg-info

# pip's warnings about how it builds say nothing to whoever installs; its errors are still shown.
INSTALL := $(BIN)/python -m pip install -qq --constraint constraints.txt

$(VENV)/.pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Ulak needs Python 3.11 or newer: make PYTHON=...")'
	@echo "Installing into $(VENV) (once, a minute or two) ..."
	@$(PYTHON) -m venv $(VENV)
	@# Dependency groups came with pip 25.1.
	@$(INSTALL) --upgrade pip
	@touch $@

$(VENV)/.demo: pyproject.toml constraints.txt | $(VENV)/.pip
	@$(INSTALL) --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.demo
	@$(INSTALL) --group test --group check
	@touch $@
