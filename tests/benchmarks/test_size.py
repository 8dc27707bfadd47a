"""Lines are counted by what they contain."""

from __future__ import annotations

from pathlib import Path

from benchmarks.size import KINDS, count_lines, figures

MODULE = '''"""A module

with three lines."""

# A comment.
NAME = "value"  # code too
"""A variable."""


def run(text: str) -> str:
    """Return a string."""
    """Not the first statement."""
    text = (
        # Within an expression.
        "continued"
        "on two lines"
    )
    return f"""{text}
    """  # noqa: X
'''


def test_lines_are_counted_by_kind(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(MODULE)

    counted = count_lines(module)

    assert {kind: counted[kind] for kind in KINDS} == {"code": 8, "docstring": 6, "comment": 2, "blank": 3}
    assert counted.total() == len(MODULE.splitlines())


def test_an_empty_module_has_no_lines(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.touch()

    assert count_lines(module).total() == 0


def test_the_size_of_the_function_and_of_the_package_is_printed() -> None:
    function, package = list(figures())[:2]

    assert function.startswith("size of function (core, ")
    assert package.startswith("size of macro/ as a whole: ")
