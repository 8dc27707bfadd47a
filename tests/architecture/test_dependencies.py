"""Every dependency that users install is imported by a shipped module, and the default installation is the CLI."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions

import pytest

from support.project import ROOT, modules

IMPORT_NAMES = {"jsonpath-ng": "jsonpath_ng", "cfn-flip": "cfn_flip", "PyYAML": "yaml", "cfn-lint": "cfnlint"}
"""Import names of distributions that differ from their names."""
NOT_IMPORTED = {
    "flask": "moto's server imports it",
    "flask-cors": "moto's server imports it",
}


PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = PYPROJECT["project"]
EXTRAS = PROJECT["optional-dependencies"]
LAMBDA = PYPROJECT["dependency-groups"]["lambda"]
OTHERS = ("macro/image_pinner/cli/demo/", "macro/image_pinner/cfn_lint.py", "tools/")
"""What needs more than the default installation."""


def _names(requirements: Iterable[str]) -> set[str]:
    names = [re.match(r"[A-Za-z0-9._-]+", requirement) for requirement in requirements]
    return {name[0] for name in names if name}


def _dependencies() -> set[str]:
    return _names([*PROJECT["dependencies"], *(requirement for listed in EXTRAS.values() for requirement in listed)])


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


def test_the_default_installation_has_all_that_the_cli_imports() -> None:
    imported = set().union(*(_imports(module.tree) for module in modules() if not module.path.startswith(OTHERS)))
    foreign = imported - set(sys.stdlib_module_names) - {"image_pinner"}
    distributions = {name for package in foreign for name in packages_distributions()[package]}

    # boto3 requires botocore and jmespath, and without certifi the certificates of the system are used.
    assert distributions - {"botocore", "jmespath", "certifi"} <= _names(PROJECT["dependencies"])


def test_the_lock_of_the_lambda_has_its_libraries_and_none_of_the_cli() -> None:
    locked = _names((ROOT / "requirements/lambda.txt").read_text("utf-8").splitlines())

    assert _names(LAMBDA) <= locked
    assert not locked & (_names(PROJECT["dependencies"]) - _names(LAMBDA))
