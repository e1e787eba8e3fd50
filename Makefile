# `make demo` and `make test` are the two commands; each does its own set-up and skips what is there.
# PYTHON=python3.12 picks the Python; SERVE=cpu|gpu|none the serving environment; YES=1 asks nothing.

PYTHON ?= python3
SERVE  ?= auto
BLOCKS ?=
PRICES ?=
FROM   ?=
PYTEST ?=
SETUP   = $(PYTHON) deploy/setup/setup.py $(if $(YES),--yes)
BIN     = .venv/bin
SOURCES = sentinel lab tests examples deploy/setup deploy/grafana docs

export NO_MKDOCS_2_WARNING = 1

.DEFAULT_GOAL := help
.PHONY: help setup check docs format test demo student generate lock clean bench-engines bench-memory
.PHONY: bench-backtest backtest-docs fresh-check ops-tools ops-check ops-drill promote-proof bench-crash bench-soak proofs safety

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup:  ## fetch and build what is missing: .venv, .venv-serve (vLLM), Anvil, contracts
	@$(SETUP) --serve $(SERVE)

check:  ## style, types, import rules, generated pages, links of the docs
	@$(SETUP) --dev
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python deploy/grafana/dashboards.py --check
	$(BIN)/python docs/generate.py --check
	$(BIN)/mkdocs build --strict

docs:  ## build the site of docs/ in build/site; every link and anchor is checked
	@$(SETUP) --dev
	$(BIN)/mkdocs build --strict

format:  ## let ruff put the style right
	@$(SETUP) --dev
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

ops-tools:
	@$(PYTHON) deploy/setup/debian.py

ops-check: setup check ops-tools  ## systemd, docker, Prometheus, Grafana, alerts, on Debian's own tools (as root)
	$(BIN)/python -m pytest tests/ops -m "not proof" $(PYTEST)

test: setup check  ## set up, check, and run every test (PYTEST='-k vote' to choose)
	@$(PYTHON) deploy/setup/debian.py --if-possible
	$(BIN)/python -m pytest -n 2 $(PYTEST)

safety: setup  ## the attacks alone, with a table of how they ended; six minutes
	@$(SETUP) --dev
	$(BIN)/python -m pytest -n 2 -m attack $(PYTEST)

proofs: setup check  ## the tests that take long
	$(BIN)/python -m pytest -m proof $(PYTEST)

fresh-check:  ## prove `make demo` and `make test` on an empty Debian 12; as root, an hour (PYTEST=tests/ops: those alone)
	@$(PYTHON) deploy/setup/fresh_check.py $(if $(BLOCKS),--blocks $(BLOCKS)) --pytest "$(PYTEST)" $(if $(KEEP),--keep)

# The words as they were typed: neither make nor the shell reads a dollar sign or a quotation mark in them.
export DEMO_ORDER := $(value ORDER)
demo: setup  ## trade on the local market until Ctrl-C (BLOCKS=60: that many blocks; ORDER='...': your own words; PRICES=, FROM=: docs/price-data.md)
	$(BIN)/sentinel demo $(if $(BLOCKS),--blocks $(BLOCKS)) $(if $(PRICES),--prices "$(PRICES)") \
		$(if $(FROM),--from "$(FROM)") $(if $(DEMO_ORDER),--order "$$DEMO_ORDER")

student: setup  ## train models/student again by models/student.toml; resumes
	$(BIN)/sentinel distill student

generate:  ## write anew what is made from the code: file tree, rooms, settings, metrics, dashboards
	@$(SETUP) --dev
	$(BIN)/python deploy/grafana/dashboards.py
	$(BIN)/python docs/generate.py

lock:  ## resolve requirements/*.txt anew from pyproject.toml (serving: by hand, see requirements/README.md)
	@$(SETUP) --dev
	$(PYTHON) deploy/setup/lock.py

clean:  ## remove the environments and caches of this checkout (not the user's cache)
	rm -rf .venv .venv-serve build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find sentinel tests deploy -name __pycache__ -type d -prune -exec rm -rf {} +

bench-engines: setup  ## both engines on 2,000 random candidates
	$(BIN)/sentinel bench engines --candidates 2000

bench-memory: setup  ## resident memory over 10,000 batches of candidates
	$(BIN)/sentinel bench memory --batches 10000

bench-crash: setup  ## 10,000 SIGKILLs of the send path, 200 of them of a whole `sentinel run`; chain against journal
	$(BIN)/sentinel bench crash --kills 10000 --exec 200

bench-soak: setup  ## the send path over 20,000 blocks with faults: memory, descriptors, database, log
	$(BIN)/sentinel bench soak --blocks 20000

bench-backtest: setup  ## cycles a second of a backtest on one core, and where the time goes
	$(BIN)/sentinel bench backtest

backtest-docs: setup  ## play lab/backtests/orders.txt on all given days (DAYS=folder) and write docs/backtest.md; an hour or two
	$(BIN)/python -m lab.backtests $(if $(DAYS),"$(DAYS)")

promote-proof: setup  ## one student promoted over another and back, all real: vLLM, local market, daemon; 15 minutes
	$(BIN)/sentinel bench promotion

ops-drill: setup ops-tools  ## 30 minutes of planned failures under a real Prometheus; writes docs/operations.md
	$(BIN)/sentinel bench operations --page docs/operations.md
