# Needs Python 3.11 or newer and make; everything else is installed into .venv.
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
PYTHON ?= $(shell for each in python3 python3.13 python3.12 python3.11; do \
	$$each -c '$(FITS)' 2>/dev/null && echo $$each && break; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SERVE ?= 1
# Test processes; each may start a PostgreSQL of its own.
JOBS ?= 2

.DEFAULT_GOAL := help
.PHONY: help install demo test check bench notebooks lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMP) ## Create .venv with everything pinned in requirements.lock

# With --no-deps, because the lock leaves out a CUDA library that training on a CPU never loads.
$(STAMP): requirements.lock pyproject.toml
	@$(or $(PYTHON),false) -c '$(FITS)' 2>/dev/null || { \
		echo "Echelon needs Python 3.11, 3.12 or 3.13, and $(or $(PYTHON),python3) is none of them." >&2; \
		echo "Name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || { $(PYTHON) -m venv $(VENV) || { \
		echo "Creating $(VENV) failed. On Debian and Ubuntu: apt-get install python3-venv" >&2; \
		rm -rf $(VENV); exit 1; }; }
	@if command -v uv >/dev/null 2>&1; then \
		echo "Installing from requirements.lock with uv ..."; \
		uv pip install --python $(BIN)/python --no-deps --require-hashes -r requirements.lock && \
		uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .; \
	else \
		echo "Installing from requirements.lock with pip; this takes a few minutes ..."; \
		$(BIN)/python -m pip install --disable-pip-version-check --no-deps --require-hashes -r requirements.lock && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .; \
	fi
	@touch $@

demo: install ## Sample data, models, tiers, then the server (SERVE=0: without it; ECHELON_PORT=8001)
	$(BIN)/echelon demo $(if $(filter 0,$(SERVE)),--no-serve)

test: install ## Run every test, on SQLite and on a PostgreSQL started for it
	$(BIN)/python -m api.web.build
	$(BIN)/python -m tests.client.install
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup $(PYTEST_ARGS)

check: install ## Check format, lint, types, the walls between parts and changes of the schema
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m api.schema_changes

bench: install ## Measure import, features, training, scoring and queries on the sample
	$(BIN)/python -m bench.sample

notebooks: install ## Run the notebooks from top to bottom
	$(BIN)/python -m pytest tests/ml/test_notebooks.py

lock: ## Pin all dependencies anew (needs uv)
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
		--no-emit-index-url --no-emit-find-links --generate-hashes \
		--no-emit-package nvidia-nccl-cu12 --no-emit-package nvidia-nccl-cu13 \
		--no-emit-package echelon --no-header --no-annotate -o requirements.lock

clean: ## Remove what was built and installed; the data in var/ stays
	rm -rf $(VENV) build dist *.egg-info api/web/static tests/client/node_modules \
		.mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find api ml tests bench migrations -name __pycache__ -type d -prune -exec rm -rf {} +
