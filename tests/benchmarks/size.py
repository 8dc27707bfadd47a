"""How large the code is, and how much of it is code, docstrings and comments: `make size`."""

from __future__ import annotations

import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_PACKAGE = _ROOT / "macro" / "image_pinner"
# What a reviewer reads to trust the function in an account.
_FUNCTION = ("core", "sources", "lambda_macro", "settings.py", "pinning.py", "assembly.py", "registry_assembly.py")
_LAYOUT = {tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING, tokenize.ENDMARKER}
KINDS = ("code", "docstring", "comment", "blank")


def figures() -> Iterator[str]:
    """Yield a line for the function, for everything in `macro/` and for `tools/`."""
    parts = {
        f"function ({', '.join(_FUNCTION)})": [_PACKAGE / name for name in _FUNCTION],
        "macro/ as a whole": [_ROOT / "macro"],
        "tools/": [_ROOT / "tools"],
    }
    for name, folders in parts.items():
        modules = [path for folder in folders for path in _modules(folder)]
        if modules:
            yield _describe(name, modules)


def count_lines(path: Path) -> Counter[str]:
    """Count the lines of a module by `KINDS`.

    A line with code and a comment is code. A string that is a statement of its own is a docstring, which includes those
    that describe variables.
    """
    with path.open("rb") as file:
        tokens = [token for token in tokenize.tokenize(file.readline) if token.type != tokenize.NL]
    kinds: dict[int, str] = {}
    starts_statement = True
    for token, following in zip(tokens, [*tokens[1:], tokens[-1]], strict=True):
        if token.type == tokenize.COMMENT:
            kinds.setdefault(token.start[0], "comment")
        elif token.type in _LAYOUT:
            starts_statement = True
        else:
            alone = starts_statement and token.type == tokenize.STRING and following.type == tokenize.NEWLINE
            for line in range(token.start[0], token.end[0] + 1):
                kinds[line] = "docstring" if alone else "code"
            starts_statement = False
    counted = Counter(kinds.values())
    counted["blank"] = len(path.read_text("utf-8").splitlines()) - counted.total()
    return counted


def _modules(folder: Path) -> Iterable[Path]:
    if not folder.exists():
        raise FileNotFoundError(folder)
    return [folder] if folder.is_file() else sorted(folder.rglob("*.py"))


def _describe(name: str, modules: Iterable[Path]) -> str:
    sizes = {path: count_lines(path) for path in modules}
    counted = sum(sizes.values(), Counter[str]())
    longest = max(sizes, key=lambda path: sizes[path].total())
    shares = ", ".join(f"{counted[kind] / counted.total():.0%} {kind}" for kind in KINDS)
    return (
        f"size of {name}: {len(sizes)} modules, {counted.total():,} lines: {shares}; "
        f"longest {longest.relative_to(_ROOT)} ({sizes[longest].total()} lines)"
    )


if __name__ == "__main__":
    for figure in figures():
        print(figure)  # noqa: T201 - printing is its purpose
