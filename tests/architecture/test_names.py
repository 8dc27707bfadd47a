"""Names are specific: no module is called `utils` or similar."""

from __future__ import annotations

import pytest

from support.project import project_files

FORBIDDEN = {"base", "common", "helper", "helpers", "manager", "managers", "misc", "shared", "util", "utils"}


def _is_unspecific(path: str) -> bool:
    return not FORBIDDEN.isdisjoint(path.removesuffix(".py").split("/"))


@pytest.mark.parametrize("path", ["macro/image_pinner/utils.py", "macro/image_pinner/common/ecr.py", "tests/base.py"])
def test_unspecific_names_are_found(path: str) -> None:
    assert _is_unspecific(path)


def test_no_module_or_folder_has_an_unspecific_name() -> None:
    names = [name for name in project_files() if name.endswith(".py")]
    assert names
    assert [name for name in names if _is_unspecific(name)] == []
