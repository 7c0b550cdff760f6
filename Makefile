# The index of tasks: `make` alone lists them. Everything that a task needs is installed inside this folder first
# (.bootstrap/, .venv/), and only when something changed; a machine needs python3 (3.11 or newer), git and make.

.DEFAULT_GOAL := help
SHELL := /bin/sh

ARGS ?=
SEED ?= 1
SECONDS ?= 120

VENV := .venv/bin
UV := UV_PROJECT_ENVIRONMENT=.venv UV_PYTHON_DOWNLOADS=never UV_SYSTEM_CERTS=1 UV_COMPILE_BYTECODE=1 .bootstrap/bin/uv

# What the installed package is built from. Python modules are used in place, so they are not part of it. Folders are
# listed too: their date changes when a file is removed.
PACKAGE := pyproject.toml uv.lock hatch_build.py scripts/website.py \
	$(shell find website -mindepth 1 \( -name node_modules -o -name '.?*' ! -name .npmrc \) -prune -o -print)

# Two cores are what a small machine has. Tests of the browser and of real processes wait more than they compute.
TEST_WORKERS ?= 2
PYTEST := $(VENV)/pytest -n $(TEST_WORKERS) --dist worksteal

##@ Use

.PHONY: run
run: .venv/.installed-run ## Server, one worker and the examples; pass arguments: make run ARGS="--data D --port P --no-browser"
	@exec $(VENV)/orchestra up $(ARGS)

##@ Test

.PHONY: test
test: .venv/.installed-dev ## The whole suite: Python, website, linters, browser
	@$(PYTEST) $(ARGS)

.PHONY: test-unit test-contract test-simulation test-integration test-chaos test-browser test-tidy
test-unit: .venv/.installed-dev ## Domain and wire, without input or output; seconds
	@$(VENV)/pytest tests/unit $(ARGS)
test-contract: .venv/.installed-dev ## One suite for each implementation of storage
	@$(PYTEST) tests/contract $(ARGS)
test-simulation: .venv/.installed-dev ## Seeded worlds with faults, and their checkers
	@$(PYTEST) tests/simulation $(ARGS)
test-integration: .venv/.installed-dev ## Real processes, sockets, signals, PostgreSQL
	@$(PYTEST) tests/integration $(ARGS)
test-chaos: .venv/.installed-dev ## One minute of `make chaos`, and its checker
	@$(PYTEST) tests/chaos $(ARGS)
test-browser: .venv/.installed-dev ## The website in real Chromium
	@$(PYTEST) tests/browser $(ARGS)
test-tidy: .venv/.installed-dev ## The code as data: layers, names, linters, the website's unit tests
	@$(PYTEST) tests/tidy $(ARGS)

.PHONY: fuzz-api
fuzz-api: .venv/.installed-dev ## At least 20,000 generated requests over the whole API: make fuzz-api ARGS="--seed 7 --user viewer"
	@$(VENV)/python -m tests.fuzz $(ARGS)

.PHONY: fuzz-templates
fuzz-templates: .venv/.installed-dev ## 100,000 templates against an oracle: make fuzz-templates ARGS="SEED COUNT"
	@$(VENV)/python tests/fuzz/templates.py $(ARGS)

.PHONY: cron-oracle
cron-oracle: .venv/.installed-dev ## Firing times against asking every minute, in all time zones: make cron-oracle ARGS="SEED COUNT"
	@PYTHONPATH=tests $(VENV)/python -m fuzz.cron $(ARGS)

.PHONY: fresh
fresh: ## Clones HEAD into a temporary folder and runs its whole suite there with a bare PATH and an empty home
	@sh scripts/fresh.sh $(or $(TASK),test)

.PHONY: simulate simulate-many
simulate: .venv/.installed-dev ## Replays one simulated world as a transcript: make simulate SEED=7
	@$(VENV)/python -m tests.simulation --seed $(SEED) $(ARGS)
simulate-many: .venv/.installed-dev ## Explores seeds until stopped
	@$(VENV)/python -m tests.simulation --many $(ARGS)

.PHONY: mutants
mutants: .venv/.installed-dev ## Plants a fault after the other into the program; each must be caught within 1,000 worlds
	@$(VENV)/python -m tests.simulation --mutants $(ARGS)

.PHONY: chaos
chaos: .venv/.installed-dev ## Real processes under real faults: make chaos SECONDS=1800 SEED=7 ARGS="--database sqlite"
	@$(VENV)/python -m tests.chaos --seconds $(SECONDS) --seed $(SEED) $(ARGS)

.PHONY: bench
bench: .venv/.installed-dev ## Prints the benchmark table
	@$(VENV)/python -m tests.bench $(ARGS)

.PHONY: timing
timing: .venv/.installed-dev ## Whether the time of a refused sign-in tells who exists: make timing ARGS="--attempts 200"
	@$(VENV)/python -m tests.bench.sign_in_timing $(ARGS)

##@ Work on the code

.PHONY: check
check: .venv/.installed-dev ## Linters, types, layers; for Python and the website
	$(VENV)/ruff check
	$(VENV)/ruff format --check
	$(VENV)/mypy
	$(VENV)/lint-imports --no-logo
	$(VENV)/python scripts/website.py npm run --silent lint

.PHONY: format
format: .venv/.installed-dev ## Formats Python and the website, and mends what linters can mend
	$(VENV)/ruff check --fix --exit-zero
	$(VENV)/ruff format
	$(VENV)/python scripts/website.py npm run --silent format

.PHONY: website website-dev
website: .venv/.installed-dev ## Builds the website into the package, if its sources changed
	@$(VENV)/python scripts/website.py build
website-dev: .venv/.installed-dev ## The website with hot reload, against a server on port 8300
	@$(VENV)/python scripts/website.py npm run dev

.PHONY: client
client: .venv/.installed-dev ## Makes the synchronous client of the asynchronous one
	@$(VENV)/python scripts/synchronous_client.py

.PHONY: docs
docs: .venv/.installed-dev ## Generates the parts of the documentation that come from code
	@$(VENV)/python scripts/docs.py

.PHONY: build
build: .bootstrap/.ready ## Source distribution and wheel in dist/, website included
	$(UV) build

.PHONY: clean
clean: ## Removes what tasks have made, installed tools and packages included
	rm -rf .bootstrap .venv dist build website/node_modules src/orchestra/website_dist
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help
help:
	@awk 'BEGIN {FS = ":.*## "} \
		/^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' Makefile

# Stamps: when they are newer than what they depend on, nothing is called at all.

.bootstrap/.ready: scripts/bootstrap.py
	@sh scripts/bootstrap.sh
	@touch $@

# Where the built website was removed by hand, uv still has the package built before and would not build it again.
BUILT := test -f src/orchestra/website_dist/index.html || $(UV) sync --frozen --quiet --inexact --reinstall-package orchestra

# Compiled once, here: where Python may not write bytecode by itself, each start would compile a second's worth of it.
COMPILED := $(VENV)/python -m compileall -q src/orchestra

# Whoever only wants to run it needs no test tools; --inexact leaves them where a test has installed them.
.venv/.installed-run: .bootstrap/.ready $(PACKAGE)
	@echo "make: installing into .venv (the first time takes a minute)" >&2
	@$(UV) sync --frozen --quiet --no-dev --inexact
	@$(BUILT) --no-dev
	@$(COMPILED)
	@touch $@

.venv/.installed-dev: .bootstrap/.ready $(PACKAGE)
	@echo "make: installing into .venv (the first time takes a minute)" >&2
	@$(UV) sync --frozen --quiet
	@$(BUILT)
	@$(COMPILED)
	@touch $@ .venv/.installed-run
