# make demo      install and watch a whole day of a mall under its rules
# make test      install and run the tests that need no server, in some minutes
# make test-all  install and run all tests, on all databases
# make tables    write anew the tables and the parts of documents that follow the code
# make bench     install and run the benchmarks
# make check     lint, types, import contracts, docs

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-all tables bench check clean

demo: $(VENV)/.core
	$(BIN)/eldermall demo

test: $(VENV)/.dev
	ELDERMALL_TEST_QUICK=1 $(BIN)/python -m pytest -q -n auto --dist worksteal -m "not servers" $(ARGS)

test-all: $(VENV)/.servers
	$(BIN)/python -m pytest -q -n auto --dist worksteal $(ARGS)

tables: $(VENV)/.dev
	ELDERMALL_REWRITE_TABLES=1 $(BIN)/python -m pytest -q -k "printed_tables or test_the_page" \
	    tests/test_docs.py tests/test_cli.py tests/test_shops.py

bench: $(VENV)/.servers
	$(BIN)/python -m tests.benchmarks $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/mkdocs build --strict --quiet --site-dir build/site

$(VENV)/.core: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.core
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

$(VENV)/.servers: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[servers]'
	touch $@

clean:
	rm -rf $(VENV) build site
