# Every target makes what it needs first: Python 3.11+ and make are enough.

PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3.14 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
MYPY_ROOMS := schemas ingest processors api sql local bench tests

.DEFAULT_GOAL := help
.PHONY: help up down status reset demo check test nightly pins parts venv

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: venv ## install and start everything (the first time takes two minutes)
	@$(BIN)/python -m local up

down: venv ## stop everything; the data stays
	@$(BIN)/python -m local down

status: venv ## what runs, and where
	@$(BIN)/python -m local status

reset: venv ## stop everything and delete the data
	@$(BIN)/python -m local reset

demo: venv ## see one photo and one batch travel the whole way
	@$(BIN)/python -m local.demo

check: venv ## linters, types, import contracts, SQL
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(MYPY_ROOMS)
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint sql

test: parts ## all tests but the nightly ones, on a stack of their own; WORKERS=2: on two, side by side
	@$(BIN)/pytest -q -m "not nightly" $(if $(WORKERS),-n $(WORKERS) --dist loadfile)

nightly: parts ## the long ones too
	@$(BIN)/pytest -q -m "nightly or not nightly"

# The stamp carries the lock's checksum: an unchanged lock costs one comparison, a changed one a sync.
venv:
	@[ -n "$(PYTHON)" ] || { echo "Darkroom needs Python 3.11 or newer; none found on PATH" >&2; exit 1; }
	@sum=$$(cksum < requirements-dev.lock); \
	if [ "$$sum" != "$$(cat .venv/stamp 2>/dev/null)" ]; then \
		echo "making .venv from requirements-dev.lock"; \
		[ -x $(BIN)/python ] || $(PYTHON) -m venv .venv || exit 1; \
		[ -x $(BIN)/uv ] || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r local/pins/uv.lock || exit 1; \
		$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements-dev.lock || exit 1; \
		printf '%s\n' "$$sum" > .venv/stamp; \
	fi

# The parts that the test stack will run: a minute or two the first time, about a second afterwards.
parts: venv
	@$(BIN)/python -m local install

pins: venv ## write the locks of local/pins anew
	@for part in uv kafka valkey s3 node; do $(BIN)/uv pip compile -q --universal --generate-hashes --no-header \
		--python-version 3.11 local/pins/$$part.in -o local/pins/$$part.lock || exit 1; done
	@$(BIN)/uv pip compile -q --universal --generate-hashes --no-header --python-version 3.13 \
		--override local/pins/bigquery.override local/pins/bigquery.in -o local/pins/bigquery.lock
