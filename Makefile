# `make run` and `make test` set everything up in .venv first; PYTHON=python3.12 chooses another interpreter.
PYTHON ?= python3
BIN := .venv/bin
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# The build backend comes from .venv, so that installing changed sources again needs no network.
INSTALL = $(BIN)/python -m pip install --quiet --no-build-isolation
# With their folders, whose time changes when a file goes.
SOURCES = $(shell find lora_tui trainer themes -not -path '*/__pycache__*')

# .venv holds either a copy of the package (`run`) or a link to these sources (`test`). Each of the two marks takes the other's
# place and names the folder it was made in: after a move the link and the scripts in .venv lead to a folder that is gone.
COPY := .venv/.installed-copy
LINK := .venv/.installed-link
$(shell for mark in $(COPY) $(LINK); do [ "$$(cat $$mark 2>/dev/null)" = "$(CURDIR)" ] || rm -f $$mark; done)

# Two OpenMP threads on small layers are slower than one beside anything else that runs; and every program that the tests start
# reads the bytecode that the first one wrote, where the environment would have it written by none.
TEST_ENV := OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=

# Each test is one thread that waits for programs and clocks for a third of its time: three keep two cores busy. In the order they
# are collected in, for the files that take longest come first there.
PARALLEL := -n 3 --dist loadgroup --no-loadscope-reorder

.PHONY: run test test-long check bench fuzz format docs screens

run: $(COPY)
	@$(BIN)/lora-tui demo

test: $(LINK)
	$(TEST_ENV) $(BIN)/python -m pytest $(PARALLEL) -m "not long"

# Hypothesis tries its usual hundred examples here, and forty in `make test`.
test-long: $(LINK)
	$(TEST_ENV) $(BIN)/python -m pytest $(PARALLEL) --hypothesis-profile thorough

check: $(LINK)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/python $(BIN)/lint-imports

format: $(LINK)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The screens as text in tests/terminal/screens/__snapshots__, as they are now.
screens: $(LINK)
	$(TEST_ENV) $(BIN)/python -m pytest -n0 tests/terminal/screens/test_every_screen.py -k are_kept --update-screens

docs: $(LINK)
	$(BIN)/python docs/errors_page.py > docs/errors.md
	$(BIN)/python docs/checks_page.py > docs/checks.md
	$(BIN)/python docs/filter_page.py > docs/filter.md
	$(BIN)/python docs/importing_page.py > docs/importing.md
	$(BIN)/python docs/ladders_page.py > docs/ladders.md
	$(BIN)/python docs/measures_page.py > docs/measures.md
	$(BIN)/python docs/advice_page.py > docs/advice.md
	$(BIN)/python docs/settings_page.py > docs/settings.md
	$(BIN)/python docs/curves_page.py > docs/curves.md
	$(BIN)/python docs/keys_page.py > docs/keys.md
	$(BIN)/python docs/glossary_page.py > docs/glossary.md
	$(BIN)/python docs/conventions_page.py > docs/conventions.md
	$(BIN)/python docs/first_bake_page.py > docs/first-bake.md
	$(BIN)/python docs/screens_page.py docs/screens
	$(BIN)/lora-tui man > docs/lora-tui.1

# Parts to measure, such as ONLY="ui real"; none means all. As many threads as a bake would have. BASE names a commit and SD_SCRIPTS a checkout
# of sd-scripts with its venv, whose steps are taken in turns with these, and CASES a part of the names of those that are.
ONLY ?=
BASE ?=
SD_SCRIPTS ?=
CASES ?=
bench: $(LINK)
	$(BIN)/python tests/benchmarks/bench.py --base "$(BASE)" --sd-scripts "$(SD_SCRIPTS)" --cases "$(CASES)" $(ONLY)

# Kinds of files, such as KINDS="settings theme"; none means all, with every setting. The figures go to docs/benchmarks.md.
KINDS ?=
fuzz: $(LINK)
	$(TEST_ENV) $(BIN)/python tests/fuzz/fuzz_table.py $(KINDS)

# A mark of its own name, so that a .venv made before the build tools came into it gets them.
.venv/.ready: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "lora-tui needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; say make PYTHON=python3.12")'
	@echo "setting up .venv (once; torch is large)"
	$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet hatchling editables
	@touch $@

$(COPY): .venv/.ready pyproject.toml README.md $(SOURCES)
	$(INSTALL) .
	@rm -f $(LINK); echo "$(CURDIR)" > $@

$(LINK): .venv/.ready pyproject.toml
	$(INSTALL) --editable '.[test]'
	@rm -f $(COPY); echo "$(CURDIR)" > $@
