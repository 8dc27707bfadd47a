# `make` lists the targets. They need Python 3.11 or newer and nothing else.
#
# PYTHON selects the Python, ARGS are arguments for pytest:  make test PYTHON=python3.13 ARGS="-k reference"

PYTHON ?= python3
VENV ?= .venv
DEMO_VENV ?= .venv-demo
FUZZ_VENV ?= .venv-fuzz
DOCS_VENV ?= .venv-docs
ARGS ?=
# Number of tests that run at once: one more than processors, because some wait for timeouts.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
# Per target of the fuzzer; the same seed generates the same inputs.
FUZZ_SECONDS ?= 10
FUZZ_SEED ?= 1

BIN := $(VENV)/bin
# Set by `make test-all` to run all tests. `make test` runs samples of the slowest tests, and none of tests/e2e.
ALL_TESTS ?=
export ALL_TESTS
# Options that measure coverage, which takes a quarter longer: `make test COVERAGE=--cov`. CI measures it.
COVERAGE ?=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-all lint check golden docs bench size fuzz package lock clean

help: ## List all targets with their purpose
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16

demo: $(DEMO_VENV)/.installed ## Run the macro against an in-process mock of AWS: no account, no network
	@$(DEMO_VENV)/bin/image-pinner demo
	@printf '%s\n' 'The command of this checkout is $(DEMO_VENV)/bin/image-pinner.'

test: $(VENV)/.installed ## Run the tests, only samples of the slowest ones, and print what was skipped and why
	$(BIN)/pytest -q -n $(WORKERS) --dist worksteal $(COVERAGE) $(if $(ALL_TESTS)$(ARGS),,--ignore=tests/e2e) $(ARGS)

test-all: ## Run all tests that this machine can run
	@$(MAKE) --no-print-directory test ALL_TESTS=1

lint: $(VENV)/.installed ## Check formatting, lint, types and import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

check: lint ## Check all that lint checks, and the documents
	$(BIN)/pytest -q -n auto tests/architecture tests/docs

golden: $(VENV)/.installed ## Regenerate golden files and generated parts of documents; review the diff
	UPDATE_GOLDEN=1 $(BIN)/pytest -q tests/golden tests/docs tests/registry_faults

docs: $(DOCS_VENV)/.locked ## Build the documentation site in build/site; a broken link or anchor is an error
	NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/mkdocs build --strict --clean

bench: $(VENV)/.installed ## Measure speed, as ratios that are comparable between machines
	$(BIN)/python tests/benchmarks/run.py

size: ## Count modules and lines, and the shares of code, docstrings and comments
	@$(PYTHON) tests/benchmarks/size.py

fuzz: $(FUZZ_VENV)/.installed ## Fuzz the parsers of untrusted input, FUZZ_SECONDS per target
	$(FUZZ_VENV)/bin/python tests/fuzz/run.py --seconds $(FUZZ_SECONDS) --seed $(FUZZ_SEED) $(ARGS)

package: $(VENV)/.installed ## Build the function's zip in dist; ARGS="--python python3.13" selects the compiling Python
	$(BIN)/python tools/build_package --output dist $(ARGS)

lock: $(VENV)/.locked ## Lock the dependencies of pyproject.toml with hashes; UPGRADE=1 upgrades them
	$(LOCK) $(OF_PROJECT) --all-extras --group dev -o requirements/dev.txt
	$(LOCK) $(OF_PROJECT) --extra demo --group build -c requirements/dev.txt -o requirements/demo.txt
	$(LOCK) $(UNIVERSAL) --group lambda -c requirements/dev.txt -o requirements/lambda.txt
	$(BIN)/python tools/build_package/lock_contents.py
	$(LOCK) $(UNIVERSAL) --group fuzz -c requirements/dev.txt -o requirements/fuzz.txt
	$(LOCK) $(UNIVERSAL) --group docs -c requirements/dev.txt -o requirements/docs.txt
	$(LOCK) $(OF_PROJECT) --group build -c requirements/dev.txt -o requirements/action.txt
	$(LOCK) $(UNIVERSAL) --group release -c requirements/dev.txt -o requirements/release.txt
	$(LOCK) $(OF_ENGINE) tests/e2e/requirements.in -o tests/e2e/requirements.txt
	$(LOCK) $(OF_ENGINE) tests/e2e/requirements-ministack.in -o tests/e2e/requirements-ministack.txt
	$(LOCK) $(OF_ENGINE) tests/e2e/requirements-sam.in -o tests/e2e/requirements-sam.txt

clean: ## Remove all build results, environments and caches
	rm -rf .venv .venv-* build dist .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find macro tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

# The lock files contain no registry, which is part of a machine's configuration. They keep extras: pip before 23.3 treats
# `name[extra]` as another package, and installs its newest version instead of the locked one.
LOCK = $(BIN)/uv pip compile --quiet --generate-hashes --no-header --no-annotate --no-emit-index-url \
	--no-emit-find-links --no-strip-extras $(if $(UPGRADE),--upgrade)
UNIVERSAL = --universal --python-version 3.11
OF_PROJECT = $(UNIVERSAL) pyproject.toml
# The dependencies of the engine for end-to-end tests exist only for the Python of the function.
OF_ENGINE = --python-version 3.13 --python-platform linux

# An environment is created once, and updated when its lock file changes. Every package is verified by its hash, and none
# is built from source; the build backend of the project is locked too.
$(VENV)/.locked: requirements/dev.txt
$(DEMO_VENV)/.locked: requirements/demo.txt
$(FUZZ_VENV)/.locked: requirements/fuzz.txt
$(DOCS_VENV)/.locked: requirements/docs.txt
$(FUZZ_VENV)/.locked: CHECK_MORE = $(CHECK_FUZZER)
%/.locked:
	@$(CHECK_PYTHON)
	@$(CHECK_MORE)
	@echo 'Creating $* from $< …'
	@$(PYTHON) -m venv $* || { echo '$(NO_VENV)' >&2; exit 1; }
	@$*/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r $<
	@touch $@

%/.installed: %/.locked pyproject.toml
	@$*/bin/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation -e .
	@touch $@

.PRECIOUS: %/.locked %/.installed

NO_VENV = error: $(PYTHON) cannot create virtual environments. help: on Debian and Ubuntu: apt-get install python3-venv
OLD = error: ImagePinner needs Python 3.11 or newer, and $(PYTHON) is %d.%d. help: make $(MAKECMDGOALS) PYTHON=python3.12
define CHECK_PYTHON
command -v $(PYTHON) >/dev/null || { echo 'error: $(PYTHON) is not installed. help: make $(MAKECMDGOALS) PYTHON=…' >&2; exit 1; }; \
$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("$(OLD)" % sys.version_info[:2])'
endef

# The platforms of the locked version of https://github.com/google/atheris.
NO_FUZZER = error: the fuzzer needs CPython 3.11 to 3.14 on Linux x86_64. help: make fuzz PYTHON=python3.11
define CHECK_FUZZER
$(PYTHON) -c 'import platform, sys; (sys.implementation.name, sys.platform, platform.machine()) == ("cpython", "linux", "x86_64") \
and (3, 11) <= sys.version_info[:2] <= (3, 14) or sys.exit("$(NO_FUZZER)")'
endef
