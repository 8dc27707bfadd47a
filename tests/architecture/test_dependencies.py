"""Every dependency that users install is imported by a shipped module."""

from __future__ import annotations

import ast
import re
import tomllib

import pytest

from support.project import ROOT, modules

IMPORT_NAMES = {"jsonpath-ng": "jsonpath_ng", "cfn-flip": "cfn_flip", "PyYAML": "yaml", "cfn-lint": "cfnlint"}
"""Import names of distributions that differ from their names."""
NOT_IMPORTED = {
    "flask": "moto's server imports it",
    "flask-cors": "moto's server imports it",
    "cfn-lint": "users run the program cfn-lint on templates with markers; this extra has the version that was tested",
}


def _dependencies() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    requirements = [*project["dependencies"], *(requirement for listed in extras.values() for requirement in listed)]
    names = [re.match(r"[A-Za-z0-9._-]+", requirement) for requirement in requirements]
    return {name[0] for name in names if name} - {project["name"]}


def _imports(source: ast.AST) -> set[str]:
    """Return the top-level names of all imports, wherever they are."""
    found: set[str] = set()
    for node in ast.walk(source):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


def _is_imported(name: str) -> bool:
    return any(IMPORT_NAMES.get(name, name) in _imports(module.tree) for module in modules())


def test_imports_inside_functions_are_found() -> None:
    source = "import a.b\nfrom c.d import e\ndef f():\n    import g\n"
    assert _imports(ast.parse(source)) == {"a", "c", "g"}


def test_all_lists_of_dependencies_are_read() -> None:
    assert {"boto3", "cfn-flip", "moto", "cfn-lint"} <= _dependencies()


@pytest.mark.parametrize("name", sorted(_dependencies() - set(NOT_IMPORTED)))
def test_a_dependency_is_imported(name: str) -> None:
    assert _is_imported(name)


@pytest.mark.parametrize("name", sorted(NOT_IMPORTED))
def test_a_dependency_with_a_reason_is_declared_and_not_imported(name: str) -> None:
    assert name in _dependencies()
    assert not _is_imported(name)
