"""Time of a whole process that pins a template from a lock file, compared with importing its two libraries."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.processes import environment
from support.locks import entry, lock_data

PAIRS = 15
IMPORTS = ("-c", "import yaml, click")
PIN = ("-c", "from image_pinner.cli.main import main; main()", "pin")
_TEMPLATE = """\
Transform: ImagePinner
Resources:
  Web:
    Type: AWS::ECS::TaskDefinition
    Properties:
      ContainerDefinitions:
        - {Name: web, Image: "!PinDigest nginx:1.27"}
"""


def figures() -> Iterator[str]:
    """Measure pairs of new processes, and yield the result."""
    with tempfile.TemporaryDirectory() as folder:
        template, lock = Path(folder, "template.yaml"), Path(folder, "images.lock.json")
        template.write_text(_TEMPLATE)
        lock.write_bytes(lock_data(entry()))
        pin = (*PIN, str(template), "--lock", str(lock))
        for arguments in (IMPORTS, pin):
            _seconds(arguments, folder)
        ratios = [_seconds(pin, folder) / _seconds(IMPORTS, folder) for _ in range(PAIRS)]
    yield (
        f"pin from a lock file, 0 requests, {PAIRS} pairs of new processes: {statistics.median(ratios):.2f} times the "
        "processor time of `import yaml, click` (target: at most 2.5)"
    )


def _seconds(arguments: Sequence[str], folder: str) -> float:
    """Return the processor time of a process: other programs on the machine change it less than the time of a clock.

    It runs in a folder without a configuration file, which most checkouts do not have.
    """
    before = _used()
    subprocess.run([sys.executable, *arguments], check=True, env=environment(), capture_output=True, cwd=folder)
    return _used() - before


def _used() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
