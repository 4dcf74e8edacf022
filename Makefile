# Everything a checkout needs: Python 3.11 to 3.13, make and git. `make` alone lists what there is.

# `.venv` is of the first Python that suits. One that is named, as in `make test PYTHON=python3.12`, is looked for among
# pyenv's too and gets an environment of its own, `.venv-3.12`, which is checked each time: the name may mean another by now.
ifeq ($(origin PYTHON),undefined)
PYTHON := $(firstword $(foreach python,python3 python3.13 python3.12 python3.11,$(shell \
	$(python) -c 'import sys, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
	&& echo $(python))) python3)
ENVIRONMENT := .venv
else
override PYTHON := $(or $(firstword $(foreach python,$(PYTHON) $(wildcard \
	$(or $(PYENV_ROOT),$(HOME)/.pyenv)/versions/*/bin/$(PYTHON)),$(shell $(python) -c '' 2>/dev/null \
	&& echo $(python)))),$(error $(PYTHON) does not run))
ENVIRONMENT := .venv-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
endif
VENV := $(ENVIRONMENT)/bin
STAMP := $(ENVIRONMENT)/.installed
# One worker more than processors: tests wait for servers 15 % of their time.
PYTEST_FLAGS := -n $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1))) --dist loadgroup
PYTEST := $(VENV)/python -m pytest $(PYTEST_FLAGS)
UV_COMPILE := $(VENV)/uv --no-config --quiet pip compile --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help install test pythons soak flakes lint format demo bench build docs lock clean always

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## Build .venv from requirements.lock (does nothing when it is current)

$(STAMP): requirements.lock pyproject.toml tools/install.py $(if $(filter-out .venv,$(ENVIRONMENT)),always)
	@$(PYTHON) tools/install.py $(ENVIRONMENT)

always:

test: install ## Lint, types, import contracts, then every test but those of make soak
	@$(VENV)/python tools/timed.py lint $(MAKE) --no-print-directory lint
	@$(VENV)/python tools/timed.py tests $(PYTEST) -m "not soak" $(PYTEST_ARGS)

pythons: ## make test on every supported Python that the PATH or pyenv has, and a table of what came out
	@$(PYTHON) tools/pythons.py $(PYTEST_ARGS)

soak: install ## What takes minutes: deaths at every step, a fresh install, ten times the examples
	@$(PYTEST) -m "soak or hypothesis" --hypothesis-profile=soak $(PYTEST_ARGS)

flakes: install ## The tests N times (10), also on one core and beside busy loops, and what failed how often
	@$(VENV)/python tools/flakes.py --runs $(or $(N),10) $(PYTEST_FLAGS) -m "not soak" $(PYTEST_ARGS)

lint: install ## Format check, lint, types, import contracts, banned phrases
	$(VENV)/ruff format --check --quiet
	$(VENV)/ruff check --quiet
	$(VENV)/mypy
	$(VENV)/lint-imports
	$(VENV)/python tools/style.py

format: install ## Format the code and fix what can be fixed
	$(VENV)/ruff format
	$(VENV)/ruff check --fix

demo: install ## The sales warehouse, end to end
	@PENSTOCK_PROJECT="$(CURDIR)/pipelines" $(VENV)/penstock demo

bench: install ## Measure against psql, results in benchmarks/RESULTS.md
	$(VENV)/python -m benchmarks

build: install ## A wheel and a source distribution in dist/, gallery included
	$(VENV)/python -m hatchling build

docs: install ## The documentation as a site in site/; warnings and addresses of other hosts are errors
	@$(VENV)/python tools/docs.py

lock: install ## Rebuild requirements.lock and requirements-docs.lock
	$(UV_COMPILE) pyproject.toml --all-extras --group dev $(LOCK_ARGS) --output-file requirements.lock
	$(UV_COMPILE) --group docs --constraint requirements.lock $(LOCK_ARGS) --output-file requirements-docs.lock

clean: ## Remove what tools left behind (.venv and .penstock stay)
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist site
	find src tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
