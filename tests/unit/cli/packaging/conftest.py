"""Packages that several tests look into; each is built once a process."""

from __future__ import annotations

from pathlib import Path

import pytest

from image_pinner.cli.packaging.build import Package, build_package
from support.lambda_runtime import lambda_python, runtime_libraries


@pytest.fixture(scope="session")
def compiled_package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return build_package(tmp_path_factory.mktemp("compiled"), python=lambda_python())


@pytest.fixture(scope="session")
def sources_package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return build_package(tmp_path_factory.mktemp("sources"), compiled=False)


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return runtime_libraries(tmp_path_factory.mktemp("runtime") / "libraries")
