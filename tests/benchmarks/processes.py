"""The environment of the processes that benchmarks start."""

from __future__ import annotations

import os
from pathlib import Path

_ROOT = Path(__file__).parents[2]


def environment() -> dict[str, str]:
    """Return an environment in which Python finds the package and keeps compiled modules, as if it was installed."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {
        **inherited,
        "PYTHONPATH": os.pathsep.join([str(_ROOT / "macro"), str(_ROOT / "tests")]),
        "PYTHONPYCACHEPREFIX": str(_ROOT / "build/pycache"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
