"""The compiler, as a program of its own that the Lambda's Python runs: sources come in, compiled files go out.

    python3.13 -I -S -B -X no_debug_ranges bytecode.py

It runs isolated, so it sees nothing of this package. Its output depends on the sources and on the version of Python
alone: marshal's version 2 writes no references, and where those stand depends on what else the process holds
(https://github.com/python/cpython/issues/78274).
"""

from __future__ import annotations

import base64
import importlib.util
import json
import marshal
import sys

ROOT = "/var/task/"
"""Where the Lambda has the files, and what tracebacks name."""
_MARSHAL_VERSION = 2
# Hash-based and unchecked: dates are all the same in the zip, and the source is never looked at.
# https://peps.python.org/pep-0552/#specification
_UNCHECKED = (1).to_bytes(4, "little")


def compiled(path: str, source: bytes) -> bytes:
    """Compile a module.

    Args:
        path: Its path in the zip.
        source: Its text.

    Returns:
        The bytes of its `.pyc`.
    """
    code = compile(source, ROOT + path, "exec", dont_inherit=True)
    header = importlib.util.MAGIC_NUMBER + _UNCHECKED + importlib.util.source_hash(source)
    return header + marshal.dumps(code, _MARSHAL_VERSION)


def main() -> None:
    """Read sources by path as JSON, and write what they compile to; bytes are in base64."""
    sources: dict[str, str] = json.load(sys.stdin)
    done = {path: compiled(path, base64.b64decode(source)) for path, source in sources.items()}
    json.dump({path: base64.b64encode(data).decode() for path, data in done.items()}, sys.stdout)


if __name__ == "__main__":
    main()
