"""The tests' folders mirror something real, so that people find the tests of what they change."""

from __future__ import annotations

from pathlib import Path

from architecture.project_files import PACKAGE, ROOT

TESTS = ROOT / "tests"
KINDS = {
    "architecture": "what holds for the project as a whole",
    "benchmarks": "speed, as ratios",
    "contract": "what every source of answers keeps",
    "corpus": "hundreds of real templates, from one end to the other",
    "deploy": "the template that installs the macro",
    "docs": "documents that cannot lie",
    "edge_cases": "what bit other tools, item by item",
    "e2e": "the program as users run it",
    "fuzz": "what strangers send, whatever it is",
    "golden": "templates and events with the answers that were agreed on",
    "property": "what holds for all inputs, made up and real",
    "registry": "against a registry that others wrote",
    "registry_faults": "registries that break, and what a person sees of it",
    "registry_fakes": "registries of ours, for several kinds of tests",
    "unit": "one module at a time; mirrors the package",
}


def _folders(under: Path) -> list[Path]:
    return [path for path in sorted(under.rglob("*")) if path.is_dir() and "__pycache__" not in path.parts]


def test_every_folder_of_tests_is_of_a_known_kind() -> None:
    kinds = {
        path.name for path in TESTS.iterdir() if path.is_dir() and path.name != "__pycache__" and any(path.iterdir())
    }
    assert kinds <= set(KINDS)


def test_unit_tests_mirror_the_package() -> None:
    unit = TESTS / "unit"
    folders = [path.relative_to(unit) for path in _folders(unit)]
    assert folders
    assert [str(folder) for folder in folders if not (PACKAGE / folder).is_dir()] == []


def test_every_package_of_the_product_is_described() -> None:
    for path in [PACKAGE, *_folders(PACKAGE)]:
        assert (path / "__init__.py").is_file(), f"{path} is no package, so its data would not be found when installed"
