# make help lists what there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install -q --use-pep517 --disable-pip-version-check

.PHONY: help demo test oracle lint bench bench-month-end
help: ## List what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

demo: $(VENV)/.run ## The product, running, with demonstration data
	@exec $(BIN)/python -m insurance demo

test: $(VENV)/.dev ## The whole suite, browser tests included
	@$(BIN)/python -m tests.browser.find
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

HISTORIES ?= 2000
oracle: $(VENV)/.dev ## HISTORIES of policies, and a fifth as many of claims, other ones each time, compared with a second hand's model
	HISTORIES=$(HISTORIES) $(BIN)/python -m pytest -q tests/oracle $(ARGS)
	HISTORIES=200 $(BIN)/python -m pytest -q -m by_chance $(ARGS)

lint: $(VENV)/.dev ## Style, types, import contracts, templates
	$(BIN)/ruff check insurance tests migrations
	$(BIN)/ruff format --check insurance tests
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m insurance.web.template_lint

bench: $(VENV)/.dev ## Speed, as ratios in one run
	@$(BIN)/python -m insurance.bench $(ARGS)

POLICIES ?= 1000000
bench-month-end: $(VENV)/.dev ## A month-end over POLICIES policies, beside the bare SQL of its rows
	@$(BIN)/python -m insurance.bench.month_end --policies $(POLICIES) $(ARGS)

$(VENV)/.run: requirements.txt
	@echo "Installing what the product needs into $(VENV), once: $$(grep -c == requirements.txt) packages, one or two minutes …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@began=$$(date +%s); $(INSTALL) -r requirements.txt && $(INSTALL) --no-deps -e . \
	  && echo "Installed in $$(($$(date +%s) - began)) s."
	@touch $@

$(VENV)/.dev: requirements.txt requirements-dev.txt tests/api/typescript/package-lock.json
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(INSTALL) -r requirements-dev.txt
	@$(INSTALL) --no-deps -e .
	@$(BIN)/python -m tests.api.node
	@touch $@ $(VENV)/.run
