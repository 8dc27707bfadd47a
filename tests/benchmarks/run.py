"""Run all benchmarks: `make bench`.

Results are ratios of two measurements that alternate, so that they are comparable between machines.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parents[1]))

import checking_speed
import cold_start
import deployed_calls
import ecr_calls
import gate_calls
import many_tags
import package
import pinning_from_lock
import pinning_speed
import size
import worst_templates


def main() -> None:
    """Run them, and print a line for each result."""
    for benchmark in (
        pinning_speed,
        pinning_from_lock,
        checking_speed,
        cold_start,
        ecr_calls,
        gate_calls,
        deployed_calls,
        many_tags,
        package,
        worst_templates,
        size,
    ):
        for line in benchmark.figures():
            print(line, flush=True)  # noqa: T201 - printing is its purpose


if __name__ == "__main__":
    main()
