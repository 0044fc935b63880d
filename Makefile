# podwire needs Python 3.11 or newer and nothing else: what the targets use is installed into .venv.

VENV   := .venv
BIN    := $(VENV)/bin
STAMPS := $(VENV)/stamps

# What `make demo` shows.
DEMO ?= examples/three-modes/run.py demo.pcapng

# `make test MARKERS="slow or oracle"`, `make test PYTEST="-k arp -n 0"`
MARKERS ?= not slow and not benchmark
PYTEST  ?=

# The first Python on the PATH that is new enough; `make PYTHON=…` names another.
IS_NEW  := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON  ?= $(firstword $(foreach python,python3 python3.14 python3.13 python3.12 python3.11,\
             $(if $(call succeeds,$(python) -c '$(IS_NEW)'),$(python))))

succeeds = $(filter yes,$(shell { $(1); } >/dev/null 2>&1 && echo yes))
# $(error) prints its one line, and no other comes after it.
require  = $(if $(call succeeds,$(1)),,$(error $(2)))

PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check
FAILED = || { echo 'podwire: pip could not install $(1): is a package index reachable?' >&2; exit 1; }

# Two installations into one environment at a time would break it (make -j).
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help demo test lint types docs clean

help: ## list the targets
	@awk -F ':.* ## ' '/^[a-z]+:.* ## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(STAMPS)/run ## show one ping under three modes side by side, and write it to demo.pcapng
	$(BIN)/python $(DEMO)

test: $(STAMPS)/test ## run the tests
	$(BIN)/python -m pytest -n auto -m "$(MARKERS)" $(PYTEST)

lint: $(STAMPS)/lint ## check style, format and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

types: $(STAMPS)/lint ## check the types
	$(BIN)/mypy

docs: $(STAMPS)/docs ## build the documentation into docs/_build/html
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet docs docs/_build/html

clean: ## remove whatever make has made
	rm -rf $(VENV) docs/_build dist demo.pcapng .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pip 25.1 is the first that reads dependency groups.
# A stamp says that an installation is complete; a change of pyproject.toml makes it incomplete.

$(STAMPS)/venv:
	$(call require,[ -n "$(PYTHON)" ],podwire needs Python 3.11 or newer and none is on the PATH: install it or name it with PYTHON=/path/to/python3)
	$(call require,$(PYTHON) -c '',podwire needs Python 3.11 or newer and $(PYTHON) does not run: name another with PYTHON=/path/to/python3)
	$(call require,$(PYTHON) -c '$(IS_NEW)',podwire needs Python 3.11 or newer and $(PYTHON) is older: name another with PYTHON=/path/to/python3)
	$(call require,$(PYTHON) -c 'import ensurepip; import venv',podwire needs the venv module of $(PYTHON): apt install python3-venv)
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --upgrade 'pip>=25.1' $(call FAILED,pip 25.1 or newer)
	@mkdir -p $(@D) && touch $@

$(STAMPS)/run: $(STAMPS)/venv pyproject.toml
	@$(PIP) --editable '.[cli]' $(call FAILED,podwire and what it imports)
	@touch $@

$(STAMPS)/test $(STAMPS)/lint $(STAMPS)/docs: $(STAMPS)/run
	@$(PIP) --group $(@F) $(call FAILED,the dependency group $(@F))
	@touch $@
