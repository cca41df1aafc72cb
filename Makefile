# FieldOps: `make` lists what can be done here.
.DEFAULT_GOAL := help
.NOTPARALLEL:

# The Python that makes .venv; everything after that runs in .venv.
PYTHON ?= python3
RUN := .venv/bin/python

# Each check is announced by its title.
title = @printf '\n== %s ==\n' '$(1)'

.PHONY: help
help: ## List the targets
	@echo 'Usage: make TARGET'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-11s %s\n", $$1, $$2}' Makefile

.PHONY: demo
demo: ready-demo ## Prepare everything, play the sample day, serve until Ctrl-C
	@$(RUN) -m tests.journeys.demo

.PHONY: demo-once
demo-once: ready-demo ## The same, then exit: 0 when every check of the day held
	@$(RUN) -m tests.journeys.demo --once

.PHONY: demo-reset
demo-reset: python ## Stop the demo and remove its database and files
	@pid=$$(cat .fieldops/demo/lock 2>/dev/null); \
	if [ -n "$$pid" ] && grep -qs tests.journeys.demo "/proc/$$pid/cmdline"; then \
	  kill -TERM "$$pid"; \
	  for second in 1 2 3 4 5 6 7 8 9 10; do [ -d "/proc/$$pid" ] && sleep 1; done; \
	  echo 'The running demo was ended.'; \
	fi
	@$(PYTHON) -m fieldops.cluster destroy
	@rm -rf .fieldops/demo
	@test -z "$$DATABASE_URL" || echo 'The server of DATABASE_URL was left as it is.'

.PHONY: test
test: ready-dev ## Every check: format, lint, types, layers, tests
	$(call title,ruff: lint and format)
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	$(call title,mypy: types)
	@.venv/bin/mypy
	$(call title,import-linter: layers)
	@.venv/bin/lint-imports
	$(call title,pytest)
	@.venv/bin/pytest -n 2

.PHONY: lint
lint: ready-dev ## The quick checks alone: ruff, mypy, import-linter
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy
	@.venv/bin/lint-imports

.PHONY: format
format: ready-dev ## Lay out the code and repair what ruff can repair
	@.venv/bin/ruff check --fix
	@.venv/bin/ruff format

.PHONY: openapi
openapi: ready-dev ## Write openapi/ anew from the code
	@.venv/bin/fieldops openapi

.PHONY: migrate
migrate: ready-demo ## Bring the database of DATABASE_URL, else the demo's, to the newest schema
	@DATABASE_URL="$${DATABASE_URL:-$$($(RUN) -m fieldops.cluster start)}" .venv/bin/fieldops migrate

.PHONY: bench
bench: ready-dev ## Measure the hot requests and write docs/performance.md
	@$(RUN) -m bench

.PHONY: soak
soak: ready-dev ## Simulate sync with SEEDS=n random days (FROM=k), keep what fails
	@$(RUN) -m tests.simulation $(if $(REPLAY),--replay $(REPLAY),$(or $(SEEDS),300) --from $(or $(FROM),0))

.PHONY: mutants
mutants: ready-dev ## Break the sync engine in known ways; a test must notice each one
	@$(RUN) -m tests.mutants

.PHONY: clean
clean: ## Remove .venv and caches; the demo's data stays (see demo-reset)
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .schemathesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: ready-demo ready-dev python
ready-demo: python
	@$(PYTHON) -I fieldops/bootstrap.py demo
ready-dev: python
	@$(PYTHON) -I fieldops/bootstrap.py dev
python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo '$(PYTHON) is not installed. On Debian, as root: apt-get install python3 python3-venv'; \
	  exit 2; }
