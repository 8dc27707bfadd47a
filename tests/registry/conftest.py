"""The registry that most of these tests use: one for each module, over plain HTTP, with images of every shape."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from registry.pushed_images import push_all
from support.registry_program import DockerRegistry, docker_registry


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    with docker_registry(tmp_path_factory.mktemp("stocked"), in_memory=True) as registry:
        push_all(registry)
        yield registry
