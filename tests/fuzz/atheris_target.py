"""One target under atheris, a coverage-guided fuzzer: `make fuzz` runs this in a process for each.

https://github.com/google/atheris; what stands on the command line behind the target's name is libFuzzer's:
https://llvm.org/docs/LibFuzzer.html#options
"""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random

import atheris

sys.path.insert(0, str(Path(__file__).parents[1]))

# Only the product's modules count as new ground: what is interesting is where an input leads there.
with atheris.instrument_imports(include=["image_pinner"]):
    from fuzz.targets import PLANTED, TARGETS

_BY_STRUCTURE = 0.5


def main() -> None:
    """Run the target that the first argument names until the time is up, or until something breaks."""
    target = PLANTED if sys.argv[1] == PLANTED.name else TARGETS[sys.argv[1]]

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        random = Random(seed)
        if random.random() < _BY_STRUCTURE:
            return target.mutate(data, random)[:most]
        return atheris.Mutate(data, most)

    atheris.Setup([sys.argv[0], *sys.argv[2:]], target.run, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
