"""The script that `compiler` runs in the Lambda's Python: reads sources from stdin, writes compiled files to stdout.

    python3.13 -I -S -B -X no_debug_ranges bytecode.py

It imports nothing of this project. Its output depends only on the sources and on the version of Python: version 2 of
marshal writes no references, whose positions depend on what else the process holds
(https://github.com/python/cpython/issues/78274).
"""

from __future__ import annotations

import ast
import base64
import importlib.util
import json
import marshal
import sys

ROOT = "/var/task/"
"""Where the Lambda has the files; tracebacks show this path."""
STRIPPED = ("image_pinner/", "urllib3/")
"""The modules without docstrings and annotations of functions. The docstrings of jsonpath-ng are its grammar."""
_MARSHAL_VERSION = 2
# Hash-based and unchecked: all dates in the zip are the same, and the source is never read.
# https://peps.python.org/pep-0552/#specification
_UNCHECKED = (1).to_bytes(4, "little")


def compile_module(path: str, source: bytes) -> bytes:
    """Return the bytes of the `.pyc` of a module; `path` is its path in the zip."""
    tree = ast.parse(source)
    if path.startswith(STRIPPED):
        _remove_docstrings(tree)
        _remove_annotations(tree)
    code = compile(tree, ROOT + path, "exec", dont_inherit=True)
    header = importlib.util.MAGIC_NUMBER + _UNCHECKED + importlib.util.source_hash(source)
    return header + marshal.dumps(code, _MARSHAL_VERSION)


def _remove_docstrings(tree: ast.Module) -> None:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if ast.get_docstring(node, clean=False) is None:
            continue
        first = node.body.pop(0)
        if isinstance(node, ast.ClassDef):
            # For a class without a docstring, `dataclass` writes one, which takes longer than to load it.
            node.body.insert(0, ast.copy_location(ast.Expr(ast.copy_location(ast.Constant(" "), first)), first))
        elif not node.body:
            node.body.append(ast.copy_location(ast.Pass(), first))


def _remove_annotations(tree: ast.Module) -> None:
    """Remove those of functions, which nothing reads: they are a twentieth of our compiled files."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None


def main() -> None:
    """Compile a JSON object of sources by path; bytes are in base64."""
    sources: dict[str, str] = json.load(sys.stdin)
    compiled = {path: compile_module(path, base64.b64decode(source)) for path, source in sources.items()}
    json.dump({path: base64.b64encode(data).decode() for path, data in compiled.items()}, sys.stdout)


if __name__ == "__main__":
    main()
