"""All benchmarks, as ratios taken in one run: `make bench`.

A ratio compares two things that this machine did in turn, so it says the same on a fast machine and on a busy one.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parents[1]))

import cold_start
import ecr_calls
import many_tags
import package
import pinning_speed


def main() -> None:
    """Run them and print a line for each figure."""
    for benchmark in (pinning_speed, cold_start, ecr_calls, many_tags, package):
        for line in benchmark.figures():
            print(line, flush=True)  # noqa: T201 - printing is its purpose


if __name__ == "__main__":
    main()
