"""Zips that several tests inspect; each is built once per process."""

from __future__ import annotations

from pathlib import Path

import pytest

from build_package.build import Package, build
from support.lambda_runtime import lambda_python, runtime_libraries
from support.project import ROOT
from tools.checkouts import copy_checkout


@pytest.fixture(scope="session")
def compiled_package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return build(tmp_path_factory.mktemp("compiled"), root=ROOT, python=lambda_python())


@pytest.fixture(scope="session")
def sources_package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return build(tmp_path_factory.mktemp("sources"), root=ROOT, compiled=False)


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return runtime_libraries(tmp_path_factory.mktemp("runtime") / "libraries")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return copy_checkout(tmp_path / "checkout")
