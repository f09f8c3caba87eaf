# Every command sets up what it needs, is safe to run twice, and uses the network only the first time.
PYTHON ?= python3
CANDIDATES ?= python3.14 python3.13 python3.12 python3.11
VENV ?= .venv
CORE_VENV ?= .venv-core
DOCS_VENV ?= .venv-docs
HOST ?= localhost
PORT ?= 8888
VISITORS ?= 20
START ?= notebooks/00_start_here.ipynb
NOTEBOOKS ?=
PYTEST_ARGS ?=
# test files at a time; a file stays whole, as its tests share servers, pages and runs
JOBS ?= 2
PYTEST := -m pytest --numprocesses=$(JOBS) --dist=loadfile

BIN := $(VENV)/bin
READY := $(VENV)/.ready
CORE_READY := $(CORE_VENV)/.ready
DOCS_READY := $(DOCS_VENV)/.ready
PIP_FLAGS := -qq --disable-pip-version-check

# the tests that need torch, matplotlib, ipywidgets or the tools; `make core-test` runs all the others
NOT_CORE := montecarlo explorers browser notebooks project runs
CORE_IGNORES := $(foreach name,$(NOT_CORE),--ignore-glob='tests/test_$(name)*')

.PHONY: help lab app notebooks test lint format core-test docs clean
.DEFAULT_GOAL := help

help:
	@echo "make lab        set up everything and open JupyterLab at $(START)  (HOST=$(HOST) PORT=$(PORT))"
	@echo "make app        set up everything and serve the explorers as one page without code  (HOST=$(HOST) PORT=$(PORT) VISITORS=$(VISITORS))"
	@echo "make notebooks  run all notebooks, or NOTEBOOKS='01_lecture 05_hayes', and store them with their pictures; README too"
	@echo "make test       set up everything, then lint, type check and run the whole suite"
	@echo "make lint       ruff, mypy and the check that notebooks are stored as they ran"
	@echo "make format     let ruff put it right; where that changes a notebook, make notebooks"
	@echo "make core-test  the core's tests in an environment without torch, ipywidgets and matplotlib"
	@echo "make docs       the pages, the stored notebooks and the API as a site, in build/site; a broken link ends it"
	@echo "make clean      remove the environments, the site and all caches"
	@echo "PYTHON=python3.12 picks the interpreter (3.11 or newer); PYTEST_ARGS='-k cohen' is handed to pytest"

# picks an interpreter, says what is missing, and makes the environment $(1) with `pip install` arguments $(2) in time $(3)
define make_environment
	@python=; for name in "$(PYTHON)" $(CANDIDATES); do \
	  if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$name; break; fi; done; \
	if [ -z "$$python" ]; then echo "rsexplore needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Try: make PYTHON=/path/to/python3.12" >&2; exit 1; fi; \
	echo "setting up $(1) with $$($$python -V) ($(3))"; \
	[ -x $(1)/bin/pip ] || $$python -m venv --clear $(1) || { echo "could not make $(1): on Debian and Ubuntu install python3-venv" >&2; exit 1; }
	@$(1)/bin/pip install $(PIP_FLAGS) -c constraints.txt $(2)
	@touch $(1)/.ready
endef

$(READY): pyproject.toml constraints.txt
	$(call make_environment,$(VENV),-e '.[test]',a minute or two; 2 GB with torch)

$(CORE_READY): pyproject.toml constraints.txt
	$(call make_environment,$(CORE_VENV),-e '.[test-core]',half a minute)

$(DOCS_READY): pyproject.toml constraints.txt
	$(call make_environment,$(DOCS_VENV),-e '.[docs]',half a minute)

# opens a browser only where there is a screen; JupyterLab prints its address, with the token, in any case
lab: $(READY)
	@flags=; [ "$$(id -u)" != 0 ] || flags="--allow-root"; \
	if [ "$$(uname)" != Darwin ] && [ -z "$$DISPLAY$$WAYLAND_DISPLAY" ]; then \
	  flags="$$flags --no-browser"; echo "no display here: open the address with /lab/tree/$(START) that follows"; fi; \
	exec $(BIN)/jupyter lab $$flags --ip=$(HOST) --port=$(PORT) --ServerApp.root_dir="$(CURDIR)" \
	  --LabApp.default_url="/lab/tree/$(START)" --LabApp.news_url=None \
	  --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate --LabApp.extension_manager=readonly

app: $(READY)
	@exec $(BIN)/python -m rsexplore app --host=$(HOST) --port=$(PORT) --visitors=$(VISITORS)

notebooks: $(READY)
	$(BIN)/python tests/notebooks.py $(NOTEBOOKS)
	$(BIN)/python tests/gallery.py
	PYTHONPATH=notebooks $(BIN)/python tests/readme.py

test: lint
	@$(BIN)/python tests/chromium.py
	$(BIN)/python $(PYTEST) $(PYTEST_ARGS)

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python tests/notebooks.py --check

format: $(READY)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

core-test: $(CORE_READY)
	@$(CORE_VENV)/bin/python -c "from importlib.util import find_spec as f; \
	  heavy = [m for m in ('torch', 'ipywidgets', 'matplotlib') if f(m)]; \
	  assert not heavy, f'the core is to be tested without {heavy}: make clean, then again'"
	RSEXPLORE_REQUIRE_TORCH= $(CORE_VENV)/bin/python $(PYTEST) $(CORE_IGNORES) $(PYTEST_ARGS)

docs: $(DOCS_READY)
	@$(DOCS_VENV)/bin/sphinx-build -q -W --keep-going -c docs . build/site
	@echo "open build/site/docs/index.html: it needs no server and no network"

clean:
	rm -rf $(VENV) $(CORE_VENV) $(DOCS_VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
