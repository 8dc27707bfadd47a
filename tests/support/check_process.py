"""Run `check` in a process of its own, to measure its processor time and peak memory.

Run as a program, it reads paths, checks them, and prints the result as JSON.
"""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TESTS = Path(__file__).parents[1]
_SECONDS = 100


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run costs.

    Args:
        code: The exit code.
        seconds: Processor time.
        parsing: Processor time of parsing the same files: JSON by the standard library, and YAML with CloudFormation's
            tags by PyYAML's C parser.
        megabytes: The peak memory of the process.
        output: The size of the output in bytes.
    """

    code: int
    seconds: float
    parsing: float
    megabytes: float
    output: int


def measure(*paths: str) -> Measured:
    """Check files or directories and return what it costs."""
    command = [sys.executable, "-m", "support.check_process", *paths]
    finished = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_SECONDS, cwd=_TESTS)
    return Measured(**json.loads(finished.stdout))


def _main(paths: Sequence[str]) -> None:
    from image_pinner.cli.discovery import find_templates  # noqa: PLC0415 - only in the process that is measured
    from image_pinner.cli.main import main  # noqa: PLC0415
    from support.memory import peak  # noqa: PLC0415

    output, code = io.TextIOWrapper(io.BytesIO(), "utf-8"), -1
    began = time.process_time()
    with contextlib.redirect_stdout(output):
        try:
            main(["check", "--workers", "1", *paths])
        except SystemExit as end:
            code = int(end.code or 0)
    seconds, megabytes = time.process_time() - began, peak()
    parsing = _parse([Path(file.path).read_bytes() for file in find_templates(paths).files])
    size = output.buffer.tell()
    print(json.dumps({"code": code, "seconds": seconds, "parsing": parsing, "megabytes": megabytes, "output": size}))  # noqa: T201 - the parent process reads it


def _parse(contents: Sequence[bytes]) -> float:
    import yaml  # noqa: PLC0415

    class Loader(yaml.CSafeLoader):
        pass

    def construct(loader: Any, suffix: str, node: yaml.Node) -> dict[str, Any]:
        kinds = {yaml.ScalarNode: "scalar", yaml.SequenceNode: "sequence", yaml.MappingNode: "mapping"}
        options = {} if isinstance(node, yaml.ScalarNode) else {"deep": True}
        return {suffix: getattr(loader, f"construct_{kinds[type(node)]}")(node, **options)}

    Loader.add_multi_constructor("!", construct)
    began = time.process_time()
    for data in contents:
        try:
            json.loads(data)
        except ValueError:
            with contextlib.suppress(yaml.YAMLError):
                yaml.load(data, Loader)
    return time.process_time() - began


if __name__ == "__main__":
    _main(sys.argv[1:])
