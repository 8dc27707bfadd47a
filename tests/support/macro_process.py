"""Run the macro in a process of its own, to measure its peak memory and its processor time.

Run as a program, it reads the name of a template of `WORST_TEMPLATES` and prints the result as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

_TESTS = Path(__file__).parents[1]
_SECONDS = 100
DEADLINE = 30_000
"""Milliseconds that the macro has for a template."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a template costs.

    Args:
        status: That of the macro's response.
        message: Its error message, or empty.
        seconds: Processor time.
        megabytes: The peak memory above that of the process before.
        size: The size of the template in bytes.
    """

    status: str
    message: str
    seconds: float
    megabytes: float
    size: int


def measure(name: str) -> Measured:
    """Run the macro on one of `WORST_TEMPLATES` and return what it costs."""
    command = [sys.executable, "-m", "support.macro_process", name]
    finished = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_SECONDS, cwd=_TESTS)
    return Measured(**json.loads(finished.stdout))


def _main(name: str) -> None:
    from support.macro import Context, event_for, macro_in  # noqa: PLC0415 - only in the process that is measured
    from support.memory import peak, reset_peak  # noqa: PLC0415
    from support.worst_templates import WORST_TEMPLATES  # noqa: PLC0415

    # The limits of lookups would end most of them before they cost anything.
    limits = ("MAX_IMAGES", "MAX_REPOSITORIES", "MAX_REGISTRIES", "MAX_VALUES")
    environment = {f"IMAGE_PINNER_{name}": "10000" for name in limits}
    macro = macro_in(environment=environment)
    template = WORST_TEMPLATES[name]()
    size = len(json.dumps(template))
    event = json.loads(json.dumps(event_for(template)))
    macro.answer(event_for({"Resources": {}}), None)
    before, began = reset_peak(), time.process_time()
    response = macro.answer(event, Context(DEADLINE))
    seconds = time.process_time() - began
    found = Measured(response["status"], response.get("errorMessage", ""), seconds, peak() - before, size)
    sys.stdout.write(json.dumps({name: getattr(found, name) for name in Measured.__slots__}))


if __name__ == "__main__":
    _main(sys.argv[1])
