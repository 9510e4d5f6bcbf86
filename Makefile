# `make demo` and `make test` are all a newcomer needs; both create .venv and install into it.
.PHONY: install demo test bench bench-commands catalogue chaos lint lock schemas clean
PYTHON ?= $(firstword $(foreach p,python3.13 python3.12 python3.11 python3,$(shell $(p) -c 'import sys; sys.version_info[:2] in ((3,11),(3,12),(3,13)) and print("$(p)")' 2>/dev/null)))
VENV := .venv
BIN := $(VENV)/bin
BENCH := .cache/bench

install: $(VENV)/.installed

$(VENV)/.installed: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "killcord needs Python 3.11, 3.12 or 3.13: install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@echo "installing into $(VENV) with $(PYTHON) ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: install
	@$(BIN)/killcord demo $(ARGS)

test: install
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest $(ARGS)

lint: install
	$(BIN)/ruff check --fix .
	$(BIN)/mypy

# Everything side by side; writes docs/performance.md, but not from a --quick run. What it is measured beside is
# installed apart; without it the rest is measured all the same.
bench: install
	@$(MAKE) --no-print-directory bench-install || echo "not everything to measure beside could be installed; going on" >&2
	@$(BIN)/python -m benchmarks $(if $(findstring --quick,$(ARGS)),,--save) $(ARGS)

# What is flagged of collections of shell commands, and what a verdict costs: ARGS='--list nl2bash' shows them.
bench-commands: install
	@$(BIN)/python -m benchmarks.commands $(ARGS)

bench-install: $(BENCH)/.installed

$(BENCH)/.installed: requirements-bench.lock
	@$(BIN)/python -m venv --clear $(BENCH)
	@$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock
	@touch $@

# Runaway loops: what is told and what is left alone, beside rules that others use; docs/quality.md keeps the table.
bench-loops: install
	@$(BIN)/python -m benchmarks.loops $(ARGS)

# make soak MINUTES=60: runs that come and go; fails where memory, tables, tasks, files or label sets grow.
soak: install
	@$(BIN)/python -m benchmarks.soak --minutes $(or $(MINUTES),10) $(ARGS)

# Workers, brokers and the network between them are broken while agents work; a short part of it is in `make test`.
chaos: install
	$(BIN)/python -m tests.chaos $(ARGS)

# What agents and consumers are written against: JSON Schemas and the AsyncAPI document, from the types.
schemas: install
	$(BIN)/python -m monitor.schemas

# The page of what is known of programs, from the catalogue.
catalogue: install
	@$(BIN)/killcord catalogue page > docs/catalogue.md

lock:
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --extra monitor --group dev \
	  --python-version 3.11 pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --group bench \
	  --python-version 3.11 -o requirements-bench.lock

clean:
	rm -rf $(VENV) .cache build *.egg-info
