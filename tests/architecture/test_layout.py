"""The folders of tests: their kinds, what each may import, and that unit tests mirror the package."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from support.project import PACKAGE, ROOT

TESTS = ROOT / "tests"
SUPPORT = "support"
KINDS = {
    "architecture": "rules for the project as a whole",
    "benchmarks": "speed, as ratios",
    "contract": "rules that every source of digests or deployed images keeps",
    "corpus": "hundreds of real templates, end to end",
    "deploy": "the CloudFormation template that installs the macro",
    "docs": "generated and executed parts of the documentation",
    "adversary": "templates, registries and settings that attack the macro",
    "edge_cases": "bugs of other tools, one by one",
    "e2e": "the program as users run it, on a CloudFormation engine",
    "fuzz": "parsers of untrusted input, under a fuzzer",
    "golden": "templates and events with their reviewed results",
    "integrations": "what other tools load: hooks, the action, workflows",
    "property": "rules that hold for all inputs, generated and real",
    "registry": "against a real registry program",
    "registry_faults": "registries that fail, and the messages that users see",
    "tools": "the build of the function's zip and of the wheel; mirrors the folder tools",
    "unit": "one module at a time; mirrors the package",
    SUPPORT: "fakes, fixtures and templates that several kinds of tests use; no tests",
}


def _folders(under: Path) -> list[Path]:
    return [path for path in sorted(under.rglob("*")) if path.is_dir() and "__pycache__" not in path.parts]


def _foreign_imports(kind: str, source: str) -> list[str]:
    """Return the modules of other kinds that a module of `kind` imports, wherever the import is."""
    imported: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imported.append(node.module or "")
    foreign = KINDS.keys() - {kind, SUPPORT}
    return [name for name in imported if name.partition(".")[0] in foreign]


def test_every_folder_of_tests_is_a_known_kind() -> None:
    folders = [path for path in TESTS.iterdir() if path.is_dir() and path.name != "__pycache__"]
    assert {path.name for path in folders if any(path.iterdir())} <= set(KINDS)


@pytest.mark.parametrize(
    ("kind", "source", "expected"),
    [
        ("unit", "from golden.golden_cases import VALUES", ["golden.golden_cases"]),
        ("unit", "def late() -> None:\n    import registry.skopeo", ["registry.skopeo"]),
        ("unit", "import registry_faults", ["registry_faults"]),
        (SUPPORT, "from unit.conftest import x", ["unit.conftest"]),
        ("unit", "import docs_of_others\nfrom support.images import HEX\nfrom unit import conftest", []),
    ],
)
def test_imports_of_other_kinds_are_found(kind: str, source: str, expected: list[str]) -> None:
    assert _foreign_imports(kind, source) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_imports_only_its_own_folder_and_support(kind: str) -> None:
    found = {
        str(path.relative_to(TESTS)): foreign
        for path in (TESTS / kind).rglob("*.py")
        if (foreign := _foreign_imports(kind, path.read_text("utf-8")))
    }
    assert found == {}


def test_support_has_no_tests() -> None:
    assert list((TESTS / SUPPORT).rglob("test_*.py")) == []


def test_unit_tests_mirror_the_package() -> None:
    unit = TESTS / "unit"
    folders = [path.relative_to(unit) for path in _folders(unit)]
    assert folders
    assert [str(folder) for folder in folders if not (PACKAGE / folder).is_dir()] == []


def test_every_folder_of_the_package_is_a_package() -> None:
    for path in [PACKAGE, *_folders(PACKAGE)]:
        assert (path / "__init__.py").is_file(), (
            f"{path} has no __init__.py, so its data files would be missing from an installation"
        )
