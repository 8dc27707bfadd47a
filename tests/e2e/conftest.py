"""Fixtures of the end-to-end tests: `engine` for CloudFormation with macros, `ministack` for ECR with real digests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from build_package.build import Package, build
from e2e.engine.cloudformation import Engine, engine_running
from e2e.engine.environment import ROOT, Environment, NoPythonError, prepare, prepare_sam
from e2e.engine.ministack import Ministack, ministack_running
from e2e.engine.processes import expect_loopback
from e2e.macro_stack import install
from e2e.stacks import Stacks

_SECONDS = 600
"""Timeout of a test in seconds; the first test also creates the environment."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "e2e: needs Python 3.13, the macro's, and a gigabyte for an AWS of its own")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("e2e"):
            item.add_marker(pytest.mark.timeout(_SECONDS))


@pytest.fixture(scope="session")
def environment() -> Environment:
    """The environment of the engine, created once on a machine."""
    if sys.platform != "linux":
        pytest.skip("the programs of the end-to-end tests are watched through /proc, which only Linux has")
    try:
        return prepare()
    except NoPythonError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def sam_command(environment: Environment) -> Path:
    """The `sam` command, whose environment is created once on a machine."""
    del environment  # It has the same requirements.
    return prepare_sam()


@pytest.fixture(scope="session")
def ministack(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ministack]:
    """ECR and ECS with real digests, for all tests of the run: use another repository in each test."""
    with ministack_running(environment, tmp_path_factory.mktemp("ministack")) as found:
        expect_loopback(found.running)
        yield found


@pytest.fixture(scope="session")
def running_engine(
    environment: Environment, ministack: Ministack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """The engine, for all tests of the run."""
    with engine_running(environment, ministack, tmp_path_factory.mktemp("engine")) as found:
        expect_loopback(found.running)
        yield found
        expect_loopback(found.running)


@pytest.fixture
def engine(running_engine: Engine) -> Iterator[Engine]:
    """The engine with nothing recorded yet; a response that the service would reject fails the test.

    A test that needs such an answer takes it with `engine.new_violations()`.
    """
    running_engine.calls.forget()
    running_engine.requests.forget()
    running_engine.new_violations()
    yield running_engine
    assert running_engine.new_violations() == []


@pytest.fixture(scope="session")
def package(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The zip of the function, as `make package` builds it."""
    return build(tmp_path_factory.mktemp("package"), root=ROOT, python=str(environment.function_python))


@pytest.fixture(scope="module")
def macro(running_engine: Engine) -> Iterator[None]:
    """The macro with its defaults, for the tests of a module."""
    install(running_engine)
    yield
    Stacks(running_engine).delete("image-pinner")
