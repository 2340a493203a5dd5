# Every target does all its own set-up: Python 3.11 or later, make and git are enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready-$(shell cksum requirements.lock pyproject.toml | cksum | cut -d' ' -f1)
# What the examples need, apart from what onewinner needs: an environment of their own, and Node's packages.
EXAMPLES := examples/.venv/.ready-$(shell cksum examples/requirements.lock | cut -d' ' -f1)
# What builds the pages of docs/, in an environment of its own.
DOCS := .venv-docs/.ready-$(shell cksum docs/requirements.lock | cut -d' ' -f1)
NODE := $(patsubst %,examples/%/node_modules/.package-lock.json,node_guarded_update node_idempotency_middleware)
# How many processes run the tests: two for a core, because many tests wait. A file's tests stay in one of them, in order.
TEST_WORKERS ?= 4
VERSIONS ?= 3.11 3.12 3.13 3.14
# Those that start no engine.
FAST_TESTS := tests/engine/target tests/reports/judge tests/reports/comparison tests/load/test_tally.py tests/onewinner/test_usage.py
PYTEST := $(BIN)/python -W error -m pytest
SPREAD := --numprocesses $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder
EXAMPLE_COMMANDS := example-flask example-flask-without-version example-django example-django-without-mixin \
	example-node example-node-unguarded example-route-per-edge example-fastapi example-fastapi-compared-in-python \
	example-graphql example-graphql-unguarded example-invitation example-invitation-looked-up \
	example-idempotency example-idempotency-any-tenant

# The tests start hundreds of programs, which are to find their modules compiled.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: dist test-fast test-matrix docs help gate test test-all check trophies format bench screenshots lock clean $(EXAMPLE_COMMANDS)
help:
	@echo "make gate      prove the reference engine: exactly one winner (about a minute)"
	@echo "make test      format check, lint, strict types, tests; warnings are errors (five minutes on two cores)"
	@echo "make test-all  the same, with whole series, and the tests that need more than Python"
	@echo "make example-flask, -django, -fastapi, -graphql, -idempotency, -invitation, -node, -route-per-edge: each proves an example; see examples/*/README.md"
	@echo "make trophies  races in released software, each on an affected and a fixed version; make trophy-NAME: one of trophies/"
	@echo "make bench     the benchmarks: ratios, taken in one run"
	@echo "make dist      the sdist and the wheel, in dist/"
	@echo "make test-matrix  the fast tests on each Python from 3.11 to 3.14 that is here"
	@echo "make docs      the pages of docs/ as a site in build/site, links checked"
	@echo "make screenshots  the report's pictures in docs/, of two runs made anew (needs Chromium)"
	@echo "make format    format and fix what can be fixed"
	@echo "make lock      resolve requirements.lock anew"

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "onewinner needs Python 3.11 or later; name one with: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 2; }
	rm -f $(VENV)/.ready-*
	test -x $(BIN)/python || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

gate: $(READY)
	$(BIN)/onewinner gate

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test: check
	$(PYTEST) $(SPREAD) -m "not needs and not exhaustive"

test-all: check $(EXAMPLES) $(NODE)
	$(PYTEST) $(SPREAD) -m "not needs"
	$(PYTEST) --numprocesses 2 --dist worksteal -m needs

$(EXAMPLES): examples/requirements.lock
	$(PYTHON) -m venv --clear examples/.venv
	examples/.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

$(NODE): examples/%/node_modules/.package-lock.json: examples/%/package-lock.json
	cd examples/$* && npm ci --silent --ignore-scripts
	@touch $@

# Each has a second target that lacks what decides the race, and fails.
example-flask: TARGET := flask_version_column/target.toml
example-flask-without-version: TARGET := flask_version_column/target_without_version.toml
example-django: TARGET := django_fsm/target.toml
example-django-without-mixin: TARGET := django_fsm/target_without_mixin.toml
example-node: TARGET := node_guarded_update/target.toml
example-node-unguarded: TARGET := node_guarded_update/target_unguarded.toml
example-idempotency: TARGET := node_idempotency_middleware/target.toml
example-idempotency-any-tenant: TARGET := node_idempotency_middleware/target_any_tenant.toml
example-route-per-edge: TARGET := route_per_edge/target.toml
example-fastapi: TARGET := fastapi_etag/target.toml
example-fastapi-compared-in-python: TARGET := fastapi_etag/target_compared_in_python.toml
example-graphql: TARGET := graphql_outcome_in_body/target.toml
example-graphql-unguarded: TARGET := graphql_outcome_in_body/target_unguarded.toml
example-invitation: TARGET := invitation_without_read/target.toml
example-invitation-looked-up: TARGET := invitation_without_read/target_looked_up.toml
$(EXAMPLE_COMMANDS): $(READY)
	$(BIN)/onewinner gate --target examples/$(TARGET)
example-flask example-flask-without-version example-django example-django-without-mixin example-fastapi \
	example-fastapi-compared-in-python example-graphql example-graphql-unguarded example-invitation \
	example-invitation-looked-up: $(EXAMPLES)
example-node example-node-unguarded example-idempotency example-idempotency-any-tenant: $(NODE)

trophies: $(READY)
	$(BIN)/python -m tools.trophies
trophy-%: $(READY)
	$(BIN)/python -m tools.trophies $*

bench: $(READY)
	$(BIN)/python -m benchmarks

# The fast tests on each Python that is here: format, lint and types are the same on all.
test-matrix:
	@for version in $(VERSIONS); do \
	  python$$version -c '' 2> /dev/null || { echo "python$$version: not here"; continue; }; \
	  echo "python$$version"; \
	  $(MAKE) --no-print-directory VENV=.venv-$$version PYTHON=python$$version test-fast || exit 1; \
	done

test-fast: $(READY)
	$(PYTEST) $(SPREAD) $(FAST_TESTS)

dist: $(READY)
	rm -rf dist
	$(BIN)/python -m hatchling build

# Strict: a link that leads nowhere is an error.
docs: $(DOCS)
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --strict --quiet

$(DOCS): docs/requirements.lock
	$(PYTHON) -m venv --clear .venv-docs
	.venv-docs/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

screenshots: $(READY)
	$(BIN)/python -m tools.screenshots

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(READY)
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --group dev --output-file requirements.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --output-file examples/requirements.lock examples/requirements.in
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --output-file docs/requirements.lock docs/requirements.in

clean:
	rm -rf $(VENV) .venv-docs .venv-3.* examples/.venv examples/node_*/node_modules trophies/*/.environments .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
