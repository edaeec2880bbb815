# Everything a newcomer needs; each target prepares the machine first (quick when that was done before).
# All settings: PORT= HOST= RESET=1 INFO=FILE (demo), BENCH=name (bench), ARGS="…" (test).

SHELL := /bin/sh
PYTHON := .venv/bin/python
BOOTSTRAP := python3 district/embedded/bootstrap.py
PORT ?= 8000
HOST ?=
INFO ?=
RESET ?=
BENCH ?=
ARGS ?=
CODE := geo push district tests

.DEFAULT_GOAL := help
.PHONY: help demo test check format bench chaos

help: ## Show this
	@echo "make demo   run the product on this machine with a real district and walking shoppers"
	@echo "            PORT=8000  HOST=address or name for other machines  RESET=1 start anew  INFO=FILE for scripts"
	@echo "make test   the whole suite"
	@echo "make check  format, lint, types, import contracts, migrations"
	@echo "make format put the code into its format"
	@echo "make bench  the benchmarks; BENCH=name picks one"
	@echo "make chaos  kill -9 of every part of a running product, under load"

demo:
	@$(BOOTSTRAP) demo
	@DISTRICT_PORT='$(PORT)' $(if $(HOST),DISTRICT_HOST='$(HOST)') exec $(PYTHON) -m district demo $(if $(RESET),--reset) $(if $(INFO),--info '$(INFO)')

test:
	@$(BOOTSTRAP) test
	$(PYTHON) -m pytest -n 2 --dist loadscope -m "not chaos" $(ARGS)

check:
	@$(BOOTSTRAP) test
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	.venv/bin/lint-imports
	$(PYTHON) -m district.embedded.migration_check

format:
	@$(BOOTSTRAP) test
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .

bench:
	@$(BOOTSTRAP) test
	$(PYTHON) -m tests.benchmarks $(BENCH)

chaos:
	@$(BOOTSTRAP) test
	$(PYTHON) -m pytest -m chaos $(ARGS)
