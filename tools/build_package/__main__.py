"""Build the zip of the Lambda function: `make package`, or this folder with any Python 3.11 that has the lock.

python tools/build_package --output dist [--python python3.13 | --no-compile]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# The zip is built from this checkout, even if another version is installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "macro"))

from build_package.build import build
from build_package.compiler import VERSION
from image_pinner.core.errors import ImagePinnerError

FAILED = 2
_ROOT = Path(__file__).resolve().parents[2]
_SLOW = "the zip has no compiled files: a cold start takes about 0.7 s instead of 0.3 s"


def main() -> int:
    """Parse the arguments, build, and print what was written."""
    parser = argparse.ArgumentParser(prog="build_package", description="Build the zip of the Lambda function.")
    parser.add_argument("--output", type=Path, default=Path("dist"), help="folder to write to (default: %(default)s)")
    parser.add_argument("--python", help=f"CPython {VERSION} that compiles (default: the first one found)")
    parser.add_argument("--no-compile", action="store_true", help="add no compiled files; cold starts are slower")
    arguments = parser.parse_args()
    try:
        package = build(arguments.output, root=_ROOT, python=arguments.python, compiled=not arguments.no_compile)
    except ImagePinnerError as error:
        sys.stderr.write(f"error: {error.cause}\nhelp: {error.help}\n")
        return FAILED
    if arguments.no_compile:
        sys.stderr.write(f"warning: {_SLOW}\n")
    elif not package.compiled_by:
        sys.stderr.write(
            f"warning: CPython {VERSION} not found, so {_SLOW}\n"
            f"help: install it (uv python install {VERSION}, pyenv install {VERSION}, or your system's package manager)"
            " or pass --python\n"
        )
    sys.stdout.write(
        f"{package.path}: {package.size:,} bytes, sha256 {package.sha256}\n"
        f"{package.path.with_suffix('.json')}: versions and hashes of its contents\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
