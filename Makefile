# What can be done here; `make` alone lists it. It needs Python 3.11 or newer and nothing else.
#
# PYTHON chooses the Python, ARGS what is passed on to pytest:  make test PYTHON=python3.13 ARGS="-k reference"

PYTHON ?= python3
VENV ?= .venv
DEMO_VENV ?= .venv-demo
FUZZ_VENV ?= .venv-fuzz
DOCS_VENV ?= .venv-docs
ARGS ?=
# How many tests run at once. Many wait for servers, so that one more than there are processors does no harm.
WORKERS ?= auto
# For each target of the fuzzer; the same seed tries the same inputs.
FUZZ_SECONDS ?= 10
FUZZ_SEED ?= 1

BIN := $(VENV)/bin
# Set by `make test-all`: nothing is left out. `make test` runs samples of the slowest tests, and none of tests/e2e.
ALL_TESTS ?=
export ALL_TESTS
# Part of the whole run only: a part of the tests covers a part of the core.
COVERAGE = $(if $(ARGS),,--cov --cov-report=term:skip-covered)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-all check golden docs bench fuzz package lock clean

help: ## List what can be done here
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16

demo: $(DEMO_VENV)/.installed ## Show the main job on an AWS that runs in the process: no account, no network
	@$(DEMO_VENV)/bin/image-pinner demo
	@printf '%s\n' 'In this checkout the command is $(DEMO_VENV)/bin/image-pinner.'

test: $(VENV)/.installed ## Run the tests in minutes, and print what was skipped and why: samples of the slowest ones
	$(BIN)/pytest -q -n $(WORKERS) --dist worksteal $(COVERAGE) $(if $(ALL_TESTS)$(ARGS),,--ignore=tests/e2e) $(ARGS)

test-all: ## Run all tests that this machine can run
	@$(MAKE) --no-print-directory test ALL_TESTS=1

check: $(VENV)/.installed ## Check format, lint, types, import contracts and documents
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/pytest -q -n auto tests/architecture tests/docs

golden: $(VENV)/.installed ## Write golden files and generated parts of documents anew; look at the difference
	UPDATE_GOLDEN=1 $(BIN)/pytest -q tests/golden tests/docs tests/registry_faults

docs: $(DOCS_VENV)/.locked ## Build the documentation site in build/site; a broken link or anchor is an error
	NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/mkdocs build --strict --clean

bench: $(VENV)/.installed ## Measure speed, as ratios that hold on any machine
	$(BIN)/python tests/benchmarks/run.py

fuzz: $(FUZZ_VENV)/.installed ## Look for inputs that break what reads strangers' texts; FUZZ_SECONDS is for each target
	$(FUZZ_VENV)/bin/python tests/fuzz/run.py --seconds $(FUZZ_SECONDS) --seed $(FUZZ_SEED) $(ARGS)

package: $(VENV)/.installed ## Build the Lambda's zip in dist; ARGS="--python python3.13" chooses the Python that compiles it
	$(BIN)/python tools/build_package --output dist $(ARGS)

lock: $(VENV)/.locked ## Lock the dependencies of pyproject.toml with hashes; UPGRADE=1 takes the newest
	$(LOCK) $(OF_PROJECT) --all-extras --group dev -o requirements/dev.txt
	$(LOCK) $(OF_PROJECT) --extra demo --group build -c requirements/dev.txt -o requirements/demo.txt
	$(LOCK) $(OF_PROJECT) -c requirements/dev.txt -o requirements/lambda.txt
	$(LOCK) $(OF_PROJECT) --group fuzz -c requirements/dev.txt -o requirements/fuzz.txt
	$(LOCK) --universal --python-version 3.11 --group docs -c requirements/dev.txt -o requirements/docs.txt
	$(LOCK) $(OF_ENGINE) tests/e2e/requirements.in -o tests/e2e/requirements.txt
	$(LOCK) $(OF_ENGINE) tests/e2e/requirements-ministack.in -o tests/e2e/requirements-ministack.txt
	$(LOCK) $(OF_ENGINE) tests/e2e/requirements-sam.in -o tests/e2e/requirements-sam.txt

clean: ## Remove everything that was made here: environments, caches, results
	rm -rf .venv .venv-* build dist .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find macro tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

# The locks name no registry: where packages come from is the business of the machine. They keep extras: pip before 23.3
# takes what `name[extra]` needs for a package of its own, and then the newest instead of the one that is locked.
LOCK = $(BIN)/uv pip compile --quiet --generate-hashes --no-header --no-annotate --no-emit-index-url \
	--no-emit-find-links --no-strip-extras $(if $(UPGRADE),--upgrade)
OF_PROJECT = --universal --python-version 3.11 pyproject.toml
# What the engine of the end-to-end tests needs cannot be had for other Pythons than that of the Lambda.
OF_ENGINE = --python-version 3.13 --python-platform linux

# An environment is made once, and filled again when its lock has changed. Every package is checked against its hash,
# and none is built: what builds the project itself is in the lock too.
$(VENV)/.locked: requirements/dev.txt
$(DEMO_VENV)/.locked: requirements/demo.txt
$(FUZZ_VENV)/.locked: requirements/fuzz.txt
$(DOCS_VENV)/.locked: requirements/docs.txt
$(FUZZ_VENV)/.locked: CHECK_MORE = $(CHECK_FUZZER)
%/.locked:
	@$(CHECK_PYTHON)
	@$(CHECK_MORE)
	@echo 'Preparing $* from $<, once; this can take a minute …'
	@$(PYTHON) -m venv $* || { echo '$(NO_VENV)' >&2; exit 1; }
	@$*/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r $<
	@touch $@

%/.installed: %/.locked pyproject.toml
	@$*/bin/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation -e .
	@touch $@

.PRECIOUS: %/.locked %/.installed

NO_VENV = $(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv
OLD = ImagePinner needs Python 3.11 or newer, and $(PYTHON) is %d.%d. Choose another: make $(MAKECMDGOALS) PYTHON=python3.12
define CHECK_PYTHON
command -v $(PYTHON) >/dev/null || { echo 'There is no $(PYTHON) here. Choose another: make $(MAKECMDGOALS) PYTHON=…' >&2; exit 1; }; \
$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("$(OLD)" % sys.version_info[:2])'
endef

# What https://github.com/google/atheris has built in the versions of the lock.
NO_FUZZER = The fuzzer is built for CPython 3.11 to 3.14 on Linux x86_64, and $(PYTHON) is none. Choose another: make fuzz PYTHON=python3.11
define CHECK_FUZZER
$(PYTHON) -c 'import platform, sys; (sys.implementation.name, sys.platform, platform.machine()) == ("cpython", "linux", "x86_64") \
and (3, 11) <= sys.version_info[:2] <= (3, 14) or sys.exit("$(NO_FUZZER)")'
endef
