"""Names say what a thing is: no module is a place for what has no place."""

from __future__ import annotations

import pytest

from support.project import project_files

FORBIDDEN = {"base", "common", "helper", "helpers", "manager", "managers", "misc", "shared", "util", "utils"}


def _says_nothing(path: str) -> bool:
    return not FORBIDDEN.isdisjoint(path.removesuffix(".py").split("/"))


@pytest.mark.parametrize("path", ["macro/image_pinner/utils.py", "macro/image_pinner/common/ecr.py", "tests/base.py"])
def test_a_name_that_says_nothing_is_found(path: str) -> None:
    assert _says_nothing(path)


def test_no_module_or_folder_has_a_name_that_says_nothing() -> None:
    names = [name for name in project_files() if name.endswith(".py")]
    assert names
    assert [name for name in names if _says_nothing(name)] == []
