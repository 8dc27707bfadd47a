# ruff: noqa: INP001 - a program, no package
"""Build the Lambda's package and the template that installs it: `make package`, or this file with any Python 3.11.

python deploy/build.py --output dist [--python python3.13 | --no-compile]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# The package is made of this checkout, whatever else is installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "macro"))

from image_pinner.cli.packaging.build import build_distribution
from image_pinner.core.errors import ImagePinnerError

FAILED = 2


def main() -> int:
    """Read the arguments, build, and say what there is now."""
    parser = argparse.ArgumentParser(description="Build the Lambda's package and the template that installs it.")
    parser.add_argument("--output", type=Path, default=Path("dist"), help="the folder to write to (%(default)s)")
    parser.add_argument("--python", help="the Python 3.13 that compiles; without it one is looked for")
    parser.add_argument("--no-compile", action="store_true", help="add no compiled files: cold starts are slower")
    given = parser.parse_args()
    try:
        package = build_distribution(given.output, python=given.python, compiled=not given.no_compile)
    except ImagePinnerError as error:
        sys.stderr.write(f"{error.diagnostics()}\n")
        return FAILED
    if not package.compiled_by:
        sys.stderr.write("Without compiled files a cold start takes about 0.7 s instead of 0.3 s.\n")
    sys.stdout.write(
        f"{package.path}: {package.size:,} bytes, sha256 {package.sha256}\n"
        f"{given.output / 'CONTENTS.txt'}: what it holds\n"
        f"{given.output / 'macro.yaml'}: for aws cloudformation package --template-file\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
