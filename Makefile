# `make run` and `make test` set everything up in .venv first; PYTHON=python3.12 chooses another interpreter.
PYTHON ?= python3
BIN := .venv/bin
# Both names: newer pips read the second one for the build's own environment.
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_BUILD_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Two OpenMP threads on small layers are slower than one beside anything else that runs.
TEST_ENV := OMP_NUM_THREADS=1

# Each test is one thread; two at a time halve the wait on the smallest machine. In the order they are collected in, for the
# files that take longest come first there.
PARALLEL := -n 2 --dist loadgroup --no-loadscope-reorder

.PHONY: run test test-long check bench format docs

run: .venv/.installed
	@$(BIN)/lora-tui demo

test: .venv/.installed-test
	$(TEST_ENV) $(BIN)/python -m pytest $(PARALLEL) -m "not long"

test-long: .venv/.installed-test
	$(TEST_ENV) $(BIN)/python -m pytest $(PARALLEL)

check: .venv/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.installed-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv/.installed
	$(BIN)/python -m trainer.errors_page > docs/errors.md

# Parts to measure, such as ONLY="ui real"; none means all. As many threads as a bake would have.
ONLY ?=
bench: .venv/.installed-test
	$(BIN)/python tests/benchmarks/bench.py $(ONLY)

.venv/.made:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "lora-tui needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; say make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	@touch $@

.venv/.installed: .venv/.made pyproject.toml constraints.txt
	@echo "setting up .venv (once; torch is large)"
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

.venv/.installed-test: .venv/.installed
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $@
